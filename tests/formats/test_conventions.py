"""What other programs say beside their numbers: packed values, values that stand for nothing; masks that cannot be kept."""

import h5py
import numpy as np
import pytest

import ideal
from ideal.errors import DataError
from ideal.measurements.measurement_set import from_arrays, open_measurements, write_measurements

COUNTS = np.random.default_rng(0).poisson(80, (70, 8, 8)).astype(np.uint16)


def found(path):
    with open_measurements(path, noise="poisson", gain=1.0) as measured:
        return {each.name: each for each in measured.examination.findings}


def test_packed_values_are_named(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["measurements"] = COUNTS - 50
        file["measurements"].attrs.update({"add_offset": 50.0, "scale_factor": 1.0})
    told = found(path)["packed-values"]
    assert told.severity == "biased"
    assert "value = 1 x stored + 50" in told.text
    with h5py.File(path, "r+") as file:
        file["measurements"].attrs["add_offset"] = 0.0
    assert "packed-values" not in found(path)


def test_a_dataset_that_is_named_and_zarr_stores_say_it_too(tmp_path):
    zarr = pytest.importorskip("zarr")
    said = {"add_offset": 50.0, "_FillValue": 60}
    with h5py.File(tmp_path / "a.nc", "w") as file:
        for name in ("entry/counts", "entry/dark"):
            file[name] = COUNTS
            file[name].attrs.update(said)
    group = zarr.open_group(tmp_path / "b.zarr", mode="w")
    group.create_array("counts", data=COUNTS).attrs.update(said)
    zarr.create_array(tmp_path / "c.zarr", data=COUNTS).attrs.update(said)
    for path in (tmp_path / "a.nc::entry/counts", tmp_path / "b.zarr", tmp_path / "b.zarr::counts", tmp_path / "c.zarr"):
        told = found(path)
        assert {"packed-values", "fill-values"} <= set(told), path
        assert told["fill-values"].figures["values"] == (COUNTS == 60).sum()


@pytest.mark.parametrize("name", ["_FillValue", "missing_value"])
def test_values_that_stand_for_nothing_are_counted(tmp_path, name):
    path, values = tmp_path / "a.h5", COUNTS.copy()
    with h5py.File(path, "w") as file:
        file["measurements"] = values
        file["measurements"].attrs[name] = np.uint16(65535)
    assert "fill-values" not in found(path)
    with h5py.File(path, "r+") as file:
        file["measurements"][3, 2:4] = 65535
    told = found(path)["fill-values"]
    assert (told.figures["values"], told.figures["samples"]) == (16, 1)


def test_a_mask_that_hides_something_is_refused(tmp_path):
    mask = np.zeros(COUNTS.shape, bool)
    whole = np.ma.masked_array(COUNTS, mask)
    assert from_arrays(whole, noise="poisson").shape == COUNTS.shape
    mask[3, 2, 1] = True
    hidden = np.ma.masked_array(COUNTS, mask)
    for call in (
        lambda: from_arrays(hidden, noise="poisson"),
        lambda: from_arrays(COUNTS, clean=hidden, noise="poisson"),
        lambda: ideal.estimate(hidden, noise="poisson"),
        lambda: write_measurements(tmp_path / "a.h5", hidden, noise="poisson"),
    ):
        with pytest.raises(DataError, match="1 values are masked"):
            call()
    assert not (tmp_path / "a.h5").exists()


def test_bundled_objects_suit_a_bundled_system():
    """Beads that are wide against a pixel are drawn by polynomials, which may miss 0."""
    shots = ideal.simulate("diffraction-limited", "beads", count=5, progress=False)
    assert len(shots) == 5
