"""Gaussian noise with a covariance: exact entropies, two coils, files, and a covariance that is ignored."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import multivariate_normal

from ideal.errors import UsageError
from ideal.information.estimation import estimate
from ideal.measurements.measurement_set import from_arrays, open_measurements, write_measurements
from ideal.noise import ComplexCorrelatedGaussian, ComplexGaussian, CorrelatedGaussian, Gaussian
from ideal.optimize.objectives.samples import gaussian_information

REAL = np.array([[2.0, 0.9, 0.1], [0.9, 1.0, 0.3], [0.1, 0.3, 1.5]])
COILS = np.array([[1.0, 0.4 + 0.3j], [0.4 - 0.3j, 2.0]])


def test_densities_and_entropies_are_those_of_the_multivariate_gaussian():
    rng, noise = np.random.default_rng(0), CorrelatedGaussian(REAL)
    mean = rng.standard_normal((50, 6))
    values = noise.sample(rng, mean)
    exact = [
        multivariate_normal(mean[n, start : start + 3], REAL).logpdf(values[n, start : start + 3])
        for n in range(50)
        for start in (0, 3)
    ]
    np.testing.assert_allclose(noise.log_prob(values, mean).reshape(-1, 3).sum(1), exact)
    entropy = 2 * multivariate_normal(np.zeros(3), REAL).entropy()
    np.testing.assert_allclose(noise.conditional_entropy(values), entropy)
    traced = jax.jit(noise.log_prob)(jnp.asarray(values), jnp.asarray(mean))
    np.testing.assert_allclose(traced, noise.log_prob(values, mean), atol=1e-4)


@pytest.mark.parametrize("noise", [CorrelatedGaussian(REAL), ComplexCorrelatedGaussian(COILS)])
def test_draws_have_the_covariance_and_are_white_once_whitened(noise):
    size = len(noise.covariance)
    drawn = noise.sample(np.random.default_rng(0), np.zeros((200_000, 2 * size)))
    parts = 2 if noise.is_complex else 1
    groups = drawn.reshape(-1, size)
    np.testing.assert_allclose(groups.T @ groups.conj() / len(groups), noise.covariance, atol=0.03)
    white = noise.whiten(drawn).reshape(-1, size)
    np.testing.assert_allclose(white.T @ white.conj() / len(white), parts * np.eye(size), atol=0.03)
    if noise.is_complex:  # circular
        np.testing.assert_allclose(groups.T @ groups / len(groups), 0, atol=0.03)
        traced = jax.random.key(0)
        again = np.asarray(noise.sample(traced, jnp.zeros((100_000, size), jnp.complex64)))
        np.testing.assert_allclose(again.T @ again.conj() / len(again), noise.covariance, atol=0.03)


@pytest.mark.parametrize(("correlation", "ratio"), [(0.0, 2.0), (0.6, 2.0), (-0.5, 0.7)])
def test_two_coils_that_see_one_signal(correlation, ratio):
    rng, count = np.random.default_rng(0), 20_000
    noise = ComplexCorrelatedGaussian(np.array([[1.0, correlation], [correlation, 1.0]]))
    # A signal whose sample covariance is exact, so that chance moves the answer less.
    signal = rng.standard_normal((count, 2))
    signal = (signal - signal.mean(0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(signal.T, bias=True))).T
    signal = np.sqrt(ratio / 2) * (signal[:, 0] + 1j * signal[:, 1])
    values = noise.sample(rng, np.repeat(signal[:, None], 2, axis=1))
    exact = np.log2(1 + 2 * ratio / (1 + correlation))
    found = estimate(from_arrays(values, noise=noise), models=["full"])
    assert 2 * found.information_bits_per_pixel == pytest.approx(exact, abs=0.01 + 2 * 0.01)
    assert found.noise["entropy_from"] == "figures"
    closed = gaussian_information(jnp.asarray(np.repeat(signal[:, None], 2, axis=1)), noise) / np.log(2)
    assert float(closed) == pytest.approx(exact, abs=0.01)


def test_channels_of_images_and_a_covariance_that_is_ignored():
    rng = np.random.default_rng(0)
    covariance = np.array([[1.0, 0.5], [0.5, 1.0]])
    noise = CorrelatedGaussian(covariance)
    values = noise.sample(rng, np.full((300, 12, 12, 2), 10.0))
    measured = from_arrays(values, noise=noise)
    assert "correlated-noise" not in [each.name for each in measured.examination.findings]
    found = estimate(measured, models=["stationary"], patch=6)
    assert abs(found.information_bits_per_pixel) < 0.02
    findings = {each.name: each for each in from_arrays(values, noise=Gaussian(1.0)).examination.findings}
    told = findings["correlated-noise"]
    assert told.figures["correlation"] == pytest.approx(0.5, abs=0.03)
    assert told.figures["bits_per_value"] == pytest.approx(-0.25 * np.log2(1 - 0.25), abs=0.02)
    independent = Gaussian(1.0).sample(rng, np.full((300, 12, 12, 2), 10.0))
    assert "correlated-noise" not in [each.name for each in from_arrays(independent, noise=Gaussian(1.0)).examination.findings]


def test_a_covariance_of_visibilities_is_seen_where_samples_repeat_a_source():
    rng = np.random.default_rng(0)
    source = rng.standard_normal((40, 2)) + 1j * rng.standard_normal((40, 2))
    noise = ComplexCorrelatedGaussian(np.array([[2.0, 1.0], [1.0, 2.0]]))
    values, groups = noise.sample(rng, source.repeat(100, axis=0)), np.arange(40).repeat(100)
    told = from_arrays(values, noise=ComplexGaussian(1.0), groups=groups).examination.findings
    assert "correlated-noise" in [each.name for each in told]
    alike = from_arrays(ComplexGaussian(1.0).sample(rng, source.repeat(100, axis=0)), noise=ComplexGaussian(1.0), groups=groups)
    assert "correlated-noise" not in [each.name for each in alike.examination.findings]


def test_a_file_keeps_the_covariance(tmp_path):
    noise = ComplexCorrelatedGaussian(COILS)
    values = noise.sample(np.random.default_rng(0), np.zeros((50, 4)))
    write_measurements(tmp_path / "a.h5", values, noise=noise)
    with open_measurements(tmp_path / "a.h5") as measured:
        np.testing.assert_array_equal(measured.noise.covariance, COILS)
        assert measured.noise_kind is ComplexCorrelatedGaussian
    with open_measurements(tmp_path / "a.h5", noise="complex-gaussian", sigma=1.0) as measured:
        assert type(measured.noise) is ComplexGaussian


def test_what_is_no_covariance():
    for matrix, words in (
        (np.ones((2, 2)), "not positive definite"),
        (np.array([[1.0, 0.5], [0.2, 1.0]]), "symmetric"),
        (np.ones((2, 3)), "has shape"),
    ):
        with pytest.raises(UsageError, match=words):
            CorrelatedGaussian(matrix)
    with pytest.raises(UsageError, match="needs a covariance, or a sigma"):
        CorrelatedGaussian()
    with pytest.raises(UsageError, match="is of 3 values, the last axis"):
        CorrelatedGaussian(REAL).entropy(np.zeros((5, 4)))


def test_simulate_and_estimate(ideal, tmp_path):
    out = tmp_path / "a.h5"
    command = ("simulate", "diffraction-limited", "natural-fields", "--set", "shape=[8,8]", "-n", "60", "-o", out)
    done = ideal(*command, "--noise", "correlated-gaussian:sigma=3,correlation=0.4")
    assert done.exit_code == 0, done.stderr
    with open_measurements(out) as measured:
        residual = (measured.read(0, 60) - measured.read_clean(0, 60)).reshape(-1, 8)
        assert measured.noise.describe() == {"name": "correlated-gaussian", "sigma": 3.0, "correlation": 0.4}
    assert np.corrcoef(residual.T)[0, 1] == pytest.approx(0.4, abs=0.15)
    done = ideal("estimate", out, "--model", "stationary", "--patch", "8", "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["results"][0]["noise"]["correlation"] == 0.4
