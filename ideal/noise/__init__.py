"""Noise models: what is known of a measurement Y when its noiseless mean X is known.

    from ideal.noise import NOISE, Poisson

`NOISE` lists them by name; each is one file of this folder, and `ideal.noise.contract` says what it must answer.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
