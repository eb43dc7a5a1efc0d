"""Values cut off at a floor or a ceiling: the censored channel, the densities with an atom at each end, and the check."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import ndtr, xlogy
from scipy.stats import poisson

from ideal.density import CausalMixture, Fitting, NegativeBinomial, Sensor, load
from ideal.density.networks.anchor import Anchor
from ideal.errors import DataError, UsageError
from ideal.information.estimation import estimate
from ideal.information.labels.estimation import task_information
from ideal.measurements.measurement_set import from_arrays
from ideal.noise import Poisson, PoissonGaussian
from ideal.noise.deconvolution import fit_mixing_distribution
from ideal.noise.limits import Channel, limited_entropy

CHANNELS = {
    "floor": PoissonGaussian(3.0, 1.0, 2.0, True, floor=0),
    "both ends": PoissonGaussian(1.5, 0.45, 2.0, True, floor=0, ceiling=60),
    "coarse": PoissonGaussian(0.5, 5.0, 10.3, True, floor=9, ceiling=20),
    "12 bits in 16": PoissonGaussian(12.0, 0.1, 500.0, True, step=16, floor=0, ceiling=16 * 60),
    "counter": Poisson(10.0),
    "click detector": Poisson(1.0),
}


def chances(model, mean, largest=None):
    """The probability of each level by enumeration over electrons, with scipy's own distributions."""
    largest = largest or mean
    electrons = np.arange(int(largest + 15 * np.sqrt(largest) + 60))
    pmf = poisson.pmf(electrons, mean)
    if isinstance(model, Poisson):
        levels = np.arange(int(model.ceiling) + 1)
        return levels, np.append(pmf[: len(levels) - 1], pmf[len(levels) - 1 :].sum())
    bottom = model.floor if np.isfinite(model.floor) else model.offset - 15 * model.read_noise / model.gain
    top = min(model.ceiling, (electrons[-1] + 12 * model.read_noise) / model.gain + model.offset)
    dn = model.step * np.arange(np.ceil(bottom / model.step), np.floor(top / model.step) + 1)
    edges = [
        ((dn[:, None] + side * model.step / 2 - model.offset) * model.gain - electrons) / model.read_noise for side in (-1, 1)
    ]
    below, above = map(ndtr, edges)
    below[0], above[-1] = 0.0, 1.0
    return (dn - model.offset) * model.gain, (above - below) @ pmf


@pytest.mark.parametrize("name", CHANNELS)
@pytest.mark.parametrize("mean", [0.0, 0.3, 4.0, 20.0, 90.0])
def test_the_censored_channel_is_that_of_enumeration(name, mean):
    model = CHANNELS[name]
    levels, chance = chances(model, mean)
    means = np.full(len(levels), mean)
    np.testing.assert_allclose(np.exp(model.log_prob(levels, means)) * model.quantum, chance, atol=1e-10)
    entropy = -xlogy(chance, chance).sum() + np.log(model.quantum)
    assert float(model.entropy(np.array(mean))) == pytest.approx(entropy, abs=1e-7)
    variance = chance @ levels**2 - (chance @ levels) ** 2
    assert float(model.variance(np.array(mean))) == pytest.approx(variance, abs=2e-6 + 1e-6 * model.quantum**2)
    drawn = model.sample(np.random.default_rng(0), np.full(4000, mean))
    assert set(np.round(drawn, 6)) <= set(np.round(levels, 6))


@pytest.mark.parametrize("read_noise", [8.0, 1.2])
def test_a_fine_converter_far_in_the_light(read_noise):
    """The integral that stands for a sum over very many levels, at a ceiling of 500 electrons in steps of 0.1."""
    model = PoissonGaussian(read_noise, 0.1, 0.0, True, ceiling=5_000)
    for mean in (440.0, 495.0, 530.0):
        chance = chances(model, mean)[1]
        entropy = -xlogy(chance, chance).sum() + np.log(model.quantum)
        assert float(model.entropy(np.array(mean))) == pytest.approx(entropy, abs=2e-7)


def test_far_from_the_limits_nothing_changes():
    means = np.geomspace(120, 400, 50)
    free, limited = (PoissonGaussian(3.0, 1.0, 100.0, True, **limits) for limits in ({}, {"floor": 0, "ceiling": 4095}))
    np.testing.assert_array_equal(limited.entropy(means), free.entropy(means))
    np.testing.assert_array_equal(limited.variance(means), free.variance(means))
    np.testing.assert_array_equal(Poisson(4095.0).entropy(means), Poisson().entropy(means))
    values = np.random.default_rng(0).poisson(np.full((50, 6, 6), 80.0)).astype(float)
    np.testing.assert_array_equal(limited.conditional_entropy(values), free.conditional_entropy(values))


