"""README and pages: their Python runs, their commands run or have options that exist, their links lead somewhere."""

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from ideal.cameras import Sensor, calibrate, simulate_frames
from ideal.cli.__main__ import app
from ideal.datasets import OBJECTS
from ideal.datasets.demo import make_measurements
from ideal.density import MODELS
from ideal.imaging import SYSTEMS

SOURCES = Path(__file__).resolve().parents[1]
PAGES = [name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md") if (SOURCES / name).exists()]
PAGES += sorted(str(path.relative_to(SOURCES)) for path in (SOURCES / "docs").rglob("*.md"))
BLOCK = re.compile(r"(?:<!-- not run: (?P<reason>[^\n]+) -->\n)?^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)

pytestmark = pytest.mark.skipif(len(PAGES) < 5, reason="the documents are not beside the tests")


def blocks(kind):
    found = []
    for page in PAGES:
        text = (SOURCES / page).read_text(encoding="utf-8")
        for match in BLOCK.finditer(text):
            if match["kind"] == kind:
                line = text.count("\n", 0, match.start("kind")) + 1
                found.append(pytest.param(match["text"], match["reason"], id=f"{page}:{line}"))
    return found


def commands(text):
    """Return the commands after each prompt, without comments, those of several lines in one."""
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [shlex.split(line[2:], comments=True) for line in lines if line.startswith("$ ")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder in which the documents' files lie where they say."""
    folder = tmp_path_factory.mktemp("documents")
    make_measurements(folder / "build" / "demo")
    shutil.copytree(SOURCES / "examples", folder / "examples")
    write_bench(folder)
    return folder


def write_bench(folder):
    """Write the frames of a camera's bench, and captures, as docs/camera.md does."""
    bench = simulate_frames(Sensor((96, 96), gain=0.5, read_noise=2.0, dsnu=3.0, prnu=0.01), dark=64, levels=10, brightest=1.1)
    np.save(folder / "dark.npy", bench.dark)
    np.save(folder / "flat.npy", np.concatenate(bench.flat))
    rows = np.arange(96)
    scenes = [200 + 150 * np.sin(rows[:, None] / 9 + k) * np.cos(rows / 11) for k in range(40)]
    np.save(folder / "captures.npy", bench.sensor.frames(np.array(scenes)))
    calibrate(bench.dark, bench.flat, progress=False).save(folder / "bench.h5")


def test_measured_figures_stand_on_their_page():
    """The page is built by benchmarks/measured.py; which figures are older than their code changes with the code."""
    if not (SOURCES / "benchmarks").exists():
        pytest.skip("the benchmarks are not beside the tests")
    rows = tomllib.loads((SOURCES / "benchmarks" / "figures.toml").read_text(encoding="utf-8"))["row"]
    page = (SOURCES / "docs" / "measured.md").read_text(encoding="utf-8")
    shown = [line for line in page.splitlines() if line.startswith("| ") and not line.startswith("| what |")]
    assert len(shown) == len(rows) > 40
    for row, line in zip(rows, shown, strict=True):
        assert line.startswith(f"| {row['what']} | {row['measured']} | {row['target']} |".replace("|  |", "| |"))
        assert line.removesuffix(" |").rstrip("†").endswith(f"`{row['by']}`, {row['at']}")
        assert (SOURCES / "benchmarks" / f"{row['by']}.py").exists()


@pytest.mark.slow
@pytest.mark.parametrize(("text", "reason"), blocks("python"))
def test_python_runs_as_printed(folder, text, reason):
    listed = [path for path in (SOURCES / "examples").glob("*.py") if path.read_text(encoding="utf-8") == text]
    if listed:  # a file that the page shows; its configuration runs in another block
        compile(text, str(listed[0]), "exec")
        return
    if reason:
        compile(text, "a block that is marked as not run", "exec")
        pytest.skip(reason)
    ended = subprocess.run([sys.executable, "-W", "error", "-c", text], cwd=folder, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize(("text", "reason"), blocks("toml"))
def test_configurations_are_those_of_the_examples(text, reason):
    tomllib.loads(text)
    assert reason or any(path.read_text(encoding="utf-8") == text for path in (SOURCES / "examples").glob("*.toml"))


@pytest.mark.parametrize(("text", "reason"), blocks("console"))
def test_commands_run_or_have_options_that_exist(folder, monkeypatch, text, reason):
    monkeypatch.chdir(folder)
    asked = commands(text)
    assert asked
    for words in asked:
        if words[0] == "ideal":
            check_options(words[1:])
    if reason:
        return
    output = []
    for words in asked:
        assert words[0] == "ideal", f"mark it as not run, and why: {words}"
        result = CliRunner().invoke(app, words[1:], prog_name="ideal")
        assert result.exit_code == 0, result.stderr
        output.append(result.stdout)
    printed = [line for line in text.splitlines() if line and not line.startswith(("$ ", "    "))]
    if printed:
        assert "".join(output).splitlines()[: len(printed)] == printed


def check_options(words):
    """Parse a command line without doing anything."""
    group = typer.main.get_command(app)
    with group.make_context("ideal", list(words), resilient_parsing=True) as context:
        name, command, rest = group.resolve_command(context, list(words))
        while hasattr(command, "resolve_command"):
            with command.make_context(name, rest, parent=context, resilient_parsing=True) as inner:
                name, command, rest = command.resolve_command(inner, rest)
        command.make_context(name, rest, parent=context).close()


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files(page):
    path = SOURCES / page
    for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target


def test_the_readme_is_short():
    assert (SOURCES / "README.md").stat().st_size <= 12_000
    assert "$ make demo" in (SOURCES / "README.md").read_text().split("## ")[0]
    assert "$ make test" in (SOURCES / "README.md").read_text().split("## ")[0]


def test_one_version_in_all_places():
    import ideal

    said = tomllib.loads((SOURCES / "pyproject.toml").read_text())["project"]["version"]
    cited = re.search(r"^version: (\S+)$", (SOURCES / "CITATION.cff").read_text(), re.MULTILINE)[1]
    assert {said, cited, version("ideal"), ideal.__version__} == {said}
    assert re.search(rf"^## {re.escape(said)}\b", (SOURCES / "CHANGELOG.md").read_text(), re.MULTILINE)


def test_the_changelog_names_what_there_is():
    text = (SOURCES / "CHANGELOG.md").read_text(encoding="utf-8")
    subcommands = typer.main.get_command(app).commands
    missing = [name for name in subcommands if f"ideal {name}" not in text]
    missing += [name for family in (SYSTEMS, MODELS, OBJECTS) for name in family if name not in text]
    assert missing == []
