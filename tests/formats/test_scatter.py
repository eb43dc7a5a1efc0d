"""The scatter of visibilities against the noise that their weights state: known noise, both directions, real observations."""

import os
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("astropy")

from fixtures.radio import observe, write

from ideal.errors import DataError, UsageError
from ideal.formats.uvfits import open_uvfits
from ideal.information.estimation import estimate
from ideal.measurements.measurement_set import open_measurements


def found(path, **choice):
    """Return the findings of a file that are no remarks, by name."""
    return {each.name: each for each in open_uvfits(path, **choice).findings if each.name != "note"}


@pytest.mark.parametrize("flux", [0.0, 0.1, 1.0, 30.0])
@pytest.mark.parametrize("factor", [1.0, 2.0, 0.5, 100.0, 0.01, 1e6, 1e-6])
def test_weights_are_compared_with_the_scatter_in_both_directions(tmp_path, flux, factor):
    night = observe(noise=0.05, flux=flux, integrations=24)
    night.weights *= factor
    names = found(write(tmp_path / "a.uvfits", night))
    if factor == 1:
        assert not names
        return
    name, severity = ("weights-too-large", "biased") if factor > 1 else ("weights-too-small", "void")
    assert list(names) == [name]
    assert names[name].severity == severity
    # The ratio is the known one, the number moves by as many bits, and the factor in the remedy mends it.
    assert names[name].figures["ratio"] == pytest.approx(factor**0.5, rel=0.12)
    scale = float(names[name].remedy.split("--weight-scale ")[1].rstrip(")"))
    assert scale == pytest.approx(1 / factor, rel=0.3)
    assert not found(tmp_path / "a.uvfits", weight_scale=scale)


def test_the_finding_says_by_how_much_the_number_is_off(tmp_path):
    night = observe(noise=0.05, scans=8)
    write(tmp_path / "right.uvfits", night)
    night.weights *= 100
    write(tmp_path / "large.uvfits", night)
    numbers = []
    for name in ("right", "large"):
        with open_measurements(tmp_path / f"{name}.uvfits") as measured:
            numbers.append(estimate(measured, models=["full"]).information_bits_per_pixel)
            finding = next((each for each in measured.findings if each.name == "weights-too-large"), None)
    said = float(finding.effect.split("about ")[1].split()[0])
    assert said == pytest.approx(numbers[1] - numbers[0], abs=0.3)
    assert numbers[1] - numbers[0] == pytest.approx(2 * np.log2(10), abs=1e-6)


def test_weights_of_one_are_named_and_refused_before_an_estimate(tmp_path):
    night = observe(noise=0.05)
    night.weights[:] = 1.0
    path = write(tmp_path / "a.uvfits", night)
    with open_measurements(path) as measured:
        assert measured.attributes["left_out_baselines"] == []  # it is not that calibration has tied every baseline to a model
        with pytest.raises(UsageError, match=r"all weights are 1, as correlators and CASA leave them.*--weight-scale"):
            estimate(measured, models=["full"])
    # What the user says of the noise takes the place of the weights, and is judged as they are.
    sigma = 0.05 / np.sqrt(2)
    with open_measurements(path, sigma=sigma) as measured:
        assert not measured.findings  # weights of 1 say nothing that a sigma could contradict
        truth = estimate(measured, models=["full"]).information_bits_per_pixel
    with open_measurements(path, weight_scale=400.0) as measured:
        assert estimate(measured, models=["full"]).information_bits_per_pixel == pytest.approx(truth, abs=1e-6)
    wrong = found(path, sigma=10 * sigma)["weights-too-small"]
    assert "stated sigma" in wrong.text
    assert float(wrong.remedy.split("--sigma ")[1].rstrip(")")) == pytest.approx(sigma, rel=0.12)


def test_a_sigma_in_place_of_weights_that_say_something_is_told(tmp_path):
    path = write(tmp_path / "a.uvfits", observe(noise=0.05))
    with open_measurements(path, sigma=0.04) as measured:
        (told,) = [each for each in measured.findings if each.name == "note"]
    assert "a sigma of 0.04 Jy was given" in told.text
    assert f"one of {0.05 / np.sqrt(2):.3g} Jy" in told.text


