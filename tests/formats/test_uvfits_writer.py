import os
from pathlib import Path

import numpy as np
import pytest

from ideal.errors import DataError, UsageError
from ideal.formats.uvfits import open_uvfits
from ideal.formats.uvfits_writer import write_uvfits
from ideal.imaging import make_system
from ideal.imaging.interferometer.coverage import from_uvfits
from ideal.measurements.measurement_set import open_measurements

fits = pytest.importorskip("astropy.io.fits")


def observation(**settings):
    settings = {"sites": ("ALMA", "LMT", "SMT"), "shape": (6, 6), "interval": 600.0, "start": 1.0, "stop": 7.0} | settings
    system = make_system("interferometer", **settings)
    rng = np.random.default_rng(0)
    scene = rng.random((1, 6, 6)).astype(np.float32)
    clean = system.images(system.design(), scene)[0]
    return system, system.noise(system.design()).sample(rng, clean).astype(np.complex64)


def test_round_trip_through_our_readers(tmp_path):
    system, visibilities = observation()
    system.write_uvfits(tmp_path / "a.uvfits", visibilities, object_name="M87")
    see = system.uv_coverage()
    back, values = from_uvfits(tmp_path / "a.uvfits")
    assert back.sites.names == ("ALMA", "LMT", "SMT")
    assert np.allclose(back.sites.positions, system.table.positions, rtol=1e-12)
    assert back.sites.sefd.tolist() == system.table.sefd.tolist()
    assert back.first.tolist() == see.first.tolist()
    assert back.second.tolist() == see.second.tolist()
    for name in ("u", "v", "sigma", "frequency", "integration"):
        assert np.allclose(getattr(back, name), getattr(see, name), rtol=2e-7), name
    assert np.allclose(back.mjd, see.mjd, atol=0.005 / 86400, rtol=0)
    assert np.allclose(back.source, see.source)
    assert (values == visibilities).all()  # float32 both
    source = open_uvfits(tmp_path / "a.uvfits")
    assert set(source.attributes["baselines"]) == {"ALMA-LMT", "ALMA-SMT", "LMT-SMT"}
    assert source.attributes["object"] == "M87"
    with open_measurements(tmp_path / "a.uvfits") as measured:
        assert measured.noise.name == "complex-gaussian"
        assert measured.units == "Jy"


def test_a_written_observation_can_be_observed_through(tmp_path):
    system, visibilities = observation()
    system.write_uvfits(tmp_path / "a.uvfits", visibilities)
    again = make_system("interferometer", uvfits=str(tmp_path / "a.uvfits"), shape=(6, 6))
    scenes = np.random.default_rng(1).random((3, 6, 6)).astype(np.float32)
    assert np.allclose(again.images(again.design(), scenes), system.images(system.design(), scenes), atol=1e-5)
    assert np.allclose(again.noise(again.design()).sigma, system.sigma, rtol=1e-6)
    again.write_uvfits(tmp_path / "b.uvfits", visibilities)
    first, second = (fits.getdata(tmp_path / f"{name}.uvfits") for name in "ab")
    assert (first.data == second.data).all()
    assert (first.par("UU---SIN") == second.par("UU---SIN")).all()


def test_astropy_reads_what_we_say(tmp_path):
    system, visibilities = observation()
    system.write_uvfits(tmp_path / "a.uvfits", visibilities)
    see = system.uv_coverage()
    with fits.open(tmp_path / "a.uvfits") as hdus:
        hdus.verify("exception")
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "AIPS AN", "AIPS FQ"]
        groups, header = hdus[0].data, hdus[0].header
        assert np.allclose(groups.par("UU---SIN") * 230e9, see.u, rtol=2e-7)
        assert np.allclose(groups.par("BASELINE"), 256 * (see.first + 1) + see.second + 1)
        assert np.allclose(groups.par("DATE") - 2400000.5, see.mjd, atol=0.005 / 86400, rtol=0)
        assert header["DATE-OBS"] == "2017-04-06"
        assert header["OBSRA"] == pytest.approx(12.513729 * 15)
        assert np.allclose(groups.data[:, 0, 0, 0, 0, :, 2], 1 / (2 * see.sigma[:, None] ** 2))
        assert groups.data.shape == (len(see.u), 1, 1, 1, 1, 2, 3)
        assert np.allclose(hdus["AIPS AN"].data["STABXYZ"], system.table.positions, rtol=1e-14)


