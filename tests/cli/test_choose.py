"""`ideal optimize --choose`: tables, files and errors."""

import json
import re
import tomllib

import h5py
import numpy as np
import pytest

from ideal.imaging import make_system

pytestmark = pytest.mark.usefixtures("hasty_compiler")

ARRAY = ("interferometer", "--set", "shape=16,16", "--set", "interval=3600", "-n", 200)
CELLS = ("--set", "objects.radius=0.6,1.0", "--set", "objects.contrast=0.02")
LEDS = ("led-microscope-weak", "--set", "shape=16,16", *CELLS, "-n", 100)

QUICK = ("--model", "stationary", "--patch", 4)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Run commands in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments):
    from typer.testing import CliRunner

    from ideal.cli.__main__ import app

    return CliRunner().invoke(app, ["optimize", *map(str, arguments)], prog_name="ideal")


def document(result):
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def refused(*arguments):
    result = run(*arguments)
    assert result.exit_code == 2, (result.exit_code, result.stderr)
    lines = [line for line in result.stderr.splitlines() if line.startswith("ideal: error")]
    assert len(lines) == 1
    return lines[0]


def test_three_of_five_sites(here):
    sites = ("ALMA", "LMT", "SMT", "PV", "SMA")
    command = (*ARRAY, "--set", f"sites={','.join(sites)}", "--choose", 3)
    found = document(run(*command, "--out", "run", "--json"))
    strategies = {each["strategy"]: each for each in found["strategies"]}
    assert list(strategies) == ["greedy", "exhaustive"]  # a proof needs no other
    assert found["is_proven"]
    assert strategies["exhaustive"]["sets"] == found["sets"] == 10
    best = max(each["bits_per_measurement"] for each in found["strategies"])
    assert strategies["exhaustive"]["bits_per_measurement"] == best
    assert sorted(found["chosen"]) == sorted(strategies["exhaustive"]["members"])
    choice, *others = found["designs"]
    assert (choice["name"], sorted(choice["members"])) == ("the choice", sorted(found["chosen"]))
    assert {"all"} <= {each["name"] for each in others}
    everything = next(each for each in others if each["name"] == "all")
    assert sorted(everything["members"]) == sorted(sites)
    assert everything["design_is_above_by"] < 0
    assert everything["design_is_above_by"] == pytest.approx(choice["information"] - everything["information"], rel=1e-6)
    assert choice["information"] == pytest.approx(choice["information_bits_per_pixel"] * choice["pixels"])
    for each in found["designs"]:
        assert each["interval"][0] < each["information"] < each["interval"][1]

    kept = {path.name for path in (here / "run").iterdir()}
    assert kept >= {"run.json", "run.toml", "design.h5", "design.toml", "design-before.png", "design-after.png", "comparison.png"}
    with h5py.File("run/design.h5") as file:
        assert np.asarray(file["weights"]).tolist() == [1.0, 1.0, 1.0]
    with open("run/design.toml", "rb") as file:
        assert sorted(tomllib.load(file)["system"]["sites"]) == sorted(found["chosen"])
    with open("run/run.toml", "rb") as file:
        assert tomllib.load(file)["optimize"]["choose"] == 3
    assert json.loads((here / "run" / "run.json").read_text())["status"] == "finished"
    assert "--force" in refused(*command, "--out", "run")

    from typer.testing import CliRunner

    from ideal.cli.__main__ import app

    measured = CliRunner().invoke(app, ["simulate", "run/design.toml", "black-hole-rings", "-n", "3", "-o", "m.h5", "--json"])
    assert measured.exit_code == 0, measured.stderr
    assert json.loads(measured.stdout)["shape"] == [3, choice["pixels"]]
    assert not CliRunner().invoke(app, ["report", "run", "-o", "page.html"]).stderr
    page = (here / "page.html").read_text(encoding="utf-8")
    assert f"{choice['information']:.1f}</b> bits" in page
    assert page.count("data:image/png") == 3


