import csv
import os
from pathlib import Path

import numpy as np
import pytest

from ideal.errors import DataError
from ideal.formats.uvfits import open_uvfits
from ideal.measurements.measurement_set import open_measurements

fits = pytest.importorskip("astropy.io.fits")

FREQUENCY = 230e9
SCAN = 10 / 86400
DAY = 2457849.5


@pytest.fixture
def shared_data():
    folder = os.environ.get("IDEAL_DATA")
    if not folder:
        pytest.skip("IDEAL_DATA names no data folder")
    return Path(folder)


def write_uvfits(path, rows, *, stokes=-1.0, n_stokes=2, channels=1):
    """Write rows of (time, first antenna, second antenna, values and weights of each Stokes product, u, v)."""
    data = np.zeros((len(rows), 1, 1, 1, channels, n_stokes, 3), np.float32)
    for i, (_, _, _, products, _, _) in enumerate(rows):
        for channel in range(channels):
            for j, (value, weight) in enumerate(products):
                data[i, 0, 0, 0, channel, j] = np.real(value) + channel, np.imag(value), weight
    days = [row[0] for row in rows]
    parameters = [
        np.array([row[4] for row in rows]) / FREQUENCY,
        np.array([row[5] for row in rows]) / FREQUENCY,
        np.array([256 * row[1] + row[2] for row in rows], dtype=np.float64),
        np.full(len(rows), DAY),
        np.array(days, dtype=np.float64),
    ]
    names = ["UU---SIN", "VV---SIN", "BASELINE", "DATE", "DATE"]
    groups = fits.GroupData(data, bitpix=-64, parnames=names, pardata=parameters)
    primary = fits.GroupsHDU(groups)
    axes = [("COMPLEX", 1, 1), ("STOKES", stokes, -1.0 if stokes < 0 else 1.0), ("FREQ", FREQUENCY, 1e9), ("IF", 1, 1)]
    for i, (name, value, step) in enumerate([*axes, ("RA", 0, 1), ("DEC", 0, 1)], start=2):
        primary.header[f"CTYPE{i}"], primary.header[f"CRVAL{i}"] = name, value
        primary.header[f"CDELT{i}"], primary.header[f"CRPIX{i}"] = step, 1.0
    antennas = fits.BinTableHDU.from_columns(
        [
            fits.Column("ANNAME", "8A", array=np.array(["AA", "BB", "CC"])),
            fits.Column("NOSTA", "1J", array=np.array([1, 2, 3])),
        ],
        name="AIPS AN",
    )
    fits.HDUList([primary, antennas]).writeto(path)


def observation():
    """Three baselines over six times in two scans; 2-3 is missing at one time, 1-2 flagged at another."""
    rows = []
    for t in range(6):
        time = t * SCAN + (t >= 3) * 0.1
        for a, b in [(1, 2), (1, 3), (2, 3)]:
            if (t, a, b) == (4, 2, 3):
                continue
            weight = -4.0 if (t, a, b) == (5, 1, 2) else 4.0
            value = complex(t, 10 * a + b)
            rows.append((time, a, b, [(value + 0.5, weight), (value - 0.5, weight)], 1e9 * a + t, -1e9 * b))
    return rows


def test_round_trip(tmp_path):
    write_uvfits(tmp_path / "a.uvfits", observation())
    with open_measurements(tmp_path / "a.uvfits") as measured:
        assert measured.shape == (4, 3)
        values = measured.read(0, 4)
        assert np.allclose(values, np.arange(4)[:, None] + 1j * np.array([12, 13, 23]))
        assert measured.noise.name == "complex-gaussian"
        assert measured.units == "Jy"
        assert measured.groups.tolist() == [0, 0, 0, 1]
        assert measured.has_sample_sigma
        assert np.allclose(measured.read_sigma(0, 4), 0.5 / np.sqrt(2))  # two hands of sigma 1/sqrt(4), averaged
        about = measured.attributes
        assert about["baselines"] == ["AA-BB", "AA-CC", "BB-CC"]
        assert (about["dropped_visibilities"], about["flagged_visibilities"]) == (4, 1)
        assert np.allclose(about["u"][1], np.array([1e9, 1e9, 2e9]) + 1)
        assert np.allclose(about["v"][1], [-2e9, -3e9, -3e9])
        assert np.allclose(np.diff(about["times"][:3]) * 86400, 10)
        assert any("kept 12 of 16 visibilities" in note for note in measured.warnings)
        assert measured.inspect()["mean_photon_count"] is None


def test_one_hand_stands_for_stokes_i_and_is_counted(tmp_path):
    rows = [(t * SCAN, 1, 2, [(1 + 2j, 4.0), (9, np.inf)], 0, 0) for t in range(4)]
    write_uvfits(tmp_path / "a.uvfits", rows)
    source = open_uvfits(tmp_path / "a.uvfits")
    assert np.allclose(source.arrays["measurements"], 1 + 2j)
    assert np.allclose(source.arrays["sigma"], 0.5)
    assert source.attributes["single_hand_visibilities"] == 4


