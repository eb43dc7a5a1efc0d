"""Sweeps: what they measure is what ideal.simulate and ideal.estimate find, paired, kept, and told where it failed."""

import csv
import json

import h5py
import numpy as np
import pytest

import ideal
from ideal.errors import DataError, UsageError
from ideal.sweeps import Sweep, SweepPlan, SweepRequest, run_sweep
from ideal.sweeps.call import cost_of
from ideal.sweeps.results import regret_table

pytestmark = pytest.mark.usefixtures("hasty_compiler")
SETTINGS = {
    "system": "color-filter-array",
    "system.shape": [8, 8],
    "system.period": [2, 2],
    "objects": "natural-fields",
    "count": 70,
    "models": "stationary",
    "patch": 8,
}
AXES = {"design": ["bayer", "white"], "photons": [50, 500]}


def asked(axes=None, **more):
    own = {name: more.pop(name) for name in ("zips", "excluded", "baseline", "costs", "optimize") if name in more}
    return SweepRequest.of(axes or AXES, {**SETTINGS, **more}, **own)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("sweep") / "run"


@pytest.fixture(scope="module")
def swept(folder):
    return run_sweep(asked(costs={"design": {"bayer": 3, "white": 1}}), folder, jobs=0, progress=False)


def test_a_point_is_what_simulate_and_estimate_find(swept):
    camera = ideal.imaging.ColorFilterArray(shape=(8, 8), period=(2, 2))
    shots = ideal.simulate(camera, "natural-fields", design="white", count=70, photons=500, progress=False)
    found = ideal.estimate(shots, models="stationary", patch=8, progress=False, allow=("unwritten",))
    row = swept.row(design="white", photons=500)
    assert row["information"] == found.information.value
    assert (row["low"], row["high"]) == found.interval
    assert row["model"] == "stationary"
    assert row["unit"] == "bits/pixel"
    assert row["sources"] == found.n_groups
    assert row["cost"] == 1.0


def test_differences_are_paired_by_source(swept):
    assert [each["photons"] for each in swept.differences] == [50, 500]
    camera = ideal.imaging.ColorFilterArray(shape=(8, 8), period=(2, 2))
    two = {}
    for design in ("bayer", "white"):
        shots = ideal.simulate(camera, "natural-fields", design=design, count=70, photons=500, progress=False)
        two[design] = ideal.estimate(shots, models="stationary", patch=8, progress=False, allow=("unwritten",))
    apart = ideal.compare(two["white"], two["bayer"])
    told = swept.differences[1]
    assert told["paired"]
    assert told["difference"] == pytest.approx(apart.difference_bits_per_pixel, rel=1e-12)
    assert [told["difference_low"], told["difference_high"]] == pytest.approx(apart.interval, rel=1e-12)
    assert swept.baseline == {"design": "bayer"}


def test_the_folder_holds_tables_figures_and_the_record(swept, folder):
    with open(folder / "table.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["design"], row["photons"], row["status"]) for row in rows] == [
        (design, str(photons), "done") for design in AXES["design"] for photons in AXES["photons"]
    ]
    assert float(rows[3]["information"]) == swept.rows[3]["information"]
    assert float(rows[3]["difference"]) == swept.differences[1]["difference"]
    with h5py.File(folder / "table.h5") as file:
        assert json.loads(file.attrs["axes"]) == ["design", "photons"]
        assert file["information"][3] == swept.rows[3]["information"]
        assert [each.decode() for each in file["design"][:2]] == ["bayer", "bayer"]
        assert np.isnan(file["difference"][0])
    record = json.loads((folder / "run.json").read_text())
    assert record["status"] == "finished"
    assert set(record["figures"]) == {"curves.png", "map.png", "front.png"}
    for name in record["figures"]:
        assert (folder / name).read_bytes().startswith(b"\x89PNG")
    assert Sweep.from_record(record).rows == json.loads(json.dumps(swept.rows))


def test_what_is_kept_is_not_measured_again_and_added_points_run_alone(swept, folder):
    again = run_sweep(asked(), folder, jobs=0, progress=False)
    assert again.jobs["done_now"] == 0
    more = run_sweep(asked({"design": ["bayer", "white"], "photons": [50, 500, 200]}), folder, jobs=0, progress=False)
    assert more.jobs == {"all": 9, "done_now": 3, "failed": 0}
    assert more.row(design="white", photons=500)["information"] == swept.row(design="white", photons=500)["information"]


def test_in_a_notebook_and_as_a_frame(swept):
    pandas = pytest.importorskip("pandas")
    frame = swept.to_frame()
    assert isinstance(frame, pandas.DataFrame)
    assert len(frame) == 4
    assert frame["difference"].notna().sum() == 2
    assert "white" in swept._repr_html_()
    assert "over the baseline" in repr(swept)
    assert swept.plot("map").axes
    with pytest.raises(UsageError, match="has no figure pie; there are: curves, map, front"):
        swept.plot("pie")
    with pytest.raises(UsageError, match="2 points have"):
        swept.row(design="white")