def test_where_all_is_clipped_the_noise_is_gone():
    model = PoissonGaussian(3.0, 0.5, 10.0, True, ceiling=60)
    assert float(model.entropy(np.array(1e6))) == pytest.approx(np.log(0.5), abs=1e-12)
    assert float(model.variance(np.array(1e6))) == 0
    assert float(Poisson(10.0).entropy(np.array(1e6))) == 0
    assert float(model.log_prob(np.array(model.highest), np.array(1e6))) == pytest.approx(-np.log(0.5), abs=1e-12)
    assert float(model.log_prob(np.array(model.highest + 0.5), np.array(1e6))) == -np.inf


@pytest.mark.slow
@pytest.mark.parametrize("name", CHANNELS)
def test_the_censored_channel_differentiates(name, hasty_compiler):
    model, means = CHANNELS[name], np.array([0.4, 3.0, 17.0])
    with jax.enable_x64(True):
        measured = model.sample(jax.random.key(0), jnp.asarray(means))
        for function in map(jax.jit, (model.entropy, model.variance, lambda mean: model.log_prob(measured, mean))):
            slope = jax.grad(lambda mean, function=function: function(mean).sum())(jnp.asarray(means))
            above, below = (np.asarray(function(jnp.asarray(means + side * 1e-5))) for side in (1, -1))
            np.testing.assert_allclose(slope, (above - below) / 2e-5, rtol=1e-4, atol=1e-4)
    single = jax.jit(model.entropy)(jnp.asarray(means, jnp.float32))
    np.testing.assert_allclose(single, model.entropy(means), atol=1e-4)


@pytest.mark.parametrize(
    "arguments",
    [{"floor": 5, "ceiling": 5}, {"floor": 9, "ceiling": 2}, {"floor": 0, "quantised": False}],
)
def test_limits_without_meaning_are_refused(arguments):
    with pytest.raises(UsageError):
        PoissonGaussian(**{"read_noise": 1.0, "quantised": True, **arguments})
    with pytest.raises(UsageError):
        Poisson(2.5)


@pytest.mark.parametrize(("name", "levels"), [("floor", (0.5, 12.0)), ("both ends", (2.0, 24.0)), ("counter", (3.0, 14.0))])
def test_the_light_behind_clipped_values(name, levels):
    """The noise's entropy without clean means; what a limit hides counts with the whole tail."""
    model, rng = CHANNELS[name], np.random.default_rng(1)
    means = np.array(levels)[rng.integers(0, 2, 100_000)]
    found = model.conditional_entropy(model.sample(rng, means)[:, None]).mean()
    assert found == pytest.approx(float(model.entropy(np.array(levels)).mean()), abs=0.01)
    mixing = fit_mixing_distribution(model.sample(rng, means), 0.0, 0.0, high=10.0) if name == "counter" else None
    if mixing is not None:
        np.testing.assert_allclose(mixing.likelihood.sum(0), 1, atol=1e-9)


def clipped_counts(count=300, side=4, mean=9.0, ceiling=12):
    rng = np.random.default_rng(2)
    light = mean * np.exp(0.5 * rng.standard_normal((count, 1, 1))) * np.ones((side, side))
    return np.minimum(rng.poisson(light), ceiling).astype(float)


def test_counts_with_a_ceiling_sum_to_one_and_keep_their_ceiling(tmp_path):
    counts = clipped_counts()
    sensor = Sensor(step=1.0, lowest=0.0, noise_variance=(0.0, 1.0), highest=12.0)
    model = NegativeBinomial.fit(0, counts, counts, sensor=sensor)
    images = np.repeat(counts[:1], 13, 0)
    images[:, -1, -1] = np.arange(13)  # of the last value all that is before is the same
    inside = model.log_prob(images)
    assert np.exp(inside - np.logaddexp.reduce(inside)).sum() == pytest.approx(1)
    shorter = NegativeBinomial(model.gaussian, model.components)
    images[-1, -1, -1] = 12
    difference = np.exp(inside[-1]) / np.exp(shorter.log_prob(images)[-1])
    assert difference > 1.05  # the tail is more than the count alone
    prediction, _ = model.gaussian.predict(images)
    values = model._log_prob_values(np.arange(13.0), np.full(13, prediction[0, -1, -1]))
    assert np.exp(values).sum() == pytest.approx(1, abs=1e-9)
    model.save(tmp_path / "model.h5")
    again = load(tmp_path / "model.h5")
    np.testing.assert_array_equal(again.log_prob(counts), model.log_prob(counts))
    assert model.sample(0, 50).max() == 12
    with pytest.raises(DataError, match="up to 12"):
        model.log_prob(images + 1)


