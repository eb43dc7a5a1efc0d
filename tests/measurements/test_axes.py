"""Axes by letters, names of axes in files, and shapes that look like other axes."""

import itertools
import tracemalloc

import h5py
import numpy as np
import pytest
import tifffile

from ideal.errors import DataError, UsageError
from ideal.measurements.measurement_set import from_arrays, open_measurements, write_measurements

SIZES = {"n": 6, "t": 4, "z": 3, "c": 3, "y": 10, "x": 12, "v": 11, "s": 2}
LETTERS = [
    "nyx",
    "yxn",
    "ncyx",
    "nyxc",
    "cyxn",
    "yxcn",
    "tzcyx",
    "cztyx",
    "ntyx",
    "znyx",
    "tyx",
    "nv",
    "vn",
    "nvt",
    "yx",
    "cyx",
    "ncyxs",
]


def stored(letters, dtype=np.uint16):
    shape = [SIZES[letter] for letter in letters]
    return np.random.default_rng(len(letters)).integers(0, 999, shape).astype(dtype)


def arranged(array, letters):
    """The same by whole transposition, from the words of the documentation."""
    samples = [i for i, letter in enumerate(letters) if letter in "ntz"]
    pixels = [letters.index(letter) for letter in ("v" if "v" in letters else "yx")]
    channels = [i for i, letter in enumerate(letters) if letter in "cs"]
    shape = [array.shape[i] for i in pixels] + ([-1] if channels else [])
    count = int(np.prod([array.shape[i] for i in samples]))
    return array.transpose(*samples, *pixels, *channels).reshape(count, *shape)


def write(path, array):
    """Write an array in the format of the path's ending, without a word on its axes."""
    if path.suffix == ".npy":
        np.save(path, array)
    elif path.suffix == ".npz":
        np.savez(path, frames=array)
    elif path.suffix == ".h5":
        with h5py.File(path, "w") as file:
            file.create_dataset("frames", data=array, chunks=True)
    elif path.suffix == ".zarr":
        zarr = pytest.importorskip("zarr")
        zarr.create_array(str(path), shape=array.shape, dtype=array.dtype)[:] = array
    return path


@pytest.mark.parametrize("ending", ["npy", "npz", "h5", "zarr"])
@pytest.mark.parametrize("letters", LETTERS)
def test_every_order_in_every_format_reads_as_sample_row_column_channel(tmp_path, letters, ending):
    array = stored(letters)
    truth = arranged(array, letters)
    with open_measurements(write(tmp_path / f"a.{ending}", array), axes=letters.upper()) as measured:
        assert measured.shape == truth.shape
        assert measured.axes == letters
        for start, stop in itertools.combinations(range(0, len(truth) + 1, 2), 2):
            assert np.array_equal(measured.read_raw(start, stop), truth[start:stop])
        if truth.ndim > 2:
            assert np.array_equal(measured.read_raw(0, len(truth), slice(2, 5)), truth[:, 2:5])


@pytest.mark.parametrize(
    ("letters", "groups"),
    [
        ("ntyx", np.repeat(np.arange(6), 4)),  # a field is one n
        ("tzcyx", np.repeat(np.arange(4), 3)),  # without n, one t
        ("ztyx", np.tile(np.arange(4), 3)),
        ("zyx", np.zeros(3)),  # without n and t, all planes are of one field
        ("tyx", None),
        ("nyx", None),
    ],
)
def test_planes_of_one_field_count_as_one_source(letters, groups):
    measured = from_arrays(stored(letters), axes=letters)
    assert measured.has_groups == (groups is not None)
    if groups is None:
        assert not measured.findings
    else:
        assert np.array_equal(measured.groups, groups)
        (finding,) = measured.findings
        assert (finding.name, finding.severity) == ("planes-grouped", "note")
        assert finding.figures["fields"] == len(np.unique(groups))
        assert finding.figures["planes"] == len(groups)