def test_a_report_tells_of_it(swept, folder, tmp_path):
    page = ideal.report([folder, swept], tmp_path / "page.html")
    assert [run["kind"] for run in page.runs] == ["sweep", "sweep"]
    assert "carries most" in page.runs[0]["result"]
    assert {"curves.png", "map.png"} <= set(page.runs[0]["figures"])
    assert not page.missing


def test_ideal_plot_draws_its_figures_again(swept, folder, tmp_path):
    from ideal.plots.finished_runs import draw_run

    assert draw_run(folder, tmp_path / "a.svg", figure="map") == "map"
    assert (tmp_path / "a.svg").read_text().startswith("<?xml")


def test_python_takes_systems_files_and_axes(tmp_path):
    camera = ideal.imaging.ColorFilterArray(shape=(8, 8), period=(2, 2))
    settings = {"objects": "natural-fields", "count": 70, "models": "stationary", "patch": 8}
    found = ideal.sweep(camera, {"photons": [50, 500]}, settings=settings, design="bayer", progress=False)
    assert [row["status"] for row in found] == ["done", "done"]
    assert found.rows[1]["information"] > found.rows[0]["information"]
    with pytest.raises(UsageError, match=r"describe it in a \.toml file"):
        ideal.sweep(_Strange(shape=(8, 8), period=(2, 2)), {"photons": [1, 2]})


class _Strange(ideal.imaging.ColorFilterArray):
    """A system that no name stands for."""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    camera = ideal.imaging.ColorFilterArray(shape=(8, 8), period=(2, 2))
    for name, photons in (("dim", 20), ("bright", 200)):
        ideal.simulate(camera, "natural-fields", count=70, photons=photons, path=folder / f"{name}.h5", progress=False)
    return [folder / "dim.h5", folder / "bright.h5"]


def test_measured_files_in_place_of_simulated_ones(files, tmp_path):
    found = ideal.sweep(files, {"patch": [4, 8]}, models="stationary", out=tmp_path / "run", progress=False)
    told = ideal.estimate(files[1], models="stationary", patch=4, progress=False)
    row = found.row(file=str(files[1]), patch=4)
    assert row["information"] == told.information.value
    assert found.baseline == {"file": str(files[0])}
    assert all(each["paired"] for each in found.differences)
    content = files[0].read_bytes()
    try:
        with h5py.File(files[0], "r+") as file:
            file["measurements"][0, 0, 0] += 1
        again = ideal.sweep(files, {"patch": [4, 8]}, models="stationary", out=tmp_path / "run", progress=False)
    finally:
        files[0].write_bytes(content)
    assert again.jobs["done_now"] == 4, "two estimates of the file that changed, and two differences"


def test_decoders_are_an_axis_and_estimates_are_shared(tmp_path):
    axes = {"decoder": ["bilinear", "linear"], "photons": [50, 500]}
    found = run_sweep(asked(axes, design="bayer"), tmp_path / "run", jobs=0, progress=False)
    assert {row["status"] for row in found} == {"done"}
    decoded = ideal.decode(
        ideal.imaging.ColorFilterArray(shape=(8, 8), period=(2, 2)),
        "natural-fields",
        "linear",
        design="bayer",
        photons=500,
        count=70,
        progress=False,
    )
    row = found.row(decoder="linear", photons=500)
    assert row["psnr"] == decoded.psnr.value
    assert row["information"] == found.row(decoder="bilinear", photons=500)["information"]
    kept = [json.loads(file.read_text())["job"] for file in (tmp_path / "run" / ".jobs").glob("*.json")]
    assert sum("decoded" not in name and "difference" not in name for name in kept) == 2, "two estimates serve four points"
    apart = next(each for each in found.differences if each["photons"] == 500)
    assert apart["difference"] == 0.0
    assert apart["psnr_difference"] == pytest.approx(row["psnr"] - found.row(decoder="bilinear", photons=500)["psnr"])


def test_a_point_that_fails_stands_as_such(tmp_path):
    axes = {"objects": ["natural-fields", "two-points"], "photons": [50, 500]}
    found = run_sweep(asked(axes, design="bayer"), tmp_path / "run", jobs=0, progress=False)
    failed = [row for row in found if row["status"] == "failed"]
    assert [row["objects"] for row in failed] == ["two-points", "two-points"]
    assert len(found.errors) == 2
    assert failed[0]["error"]
    assert (tmp_path / "run" / ".jobs" / "logs" / failed[0]["log"]).exists()
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["status"] == "failed"
    assert "failed" in (tmp_path / "run" / "table.csv").read_text()
    page = ideal.report(tmp_path / "run", tmp_path / "page.html")
    assert page.runs[0]["status"] == "failed"


