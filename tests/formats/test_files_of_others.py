"""Files that somebody else made: none runs code, none reads what was not named, none takes memory that it only promises."""

import importlib.util
import json
import os
import pickle
import socket
import struct
import warnings
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile

from ideal.errors import DataError, UsageError
from ideal.formats import open_source, tiff
from ideal.formats.npy import load_array
from ideal.imaging.lensless.psf_picture import read_picture
from ideal.measurements.measurement_set import open_measurements
from ideal.measurements.patches import Patches

COUNTS = np.random.default_rng(0).poisson(20, (30, 12, 12)).astype(np.uint16)


class Code:
    """What runs when it is unpickled."""

    def __init__(self, mark):
        self.mark = str(mark)

    def __reduce__(self):
        return Path(self.mark).touch, ()


def write(path, make=None):
    with h5py.File(path, "w") as file:
        file.attrs.update(format="ideal-measurements", format_version=1, noise="poisson")
        if make is None:
            file["measurements"] = COUNTS
        else:
            make(file)
    return path


def refused(path, words, **options):
    with pytest.raises(DataError, match=words) as caught:
        open_source(path, **options)
    assert "\n" not in str(caught.value)
    assert Path(str(path).split("::")[0]).name in str(caught.value)


# zarr


def array(path, *, shape, dtype, chunk, filters=None, compressor=None):
    path.mkdir(parents=True)
    about = {"zarr_format": 2, "shape": shape, "chunks": shape, "dtype": dtype, "compressor": compressor, "fill_value": 0}
    (path / ".zarray").write_text(json.dumps({**about, "order": "C", "filters": filters}))
    (path / ".".join("0" * len(shape))).write_bytes(chunk)


PICKLE = {"id": "pickle"}


@pytest.mark.parametrize("place", ["measurements", "labels", "groups", "clean", "deep/down/x"])
@pytest.mark.parametrize(
    ("dtype", "filters", "compressor"),
    [
        ("|O", [{"id": "vlen-utf8"}, PICKLE], None),
        ("|O", [PICKLE], None),
        ("<u2", None, PICKLE),
        ("<u2", [PICKLE], None),
        ("|O", None, None),
        ([["a", "|O"]], None, None),
        ("<u2", [{"id": "categorize", "labels": ["a"], "dtype": "|O"}], None),
        ("<u2", [{"id": "somebodys"}], None),
        ("<u2", [{"id": ["pickle"]}], None),
    ],
)
def test_zarr_stores_that_could_run_code_are_refused_unread(tmp_path, monkeypatch, place, dtype, filters, compressor):
    pytest.importorskip("zarr")
    monkeypatch.setenv("NUMCODECS_ALLOW_UNSAFE_PICKLE_DECODE", "1")
    store = tmp_path / "a.zarr"
    if place != "measurements":
        array(store / "measurements", shape=[30, 12, 12], dtype="<u2", chunk=COUNTS.tobytes())
    (tmp_path / "a.zarr").mkdir(exist_ok=True)
    (store / ".zgroup").write_text('{"zarr_format": 2}')
    chunk = pickle.dumps(Code(tmp_path / "ran"))
    array(store / place, shape=[30], dtype=dtype, chunk=chunk, filters=filters, compressor=compressor)

    def build(*args, **kwargs):
        raise AssertionError("a codec was built")

    monkeypatch.setattr("numcodecs.registry.get_codec", build)
    refused(store, "may run code|is not known|without a name")
    assert not (tmp_path / "ran").exists()


def test_codecs_in_shards_and_in_consolidated_metadata_are_seen(tmp_path):
    zarr = pytest.importorskip("zarr")
    zarr.create_array(str(tmp_path / "a.zarr"), shape=(30, 4, 4), chunks=(2, 4, 4), shards=(10, 4, 4), dtype="u2")[:] = 7
    assert open_source(tmp_path / "a.zarr").arrays["measurements"].shape == (30, 4, 4)
    about = json.loads((tmp_path / "a.zarr/zarr.json").read_text())
    about["codecs"][0]["configuration"]["codecs"].append({"name": "numcodecs.pickle"})
    (tmp_path / "a.zarr/zarr.json").write_text(json.dumps(about))
    refused(tmp_path / "a.zarr", "codec numcodecs.pickle")
    array(tmp_path / "b.zarr/measurements", shape=[30, 12, 12], dtype="<u2", chunk=COUNTS.tobytes())
    (tmp_path / "b.zarr/.zgroup").write_text('{"zarr_format": 2}')
    inner = {"shape": [3], "dtype": "|O", "filters": [PICKLE]}
    (tmp_path / "b.zarr/.zmetadata").write_text(json.dumps({"metadata": {"x/.zarray": inner}}))
    refused(tmp_path / "b.zarr", "codec pickle")


