"""Multiplicative speckle: its closed forms, intensities whose information is known, and every command."""

import json
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import digamma, gammaln
from scipy.stats import gamma, norm, qmc

from ideal.errors import DataError, UsageError
from ideal.information.estimation import estimate
from ideal.measurements.measurement_set import from_arrays, open_measurements
from ideal.noise import Speckle
from ideal.optimize.objectives.samples import gaussian_information

LN2 = np.log(2)
LOOKS = [0.7, 1.0, 4.0, 30.0]


@pytest.mark.parametrize("looks", LOOKS)
@pytest.mark.parametrize("mean", [0.01, 1.0, 250.0])
def test_the_density_is_normalised_and_has_the_stated_entropy_and_variance(looks, mean):
    noise = Speckle(looks)
    edge = gamma.ppf(1 - 1e-14, looks, scale=mean / looks)
    split = [0, *gamma.ppf([1e-9, 1e-3, 0.5, 0.999], looks, scale=mean / looks), edge]

    def integral(function):
        return sum(quad(function, low, high, limit=400, epsabs=1e-12)[0] for low, high in pairwise(split))

    def density(y):
        return float(np.exp(noise.log_prob(y, mean)))

    assert integral(density) == pytest.approx(1, abs=1e-6)
    assert integral(lambda y: y * density(y)) == pytest.approx(mean, rel=1e-6)
    assert integral(lambda y: (y - mean) ** 2 * density(y)) == pytest.approx(noise.variance(mean), rel=1e-6)
    entropy = integral(lambda y: -density(y) * float(noise.log_prob(y, mean)) if y > 0 else 0.0)
    assert entropy == pytest.approx(float(noise.entropy(mean)), abs=1e-5)
    assert float(noise.entropy(mean)) == pytest.approx(gamma(looks, scale=mean / looks).entropy(), abs=1e-9)
    assert float(noise.log_prob(2.0, 3.0)) == pytest.approx(gamma(looks, scale=3.0 / looks).logpdf(2.0))
    assert noise.log_prob(0.0, 3.0) == -np.inf


def test_arrays_of_jax_are_traced_and_drawn():
    noise = Speckle(3.0)
    mean = jnp.linspace(1.0, 5.0, 50_000)
    drawn = jax.jit(noise.sample)(jax.random.key(0), mean)
    assert drawn.dtype == mean.dtype
    assert float((drawn / mean).mean()) == pytest.approx(1.0, abs=0.01)
    assert float((drawn / mean).var()) == pytest.approx(1 / 3, rel=0.03)
    for method in (noise.entropy, noise.variance):
        np.testing.assert_allclose(jax.jit(method)(mean), method(np.asarray(mean, np.float64)), rtol=1e-5)
    np.testing.assert_allclose(
        jax.jit(noise.log_prob)(drawn, mean), noise.log_prob(np.float64(drawn), np.float64(mean)), atol=1e-4
    )
    assert float(jax.grad(lambda x: noise.entropy(x))(2.0)) == pytest.approx(0.5)


@pytest.mark.parametrize("looks", LOOKS)
def test_entropies_with_and_without_clean_means_and_on_the_logarithmic_scale(looks):
    rng, noise = np.random.default_rng(0), Speckle(looks)
    clean = rng.lognormal(size=(20_000, 8))
    values = noise.sample(rng, clean)
    known, blind, scaled = (
        noise.conditional_entropy(values, clean),
        noise.conditional_entropy(values),
        noise.scaled_entropy(values),
    )
    assert known.mean() == pytest.approx(noise.entropy(clean).sum(1).mean())
    error = (known - blind).std() / np.sqrt(len(known))
    assert abs((known - blind).mean()) < 4 * error
    assert error < 0.04
    np.testing.assert_allclose(blind - np.log(values).sum(1), scaled)  # H(U|X) = H(Y|X) + E[ln du/dy]
    logarithms = np.log(rng.gamma(looks, 1 / looks, 400_000))
    assert logarithms.var() == pytest.approx(float(noise.scaled_variance(1.0)), rel=0.02)


def intensities(law, quantiles):
    return {
        "two levels": lambda: np.where(quantiles < 0.5, 1.0, 8.0),
        "log-normal": lambda: np.exp(0.8 * norm.ppf(quantiles)),
        "gamma": lambda: gamma.ppf(quantiles, 2, scale=0.5),
    }[law]()


