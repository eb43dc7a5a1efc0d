"""The whole estimate against known answers, and against what information has to do whatever the model."""

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.special import gammaln, logsumexp
from scipy.stats import gamma, multivariate_normal, nbinom, poisson

from ideal._scoring import Prepared, choose_patches, noise_model
from ideal.density import MODELS, Density, StationaryGaussian
from ideal.errors import DataError, UsageError
from ideal.information import compare, estimate
from ideal.intervals import GroupedValues, interval
from ideal.measurements import from_arrays
from ideal.noise import Gaussian, Poisson, PoissonGaussian

LN2 = np.log(2)
COUNTS = ["stationary", "negative-binomial"]


def standard_error(found, name=None):
    """Return the standard error of nats per measurement over sources."""
    values = (found.models[name] if name else found.best).values
    residual = values.sums - values.mean * values.counts
    return float(np.sqrt((residual**2).sum()) / values.counts.sum())


def nats(found, name=None):
    return (found.models[name] if name else found.best).values.mean


def field_covariance(rows, columns, length=2.0, oblique=0.5):
    y, x = (axis.ravel() for axis in np.indices((rows, columns)))
    dy, dx = y[:, None] - y, x[:, None] - x
    return np.exp(-np.sqrt(dy**2 + dx**2 + oblique * dy * dx) / length)


def draw_field(rng, count, rows, columns, scale=1.0, **shape):
    factor = np.linalg.cholesky(field_covariance(rows, columns, **shape) + 1e-9 * np.eye(rows * columns))
    return scale * (rng.standard_normal((count, rows * columns)) @ factor.T).reshape(count, rows, columns)


def lit_field(rng, count, side=8, photons=20.0):
    return photons * np.exp(draw_field(rng, count, side, side, 0.5) - 0.125)


# Worlds whose information is known. Each gives the measurement set, the truth and its standard error in nats per measurement.


def gaussian_field(rng):
    x, sigma = draw_field(rng, 2000, 6, 6), 0.5
    truth = 0.5 * np.linalg.slogdet(np.eye(36) + field_covariance(6, 6) / sigma**2)[1]
    return from_arrays(Gaussian(sigma).sample(rng, x), noise="gaussian", sigma=sigma), truth, 0.0


def gamma_poisson(rng):
    """A Gamma prior makes the counts negative binomial."""
    shape, mean = 2.0, 3.0
    x = rng.gamma(shape, mean / shape, (3000, 4, 4))
    k = np.arange(200)
    p = nbinom.pmf(k, shape, shape / (shape + mean))
    entropy = -(p * np.log(np.maximum(p, 1e-300))).sum()
    nodes = (np.arange(20000) + 0.5) / 20000  # the prior by quantiles
    noise = Poisson().entropy(gamma.ppf(nodes, shape, scale=mean / shape)).mean()
    return from_arrays(rng.poisson(x), clean=x, noise="poisson"), 16 * (entropy - noise), 0.0


def two_points(rng):
    x = rng.choice([1.0, 10.0], (2000, 4, 4))
    k = np.arange(100)
    p = 0.5 * poisson.pmf(k, 1) + 0.5 * poisson.pmf(k, 10)
    truth = -(p * np.log(np.maximum(p, 1e-300))).sum() - Poisson().entropy(np.array([1.0, 10.0])).mean()
    assert 0 < truth < LN2
    return from_arrays(rng.poisson(x), clean=x, noise="poisson"), 16 * truth, 0.0


def markov_rows(rng):
    """A two-state chain along a row seen in Poisson counts: the forward recursion gives log p(y)."""
    levels, stay, count, length = np.array([2.0, 12.0]), 0.9, 3000, 12
    states = np.zeros((count, length), int)
    states[:, 0] = rng.integers(0, 2, count)
    for step in range(1, length):
        states[:, step] = np.where(rng.random(count) < stay, states[:, step - 1], 1 - states[:, step - 1])
    x = levels[states]
    y = rng.poisson(x)
    transition = np.log([[stay, 1 - stay], [1 - stay, stay]])
    log_likelihood = y[..., None] * np.log(levels) - levels - gammaln(y + 1)[..., None]
    forward = np.log(0.5) + log_likelihood[:, 0]
    for step in range(1, length):
        forward = logsumexp(forward[:, :, None] + transition, axis=1) + log_likelihood[:, step]
    each = -logsumexp(forward, axis=1) - Poisson().entropy(x).sum(1)
    measured = from_arrays(y[:, None], clean=x[:, None], noise="poisson")
    return measured, each.mean(), each.std() / np.sqrt(count)


