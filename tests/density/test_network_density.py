"""Trained models: what they are as densities, whatever they have learnt, and that they learn what is there."""

from functools import cache

import numpy as np
import pytest

from ideal.density import MODELS, Blend, CausalMixture, Fitting, PixelCNN, Sensor, StationaryGaussian, load
from ideal.density.networks import causal_mixture, pixel_cnn, training
from ideal.density.networks.transform import RootTransform
from ideal.errors import DataError, UsageError
from ideal.noise import Poisson, PoissonGaussian

COUNTS = Sensor(step=1.0, lowest=0.0, noise_variance=(0.0, 1.0))
TRAINED = (CausalMixture, PixelCNN)
QUICK = Fitting(effort=0.03)
LN2 = np.log(2)


def field(size, mean=20.0, scale=4.0):
    y, x = np.meshgrid(*[np.arange(1 - size, size)] * 2, indexing="ij")
    return StationaryGaussian([mean], scale**2 * np.exp(-np.hypot(y, x) / 4))


@pytest.fixture(autouse=True, scope="module")
def small_networks():
    """Networks of a few weights, which compile in a second or two."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "BATCH_VALUES", 2048)
        patch.setattr(training, "CHUNK_STEPS", 16)
        patch.setattr(causal_mixture, "_SIZES", ((0, 16, 2, 0.0),))
        patch.setattr(causal_mixture, "_RADIUS", 3)
        patch.setattr(pixel_cnn, "_SIZES", ((0, 12, 2, 0.0),))
        yield


@cache
def counts():
    rng = np.random.default_rng(0)
    return rng.poisson(np.maximum(field(8, 3.0, 1.5).sample(rng, 500), 0)).astype(float)


@cache
def of_counts(model):
    return model.fit(0, counts()[:350], counts()[350:400], sensor=COUNTS, fitting=QUICK)


@pytest.mark.parametrize("figures", [(0.0, 0.0), (0.0, 1.0), (2.0, 1.0), (0.05, 0.7)])
def test_transform_increases_everywhere_and_is_undone(figures):
    transform, values = RootTransform(*figures), np.linspace(-40, 400, 4001)
    transformed = transform(values)
    assert (np.diff(transformed) > 0).all()
    np.testing.assert_allclose(transform.inverse(transformed), values, atol=1e-9)
    slopes = (transform(values + 1e-5) - transform(values - 1e-5)) / 2e-5
    np.testing.assert_allclose(transform.log_slope(values), np.log(slopes), atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("model", TRAINED)
def test_masses_of_whole_counts_add_up_to_one(model):
    """At any pixel, given any past: what is given to 0, 1, 2, ... is a probability."""
    for row, column in ((0, 0), (3, 4), (7, 7)):
        image = np.repeat(counts()[400:401], 200, axis=0)
        image[:, row, column] = np.arange(200)
        conditional = of_counts(model).conditional_log_prob(image)[:, row, column]
        assert np.exp(conditional).sum() == pytest.approx(1, abs=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("model", TRAINED)
def test_density_of_a_camera_adds_up_to_one_over_its_levels(model):
    camera = PoissonGaussian(1.6, 0.45, 100, True)
    rng = np.random.default_rng(1)
    images = camera.sample(rng, np.maximum(field(8, 8.0, 2.0).sample(rng, 400), 0))
    sensor = Sensor(camera.quantum, camera.origin, noise_variance=(1.6**2, 1.0))
    fitted = model.fit(0, images[:350], images[300:350], sensor=sensor, fitting=QUICK)
    levels = camera.origin + camera.quantum * np.arange(-100, 300)
    image = np.repeat(images[350:351], 400, axis=0)
    image[:, 2, 3] = levels
    # ln(probability / quantum), as the noise models give theirs
    masses = np.exp(fitted.conditional_log_prob(image)[:, 2, 3]) * camera.quantum
    assert masses.sum() == pytest.approx(1, abs=1e-9)
    drawn = fitted.sample(0, 5)
    steps = (drawn - camera.origin) / camera.quantum
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-9)


@pytest.mark.parametrize("model", TRAINED)
def test_continuous_density_integrates_to_one(model):
    images = field(8).sample(2, 400)
    fitted = model.fit(0, images[:350], images[300:350], fitting=QUICK)
    grid = np.linspace(-80, 120, 4001)
    image = np.repeat(images[350:351], len(grid), axis=0)
    image[:, 3, 1] = grid
    density = np.exp(fitted.conditional_log_prob(image)[:, 3, 1])
    assert np.trapezoid(density, grid) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("model", TRAINED)
def test_a_value_knows_only_those_before_it(model):
    fitted, image = of_counts(model), counts()[400:402]
    changed = image.copy()
    changed[:, 4, 3:] += 5
    before, after = fitted.conditional_log_prob(image), fitted.conditional_log_prob(changed)
    first = np.arange(64) < 4 * 8 + 3
    np.testing.assert_allclose(before.reshape(2, -1)[:, first], after.reshape(2, -1)[:, first], atol=2e-5)
    assert np.abs(before - after)[:, 5].max() > 1e-3


@pytest.mark.parametrize("scale", [1e-5, 1e6])
def test_units_do_not_matter(scale):
    # Traps 12, 13 and 17: nothing is measured in photons, and no range is taken from the first samples.
    images = field(8).sample(3, 400)
    parts = images[:300], images[300:350], images[350:]
    losses = [
        -CausalMixture.fit(0, *(factor * part for part in parts[:2]), fitting=QUICK).log_prob(factor * parts[2]).mean()
        for factor in (1.0, scale)
    ]
    assert losses[1] - 64 * np.log(scale) == pytest.approx(losses[0], rel=1e-3)


@pytest.mark.parametrize("model", TRAINED)
def test_training_starts_near_the_gaussian_and_ends_below(model):
    images = field(8).sample(4, 700)
    reports = []
    fitting = Fitting(effort=0.03, report=reports.append)
    fitted = model.fit(0, images[:500], images[500:600], fitting=fitting)
    gaussian = StationaryGaussian.fit(0, images[:500], images[500:600])
    excess = (gaussian.log_prob(images[600:]) - fitted.log_prob(images[600:])).mean() / 64
    assert abs(excess) < 0.05  # nats per value; the field is Gaussian, so there is nothing to gain
    assert reports[-1].fraction == 1
    assert reports[-1].loss == pytest.approx(-fitted.log_prob(images[500:600]).mean(), abs=0.5)


@pytest.mark.parametrize("model", TRAINED)
def test_larger_images(model):
    """Trap 11: samples of a larger size score as the model's own entropy says, pixel for pixel."""
    fitted = of_counts(model)
    drawn = fitted.sample(1, 60, (12, 20))
    assert drawn.shape == (60, 12, 20)
    assert fitted.log_prob(drawn).shape == (60,)
    small = fitted.sample(2, 300)
    per_pixel = [fitted.log_prob(images).mean() / images[0].size for images in (drawn, small)]
    assert per_pixel[0] == pytest.approx(per_pixel[1], abs=0.15)
    assert fitted.interior_log_prob(drawn)[0].shape[0] == 60


