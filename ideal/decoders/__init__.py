"""Decoders: what can be made of measurements, to see whether information predicts it.

    from ideal.decoders import DECODERS, Decoder

`DECODERS` lists them by name; each is a class with the contract `Decoder`: fit it to scenes with their measurements, then decode
others. `ideal.decode` does both for simulated measurements, and says how good the estimates are.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
