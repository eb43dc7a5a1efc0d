"""The same sweep by local processes, by the workers of a Dask scheduler, and in shards: the same bytes."""

import csv
import json
import logging

import pytest
from fixtures.jobs import dask

from ideal.sweeps import SweepRequest, run_sweep

SETTINGS = {
    "system": "color-filter-array",
    "system.shape": [8, 8],
    "system.period": [2, 2],
    "objects": "natural-fields",
    "count": 70,
    "models": ["stationary", "full"],
    "patch": 8,
    "decoder": "linear",
}


def contents(folder):
    """Return the results of jobs by their keys, as JSON texts."""
    files = (folder / ".jobs").glob("*.json")
    return {file.name: json.dumps(json.loads(file.read_text())["result"]) for file in files}


def lines(folder):
    """Return the table without what took time."""
    rows = list(csv.reader((folder / "table.csv").read_text().splitlines()))
    kept = [place for place, name in enumerate(rows[0]) if "seconds" not in name]
    return [[row[place] for place in kept] for row in rows]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_a_scheduler_with_two_workers_gives_the_bytes_of_local_processes(tmp_path):
    request = SweepRequest.of({"design": ["bayer", "white"], "photons": [50, 500]}, SETTINGS)
    run_sweep(request, tmp_path / "local", jobs=1, progress=False)
    with dask(tmp_path) as (_, _, file):
        found = run_sweep(request, tmp_path / "dask", scheduler=file, progress=False)
    assert [row["status"] for row in found] == ["done"] * 4
    assert contents(tmp_path / "dask") == contents(tmp_path / "local")
    assert len(contents(tmp_path / "dask")) == 12, "four estimates, four decodings, two differences of each"
    assert lines(tmp_path / "dask") == lines(tmp_path / "local")
    assert logging.getLogger("distributed.client").level == logging.CRITICAL