def test_texts_as_labels_of_zarr_are_no_objects(tmp_path):
    zarr = pytest.importorskip("zarr")
    group = zarr.open_group(str(tmp_path / "a.zarr"), mode="w", zarr_format=2)
    group.create_array("measurements", data=COUNTS)
    group.create_array("labels", shape=(30,), dtype="str")[:] = np.array(["cat", "dog"] * 15, dtype=object)
    assert open_measurements(tmp_path / "a.zarr").labels.tolist()[:2] == ["cat", "dog"]


@pytest.fixture(params=[2, 3])
def store(request, tmp_path):
    """A good store of each format of zarr."""
    zarr = pytest.importorskip("zarr")
    group = zarr.open_group(str(tmp_path / "a.zarr"), mode="w", zarr_format=request.param)
    group.create_array("measurements", shape=COUNTS.shape, dtype="u2", chunks=(10, 12, 12))[:] = COUNTS
    return tmp_path / "a.zarr"


def test_attributes_of_zarr_are_the_users_own(store):
    import zarr

    group = zarr.open_group(str(store))
    for node in (group, group["measurements"]):
        node.attrs.update(filters=["green", "red"], dtype="Optical", compressor="helium", codecs=5, axes=7, shape="round")
        node.attrs.update(settings={"filters": "FITC", "codecs": [{"id": "pickle"}], "dtype": "|O"}, multiscales=[{"axes": 5}])
    for consolidated in (False, True):
        if consolidated:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # format 3 has none of its own yet
                zarr.consolidate_metadata(str(store))
        with open_measurements(store, noise="poisson") as measured:
            assert np.array_equal(measured.read_raw(0, 30), COUNTS)


def test_an_array_with_the_name_of_attributes_is_checked(store):
    about = json.loads((store / "zarr.json").read_text()) if (store / "zarr.json").exists() else None
    node = {"attributes": {"zarr_format": 3, "node_type": "array", "codecs": [{"name": "numcodecs.pickle"}]}}
    if about is None:
        node = {"metadata": {"attributes/.zarray": {"filters": [PICKLE]}}}
        (store / ".zmetadata").write_text(json.dumps(node))
    else:
        (store / "zarr.json").write_text(json.dumps({**about, "consolidated_metadata": {"metadata": node}}))
    refused(store, "never used")


WRONG = [5, "x", [], {}, None, [5], {"a": 1}, True, -1, 2**70, [[1]], {"name": 5}, {"name": "x", "configuration": 5}, [None]]


def test_metadata_of_zarr_of_wrong_types_are_the_files_fault(store):
    for file in [each for each in store.rglob("*") if each.name in (".zarray", ".zgroup", "zarr.json")]:
        text = file.read_text()
        for key in json.loads(text):
            for value in WRONG:
                file.write_text(json.dumps({**json.loads(text), key: value}))
                with suppress(DataError, UsageError), open_measurements(store, noise="poisson") as measured:
                    assert len(measured.shape) == 3
        file.write_text(text)


@pytest.mark.parametrize(
    ("key", "value"),
    [("dimension_separator", "/../../"), ("chunk_key_encoding", {"name": "default", "configuration": {"separator": "/../../"}})],
)
def test_chunks_of_zarr_lie_in_the_store(store, key, value):
    file = next(each for each in store.glob("measurements/*") if each.name in (".zarray", "zarr.json"))
    file.write_text(json.dumps({**json.loads(file.read_text()), key: value}))
    refused(store, rf"{key} is .*expected")


def test_damaged_chunks_of_zarr_are_named(store):
    chunks = sorted(each for each in (store / "measurements").rglob("*") if each.name not in (".zarray", ".zattrs", "zarr.json"))
    chunks = [each for each in chunks if each.is_file()]
    chunks[0].unlink()  # so that the others are looked at when the store is opened
    for chunk in chunks[1:]:
        chunk.write_bytes(b"none")
    with pytest.raises(DataError, match=r"a.zarr: cannot be read, it seems damaged"):
        open_measurements(store, noise="poisson")