def test_what_goes_with_the_measurements_follows_their_axes():
    array, rng = stored("nzcyx"), np.random.default_rng(1)
    truth = arranged(array, "nzcyx")
    sigma = rng.uniform(1, 2, array.shape[2:])
    parts = {"clean": array * 2.0, "groups": [5, 5, 5, 7, 7, 7], "labels": list("abcabc"), "objects": rng.random((6, 2))}
    measured = from_arrays(array, **parts, sigma=sigma, noise="gaussian", axes="nzcyx")
    assert np.array_equal(measured.read_clean(0, 18), truth * 2.0)
    assert np.array_equal(measured.groups, np.repeat(parts["groups"], 3))
    assert measured.labels.tolist() == np.repeat(parts["labels"], 3).tolist()
    assert np.array_equal(measured.read_objects(2, 7), np.repeat(parts["objects"], 3, axis=0)[2:7])
    assert np.array_equal(measured.sigma, np.moveaxis(sigma, 0, -1))
    every = rng.uniform(1, 2, array.shape)
    measured = from_arrays(array, sigma=every, noise="gaussian", axes="nzcyx")
    assert np.array_equal(measured.read_sigma(3, 5), arranged(every, "nzcyx")[3:5])


@pytest.mark.parametrize(
    ("letters", "words"),
    [
        ("nyq", "no axis is called 'q'"),
        ("nyy", "y stands twice"),
        ("nx", "name neither images"),
        ("nyxv", "name neither images"),
        ("ncv", "name neither images"),
        ("", "name neither images"),
        ("nyxc", "name 4 axes, the measurements have 3"),
    ],
)
def test_axes_without_meaning(letters, words):
    with pytest.raises(UsageError, match=words):
        from_arrays(stored("nyx"), axes=letters)


def test_complex_vectors_may_have_their_samples_last():
    values = stored("vn") + 1j
    assert np.array_equal(from_arrays(values, axes="vn").read(0, 6), values.T)


@pytest.mark.parametrize("letters", ["ncyx", "yxcn", "nyx", "cyx", "ntcyx"])
def test_points_of_complex_pictures_are_samples_of_the_source_that_they_lie_in(letters):
    rng = np.random.default_rng(0)
    shape = [{"n": 3, "t": 2, "c": 4, "y": 5, "x": 6}[letter] for letter in letters]
    values = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    measured = from_arrays(values, axes=letters)
    order = [letters.index(letter) for letter in sorted(letters, key=lambda letter: ("c" in letter, letters.index(letter)))]
    expected = values.transpose(order).reshape(-1, 4 if "c" in letters else 1)
    assert np.array_equal(measured.read_raw(0, len(measured)), expected)
    assert np.array_equal(measured.read_raw(7, 11), expected[7:11])
    key = "n" if "n" in letters else "y"
    places = np.indices(shape)[letters.index(key)].transpose(order).reshape(len(expected), -1)[:, 0]
    assert np.array_equal(measured.groups, places)
    assert measured.findings[0].name == "planes-grouped"


@pytest.mark.parametrize("ending", ["npy", "h5"])
def test_samples_that_stand_last_are_read_in_little_memory(tmp_path, ending):
    path, shape = tmp_path / f"a.{ending}", (64, 64, 200_000)  # 1.6 GB of uint16; the file is sparse
    if ending == "npy":
        np.lib.format.open_memmap(path, "w+", np.uint16, shape)[3, 5, 150_000] = 7
    else:
        with h5py.File(path, "w") as file:
            frames = file.create_dataset("frames", shape, np.uint16, chunks=(64, 64, 1000))
            frames[3, 5, 150_000] = 7
    tracemalloc.start()
    try:
        with open_measurements(path, axes="yxn") as measured:
            assert measured.read(150_000, 150_001)[0, 3, 5] == 7
            assert measured.read(149_990, 150_010).sum() == 7
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 400e6


# Names in files


@pytest.mark.parametrize("how", ["labels", "scales", "attribute", "words", "nxdata"])
def test_names_of_axes_in_hdf5(tmp_path, how):
    array = stored("ncyx")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        frames = file.create_dataset("entry/frames", data=array)
        if how == "labels":
            for dimension, label in zip(frames.dims, ("frame", "channel", "Y", "X"), strict=True):
                dimension.label = label
        elif how == "scales":
            for i, name in enumerate(("fov", "band", "row", "column")):
                file[name] = np.arange(array.shape[i])
                file[name].make_scale(name)
                frames.dims[i].attach_scale(file[name])
        elif how == "attribute":
            frames.attrs["axes"] = "NCYX"
        elif how == "words":
            frames.attrs["_ARRAY_DIMENSIONS"] = ["sample", "channel", "y", "x"]
        else:
            file["entry"].attrs.update({"signal": "frames", "axes": ["scan", "channel", "y", "x"]})
    with open_measurements(f"{tmp_path / 'a.h5'}::entry/frames") as measured:
        assert np.array_equal(measured.read(0, 6), arranged(array, "ncyx"))
    with open_measurements(f"{tmp_path / 'a.h5'}::entry/frames", axes="nyxc") as measured:  # the user knows better
        assert measured.shape == array.shape


