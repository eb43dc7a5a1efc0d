"""`ideal sweep`: several values in a row, the table, the folder, a dry run, and what goes wrong."""

import json

import pytest

pytestmark = pytest.mark.usefixtures("hasty_compiler")
FIXED = ("--set", "system.shape=[8,8]", "--set", "system.period=[2,2]", "--set", "count=70", "--set", "patch=8", "--jobs", "1")
BASE = ("sweep", "color-filter-array", "--objects", "natural-fields", "--model", "stationary", *FIXED)


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return tmp_path_factory.mktemp("sweep") / "run"


@pytest.mark.slow
def test_values_in_a_row_are_axes(ideal, out):
    result = ideal(*BASE, "--design", "bayer", "white", "--photons", "50", "500", "-o", out)
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].split()[:3] == ["design", "photons", "bits/pixel"]
    assert [line.split()[:2] for line in lines[1:5]] == [[d, p] for d in ("bayer", "white") for p in ("50", "500")]
    assert "4 points; 6 of 6 jobs done now" in result.stdout
    again = ideal(*BASE, "--design", "bayer", "--design", "white", "--photons", "50", "--photons=500", "-o", out, "--json")
    assert again.exit_code == 0, again.stderr
    document = json.loads(again.stdout)
    assert document["jobs"]["done_now"] == 0
    assert [axis["name"] for axis in document["axes"]] == ["design", "photons"]
    dry = ideal(*BASE, "--design", "bayer", "white", "--photons", "50", "500", "-o", out, "--dry-run")
    assert "4 points, 6 jobs, 6 of them done" in dry.stdout


@pytest.mark.slow
def test_a_file_describes_it_and_options_change_it(ideal, tmp_path):
    (tmp_path / "s.toml").write_text(
        '[system]\nname = "color-filter-array"\nshape = [8, 8]\nperiod = [2, 2]\n[objects]\nname = "natural-fields"\n'
        '[simulate]\ncount = 70\n[estimate]\nmodels = "stationary"\npatch = 8\n[axes]\ndesign = ["bayer", "white"]\n'
    )
    result = ideal("sweep", tmp_path / "s.toml", "--photons", "50", "--baseline", "design=white", "--jobs", "1", "--json")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["baseline"] == {"design": "white"}
    assert [row["photons"] for row in document["points"]] == [50, 50]


@pytest.mark.slow
def test_a_point_that_fails_ends_with_1(ideal, tmp_path):
    result = ideal(*BASE[:2], *BASE[4:], "--objects", "natural-fields", "two-points", "--photons", "50", "-o", tmp_path / "run")
    assert result.exit_code == 1
    assert "failed" in result.stdout
    assert "ideal: error: two-points: " in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("sweep", "lensless"), "a sweep needs an axis"),
        (("sweep", "lensles", "--photons", "1", "2"), "did you mean lensless"),
        (("sweep", "lensless", "--photons", "1", "2", "--shard", "3/2", "-o", "x"), "--shard 3/2 is no part"),
        (("sweep", "lensless", "--photons", "1", "2", "--shard", "1/2"), "a shard needs a folder"),
        (("sweep", "lensless", "--axis", "defocus=1,2"), "a sweep has no setting 'defocus'"),
        (("sweep", "lensless", "--photons", "1", "1"), "has 1 twice"),
    ],
)
def test_what_is_refused(ideal, arguments, message):
    result = ideal(*arguments)
    assert result.exit_code == 2, result.stdout
    assert message in result.stderr.replace("`", "")


def test_without_dask_one_line_says_what_to_type(ideal, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "distributed", None)
    result = ideal(*BASE, "--photons", "50", "500", "--scheduler", "tcp://127.0.0.1:8786")
    assert result.exit_code == 1
    assert result.stderr.strip().splitlines()[-1] == (
        "ideal: error: --scheduler needs the package distributed, which is not installed: pip install 'ideal[cluster]'"
    )
