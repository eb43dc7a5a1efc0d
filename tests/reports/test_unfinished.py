"""`ideal report` of runs that are not finished, that were cut short, or that are none."""

import json
import re
import shutil

import pytest
from fixtures.cli import FAST, document
from fixtures.report import (
    NASTY,
    Telescopes,
    design_record,
    reproduction_record,
    unfinished_record,
    write_run,
)

from ideal.runs.keeping import Keeping
from ideal.studies import Plan
from ideal.studies.engine.folder import StudyFolder


def test_an_interrupted_run_shows_what_it_has_and_its_command(ideal, report, tmp_path, monkeypatch):
    from ideal.information import estimation as information

    folder, estimate = tmp_path / "run", information.estimate

    def interrupted(source, **options):
        if source.path == "b.h5":
            raise KeyboardInterrupt
        return estimate(source, **options)

    monkeypatch.setattr(information, "estimate", interrupted)
    command = ("estimate", "a.h5", "b.h5", *FAST, "--out", folder)
    monkeypatch.setattr("sys.argv", ["ideal", *map(str, command)])
    assert ideal(*command).exit_code == 130
    kept = json.loads((folder / "result-0.json").read_text())
    page = report(folder)
    assert "1 of 2 files are estimated so far." in page.text
    assert f"ideal estimate a.h5 b.h5 {' '.join(FAST)} --out {folder}" in page.of("code")
    assert f"{kept['n_groups']}" in page.rows("Entropies, and what they were estimated from")[1]
    assert "unfinished" in page.of("span")
    assert "the run is unfinished" in page.result.stderr
    assert "missing" not in page.result.stderr


def test_an_unfinished_design_says_how_far_it_is(report, runs):
    lines = [{"step": 10, "hard_gain": [1.25, 1.5]}, {"path": "the design", "information_bits_per_pixel": 1.1, "model": "full"}]
    text = "\n".join(map(json.dumps, lines)) + '\n{"cut'
    (runs["unfinished"] / "metrics.jsonl").write_text(text, encoding="utf-8")
    (runs["unfinished"] / "run.toml").write_text('[optimize]\nobjects = "<objects>"\n', encoding="utf-8")
    page = report(runs["unfinished"])
    assert "step 10 of its steps, the objective of the best start is 1.5000" in page.text
    assert page.rows("Measured so far")[1] == ["the design", "1.100", "full"]
    assert '[optimize] objects = "<objects>"' in page.of("code")


def test_a_failed_run_is_shown_as_such(report, runs):
    page = report(runs["failed"])
    assert "failed" in page.of("span")
    assert f"{NASTY}: no samples" in page.text
    assert "the run is failed" in page.result.stderr


@pytest.fixture
def study(tmp_path):
    """Folder of a study as `ideal reproduce` leaves it while it goes on."""
    folder = StudyFolder(tmp_path / "studies" / "radio")
    command = ["ideal", "reproduce", "cfa", "radio", "--quick", "--out", "studies"]
    folder.path.mkdir(parents=True)
    folder.begin(Telescopes(), Plan(quick=True), {"version": "0.1.0", "command": command, "seed": 0}, Keeping())
    return folder


def test_a_study_that_goes_on_or_was_interrupted_says_how_to_go_on(report, study):
    page = report(study.path)
    assert "The study was interrupted, or goes on: it has no findings yet. Repeat the command" in page.text
    study.stopped("interrupted", [])
    page = report(study.path)
    assert "The study was interrupted: it has no findings yet. Repeat the command" in page.text
    assert page.of("code") == ["ideal reproduce radio --quick --out studies"]
    assert "unfinished" in page.of("span")
    assert "the run is unfinished" in page.result.stderr
    assert "missing" not in page.result.stderr
    assert {"img", "figure", "table"}.isdisjoint(tag for tag, _ in page.tags)  # nothing broken, nothing empty


def test_a_study_that_failed_says_why_and_does_not_take_the_page_from_others(report, study, tmp_path):
    study.stopped("failed", [f"no photographs in {NASTY}"])
    finished = write_run(tmp_path / "finished", reproduction_record(), ["figure.png"])
    page = report(study.path, finished, write_run(tmp_path / "again", reproduction_record(), ["figure.png"]))
    assert f"no photographs in {NASTY}" in page.text
    assert "failed" in page.of("span")
    assert "no findings yet" in page.of("nav")[0]
    assert len(page.rows("Targets of all studies")) == 5
    assert "the run is failed" in page.result.stderr


def test_an_older_record_of_a_study_without_a_status_is_of_a_finished_one(report, tmp_path):
    record = reproduction_record()
    del record["status"]
    assert "unfinished" not in report(write_run(tmp_path / "old", record, ["figure.png"])).html.partition("</style>")[2]


def test_unfinished_records_lack_what_only_the_end_brings():
    assert "designs" not in unfinished_record(design_record())


