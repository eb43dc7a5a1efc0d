"""Data processing: what is done to a measurement after its capture never adds information."""

import numpy as np
import pytest

from ideal import estimate, from_arrays
from ideal.datasets import make_objects
from ideal.density import FullGaussian
from ideal.imaging import make_system
from ideal.noise import Gaussian
from ideal.simulation import prepare

LN2 = np.log(2)
SIDE = 12


@pytest.fixture(scope="module")
def captures():
    """Counts of natural fields behind four lenslets, and their clean means: (sample, row, column)."""
    system = make_system("lensless", scene_shape=(SIDE + 7, SIDE + 7), psf_shape=(8, 8))
    source = make_objects("natural-fields").open(system.scene, 0)
    simulation = prepare(system, system.design("two-lenslets"), source, photons=50.0)
    blocks = list(simulation.blocks(source, 3000))
    return tuple(np.concatenate([getattr(block, name) for block in blocks]) for name in ("measurements", "clean"))


def bits(counts, clean):
    """Bits per measurement and their interval, by the better of two Gaussians."""
    found = estimate(from_arrays(counts, clean=clean, noise="poisson"), patch=counts.shape[1:3], models=("stationary", "full"))
    return np.array([found.information_bits_per_pixel, *found.interval]) * found.pixels


def binned(values):
    return values.reshape(len(values), SIDE // 2, 2, SIDE // 2, 2).sum((2, 4))


def test_binning_and_cropping_never_add(captures):
    counts, clean = captures
    whole = bits(counts, clean)
    margin = (whole[2] - whole[1]) / 2
    coarse, part = bits(binned(counts), binned(clean)), bits(counts[:, :, :9], clean[:, :, :9])
    for less in (coarse, part):
        assert 0 < less[0] < whole[0] + margin
        assert less[2] < whole[1]  # and here they lose what no sampling error explains
    assert bits(binned(counts)[:, :4], binned(clean)[:, :4])[0] < coarse[0] + margin


def test_blurring_never_adds(captures):
    """A blur of the measurement, noise and all: the noise that it correlates still has a Gaussian's entropy."""
    _, clean = captures
    sigma = 7.0
    noisy = Gaussian(sigma).sample(np.random.default_rng(1), clean)
    axis = np.arange(SIDE)
    blur = np.exp(-0.5 * ((axis[:, None] - axis) / 1.2) ** 2)
    kept = blur[::2] / blur[::2].sum(1, keepdims=True)  # every second row of the blurred image: what is lost is lost
    found = []
    for rows in (np.eye(SIDE), kept):
        seen = np.einsum("ir,nrc,jc->nij", rows, noisy, rows)
        noise = np.kron(rows @ rows.T, rows @ rows.T) * 2 * np.pi * np.e * sigma**2
        model = FullGaussian.fit(0, seen[:1800], seen[1800:2400])
        losses = -model.log_prob(seen[2400:]) - 0.5 * np.linalg.slogdet(noise)[1]
        found.append((losses.mean() / LN2, losses.std() / np.sqrt(len(losses)) / LN2))
    (whole, error), (blurred, _) = found
    assert 0 < blurred < whole - 2 * error


def test_fewer_sites_never_add():
    settings = {"shape": (16, 16), "interval": 3600.0}
    found = []
    for sites in ("", ("ALMA", "LMT", "PV", "SMA")):
        system = make_system("interferometer", **settings, **({"sites": sites} if sites else {}))
        source = make_objects("black-hole-rings").open(system.scene, 0)
        simulation = prepare(system, system.design(), source)
        block = np.concatenate([each.measurements for each in simulation.blocks(source, 400)])
        measured = from_arrays(block, noise="complex-gaussian", sigma=simulation.noise.sigma)
        each = estimate(measured, models=("full",))
        found.append(np.array([each.information_bits_per_pixel, *each.interval]) * each.pixels)
    all_sites, four = found
    assert 0 < four[0] < all_sites[2]
