"""Honest bookkeeping: what is fitted, chosen and scored on what, and what is said about it."""

import json
from dataclasses import replace

import numpy as np
import pytest
from fixtures.information import COUNTS, lit_field, nats

from ideal.density import MODELS, Density, StationaryGaussian
from ideal.errors import DataError, UsageError
from ideal.information import estimation
from ideal.information.estimation import compare, estimate
from ideal.measurements.measurement_set import from_arrays
from ideal.noise import Poisson, PoissonGaussian


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
        name = ("chosen", "test", "own")[len(self.parts) - 2]  # in the order of `ideal.information.estimation`, each in one block
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
        assert parts["chosen"] == parts["validation"]
        assert parts.get("own", set()) < parts["train"]  # what a model lacks is learnt from what it was trained on
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
    loss = -found.fitted["negative-binomial"].floored_log_prob(y[sample])
    assert values.sums == pytest.approx(loss - Poisson().entropy(x[sample]).sum((1, 2)))
    assert len(values.groups) == found.n_test == 20


def test_sigma_of_a_sample_stays_with_it():
    rng = np.random.default_rng(21)
    sigma = rng.permutation(np.geomspace(0.1, 10, 100))[:, None, None] * np.ones((100, 4, 4))
    y = rng.standard_normal(sigma.shape) + sigma * rng.standard_normal(sigma.shape)
    found = estimate(from_arrays(y, sigma=sigma, noise="gaussian"), models=["stationary"])
    sample = found.best.values.groups
    noise = 0.5 * np.log(2 * np.pi * np.e * sigma[sample] ** 2).sum((1, 2))
    losses = -found.fitted["stationary"].floored_log_prob(y[sample], sigma=sigma[sample])
    assert found.best.values.sums == pytest.approx(losses - noise)


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
    found = estimate(measured, models=["stationary"], patch=6)
    # One pass for each part of the split, whose samples lie close together, one to see that they differ, one for the kind, one
    # of the health check: models are fitted with the noise of every sample.
    assert 0 < counting.rows <= 5 * 200 + 1
    assert found.noise["sigma"] == "one for every value, array of shape (200, 6, 6)"


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
    kept = [each.to_record() for each in (first, again, other)]
    for state in kept:
        for timed in (state, state["best"], *state["models"].values()):
            timed.pop("seconds")
    assert kept[0] == kept[1]
    assert nats(first) != nats(other)


def test_state_makes_the_estimate_again():
    y = np.random.default_rng(18).poisson(lit_field(np.random.default_rng(18), 70))
    found = estimate(from_arrays(y, noise="poisson"), models=COUNTS, patch=4)
    rebuilt = type(found).from_record(json.loads(json.dumps(found.to_record())))
    assert rebuilt.to_dict() == found.to_dict()
    assert compare(found, rebuilt).interval == (0.0, 0.0)


def test_fitted_models_come_with_the_estimate():
    y = np.random.default_rng(19).standard_normal((80, 4, 4))
    found = estimate(from_arrays(y, noise="gaussian", sigma=0.5), effort=0.02)
    assert isinstance(found.fitted["stationary"], StationaryGaussian)
    assert set(found.fitted) == set(found.models)


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


def test_warnings_say_what_to_know_first():
    rng = np.random.default_rng(20)
    few = estimate(from_arrays(rng.standard_normal((7, 8, 8)) * 2, noise="gaussian", sigma=1.0), models=["stationary", "full"])
    assert any("only 7 sources were scored" in text for text in few.warnings)
    assert any("of 64 values train the models" in text for text in few.warnings)
    wrong = estimate(from_arrays(rng.standard_normal((200, 4, 4)), noise="gaussian", sigma=2.0), models=["stationary", "full"])
    assert wrong.interval[1] < 0
    assert any("the information is negative" in text for text in wrong.warnings)
    dim = estimate(from_arrays(rng.poisson(2.0, (100, 4, 4)), noise="poisson"), models=["stationary"])
    assert any("add --model negative-binomial" in text for text in dim.warnings)


@pytest.mark.parametrize(("read_noise", "warned"), [(0.2, True), (1.6, False)])
def test_little_read_noise_is_warned_of(read_noise, warned):
    camera = PoissonGaussian(read_noise)
    y = camera.sample(np.random.default_rng(0), np.random.default_rng(1).gamma(2.0, 1.0, (100, 6, 6)))
    found = estimate(from_arrays(y, noise="poisson-gaussian", read_noise=read_noise, gain=1.0), models=["stationary"], patch=6)
    assert any("single photons show" in text for text in found.warnings) == warned


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
        (
            np.eye(9)[:, :, None] * np.ones(9),
            {},
            {"noise": "poisson", "gain": 1, "read_noise": 2.0},
            UsageError,
            "poisson-gaussian",
        ),
        (np.eye(9, dtype=int)[:, :, None] * np.ones(9, int), {}, {"noise": "poisson", "gain": 2.0}, UsageError, "whole DN"),
        (np.arange(3.0)[:, None, None] * np.ones((101, 101)), {"patch": 101}, {"noise": "poisson"}, UsageError, "smaller patch"),
    ],
)
def test_refusals(array, settings, options, error, words):
    with pytest.raises(error, match=words):
        estimate(from_arrays(array, **options), **settings)


def test_the_period_is_what_the_file_says_unless_asked_otherwise():
    counts = np.random.default_rng(0).poisson(20, (80, 12, 12))
    said = from_arrays(counts, noise="poisson", period=(4, 6))
    found = {period: estimate(said, patch=6, models=("stationary",), period=period) for period in (None, 1, (4, 6))}
    assert found[None].n_test == found[4, 6].n_test < found[1].n_test  # fewer patches begin at a period


@pytest.mark.parametrize("shape", [(3, 37, 41), (2, 64, 50, 3), (4, 9, 11), (3, 500)])
@pytest.mark.parametrize("band", [1, 60, 400])
def test_the_example_of_a_large_picture_is_read_in_bands(monkeypatch, shape, band):
    monkeypatch.setattr(estimation, "_EXAMPLE_VALUES", 100)
    monkeypatch.setattr(estimation, "_BAND_VALUES", band)
    measured = from_arrays(np.random.default_rng(0).poisson(20, shape), noise="poisson")
    whole = measured.read(len(measured) // 2, len(measured) // 2 + 1)[0]
    step = max(1, int(np.sqrt(whole.size / 100))) if whole.ndim > 1 else 1
    read, sizes = measured.read, []

    def counted(*arguments):
        values = read(*arguments)
        sizes.append(values.size)
        return values

    monkeypatch.setattr(measured, "read", counted)
    example = estimation.example_of(measured).values
    assert np.array_equal(example, whole[::step, ::step] if step > 1 else whole)
    if step > 1:
        assert max(sizes) <= max(band, step * whole[0].size)
        assert example.base is None  # a view would keep the whole band