@pytest.mark.slow
def test_channels_are_modelled_jointly():
    rng = np.random.default_rng(5)
    light = np.maximum(field(8, 9.0, 3.0).sample(rng, 450), 0)[..., None] * [1.0, 0.5, 1.5]
    images = rng.poisson(light).astype(float)

    def bound(part):
        fitted = CausalMixture.fit(0, part[:350], part[350:400], sensor=COUNTS, fitting=QUICK)
        return fitted, -fitted.log_prob(part[400:]).mean()

    together, joint = bound(images)
    assert joint < sum(bound(images[..., k])[1] for k in range(3)) - 5
    drawn = together.sample(0, 200)
    assert drawn.shape == (200, 8, 8, 3)
    expected = np.corrcoef(images.reshape(-1, 3).T)
    np.testing.assert_allclose(np.corrcoef(drawn.reshape(-1, 3).T), expected, atol=0.15)


@pytest.mark.slow
def test_a_mosaic_known_by_its_phase_is_bounded_more_tightly():
    # Trap 14.
    rng = np.random.default_rng(6)
    pattern = np.tile([[1.0, 0.3], [0.6, 0.1]], (4, 4))
    images = rng.poisson(np.maximum(field(8, 30.0, 6.0).sample(rng, 600), 0) * pattern).astype(float)
    parts = images[:100], images[100:150]  # few: from many aligned patches a free covariance learns the mosaic as well
    bounds = []
    for period in ((1, 1), (2, 2)):
        sensor = Sensor(1.0, 0.0, 0.0, (0.0, 1.0), period)
        fitted = CausalMixture.fit(0, *parts, sensor=sensor, fitting=QUICK)
        bounds.append(-fitted.log_prob(images[500:]).mean())
    assert bounds[1] < bounds[0]


