"""`ideal reproduce`: folders, tables, figures, what is not done again, and what goes wrong."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fixtures.reproduce import Toy, fails

from ideal.studies import STUDIES, Job, reproduction

FILES = ["figure.png", "figure.svg", "run.json", "table.csv"]


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """Have every name stand for the small study, in a folder of its own."""
    (tmp_path / "data.txt").write_text("four")
    study = Toy(tmp_path / "data.txt")
    monkeypatch.setattr(reproduction, "find_study", lambda name: lambda: study)
    monkeypatch.setattr(reproduction, "STUDIES", {"toy": None})
    return study


def test_a_study_leaves_its_folder(ideal, toy, tmp_path):
    out = tmp_path / "made"
    first = ideal("reproduce", "toy", "--out", out)
    assert first.exit_code == 0, first.stderr
    assert sorted(each.name for each in (out / "toy").iterdir()) == FILES
    for text in ("Sums of squares", "share of a hundred", "0.14", "0.040 to 0.240", "0.5: not reached", "squares grow", "yes"):
        assert text in first.stdout
    assert "note: squares are of whole numbers" in first.stdout
    assert "ideal: toy: read from a file" in first.stderr
    assert "5 of 5 jobs done now" in first.stdout
    with open(out / "toy" / "table.csv", newline="") as file:
        assert list(csv.DictReader(file))[2] == {"value": "3", "square": "9"}
    record = json.loads((out / "toy" / "run.json").read_text())
    assert record["status"] == "finished"
    assert record["format"] == "ideal-reproduction"
    assert record["plan"] == {"quick": False, "seed": 0, "confidence": 0.95}
    assert record["versions"]["ideal"] == record["version"]
    assert "1 of 5 jobs done now" in ideal("reproduce", "all", "--out", out).stdout


def test_ideal_plot_draws_the_figure_of_a_study_again(ideal, toy, tmp_path, monkeypatch):
    assert ideal("reproduce", "toy", "--out", tmp_path / "made").exit_code == 0
    monkeypatch.setitem(STUDIES, "toy", Toy)
    result = ideal("plot", tmp_path / "made" / "toy", "-o", tmp_path / "again.svg", "--width", "4")
    assert result.exit_code == 0, result.stderr
    assert 'width="288pt"' in (tmp_path / "again.svg").read_text()


def test_figures_come_from_the_record_alone(ideal, toy, tmp_path):
    out = tmp_path / "made"
    ideal("reproduce", "toy", "--out", out)
    folder = out / "toy"
    (tmp_path / "data.txt").write_text("changed")
    before = {name: (folder / name).read_bytes() for name in FILES}
    for name in ("figure.png", "figure.svg", "table.csv"):
        (folder / name).unlink()
    assert ideal("reproduce", "toy", "--out", out, "--redraw").exit_code == 0
    assert {name: (folder / name).read_bytes() for name in FILES} == before
    missing = ideal("reproduce", "toy", "--out", tmp_path / "nowhere", "--redraw")
    assert missing.exit_code == 2
    assert "holds no study to draw again: make it first (ideal reproduce toy)" in missing.stderr


def test_the_same_seed_gives_the_same_figure(ideal, toy, tmp_path):
    figures = []
    for name in ("one", "two"):
        ideal("reproduce", "toy", "--out", tmp_path / name, "--jobs", "1")
        figures.append([(tmp_path / name / "toy" / each).read_bytes() for each in ("figure.png", "figure.svg", "table.csv")])
    assert figures[0] == figures[1]


def test_a_pipe_in_place_of_the_record_does_not_hang_it(ideal, toy, tmp_path):
    out = tmp_path / "made"
    ideal("reproduce", "toy", "--out", out)
    (out / "toy" / "run.json").unlink()
    os.mkfifo(out / "toy" / "run.json")
    refused = ideal("reproduce", "toy", "--out", out, "--redraw")
    assert refused.exit_code == 1
    assert "run.json cannot be read (is a pipe, expected the record of a study" in refused.stderr
    assert ideal("reproduce", "toy", "--out", out).exit_code == 0
    assert json.loads((out / "toy" / "run.json").read_text())["status"] == "finished"


def test_json_is_one_document(ideal, toy, tmp_path):
    result = ideal("reproduce", "toy", "--quick", "--out", tmp_path / "made", "--json")
    document = json.loads(result.stdout)
    assert document["studies"][0]["study"] == "toy"
    assert document["studies"][0]["plan"]["quick"] is True
    assert document["seed"] == 0
    assert isinstance(document["command"], list)


def test_another_plan_needs_force(ideal, toy, tmp_path):
    out = tmp_path / "made"
    ideal("reproduce", "toy", "--out", out)
    for options in (("--seed", "1"), ("--quick",)):
        refused = ideal("reproduce", "toy", "--out", out, *options)
        assert refused.exit_code == 2
        assert "holds this study made in full with seed 0: give the same --quick and --seed" in refused.stderr
    assert ideal("reproduce", "toy", "--out", out, "--seed", "1", "--force").exit_code == 0
    drawn = ideal("reproduce", "toy", "--out", out, "--redraw")
    assert drawn.exit_code == 2
    assert "made in full with seed 1: give the same" in drawn.stderr
    (out / "toy" / "run.json").write_text('{"results": []}')
    for options in ((), ("--redraw",)):
        assert "is no record of a study" in ideal("reproduce", "toy", "--out", out, *options).stderr


def test_a_record_that_was_cut_short_is_written_again_from_what_is_kept(ideal, toy, tmp_path):
    record = tmp_path / "made" / "toy" / "run.json"
    ideal("reproduce", "toy", "--out", tmp_path / "made")
    whole = record.read_text()
    for damaged in (whole[:300], whole.replace("0.14", "NaN", 1), "[]"):
        record.write_text(damaged)
        drawn = ideal("reproduce", "toy", "--out", tmp_path / "made", "--redraw")
        assert drawn.exit_code == 1
        assert "run.json" in drawn.stderr
        again = ideal("reproduce", "toy", "--out", tmp_path / "made")
        assert again.exit_code == 0, again.stderr
        assert "1 of 5 jobs done now" in again.stdout
        assert json.loads(record.read_text())["statistics"] == json.loads(whole)["statistics"]


def test_drawing_again_claims_no_work(ideal, toy, tmp_path):
    ideal("reproduce", "toy", "--out", tmp_path / "made")
    drawn = ideal("reproduce", "toy", "--out", tmp_path / "made", "--redraw").stdout
    assert "drawn again from run.json" in drawn
    assert "jobs done" not in drawn


def test_a_study_that_fails_stops_no_other(ideal, tmp_path, monkeypatch):
    (tmp_path / "data.txt").write_text("four")

    class Bad(Toy):
        def jobs(self, plan):
            return [Job("bad", fails, {"how": "data"})]

    studies = {"bad": Bad(tmp_path / "data.txt"), "toy": Toy(tmp_path / "data.txt")}
    monkeypatch.setattr(reproduction, "find_study", lambda name: lambda: studies[name])
    monkeypatch.setattr(reproduction, "STUDIES", studies)
    result = ideal("reproduce", "all", "--out", tmp_path / "made", "--json")
    assert result.exit_code == 1
    assert "ideal: bad (1 of 2): failed: " in result.stderr
    document = json.loads(result.stdout)
    assert [each["study"] for each in document["studies"]] == ["toy"]
    assert "seven is missing" in document["errors"][0]
    record = json.loads((tmp_path / "made" / "bad" / "run.json").read_text())
    assert record["status"] == "failed"
    assert record["errors"] == document["errors"]
    unmade = ideal("reproduce", "bad", "--out", tmp_path / "made", "--redraw")
    assert unmade.exit_code == 2
    assert "holds a study that is failed: repeat the command without --redraw" in unmade.stderr


def test_a_data_folder_that_is_none_stops_all(ideal, toy, tmp_path, monkeypatch):
    monkeypatch.setenv("IDEAL_DATA", str(tmp_path / "typo"))
    result = ideal("reproduce", "toy", "--out", tmp_path / "made")
    assert result.exit_code == 1
    assert "typo, which is no folder" in result.stderr
    assert not (tmp_path / "made").exists()


def test_what_goes_wrong(ideal, toy, tmp_path, monkeypatch):
    monkeypatch.setattr(Toy, "jobs", lambda self, plan: [Job("bad", fails, {"how": "defect"})])
    failed = ideal("reproduce", "toy", "--out", tmp_path / "made")
    assert failed.exit_code == 1
    assert "bad: ZeroDivisionError: seven is missing (traceback in" in failed.stderr
    assert "in fails" in (tmp_path / "made" / "toy-traceback.txt").read_text()
    (tmp_path / "file").write_text("")
    assert ideal("reproduce", "toy", "--out", tmp_path / "file").exit_code == 2


def test_an_unknown_study_has_a_suggestion(ideal):
    result = ideal("reproduce", "lenless")
    assert result.exit_code == 2
    assert "no study is called 'lenless'; did you mean lensless?" in result.stderr


@pytest.mark.slow
def test_interrupt_exits_with_130_and_goes_on(tmp_path):
    """Ctrl-C while jobs are at work, by a real signal to the whole group as a terminal sends it."""
    (tmp_path / "data.txt").write_text("four")
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom fixtures import reproduce as world\n"
        "from ideal.studies import reproduction\n"
        "from ideal.cli.__main__ import main\n"
        f"study = world.Toy(Path({str(tmp_path / 'data.txt')!r}))\n"
        "own = study.jobs\n"
        "if sys.argv.pop() == 'slow':\n"
        "    study.jobs = lambda plan: [*own(plan), world.Job('nap', world.nap, {'n': 1}, ('total',))]\n"
        "reproduction.find_study = lambda name: lambda: study\nreproduction.STUDIES = {'toy': None}\n"
        "if __name__ == '__main__':\n    main()\n"
    )
    script = tmp_path / "script.py"
    script.write_text(f"import sys\nsys.path.insert(0, {str(Path(__file__).parents[1])!r})\n" + code)
    command = [sys.executable, script, "reproduce", "toy", "--out", tmp_path / "made"]
    napping = tmp_path / "napping"
    world = os.environ | {"NAPPING": str(napping)}
    process = subprocess.Popen([*command, "slow"], stderr=subprocess.PIPE, text=True, start_new_session=True, env=world)
    until = time.monotonic() + 600
    while not napping.exists() and time.monotonic() < until:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, error = process.communicate(timeout=600)
    assert process.returncode == 130, error
    assert "interrupted: repeat the command to go on with" in error
    assert "Traceback" not in error
    record = tmp_path / "made" / "toy" / "run.json"
    assert json.loads(record.read_text())["status"] == "interrupted"
    done = subprocess.run([*command, "quick"], capture_output=True, text=True, check=False)
    assert "1 of 5 jobs done now" in done.stdout, done.stderr
    assert json.loads(record.read_text())["status"] == "finished"
