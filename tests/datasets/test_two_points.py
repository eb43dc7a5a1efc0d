import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq

from ideal.datasets import make_objects
from ideal.datasets.two_points import exact_information
from ideal.errors import UsageError
from ideal.imaging import Scene, make_system

LINE = Scene("radiance", (65,), pixel=0.1)
FIELD = Scene("radiance", (33, 40), pixel=0.1)


def objects(scene, count=200, seed=0, **settings):
    source = make_objects("two-points", **settings).open(scene, seed)
    return source, source.read(0, count)


@pytest.mark.parametrize("scene", [LINE, FIELD])
@pytest.mark.parametrize("settings", [{}, {"separation": 0.73, "angle": 30.0, "drift": 0.3}])
def test_both_objects_have_the_same_power_and_the_same_mean_place(scene, settings):
    source, found = objects(scene, **settings)
    assert source.classes == ("one point", "two points")
    assert found.scenes.shape == (200, *scene.shape)
    np.testing.assert_allclose(found.scenes.reshape(200, -1).sum(1), 1, rtol=1e-6)
    assert found.scenes.min() >= 0
    centre = np.array(scene.shape) // 2
    for axis, size in enumerate(scene.shape):
        marginal = found.scenes.sum(tuple(i + 1 for i in range(len(scene.shape)) if i != axis), dtype=np.float64)
        place = marginal @ np.arange(size) - centre[axis]
        assert np.abs(place).max() <= 10 * settings.get("drift", 0) + 1e-5
        assert settings.get("drift", 0) == 0 or place.std() > 0.3


def test_points_are_as_far_apart_as_the_setting_says():
    _, found = objects(LINE, separation=0.8)
    two = found.scenes[found.labels == 1][0]
    np.testing.assert_array_equal(np.flatnonzero(two), [28, 36])
    _, found = objects(LINE, separation=0.73)  # between pixels: the means of both halves
    two = found.scenes[found.labels == 1][0].astype(np.float64)
    place = np.arange(65)
    assert 2 * (two[32:] @ place[32:] - two[:32] @ place[:32]) == pytest.approx(7.3, abs=1e-5)
    _, found = objects(FIELD, separation=0.8, angle=90.0)
    two = found.scenes[found.labels == 1][0]
    np.testing.assert_array_equal(np.argwhere(two > 1e-6), [[12, 20], [20, 20]])


def test_the_question_has_one_bit_and_an_answer_that_depends_on_the_seed_and_the_number_alone():
    source, found = objects(LINE, 2000)
    assert found.labels.mean() == pytest.approx(0.5, abs=5 * 0.5 / np.sqrt(2000))
    part = source.read(700, 720)
    np.testing.assert_array_equal(part.scenes, found.scenes[700:720])
    np.testing.assert_array_equal(part.groups, np.arange(700, 720))
    assert np.any(objects(LINE, 2000, seed=1)[1].labels != found.labels)


@pytest.mark.parametrize(
    ("scene", "settings", "message"),
    [
        (Scene("sky", (64, 64), pixel=1.0, pixel_unit="uas"), {}, "this system looks at a sky"),
        (Scene("radiance", (64, 64, 3), pixel=0.1), {}, "fills scenes"),
        (Scene("radiance", (64, 64)), {}, "no size in um"),
        (Scene("radiance", (8,), pixel=0.1), {"separation": 2.0}, "do not fit a scene of 8 pixels"),
        (Scene("radiance", (8,), pixel=0.1), {"separation": 0.2, "drift": 0.5}, "do not fit a scene of 8 pixels"),
    ],
)
def test_scenes_that_cannot_be_filled(scene, settings, message):
    with pytest.raises(UsageError, match=message):
        objects(scene, **settings)


def test_settings_without_a_meaning():
    with pytest.raises(UsageError, match=r"separation is 0 um, expected 0\.001 to"):
        make_objects("two-points", separation=0.0)
    with pytest.raises(UsageError, match="drift is -1 um, expected 0 to"):
        make_objects("two-points", drift=-1.0)


@pytest.mark.parametrize("distance", [0.3, 1.0, 2.5, 5.0])
def test_exact_information_against_monte_carlo(distance):
    rng = np.random.default_rng(0)
    direction = rng.standard_normal(6)
    sigma = 0.5 + rng.random(6)
    direction *= distance / np.linalg.norm(direction / sigma)
    means = np.stack([np.zeros(6), direction])
    label = rng.integers(2, size=200_000)
    measured = means[label] + sigma * rng.standard_normal((len(label), 6))
    score = -0.5 * (((measured[:, None] - means) / sigma) ** 2).sum(-1)
    bits = 1 - (np.logaddexp(score[:, 0], score[:, 1]) - score[np.arange(len(label)), label]) / np.log(2)
    error = bits.std() / np.sqrt(len(bits))
    assert exact_information(means, sigma) == pytest.approx(bits.mean(), abs=4.5 * error)


