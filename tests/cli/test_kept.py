"""A number that was found stays: full disks, closed streams, failing figures, damaged run folders, changed inputs, kills."""

import fcntl
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fixtures.cli import FAST, document, without_timings
from fixtures.disk import small_disk

from ideal.cli._streams import take_logs
from ideal.errors import NoticeWarning
from ideal.optimize.runs.setup import read_setup

IDEAL = [sys.executable, "-m", "ideal.cli"]


@pytest.mark.parametrize("size", [4, 8, 12, 20, 28])
def test_a_full_disk_costs_no_number(ideal, data, tmp_path, size):
    with small_disk(tmp_path / "disk", size) as disk:
        for name in ("run", "m.h5"):
            option = "--save-model" if name == "m.h5" else "--out"
            result = ideal("estimate", data / "a.h5", "--model", "full", "--patch", "8", option, disk / name)
            assert result.exit_code == 1, result.stderr
            assert "information" in result.stdout
            assert "cannot be written (No space left on device)" in result.stderr
            assert "defect" not in result.stderr
            assert not [each for each in disk.rglob("*") if each.suffix == ".partial"]
            if name == "run":
                shutil.rmtree(disk / name, ignore_errors=True)


@pytest.mark.parametrize("size", [4, 20])
def test_a_full_disk_costs_no_design(ideal, tmp_path, hasty_compiler, size):
    system = ("color-filter-array", "beads", "--set", "shape=[8,8]", "--set", "period=[2,2]", "-n", "30", "--photons", "1000")
    brief = ("--steps", "2", "--no-search", "--start", "random", "--against", "none", "--model", "stationary", "--patch", "4")
    with small_disk(tmp_path / "disk", size) as disk:
        result = ideal("optimize", *system, *brief, "--out", disk / "run")
    assert result.exit_code == 1, result.stderr
    assert "the design" in result.stdout
    assert "cannot be written (No space left on device)" in result.stderr
    assert "defect" not in result.stderr


def test_an_interrupted_run_on_a_full_disk_goes_on_when_there_is_room(ideal, data, tmp_path):
    command = ("estimate", "a.h5", "--model", "full", "--patch", "8", "--json")
    whole = document(ideal(*command, "--out", tmp_path / "whole"))
    with small_disk(tmp_path / "disk", 16) as disk:
        assert ideal(*command, "--out", disk / "run").exit_code == 1
        shutil.copytree(disk / "run", tmp_path / "run", ignore=shutil.ignore_patterns(".lock"))
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] != "finished"
    again = document(ideal(*command, "--out", tmp_path / "run"))
    assert without_timings(again["results"]) == without_timings(whole["results"])
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "finished"


def test_a_figure_that_fails_costs_no_number(ideal, tmp_path, monkeypatch):
    def fails(*arguments):
        raise ValueError("no such letter")

    monkeypatch.setattr("ideal.plots.estimates.draw_estimates", fails)
    folder = tmp_path / "run"
    result = ideal("estimate", "a.h5", *FAST, "--out", folder)
    assert result.exit_code == 1
    assert "information" in result.stdout
    assert "information.png: the figure cannot be made (ValueError: no such letter)" in result.stderr
    record = json.loads((folder / "run.json").read_text())
    assert (record["status"], len(record["results"])) == ("failed", 1)


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-", ">/dev/full", "2>/dev/full"])
def test_streams_that_are_closed_or_full(data, tmp_path, closed):
    command = ["sh", "-c", f'exec "$@" {closed}', "sh", *IDEAL, "inspect", "a.h5", "--json"]
    ended = subprocess.run(command, cwd=data, capture_output=True, text=True, timeout=600)
    assert "Traceback" not in ended.stderr
    assert "defect" not in ended.stderr
    if closed.startswith("2"):
        lost = closed == "2>/dev/full"  # a closed stderr is a wish; one that takes no more has lost the warnings of this file
        assert (ended.returncode, json.loads(ended.stdout)["path"]) == (int(lost), "a.h5")
    else:
        assert (ended.returncode, ended.stdout) == (1, "")
        if "2>" not in closed:
            assert "standard output cannot be written" in ended.stderr


def test_what_libraries_log_takes_one_line(capsys, monkeypatch):
    monkeypatch.setattr(logging, "lastResort", None)
    take_logs()
    logger = logging.getLogger("library.of_others")
    logger.propagate = False
    logger.info("nothing")
    logger.warning("no\x1b[31m font\nin %s", "cache")
    logger.warning("%d", "five")
    logger.error("failed", exc_info=ValueError("why"))
    assert capsys.readouterr().err.splitlines() == [
        "ideal: warning: library: no[31m font in cache",
        "ideal: warning: library: %d",
        "ideal: warning: library: failed",
    ]


