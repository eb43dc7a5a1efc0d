"""Decoders by name: known answers, what each serves, and what is refused."""

from dataclasses import dataclass, fields

import numpy as np
import pytest

from ideal.decoders import DECODERS, Decoder, DecodingTask, Example, FittedDecoder, decoders_for, least_error, make_decoder
from ideal.decoders.images.scenes import PrincipalComponents, RidgeRegression
from ideal.errors import DataError, UsageError
from ideal.imaging import (
    SYSTEMS,
    ColorFilterArray,
    DiffractionLimited,
    Interferometer,
    LedMicroscope,
    LensletCamera,
    setting,
)
from ideal.noise import Gaussian, Poisson

BAYER = ColorFilterArray(shape=(20, 20), period=(2, 2))
CAMERA = LensletCamera(scene_shape=(24, 22), psf_shape=(7, 6))


def measured(system, params, noise, scenes, seed=1):
    clean = system.images(params, scenes.astype(np.float32)).astype(np.float64)
    return Example(scenes, noise.sample(np.random.default_rng(seed), clean))


def task_of(system, noise, scenes, validation, design=None):
    params = system.design(design)
    return DecodingTask(
        system, params, noise, measured(system, params, noise, scenes), measured(system, params, noise, validation, 2)
    )


def smooth(count, shape, seed, mean=100.0, deviation=15.0):
    rng = np.random.default_rng(seed)
    fy, fx = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])
    noise = np.fft.rfft2(rng.standard_normal((count, *shape)))
    fields = np.fft.irfft2(noise / (0.05 + np.hypot(fy, fx)) ** 2, s=shape)
    return np.maximum(mean + deviation * fields / fields.std(), 0)


def test_the_linear_decoder_reaches_the_closed_form_error_of_gaussian_scenes():
    system, sigma = DiffractionLimited(shape=(8,), margin=2, pixel=0.2), 3.0
    size = system.scene.shape[0]
    place = np.arange(size)
    covariance = 25.0 * np.exp(-np.abs(place[:, None] - place) / 2.0)
    rng = np.random.default_rng(0)
    train, validation, test = (rng.multivariate_normal(np.full(size, 100.0), covariance, n) for n in (20_000, 10, 20_000))
    task = task_of(system, Gaussian(sigma), train, validation)
    fitted = make_decoder("linear").fit(task)
    other = measured(system, task.params, task.noise, test, 3)
    error = np.square(fitted.decode(other.measurements) - test).mean()
    matrix = system.operator(task.params).matrix().astype(np.float64)
    gain = covariance @ matrix.T @ np.linalg.inv(matrix @ covariance @ matrix.T + sigma**2 * np.eye(len(matrix)))
    expected = np.trace(covariance - gain @ matrix @ covariance) / size
    assert expected < 0.7 * 25
    assert error == pytest.approx(expected, rel=0.02)
    assert fitted.notes == ()


def test_few_scenes_to_learn_a_covariance_from_are_told():
    train, validation = smooth(10, (1, 20), 0)[:, 0], smooth(5, (1, 20), 1)[:, 0]
    system = DiffractionLimited(shape=(16,), margin=2)
    fitted = make_decoder("linear").fit(task_of(system, Gaussian(1.0), train, validation))
    assert "10 scenes to learn from leave the covariance of 20 values rough" in fitted.notes[0]


@pytest.mark.parametrize("name", ["bilinear", "malvar"])
@pytest.mark.parametrize("response", [None, ((0.5, 0, 0), (0, 0.8, 0), (0, 0, 0.6))])
def test_demosaicing_of_ramps_is_exact_within_the_border(name, response):
    system = ColorFilterArray(shape=(16, 16), period=(4, 4), filters=("red", "green", "blue"), response=response)
    rows, columns = np.mgrid[:16, :16]
    scene = np.stack([50 + 2 * rows + columns, 80 - rows + 3 * columns, 60 + rows - 0.5 * columns], -1)[None].astype(float)
    params = system.design("bayer")
    clean = system.images(params, scene.astype(np.float32)).astype(np.float64)
    example = Example(scene, clean)
    fitted = make_decoder(name).fit(DecodingTask(system, params, Poisson(), example, example))
    inner = (slice(None), slice(3, -3), slice(3, -3))
    np.testing.assert_allclose(fitted.decode(clean)[inner], scene[inner], rtol=1e-5)


def test_malvar_is_better_than_bilinear_where_colors_change_together():
    grey = smooth(20, (20, 20), 0)
    scenes = grey[..., None] * np.array([0.9, 1.0, 0.7])
    params = BAYER.design("bayer")
    clean = BAYER.images(params, scenes.astype(np.float32)).astype(np.float64)
    task = DecodingTask(BAYER, params, Poisson(), Example(scenes, clean), Example(scenes, clean))
    errors = [np.square(make_decoder(name).fit(task).decode(clean) - scenes).mean() for name in ("malvar", "bilinear")]
    assert errors[0] < 0.8 * errors[1]
    assert errors[0] < 0.05 * scenes.var((0, 1, 2)).mean()


