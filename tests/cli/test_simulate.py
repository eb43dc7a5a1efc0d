"""`ideal simulate` and `ideal systems`: files, figures, errors."""

import json
import os
import signal
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest

from ideal.imaging import SYSTEMS
from ideal.measurements.measurement_set import open_measurements

SMALL = ("--set", "scene_shape=[20, 20]", "--set", "psf_shape=[5, 5]")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Run commands in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments):
    from typer.testing import CliRunner

    from ideal.cli.__main__ import app

    return CliRunner().invoke(app, [str(each) for each in arguments], prog_name="ideal")


def test_a_file_of_measurements(here):
    result = run("simulate", "lensless", "beads", *SMALL, "-n", 30, "--photons", 50, "-o", "beads.h5", "--json", "--keep-objects")
    assert result.exit_code == 0, result.stderr
    said = json.loads(result.stdout)
    assert (said["shape"], said["noise"]["name"], said["design"]) == ([30, 16, 16], "poisson", "one-lens")
    with open_measurements("beads.h5") as measured:
        assert measured.shape == (30, 16, 16)
        assert measured.dtype == np.uint16
        assert measured.noise.name == "poisson"
        assert len(np.unique(measured.groups)) == 30
        counts, clean = measured.read(0, 30), measured.read_clean(0, 30)
        assert measured.read_objects(0, 30).shape == (30, 20, 20)
        assert measured.attributes["system"] == "lensless"
        assert json.loads(measured.attributes["system_settings"])["psf_shape"] == [5, 5]
    error = np.sqrt(clean.mean() / counts.size)
    assert abs((counts - clean).mean()) < 5 * error
    assert said["mean"] == pytest.approx(clean.mean(), rel=1e-5)
    estimated = run("estimate", "beads.h5", "--patch", 8, "--model", "stationary", "--json")
    assert json.loads(estimated.stdout)["results"][0]["information_bits_per_pixel"] > 0


def test_the_same_seed_writes_the_same_and_another_does_not(here):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert run("simulate", "lensless", "beads", *SMALL, "-n", 8, "--seed", seed, "-o", f"{name}.h5").exit_code == 0
    read = {name: h5py.File(f"{name}.h5")["measurements"][...] for name in "abc"}
    np.testing.assert_array_equal(read["a"], read["b"])
    assert (read["a"] != read["c"]).any()


def test_labels_groups_and_the_period_of_a_mosaic(here):
    options = ("--set", "shape=[16, 16]", "-n", 20, "-o", "mosaic.h5")
    result = run("simulate", "color-filter-array", "photographs", "--design", "bayer", *options)
    assert result.exit_code == 0, result.stderr
    with open_measurements("mosaic.h5") as measured:
        assert measured.period == (8, 8)
        assert len(np.unique(measured.groups)) < 20  # crops of the same pictures
    small = [part for each in ("shape=[64, 64]", "magnification=10.0", "na=0.25", "led_na=0.4") for part in ("--set", each)]
    result = run("simulate", "led-microscope", "phase-cells", *small, "-n", 12, "-o", "cells.h5")
    assert result.exit_code == 0, result.stderr
    with open_measurements("cells.h5") as measured:
        assert measured.labels.dtype.kind in "OU"
        assert len(np.unique(measured.labels)) > 1


def test_visibilities(here):
    options = ("--set", "shape=[16, 16]", "--set", "interval=3600.0", "-n", 5)
    result = run("simulate", "interferometer", "black-hole-rings", *options, "-o", "rings.h5")
    assert result.exit_code == 0, result.stderr
    with open_measurements("rings.h5") as measured:
        assert measured.dtype == np.complex64
        assert measured.noise.name == "complex-gaussian"
        assert np.shape(measured.sigma) == measured.shape[1:]
        assert measured.units == "Jy"


