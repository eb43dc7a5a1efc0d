"""What information has to do whatever the model."""

from itertools import pairwise

import numpy as np
import pytest
from fixtures.information import COUNTS, LN2, draw_field, lit_field, nats, standard_error

from ideal.information.estimation import compare, estimate
from ideal.information.scoring import Prepared, check_values, choose_patches, known_noise
from ideal.measurements.measurement_set import from_arrays
from ideal.noise import Gaussian, Poisson


@pytest.mark.parametrize("photons", [0.1, 1.0, 10.0, 100.0])
def test_a_constant_object_carries_nothing(photons):
    """Y is Poisson with mean X. Adding a Poisson variable to X would give the same noise entropy, and this test fails then."""
    counts = Poisson().sample(np.random.default_rng(1), np.full((5000, 8, 8), photons))
    found = estimate(from_arrays(counts, noise="poisson"), models=COUNTS)
    assert found.model == "negative-binomial"
    assert abs(found.information_bits_per_pixel) < 0.01


def test_information_grows_with_photons():
    x = lit_field(np.random.default_rng(2), 600)
    found = []
    for photons in (0.02, 0.2, 1.0, 5.0):
        counts = np.random.default_rng(3).poisson(photons * x)
        found.append(estimate(from_arrays(counts, clean=photons * x, noise="poisson"), models=["negative-binomial"], patch=8))
    for less, more in pairwise(found):
        assert compare(more, less).interval[0] > 0


def test_binning_and_cropping_never_raise_it():
    x = lit_field(np.random.default_rng(4), 800)
    y = np.random.default_rng(5).poisson(x)

    def binned(array):
        return array.reshape(-1, 4, 2, 4, 2).sum((2, 4))

    whole, coarse, cropped = (
        estimate(from_arrays(counts, clean=clean, noise="poisson"), models=["negative-binomial"])
        for counts, clean in ((y, x), (binned(y), binned(x)), (y[:, :5, 2:7], x[:, :5, 2:7]))
    )
    for less in (coarse, cropped):
        assert nats(less) < nats(whole) + 3 * np.hypot(standard_error(less), standard_error(whole))
    assert nats(cropped) < 0.8 * nats(whole)  # with fewer than half of the pixels


def test_blurring_the_measurement_never_raises_it():
    """An invertible blur of Y, noise and all, keeps the information: entropy and noise entropy both move by ln |det|."""
    rng = np.random.default_rng(6)
    y = Gaussian(0.5).sample(rng, draw_field(rng, 1500, 4, 4)).reshape(-1, 16)
    blur = np.eye(16) + 0.4 * (np.eye(16, k=1) + np.eye(16, k=-1))
    plain = estimate(from_arrays(y, noise="gaussian", sigma=0.5))
    # What is stated must be there in every direction, since models know it: the least that the blur leaves of the noise.
    least = 0.5 * np.linalg.svd(blur, compute_uv=False).min()
    moved = estimate(from_arrays(y @ blur.T, noise="gaussian", sigma=least))
    expected = nats(moved) + 16 * np.log(least / 0.5) - np.linalg.slogdet(blur)[1]
    assert expected == pytest.approx(nats(plain), abs=3 * np.hypot(standard_error(plain), standard_error(moved)))


def test_independent_channels_add_up():
    """A pixel is a position: what its channels carry is summed, not averaged."""
    rng = np.random.default_rng(7)
    one, two = (Gaussian(0.5).sample(rng, draw_field(rng, 1500, 5, 5, scale)) for scale in (1.0, 2.0))
    options = {"noise": "gaussian", "sigma": 0.5}
    a, b = (estimate(from_arrays(each, **options), models=["stationary"]) for each in (one, two))
    both = estimate(from_arrays(np.stack([one, two], axis=-1), **options), models=["stationary"])
    assert both.pixels == a.pixels == 25
    # c(lag) between the channels is 81 parameters more, each of which costs 1 / 2 n_train
    assert nats(both) == pytest.approx(nats(a) + nats(b), abs=0.1)
    assert both.information_bits_per_pixel == pytest.approx(nats(both) / (25 * LN2))
    document = both.to_dict()
    assert document["information_bits_per_measurement"] == pytest.approx(nats(both) / LN2)
    per_pixel = 2 * 0.5 * np.log2(2 * np.pi * np.e * 0.25)
    assert document["noise_entropy_bits_per_pixel"] == pytest.approx(per_pixel)
    assert document["entropy_bits_per_pixel"] == pytest.approx(per_pixel + document["information_bits_per_pixel"])


def test_bits_of_vectors_are_counted_by_value():
    rng = np.random.default_rng(8)
    found = estimate(from_arrays(rng.standard_normal((200, 6)) * 2, noise="gaussian", sigma=1.0))
    assert (found.pixel_name, found.pixels, found.patch) == ("value", 6, (6,))
    assert found.information_bits_per_pixel == pytest.approx(nats(found) / (6 * LN2))