def test_the_table_of_one_more_site(here):
    command = (*ARRAY, "--set", "array=EHT2017+EHT2022", "--keep", "EHT2017", "--choose", 1, "--set", "objective.exhaustive=0")
    result = run(*command)
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].startswith("interferometer for black-hole-rings: 1 of 3 sites beside ALMA, APEX, ")
    assert lines[0].endswith("3 sets")
    told = result.stdout
    assert "greedy + swaps" in told
    assert "exhaustive" not in told
    assert "kept alone" in told
    assert "bits/visibility" in told
    new = set(make_system("interferometer", array="EHT2022").table.names) - set(make_system("interferometer").table.names)
    greedy = next(line for line in lines if line.startswith("greedy  "))
    assert greedy.split()[1] in new


def test_costs_stand_beside_information(here):
    (here / "costs.csv").write_text("# millions\nLMT=3\nSMT,1.5\n\n")
    sites = ("--set", "sites=ALMA,LMT,SMT,PV", "--keep", "ALMA", "--choose", 1)
    found = document(run(*ARRAY, *sites, "--cost", "costs.csv", "--cost", "PV=2", "--out", "run", "--json"))
    costs = {each["name"]: each["cost"] for each in found["candidate_information"]}
    assert costs == {"LMT": 3.0, "SMT": 1.5, "PV": 2.0}
    assert found["cost"] == costs[found["chosen"][0]]
    lines = (here / "run" / "sets.csv").read_text().splitlines()
    assert {line.split(",")[2]: float(line.split(",")[1]) for line in lines[1:]} == costs
    told = run(*ARRAY, *sites, "--cost", "costs.csv", "--cost", "PV=2").stdout
    assert re.search(r"^site +bits beside the kept +bits of the best set with it +cost$", told, re.MULTILINE)
    assert "--cost takes NAME=X" in refused(*ARRAY, *sites, "--cost", "LMT")
    assert "--cost costs.csv: LMT is given a cost twice" in refused(*ARRAY, *sites, "--cost", "LMT=1", "--cost", "costs.csv")
    assert "the cost of PV is missing" in refused(*ARRAY, *sites, "--cost", "costs.csv")


def test_leds_alike(here):
    found = document(run(*LEDS, "--choose", 2, *QUICK, "--against", "brightfield", "--out", "leds", "--json"))
    assert found["member"] == "LED"
    assert found["unit"] == "bits per pixel"
    assert len(found["chosen"]) == 2
    with h5py.File("leds/design.h5") as file:
        shares = np.asarray(file["intensities"])
    assert np.flatnonzero(shares).tolist() == sorted(map(int, found["chosen"]))
    assert shares[shares > 0] == pytest.approx([0.5, 0.5])
    names = [each["name"] for each in found["designs"]]
    assert names[0] == "the choice"
    assert "brightfield" in names
    assert len({each["model"] for each in found["designs"]}) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((*ARRAY, "--choose", 9), "--choose 9: there are 8 sites to choose from; choose fewer"),
        (
            (*ARRAY, "--choose", 6, "--keep", "ALMA", "--keep", "LMT", "--keep", "PV"),
            "5 sites to choose from beside the 3 that are",
        ),
        ((*ARRAY, "--choose", 1), "one site alone measures nothing"),
        ((*ARRAY, "--choose", 0), "--choose"),
        ((*ARRAY, "--choose", 2, "--keep", "ALMO"), "no site and no design 'ALMO'; did you mean ALMA?"),
        ((*ARRAY, "--keep", "ALMA"), "--choose"),
        ((*ARRAY, "--choose", 2, "--objective", "samples"), "leave out --objective, found samples"),
        ((*ARRAY, "--choose", 2, "--rate", "weights=0"), "--rate steers gradient ascent"),
        ((*ARRAY, "--choose", 2, "--against", "half"), "--against half: its sites take part with shares"),
        ((*ARRAY, "--choose", 2, "--against", "sites1"), "did you mean sites?"),
        ((*ARRAY, "--choose", 2, "--set", "objective.exhaust=5"), "did you mean exhaustive?"),
        ((*LEDS, "--choose", 60, "--model", "stationary"), "LEDs to choose from"),
        (("color-filter-array", "--choose", 2), "color-filter-array has nothing to choose members of"),
    ],
)
def test_wrong_requests(here, arguments, message):
    assert message in refused(*arguments)
