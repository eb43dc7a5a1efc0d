import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import gammaln, xlogy

from ideal.errors import DataError, UsageError
from ideal.noise import ComplexGaussian, Gaussian, Poisson, PoissonGaussian
from ideal.noise.entropy import poisson_entropy, poisson_gaussian_entropy

CAMERA = {"read_noise": 1.6, "gain": 0.45, "offset": 100.0}
MODELS = {
    "gaussian": Gaussian(2.0),
    "poisson": Poisson(),
    "camera": PoissonGaussian(**CAMERA, quantised=True),
    "continuous camera": PoissonGaussian(1.6),
    "shifted numbers": PoissonGaussian(**CAMERA, quantised=True, step=16),
    "coarse converter": PoissonGaussian(0.5, gain=5.0, offset=10.3, quantised=True),
    "little read noise": PoissonGaussian(0.05),
}


def summed_entropy(mean):
    """Direct summation; the pmf by Stirling's series and the deviance where gammaln would lose digits."""
    k = np.arange(max(mean >= 1000, int(mean - 40 * np.sqrt(mean) - 50)), int(mean + 40 * np.sqrt(mean) + 80), dtype=float)
    if mean < 1000:
        log_p = xlogy(k, mean) - mean - gammaln(k + 1)
    else:
        u = (k - mean) / mean
        log_p = -0.5 * np.log(2 * np.pi * k) - 1 / (12 * k) + 1 / (360 * k**3) - mean * ((1 + u) * np.log1p(u) - u)
    return -(np.exp(log_p) * log_p).sum()


SEAMS = [1 - 1e-9, 1.0, 1 + 1e-9, 64 - 1e-7, 64.0, 64 + 1e-7]  # of the approximation
MEANS = np.concatenate([np.geomspace(1e-6, 1e6, 241), [0.0585], SEAMS])


def test_poisson_entropy_is_direct_summation():
    # Traps 2 and 3: neither 1/2 ln(2 pi e mean) nor ln Gamma(mean + 1) is right.
    expected = np.array([summed_entropy(mean) for mean in MEANS])
    np.testing.assert_allclose(poisson_entropy(MEANS), expected, rtol=0, atol=1e-9)


def test_poisson_entropy_at_and_below_zero():
    assert poisson_entropy(np.array(0.0)) == 0
    assert np.isnan(poisson_entropy(np.array(-1.0)))
    assert (poisson_entropy(MEANS) > 0).all()


def test_poisson_entropy_gradient():
    with jax.enable_x64(True):
        gradient = jax.jit(jax.vmap(jax.grad(poisson_entropy)))(jnp.asarray(MEANS))
        assert np.isfinite(jax.grad(poisson_entropy)(0.0))
    step = 1e-5 * MEANS
    difference = (poisson_entropy(MEANS + step) - poisson_entropy(MEANS - step)) / (2 * step)
    np.testing.assert_allclose(gradient, difference, rtol=0, atol=1e-6)


def test_poisson_entropy_in_single_precision():
    means = MEANS[MEANS < 1e4]
    single = poisson_entropy(jnp.asarray(means, jnp.float32))
    assert single.dtype == jnp.float32
    np.testing.assert_allclose(single, poisson_entropy(means), atol=3e-6)


@pytest.mark.parametrize("quantised", [False, True])
def test_poisson_gaussian_entropy_by_brute_force(quantised):
    model = PoissonGaussian(**CAMERA, quantised=quantised)
    means = np.array([0.0, 1e-3, 0.3, 1.0, 7.7, 40.0, 900.0])
    step = CAMERA["gain"] if quantised else 0.1
    for mean, entropy in zip(means, model.entropy(means), strict=True):
        reach = 14 * np.sqrt(mean + 3)
        levels = step * np.arange(np.floor((mean - reach) / step), np.ceil((mean + reach) / step))
        log_density = model.log_prob(levels, np.full(len(levels), mean))
        density = np.exp(log_density)
        assert step * density.sum() == pytest.approx(1, abs=1e-9)
        assert -step * xlogy(density, density).sum() == pytest.approx(entropy, abs=1e-6)


def test_poisson_gaussian_limits():
    means = np.array([0.0, 0.2, 3.0, 50.0, 2000.0])
    # Read noise that vanishes beside a converter of one electron: counts.
    counts = poisson_gaussian_entropy(means, 1e-3, quantum=1.0, phase=0.0)
    np.testing.assert_allclose(counts, poisson_entropy(means), atol=2e-4)
    # Without a converter the differential entropy of each peak is added to that of the counts.
    peaks = poisson_gaussian_entropy(means, 0.05)
    np.testing.assert_allclose(peaks, poisson_entropy(means) + 0.5 * np.log(2 * np.pi * np.e * 0.05**2), atol=1e-4)
    assert poisson_gaussian_entropy(np.array(0.0), 3.0) == pytest.approx(0.5 * np.log(2 * np.pi * np.e * 9), abs=1e-9)
    assert poisson_gaussian_entropy(np.array(1e6), 3.0) == pytest.approx(0.5 * np.log(2 * np.pi * np.e * (1e6 + 9)), abs=1e-5)


def test_poisson_gaussian_entropy_gradient():
    model = PoissonGaussian(**CAMERA)
    means = np.array([1e-3, 0.3, 1.0, 20.0, 240.0, 300.0])
    with jax.enable_x64(True):
        gradient = jax.vmap(jax.grad(model.entropy))(jnp.asarray(means))
    difference = (model.entropy(means * 1.001) - model.entropy(means * 0.999)) / (0.002 * means)
    np.testing.assert_allclose(gradient, difference, rtol=2e-3)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("mean", [0.0, 0.2, 3.0, 60.0])