def test_messages_hold_no_control_characters(ideal, capfd):
    result = ideal("inspect", "a\x1b[31mb\nc.h5")
    assert result.exit_code == 1
    assert "\x1b" not in result.stderr
    assert result.stderr.count("\n") == 1


def interrupt_after(monkeypatch, count):
    """Have an estimate interrupted after so many files."""
    from ideal.information import estimation as information

    estimate, calls = information.estimate, []

    def interrupted(source, **options):
        calls.append(source.path)
        if len(calls) > count:
            raise KeyboardInterrupt
        return estimate(source, **options)

    monkeypatch.setattr(information, "estimate", interrupted)
    return calls


@pytest.fixture
def interrupted(ideal, tmp_path, monkeypatch):
    """Return a command on groups in a file, and the folder of its run, which was interrupted after the first of two files."""
    groups = tmp_path / "groups.txt"
    groups.write_text("".join(f"{number}\n" for number in range(70)))
    folder = tmp_path / "run"
    command = ("estimate", "a.h5", "b.h5", *FAST, "--groups", groups, "--json", "--out", folder)
    with monkeypatch.context() as patch:
        interrupt_after(patch, 1)
        assert ideal(*command).exit_code == 130
    assert not (folder / ".lock").exists()
    return command, folder, groups


def test_a_changed_input_is_refused_by_its_name(ideal, interrupted):
    command, folder, groups = interrupted
    groups.write_text("".join(f"{number // 2}\n" for number in range(70)))
    refused = ideal(*command)
    assert refused.exit_code == 2
    assert f"with other files, options or versions (changed: {groups})" in refused.stderr
    assert (folder / "result-0.json").exists()


def test_other_versions_of_packages_are_refused(ideal, interrupted, monkeypatch):
    from ideal.runs import key

    before = key.versions()
    monkeypatch.setattr(key, "versions", lambda: before | {"tifffile": "0.0"})
    refused = ideal(*interrupted[0])
    assert refused.exit_code == 2
    assert "(changed: tifffile)" in refused.stderr


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"run": "other"}', '{"path": 3}', "[" * 10**5])
def test_a_damaged_result_is_named_and_done_again(ideal, interrupted, monkeypatch, damage):
    command, folder, _ = interrupted
    (folder / "result-0.json").write_text(damage)
    calls = interrupt_after(monkeypatch, 9)
    again = ideal(*command)
    assert again.exit_code == 0, again.stderr
    assert "result-0.json is damaged" in again.stderr
    assert calls == ["a.h5", "b.h5"]
    assert len((folder / "metrics.jsonl").read_text().splitlines()) == 2


@pytest.mark.parametrize("damage", ["", "{", "[]", "{}"])
def test_a_damaged_record_is_named_and_the_results_are_kept(ideal, interrupted, monkeypatch, damage):
    command, folder, _ = interrupted
    (folder / "run.json").write_text(damage)
    other = ideal(*command, "--seed", "1")
    assert other.exit_code == 2
    assert "run.json is damaged, and result-0.json is of a run with other files, options or versions" in other.stderr
    calls = interrupt_after(monkeypatch, 9)
    again = ideal(*command)
    assert again.exit_code == 0, again.stderr
    assert "run.json is damaged" in again.stderr
    assert calls == ["b.h5"]
    assert json.loads((folder / "run.json").read_text())["status"] == "finished"


def test_lines_of_metrics_that_are_cut_or_lost_are_mended(ideal, interrupted):
    command, folder, _ = interrupted
    (folder / "metrics.jsonl").write_text('{"path": "a.h')
    assert ideal(*command).exit_code == 0
    lines = [json.loads(line)["path"] for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert lines == ["a.h5", "b.h5"]


def test_a_beginning_that_was_killed_counts_for_nothing(ideal, interrupted, monkeypatch):
    """--force is killed after the new record is written and before the old results are gone."""
    command, folder, _ = interrupted
    record = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(record | {"status": "beginning"}))
    calls = interrupt_after(monkeypatch, 9)
    assert ideal(*command).exit_code == 0
    assert calls == ["a.h5", "b.h5"]


def test_one_process_works_in_a_folder(ideal, interrupted):
    command, folder, _ = interrupted
    with open(folder / ".lock", "w") as file:
        file.write(json.dumps({"process": 77, "machine": "office", "since": "2026-01-02 03:04:05"}))
        file.flush()
        fcntl.flock(file, fcntl.LOCK_EX)
        for more in ((), ("--force",)):
            refused = ideal(*command, *more)
            assert refused.exit_code == 2
            assert "is in use by process 77 on office, begun 2026-01-02 03:04:05: wait until it ends" in refused.stderr
    assert ideal(*command).exit_code == 0
    assert not (folder / ".lock").exists()


