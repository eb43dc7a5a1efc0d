"""Results are objects: what they say of themselves, and that records make them again."""

import json
import math
import sys

import numpy as np
import pytest

import ideal
from ideal.errors import DataError, UsageError
from ideal.information import Comparison, Estimate, Information, Ranking, TaskInformation, task_information
from ideal.measurements import from_arrays


def counts(light, seed=0, number=120):
    rng = np.random.default_rng(seed)
    scene = light * np.exp(0.5 * np.random.default_rng(1).standard_normal((number, 6, 6)))
    return rng.poisson(scene)


@pytest.fixture(scope="module")
def found():
    return ideal.estimate(counts(40.0), noise="poisson", models=["stationary", "full"], progress=False)


@pytest.fixture(scope="module")
def ranking():
    systems = {"bright": counts(40.0), "dim": counts(8.0), "dark": counts(2.0)}
    return ideal.rank(systems, noise="poisson", models="full", progress=False)


@pytest.fixture(scope="module")
def task():
    side = np.arange(80) % 2
    light = np.where((np.arange(8) < 4) == (side[:, None] == 0), 9.0, 3.0)
    measured = from_arrays(np.random.default_rng(5).poisson(light), noise="poisson", labels=side, path="spots")
    return task_information(measured, model="full", effort=0.02, progress=False)


def strict(record):
    """Return a record after it has been JSON without NaN and infinity."""
    return json.loads(json.dumps(record, allow_nan=False))


def test_the_number_knows_its_interval_and_its_unit(found):
    told = found.information
    assert told == told.value == found.information_bits_per_pixel
    assert told.interval == found.interval
    assert (told.unit, told.confidence) == ("bits/pixel", 0.95)
    assert 2 * told == 2 * told.value
    assert str(Information(-0.5, (-math.inf, math.inf), "bits/value", 0.9)) == (
        "-0.5000 bits/value (too few sources for an interval)"
    )


def test_arrays_sets_and_files_give_the_same_numbers(found, tmp_path):
    measured = from_arrays(counts(40.0), noise="poisson")
    np.save(tmp_path / "a.npy", counts(40.0))
    for source, known in ((measured, {}), (tmp_path / "a.npy", {"noise": "poisson"})):
        again = ideal.estimate(source, models=["stationary", "full"], progress=False, **known)
        assert again.information == found.information
    with pytest.raises(UsageError, match="noise: a measurement set knows its noise itself"):
        ideal.estimate(measured, noise="gaussian", progress=False)


def test_several_files_are_for_a_ranking():
    with pytest.raises(UsageError, match=r"ideal\.rank and ideal\.estimate_files take several"):
        ideal.estimate(["a.npy", "b.npy"], noise="poisson", progress=False)


def test_two_arrays_are_told_apart(found):
    assert repr(ideal.compare(found, found)).startswith("Comparison(the first - the second: 0.0000 bits/pixel")


def test_an_estimate_shows_itself_in_a_line(found):
    assert repr(found).startswith("Estimate(<array>: at most ")
    assert "bits/pixel (95 % interval " in repr(found)
    assert len(repr(found)) < 160
    assert f"by {found.model})" in repr(found)


def test_a_notebook_shows_number_interval_models_and_warnings(found):
    html = found._repr_html_()
    for text in ("bits/pixel", "95 % interval", "stationary", f"{found.model} (chosen)", "no groups"):
        assert text in html
    assert "<script" not in html
    assert html.count("<style>") == 1
    assert "&lt;b&gt;" in ideal.rank({"<b>": found, "other": found})._repr_html_()


def replaced(estimate, path):
    from dataclasses import replace

    return replace(estimate, path=path)


def test_records_make_results_again(found, ranking, task):
    again = Estimate.from_record(strict(found.to_record()))
    assert again.to_dict() == found.to_dict()
    assert again.example is None
    assert strict(found.to_record())["format"] == "ideal-estimate"
    comparison = ranking.comparisons[0]
    assert Comparison.from_record(strict(comparison.to_record())) == comparison
    rebuilt = Ranking.from_record(strict(ranking.to_record()))
    assert rebuilt.documents() == ranking.documents()
    assert rebuilt.comparisons == ranking.comparisons
    assert TaskInformation.from_record(strict(task.to_record())).to_dict() == task.to_dict()


def test_numbers_that_are_not_finite_survive_their_record(found):
    few = ideal.estimate(
        from_arrays(counts(40.0), noise="poisson", groups=np.arange(120) % 6), models="full", confidence=0.9, progress=False
    )
    infinite = Comparison("a", "b", 0.5, (-math.inf, math.inf), False)
    assert Comparison.from_record(strict(infinite.to_record())) == infinite
    assert Estimate.from_record(strict(few.to_record())).interval == few.interval


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": "ideal-ranking"}, "expected a record of ideal-estimate, found one of ideal-ranking"),
        ({"format_version": 99}, "has format version 99"),
        ({"format_version": "new"}, "has format version new"),
    ],
)
def test_other_and_later_records_are_refused_in_a_line(found, change, words):
    with pytest.raises(DataError, match=words) as error:
        Estimate.from_record(found.to_record() | change)
    assert "\n" not in str(error.value)


