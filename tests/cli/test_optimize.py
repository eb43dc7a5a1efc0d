"""`ideal optimize`: the table, the files, configurations, what goes wrong, and that an interruption changes nothing."""

import itertools
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tomllib
import warnings
from pathlib import Path

import numpy as np
import pytest
from fixtures.cli import document, without_timings
from fixtures.report import design_record
from typer.testing import CliRunner

from ideal._toml import to_toml
from ideal.cli.__main__ import app
from ideal.cli.optimize import optimize
from ideal.datasets import make_objects
from ideal.errors import NoticeWarning
from ideal.imaging import make_system
from ideal.imaging.configuration import load_design
from ideal.optimize import find_objective, parse_target
from ideal.optimize.ascent import gradient as ascent
from ideal.optimize.runs.designs import run
from ideal.optimize.runs.setup import read_setup
from ideal.optimize.runs.tables import shown_name
from ideal.runs.folder import RunFolder

pytestmark = pytest.mark.usefixtures("hasty_compiler")

# A lens in one dimension: one parameter, vectors to measure, a run of two seconds; by line searches it has arrived at once.
LENS = (
    "optimize",
    "diffraction-limited",
    "natural-fields",
    "--set",
    "shape=[16]",
    "-n",
    "60",
    "--steps",
    "20",
    "--method",
    "adam",
)
SHORT = (*LENS, "--against", "objective-4x", "--start", "objective-10x")
MOSAIC = (
    *("optimize", "color-filter-array", "natural-fields", "--set", "shape=[8,8]", "--set", "period=[2,2]", "-n", "60"),
    *("--photons", "500", "--steps", "10", "--start", "random", "--against", "none", "--model", "stationary", "--patch", "8"),
)
CONFIGURATION = """
[system]
name = "diffraction-limited"
shape = [16]

[optimize]
objects = "natural-fields"
count = 60
steps = 20
starts = ["objective-10x"]
method = "adam"
against = "objective-4x"
learning-rate = 0.05
patience = 0.5

[optimize.rates]
na = 1.0
"""


@pytest.fixture
def undrawn(monkeypatch):
    """Leave out the figures, half the time of a run."""
    monkeypatch.setattr("ideal.plots.designs.draw_all", lambda *arguments: None)


def design_of(folder):
    return {name: np.asarray(value) for name, value in load_design(folder / "design.h5")[2].items()}


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def settled(found):
    """Return a document without what differs from run to run of the same design."""
    volatile = ("command", "request", "configuration", "inputs", "versions", "status")
    return {key: value for key, value in without_timings(found).items() if key not in volatile}