def test_a_camera_of_ones_own(here):
    (here / "pinhole.py").write_text(
        "import jax.numpy as jnp\n\ndef encode(params, scene, *, blur=2):\n"
        "    return params['gain'] * sum(jnp.roll(scene, n, 0) for n in range(blur)) / blur\n"
    )
    (here / "pinhole.toml").write_text(
        '[system]\nencoder = "pinhole:encode"\nshape = [12, 12]\nlinear = true\n'
        "[system.parameters.gain]\nvalue = 0.5\n[noise]\nread_noise = 1.6\ngain = 0.45\noffset = 100\n"
        "[objects]\nnumber = 9\n"
    )
    result = run("simulate", "pinhole.toml", "beads", "-n", 40, "--photons", 30, "--set", "blur=3", "-o", "own.h5", "--json")
    assert result.exit_code == 0, result.stderr
    said = json.loads(result.stdout)
    assert said["noise"] == {
        "name": "poisson-gaussian",
        "read_noise": 1.6,
        "gain": 0.45,
        "offset": 100,
        "quantised": True,
        "step": 1,
    }
    with open_measurements("own.h5") as measured:
        assert (measured.gain, measured.offset, measured.read_noise) == (0.45, 100, 1.6)
        assert json.loads(measured.attributes["objects_settings"])["number"] == 9
        electrons, clean = measured.read(0, 40), measured.read_clean(0, 40)
        assert measured.dtype == np.uint16
    variance = clean.mean() + 1.6**2 + 0.45**2 / 12
    assert abs((electrons - clean).mean()) < 5 * np.sqrt(variance / clean.size)
    shown = run("systems", "pinhole.toml", "--plot", "own.png")
    assert shown.exit_code == 0, shown.stderr
    assert "blur" in shown.stdout


def test_a_design_file_brings_its_settings(here):
    from ideal.imaging import make_system
    from ideal.imaging.configuration import save_design

    system = make_system("lensless", scene_shape=(20, 20), psf_shape=(5, 5))
    save_design("mine.h5", system, system.design("two-lenslets"))
    assert run("simulate", "lensless", "beads", "--design", "mine.h5", "-n", 4, "-o", "a.h5").exit_code == 0
    assert run("simulate", "lensless", "beads", "--design", "two-lenslets", *SMALL, "-n", 4, "-o", "b.h5").exit_code == 0
    np.testing.assert_array_equal(h5py.File("a.h5")["clean"], h5py.File("b.h5")["clean"])
    refused = run("simulate", "lensless-phase", "beads", "--design", "mine.h5", "-o", "c.h5")
    assert refused.exit_code == 2
    assert "a design of lensless" in refused.stderr


def test_systems_are_listed_and_shown(here):
    listed = run("systems")
    assert all(name in listed.stdout for name in SYSTEMS)
    assert set(json.loads(run("systems", "--json").stdout)["systems"]) == set(SYSTEMS)
    for name in SYSTEMS:
        shown = run("systems", name)
        assert shown.exit_code == 0, shown.stderr
        said = json.loads(run("systems", name, "--json").stdout)
        assert said["parameters"]
        for key in (*said["settings"], *said["designs"]):
            assert key in shown.stdout
        assert all(each["help"] for each in said["settings"].values())


def test_the_picture_of_a_system(here):
    assert run("systems", "lensless", "--design", "four-lenslets", "--plot", "four.png").exit_code == 0
    assert (here / "four.png").stat().st_size > 10_000
    assert "exists" in run("systems", "lensless", "--plot", "four.png").stderr
    assert run("systems", "lensless", "--plot", "four.png", "--force").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (("lensles", "beads"), 2, "did you mean lensless"),
        (("lensless", "bead"), 2, "did you mean beads"),
        (("lensless", "beads", "--design", "five"), 2, "no design 'five'; did you mean five-lenslets"),
        (("lensless", "beads", "--set", "bais=3"), 2, "did you mean bias"),
        (("lensless", "beads", "--set", "objects.densty=3"), 2, "did you mean density"),
        (("lensless", "beads", "--set", "bias"), 2, "bias"),
        (("lensless", "beads", "--set", "name=x"), 2, "lensless has no setting 'name'"),
        (("lensless", "phase-cells"), 2, "transmission"),
        (("lensless", "beads", "--photons", "-3"), 2, "positive"),
        (("lensless", "beads", "--photons", "nan"), 2, "positive"),
        (("interferometer", "black-hole-rings", "--photons", "3"), 2, "does not count photons"),
        (("interferometer", "black-hole-rings", "--noise", "poisson"), 2, "does not suit"),
        (("lensless", "beads", "--noise", "poison"), 2, "did you mean poisson"),
        (("lensless", "beads", "--noise", "gaussian"), 2, "needs --sigma"),
        (("lensless", "beads", "--sigma", "2"), 2, "no figure of poisson noise"),
        (("lensless", "beads", "--read-noise", "-1"), 2, "read noise must be a positive"),
        (
            ("lensless", "beads", "--photons", "1e30"),
            2,
            "1e+30 photoelectrons in a pixel are too much light, at most about 4e+09",
        ),
        (("lensless", "beads", "--photons", "1e12"), 2, "too much light"),
        (("lensless", "beads", "--read-noise", "1", "--gain", "1e-9"), 2, "gain is 1e-09 electrons per DN, expected 1e-05"),
        (("lensless", "beads", "--read-noise", "1", "--offset", "1e12"), 2, "offset is 1e+12 DN, expected -1e+06"),
        (("missing.toml", "beads"), 1, "missing.toml: No such file"),
        (("broken.toml", "beads"), 1, "not TOML"),
        (("typo.toml", "beads"), 2, "did you mean system"),
        (("lensless", "beads", "--design", "missing.h5"), 1, "no such file"),
        (("lensless", "beads", "--design", "text.h5"), 1, "cannot be read as a design"),
    ],
)
def test_what_is_wrong_takes_one_line_and_writes_nothing(here, arguments, code, complaint):
    (here / "broken.toml").write_text("[system\n")
    (here / "typo.toml").write_text("[sytem]\nname = 'lensless'\n")
    (here / "text.h5").write_text("no HDF5\n")
    small = SMALL if arguments[0] == "lensless" else ()
    result = run("simulate", *arguments, *small, "-n", 3, "-o", "out.h5")
    assert result.exit_code == code
    assert complaint in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert result.stdout == ""
    assert not [name for name in os.listdir(here) if name.startswith((".", "out"))]


