"""Targets: what is parsed and what is refused, and the registry of objectives."""

import pytest
from fixtures.optimize import SMALL, light_fields

from ideal.errors import UsageError
from ideal.imaging import Scene
from ideal.noise import Poisson
from ideal.optimize import OBJECTIVES, Task, find_objective, parse_target
from ideal.optimize.objectives.closed_form import ClosedForm


def test_targets_parse():
    scene = Scene("radiance", (8, 10, 3), ("red", "green", "blue"))
    assert parse_target("total", scene) is None
    assert parse_target("label", scene).name == "label"
    assert parse_target("luminance", scene).matrix.tolist() == [[1, 1, 1]]
    assert parse_target("green", scene).matrix.tolist() == [[0, 1, 0]]
    assert [parse_target(each, scene).name for each in ("color", "color", "mse")] == ["color", "color", "mse"]
    region = parse_target("region:1-3,2-10", scene)
    assert (region.rows, region.columns) == ((1, 3), (2, 10))
    parts = parse_target("2 chroma + 0.25 luminance + total", scene).parts
    assert [weight for weight, _ in parts] == [2, -2, 0.25, 1]
    assert [getattr(part, "name", None) for _, part in parts] == [None, "luminance", "luminance", None]
    assert parse_target("0.5 label", scene).parts[0][0] == 0.5
    spectrum = Scene("radiance", (8, 8, 2), ("400 nm", "500 nm"))
    assert parse_target("400 nm", spectrum).matrix.tolist() == [[1, 0]]
    assert [weight for weight, _ in parse_target("0.5 500 nm + 400 nm", spectrum).parts] == [0.5, 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lumiance", "did you mean luminance"),
        ("nan luminance", "weight is a finite number"),
        ("0 luminance", "needs a weight other than 0"),
        ("region:1-3", "region:FIRST-LAST"),
        ("region:1-9,0-2", "outside"),
        ("region:3-3,0-2", "empty"),
        ("", "no target"),
        ("chroma +", "no target"),
    ],
)
def test_targets_that_are_none(text, message):
    scene = Scene("radiance", (8, 10, 3), ("red", "green", "blue"))
    with pytest.raises(UsageError, match=message):
        parse_target(text, scene)


def test_targets_of_color_need_colors_and_labels_need_labels():
    grey = Scene("radiance", (8, 8))
    for text in ("chroma", "color", "luminance", "red"):
        with pytest.raises(UsageError, match="no target"):
            parse_target(text, grey)
    with pytest.raises(UsageError, match="outside"):
        parse_target("region:0-2,0-2", Scene("radiance", (8,)))
    scenes = light_fields(SMALL, 10.0, 20)
    with pytest.raises(UsageError, match="labelled objects"):
        ClosedForm(Task(SMALL, Poisson(), scenes, scenes, target=parse_target("label", SMALL.scene)))


def test_the_registry_finds_objectives_and_suggests_the_nearest():
    for name in ("gaussian", "samples", "end-to-end"):
        assert name in OBJECTIVES
        assert find_objective(name).name == name
        assert find_objective(name).summary
    with pytest.raises(UsageError, match="did you mean samples"):
        find_objective("sample")
