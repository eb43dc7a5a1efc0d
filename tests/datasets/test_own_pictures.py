"""Own pictures as objects: folders, array files and arrays."""

import json

import h5py
import numpy as np
import pytest
from PIL import Image

import ideal
from ideal.datasets import as_object_set, make_objects
from ideal.datasets.own_pictures import OwnPictures
from ideal.datasets.photographs import linear_light
from ideal.errors import DataError, UsageError
from ideal.imaging import Scene

GREY, COLOR = Scene("radiance", (16, 16)), Scene("radiance", (16, 16, 3), ("red", "green", "blue"))


@pytest.fixture
def photos(tmp_path):
    """Make a folder of twelve pictures, half of them in a folder of its own."""
    rng = np.random.default_rng(0)
    (tmp_path / "photos" / "more").mkdir(parents=True)
    for number in range(12):
        folder = tmp_path / "photos" / ("more" if number % 2 else "")
        pixels = rng.integers(0, 256, (20 + number, 24, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"roll{number // 3}_{number:02}.png")
    return tmp_path / "photos"


def read(objects, scene, count=30, seed=0):
    return objects.open(scene, seed).read(0, count)


def test_a_folder_of_pictures(photos):
    found = read(make_objects(str(photos)), COLOR)
    assert found.scenes.shape == (30, 16, 16, 3)
    assert 0 <= found.scenes.min() < found.scenes.max() <= 1
    assert len(np.unique(found.groups)) == 12
    assert len(np.unique(read(make_objects(str(photos), group_by="folder"), GREY).groups)) == 2
    assert len(np.unique(read(make_objects(str(photos), group_by="name"), GREY).groups)) == 8  # four rolls in two folders


def test_bytes_are_srgb_unless_they_are_said_to_be_light(tmp_path):
    Image.fromarray(np.full((16, 16), 128, np.uint8)).save(tmp_path / "even.png")
    assert read(make_objects(f"{tmp_path}/"), GREY, 1).scenes == pytest.approx(float(linear_light(128)), abs=1e-6)
    assert read(make_objects(f"{tmp_path}/", linear=True), GREY, 1).scenes == pytest.approx(128 / 255)


def test_pictures_of_sixteen_bits_and_with_transparency(tmp_path):
    Image.fromarray(np.full((16, 16), 32768, np.uint16)).save(tmp_path / "deep.png")
    assert read(make_objects(f"{tmp_path}/"), GREY, 1).scenes == pytest.approx(32768 / 65535, abs=1e-4)
    (tmp_path / "deep.png").unlink()
    Image.fromarray(np.full((16, 16, 4), 255, np.uint8)).save(tmp_path / "clear.png")
    assert read(make_objects(f"{tmp_path}/"), COLOR, 1).scenes == pytest.approx(1 / 3)


def test_arrays_in_files_and_in_memory_are_the_same(tmp_path):
    pictures = np.random.default_rng(1).random((25, 20, 20))
    np.save(tmp_path / "own.npy", pictures)
    with h5py.File(tmp_path / "own.h5", "w") as file:
        file["here"] = pictures
    said = read(as_object_set(pictures), GREY).scenes
    for name in ("own.npy", "own.h5::here"):
        np.testing.assert_array_equal(read(make_objects(str(tmp_path / name)), GREY).scenes, said)
    camera = ideal.imaging.LensletCamera(scene_shape=(16, 16), psf_shape=(5, 5))
    shots = ideal.simulate(camera, pictures, count=25, progress=False)
    kept = ideal.simulate(camera, tmp_path / "own.npy", count=25, path=tmp_path / "m.h5", progress=False)
    assert np.array_equal(shots.read(0, 25), kept.read(0, 25))
    assert len(np.unique(shots.groups)) == 25


def test_what_is_no_picture_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "no.png").write_text("no picture")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["table"] = np.zeros(3)
    np.save(tmp_path / "flat.npy", np.zeros((3, 4)))
    np.save(tmp_path / "dark.npy", np.full((12, 16, 16), -1.0))
    for name, message in (
        ("nowhere/", "no such folder"),
        ("empty", "there are no pictures"),
        ("text", "cannot be read as a picture"),
        ("other.h5", "holds table"),
        ("flat.npy", "an array of shape"),
        ("dark.npy", "no light"),
    ):
        with pytest.raises(DataError, match=message):
            read(make_objects(f"{tmp_path}/{name}"), GREY)
    with pytest.raises(UsageError, match="no objects are called"):
        make_objects("nowhere")
    with pytest.raises(UsageError, match="did you mean group_by"):
        make_objects(f"{tmp_path}/text", group="folder")
    with pytest.raises(UsageError, match="group_by is picture or folder or name"):
        make_objects(f"{tmp_path}/text", group_by="day")
    with pytest.raises(UsageError, match="name it in place of the objects"):
        OwnPictures()


def test_a_design_for_own_pictures_can_be_made_again(photos, ideal_command, tmp_path):
    small = ("--set", "shape=[16,16]", "-n", "40", "--steps", "2", "--against", "none", "--model", "stationary", "--patch", "4")
    first = ideal_command("optimize", "diffraction-limited", photos, *small, "--out", tmp_path / "run", "--json")
    assert first.exit_code == 0, first.stderr
    again = ideal_command("optimize", "--config", tmp_path / "run" / "run.toml", "--json")
    assert again.exit_code == 0, again.stderr
    documents = [json.loads(each.stdout) for each in (first, again)]
    assert documents[0]["designs"] == documents[1]["designs"]


@pytest.fixture
def ideal_command(hasty_compiler):
    from typer.testing import CliRunner

    from ideal.cli.__main__ import app

    return lambda *arguments: CliRunner().invoke(app, [str(each) for each in arguments], prog_name="ideal")