def test_a_file_is_not_overwritten_unasked(here):
    (here / "kept.h5").write_text("mine")
    result = run("simulate", "lensless", "beads", *SMALL, "-n", 3, "-o", "kept.h5")
    assert (result.exit_code, "exists" in result.stderr) == (2, True)
    assert (here / "kept.h5").read_text() == "mine"
    assert run("simulate", "lensless", "beads", *SMALL, "-n", 3, "-o", "kept.h5", "--force").exit_code == 0


def test_a_folder_that_is_not_there_is_made(here):
    assert run("simulate", "lensless", "beads", *SMALL, "-n", 3, "-o", "new/folder/out.h5").exit_code == 0
    assert (here / "new/folder/out.h5").exists()


def test_an_interrupted_simulation_leaves_nothing(here):
    code = "from ideal.cli.__main__ import main; main()"
    command = [sys.executable, "-c", code, "simulate", "lensless", "beads", "-n", "2000000", "-o", "long.h5"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 600
    while not (begun := any(here.glob(".*.long.h5.partial"))) and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    try:
        _, said = process.communicate(timeout=600)
    finally:
        process.kill()
    assert begun
    assert process.returncode == 130
    assert "interrupted: nothing was written" in said
    assert not list(here.iterdir())


def encoder(here, body, more="", name="own"):
    """Write a configuration with an encoder of one's own."""
    (here / f"{name}.py").write_text(f"import jax.numpy as jnp\n\n\ndef encode(params, scene):\n    {body}\n")
    (here / f"{name}.toml").write_text(f'[system]\nencoder = "{name}:encode"\nshape = [12, 12]\n{more}')
    return f"{name}.toml"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("system = 3", "bad.toml: system must be a table, as [system]; found 3"),
        ("noise = 3\n[system]\nname = 'lensless'", "noise must be a table"),
        ("objects = 3\n[system]\nname = 'lensless'", "objects must be a table"),
        ("[system]\nname = 3", "name takes a text"),
        ("[system]\nname = 'lensless'\n[noise]\nnoise = 3", "no noise is called '3'"),
        ("[system]\nname = 'lensless'\n[noise]\nnois = 'poisson'", "[noise] has no key 'nois'; did you mean noise"),
        ("[system]\nname = 'lensless'\n[noise]\nsigma = 'a'", "[noise] sigma takes a positive number; found 'a'"),
        ("[system]\nname = 'lensless'\n[noise]\nsigma = [1, 2]", "[noise] sigma takes a positive number"),
        ("[system]\nname = 'lensless'\n[noise]\nread_noise = -1", "[noise] read_noise takes a positive number"),
        ("[system]\nname = 'lensless'\n[noise]\noffset = true", "[noise] offset takes a number; found True"),
        ("[system]\nname = 'lensless'\n[noise]\nnoise = 'poisson'\ngain = 2", "[noise] gain is no figure of poisson noise"),
    ],
)
def test_a_malformed_configuration_is_a_wrong_usage(here, text, complaint):
    (here / "bad.toml").write_text(text + "\n")
    for command in (("systems", "bad.toml"), ("simulate", "bad.toml", "beads", "-n", 3, "-o", "out.h5")):
        result = run(*command)
        assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
        assert complaint in result.stderr