def truth(law, looks):
    """Bits of one value by quadrature, on the logarithmic scale: the entropy of ln Y less that of ln G."""
    quantiles = np.array([0.25, 0.75]) if law == "two levels" else (np.arange(2000) + 0.5) / 2000
    u = np.linspace(-32, 12, 22_001)
    density = np.zeros_like(u)
    for x in np.log(intensities(law, quantiles)):
        v = u - x
        density += np.exp(looks * np.log(looks) - gammaln(looks) + looks * v - looks * np.exp(v)) / len(quantiles)
    step = u[1] - u[0]
    assert step * density.sum() == pytest.approx(1, abs=1e-6)
    entropy = -step * np.where(density > 0, density * np.log(np.maximum(density, 1e-300)), 0.0).sum()
    return (entropy - (looks + gammaln(looks) - looks * digamma(looks))) / LN2


@pytest.mark.slow
@pytest.mark.parametrize(("law", "looks"), [("two levels", 4.0), ("log-normal", 4.0), ("gamma", 4.0), ("gamma", 1.0)])
def test_known_answers(law, looks):
    """Independent values, at points that fill the plane of (intensity, speckle) evenly, so that chance moves no average."""
    points = qmc.Sobol(2, rng=0).random_base2(14)
    np.random.default_rng(0).shuffle(points)
    clean = intensities(law, points[:, :1])
    values = clean * gamma.ppf(points[:, 1:], looks, scale=1 / looks)
    exact, noise = truth(law, looks), Speckle(looks)
    entropy = float(noise.entropy(intensities(law, (np.arange(2**16) + 0.5) / 2**16)).mean()) / LN2
    for means, within in ((clean, 0.01), (None, 0.02)):
        found = estimate(from_arrays(values, clean=means, noise=noise), models=["gaussian-mixture"])
        assert abs(found.information_bits_per_pixel - exact) < within
        assert found.bits_per_pixel(found.noise_entropy) == pytest.approx(entropy, abs=within)
        assert found.noise["entropy_from"] == ("measurements" if means is None else "clean means")


def test_images_with_a_trained_model():
    rng, noise = np.random.default_rng(0), Speckle(4.0)
    clean = np.where(rng.random((500, 8, 8)) < 0.5, 1.0, 8.0)
    found = estimate(
        from_arrays(noise.sample(rng, clean), noise=noise), models=["stationary", "causal-mixture"], patch=8, effort=0.3
    )
    exact = truth("two levels", 4.0)
    assert exact - 0.03 < found.models["causal-mixture"].values.mean / (64 * LN2) < exact + 0.06
    assert found.model == "causal-mixture"


def test_gaussian_information_of_log_normal_means_is_exact_but_for_the_shape_of_the_noise():
    """On the logarithmic scale speckle of many looks is Gaussian noise of variance psi'(L)."""
    rng, noise = np.random.default_rng(0), Speckle(50.0)
    means = jnp.asarray(np.exp(0.5 * rng.standard_normal((4000, 6))))
    expected = 6 * 0.5 * np.log1p(0.25 / float(noise.scaled_variance(1.0)))
    assert float(gaussian_information(means, noise)) == pytest.approx(expected, rel=0.03)
    dark = jax.grad(lambda means: gaussian_information(means, noise))(means.at[0, 0].set(0.0))
    assert np.isfinite(np.asarray(dark)).all()


@pytest.mark.parametrize("value", [0.0, -1.0])
def test_values_that_are_not_positive_are_refused(ideal, tmp_path, value):
    values = np.random.default_rng(0).exponential(size=(100, 8, 8))
    values[3, 4, 5] = value
    measured = from_arrays(values, noise=Speckle(1.0), path="a")
    with pytest.raises(DataError, match=f"a: values with speckle noise are above 0; found {value:g}"):
        estimate(measured, models=["stationary"], patch=8)
    assert "impossible-values" in [finding.name for finding in measured.examination.findings]
    np.save(tmp_path / "a.npy", values)
    done = ideal("estimate", tmp_path / "a.npy", "--noise", "speckle:looks=1", "--model", "stationary")
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    told = ideal("inspect", tmp_path / "a.npy", "--noise", "speckle:looks=1")
    assert told.exit_code == 0
    assert "values with speckle" in told.stderr.replace("those with", "values with")


