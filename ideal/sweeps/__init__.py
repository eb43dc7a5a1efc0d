"""Sweeps: every combination of systems, designs, light, objects and models measured, and laid out as one comparison."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
