"""I(T;Y) against worlds where it is known, and what lower bounds have to do whatever the model."""

import json

import numpy as np
import pytest
from scipy.special import log_softmax
from scipy.stats import norm, poisson

from ideal.errors import DataError, UsageError
from ideal.information.intervals import GroupedValues
from ideal.information.labels.classes import stratified_folds
from ideal.information.labels.classifier import Posterior
from ideal.information.labels.estimation import _fano, _rate_interval, task_information
from ideal.measurements.measurement_set import from_arrays

LN2 = np.log(2)
EFFORT, COUNT = 0.02, 1500  # the same for all worlds of images, so that what they fit is compiled once


def two_levels(rng, count, low, high, side=6):
    """Even images of two brightnesses in photon noise: the total count says all, so that I(T;Y) is a sum over it."""
    labels = rng.integers(0, 2, count)
    counts = rng.poisson(np.where(labels, high, low)[:, None, None], (count, side, side))
    total = np.arange(0, int(side**2 * high * 3 + 50))
    logs = poisson.logpmf(total[:, None], side**2 * np.array([low, high]))
    joint = np.exp(logs) / 2
    truth = 1 + (joint * log_softmax(logs, axis=1)).sum() / LN2
    return from_arrays(counts.astype(np.uint16), labels=labels, noise="poisson"), truth


@pytest.fixture(scope="module")
def dim():
    """Estimate with an error rate of about a tenth; truth in bits."""
    source, truth = two_levels(np.random.default_rng(0), COUNT, 3.0, 3.8)
    return task_information(source, effort=EFFORT), truth


@pytest.mark.slow
def test_the_bound_is_below_the_truth_and_close(dim):
    found, truth = dim
    assert 0.4 < truth < 0.8
    error = (found.interval[1] - found.interval[0]) / 4
    assert found.information < truth + 3 * error
    assert found.interval[0] < truth
    assert found.information > truth - 0.05 - 3 * error
    assert found.posteriors["density"].information > truth - 0.05 - 3 * error


def test_bounds_stand_in_order(dim):
    found, _ = dim
    assert found.fano_conservative <= found.fano <= found.information + 0.02
    assert found.information <= found.label_entropy <= 1.0 + 1e-3
    assert found.interval[0] < found.information < found.interval[1] <= found.label_entropy
    assert found.error_interval[0] < found.error_rate < found.error_interval[1]
    assert found.uncalibrated[0] <= found.posteriors["density"].information + 0.02


def test_the_difference_of_bounds_is_said_to_be_none(dim):
    found, _ = dim
    document = json.loads(json.dumps(found.to_dict()))
    assert document["entropy_difference"]["is_bound"] is False
    difference = found.entropy_bound - found.conditional_entropy_bound
    assert difference == pytest.approx(found.difference[0], abs=1e-6)
    assert document["task_information_bits"] == found.information
    lines = found.lines()
    assert any(line.startswith("no bound: H(Y) - H(Y|T)") for line in lines)
    assert max(map(len, lines)) < 140


def test_separable_classes_give_the_entropy_of_the_labels():
    source, truth = two_levels(np.random.default_rng(1), COUNT, 3.0, 40.0)
    found = task_information(source, effort=EFFORT, model="full")
    assert truth == pytest.approx(1)
    assert found.label_entropy - 0.03 < found.information <= found.label_entropy
    assert found.error_rate == 0
    assert found.error_interval[1] > 0
    assert found.fano == found.label_entropy > found.fano_conservative > 0.5


def test_labels_at_random_give_nothing():
    rng = np.random.default_rng(2)
    images = rng.poisson(np.exp(rng.normal(1, 0.5, (COUNT, 1, 1))) * np.ones((6, 6)))
    source = from_arrays(images.astype(np.uint16), labels=rng.integers(0, 2, COUNT), noise="poisson")
    found = task_information(source, effort=EFFORT, model="full")
    assert -0.03 < found.information < 0.03
    assert found.interval[0] <= 0
    assert found.fano < 0.03