def known_images(rng):
    images, sigma, count = 2 * draw_field(rng, 8, 5, 5), 1.0, 2000
    which = rng.integers(0, 8, count)
    y = Gaussian(sigma).sample(rng, images[which])
    log_p = Gaussian(sigma).log_prob(y[:, None], images[None]).sum((2, 3))
    each = log_p[np.arange(count), which] - (logsumexp(log_p, axis=1) - np.log(8))
    assert each.mean() <= np.log(8)
    return from_arrays(y, noise="gaussian", sigma=sigma), each.mean(), each.std() / np.sqrt(count)


def mixed_fields(rng):
    covariances = [field_covariance(5, 5, length=4.0), 4 * field_covariance(5, 5, length=0.5)]
    which, sigma, count = rng.integers(0, 2, 3000), 0.3, 3000
    draws = np.stack([rng.multivariate_normal(np.zeros(25), covariance, count) for covariance in covariances])
    y = draws[which, np.arange(count)] + sigma * rng.standard_normal((count, 25))
    parts = [multivariate_normal(np.zeros(25), each + sigma**2 * np.eye(25)).logpdf(y) for each in covariances]
    each = -(logsumexp(parts, axis=0) + np.log(0.5)) - 25 * 0.5 * np.log(2 * np.pi * np.e * sigma**2)
    return from_arrays(y.reshape(-1, 5, 5), noise="gaussian", sigma=sigma), each.mean(), each.std() / np.sqrt(count)


def visibilities(rng):
    power, sigma = np.linspace(0.5, 8, 10), 1.5
    x = np.sqrt(power) * (rng.standard_normal((2000, 10)) + 1j * rng.standard_normal((2000, 10)))
    y = x + sigma * (rng.standard_normal(x.shape) + 1j * rng.standard_normal(x.shape))
    return from_arrays(y, noise="complex-gaussian", sigma=sigma), np.log1p(power / sigma**2).sum(), 0.0


def dark_camera(rng):
    """A camera that looks at an even light: read noise, converter and photons, and nothing else in its whole numbers."""
    camera = PoissonGaussian(2.0, gain=0.45, offset=100.0, quantised=True)
    x = np.full((1500, 6, 6), 30.0)
    numbers = np.round(camera.sample(rng, x) / 0.45 + 100).astype(np.uint16)
    return from_arrays(numbers, clean=x, noise="poisson-gaussian", read_noise=2.0, gain=0.45, offset=100.0), 0.0, 0.0


WORLDS = (gaussian_field, gamma_poisson, two_points, markov_rows, known_images, mixed_fields, visibilities, dark_camera)


@pytest.fixture(scope="module")
def answers():
    """Estimate every world once, with every model that suits it."""
    found = {}
    for number, world in enumerate(WORLDS):
        source, truth, error = world(np.random.default_rng(number))
        found[world.__name__] = estimate(source, models="all"), truth, error
    return found


@pytest.mark.parametrize("world", [world.__name__ for world in WORLDS])
def test_no_model_falls_below_the_truth(answers, world):
    """One-sided, for every model of the registry: a model can only overstate."""
    found, truth, error = answers[world]
    assert found.models
    for name in found.models:
        assert nats(found, name) > truth - 3 * np.hypot(standard_error(found, name), error), name


def test_every_model_meets_a_world(answers):
    assert {name for found, _, _ in answers.values() for name in found.models} == set(MODELS)