def test_slopes_of_the_tail_are_finite_differences():
    from ideal.density.negative_binomial import _component

    counts, prediction = np.array([12.0, 12.0, 12.0, 5.0]), np.array([2.0, 9.0, 30.0, 8.0])
    row = np.array([0.7, 0.3, 0.5, 0.4, 0.02])
    factorial = np.array([19.987214495661885] * 3 + [4.787491742782046])
    _, slopes = _component(counts, prediction, row, factorial, 12.0)
    for index, slope in enumerate(slopes, 1):
        sides = []
        for side in (1, -1):
            moved = row.copy()
            moved[index] *= 1 + side * 1e-4
            sides.append(_component(counts, prediction, moved, factorial, 12.0, slopes=False)[0])
        np.testing.assert_allclose(slope, (sides[0] - sides[1]) / (2e-4 * row[index]), rtol=2e-3, atol=1e-5)


def test_a_network_gives_a_limit_the_whole_tail(tmp_path):
    counts = clipped_counts(400, 4)
    values = np.maximum(counts, 4.0)
    sensor = Sensor(step=1.0, origin=0.0, lowest=4.0, noise_variance=(4.0, 1.0), highest=12.0)
    model = CausalMixture.fit(0, values[:300], values[300:], sensor=sensor, fitting=Fitting(effort=0.01))
    images = np.repeat(values[:1], 9, 0)
    images[:, -1, -1] = np.arange(4, 13)
    last = model.conditional_log_prob(images)[:, -1, -1]
    assert np.exp(last).sum() == pytest.approx(1, abs=1e-6)
    model.save(tmp_path / "model.h5")
    np.testing.assert_array_equal(load(tmp_path / "model.h5").log_prob(values), model.log_prob(values))
    drawn = model.sample(0, 200)
    assert (drawn.min(), drawn.max()) == (4, 12)
    with pytest.raises(DataError, match="up to 12"):
        model.log_prob(images + 1)


def test_an_anchor_of_an_older_file_has_no_ceiling():
    counts = clipped_counts()
    anchor = Anchor.fit(counts, counts, Sensor(step=1.0, lowest=0.0, noise_variance=(0.0, 1.0)))
    state = anchor.state()
    state["sensor"] = state["sensor"][:7]
    assert Anchor.from_state(state).sensor == anchor.sensor


# The check

CAMERA = {"noise": "poisson-gaussian", "gain": 0.45, "offset": 100.0, "read_noise": 1.6, "units": "DN"}
GAUSSIAN = {"noise": "gaussian", "sigma": 1.0}
TWO = np.array([0.5, 12.0])


def scenes(rng, count=300, side=16, mean=50.0):
    return mean * np.exp(0.6 * rng.standard_normal((count, side, side)))


def dn(rng, light):
    return np.rint((rng.poisson(light) + 1.6 * rng.standard_normal(light.shape)) / 0.45 + 100)


def flat(rng, side=16):
    return np.exp(0.2 * rng.standard_normal((side, side)))


def two_levels(rng, count=600, side=8):
    return TWO[rng.integers(0, 2, (count, side, side))]


def stuck(values):
    values[:, 3, 4], values[:, 7, 7] = 0, 3000
    return values


def unwritten(values):
    values[5:60] = 0
    return values


