"""MATLAB's files: version 5 as SciPy writes them, 7.3 in the layout that MATLAB gives HDF5; axes as MATLAB shows them."""

import h5py
import numpy as np
import pytest
import scipy.io
from scipy.ndimage import gaussian_filter

from ideal.errors import DataError, UsageError
from ideal.measurements.measurement_set import open_measurements

RNG = np.random.default_rng(0)
SMOOTH = np.stack([gaussian_filter(RNG.standard_normal((40, 32)), 2) for _ in range(60)])
COUNTS = RNG.poisson(100 * np.exp(0.5 * SMOOTH / SMOOTH.std())).astype(np.uint16)  # (sample, row, column)
SHOWN = np.moveaxis(COUNTS, 0, -1)  # as in MATLAB: size(A) is 40 32 60
VISIBILITIES = RNG.standard_normal((200, 6)) + 1j * RNG.standard_normal((200, 6))


def save_73(path, variables):
    """Write variables as MATLAB's -v7.3 does: axes reversed, a class each, complex as real and imag, behind a header of text."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in variables.items():
            array = np.atleast_2d(value).T
            if np.iscomplexobj(array):
                pairs = np.zeros(array.shape, [("real", "f8"), ("imag", "f8")])
                pairs["real"], pairs["imag"] = array.real, array.imag
                array = pairs
            chunks = {"chunks": True, "compression": "gzip"} if array.size > 1 else {}
            kind = {"float64": "double", "float32": "single"}.get(np.asarray(value).dtype.name, np.asarray(value).dtype.name)
            file.create_dataset(name, data=array, **chunks).attrs["MATLAB_class"] = np.bytes_(
                "double" if "complex" in kind else kind
            )
        file.create_dataset("text", data=np.array([[72], [105]], np.uint16)).attrs["MATLAB_class"] = np.bytes_("char")
        file["#refs#/a"] = np.zeros((3, 3))
    with open(path, "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: Mon Jan  1 00:00:00 2024 HDF5".ljust(124) + b"\0\2IM")


def save_5(path, variables):
    scipy.io.savemat(path, variables | {"text": "Hi", "table": {"x": 1.0}}, do_compression=True)


@pytest.fixture(params=[save_5, save_73], ids=["5", "7.3"])
def save(request):
    return request.param


def test_the_order_of_matlab_is_undone(tmp_path, save):
    save(tmp_path / "a.mat", {"A": SHOWN})
    for path, axes in ((tmp_path / "a.mat", None), (f"{tmp_path}/a.mat::A", None), (tmp_path / "a.mat", "yxn")):
        with open_measurements(path, axes=axes) as measured:
            assert measured.shape == COUNTS.shape
            assert measured.axes == "yxn"
            assert np.array_equal(measured.read_raw(0, 60), COUNTS)
            assert np.array_equal(measured.read_raw(7, 9, slice(3, 20)), COUNTS[7:9, 3:20])
            told = [each.line for each in measured.findings if each.name == "axes-doubtful"]
            assert bool(told) == (axes is None)
            assert axes is not None or "type --axes yxn to say so, --axes nyx if it is not" in told[0]
    save(tmp_path / "b.mat", {"A": COUNTS})
    with open_measurements(tmp_path / "b.mat") as measured:
        assert measured.axes == "nyx"
        assert np.array_equal(measured.read_raw(0, 60), COUNTS)


def test_what_is_not_plain_is_asked_for(tmp_path, save):
    save(tmp_path / "a.mat", {"A": RNG.poisson(9, (20, 21, 22)).astype(float)})
    with pytest.raises(UsageError, match=r"shape \(20, 21, 22\).*is not plain: type --axes yxn .* or --axes nyx"):
        open_measurements(tmp_path / "a.mat")
    with open_measurements(tmp_path / "a.mat", axes="yxn") as measured:
        assert measured.shape == (22, 20, 21)
    save(tmp_path / "b.mat", {"A": RNG.poisson(9, (5, 6, 3, 4, 7)).astype(float)})
    with pytest.raises(UsageError, match=r"type --axes yxczt"):
        open_measurements(tmp_path / "b.mat")


def test_what_belongs_to_measurements(tmp_path, save):
    clean, groups = SHOWN * 0.9, np.repeat(np.arange(30.0), 2)
    save(tmp_path / "a.mat", {"measurements": SHOWN, "clean": clean, "groups": groups, "labels": groups[:, None], "other": 3.0})
    with open_measurements(tmp_path / "a.mat", noise="gaussian", sigma=3.0) as measured:
        assert np.array_equal(measured.read_raw(0, 60), COUNTS)
        assert np.array_equal(measured.read_clean(5, 7), COUNTS[5:7] * 0.9)
        assert measured.groups.tolist() == np.repeat(np.arange(30), 2).tolist()
        assert measured.labels.tolist() == groups.tolist()


def test_complex_numbers_and_vectors(tmp_path, save):
    save(tmp_path / "a.mat", {"V": VISIBILITIES})
    with open_measurements(tmp_path / "a.mat") as measured:
        assert measured.dtype == np.complex128
        assert np.array_equal(measured.read_raw(0, 200), VISIBILITIES)
    with open_measurements(tmp_path / "a.mat", axes="vn") as measured:
        assert np.array_equal(measured.read_raw(2, 4), VISIBILITIES.T[2:4])


def test_variables_by_name(tmp_path, save):
    save(tmp_path / "a.mat", {"A": SHOWN, "B": SHOWN[..., :7]})
    with pytest.raises(DataError, match=r"no variable 'measurements', it holds A, B: name one as .*a.mat::VARIABLE"):
        open_measurements(tmp_path / "a.mat")
    with open_measurements(f"{tmp_path}/a.mat::B", axes="yxn") as measured:
        assert len(measured) == 7
        assert measured.path.endswith("a.mat::B")
    with pytest.raises(DataError, match="is not there, the file holds A, B"):
        open_measurements(f"{tmp_path}/a.mat::C")
    with pytest.raises(DataError, match="is no array of numbers"):
        open_measurements(f"{tmp_path}/a.mat::text")


def test_truncated_and_wrong_files(tmp_path, save):
    save(tmp_path / "a.mat", {"A": SHOWN})
    whole = (tmp_path / "a.mat").read_bytes()
    for cut in (60, 127, 131, 200, len(whole) // 2, len(whole) - 9):
        (tmp_path / "b.mat").write_bytes(whole[:cut])
        with pytest.raises(DataError, match=r"b\.mat") as caught, open_measurements(tmp_path / "b.mat", axes="yxn") as measured:
            measured.read_raw(0, 60)
        assert "\n" not in str(caught.value)
    (tmp_path / "c.mat").write_text("no file of MATLAB")
    with pytest.raises(DataError, match=r"no MATLAB file of version 5 or 7\.3"):
        open_measurements(tmp_path / "c.mat")


def test_a_shape_that_the_file_cannot_hold_is_refused_unread(tmp_path):
    scipy.io.savemat(tmp_path / "a.mat", {"A": np.zeros((4, 5, 6))})
    content = (tmp_path / "a.mat").read_bytes()
    small = np.array([4, 5, 6], "<i4").tobytes()
    assert small in content
    (tmp_path / "a.mat").write_bytes(content.replace(small, np.array([40000, 50000, 60], "<i4").tobytes()))
    with pytest.raises(DataError, match=r"its shape \(40000, 50000, 60\) promises more than the file holds"):
        open_measurements(tmp_path / "a.mat")


def test_sparse_and_empty_variables_are_no_measurements(tmp_path):
    scipy.io.savemat(tmp_path / "a.mat", {"S": scipy.sparse.eye(4, format="csc"), "C": np.array([[1, "x"]], dtype=object)})
    with pytest.raises(DataError, match="it holds no array of numbers"):
        open_measurements(tmp_path / "a.mat")


def test_chunks_of_version_73_that_were_never_written(tmp_path):
    with h5py.File(tmp_path / "a.mat", "w", userblock_size=512) as file:
        data = file.create_dataset("A", shape=(60, 32, 40), chunks=(10, 32, 40), dtype="u2")
        data[:30] = COUNTS[:30].transpose(0, 2, 1)
        data.attrs["MATLAB_class"] = np.bytes_("uint16")
    with open(tmp_path / "a.mat", "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\0\2IM")
    with open_measurements(tmp_path / "a.mat", axes="yxn") as measured:
        assert np.array_equal(measured.read_raw(0, 30), COUNTS[:30])
        gap = next(each for each in measured.findings if each.name == "unwritten")
        assert "30 of 60 samples (30 to 59)" in gap.text


def test_complex_numbers_of_plain_hdf5_are_pairs_as_well(tmp_path):
    pairs = np.zeros(VISIBILITIES.shape, [("real", "f8"), ("imag", "f8")])
    pairs["real"], pairs["imag"] = VISIBILITIES.real, VISIBILITIES.imag
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["V"] = pairs
        file["text"] = np.zeros(3, [("x", "f8"), ("y", "f8")])
    with open_measurements(f"{tmp_path}/a.h5::V") as measured:
        assert np.array_equal(measured.read_raw(0, 200), VISIBILITIES)
    with pytest.raises(DataError, match="expected integer, float or complex numbers"):
        open_measurements(f"{tmp_path}/a.h5::text")