def test_an_encoder_that_is_not_finite_is_bad_data(here):
    result = run("simulate", encoder(here, "return scene / 0", name="endless"), "beads", "-n", 3, "-o", "out.h5")
    assert result.exit_code == 1
    assert "endless:encode: the noiseless measurement of object 0 is" in result.stderr
    assert not (here / "out.h5").exists()


def test_a_complex_encoder_needs_its_noise_named(here):
    bare = encoder(here, "return jnp.fft.fft2(scene).ravel()", name="fringes")
    refused = run("simulate", bare, "beads", "-n", 3, "-o", "a.h5")
    assert (refused.exit_code, "name their noise" in refused.stderr) == (2, True)
    assert "does not suit" in run("simulate", bare, "beads", "-n", 3, "--noise", "poisson", "-o", "a.h5").stderr
    result = run("simulate", bare, "beads", "-n", 3, "--sigma", 0.5, "-o", "a.h5", "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["noise"] == {"name": "complex-gaussian", "sigma": 0.5}
    with open_measurements("a.h5") as measured:
        assert (measured.dtype.kind, measured.sigma) == ("c", 0.5)
        assert np.abs(measured.read_clean(0, 3).imag).max() > 1
    named = encoder(here, "return jnp.fft.fft2(scene).ravel()", "[noise]\nsigma = 0.5\n", name="named")
    assert "complex-gaussian noise" in run("systems", named).stdout
    assert run("simulate", named, "beads", "-n", 3, "-o", "b.h5").exit_code == 0
    flat = encoder(here, "return jnp.fft.fft2(scene)", "[noise]\nsigma = 0.5\n", name="flat")
    refused = run("simulate", flat, "beads", "-n", 3, "-o", "c.h5")
    assert (refused.exit_code, "encoded.ravel()" in refused.stderr) == (2, True)


def test_what_an_encoder_prints_does_not_reach_the_json(here):
    loud = encoder(here, "print('hello'); return scene", name="loud")
    result = run("simulate", loud, "beads", "-n", 3, "-o", "out.h5", "--json")
    assert json.loads(result.stdout)["shape"] == [3, 12, 12]
    assert "hello" in result.stderr


def test_noise_of_the_command_line_goes_before_that_of_the_file(here):
    camera = "[noise]\nnoise = 'poisson-gaussian'\ngain = 0.45\noffset = 100\nread_noise = 1.6\n"
    own = encoder(here, "return scene", camera, name="camera")
    common = ("simulate", own, "beads", "-n", 3, "--force", "--json", "-o", "out.h5")
    for given, expected in (
        (("--noise", "poisson"), {"name": "poisson"}),
        (("--noise", "gaussian", "--sigma", 2), {"name": "gaussian", "sigma": 2.0}),
        (("--gain", 0.9), {"name": "poisson-gaussian", "gain": 0.9, "offset": 100, "read_noise": 1.6}),
        (("--noise", "poisson-gaussian"), {"name": "poisson-gaussian", "gain": 0.45}),
    ):
        result = run(*common, *given)
        assert result.exit_code == 0, result.stderr
        assert expected.items() <= json.loads(result.stdout)["noise"].items()


def test_the_mean_is_in_photoelectrons_where_values_are_in_dn(here):
    common = ("simulate", "lensless", "beads", *SMALL, "-n", 30, "--photons", 50, "--read-noise", 1, "--offset", 100, "--force")
    said = json.loads(run(*common, "-o", "out.h5", "--json").stdout)
    assert (said["units"], said["mean_unit"]) == ("DN", "photoelectrons")
    assert f"DN, mean {said['mean']:.4g} photoelectrons noiseless, poisson-gaussian" in run(*common, "-o", "out.h5").stdout
    plain = run("simulate", "lensless", "beads", *SMALL, "-n", 3, "-o", "plain.h5").stdout
    assert "photoelectrons, mean " in plain
    assert plain.count("photoelectrons") == 1


def test_an_interrupted_run_is_gone_on_with_and_a_file_is_not(here, capsys):
    import typer

    from ideal.cli._guard import guarded

    @guarded
    def interrupted(**options):
        raise KeyboardInterrupt

    (here / "run").mkdir()
    (here / "old.h5").write_text("")
    for options, words in (
        ({"out": "run"}, "repeat the command to go on with run"),
        ({"out": "new", "resume": False}, "repeat the command to go on with new"),
        ({"out": "new.h5"}, "nothing was written"),
        ({"out": "old.h5", "force": True}, "nothing was written"),
        ({"out": None}, "interrupted\n"),
    ):
        with pytest.raises(typer.Exit):
            interrupted(**options)
        assert words in capsys.readouterr().err


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("RESOURCE_EXHAUSTED: Out of memory")])
def test_too_little_memory_brings_advice_that_the_command_has(here, monkeypatch, error):
    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr("ideal.simulation.to_file.write", fail)
    result = run("simulate", "lensless", "beads", *SMALL, "-o", "out.h5")
    assert result.exit_code == 1
    assert result.stderr.startswith("ideal: error: out of memory")
    assert "--patch" not in result.stderr
    assert "--set" in result.stderr


