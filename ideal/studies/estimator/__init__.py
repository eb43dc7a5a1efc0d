"""Studies of the estimator itself: size of patches, number of measurements."""