def test_an_estimate_goes_on_at_its_fold(ideal, tmp_path, monkeypatch):
    from ideal.information import estimation as information
    from ideal.measurements.measurement_set import write_measurements

    rng = np.random.default_rng(0)
    means = 10 * np.exp(0.5 * rng.standard_normal((40, 1, 1))) * np.ones((40, 6, 6))
    write_measurements(tmp_path / "few.h5", rng.poisson(means).astype("u2"), noise="poisson")
    command = ("estimate", tmp_path / "few.h5", "--model", "stationary", "--model", "full", "--patch", "4", "--json")
    score, calls = information._score_fold, []

    def counted(*arguments):
        calls.append(1)
        if len(calls) == stop:
            raise KeyboardInterrupt
        return score(*arguments)

    monkeypatch.setattr(information, "_score_fold", counted)
    stop = None
    whole = document(ideal(*command, "--out", tmp_path / "whole"))
    assert len(calls) == 5
    calls.clear()
    stop = 4
    assert ideal(*command, "--out", tmp_path / "run").exit_code == 130
    stop = None
    calls.clear()
    again = document(ideal(*command, "--out", tmp_path / "run"))
    assert len(calls) == 2  # the fourth and the fifth
    assert without_timings(again["results"]) == without_timings(whole["results"])
    models = [tmp_path / name / "models" / "0" for name in ("whole", "run")]
    assert [each.name for each in sorted(models[0].iterdir())] == [each.name for each in sorted(models[1].iterdir())]
    for file in models[0].iterdir():
        assert file.read_bytes() == (models[1] / file.name).read_bytes()
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_all_modules_of_an_encoder_belong_to_its_run(tmp_path):
    from ideal.imaging.custom.modules import own_modules

    files = {
        "optics/__init__.py": "",
        "optics/main.py": "from .glass import index\nimport numpy\nfrom optics import tools\n",
        "optics/glass.py": "def index():\n    import late\n    return late.N\n",
        "optics/tools.py": "import optics.main\n",
        "late.py": "N = 1\n",
        "other.py": "",
        "numpy_is_elsewhere.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    found = [str(each.relative_to(tmp_path)) for each in own_modules("optics.main", tmp_path)]
    assert found == ["late.py", "optics/__init__.py", "optics/glass.py", "optics/main.py", "optics/tools.py"]
    (tmp_path / "optics/glass.py").write_text("this is no Python")
    assert len(own_modules("optics.main", tmp_path)) == 4
    assert own_modules("nowhere", tmp_path) == []


def test_a_page_holds_files_of_its_folder_alone(ideal, tmp_path, interrupted):
    from ideal.reports.figures import picture
    from ideal.runs.read import inside, read_run

    folder = tmp_path / "run"
    run = read_run(folder)
    png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1"
    (tmp_path / "private.png").write_bytes(png)
    (folder / "own.png").write_bytes(png)
    os.symlink("../private.png", folder / "link.png")
    os.symlink("own.png", folder / "fine.png")
    os.symlink("circle.png", folder / "circle.png")
    os.mkfifo(folder / "pipe.png")
    for name in ("../private.png", str(tmp_path / "private.png"), "link.png", "circle.png", "pipe.png", "missing.png", "a\0b"):
        assert inside(folder, name) is None
        assert picture(run, name, "", "").source is None
    for name in ("own.png", "fine.png"):
        assert picture(run, name, "", "").source is not None
    (tmp_path / "key.toml").write_text("SECRET")
    os.symlink("../key.toml", folder / "run.toml")
    os.symlink("../key.toml", folder / "result-7.json")
    assert ideal("report", folder, "-o", tmp_path / "page.html").exit_code == 0
    assert "SECRET" not in (tmp_path / "page.html").read_text()


@pytest.mark.slow
def test_kills_at_changes_of_files(tmp_path):
    """A few of the kills of `make kills`: the same command gives the same bytes as an unbroken run, and nothing is left."""
    program = [sys.executable, str(Path(__file__).parents[1] / "fixtures" / "kill.py"), "estimate", "--changes", "4"]
    ended = subprocess.run(program, capture_output=True, text=True, timeout=600, env={**os.environ, "TMPDIR": str(tmp_path)})
    assert ended.returncode == 0, ended.stdout + ended.stderr
    found = json.loads(ended.stdout)
    assert (found["kills"], found["wrong"], found["after the end"]) == (4, [], 0)


@pytest.fixture
def no_waiting():
    """Have a test fail, not hang, where something waits for a pipe."""

    def stop(*arguments):
        raise TimeoutError("waits for ever")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(300)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("name", ["run.json", "result-0.json", "metrics.jsonl"])
@pytest.mark.parametrize("first", ["interrupted", "failed"])
def test_a_pipe_in_the_folder_of_a_run_does_not_hang_it(ideal, tmp_path, monkeypatch, no_waiting, name, first):
    folder = tmp_path / "run"
    command = ("estimate", "a.h5", "b.h5", *FAST, "--out", folder)

    def fails(*arguments):
        raise ValueError("no such letter")

    with monkeypatch.context() as patch:
        if first == "interrupted":
            interrupt_after(patch, 1)
        else:
            patch.setattr("ideal.plots.estimates.draw_estimates", fails)
        assert ideal(*command).exit_code == (130 if first == "interrupted" else 1)
    (folder / name).unlink()
    os.mkfifo(folder / name)
    result = ideal(*command)
    assert f"{name}" in result.stderr
    assert "pipe" in result.stderr
    assert "defect" not in result.stderr
    assert "bits/pixel" in result.stdout
    assert ideal("report", folder, "-o", tmp_path / "page.html").exit_code in (0, 1)


def test_a_pipe_in_place_of_what_was_kept_does_not_hang_the_work(tmp_path, no_waiting):
    from ideal._checkpoints import read_checkpoint, write_checkpoint
    from ideal.errors import StorageWarning
    from ideal.jobs.kept import Kept

    checkpoint = tmp_path / "a.npz"
    assert read_checkpoint(checkpoint) is None
    write_checkpoint(checkpoint, {"a": np.arange(3)})
    assert list(read_checkpoint(checkpoint)) == ["a"]
    kept = Kept(tmp_path / "kept")
    assert kept.read("k") is None
    for file, read in ((checkpoint, read_checkpoint), (tmp_path / "kept" / "k.json", lambda file: kept.read("k"))):
        file.unlink(missing_ok=True)
        os.mkfifo(file)
        with pytest.warns(StorageWarning, match="is a pipe"):
            assert read(file) is None


@pytest.mark.parametrize("record", [{"status": "running"}, {"status": {"a": 1}}, {"status": "running", "configuration": [1]}])
def test_a_record_without_its_content_is_damaged(ideal, tmp_path, record):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "run.json").write_text(json.dumps(record))
    result = ideal("estimate", "a.h5", *FAST, "--out", folder)
    assert result.exit_code == 0, result.stderr
    assert "run.json is damaged (it is no record of a run)" in result.stderr