def test_both_formats_of_zarr_in_one_store(store):
    zarr = pytest.importorskip("zarr")
    two = (store / ".zgroup").exists()
    if two:
        (store / "zarr.json").write_text('{"zarr_format": 3, "node_type": "group", "attributes": {}}')
    else:
        (store / ".zgroup").write_text('{"zarr_format": 2}')
    with open_measurements(store, noise="poisson") as measured:
        assert np.array_equal(measured.read_raw(0, 30), COUNTS)
    zarr.open_group(str(store), zarr_format=3 if two else 2).create_array("labels", shape=30, dtype="u2")
    refused(store, "of zarr format 2 and .* of format 3: write both in one format")


def test_links_and_pipes_in_a_zarr_folder(tmp_path):
    pytest.importorskip("zarr")
    (tmp_path / "private").write_bytes(COUNTS.tobytes())
    store = tmp_path / "a.zarr"
    array(store, shape=[30, 12, 12], dtype="<u2", chunk=b"")
    (store / "0.0.0").unlink()
    (store / "0.0.0").symlink_to(tmp_path / "private")
    refused(store, r"0.0.0 is a link to .*private, outside the store.*--follow-links")
    with open_measurements(store, follow_links=True) as measured:
        assert np.array_equal(measured.read_raw(0, 30), COUNTS)
        assert measured.files == [tmp_path / "private"]
        assert any(found.name == "other-files" and "private" in found.text for found in measured.findings)
    (store / "0.0.0").unlink()
    os.mkfifo(store / "0.0.0")
    refused(store, "0.0.0 is no regular file")
    (store / "0.0.0").unlink()
    (store / "up").symlink_to(store)
    refused(store, "up is a link to a folder above|nested deeper")


def test_a_zarr_shape_of_which_nothing_was_written(tmp_path):
    pytest.importorskip("zarr")
    array(tmp_path / "a.zarr", shape=[10**9, 8, 8], dtype="<u2", chunk=b"")
    refused(tmp_path / "a.zarr", "promises 128 GB, and 0 bytes were written")


# HDF5: links


def test_links_of_hdf5_in_circles_and_to_nothing(tmp_path):
    def hard(file):
        group = file.create_group("a")
        group["b"] = group
        group["up"] = file["/"]

    def twice(file):
        groups = [file.create_group(f"g{k}") for k in range(25)]
        for k in range(24):
            groups[k]["x"] = groups[k]["y"] = groups[k + 1]

    def link(target):
        return lambda file: file.__setitem__("measurements", target)

    for name, make, words in (
        ("hard", hard, "it holds no dataset"),
        ("soft", lambda file: file.__setitem__("a", h5py.SoftLink("/")), "it holds no dataset"),
        ("twice", twice, "it holds no dataset"),
        ("dangling", link(h5py.SoftLink("/nowhere")), "measurements is a link to /nowhere, which is not there"),
        ("loop", link(h5py.SoftLink("/measurements")), "lead in a circle"),
        ("gone", link(h5py.ExternalLink("nothing.h5", "/m")), "a link to nothing.h5, which is not there"),
        ("self", link(h5py.ExternalLink("self.h5", "/measurements")), "lead in a circle"),
        ("empty", link(h5py.Empty("f4")), "is empty, without a shape"),
    ):
        refused(write(tmp_path / f"{name}.h5", make), words)


