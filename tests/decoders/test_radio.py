"""Images from visibilities against the interferometer itself, closed forms, and a slow reference."""

import numpy as np
import pytest
from scipy.optimize import minimize

from ideal.datasets import make_objects
from ideal.decoders import CondensedVisibilities, dirty_images, linear_sky_decoder, regularised_likelihood
from ideal.errors import DataError, UsageError
from ideal.imaging import make_system

RINGS = {"diameter": 40.0, "width": 24.0, "shift": 4.0}
SYSTEM = make_system("interferometer", sites=("ALMA", "SMT", "LMT", "PV"), shape=(16, 16), interval=300.0)


@pytest.fixture(scope="module")
def condensed():
    return CondensedVisibilities.of(SYSTEM)


@pytest.fixture(scope="module")
def skies():
    return make_objects("black-hole-rings", **RINGS).open(SYSTEM.scene, 3).read(0, 400).scenes.astype(np.float64)


def by_hand(shape, scale):
    """Each pixel measured alone."""
    size = int(np.prod(shape))
    return CondensedVisibilities(scale * np.eye(size).reshape(size, *shape), np.zeros((size, 0)), 1.0)


def test_combinations_are_those_of_the_visibilities_with_independent_noise(condensed, skies):
    visibilities = SYSTEM.images(SYSTEM.design(), skies[:5].astype(np.float32))
    assert condensed.mean(skies[:5]) == pytest.approx(condensed.condense(visibilities), abs=5e-3)  # of thousands, in float32
    scaled = condensed.weights * SYSTEM.sigma
    assert (scaled @ scaled.conj().T).real == pytest.approx(np.eye(len(scaled)), abs=1e-9)
    noise = SYSTEM.noise(SYSTEM.design()).sample(np.random.default_rng(0), np.zeros((400, len(SYSTEM.sigma)), complex))
    values = condensed.condense(noise)
    assert np.cov(values.T).diagonal().mean() == pytest.approx(1, abs=0.03)
    noisy, mean = condensed.measure(skies, np.random.default_rng(1))
    assert (noisy - mean).std() == pytest.approx(1, abs=0.03)


def test_hardly_anything_is_left_out(condensed, skies):
    visibilities = SYSTEM.images(SYSTEM.design(), skies[:20].astype(np.float32)).astype(complex)
    whole = (np.abs(visibilities / SYSTEM.sigma) ** 2).sum(1)
    missing = whole - (condensed.mean(skies[:20]) ** 2).sum(1)
    assert np.abs(missing).max() < 1e-5 * whole.min()
    assert 20 < len(condensed.seen) < len(SYSTEM.sigma) / 2


def test_weights_of_sites_count(condensed):
    params = SYSTEM.design()
    params["weights"] = np.array([1.0, 1.0, 1.0, 0.0])
    three = CondensedVisibilities.of(SYSTEM, params)
    other = CondensedVisibilities.of(SYSTEM.replace(sites=("ALMA", "SMT", "LMT")))
    assert len(three.seen) == len(other.seen) < len(condensed.seen)
    assert three.matrix.T @ three.matrix == pytest.approx(
        other.matrix.T @ other.matrix, abs=1e-5 * (other.matrix**2).sum(0).max()
    )


def test_a_point_source_reads_its_flux_in_the_dirty_image(condensed):
    sky = np.zeros((2, 16, 16))
    sky[0, 5, 9], sky[1, 12, 3] = 1.0, 2.5
    dirty = dirty_images(condensed, condensed.mean(sky))
    assert dirty[0, 5, 9] == pytest.approx(1.0, abs=1e-3)
    assert dirty[1, 12, 3] == pytest.approx(2.5, abs=3e-3)
    assert dirty.max() == pytest.approx(2.5, abs=3e-3)
    visibilities = SYSTEM.images(SYSTEM.design(), sky.astype(np.float32))
    adjoint = np.real(visibilities / SYSTEM.sigma**2 @ _fourier().conj()) / (1 / SYSTEM.sigma**2 * _pulse() ** 2).sum()
    assert dirty == pytest.approx(adjoint.reshape(dirty.shape), abs=2e-3)


