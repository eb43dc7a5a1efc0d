"""Designs and choices from Python: one call each, results that show themselves, and records that come back."""

import json

import jax
import numpy as np
import pytest

import ideal
from ideal.errors import DataError, UsageError
from ideal.imaging import CallableSystem, DiffractionLimited, Interferometer, LensletCamera, Scene, load_design
from ideal.imaging.constraints import Bounded
from ideal.optimize.ascent.starts import starting_designs
from ideal.optimize.runs import ChoiceResult, DesignPlan, DesignResult
from ideal.optimize.runs.plans import plan_choice, plan_design
from ideal.optimize.runs.request import Request
from ideal.optimize.runs.setup import Setup

pytestmark = pytest.mark.usefixtures("hasty_compiler")

LENS = {"count": 60, "steps": 4, "against": ("objective-4x",), "models": ("stationary",), "progress": False}
SITES = ("ALMA", "LMT", "SMT", "PV", "SMA")


@pytest.fixture(scope="module")
def lens():
    return DiffractionLimited(shape=(16,))


@pytest.fixture(scope="module")
def best(lens, hasty_compiler):
    return ideal.design(lens, "natural-fields", **LENS)


@pytest.fixture(scope="module")
def sites(hasty_compiler):
    array = Interferometer(sites=SITES, shape=(16, 16), interval=3600)
    cost = dict(zip(SITES, (5.0, 2.0, 1.0, 1.0, 1.0), strict=True))
    return ideal.choose(array, k=2, keep="ALMA", cost=cost, count=60, progress=False)


def test_a_design_is_one_call_and_says_what_it_is_worth(best):
    assert isinstance(best, DesignResult)
    assert set(best.params) == {"na"}
    rows = {row["name"]: row for row in best.comparison}
    assert list(rows) == ["the design", "its start", "objective-4x"]
    assert best.gain["search"] >= best.gain["start"]
    assert best.history
    text = repr(best)
    assert text.startswith("diffraction-limited for natural-fields, 100 photons, poisson noise")
    assert "objective-4x" in text
    assert "warning: 21 objects to design for are few" in text
    page = best._repr_html_()
    assert "objective-4x" in page
    assert "</table>" in page
    assert best.table().rows[0][0] in text


@pytest.mark.slow
def test_names_and_objects_mean_the_same(lens, best, tmp_path):
    named = ideal.design("diffraction-limited", "natural-fields", **LENS)
    (tmp_path / "lens.toml").write_text('[system]\nname = "diffraction-limited"\nshape = [16]\n')
    told = ideal.design(str(tmp_path / "lens.toml"), ideal.datasets.make_objects("natural-fields"), **LENS)
    assert named.record["system_settings"] != best.record["system_settings"]  # another shape
    assert told.comparison == best.comparison
    given = {name: np.asarray(each) for name, each in lens.design("lens").items()}
    rivals = {"mine": lens.design("objective-4x")}
    own = ideal.design(lens, "natural-fields", **(LENS | {"against": rivals}), starts=given)
    assert own.record["start"] == "start 1"
    assert own.comparison[-1]["name"] == "mine"
    mine, theirs = own.comparison[-1], best.comparison[-1]
    assert mine["targets"] == pytest.approx(theirs["targets"])


def test_a_record_comes_back_as_the_same_result(best):
    record = json.loads(json.dumps(best.to_record()))
    again = DesignResult.from_record(record)
    assert repr(again) == repr(best)
    assert again.to_record() == record
    assert again.params["na"] == pytest.approx(float(best.params["na"]))
    assert again.plot("ascent").axes
    with pytest.raises(UsageError, match="no figure 'after'"):
        again.plot("after")
    with pytest.raises(UsageError, match="read from a record"):
        again.save("folder")
    with pytest.raises(DataError, match="version"):
        DesignResult.from_record(record | {"format_version": 99})
    with pytest.raises(DataError, match="ideal-design-result"):
        DesignResult.from_record({"format": "ideal-choice-result"})
    with pytest.raises(DataError, match="no record of a design"):
        DesignResult.from_record({})


def test_every_figure_can_be_drawn_again(best):
    for what in ("comparison", "ascent", "targets", "before", "after", "measurements"):
        assert best.plot(what).axes
    with pytest.raises(UsageError, match="there are: comparison, targets, ascent, before"):
        best.plot("design")


