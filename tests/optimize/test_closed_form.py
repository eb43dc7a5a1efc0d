"""The closed form against dense linear algebra and finite differences."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from fixtures.imaging import tiny
from fixtures.optimize import (
    LIGHT,
    LN2,
    MOSAIC,
    SMALL,
    dense_information,
    dense_pixel_information,
    double,
    light_fields,
    relative_errors,
    soft,
)
from scipy.optimize import brentq

from ideal.datasets import make_objects
from ideal.errors import DataError, UsageError
from ideal.imaging import PeriodicForm, make_system
from ideal.noise import ComplexGaussian, Gaussian, Poisson, PoissonGaussian
from ideal.optimize import Task, parse_target
from ideal.optimize.objectives import closed_form
from ideal.optimize.objectives.closed_form import ClosedForm
from ideal.optimize.objectives.periodic import check_memory, periodic_grid, periodic_information
from ideal.optimize.objectives.scenes import SceneSpectrum
from ideal.optimize.targets import PixelTarget

pytestmark = pytest.mark.usefixtures("hasty_compiler", "double_precision")


# The closed form against dense linear algebra.


def spectrum_of(covariance, shape, mean):
    """The spectral density of scenes whose covariance is stationary on the torus."""
    block = covariance.reshape(*shape, *shape)[:, :, :, 0, 0, :]
    density = np.fft.fft2(block, axes=(0, 1))
    return SceneSpectrum(mean, 0.5 * (density + density.conj().swapaxes(-1, -2)))


def any_density(rng, shape, channels):
    """A spectral density with no mirror symmetry, each channel delayed against the others."""
    root = np.fft.fft2(rng.standard_normal((*shape, channels, channels)), axes=(0, 1))
    return np.einsum("uvij,uvkj->uvik", root, root.conj()) / channels


def torus_covariance(density):
    rows, columns, channels = density.shape[:3]
    of_distance = np.fft.ifft2(density, axes=(0, 1)).real
    y, x = (np.subtract.outer(np.arange(size), np.arange(size)) % size for size in (rows, columns))
    full = of_distance[y[:, None, :, None], x[None, :, None, :]]  # row, column, row', column', channel, channel'
    return full.transpose(0, 1, 4, 2, 3, 5).reshape(rows * columns * channels, -1)


@pytest.mark.parametrize("noise", [Poisson(), PoissonGaussian(2.0), Gaussian(3.0)], ids=lambda noise: noise.name)
def test_closed_form_of_a_mosaic_is_dense_linear_algebra_on_a_field_of_known_covariance(monkeypatch, noise):
    objects = make_objects("natural-fields", periodic=True, marginal="gaussian", contrast=0.15)
    params = double(MOSAIC.design("random", 3))
    matrix = MOSAIC.operator(params).matrix()
    known = {"luminance": np.kron(np.eye(64), np.ones((1, 3))), "green": np.kron(np.eye(64), [[0.0, 1.0, 0.0]])}
    targets = ("total", "luminance", "green", "chroma", "color", "mse", "color + 2 mse + chroma + 0.5 luminance")
    scenes, gains = np.ones((1, *MOSAIC.scene.shape)), None
    for photons in LIGHT:
        mean = np.full(3, photons / 3)
        covariance = objects.covariance(MOSAIC.scene) * (photons / 3 / objects.mean) ** 2
        exact = spectrum_of(covariance, MOSAIC.scene.shape, mean)
        monkeypatch.setattr(closed_form, "scene_spectrum", lambda scenes, grid: exact)  # noqa: B023
        aims = [ClosedForm(Task(MOSAIC, noise, scenes, scenes, target=parse_target(each, MOSAIC.scene))) for each in targets]
        gains = gains or together(aims)  # one compilation for all
        found = dict(zip(targets, np.asarray(gains(params, [aim.start(params, None) for aim in aims])), strict=True))
        average = matrix @ np.full(matrix.shape[1], photons / 3)
        variance = {"poisson": average, "poisson-gaussian": average + 4, "gaussian": np.full(64, 9.0)}[noise.name]
        expected = {name: dense_information(matrix, covariance, variance, rows) / 64 for name, rows in known.items()}
        expected["total"] = dense_information(matrix, covariance, variance) / 64
        expected["chroma"] = expected["total"] - expected["luminance"]
        for target in ("color", "mse"):
            expected[target] = dense_pixel_information(matrix, covariance, variance, 3, target == "mse")
        expected[targets[-1]] = sum((2 if each == "mse" else 1) * expected[each] for each in ("color", "mse", "chroma"))
        expected[targets[-1]] += 0.5 * expected["luminance"]
        assert found == pytest.approx(expected, abs=1e-7), photons


def together(aims):
    """The gains of several closed forms as one compiled function of parameters and statistics."""
    return jax.jit(lambda params, states: jnp.stack([aim.gain(params, own) for aim, own in zip(aims, states, strict=True)]))


def test_periodic_information_with_a_blur_a_mosaic_and_delayed_channels_is_dense_linear_algebra():
    rng = np.random.default_rng(0)
    density, mean = any_density(rng, (6, 8), 2), np.array([30.0, 20.0])
    weights, psf = rng.random((3, 2, 2)), rng.random((3, 2)) / 6
    blur = np.zeros((48, 48))
    for row, column in np.ndindex(6, 8):
        for y, x in np.ndindex(3, 2):
            blur[8 * row + column, 8 * ((row - y) % 6) + (column - x) % 8] += psf[y, x]
    tiled = np.tile(weights, (2, 4, 1)).reshape(48, 2)
    matrix = np.einsum("pk,pq->pqk", tiled, blur).reshape(48, 96)
    variance = matrix @ np.tile(mean, 48) + 1.5
    covariance = torus_covariance(density)
    expected = {
        None: dense_information(matrix, covariance, variance) / 48,
        PixelTarget("color"): dense_pixel_information(matrix, covariance, variance, 2),
        PixelTarget("mse", by_error=True): dense_pixel_information(matrix, covariance, variance, 2, by_error=True),
    }

    @jax.jit
    def found(weights, psf):
        form = PeriodicForm(weights, psf, 1.5)
        return [periodic_information(form, SceneSpectrum(mean, density), Poisson(), target) for target in expected]

    assert np.asarray(found(weights, psf)) == pytest.approx(list(expected.values()), abs=1e-8)


def test_closed_form_by_principal_components_is_dense_linear_algebra_for_every_target():
    scenes = light_fields(SMALL, 50.0, 90)
    labels = np.arange(90) % 2
    scenes[labels == 1, :, :2] *= 1.5
    covariance = np.cov(scenes.reshape(90, -1), rowvar=False)
    params = double(SMALL.constrain(soft(SMALL)))
    matrix = SMALL.operator(params).matrix()
    variance = matrix @ scenes.reshape(90, -1).mean(0)
    region = np.eye(48).reshape(4, 4, 3, 48)[1:3, 0:2].reshape(-1, 48)
    expected = {"region:1-3,0-2": dense_information(matrix, covariance, variance, region)}
    within = [np.cov(scenes[labels == each].reshape(45, -1), rowvar=False) for each in (0, 1)]
    expected["label"] = enlarged_information(matrix, covariance, variance, 89)
    expected["label"] -= np.mean([enlarged_information(matrix, each, variance, 44) for each in within])
    luminance = dense_information(matrix, covariance, variance, np.kron(np.eye(16), np.ones((1, 3))))
    expected["label + 2 luminance"] = expected["label"] + 2 * luminance
    # So few scenes leave directions that no pixel's color has: the ridge of the closed form shows in the seventh digit.
    pixels = [dense_pixel_information(matrix, covariance, variance, 3, each) for each in (False, True)]
    expected["label + color + 2 mse"] = expected["label"] + 16 * (pixels[0] + 2 * pixels[1])
    for target, bits in expected.items():
        aim = ClosedForm(Task(SMALL, Poisson(), scenes, scenes, labels, labels, parse_target(target, SMALL.scene)))
        assert not aim.periodic
        assert float(jax.jit(aim.gain)(params)) == pytest.approx(bits / 16, abs=1e-7), target


def enlarged_information(matrix, covariance, variance, freedom):
    """Bits that A x + noise tells of Gaussian x whose covariance was found from samples, by Girko's G-estimate."""
    values = np.linalg.eigvalsh(matrix @ covariance @ matrix.T / np.sqrt(np.outer(variance, variance)))

    def bits(scale):
        return (np.log1p(scale * values).sum() + freedom * (1 - 1 / scale - np.log(scale))) / (2 * LN2)

    return bits(brentq(lambda scale: scale * (1 - (scale * values / (1 + scale * values)).sum() / freedom) - 1, 1, 1e3))