def test_datasets_below_links_are_found_once(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["entry/data/counts"] = COUNTS
        file["entry/data/entry"] = h5py.SoftLink("/entry")
        file["alias"] = file["entry/data/counts"]
        deep = file["entry"]
        for _ in range(1200):
            deep = deep.create_group("d")
    with open_measurements(tmp_path / "a.h5", noise="poisson") as measured:
        assert measured.shape == COUNTS.shape


def elsewhere(kind, other):
    def make(file):
        if kind == "link":
            file["measurements"] = h5py.ExternalLink(str(other / "measured.h5"), "/measurements")
        elif kind == "virtual":
            layout = h5py.VirtualLayout(COUNTS.shape, "u2")
            layout[...] = h5py.VirtualSource(str(other / "measured.h5"), "measurements", COUNTS.shape)
            file.create_virtual_dataset("measurements", layout)
        else:
            file.create_dataset("measurements", COUNTS.shape, "u2", external=[(str(other / "raw"), 0, COUNTS.nbytes)])

    return make


@pytest.mark.parametrize("kind", ["link", "virtual", "storage"])
def test_hdf5_reads_other_files_only_in_its_folder(tmp_path, kind):
    (tmp_path / "other").mkdir()
    (tmp_path / "sent").mkdir()
    for folder in ("other", "sent"):
        write(tmp_path / folder / "measured.h5")
        (tmp_path / folder / "raw").write_bytes(COUNTS.tobytes())
    path = write(tmp_path / "sent/a.h5", elsewhere(kind, tmp_path / "other"))
    refused(path, "outside its folder.*--follow-links")
    with open_measurements(path, follow_links=True) as measured:
        assert np.array_equal(measured.read_raw(0, 30), COUNTS)
        assert [each.parent.name for each in measured.files] == ["other"]
        assert measured.findings[0].name == "other-files"
    beside = write(tmp_path / "sent/b.h5", elsewhere(kind, Path() if kind != "link" else tmp_path / "sent"))
    with open_measurements(beside) as measured:
        assert np.array_equal(measured.read_raw(0, 30), COUNTS)
        assert len(measured.files) == 1
        assert all(found.name != "other-files" for found in measured.findings)


def mapping(path, *sources, ends=True):
    """Write a virtual dataset of sources, a file and a dataset each; without an end the names may be patterns."""
    count = len(COUNTS)

    def make(file):
        longest = count if ends else h5py.h5s.UNLIMITED
        layout = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        space, part = (h5py.h5s.create_simple(COUNTS.shape, (longest, 12, 12)), h5py.h5s.create_simple(COUNTS.shape))
        place = space.copy()
        place.select_hyperslab((0, 0, 0), (1 if ends else longest, 1, 1), stride=(count, 1, 1), block=COUNTS.shape)
        layout.set_layout(h5py.h5d.VIRTUAL)
        for source, dataset in sources:
            layout.set_virtual(place, source.encode(), dataset.encode(), part)
        h5py.h5d.create(file.id, b"measurements", h5py.h5t.STD_U16LE, space, layout)

    return write(path, make)


@pytest.mark.parametrize("ends", [True, False])
@pytest.mark.parametrize(
    "sources",
    [{"a": ("a.h5", "measurements")}, {"a": (".", "measurements")}, {"a": ("b.h5", "measurements"), "b": ("a.h5", "alias")}],
)
def test_virtual_datasets_that_map_themselves_are_refused(tmp_path, sources, ends):
    for name, (file, dataset) in sources.items():
        path = mapping(tmp_path / f"{name}.h5", (file, dataset if ends else dataset + "%b"), ends=ends)
        with h5py.File(path, "a") as held:
            for alias in ("alias", "alias0", "measurements0"):
                held[alias] = h5py.SoftLink("/measurements")
    refused(tmp_path / "a.h5", "maps itself: write it as one dataset")


def test_a_chain_of_virtual_datasets_ends(tmp_path):
    write(tmp_path / "0.h5")
    for i in range(1, 30):
        mapping(tmp_path / f"{i}.h5", (f"{i - 1}.h5", "measurements"))
    assert open_source(tmp_path / "10.h5").arrays["measurements"].shape == COUNTS.shape
    refused(tmp_path / "29.h5", "maps what maps another")


@pytest.mark.parametrize(("file", "dataset"), [("part%b.h5", "measurements"), (".", "g/d%b"), ("part%b.h5", "m%b")])
def test_virtual_datasets_without_an_end_are_read_and_their_sources_checked(tmp_path, file, dataset):
    for folder in ("sent", "other"):
        (tmp_path / folder).mkdir()
    write(tmp_path / "other/measured.h5")
    path = mapping(tmp_path / "sent/a.h5", (file, dataset), ends=False)
    places = []
    for i in range(3):
        holder = path if file == "." else path.with_name(file.replace("%b", str(i)))
        places.append((holder, dataset.replace("%b", str(i))))
        with h5py.File(holder, "a") as held:
            held[places[i][1]] = COUNTS + i
    with open_measurements(path, noise="poisson") as measured:
        assert np.array_equal(measured.read_raw(0, 90), np.concatenate([COUNTS, COUNTS + 1, COUNTS + 2]))
        assert len(measured.files) == (0 if file == "." else 3)
    with h5py.File(places[2][0], "a") as held:
        del held[places[2][1]]
        held[places[2][1]] = h5py.ExternalLink(str(tmp_path / "other/measured.h5"), "/measurements")
    refused(path, "outside its folder")


def test_percent_signs_in_the_names_of_sources(tmp_path):
    write(tmp_path / "50%.h5", lambda file: file.__setitem__("d%b", COUNTS))
    with open_measurements(mapping(tmp_path / "a.h5", ("50%%.h5", "d%%b")), noise="poisson") as measured:
        assert np.array_equal(measured.read_raw(0, 30), COUNTS)
        assert [each.name for each in measured.files] == ["50%.h5"]
        assert not measured.findings


def test_a_link_behind_a_link_is_seen(tmp_path):
    for folder in ("other", "sent"):
        (tmp_path / folder).mkdir()
    write(tmp_path / "other/measured.h5")
    write(tmp_path / "sent/between.h5", elsewhere("link", tmp_path / "other"))
    write(tmp_path / "sent/a.h5", lambda file: file.__setitem__("measurements", h5py.ExternalLink("between.h5", "measurements")))
    refused(tmp_path / "sent/a.h5", "outside its folder")
    with pytest.raises(DataError, match="outside its folder"):
        read_picture(f"{tmp_path}/sent/a.h5::measurements")


def test_a_filter_that_is_not_installed_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("ideal.formats.hdf5._load_plugins", lambda: False)
    monkeypatch.setattr(h5py.h5z, "filter_avail", lambda code: False)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("d", data=COUNTS, compression="gzip")
    refused(tmp_path / "a.h5", r"compressed by deflate \(HDF5 filter 1\), which is not installed")


# sizes


def page(side):
    strip = zlib.compress(bytes(2 * side * side))
    tags = [(256, 4, side), (257, 4, side), (258, 3, 16), (259, 3, 8), (262, 3, 1), (273, 4, 200), (277, 3, 1), (278, 4, side)]
    tags.append((279, 4, len(strip)))
    head = b"II*\0" + struct.pack("<IH", 8, len(tags)) + b"".join(struct.pack("<HHII", tag, kind, 1, v) for tag, kind, v in tags)
    return (head + struct.pack("<I", 0)).ljust(200, b"\0") + strip


@pytest.mark.parametrize(
    ("name", "shape"), [("measurements", (10**9, 8, 8)), ("measurements", (10**8, 1, 2)), ("labels", (30, 10**9))], ids=str
)
def test_an_hdf5_shape_of_which_nothing_was_written(tmp_path, name, shape):
    def make(file):
        if name != "measurements":
            file["measurements"] = COUNTS
        file.create_dataset(name, shape, "u2", chunks=(1, *([1024] if len(shape) == 2 else shape[1:])))

    refused(write(tmp_path / "a.h5", make), "promises .* and 0 bytes were written")


def test_a_strip_that_does_not_fit_into_memory_is_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr("ideal._memory.free_memory", lambda: 100 * 2**20)
    (tmp_path / "a.tif").write_bytes(page(5000))
    words = r"a.tif: one strip or tile of 5000 x 5000 pixels would take 150 MB of memory"
    with pytest.raises(DataError, match=words), open_measurements(tmp_path / "a.tif") as measured:
        measured.read_raw(0, 1, slice(0, 8))


def npy(header, version=(1, 0), length=None):
    text = header.encode() + b" " * ((64 - (len(header) + 11) % 64) % 64) + b"\n"
    size = struct.pack("<H" if version == (1, 0) else "<I", len(text) if length is None else length)
    return b"\x93NUMPY" + bytes(version) + size + text + COUNTS.tobytes()


def fields(shape, dtype="<u2"):
    return f"{{'descr':'{dtype}','fortran_order':False,'shape':{shape}}}"


@pytest.mark.parametrize(
    "content",
    [
        npy(fields((-30, 12, 12))),
        npy(fields((True, True, True))),
        npy("(" * 9000),
        npy("-" * 9000 + "1"),
        npy(fields((30, 12, 12)).replace("12)}", "12}")),
        npy(fields((30, 12, 12)), version=(9, 9)),
        npy(fields((30, 12, 12)), version=(2, 0), length=2**31),
        npy(fields((10**15, 12, 12))),
        npy(fields((30, 12, 12), dtype="__import__")),
        npy("{'descr': [('a', '<u2')], 'fortran_order': False, 'shape': (30,), }"),
        npy(fields("__import__('os').getcwd()")),
        b"\x93NUMPY",
        b"\x93NUMPY\x01\x00\xff",
    ],
    ids=range(13),
)
def test_headers_of_npy_are_never_evaluated(tmp_path, content):
    (tmp_path / "a.npy").write_bytes(content)
    refused(tmp_path / "a.npy", r"a\.npy: ")
    with pytest.raises(DataError, match=r"a\.npy: "):
        load_array(tmp_path / "a.npy")
    with zipfile.ZipFile(tmp_path / "b.npz", "w") as packed:
        packed.writestr("measurements.npy", content)
    refused(tmp_path / "b.npz", r"b\.npz")


def test_an_npz_that_is_a_text_or_a_pickle(tmp_path):
    with zipfile.ZipFile(tmp_path / "text.npz", "w") as packed:
        packed.writestr("measurements", "hello")
    refused(tmp_path / "text.npz", "is no NumPy array")
    np.savez(tmp_path / "object.npz", measurements=np.array([Code(tmp_path / "ran")]), allow_pickle=True)
    refused(tmp_path / "object.npz", "holds Python objects")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("dtype", ["u1", "<u2", ">u2", "f4", "f8", "c16", "?", "S3", "U5"])
def test_load_array_reads_what_numpy_writes(tmp_path, dtype):
    values = np.arange(60).reshape(3, 4, 5).astype(dtype)
    for order in "CF":
        np.save(tmp_path / "a.npy", np.asarray(values, order=order))
        found = load_array(tmp_path / "a.npy")
        assert found.dtype == values.dtype
        assert np.array_equal(found, values)


def test_values_whose_powers_are_no_numbers(tmp_path):
    np.save(tmp_path / "a.npy", COUNTS * 1e300)
    words = r"a.npy: values up to .*e\+30\d, expected none beyond 1e\+40"
    with open_measurements(tmp_path / "a.npy", noise="gaussian", sigma=1.0) as measured, pytest.raises(DataError, match=words):
        measured.inspect()
    with pytest.raises(UsageError, match="gain is 1e"):
        open_measurements(write(tmp_path / "a.h5"), gain=1e300)


# what is no regular file


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".h5", ".tif", ".uvfits", ".txt", ".zarr"])
def test_pipes_and_sockets_are_never_opened(tmp_path, suffix):
    os.mkfifo(tmp_path / f"a{suffix}")
    refused(tmp_path / f"a{suffix}", "is a pipe")
    path = str(tmp_path / f"b{suffix}")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        refused(path, "is a socket")
    write(tmp_path / "link.h5", lambda file: file.__setitem__("measurements", h5py.ExternalLink(f"a{suffix}", "/m")))
    refused(tmp_path / "link.h5", "is a pipe")
    with pytest.raises(DataError, match="is a device"):
        open_source("/dev/zero")


