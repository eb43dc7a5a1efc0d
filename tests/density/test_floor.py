"""Floors: normalised, free for right data, and a limit to what any measurement may cost."""

import itertools

import h5py
import numpy as np
import pytest

from ideal.density import MODELS, Fitting, Floor, FullGaussian, GaussianMixture, Sensor, StationaryGaussian, load
from ideal.errors import DataError
from ideal.information.estimation import estimate
from ideal.measurements.measurement_set import from_arrays
from ideal.noise import PhotonCounter

COUNTS = Sensor(step=1.0, lowest=0.0, noise_variance=(0.0, 1.0), channel=PhotonCounter(bits=16))
LN2 = np.log(2)


def rows_of(a, b):
    return np.array(list(itertools.product(a, b)), dtype=float)


@pytest.mark.parametrize("span", [None, (-0.5, 255.5)])
def test_a_floored_probability_of_counts_sums_to_one(span):
    rng = np.random.default_rng(0)
    floor = Floor.fit(rng.poisson(6.0, (60, 2, 1)), step=1.0, span=span)
    counts = np.arange(-400, 400)
    pairs = rows_of(counts, counts)
    model = np.log(np.maximum(1e-300, 0.5 ** (np.clip(pairs, 0, 900) + 1) * (pairs >= 0)))  # geometric, whatever came before
    found, _ = floor.conditional_log_prob(model, pairs)
    tail = 2 * 2e-3  # of the Cauchy density beyond the grid, on either axis
    assert 1 - tail < np.exp(found.sum(1)).sum() < 1 + 1e-9


def test_a_floored_density_of_continuous_values_integrates_to_one():
    rng = np.random.default_rng(1)
    floor = Floor.fit(3 + 0.5 * rng.standard_normal((100, 2)))
    # Substituting y = 3 + tan(u) covers the whole line.
    angle = (np.arange(1200) + 0.5) / 1200 * np.pi - np.pi / 2
    grid, slope = 3 + np.tan(angle), np.pi / 1200 / np.cos(angle) ** 2
    pairs = rows_of(grid, grid)
    dependent = 3 + 0.8 * (pairs[:, :1] - 3)  # the second value follows the first
    model = np.concatenate([pairs[:, :1] - 3, pairs[:, 1:] - dependent], axis=1)
    conditional = -0.5 * (model / 0.4) ** 2 - np.log(0.4 * np.sqrt(2 * np.pi))
    found, _ = floor.conditional_log_prob(conditional, pairs)
    weight = np.outer(slope, slope).ravel()
    assert (np.exp(found.sum(1)) * weight).sum() == pytest.approx(1, abs=5e-3)


def test_quantised_floors_are_alike_for_levels_and_dequantised_values():
    rng = np.random.default_rng(2)
    levels = 0.3 + 0.45 * rng.poisson(30.0, (200, 4, 4))
    moved = levels + 0.45 * (rng.random(levels.shape) - 0.5)
    floors = [Floor.fit(values, step=0.45, origin=0.3) for values in (levels, moved)]
    probe = 0.3 + 0.45 * np.arange(-50, 200)[:, None]
    near = probe + 0.2
    for floor in floors:
        assert floor.log_densities(probe) == pytest.approx(floors[0].log_densities(near))
    assert (0.45 * np.exp(floors[0].log_densities(probe)[1])).sum() == pytest.approx(1, abs=0.05)


IMAGES = StationaryGaussian([20.0], 25 * np.exp(-np.hypot(*np.meshgrid(np.arange(-5, 6), np.arange(-5, 6))) / 4)).sample(0, 400)


def fitted(name, fitting=None):
    values = np.random.default_rng(3).poisson(np.maximum(IMAGES, 0)).astype(float) if MODELS[name].discrete else IMAGES
    sensor = COUNTS if MODELS[name].discrete else Sensor()
    parts = values[:300], values[300:350]
    others = {}
    if name == "blend":
        for each in ("causal-mixture", "pixel-cnn"):
            others[each] = MODELS[each].fit(0, *parts, sensor=sensor, fitting=Fitting(effort=0.01))
    model = MODELS[name].fit(0, *parts, fitted=others, sensor=sensor, fitting=Fitting(effort=0.01))
    step = 1.0 if MODELS[name].discrete else 0.0
    return model.with_floor(Floor.fit(parts[0], step=step)), values[350:]


