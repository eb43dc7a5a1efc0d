"""Inputs that `make fuzz` has found to break a command, each as the kind it stands for."""

import json
import warnings

import h5py
import numpy as np
import pytest
from fixtures import radio
from typer.testing import CliRunner

from ideal.cli.__main__ import app
from ideal.density import StationaryGaussian
from ideal.measurements.measurement_set import write_measurements

COUNTS = np.random.default_rng(0).poisson(10, (60, 12, 12)).astype(np.uint16)


def refused(path, words):
    result = CliRunner().invoke(app, ["inspect", str(path)])
    assert (result.exit_code, result.stderr.count("ideal: error: ")) == (1, 1)
    assert path.name in result.stderr
    assert words in result.stderr
    assert "defect" not in result.stderr


def test_a_sigma_of_complex_numbers_is_refused(tmp_path):
    path = tmp_path / "a.h5"
    write_measurements(path, COUNTS, noise="gaussian", sigma=2.0)
    with h5py.File(path, "r+") as file:
        for place in (file, file.attrs):
            if "sigma" in place:
                del place["sigma"]
        file["sigma"] = np.complex128(2)
    refused(path, "expected a number")


@pytest.mark.parametrize(
    "change", [{"chunk_grid": {"name": "regular", "configuration": [1]}}, {"codecs": 3}, {"codecs": {"a": 1}}]
)
def test_parts_of_zarr_metadata_of_another_type_are_refused(tmp_path, change):
    zarr = pytest.importorskip("zarr")
    path = tmp_path / "a.zarr"
    zarr.create_array(path, data=COUNTS, chunks=(20, 12, 12))
    file = path / "zarr.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    refused(path, "write the store again")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b"CRVAL4  =", b"CRVALX  =", "CRVAL4 is missing"),
        (b"CRVAL4  =", b"CRVAL4  = 'x' /", "CRVAL4 is 'x'"),
        (b"CRPIX4  =", b"CRPIX4  = T /", "CRPIX4 is True"),
    ],
)
def test_headers_of_uvfits_without_numbers_are_refused(tmp_path, old, new, words):
    pytest.importorskip("astropy")
    path = radio.write(tmp_path / "a.uvfits", radio.observe(scans=2, integrations=3))
    content = path.read_bytes()
    place = content.index(old)
    path.write_bytes(
        content[:place] + new.ljust(80 if b"/" in new else len(new)) + content[place + (80 if b"/" in new else len(new)) :]
    )
    refused(path, words)


def test_parameters_of_uvfits_that_are_no_numbers_are_refused(tmp_path):
    pytest.importorskip("astropy")
    night = radio.observe(scans=2, integrations=3)
    night.more["SOURCE"] = np.where(np.arange(len(night)) == 4, np.nan, 1.0)
    refused(radio.write(tmp_path / "a.uvfits", night), "the parameter SOURCE of row 4 is nan")


@pytest.mark.parametrize(
    ("key", "value"), [("summary", 3), ("notes", 5), ("title", ["a"]), ("notes", [None, {"a": 1}]), ("rows", {"a": 1})]
)
def test_records_with_values_of_another_type_are_shown_or_named(runs, tmp_path, key, value):
    file = runs["reproduction"] / "run.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {key: value}))
    result = CliRunner().invoke(app, ["report", str(file.parent), "-o", str(tmp_path / "page.html")])
    assert result.exit_code in (0, 1)
    assert "defect" not in result.stderr
    assert result.exit_code == 0 or str(file) in result.stderr


def test_warnings_of_libraries_take_one_line(tmp_path):
    zarr = pytest.importorskip("zarr")
    path = tmp_path / "a.zarr"
    zarr.open_group(path, mode="w", zarr_format=2).create_array("measurements", data=COUNTS, chunks=(20, 12, 12))
    (path / ".zgroup").write_text("{}")
    (path / "x").mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        result = CliRunner().invoke(app, ["inspect", str(path)])
    assert all(line.startswith("ideal: ") for line in result.stderr.splitlines())
    assert "a.zarr" in result.stderr