def test_information_about_labels_is_that_of_the_classes_covariances_however_few_show_them():
    rng, labels = np.random.default_rng(0), np.repeat([0, 1], 60)
    gains, params = {}, double(SMALL.constrain(soft(SMALL)))
    matrix, mean = SMALL.operator(params).matrix(), np.full(48, 1000.0)
    spread = np.diag(300 / np.arange(1, 49) ** 0.5), np.diag(300 / np.arange(48, 0, -1) ** 0.5)
    found = {"two classes": [], "labels at random": []}
    for _ in range(12):
        fields = mean + np.concatenate([rng.standard_normal((60, 48)) @ each for each in spread])
        for name, given in (("two classes", labels), ("labels at random", rng.permutation(labels))):
            task = Task(SMALL, Poisson(), *[fields.reshape(-1, 4, 4, 3)] * 2, given, given, parse_target("label", SMALL.scene))
            aim = ClosedForm(task)
            gains[0] = gains.get(0) or jax.jit(aim.gain)
            found[name].append(16 * float(gains[0](params, aim.start(params, None))))
    inner = [dense_information(matrix, each**2, matrix @ mean) for each in spread]
    truth = dense_information(matrix, (spread[0] ** 2 + spread[1] ** 2) / 2, matrix @ mean) - np.mean(inner)
    assert np.mean(found["two classes"]) == pytest.approx(truth, abs=0.1)
    assert np.mean(found["labels at random"]) == pytest.approx(0, abs=0.1)  # of covariances as they are, more than half a bit


