"""Data that were never written, and files that hold them and are not there."""

import h5py
import numpy as np
import pytest
from fixtures.cli import FAST

from ideal.errors import UsageError
from ideal.information.estimation import estimate
from ideal.measurements.measurement_set import open_measurements, write_measurements

COUNTS = np.random.default_rng(0).poisson(
    50 * np.exp(0.4 * np.random.default_rng(1).standard_normal((60, 1, 1))) * np.ones((12, 12))
)
COUNTS = COUNTS.astype(np.uint16)
STORES = [
    {"zarr_format": 2},
    {"zarr_format": 3},
    {"zarr_format": 3, "shards": (10, 12, 12)},
    {"zarr_format": 2, "separator": "/"},
]


def unwritten(path, **options):
    with open_measurements(path, **options) as measured:
        return [finding for finding in measured.findings if finding.name == "unwritten"]


def make_zarr(path, shape, chunks, separator=None, **options):
    zarr = pytest.importorskip("zarr")
    if separator:
        options["chunk_key_encoding"] = {"name": "v2", "separator": separator}
    return zarr.create_array(str(path), shape=shape, chunks=chunks, dtype=np.uint16, **options)


def frames(path, shape=(240, 12, 12), chunks=(1, 12, 12), **options):
    with h5py.File(path, "w") as file:
        file.create_dataset("frames", shape, np.uint16, chunks=chunks, **options)[: len(COUNTS)] = COUNTS
    return path


def test_chunks_of_hdf5_that_were_never_written(tmp_path):
    (finding,) = unwritten(frames(tmp_path / "a.h5"))
    assert finding.severity == "void"
    assert "180 of 240 chunks were never written, 180 of 240 samples (60 to 239)" in finding.line
    assert "--keep-unwritten" in finding.remedy
    expected = {"chunks_missing": 180, "chunks": 240, "samples_missing": 180, "ranges": [[60, 239]], "fill_value": 0}
    assert finding.figures.items() >= expected.items()
    (finding,) = unwritten(frames(tmp_path / "b.h5", chunks=(7, 5, 12), fillvalue=9))
    assert (finding.figures["samples_missing"], finding.figures["fill_value"]) == (240 - 63, 9)  # 9 chunks of 7 hold 60 samples
    assert not unwritten(frames(tmp_path / "c.h5", shape=COUNTS.shape))
    assert not unwritten(frames(tmp_path / "d.h5", shape=COUNTS.shape, chunks=None))


