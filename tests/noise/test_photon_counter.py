"""Counters of few bits: exact entropies, known answers, constant scenes, and the commands."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from fixtures.intensities import LAWS, check_known_answer, clean_means

from ideal.errors import DataError, UsageError
from ideal.information.estimation import estimate
from ideal.measurements.measurement_set import from_arrays, open_measurements
from ideal.noise import PhotonCounter, Poisson

MEANS = np.array([0.0, 0.01, 0.7, 3.0, 40.0])


@pytest.mark.parametrize(("bits", "threshold"), [(1, 1), (1, 3), (2, 1), (3, 2)])
def test_probabilities_entropy_and_moments_are_those_of_the_capped_count(bits, threshold):
    noise = PhotonCounter(bits, threshold)
    levels = np.arange(2**bits)
    chance = np.exp(noise.log_prob(levels[:, None].astype(float), MEANS))
    photons = np.arange(400)
    counts = np.clip(photons - threshold + 1, 0, 2**bits - 1)
    poisson = np.exp(Poisson().log_prob(photons[:, None].astype(float), MEANS))
    expected = np.stack([poisson[counts == level].sum(0) for level in levels])
    np.testing.assert_allclose(chance, expected, atol=1e-12)
    entropy = -(chance * np.log(np.where(chance > 0, chance, 1))).sum(0)
    np.testing.assert_allclose(noise.entropy(MEANS), entropy, atol=1e-12)
    np.testing.assert_allclose(jax.jit(noise.entropy)(jnp.asarray(MEANS)), entropy, atol=1e-5)
    first = (levels[:, None] * chance).sum(0)
    np.testing.assert_allclose(noise.expected(MEANS), first, atol=1e-12)
    np.testing.assert_allclose(noise.variance(MEANS), np.maximum((levels[:, None] ** 2 * chance).sum(0) - first**2, 1e-6))
    np.testing.assert_allclose(noise.electrons_behind(first[:4]), MEANS[:4], atol=1e-3)
    assert noise.log_prob(2.0**bits, 1.0) == noise.log_prob(0.5, 1.0) == -np.inf


@pytest.mark.parametrize(("law", "bits"), [*((law, 4) for law in LAWS), ("exponential", 1)])
def test_known_answers(law, bits):
    levels = np.arange(2.0**bits)
    check_known_answer(PhotonCounter(bits), law, 1.5, levels, np.ones(len(levels)), blind=bits > 1)


def test_one_bit_without_means_takes_neighbours_to_see_the_same_light():
    noise, rng = PhotonCounter(1), np.random.default_rng(0)
    clean = clean_means("two levels", 1.0, (2000, 4, 4)).repeat(2, 1).repeat(2, 2)
    told = noise.conditional_entropy(noise.sample(rng, clean)).mean() / 64
    assert told == pytest.approx(noise.entropy(clean).mean(), abs=0.007)


@pytest.mark.parametrize(("bits", "light"), [(1, 1.0), (3, 2.0)])
def test_a_constant_scene_holds_nothing(bits, light):
    noise = PhotonCounter(bits)
    frames = noise.sample(np.random.default_rng(0), np.full((600, 16, 16), light)).astype(np.uint8)
    measured = from_arrays(frames, noise=noise)
    assert [each.name for each in measured.examination.findings if each.name not in ("no-groups", "units-assumed")] == []
    found = estimate(measured, models=["stationary", "known-channel"])
    assert found.model == "known-channel"
    assert abs(found.information_bits_per_pixel) < 0.015  # of 120 frames, whose chance is 0.005
    if bits == 1:
        assert "clipped" in [each.name for each in from_arrays(frames, noise="poisson").examination.findings]


def test_values_that_are_none_of_the_counter_are_refused():
    values = np.random.default_rng(0).poisson(1.0, (100, 8, 8))
    with pytest.raises(DataError, match="a photon counter of 1 bits gives whole numbers from 0 to 1; found"):
        estimate(from_arrays(values, noise=PhotonCounter(1)), models=["known-channel"], patch=8)
    for figures in ((0,), (1.5,), (17,), (1, 0)):
        with pytest.raises(UsageError, match="of a photon counter must be a whole number"):
            PhotonCounter(*figures)


def test_simulate_and_estimate(ideal, tmp_path):
    out = tmp_path / "a.h5"
    command = ("simulate", "diffraction-limited", "natural-fields", "--set", "shape=[12,12]", "-n", "80", "-o", out)
    done = ideal(*command, "--photons", "1", "--noise", "photon-counter:bits=2")
    assert done.exit_code == 0, done.stderr
    with open_measurements(out) as measured:
        assert measured.noise == PhotonCounter(2)
        assert (measured.dtype, measured.read(0, 80).max()) == (np.uint8, 3.0)
    done = ideal("estimate", out, "--patch", "6", "--model", "known-channel", "--json")
    assert done.exit_code == 0, done.stderr
    (result,) = json.loads(done.stdout)["results"]
    assert result["noise"]["bits"] == 2
    refused = ideal("estimate", out, "--patch", "6", "--model", "negative-binomial")
    assert refused.exit_code == 2


@pytest.mark.parametrize(("bits", "threshold"), [(7, 1), (8, 3), (12, 1)])
def test_counters_of_many_levels_agree_with_the_sum_over_them(bits, threshold):
    """By the chances of the ends of the scale, which takes no longer for 16 bits than for 7."""
    noise = PhotonCounter(bits=bits, threshold=threshold)
    means = np.concatenate([[0.0, 0.3, 2.5, 40.0], noise.highest * np.array([0.3, 0.9, 1.0, 1.1])])
    counts = np.arange(noise.highest + 1)
    chances = np.exp(noise.log_prob(counts, means[:, None]))
    first, second = chances @ counts, chances @ counts**2
    np.testing.assert_allclose(noise.expected(means), first, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(noise.variance(means), np.maximum(second - first**2, 1e-6), rtol=1e-6, atol=1e-5)
    logs = np.log(np.where(chances > 0, chances, 1.0))
    np.testing.assert_allclose(noise.entropy(means), -(chances * logs).sum(1), atol=1e-9)


def test_a_counter_of_16_bits_is_a_photon_counter_like_any_other():
    values = np.random.default_rng(0).poisson(300, (300, 8, 8)).astype(np.uint16)
    told = estimate(from_arrays(values, noise=PhotonCounter(bits=16)), models=["known-channel"], patch=8)
    assert abs(told.information_bits_per_pixel) < 0.05


@pytest.mark.parametrize(("bits", "clean", "told"), [(1, False, True), (1, True, False), (2, False, False)])
def test_one_bit_without_clean_means_says_that_the_light_is_not_identified(bits, clean, told):
    noise, rng = PhotonCounter(bits), np.random.default_rng(0)
    means = rng.gamma(2.0, 0.5, (60, 16, 16))
    known = {"clean": means} if clean else {}
    found = estimate(from_arrays(noise.sample(rng, means), noise=noise, **known), models=["stationary"], patch=8, progress=False)
    assert ("means-unidentified" in [each.name for each in found.findings]) is told


@pytest.mark.parametrize(("bits", "threshold"), [(10, 1), (10, 5), (12, 2), (16, 1)])
def test_noise_of_many_bits_from_counts_alone(bits, threshold):
    """Bins of several counts stand for all of them: a bin for each took minutes, and gigabytes, at 16 bits."""
    noise, rng = PhotonCounter(bits, threshold), np.random.default_rng(0)
    means = rng.gamma(4.0, min(300.0, 0.3 * noise.highest / 4), (40, 32, 32))
    told = noise.conditional_entropy(noise.sample(rng, means)).mean() / 1024 / np.log(2)
    assert told == pytest.approx(noise.entropy(means).mean() / np.log(2), abs=0.003)
    counts = noise.sample(rng, np.full((8, 32, 32), 20_000.0)) if bits == 16 else noise.sample(rng, means)
    assert len(noise.fit_means(counts).grid) < 2000
