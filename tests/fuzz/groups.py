"""Groups of inputs that may be wrong: each writes files into a folder, and returns the command that reads them."""

import io
import json
import shutil
import tomllib
import zipfile
from pathlib import Path

import h5py
import numpy as np
import tifffile
from fuzz.contract import Command
from fuzz.mutations import LARGE, LEAVES, NUMBERS, TEXTS, VALUES, as_json, as_toml, broken_bytes, broken_tree, names
from fuzz.seeds import COUNT, MODELS, SIDE, counts
from hypothesis import strategies as st

_FAST = ("--model", "stationary", "--patch", "8")
_CUT = "the file was cut"


def _reading(draw, name: str, *, wrong: str = "", noise: bool = True, estimate: int = 2) -> Command:
    """Return a command that reads a file of measurements: mostly `inspect`, else an estimate."""
    as_argument = f"./{name}" if name.startswith("-") else name
    shown = _shown(name)
    json_too = ("--json",) if draw(st.booleans()) else ()
    if draw(st.integers(0, 9)) >= estimate:
        return Command(("inspect", as_argument, *json_too), shown, wrong)
    options = ("--noise", draw(st.sampled_from(["poisson", "gaussian"]))) if noise and draw(st.booleans()) else ()
    return Command(("estimate", as_argument, *options, *_FAST, *json_too), shown, wrong)


def _shown(name: str) -> tuple[str, ...]:
    """Return how a name may stand in a message: as it is, or before '::', without control characters."""
    plain = "".join(letter for letter in name if letter >= " ")
    return tuple({plain, plain.split("::")[0]})


def _seed(draw, seeds: Path, *choices: str) -> Path:
    return seeds / draw(st.sampled_from(choices))


_DTYPES = st.sampled_from(
    [
        *[
            "<u2",
            "|u1",
            "<i8",
            "<f4",
            ">f8",
            "<f2",
            "<c8",
            "<c16",
            "|b1",
            "|O",
            "|S0",
            "|S5",
            "<U3",
            "<U0",
            "|V8",
            "<M8[ns]",
            "<m8",
        ],
        *["<f16", "<u0", "u9", "", "x", "|O8", "<u2" * 500, "(2,)<u2", "<u2,<u2"],
    ]
)
_SHAPES = st.one_of(
    st.sampled_from(
        [(COUNT, SIDE, SIDE), (COUNT, SIDE), (1, SIDE, SIDE), (COUNT, SIDE, SIDE, 3), (), (0,), (0, 8, 8), (COUNT, 0, 8)]
    ),
    st.lists(st.sampled_from([0, 1, 2, 3, 8, 60, 10**5, -1, *LARGE]), max_size=6).map(tuple),
)


def _npy(draw, seeds: Path, folder: Path) -> Command:
    name = names(draw, ".npy")
    wrong = ""
    kind = draw(st.sampled_from(["bytes", "header", "header", "values"]))
    if kind == "bytes":
        content, change = broken_bytes(
            draw, _seed(draw, seeds, "plain.npy", "float.npy", "turned.npy", "complex.npy").read_bytes()
        )
        wrong = _CUT if change == "cut" else ""
    elif kind == "header":
        content = _npy_of_header(draw)
    else:
        content = _npy_bytes(_odd_values(draw))
    (folder / name).write_bytes(content)
    as_groups = kind != "bytes" and draw(st.integers(0, 4)) == 0 and not name.startswith("-")
    if as_groups:  # what names the source of each sample
        shutil.copy(seeds / "plain.h5", folder / "m.h5")
        return Command(("estimate", "m.h5", *_FAST, "--groups", name), (*_shown(name), "m.h5"))
    return _reading(draw, name, wrong=wrong)


def _npy_of_header(draw) -> bytes:
    items = {"descr": draw(_DTYPES), "fortran_order": draw(st.booleans()), "shape": draw(_SHAPES)}
    if draw(st.integers(0, 3)) == 0:
        items[draw(st.sampled_from(["descr", "fortran_order", "shape", "more"]))] = draw(VALUES)
    text = repr(items) if draw(st.integers(0, 5)) else draw(TEXTS)
    version = draw(st.sampled_from([(1, 0), (1, 0), (2, 0), (3, 0), (4, 0), (0, 0)]))
    header = (text + " " * (-len(text) % 64) + "\n").encode("utf-8", "replace")
    length = draw(st.sampled_from([len(header), len(header), len(header), 0, 65535]))
    size = length.to_bytes(2, "little") if version[0] < 2 and length < 65536 else min(length, 2**32 - 1).to_bytes(4, "little")
    return b"\x93NUMPY" + bytes(version) + size + header + counts().tobytes()[: draw(st.sampled_from([0, 17, 17280]))]