def test_parts_of_samples(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("frames", (20, 12, 12), np.uint16, chunks=(2, 6, 6))[4:10, :6] = 3
    (finding,) = unwritten(tmp_path / "a.h5")
    assert (finding.figures["samples_missing"], finding.figures["samples_partly_missing"]) == (14, 6)
    assert "14 of 20 samples (0 to 19, 6 of them in part)" in finding.text
    (finding,) = unwritten(tmp_path / "a.h5", axes="yxn")  # rows are missing then, and every sample in part
    assert finding.figures["samples_partly_missing"] == 12
    assert finding.figures["samples"] == 12


def test_a_dataset_that_grew_and_one_of_which_nothing_was_written(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        grown = file.create_dataset("grown", (0, 12, 12), np.uint16, chunks=(5, 12, 12), maxshape=(None, 12, 12))
        grown.resize(60, axis=0)
        grown[:8] = 1
        file.create_dataset("never", (30, 12, 12), np.uint16)
        file["zeros"] = np.zeros((30, 12, 12), np.uint16)
    (finding,) = unwritten(f"{tmp_path / 'a.h5'}::grown")
    assert finding.figures["ranges"] == [[10, 59]]
    (finding,) = unwritten(f"{tmp_path / 'a.h5'}::never")
    assert finding.figures["samples_missing"] == 30
    assert not unwritten(f"{tmp_path / 'a.h5'}::zeros")


def test_clean_means_and_labels_that_were_never_written(tmp_path):
    write_measurements(tmp_path / "a.h5", COUNTS, noise="poisson", clean=COUNTS * 1.0, labels=np.arange(60) % 3)
    for name, dtype in (("clean", float), ("labels", int)):
        with h5py.File(tmp_path / "a.h5", "a") as file:
            shape = file[name].shape
            del file[name]
            file.create_dataset(name, shape, dtype, chunks=(10, *shape[1:]))[:30] = 1
    found = {finding.figures["dataset"]: finding.figures["ranges"] for finding in unwritten(tmp_path / "a.h5")}
    assert found == {"clean": [[30, 59]], "labels": [[30, 59]]}


def virtual(path, *parts, shape=(120, 12, 12)):
    layout = h5py.VirtualLayout(shape, np.uint16)
    for where, source in parts:
        layout[where] = h5py.VirtualSource(source, "frames", COUNTS.shape)
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("measurements", layout)
    return path


def test_virtual_datasets_name_the_files_that_are_not_there(tmp_path):
    frames(tmp_path / "one.h5", shape=COUNTS.shape)
    frames(tmp_path / "two.h5", shape=COUNTS.shape)
    halves = (np.s_[:60], "one.h5"), (np.s_[60:], "two.h5")
    assert not unwritten(virtual(tmp_path / "a.h5", *halves))
    (tmp_path / "two.h5").unlink()
    (finding,) = unwritten(tmp_path / "a.h5")
    assert "1 of 2 sources is missing, 60 of 120 samples (60 to 119), whose source two.h5 cannot be found" in finding.text
    assert finding.figures["files"] == ["two.h5"]
    (finding,) = unwritten(virtual(tmp_path / "b.h5", (np.s_[::2], "one.h5"), (np.s_[1::2], "gone.h5")))
    assert finding.figures["samples_missing"] == 60
    assert finding.figures["ranges"][:2] == [[1, 1], [3, 3]]
    (finding,) = unwritten(virtual(tmp_path / "c.h5", halves[0]))
    assert finding.figures["ranges"] == [[60, 119]]  # nothing is mapped there
    with h5py.File(tmp_path / "two.h5", "w") as file:
        file["other"] = COUNTS
    assert unwritten(tmp_path / "a.h5")[0].figures["files"] == ["two.h5::frames"]
    frames(tmp_path / "two.h5", shape=COUNTS.shape)
    with h5py.File(tmp_path / "two.h5", "w") as file:
        file.create_dataset("frames", COUNTS.shape, np.uint16, chunks=(1, 12, 12))[:30] = 1
    assert "1 of 2 sources was never written" in unwritten(tmp_path / "a.h5")[0].text


@pytest.mark.parametrize("options", STORES, ids=str)
def test_chunks_of_zarr_that_were_never_written(tmp_path, options):
    array = make_zarr(tmp_path / "a.zarr", (240, 12, 12), (1, 12, 12), **options)
    array[:55] = COUNTS[:55]
    (finding,) = unwritten(tmp_path / "a.zarr")
    assert finding.severity == "void"
    assert "185 of 240 chunks were never written, 185 of 240 samples (55 to 239)" in finding.text
    array[55:] = 1
    assert not unwritten(tmp_path / "a.zarr")


def test_zarr_chunks_that_are_dark_by_chance_are_no_fault(tmp_path):
    rng = np.random.default_rng(5)
    dim = rng.poisson(3 / 144 * np.exp(0.5 * rng.standard_normal((600, 1, 1))) * np.ones((12, 12))).astype(np.uint16)
    dark = int((dim.sum((1, 2)) == 0).sum())
    assert dark > 30
    make_zarr(tmp_path / "a.zarr", dim.shape, (1, 12, 12))[:] = dim
    assert not unwritten(tmp_path / "a.zarr")
    with open_measurements(tmp_path / "a.zarr") as measured:
        assert f"{dark} of 600 chunks are not stored" in measured.findings[0].line
        assert measured.findings[0].severity == "note"
    make_zarr(tmp_path / "cut.zarr", dim.shape, (1, 12, 12))[:400] = dim[:400]  # the run stopped: one long run
    assert unwritten(tmp_path / "cut.zarr")[0].figures["samples_missing"] >= 200


def test_frames_lost_here_and_there_in_good_light_are_a_fault(tmp_path):
    kept = COUNTS.copy()
    kept[[3, 17, 40]] = 0
    make_zarr(tmp_path / "a.zarr", kept.shape, (1, 12, 12))[:] = kept
    assert unwritten(tmp_path / "a.zarr")[0].figures["ranges"] == [[3, 3], [17, 17], [40, 40]]


def test_hdf5_chunks_that_are_dark_were_never_written_all_the_same(tmp_path):
    dim = np.random.default_rng(5).poisson(3 / 144, (600, 12, 12)).astype(np.uint16)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("frames", dim.shape, np.uint16, chunks=(1, 12, 12))[:] = dim
    assert not unwritten(tmp_path / "a.h5")  # HDF5 stores zeros that were written


def test_a_million_chunks_take_little_work(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        array = file.create_dataset("frames", (300_000, 4), np.uint8, chunks=(1, 4))
        for i in range(0, 300_000, 1000):
            array.id.write_direct_chunk((i, 0), b"abcd")
    (finding,) = unwritten(tmp_path / "a.h5")
    assert finding.figures["samples_missing"] == 299_700
    assert len(finding.figures["ranges"]) == 100


def test_estimates_refuse_what_was_never_written_unless_asked(tmp_path):
    path = frames(tmp_path / "a.h5")
    with open_measurements(path, noise="poisson") as measured:
        with pytest.raises(UsageError, match="180 of 240 chunks were never written"):
            estimate(measured, models=["stationary"], patch=6)
        found = estimate(measured, models=["stationary"], patch=6, allow=("unwritten",))
    assert "unwritten" in [finding.name for finding in found.findings]


def test_commands_on_what_was_never_written(ideal):
    with h5py.File("stopped.h5", "w") as file:
        file.create_dataset("frames", (160, 16, 16), np.uint16, chunks=(2, 16, 16))[:70] = np.load("counts.npy")
    refused = ideal("estimate", "stopped.h5", "--noise", "poisson", *FAST)
    assert refused.exit_code == 2
    assert "45 of 80 chunks were never written, 90 of 160 samples (70 to 159)" in refused.stderr
    kept = ideal("estimate", "stopped.h5", "--noise", "poisson", *FAST, "--keep-unwritten")
    assert kept.exit_code == 0
    assert "never written" in kept.stderr
    shown = ideal("inspect", "stopped.h5")
    assert shown.exit_code == 0
    assert "90 of 160 samples" in shown.stderr
