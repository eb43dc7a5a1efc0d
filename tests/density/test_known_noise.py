"""Models that know the noise: few measurements of few directions, maps of sigma, a sigma for every sample."""

import numpy as np
import pytest

from ideal.density import MODELS, CausalMixture, Fitting, FullGaussian, GaussianMixture, Sensor, StationaryGaussian, load
from ideal.density._known_noise import log_prob_under, noisy_moments, predict_under, raised_to
from ideal.density.gaussian.spectra import spectra
from ideal.density.gaussian.spectral_fit import fit_autocovariance
from ideal.errors import UsageError
from ideal.information.estimation import estimate
from ideal.information.results import LN2
from ideal.measurements.measurement_set import from_arrays


def field_covariance(side, length=3.0):
    place = np.indices((side, side)).reshape(2, -1).T
    return np.exp(-np.sqrt(((place[:, None] - place) ** 2).sum(-1)) / length)


def drawn(seed, count, covariance, sigma, shape=None):
    rng = np.random.default_rng(seed)
    power, vectors = np.linalg.eigh(covariance)
    rows = rng.standard_normal((count, len(power))) @ (vectors * np.sqrt(np.maximum(power, 0))).T
    shape = shape or (len(power),)
    return rows.reshape(count, *shape) + sigma * rng.standard_normal((count, *shape))


def true_log_prob(rows, covariance, sigma):
    """Return ln N(row; 0, covariance + diag(sigma^2)) by the plain formula, each row under its own sigma."""
    rows = rows.reshape(len(rows), -1)
    found = []
    for row, own in zip(rows, np.broadcast_to(sigma, rows.shape), strict=True):
        total = covariance + np.diag(own**2)
        found.append(-0.5 * (row @ np.linalg.solve(total, row) + np.linalg.slogdet(2 * np.pi * total)[1]))
    return np.array(found)


def excess_bits(found, y, covariance, sigma):
    """Return by how much an estimate of unlabelled samples lies above the true density's, bits per measurement."""
    values = found.best.values
    y, sigma = y.reshape(len(y), -1), np.broadcast_to(sigma, y.shape).reshape(len(y), -1)
    entropy = 0.5 * np.log(2 * np.pi * np.e * sigma**2).sum(1)
    true = -true_log_prob(y[values.groups], covariance, sigma[values.groups]) - entropy[values.groups]
    return float((values.sums / values.counts - true).mean() / LN2)


@pytest.mark.parametrize(("count", "most"), [(120, 4.5), (600, 0.8)])
def test_few_vectors_of_low_rank_in_known_noise(count, most):
    """Parameters of mean and four directions over twice the measurements: 2.9 and 0.6 bits; a free covariance costs 19 and 5."""
    mixing = np.random.default_rng(1).standard_normal((60, 4))
    y = drawn(2, count, mixing @ mixing.T, 0.5)
    found = estimate(from_arrays(y, noise="gaussian", sigma=0.5))
    assert found.n_folds == 5  # so little work that every source is scored
    assert found.n_test == count
    assert 0 < excess_bits(found, y, mixing @ mixing.T, 0.5) < most


def test_full_rank_vectors_lose_nothing():
    rng = np.random.default_rng(3)
    basis = np.linalg.qr(rng.standard_normal((40, 40)))[0]
    covariance = (basis * np.geomspace(100, 0.1, 40)) @ basis.T
    y = drawn(4, 2000, covariance, 0.3)
    train, validation, test = y[:1200], y[1200:1600], y[1600:]
    blind = FullGaussian.fit(0, train, validation)
    model = FullGaussian.fit(0, train, validation, sensor=Sensor(noise_variance=(0.09, 0.0)))
    sample = FullGaussian(train.mean(0), np.cov(train.T, bias=True))
    losses = [-each.log_prob(test).mean() for each in (model, blind, sample)]
    assert losses[0] <= losses[1] + 1e-3
    assert losses[1] < losses[2]


