"""Several files as one set: a folder or a pattern, in natural order, one open at a time."""

import json
import os
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile

from ideal.errors import DataError, UsageError
from ideal.formats import frames as frames_module
from ideal.formats import open_source
from ideal.information import estimate
from ideal.measurements.measurement_set import open_measurements

STACK = np.random.default_rng(0).poisson(100, (12, 16, 14)).astype(np.uint16)


def write(folder, name="shot{}.png", stack=STACK, save=iio.imwrite):
    folder.mkdir(parents=True, exist_ok=True)
    for number, frame in enumerate(stack):
        save(folder / name.format(number), frame)
    return folder


def line(measured, name):
    return next(finding.line for finding in measured.findings if finding.name == name)


@pytest.mark.parametrize(
    ("name", "save"),
    [
        ("shot{}.png", iio.imwrite),
        ("{}.tif", tifffile.imwrite),
        ("frame_{}.npy", np.save),
        ("f{}.npz", lambda path, frame: np.savez(path, measurements=frame)),
    ],
    ids=["png", "tif", "npy", "npz"],
)
def test_a_folder_and_a_pattern_are_one_set_in_natural_order(tmp_path, name, save):
    folder = write(tmp_path / "captures", name, save=save)
    for path in (folder, f"{folder}/{name.format('*')}", f"{tmp_path}/*/{name.format('*')}"):
        with open_measurements(path) as measured:
            assert measured.shape == STACK.shape
            assert measured.axes == "nyx"
            assert np.array_equal(measured.read_raw(0, 12), STACK)
            assert np.array_equal(measured.read_raw(9, 12, slice(3, 7)), STACK[9:12, 3:7])
            assert not measured.has_groups
            assert len(measured.files) == 12
            first, last = (name.format(number) for number in (0, 11))
            assert f"12 files, {'captures/' if '/*/' in str(path) else ''}{first}" in line(measured, "frames-as-set")
            assert last in line(measured, "frames-as-set")
            assert not [each for each in measured.findings if each.name == "other-files"]


def test_colors_are_channels(tmp_path):
    stack = np.random.default_rng(0).integers(0, 60000, (3, 12, 10, 3)).astype(np.uint16)
    write(tmp_path / "c", "{}.tif", stack, lambda path, frame: tifffile.imwrite(path, frame, photometric="rgb"))
    with open_measurements(tmp_path / "c") as measured:
        assert (measured.shape, measured.axes) == (stack.shape, "nyxc")
        assert np.array_equal(measured.read_raw(0, 3), stack)


def test_one_frame_is_open_at_a_time(tmp_path, monkeypatch):
    write(tmp_path / "c", "{}.tif", save=tifffile.imwrite)
    opened, real = [], frames_module._as_pictures

    def watched(source, file):
        opened.append(file.name)
        close = source.close

        def closed():
            opened.remove(file.name)
            close()

        source.close = closed
        return real(source, file)

    monkeypatch.setattr(frames_module, "_as_pictures", watched)
    source = open_source(tmp_path / "c")
    assert opened == []
    for start in range(0, 12, 3):
        source.arrays["measurements"][start : start + 3]
        assert opened == [f"{start + 2}.tif"]
    source.close()
    assert opened == []


def test_subfolders_are_sources(tmp_path):
    for scene in (0, 1, 10, 2):
        write(tmp_path / "c" / f"scene{scene}", "{}.tif", STACK[:3] + scene, tifffile.imwrite)
    for path in (tmp_path / "c", f"{tmp_path}/c/*/*.tif", f"{tmp_path}/c/**/*.tif"):
        with open_measurements(path) as measured:
            assert np.array_equal(measured.read_raw(0, 12), np.concatenate([STACK[:3] + scene for scene in (0, 1, 2, 10)]))
            assert measured.groups.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
            assert "4 sources, one a subfolder" in line(measured, "frames-as-set")
    write(tmp_path / "c", "{}.tif", STACK[:2], tifffile.imwrite)
    with pytest.raises(DataError, match=r"frames lie in the folder itself .*and in subfolders"):
        open_measurements(tmp_path / "c")
    with open_measurements(tmp_path / "c", group_by="scene[0-9]|^[0-9]") as measured:
        assert measured.group_count == 5  # 0 and 1 in the folder, scene0, scene1 with scene10, scene2


