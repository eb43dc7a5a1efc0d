"""Sets of pictures: bundled ones as they are, the others from small files of the same layout."""

import gzip
import io
import os
import re
import tarfile

import h5py
import numpy as np
import pytest
from PIL import Image

from ideal.datasets import OBJECTS, _archives, find_objects, make_objects
from ideal.datasets._remote_files import REMOTE, RemoteFile
from ideal.datasets._shared_files import SHARED_FILES
from ideal.datasets.photographs import NAMES, code_values, linear_light, photograph, photograph_tiles
from ideal.errors import DataError, UsageError
from ideal.imaging import Scene

SETS = sorted(name for name, kind in OBJECTS.items() if kind.__module__ == "ideal.datasets.pictures")
GREY, COLOR = Scene("radiance", (16, 16)), Scene("radiance", (16, 16, 3), ("red", "green", "blue"))
SKY, TRANSMISSION = Scene("sky", (16, 16)), Scene("transmission", (16, 16, 2), ("absorption", "phase"))
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


def jpeg(picture):
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=75)
    return np.frombuffer(stream.getvalue(), np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A data folder with few pictures."""
    rng, folder = np.random.default_rng(0), tmp_path_factory.mktemp("shared")
    with h5py.File(folder / "natural_rgb.h5", "w") as file:
        file["kodak/images"] = rng.integers(0, 256, (3, 32, 48, 3), np.uint8)
        file["mcmaster/images"] = rng.integers(0, 256, (2, 40, 40, 3), np.uint8)
        file["bsds500_half/images"] = np.arange(6, dtype=np.uint8)[:, None, None, None] * np.full((1, 20, 20, 3), 40, np.uint8)
        file["bsds500_half/names"] = [b"test/1.jpg", b"train/2.jpg", b"val/3.jpg", b"val/4.jpg", b"test/5.jpg", b"test/6.jpg"]
    with h5py.File(folder / "cifar10.h5", "w") as file:
        flat = np.full((32, 32, 3), 1, np.uint8)
        file["exact/images"] = np.stack([flat * level for level in (10, 20, 30)])
        file["exact/labels"] = np.array([6, 9, 4], np.uint8)
        for part, levels in (("jpeg_train", (100, 110)), ("jpeg_test", (200, 210, 220))):
            files = [jpeg(flat * level) for level in levels]
            file[f"{part}/bytes"] = np.concatenate(files)
            file[f"{part}/offsets"] = np.cumsum([0, *map(len, files)])
            file[f"{part}/labels"] = np.array(levels, np.uint8) % 10
    with h5py.File(folder / "mnist.h5", "w") as file:
        for part, count in (("train", 5), ("test", 3)):
            file[f"{part}/images"] = rng.integers(0, 256, (count, 28, 28), np.uint8)
            file[f"{part}/labels"] = np.arange(count, dtype=np.uint8) + 5 * (part == "test")
    with h5py.File(folder / "fashion_mnist_900.h5", "w") as file:
        file["images"], file["labels"] = rng.integers(0, 256, (4, 28, 28), np.uint8), np.arange(4, dtype=np.uint8)
    with h5py.File(folder / "multispectral.h5", "w") as file:
        file["wavelength_nm"] = np.linspace(400, 700, 4)
        file["chart_and_stuffed_toy/reflectance"] = rng.integers(0, 65536, (4, 64, 64), np.uint16)
    return folder


@pytest.fixture(autouse=True)
def here(folder, tmp_path, monkeypatch):
    """The folder is the data folder, and nothing is downloaded yet."""
    monkeypatch.setenv("IDEAL_DATA", str(folder))
    monkeypatch.setenv("IDEAL_CACHE", str(tmp_path))


def put_download(name, contents, cache, monkeypatch):
    """Put files where downloads go."""
    (cache / name).mkdir()
    for file, content in contents.items():
        (cache / name / file).write_bytes(content)
    monkeypatch.setitem(REMOTE, name, tuple(RemoteFile(file, (), len(content), "") for file, content in contents.items()))


def idx(array):
    header = b"\0\0\x08" + bytes([array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return gzip.compress(header + array.tobytes())


def mnist_files(rng):
    train, test = rng.integers(0, 256, (6, 28, 28), np.uint8), rng.integers(0, 256, (2, 28, 28), np.uint8)
    labels = np.arange(8, dtype=np.uint8)
    return np.concatenate([train, test]), {
        "train-images-idx3-ubyte.gz": idx(train),
        "train-labels-idx1-ubyte.gz": idx(labels[:6]),
        "t10k-images-idx3-ubyte.gz": idx(test),
        "t10k-labels-idx1-ubyte.gz": idx(labels[6:]),
    }


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("scene", [GREY, COLOR, SKY, TRANSMISSION], ids=["grey", "color", "sky", "transmission"])
def test_every_set_gives_every_kind_of_scene(name, scene):
    objects = make_objects(name)
    source = objects.open(scene, 1)
    found = source.read(0, min(4, source.count or 4))
    assert found.scenes.shape == (len(found.groups), *scene.shape)
    assert found.scenes.dtype == np.float32
    assert found.groups.dtype == np.int64
    assert 0 <= found.scenes.min() <= found.scenes.max() <= (2.31 if scene is TRANSMISSION else 1 + 1e-6)
    if scene is SKY:
        np.testing.assert_allclose(found.scenes.sum((1, 2)), 1, rtol=1e-5)
    else:
        assert np.ptp(found.scenes) > 0
    assert (found.labels is None) == (not source.classes)
    if source.classes:
        assert set(found.labels) <= set(range(len(source.classes)))


@pytest.mark.parametrize("name", SETS)
def test_every_set_has_a_preview(name):
    objects = make_objects(name, **({"fit": "resize"} if name in ("kodak", "mcmaster", "multispectral") else {}))
    assert objects.preview.kind == objects.kinds[0]
    assert objects.open(objects.preview).read(0, 2).scenes.shape[1:] == objects.preview.shape


@pytest.mark.parametrize(("name", "others"), [("photographs", "cifar10"), ("mnist", "multispectral")])
def test_bands_are_for_multispectral_pictures(name, others):
    scene = Scene("radiance", (8, 8, 2), ("450 nm", "650 nm"))
    with pytest.raises(UsageError, match="multispectral"):
        make_objects(name).open(scene)
    found = make_objects("multispectral").open(scene).read(0, 3)
    assert found.scenes.max() <= 0.5


@pytest.mark.parametrize(
    ("name", "settings"), [("mnist", {"split": "tset"}), ("cifar10", {"fit": "corp"}), ("bsds500", {"split": 1})]
)
def test_settings_are_checked(name, settings):
    with pytest.raises(UsageError, match=name):
        make_objects(name, **settings)


def test_photographs_are_those_of_scikit_image():
    found = make_objects("photographs").open(Scene("radiance", (300, 384))).read(0, 12)
    np.testing.assert_array_equal(np.sort(found.groups), np.arange(12))
    coins = NAMES.index("coins")
    light = photograph("coins")  # 303 x 384: a crop has all columns
    scene = found.scenes[list(found.groups).index(coins)]
    assert min(np.abs(scene - light[row : row + 300]).max() for row in range(4)) < 1e-6
    np.testing.assert_allclose(photograph("coffee"), linear_light(code_values("coffee")) @ LUMINANCE)


def test_color_scenes_are_made_of_color_photographs():
    found = make_objects("photographs").open(COLOR).read(0, 60)
    assert len(np.unique(found.groups)) == sum(code_values(name).ndim == 3 for name in NAMES) == 5
    assert np.ptp(found.scenes, axis=-1).max() > 0.1
    grey = make_objects("photographs", grey=True).open(COLOR).read(0, 60)
    assert len(np.unique(grey.groups)) == 12
    assert not np.ptp(grey.scenes, axis=-1).any()


def test_tiles_of_the_demo_are_as_before():
    tiles, groups = photograph_tiles(144)
    assert tiles.shape == (99, 144, 144)
    assert len(np.unique(groups)) == 12
    assert abs(tiles.mean() - 1) < 0.1


def test_splits_of_the_photographs():
    levels = {split: make_objects("bsds500", split=split).open(GREY).read(0, 6).scenes for split in ("train", "val", "test")}
    numbers = {split: set(np.unique(scenes)) for split, scenes in levels.items()}
    assert [len(numbers[split]) for split in ("train", "val", "test")] == [1, 2, 3]
    assert not numbers["train"] & numbers["val"]


def test_exact_pictures_come_before_copies():
    def codes(found):
        light = found.scenes[:, 8, 8].astype(float)
        return np.round(255 * np.where(light > 0.0031308, 1.055 * light ** (1 / 2.4) - 0.055, 12.92 * light)).astype(int)

    found = make_objects("cifar10").open(GREY).read(0, 8)
    assert set(codes(found)[:3]) == {10, 20, 30}
    np.testing.assert_allclose(np.sort(codes(found)[3:]), [100, 110, 200, 210, 220], atol=2)  # JPEG
    exact = dict(zip((10, 20, 30), (6, 9, 4), strict=True))
    assert [exact[code] for code in codes(found)[:3]] == list(found.labels[:3])
    assert set(found.labels[3:]) == {0}
    test = make_objects("cifar10", split="test").open(GREY).read(0, 3)
    np.testing.assert_allclose(np.sort(codes(test)), [200, 210, 220], atol=2)
    assert make_objects("cifar10").open(GREY).classes[9] == "truck"


def test_digits_are_padded_or_resized_whole():
    padded = make_objects("mnist").open(Scene("radiance", (40, 40)))
    assert padded.count == 8
    found = padded.read(0, 8)
    np.testing.assert_array_equal(np.sort(found.labels), np.arange(8))
    assert not found.scenes[:, :6].any()
    assert found.scenes[:, 6:34, 6:34].any((1, 2)).all()
    assert make_objects("mnist").open(GREY).fit == "resize"
    assert make_objects("mnist", split="test").open(GREY).count == 3


def test_a_download_comes_before_the_data_folder(tmp_path, monkeypatch):
    images, files = mnist_files(np.random.default_rng(1))
    put_download("mnist", files, tmp_path, monkeypatch)
    scene = Scene("radiance", (28, 28))
    found = make_objects("mnist").open(scene).read(0, 8)
    np.testing.assert_allclose(found.scenes, linear_light(images[found.groups]), rtol=1e-6)
    np.testing.assert_array_equal(found.labels, found.groups)
    assert make_objects("mnist", split="train").open(scene).count == 6
    assert set(make_objects("mnist", split="test").open(scene).read(0, 2).labels) == {6, 7}
    assert set(make_objects("mnist", source="IDEAL_DATA", split="test").open(scene).read(0, 3).labels) == {5, 6, 7}


def test_the_binary_archive_is_read_as_written(tmp_path, monkeypatch):
    monkeypatch.setattr(_archives, "_CIFAR_BATCH", 2)
    rng, stream = np.random.default_rng(2), io.BytesIO()
    images, labels = rng.integers(0, 256, (12, 32, 32, 3), np.uint8), np.arange(12, dtype=np.uint8) % 10
    records = np.concatenate([labels[:, None], images.transpose(0, 3, 1, 2).reshape(12, -1)], axis=1)
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for place, name in enumerate(("test_batch", *(f"data_batch_{n}" for n in (3, 1, 2, 4, 5)))):
            number = 5 if place == 0 else int(name[-1]) - 1  # the archive is not in order
            content = records[2 * number : 2 * number + 2].tobytes()
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}.bin")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    put_download("cifar10", {"cifar-10-binary.tar.gz": stream.getvalue()}, tmp_path, monkeypatch)
    scene = Scene("radiance", (32, 32, 3), ("red", "green", "blue"))
    found = make_objects("cifar10").open(scene).read(0, 12)
    np.testing.assert_allclose(3 * found.scenes, linear_light(images[found.groups]), rtol=1e-5)
    np.testing.assert_array_equal(found.labels, labels[found.groups])
    assert set(make_objects("cifar10", split="test").open(scene).read(0, 2).labels) == {0, 1}


# Named, for gzip writes the time of day into what would be the names, and two processes must collect the same tests.
@pytest.mark.parametrize(
    "content",
    [b"no archive", gzip.compress(b"nothing of the kind"), idx(np.zeros((2, 3), np.uint8))[:-9]],
    ids=["no archive", "other content", "cut short"],
)
def test_damaged_downloads_are_told(content, tmp_path):
    path = tmp_path / "file.gz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"file.gz is no gzipped IDX file .*download it again"):
        _archives.read_idx(path)
    with pytest.raises(DataError, match=r"file.gz is not the binary version .*download it again"):
        _archives.read_cifar(path, "all")


@pytest.mark.parametrize("name", ["kodak", "cifar10", "mnist", "fashion-mnist", "multispectral"])
def test_what_is_not_here_says_how_to_get_it(name, monkeypatch, tmp_path):
    how = "IDEAL_DATA" if name in ("kodak", "multispectral") else f"ideal data fetch {name}"
    monkeypatch.delenv("IDEAL_DATA")
    with pytest.raises(DataError, match=how):
        make_objects(name).open(GREY)
    monkeypatch.setenv("IDEAL_DATA", str(tmp_path))
    with pytest.raises(DataError, match=how):
        make_objects(name).open(GREY)


@pytest.mark.parametrize("name", SHARED_FILES)
def test_what_is_only_in_the_data_folder_says_where_it_is_from(name, monkeypatch, tmp_path):
    settings = (
        {"source": "hl60"} if name == "cells" else {"source": "IDEAL_DATA"} if SHARED_FILES[name].original[:5] == "ideal" else {}
    )
    objects, about = make_objects(name, **settings), SHARED_FILES[name].describe()
    monkeypatch.delenv("IDEAL_DATA")
    with pytest.raises(DataError) as told:
        objects.open(objects.preview)
    assert str(told.value).endswith(f"set it to that folder; expected in it: {about}")
    monkeypatch.setenv("IDEAL_DATA", str(tmp_path))
    with pytest.raises(DataError) as told:
        objects.open(objects.preview)
    assert str(told.value).endswith(about)
    (file,) = re.findall(r"holds (\S+\.h5)", str(told.value))
    h5py.File(tmp_path / file, "w").close()
    with pytest.raises(DataError, match="holds no ") as told:
        objects.open(objects.preview)
    assert str(told.value).endswith(f"expected {about}")
    assert SHARED_FILES[name].original in about


def test_every_set_of_the_data_folder_has_an_origin():
    wanted = {name for name in OBJECTS if find_objects(name).origin == "IDEAL_DATA"}
    assert wanted <= set(SHARED_FILES) <= set(OBJECTS)


def test_a_damaged_data_folder_is_told(tmp_path, monkeypatch):
    (tmp_path / "natural_rgb.h5").write_text("no HDF5")
    monkeypatch.setenv("IDEAL_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"natural_rgb.h5 is no readable HDF5 file"):
        make_objects("mcmaster").open(GREY)


def test_the_sprite_of_fashion_has_no_split():
    assert make_objects("fashion-mnist").open(GREY).count == 4
    with pytest.raises(DataError, match="split=all"):
        make_objects("fashion-mnist", split="test").open(GREY)


def test_faces_are_half_of_the_faces():
    found = make_objects("faces").open(Scene("radiance", (25, 25))).read(0, 200)
    assert np.bincount(found.labels).tolist() == [100, 100]
    assert make_objects("faces").open(GREY).classes[0] == "face"


def test_regions_of_the_still_life_do_not_overlap(folder):
    with h5py.File(folder / "multispectral.h5") as file:
        whole = file["chart_and_stuffed_toy/reflectance"][:].mean(0) / 65535
    found = make_objects("multispectral").open(Scene("radiance", (16, 16))).read(0, 16)
    put_together = np.empty((64, 64))
    for scene, group in zip(found.scenes, found.groups, strict=True):
        row, column = divmod(int(group), 4)
        put_together[16 * row : 16 * row + 16, 16 * column : 16 * column + 16] = scene
    np.testing.assert_allclose(put_together, whole, rtol=1e-5)
    with pytest.raises(UsageError, match="regions"):
        make_objects("multispectral", regions=33)


@pytest.mark.parametrize(
    ("settings", "side", "groups"), [({}, 16, 16), ({}, 24, 4), ({}, 40, 1), ({}, 96, 1), ({"regions": 4}, 24, 1)]
)
def test_the_still_life_fills_scenes_of_any_size(settings, side, groups):
    source = make_objects("multispectral", **settings).open(Scene("radiance", (side, side)))
    assert source.count is None
    found = source.read(0, 50)
    assert found.scenes.shape == (50, side, side)
    assert len(set(found.groups)) == groups


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "count", "labels"),
    [("kodak", 24, 0), ("mcmaster", 18, 0), ("bsds500", 250, 0), ("cifar10", 20_000, 10), ("mnist", 30_000, 10)],
)
def test_the_shared_pictures(shared_folder, monkeypatch, name, count, labels):
    monkeypatch.setenv("IDEAL_DATA", shared_folder)
    source = make_objects(name).open(Scene("radiance", (28, 28)))
    assert len(source.pictures.sizes) == count
    found = source.read(0, 300)
    assert 0.05 < found.scenes.mean() < 0.5
    assert (0 if found.labels is None else len(np.unique(found.labels))) == labels


_SHARED = os.environ.get("IDEAL_DATA")


@pytest.fixture
def shared_folder():
    if not _SHARED:
        pytest.skip("IDEAL_DATA names no data folder")
    return _SHARED