def test_figures_without_meaning():
    for looks in (0.0, -1.0, np.inf, np.nan):
        with pytest.raises(UsageError, match="looks of speckle noise must be a finite number above 0"):
            Speckle(looks)


def test_a_clean_set_gives_no_warning_but_of_sources():
    rng, noise = np.random.default_rng(1), Speckle(2.0)
    scene = np.exp(rng.standard_normal((150, 6, 6)).repeat(3, 1).repeat(3, 2))
    for means in (scene, None):
        measured = from_arrays(noise.sample(rng, scene), clean=means, noise=noise, groups=np.arange(150))
        assert [finding.name for finding in measured.examination.findings if finding.severity != "note"] == []


def test_looks_that_do_not_fit_the_scatter_are_told():
    rng = np.random.default_rng(0)
    values = Speckle(16.0).sample(rng, np.full((100, 16, 16), 50.0))
    names = {finding.name: finding for finding in from_arrays(values, noise=Speckle(1.0)).examination.findings}
    assert "looks" in names["noise-too-small"].remedy
    told = from_arrays(values, clean=np.full(values.shape, 50.0), noise=Speckle(4.0)).examination.findings
    assert "clean-contradicts" in [finding.name for finding in told]


def test_simulate_inspect_and_estimate(ideal, tmp_path):
    out = tmp_path / "a.h5"
    command = ("simulate", "diffraction-limited", "natural-fields", "--set", "shape=[12,12]", "-n", "120", "-o", out, "--json")
    done = ideal(*command, "--noise", "speckle:looks=4")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["noise"] == {"name": "speckle", "looks": 4.0}
    with open_measurements(out) as measured:
        assert measured.noise == Speckle(4.0)
        ratio = measured.read(0, 120) / measured.read_clean(0, 120)
    assert (ratio.mean(), ratio.var()) == (pytest.approx(1, abs=0.02), pytest.approx(0.25, rel=0.05))
    told = json.loads(ideal("inspect", out, "--json").stdout)
    assert (told["noise"], told["noise_figures"]) == ("speckle", {"looks": 4.0})
    found = ideal("estimate", out, "--model", "stationary", "--patch", "6", "--json")
    assert found.exit_code == 0, found.stderr
    (result,) = json.loads(found.stdout)["results"]
    assert result["noise"] == {"name": "speckle", "looks": 4.0, "entropy_from": "clean means"}
    assert result["information_bits_per_pixel"] > 0
    model = tmp_path / "model.h5"
    assert ideal("estimate", out, "--model", "stationary", "--patch", "6", "--save-model", model).exit_code == 0
    drawn = tmp_path / "drawn.npy"
    assert ideal("sample", model, "-n", "50", "--out", drawn).exit_code == 0
    assert np.load(drawn).min() > 0  # a model on the logarithmic scale draws intensities
    np.save(tmp_path / "plain.npy", np.random.default_rng(0).normal(100, 10, (60, 12, 12)))
    plain = ("estimate", tmp_path / "plain.npy", "--noise", "gaussian", "--sigma", "9")
    other = ideal(*plain, "--load-model", model, "--patch", "6")
    assert other.exit_code == 2
    assert "another scale" in other.stderr
    dark = ideal("simulate", "color-filter-array", "beads", "-n", "5", "-o", tmp_path / "b.h5", "--noise", "speckle:looks=4")
    assert dark.exit_code == 1
    assert "a noiseless value of 0, speckle noise needs means above 0" in dark.stderr


def test_optimize_with_the_objective_samples(ideal, tmp_path):
    options = ("--set", "shape=[8,8]", "--set", "period=[2,2]", "-n", "60", "--photons", "300", "--steps", "3", "--no-search")
    options += ("--against", "none", "--model", "stationary", "--patch", "4", "--objective", "samples", "--json")
    done = ideal("optimize", "color-filter-array", "natural-fields", "--noise", "speckle:looks=8", *options)
    assert done.exit_code == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["noise"] == {"name": "speckle", "looks": 8.0}
    refused = ideal(
        "optimize", "color-filter-array", "natural-fields", "--noise", "speckle:looks=8", *options, "--objective", "density"
    )
    assert refused.exit_code == 2
    assert "choose the objective samples" in refused.stderr