@pytest.mark.parametrize(
    ("world", "model", "excess"),
    [  # excess in nats per measurement: parameters / 2 n_train, or what the shrinkage leaves
        ("gaussian_field", "stationary", 0.1),
        ("gaussian_field", "full", 0.2),
        ("gamma_poisson", "negative-binomial", 0.1),
        ("visibilities", "full", 0.3),
        ("dark_camera", "stationary", 0.2),
    ],
)
def test_the_right_model_reaches_the_truth(answers, world, model, excess):
    found, truth, error = answers[world]
    assert abs(nats(found, model) - truth) < 3 * np.hypot(standard_error(found, model), error) + excess


def test_validation_chooses_the_best_of_the_models(answers):
    assert answers["gamma_poisson"][0].model == "negative-binomial"
    assert answers["gaussian_field"][0].model == "stationary"
    for found, _, _ in answers.values():
        assert found.model == min(found.models, key=lambda name: found.models[name].validation_loss)


def test_intervals_hold_the_truth_where_the_model_is_right(answers):
    for world, model in (("gaussian_field", "stationary"), ("gamma_poisson", "negative-binomial")):
        found, truth, _ = answers[world]
        low, high = found.models[model].interval
        half = (high - low) / 2
        assert low - half < truth < high + half  # four standard errors
        assert high - low == pytest.approx(2 * 1.96 * standard_error(found, model), rel=0.15)


def test_counts_without_their_means_say_the_same(answers):
    """H(Y|X) from the counts alone costs a few thousandths of a nat per pixel."""
    known, truth, _ = answers["gamma_poisson"]
    source = gamma_poisson(np.random.default_rng(WORLDS.index(gamma_poisson)))[0]
    blind = estimate(from_arrays(source.read(0, len(source)), noise="poisson"), models=["negative-binomial"])
    assert known.noise["entropy_from"] == "clean means"
    assert blind.noise["entropy_from"] == "measurements"
    assert abs(nats(blind) - truth) < 3 * standard_error(blind) + 16 * 0.01


# Invariants.


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
    moved = estimate(from_arrays(y @ blur.T, noise="gaussian", sigma=0.5))
    expected = nats(moved) - np.linalg.slogdet(blur)[1]
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
    assert nats(shuffled) == pytest.approx(nats(plain), abs=1e-8)


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_the_unit_does_not_matter(scale):
    """No floor, jitter or dequantisation in absolute units: sigma may be a millionth, and the data may be whole numbers.

    The fit stops where a step gains less than some 1e-5 nat per value, and not at the same step in every unit.
    """
    rng = np.random.default_rng(10)
    y = Gaussian(0.5).sample(rng, draw_field(rng, 300, 6, 6))
    plain = estimate(from_arrays(y, noise="gaussian", sigma=0.5))
    scaled = estimate(from_arrays(scale * y, noise="gaussian", sigma=0.5 * scale))
    assert scaled.model == plain.model
    for name in plain.models:
        assert nats(scaled, name) == pytest.approx(nats(plain, name), abs=36 * 1e-4)


def test_whole_numbers_under_gaussian_noise_are_not_dequantised():
    """Against continuous values of which they are the rounding: dequantised ones would seem to carry less."""
    rng = np.random.default_rng(11)
    y = 1000 * rng.standard_normal((300, 4, 4))
    continuous, whole = (estimate(from_arrays(each, noise="gaussian", sigma=1e-3)) for each in (y, np.round(y)))
    assert nats(whole) == pytest.approx(nats(continuous), abs=1e-4 * 16)
    truth = 8 * np.log1p(1e12)
    assert nats(continuous) == pytest.approx(truth, abs=3 * standard_error(continuous) + 0.5)


@pytest.mark.parametrize(("noise", "gain"), [("poisson", 0.5), ("poisson-gaussian", 0.45), ("gaussian", 0.45)])
def test_dequantisation_is_one_step_wide(noise, gain):
    numbers = np.random.default_rng(22).integers(100, 200, (100, 4, 4)).astype(np.uint16) * (2 if noise == "poisson" else 1)
    figures = {"sigma": 1.0} if noise == "gaussian" else {"read_noise": 2.0 if noise == "poisson-gaussian" else 0.0}
    source = from_arrays(numbers, noise=noise, gain=gain, offset=100.0, **figures)
    patches, _ = choose_patches(source, (4, 4), 1000, 0)
    plain = Prepared(patches, noise_model(source), False, (1,))
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
    electrons = estimate(from_arrays(y, **options), models=models)
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