def test_a_design_is_saved_to_a_file_and_to_a_folder(best, lens, tmp_path):
    best.save(tmp_path / "best.h5")
    assert np.asarray(load_design(tmp_path / "best.h5")[2]["na"]) == best.params["na"]
    with pytest.raises(UsageError, match="exists"):
        best.save(tmp_path / "best.h5")
    best.save(tmp_path / "run")
    kept = {path.name for path in (tmp_path / "run").iterdir()}
    assert {"run.json", "run.toml", "design.h5", "design.toml", "metrics.jsonl", "comparison.png", "measurements.png"} <= kept
    assert not (tmp_path / "run" / ".lock").exists()
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert DesignResult.from_record(record).comparison == best.comparison
    shots = ideal.simulate(tmp_path / "run" / "design.toml", "natural-fields", count=5, design=tmp_path / "run" / "design.h5")
    assert shots.shape == (5, 16)
    run = ideal.design(lens, "natural-fields", **LENS, out=tmp_path / "other")
    assert json.loads((tmp_path / "other" / "run.json").read_text())["status"] == "finished"
    assert run.comparison == best.comparison
    with pytest.raises(UsageError, match="holds a finished run"):
        ideal.design(lens, "natural-fields", **LENS, out=tmp_path / "other")


def test_figures_of_a_finished_run_are_drawn_again(best, sites, tmp_path):
    from ideal.plots.finished_runs import draw_run

    best.save(tmp_path / "lens")
    sites.save(tmp_path / "sites")
    assert draw_run(tmp_path / "lens", tmp_path / "a.png") == "comparison"
    assert draw_run(tmp_path / "lens", tmp_path / "b.svg", figure="ascent", width=4) == "ascent"
    assert draw_run(tmp_path / "sites", tmp_path / "c.pdf") == "comparison"
    assert all((tmp_path / name).stat().st_size > 1000 for name in ("a.png", "b.svg", "c.pdf"))
    with pytest.raises(UsageError, match="did you mean ascent"):
        draw_run(tmp_path / "lens", tmp_path / "d.png", figure="ascend")


def test_an_encoder_of_ones_own_is_designed_without_a_configuration(tmp_path):
    def encode(params, scene, strength=1.0):
        return strength * params["gain"] * scene

    system = CallableSystem(
        encode, Scene("radiance", (8, 8)), {"gain": np.float32(0.5)}, {"gain": Bounded(0.1, 1.0)}, declared_linear=True
    )
    found = ideal.design(system, "beads", count=60, steps=3, models="stationary", patch=4, out=tmp_path / "run", progress=False)
    assert float(found.params["gain"]) > 0.9  # more light tells more
    assert not (tmp_path / "run" / "run.toml").exists()
    assert (tmp_path / "run" / "design.h5").exists()
    page = tmp_path / "page.html"
    ideal.report(str(tmp_path / "run"), page)
    assert "Design of own encoder for beads" in page.read_text(encoding="utf-8")


def test_a_plan_holds_objects_in_the_place_of_names(lens):
    objects = ideal.datasets.make_objects("natural-fields")
    plan = plan_design(Setup.of(lens, Request(count=60, steps=4, starts=("lens",), against=("all",)), objects))
    assert isinstance(plan, DesignPlan)
    assert plan.system is lens
    assert plan.request.objects == "natural-fields"
    assert [start.name for start in plan.starts] == ["lens"]
    assert list(plan.rivals) == list(lens.designs)
    assert plan.left_out == ()
    assert plan.objective.name == "gaussian"
    for name, params in plan.rivals.items():
        assert np.asarray(params["na"]) == np.asarray(lens.design(name)["na"])
    with pytest.raises(UsageError, match="no setting 'rnk'; did you mean rank"):
        plan_design(Setup.of(lens, Request(count=60, objective_settings={"rnk": 3}), objects))


def test_starts_of_a_plan_are_those_of_their_names_to_the_last_digit():
    camera = LensletCamera(scene_shape=(20, 20), psf_shape=(8, 8), lenslets=4)
    names = ("spread", "random", "random")
    request = Request(objects="beads", count=60, starts=names, against=("none",), objective="gaussian", seed=3)
    plan = plan_design(Setup.of(camera, request))
    with jax.enable_x64(True):
        expected = starting_designs(camera, names, 3)
        found = starting_designs(camera, [start.params for start in plan.starts], 3)
    for one, other in zip(found, expected, strict=True):
        assert all(np.array_equal(one[name], other[name]) for name in other)


def test_progress_is_told_to_whom_it_is_given(lens):
    said = []
    ideal.design(lens, "natural-fields", **(LENS | {"progress": lambda text, fraction=None: said.append(text)}))
    assert any(text.startswith("measuring 1 of 3") for text in said)


