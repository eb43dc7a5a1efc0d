"""ND2, CZI and LIF: by readers with bioio's interface, and CZI as Zeiss's own library writes it."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import tifffile

from ideal.errors import DataError, MissingPackageError
from ideal.formats.recognition import format_of
from ideal.measurements.measurement_set import open_measurements

STARTS = {
    "nd2": b"\xda\xce\xbe\x0a" + bytes(60),
    "czi": b"ZISRAWFILE" + bytes(60),
    "lif": b"\x70\0\0\0\x10\0\0\0\x2a" + bytes(60),
}
SCENES = np.random.default_rng(0).poisson(100, (2, 3, 2, 4, 16, 12)).astype(np.uint16)  # scene, t c z y x


class Lazy:
    """An array with the part of dask's interface that readers give."""

    def __init__(self, values):
        self.values, self.read = values, 0
        self.chunks = tuple((1,) * size for size in values.shape[:-2]) + tuple((size,) for size in values.shape[-2:])

    def __getitem__(self, index):
        return Lazy(self.values[index])

    def compute(self, scheduler):
        assert scheduler == "synchronous"
        return self.values


@pytest.fixture(params=list(STARTS))
def kind(request):
    return request.param


@pytest.fixture
def install(monkeypatch, kind):
    """Install a reader of a kind of files that gives scenes, each an array, with the names of their axes."""

    def put(arrays, order="TCZYX", fail=None):
        class Reader:
            scenes = tuple(f"Image:{number}" for number in range(len(arrays)))

            def __init__(self, path):
                if fail:
                    raise RuntimeError(fail)
                self.now = 0

            def set_scene(self, number):
                self.now = number

            dims = property(lambda self: SimpleNamespace(order=order))
            shape = property(lambda self: arrays[self.now].shape)
            dtype = property(lambda self: arrays[self.now].dtype)
            xarray_dask_data = property(lambda self: SimpleNamespace(data=Lazy(arrays[self.now])))

        module = ModuleType(f"bioio_{kind}")
        module.Reader = Reader
        monkeypatch.setitem(sys.modules, f"bioio_{kind}", module)

    return put


@pytest.fixture
def path(tmp_path, kind):
    found = tmp_path / "a.bin"
    found.write_bytes(STARTS[kind] + bytes(10**5))
    return found


def test_the_first_bytes_tell_the_format(path, kind):
    assert format_of(path) == kind


def test_a_missing_package_is_named(path, kind, ideal):
    if kind in ("nd2", "czi", "lif") and __import__("importlib.util").util.find_spec(f"bioio_{kind}"):
        pytest.skip(f"bioio-{kind} is installed")
    with pytest.raises(MissingPackageError, match=rf"the package bioio-{kind}, .*pip install 'ideal\[microscopy\]'"):
        open_measurements(path)
    found = ideal("inspect", path)
    assert found.exit_code == 1
    assert found.stderr.count("\n") == 1


def test_scenes_are_fields(path, install):
    install(SCENES)
    with open_measurements(path) as measured:
        truth = SCENES.transpose(0, 1, 3, 4, 5, 2).reshape(24, 16, 12, 2)
        assert measured.axes == "ntczyx"
        assert np.array_equal(measured.read_raw(0, 24), truth)
        assert np.array_equal(measured.read_raw(10, 14, slice(3, 7)), truth[10:14, 3:7])
        assert measured.groups.tolist() == [0] * 12 + [1] * 12
        assert "24 planes in t and z are of 2 fields" in measured.findings[0].text
    for name in ("1", "Image:1"):
        with open_measurements(f"{path}::{name}") as measured:
            assert np.array_equal(measured.read_raw(0, 12), truth[12:])
            assert measured.groups.tolist() == np.repeat(np.arange(3), 4).tolist()
    with pytest.raises(DataError, match="no scene 'x'"):
        open_measurements(f"{path}::x")


def test_axes_of_length_one_are_left_out_and_may_be_named(path, install):
    install([SCENES[0, :, :1, :1]])
    for axes in (None, "tczyx", "nczyx", "nyx"):
        with open_measurements(path, axes=axes) as measured:
            assert measured.shape == (3, 16, 12)
            assert np.array_equal(measured.read_raw(0, 3), SCENES[0, :, 0, 0])
    with open_measurements(path) as measured:
        assert [each.name for each in measured.findings] == ["fields-unnamed"]


def test_what_is_refused(path, install):
    install([SCENES[0], SCENES[1][:1]])
    with pytest.raises(DataError, match=r"its scenes differ in shape or type, .*::0 Image:0 \(3, 2, 4, 16, 12\)"):
        open_measurements(path)
    install(SCENES, order="TCZAB")
    with pytest.raises(DataError, match="expected rows and columns once each"):
        open_measurements(path)
    install(SCENES, fail="broken\nfile")
    with pytest.raises(DataError, match=r"a\.bin: cannot be read by bioio-... \(broken file\)"):
        open_measurements(path)


def test_a_reader_of_bioio(tmp_path, monkeypatch, path, kind):
    reader = pytest.importorskip("bioio_ome_tiff", reason="needs bioio-ome-tiff (pip install bioio-ome-tiff)")
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as writer:
        for scene in SCENES:
            writer.write(scene, metadata={"axes": "TCZYX"}, photometric="minisblack")

    class Reader(reader.Reader):
        def __init__(self, name):
            super().__init__(str(tmp_path / "a.ome.tif"))

    module = ModuleType(f"bioio_{kind}")
    module.Reader = Reader
    monkeypatch.setitem(sys.modules, f"bioio_{kind}", module)
    with open_measurements(path) as measured:
        truth = SCENES.transpose(0, 1, 3, 4, 5, 2).reshape(24, 16, 12, 2)
        assert np.array_equal(measured.read_raw(0, 24), truth)
        assert measured.groups.tolist() == [0] * 12 + [1] * 12


def test_czi_of_zeiss(tmp_path):
    pytest.importorskip("bioio_czi", reason="needs bioio-czi (pip install 'ideal[microscopy]')")
    library = pytest.importorskip("pylibCZIrw.czi", reason="needs pylibCZIrw, which bioio-czi brings")
    with library.create_czi(str(tmp_path / "a.czi")) as document:
        for time in range(3):
            for plane in range(4):
                values = np.ascontiguousarray(SCENES[0, time, 0, plane][..., None])
                document.write(data=values, plane={"T": time, "Z": plane, "C": 0}, scene=0)
        document.write_metadata("a")
    with open_measurements(tmp_path / "a.czi") as measured:
        assert measured.axes == "tzyx"
        assert np.array_equal(measured.read_raw(0, 12), SCENES[0, :, 0].reshape(12, 16, 12))
        assert measured.groups.tolist() == np.repeat(np.arange(3), 4).tolist()
    whole = (tmp_path / "a.czi").read_bytes()
    (tmp_path / "b.czi").write_bytes(whole[: len(whole) // 3])
    with pytest.raises(DataError, match=r"b\.czi: ") as caught, open_measurements(tmp_path / "b.czi") as measured:
        measured.read_raw(0, 12)
    assert "\n" not in str(caught.value)
