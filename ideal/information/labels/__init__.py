"""What labelled measurements tell of their label: the information I(T;Y) between bounds."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
