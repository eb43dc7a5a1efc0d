"""What all figures share: plain texts, colors, marks of filters."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from ideal.plots.measurements import _draw_object
from ideal.plots.palette import COLORS, FILTERS, ink_on, letters_of
from ideal.plots.theme import Figure, picture_of


@pytest.mark.parametrize(("low", "high", "shown"), [(1e-4, 1.3, {"0.001", "0.01", "0.1", "1"}), (3, 8, {"3", "4", "6"})])
def test_logarithmic_axes_have_plain_numbers(low, high, shown):
    """Texts are never taken for mathematics, and the marks of a logarithmic axis would show as they are written."""
    figure = Figure()
    axes = figure.subplots()
    axes.plot([1, 2], [low, high])
    axes.set(yscale="log", ylim=(low, high), title="cost $5 to $6")
    assert picture_of(figure).startswith(b"\x89PNG")
    labels = {each.get_text() for kind in (False, True) for each in axes.get_yticklabels(minor=kind)}
    assert shown <= labels
    assert not any("$" in each or "\\" in each for each in labels)
    assert axes.get_title() == "cost $5 to $6"


def test_marks_of_filters_differ():
    assert letters_of(["red", "green", "blue", "white"]) == {"red": "R", "green": "G", "blue": "B", "white": "W"}
    assert letters_of(["blue", "black"]) == {"blue": "Blu", "black": "Bla"}
    assert letters_of(["450nm", "455nm"]) == {"450nm": "450", "455nm": "455"}
    with pytest.raises(ValueError, match="alike"):
        letters_of(["red", "red"])


def test_inks_are_told_apart_in_grey():
    """By their luminance, as a reader without color vision sees them; a mark on them is read in black or white."""
    luminance = {name: np.dot(to_rgb(ink), (0.2126, 0.7152, 0.0722)) for name, ink in FILTERS.items()}
    bayer = sorted(luminance[name] for name in ("red", "green", "blue", "white"))
    assert min(np.diff(bayer)) > 0.01
    assert luminance["white"] - luminance["green"] > 0.2 < luminance["green"] - luminance["red"]
    assert [ink_on(to_rgb(FILTERS[name])) for name in ("red", "green", "blue", "white")] == ["white", "black", "white", "black"]
    assert len(set(COLORS)) == len(COLORS)


@pytest.mark.parametrize("bright", [0, 1])
def test_a_scene_that_is_nearly_all_black_is_drawn(bright):
    scene = np.zeros((32, 32, 3))
    scene[:bright, 0] = 4.0
    axes = Figure().subplots()
    _draw_object(axes, scene)
    assert axes.images[0].get_array().max() == bright
