import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy.integrate import quad
from scipy.special import j1

from ideal.errors import UsageError
from ideal.imaging import make_system


def lens(**settings):
    return make_system("diffraction-limited", **settings)


def airy(radius, cutoff):
    """Intensity of the Airy pattern per unit area, of unit energy."""
    v = np.pi * cutoff * np.maximum(radius, 1e-12)
    return (2 * j1(v) / v) ** 2 * np.pi * cutoff**2 / 4


@pytest.fixture
def float64():
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize("na", [0.1, 0.35, 0.8])
def test_a_slit_images_a_point_as_sinc_squared(float64, na):
    system = lens(shape=(8192,), margin=0, fill=0.0)
    psf = np.asarray(system.psf({"na": jnp.asarray(na)}))
    x = (np.arange(8192) - 4096) * system.pixel
    cutoff = 2 * na / system.wavelength
    expected = cutoff * system.pixel * np.sinc(cutoff * x) ** 2
    assert np.abs(psf - expected).max() < 1e-5 * expected.max()


@pytest.mark.parametrize("na", [0.2, 0.5, 0.95])
def test_a_circular_pupil_images_a_point_as_the_airy_pattern(float64, na):
    system = lens(shape=(512, 512), margin=0, fill=0.0, pixel=0.1 / na)  # far from its next repetition
    psf = np.asarray(system.psf({"na": jnp.asarray(na)}))
    x = (np.arange(512) - 256) * system.pixel
    expected = airy(np.hypot(x[:, None], x), 2 * na / system.wavelength) * system.pixel**2
    assert np.abs(psf - expected).max() < 1e-5 * expected.max()


def test_coarse_pixels_gather_the_integral_of_the_pattern(float64):
    # The Nyquist frequency is below the cut-off: what is beyond it has to be folded back.
    system = lens(shape=(4096,), margin=0, pixel=0.4, na=0.5)
    psf = np.asarray(system.psf(system.design()))
    cutoff = 2 * system.na / system.wavelength
    for lag in (0, 1, 2, 7):
        area = quad(lambda x: cutoff * np.sinc(cutoff * x) ** 2, 0.4 * (lag - 0.5), 0.4 * (lag + 0.5))[0]
        assert psf[2048 + lag] == pytest.approx(area, abs=1e-6)
        assert psf[2048 - lag] == pytest.approx(area, abs=1e-6)


@pytest.mark.parametrize("shape", [(40,), (41,), (12, 15)])
@pytest.mark.parametrize("pixel", [0.1, 0.3, 0.9])
def test_light_is_conserved_over_the_scene_and_nowhere_negative(shape, pixel):
    system = lens(shape=shape, pixel=pixel, margin=2, na=0.9)
    for name in system.designs:
        psf = np.asarray(system.psf(system.design(name)), dtype=np.float64)
        assert psf.sum() == pytest.approx(1, abs=1e-6)
        assert psf.min() > -1e-7


@pytest.mark.parametrize("shape", [(20,), (9, 12)])
def test_the_measurement_is_the_middle_of_the_scene_convolved_with_the_pattern(float64, shape):
    system = lens(shape=shape, margin=5)
    params = system.design("objective-20x")
    scene = np.random.default_rng(0).random(system.scene.shape)
    psf = np.fft.ifftshift(np.asarray(system.psf(params)))
    full = np.zeros_like(scene)
    for place in np.ndindex(*scene.shape):
        full += scene[place] * np.roll(psf, place, axis=range(len(shape)))
    expected = full[tuple(slice(5, 5 + n) for n in shape)]
    np.testing.assert_allclose(system.encode(params, jnp.asarray(scene)), expected, atol=1e-13)


def test_light_beyond_the_sensor_spills_in_and_its_own_does_not_wrap_round():
    system = lens(shape=(32,), margin=32)
    params = system.design()
    outside = np.zeros(96, np.float32)
    outside[30] = 1
    image = np.asarray(system.encode(params, jnp.asarray(outside)))
    assert image[0] > 0.1  # two pixels from the point
    assert image[-1] < 1e-3


@pytest.mark.parametrize("shape", [(33,), (9, 10)])
def test_the_gradient_in_the_aperture_agrees_with_finite_differences(float64, shape):
    system = lens(shape=shape, margin=4, pixel=0.3)
    rng = np.random.default_rng(0)
    scene, weights = jnp.asarray(rng.random(system.scene.shape)), jnp.asarray(rng.random(shape))
    loss = jax.jit(lambda na: (weights * system.encode({"na": na}, scene)).sum())
    for na in (0.137, 0.512, 0.891):
        step = 1e-6
        expected = float(loss(na + step) - loss(na - step)) / (2 * step)
        assert float(jax.grad(loss)(na)) == pytest.approx(expected, rel=1e-5)