def test_heaps_of_hdf5_in_which_the_library_would_walk_for_ever_are_refused(tmp_path):
    path = tmp_path / "a.h5"
    write_measurements(path, COUNTS, noise="poisson", description="a lens")
    content = path.read_bytes()
    assert CliRunner().invoke(app, ["inspect", str(path)]).exit_code == 0
    start = place = content.index(b"GCOL\x01")
    place += 16
    while number := int.from_bytes(content[place : place + 2], "little"):
        length = int.from_bytes(content[place + 8 : place + 16], "little")
        place += 16 + -(-length // 8) * 8
    for at, size in ((place + 8, 0), (start + 24, 2**64 - 16)):
        path.write_bytes(content[:at] + size.to_bytes(8, "little") + content[at + 8 :])
        refused(path, "damaged HDF5 file")
    assert number == 0


def test_floats_beyond_integers_are_no_counts_of_a_converter(tmp_path):
    values = COUNTS.astype(float)
    values[0] = 1e300
    np.save(tmp_path / "a.npy", values)
    result = CliRunner().invoke(app, ["inspect", str(tmp_path / "a.npy")])  # warnings are errors here
    assert "defect" not in result.stderr


def test_a_set_of_objects_that_is_named_in_its_settings_is_refused(tmp_path):
    path = tmp_path / "a.toml"
    path.write_text('[system]\nname = "lensless"\n[objects]\nname = "beads"\n')
    for line in (["simulate", str(path), "beads", "-o", str(tmp_path / "b.h5")], ["optimize", "--config", str(path), "-n", "20"]):
        result = CliRunner().invoke(app, line)
        assert result.exit_code == 2
        assert "name" in result.stderr
        assert "defect" not in result.stderr


@pytest.mark.parametrize("count", [10**12, 10**30])
def test_more_samples_of_a_model_than_fit_into_memory_are_refused(tmp_path, count):
    path = tmp_path / "m.h5"
    StationaryGaussian.fit(0, COUNTS[:40].astype(float), COUNTS[40:].astype(float)).save(path)
    result = CliRunner().invoke(app, ["sample", str(path), "-n", str(count)])
    assert result.exit_code == 1
    assert str(path) in result.stderr
    assert "draw fewer (-n)" in result.stderr


@pytest.mark.skipif(np.dtype(np.longdouble).itemsize <= 8, reason="no numbers of more than double precision here")
@pytest.mark.parametrize("value", ["nan", "inf", "1e4000"])
def test_numbers_of_more_than_double_precision_are_read_in_silence(tmp_path, value):
    counts = COUNTS.astype(np.longdouble)
    np.save(tmp_path / "good.npy", counts)
    counts[3, 2] = np.longdouble(value)
    np.save(tmp_path / "bad.npy", counts)
    good, bad = (CliRunner().invoke(app, ["inspect", str(tmp_path / f"{name}.npy"), "--json"]) for name in ("good", "bad"))
    assert (good.exit_code, bad.exit_code) == (0, 0)
    assert json.loads(good.stdout)["mean"] == pytest.approx(COUNTS.mean())
    assert any(each["name"] == "not-finite" for each in json.loads(bad.stdout)["findings"])
    assert "RuntimeWarning" not in good.stderr + bad.stderr


def test_a_gain_beyond_single_precision_is_looked_at_in_silence(tmp_path):
    path = tmp_path / "a.h5"
    write_measurements(path, COUNTS, noise="poisson")
    result = CliRunner().invoke(app, ["inspect", str(path), "--gain", "4e37", "--noise", "poisson-gaussian", "--read-noise", "1"])
    assert (result.exit_code, result.exception) == (0, None)


@pytest.mark.parametrize("said", ["parameters = 213", "parameters = [1]", "settings = 3", "parameters = { phase = 3 }"])
def test_tables_of_an_own_encoder_that_are_none_are_refused(tmp_path, said):
    (tmp_path / "my_optics.py").write_text("def encode(params, scene):\n    return scene\n")
    (tmp_path / "a.toml").write_text(f'[system]\nencoder = "my_optics:encode"\nshape = [8, 8]\n{said}\n')
    result = CliRunner().invoke(app, ["systems", str(tmp_path / "a.toml")])
    assert (result.exit_code, result.stderr.count("ideal: error: ")) == (2, 1)
    assert "a.toml" in result.stderr
    assert "defect" not in result.stderr


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000])
def test_a_record_that_is_nested_too_deep_is_damage(tmp_path, text):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text(text)
    result = CliRunner().invoke(app, ["report", str(tmp_path / "run"), "-o", str(tmp_path / "page.html")])
    assert (result.exit_code, result.stderr.count("ideal: error: ")) == (1, 1)
    assert "nested too deep" in result.stderr
    assert "run.json" in result.stderr
