"""Gaussian classes as sources of class probabilities, and the average of all sources, against known answers."""

import numpy as np
import pytest
from scipy.special import logsumexp

from ideal.density import Sensor
from ideal.information.labels.classifier import Posterior
from ideal.information.labels.discriminant import Discriminants, Pool
from ideal.information.labels.estimation import task_information
from ideal.measurements.measurement_set import from_arrays

LN2 = np.log(2)


def truth(logs, labels):
    """Return I(T;Y) in bits of equally probable classes by Monte Carlo, for ln p(y|t) (sample, class)."""
    return (np.log(logs.shape[1]) + logs[np.arange(len(labels)), labels] - logsumexp(logs, axis=1)).mean() / LN2


def bound(scores, labels, log_prior):
    """Return the Barber-Agakov bound of scores calibrated on one half and scored on the other, bits."""
    half = len(labels) // 2
    found = Posterior.fit(scores[:half], labels[:half], log_prior).log_prob(scores[half:])
    return -log_prior[0] / LN2 + found[np.arange(len(labels) - half), labels[half:]].mean() / LN2


def parts_of(values, labels):
    third = len(labels) // 3
    cuts = slice(0, third), slice(third, 2 * third), slice(2 * third, None)
    return [values[cut] for cut in cuts], [labels[cut] for cut in cuts]


def one_covariance(shape, classes=5, count=6000, distance=0.45):
    rng, size = np.random.default_rng(0), int(np.prod(shape))
    mix = np.eye(size) + 0.5 * np.eye(size, k=1)
    means = distance * rng.standard_normal((classes, size))
    labels = np.arange(count) % classes
    white = means[labels] + rng.standard_normal((count, size))
    logs = np.stack([-0.5 * ((white - mean) ** 2).sum(1) for mean in means], axis=1)
    return (white @ mix).reshape(count, *shape), labels, truth(logs, labels)


def two_covariances(shape, count=9000):
    rng, size = np.random.default_rng(1), int(np.prod(shape))
    scales = np.linspace(0.6, 1.6, size)
    labels = np.arange(count) % 2
    values = rng.standard_normal((count, size)) * np.where(labels[:, None], scales, scales[::-1])
    logs = np.stack([-0.5 * ((values / each) ** 2).sum(1) for each in (scales[::-1], scales)], axis=1)
    return values.reshape(count, *shape), labels, truth(logs, labels)


@pytest.mark.parametrize("shape", [(16,), (4, 4), (2, 4, 2)])
def test_classes_of_one_covariance_are_told_by_the_linear_one(shape):
    values, labels, expected = one_covariance(shape)
    (train, validation, test), (first, second, third) = parts_of(values, labels)
    model = Discriminants.fit(train, validation, (first, second), 5, Sensor())
    found = bound(model.linear(test), third, np.full(5, -np.log(5)))
    assert expected - 0.05 < found < expected + 0.05
    assert bound(model.quadratic(test), third, np.full(5, -np.log(5))) > expected - 0.1


@pytest.mark.parametrize("shape", [(12,), (3, 4)])
def test_classes_of_one_mean_are_told_by_their_covariances(shape):
    values, labels, expected = two_covariances(shape)
    (train, validation, test), (first, second, third) = parts_of(values, labels)
    model = Discriminants.fit(train, validation, (first, second), 2, Sensor())
    prior = np.full(2, -LN2)
    assert expected - 0.05 < bound(model.quadratic(test), third, prior) < expected + 0.05
    assert abs(bound(model.linear(test), third, prior)) < 0.01


def test_complex_values_count_as_their_parts():
    rng = np.random.default_rng(2)
    labels = np.arange(3000) % 2
    real = rng.standard_normal((3000, 3)) + 0.8 * labels[:, None]
    values = rng.standard_normal((3000, 3)) + 1j * real  # the class is in the imaginary part alone
    (train, validation, test), (first, second, third) = parts_of(values, labels)
    model = Discriminants.fit(train, validation, (first, second), 2, Sensor())
    logs = np.stack([-0.5 * ((real - level) ** 2).sum(1) for level in (0, 0.8)], axis=1)
    assert bound(model.linear(test), third, np.full(2, -LN2)) == pytest.approx(truth(logs, labels), abs=0.05)


def test_large_images_are_taken_in_blocks_and_large_vectors_not_at_all():
    rng = np.random.default_rng(3)
    labels = np.arange(60) % 2
    light = np.where(labels, 4.0, 6.0)[:, None, None] * np.ones((60, 41, 70))
    values = rng.poisson(light).astype(float)
    model = Discriminants.fit(values[:40], values[40:], (labels[:40], labels[40:]), 2, Sensor(1.0, 0.0, 0.0, (0.0, 1.0)))
    assert model.features(values).shape[1] <= 1024
    assert (model.linear(values).argmax(1) == labels).all()
    assert Discriminants.fit(np.ones((40, 1500)), np.ones((20, 1500)), (labels[:40], labels[40:]), 2, Sensor()) is None


def test_a_pool_is_no_worse_than_its_members_and_prefers_the_right_one():
    rng = np.random.default_rng(4)
    labels = rng.integers(0, 3, 2000)
    evidence = rng.standard_normal((2000, 3)) + 1.5 * np.eye(3)[labels]
    prior = np.full(3, -np.log(3))
    members = [Posterior.fit(scores, labels, prior) for scores in (evidence, rng.standard_normal((2000, 3)))]
    logs = [members[0].log_prob(evidence), members[1].log_prob(rng.standard_normal((2000, 3)))]
    pool = Pool.fit(members, logs, labels)
    found = pool.log_prob(logs)
    assert np.exp(found).sum(1) == pytest.approx(1)
    assert pool.weights[0] > 0.95
    rows = np.arange(2000)
    assert found[rows, labels].mean() >= max(each[rows, labels].mean() for each in logs) - 1e-6


@pytest.mark.slow
def test_small_images_say_as_much_as_the_same_numbers_in_vectors():
    values, labels, expected = one_covariance((4, 4), classes=4, count=2000, distance=0.5)
    sources = (from_arrays(each, labels=labels, noise="gaussian", sigma=1.0) for each in (values, values.reshape(2000, 16)))
    image, vector = (task_information(source, effort=0.02) for source in sources)
    assert image.information > vector.information - 0.05
    for found in (image, vector):
        assert found.information > expected - 0.12
        assert found.interval[0] < expected
        assert {"density", "network", "linear", "gaussian", "pool"} == set(found.posteriors)


@pytest.mark.slow
def test_labels_that_images_do_not_show_stay_at_nothing():
    rng = np.random.default_rng(5)
    images = rng.poisson(np.exp(rng.normal(1, 0.5, (600, 1, 1))) * np.ones((6, 6))).astype(np.uint16)
    found = task_information(from_arrays(images, labels=rng.integers(0, 3, 600), noise="poisson"), effort=0.02)
    assert found.interval[0] <= 0
    assert found.information < 0.03