def test_a_period_that_patches_cannot_show_is_an_error():
    with pytest.raises(DataError, match="larger patch"):
        CausalMixture.fit(0, counts(), counts()[:50], sensor=Sensor(1.0, 0.0, 0.0, (0.0, 1.0), (12, 12)), fitting=QUICK)


@pytest.mark.slow
@pytest.mark.parametrize("model", TRAINED)
def test_labels(model, tmp_path):
    """A density for each class: it tells them apart, averages over them without a label, and draws from the one named."""
    rng = np.random.default_rng(7)
    labels = rng.integers(0, 2, 400)
    ramp = np.linspace(0.2, 1, 8)
    images = rng.poisson(20 * np.where(labels[:, None, None] == 1, ramp, ramp[::-1]) * np.ones((8, 1))).astype(float)
    fitted = model.fit(
        0, images[:300], images[300:350], sensor=COUNTS, fitting=Fitting(effort=0.3), labels=(labels[:300], labels[300:350])
    )
    by_class = fitted.log_prob_by_class(images[350:])
    np.testing.assert_array_equal(fitted.floored_by_class(images[350:]), by_class)  # it stands on no floor
    assert (by_class.argmax(1) == labels[350:]).mean() > 0.95
    average = np.logaddexp.reduce(by_class + np.log(fitted.class_weights), axis=1)
    np.testing.assert_allclose(fitted.log_prob(images[350:]), average)
    drawn = fitted.sample(0, 40, labels=np.ones(40, dtype=int))
    assert drawn[:, :, 7].mean() > 2 * drawn[:, :, 0].mean()
    fitted.save(tmp_path / "model.h5")
    np.testing.assert_array_equal(load(tmp_path / "model.h5").log_prob_by_class(images[350:]), by_class)
    with pytest.raises(DataError, match="classes 0 to 1"):
        fitted.log_prob(images[:2], np.array([0, 2]))


def test_places_matter_where_measurements_are_not_stationary():
    """A vignette: the full Gaussian is the better start, and measurements of another size are refused."""
    rng = np.random.default_rng(8)
    shade = 1 / (1 + np.hypot(*(np.indices((8, 8)) - 3.5)) ** 2 / 4)
    images = rng.poisson(60 * shade, (500, 8, 8)).astype(float)
    fitted = CausalMixture.fit(0, images[:400], images[400:450], sensor=COUNTS, fitting=QUICK)
    truth = Poisson().log_prob(images[450:], 60 * shade).sum((1, 2)).mean()
    assert 0 < (truth - fitted.log_prob(images[450:]).mean()) / 64 < 0.08
    assert fitted.interior_log_prob(images[450:]) is None
    with pytest.raises(DataError, match=r"knows \(8, 8\) only"):
        fitted.log_prob(np.ones((1, 9, 9)))
    for model in (fitted, Blend((fitted, fitted), [0.5, 0.5])):
        with pytest.raises(UsageError, match="8x8 pixels only"):
            model.sample(0, 1, (9, 9))


