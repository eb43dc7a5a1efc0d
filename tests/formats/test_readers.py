import builtins
import tracemalloc

import h5py
import numpy as np
import pytest
import tifffile

from ideal.errors import DataError, MissingPackageError
from ideal.formats import open_source
from ideal.measurements.measurement_set import open_measurements
from ideal.measurements.patches import Patches, random_positions

STACK = np.random.default_rng(0).integers(0, 1000, (5, 12, 10)).astype(np.uint16)
COLOR = np.random.default_rng(1).integers(0, 255, (4, 12, 10, 3)).astype(np.uint8)


def expect(path, values, **options):
    with open_measurements(path, **options) as measured:
        assert measured.shape == values.shape
        assert np.array_equal(measured.read(0, len(values)), values)
        assert np.array_equal(measured.read(1, 3), values[1:3])
        assert measured.integer
        return measured


def test_npy(tmp_path):
    for name, values in (("c", STACK), ("f", np.asfortranarray(STACK)), ("b", STACK.astype(">u2")), ("v", STACK[:, 0])):
        np.save(tmp_path / f"{name}.npy", values)
        expect(tmp_path / f"{name}.npy", values)


def test_npy_errors(tmp_path):
    np.save(tmp_path / "a.npy", STACK)
    whole = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "cut.npy").write_bytes(whole[:-10])
    with pytest.raises(DataError, match=r"cut.npy: truncated, \d+ bytes where its header promises"):
        open_source(tmp_path / "cut.npy")
    (tmp_path / "text.npy").write_text("1 2 3 4 5 6 7 8")
    with pytest.raises(DataError, match=r"text.npy: not a .npy file"):
        open_source(tmp_path / "text.npy")
    np.save(tmp_path / "object.npy", np.array([None, {}]), allow_pickle=True)
    with pytest.raises(DataError, match="holds Python objects, expected an array of numbers"):
        open_source(tmp_path / "object.npy")
    with pytest.raises(DataError, match="holds one array, remove '::x'"):
        open_source(f"{tmp_path}/a.npy::x")


def test_one_picture_in_an_array_file_is_suspected(tmp_path):
    np.save(tmp_path / "a.npy", np.add.outer(np.sin(np.arange(40) / 5), np.cos(np.arange(50) / 4)))
    with open_measurements(tmp_path / "a.npy") as measured:
        assert "looks like (row, column), and is read as (sample, value)" in measured.findings[0].line
    assert expect_shape(tmp_path / "a.npy", "yx") == (1, 40, 50)
    np.save(tmp_path / "v.npy", np.random.default_rng(0).standard_normal((40, 50)))  # vectors
    assert not open_measurements(tmp_path / "v.npy").findings


def expect_shape(path, axes=None):
    with open_measurements(path, axes=axes) as measured:
        return measured.shape


def test_npz(tmp_path):
    np.savez(tmp_path / "named.npz", measurements=STACK, clean=STACK * 2.0, groups=[1, 1, 2, 2, 3], other=[1])
    measured = expect(tmp_path / "named.npz", STACK)
    assert measured.has_clean
    assert measured.groups.tolist() == [1, 1, 2, 2, 3]
    np.savez(tmp_path / "single.npz", frames=STACK)
    expect(tmp_path / "single.npz", STACK)
    np.savez(tmp_path / "two.npz", frames=STACK, dark=STACK[:1])
    expect(f"{tmp_path}/two.npz::frames", STACK)
    with pytest.raises(DataError, match=r"no array 'measurements', it holds frames, dark: name one as .*two.npz::KEY"):
        open_source(tmp_path / "two.npz")
    (tmp_path / "text.npz").write_text("nothing")
    with pytest.raises(DataError, match=r"text.npz: cannot be read as .npz"):
        open_source(tmp_path / "text.npz")