def test_what_is_read_is_never_overwritten(ideal, tmp_path):
    model, design = tmp_path / "m.h5", tmp_path / "d.h5"
    assert ideal("estimate", "a.h5", *FAST, "--save-model", model).exit_code == 0
    before = model.read_bytes()
    (tmp_path / "link.h5").symlink_to(model)
    for name in ("m.h5", "link.h5"):
        result = ideal("sample", model, "--out", tmp_path / name, "--force")
        assert (result.exit_code, model.read_bytes()) == (2, before)
        assert f"would overwrite {model}, which is read" in result.stderr
    design.write_bytes(b"a design")
    for words in (("--design", design), ("--set", f"psf_file={design}")):
        result = ideal("simulate", "lensless", "beads", *words, "-n", "5", "-o", design, "--force")
        assert "which is read" in result.stderr
        assert design.read_bytes() == b"a design"


def test_an_empty_name_of_what_to_write_is_no_name(ideal):
    for option in ("--out", "--plot", "--save-model"):
        result = ideal("estimate", "a.h5", *FAST, option, "")
        assert result.exit_code == 2
        assert f"{option} is empty" in result.stderr


def test_an_array_beside_no_configuration_counts_as_input_and_keeps_its_whole_name(tmp_path):
    folder, out, array = tmp_path / "cfg", tmp_path / "run", tmp_path / "elsewhere" / "v.npy"
    for each in (folder, out, array.parent):
        each.mkdir()
    np.save(array, np.ones(4))
    (folder / "outside_optics.py").write_text("def encode(p, x):\n    return x * p['v'].sum()\n")
    config = folder / "a.toml"
    config.write_text(
        '[system]\nencoder = "outside_optics:encode"\nshape = [16, 16]\n[system.parameters.v]\nvalue = "../elsewhere/v.npy"\n'
    )
    with pytest.warns(NoticeWarning) as told:
        recipe = read_setup(None, str(config)).recipe
    texts = [str(each.message) for each in told]
    assert any("reads" in text and "outside its folder" in text for text in texts)
    assert any("runs the code of the module outside_optics: use it only if you trust it" in text for text in texts)
    assert {each.resolve() for each in recipe.sources} == {array, folder / "outside_optics.py"}
    assert recipe.system["parameters"]["v"]["value"] == str(array)
    recipe.copy_sources(out)
    assert [each.name for each in out.iterdir()] == ["outside_optics.py"]