def test_pure_noise_carries_nothing():
    y = np.random.default_rng(5).normal(7, 2.0, (100, 60))
    found = estimate(from_arrays(y, noise="gaussian", sigma=2.0))
    assert found.interval[0] < 0.02
    assert found.interval[1] > 0
    # all that is left is the mean, a parameter a value
    assert excess_bits(found, y - 7, np.zeros((60, 60)), 2.0) / 60 < 0.02


def test_noise_is_left_in_every_direction():
    y = drawn(6, 40, np.eye(30) * 0.01, 1.0)
    for validation in (y[30:], 0.01 * y[30:]):  # which would rather have less
        model = FullGaussian.fit(0, y[:30], validation, sensor=Sensor(noise_variance=(1.0, 0.0)))
        assert np.linalg.eigvalsh(model.covariance).min() > 1 - 1e-6
    assert np.linalg.eigvalsh(FullGaussian.fit(0, y[:30], y[30:]).covariance).min() < 0.9
    tilted = raised_to(np.diag([0.1, 5.0]), np.array([1.0, 2.0]))
    np.testing.assert_allclose(tilted, np.diag([1.0, 5.0]))


def test_counts_have_the_variance_of_their_light():
    """Noise a + b m about means that vary has a + b E[m], and a count's spread over its step 1/12."""
    y = np.random.default_rng(7).poisson(5.0, (60, 30)) + np.random.default_rng(8).random((60, 30)) - 0.5
    model = FullGaussian.fit(0, y[:40], y[40:], sensor=Sensor(step=1.0, lowest=0.0, noise_variance=(0.0, 1.0)))
    least = np.linalg.eigvalsh(model.covariance).min()
    assert 4 < least < 5.2
    assert model.noise is None  # it is not a Gaussian's, to be taken off again


def test_improper_and_circular_visibilities():
    rng = np.random.default_rng(9)
    sigma = np.exp(rng.uniform(-3, 1, 10))
    mixing = rng.standard_normal((20, 3))  # real and imaginary parts go together
    field = rng.standard_normal((10, 2)) + 1j * rng.standard_normal((10, 2))
    hermitian = field @ field.conj().T
    circular = np.zeros((20, 20))
    circular[::2, ::2] = circular[1::2, 1::2] = hermitian.real
    circular[1::2, ::2], circular[::2, 1::2] = hermitian.imag, -hermitian.imag
    for covariance, most in ((mixing @ mixing.T, 2.0), (circular, 2.2)):
        rows = drawn(10, 80, covariance, np.repeat(sigma, 2))
        y = np.ascontiguousarray(rows).view(np.complex128)
        found = estimate(from_arrays(y, noise="complex-gaussian", sigma=sigma))
        assert 0 < excess_bits(found, rows, covariance, np.repeat(sigma, 2)) < most


@pytest.mark.parametrize("name", ["stationary", "full", "gaussian-mixture"])
def test_map_of_sigma(name):
    """A field under a map of two levels: within the fit's own excess of the truth, where the map itself costs a bit a pixel."""
    covariance, sigma = field_covariance(8), np.where(np.indices((8, 8)).sum(0) % 2, 2.0, 0.2)
    y = drawn(11, 600, covariance, sigma, (8, 8))
    found = estimate(from_arrays(y, noise="gaussian", sigma=sigma), models=[name], patch=8)
    assert 0 < excess_bits(found, y, covariance, sigma) / 64 < 0.012


@pytest.mark.parametrize("name", ["stationary", "full", "gaussian-mixture"])
@pytest.mark.parametrize("alike", [True, False])
def test_sigma_of_every_sample(name, alike):
    covariance = field_covariance(8)
    shape = (600, 1, 1) if alike else (600, 8, 8)
    sigma = np.exp(np.random.default_rng(12).uniform(np.log(0.2), np.log(2), shape)) * np.ones((600, 8, 8))
    y = drawn(13, 600, covariance, sigma, (8, 8))
    found = estimate(from_arrays(y, noise="gaussian", sigma=sigma), models=[name], patch=8)
    assert -0.002 < excess_bits(found, y, covariance, sigma) / 64 < 0.012


