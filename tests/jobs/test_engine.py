"""The engine of jobs: what is kept, retried, logged and shared, by local processes and in shards."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fixtures.jobs import TESTS, dies_at_first, drawn, fails, noted, nothing, reads, squares, traces

from ideal.errors import DataError, UsageError
from ideal.jobs import Job, JobError, Kept, Shard, open_engine, parse_shard, run_jobs
from ideal.jobs.kept import key_of
from ideal.jobs.run import kept_keys
from ideal.jobs.shards import Claims


def done(jobs, folder, workers=0, **more):
    with open_engine(workers) as engine:
        return run_jobs(jobs, Kept(Path(folder)), engine, **more)


def contents(folder):
    """Return results by key, without the seconds that they took."""
    return {file.name: json.loads(file.read_text())["result"] for file in Path(folder).glob("*.json")}


def test_what_is_needed_comes_first_and_nothing_is_done_twice(tmp_path):
    found = done(squares(tmp_path, 5), tmp_path / "jobs")
    assert found.results["all"]["needs"] == [0, 1, 4, 9, 16]
    assert traces(tmp_path) == dict.fromkeys(range(-1, 5), 1)
    again = done(squares(tmp_path, 6), tmp_path / "jobs")
    assert again.reused == 5
    assert traces(tmp_path) == {-1: 2, **dict.fromkeys(range(6), 1)}


def test_local_processes_give_the_bytes_of_this_process(tmp_path):
    jobs = [Job(f"drawn {value}", drawn, {"value": value}) for value in range(4)]
    one, two = (done(jobs, tmp_path / str(workers), workers) for workers in (1, 2))
    assert not one.failures
    assert not two.failures
    assert contents(tmp_path / "1") == contents(tmp_path / "2")
    assert len(contents(tmp_path / "1")) == 4


def test_a_worker_that_dies_costs_a_retry(tmp_path):
    jobs = [Job("dies", dies_at_first, {"folder": str(tmp_path), "value": 1, "times": 2}), *squares(tmp_path, 3, 0.1)]
    found = done(jobs, tmp_path / "jobs", 2)
    assert not found.failures
    assert found.results["dies"] == {"value": 1}
    assert traces(tmp_path) == dict.fromkeys(range(-1, 3), 1)


def test_what_fails_again_and_again_is_told_with_its_log_and_the_others_go_on(tmp_path):
    bad = Job("dies", dies_at_first, {"folder": str(tmp_path), "value": 1, "times": 9})
    user = Job("user", noted, {"folder": str(tmp_path), "value": 7}, needs=("dies",))
    found = done([bad, user, *squares(tmp_path, 2)], tmp_path / "jobs", 1)
    assert list(found.failures) == ["dies"]
    assert found.left == ["user"]
    assert "was killed, perhaps for want of memory" in str(found.failures["dies"].error)
    assert "(3 times)" in str(found.failures["dies"].error)
    log = found.failures["dies"].log.read_text()
    assert [line for line in log.splitlines() if line.startswith("attempt")][-1].startswith("attempt 3 of 3")
    assert found.results["all"]["needs"] == [0, 1]
    with pytest.raises(JobError, match="dies: its process was killed"):
        found.raise_first()


@pytest.mark.parametrize(("how", "attempts"), [("data", 1), ("defect", 1), ("disk", 3)])
def test_an_error_is_tried_again_where_that_may_help(tmp_path, how, attempts):
    found = done([Job("bad", fails, {"how": how})], tmp_path, 1)
    log = found.failures["bad"].log.read_text()
    assert log.count("attempt ") == attempts
    assert "said before it failed" in log
    assert "seven is missing" in log
    assert '"how"' in log
    assert isinstance(found.failures["bad"].error, DataError) == (how == "data")


def test_a_log_goes_when_the_job_is_done(tmp_path):
    bad = Job("dies", dies_at_first, {"folder": str(tmp_path), "value": 1, "times": 3})
    first = done([bad], tmp_path / "jobs", 1)
    log = first.failures["dies"].log
    assert log.exists()
    assert not done([bad], tmp_path / "jobs", 1).failures
    assert not log.exists()


def test_jobs_that_do_the_same_are_done_once(tmp_path):
    settings = {"folder": str(tmp_path), "value": 3, "seconds": 0.2}
    found = done([Job("one", noted, settings), Job("other", noted, settings)], tmp_path / "jobs", 2)
    assert found.results["one"] == found.results["other"]
    assert traces(tmp_path) == {3: 1}


def test_the_content_of_inputs_counts_and_not_their_names(tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("four")
    job = Job("read", reads, {"file": str(file)}, inputs=(str(file),))
    assert done([job], tmp_path / "jobs").results["read"] == {"text": "four", "sees": True}
    assert done([job], tmp_path / "jobs").reused == 1
    file.write_text("five")
    found = done([job], tmp_path / "jobs")
    assert (found.reused, found.results["read"]["text"]) == (0, "five")


def test_an_interruption_loses_nothing_that_was_kept(tmp_path):
    def interrupt(text, fraction=None):
        if fraction and fraction > 0.4:
            raise KeyboardInterrupt

    jobs = squares(tmp_path, 6, 0.05)
    with pytest.raises(KeyboardInterrupt):
        done(jobs, tmp_path / "jobs", 2, report=interrupt)
    kept = len(contents(tmp_path / "jobs"))
    assert kept >= 2
    found = done(jobs, tmp_path / "jobs", 2)
    assert found.reused == kept
    assert found.results["all"]["needs"] == [0, 1, 4, 9, 16, 25]


def test_kept_keys_are_known_without_work(tmp_path):
    jobs = squares(tmp_path, 3)
    kept = Kept(tmp_path / "jobs")
    assert kept_keys(jobs, kept, {}) == {}
    found = done(jobs, tmp_path / "jobs")
    assert kept_keys(jobs, kept, {}) == dict(found.keys)
    assert found.keys["square 1"] == key_of(jobs[1], {})


SCRIPT = """
import sys
from pathlib import Path
from fixtures.jobs import squares
from ideal.jobs import Kept, open_engine, run_jobs
if __name__ == "__main__":
    folder = Path(sys.argv[1])
    with open_engine(int(sys.argv[2])) as engine:
        run_jobs(squares(folder, 12, 0.15), Kept(folder / "jobs"), engine)
