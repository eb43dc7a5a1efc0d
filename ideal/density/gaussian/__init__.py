"""Gaussian densities: stationary, full and mixed, with noise that is known."""
