"""Networks against the best that any decoder can do where that is known, and training that is gone on with."""

import jax
import numpy as np
import pytest
from scipy.stats import poisson

from ideal.decoders import ImageClassifier, ImageRegressor, accuracy, gaussian_log_likelihood, label_log_likelihood
from ideal.errors import DataError, UsageError
from ideal.noise import Poisson

pytestmark = pytest.mark.usefixtures("hasty_compiler")

SIDE = 6
EFFORT = 0.01
PLACES = np.array([[0, 0], [0, 5], [5, 0], [5, 5]])


def corners(seed, count, light=3.0):
    """Images whose class is the corner that gives more light, and the log-probabilities of Bayes' rule."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, count)
    means = np.full((4, SIDE, SIDE), 1.0)
    means[np.arange(4), *PLACES.T] += light
    images = rng.poisson(means[labels])
    logs = np.stack([poisson(mean).logpmf(images).sum((1, 2)) for mean in means], axis=1)
    return images, labels, logs - np.logaddexp.reduce(logs, axis=1)[:, None]


@pytest.fixture(scope="module")
def fitted():
    train, validation = corners(0, 1600), corners(1, 400)
    return ImageClassifier.fit(0, *train[:2], *validation[:2], noise=Poisson(), effort=EFFORT)


def test_a_classifier_comes_near_bayes_rule_and_not_above(fitted):
    images, labels, best = corners(2, 4000)
    logs = fitted.log_probabilities(images)
    assert np.exp(logs).sum(1) == pytest.approx(np.ones(len(images)))
    found, ceiling = (label_log_likelihood(each, labels).mean() for each in (logs, best))
    assert ceiling - 0.08 < found < ceiling + 0.02  # of ln 4 = 1.39 nats; the sampling error of the difference is below 0.01
    assert accuracy(logs, labels).mean() > accuracy(best, labels).mean() - 0.03


def test_images_are_decoded_alike_in_any_company(fitted):
    images, _, _ = corners(3, 37)
    logs = fitted.log_probabilities(images)
    assert fitted.log_probabilities(images[5:8]) == pytest.approx(logs[5:8], abs=1e-5)
    assert fitted.log_probabilities(images[..., None]) == pytest.approx(logs)
    with pytest.raises(UsageError, match="was fitted to"):
        fitted.log_probabilities(images[:, :5])


def test_labels_that_images_do_not_show_are_not_learnt():
    rng = np.random.default_rng(0)
    parts = [(corners(seed, count)[0], rng.integers(0, 4, count)) for seed, count in ((0, 1600), (1, 400))]
    decoder = ImageClassifier.fit(0, *parts[0], *parts[1], noise=Poisson(), effort=2e-3)
    logs = decoder.log_probabilities(corners(2, 2000)[0])
    expected = label_log_likelihood(logs, rng.integers(0, 4, 2000)).mean()
    assert expected == pytest.approx(-np.log(4), abs=0.03)  # the best on validation says about the frequencies


def brightness(seed, count):
    """Images of pure Poisson light, whose mean is to be told: the sum of counts says all."""
    rng = np.random.default_rng(seed)
    light = rng.uniform(2, 6, count)
    return rng.poisson(light[:, None, None], (count, SIDE, SIDE)), light


def test_a_regressor_tells_brightness_and_knows_its_error():
    train, validation, test = (brightness(seed, count) for seed, count in ((0, 1600), (1, 400), (2, 4000)))
    decoder = ImageRegressor.fit(0, *train, *validation, noise=Poisson(), effort=EFFORT)
    mean, sigma = decoder.predict(test[0])
    assert mean.shape == sigma.shape == (4000,)
    sums = test[0].mean((1, 2))
    error, least = (np.sqrt(((each - test[1]) ** 2).mean()) for each in (mean, sums))
    assert error < 1.1 * least
    assert ((mean - test[1]) / sigma).std() == pytest.approx(1, abs=0.12)
    deviation = np.sqrt(test[1] / SIDE**2)
    ideal = gaussian_log_likelihood(test[1], deviation, sums).mean()
    assert gaussian_log_likelihood(mean, sigma, test[1]).mean() > ideal - 0.1


def test_interrupted_training_gives_the_same_network(tmp_path, fitted):
    train, validation = corners(0, 1600), corners(1, 400)
    calls = []

    def stop(text, fraction):
        calls.append((text, fraction))
        if len(calls) == 2:
            raise KeyboardInterrupt

    options = {"noise": Poisson(), "effort": EFFORT, "checkpoint": tmp_path / "classifier.npz"}
    with pytest.raises(KeyboardInterrupt):
        ImageClassifier.fit(0, *train[:2], *validation[:2], progress=stop, **options)
    assert options["checkpoint"].exists()
    assert calls[0][0].startswith("decoder: classifier")
    assert 0 < calls[0][1] < 1
    seen = []
    resumed = ImageClassifier.fit(0, *train[:2], *validation[:2], progress=lambda text, at: seen.append(at), **options)
    assert seen[0] > calls[0][1]  # not begun anew
    images = corners(3, 50)[0]
    np.testing.assert_array_equal(resumed.log_probabilities(images), fitted.log_probabilities(images))


def test_keys_of_all_kinds_are_taken_and_others_give_another_network():
    train, validation = corners(0, 64), corners(1, 64)
    images = corners(3, 8)[0]
    found = [
        ImageClassifier.fit(key, *train[:2], *validation[:2], effort=1e-3).log_probabilities(images)
        for key in (3, np.random.default_rng(3), jax.random.key(3))
    ]
    np.testing.assert_array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])


IMAGES, LABELS = np.ones((8, SIDE, SIDE)), np.arange(8) % 2


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ImageClassifier.fit(0, IMAGES[0], LABELS, IMAGES, LABELS), UsageError, "expected real images"),
        (lambda: ImageClassifier.fit(0, IMAGES * 1j, LABELS, IMAGES, LABELS), UsageError, "expected real images"),
        (lambda: ImageClassifier.fit(0, IMAGES, LABELS[:5], IMAGES, LABELS), UsageError, "one for each of 8"),
        (lambda: ImageClassifier.fit(0, IMAGES, LABELS * 0.5, IMAGES, LABELS), UsageError, "whole numbers from 0"),
        (lambda: ImageClassifier.fit(0, IMAGES, 2 * LABELS, IMAGES, LABELS), DataError, "no training image shows class 1"),
        (lambda: ImageClassifier.fit(0, IMAGES, LABELS, IMAGES[:, 1:], LABELS), UsageError, "those of validation"),
        (lambda: ImageClassifier.fit(0, IMAGES, LABELS, IMAGES, LABELS, effort=0), UsageError, "effort must be"),
        (lambda: ImageClassifier.fit(0, IMAGES * np.nan, LABELS, IMAGES, LABELS), DataError, "not finite"),
        (lambda: ImageRegressor.fit(0, IMAGES, LABELS * 0.0, IMAGES, LABELS), DataError, "nothing to tell"),
        (lambda: ImageRegressor.fit(0, IMAGES, LABELS[:5], IMAGES, LABELS), UsageError, "targets have shape"),
        (lambda: ImageRegressor.fit(0, IMAGES, LABELS, IMAGES, np.ones((8, 2))), UsageError, "as many values"),
    ],
)
def test_what_cannot_be_fitted_is_refused_in_one_line(call, error, message):
    with pytest.raises(error, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
