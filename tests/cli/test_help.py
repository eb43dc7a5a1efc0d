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
from ideal.density import MODELS
from ideal.noise import NOISE

ROOT = Path(__file__).parents[2]
COMMANDS = sorted(command.callback.__name__ for command in app.registered_commands)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_examples_and_every_option(ideal, command):
    text = ideal(command, "--help").stdout
    assert f"  ideal {command} " in text
    params = get_command(app).commands[command].params
    options = [max(param.opts, key=len) for param in params if param.opts[0].startswith("-")]
    assert {"--json", "--debug"} <= set(options)
    assert ("--noise" in options) == (command not in ("calibrate", "noise", "plot", "report", "reproduce", "sample", "systems"))
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