# names that say another format


def test_formats_are_told_by_their_first_bytes(tmp_path):
    np.save(tmp_path / "a.npy", COUNTS)
    np.savez(tmp_path / "b.npz", COUNTS)
    write(tmp_path / "c.h5")
    tifffile.imwrite(tmp_path / "d.tif", COUNTS)
    tifffile.imwrite(tmp_path / "e.btf", COUNTS, bigtiff=True)
    for name in ("a.npy", "b.npz", "c.h5", "d.tif", "e.btf"):
        for other in ("x", "x.lsm", "x.npy", "x.h5", "x.fits"):
            target = tmp_path / other
            target.write_bytes((tmp_path / name).read_bytes())
            with open_measurements(target, axes="nyx") as measured:
                assert np.array_equal(measured.read_raw(0, 30), COUNTS), (name, other)
    for content, words in (
        (b"\x89PNG\r\n\x1a\n", "truncated PNG"),
        (b"\x1f\x8b\x08", "unpack it first"),
        (b"MATLAB 5.0 MAT-file", "truncated or damaged MATLAB file"),
        (pickle.dumps(Code(tmp_path / "ran")), "pickle|unknown format"),
        (b"", "is empty"),
    ):
        (tmp_path / "y").write_bytes(content)
        refused(tmp_path / "y", words)