def test_targets_tell_no_more_than_there_is_where_the_scenes_have_more_than_their_components():
    objects = make_objects("natural-fields", periodic=True, marginal="gaussian", contrast=0.15)
    scenes = objects.open(MOSAIC.scene, 0).read(0, 1500).scenes.astype(np.float64) * (500 / 3 / objects.mean)
    params, labels = double(MOSAIC.design("random", 3)), np.arange(1500) % 2
    matrix, covariance = MOSAIC.operator(params).matrix(), objects.covariance(MOSAIC.scene) * (500 / 3 / objects.mean) ** 2
    variance = matrix @ np.full(192, 500 / 3)
    known = np.eye(192).reshape(8, 8, 3, 192)[:4, :4].reshape(-1, 192)
    exact = {"region:0-4,0-4": dense_information(matrix, covariance, variance, known) / 64}
    exact |= {name: dense_pixel_information(matrix, covariance, variance, 3, name == "mse") for name in ("color", "mse")}
    for target, bits in exact.items():
        wanted = parse_target(f"{target} + 0 label", MOSAIC.scene)  # which no spectrum tells of
        found = float(ClosedForm(Task(MOSAIC, Poisson(), scenes, scenes, labels, labels, wanted), rank=40).gain(params))
        assert 0.6 * bits < found < 1.02 * bits, target


def test_closed_form_of_visibilities_counts_both_their_parts():
    system, noise = tiny("interferometer"), ComplexGaussian(0.01)
    scenes = make_objects("natural-fields").open(system.scene, 0).read(0, 30).scenes.astype(np.float64)
    params = double(system.design())
    matrix = system.operator(params).matrix()
    both = np.concatenate([matrix.real, matrix.imag])
    expected = dense_information(both, np.cov(scenes.reshape(30, -1), rowvar=False), np.full(len(both), 1e-4))
    gain = jax.jit(ClosedForm(Task(system, noise, scenes, scenes)).gain)
    assert float(gain(params)) == pytest.approx(expected / len(matrix), abs=1e-9)


# Gradients against finite differences.


def test_gradients_of_the_closed_form_are_finite_differences_for_every_target_and_noise():
    targets = ("total", "chroma + 0.5 luminance", "color + 2 mse", "label + region:0-2,1-3 + 2 color + mse")
    first = []

    def gains(free, states):
        params = SMALL.constrain(free)
        return jnp.stack([aim.gain(params, own) for aim, own in zip(first, states, strict=True)])  # one compilation for all

    for photons in LIGHT:
        scenes = light_fields(SMALL, photons, 60)
        labels = np.arange(60) % 2
        scenes[labels == 1, :2] *= 1.5
        task = Task(SMALL, Poisson(), scenes, scenes, labels, labels)
        tasks = [replace(task, target=parse_target(target, SMALL.scene)) for target in targets]
        tasks += [replace(task, noise=PoissonGaussian(2.0)), replace(task, noise=Gaussian(3.0))]
        aims = [ClosedForm(each) for each in tasks]
        assert {aim.periodic for aim in aims} == {True, False}
        first = first or aims
        states = [aim.start(None, None) for aim in aims]
        assert relative_errors(gains, soft(SMALL), states).max() < 1e-4, photons


# Limits.


def test_no_light_tells_nothing_and_much_light_half_a_bit_for_each_doubling():
    fields = light_fields(SMALL, 1.0, 300)
    params = double(SMALL.constrain(soft(SMALL)))
    compiled = {}

    def bits(photons, noise=Poisson()):  # noqa: B008
        aim = ClosedForm(Task(SMALL, noise, fields * photons, fields * photons))
        gain = compiled.setdefault(noise.name, jax.jit(aim.gain))
        return float(gain(params, aim.start(params, None)))

    assert abs(bits(1e-5)) < 1e-4
    assert abs(bits(1e-3, Gaussian(1.0))) < 1e-4
    assert abs(bits(1e-3, PoissonGaussian(1.0))) < 1e-4
    assert bits(16e11) - bits(1e11) == pytest.approx(2.0, abs=1e-3)
    assert bits(16e6, Gaussian(1.0)) - bits(1e6, Gaussian(1.0)) == pytest.approx(4.0, abs=1e-3)


def test_scenes_that_never_change_are_refused():
    scenes = np.full((20, *SMALL.scene.shape), 7.0)
    with pytest.raises(DataError, match="never change"):
        ClosedForm(Task(SMALL, Poisson(), scenes, scenes))


def test_a_period_too_large_for_memory_is_refused_with_what_it_would_take():
    fits, large = (make_system("color-filter-array", shape=(side, side), period=(side, side)) for side in (16, 64))
    check_memory(fits, periodic_grid(fits))
    with pytest.raises(UsageError, match=r"every 64x64 pixels takes about \d+ GB .* at most \d+x\d+ pixels"):
        check_memory(large, periodic_grid(large))
