"""What the tests of the health check share: scenes, their counts, and the names of what is found."""

import numpy as np

from ideal.measurements.measurement_set import from_arrays

NO_MATTER = ("no-groups", "units-assumed")


def scenes(count=120, side=32, mean=100.0, contrast=0.6, blur=1.5, seed=0):
    """Return smooth positive pictures (count, side, side) of a given mean."""
    frequency = np.fft.fftfreq(side)
    low = np.exp(-2 * (np.pi * blur) ** 2 * (frequency[:, None] ** 2 + frequency**2))
    field = np.fft.ifft2(np.fft.fft2(np.random.default_rng(seed).standard_normal((count, side, side))) * low).real
    return mean * np.exp(contrast * field / field.std() - contrast**2 / 2)


def photons(mean, seed=1):
    """Return photon counts of these means."""
    return np.random.default_rng(seed).poisson(mean)


def camera(mean, read_noise=3.0, gain=1.0, offset=100.0, seed=1):
    """Return the numbers of a camera that sees these means, and what to say of it."""
    rng = np.random.default_rng(seed)
    electrons = rng.poisson(mean) + read_noise * rng.standard_normal(np.shape(mean))
    options = {"noise": "poisson-gaussian", "gain": gain, "offset": offset, "read_noise": read_noise}
    return np.rint(electrons / gain + offset).astype(np.int32), options


def examined(values, **options):
    """Return what the health check says of an array, counts unless other noise is named."""
    return from_arrays(values, **{"noise": "poisson", **options}).examination


def found(values, **options):
    """Return the findings by name, but for those that every array without groups and units earns."""
    return {each.name: each for each in examined(values, **options).findings if each.name not in NO_MATTER}