@pytest.mark.parametrize(
    "names", [["energy", "angle", "distance", "time"], ["y", "y", "x", "c"], ["", "c", "y", "x"], [".", "c", "y", "x"]]
)
def test_names_that_name_no_images_are_left_alone(tmp_path, names):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["frames"] = stored("nyxc")
        file["frames"].attrs["axes"] = names
    with open_measurements(tmp_path / "a.h5") as measured:
        assert measured.shape == stored("nyxc").shape


def test_our_own_files_say_their_axes_in_an_attribute(tmp_path):
    array = stored("ncyx")
    write_measurements(tmp_path / "a.h5", array, noise="poisson", clean=array * 1.0)
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file["measurements"].attrs["axes"] = "ncyx"
    with open_measurements(tmp_path / "a.h5") as measured:
        assert np.array_equal(measured.read(0, 6), arranged(array, "ncyx"))
        assert np.array_equal(measured.read_clean(0, 6), arranged(array, "ncyx"))


@pytest.mark.parametrize("version", [2, 3])
def test_names_of_axes_in_zarr(tmp_path, version):
    zarr = pytest.importorskip("zarr")
    array = stored("ncyx")
    options = {"dimension_names": ["fov", "c", "y", "x"]} if version == 3 else {"attributes": {"_ARRAY_DIMENSIONS": list("tcyx")}}
    made = zarr.create_array(str(tmp_path / "a.zarr"), shape=array.shape, dtype=array.dtype, zarr_format=version, **options)
    made[:] = array
    with open_measurements(tmp_path / "a.zarr") as measured:
        assert np.array_equal(measured.read(0, 6), arranged(array, "ncyx"))


@pytest.mark.parametrize("version", [2, 3])
def test_the_full_level_of_an_ome_zarr_picture(tmp_path, version):
    zarr = pytest.importorskip("zarr")
    array = stored("tczyx")
    root = zarr.open_group(str(tmp_path / "a.ome.zarr"), mode="w", zarr_format=version)
    for level in (0, 1):
        part = array[..., :: level + 1, :: level + 1]
        root.create_array(f"s{level}", shape=part.shape, dtype=part.dtype)[:] = part
    axes = [{"name": name, "type": "space"} for name in "tczyx"]
    image = {"version": "0.4", "axes": axes, "datasets": [{"path": "s0"}, {"path": "s1"}]}
    root.attrs.update({"multiscales": [image]} if version == 2 else {"ome": {"version": "0.5", "multiscales": [image]}})
    for name in ("a.ome.zarr", "a.ome.zarr::s0"):
        with open_measurements(tmp_path / name) as measured:
            assert np.array_equal(measured.read(0, 12), arranged(array, "tczyx"))
            assert np.array_equal(measured.groups, np.repeat(np.arange(4), 3))
    with open_measurements(tmp_path / "a.ome.zarr::s1") as measured:
        assert measured.shape == (12, 5, 6, 3)