@pytest.mark.slow
@pytest.mark.parametrize("name", list(MODELS))
def test_conditionals_sum_to_the_log_density_and_a_floor_costs_right_data_next_to_nothing(name, tmp_path):
    model, fresh = fitted(name)
    assert model.conditional_log_prob(fresh).reshape(len(fresh), -1).sum(1) == pytest.approx(model.log_prob(fresh), abs=1e-6)
    lost, share = model.log_prob(fresh) - model.floored_log_prob(fresh), model.floored(fresh)[1]
    assert (lost < 3e-6 * 36).all()
    assert share.max() < 0.01
    odd = fresh.copy()
    odd[:, 2, 3] = 4000.0
    value = model.floored_log_prob(odd) - model.floored_log_prob(fresh)
    limit = np.log(1e6) + np.log(np.pi * 4000**2) + 7 * np.log(2e4)  # one entry, one far value, its neighbours by the floor
    assert (value > -limit).all()
    assert model.log_prob(odd).mean() < model.floored_log_prob(odd).mean()
    model.save(tmp_path / "model.h5")
    again = load(tmp_path / "model.h5")
    assert again.floored_log_prob(odd) == pytest.approx(model.floored_log_prob(odd), rel=1e-6)


def test_a_measurement_unlike_all_costs_the_floor_and_one_entry():
    rng = np.random.default_rng(4)
    train = 300 + rng.standard_normal((500, 8, 8))
    model = StationaryGaussian.fit(0, train[:400], train[400:]).with_floor(Floor.fit(train, span=(-0.5, 65535.5)))
    odd = rng.uniform(0, 65535, (50, 8, 8))
    loss, share = -model.floored(odd)[0] / 64 / LN2, model.floored(odd)[1]
    assert loss.max() < 16 + 20 / 64 + 0.1
    assert (share > 0.9).all()
    assert -model.log_prob(odd).mean() / 64 / LN2 > 1e6


def test_vectors_have_floors_of_their_own_values():
    rng = np.random.default_rng(5)
    values = np.array([1e-3, 1.0, 1e3]) * rng.standard_normal((300, 3)) + np.array([0, 5, -1e6])
    floor = Floor.fit(values)
    loss = -floor.log_densities(values)[:2].max(0) / LN2
    truth = 0.5 * np.log2(2 * np.pi * np.e * np.array([1e-6, 1, 1e6]))
    assert np.abs(loss.mean(0) - truth).max() < 1.0


def test_complex_values_and_channels_have_kinds():
    rng = np.random.default_rng(6)
    assert Floor.fit(rng.standard_normal((50, 4)) + 1j * rng.standard_normal((50, 4))).start.shape == (8,)
    assert Floor.fit(rng.random((50, 6, 6, 3))).start.shape == (3,)
    assert Floor.fit(rng.random((50, 6, 6))).start.shape == (1,)


def test_still_values_have_a_floor_too():
    floor = Floor.fit(np.full((10, 3), 7.0))
    assert np.isfinite(floor.log_densities(np.array([[7.0, 7.1, 1e9]])).max(0)).all()


def test_a_mixture_of_gaussians_gives_its_values_in_order():
    rng = np.random.default_rng(7)
    model = GaussianMixture([0.3, 0.7], rng.standard_normal((2, 5)) * 3, np.eye(5) + 0.3)
    values = model.sample(0, 40)
    first = model.conditional_log_prob(values)[:, 0]
    marginal = GaussianMixture([0.3, 0.7], model.means[:, :1], model.covariance[:1, :1])
    assert first == pytest.approx(marginal.log_prob(values[:, :1]))


def test_a_damaged_floor_is_an_error_of_the_data(tmp_path):
    model = FullGaussian([0.0, 1.0], np.eye(2)).with_floor(Floor.fit(np.random.default_rng(8).random((20, 2))))
    model.save(tmp_path / "model.h5")
    with h5py.File(tmp_path / "model.h5", "r+") as file:
        del file["floor_width"]
    with pytest.raises(DataError, match="cannot be read as a model file: its arrays are not those that were written"):
        load(tmp_path / "model.h5")


@pytest.mark.parametrize("name", ["floor_scale", "floor_step", "mean", "covariance"])
def test_complex_numbers_in_a_model_are_an_error_of_the_data(tmp_path, name):
    """No model of real values has any: they would lose their imaginary part with a warning of NumPy."""
    model = FullGaussian([0.0, 1.0], np.eye(2)).with_floor(Floor.fit(np.random.default_rng(8).random((20, 2))))
    model.save(tmp_path / "model.h5")
    with h5py.File(tmp_path / "model.h5", "r+") as file:
        values = file[name][()]
        del file[name], file.attrs["checksum"]
        file[name] = values + 0j
    with pytest.raises(DataError, match=f"{name} holds complex numbers"):
        load(tmp_path / "model.h5")