def test_the_wiener_filter_is_its_formula():
    train, validation, scenes = (smooth(n, (24, 22), seed) for n, seed in ((40, 0), (5, 1), (3, 2)))
    task = task_of(CAMERA, Poisson(), train, validation, "four-lenslets")
    fitted = make_decoder("wiener", balances=(2.0,)).fit(task)
    example = measured(CAMERA, task.params, task.noise, scenes, 3)
    psf = np.asarray(CAMERA.psf(task.params), np.float64)
    mean = train.mean()
    spectrum = (np.abs(np.fft.rfft2(train - mean)) ** 2).mean(0) / train[0].size
    spectrum = np.maximum(spectrum, 1e-8 * spectrum.max())
    whole = np.zeros((24, 22))
    whole[:7, :6] = psf
    transfer = np.fft.rfft2(np.roll(whole, (-(7 // 2), -(6 // 2)), (0, 1)))
    noise = task.train.measurements.mean()
    gain = np.conj(transfer) / (np.abs(transfer) ** 2 + 2.0 * noise / spectrum)
    ends = [(7 - 1 - 7 // 2, 7 // 2), (6 - 1 - 6 // 2, 6 // 2)]
    padded = np.stack([np.pad(each - mean * psf.sum(), ends, mode="linear_ramp") for each in example.measurements])
    expected = np.maximum(mean + np.fft.irfft2(gain * np.fft.rfft2(padded), s=(24, 22)), 0)
    assert fitted.region == (slice(6, 18), slice(5, 17))
    np.testing.assert_allclose(fitted.decode(example.measurements), fitted.part(expected), rtol=1e-5)


def test_scenes_of_few_dimensions_are_kept_by_their_components():
    rng = np.random.default_rng(0)
    scenes = (5 + rng.standard_normal((40, 3)) @ rng.standard_normal((3, 24))).reshape(40, 6, 4)
    found = PrincipalComponents.of(scenes, 10)
    assert len(found.directions) == 3
    np.testing.assert_allclose(found.scenes(found.numbers(scenes)), scenes, atol=1e-9)
    with pytest.raises(DataError, match="all alike"):
        PrincipalComponents.of(np.ones((4, 3, 3)), 2)


@pytest.mark.parametrize("shape", [(30, 8), (12, 40)])
def test_a_learned_linear_estimate_is_ridge_regression_and_its_rest_that_of_examples_left_out(shape):
    rng = np.random.default_rng(0)
    measurements, numbers = rng.standard_normal(shape) + 3, rng.standard_normal((shape[0], 2)) + 1
    held_out = rng.standard_normal((5, shape[1])) + 3
    found = RidgeRegression.fit(measurements, numbers, held_out, rng.standard_normal((5, 2)))
    squares = np.linalg.svd(measurements - measurements.mean(0), compute_uv=False) ** 2
    penalty = found.penalty * squares[squares > 1e-9].mean()

    def by_hand(some, wanted):
        flat = some - some.mean(0)
        weights = np.linalg.solve(flat.T @ flat + penalty * np.eye(shape[1]), flat.T @ (wanted - wanted.mean(0)))
        return lambda others: wanted.mean(0) + (others - some.mean(0)) @ weights

    np.testing.assert_allclose(found.numbers(held_out), by_hand(measurements, numbers)(held_out), rtol=1e-6, atol=1e-9)
    for left_out in (0, 7):
        others = np.arange(shape[0]) != left_out
        estimate = by_hand(measurements[others], numbers[others])(measurements[left_out])
        np.testing.assert_allclose(found.left[left_out], numbers[left_out] - estimate, rtol=1e-6, atol=1e-9)


def test_validation_scenes_choose():
    truth = np.arange(8.0).reshape(2, 4)
    validation = Example(truth, truth + 1)
    candidates = [FittedDecoder(lambda y, k=k: y - k, (4,), choice={"k": k}) for k in (0.0, 0.8, 3.0)]
    assert least_error(candidates, validation).choice == {"k": 0.8}
    with pytest.raises(UsageError, match="no setting to choose from"):
        least_error([], validation)


SERVED = {
    "color-filter-array": {"linear", "mosaic-filter", "mosaic-network", "image-network"},
    "lensless": {"wiener", "cropped-wiener", "unsupervised-wiener", "total-variation", "image-network"},
    "interferometer": {"dirty", "linear-sky", "regularised-likelihood"},
    "led-microscope": {"image-network"},
    "diffraction-limited": {"image-network"},
}


@pytest.mark.parametrize("name", SERVED)
def test_systems_have_decoders(name):
    system = SYSTEMS[name]()
    design = "rgbw-kodak" if name == "color-filter-array" else None
    assert set(decoders_for(system, system.design(design))) == SERVED[name]


def test_decoders_serve_what_they_can():
    assert {"bilinear", "malvar"} <= set(decoders_for(BAYER, BAYER.design("bayer")))
    assert {"linear", "wiener"} <= set(decoders_for(CAMERA, CAMERA.design()))


@pytest.mark.parametrize(
    ("decoder", "system", "design", "words"),
    [
        ("linear", LedMicroscope(), None, "led-microscope is not linear in its scene"),
        ("linear", Interferometer(), None, "those of interferometer are complex"),
        ("linear", LensletCamera(), None, "scenes of up to 6000 values, those of lensless-lenslets have 9216"),
        ("malvar", BAYER, "white", "this design is another"),
        ("malvar", CAMERA, None, "a sensor under a mosaic of filters, lensless-lenslets is none"),
        ("mosaic-network", ColorFilterArray(shape=(15, 15), period=(5, 5)), "random", "sensors of even sides"),
        ("wiener", BAYER, "bayer", "captures that one point spread function makes"),
        ("wiener", LensletCamera(scene_shape=(20, 20), psf_shape=(12, 12)), None, "leaves no pixel of a scene of 20 x 20"),
        ("dirty", CAMERA, None, "visibilities of an interferometer"),
        ("image-network", DiffractionLimited(shape=(16,)), None, r"it takes images, .* the shape \(16,\)"),
        ("image-network", Interferometer(), None, "are complex"),
    ],
)
def test_a_system_that_is_not_served_is_refused_with_the_reason(decoder, system, design, words):
    params = system.design(design)
    assert DECODERS[decoder].refusal(system, params)
    nothing = Example(np.zeros((1, *system.scene.shape)), np.zeros((1, *system.measurement_shape)))
    with pytest.raises(UsageError, match=f"decoder {decoder} does not serve {system.name}: .*{words}"):
        make_decoder(decoder).fit(DecodingTask(system, params, system.noise(params), nothing, nothing))


def test_wrong_names_suggest_the_nearest():
    with pytest.raises(UsageError, match=r"no decoder is called 'wienner'; did you mean wiener\?"):
        make_decoder("wienner")
    with pytest.raises(UsageError, match=r"total-variation has no setting 'weight'; did you mean weights\?"):
        make_decoder("total-variation", weight=(1.0,))
    with pytest.raises(UsageError, match="image-network: setting components"):
        make_decoder("image-network", components=0)


@pytest.mark.parametrize("name", DECODERS)
def test_every_decoder_says_what_it_is(name):
    kind = DECODERS[name]
    assert kind.name == name
    assert kind.summary
    assert kind.serves
    assert all(each.metadata["help"] for each in fields(kind))


@dataclass(frozen=True)
class Wrong(Decoder):
    name = "wrong"
    summary = "makes too few estimates"
    serves = "nothing"

    fault: str = setting("shape", "", "what is wrong with the estimates")

    @classmethod
    def refusal(cls, system, params):
        return ""

    def _fit(self, task, seed, effort, progress):
        make = {"shape": lambda y: y[:, :1], "nan": lambda y: np.full((len(y), 4), np.nan)}[self.fault]
        return FittedDecoder(make, task.system.scene.shape)


def test_wrong_estimates_and_tasks_are_refused():
    system = DiffractionLimited(shape=(4,), margin=0)
    scenes = np.ones((3, 4))
    task = task_of(system, Gaussian(1.0), scenes, scenes)
    with pytest.raises(DataError, match=r"estimates of shape \(3, 1\), expected \(3, 4\)"):
        Wrong().fit(task).decode(scenes)
    with pytest.raises(DataError, match="estimate 0 is not finite"):
        Wrong("nan").fit(task).decode(scenes)
    with pytest.raises(UsageError, match="effort must be a positive number"):
        Wrong().fit(task, effort=0)
    short = DecodingTask(system, task.params, task.noise, Example(scenes, scenes[:2]), task.validation)
    with pytest.raises(DataError, match="train: 3 scenes and 2 measurements"):
        Wrong().fit(short)


def test_decoders_of_visibilities_reckon_with_the_noise_of_the_array():
    from ideal.noise import ComplexGaussian

    system = Interferometer(shape=(8, 8), interval=3600.0)
    params = system.design()
    example = Example(np.ones((2, 8, 8)), np.ones((2, *system.measurement_shape), complex))
    with pytest.raises(UsageError, match="dirty reckons with the thermal noise of interferometer itself"):
        make_decoder("dirty").fit(DecodingTask(system, params, ComplexGaussian(5.0), example, example))