def test_samples_have_the_stated_entropy(name, mean):
    model = MODELS[name]
    means = np.full(40_000, mean)
    measured = model.sample(np.random.default_rng(1), means)
    losses = -model.log_prob(measured, means)
    assert losses.mean() == pytest.approx(float(model.entropy(np.array(mean))), abs=4 * losses.std() / 200 + 1e-9)


def test_poisson_measurements_have_the_mean_and_variance_of_counts():
    # Trap 1: the measurement is Poisson(mean), not mean + Poisson(mean).
    measured = Poisson().sample(np.random.default_rng(0), np.full(100_000, 7.0))
    assert measured.mean() == pytest.approx(7, abs=4 * np.sqrt(7e-5))
    assert measured.var() == pytest.approx(7, rel=0.03)


@pytest.mark.parametrize("name", [*MODELS, "complex"])
@pytest.mark.parametrize("mean", [0.05, 3.0, 200.0])
def test_variance_is_that_of_samples(name, mean):
    model = MODELS.get(name, ComplexGaussian(1.5))
    drawn = np.real(model.sample(np.random.default_rng(4), np.full(200_000, mean, complex if name == "complex" else float)))
    errors = (drawn - drawn.mean()) ** 2
    coarse = 0.1 * getattr(model, "quantum", 0.0) ** 2  # steps of the converter: quantum^2 / 12 holds for fine ones
    assert float(model.variance(np.array(mean))) == pytest.approx(errors.mean(), abs=5 * errors.std() / 200_000**0.5 + coarse)
    assert float(model.variance(jnp.array(mean))) == pytest.approx(float(model.variance(np.array(mean))), rel=1e-6)


def test_gaussian_noise_is_not_clipped():
    # Trap 7: clipping at 0 would break the closed form.
    assert (Gaussian(2.0).sample(np.random.default_rng(0), np.zeros(1000)) < 0).mean() == pytest.approx(0.5, abs=0.07)


def test_keys_give_fresh_noise_inside_a_compiled_step():
    # Trap 8.
    step = jax.jit(lambda key: PoissonGaussian(1.6).sample(key, jnp.full(50, 10.0)))
    first, second = jax.random.split(jax.random.key(0))
    assert not np.array_equal(step(first), step(second))
    np.testing.assert_array_equal(step(first), step(first))


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_models_trace_and_differentiate(name):
    model = MODELS[name]
    mean = jnp.array([0.5, 4.0, 30.0])
    measured = jax.jit(model.sample)(jax.random.key(0), mean)
    assert measured.shape == mean.shape
    assert np.isfinite(jax.jit(jax.grad(lambda x: model.log_prob(measured, x).sum()))(mean)).all()
    assert np.isfinite(jax.jit(jax.grad(lambda x: model.entropy(x).sum()))(mean)).all()


def test_complex_gaussian():
    model = ComplexGaussian(np.array([0.5, 2.0]))
    mean = np.tile(np.array([1 + 1j, -3j]), (50_000, 1))
    measured = model.sample(np.random.default_rng(0), mean)
    assert (measured - mean).real.std(0) == pytest.approx([0.5, 2.0], rel=0.02)
    losses = -model.log_prob(measured, mean)
    np.testing.assert_allclose(losses.mean(0), model.entropy(mean)[0], atol=0.03)
    expected = np.log(2 * np.pi * np.e * np.array([0.25, 4.0])).sum()
    np.testing.assert_allclose(model.conditional_entropy(measured[:3]), expected)


def test_per_pixel_and_per_sample_sigma():
    sigma = np.array([[1.0, 2.0], [3.0, 4.0]])
    one = 0.5 * np.log(2 * np.pi * np.e * sigma**2)
    np.testing.assert_allclose(Gaussian(sigma).conditional_entropy(np.zeros((3, 2, 2))), [one.sum()] * 3)
    np.testing.assert_allclose(Gaussian(sigma).conditional_entropy(np.zeros((2, 2))), one.sum(1))


@pytest.mark.parametrize("sigma", [0.0, -1.0, np.nan, np.array([1.0, 0.0])])
def test_sigma_must_be_positive(sigma):
    with pytest.raises(UsageError, match="positive"):
        Gaussian(sigma)


def test_camera_figures_must_be_positive():
    with pytest.raises(UsageError, match="read noise"):
        PoissonGaussian(0.0)
    with pytest.raises(UsageError, match="gain"):
        PoissonGaussian(1.0, gain=0.0)


def test_more_values_help_where_means_are_unknown():
    rng = np.random.default_rng(0)
    few, more = Poisson().sample(rng, np.full((2, 8), 3.0)), Poisson().sample(rng, np.full(100_000, 3.0))
    expected = float(Poisson().entropy(np.array(3.0)))
    alone, helped = (Poisson().conditional_entropy(few, means=means).mean() / 8 for means in (None, Poisson().fit_means(more)))
    assert abs(helped - expected) < 0.02 < abs(alone - expected)
    assert Gaussian(2.0).fit_means(more) is None


def test_clean_means_must_match():
    with pytest.raises(DataError, match="clean has shape"):
        Poisson().conditional_entropy(np.zeros((2, 3)), np.zeros((2, 4)))


def test_conditional_entropy_from_clean_means_pairs_with_samples():
    # Traps 9 and 16: one number per sample, in order, of that sample's own means.
    clean = np.random.default_rng(0).uniform(0, 20, (5, 4, 4))
    expected = [sum(summed_entropy(mean) for mean in sample.ravel()) for sample in clean]
    np.testing.assert_allclose(Poisson().conditional_entropy(clean, clean), expected, atol=1e-7)