# TIFF


@pytest.mark.parametrize(
    "options", [{}, {"rowsperstrip": 7}, {"tile": (32, 16)}, {"predictor": True, "rowsperstrip": 9}, {"byteorder": ">"}], ids=str
)
@pytest.mark.parametrize("kind", ["grey", "rgb", "planar"])
def test_parts_of_large_pages_are_those_of_whole_ones(tmp_path, monkeypatch, options, kind):
    values = np.random.default_rng(0).integers(0, 255, (2, 70, 90) if kind == "grey" else (2, 70, 90, 3)).astype(np.uint16)
    given = np.moveaxis(values, -1, 1).copy() if kind == "planar" else values
    colors = {"planar": {"photometric": "rgb", "planarconfig": "separate"}, "rgb": {"photometric": "rgb"}}
    chosen = colors.get(kind, {"photometric": "minisblack"})
    tifffile.imwrite(tmp_path / "a.tif", given, compression="zlib", **chosen, **options)
    monkeypatch.setattr(tiff, "_LARGE_PAGE", 0)
    with open_measurements(tmp_path / "a.tif") as measured:
        for rows in (slice(0, 70), slice(5, 6), slice(13, 40), slice(69, 70)):
            assert np.array_equal(measured.read_raw(0, 2, rows), values[:, rows])


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize(
    ("code", "words"),
    [
        (5, "compression LZW needs the package imagecodecs: install it with pip install 'ideal\\[codecs\\]'"),
        (50000, "compression ZSTD needs the package imagecodecs: install it with pip install 'ideal\\[codecs\\]'"),
        (9999, "compression 9999 is not known: save the file without compression"),
        (0, "compression 0 is not known: save the file without compression"),
        (8, "page cannot be decoded|page 0 cannot be decoded"),
    ],
)
def test_compressions_of_tiff_that_cannot_be_undone(tmp_path, monkeypatch, code, words, large):
    if code in (5, 50000) and (importlib.util.find_spec("imagecodecs") or importlib.util.find_spec("compression")):
        pytest.skip("this decoder is installed")
    tifffile.imwrite(tmp_path / "a.tif", COUNTS[0], metadata=None)
    content = (tmp_path / "a.tif").read_bytes()
    tag = struct.pack("<HHI", 259, 3, 1)
    assert content.count(tag) == 1
    at = content.index(tag) + len(tag)
    (tmp_path / "a.tif").write_bytes(content[:at] + struct.pack("<H", code) + content[at + 2 :])
    monkeypatch.setattr(tiff, "_LARGE_PAGE", 0 if large else 2**25)
    with pytest.raises(DataError, match=words), open_measurements(tmp_path / "a.tif", axes="yx", noise="poisson") as measured:
        measured.read_raw(0, 1)
    with pytest.raises(DataError, match=words):
        read_picture(str(tmp_path / "a.tif"))