RIGHT = {
    "counts in the dark": (lambda rng: rng.poisson(scenes(rng, mean=0.01)).astype("u2"), {"noise": "poisson"}),
    "counts": (lambda rng: rng.poisson(scenes(rng)).astype("u2"), {"noise": "poisson"}),
    "even counts": (lambda rng: rng.poisson(np.full((300, 16, 16), 3.0)), {"noise": "poisson"}),
    "rare clicks": (lambda rng: (rng.random((300, 16, 16)) < 0.003).astype("u1"), {"noise": "poisson"}),
    "binary, no noise named": (lambda rng: (rng.random((300, 16, 16)) < 0.4).astype("u1"), {}),
    "camera": (lambda rng: dn(rng, scenes(rng)).astype("u2"), CAMERA),
    "camera in the dark": (lambda rng: dn(rng, scenes(rng, mean=0.3)).astype("f4"), CAMERA),
    "camera, even": (lambda rng: dn(rng, np.full((300, 16, 16), 30.0)).astype("u2"), CAMERA),
    "white paper in the scene": (lambda rng: dn(rng, np.minimum(scenes(rng), 60)).astype("u2"), CAMERA),
    "dead and stuck pixels": (lambda rng: stuck(dn(rng, scenes(rng))).astype("u2"), CAMERA),
    "frames not written": (lambda rng: unwritten(dn(rng, scenes(rng))).astype("u2"), CAMERA),
    "flat-fielded": (
        lambda rng: (dn(rng, scenes(rng)) - 100) * 0.45 / flat(rng),
        {"noise": "poisson-gaussian", "gain": 1.0, "read_noise": 1.6},
    ),
    "gaussian": (lambda rng: scenes(rng, mean=5) + rng.standard_normal((300, 16, 16)), GAUSSIAN),
    "gaussian, sparse": (lambda rng: 200 * (rng.random((300, 16, 16)) < 0.2) + rng.standard_normal((300, 16, 16)), GAUSSIAN),
    "gaussian, rounded": (lambda rng: np.rint(9 * rng.standard_normal((300, 16, 16))), {"noise": "gaussian", "sigma": 9.0}),
    "repeated frames": (lambda rng: np.repeat(scenes(rng, 150) + rng.standard_normal((150, 16, 16)), 2, 0), GAUSSIAN),
    "vectors": (lambda rng: rng.standard_normal((500, 20)), GAUSSIAN),
    "visibilities": (lambda rng: rng.standard_normal((90, 5)) + 1j, {"noise": "complex-gaussian", "sigma": 1.0}),
}


def clipping_of(values, options):
    source = from_arrays(values, **options)
    return [finding for finding in source.inspect()["findings"] if finding.name in ("clipped", "wrapped")]


@pytest.mark.parametrize("name", RIGHT)
def test_right_values_are_not_called_clipped(name):
    make, options = RIGHT[name]
    assert clipping_of(make(np.random.default_rng(3)), options) == []


CUT = {
    "floor of the type": (
        lambda rng: np.maximum(dn(rng, two_levels(rng)) - 98, 0).astype("u2"),
        CAMERA | {"offset": 2.0},
        "note",
    ),
    "floor of a float": (lambda rng: np.maximum(dn(rng, two_levels(rng)) - 98, 0), CAMERA | {"offset": 2.0}, "note"),
    "full well": (lambda rng: np.minimum(dn(rng, scenes(rng)), 240).astype("u2"), CAMERA, "note"),
    "full well of a few values": (lambda rng: np.minimum(dn(rng, scenes(rng)), 700).astype("u2"), CAMERA, "note"),
    "12 bits in 16": (
        lambda rng: (16 * np.minimum(rng.poisson(scenes(rng, mean=900)) + 100, 1000)).astype("u2"),
        CAMERA | {"gain": 1 / 16, "offset": 1600.0},
        "note",
    ),
    "lamps": (lambda rng: np.minimum(dn(rng, np.where(rng.random((300, 16, 16)) < 0.01, 1e6, 50.0)), 3900), CAMERA, "note"),
    "counter": (lambda rng: np.minimum(rng.poisson(scenes(rng)), 52).astype("u1"), {"noise": "poisson"}, "note"),
    "8-bit counts": (lambda rng: np.minimum(rng.poisson(scenes(rng, mean=200)), 255).astype("u1"), {"noise": "poisson"}, "note"),
    "click detector": (lambda rng: np.minimum(rng.poisson(np.full((300, 8, 8), 0.5)), 1), {"noise": "poisson"}, "biased"),
    "no noise named": (lambda rng: np.minimum(rng.poisson(scenes(rng, mean=200)), 255).astype("u1"), {}, "note"),
    "gaussian at 0": (lambda rng: np.maximum(0.4 * two_levels(rng) + rng.standard_normal((600, 8, 8)), 0), GAUSSIAN, "void"),
    "gaussian, few at 0": (lambda rng: np.maximum(3.1 + rng.standard_normal((600, 16, 16)), 0), GAUSSIAN, "biased"),
    "8-bit photographs": (
        lambda rng: np.clip(scenes(rng, mean=120) + 5 * rng.standard_normal((300, 16, 16)), 0, 255).astype("u1"),
        {"noise": "gaussian", "sigma": 5.0},
        "void",
    ),
    "vectors at 0": (lambda rng: np.maximum(rng.standard_normal((500, 20)), 0), GAUSSIAN, "void"),
    "merged exposures": (
        lambda rng: (np.minimum(scenes(rng, mean=500) + 5 * rng.standard_normal((300, 16, 16)), 900) / 37).astype("f4"),
        {"noise": "gaussian", "sigma": 5 / 37},
        "void",
    ),
    "flat-fielded after clipping": (
        lambda rng: (np.minimum(dn(rng, scenes(rng)), 240) - 100) * 0.45 / flat(rng),
        {"noise": "poisson-gaussian", "gain": 1.0, "read_noise": 1.6},
        "void",
    ),
    "flat-fielded after clipping, 40 frames": (
        lambda rng: ((np.minimum(dn(rng, scenes(rng, 40, 48)), 240) - 100) * 0.45 / flat(rng, 48)).astype("f4"),
        {"noise": "poisson-gaussian", "gain": 1.0, "read_noise": 1.6},
        "void",
    ),
    "dark map taken off after clipping": (
        lambda rng: (
            np.minimum(dn(rng, scenes(rng)), 240).astype(int) - np.rint(100 + 3 * rng.standard_normal((16, 16))).astype(int)
        ),
        CAMERA | {"offset": 0.0},
        "void",
    ),
    "dark map taken off, negative values cut": (
        lambda rng: np.maximum(dn(rng, two_levels(rng)) - 100 - 3 * rng.standard_normal((8, 8)), 0),
        CAMERA | {"offset": 0.0},
        "void",
    ),
}