@pytest.mark.parametrize(
    "options",
    [{}, {"compression": "zlib"}, {"byteorder": ">"}, {"imagej": True}, {"metadata": None}, {"bigtiff": True}],
    ids=str,
)
def test_tiff_stack(tmp_path, options):
    tifffile.imwrite(tmp_path / "a.tif", STACK, **options)
    expect(tmp_path / "a.tif", STACK)


@pytest.mark.parametrize("metadata", [None, {}])
def test_tiff_pages_appended_one_by_one(tmp_path, metadata):
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for page in STACK:
            writer.write(page, contiguous=False, metadata=metadata)
    expect(tmp_path / "a.tif", STACK)


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_tiff_color_is_last(tmp_path, compression):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, COLOR, photometric="rgb", compression=compression)
    expect(path, COLOR)
    planar = np.moveaxis(COLOR, -1, 1).copy()
    tifffile.imwrite(path, planar, photometric="rgb", planarconfig="separate", compression=compression)
    expect(path, COLOR)
    tifffile.imwrite(path, COLOR[..., :2].copy(), photometric="minisblack", compression=compression)
    expect(path, COLOR[..., :2])
    tifffile.imwrite(path, planar, imagej=True, metadata={"axes": "TCYX"})
    expect(path, COLOR)


def test_one_picture_is_one_sample(tmp_path):
    tifffile.imwrite(tmp_path / "grey.tiff", STACK[0])
    tifffile.imwrite(tmp_path / "color.tiff", COLOR[0], photometric="rgb")
    expect(tmp_path / "grey.tiff", STACK[:1])
    expect(tmp_path / "color.tiff", COLOR[:1])


def test_tiff_errors(tmp_path):
    with tifffile.TiffWriter(tmp_path / "mixed.tif") as writer:
        writer.write(STACK[0], metadata=None)
        writer.write(STACK[0, :5], metadata=None)
    with pytest.raises(DataError, match=r"pages differ in shape.*\(5, 10\).*expected pages of one shape"):
        open_source(tmp_path / "mixed.tif")
    (tmp_path / "text.tif").write_text("no picture at all")
    with pytest.raises(DataError, match=r"text.tif: cannot be read as TIFF"):
        open_source(tmp_path / "text.tif")


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"metadata": None, "compression": "zlib"}], ids=str)
@pytest.mark.parametrize("kept", [0.3, 0.6, 0.95])
def test_truncated_tiff(tmp_path, options, kept, capsys):
    tifffile.imwrite(tmp_path / "a.tif", STACK, **options)
    whole = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "cut.tif").write_bytes(whole[: int(kept * len(whole))])
    with pytest.raises(DataError, match=r"cut.tif: .*(truncated|cannot be)"):
        read_all(tmp_path / "cut.tif")
    assert capsys.readouterr() == ("", "")


def read_all(path):
    with open_measurements(path) as measured:
        measured.read(0, len(measured))