def test_a_choice_keeps_what_every_candidate_brings(sites):
    assert isinstance(sites, ChoiceResult)
    assert sites.is_proven
    candidates = {each["name"]: each for each in sites.candidates}
    assert set(candidates) == set(SITES) - {"ALMA"}
    assert {name for name, each in candidates.items() if each["chosen"]} == set(sites.members)
    assert candidates["LMT"]["cost"] == 2.0
    assert sites.record["cost"] == sum(candidates[name]["cost"] for name in sites.members)
    assert len(sites.sets) == 6
    bits = [each for each, _ in sites.sets]
    assert bits == sorted(bits, reverse=True)
    assert set(sites.sets[0][1]) == set(sites.members)
    for name, each in candidates.items():
        assert each["best_set_bits"] == max(value for value, names in sites.sets if name in names)
        assert 0 < each["bits"] < each["best_set_bits"]
    assert set(sites.system.sites) == {"ALMA", *sites.members}
    assert sites.params["weights"].tolist() == [1.0] * 3
    assert "beside ALMA" in repr(sites)
    assert "bits of the best set with it" in sites._repr_html_()
    for what in ("comparison", "before", "after"):
        if what != "before":
            assert sites.plot(what).axes


def test_a_choice_comes_back_from_its_record_and_its_folder(sites, tmp_path):
    again = ChoiceResult.from_record(json.loads(json.dumps(sites.to_record())))
    assert (repr(again), again.members) == (repr(sites), sites.members)
    assert [names for _, names in again.sets] == [names for _, names in sites.sets]
    with pytest.raises(UsageError, match="read from a record"):
        _ = again.system
    with pytest.raises(DataError, match="lacks candidate_information"):
        ChoiceResult.from_record({name: each for name, each in sites.record.items() if name != "candidate_information"})
    sites.save(tmp_path / "run")
    lines = (tmp_path / "run" / "sets.csv").read_text().splitlines()
    assert lines[0] == "bits_per_measurement,cost,members"
    assert len(lines) == 7
    ideal.report([sites, str(tmp_path / "run")], tmp_path / "page.html")
    assert "What each site brings" in (tmp_path / "page.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 9}, "5 sites to choose from"),
        ({"k": 2, "cost": {"LMT": 1.0}}, "the cost of ALMA, PV, SMA, SMT is missing"),
        ({"k": 2, "cost": {"LMX": 1.0}}, "did you mean LMT"),
        ({"k": 2, "keep": "LMTT"}, "did you mean LMT"),
        ({"k": 2, "noise": ideal.noise.Gaussian(1.0)}, "takes the noise that belongs to each site"),
    ],
)
def test_wrong_choices(options, message):
    with pytest.raises(UsageError, match=message):
        ideal.choose(Interferometer(sites=SITES, shape=(16, 16), interval=3600), count=60, progress=False, **options)


def test_a_choice_without_a_number():
    with pytest.raises(UsageError, match=r"say how many sites to choose \(`choose`\)"):
        plan_choice(Setup.of(Interferometer(sites=SITES, shape=(16, 16), interval=3600), Request(count=60)))


def test_frames_have_a_row_for_each(best, sites):
    pytest.importorskip("pandas")
    frame = best.to_frame()
    assert list(frame.index) == [row["name"] for row in best.comparison]
    assert frame.loc["the design", "information_bits_per_pixel"] == best.comparison[0]["information_bits_per_pixel"]
    assert list(sites.to_frame().index) == [each["name"] for each in sites.candidates]


def test_a_configuration_says_all_of_noise_that_python_made(lens):
    from ideal.noise import Gaussian, Speckle
    from ideal.optimize.runs.recipe import Recipe

    said = Recipe.of(lens, Speckle(looks=4.0))
    assert (said.noise, said.whole) == ({"noise": "speckle", "looks": 4.0}, True)
    assert Recipe.of(lens, Gaussian(0.5)).noise == {"noise": "gaussian", "sigma": 0.5}
    assert not Recipe.of(lens, Gaussian(np.full(16, 0.5))).whole  # a map is no number
    assert Recipe.of(lens, None).noise == {}


def test_nothing_to_compare_with_leaves_no_empty_column_and_no_empty_panel(lens):
    alone = ideal.design(lens, "natural-fields", **LENS | {"against": "none", "steps": 1})
    rows = [row for row in alone.comparison if row["role"] == "design"]
    record = alone.record | {"designs": rows}
    rows[0] |= {"design_is_above_by": None, "difference_interval": None}
    from ideal.optimize.runs.tables import measured_table
    from ideal.plots.designs import comparison_figure

    assert "above" not in measured_table(record).to_text(200)
    assert len(comparison_figure(rows).axes) == 1