def test_stokes_i_itself_and_channels(tmp_path):
    rows = [(t * SCAN, 1, b, [(b + 1j, 4.0)], 1e9, 0) for t in range(4) for b in (2, 3)]
    write_uvfits(tmp_path / "a.uvfits", rows, stokes=1.0, n_stokes=1, channels=2)
    source = open_uvfits(tmp_path / "a.uvfits")
    assert np.allclose(source.arrays["measurements"], np.array([2, 3, 3, 4]) + 1j)
    assert np.allclose(source.arrays["sigma"], 0.5)
    assert source.attributes["baselines"] == ["AA-BB", "AA-BB", "AA-CC", "AA-CC"]
    assert np.allclose(source.attributes["frequencies"], [230e9, 231e9] * 2)
    assert np.allclose(source.attributes["u"][0], [1e9, 1e9 * 231 / 230] * 2)


def test_errors(tmp_path):
    path = tmp_path / "flagged.uvfits"
    write_uvfits(path, [(0.0, 1, 2, [(1, 0.0), (1, 0.0)], 0, 0)])
    with pytest.raises(DataError, match=r"every visibility is flagged"):
        open_measurements(path)
    write_uvfits(tmp_path / "q.uvfits", [(0.0, 1, 2, [(1, 1.0)], 0, 0)], stokes=2.0, n_stokes=1)
    with pytest.raises(DataError, match=r"Stokes codes \[2\], expected I"):
        open_measurements(tmp_path / "q.uvfits")
    fits.PrimaryHDU().writeto(tmp_path / "nothing.uvfits")
    with pytest.raises(DataError, match="without random groups, expected UVFITS"):
        open_measurements(tmp_path / "nothing.uvfits")
    (tmp_path / "text.uvfits").write_text("no fits")
    with pytest.raises(DataError, match="cannot be read as UVFITS"):
        open_measurements(tmp_path / "text.uvfits")


def test_truncated(tmp_path):
    write_uvfits(tmp_path / "a.uvfits", observation() * 40)
    whole = (tmp_path / "a.uvfits").read_bytes()
    (tmp_path / "cut.uvfits").write_bytes(whole[: len(whole) // 3])
    with pytest.raises(DataError, match=r"cannot be read as UVFITS.*complete"):
        open_measurements(tmp_path / "cut.uvfits")


@pytest.mark.shared_data
@pytest.mark.parametrize("name", ["SR1_M87_2017_096_lo_hops_netcal_StokesI", "SR1_M87_2017_101_lo_hops_netcal_StokesI"])
def test_the_event_horizon_telescope_agrees_with_its_csv_release(shared_data, name):
    source = open_uvfits(shared_data / "eht" / "uvfits" / f"{name}.uvfits")
    about = source.attributes
    seconds = np.rint((about["times"] - np.floor(about["times"][0] - 0.5) - 0.5) * 86400).astype(int)
    where = {(t, pair): (i, j) for i, t in enumerate(seconds) for j, pair in enumerate(about["baselines"])}
    found = np.zeros(source.arrays["measurements"].shape, bool)
    with open(shared_data / "eht" / "csv" / f"{name}.csv") as stream:
        for row in csv.reader(stream):
            if row[0].startswith("#"):
                continue
            hours, u, v, amplitude, phase, sigma = (float(row[i]) for i in (0, 3, 4, 5, 6, 7))
            place = where.get((round(hours * 3600), f"{row[1]}-{row[2]}"))
            if place is None:
                continue
            found[place] = True
            assert abs(source.arrays["measurements"][place] - amplitude * np.exp(1j * np.radians(phase))) < 2e-6
            assert source.arrays["sigma"][place] == pytest.approx(sigma, rel=1e-5)
            assert (about["u"][place], about["v"][place]) == pytest.approx((u, v), abs=1e-3)
    assert found.all()
    assert about["left_out_baselines"] == ["AA-AP"]  # co-located, tied by network calibration
    assert found.size > 2700


def test_a_baseline_tied_to_a_model_is_left_out(tmp_path):
    # Network calibration makes the baseline between co-located stations constant: its stated noise is not there.
    rng = np.random.default_rng(0)
    rows = []
    for t in range(40):
        for a, b in [(1, 2), (1, 3), (2, 3)]:
            noise = 0.5 * (rng.standard_normal(2) + 1j * rng.standard_normal(2)) * (0.05 if (a, b) == (1, 2) else 1.0)
            rows.append((t * SCAN, a, b, [(1.0 + noise[0], 4.0), (1.0 + noise[1], 4.0)], 1e9 * a, -1e9 * b))
    write_uvfits(tmp_path / "a.uvfits", rows)
    with open_measurements(tmp_path / "a.uvfits") as measured:
        assert measured.attributes["left_out_baselines"] == ["AA-BB"]
        assert measured.attributes["baselines"] == ["AA-CC", "BB-CC"]
        assert any("left out AA-BB" in text for text in measured.warnings)
