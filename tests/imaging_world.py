"""Small versions of every registered system, for tests that hold for all of them."""

import numpy as np

from ideal.imaging import make_system

TINY = {
    "color-filter-array": {"shape": (8, 8)},
    "lensless": {"scene_shape": (14, 13), "psf_shape": (6, 5)},
    "lensless-lenslets": {"scene_shape": (14, 13), "psf_shape": (8, 8)},
    "lensless-phase": {"scene_shape": (14, 14), "psf_shape": (6, 6)},
    "interferometer": {"shape": (8, 8), "interval": 7200.0},
    "led-microscope": {"shape": (16, 16)},
    "led-microscope-weak": {"shape": (16, 16)},
    "diffraction-limited": {"shape": (16,)},
}


def tiny(name):
    return make_system(name, **TINY[name])


def scenes_for(system, count, seed=0):
    """Random scenes of a system's kind, float64."""
    rng = np.random.default_rng(seed)
    scenes = rng.random((count, *system.scene.shape))
    return 0.3 * scenes if system.scene.kind == "transmission" else 10 * scenes