def test_limits_of_exact_information():
    def information(distance):
        return exact_information([[0.0], [distance]], 1.0)

    assert information(0.0) == 0
    assert information(1e-2) == pytest.approx(1e-4 / (8 * np.log(2)), rel=1e-3)  # of weak signals
    for large in (15.0, 39.9, 40.1, 1e6):
        assert information(large) == pytest.approx(1, abs=1e-9)
    values = [information(d) for d in np.linspace(0, 12, 60)]
    assert np.all(np.diff(values) > 0)


@pytest.mark.parametrize("distance", [0.1, 1.0, 4.0, 12.0, 30.0])
def test_exact_information_against_adaptive_quadrature(distance):
    from scipy.integrate import quad

    def lost(z):
        return np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi) * np.logaddexp(0, -(distance**2 / 2 + distance * z)) / np.log(2)

    points = np.clip([-distance / 2, 0], -11, 11)
    expected = 1 - quad(lost, -12, 12, points=points, epsabs=1e-12, limit=500)[0]
    assert exact_information([[0.0], [distance]], 1.0) == pytest.approx(expected, abs=1e-10)


def test_exact_information_refuses_what_has_no_meaning():
    with pytest.raises(UsageError, match="expected two of them"):
        exact_information(np.zeros((3, 4)), 1.0)
    with pytest.raises(UsageError, match="positive"):
        exact_information(np.zeros((2, 4)), 0.0)


# Published study (FACTS: two-point resolution problem), bits at (signal-to-noise ratio, NA). Its figures are rounded estimates.
PUBLISHED = {(0.1, 0.2): 0.08, (0.1, 0.3): 0.50, (0.1, 0.4): 0.86, (0.1, 0.5): 1.00, (1.0, 0.1): 0.27, (1.0, 0.2): 0.99}


@pytest.mark.parametrize(("case", "bits"), PUBLISHED.items())
def test_the_published_resolution_study(case, bits):
    """Points one wavelength apart in a line of 512 pixels of a twentieth of it; SNR is the mean signal over sigma."""
    ratio, na = case
    system = make_system("diffraction-limited", shape=(512,), margin=0, fill=0.0, wavelength=0.5, pixel=0.025)
    _, found = objects(system.scene, 20, separation=system.wavelength)
    one_of_each = [found.scenes[found.labels == label][0] for label in (0, 1)]
    params = system.check_params({"na": jnp.asarray(na)})
    means = [np.asarray(system.encode(params, jnp.asarray(scene))) for scene in one_of_each]
    assert exact_information(means, np.mean(means) / ratio) == pytest.approx(bits, abs=0.04)


def test_more_aperture_and_more_light_tell_more():
    system = make_system("diffraction-limited", shape=(128,), margin=0, pixel=0.05)
    _, found = objects(system.scene, 20)
    scenes = [jnp.asarray(found.scenes[found.labels == label][0]) for label in (0, 1)]

    def information(na, photons):
        return exact_information([np.asarray(photons * system.encode({"na": jnp.asarray(na)}, each)) for each in scenes], 1.0)

    assert information(0.2, 30) < information(0.4, 30) < information(0.4, 60)
    needed = [brentq(lambda photons, na=na: information(na, photons) - 0.5, 1, 1e5) for na in (0.2, 0.4)]
    # Well below the limit the difference of the images is the second derivative of the pattern: NA^2.5 in norm.
    assert needed[0] / needed[1] == pytest.approx(2**2.5, rel=0.25)


@pytest.mark.parametrize(
    ("scene", "fit", "do_not"),
    [
        (Scene("radiance", (33, 40), pixel=0.1), {"two-points", "beads", "photographs"}, {"phase-cells"}),
        (Scene("radiance", (24, 24, 3), ("red", "green", "blue")), {"beads", "photographs"}, {"two-points"}),
        (Scene("radiance", (24, 24)), {"beads", "photographs"}, {"two-points"}),
        (
            Scene("radiance", (24, 24, 2), ("450 nm", "650 nm")),
            {"beads", "multispectral"},
            {"two-points", "photographs", "faces"},
        ),
        (Scene("radiance", (64,)), {"beads"}, {"two-points", "photographs"}),
    ],
)
def test_the_sets_that_are_said_to_fit_do(monkeypatch, scene, fit, do_not):
    monkeypatch.delenv("IDEAL_DATA", raising=False)
    with pytest.raises(UsageError, match="sets that fit") as told:
        make_objects("phase-cells").open(scene)
    named = set(str(told.value).split("sets that fit: ")[1].rstrip(")").split(", "))
    assert fit <= named
    assert not do_not & named
