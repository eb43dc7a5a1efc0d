"""Study: lensless cameras."""
