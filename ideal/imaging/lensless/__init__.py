"""Lensless cameras: masks, lenslets, diffusers, phase masks and measured point spread functions."""