# Honest bookkeeping.


class _Spy(Density):
    """A standard normal density that remembers what it was given."""

    name = "spy"
    seen: list = []  # noqa: RUF012

    @classmethod
    def fit(cls, key, train, validation, **given):
        spy = cls()
        spy.parts = {"train": np.concatenate(list(train)) if not isinstance(train, np.ndarray) else train}
        spy.parts["validation"] = validation
        cls.seen.append(spy)
        return spy

    def log_prob(self, measurements):
        name = "validation" if measurements is self.parts["validation"] else "test"
        self.parts[name] = measurements
        return -0.5 * (measurements**2).sum((1, 2))

    def sample(self, key, count):
        raise NotImplementedError

    def _state(self):
        return {}

    @classmethod
    def _from_state(cls, state):
        return cls()


@pytest.fixture
def spied(monkeypatch):
    monkeypatch.setattr(_Spy, "seen", [])
    monkeypatch.setitem(MODELS, "spy", _Spy)
    return _Spy.seen


@pytest.mark.parametrize("sources", [7, 80])
def test_no_source_is_in_two_parts(spied, sources):
    """Every value tells its source; twenty near copies of each picture lie apart in the file."""
    rng = np.random.default_rng(14)
    groups = rng.permutation(np.repeat(np.arange(sources), 20))
    y = groups[:, None, None] + 0.01 * rng.standard_normal((len(groups), 4, 4))
    found = estimate(from_arrays(y, groups=groups, noise="gaussian", sigma=0.01), models=["spy"], patch=2)
    assert found.n_folds == len(spied) == (5 if sources < 60 else 1)
    scored = []
    for spy in spied:
        parts = {name: set(np.round(array).astype(int).ravel()) for name, array in spy.parts.items()}
        assert not parts["train"] & parts["validation"]
        assert not parts["train"] & parts["test"]
        assert not parts["validation"] & parts["test"]
        assert parts["train"] | parts["validation"] | parts["test"] == set(range(sources))
        scored += list(parts["test"])
    assert len(scored) == len(set(scored)) == found.n_groups
    assert found.n_test == found.n_groups * 20 * 4
    assert found.n_groups == (sources if sources < 60 else 16)


def test_loss_and_noise_of_a_source_stay_together():
    """From dark to bright, in any order: each source's own loss less its own noise entropy."""
    rng = np.random.default_rng(15)
    brightness = rng.permutation(np.geomspace(1, 300, 100))
    x = brightness[:, None, None] * np.ones((100, 4, 4))
    y = rng.poisson(x)
    found = estimate(from_arrays(y, clean=x, groups=1000 - np.arange(100), noise="poisson"), models=["negative-binomial"])
    values = found.best.values
    sample = 1000 - values.groups
    loss = -found.fitted["negative-binomial"].log_prob(y[sample])
    assert values.sums == pytest.approx(loss - Poisson().entropy(x[sample]).sum((1, 2)))
    assert len(values.groups) == found.n_test == 20


def test_sigma_of_a_sample_stays_with_it():
    rng = np.random.default_rng(21)
    sigma = rng.permutation(np.geomspace(0.1, 10, 100))[:, None, None] * np.ones((100, 4, 4))
    y = rng.standard_normal(sigma.shape) + sigma * rng.standard_normal(sigma.shape)
    found = estimate(from_arrays(y, sigma=sigma, noise="gaussian"), models=["stationary"])
    sample = found.best.values.groups
    noise = 0.5 * np.log(2 * np.pi * np.e * sigma[sample] ** 2).sum((1, 2))
    assert found.best.values.sums == pytest.approx(-found.fitted["stationary"].log_prob(y[sample]) - noise)