def test_a_tiff_that_is_cut_short_is_named_as_it_was_typed(tmp_path, monkeypatch):
    tifffile.imwrite(tmp_path / "a.tif", COUNTS)
    (tmp_path / "a.tif").write_bytes((tmp_path / "a.tif").read_bytes()[:5000])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"^a\.tif: truncated"):
        open_source("a.tif")


def test_large_pages_are_decoded_by_the_strips_that_are_asked_for(tmp_path, monkeypatch):
    tifffile.imwrite(tmp_path / "a.tif", COUNTS[0].repeat(50, 0), compression="zlib", rowsperstrip=10, photometric="minisblack")
    monkeypatch.setattr(tiff, "_LARGE_PAGE", 0)
    decoded = []
    with open_measurements(tmp_path / "a.tif", axes="yx") as measured:
        segment = tiff.PageBands._segment
        monkeypatch.setattr(
            tiff.PageBands,
            "_segment",
            lambda self, page, number, index: decoded.append(index) or segment(self, page, number, index),
        )
        measured.read_raw(0, 1, slice(95, 112))
    assert decoded == [9, 10, 11]


OME = (
    '<?xml version="1.0" encoding="UTF-8"?>{doctype}'
    '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="I:0">'
    '<Pixels ID="P:0" DimensionOrder="XYCZT" Type="uint16" SizeX="12" SizeY="12" SizeC="1" SizeZ="1" SizeT="{count}">'
    '<Channel ID="C:0" SamplesPerPixel="1"/><TiffData IFD="0" PlaneCount="{planes}"><UUID FileName="{name}">urn:uuid:1</UUID>'
    "</TiffData></Pixels></Image></OME>"
)


def write_ome(path, **said):
    header = OME.format(**{"doctype": "", "count": 30, "planes": 30, "name": path.name} | said)
    with tifffile.TiffWriter(path) as out:
        for k, frame in enumerate(COUNTS):
            out.write(frame, contiguous=False, photometric="minisblack", metadata=None, description=None if k else header)


