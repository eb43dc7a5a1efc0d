"""Cameras measured on the bench: from dark frames and flat fields to gain, read noise, maps and the noise of a sensor.

import ideal
camera = ideal.calibrate(dark="dark.npy", flat=["flat1.npy", "flat2.npy"])
ideal.estimate("captures.npy", camera=camera)
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