def test_wrong_measurements_are_refused():
    fitted = of_counts(CausalMixture)
    for bad, words in ((-1.0, "from 0"), (1.5, "not whole")):
        with pytest.raises(DataError, match=words):
            fitted.log_prob(np.full((1, 8, 8), bad))
    with pytest.raises(DataError, match="do not fit"):
        fitted.log_prob(np.ones((1, 8, 8, 3)))
    with pytest.raises(DataError, match="constant"):
        CausalMixture.fit(0, np.ones((100, 8, 8)), np.ones((20, 8, 8)), sensor=COUNTS, fitting=QUICK)


def test_a_blend_is_no_worse_than_its_members_where_it_was_weighed():
    members = {model.name: of_counts(model) for model in TRAINED}
    blend = Blend.fit(0, counts()[:350], counts()[350:400], fitted=members)
    assert blend.weights.sum() == pytest.approx(1)
    bounds = [-model.log_prob(counts()[350:400]).mean() for model in (blend, *members.values())]
    assert bounds[0] <= min(bounds[1:]) + 1e-6
    assert blend.sample(0, 4, (9, 12)).shape == (4, 9, 12)
    with pytest.raises(DataError, match="causal-mixture and pixel-cnn"):
        Blend.fit(0, counts(), counts(), fitted={"causal-mixture": members["causal-mixture"]})


def test_a_markov_chain_along_rows_is_learnt():
    """Two states seen through Poisson noise: the forward recursion gives the true probability."""
    means, stay, rng = np.array([2.0, 20.0]), 0.9, np.random.default_rng(9)
    states = np.empty((3200, 8, 8), dtype=int)
    states[:, :, 0] = rng.integers(0, 2, (3200, 8))
    for column in range(1, 8):
        states[:, :, column] = states[:, :, column - 1] ^ (rng.random((3200, 8)) > stay)
    images = rng.poisson(means[states]).astype(float)
    like = np.exp(Poisson().log_prob(images[2700:, ..., None], means))
    forward, truth = np.full((500, 8, 2), 0.5), np.zeros((500, 8))
    for column in range(8):
        joint = (forward if column == 0 else forward @ [[stay, 1 - stay], [1 - stay, stay]]) * like[:, :, column]
        truth += np.log(joint.sum(-1))
        forward = joint / joint.sum(-1, keepdims=True)
    fitted = CausalMixture.fit(0, images[:2500], images[2500:2700], sensor=COUNTS, fitting=Fitting(effort=0.2))
    excess = (truth.sum(1) - fitted.log_prob(images[2700:])) / (64 * LN2)
    assert -3 * excess.std() / np.sqrt(500) < excess.mean() < 0.02


@pytest.mark.parametrize("values", ["rounded", "clipped"])
def test_no_component_collapses_on_values_that_come_often(values):
    """Continuous noise is part of every value: what is narrower than it is an artefact, and would fall below the truth."""
    noise = np.random.default_rng(10).standard_normal((400, 8, 8))
    images = np.round(0.7 * noise) if values == "rounded" else np.maximum(noise, 0)
    sigma = 0.7 if values == "rounded" else 1.0
    parts = images[:300], images[300:350]
    free, held = (
        -CausalMixture.fit(0, *parts, sensor=Sensor(noise_variance=(variance, 0.0)), fitting=Fitting(effort=0.2))
        .log_prob(images[350:])
        .mean()
        / 64
        for variance in (0.0, sigma**2)
    )
    gaussian = -StationaryGaussian.fit(0, *parts).log_prob(images[350:]).mean() / 64
    assert free < gaussian - 0.2
    assert held > gaussian - 0.15


def test_a_dim_camera_is_drawn_near_its_dark_level():
    camera, rng = PoissonGaussian(0.3, 0.45, 100, True), np.random.default_rng(11)
    images = camera.sample(rng, np.full((400, 8, 8), 0.3))
    sensor = Sensor(camera.quantum, camera.origin, noise_variance=(0.09, 1.0))
    drawn = CausalMixture.fit(0, images[:350], images[350:], sensor=sensor, fitting=QUICK).sample(0, 100)
    assert drawn.min() > -5
    assert drawn.mean() == pytest.approx(0.3, abs=0.15)


def test_every_trained_model_is_tested_here():
    assert {name for name, model in MODELS.items() if model.trained} == {model.name for model in TRAINED}