@pytest.mark.parametrize("name", CUT)
def test_clipping_is_found(name):
    make, options, severity = CUT[name]
    (finding,) = clipping_of(make(np.random.default_rng(3)), options)
    assert (finding.name, finding.severity) == ("clipped", severity), finding.line
    assert ("--allow-clipped" in finding.remedy) == (severity == "void")
    assert finding.to_record()["figures"]


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4"])
def test_wrapped_differences_are_found(dtype):
    rng = np.random.default_rng(3)
    values = (dn(rng, np.full((300, 8, 8), 1.0)) - 100).astype(np.int64).astype(dtype)
    (finding,) = clipping_of(values, CAMERA | {"offset": 0.0})
    assert (finding.name, finding.severity) == ("wrapped", "void")
    bright = np.minimum(rng.poisson(np.where(rng.random((300, 8, 8)) < 0.5, 1.0, 250.0)), 255).astype("u1")
    assert [each.name for each in clipping_of(bright, {"noise": "poisson"})] == ["clipped"]


def test_shares_and_levels_are_those_of_the_values():
    rng = np.random.default_rng(3)
    values = np.clip(dn(rng, scenes(rng)), 104, 240).astype("u2")
    (finding,) = clipping_of(values, CAMERA)
    assert (finding.figures["floor"], finding.figures["ceiling"]) == (None, 240)  # at 104 no more values than noise explains
    assert finding.figures["share_at_ceiling"] == pytest.approx((values == 240).mean(), rel=1e-9)
    saturated = np.concatenate([values, np.full((50, 16, 16), 240, "u2")])
    (finding,) = clipping_of(saturated, CAMERA)
    assert finding.figures["share_at_ceiling"] == pytest.approx((saturated == 240).mean(), rel=1e-9)


# The estimate


def truth(model, levels):
    """The information of a pixel of equally likely levels, bits, by enumeration."""
    by_level = np.array([chances(model, mean, max(levels))[1] for mean in levels])
    mixed = by_level.mean(0)
    return (xlogy(by_level, by_level).sum(1).mean() - xlogy(mixed, mixed).sum()) / np.log(2)


def draw(model, levels, count=1200, side=8):
    rng = np.random.default_rng(4)
    measured = model.sample(rng, np.array(levels)[rng.integers(0, len(levels), (count, side, side))])
    return measured if isinstance(model, Poisson) else np.rint(measured / model.gain + model.offset)