def test_an_ome_header_reads_no_files_elsewhere_and_promises_nothing(tmp_path):
    (tmp_path / "sent").mkdir()
    tifffile.imwrite(tmp_path / "other.tif", COUNTS)
    write_ome(tmp_path / "sent/a.ome.tif", name="../other.tif")
    refused(tmp_path / "sent/a.ome.tif", r"names ../other.tif, outside its folder.*--follow-links")
    write_ome(tmp_path / "sent/b.ome.tif", count=10**9, planes=10**9)
    refused(tmp_path / "sent/b.ome.tif", "tells of 1000000000 planes")
    write_ome(tmp_path / "sent/c.ome.tif", doctype='<!DOCTYPE x [<!ENTITY a "b">]>')
    refused(tmp_path / "sent/c.ome.tif", "entities of XML")
    os.mkfifo(tmp_path / "sent/pipe.tif")
    write_ome(tmp_path / "sent/d.ome.tif", name="pipe.tif")
    refused(tmp_path / "sent/d.ome.tif", "is a pipe")


# sources that are not listed


def test_unnamed_sources_are_not_listed(tmp_path):
    with open_measurements(write(tmp_path / "a.h5")) as measured:
        assert (measured.group_count, measured.groups_of([3, 5]).tolist()) == (30, [3, 5])
        measured.inspect()
        assert "groups" not in vars(measured)
        assert measured.groups.tolist() == list(range(30))
        measured.set_groups(np.arange(30) // 10)
        assert (measured.group_count, measured.groups_of([3, 25]).tolist()) == (3, [0, 2])


def test_parts_of_very_large_pictures_are_read_alone(tmp_path, monkeypatch):
    values = np.random.default_rng(0).poisson(20, (1, 200, 200)).astype(np.uint8)
    np.save(tmp_path / "a.npy", values)
    positions = np.array([[0, 3, 5], [0, 90, 100], [0, 184, 184]])
    with open_measurements(tmp_path / "a.npy", noise="poisson") as measured:
        whole = Patches(measured, positions, 16).read()
        monkeypatch.setattr("ideal.measurements.patches._BLOCK_BYTES", 16 * 200 * 20)
        converted = []
        convert = type(measured.calibration).to_photoelectrons
        monkeypatch.setattr(
            type(measured.calibration), "to_photoelectrons", lambda self, raw: converted.append(raw.size) or convert(self, raw)
        )
        assert np.array_equal(Patches(measured, positions, 16).read(), whole)
    assert sum(converted) == 3 * 16 * 16


@pytest.mark.parametrize("kind", ["h5", "zarr", "tif", "large tif"])
def test_a_compressed_part_that_would_unpack_to_more_than_its_shape_says(tmp_path, kind, monkeypatch):
    """200 kB of zeros compressed, which would be 200 MB, in place of 15 kB of values: refused before it is unpacked."""
    bomb = zlib.compress(bytes(200 * 10**6), 9)
    path = tmp_path / f"a.{kind.split()[-1]}"
    if kind == "h5":
        with h5py.File(path, "w") as file:
            data = file.create_dataset("measurements", COUNTS.shape, "u2", chunks=COUNTS.shape, compression="gzip")
            data.id.write_direct_chunk((0, 0, 0), bomb)
    elif kind == "zarr":
        array(path / "measurements", shape=list(COUNTS.shape), dtype="<u2", chunk=bomb, compressor={"id": "zlib", "level": 9})
        (path / ".zgroup").write_text('{"zarr_format": 2}')
    else:
        if kind == "large tif":
            monkeypatch.setattr("ideal.formats.tiff._LARGE_PAGE", 0)
        tifffile.imwrite(path, COUNTS[0], compression="zlib", metadata=None)
        with tifffile.TiffFile(path) as file:
            places = [file.pages[0].tags[name].valueoffset for name in ("StripOffsets", "StripByteCounts")]
        content = bytearray(path.read_bytes())
        for place, value in zip(places, (len(content), len(bomb)), strict=True):
            struct.pack_into("<I", content, place, value)
        path.write_bytes(content + bomb)
    monkeypatch.setattr(zlib, "decompress", None)
    with (
        pytest.raises(DataError, match=r"are stored for .* it would unpack to more than its shape says"),
        open_measurements(path, noise="poisson") as measured,
    ):
        measured.read_raw(0, 1)
