"""Members that other packages bring by entry points, used from the command line; broken ones cost a line."""

import json
import os
import subprocess
import sys
import textwrap

import pytest

from ideal.errors import PluginWarning, UsageError
from ideal.imaging import SYSTEMS, ImagingSystem
from ideal.registry import Registry

CODE = '''
    """A camera, objects, noise, an objective, a density, a decoder and a file format from elsewhere."""

    from dataclasses import dataclass
    from pathlib import Path

    import numpy as np

    from ideal.datasets.fields import NaturalFields
    from ideal.decoders import Decoder, FittedDecoder
    from ideal.density import StationaryGaussian
    from ideal.formats import Source
    from ideal.formats._contract import Format
    from ideal.imaging import setting
    from ideal.imaging.diffraction_limited import DiffractionLimited
    from ideal.noise import Speckle
    from ideal.optimize.objectives.closed_form import ClosedForm


    @dataclass(frozen=True)
    class Pinhole(DiffractionLimited):
        """A pinhole from elsewhere."""


    class Clouds(NaturalFields):
        """Clouds from elsewhere."""


    @dataclass(frozen=True)
    class Glitter(Speckle):
        """Speckle from elsewhere."""

        name = "glitter"


    class Same(ClosedForm):
        """The closed form from elsewhere."""


    class Twin(StationaryGaussian):
        """The stationary Gaussian from elsewhere."""

        name = "twin"


    @dataclass(frozen=True)
    class Lazy(Decoder):
        """The mean training scene, brighter or darker, from elsewhere."""

        name = "lazy"
        summary = "the mean training scene, whatever is measured"
        serves = "anything in two dimensions"

        light: float = setting(1.0, "", "times the light of the scene")

        @classmethod
        def refusal(cls, system, params):
            return "" if len(system.scene.shape) == 2 else "it takes scenes in two dimensions"

        def _fit(self, task, seed, effort, progress):
            mean = self.light * task.train.scenes.mean(0, dtype=float)
            return FittedDecoder(lambda y: np.repeat(mean[None], len(y), axis=0), task.system.scene.shape)


    class Raw(Format):
        """Counts of 8x8 pixels behind four letters."""

        starts = (b"RAW8",)
        suffixes = (".raw8",)

        @classmethod
        def open(cls, path, name, *, follow_links, **options):
            return Source(str(path), {"measurements": np.fromfile(path, "u2", offset=4).reshape(-1, 8, 8)})


    def no_class():
        pass
'''
POINTS = """
[ideal.systems]
pinhole = elsewhere:Pinhole
broken-camera = elsewhere_missing:Camera
no-camera = elsewhere:no_class
lensless = elsewhere:Pinhole

[ideal.objects]
clouds = elsewhere:Clouds

[ideal.models]
twin = elsewhere:Twin

[ideal.noise]
glitter = elsewhere:Glitter

[ideal.decoders]
lazy = elsewhere:Lazy
linear = elsewhere:Lazy

[ideal.objectives]
same = elsewhere:Same

[ideal.formats]
raw8 = elsewhere:Raw
"""


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """A folder on the path in which a package is installed, as pip would leave it."""
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "elsewhere.py").write_text(textwrap.dedent(CODE))
    about = folder / "elsewhere-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: elsewhere\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(POINTS)
    return folder


@pytest.fixture
def command(elsewhere, tmp_path):
    """Run `ideal` in a process that finds the package."""
    path = os.pathsep.join(filter(None, [str(elsewhere), os.environ.get("PYTHONPATH")]))

    def command(*arguments):
        line = [sys.executable, "-m", "ideal.cli", *map(str, arguments)]
        return subprocess.run(line, cwd=tmp_path, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True)

    return command


@pytest.mark.slow
def test_members_of_another_package_work_from_the_command_line(command, tmp_path):
    made = command("simulate", "pinhole", "clouds", "--set", "shape=[16,16]", "-n", "70", "--photons", "100", "-o", "a.h5")
    assert made.returncode == 0, made.stderr
    asked = command("estimate", "a.h5", "--model", "twin", "--patch", "8", "--json")
    assert asked.returncode == 0, asked.stderr
    assert json.loads(asked.stdout)["results"][0]["model"] == "twin"
    import numpy as np

    counts = np.random.default_rng(0).poisson(20, (50, 8, 8)).astype("u2")
    (tmp_path / "counts.dat").write_bytes(b"RAW8" + counts.tobytes())
    seen = command("inspect", "counts.dat", "--noise", "poisson", "--json")
    assert seen.returncode == 0, seen.stderr
    assert json.loads(seen.stdout)["shape"] == [50, 8, 8]