def test_a_dry_run_says_how_many_and_how_long(tmp_path):
    before = cost_of(asked(), tmp_path / "run", jobs=0, progress=False)
    assert (before.points, before.jobs, before.done, before.designs) == (4, 6, 1, 0)
    assert before.seconds_of_one > 0
    assert before.size > 1000
    assert before.lines[0] == "4 points, 6 jobs, 1 of them done"
    run_sweep(asked(), tmp_path / "run", jobs=0, progress=False)
    after = cost_of(asked(), tmp_path / "run", jobs=0, progress=False)
    assert (after.done, after.left, after.seconds_of_one) == (6, 0, None)


def test_shards_merge(tmp_path):
    parts = [run_sweep(asked(), tmp_path / "run", jobs=0, shard=f"{number}/2", progress=False) for number in (1, 2)]
    assert parts[0].left > 0
    assert not (tmp_path / "run" / "run.json").exists()
    merged = run_sweep(asked(), tmp_path / "run", jobs=0, shard="none", progress=False)
    assert merged.left == 0
    assert merged.jobs["done_now"] == 0
    with pytest.raises(UsageError, match="a shard needs a folder"):
        run_sweep(asked(), shard="1/2", jobs=0, progress=False)


def test_designs_that_are_found_and_their_regret(tmp_path):
    axes = {"design": ["white", "optimize"], "photons": [20, 2000]}
    request = asked(axes, optimize={"steps": 3, "search": False}, count=80)
    found = run_sweep(request, tmp_path / "run", jobs=0, progress=False)
    designs = list(dict.fromkeys(row["design"] for row in found))
    assert designs == ["white", "best for photons 20", "best for photons 2000"]
    assert {row["status"] for row in found} == {"done"}
    assert len(found.regret) == 6
    for level in ("photons 20", "photons 2000"):
        own = [each for each in found.regret if each["level"] == level]
        best = max(own, key=lambda each: each["information"])
        assert best["regret"] == 0.0
        for each in own:
            assert each["regret"] == pytest.approx(best["information"] - each["information"], abs=1e-12)
            assert each["best"] == best["design"]
            assert each["paired"]
            assert each["low"] <= each["regret"] <= each["high"]
    table = regret_table(found.to_record())
    assert [column.title for column in table.columns] == ["design", "photons 20", "photons 2000", "worst"]
    assert "regret.png" in json.loads((tmp_path / "run" / "run.json").read_text())["figures"]
    kept = [json.loads(file.read_text()) for file in (tmp_path / "run" / ".jobs").glob("*.json")]
    made = [each for each in kept if each["job"].startswith("design ")]
    assert sorted(each["settings"]["photons"] for each in made) == [20, 2000]


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (lambda: SweepRequest.of({}, SETTINGS), "a sweep needs an axis"),
        (lambda: asked({"design": ["bayer", "bayes"]}), "bayes"),
        (lambda: asked({"models": ["full", "fool"]}), "fool"),
        (lambda: asked(baseline={"design": "none"}), "the axis design has no value 'none'"),
        (lambda: asked(baseline={"decoder": "none"}), "baseline: no axis is called 'decoder'"),
        (lambda: asked(optimize={"steps": 3}), "has no value 'optimize'"),
        (lambda: asked({"photons": [1, 2]}, design="optimize"), "is a value of the axis design"),
        (lambda: asked({"design": ["optimize"], "photons": [1, 2]}, optimize={"for": "light"}), "no axis is called 'light'"),
        (lambda: asked(groups=3), "`groups` is of measurement files"),
        (lambda: asked(decoder="none-such"), "none-such"),
        (lambda: asked(**{"noise.sigma_of_what": 3}), "sigma_of_what"),
        (lambda: SweepRequest.of({"photons": [1, 2]}, {"file": "a.h5"}), "`photons` is of simulated measurements"),
        (lambda: SweepRequest.of({"photons": [1, 2]}, {}), "needs a system"),
    ],
)
def test_what_is_refused_before_any_work(request_, message):
    with pytest.raises((UsageError, DataError), match=message):
        SweepPlan.of(request_())


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "run.json").write_text('{"results": []}')
    with pytest.raises(UsageError, match="holds another run"):
        run_sweep(asked(), tmp_path, jobs=0, progress=False)
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="is a file"):
        run_sweep(asked(), tmp_path / "file", jobs=0, progress=False)


def test_objects_from_elsewhere_count_by_their_content(tmp_path):
    pictures = np.random.default_rng(0).uniform(0.1, 1.0, (12, 16, 16))
    np.save(tmp_path / "own.npy", pictures)
    request = asked({"photons": [50, 500]}, design="bayer", objects=str(tmp_path / "own.npy"), count=12)
    plan = SweepPlan.of(request)
    assert plan.jobs[0].inputs == (str(tmp_path / "own.npy"),)
    assert not any(job.volatile for job in plan.jobs)
    elsewhere = SweepPlan.of(asked({"photons": [50, 500]}, design="bayer", objects="kodak"))
    assert [job.name for job in elsewhere.jobs if job.volatile] == ["objects kodak"]
    assert all(
        "objects kodak" in job.needs for job in elsewhere.jobs if job.name.startswith("photons") and not job.name.endswith("e")
    )
