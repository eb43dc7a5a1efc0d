"""`ideal data`, and settings on the command line."""

import re
from pathlib import Path

import numpy as np
import pytest
from fixtures.cli import document
from fixtures.download import CONTENT, running_server
from PIL import Image
from typer.main import get_command

from ideal.cli.__main__ import app
from ideal.cli._settings import parse_settings
from ideal.datasets import OBJECTS, Objects
from ideal.datasets._remote_files import REMOTE
from ideal.errors import UsageError
from ideal.imaging import Scene
from ideal.plots import objects as _object_figure
from ideal.plots.objects import draw_objects

COMMANDS = ("list", "fetch", "show")


@pytest.fixture(autouse=True)
def nothing_here(monkeypatch, tmp_path):
    monkeypatch.delenv("IDEAL_DATA", raising=False)
    monkeypatch.setenv("IDEAL_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def server(monkeypatch):
    with running_server(monkeypatch) as running:
        yield running


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_examples_and_every_option(ideal, command):
    text = ideal("data", command, "--help").stdout
    assert f"  ideal data {command}" in text
    params = get_command(app).commands["data"].commands[command].params
    options = [max(param.opts, key=len) for param in params if param.opts[0].startswith("-")]
    assert {"--json", "--debug"} <= set(options)
    assert all(re.search(rf"^ +(-\w, )?{option}\b +(\S.*)? {{2}}[A-Za-z]", text, re.MULTILINE) for option in options)


def test_help_without_a_command(ideal):
    result = ideal("data")
    assert result.exit_code == 2
    assert "Examples:" in result.stdout + result.stderr
    assert re.search(r"fetch +Download sets of objects, and check what came\.\n", ideal("data", "--help").stdout)


def test_list_says_what_is_here(ideal):
    found = {each["name"]: each for each in document(ideal("data", "list", "--json"))["objects"]}
    assert list(found) == list(OBJECTS)
    assert found["photographs"]["here"]
    assert found["beads"]["origin"] == "generated"
    assert not any(found[name]["here"] for name in ("kodak", "cifar10", "mnist", "black-holes"))
    assert all(each["licence"] and each["summary"] and each["kinds"] for each in found.values())
    table = ideal("data", "list").stdout
    assert all(re.search(rf"^{name} ", table, re.MULTILINE) for name in OBJECTS)
    assert re.search(r"^kodak .* IDEAL_DATA +no ", table, re.MULTILINE)


def test_fetch_downloads_once(ideal, server, monkeypatch, tmp_path):
    monkeypatch.setenv("IDEAL_CACHE", str(tmp_path))
    monkeypatch.setitem(REMOTE, "mnist", REMOTE["tiny"])
    server.files = {path.replace("tiny", "mnist"): content for path, content in server.files.items()}
    first = document(ideal("data", "fetch", "mnist", "--mirror", server.address, "--json"))["objects"][0]
    assert (first["state"], first["bytes"]) == ("downloaded", sum(map(len, CONTENT.values())))
    assert [Path(path).read_bytes() for path in first["files"]] == list(CONTENT.values())
    again = ideal("data", "fetch", "mnist", "beads", "mnist", "--mirror", server.address)
    assert again.stdout.splitlines() == [
        f"mnist: already here, 0.3 MB in {tmp_path / 'mnist'}",
        "beads is generated: there is nothing to download",
    ]
    assert again.stderr == ""
    assert len(server.asked) == 2
    server.files = {}
    (tmp_path / "mnist" / "a.gz").unlink()
    lost = ideal("data", "fetch", "mnist", "--mirror", server.address)
    assert lost.exit_code == 1
    assert re.fullmatch(r"ideal: error: mnist: http\S+ is refused by its server \(404 [^\n]*\n", lost.stderr)


def test_fetch_of_what_cannot_be_downloaded(ideal):
    assert ideal("data", "fetch", "photographs").stdout == "photographs comes with a dependency: there is nothing to download\n"
    folder = ideal("data", "fetch", "kodak")
    assert (folder.exit_code, folder.stderr.count("\n")) == (1, 1)
    assert "IDEAL_DATA" in folder.stderr
    unknown = ideal("data", "fetch", "cifar")
    assert (unknown.exit_code, unknown.stderr.count("\n")) == (2, 1)
    assert "did you mean cifar10" in unknown.stderr


def test_show_tells_facts(ideal):
    found = document(ideal("data", "show", "faces", "--count", 200, "--size", "20x10", "--set", "fit=resize", "--json"))
    assert found["scene"]["shape"] == [20, 10]
    assert found["labels"] == {"face": 100, "no face": 100}
    assert (found["count"], found["shown"], found["groups"]) == (200, 200, 200)
    assert 0 <= found["min"] < found["mean"] < found["max"] <= 1
    assert found["settings"]["fit"]["value"] == "resize"
    text = ideal("data", "show", "faces", "--seed", 1).stdout
    assert re.search(r"^labels +face \d+, no face \d+ *$", text, re.MULTILINE)
    assert re.search(r"^phase +0 +rad +-100 to 100 +of a transmission", text, re.MULTILINE)
    assert document(ideal("data", "show", "faces", "--seed", 1, "--json"))["mean"] != found["mean"]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["photograps"], 2, "did you mean photographs"),
        (["faces", "--set", "fti=pad"], 2, "did you mean fit"),
        (["faces", "--set", "fit"], 2, "KEY=VALUE"),
        (["faces", "--set", "phase=long"], 2, "takes a number"),
        (["faces", "--kind", "smell"], 2, "radiance or sky or transmission"),
        (["faces", "--size", "0"], 2, "--size takes"),
        (["faces", "--plot", "x.txt"], 2, ".png"),
        (["photographs", "--size", "900"], 2, "--set fit=tile or --set fit=resize\n"),
        (["mnist"], 1, "ideal data fetch mnist"),
    ],
)
def test_show_refuses(ideal, arguments, code, says):
    result = ideal("data", "show", *arguments)
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (code, "", 1)
    assert says in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [["photographs"], ["faces", "--kind", "transmission"], ["faces", "--kind", "sky"], ["black-hole-rings"], ["two-points"]],
)
def test_show_draws(ideal, tmp_path, arguments):
    target = tmp_path / "new" / "figure.png"
    result = ideal("data", "show", *arguments, "-n", 3, "--plot", target)
    assert result.exit_code == 0, result.stderr
    picture = np.asarray(Image.open(target).convert("L"))
    assert picture.shape[0] > 200
    assert picture.std() > 20
    assert [each.name for each in target.parent.iterdir()] == ["figure.png"]
    assert "exists" in ideal("data", "show", *arguments, "--plot", target).stderr