def gaussian_vectors(rng, count, is_complex=False):
    """Two means in white noise of unit variance, three standard deviations apart; the truth by quadrature along the line."""
    labels = rng.choice(["cat", "dog"], count)
    values = rng.standard_normal((count, 4))
    values[:, :2] += 3 / np.sqrt(2) * (labels == "dog")[:, None]
    at = np.linspace(-10, 13, 20_001)
    logs = np.stack([norm.logpdf(at), norm.logpdf(at - 3)], axis=1)
    truth = 1 + (np.exp(logs) / 2 * log_softmax(logs, axis=1)).sum() * (at[1] - at[0]) / LN2
    if is_complex:
        return from_arrays(values[:, :2] + 1j * values[:, 2:], labels=labels, noise="complex-gaussian", sigma=1.0), truth
    return from_arrays(values, labels=labels, noise="gaussian", sigma=1.0), truth


@pytest.mark.parametrize("is_complex", [False, True])
def test_vectors_have_a_gaussian_for_each_class(is_complex):
    source, truth = gaussian_vectors(np.random.default_rng(3), 2000, is_complex)
    found = task_information(source, effort=EFFORT)
    assert found.model == "full"
    assert found.unit == "measurement"
    assert set(found.classes) == {"cat", "dog"}
    assert found.information == pytest.approx(truth, abs=0.06)
    assert found.posteriors["density"].information == pytest.approx(truth, abs=0.06)


def small(side=4, **changes):
    rng = np.random.default_rng(4)
    labels = np.arange(60) % 2
    images = rng.normal(labels[:, None, None], 1.0, (60, side, side))
    given = {"measurements": images, "labels": labels, "noise": "gaussian", "sigma": 1.0} | changes
    return from_arrays(**given)


def test_a_seed_decides_everything():
    first, second = (task_information(small(), effort=EFFORT, model="full") for _ in range(2))
    left, right = (each.to_dict() | {"seconds": 0} for each in (first, second))
    assert left == right


def test_few_sources_are_scored_in_turn_by_group():
    groups = np.arange(60) // 2 % 15
    labels = groups % 3 > 0
    found = task_information(small(groups=groups, labels=labels), effort=EFFORT, model="full")
    assert found.n_groups == 15
    assert found.n_test == 60
    assert found.n_folds == 5
    assert found.classes == ("False", "True")


def test_patches_have_the_label_of_their_image_and_the_noise_need_not_be_known():
    source = small(side=8, noise=None, sigma=None)
    found = task_information(source, patch=4, effort=EFFORT, model="full", max_patches=60)
    assert found.unit == "patch"
    assert sum(found.counts) == 60 > found.n_groups
    assert any("cut into patches of 4x4" in line for line in found.warnings)
    assert task_information(small(noise=None, sigma=None), patch=None, effort=EFFORT, model="full").unit == "image"


@pytest.mark.slow
def test_noise_that_nobody_named_sets_no_scale():
    rng = np.random.default_rng(6)
    labels = rng.integers(0, 2, 150)
    values = 5 + 0.5 * labels[:, None, None] + rng.standard_normal((150, 6, 6))
    found = [task_information(from_arrays(unit * values, labels=labels), effort=0.02) for unit in (1.0, 1e-3)]
    bounds = [each.posteriors["density"].information for each in found]
    assert bounds[1] == pytest.approx(bounds[0], abs=0.1)
    gaps = found[0].conditional_entropy_bound - found[1].conditional_entropy_bound
    assert gaps == pytest.approx(36 * np.log2(1e3), abs=2)


def test_the_split_keeps_groups_together_and_every_class_in_every_part():
    rng = np.random.default_rng(5)
    groups = rng.integers(0, 40, 500)
    labels = (groups % 10 == 0).astype(int)
    folds = stratified_folds("file", np.arange(2), labels, groups, seed=0)
    assert len(folds) == 4
    assert np.array_equal(np.sort(np.concatenate([fold.test for fold in folds])), np.arange(500))
    for fold in folds:
        parts = fold.train, fold.validation, fold.test
        assert all(set(labels[part]) == {0, 1} for part in parts)
        assert not set(groups[fold.train]) & set(groups[fold.test])
        assert not set(groups[fold.validation]) & set(groups[np.concatenate([fold.train, fold.test])])


