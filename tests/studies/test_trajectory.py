"""The study of design trajectories: what it concludes, and its work on a small scale."""

import copy

import numpy as np
import pytest
from fixtures.figure import drawn, without_intervals

from ideal.information.intervals import GroupedValues
from ideal.studies import Context, Plan
from ideal.studies.engine import world
from ideal.studies.engine.run import record_of
from ideal.studies.engine.style import write_figure
from ideal.studies.trajectory import work
from ideal.studies.trajectory.study import RUNS, Trajectory

BAYER = ["GR" * 4, "BG" * 4] * 4


def score(mean, spread=0.1):
    values = GroupedValues(np.arange(20), mean + spread * np.sin(np.arange(20)), np.ones(20))
    return {"mean": mean, "interval": [mean - 0.1, mean + 0.1], "by_source": world.kept_values(values)}


def results_of(plan):
    """Return results in which IDEAL for color gains 1 dB in 4 s and 600 MB, and end to end 0.4 dB in 20 s and 900 MB."""
    found = {"objects": {"names": ["photographs"], "notes": ["made with photographs"], "count": 100, "sources": 20}}
    rates = {"IDEAL, color": (1.0, 4.0, 600.0), "IDEAL, total": (-2.0, 2.0, 600.0), "end to end": (0.4, 20.0, 900.0)}
    for job in Trajectory().jobs(plan)[1:]:
        run = next((name for name in RUNS if job.name.startswith(name)), "IDEAL, color")
        decibels, seconds, memory = rates[run]
        if job.work is work.judged:
            points = [
                {
                    "step": 50 * part,
                    "phase": "ascent",
                    "seconds": seconds * part / 2,
                    "cpu_seconds": seconds * part / 2,
                    "tiles": BAYER,
                    "psnr": score(30 + decibels * part / 2),
                    "error": score(1e-3 * 10 ** (-decibels * part / 20), 0.0),
                    "information": {"color": 8 + decibels * part / 2, "total": 2.0},
                }
                for part in range(3)
            ]
            found[job.name] = {"points": points, "memory_mb": memory, "memory_before_mb": 500.0}
        elif job.work is work.trained:
            late = 0.0 if "before" in job.name else 0.5
            found[job.name] = {"psnr": score(31 + decibels + late), "error": score(1e-3 * 10 ** (-decibels / 10), 0.0)}
        elif job.work is work.remeasured:
            bits = {"IDEAL, total": 2.4, "end to end": 2.2}.get(run, 2.0)
            found[job.name] = score(bits) | {"information": bits, "interval": [bits - 0.1, bits + 0.1], "model": "full"}
    return found


@pytest.mark.parametrize("quick", [True, False])
def test_conclusion(quick, tmp_path):
    plan = Plan(quick=quick)
    record = record_of(Trajectory(), plan, results_of(plan))
    found = {each["name"]: each for each in record["statistics"]}
    assert found["PSNR of a linear decoder, IDEAL (color) less end to end, dB"]["value"] == pytest.approx(0.6)
    assert found["PSNR of a network, IDEAL (color) less end to end, dB"]["interval"] == pytest.approx([0.6, 0.6])
    assert found["PSNR of a network, IDEAL (color) before exchanges less end to end, dB"]["value"] == pytest.approx(0.1)
    saved = found["mean square error of a linear decoder saved, IDEAL (color) from end to end's"]
    assert saved["value"] == pytest.approx(1 - 10**-0.06)
    # IDEAL is above 30.4 dB at its first station, after 2 s; end to end at its last one, after 20 s.
    less = found["time to the last PSNR of end to end, end to end over IDEAL (color)"]
    assert less["value"] == pytest.approx(10)
    assert less["interval"] is None
    assert found["time in all, end to end over IDEAL (color)"]["value"] == pytest.approx(5)
    assert found["memory, end to end over IDEAL (color)"]["value"] == pytest.approx(1.5)
    assert found["memory above the start, end to end over IDEAL (color)"]["value"] == pytest.approx(4)
    assert found["Spearman, information about color with PSNR, along all ascents"]["value"] == pytest.approx(1)
    assert [each["agrees"] for each in record["claims"]] == [True, True, False]
    assert "made with photographs" in record["notes"]
    assert record["rows"][0]["filters_g"] == 32
    assert write_figure(Trajectory(), record, tmp_path) == ["figure.png", "figure.svg"]
    figure = drawn(Trajectory(), without_intervals(record), "abcd")
    along, _, costs = figure.axes[:3]
    assert along.get_xlim()[0] < 0  # a start is at no time, and seen there
    assert sum(line.get_xdata()[0] == 0 for line in along.lines if len(line.get_xdata()) == 1) == 3 * (1 if quick else 3)
    ratios = [list(line.get_xdata()) for line in costs.lines if line.get_marker() == "o"]
    assert [10.0] in [[pytest.approx(each) for each in xs] for xs in ratios]
    assert ([10.0, 10.0] in ratios) is not quick  # what the starts gave, where there are several


def test_a_design_that_falls_behind_is_said_to():
    plan = Plan(quick=True)
    results = results_of(plan)
    results["IDEAL, color, start 1: worth"] = copy.deepcopy(results["IDEAL, total, start 1: worth"])
    record = record_of(Trajectory(), plan, results)
    found = {each["name"]: each for each in record["statistics"]}
    assert found["PSNR of a linear decoder, IDEAL (color) less end to end, dB"]["met"] is False
    assert np.isnan(found["time to the last PSNR of end to end, end to end over IDEAL (color)"]["value"])
    for point in results["IDEAL, color, start 1: worth"]["points"]:
        point["psnr"] = score(40.0)  # a start that is better than all that follows took no time
    record = record_of(Trajectory(), plan, results)
    found = {each["name"]: each for each in record["statistics"]}
    assert np.isnan(found["time to the last PSNR of end to end, end to end over IDEAL (color)"]["value"])


@pytest.mark.slow
def test_work_on_a_small_scale(hasty_compiler, monkeypatch):
    monkeypatch.setattr(work, "most_evaluations", lambda design, system: 20)
    base = {"count": 90, "seed": 0, "photons": 500.0}
    settings = base | {"wanted": ["photographs"], "otherwise": "photographs"}
    objects = work.objects(settings, {}, Context())
    how = base | RUNS["IDEAL, color"] | {"steps": 10, "start": 0}
    ascent = work.climbed(how, {"objects": objects}, Context())
    assert [(each["step"], each["phase"]) for each in ascent["points"]] == [(0, "ascent"), (10, "ascent"), (10, "exchanges")]
    assert ascent["points"][2]["seconds"] > ascent["points"][1]["seconds"] > 0
    assert ascent["memory_mb"] >= ascent["memory_before_mb"] > 50
    worth = work.judged(base | {"stations": 2}, {"objects": objects, "ascent": ascent}, Context())["points"]
    assert len(worth) == 2
    assert 15 < worth[0]["psnr"]["mean"] < 60
    assert worth[0]["information"]["color"] > worth[0]["information"]["chroma"] > 0
    assert work.params_of(BAYER)["filters"].sum((0, 1)).tolist() == [16, 32, 16, 0]