@pytest.mark.slow
def test_noise_and_an_objective_of_another_package_work_from_the_command_line(command):
    asked = ("simulate", "diffraction-limited", "natural-fields", "--set", "shape=[16]", "--noise", "glitter:looks=4", "-n", "90")
    made = command(*asked, "-o", "g.h5")
    assert made.returncode == 0, made.stderr
    told = command("estimate", "g.h5", "--model", "full", "--json")
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["results"][0]["noise"]["name"] == "glitter"
    design = ("optimize", "diffraction-limited", "natural-fields", "--set", "shape=[16]", "--objective", "same", "--steps", "2")
    found = command(*design, "-n", "60", "--against", "none", "--json")
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout)["objective"] == "same"


def test_a_decoder_of_another_package_works_from_the_command_line(command):
    common = ("decode", "diffraction-limited", "natural-fields", "-n", "20", "--decoder", "lazy", "--json")
    small = ("--set", "shape=[8,8]", "--set", "margin=0")
    found = command(*common, *small)
    assert found.returncode == 0, found.stderr
    told = json.loads(found.stdout)
    assert told["decoder"] == "lazy"
    assert told["quality"]["mse"]["value"] == pytest.approx(told["quality"]["mse"]["without"])
    dim = json.loads(command(*common, *small, "--set", "decoder.light=0.5").stdout)
    assert dim["quality"]["mse"]["value"] > told["quality"]["mse"]["value"]
    assert dim["decoder_settings"] == {"light": 0.5}
    refused = command(*common, "--set", "shape=[8]", "--set", "margin=0")
    assert refused.returncode == 2
    assert "decoder lazy does not serve diffraction-limited: it takes scenes in two dimensions" in refused.stderr
    described = command("decoders", "lazy")
    assert "times the light of the scene" in described.stdout
    listed = command("decoders")
    assert listed.returncode == 0
    assert "the mean training scene, whatever is measured" in listed.stdout
    assert "entry point linear of ideal.decoders, package elsewhere): the name belongs to ideal itself" in listed.stderr


def test_broken_members_cost_a_line_each_and_no_command(command):
    listed = command("systems")
    assert listed.returncode == 0
    assert "pinhole" in listed.stdout
    assert "broken-camera" not in listed.stdout
    lines = listed.stderr.splitlines()
    assert len(lines) == 3
    assert all(line.startswith("ideal: warning: ") and "package elsewhere" in line for line in lines)
    for words in ("No module named 'elsewhere_missing'", "it is no subclass of", "the name belongs to ideal itself"):
        assert any(words in line for line in lines)
    unknown = command("systems", "pinhol")
    assert unknown.returncode == 2
    assert "did you mean pinhole?" in unknown.stderr


def test_members_are_added_while_python_runs():
    class Mine(ImagingSystem):
        pass

    SYSTEMS["mine"] = Mine
    try:
        assert SYSTEMS.find("mine") is Mine
        assert "mine" in list(SYSTEMS)
    finally:
        del SYSTEMS["mine"]
    with pytest.raises(UsageError, match="no imaging system is called 'mine'"):
        SYSTEMS.find("mine")


def test_a_registry_looks_for_others_once_and_only_when_it_must(monkeypatch):
    calls = []

    def entry_points(group):
        calls.append(group)
        return ()

    monkeypatch.setattr("ideal.registry.entry_points", entry_points)
    found = Registry("no system is called", "ideal.systems", "ideal.imaging:ImagingSystem", {"a": "ideal.imaging:ImagingSystem"})
    assert found["a"] is ImagingSystem
    assert calls == []
    assert "b" not in found
    assert list(found) == ["a"]
    assert len(found) == 1
    assert calls == ["ideal.systems"]
    with pytest.raises(KeyError):
        found["b"]


def test_an_entry_point_that_fails_warns(monkeypatch):
    class Point:
        name, value, dist = "b", "nowhere:B", None

        def load(self):
            raise RuntimeError("no licence")

    monkeypatch.setattr("ideal.registry.entry_points", lambda group: (Point(),))
    found = Registry("no system is called", "ideal.systems", "ideal.imaging:ImagingSystem", {})
    with pytest.warns(PluginWarning, match="no licence"):
        assert list(found) == []