def test_what_is_odd_about_a_simulation_is_a_line_and_a_finding(here):
    lens = ("simulate", "diffraction-limited", "natural-fields", "--set", "shape=[8, 8]", "--set", "margin=8", "-n", 5)
    result = run(*lens, "--design", "objective-4x", "-o", "a.h5", "--json")
    assert result.exit_code == 0, result.stderr
    (finding,) = json.loads(result.stdout)["findings"]
    assert (finding["name"], finding["severity"]) == ("scene-wraps", "biased")
    assert result.stderr.startswith("ideal: warning: diffraction-limited: ")
    assert f"--set margin={finding['figures']['margin_needed']}" in result.stderr
    quiet = run(*lens[:-4], "--set", "margin=88", "-n", 5, "-o", "b.h5")
    assert (quiet.exit_code, quiet.stderr) == (0, "")
    dark = run("simulate", "lensless", "beads", *SMALL, "-n", 4, "--photons", "1e-6", "-o", "c.h5")
    assert dark.exit_code == 0, dark.stderr
    assert "all 1024 measured values are 0" in dark.stderr
    camera = ("--noise", "poisson-gaussian", "--gain", 200000, "--offset", 100, "--read-noise", 1)
    coarse = run("simulate", "lensless", "beads", *SMALL, "-n", 4, "--photons", 100, *camera, "-o", "d.h5")
    assert "2e+05 photoelectrons" in coarse.stderr
    assert "--gain" in coarse.stderr
    assert "are 0" not in coarse.stderr


def test_settings_are_shown_with_their_ranges(here):
    shown = run("systems", "diffraction-limited")
    assert "0.05 to 20" in shown.stdout
    settings = json.loads(run("systems", "diffraction-limited", "--json").stdout)["settings"]
    assert settings["wavelength"]["range"]["text"] == "0.05 to 20"
    assert (settings["na"]["range"]["low"], settings["na"]["range"]["low_included"]) == (0, False)
    data = json.loads(run("data", "show", "beads", "--json").stdout)
    assert "range" in json.dumps(data)


def test_a_setting_in_a_wrong_unit_is_one_line(here):
    for arguments, meant in [
        (("diffraction-limited", "natural-fields", "--set", "pixel=100"), "did you mean 0.1 (100 nm)?"),
        (("interferometer", "black-hole-rings", "--set", "frequency=230"), "did you mean 2.3e+11 (230 GHz)?"),
        (("led-microscope", "phase-cells", "--set", "objects.radius=0.005,0.007"), "did you mean 5, 7 (0.005, 0.007 mm)?"),
        (("lensless", "beads", "--noise", "poisson-gaussian", "--read-noise", "1e-6"), "read_noise is 1e-06 electrons"),
    ]:
        result = run("simulate", *arguments, "-n", 4, "-o", "never.h5")
        assert (result.exit_code, result.stdout) == (2, "")
        assert meant in result.stderr
        assert len(result.stderr.strip().splitlines()) == 1
        assert not os.path.exists("never.h5")
