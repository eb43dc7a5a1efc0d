"""Figures of sweeps, drawn from records: which there are, what stands on them, and that many points fit."""

from itertools import product

import pytest

from ideal.plots.estimates import draw_estimates
from ideal.plots.sweeps import figures_of_sweep
from ideal.plots.theme import picture_of


def record(regret=(), **axes):
    """Return the record of a sweep whose information is made up."""
    points = []
    for place, values in enumerate(product(*axes.values())):
        row = dict(zip(axes, values, strict=True)) | {"status": "done", "unit": "bits/pixel", "model": "full", "seconds": 1.0}
        value = 0.3 + 0.1 * (place % 7)
        points.append(row | {"information": value, "low": value - 0.05, "high": value + 0.05})
    listed = [{"name": name, "values": list(values)} for name, values in axes.items()]
    return {"axes": listed, "points": points, "regret": list(regret), "differences": [], "baseline": {}, "confidence": 0.95}


def drawn(made):
    """Return the figures of a record as pictures, so that what does not fit is told."""
    figures = {name: draw() for name, draw in figures_of_sweep(made).items()}
    for figure in figures.values():
        assert picture_of(figure, dpi=40).startswith(b"\x89PNG")
    return figures


def texts(figure):
    from matplotlib.text import Text

    return [each.get_text() for each in figure.findobj(Text)]


def test_which_figures_there_are():
    assert set(drawn(record(photons=[1, 10, 100]))) == {"curves", "front"}
    assert set(drawn(record(design=["a", "b"]))) == {"points"}
    assert set(drawn(record(design=["a", "b"], photons=[1, 10]))) == {"curves", "map", "front"}
    assert set(drawn(record(patch=[8, 16], seed=[0, 1, 2]))) == {"curves-patch", "curves-seed", "map"}
    assert figures_of_sweep(record()) == {}


def test_axes_are_logarithmic_where_that_suits():
    figures = drawn(record(design=["a", "b"], photons=[30, 100, 300, 1000]))
    panel = figures["curves"].axes[0]
    assert panel.get_xscale() == "log"
    assert [each.get_text() for each in panel.get_xticklabels()] == ["30", "100", "300", "1000"]
    assert drawn(record(patch=[8, 16, 24]))["curves"].axes[0].get_xscale() == "linear"


def test_a_point_that_failed_is_a_gap():
    made = record(design=["a", "b"], photons=[1, 10])
    made["points"][0] |= {"information": None, "low": None, "high": None, "status": "failed"}
    figures = drawn(made)
    shown = [text for text in texts(figures["map"]) if text.startswith("0.")]
    assert len([each for each in shown if len(each) >= 3]) >= 3


def test_an_interval_that_nobody_knows_is_not_drawn():
    made = record(photons=[1, 10, 100])
    made["points"][1] |= {"low": None, "high": None}
    assert set(drawn(made)) == {"curves", "front"}


def test_many_curves_stand_in_panels_and_what_does_not_fit_is_told():
    designs = [f"design {number}" for number in range(12)]
    figures = drawn(record(design=designs, objects=["one", "two", "three"], photons=[1, 10, 100]))
    assert len(figures["curves"].axes) == 3
    many = drawn(record(design=[f"design {number}" for number in range(40)], photons=[1, 10]))
    assert "24 more in table.csv" in texts(many["curves"])


def test_a_thousand_points_fit():
    light = [10 * 1.02**number for number in range(500)]
    assert set(drawn(record(design=["a", "b"], photons=light))) == {"curves", "map", "front"}


def test_names_of_files_are_short():
    files = [f"/somewhere/far/{'deep/' * 20}{name}.h5" for name in ("dim", "bright")]
    figures = drawn(record(file=files, patch=[8, 16]))
    assert {"dim.h5", "bright.h5"} <= set(texts(figures["map"]))


def test_regret_says_where_it_is_not_sure():
    told = [("a", "x", 0.0, 0.0), ("b", "x", 0.1, 0.05), ("a", "y", 0.1, -0.1), ("b", "y", None, None)]
    rows = [{"design": each[0], "level": each[1], "regret": each[2], "low": each[3], "high": 0.2} for each in told]
    shown = texts(drawn(record(rows, design=["a", "b"], photons=[1, 10]))["regret"])
    assert {"best", "0.100", "0.100 ?", "–"} <= set(shown)


@pytest.mark.slow
def test_of_many_estimates_the_first_are_drawn():
    from dataclasses import replace

    import numpy as np

    import ideal

    counts = np.random.default_rng(0).poisson(30, (60, 6, 6))
    found = ideal.estimate(counts, noise="poisson", models="stationary", patch=6, progress=False)
    figure = draw_estimates([replace(found, path=f"file {number}") for number in range(60)])
    assert figure.get_size_inches()[1] < 60
    assert any(text.endswith("; the first 40 of 60") for text in texts(figure))