def test_order_of_the_values_does_not_matter():
    rng = np.random.default_rng(9)
    y = Gaussian(0.5).sample(rng, draw_field(rng, 400, 4, 4)).reshape(-1, 16)
    plain, shuffled = (
        estimate(from_arrays(each, noise="gaussian", sigma=0.5), models=["full"]) for each in (y, y[:, rng.permutation(16)])
    )
    assert nats(shuffled) == pytest.approx(nats(plain), abs=1e-4)  # the models' floor takes values in their order


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_the_unit_does_not_matter(scale):
    """No floor, jitter or dequantisation in absolute units: sigma may be a millionth, and the data may be whole numbers.

    The fit stops where a step gains less than some 1e-5 nat per value, and not at the same step in every unit.
    """
    rng = np.random.default_rng(10)
    y = Gaussian(0.5).sample(rng, draw_field(rng, 300, 6, 6))
    plain = estimate(from_arrays(y, noise="gaussian", sigma=0.5), effort=0.02)
    scaled = estimate(from_arrays(scale * y, noise="gaussian", sigma=0.5 * scale), effort=0.02)
    assert scaled.model == plain.model
    for name in plain.models:
        assert nats(scaled, name) == pytest.approx(nats(plain, name), abs=36 * 1e-4)


def test_whole_numbers_under_gaussian_noise_are_not_dequantised():
    """Against continuous values of which they are the rounding: dequantised ones would seem to carry less."""
    rng = np.random.default_rng(11)
    y = 1000 * rng.standard_normal((300, 4, 4))
    continuous, whole = (
        estimate(from_arrays(each, noise="gaussian", sigma=1e-3), models=["stationary", "full"]) for each in (y, np.round(y))
    )
    assert nats(whole) == pytest.approx(nats(continuous), abs=1e-4 * 16)
    truth = 8 * np.log1p(1e12)
    assert nats(continuous) == pytest.approx(truth, abs=3 * standard_error(continuous) + 0.5)


@pytest.mark.parametrize(("noise", "gain"), [("poisson", 0.5), ("poisson-gaussian", 0.45), ("gaussian", 0.45)])
def test_dequantisation_is_one_step_wide(noise, gain):
    numbers = np.random.default_rng(22).integers(100, 200, (100, 4, 4)).astype(np.uint16) * (2 if noise == "poisson" else 1)
    figures = {"sigma": 1.0} if noise == "gaussian" else {"read_noise": 2.0 if noise == "poisson-gaussian" else 0.0}
    source = from_arrays(numbers, noise=noise, gain=gain, offset=100.0, **figures)
    patches, _ = choose_patches(source, check_values(source), None, (4, 4), 1000, 0)
    plain = Prepared(patches, known_noise(source), False, (1,))
    spread = plain.dequantised()
    added = spread.array() - plain.array()
    step = {"poisson": 1.0, "poisson-gaussian": 0.45, "gaussian": 0.0}[noise]
    assert added.min() == pytest.approx(-step / 2, rel=0.01)
    assert added.max() == pytest.approx(step / 2, rel=0.01)
    assert np.array_equal(spread.array(), spread.array())


@pytest.mark.parametrize(
    ("options", "gain", "offset"),
    [
        ({"noise": "poisson"}, 0.5, 100.0),
        ({"noise": "gaussian", "sigma": 3.0}, 0.45, 64.0),
        ({"noise": "poisson-gaussian", "read_noise": 1.5}, 0.45, 100.0),
    ],
)
def test_gain_and_offset_change_nothing(options, gain, offset):
    rng = np.random.default_rng(12)
    x = lit_field(rng, 100, 6)
    y = rng.poisson(x) + (0 if options["noise"] == "poisson" else 1.5 * rng.standard_normal(x.shape))
    models = ["stationary"]
    electrons = estimate(from_arrays(y, gain=1.0, **options), models=models)
    numbers = estimate(from_arrays(y / gain + offset, gain=gain, offset=offset, **options), models=models)
    assert nats(numbers) == pytest.approx(nats(electrons), abs=1e-6)
    assert numbers.noise_entropy == pytest.approx(electrons.noise_entropy, abs=1e-6)


def test_a_sigma_for_every_pixel_goes_with_its_pixel():
    """Patches of a half that is quiet and a half that is noisy: 1/2 ln(1 + 1/sigma^2) each."""
    rng = np.random.default_rng(13)
    sigma = np.where(np.arange(4)[:, None] < 2, 0.1, 2.0) * np.ones((4, 4))
    x = rng.standard_normal((2000, 4, 4))
    y = x + sigma * rng.standard_normal(x.shape)
    both = {
        "one": from_arrays(y, noise="gaussian", sigma=sigma),
        "each": from_arrays(y, noise="gaussian", sigma=np.broadcast_to(sigma, y.shape).copy()),
    }
    found = {name: estimate(source, models=["full"]) for name, source in both.items()}
    truth = 0.5 * np.log1p(1 / sigma**2).sum()
    excess = 16 * 19 / (4 * found["one"].n_train)
    assert abs(nats(found["one"]) - truth) < 3 * standard_error(found["one"]) + excess
    assert nats(found["each"]) == pytest.approx(nats(found["one"]), abs=1e-9)