def test_letters_may_count_the_axes_of_length_one_that_tiff_readers_leave_out(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", stored("tyx"), imagej=True, metadata={"axes": "TYX"})
    with open_measurements(tmp_path / "a.tif", axes="tzcyx") as measured:
        assert np.array_equal(measured.read(0, 4), stored("tyx"))


# Shapes that look like others


def scenes(count, rows=32, columns=32, mean=100.0, blur=1.5, seed=0):
    frequency = np.fft.fftfreq(rows)[:, None], np.fft.fftfreq(columns)
    low = np.exp(-2 * (np.pi * blur) ** 2 * (frequency[0] ** 2 + frequency[1] ** 2))
    white = np.random.default_rng(seed).standard_normal((count, rows, columns))
    field = np.fft.ifft2(np.fft.fft2(white) * low).real
    return mean * np.exp(0.6 * field / field.std() - 0.18)


def counts(mean, seed=1):
    return np.random.default_rng(seed).poisson(mean).astype(np.uint16)


RGB = np.array([1, 0.5, 0.3])
WRONG = {  # what somebody gives: the array, and the letters that it needs
    "one channel first": (counts(scenes(60))[:, None], "ncyx"),
    "one channel of 8x8 first": (counts(scenes(90, 8, 8))[:, None], "ncyx"),
    "three channels first": (counts(scenes(60)[:, None] * RGB[:, None, None]), "ncyx"),
    "three channels first, a photon a pixel": (counts(0.01 * scenes(60)[:, None] * RGB[:, None, None]), "ncyx"),
    "four channels first, not square": (counts(scenes(40, 40, 64)[:, None] * np.ones((4, 1, 1))), "ncyx"),
    "five channels first": (counts(scenes(40, 64, 64)[:, None] * np.linspace(0.5, 1, 5)[:, None, None]), "ncyx"),
    "time and planes": (counts(scenes(80)).reshape(4, 20, 32, 32), "ncyx"),
    "samples last": (np.moveaxis(counts(scenes(200)), 0, -1), "yxn"),
    "samples last, a photon a pixel": (np.moveaxis(counts(0.01 * scenes(200)), 0, -1), "yxn"),
    "samples last, large structure": (np.moveaxis(counts(scenes(300, 64, 64, blur=6)), 0, -1), "yxn"),
    "colors, samples last": (np.moveaxis(counts(scenes(200)[..., None] * RGB), 0, -1), "yxcn"),
    "colors first, samples last": (counts(np.moveaxis(scenes(200)[..., None] * RGB, (0, 3), (3, 0))), "cyxn"),
    "one color picture": (counts(scenes(1, 128, 128, blur=3)[0][..., None] * RGB), "yxc"),
}
PATTERN = 100 * np.exp(0.3 * np.random.default_rng(0).standard_normal((1, 32, 32)))
MOVING = scenes(1, 64, 64, blur=2)[0]
RIGHT = {
    "images": counts(scenes(100)),
    "as many images as rows": counts(scenes(32)),
    "as many images as rows, not square": counts(scenes(32, 32, 80)),
    "dim images": counts(0.01 * scenes(100)),
    "8x8": counts(scenes(300, 8, 8)),
    "single pixels": counts(100 * np.ones((300, 1, 1))),
    "lines": counts(scenes(200, 1, 64)),
    "two rows": counts(scenes(200, 2, 32)),
    "three columns": counts(scenes(200, 40, 3)),
    "colors": counts(scenes(60)[..., None] * RGB),
    "colors of lines": counts(scenes(200, 1, 64)[..., None] * RGB),
    "one color": counts(scenes(60))[..., None],
    "two channels of 5x5": counts(scenes(90, 5, 5)[..., None] * np.ones(2)),
    "spectra": counts(scenes(30, 16, 16)[..., None] * np.linspace(0.5, 1, 31)),
    "spectra, bands on their own": counts(np.moveaxis(scenes(30 * 31, 16, 16).reshape(30, 31, 16, 16), 1, -1)),
    "spectra of rectangles": counts(scenes(20, 20, 30)[..., None] * np.linspace(0.5, 1, 64)),
    "one large picture": counts(scenes(1, 128, 128)),
    "three pictures": counts(scenes(3, 64, 64)),
    "flat fields": counts(100 * np.ones((40, 32, 32))),
    "flat fields of changing light": counts(
        100 * np.exp(0.5 * np.random.default_rng(0).standard_normal((60, 1, 1))) * np.ones((32, 32))
    ),
    "fixed pattern": counts(np.repeat(PATTERN, 60, 0)),
    "pattern of columns": counts(np.repeat(PATTERN[:, :1].repeat(32, 1), 60, 0)),
    "pattern of columns, as many frames as rows": counts(np.repeat(PATTERN[:, :1].repeat(32, 1), 32, 0)),
    "pattern of rows": counts(np.repeat(PATTERN[:, :, :1].repeat(32, 2), 60, 0)),
    "still video": counts(np.repeat(MOVING[None], 40, 0)),
    "video, moving sideways": counts(np.stack([np.roll(MOVING, k, 1) for k in range(60)])),
    "video, moving down": counts(np.stack([np.roll(MOVING, k, 0) for k in range(60)])),
    "mosaic": counts(scenes(50) * (1 + np.indices((32, 32)).sum(0) % 2)),
    "noise": np.random.default_rng(0).standard_normal((40, 40, 200)),
    "zeros": np.zeros((40, 40, 100)),
    "not a number": np.full((4, 20, 20, 3), np.nan),
    "vectors": counts(scenes(200)[:, 3]),
    "more values than vectors": np.random.default_rng(0).standard_normal((60, 5000)),
    "cut pictures": counts(scenes(40, 40, 33))[:, ::9, ::11],
}


@pytest.mark.parametrize("name", WRONG)
def test_a_shape_that_is_surely_another_is_refused_with_the_axes_to_type(name):
    array, letters = WRONG[name]
    with pytest.raises(UsageError, match=rf"looks like .*: type --axes {letters}[ ,].*--axes nyxc? to keep it as read"):
        from_arrays(array)
    kept = "nyx" if array.ndim == 3 else "nyxc"
    assert from_arrays(array, axes=kept).shape == array.shape
    truth = arranged(array, letters)
    assert from_arrays(array, axes=letters).shape == (truth.shape[:-1] if truth.shape[-1] == 1 else truth.shape)


@pytest.mark.parametrize("name", RIGHT)
def test_right_arrays_stay_silent(name):
    assert not from_arrays(RIGHT[name]).findings


@pytest.mark.parametrize(
    ("array", "letters"),
    [
        (counts(scenes(20, 40, 64)[:, None] * np.linspace(0.5, 1, 12)[:, None, None]), "ncyx"),
        (counts(scenes(20, 10, 30)[..., None] * np.linspace(0.5, 1, 30)), "ncyx"),  # a spectrum of 30 bands: kept
        (counts(scenes(20, 10, 30)[..., None] * (1 + 0.3 * np.sin(np.arange(30) / 3))), "ncyx"),
        (scenes(1, 64, 48, blur=4)[0], "yx"),
        (np.sin(np.add.outer(np.arange(20) / 3, 7 * np.random.default_rng(0).random(400))), "vn"),
    ],
)
def test_doubts_are_told_and_nothing_is_refused(array, letters):
    (finding,) = from_arrays(array).findings
    assert (finding.name, finding.severity) == ("axes-doubtful", "note")
    assert finding.figures["axes"] == letters
    assert f"--axes {letters}" in finding.line


@pytest.mark.parametrize("ending", ["npy", "npz", "h5", "zarr", "tif"])
def test_channels_first_are_refused_in_every_format(tmp_path, ending):
    array, letters = WRONG["three channels first"]
    path = tmp_path / f"a.{ending}"
    if ending == "tif":
        tifffile.imwrite(path, array, photometric="minisblack")
    else:
        write(path, array)
    with pytest.raises(UsageError, match=rf"a.{ending}.*type --axes {letters}"):
        open_measurements(path)
    with open_measurements(path, axes=letters) as measured:
        assert np.array_equal(measured.read(0, 60), np.moveaxis(array, 1, -1))


def test_channels_first_in_a_file_of_ours_are_refused_too(tmp_path):
    write_measurements(tmp_path / "a.h5", WRONG["one channel first"][0], noise="poisson")
    with pytest.raises(UsageError, match="type --axes ncyx"):
        open_measurements(tmp_path / "a.h5")


def test_five_axes_need_letters():
    with pytest.raises(UsageError, match=r"has 5 axes: name each of them, as --axes tzcyx"):
        from_arrays(stored("tzcyx"))


def test_broken_data_are_found_where_they_are_read_and_not_by_the_probe(tmp_path):
    path = write(tmp_path / "a.h5", np.arange(20 * 32 * 32, dtype=np.int64).reshape(20, 32, 32))
    with h5py.File(path, "w") as file:
        frames = file.create_dataset("frames", (20, 32, 32), "u2", chunks=(20, 32, 32), compression="gzip")
        frames.id.write_direct_chunk((0, 0, 0), b"no deflate stream")
    with open_measurements(path) as measured, pytest.raises(DataError, match="cannot be read"):
        measured.read(0, 3)