def test_comparing_the_same_objects_is_sharper():
    rng = np.random.default_rng(16)
    x = lit_field(rng, 300) * rng.gamma(2.0, 0.5, (300, 1, 1))
    a, b = (estimate(from_arrays(rng.poisson(light * x), noise="poisson"), models=["negative-binomial"]) for light in (1.0, 0.9))
    paired, unpaired = compare(a, b), compare(a, replace(b, objects_key="other"))
    assert paired.paired
    assert not unpaired.paired
    assert paired.difference_bits_per_pixel == pytest.approx(unpaired.difference_bits_per_pixel)
    width = [each.interval[1] - each.interval[0] for each in (paired, unpaired)]
    assert width[0] < 0.6 * width[1]
    assert compare(b, a).difference_bits_per_pixel == pytest.approx(-paired.difference_bits_per_pixel)


def test_the_seed_decides_everything():
    y = np.random.default_rng(17).poisson(lit_field(np.random.default_rng(17), 100))
    first, again, other = (estimate(from_arrays(y, noise="poisson"), models=COUNTS, patch=4, seed=seed) for seed in (1, 1, 2))
    kept = [each.to_state() for each in (first, again, other)]
    for state in kept:
        for timed in (state, state["best"], *state["models"].values()):
            timed.pop("seconds")
    assert kept[0] == kept[1]
    assert nats(first) != nats(other)


def test_state_makes_the_estimate_again():
    y = np.random.default_rng(18).poisson(lit_field(np.random.default_rng(18), 70))
    found = estimate(from_arrays(y, noise="poisson"), models=COUNTS, patch=4)
    rebuilt = type(found).from_state(json.loads(json.dumps(found.to_state())))
    assert rebuilt.to_dict() == found.to_dict()
    assert compare(found, rebuilt).interval == (0.0, 0.0)


def test_fitted_models_come_with_the_estimate():
    y = np.random.default_rng(19).standard_normal((80, 4, 4))
    found = estimate(from_arrays(y, noise="gaussian", sigma=0.5))
    assert isinstance(found.fitted["stationary"], StationaryGaussian)
    assert set(found.fitted) == set(found.models)


def test_warnings_say_what_to_know_first():
    rng = np.random.default_rng(20)
    few = estimate(from_arrays(rng.standard_normal((7, 8, 8)) * 2, noise="gaussian", sigma=1.0))
    assert any("only 7 sources were scored" in text for text in few.warnings)
    assert any("has 64 values but only" in text for text in few.warnings)
    wrong = estimate(from_arrays(rng.standard_normal((200, 4, 4)), noise="gaussian", sigma=2.0))
    assert wrong.interval[1] < 0
    assert any("the information is negative" in text for text in wrong.warnings)
    dim = estimate(from_arrays(rng.poisson(2.0, (100, 4, 4)), noise="poisson"), models=["stationary"])
    assert any("add --model negative-binomial" in text for text in dim.warnings)


@pytest.mark.parametrize(
    ("array", "settings", "options", "error", "words"),
    [
        (np.ones((9, 4, 4)), {}, {"noise": "poisson"}, DataError, "every value is 1"),
        (np.eye(9)[:, :, None] * np.ones(9), {}, {}, UsageError, "the noise is not known"),
        (np.eye(9)[:, :, None] * np.ones(9), {}, {"noise": "gaussian"}, UsageError, "needs its standard deviation"),
        (np.eye(9)[:, :, None] * np.ones(9), {"patch": 0}, {"noise": "poisson"}, UsageError, "at least 1 pixel"),
        (np.eye(9)[:, :, None] * np.ones(9), {"confidence": 1.0}, {"noise": "poisson"}, UsageError, "between 0 and 1; found 1"),
        (np.eye(9)[:, :, None] * np.ones(9), {"models": ["ful"]}, {"noise": "poisson"}, UsageError, "did you mean full"),
        (np.eye(9)[:, :, None] * 1.5 * np.ones(9), {}, {"noise": "poisson"}, DataError, "must be whole"),
        (-np.eye(9)[:, :, None] * np.ones(9), {}, {"noise": "poisson"}, DataError, "cannot be negative"),
        (np.eye(9)[:, :, None] * np.ones(9), {}, {"noise": "poisson", "read_noise": 2.0}, UsageError, "poisson-gaussian"),
        (np.eye(9, dtype=int)[:, :, None] * np.ones(9, int), {}, {"noise": "poisson", "gain": 2.0}, UsageError, "whole DN"),
        (np.arange(3.0)[:, None, None] * np.ones((101, 101)), {"patch": 101}, {"noise": "poisson"}, UsageError, "smaller patch"),
    ],
)
def test_refusals(array, settings, options, error, words):
    with pytest.raises(error, match=words):
        estimate(from_arrays(array, **options), **settings)