@pytest.fixture
def wrong(runs, tmp_path):
    """Folders that hold no run, or one that cannot be read."""
    folders = {name: tmp_path / name for name in ("empty", "cut", "half", "nan", "list", "other", "lacks", "odd")}
    for folder in folders.values():
        folder.mkdir()
    text = json.dumps(design_record())
    (folders["cut"] / "run.json").write_text(text[: len(text) // 2])
    text = json.dumps(reproduction_record())
    (folders["half"] / "run.json").write_text(text[: len(text) // 2])
    (folders["nan"] / "run.json").write_text(text.replace('"value": 58.0', '"value": -Infinity'))
    (folders["list"] / "run.json").write_text("[1, 2]")
    (folders["other"] / "run.json").write_text('{"name": "package", "version": 3}')
    record = design_record()
    del record["gain"]
    (folders["lacks"] / "run.json").write_text(json.dumps(record))
    (folders["odd"] / "run.json").write_text(json.dumps(design_record() | {"designs": "none"}))
    file = tmp_path / "file"
    file.write_text("")
    return {name: str(folder) for name, folder in (runs | folders).items()} | {"file": str(file), "above": str(tmp_path / "runs")}


WRONG = [
    ("missing", 1, "missing does not exist: name the folder of a run"),
    ("{file}", 1, "file is a file: name the folder of a run"),
    ("{empty}", 1, "empty holds no run.json: name the folder of a run"),
    (
        "{above}",
        1,
        "holds no run.json: name the folder of a run (--out of ideal estimate, optimize or reproduce); there are runs in it",
    ),
    ("{cut}", 1, "run.json cannot be read (Unterminated"),
    ("{cut}", 1, "was it cut short or changed? repeat the command of the run\n"),
    ("{half}", 1, "was it cut short or changed? repeat the command of the run: what its jobs have done is kept\n"),
    ("{nan}", 1, "run.json cannot be read (-Infinity is no number of JSON): was it cut short or changed? repeat the command"),
    ("{cut} {lacks}", 1, "none of the 2 runs can be shown; the first: {cut}/run.json cannot be read (Unterminated"),
    ("{design} missing", 1, "missing does not exist"),
    ("{list}", 1, "run.json holds a list, expected the record of a run"),
    (
        "{other}",
        1,
        "run.json is not of a run: expected what ideal estimate, optimize or reproduce keep, found the keys name, version",
    ),
    ("{lacks}", 1, "run.json lacks 'gain': it was changed, or written by another version; repeat the command of the run"),
    ("{odd}", 1, "run.json cannot be understood (TypeError"),
    ("{design} {design}/run.json", 2, "is named twice"),
    ("{design} -o page.pdf", 2, "the name must end in .html or .htm"),
    ("{design} -o {design}/run.json/page.html", 2, "cannot be written"),
    ("", 2, "Missing argument"),
]


@pytest.mark.parametrize(("line", "code", "words"), WRONG, ids=[line or "nothing" for line, _, _ in WRONG])
def test_what_goes_wrong_takes_one_line(ideal, wrong, monkeypatch, tmp_path, line, code, words):
    monkeypatch.chdir(tmp_path)
    result = ideal("report", *line.format(**wrong).split())
    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr.startswith("ideal: error: ")
    assert result.stderr.count("\n") == 1
    assert words.format(**wrong) in result.stderr
    assert not list(tmp_path.glob("*.html"))


def test_of_several_runs_those_that_cannot_be_shown_are_left_out_and_the_page_says_so(ideal, report, wrong, tmp_path):
    left_out = [wrong[name] for name in ("cut", "nan", "empty", "lacks", "file")]
    page = report(wrong["estimate"], *left_out, wrong["reproduction"])
    assert page.of("h1") == ["Report of 2 runs"]
    told = page.html[page.html.index("<header>") : page.html.index("</header>")]
    assert "Left out of this page" in told
    lines = [line for line in page.result.stderr.splitlines() if "left out: " in line]
    for place in left_out:
        assert place in told
        assert sum(line.startswith(f"ideal: warning: left out: {place}") for line in lines) == 1
    assert len(lines) == len(left_out)
    page = report(wrong["cut"], wrong["reproduction"])
    assert page.of("h1") == ["Arrays of telescopes"]
    assert "Left out" not in report(wrong["reproduction"]).html
    found = document(ideal("report", wrong["cut"], wrong["estimate"], "-o", tmp_path / "a.html", "--json"))
    assert [each["place"] for each in found["runs"]] == [wrong["estimate"]]
    assert len(found["left_out"]) == 1
    assert found["left_out"][0].startswith(f"{wrong['cut']}/run.json cannot be read")


def test_intervals_that_nobody_knows_are_kept_as_nan_beside_the_record_and_stop_nothing(ideal, report, tmp_path):
    folder = tmp_path / "run"
    assert ideal("estimate", "a.h5", *FAST, "--out", folder).exit_code == 0
    kept = folder / "result-0.json"
    kept.write_text(re.sub(r'"interval": \[[^\]]*\]', '"interval": [NaN, NaN]', kept.read_text()))
    shutil.copytree(folder, tmp_path / "other")
    assert "Not compared" not in report(folder, tmp_path / "other").text