def blurred_and_sharp(dtype, seed=3):
    rng = np.random.default_rng(seed)
    ramp = np.linspace(0.9, 1.1, 48)
    smooth = 300 * rng.uniform(0.9, 1.1, (6, 1, 1)) * ramp * ramp[:, None]
    sharp = 300 * np.exp(0.9 * rng.standard_normal((2, 48, 48)))
    values = np.concatenate([smooth, sharp])
    if dtype == "u1":
        return np.clip(np.round(values / 32 + 10 + 0.05 * rng.standard_normal(values.shape)), 0, 255).astype(dtype)
    return (values + rng.standard_normal(values.shape)).astype(dtype)


@pytest.mark.slow
@pytest.mark.parametrize(("dtype", "most"), [("f4", 12.0), ("u2", 16.0), ("u1", 8.0)])
def test_pictures_unlike_the_others_do_not_run_away_and_are_named(dtype, most):
    values = blurred_and_sharp(dtype)
    measured = from_arrays(values, noise="gaussian", sigma=1.0)
    found = estimate(measured, models=["stationary", "full"])
    assert found.information_bits_per_pixel < most
    for result in found.models.values():
        assert found.bits_per_pixel(result.values.mean) < most
    assert found.rate is None or found.rate[1] / LN2 < most
    named = [each for each in found.findings if each.name == "bound-near-floor"]
    assert len(named) == 1
    assert named[0].figures["measurements"] >= 18  # nine patches of each sharp picture


@pytest.mark.parametrize("kept", [True, False])
def test_a_model_from_a_file_does_not_run_away_either(kept, tmp_path):
    """With the floor in its file, or, as files had none before, with one of values drawn from the model."""
    rng = np.random.default_rng(9)
    smooth = 300 + 5 * rng.standard_normal((80, 1, 1)) + rng.standard_normal((80, 8, 8))
    model = estimate(from_arrays(smooth, noise="gaussian", sigma=1.0), models=["stationary"], patch=8).fitted["stationary"]
    assert model.floor is not None
    (model if kept else model.with_floor(None)).save(tmp_path / "model.h5")
    before = load(tmp_path / "model.h5")
    assert (before.floor is not None) == kept
    sharp = 300 * np.exp(0.9 * rng.standard_normal((20, 8, 8))) + rng.standard_normal((20, 8, 8))
    found = estimate(from_arrays(sharp, noise="gaussian", sigma=1.0), fitted={"kept": before}, patch=8)
    assert found.information_bits_per_pixel < 16
    assert {"bound-near-floor"} <= {each.name for each in found.findings}
    likes = 300 + 5 * rng.standard_normal((20, 1, 1)) + rng.standard_normal((20, 8, 8))
    right = estimate(from_arrays(likes, noise="gaussian", sigma=1.0), fitted={"kept": before}, patch=8)
    bits = -before.log_prob(likes).mean() / 64 / LN2 - 0.5 * np.log2(2 * np.pi * np.e)
    assert right.information_bits_per_pixel == pytest.approx(bits, abs=1e-5)


def test_a_single_far_value_among_those_trained_on_spoils_no_floor():
    rng = np.random.default_rng(10)
    for step in (0.0, 1.0):
        values = rng.normal(100, 10, (2000, 3)).round() if step else rng.normal(100, 10, (2000, 3))
        spoilt = values.copy()
        spoilt[7] = 1e8
        fresh = values[:500]
        losses = [-Floor.fit(train, step=step).log_densities(fresh).max(0).mean() for train in (values, spoilt)]
        assert losses[1] == pytest.approx(losses[0], abs=0.02)
        assert losses[0] / LN2 == pytest.approx(0.5 * np.log2(2 * np.pi * np.e * 100), abs=0.2)


@pytest.mark.parametrize("step", [0.1, 0.3, 0.5])
@pytest.mark.parametrize("trend", [0.0, 7.0])
def test_rounded_values_of_gaussian_noise_lose_no_information_to_the_floor(step, trend):
    """The mass of a level is no density: signal of twice the noise, 1/2 log2(5) bits, which rounding hardly changes."""
    rng = np.random.default_rng(3)
    values = 2 * rng.standard_normal((1500, 6, 6)) + rng.standard_normal((1500, 6, 6)) + trend * np.arange(6)
    rounded = np.round(values / step) * step
    rounded[::2] = np.nextafter(rounded[::2], np.inf)  # the same levels, as another sum gives them
    found = estimate(from_arrays(rounded, noise="gaussian", sigma=1.0), models=["full"], patch=6)
    assert 0.5 * np.log2(5) - 0.015 < found.information_bits_per_pixel < 0.5 * np.log2(5) + 0.04
    assert not any(each.name == "bound-near-floor" for each in found.findings)
