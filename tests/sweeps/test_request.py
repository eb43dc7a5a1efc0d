"""What a sweep is asked for, in a file and in words."""

import pytest

from ideal.errors import DataError, UsageError
from ideal.sweeps.request import SweepRequest, parse_axis, read_request, request_of

FILE = """
zip = ["photons", "noise.read_noise"]

[system]
name = "color-filter-array"
shape = [12, 12]

[objects]
name = "natural-fields"

[noise]
gain = 0.5

[simulate]
count = 60
noise-seed = 3

[estimate]
model = "full"

[decode]
decoder = "malvar"
effort = 0.5

[decode.settings]
strength = 2

[axes]
design = ["bayer", "white"]
photons = [30, 100.0]
noise.read_noise = [1.0, 2.5]

[[exclude]]
design = "white"
photons = 30

[baseline]
design = "white"

[cost.design]
bayer = 2
white = 1.5
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "sweep.toml"
    path.write_text(FILE)
    return path


def test_a_file_says_all(file):
    request = read_request(file)
    assert request.settings == {
        "system": "color-filter-array",
        "system.shape": [12, 12],
        "objects": "natural-fields",
        "noise.gain": 0.5,
        "count": 60,
        "noise_seed": 3,
        "models": "full",
        "decoder": "malvar",
        "decode.effort": 0.5,
        "decoder.strength": 2,
    }
    assert [(axis.name, axis.values) for axis in request.axes] == [
        ("design", ("bayer", "white")),
        ("photons", (30, 100)),
        ("noise.read_noise", (1, 2.5)),
    ]
    assert request.zips == (("photons", "noise.read_noise"),)
    assert request.excluded == ({"design": "white", "photons": 30},)
    assert request.baseline == {"design": "white"}
    assert request.costs == {"design": {"bayer": 2.0, "white": 1.5}}


def test_files_beside_the_configuration_are_meant(tmp_path):
    (tmp_path / "a.h5").write_bytes(b"")
    (tmp_path / "psf.npy").write_bytes(b"")
    text = '[system]\nname = "lensless"\npsf_file = "psf.npy"\n[axes]\nfile = ["a.h5", "a.h5::x", "none.h5"]\npatch = [4]\n'
    (tmp_path / "s.toml").write_text(text)
    request = read_request(tmp_path / "s.toml")
    assert request.settings["system.psf_file"] == str(tmp_path / "psf.npy")
    assert request.axes[0].values == (str(tmp_path / "a.h5"), f"{tmp_path / 'a.h5'}::x", "none.h5")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[axis]\nphotons = [1]", "no table of a sweep is called 'axis'; did you mean axes"),
        ("axes = 3", r"axes must be a table, as \[axes\]"),
        ("[axes]\nphoton = [1, 2]", "a sweep has no setting 'photon'; did you mean photons"),
        ("[axes]\nphotons = []", "the axis photons has no values"),
        ("[simulate]\nlight = 3\n[axes]\nphotons = [1, 2]", "a sweep has no setting 'light'"),
        ("zip = 3\n[axes]\nphotons = [1, 2]", "zip must be a list"),
        ("zip = [3]\n[axes]\nphotons = [1, 2]", "zip takes a list of names"),
        ('[system]\nencoder = "a:b"\n[axes]\nphotons = [1, 2]', "describe a system of your own in a file of its own"),
    ],
)
def test_what_a_file_may_not_say(tmp_path, text, message):
    (tmp_path / "s.toml").write_text(text)
    with pytest.raises(UsageError, match=message):
        read_request(tmp_path / "s.toml")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match=r"none\.toml"):
        read_request(tmp_path / "none.toml")


def test_words_go_before_the_file(file):
    request = request_of([str(file)], {"photons": [50.0, 60.0], "design": ["bayer"]}, ["patch=4,8"], {"count": 70})
    assert {axis.name: axis.values for axis in request.axes} == {
        "photons": (50, 60),
        "noise.read_noise": (1, 2.5),
        "patch": (4, 8),
    }
    assert request.settings["design"] == "bayer"
    assert request.settings["count"] == 70


def test_words_alone(tmp_path):
    request = request_of(["lensless"], {"design": ["one-lens", "diffuser"], "photons": [80.0], "objects": None})
    assert request.settings == {"system": "lensless", "photons": 80}
    assert [axis.name for axis in request.axes] == ["design"]
    files = request_of(["a.h5", "b.h5"], {}, ["patch=8,16"])
    assert [(axis.name, axis.values) for axis in files.axes] == [("file", ("a.h5", "b.h5")), ("patch", (8, 16))]
    (tmp_path / "a.h5").write_bytes(b"")
    assert request_of([str(tmp_path / "a.h5")], {}, ["patch=8,16"]).settings == {"file": str(tmp_path / "a.h5")}


@pytest.mark.parametrize(
    ("text", "axis"),
    [
        ("patch=8,16", ("patch", [8, 16])),
        ("design=bayer,white", ("design", ["bayer", "white"])),
        ('models=["full","stationary"],"full"', ("models", [["full", "stationary"], "full"])),
        ("system.defocus = 0, 1.5", ("system.defocus", [0, 1.5])),
    ],
)
def test_axes_in_words(text, axis):
    assert parse_axis(text) == axis


@pytest.mark.parametrize("text", ["patch", "=3", "patch="])
def test_what_is_no_axis(text):
    with pytest.raises(UsageError, match="`axis` takes KEY=VALUE,VALUE"):
        parse_axis(text)


def test_an_axis_needs_a_list():
    with pytest.raises(UsageError, match="the axis photons takes a list of values; found 30"):
        SweepRequest.of({"photons": 30}, {})