def test_groups_may_show_several_classes():
    groups = np.repeat(np.arange(12), 6)
    labels = np.tile([0, 1, 2], 24)
    for fold in stratified_folds("file", np.arange(3), labels, groups, seed=0):
        assert not set(groups[fold.train]) & set(groups[fold.validation])
        assert set(labels[fold.train]) == {0, 1, 2}


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"labels": None}, UsageError, "no dataset 'labels'"),
        ({"labels": np.zeros(60, int)}, DataError, "every label is 0"),
        ({"labels": np.linspace(0, 1, 60)}, DataError, "labels hold 0.01"),
        ({"labels": np.eye(60)}, DataError, "one whole number or name"),
        ({"labels": np.arange(60) // 2}, DataError, "class 0 has 2, 1 has 2"),
        ({"labels": np.arange(60) % 2 + 1j}, DataError, "complex128"),
        ({"groups": np.arange(60) % 4, "labels": np.arange(60) // 4 % 2}, DataError, "4 sources, expected at least 5"),
        ({"groups": np.arange(60) % 2}, DataError, "class 0 has 1, 1 has 1"),
    ],
)
def test_labels_that_say_nothing_are_refused_in_one_line(changes, error, says):
    with pytest.raises(error, match=says) as caught:
        task_information(small(**changes))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("labels", [np.array(["a", "b"] * 30), np.array([b"a", b"b"] * 30), np.arange(60) % 2 * 1.0])
def test_names_and_whole_floats_are_classes(labels):
    found = task_information(small(labels=labels), effort=EFFORT, model="full")
    assert found.classes == (("a", "b") if labels.dtype.kind in "SU" else ("0", "1"))


def test_a_model_without_classes_is_refused():
    with pytest.raises(UsageError, match="cannot be fitted by class"):
        task_information(small(), model="stationary")


def test_calibration_takes_back_confidence():
    """Log ratios counted five times over are set right; those that say nothing are given up."""
    rng = np.random.default_rng(6)
    labels = rng.integers(0, 3, 4000)
    honest = rng.normal(2 * np.eye(3)[labels], 1)  # ln q(y|t) of unit noise about 2 e_t, less what is common: 2 y_t
    log_prior = np.log(np.ones(3) / 3)
    found = Posterior.fit(5 * 2 * honest, labels, log_prior)
    assert found.exponent == pytest.approx(0.2, rel=0.1)
    assert np.abs(found.biases - np.mean(found.biases)).max() < 0.15
    nothing = Posterior.fit(rng.normal(0, 50, (4000, 3)), labels, log_prior).log_prob(rng.normal(0, 50, (1000, 3)))
    assert np.abs(nothing - log_prior).max() < 0.3


def test_the_calibrated_posterior_is_no_worse_than_its_decisions():
    """Scores that name a class with certainty, wrongly at times: Fano's bound is what is left."""
    rng = np.random.default_rng(7)
    labels = rng.integers(0, 5, 20_000)
    wrong = rng.random(20_000) < 0.1
    named = np.where(wrong, (labels + rng.integers(1, 5, 20_000)) % 5, labels)
    scores = 1e3 * np.eye(5)[named]
    log_prob = Posterior.fit(scores, labels, np.log(np.ones(5) / 5)).log_prob(scores)
    bound = np.log2(5) + log_prob[np.arange(20_000), labels].mean() / LN2
    assert bound == pytest.approx(_fano(np.log2(5), wrong.mean(), 5), abs=0.01)


def test_fano():
    assert _fano(1.0, 0.0, 2) == 1
    assert _fano(1.0, 0.5, 2) == 0
    assert _fano(1.0, 0.9, 2) == 0
    assert _fano(2.0, 0.1, 4) == pytest.approx(2 - 0.46899559 - 0.1 * np.log2(3))


def test_an_error_rate_without_errors_is_not_certain():
    values = GroupedValues.of(np.zeros(100), np.arange(100))
    assert _rate_interval(values, 0.95) == pytest.approx((0, 1 - 0.025**0.01))
    ten = GroupedValues.of(np.zeros(100), np.arange(100) % 10)
    assert _rate_interval(ten, 0.95)[1] > 0.3


def test_error_rate_of_groups_that_err_together():
    rng = np.random.default_rng(8)
    truth, inside = 0.2, 0
    for _ in range(200):
        values = np.repeat((rng.random(40) < truth).astype(float), 5)
        low, high = _rate_interval(GroupedValues.of(values, np.repeat(np.arange(40), 5)), 0.9)
        inside += low <= truth <= high
    assert inside >= 175
