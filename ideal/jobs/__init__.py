"""Jobs: pieces of work whose results are kept, done by processes of this machine, by Dask, or by the tasks of an array."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