def _odd_values(draw) -> np.ndarray:
    """Return measurements of the right layout whose values are not what sensors give."""
    values = counts().astype(draw(st.sampled_from(["u1", "u2", "u4", "i8", "f2", "f4", "f8", "c8"])))
    shape = draw(
        st.sampled_from([(COUNT, SIDE, SIDE), (COUNT, SIDE * SIDE), (COUNT, SIDE, SIDE, 1), (1, COUNT, SIDE, SIDE), (-1,)])
    )
    for _ in range(draw(st.integers(1, 4))):
        number = draw(NUMBERS)
        part = draw(st.sampled_from([0, slice(None), slice(0, 30), (0, 0, 0), (slice(None), 3, 4), (slice(None), slice(0, 6))]))
        with np.errstate(all="ignore"):
            values[part] = np.float64(number).astype(values.dtype)
    if draw(st.integers(0, 3)) == 0:
        values = values[::-1] if draw(st.booleans()) else values[: draw(st.integers(0, COUNT))]
    return values.reshape(shape if values.size == COUNT * SIDE * SIDE else values.shape)


def _npy_bytes(array) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def _npz(draw, seeds: Path, folder: Path) -> Command:
    name = names(draw, ".npz")
    wrong = ""
    if draw(st.booleans()):
        content, change = broken_bytes(draw, _seed(draw, seeds, "plain.npz", "all.npz").read_bytes())
        wrong = _CUT if change == "cut" else ""
        (folder / name).write_bytes(content)
        return _reading(draw, name, wrong=wrong)
    stream = io.BytesIO()
    members = draw(
        st.lists(
            st.sampled_from(["measurements", "arr_0", "clean", "labels", "groups", "sigma", "noise", "../x", "é", "gain"]),
            max_size=4,
        )
    )
    with zipfile.ZipFile(
        stream, "w", draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA]))
    ) as archive:
        first = ["measurements"] if draw(st.integers(0, 5)) else []
        for member in dict.fromkeys(first + members):
            kind = draw(st.sampled_from(["good", "good", "odd", "odd", "header", "text"]))
            content = {"good": lambda: _npy_bytes(counts()), "odd": lambda: _npy_bytes(_odd_values(draw))}.get(kind)
            content = content() if content else _npy_of_header(draw) if kind == "header" else draw(st.binary(max_size=40))
            archive.writestr(member + draw(st.sampled_from([".npy", ".npy", ".npy", ".npy", ".txt", ""])), content)
    (folder / name).write_bytes(stream.getvalue())
    inner = draw(st.sampled_from(["", "", "", "::measurements", "::clean", "::x", "::", "::\x1b"]))
    return _reading(draw, name + inner)


_ATTRIBUTES = st.sampled_from(
    [
        "noise",
        "sigma",
        "gain",
        "offset",
        "read_noise",
        "format",
        "format_version",
        "axes",
        "description",
        "floor",
        "saturation",
        "period",
        "photons",
        "units",
        "DIMENSION_LABELS",
        "system",
        "design",
        "checksum",
        "kind",
        "patch",
        "shape",
        "seed",
        "version",
        "origin",
    ]
)


def _hdf5(draw, seeds: Path, folder: Path) -> Command:
    name = names(draw, ".h5")
    path = folder / name
    if draw(st.integers(0, 2)) == 0:
        content, change = broken_bytes(draw, _seed(draw, seeds, "plain.h5", "all.h5", "foreign.h5", "new.h5").read_bytes())
        path.write_bytes(content)
        return _reading(draw, name, wrong=_CUT if change == "cut" else "")
    shutil.copy(_seed(draw, seeds, "plain.h5", "all.h5", "foreign.h5", "new.h5"), path)
    with h5py.File(path, "r+") as file:
        for _ in range(draw(st.integers(1, 3))):
            _change_hdf5(draw, file)
    inner = draw(
        st.sampled_from(["", "", "", "", "::measurements", "::run/images", "::link", "::/", "::..", "::x/y", "::labels"])
    )
    return _reading(draw, name + inner, noise=draw(st.booleans()))


def _change_hdf5(draw, file) -> None:
    """Change an HDF5 file as programs do that write it wrongly."""
    kind = draw(st.sampled_from(["attribute", "attribute", "dataset", "dataset", "link", "values", "delete", "empty", "nest"]))
    paths = []
    file.visit(paths.append)
    target = draw(st.sampled_from(["measurements", "clean", "labels", "groups", "sigma", "more", "run/images", *paths]))
    node = file.get(target, file) if not isinstance(file.get(target, getlink=True), h5py.ExternalLink) else file
    if kind == "attribute":
        _set_attribute(draw, node if draw(st.booleans()) else file)
        return
    if kind == "values" and isinstance(node, h5py.Dataset):
        values = node[()]
        number = draw(NUMBERS)
        if np.ndim(values) and np.size(values) and values.dtype.kind in "uif":
            with np.errstate(all="ignore"):
                values[draw(st.sampled_from([0, slice(None), -1]))] = np.float64(number).astype(values.dtype)
            node[()] = values
        return
    if kind == "nest":
        deepest = file
        for number in range(draw(st.sampled_from([1, 3, 40, 300]))):
            deepest = deepest.require_group(f"n{number % 3}")
        return
    if target in file and kind != "empty":
        del file[target]
    try:
        _add_to_hdf5(draw, file, target, kind)
    except (
        ValueError,
        TypeError,
        OSError,
        RuntimeError,
        KeyError,
        OverflowError,
        MemoryError,
    ):  # what the library does not write
        return