def test_interval_covers_where_the_noise_entropy_comes_from_counts_alone():
    """The deconvolution's own scatter is part of the interval: Gamma-Poisson pixels, scored by their true probability."""
    shape, mean, patches, covered = 2.0, 1.0, 400, []
    grid = np.arange(200)
    log_p = nbinom.logpmf(grid, shape, shape / (shape + mean))
    prior = gamma(shape, scale=mean / shape)
    x = prior.ppf((np.arange(200_000) + 0.5) / 200_000)
    truth = -(np.exp(log_p) * log_p).sum() - Poisson().entropy(x).mean()
    for seed in range(60):
        rng = np.random.default_rng(seed)
        y = rng.poisson(rng.gamma(shape, mean / shape, (3 * patches, 64)))
        loss = -log_p[y[:patches]].sum(1)
        noise = Poisson().conditional_entropy(y[:patches], None, y[patches:])
        low, high = interval(GroupedValues.of((loss - noise) / 64, np.arange(patches) // 8), 0.95, rng)
        covered.append(low <= truth <= high)
    assert np.mean(covered) > 0.95 - 3.5 * np.sqrt(0.05 * 0.95 / 60)


def test_sigma_of_every_value_is_read_only_for_the_patches_used():
    class Counting:
        def __init__(self, array):
            self.array, self.shape, self.dtype, self.ndim, self.rows = array, array.shape, array.dtype, array.ndim, 0

        def __getitem__(self, index):
            samples = index[0] if isinstance(index, tuple) else index
            self.rows += len(range(*samples.indices(len(self.array))))
            return self.array[index]

        def __array__(self, *args, **kwargs):
            raise AssertionError("the whole sigma was read")

    rng = np.random.default_rng(0)
    sigma = rng.uniform(0.5, 2.0, (200, 6, 6))
    measured = from_arrays(rng.standard_normal((200, 6, 6)) * np.hypot(1, sigma), noise="gaussian", sigma=sigma)
    object.__setattr__(measured.calibration, "sigma", counting := Counting(sigma))
    found = estimate(measured, patch=6)
    assert 0 < counting.rows <= 201  # each sample at most once, and one to name the kind
    assert found.noise["sigma"] == "one for every value, array of shape (200, 6, 6)"


def test_each_fold_is_scored_by_the_model_that_its_own_validation_chose():
    rng = np.random.default_rng(5)
    y = rng.poisson(lit_field(rng, 40))
    found = estimate(from_arrays(y, noise="poisson"), models=COUNTS)
    assert found.n_folds == 5
    assert set(found.model.split("/")) <= set(COUNTS)
    lowest = min(nats(found, name) for name in COUNTS)
    highest = max(nats(found, name) for name in COUNTS)
    assert lowest - 1e-9 <= nats(found) <= highest + 1e-9


def test_no_rate_where_the_box_of_the_past_is_cut():
    y = np.random.default_rng(6).poisson(lit_field(np.random.default_rng(6), 100, side=16))
    measured = from_arrays(y, noise="poisson")
    assert estimate(measured, models=["stationary"], patch=8).rate is None
    name, value, (low, high) = estimate(measured, models=["stationary"], patch=16).rate
    assert name == "stationary"
    assert low < value < high


@pytest.mark.parametrize(("read_noise", "warned"), [(0.2, True), (1.6, False)])
def test_little_read_noise_is_warned_of(read_noise, warned):
    camera = PoissonGaussian(read_noise)
    y = camera.sample(np.random.default_rng(0), np.random.default_rng(1).gamma(2.0, 1.0, (100, 6, 6)))
    found = estimate(from_arrays(y, noise="poisson-gaussian", read_noise=read_noise), patch=6)
    assert any("single photons show" in text for text in found.warnings) == warned