def test_hdf5_datasets(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["camera/frames"] = STACK
        file["camera/frames"].attrs["units"] = "DN"
    assert expect(tmp_path / "a.h5", STACK).units == "DN"  # the only dataset
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file["camera/dark"] = STACK[:1]
    measured = expect(f"{tmp_path}/a.h5::camera/frames", STACK)
    assert measured.path.endswith("a.h5::camera/frames")
    with pytest.raises(DataError, match="no dataset 'measurements', it holds camera/dark, camera/frames: name one as"):
        open_source(tmp_path / "a.h5")
    with pytest.raises(DataError, match="no dataset 'camera', it holds camera/dark, camera/frames"):
        open_source(f"{tmp_path}/a.h5::camera")


def test_hdf5_without_a_known_extension(tmp_path):
    with h5py.File(tmp_path / "scan.nxs", "w") as file:
        file["measurements"] = STACK
    expect(tmp_path / "scan.nxs", STACK)
    (tmp_path / "a.txt").write_text("1 2 3")
    with pytest.raises(DataError, match=r"a.txt: unknown format, expected one of .h5"):
        open_source(tmp_path / "a.txt")
    (tmp_path / "folder.h5").mkdir()
    with pytest.raises(DataError, match=r"folder.h5: is a folder"):
        open_source(tmp_path / "folder.h5")


def test_zarr(tmp_path):
    zarr = pytest.importorskip("zarr")
    array = zarr.create_array(str(tmp_path / "one.zarr"), shape=STACK.shape, dtype=STACK.dtype, chunks=(2, 12, 10))
    array[:] = STACK
    expect(tmp_path / "one.zarr", STACK)
    group = zarr.create_group(str(tmp_path / "group.zarr"))
    for name, values in (("measurements", STACK), ("groups", np.arange(5) // 2)):
        group.create_array(name, shape=values.shape, dtype=values.dtype)[:] = values
    group.attrs.update({"format": "ideal-measurements", "format_version": 1, "gain": 0.5, "noise": "poisson"})
    with open_measurements(tmp_path / "group.zarr") as measured:
        assert np.array_equal(measured.read(0, 5), STACK * 0.5)
        assert measured.noise.name == "poisson"
        assert measured.groups.tolist() == [0, 0, 1, 1, 2]
    expect(f"{tmp_path}/group.zarr::measurements", STACK)
    with pytest.raises(DataError, match="no dataset 'x', it holds groups, measurements"):
        open_source(f"{tmp_path}/group.zarr::x")
    (tmp_path / "empty.zarr").mkdir()
    with pytest.raises(DataError, match=r"empty.zarr: cannot be read as zarr"):
        open_source(tmp_path / "empty.zarr")


def test_missing_packages_name_their_extra(tmp_path, monkeypatch):
    (tmp_path / "a.zarr").mkdir()
    (tmp_path / "a.uvfits").touch()
    real = builtins.__import__

    def without(name, *rest):
        if name.split(".")[0] in ("zarr", "astropy"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingPackageError, match=r"pip install 'ideal\[zarr\]'"):
        open_source(tmp_path / "a.zarr")
    with pytest.raises(MissingPackageError, match=r"pip install 'ideal\[astronomy\]'"):
        open_source(tmp_path / "a.uvfits")


@pytest.mark.parametrize("kind", ["h5", "npy", "tif"])
def test_a_file_larger_than_memory_is_read_in_little_memory(tmp_path, kind):
    shape = (40_000, 256, 256)  # 5.2 GB of uint16; the file is sparse
    path = tmp_path / f"large.{kind}"
    if kind == "h5":
        with h5py.File(path, "w") as file:
            file.create_dataset("measurements", shape, np.uint16, chunks=(8, 256, 256), fillvalue=9)
    elif kind == "npy":
        np.lib.format.open_memmap(path, "w+", np.uint16, shape)
    else:
        shape = (2500, 1024, 1024)  # ImageJ's way: one page header for all
        tifffile.imwrite(path, shape=shape, dtype=np.uint16, bigtiff=True)
    assert path.stat().st_blocks * 512 < 50e6
    tracemalloc.start()
    try:
        with open_measurements(path, noise="poisson") as measured:
            assert measured.shape == shape
            samples = np.linspace(0, shape[0] - 1, 40).astype(int)
            patches = Patches(measured, random_positions(samples, shape[1:], 16, 200, seed=0), 16)
            assert sum(len(batch) for batch in patches.batches(64)) == 200
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 300e6


def test_the_first_bytes_count_before_what_lies_deeper(tmp_path):
    from ideal.formats.recognition import format_of

    signature = b"\x89HDF\r\n\x1a\n"
    np.save(tmp_path / "a.npy", np.zeros(2000, np.uint8))
    content = bytearray((tmp_path / "a.npy").read_bytes())
    content[512:520] = signature
    (tmp_path / "a.npy").write_bytes(content)
    assert format_of(tmp_path / "a.npy") == "npy"
    (tmp_path / "b.dat").write_bytes(bytes(1024) + signature)
    assert format_of(tmp_path / "b.dat") == "hdf5"