def test_records_without_a_format_are_read(found):
    """As runs kept them before there was one."""
    record = {name: value for name, value in found.to_record().items() if not name.startswith("format")}
    assert Estimate.from_record(record).to_dict() == found.to_dict()


def test_frames_hold_numbers(found, ranking, task):
    frame = found.to_frame()
    assert frame.loc[found.model, "information"] == found.information.value
    assert list(frame.index) == ["stationary", "full"]
    frame = ranking.to_frame()
    assert list(frame.index) == ["bright", "dim", "dark"]
    assert frame.loc["bright", "more_than_next"] == ranking.comparisons[0].difference_bits_per_pixel
    assert ranking.comparisons[0].to_frame().loc[0, "difference"] == ranking.comparisons[0].difference
    assert set(task.to_frame().index) == set(task.posteriors)


def test_without_pandas_a_frame_says_what_to_install(found, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(UsageError, match="pip install pandas"):
        found.to_frame()


def test_results_draw_themselves(found, ranking, task):
    assert "bits per pixel" in found.plot().axes[0].get_xlabel()
    assert {text.get_text().split()[0] for text in ranking.plot().axes[0].texts} == {"bright", "dim", "dark"}
    assert "difference" in ranking.comparisons[0].plot().axes[0].get_xlabel()
    assert "about the label" in task.plot().axes[0].get_xlabel()
    assert found.plot()._repr_png_().startswith(b"\x89PNG")
    plain = Estimate.from_record(found.to_record())  # no measurement is at hand
    assert len(plain.plot().axes) == 1


def test_a_ranking_is_in_order_and_pairs_its_sources(ranking):
    assert [each.path for each in ranking] == ["bright", "dim", "dark"]
    assert ranking[0] is ranking["bright"]
    assert [(each.a, each.b) for each in ranking.comparisons] == [("bright", "dim"), ("dim", "dark")]
    assert all(each.paired for each in ranking.comparisons)
    assert len(ideal.rank(list(ranking), all_pairs=True).comparisons) == 3
    lines = repr(ranking).splitlines()
    assert lines[0] == "Ranking of 3 estimates"
    assert [line.split()[0] for line in lines[1:]] == ["file", "bright", "dim", "dark"]
    assert all(len(line) <= 80 for line in lines)


def test_arrays_are_numbered_and_files_named_once(found):
    both = ideal.rank([counts(40.0), counts(8.0)], noise="poisson", models="full", progress=False)
    assert [each.path for each in both] == ["array 1", "array 2"]
    twice = [replaced(found, "a.h5"), replaced(found, "a.h5")]
    with pytest.raises(UsageError, match="two of the estimates are of the same file"):
        ideal.rank(twice)


def test_information_about_labels_shows_itself(task):
    assert repr(task).startswith("TaskInformation(spots: at least ")
    assert "All there is to know" in task._repr_html_()
    assert task.information.unit == "bits/measurement"
    assert task.information.value == task.bits


def test_a_report_takes_results(found, ranking, tmp_path):
    page = ideal.report([found, ranking], tmp_path / "page.html", title="Two <results>")
    html = (tmp_path / "page.html").read_text()
    assert page.missing == page.left_out == []
    assert "Two &lt;results&gt;" in html
    assert html.count("data:image/png;base64,") == 2
    assert "Of 3 files bright carries the most: at most " in html
    assert "made in Python, and not by a command" in html
    with pytest.raises(UsageError, match="exists"):
        ideal.report(found, tmp_path / "page.html")
    ideal.report(found, tmp_path / "page.html", overwrite=True)
    with pytest.raises(UsageError, match="must end in"):
        ideal.report(found, tmp_path / "page.pdf")


def test_a_run_of_files_is_one_call(tmp_path):
    for name, light in (("a", 40.0), ("b", 8.0)):
        np.save(tmp_path / f"{name}.npy", counts(light))
    np.save(tmp_path / "flat.npy", np.full((50, 6, 6), 7))
    files = [str(tmp_path / f"{name}.npy") for name in ("a", "flat", "b")]
    options = {"noise": "poisson", "models": "full", "progress": False}
    with pytest.warns(ideal.errors.LeftOutWarning, match="every value is 7"):
        ranking = ideal.estimate_files(files, out=tmp_path / "run", **options)
    assert [each.path for each in ranking] == [files[0], files[2]]
    assert len(ranking.errors) == 1
    assert (tmp_path / "run" / "information.png").read_bytes().startswith(b"\x89PNG")
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["status"] == "failed"
    page = ideal.report([tmp_path / "run", ranking], tmp_path / "page.html")
    assert len(page.sections) == 2
    with pytest.raises(DataError) as error:
        ideal.estimate_files(files[1:2], **options)
    assert error.value.refused["path"] == files[1]