@pytest.fixture(scope="module")
def whole(tmp_path_factory, hasty_compiler):
    """Return the folder of a run that nothing interrupts, and what it printed."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    return folder, CliRunner().invoke(app, [*SHORT, "--out", str(folder)])


def told_by(folder):
    return json.loads((folder / "run.json").read_text())


def test_a_report_of_a_run_lacks_nothing(ideal, whole, tmp_path):
    record, assumed = told_by(whole[0]), design_record()
    assert set(assumed) <= set(record)  # what the tests of reports take a record to be
    of_some = {"filters", "start", "near", *(key for key in assumed["designs"][0] if key.startswith("label_"))}
    assert set().union(*assumed["designs"]) - of_some <= set(record["designs"][0])
    result = ideal("report", whole[0], "-o", tmp_path / "page.html")
    assert (result.exit_code, result.stderr) == (0, "")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.count("data:image/png") == 6
    assert all(shown_name(row) in page for row in record["designs"])


def test_a_run_ends_with_a_table_and_leaves_everything_in_its_folder(ideal, whole):
    folder, result = whole
    assert result.exit_code == 0, result.stderr
    record = json.loads((folder / "run.json").read_text())
    rows = {row["name"]: row for row in record["designs"]}
    assert list(rows) == ["the design", "its start", "objective-4x"]
    assert record["gain"]["search"] > record["gain"]["start"]
    assert rows["the design"]["information_bits_per_pixel"] > rows["objective-4x"]["information_bits_per_pixel"]
    low, high = rows["objective-4x"]["difference_interval"]
    assert high > max(0, -low)
    assert rows["objective-4x"]["paired"]
    lines = result.stdout.splitlines()
    shown = next(line for line in lines if line.startswith("the design"))
    bits = rows["the design"]["information_bits_per_measurement"]
    assert f" {bits:.3f} " in shown
    assert "full" in shown
    assert "nan" not in result.stdout
    assert "not measured: lens, objective-10x" in result.stdout
    names = {item.name for item in folder.iterdir()}
    figures = {"ascent.png", "comparison.png", "design-after.png", "design-before.png", "measurements.png", "targets.png"}
    assert {"run.json", "run.toml", "metrics.jsonl", "design.h5", "design.toml", *figures} <= names
    assert not [name for name in names if "partial" in name or name == "checkpoints"]
    records = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [each["step"] for each in records if "step" in each] == [10, 20]
    assert [each["path"] for each in records if "path" in each] == list(rows)
    assert float(design_of(folder)["na"]) == pytest.approx(record["design"]["na"])
    assert (record["method"], record["stopped"]) == ("adam", "steps")
    (finding,) = record["findings"]  # a fifth of the way to the optimum, and it says so
    assert finding["name"] == "ascent-unfinished"
    assert "--steps 60" in finding["remedy"]
    assert "warning: the ascent ended after 20 steps" in result.stderr
    again = ideal(*SHORT, "--out", folder)
    assert (again.exit_code, again.stdout) == (2, "")
    assert "holds a finished run: choose another --out, or overwrite it with --force" in again.stderr


def test_a_design_is_a_system_of_its_own(ideal, tmp_path, whole, undrawn):
    folder, _ = whole
    made = ideal("simulate", folder / "design.toml", "natural-fields", "-n", "3", "-o", tmp_path / "a.h5", "--json")
    assert document(made)["design"].endswith("design.h5")
    further = ideal(
        "optimize", folder / "design.toml", "natural-fields", "-n", "60", "--steps", "10", "--against", "none", "--json"
    )
    told = document(further)
    assert told["start"].endswith("design.h5")
    assert told["gain"]["start"] > told_by(folder)["gain"]["start"]


def test_by_default_a_smooth_design_is_followed_to_its_optimum(ideal, tmp_path, undrawn):
    steps = ("--steps", "20", "--method", "adam")
    plain = [each for each in SHORT if each not in steps]
    told = document(ideal(*plain, "--out", tmp_path / "run", "--json"))
    assert (told["method"], told["stopped"], told["findings"]) == ("line-search", "converged", [])
    assert told["request"]["method"] == "line-search"
    assert "learning-rate" not in told["request"]
    again = document(ideal("optimize", "--config", tmp_path / "run" / "run.toml", "--json"))
    assert again["design"] == told["design"]
    unlike = document(ideal(*plain, "--steps", "10", "--learning-rate", "0.3", "--json"))
    assert (unlike["method"], unlike["steps"]) == ("adam", 10)
    assert unlike["gain"]["ascent"] < told["gain"]["ascent"] + 1e-9


def test_a_configuration_says_all_and_options_go_before_it(ideal, tmp_path, whole, undrawn):
    (tmp_path / "run.toml").write_text(CONFIGURATION)
    first = document(ideal("optimize", "--config", tmp_path / "run.toml", "--out", tmp_path / "first", "--json"))
    assert settled(first) == settled(told_by(whole[0]))
    said = tomllib.loads((tmp_path / "first" / "run.toml").read_text())
    assert said["system"]["shape"] == [16]
    assert said["optimize"]["objects"] == "natural-fields"
    assert said["optimize"]["rates"] == {"na": 1.0}
    changed = document(
        ideal(
            "optimize", tmp_path / "first" / "run.toml", "--rate", "na=0", "--steps", "10", "--out", tmp_path / "second", "--json"
        )
    )
    assert changed["steps"] == 10
    assert changed["gain"]["ascent"] == pytest.approx(changed["gain"]["start"], rel=1e-5)
    assert first["gain"]["ascent"] > first["gain"]["start"] + 0.01
    again = tomllib.loads((tmp_path / "second" / "run.toml").read_text())
    said["optimize"] |= {"steps": 10, "rates": {"na": 0.0}}
    assert again == said


def interrupted_at(monkeypatch, stage):
    """Interrupt a run in the middle of its ascent or of its measuring."""
    calls = []

    def stops(function, when):
        def wrapped(*arguments, **options):
            calls.append(stage)
            if len(calls) == when:
                raise KeyboardInterrupt
            return function(*arguments, **options)

        return wrapped

    if stage == "ascent":
        monkeypatch.setattr(RunFolder, "log", stops(RunFolder.log, 1))
    else:
        monkeypatch.setattr(run, "information_of", stops(run.information_of, 2))


@pytest.mark.parametrize("stage", ["ascent", "measuring"])
def test_an_interrupted_run_goes_on_to_the_same_design(ideal, tmp_path, monkeypatch, undrawn, whole, stage):
    unbroken, folder = whole[0], tmp_path / "run"
    with monkeypatch.context() as patch:
        interrupted_at(patch, stage)
        stopped = ideal(*SHORT, "--out", folder)
    assert (stopped.exit_code, stopped.stdout) == (130, "")
    assert stopped.stderr == f"ideal: error: interrupted: repeat the command to go on with {folder}\n"
    other = ideal(*SHORT, "--seed", "1", "--out", folder)
    assert other.exit_code == 2
    assert "interrupted run with other files, options or versions" in other.stderr
    steps, advance = [], ascent._Run.advance
    monkeypatch.setattr(ascent._Run, "advance", lambda run, now, clock: steps.append(now.step) or advance(run, now, clock))
    resumed = document(ideal(*SHORT, "--out", folder, "--json"))
    assert steps == ([10] if stage == "ascent" else [])
    assert same(design_of(folder), design_of(unbroken))
    assert settled(resumed) == settled(told_by(unbroken))
    assert not (folder / "checkpoints").exists()
    lines = [(each / "metrics.jsonl").read_text().splitlines() for each in (unbroken, folder)]
    told, again = ([json.loads(line).get("step") for line in each] for each in lines)
    assert told == again


def test_a_run_that_was_killed_goes_on_from_its_checkpoint(ideal, data, tmp_path, whole, undrawn):
    folder = tmp_path / "run"
    code = (
        "import sys, time\nimport ideal.optimize.ascent.gradient as a\na._KEEP_SECONDS = 0\nwrite = a._write\n"
        "def stop(path, now):\n    write(path, now)\n    print('kept', file=sys.stderr, flush=True)\n    time.sleep(60)\n"
        "a._write = stop\nfrom ideal.cli.__main__ import main\nmain()"
    )
    command = [sys.executable, "-c", code, *SHORT, "--out", str(folder)]
    alike = os.environ | {"JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}  # compiled as it is here: the same to the bit
    options = {"env": alike, "text": True}
    with subprocess.Popen(command, cwd=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options) as process:
        assert process.stderr.readline() == "kept\n"
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=600)
    assert process.returncode == -signal.SIGKILL
    assert list(folder.glob("checkpoints/design/*.npz"))
    assert settled(document(ideal(*SHORT, "--out", folder, "--json"))) == settled(told_by(whole[0]))
    assert same(design_of(folder), design_of(whole[0]))


def test_floors_are_met_without_a_search(ideal, undrawn):
    told = document(ideal(*MOSAIC, "--floor", "red=1", "--floor", "blue=1", "--no-search", "--json"))
    counts = told["designs"][0]["filters"]
    assert min(counts["red"], counts["blue"]) >= 1
    assert sum(counts.values()) == 4


def test_what_the_label_is_told_is_measured_and_comes_first(ideal, tmp_path, undrawn):
    command = (*SHORT, "--target", "label", "--effort", "0.02", "--out", tmp_path / "run")
    result = ideal(*("two-points" if each == "natural-fields" else each for each in command))
    assert result.exit_code == 0, result.stderr
    listed = told_by(tmp_path / "run")["designs"]
    for row in listed:
        low, high = row["label_interval"]
        assert low <= row["label_information_bits"] <= high
        assert row["label_information_bits"] <= row["label_entropy_bits"] + 1e-9
    lines = result.stdout.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("design "))
    assert "bits about the label" in lines[first]
    ordered = sorted(listed, key=lambda row: -row["label_information_bits"])
    assert [line.split("  ")[0] for line in lines[first + 1 : first + 4]] == [shown_name(row) for row in ordered]


WRONG = [
    ("", 2, "name a system (ideal systems), or a configuration (--config FILE.toml)"),
    ("diffraction-limted", 2, "did you mean diffraction-limited?"),
    ("diffraction-limited natural-field", 2, "did you mean natural-fields?"),
    ("diffraction-limited --objective gausian", 2, "did you mean gaussian?"),
    ("diffraction-limited --target chrom", 2, "no target is called 'chrom'"),
    ("color-filter-array --target lumiance", 2, "did you mean luminance?"),
    ("diffraction-limited --target label", 2, "the target is the label, and natural-fields have none"),
    ("interferometer --set shape=16,16", 2, "all of them are best: choose some (--choose 4)"),
    ("diffraction-limited --start objective", 2, "did you mean objective-4x?"),
    ("diffraction-limited --against lenses", 2, "did you mean lens?"),
    ("diffraction-limited --floor red=2", 2, "has no parameter that is one of several alternatives"),
    ("color-filter-array --floor rde=2", 2, "did you mean red?"),
    ("color-filter-array --floor red=many", 2, "--floor takes NAME=a whole number; found 'red=many'"),
    ("color-filter-array --floor red=60 --floor blue=60", 2, "cannot be met by 64 cells"),
    ("diffraction-limited --rate nb=2", 2, "did you mean na?"),
    ("diffraction-limited --rate na=-1", 2, "--rate na=-1: expected a factor from 0 on"),
    ("diffraction-limited --steps 0", 2, "--steps"),
    ("diffraction-limited --learning-rate 0", 2, "--learning-rate takes a number above 0; found 0"),
    ("diffraction-limited --method newton", 2, "no method of ascent is called 'newton'"),
    ("diffraction-limited --method line-search --learning-rate 1", 2, "--learning-rate is of Adam"),
    ("diffraction-limited --method line-search --objective samples", 2, "the objective samples is not exact"),
    ("color-filter-array --method line-search", 2, "are choices between alternatives"),
    ("diffraction-limited --photons -5", 2, "--photons takes a number above 0; found -5"),
    ("diffraction-limited --photons nan", 2, "--photons takes a number; found nan"),
    ("diffraction-limited --patience 2", 2, "--patience takes a share of the steps"),
    ("diffraction-limited --count 5", 2, "--count 5 objects are too few"),
    ("diffraction-limited --time-limit soon", 2, "--time-limit takes a time"),
    ("diffraction-limited --set objective.rnk=3", 2, "the objective gaussian has no setting 'rnk'; did you mean rank?"),
    ("diffraction-limited --set shap=[16]", 2, "did you mean shape?"),
    ("diffraction-limited --model statinary", 2, "did you mean stationary?"),
    ("diffraction-limited --effort 0", 2, "--effort takes a number above 0; found 0"),
    ("diffraction-limited --out a.h5", 2, "--out a.h5 is a file: name a folder"),
    ("diffraction-limited --out full", 2, "--out full holds other files and no run"),
    ("diffraction-limited --out /proc/x", 2, "--out /proc/x cannot be written"),
    ("diffraction-limited --config missing.toml", 1, "missing.toml: No such file"),
    ("a.toml --config b.toml", 2, "are two configurations: name one"),
]


@pytest.mark.parametrize(("line", "code", "words"), WRONG, ids=[line or "nothing" for line, _, _ in WRONG])
def test_what_goes_wrong_takes_one_line(ideal, line, code, words):
    parts = line.split()
    small = ["--set", "shape=[16]"] if parts[:1] == ["diffraction-limited"] and "shap=[16]" not in parts else []
    objects = ["natural-fields"] if parts and "natural-field" not in parts and not parts[0].endswith(".toml") else []
    result = ideal(
        "optimize", *parts[:1], *objects, *parts[1:], *small, *(["-n", "60"] if parts and "--count" not in parts else [])
    )
    assert (result.exit_code, result.stdout) == (code, ""), result.stderr
    assert re.fullmatch(r"ideal: error: [^\n]+\n", result.stderr)
    assert words in result.stderr


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("learnin-rate = 0.1", "[optimize] has no key 'learnin-rate'; did you mean learning-rate?"),
        ('steps = "many"', "[optimize] steps takes a whole number; found 'many'"),
        ("steps = 0", "--steps takes a whole number from 1 on; found 0"),
        ("floor = { red = 1.5 }", "[optimize] floor.red takes a whole number; found 1.5"),
        ('out = "run"', "[optimize] has no key 'out'"),
        ("start = 'lens'\nstarts = ['lens']", "given twice"),
        ("search = 1", "[optimize] search takes true or false; found 1"),
        ("[optimise]", "no table is called 'optimise'; did you mean optimize?"),
    ],
)
def test_a_configuration_that_has_no_meaning_is_refused(ideal, tmp_path, table, words):
    text = CONFIGURATION.split("[optimize]")[0] + ("" if table.startswith("[") else "[optimize]\n") + table
    (tmp_path / "run.toml").write_text(text)
    result = ideal("optimize", tmp_path / "run.toml")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert words in result.stderr


def test_a_system_beside_a_configuration_of_another_is_refused(ideal, tmp_path):
    (tmp_path / "run.toml").write_text(CONFIGURATION)
    result = ideal("optimize", "lensless", "--config", tmp_path / "run.toml")
    assert result.exit_code == 2
    assert "describes a system of its own: leave out the system lensless, or the table [system]" in result.stderr


EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.toml"))


@pytest.mark.parametrize(
    "example", [each for each in EXAMPLES if "axes" not in tomllib.loads(each.read_text())], ids=lambda path: path.stem
)
def test_the_examples_are_configurations_of_design_runs(example):
    with warnings.catch_warnings(action="ignore", category=NoticeWarning):  # that an encoder runs code
        setup = read_setup(None, str(example))
    assert setup.objects.name == setup.request.objects
    assert setup.request.photons > 0
    text = setup.recipe.text(setup.request, "the same")
    assert tomllib.loads(text)["optimize"] == json.loads(json.dumps(setup.request.as_table()))


def test_tables_survive_as_toml():
    tables = {
        "system": {"name": 'a "b" \\ c', "shape": [8, 8], "tiny": 1e-7, "whole": 3.0, "yes": True, "none": None},
        "optimize": {"floors": {"infra red": 2}, "rates": {}, "empty": [], "settings": {"deep": {"x": -1}}},
    }
    read = tomllib.loads(to_toml(tables, "what it is"))
    assert read["system"] == {name: value for name, value in tables["system"].items() if value is not None}
    assert read["optimize"] == tables["optimize"]
    assert type(read["system"]["whole"]) is float


def test_examples_of_the_help_name_what_there_is():
    root, seen = Path(__file__).parents[2], 0
    for line in optimize.__doc__.splitlines():
        _, found, command = line.partition("ideal optimize ")
        words = shlex.split(command)
        if not found or words[0] in ("--config", "my_camera.toml"):
            continue
        seen += 1
        if words[0].endswith(".toml"):
            assert (root / words[0]).is_file() or not (root / "examples").is_dir()
            continue
        given = list(itertools.pairwise(words))
        system = make_system(words[0], **dict(value.split("=") for option, value in given if option == "--set"))
        for option, value in given:
            if option in ("--start", "--against"):
                assert value in system.designs
            elif option == "--target":
                parse_target(value, system.scene)
            elif option == "--floor":
                assert value.partition("=")[0] in system.filters
            elif option == "--objective":
                find_objective(value)
        if not words[1].startswith("--"):
            make_objects(words[1])
    assert seen >= 6