def _add_to_hdf5(draw, file, target, kind) -> None:
    if kind == "link":
        link = draw(
            st.sampled_from(
                [
                    *[h5py.SoftLink("/"), h5py.SoftLink("/x"), h5py.SoftLink("/" + target), h5py.SoftLink(".")],
                    *[h5py.ExternalLink(other, "/measurements") for other in ("/etc/passwd", "a.h5", "", "../x.h5", "/dev/zero")],
                ]
            )
        )
        file[target] = link
    elif kind == "empty":
        file[target + "0"] = h5py.Empty(draw(st.sampled_from(["f4", "u2", "S10"])))
    elif kind == "dataset":
        shape = draw(_SHAPES)
        dtype = draw(
            st.sampled_from(
                [
                    "u1",
                    "u2",
                    "f2",
                    "f4",
                    "f8",
                    "c8",
                    "c16",
                    "S5",
                    "V9",
                    "b1",
                    h5py.string_dtype(),
                    h5py.ref_dtype,
                    h5py.vlen_dtype("u2"),
                    h5py.enum_dtype({"a": 1}),
                    [("a", "f4"), ("b", "u2")],
                    h5py.opaque_dtype("M8[s]"),
                    [("r", "f8"), ("i", "f8")],
                ]
            )
        )
        chunks = draw(st.sampled_from([None, tuple(max(1, min(abs(side), 64)) for side in shape) or None]))
        more = {"chunks": chunks, "compression": "gzip"} if chunks else {}
        dataset = file.create_dataset(target, shape, dtype, **more)
        if 0 < dataset.size < 100_000 and draw(st.booleans()):
            dataset[...] = np.resize(counts(), shape)


def _set_attribute(draw, node) -> None:
    value = draw(
        st.one_of(
            LEAVES,
            st.lists(NUMBERS, max_size=4),
            st.sampled_from(
                [h5py.Empty("f4"), np.zeros((3, 3, 3)), np.bytes_(b"\xff\xfe"), np.float32("nan"), np.array(["a", "b"], "S3")]
            ),
        )
    )
    try:
        node.attrs[draw(_ATTRIBUTES)] = "" if value is None else value
    except (ValueError, TypeError, OSError, RuntimeError, OverflowError):
        return


def _tiff(draw, seeds: Path, folder: Path) -> Command:
    name = names(draw, ".tif")
    path = folder / name
    source = _seed(draw, seeds, "plain.tif", "deflate.tif", "tiles.tif", "imagej.tif", "ome.ome.tif", "color.tif")
    wrong = ""
    kind = draw(st.sampled_from(["bytes", "tags", "tags", "text", "written"]))
    if kind == "bytes":
        content, change = broken_bytes(draw, source.read_bytes())
        path.write_bytes(content)
        wrong = _CUT if change == "cut" and len(content) < 2000 else ""
    elif kind == "tags":
        path.write_bytes(_change_tags(draw, source))
    elif kind == "text":
        content = source.read_bytes()
        old = draw(
            st.sampled_from(
                [b"SizeX", b"SizeT", b"TiffData", b"images=60", b'"shape": [60', b"DimensionOrder", b"12", b"axes", b"uint16"]
            )
        )
        new = draw(st.sampled_from([b"9" * len(old), b" " * len(old), b"0" * len(old), b"<" * len(old), b"[" * len(old)]))
        path.write_bytes(content.replace(old, new, draw(st.integers(1, 3))))
    else:
        _write_odd_tiff(draw, path)
    inner = draw(st.sampled_from(["", "", "", "", "", "::0", "::1", "::x", "::999999999"]))
    return _reading(draw, name + inner, wrong=wrong)