@pytest.mark.parametrize(
    ("expression", "groups"),
    [
        ("s[0-9]+", [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]),
        ("s([0-9]+)_t([0-9])", list(range(12))),
        (r"t(\d)", [0, 1, 2, 3] * 3),
    ],
)
def test_groups_by_a_part_of_the_name(tmp_path, expression, groups):
    for number, frame in enumerate(STACK):
        tifffile.imwrite(tmp_path / f"s{number // 4}_t{number % 4}.tif", frame)
    with open_measurements(tmp_path, group_by=expression) as measured:
        assert measured.groups.tolist() == groups
    with pytest.raises(UsageError, match=r"--group-by 'x' finds nothing in s0_t0.tif"):
        open_measurements(tmp_path, group_by="x")
    with pytest.raises(UsageError, match="is no regular expression"):
        open_measurements(tmp_path, group_by="(")
    with pytest.raises(UsageError, match="for several files as one set"):
        open_measurements(tmp_path / "s0_t0.tif", group_by="x")
    with pytest.raises(UsageError, match=r"linear .* is for PNG and JPEG"):
        open_measurements(tmp_path, linear=True)


def test_stacks_in_several_files_are_a_source_each(tmp_path):
    for number in range(3):
        tifffile.imwrite(tmp_path / f"{number}.tif", STACK[4 * number : 4 * number + 4 - number], photometric="minisblack")
    with open_measurements(tmp_path) as measured:
        assert np.array_equal(measured.read_raw(2, 8), STACK[[2, 3, 4, 5, 6, 8]])
        assert measured.groups.tolist() == [0, 0, 0, 0, 1, 1, 1, 2, 2]
        assert "3 files of 9 pictures" in line(measured, "frames-as-set")


@pytest.mark.parametrize(
    ("strange", "words"),
    [
        (STACK[0, :5], r"shot7.png has shape \(5, 14\) and type uint16, shot0.png has \(16, 14\) and uint16"),
        (np.stack([STACK[0]] * 3, -1).astype(np.uint8), "shot7.png: a PNG of 8 bits"),
    ],
)
def test_a_frame_of_another_size_or_type_is_named(tmp_path, strange, words):
    write(tmp_path / "c")
    iio.imwrite(tmp_path / "c" / "shot7.png", strange)
    with pytest.raises(DataError, match=words) as caught:
        open_measurements(tmp_path / "c")
    assert "\n" not in str(caught.value)