def test_a_larger_aperture_makes_a_sharper_image():
    system = lens(shape=(32, 32))
    peaks = [float(system.psf(system.design(name)).max()) for name in ("objective-4x", "objective-20x", "objective-60x")]
    assert peaks == sorted(peaks)


def test_noise_is_gaussian_where_a_sigma_is_set():
    assert lens().noise(lens().design()).name == "poisson"
    assert lens(sigma=2.0).noise(lens().design()).sigma == 2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"shape": (3, 4, 5)}, "expected 1 or 2 numbers"),
        ({"shape": (0,)}, "shape is 0 pixels, expected a whole number, 1 to 65536"),
        ({"na": 1.2}, "na is 1.2, expected 0.01 to the refractive index 1"),
        ({"na": 0.0}, "na is 0, expected above 0"),
        ({"wavelength": -0.5}, "wavelength is -0.5 um, expected 0.05 to 20 um"),
        ({"margin": -1}, "margin is -1 pixels, expected a whole number, 0 to"),
        ({"fill": 1.5}, "fill is 1.5 pixels, expected 0 to 1"),
        ({"sigma": -1.0}, r"sigma is -1 photoelectrons, expected 0 \(photon counting\)"),
    ],
)
def test_settings_without_a_meaning(settings, message):
    with pytest.raises(UsageError, match=message):
        lens(**settings)


def test_an_aperture_above_one_needs_immersion():
    system = lens(na=1.3, index=1.518)
    system.check_params(system.design())
    with pytest.raises(UsageError, match=r"expected 0\.01 to 1"):
        lens().check_params({"na": jnp.asarray(1.3)})


@pytest.mark.parametrize("na", [0.2, 0.95, 1.4])
def test_labels_of_ticks_do_not_touch(na):
    system = make_system("diffraction-limited", shape=(64, 64), index=1.518, pixel=0.05)
    figure = Figure()
    system.draw({"na": jnp.asarray(na)}, figure)
    figure.draw_without_rendering()
    for axes in figure.axes[:2]:
        low, high = axes.get_xlim()
        boxes = [
            tick.label1.get_window_extent()
            for tick in axes.xaxis.get_major_ticks()
            if min(low, high) <= tick.get_loc() <= max(low, high)
        ]
        assert len(boxes) > 2
        assert all(right.x0 - left.x1 > 3 for left, right in itertools.pairwise(boxes))


@pytest.mark.parametrize(("shape", "curve"), [((1,), 1), ((1, 1), 2)])
def test_the_light_beyond_a_margin_is_what_the_pattern_puts_there(float64, shape, curve):
    """Beyond both sides of a wide margin: by the pattern itself, on a line, and behind edges of a square, in a plane."""
    system = lens(shape=shape, pixel=0.1, na=0.5)
    cutoff, margin = 2 * 0.5 / 0.5, 60
    edge = (margin + 0.5) * 0.1
    if curve == 1:
        inside = quad(lambda x: cutoff * np.sinc(cutoff * x) ** 2, -edge, edge, limit=500)[0]
    else:
        place = (np.arange(4000) + 0.5) * edge / 4000
        light = airy(np.hypot(place[:, None], place), cutoff)
        inside = 4 * light.sum() * (edge / 4000) ** 2
    assert system.spilt_light({"na": 0.5}, margin) == pytest.approx(1 - inside, rel=0.03)


def test_less_light_spills_in_over_a_wider_margin_and_the_margin_named_is_enough():
    system = lens()
    for name in system.designs:
        params = system.design(name)
        shares = [system.spilt_light(params, margin) for margin in (8, 32, 128, 512)]
        assert shares == sorted(shares, reverse=True)
        wide = system.replace(margin=system.margin_for(params))
        assert wide.findings(params) == []
        assert wide.replace(margin=wide.margin - 24).findings(params)
    assert system.findings(system.design()) == []
    assert system.replace(margin=0).findings(system.design()) == []  # a scene that is meant to repeat


@pytest.mark.parametrize("name", ["objective-10x", "lens", "objective-60x"])
def test_with_the_margin_named_pictures_are_as_with_a_wide_one(name):
    """Photographs, root mean square of the difference over their standard deviation; a margin of 16 was off by 2 to 8 %."""
    from ideal.datasets import make_objects

    far = 224
    system = lens(margin=far)
    params = system.design(name)
    scenes = make_objects("photographs").open(system.scene, 1).read(0, 16).scenes
    truth = system.images(params, scenes)

    def error(margin):
        inner = slice(far - margin, far + 32 + margin)
        found = lens(margin=margin).images(params, scenes[:, inner, inner])
        return np.sqrt(np.mean((found - truth) ** 2)) / truth.std()

    assert error(system.margin_for(params)) < 0.01
    assert error(8) > 0.018
    assert lens(margin=8).findings(params)
