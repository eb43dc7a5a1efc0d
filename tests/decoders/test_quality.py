"""Measures of quality against their definitions, and intervals that resample sources, not objects."""

import json

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from ideal.decoders import (
    Score,
    accuracy,
    gaussian_log_likelihood,
    label_log_likelihood,
    mean_square_error,
    peak_signal_to_noise,
    structural_similarity,
)
from ideal.errors import UsageError


def test_square_errors_are_of_each_object_and_leave_the_border_out():
    truth = np.zeros((3, 8, 8, 3))
    decoded = truth + np.array([1.0, 2.0, 3.0])[:, None, None, None]
    assert mean_square_error(decoded, truth) == pytest.approx([1, 4, 9])
    decoded[:, 0], decoded[:, :, -1] = 99.0, 99.0
    assert mean_square_error(decoded, truth, border=1) == pytest.approx([1, 4, 9])
    assert peak_signal_to_noise(decoded, truth, 100.0, border=1) == pytest.approx(40 - 20 * np.log10([1, 2, 3]))
    assert mean_square_error(np.ones((4, 5)), np.zeros((4, 5))).shape == (4,)


def test_structural_similarity_of_flat_images_is_that_of_their_brightness():
    truth, decoded = np.full((2, 16, 16), 0.5), np.full((2, 16, 16), 0.5)
    decoded[1] = 0.25
    constant = 0.01**2  # (K1 data_range)^2 of the publication
    expected = (2 * 0.5 * 0.25 + constant) / (0.5**2 + 0.25**2 + constant)
    assert structural_similarity(decoded, truth, 1.0) == pytest.approx([1, expected])


def test_structural_similarity_knows_structure_channels_scale_and_borders():
    rng = np.random.default_rng(0)
    truth = rng.uniform(size=(4, 20, 20, 3))
    decoded = truth.copy()
    decoded[1] = 1 - truth[1]
    decoded[2] += 0.1 * rng.standard_normal(truth[2].shape)
    decoded[3, 0] += 5.0
    found = structural_similarity(decoded, truth, 1.0)
    assert found[0] == pytest.approx(1)
    assert found[1] < 0 < found[2] < 1
    assert structural_similarity(decoded, truth, 1.0, border=1)[3] == pytest.approx(1)
    assert structural_similarity(7 * decoded, 7 * truth, 7.0) == pytest.approx(found)
    by_channel = [structural_similarity(decoded[..., each], truth[..., each], 1.0) for each in range(3)]
    assert np.mean(by_channel, 0) == pytest.approx(found)


def test_labels_are_right_or_wrong_and_have_a_likelihood():
    probabilities = np.array([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4], [0.1, 0.8, 0.1]])
    labels = np.array([0, 1, 1])
    assert accuracy(np.log(probabilities), labels).tolist() == [1, 0, 1]
    assert np.exp(label_log_likelihood(np.log(probabilities), labels)) == pytest.approx([0.7, 0.3, 0.8])


def test_gaussian_likelihood_is_that_of_scipy():
    rng = np.random.default_rng(0)
    mean, values, sigma = rng.normal(size=(5, 2)), rng.normal(size=(5, 2)), rng.uniform(0.5, 2, (5, 2))
    expected = [multivariate_normal(m, np.diag(s**2)).logpdf(v) for m, s, v in zip(mean, sigma, values, strict=True)]
    assert gaussian_log_likelihood(mean, sigma, values) == pytest.approx(expected)
    assert gaussian_log_likelihood(mean[:, 0], sigma[:, 0], values[:, 0]).shape == (5,)


def test_an_interval_is_over_sources():
    rng = np.random.default_rng(0)
    each = rng.standard_normal(40)
    alone = Score.of(each)
    repeated = Score.of(np.repeat(each, 100), np.repeat(np.arange(40), 100))
    assert (alone.objects, alone.sources, repeated.objects, repeated.sources) == (40, 40, 4000, 40)
    assert repeated.mean == pytest.approx(alone.mean)
    assert repeated.interval == pytest.approx(alone.interval)  # copies of an object say nothing new
    low, high = alone.interval
    assert 0.7 < (high - low) / (2 * 2.02 * each.std(ddof=1) / np.sqrt(40)) < 1.4  # about Student's
    assert Score.of(each) == alone


def test_what_nothing_is_known_of_is_no_number_in_json():
    single = Score.of(np.array([1.0, 2.0]), np.array([5, 5])).to_dict()
    assert single == {"mean": 1.5, "interval": [None, None], "objects": 2, "sources": 1}
    assert json.dumps(single, allow_nan=False)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mean_square_error(np.ones((2, 3)), np.ones((2, 4))), "they must agree"),
        (lambda: mean_square_error(np.ones((2, 4, 4)), np.ones((2, 4, 4)), 2), "leaves nothing"),
        (lambda: structural_similarity(np.ones((2, 10, 20)), np.ones((2, 10, 20)), 1.0), "at least 11x11"),
        (lambda: accuracy(np.ones((2, 3)), np.array([0, 3])), "whole numbers from 0"),
        (lambda: label_log_likelihood(np.ones((2, 3)), np.array([0.0, 1.0])), "whole numbers from 0"),
        (lambda: label_log_likelihood(np.ones((3, 3)), np.array([0, 1])), "one row of scores"),
        (lambda: gaussian_log_likelihood(np.ones(2), np.zeros(2), np.ones(2)), "positive numbers"),
        (lambda: Score.of(np.ones(3), np.ones(2)), "one value and one group"),
    ],
)
def test_what_cannot_be_scored_is_refused_in_one_line(call, message):
    with pytest.raises(UsageError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
