"""Electron multiplication: density, entropy, known answers, and the commands."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from fixtures.intensities import LAWS, check_known_answer

import ideal
from ideal.errors import UsageError
from ideal.measurements.measurement_set import from_arrays, open_measurements
from ideal.noise import EMCCD
from ideal.noise.electrons import poisson_masses
from ideal.noise.emccd import kernel


def places(spread, top):
    """Return values and weights of an integral over all of them."""
    fine = np.linspace(-9 * spread, 9 * spread, 1201)
    rest = np.linspace(9 * spread, top, 6001)
    weights = [np.full(len(each), each[1] - each[0]) for each in (fine, rest)]
    for each in weights:
        each[[0, -1]] /= 2
    return np.concatenate([fine, rest]), np.concatenate(weights)


@pytest.mark.parametrize("spread", [0.05, 0.15, 0.6, 2.0])
def test_the_density_is_that_of_a_sum_over_electrons_and_has_the_stated_entropy(spread):
    noise, light = EMCCD(100.0, 100 * spread), np.array([0.01, 1.0, 5.0, 60.0])
    values, weights = places(spread, 160.0)
    density = np.exp(noise.log_prob(values, light[:, None]))
    summed = poisson_masses(light, 250) @ kernel(values, 250, spread).T
    np.testing.assert_allclose(density, summed, atol=1e-7 * summed.max())
    np.testing.assert_allclose(density @ weights, 1, atol=1e-5)
    np.testing.assert_allclose((density * values) @ weights, light, atol=1e-3)
    entropy = -(density * np.log(np.maximum(density, 1e-300))) @ weights
    np.testing.assert_allclose(entropy, noise.entropy(light), atol=3e-5)
    second = (density * (values - light[:, None]) ** 2) @ weights
    np.testing.assert_allclose(second, noise.variance(light), rtol=2e-3)


@pytest.mark.parametrize("gain", [0.05, 0.5, 2.0])
def test_levels_of_a_converter(gain):
    noise = EMCCD(100.0, 30.0, gain=gain, offset=3.3, quantised=True)
    levels = noise.origin + gain * np.arange(-200, 3000)
    for light in (0.5, 5.0):
        mass = gain * np.exp(noise.log_prob(levels, np.full(levels.shape, light)))
        assert mass.sum() == pytest.approx(1, abs=1e-7)
        entropy = -(mass * np.log(np.maximum(mass, 1e-300))).sum() + np.log(gain)
        assert entropy == pytest.approx(float(noise.entropy(light)), abs=3e-5)


def test_entropy_is_continuous_where_the_table_ends_and_arrays_of_jax_are_traced():
    noise = EMCCD(300.0, 45.0, spurious=0.1)
    below, above = noise.entropy(np.array([399.89, 399.91]))
    assert abs(above - below) < 1e-4
    light = jnp.linspace(0.5, 20.0, 20_000)
    np.testing.assert_allclose(jax.jit(noise.entropy)(light), noise.entropy(np.asarray(light, np.float64)), atol=1e-4)
    drawn = jax.jit(noise.sample)(jax.random.key(0), light)
    assert float((drawn - light).mean()) == pytest.approx(0.1, abs=0.1)
    assert float(((drawn - light - 0.1) ** 2).mean()) == pytest.approx(float(noise.variance(light).mean()), rel=0.05)
    told = jax.jit(noise.log_prob)(drawn, light)
    np.testing.assert_allclose(told, noise.log_prob(np.float64(drawn), np.float64(light)), atol=2e-3)


@pytest.mark.parametrize("law", LAWS)
def test_known_answers(law):
    noise = EMCCD(300.0, 45.0, spurious=0.05)
    check_known_answer(noise, law, 4.0, *places(noise.spread, 140.0))


def test_a_constant_scene_holds_nothing():
    noise = EMCCD(300.0, 45.0, gain=0.05, offset=200.0, quantised=True)
    frames = noise.stored(noise.sample(np.random.default_rng(0), np.full((600, 16, 16), 5.0)))
    found = ideal.estimate(from_arrays(frames, noise=noise), models=["stationary", "known-channel"], progress=False)
    assert found.model == "known-channel"
    assert abs(found.information_bits_per_pixel) < 0.01
    assert found.models["stationary"].values.mean / (256 * np.log(2)) > 0.05
    names = [each.name for each in from_arrays(frames, noise=noise).examination.findings if each.severity != "note"]
    assert names == []
    other = from_arrays(frames, noise=f"poisson-gaussian:read_noise={noise.spread},gain=0.05,offset=200")
    assert "noise-too-large" in [each.name for each in other.examination.findings]


def test_figures_without_meaning():
    for figures in ({"multiplication": 0.0}, {"read_noise": np.nan}, {"spurious": -1.0}):
        with pytest.raises(UsageError, match="of emccd noise must be a finite number"):
            EMCCD(**{"multiplication": 300.0, "read_noise": 45.0} | figures)


def test_simulate_inspect_estimate_and_a_saved_model(ideal, tmp_path):
    out, model = tmp_path / "a.h5", tmp_path / "model.h5"
    noise = "emccd:multiplication=300,read_noise=45,gain=0.05,offset=200"
    command = ("simulate", "diffraction-limited", "natural-fields", "--set", "shape=[12,12]", "-n", "80", "-o", out)
    done = ideal(*command, "--photons", "5", "--noise", noise)
    assert done.exit_code == 0, done.stderr
    with open_measurements(out) as measured:
        assert measured.noise == EMCCD(300.0, 45.0, gain=0.05, offset=200.0, quantised=True)
        assert measured.read_noise == pytest.approx(0.15)
        residual = measured.read(0, 80) - measured.read_clean(0, 80)
    assert residual.var() == pytest.approx(10, rel=0.15)
    told = json.loads(ideal("inspect", out, "--json").stdout)
    assert told["noise_figures"]["multiplication"] == 300.0
    done = ideal("estimate", out, "--model", "known-channel", "--patch", "6", "--json", "--save-model", model)
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["results"][0]["noise"]["multiplication"] == 300.0
    again = ideal("estimate", out, "--load-model", model, "--patch", "6", "--json")
    assert again.exit_code == 0, again.stderr
    assert ideal("sample", model, "-n", "20", "--out", tmp_path / "drawn.npy").exit_code == 0
    assert np.load(tmp_path / "drawn.npy").mean() == pytest.approx(5, rel=0.3)


def test_optimize_with_the_objective_samples(ideal):
    options = ("--set", "shape=[8,8]", "--set", "period=[2,2]", "-n", "60", "--photons", "20", "--steps", "3", "--no-search")
    options += ("--against", "none", "--model", "stationary", "--patch", "4", "--objective", "samples", "--json")
    done = ideal(
        "optimize", "color-filter-array", "natural-fields", "--noise", "emccd:multiplication=300,read_noise=45", *options
    )
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["noise"]["name"] == "emccd"