def test_damaged_frames_are_named(tmp_path):
    folder = write(tmp_path / "c")
    whole = (folder / "shot7.png").read_bytes()
    (folder / "shot7.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"shot7.png: damaged or truncated PNG"):
        open_measurements(folder)
    (folder / "shot7.png").write_bytes(whole[:-40])
    with pytest.raises(DataError, match=r"shot7.png: (cannot be decoded|truncated)"), open_measurements(folder) as measured:
        measured.read_raw(0, 12)
    (folder / "shot7.png").write_bytes(whole)
    with open_measurements(folder) as measured:
        iio.imwrite(folder / "shot7.png", STACK[0, :5])
        with pytest.raises(DataError, match=r"shot7.png has changed since the set was opened"):
            measured.read_raw(0, 12)


def test_what_is_no_set(tmp_path):
    write(tmp_path / "c")
    write(tmp_path / "c", "{}.tif", save=tifffile.imwrite)
    (tmp_path / "c" / "readme.txt").write_text("notes")
    (tmp_path / "c" / ".hidden").write_text("x")
    with pytest.raises(DataError, match=r"several formats, 12 tiff \(0.tif\), 12 png \(shot0.png\)"):
        open_measurements(tmp_path / "c")
    with open_measurements(f"{tmp_path}/c/shot[0-4].png") as measured:
        assert len(measured) == 5
    for path in (f"{tmp_path}/c/none*.png", f"{tmp_path}/nowhere/*.png"):
        with pytest.raises(DataError, match="no such file, and no file has a name of this pattern"):
            open_measurements(path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="is a folder without files"):
        open_measurements(tmp_path / "empty")
    write(tmp_path / "v", "{}.npy", STACK[:2] + 1j, np.save)
    with pytest.raises(DataError, match="expected pictures of real numbers"):
        open_measurements(tmp_path / "v")


def test_what_is_no_measurement_is_left_out_with_a_line(tmp_path):
    write(tmp_path / "c")
    (tmp_path / "c" / "readme.txt").write_text("notes")
    with open_measurements(tmp_path / "c") as measured:
        assert len(measured) == 12
        assert any("readme.txt in the folder: of no format that is read, left out" in each for each in measured.warnings)


def test_links_and_pipes(tmp_path):
    write(tmp_path / "c", "{}.tif", STACK[:3], tifffile.imwrite)
    tifffile.imwrite(tmp_path / "outside.tif", STACK[5])
    (tmp_path / "c" / "9.tif").symlink_to(tmp_path / "outside.tif")
    for path in (tmp_path / "c", f"{tmp_path}/c/*.tif"):
        with pytest.raises(DataError, match=r"9.tif is a link to .*outside.tif, outside the folder.*--follow-links"):
            open_measurements(path)
        with open_measurements(path, follow_links=True) as measured:
            assert np.array_equal(measured.read_raw(3, 4)[0], STACK[5])
            assert "outside.tif" in line(measured, "other-files")
    (tmp_path / "c" / "9.tif").unlink()
    os.mkfifo(tmp_path / "c" / "9.tif")
    with pytest.raises(DataError, match=r"9.tif, which is a pipe"):
        open_measurements(tmp_path / "c")


def test_files_of_one_ome_set_are_not_counted_twice(tmp_path):
    for name in ("a.ome.tif", "b.ome.tif"):
        tifffile.imwrite(tmp_path / name, STACK, ome=True, metadata={"axes": "TYX"}, photometric="minisblack")
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as file:
        header = file.ome_metadata
    plane = '<TiffData IFD="{}" FirstT="{}" PlaneCount="1"><UUID FileName="{}">urn:uuid:{}</UUID></TiffData>'
    planes = "".join(plane.format(t % 6, t, "a.ome.tif" if t < 6 else "b.ome.tif", "ab"[t // 6]) for t in range(12))
    begin, end = header.index("<TiffData"), header.index("</Pixels>")
    header = header[:begin] + planes + header[end:]
    for name, part in (("a.ome.tif", STACK[:6]), ("b.ome.tif", STACK[6:])):
        tifffile.imwrite(tmp_path / name, part, description=header, metadata=None, photometric="minisblack")
    with open_measurements(tmp_path / "a.ome.tif") as measured:
        assert np.array_equal(measured.read_raw(0, 12), STACK)
    with pytest.raises(DataError, match="other files of the folder belong to it: name this file"):
        open_measurements(tmp_path)


def test_the_command_line(ideal):
    write(Path("c"), "s{}.png", STACK.astype(np.uint8))
    refused = ideal("inspect", "c/*.png")
    assert refused.exit_code == 1
    assert "say so (--linear)" in refused.stderr
    found = ideal("inspect", "c/*.png", "--linear", "--group-by", "s([0-9])", "--json")
    facts = json.loads(found.stdout)
    assert facts["shape"] == [12, 16, 14]
    assert facts["axes"] == "nyx"
    assert facts["groups"] == 10
    assert {"taken-as-linear", "frames-as-set"} <= {each["name"] for each in facts["findings"]}
    assert len(facts["files"]) == 12
    result = ideal("estimate", "c", "--linear", "--noise", "poisson", "--patch", "8", "--model", "stationary", "--json")
    found = json.loads(result.stdout)["results"][0]
    assert "taken-as-linear" in {each["name"] for each in found["findings"]}
    assert "taken as proportional to the light" in result.stderr


def test_a_folder_carries_the_information_of_the_same_stack(tmp_path):
    rng = np.random.default_rng(1)
    counts = rng.poisson(20 * np.exp(0.5 * rng.standard_normal((30, 1, 1))) * np.ones((16, 16))).astype(np.uint16)
    write(tmp_path / "c", "{}.png", counts)
    groups = np.arange(30) // 3
    options = {"noise": "poisson", "groups": groups, "models": "stationary", "patch": 8, "progress": False}
    assert estimate(tmp_path / "c", **options).information.value == estimate(counts, **options).information.value


def test_estimate_reads_frames_as_the_shell_does(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(40):
        light = 60 * np.exp(0.4 * rng.standard_normal((16, 16)))
        iio.imwrite(tmp_path / f"scene{number // 4}-{number}.png", np.clip(rng.poisson(light), 0, 255).astype(np.uint8))
    known = {"noise": "poisson", "models": "full", "patch": 8, "progress": False}
    with pytest.raises(DataError, match="a PNG of 8 bits"):
        estimate(tmp_path, **known)
    found = estimate(tmp_path, linear=True, group_by="scene[0-9]+", **known)
    assert "taken-as-linear" in [each.name for each in found.findings]
    assert found.n_groups <= 10
    with pytest.raises(UsageError, match="linear, group_by: for files alone, and an array is given"):
        estimate(np.zeros((4, 8, 8)), linear=True, group_by="x", **known)