def test_patches_of_a_larger_map_have_each_their_own():
    covariance = field_covariance(16)
    sigma = np.exp(np.random.default_rng(14).uniform(np.log(0.2), np.log(2), (16, 16)))
    y = drawn(15, 150, covariance, sigma, (16, 16))
    found = estimate(from_arrays(y, noise="gaussian", sigma=sigma), models=["stationary", "full"], patch=8)
    part = field_covariance(8)
    truth = [
        0.5 * np.linalg.slogdet(part / np.outer(own, own) + np.eye(64))[1] / LN2 / 64
        for own in (sigma[r : r + 8, c : c + 8].ravel() for r in (0, 8) for c in (0, 8))
    ]
    assert found.information_bits_per_pixel == pytest.approx(np.mean(truth), abs=0.04)
    assert found.fitted["full"].noise.shape == (4, 64)


def test_noise_of_one_pattern_in_several_strengths_takes_one_decomposition():
    """The short way and the plain one agree, and both with the formula."""
    rng = np.random.default_rng(16)
    signal, pattern = field_covariance(3), rng.uniform(0.5, 2, 9)
    rows = rng.standard_normal((6, 9))
    strengths = np.array([0.1, 1, 5, 0.1, 2, 7])[:, None]
    found = log_prob_under(signal, rows, strengths * pattern)
    np.testing.assert_allclose(found, true_log_prob(rows, signal, np.sqrt(strengths * pattern)))
    other = strengths * pattern
    other[0, 0] *= 1.5
    np.testing.assert_allclose(log_prob_under(signal, rows, other), true_log_prob(rows, signal, np.sqrt(other)))
    mixing = rng.standard_normal((12, 2))  # few directions under many maps: Woodbury's way
    many, noise = 9 * rng.standard_normal((20, 12)), np.exp(rng.uniform(-6, 2, (20, 12)))
    expected = true_log_prob(many, mixing @ mixing.T, np.sqrt(noise))
    np.testing.assert_allclose(log_prob_under(mixing @ mixing.T, many, noise), expected, rtol=1e-8)
    mean, deviation = predict_under(signal, rows, other)
    by_value = -0.5 * ((rows - mean) / deviation) ** 2 - np.log(deviation) - 0.5 * np.log(2 * np.pi)
    np.testing.assert_allclose(by_value.sum(1), log_prob_under(signal, rows, other))


def test_moments_under_noise_are_the_signals_and_the_average_noise():
    rng = np.random.default_rng(17)
    mixing = rng.standard_normal((5, 2))
    sigma = np.exp(rng.uniform(-1.5, 1.5, (40_000, 5)))
    y = 3 + drawn(18, 40_000, mixing @ mixing.T, sigma)
    found, _ = noisy_moments(y, sigma**2)
    np.testing.assert_allclose(found.mean, 3, atol=0.05)
    np.testing.assert_allclose(found.covariance - np.diag(found.noise), mixing @ mixing.T, atol=0.12)
    assert found.noise.max() < (sigma**2).mean()  # quiet samples count for more
    assert 5_000 < found.count < 40_000


def test_spectra_leave_the_target_and_know_a_spike():
    rng = np.random.default_rng(19)
    rows = rng.standard_normal((200, 50))
    rows[:, 0] *= 6.0
    values = np.linalg.eigvalsh(np.cov(rows.T, bias=True))
    found, _ = spectra(values, 200)
    truth = np.ones(50)
    # what a sample direction of variance 36 x has: 1 + 35 times the squared cosine with the true one
    truth[-1] = 1 + 35 * (1 - 0.25 / 35**2) / (1 + 0.25 / 35)
    assert np.abs(found - truth).sum(1).min() < 6.0
    assert np.abs(values - truth).sum() > 12
    assert (spectra(values, 200, above=True)[0] >= 1 - 1e-12).all()
    for count in (30, 200):  # fewer and more measurements than values: of white noise all that remains is white
        white = np.linalg.eigvalsh(np.cov(rng.standard_normal((count, 60)).T, bias=True))
        assert np.abs(spectra(np.maximum(white, 0), count)[0] - 1).max(1).min() < 1e-9