def test_weights_of_one_that_fit_are_right(tmp_path):
    assert not found(write(tmp_path / "a.uvfits", observe(noise=1.0, flux=5.0)))


def test_weights_of_one_are_named_where_nothing_can_be_compared(tmp_path):
    night = observe(noise=0.05, scans=3, integrations=1)
    assert not found(write(tmp_path / "right.uvfits", night))
    night.weights[:] = 1.0
    assert found(write(tmp_path / "one.uvfits", night))["weights-unchecked"].severity == "biased"
    # Twelve differences leave a factor of three open; three hundred do not.
    assert list(found(write(tmp_path / "few.uvfits", observe(noise=1.0, antennas=3, scans=1, integrations=6)))) == [
        "weights-unchecked"
    ]
    assert not found(write(tmp_path / "many.uvfits", observe(noise=1.0)))


@pytest.mark.parametrize("hands", [1, 2])
def test_the_air_does_not_hide_weights_of_one(tmp_path, hands):
    night = observe(noise=0.05, flux=10.0, air=0.3, hands=hands)
    night.weights[:] = 1.0
    finding = found(write(tmp_path / "a.uvfits", night))["weights-too-small"]
    assert finding.figures["ratio"] == pytest.approx(0.05, rel=0.15)


def test_flagged_and_missing_weights(tmp_path):
    night = observe(noise=0.05)
    rng = np.random.default_rng(1)
    night.weights *= rng.choice([1.0, -1.0], size=(len(night), 1, 1, 1))  # half of the rows are flagged
    source = open_uvfits(write(tmp_path / "half.uvfits", night))
    assert not [each for each in source.findings if each.severity != "note"]
    assert source.attributes["flagged_visibilities"] == (night.weights[:, 0, 0, 0] < 0).sum()
    night.values[night.weights < 0] = np.nan
    assert np.isfinite(open_uvfits(write(tmp_path / "nan.uvfits", night)).arrays["measurements"]).all()
    night = observe(noise=0.05)
    night.weights[::3] = np.nan
    assert not found(write(tmp_path / "nan-weights.uvfits", night))
    night.weights[:] = 0.0
    with pytest.raises(DataError, match=r"every weight is 0, they were never calibrated"):
        open_uvfits(write(tmp_path / "zero.uvfits", night))
    night.weights[:] = -400.0
    with pytest.raises(DataError, match=r"every visibility is flagged"):
        open_uvfits(write(tmp_path / "flagged.uvfits", night))
    write(tmp_path / "none.uvfits", night, complex_numbers=2)
    with pytest.raises(DataError, match=r"without weights, the noise is not known: give it \(--sigma\)"):
        open_uvfits(tmp_path / "none.uvfits")
    assert not found(tmp_path / "none.uvfits", sigma=0.05 / np.sqrt(2))


@pytest.mark.parametrize("turn", [0.0, 0.2, 0.6, 1.0])
@pytest.mark.parametrize("hands", [1, 2])
def test_a_strong_source_that_changes_fast_is_not_called_uncalibrated(tmp_path, turn, hands):
    night = observe(noise=0.05, flux=20.0, turn=turn, hands=hands, scans=6, integrations=30)
    assert not found(write(tmp_path / "a.uvfits", night))


def test_the_air_is_told_from_noise(tmp_path):
    # Phases of 0.2 rad that change at every integration: 60 times the noise, in phase alone and in both hands alike.
    night = observe(noise=0.05, flux=10.0, air=0.2)
    names = found(write(tmp_path / "air.uvfits", night))
    assert list(names) == ["phases-unsteady"]
    assert names["phases-unsteady"].severity == "note"
    # Air does not hide that the weights are wrong: both hands see the same of it.
    night.weights *= 100
    assert found(write(tmp_path / "large.uvfits", night))["weights-too-large"].figures["ratio"] == pytest.approx(10, rel=0.15)
    night.weights[:] = 1.0
    assert found(write(tmp_path / "one.uvfits", night))["weights-too-small"].figures["ratio"] == pytest.approx(0.05, rel=0.15)


