"""Which elements carry the information, and which only together: attribution of values to players and their interactions."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