def _change_tags(draw, source: Path) -> bytes:
    """Return a TIFF whose tags declare something else."""
    content = bytearray(source.read_bytes())
    with tifffile.TiffFile(source) as tiff:
        tags = [tag for page in tiff.pages[:3] for tag in tiff.pages[page.index].tags.values()] if len(tiff.pages) else []
        places = [(tag.offset, tag.valueoffset) for tag in tags]
        order = "little" if tiff.byteorder == "<" else "big"
    for _ in range(draw(st.integers(1, 3))):
        start, value = draw(st.sampled_from(places))
        size, number = draw(
            st.sampled_from(
                [(2, 0), (2, 1), (2, 65535), (2, 3), (4, 2**31), (4, 2**32 - 1), (4, 0), (4, 10**6), (4, 7), (8, 2**60)]
            )
        )
        place = draw(st.sampled_from([start, start + 2, start + 4, value, value]))
        content[place : place + size] = number.to_bytes(size, order)
    return bytes(content)


def _write_odd_tiff(draw, path: Path) -> None:
    values = _odd_values(draw)
    if values.dtype.kind == "c" or not values.size:
        values = counts()[: draw(st.integers(1, 5))].astype(draw(st.sampled_from(["f8", "i4", "?", "i8", "c16"])))
    values = values.reshape(values.shape if values.ndim > 1 else (-1, SIDE, SIDE))
    options = {
        "photometric": draw(st.sampled_from(["minisblack", "miniswhite", "rgb", "palette", "cfa", None])),
        "description": draw(TEXTS.filter(str.isascii)),
        "metadata": draw(st.sampled_from([None, {}, {"axes": "QYX"}, {"axes": "TZCYX"}])),
        "subifds": draw(st.sampled_from([0, 0, 2])),
    }
    try:
        tifffile.imwrite(path, values, **{key: value for key, value in options.items() if value is not None})
    except Exception:  # what tifffile does not write; half a file may be left
        path.touch()


def _zarr(draw, seeds: Path, folder: Path) -> Command:
    name = names(draw, ".zarr")
    path = folder / name
    shutil.copytree(_seed(draw, seeds, "group-2.zarr", "group-3.zarr", "array.zarr", "shards.zarr", "ome.zarr"), path)
    texts = sorted(file for file in path.rglob("*") if file.name in ("zarr.json", ".zarray", ".zattrs", ".zgroup", ".zmetadata"))
    for _ in range(draw(st.integers(1, 2))):
        kind = draw(st.sampled_from(["json", "json", "json", "json", "bytes", "chunk", "delete", "folder"]))
        files = texts if kind == "json" else sorted(file for file in path.rglob("*") if file.is_file() and file not in texts)
        file = draw(st.sampled_from(files or texts))
        if not file.is_file():
            continue
        if kind == "json":
            try:
                tree = json.loads(file.read_text())
            except ValueError:
                continue
            file.write_text(_zarr_json(draw, tree))
        elif kind in ("bytes", "chunk"):
            file.write_bytes(broken_bytes(draw, file.read_bytes())[0])
        else:
            file.unlink()
            if kind == "folder":
                file.mkdir()
    inner = draw(st.sampled_from(["", "", "", "", "::measurements", "::0", "::x", "::../..", "::c"]))
    return _reading(draw, name + inner)


def _zarr_json(draw, tree) -> str:
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return draw(st.sampled_from(["", "[]", "null", "1", "{", "[" * 3000, '{"a":' * 3000, '{"zarr_format": 9}', "\x00"]))
    if kind == 1 and isinstance(tree, dict):
        codec = draw(
            st.sampled_from(["pickle", "blosc", "gzip", "vlen-utf8", "bytes", "transpose", "sharding_indexed", "zfpy", "x", ""])
        )
        entry = {"id": codec, "name": codec, "configuration": draw(VALUES)}
        tree = tree | {
            draw(st.sampled_from(["filters", "codecs", "compressor"])): draw(st.sampled_from([[entry], entry, [entry] * 50]))
        }
    if kind == 2 and isinstance(tree, dict):
        tree = tree | {"shape": list(draw(_SHAPES))}
    return as_json(broken_tree(draw, tree))


def _uvfits(draw, seeds: Path, folder: Path) -> Command:
    name = names(draw, ".uvfits")
    content = _seed(draw, seeds, "plain.uvfits", "sources.uvfits").read_bytes()
    wrong = ""
    if draw(st.integers(0, 2)) == 0:
        content, change = broken_bytes(draw, content)
        wrong = _CUT if change == "cut" and len(content) < 2880 else ""
    else:
        content = bytearray(content)
        for _ in range(draw(st.integers(1, 3))):
            _change_card(draw, content)
    (folder / name).write_bytes(content)
    options = draw(st.sampled_from([(), (), (), ("--source", "M87"), ("--source", ""), ("--freqsel", "1"), ("--subarray", "-1")]))
    command = _reading(draw, name, wrong=wrong, noise=False)
    return Command((*command.arguments, *options), command.names, command.wrong)


