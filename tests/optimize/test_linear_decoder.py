"""The linear decoder against the error that linear algebra promises, and PSNR against its definition."""

import jax
import numpy as np
import pytest
from fixtures.optimize import SMALL, dense_pixel_information, double

from ideal.datasets import make_objects
from ideal.decoders import LinearDecoder, peak_signal_to_noise
from ideal.errors import UsageError
from ideal.imaging import make_system
from ideal.noise import Gaussian, PoissonGaussian
from ideal.optimize import Task, parse_target
from ideal.optimize.objectives.closed_form import ClosedForm

SIGMA = 3.0


@pytest.fixture
def fields():
    objects = make_objects("natural-fields", marginal="gaussian", contrast=0.15, periodic=True)
    scenes = objects.open(SMALL.scene, 0).read(0, 6000).scenes.astype(np.float64)
    scale = 100 / SMALL.brightness(scenes).mean()
    return scenes * scale, objects.covariance(SMALL.scene) * scale**2


def test_its_error_is_that_of_the_closed_form(fields):
    scenes, covariance = fields
    params, rng = SMALL.design("random", 3), np.random.default_rng(1)
    decoder = LinearDecoder.fit(SMALL, params, Gaussian(SIGMA), scenes[:3000])
    clean = np.asarray(SMALL.images(params, scenes[3000:]), np.float64)
    decoded = decoder.decode(clean + SIGMA * rng.standard_normal(clean.shape))
    assert decoded.shape == scenes[3000:].shape
    error = ((decoded - scenes[3000:]) ** 2).mean()
    with jax.enable_x64(True):
        matrix = SMALL.operator(double(params)).matrix()
    bits = dense_pixel_information(matrix, covariance, np.full(len(matrix), SIGMA**2), 3, by_error=True)
    assert 0.5 * np.log2(np.trace(covariance) / len(covariance) / error) == pytest.approx(bits, abs=0.03)


def test_a_target_for_its_error_ranks_mosaics_as_it_does(fields):
    scenes, _ = fields
    noise, rng, found = PoissonGaussian(2.0), np.random.default_rng(2), []
    with jax.enable_x64(True):
        aim = ClosedForm(Task(SMALL, noise, scenes[:3000], scenes[:3000], target=parse_target("mse", SMALL.scene)))
        gain = jax.jit(aim.gain)
        for number in range(6):
            params = SMALL.design("random", number)
            decoder = LinearDecoder.fit(SMALL, params, noise, scenes[:3000])
            clean = np.asarray(SMALL.images(params, scenes[3000:]), np.float64)
            counts = rng.poisson(clean) + 2.0 * rng.standard_normal(clean.shape)
            found.append((float(gain(double(params))), -((decoder.decode(counts) - scenes[3000:]) ** 2).mean()))
    told, quality = np.array(found).T
    assert np.corrcoef(told, np.log(-quality))[0, 1] < -0.95


def test_systems_that_it_cannot_decode_are_refused():
    radio = make_system("interferometer", shape=(8, 8), interval=7200.0)
    with pytest.raises(UsageError, match="real measurements"):
        LinearDecoder.fit(radio, radio.design(), radio.noise(radio.design()), np.ones((5, 8, 8)))
    large = make_system("color-filter-array", shape=(48, 48))
    with pytest.raises(UsageError, match="up to 6000 values"):
        LinearDecoder.fit(large, large.design(), Gaussian(1.0), np.ones((5, 48, 48, 3)))


def test_psnr_is_ten_decibels_for_each_tenth_of_the_error_and_leaves_the_border_out():
    truth = np.zeros((2, 8, 8, 3))
    decoded = truth + 1.0
    decoded[1] /= np.sqrt(10)
    decoded[:, 0], decoded[:, :, -1] = 99.0, 99.0
    assert peak_signal_to_noise(decoded, truth, 100.0, border=1) == pytest.approx([40.0, 50.0])
    assert peak_signal_to_noise(decoded, truth, 100.0).max() < 20
