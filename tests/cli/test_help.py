"""Help, completion, and what starting the command costs."""

import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from fixtures.cli import run_python
from typer.main import get_command

from ideal.cli.__main__ import app
from ideal.cli._asked import in_options
from ideal.density import MODELS
from ideal.imaging import SYSTEMS, Scene
from ideal.imaging.systems import DESIGNS
from ideal.noise import NOISE
from ideal.optimize import parse_target
from ideal.optimize.members import TARGETS

ROOT = Path(__file__).parents[2]
COMMANDS = sorted(command.callback.__name__ for command in app.registered_commands)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_examples_and_every_option(ideal, command):
    text = ideal(command, "--help").stdout
    assert f"  ideal {command} " in text
    params = get_command(app).commands[command].params
    options = [max(param.opts, key=len) for param in params if param.opts[0].startswith("-")]
    assert {"--json", "--debug"} <= set(options)
    quiet = ("calibrate", "decoders", "models", "noise", "plot", "report", "reproduce", "sample", "sweep", "systems")
    assert ("--noise" in options) == (command not in quiet)
    assert all(re.search(rf"^ +(-\w, )?{option}\b +(\S.*)? {{2}}[A-Za-z]", text, re.MULTILINE) for option in options)


def test_help_names_every_model_and_noise(ideal):
    text = re.sub(r"-\s+(?=[a-z])", "-", ideal("estimate", "--help").stdout)  # names are broken at their hyphens
    assert all(name in text for name in (*MODELS, *NOISE))


def test_help_without_arguments(ideal):
    text = ideal("--help").stdout
    assert all(command in text for command in COMMANDS)
    nothing = ideal()
    assert nothing.exit_code == 2
    assert "Examples:" in nothing.stderr + nothing.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_pages_name_every_command(command):
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    assert any(f"$ ideal {command}" in page.read_text(encoding="utf-8") for page in pages)


@pytest.mark.parametrize("arguments", [["--help"], ["estimate", "--help"], ["--version"]])
def test_help_imports_nothing_heavy(arguments):
    code = (
        "import sys\nfrom ideal.cli.__main__ import main\ntry:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "heavy = {'numpy', 'scipy', 'jax', 'flax', 'h5py', 'matplotlib', 'skimage', 'rich'} & set(sys.modules)\n"
        "print(sorted(heavy), file=sys.stderr)"
    )
    result = run_python(code, *arguments)
    assert result.stderr == "[]\n"
    assert "ideal" in result.stdout


def test_completion():
    environment = os.environ | {"_IDEAL_COMPLETE": "complete_bash", "COMP_WORDS": "ideal e", "COMP_CWORD": "1"}
    result = run_python("from ideal.cli.__main__ import app; app(prog_name='ideal')", env=environment)
    assert result.stdout.split() == ["estimate"]


COMPLETED = {
    "ideal estimate a.h5 --noise poisson-": ["poisson-gaussian"],
    "ideal estimate a.h5 --model s": ["stationary"],
    "ideal estimate a.h5 --model a": ["all"],
    "ideal optimize lensless-p": ["lensless-phase"],
    "ideal optimize lensless black-hole": ["black-hole-rings", "black-holes"],
    "ideal optimize lensless-phase --start f": ["four-lenslets", "flat"],
    "ideal optimize interferometer --against ": ["sites", "half", "random", "all", "none"],
    "ideal optimize lensless-phase beads --start lens --start d": ["diffuser"],
    "ideal optimize mine.toml --start ": [],
    "ideal optimize lensless --target c": ["color", "chroma"],
    "ideal optimize lensless --objective e": ["end-to-end"],
    "ideal optimize lensless --method a": ["auto", "adam"],
    "ideal simulate diffraction": ["diffraction-limited"],
    "ideal simulate lensless two": ["two-points"],
    "ideal simulate led-microscope phase-cells --design dpc-": ["dpc-left", "dpc-right", "dpc-top", "dpc-bottom"],
    "ideal systems led-microscope --design ann": ["annular"],
    "ideal data show ph": ["photographs", "phase-cells"],
    "ideal data fetch mn": ["mnist"],
    "ideal noise spe": ["speckle"],
    "ideal models pi": ["pixel-cnn"],
    "ideal reproduce two": ["two-point"],
}


@pytest.mark.parametrize("line", COMPLETED)
def test_completion_of_values_comes_from_the_registries_and_imports_nothing_heavy(line):
    number = str(len(line.split(" ")) - 1)
    environment = os.environ | {"_IDEAL_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": number}
    code = (
        "import sys\nfrom ideal.cli.__main__ import app\ntry:\n    app(prog_name='ideal')\nexcept SystemExit:\n    pass\n"
        "print(sorted({'numpy', 'jax', 'h5py', 'matplotlib', 'rich'} & set(sys.modules)), file=sys.stderr)"
    )
    result = run_python(code, env=environment)
    assert (result.stdout.split(), result.stderr) == (COMPLETED[line], "[]\n")


def test_designs_that_a_shell_completes_are_those_of_the_systems():
    systems = {name: SYSTEMS[name]() for name in DESIGNS}
    assert {name: (*system.designs, *system.further_designs) for name, system in systems.items()} == DESIGNS
    assert set(SYSTEMS) == set(DESIGNS)


def test_targets_that_a_shell_completes_are_understood():
    scene = Scene("radiance", (8, 8, 3), ("red", "green", "blue"))
    for name in TARGETS:
        parse_target(name, scene)


@pytest.mark.parametrize(
    ("options", "said", "shown"),
    [
        ({"seed"}, "`seed` takes a number", "--seed takes a number"),
        ({"count"}, "`count=10` objects are too few", "--count 10 objects are too few"),
        ({"learning_rate", "start"}, "`learning_rate` and `starts`", "--learning-rate and --start"),
        ({"force"}, "overwrite it with `overwrite=True`", "overwrite it with --force"),
        ({"system", "settings"}, "`objects.fit=tile`", "--set objects.fit=tile"),
        ({"settings"}, "`objects.fit=tile`", "--set fit=tile"),
        ({"seed"}, "`k` and a `file.h5`", "`k` and a `file.h5`"),
    ],
)
def test_arguments_in_messages_of_the_library_become_options(options, said, shown):
    assert in_options(said, options) == shown


def test_options_of_a_design_stand_in_panels(ideal):
    result = ideal("optimize", "-h")
    titles = re.findall(r"^(\S[^\n]*):$", result.stdout.partition("Arguments:")[2], re.MULTILINE)
    wanted = ["Objects, light and noise", "Objective", "Ascent", "Measuring", "Choice of members", "Output", "Options"]
    assert titles == wanted
    panel = result.stdout.partition("\nObjects, light and noise:\n")[2].partition("\nObjective:\n")[0]
    assert all(option in panel for option in ("--photons", "--noise", "--read-noise", "--set"))
    assert result.stdout.rpartition("\nOptions:\n")[2].split() == ["-h,", "--help", "Show", "this", "message", "and", "exit."]


def test_the_package_runs_as_the_command():
    done = subprocess.run([sys.executable, "-m", "ideal", "--version"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, f"ideal {version('ideal')}\n")