def _fourier():
    return SYSTEM.images(SYSTEM.design(), np.eye(256, dtype=np.float32).reshape(256, 16, 16)).T


def _pulse():
    return np.abs(_fourier()).mean(1)


def test_the_linear_decoder_reaches_the_error_that_algebra_promises(condensed, skies):
    rng = np.random.default_rng(2)
    root = rng.standard_normal((200, 256)) * 0.003
    fields = 0.01 + (rng.standard_normal((5000, 200)) @ root).reshape(-1, 16, 16)
    decoder = linear_sky_decoder(condensed, fields[:4000])
    decoded = decoder.decode(condensed.measure(fields[4000:], rng)[0])
    prior, matrix = root.T @ root, condensed.matrix
    gain = prior @ matrix.T @ np.linalg.inv(matrix @ prior @ matrix.T + np.eye(len(matrix)))
    promised = np.trace(prior - gain @ matrix @ prior) / 256
    assert ((decoded - fields[4000:]) ** 2).mean() == pytest.approx(promised, rel=0.1)
    nothing = CondensedVisibilities(np.zeros((0, 16, 16)), np.zeros((0, 0)), 1.0)
    alone = linear_sky_decoder(nothing, skies).decode(np.zeros((2, 0)))
    assert alone == pytest.approx(np.broadcast_to(skies.mean(0), (2, 16, 16)))


def test_total_variation_shrinks_a_step_by_what_the_closed_form_says():
    sky = np.full((1, 6, 8), 0.01)
    sky[:, :, 3:] = 0.05
    each = by_hand((6, 8), 100.0)
    weight = 30.0
    found = regularised_likelihood(each, each.mean(sky), weight, iterations=2000)[0]
    step = weight / 100.0**2
    assert found[:, :3] == pytest.approx(0.01 + step / 3, abs=1e-5)
    assert found[:, 3:] == pytest.approx(0.05 - step / 5, abs=1e-5)
    many = regularised_likelihood(each, np.repeat(each.mean(sky), 2, 0), np.array([weight, 1e3]), iterations=2000)
    assert many[0] == pytest.approx(found, abs=1e-6)
    assert many[1] == pytest.approx(sky.mean(), abs=1e-4)  # one constant, where the weight is large


def test_it_is_never_negative_and_keeps_a_flux_that_is_known():
    sky = np.array([[[0.4, 0.0], [0.0, 0.0]]])
    each = by_hand((2, 2), 10.0)
    values = each.mean(sky) - np.array([[0, 3.0, 0, 0]])
    free = regularised_likelihood(each, values, 1e-3, iterations=500)[0]
    assert free == pytest.approx(sky[0], abs=1e-4)
    known = regularised_likelihood(each, each.mean(sky), 1e-3, flux=1.0, iterations=500)[0]
    assert known == pytest.approx(sky[0] + 0.15, abs=1e-3)  # what lacks is shared by all, where the errors are equal
    flat, weight = np.full((1, 2, 2), 0.25), 5.0
    dark = regularised_likelihood(each, each.mean(flat), weight, prior=flat[0], prior_weight=0.5, iterations=500)[0]
    assert dark == pytest.approx(0.25 - weight * 0.5 / 1.02 / 10**2, abs=1e-4)  # the gradient of the prior's term over the data's