"""


@pytest.mark.slow
@pytest.mark.parametrize("after", [0.3, 1.0, 2.0])
def test_a_command_that_is_killed_goes_on_where_it_was(tmp_path, after):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, str(script), str(tmp_path), "2"]
    environment = os.environ | {"PYTHONPATH": str(TESTS)}
    first = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    while not traces(tmp_path):
        assert first.poll() is None
        time.sleep(0.02)
    time.sleep(after)
    first.send_signal(signal.SIGKILL)
    first.wait()
    time.sleep(1.0)  # its workers follow it
    kept = {each["square"] for each in contents(tmp_path / "jobs").values()}
    before = traces(tmp_path)
    assert subprocess.run(command, env=environment, check=False).returncode == 0
    now = traces(tmp_path)
    assert len(contents(tmp_path / "jobs")) == 13
    for value, times in now.items():
        if value >= 0 and value**2 in kept:
            assert times == before[value], "what was kept was done again"


def test_shards_do_each_job_once_and_what_all_need_once(tmp_path):
    common = Job("common", noted, {"folder": str(tmp_path), "value": 50, "seconds": 0.3})
    ends = [Job(f"end {value}", noted, {"folder": str(tmp_path), "value": value}, needs=("common",)) for value in range(6)]
    jobs = [common, *ends]
    first = done(jobs, tmp_path / "jobs", shard=Shard(1, 2))
    assert first.left == ["end 1", "end 3", "end 5"]
    second = done(jobs, tmp_path / "jobs", shard=Shard(2, 2))
    assert second.reused == 1
    assert traces(tmp_path) == {50: 1, **dict.fromkeys(range(6), 1)}
    merged = done(jobs, tmp_path / "jobs")
    assert merged.reused == 7
    assert not merged.left


SHARDED = """
import sys
from pathlib import Path
from fixtures.jobs import noted
from ideal.jobs import Job, Kept, Shard, open_engine, run_jobs
folder = Path(sys.argv[1])
common = Job("common", noted, {"folder": str(folder), "value": 50, "seconds": 2.0})
ends = [Job(f"{n}", noted, {"folder": str(folder), "value": n}, needs=("common",)) for n in range(4)]
with open_engine(0) as engine:
    run_jobs([common, *ends], Kept(folder / "jobs"), engine, shard=Shard(int(sys.argv[2]), 2))
"""


def test_two_shards_at_once_do_what_both_need_once(tmp_path):
    (tmp_path / "script.py").write_text(SHARDED)
    command = [sys.executable, str(tmp_path / "script.py"), str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": str(TESTS)}
    both = [subprocess.Popen([*command, number], env=environment, stderr=subprocess.PIPE, text=True) for number in ("1", "2")]
    for each in both:
        assert each.wait() == 0, each.stderr.read()
        each.stderr.close()
    assert traces(tmp_path) == {50: 1, **dict.fromkeys(range(4), 1)}
    assert not (tmp_path / "jobs" / "claims").exists()


def test_a_claim_ends_with_its_process(tmp_path):
    one, other = Claims(tmp_path), Claims(tmp_path)
    assert one.take("a")
    assert not other.take("a")
    one.release("a")
    assert other.take("a")
    other.release_all()


@pytest.mark.parametrize(
    ("text", "variables", "shard"),
    [
        ("2/8", {}, Shard(2, 8)),
        (None, {}, None),
        (None, {"SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_MIN": "0", "SLURM_ARRAY_TASK_COUNT": "4"}, Shard(4, 4)),
        (None, {"SLURM_ARRAY_TASK_ID": "9", "SLURM_ARRAY_TASK_MIN": "1", "SLURM_ARRAY_TASK_COUNT": "3",
                "SLURM_ARRAY_TASK_STEP": "4"}, Shard(3, 3)),
        ("none", {"SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_MIN": "0", "SLURM_ARRAY_TASK_COUNT": "4"}, None),
        ("1/4", {"SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_MIN": "0", "SLURM_ARRAY_TASK_COUNT": "4"}, Shard(1, 4)),
    ],
)  # fmt: skip
def test_shards_in_words_and_in_arrays(text, variables, shard):
    assert parse_shard(text, variables) == shard


@pytest.mark.parametrize("text", ["0/4", "5/4", "a/b", "3", "1/0", ""])
def test_what_is_no_shard(text):
    with pytest.raises(UsageError, match="give K/N"):
        parse_shard(text, {})


def test_an_array_with_gaps_has_no_parts():
    gaps = {"SLURM_ARRAY_TASK_ID": "9", "SLURM_ARRAY_TASK_MIN": "1", "SLURM_ARRAY_TASK_COUNT": "3"}
    with pytest.raises(UsageError, match="number tasks 1 to N"):
        parse_shard(None, gaps)


def test_results_leave_the_memory(tmp_path):
    jobs = [Job(f"n {value}", nothing, {"value": value}) for value in range(50)]
    found = done(jobs, tmp_path / "jobs")
    assert not found.results._here
    assert [found.results[f"n {value}"]["value"] for value in range(50)] == list(range(50))