@pytest.mark.slow
def test_a_camera_at_its_floor_carries_what_enumeration_says():
    model = CHANNELS["floor"]
    options = {"noise": "poisson-gaussian", "gain": 1.0, "offset": 2.0, "read_noise": 3.0, "units": "DN"}
    found = estimate(from_arrays(draw(model, TWO).astype("u2"), **options), models=["causal-mixture"], patch=8, effort=0.1)
    assert -0.02 < found.information_bits_per_pixel - truth(model, TWO) < 0.05
    assert found.noise["floor"] == 0
    assert any(each.name == "clipped" and "censored channel" in each.text for each in found.findings)


@pytest.mark.slow
@pytest.mark.parametrize("with_clean", [False, True])
def test_counts_at_their_ceiling_carry_what_enumeration_says(with_clean):
    model, levels = CHANNELS["counter"], np.array([3.0, 9.0])
    rng = np.random.default_rng(5)
    light = levels[rng.integers(0, 2, (2000, 6, 6))]
    clean = {"clean": light} if with_clean else {}
    source = from_arrays(np.minimum(rng.poisson(light), 10).astype("u1"), noise="poisson", **clean)
    found = estimate(source, models=["negative-binomial"], patch=6)
    assert -0.02 < found.information_bits_per_pixel - truth(model, levels) < 0.06
    assert found.noise["ceiling"] == 10


def test_a_constant_scene_carries_nothing_whatever_is_clipped():
    model = Poisson(12.0)
    source = from_arrays(draw(model, [12.0]).astype("u1"), noise="poisson")
    found = estimate(source, models=["negative-binomial"], patch=8)
    assert found.information_bits_per_pixel == pytest.approx(
        0, abs=0.03
    )  # half of the values are clipped: without the ceiling in the model it is -0.4
    assert found.interval[0] < 0.01


def test_a_void_bound_is_refused_unless_it_is_allowed():
    rng = np.random.default_rng(6)
    values = np.maximum(2 * rng.standard_normal((200, 1, 1)) + rng.standard_normal((200, 6, 6)), 0)
    source = from_arrays(values, **GAUSSIAN)
    with pytest.raises(UsageError, match="--allow-clipped"):
        estimate(source, models=["stationary"])
    found = estimate(source, models=["stationary"], allow=("clipped",))
    assert any(each.severity == "void" for each in found.findings)


def test_labels_need_no_noise_and_are_not_refused():
    rng = np.random.default_rng(6)
    labels = np.arange(240) % 2
    values = np.maximum(labels[:, None] + rng.standard_normal((240, 4)), 0)
    found = task_information(from_arrays(values, labels=labels, **GAUSSIAN), effort=0.02, patch=None)
    (finding,) = [each for each in found.findings if each.name == "clipped"]
    assert finding.severity == "note"
    assert found.interval[0] <= 1


def test_stated_limits_hold():
    rng = np.random.default_rng(7)
    values = dn(rng, scenes(rng, mean=20))
    source = from_arrays(values, saturation=150.0, **CAMERA)
    assert source.read(0, 300).max() == pytest.approx((150 - 100) * 0.45)
    found = estimate(source, models=["stationary"], patch=8)
    assert found.noise["ceiling"] == 150
    (finding,) = [each for each in found.findings if each.name == "clipped"]
    assert finding.figures["ceiling_from"] == "option"
    assert finding.figures["share_at_ceiling"] == pytest.approx((values >= 150).mean())
    cut_above = from_arrays(np.minimum(values, 170), saturation=150.0, **CAMERA)  # what lies above what is stated does not matter
    assert [each.severity for each in cut_above.inspect()["findings"] if each.name == "clipped"] == ["note"]
    with pytest.raises(DataError, match="floor"):
        from_arrays(values, saturation=150.0, floor=200.0, **CAMERA)
    with pytest.raises(DataError, match="floor"):
        from_arrays(values, floor=np.nan, **CAMERA)
    with pytest.raises(UsageError, match="photon counts end at 0"):
        estimate(from_arrays(values, noise="poisson", floor=3.0), models=["stationary"])


def test_a_channel_knows_its_reach():
    channel = Channel(3.0, 1.0, 0.0, -2.0, 40.0)
    assert channel.floor_reach > 40
    assert channel.ceiling_reach[0] == 0
    assert Channel(3.0, 1.0, 0.0, -100.0, np.inf).floor_reach == 0
    assert np.isnan(limited_entropy(np.array(-1.0), channel))