def test_it_reaches_the_minimum_that_a_general_method_finds(condensed, skies):
    weight, prior = 3000.0, skies[20:].mean(0)
    values, _ = condensed.measure(skies[:1], np.random.default_rng(5))
    found = regularised_likelihood(condensed, values, weight, prior=prior, prior_weight=0.1, flux=1.0, iterations=4000)
    dark = 0.1 / (prior / prior.max() + 0.02)

    def objective(flat, target, softness=0.0):
        image = flat.reshape(16, 16)
        residual, lacking = condensed.matrix @ flat - target, (flat.sum() - 1) / 1e-4
        down, across = (np.diff(image, axis=axis, append=image.take([-1], axis)) for axis in (0, 1))
        length = np.sqrt(down**2 + across**2 + softness**2)
        value = 0.5 * residual @ residual + 0.5 * lacking**2 + weight * ((length - softness).sum() + (dark * image).sum())
        with np.errstate(invalid="ignore"):
            rows, columns = np.nan_to_num(down / length), np.nan_to_num(across / length)
        slope = -rows - columns
        slope[1:] += rows[:-1]
        slope[:, 1:] += columns[:, :-1]
        return value, condensed.matrix.T @ residual + lacking / 1e-4 + weight * (slope + dark).ravel()

    for image, target in zip(found, values, strict=True):
        slow = np.full(256, 1 / 256)
        for softness in (1e-3, 1e-4, 1e-5):
            options = {"maxiter": 1500, "maxfun": 3000, "maxcor": 40, "ftol": 1e-14, "gtol": 1e-6}
            slow = minimize(
                objective, slow, (target, softness), jac=True, method="L-BFGS-B", bounds=[(0, None)] * 256, options=options
            ).x
        reached, reference = (objective(np.asarray(each, np.float64).ravel(), target)[0] for each in (image, slow))
        assert reached < reference * 1.005
        assert image.ravel() == pytest.approx(slow, abs=0.05 * slow.max())


def test_knowing_flux_and_darkness_makes_better_images(condensed, skies):
    values, _ = condensed.measure(skies[:16], np.random.default_rng(6))
    alone = regularised_likelihood(condensed, values, 600.0)
    known = regularised_likelihood(condensed, values, 600.0, prior=skies[20:].mean(0), prior_weight=0.1, flux=1.0)
    errors = [((each - skies[:16]) ** 2).mean() for each in (alone, known)]
    assert errors[1] < errors[0] < ((skies[:16] - skies[:16].mean((1, 2), keepdims=True)) ** 2).mean()
    assert known.sum((1, 2)) == pytest.approx(1.0, abs=0.02)


def test_what_has_no_meaning_is_refused(condensed, skies):
    values = condensed.mean(skies[:2])
    with pytest.raises(DataError, match="combinations of visibilities of shape"):
        dirty_images(condensed, values[:, :-1])
    with pytest.raises(UsageError, match="positive weight"):
        regularised_likelihood(condensed, values, 0.0)
    with pytest.raises(UsageError, match="positive weight"):
        regularised_likelihood(condensed, values, 1.0, flux=-1.0)
    with pytest.raises(DataError, match="prior image"):
        regularised_likelihood(condensed, values, 1.0, prior=np.ones((8, 8)))
    with pytest.raises(DataError, match="skies of shape"):
        linear_sky_decoder(condensed, skies[:1])
    with pytest.raises(DataError, match="skies of shape"):
        condensed.mean(skies[:, :8])
    with pytest.raises(DataError, match="visibilities of shape"):
        condensed.condense(np.zeros((2, 3), complex))


def test_sites_of_half_the_weight_are_condensed_to_the_means_of_the_skies():
    system = make_system("interferometer", shape=(12, 12), interval=3600.0)
    params = system.design("half")
    condensed = CondensedVisibilities.of(system, params)
    skies = np.random.default_rng(0).random((3, 12, 12)).astype(np.float32)
    skies /= skies.sum((1, 2), keepdims=True)
    mean = condensed.mean(skies)
    np.testing.assert_allclose(condensed.condense(system.images(params, skies)), mean, atol=1e-5 * np.abs(mean).max())
    visibilities = system.noise(params).sample(np.random.default_rng(1), np.zeros((2000, *system.measurement_shape)))
    np.testing.assert_allclose(condensed.condense(visibilities).std(0), 1, rtol=0.08)
