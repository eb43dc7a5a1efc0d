"""Objects and measurements to work on: bundled, generated, downloaded, or read from the folder named by IDEAL_DATA."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