def test_autocovariance_of_a_signal_under_noise():
    covariance, noise = field_covariance(8), np.random.default_rng(20).uniform(0.1, 4, 64)
    found = fit_autocovariance(covariance + np.diag(noise), (8, 8, 1), noise=noise, tolerance=1e-9)[..., 0, 0]
    assert found[7, 7] == pytest.approx(1.0, abs=0.02)
    assert found[7, 8] == pytest.approx(np.exp(-1 / 3), abs=0.02)
    assert found[9, 10] == pytest.approx(np.exp(-np.hypot(2, 3) / 3), abs=0.02)


QUICK = Fitting(effort=0.002)


@pytest.mark.slow
@pytest.mark.parametrize("by_sample", [False, True])
def test_networks_start_from_a_prediction_that_knows_the_noise(by_sample, tmp_path):
    covariance = field_covariance(6)
    rng = np.random.default_rng(21)
    sigma = np.exp(rng.uniform(np.log(0.2), np.log(3), (400, 6, 6) if by_sample else (6, 6)))
    y = drawn(22, 400, covariance, sigma, (6, 6))
    every = np.broadcast_to(sigma, y.shape)
    more = {"sigmas": (every[:250], every[250:300])} if by_sample else {"sensor": Sensor(noise_sigma=sigma)}
    gaussian = StationaryGaussian.fit(0, y[:250], y[250:300], **more)
    network = CausalMixture.fit(0, y[:250], y[250:300], fitting=QUICK, **more)
    blind = CausalMixture.fit(0, y[:250], y[250:300], fitting=QUICK)
    told = {"sigma": every[300:]} if by_sample else {}
    losses = [
        -gaussian.log_prob(y[300:], **told).mean(),
        -network.log_prob(y[300:], **told).mean(),
        -blind.log_prob(y[300:]).mean(),
    ]
    assert losses[1] < losses[0] + 1.5
    assert losses[1] < losses[2] - 1.5
    network.save(tmp_path / "network.h5")
    again = load(tmp_path / "network.h5")
    np.testing.assert_allclose(again.log_prob(y[300:], **told), network.log_prob(y[300:], **told))
    # any noise of another pattern can be named
    other = again.log_prob(y[300:310], sigma=every[300:310][:, ::-1])
    assert np.isfinite(other).all()
    assert not np.allclose(other, network.log_prob(y[300:310], sigma=every[300:310]))
    if by_sample:
        with pytest.raises(UsageError, match="give the sigma of each"):
            network.log_prob(y[300:])
        with pytest.raises(UsageError, match="draw from the model full or stationary"):
            network.sample(0, 2)
    else:
        np.testing.assert_allclose(network.log_prob(y[300:], sigma=sigma), network.log_prob(y[300:]), rtol=1e-5)
        assert network.sample(0, 3).shape == (3, 6, 6)


@pytest.mark.parametrize("name", ["stationary", "full", "gaussian-mixture"])
def test_draws_and_files_keep_the_noise(name, tmp_path):
    covariance = field_covariance(4)
    sigma = np.where(np.arange(16) % 2, 3.0, 0.3).reshape(4, 4)
    y = drawn(23, 900, covariance, sigma, (4, 4))
    sensor = Sensor(noise_variance=(0.09, 0.0), noise_sigma=sigma)
    model = MODELS[name].fit(0, y[:700], y[700:], sensor=sensor)
    np.testing.assert_allclose(model.sample(1, 20_000).var(0), 1 + sigma**2, rtol=0.15)
    model.save(tmp_path / "model.h5")
    np.testing.assert_allclose(load(tmp_path / "model.h5").log_prob(y[:5]), model.log_prob(y[:5]))
    each = np.where(np.arange(900) % 2, 0.5, 4.0)[:, None, None] * np.ones((900, 4, 4))
    y = drawn(24, 900, covariance, each, (4, 4))
    model = MODELS[name].fit(0, y[:700], y[700:], sensor=Sensor(noise_by_sample=True), sigmas=(each[:700], each[700:]))
    model.save(tmp_path / "model.h5")
    again = load(tmp_path / "model.h5")
    np.testing.assert_allclose(again.log_prob(y[:5], sigma=each[:5]), model.log_prob(y[:5], sigma=each[:5]))
    np.testing.assert_allclose(again.sample(2, 20_000).var(0), 1 + (0.25 + 16) / 2, rtol=0.1)
    with pytest.raises(UsageError, match="give the sigma of each"):
        again.log_prob(y[:5])