def test_copies_of_one_hand_are_no_measure_of_noise(tmp_path):
    night = observe(noise=0.05, hands=1)
    night.values, night.weights = np.repeat(night.values, 2, axis=3), np.repeat(night.weights / 2, 2, axis=3)
    assert not found(write(tmp_path / "a.uvfits", night))


@pytest.mark.parametrize("antennas", [4, 5])  # half of the baselines, and less
def test_a_station_of_wrong_weights_is_named(tmp_path, antennas):
    night = observe(noise=0.05, antennas=antennas, scans=8)
    of_it = (night.first == 2) | (night.second == 2)
    night.weights[of_it] *= 25
    finding = found(write(tmp_path / "a.uvfits", night, names=("AA", "BB", "CC", "DD", "EE")[:antennas]))["baselines-too-noisy"]
    assert set(finding.figures["ratios"]) == {"AA-BB", "BB-CC", "BB-DD", "BB-EE"[: 5 * (antennas > 4)]} - {""}
    assert np.allclose(list(finding.figures["ratios"].values()), 5, rtol=0.35)


def test_most_baselines_below_their_noise_is_no_tie_of_calibration(tmp_path):
    night = observe(noise=0.05)
    one = (night.first == 1) & (night.second == 2)
    tied = night.take(slice(None))
    tied.values[one] = 1.0 + 1e-4 * np.arange(one.sum())[:, None, None, None]
    names = found(write(tmp_path / "tied.uvfits", tied))
    assert names["tied-baselines"].figures["baselines"] == ["AA-BB"]
    assert list(names) == ["tied-baselines"]
    tied.values[~one] = np.round(tied.values[~one].real)
    names = found(write(tmp_path / "all.uvfits", tied))
    assert list(names) == ["weights-too-small"]


def test_short_snapshots_of_many_baselines_are_judged_together(tmp_path):
    night = observe(noise=0.05, antennas=12, scans=1, integrations=6)
    names = [f"A{k}" for k in range(12)]
    assert not found(write(tmp_path / "right.uvfits", night, names=names))
    night.weights[:] = 1.0
    assert list(found(write(tmp_path / "one.uvfits", night, names=names))) == ["weights-too-small"]


def test_integrations_far_apart_are_neighbours_where_they_are_long(tmp_path):
    night = observe(noise=0.05, step=240.0, integrations=15)
    night.weights *= 100
    assert not found(write(tmp_path / "far.uvfits", night))
    night.more["INTTIM"] = np.full(len(night), 120.0)
    assert list(found(write(tmp_path / "near.uvfits", night))) == ["weights-too-large"]


def test_false_alarms_are_rare(tmp_path):
    wrong = []
    for seed in range(30):
        shape = {"antennas": 3 + seed % 4, "scans": 1 + seed % 3, "integrations": 5 + seed}
        night = observe(noise=0.05, flux=[0.0, 0.2, 5.0][seed % 3], turn=0.3, seed=seed, **shape)
        wrong += list(found(write(tmp_path / f"{seed}.uvfits", night, names=[f"A{k}" for k in range(8)])))
    assert not wrong


@pytest.mark.shared_data
def test_real_observations_are_right_and_named_where_their_weights_are_changed():
    folder = os.environ.get("IDEAL_DATA")
    if not folder:
        pytest.skip("IDEAL_DATA names no data folder")
    paths = sorted((Path(folder) / "eht" / "uvfits").glob("*.uvfits"))
    assert len(paths) >= 10
    for path in paths:
        assert list(found(path)) == ["tied-baselines"], path.name
        for factor in (4.0, 100.0):
            assert "weights-too-large" in found(path, weight_scale=factor), path.name
        for factor in (0.5, 0.01):
            assert "weights-too-small" in found(path, weight_scale=factor), path.name
