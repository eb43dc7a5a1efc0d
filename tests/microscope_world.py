"""Microscopes and smooth objects that tests of both forms of the microscope share."""

import functools

import numpy as np

from ideal.imaging import make_system

SMALL = {"shape": (24, 20), "na": 0.25, "wavelength": 0.5, "magnification": 10.0, "camera_pixel": 4.0, "led_na": 0.35}
SMALL |= {"led_pitch": 4.0, "led_height": 32.0}
MODERATE = {"shape": (64, 64), "na": 0.4, "led_na": 0.7}  # 0.1725 um samples, 11 um


def smooth(seed, shape, rms, scale=2.0, channels=2):
    """Random periodic fields of a given r.m.s., (row, column, channel)."""
    rng = np.random.default_rng(seed)
    squared = np.fft.fftfreq(shape[0])[:, None] ** 2 + np.fft.fftfreq(shape[1]) ** 2
    low = np.exp(-2 * (np.pi * scale) ** 2 * squared)
    fields = [np.fft.ifft2(low * np.fft.fft2(rng.standard_normal(shape))).real for _ in range(channels)]
    return np.stack([rms * field / field.std() for field in fields], axis=-1)


@functools.cache
def moderate(name="led-microscope", **changes):
    """A system that tests share, and with it what has been compiled."""
    return make_system(name, **(MODERATE | changes))


def image(system, design, scene):
    params = system.design(design) if isinstance(design, str) else design
    return system.images(params, scene[None])[0]