@pytest.mark.parametrize("shape", [(1, 9), (5, 30), (70, 6, 6), (2, 6, 9, 4), (1, 6, 6)])
def test_objects_of_any_shape_are_drawn(tmp_path, shape):
    objects = Objects(np.random.default_rng(0).random(shape, np.float32), np.linspace(0, 1, shape[0]), np.arange(shape[0]))
    draw_objects(objects, Scene("any", shape[1:]), (), tmp_path / "any.svg")
    assert (tmp_path / "any.svg").stat().st_size > 2000


def test_black_objects_are_drawn(tmp_path):
    for kind, shape in (("radiance", (4, 6, 6)), ("sky", (4, 6, 6)), ("transmission", (4, 6, 6, 2))):
        objects = Objects(np.zeros(shape, np.float32), None, np.arange(4))
        draw_objects(objects, Scene(kind, shape[1:], pixel=2.0, pixel_unit="uas"), (), tmp_path / f"{kind}.png")


def test_settings_are_toml_where_they_can_be():
    found = parse_settings(
        ["a=1", "b=[1, 2.5]", "c=x y", "d = 1e-3", 'e="7"', "f=true", "g={k=[1]}", "h=EHT2017", "i=2017-04-05", "o.k=-2", "j=a=b"]
    )
    assert found == {
        "a": 1,
        "b": [1, 2.5],
        "c": "x y",
        "d": 1e-3,
        "e": "7",
        "f": True,
        "g": {"k": [1]},
        "h": "EHT2017",
        "i": "2017-04-05",
        "o.k": -2,
        "j": "a=b",
    }
    assert [type(found[name]) for name in "adf"] == [int, float, bool]
    assert parse_settings(["a=1\nb=2"]) == {"a": "1\nb=2"}


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        (["a"], "KEY=VALUE"),
        (["a="], "KEY=VALUE"),
        (["=1"], "KEY=VALUE"),
        (["a b=1"], "no name of a setting"),
        (["a..b=1"], "no name of a setting"),
        (["a=1", "a=2"], "given twice"),
        (["a=[1, 2"], "no proper end"),
        (["a=[x]"], "no quotes"),
    ],
)
def test_settings_that_are_none_are_refused(texts, says):
    with pytest.raises(UsageError, match=says):
        parse_settings(texts)


@pytest.mark.parametrize("count", [1, 16, 64])
def test_long_names_do_not_overlap(tmp_path, monkeypatch, count):
    names = ("riaf", "ngeht_Avery_hamr_SgrA_2048_3087", "grmhd_mad_a0.94_i17_rhigh20", "abcdefghij" * 6)
    objects = Objects(np.ones((count, 6, 6), np.float32), np.arange(count) % 4, np.arange(count))
    drawn = []
    monkeypatch.setattr(_object_figure, "save_figure", lambda figure, target: drawn.append(figure))
    draw_objects(objects, Scene("sky", (6, 6), pixel=2.0, pixel_unit="uas"), names, tmp_path / "names.png")
    (figure,) = drawn
    figure.draw_without_rendering()
    boxes = [axes.title.get_window_extent() for axes in figure.axes if axes.get_title()]
    pictures = [axes.get_window_extent() for axes in figure.axes if axes.images]
    assert len(boxes) == count
    for number, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:number])
        assert not any(box.overlaps(picture) for other, picture in enumerate(pictures) if other != number)
        assert box.y1 <= figure.bbox.y1


@pytest.mark.parametrize(("absorption", "panels"), [(0.0, 1), (0.01, 1), (0.05, 2)])
def test_a_negligible_absorption_is_left_out(tmp_path, monkeypatch, absorption, panels):
    scenes = np.random.default_rng(0).random((4, 6, 6, 2), np.float32) * np.array([absorption, 3.0], np.float32)
    drawn = []
    monkeypatch.setattr(_object_figure, "save_figure", lambda figure, target: drawn.append(figure))
    draw_objects(Objects(scenes, None, np.arange(4)), Scene("transmission", (6, 6, 2)), (), tmp_path / "phase.png")
    assert len(drawn[0].axes) == 5 * panels