_CHANGED = [
    b"IHDR",
    b"IDAT",
    b"NAXIS3",
    b"ZNAXIS1",
    b"BITPIX",
    b"COMPRESSED_DATA",
    b"MATLAB",
    b"measurements",
    b"kspace",
    b"flags",
]
_OF_INSTRUMENTS = [
    "old.mat",
    "packed.mat",
    "new.mat",
    "grey.png",
    "color.png",
    "grey.jpg",
    "cube.fits",
    "packed.fits",
    "mri.h5",
    "fast.h5",
]


def _instruments(draw, seeds: Path, folder: Path) -> Command:
    """Files of MATLAB, pictures, FITS images and k-space, and sets of frames of which one is broken."""
    source = _seed(draw, seeds, *_OF_INSTRUMENTS)
    name, wrong = names(draw, source.suffix), ""
    content, change = broken_bytes(draw, source.read_bytes())
    if draw(st.integers(0, 3)) == 0:
        old = draw(st.sampled_from(_CHANGED))
        new = draw(st.sampled_from([b"9" * len(old), b" " * len(old), bytes(len(old))]))
        content, change = source.read_bytes().replace(old, new, 1), "text"
    if draw(st.integers(0, 3)):
        (folder / name).write_bytes(content)
        wrong = _CUT if change == "cut" and len(content) < 100 else ""
        inner = draw(st.sampled_from(["", "", "", "", "::measurements", "::1", "::x"]))
        command = _reading(draw, name + inner, wrong=wrong)
    else:
        (folder / "set").mkdir()
        for number in range(3):
            shutil.copy(source, folder / "set" / f"{number}{source.suffix}")
        (folder / "set" / f"1{source.suffix}").write_bytes(content)
        given = draw(st.sampled_from(["set", f"set/*{source.suffix}", "set/[0-9].*", "*/1*"]))
        command = Command(("inspect", given, "--json"), ("set", "*/1*"))
    options = draw(st.sampled_from([(), (), ("--axes", "yxn"), ("--axes", "nyx"), ("--group-by", "[0-9]"), ("--group-by", "(")]))
    if source.suffix in (".png", ".jpg"):
        options = (*options, "--linear")
    return Command((*command.arguments, *options), command.names, command.wrong)