def test_a_model_kept_scores_measurements_under_other_noise():
    """The signal is the same, the map of sigma is turned round: the truth of the second file, by the model of the first."""
    covariance, sigma = field_covariance(6), np.linspace(0.2, 2, 36).reshape(6, 6)
    first = from_arrays(drawn(25, 800, covariance, sigma, (6, 6)), noise="gaussian", sigma=sigma, path="first")
    fitted = estimate(first, models=["stationary", "full"], patch=6).fitted
    turned = sigma[::-1]
    y = drawn(26, 800, covariance, turned, (6, 6))
    second = from_arrays(y, noise="gaussian", sigma=turned, path="second")
    found = estimate(second, fitted={"kept": fitted["full"]}, patch=6)
    assert -0.02 < excess_bits(found, y, covariance, turned) / 36 < 0.03
    plain = from_arrays(drawn(27, 800, covariance, 0.7, (6, 6)), noise="gaussian", sigma=0.7, path="third")
    truth = 0.5 * np.linalg.slogdet(covariance / 0.49 + np.eye(36))[1] / LN2 / 36
    assert estimate(plain, fitted={"kept": fitted["stationary"]}, patch=6).information_bits_per_pixel == pytest.approx(
        truth, abs=0.05
    )
    counts = from_arrays(np.random.default_rng(28).poisson(9, (800, 6, 6)), noise="poisson", path="fourth")
    assert estimate(counts, fitted={"kept": fitted["full"]}, patch=6).information_bits_per_pixel > 1  # loose, but a bound
    each = np.where(np.arange(800) % 2, 0.5, 2)[:, None, None] * np.ones((800, 6, 6))
    several = from_arrays(drawn(29, 800, covariance, each, (6, 6)), noise="gaussian", sigma=each, path="fifth")
    fitted = estimate(several, models=["full"], patch=6).fitted
    with pytest.raises(UsageError, match="fourth: the model kept was fitted under Gaussian noise that differs from sample to"):
        estimate(counts, fitted={"kept": fitted["full"]}, patch=6)


def test_how_far_the_bound_may_fall():
    """Of vectors the excess is known; the line tells it within a factor of two, and is silent with measurements enough."""
    mixing = np.random.default_rng(29).standard_normal((40, 3))
    covariance = mixing @ mixing.T
    for count, speaks in ((150, True), (20_000, False)):
        y = drawn(30, count, covariance, 0.5)
        found = estimate(from_arrays(y, noise="gaussian", sigma=0.5))
        few = [finding for finding in found.findings if finding.name == "few-measurements"]
        assert bool(few) == speaks
        if speaks:
            figures = few[0].figures
            excess = excess_bits(found, y, covariance, 0.5) / 40
            assert 0.5 < figures["fall_bits_per_value"] / excess < 2
            assert figures["training"] == 90
            assert "full lacks" in few[0].line


def test_spectrum_of_few_gaussian_components():
    """Known images in known noise: with 60 measurements the mixture's covariance is the noise's, not one of 60 samples."""
    rng = np.random.default_rng(31)
    images = rng.normal(0, 3, (3, 25))
    y = images[rng.integers(3, size=160)] + rng.standard_normal((160, 25))
    told, blind = (
        GaussianMixture.fit(0, y[:100], y[100:130], sensor=sensor) for sensor in (Sensor(noise_variance=(1.0, 0.0)), Sensor())
    )
    assert told.log_prob(y[130:]).mean() > blind.log_prob(y[130:]).mean() - 0.2
