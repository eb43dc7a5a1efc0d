"""How much information measurements carry: bounds with intervals, comparisons, and what they tell of labels."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