def test_visibilities_without_a_share_are_flagged_and_others_calibrated(tmp_path):
    system, visibilities = observation()
    params = system.design()
    params["weights"] = params["weights"].at[0].set(0.25).at[2].set(0.0)
    system.write_uvfits(tmp_path / "a.uvfits", visibilities, params)
    back, values = from_uvfits(tmp_path / "a.uvfits")
    assert set(back.baselines) == {"ALMA-LMT"}
    kept = [name == "ALMA-LMT" for name in system.coverage.baselines]
    assert np.allclose(values, visibilities[kept] / 0.5)
    assert np.allclose(back.sigma, system.sigma[kept] / 0.5)


def test_nothing_half_written_and_nothing_overwritten(tmp_path, monkeypatch):
    system, visibilities = observation()
    path = tmp_path / "a.uvfits"
    path.write_text("mine")
    with pytest.raises(UsageError, match="already there"):
        system.write_uvfits(path, visibilities)

    def fail(*_):
        raise OSError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", fail)
        with pytest.raises(DataError, match="disk full"):
            system.write_uvfits(path, visibilities, overwrite=True)
    assert path.read_text() == "mine"
    assert [each.name for each in tmp_path.iterdir()] == ["a.uvfits"]
    system.write_uvfits(path, visibilities, overwrite=True)
    assert len(open_uvfits(path).arrays["measurements"])


def test_errors(tmp_path):
    system, visibilities = observation()
    with pytest.raises(DataError, match=r"shape \(3,\), expected one observation"):
        system.write_uvfits(tmp_path / "a.uvfits", visibilities[:3])
    with pytest.raises(UsageError, match="make it first"):
        system.write_uvfits(tmp_path / "no" / "a.uvfits", visibilities)
    visibilities[4] = np.nan
    with pytest.raises(DataError, match="visibility 4 is not finite"):
        system.write_uvfits(tmp_path / "a.uvfits", visibilities)
    arrays = {key: np.zeros(2) for key in ("u", "v", "first", "mjd")} | {"second": np.ones(2), "visibilities": np.zeros(2)}
    rest = {"positions": np.zeros((2, 3)), "frequency": 230e9, "bandwidth": 2e9, "source": (12, 12)}
    with pytest.raises(DataError, match="one to eight letters"):
        write_uvfits(tmp_path / "a.uvfits", **arrays, sigma=np.ones(2), names=("A", "MUCHTOOLONG"), **rest)
    with pytest.raises(DataError, match="sigma of 0 Jy"):
        write_uvfits(tmp_path / "a.uvfits", **arrays, sigma=np.zeros(2), names=("A", "B"), **rest)
    with pytest.raises(DataError, match=r"sigma of shape \(3,\) for 2"):
        write_uvfits(tmp_path / "a.uvfits", **arrays, sigma=np.zeros(3), names=("A", "B"), **rest)
    assert not list(tmp_path.iterdir())


@pytest.mark.shared_data
def test_round_trip_of_a_real_observation(tmp_path):
    folder = os.environ.get("IDEAL_DATA")
    if not folder:
        pytest.skip("IDEAL_DATA names no data folder")
    path = Path(folder) / "eht" / "uvfits" / "SR1_M87_2017_096_lo_hops_netcal_StokesI.uvfits"
    see, values = from_uvfits(path)
    system = make_system("interferometer", uvfits=str(path), shape=(6, 6), bandwidth=1.856e9)
    system.write_uvfits(tmp_path / "a.uvfits", values, object_name="M87")
    again, kept = from_uvfits(tmp_path / "a.uvfits")
    assert np.allclose(kept, values, rtol=1e-6, atol=0)
    assert again.baselines == see.baselines
    for name in ("u", "v", "sigma", "frequency", "integration"):
        assert np.allclose(getattr(again, name), getattr(see, name), rtol=3e-7), name
    assert np.allclose(again.mjd, see.mjd, atol=0.005 / 86400, rtol=0)
    ours, theirs = open_uvfits(tmp_path / "a.uvfits"), open_uvfits(path)
    assert ours.attributes["baselines"] == theirs.attributes["baselines"]
    assert np.allclose(ours.arrays["measurements"], theirs.arrays["measurements"], rtol=1e-6)
    assert np.allclose(ours.arrays["sigma"], theirs.arrays["sigma"], rtol=1e-6)
    assert (ours.arrays["groups"] == theirs.arrays["groups"]).all()