def _change_card(draw, content: bytearray) -> None:
    """Change the value of a card of a FITS header, or numbers of the data."""
    if draw(st.integers(0, 4)) == 0:
        place = draw(st.integers(2880 // 4, len(content) // 4 - 1)) * 4
        number = draw(st.sampled_from([float("nan"), float("inf"), -1.0, 0.0, 1e38, 1e9]))
        content[place : place + 4] = np.array(number, ">f4").tobytes()
        return
    cards = [place for place in range(0, min(len(content), 200_000), 80) if content[place + 8 : place + 10] == b"= "]
    place = draw(st.sampled_from(cards))
    if draw(st.booleans()):  # the value
        words = st.sampled_from(
            ["T", "F", "0", "1", "-1", "3", "99999", "2147483648", "1E400", "NaN", "'x'", "''", "", "'FREQ'", "'2E400'"]
        )
        content[place + 10 : place + 80] = draw(words | TEXTS.filter(str.isascii)).rjust(20).encode()[:70].ljust(70)
    else:
        key = draw(
            st.sampled_from(
                ["NAXIS", "BITPIX", "PCOUNT", "GCOUNT", "GROUPS", "NAXIS2", "CTYPE2", "TFORM1", "PZERO1", "XTENSION", "END", ""]
            )
        )
        content[place : place + 8] = key.encode().ljust(8)


_CONFIGURATIONS = (
    {"system": {"name": "lensless", "shape": [12, 12]}, "noise": {"noise": "poisson"}},
    {
        "system": {"name": "color-filter-array", "period": [2, 2], "shape": [8, 8]},
        "noise": {"noise": "poisson-gaussian", "gain": 0.45, "read_noise": 1.6, "offset": 100},
        "optimize": {
            **{
                "objects": "natural-fields",
                "photons": 100,
                "count": 40,
                "steps": 2,
                "patience": 0.5,
                "time-limit": "1s",
                "seed": 0,
            },
            **{"starts": ["random", "bayer"], "against": ["bayer"], "models": ["stationary"], "target": "total", "patch": 4},
            **{
                "floors": {"green": 1},
                "rates": {"filters": 1.0},
                "learning-rate": 0.05,
                "objective": "gaussian",
                "search": False,
            },
        },
    },
    {"system": {"name": "led-microscope", "shape": [16, 16], "na": 0.3, "led_na": 0.45, "defocus": 1.5, "magnification": 10.0}},
    {
        "system": {"name": "interferometer", "array": "EHT2017", "shape": [12, 12]},
        "objects": {"name": "black-hole-rings", "size": 12},
    },
    {"system": {"name": "diffraction-limited", "shape": [12]}},
    {
        "system": {
            **{"encoder": "own_optics:encode", "shape": [8, 8], "linear": True, "settings": {"gain": 1.0}},
            "parameters": {"pupil": {"value": [[1.0, 2.0], [3.0, 4.0]], "minimum": 0.0, "maximum": 5.0}},
        },
    },
)
_OWN_OPTICS = "def encode(params, scene, **settings):\n    return scene * params['pupil'].sum() / 10\n"


def _toml(draw, seeds: Path, folder: Path) -> Command:
    name = names(draw, ".toml")
    tree = draw(st.sampled_from(_CONFIGURATIONS))
    kind = draw(st.sampled_from(["tree", "tree", "tree", "tree", "bytes", "text"]))
    if kind == "text":
        text = draw(
            st.sampled_from(["[" * 5000, "a = " + "[" * 3000, "[system", "", "\x00", "a=1\na=2", "[[system]]\nname=1"]) | TEXTS
        )
        content = text.encode("utf-8", "replace")
    else:
        content = as_toml(broken_tree(draw, tree, changes=3) if kind == "tree" else tree).encode("utf-8", "surrogatepass")
        if kind == "bytes":
            content, _ = broken_bytes(draw, content)
    (folder / name).write_bytes(content)
    (folder / "own_optics.py").write_text(_OWN_OPTICS)
    argument = f"./{name}" if name.startswith("-") else name
    small = _is_small(content)
    which = draw(st.sampled_from(["systems", "systems", "systems", "simulate", "optimize", "optimize"])) if small else "systems"
    if which == "systems":
        return Command(("systems", argument, *draw(st.sampled_from([(), ("--json",)]))), _shown(name))
    if which == "simulate":
        objects = draw(st.sampled_from(["beads", "natural-fields", "faces", "black-hole-rings"]))
        return Command(
            ("simulate", argument, objects, "-n", "4", "-o", "out.h5"),
            (*_shown(name), objects),
            outputs=("out.h5", "__pycache__"),
        )
    return Command(
        ("optimize", "--config", argument, "--count", "20", "--steps", "1"),
        _shown(name),
        outputs=("__pycache__",),
        cpu_seconds=120,
    )


def _is_small(content: bytes) -> bool:
    """Return whether a configuration asks for work that a test can wait for; a large one is only shown."""
    try:
        tree = tomllib.loads(content.decode())
    except (ValueError, RecursionError):
        return True
    numbers = [value for value in _leaves(tree) if isinstance(value, int | float) and not isinstance(value, bool)]
    return all(abs(number) < 1000 or abs(number) > 1e6 for number in numbers)


def _leaves(tree):
    items = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else None
    return [tree] if items is None else [leaf for item in items for leaf in _leaves(item)]


def _models(draw, seeds: Path, folder: Path) -> Command:
    name = names(draw, ".h5")
    path = folder / name
    shutil.copy(seeds / "models" / f"{draw(st.sampled_from(MODELS))}.h5", path)
    wrong = ""
    if draw(st.booleans()):
        content, change = broken_bytes(draw, path.read_bytes())
        path.write_bytes(content)
        wrong = _CUT if change == "cut" else ""
    else:
        with h5py.File(path, "r+") as file:
            for _ in range(draw(st.integers(1, 2))):
                _change_hdf5(draw, file)
            attributes = [key for key in file.attrs if key not in ("checksum",)]
            if attributes and draw(st.booleans()):
                key = draw(st.sampled_from(attributes))
                _replace_attribute(file, key, draw(LEAVES))
            if draw(st.booleans()) and "checksum" in file.attrs:  # as of files that older releases wrote
                del file.attrs["checksum"]
    argument = f"./{name}" if name.startswith("-") else name
    if draw(st.integers(0, 3)) == 0:
        shutil.copy(seeds / "plain.h5", folder / "m.h5")
        return Command(("estimate", "m.h5", "--patch", "8", "--load-model", argument), (*_shown(name), "m.h5"), wrong)
    size = draw(st.sampled_from([(), (), ("--size", "16"), ("--size", "0"), ("--size", "5x700")]))
    output = draw(st.sampled_from([(), (), ("--out", "out.npy"), ("--json",)]))
    return Command(("sample", argument, "-n", "4", *size, *output), _shown(name), wrong, outputs=("out.npy",))


def _replace_attribute(file, key: str, value) -> None:
    try:
        file.attrs[key] = "" if value is None else value
    except (ValueError, TypeError, OSError, RuntimeError, OverflowError):
        return


def _run_folders(draw, seeds: Path, folder: Path) -> Command:
    resumed = draw(st.integers(0, 3)) == 0
    kinds = ["estimate", "design", "unfinished", "failed", "reproduction"]
    source = seeds / "models" / "run" if resumed else seeds / "runs" / draw(st.sampled_from(kinds))
    path = folder / "run"
    shutil.copytree(source, path)
    for _ in range(draw(st.integers(1, 2))):
        _change_run(draw, path)
    if resumed:
        shutil.copy(seeds / "plain.h5", folder / "a.h5")
        more = draw(st.sampled_from([(), ("--resume",), ("--force",)]))
        return Command(("estimate", "a.h5", *_FAST, "--out", "run", *more), ("run", "a.h5"))
    title = draw(st.sampled_from([(), (), ("--title", draw(TEXTS.filter(lambda text: not text.startswith("-"))))]))
    return Command(("report", "run", "-o", "page.html", *title), ("run",), outputs=("page.html",))


def _change_run(draw, path: Path) -> None:
    files = sorted(file for file in path.rglob("*") if file.is_file())
    if not files:
        return
    kind = draw(st.sampled_from(["json", "json", "json", "json", "bytes", "delete", "folder", "text"]))
    record = path / "run.json"
    if kind == "json" and record.is_file():
        try:
            record.write_text(as_json(broken_tree(draw, json.loads(record.read_text()), changes=3)))
        except (ValueError, RecursionError):  # an earlier change has made it no JSON
            return
        return
    file = draw(st.sampled_from(files))
    if kind == "text":
        file.write_text(
            draw(st.sampled_from(["", "[]", "null", "{", "[" * 5000, '{"a":' * 3000, "1e999", '{"status": "finished"}']))
        )
    elif kind == "bytes":
        file.write_bytes(broken_bytes(draw, file.read_bytes())[0])
    else:
        file.unlink()
        if kind == "folder":
            file.mkdir()


_NOISE = ["--noise", "--sigma", "--gain", "--offset", "--read-noise"]
_FILE = [*_NOISE, "--axes", "--floor", "--saturation", "--source", "--freqsel", "--subarray", "--weight-scale"]
_OPTIONS = {
    "inspect": [*_FILE, "--follow-links"],
    "estimate": [
        *_FILE,
        "--groups",
        "--model",
        "--patch",
        "--period",
        "--max-patches",
        "--effort",
        "--time-limit",
        "--load-model",
        "--confidence",
        "--seed",
        "--plot",
        "--save-model",
        "--labels",
        "--allow-clipped",
        "--keep-unwritten",
        "--follow-links",
        "--out",
        "--resume",
        "--all-pairs",
    ],
    "sample": ["--size", "--seed", "-n", "--plot", "--out"],
    "systems": ["--design", "--set", "--design-seed", "--plot"],
    "simulate": [
        "--design",
        "--photons",
        *_NOISE,
        "--set",
        "--seed",
        "--noise-seed",
        "--design-seed",
        "-n",
        "-o",
    ],
    "report": ["-o", "--title"],
    "data show": ["--set", "--kind", "--size", "--seed", "--plot"],
    "optimize": [
        "--config",
        "--objective",
        "--target",
        "--start",
        "--floor",
        "--against",
        "--choose",
        "--keep",
        "--method",
        "--learning-rate",
        "--rate",
        "--patience",
        "--time-limit",
        "--photons",
        "--noise",
        "--sigma",
        "--gain",
        "--set",
        "--model",
        "--patch",
        "--effort",
        "--seed",
    ],
}
_FLAGS = ("--labels", "--allow-clipped", "--keep-unwritten", "--follow-links", "--resume", "--all-pairs")
_SYSTEMS = ["lensless", "color-filter-array", "lensless-lenslets", "led-microscope", "interferometer", "diffraction-limited"]
_SETTINGS = [
    "shape",
    "period",
    "defocus",
    "na",
    "objects.size",
    "objects.count",
    "sigma",
    "array",
    "psf",
    "x",
    "magnification",
    "mask",
]
_OPTION_VALUES = st.one_of(
    TEXTS,
    NUMBERS.filter(lambda number: not 300 < abs(number) < 10**8).map(str),
    st.sampled_from(
        ["poisson", "gaussian", "poisson-gaussian", "complex-gaussian", "nyx", "nyxc", "tzcyx", "n", "xx", "8x8", "0x0", "1s"]
    )
    | st.sampled_from(
        ["a.h5", "missing.h5", ".", "folder", "a.png", "a.svg", "a.pdf", "a.xyz", "no/where.png", "all", "none", "2h", "1e9h"]
    )
    | st.sampled_from(
        ["total", "chroma", "region:0-4,0-4", "region:9-1", "label", "red=3", "1e3 luminance", "bayer", "random", "stationary"]
    ),
    st.tuples(st.sampled_from(_SETTINGS), VALUES).map(lambda pair: f"{pair[0]}={as_json(pair[1])}"),
)


_NUMERIC = [
    *["--sigma", "--gain", "--offset", "--read-noise", "--floor", "--saturation"],
    *["--effort", "--confidence", "--photons", "--learning-rate", "--patience", "--weight-scale"],
]
_WHOLE = [
    *["--freqsel", "--subarray", "--seed", "--noise-seed", "--design-seed", "--max-patches"],
    *["--patch", "--period", "-n", "--size", "--choose", "--groups"],
]
_WORDS = {
    "--noise": ["poisson", "gaussian", "poisson-gaussian", "complex-gaussian"],
    "--axes": ["nyx", "nxy", "yxn", "tyx", "n", "nn", "nyxc", "v"],
    "--model": ["stationary", "full", "all", "x"],
    "--time-limit": ["1s", "0s", "1e9h", "-1s", "2"],
    "--plot": ["a.png", "a.svg", "a.pdf", "a.xyz", "folder", "no/where.png", "a.h5"],
    "--out": ["out.npy", "out.h5", "folder", "a.h5", "run", "x" * 300],
    "--design": ["bayer", "one-lens", "random", "a.h5", "0"],
    "--target": ["total", "chroma", "red", "red + 2 blue", "region:0-4,0-4", "region:9-1", "label", "1e400 red"],
    "--start": ["random", "bayer", "a.h5", "x"],
    "--against": ["all", "none", "bayer", "x"],
    "--objective": ["gaussian", "samples", "x"],
    "--method": ["adam", "line-search", "x"],
    "--kind": ["radiance", "transmission", "sky", "x"],
    "--save-model": ["out.h5", "a.h5", "folder", "a.png"],
    "--load-model": ["a.h5", "folder", "x.h5"],
}


def _option_value(draw, option: str) -> str:
    """Return a value of the type that an option takes, or, one time in five, anything."""
    if draw(st.integers(0, 4)) == 0:
        return draw(_OPTION_VALUES)
    if option in _NUMERIC:
        return str(draw(NUMBERS))
    if option in _WHOLE:
        return str(draw(st.integers(-1, 40) | st.sampled_from([0, 2**31, 2**63, 10**30])))
    if option == "--set":
        return f"{draw(st.sampled_from(_SETTINGS))}={as_json(draw(VALUES))}"
    return draw(st.sampled_from(_WORDS[option]) if option in _WORDS else _OPTION_VALUES)


def _options(draw, seeds: Path, folder: Path) -> Command:
    command = draw(
        st.sampled_from(
            ["inspect", "inspect", "estimate", "estimate", "sample", "systems", "simulate", "report", "data show", "optimize"]
        )
    )
    shutil.copy(seeds / "plain.h5", folder / "a.h5")
    shutil.copytree(seeds / "runs" / "estimate", folder / "run")
    (folder / "folder").mkdir()
    arguments = {
        "inspect": ["a.h5"],
        "estimate": ["a.h5", *draw(st.sampled_from([_FAST, _FAST, _FAST[:2]]))],
        "sample": ["m.h5", "-n", "3"],
        "systems": [draw(st.sampled_from(_SYSTEMS) | TEXTS)],
        "simulate": [draw(st.sampled_from(_SYSTEMS[:2])), "beads", "-n", "3", "-o", "out.h5"],
        "report": ["run"],
        "data show": [draw(st.sampled_from(["beads", "faces", "natural-fields", "two-points"]) | TEXTS)],
        "optimize": [
            "color-filter-array",
            "natural-fields",
            "--set",
            "period=[2,2]",
            "--set",
            "shape=[4,4]",
            "--steps",
            "1",
            "-n",
            "20",
        ],
    }[command]
    if command == "sample":
        shutil.copy(seeds / "models" / "stationary.h5", folder / "m.h5")
    options = []
    for _ in range(draw(st.integers(1, 3))):
        option = draw(st.sampled_from(_OPTIONS[command]))
        value = "" if option in _FLAGS else _option_value(draw, option)
        options.append(option if option in _FLAGS else f"{option}={value}" if option[1] == "-" else f"{option}{value}")
    if draw(st.integers(0, 15)) == 0:
        options.append(draw(TEXTS))
    outputs = (*tuple(option.partition("=")[2] or option[2:] for option in options), "out.h5", "report.html", "run", "no")
    words = tuple(
        word.encode("utf-8", "surrogateescape").decode("utf-8", "replace") for word in (*command.split(), *arguments, *options)
    )
    if any("\x00" in word for word in words):  # no shell hands these over
        words = tuple(word.replace("\x00", "") for word in words)
    return Command(words, (), outputs=outputs, cpu_seconds=120)


GROUPS = {
    "npy": _npy,
    "npz": _npz,
    "hdf5": _hdf5,
    "tiff": _tiff,
    "zarr": _zarr,
    "uvfits": _uvfits,
    "instruments": _instruments,
    "toml": _toml,
    "models": _models,
    "runs": _run_folders,
    "options": _options,
}
