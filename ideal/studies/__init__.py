"""Published results, made again on our own ground: data, systems, measurements, estimates, decoders, one figure and one table."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
