"""A lensless camera of one's own: a phase plate before a sensor, by Fresnel propagation. See fresnel_camera.toml."""

import jax.numpy as jnp


def lens(seed, *, size=64, pixel=4.0, wavelength=0.55, distance=1500.0):
    """Return the phase of a lens that focuses on the sensor, (row, column), radians."""
    axis = (jnp.arange(size) - size // 2) * pixel
    return -jnp.pi * (axis[:, None] ** 2 + axis**2) / (wavelength * distance)


def encode(params, scene, *, pixel=4.0, wavelength=0.55, distance=1500.0):
    """Incoherent light through a phase plate; lengths in micrometres."""
    frequency = jnp.fft.fftfreq(scene.shape[0], pixel)
    transfer = jnp.exp(-1j * jnp.pi * wavelength * distance * (frequency[:, None] ** 2 + frequency**2))
    field = jnp.fft.ifft2(jnp.fft.fft2(jnp.exp(1j * params["phase"])) * transfer)
    spread = jnp.fft.ifftshift(jnp.abs(field) ** 2)
    return jnp.fft.irfft2(jnp.fft.rfft2(spread / spread.sum()) * jnp.fft.rfft2(scene), s=scene.shape)
