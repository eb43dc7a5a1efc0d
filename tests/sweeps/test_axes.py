"""Points of a sweep: products, axes that go along together, what is left out, and names."""

import pytest

from ideal.errors import UsageError
from ideal.sweeps.axes import Axis, key_of, points_of
from ideal.sweeps.front import pareto
from ideal.sweeps.names import canonical, plain_numbers, said

DESIGN = Axis("design", ("bayer", "white"))
PHOTONS = Axis("photons", (30, 100, 300))
READ = Axis("noise.read_noise", (1.0, 2.0, 3.0))


def values(points):
    return [tuple(point.values.values()) for point in points]


def test_a_product_has_the_last_axis_first():
    points = points_of([DESIGN, PHOTONS], {"count": 50})
    assert values(points) == [(d, p) for d in ("bayer", "white") for p in (30, 100, 300)]
    assert points[0].settings == {"count": 50, "design": "bayer", "photons": 30}
    assert points[4].name == "white, photons 100"


def test_axes_that_are_zipped_go_along():
    points = points_of([PHOTONS, DESIGN, READ], {}, [["photons", "noise.read_noise"]])
    assert values(points) == [(p, d, r) for p, r in ((30, 1.0), (100, 2.0), (300, 3.0)) for d in ("bayer", "white")]


@pytest.mark.parametrize(
    ("excluded", "left"),
    [
        ([{"design": "bayer", "photons": 30}], 5),
        ([{"design": "bayer"}], 3),
        ([{"photons": [30.0, 300]}], 2),
        ([{"design": "bayer"}, {"photons": 30}], 2),
        ([{}], 6),
    ],
)
def test_what_is_excluded(excluded, left):
    assert len(points_of([DESIGN, PHOTONS], {}, (), excluded)) == left


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([DESIGN, PHOTONS], {}, (), [{"design": ["bayer", "white"]}]), "no point is left"),
        (([DESIGN, DESIGN], {}), "two axes have the same name"),
        (([DESIGN, PHOTONS], {}, [["design", "photons"]]), "need as many values each; found design 2, photons 3"),
        (([DESIGN, PHOTONS], {}, [["design", "photon"]]), "no axis is called 'photon'; did you mean photons"),
        (([PHOTONS, READ], {}, [["photons", "noise.read_noise"], ["photons"]]), "zipped twice: photons"),
        (([DESIGN], {}, (), [{"light": 3}]), "no axis is called 'light'"),
    ],
)
def test_what_makes_no_points(arguments, message):
    with pytest.raises(UsageError, match=message):
        points_of(*arguments)


def test_axes_without_values_or_with_one_twice():
    with pytest.raises(UsageError, match="has no values"):
        Axis("photons", ())
    with pytest.raises(UsageError, match="has 30 twice"):
        Axis("photons", (30, 100, 30.0))


@pytest.mark.parametrize(
    ("numbers", "numeric", "logarithmic"),
    [
        ((30, 100, 300, 1000), True, True),
        ((8, 16, 24), True, False),
        ((0, 1, 100), True, False),
        ((1, 100), True, True),
        ((1, 50, 100), True, False),
        (("a", "b"), False, False),
        ((True, False), False, False),
        ((30,), False, False),
    ],
)
def test_which_axes_are_numeric_and_which_logarithmic(numbers, numeric, logarithmic):
    axis = Axis("x", numbers)
    assert (axis.is_numeric, axis.is_logarithmic) == (numeric, logarithmic)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("photons", "photons"),
        ("simulate.noise-seed", "noise_seed"),
        ("estimate.model", "models"),
        ("system.name", "system"),
        ("system.defocus", "system.defocus"),
        ("noise.read-noise", "noise.read_noise"),
        ("decode.decoder", "decoder"),
        ("decoder.components", "decoder.components"),
        ("files.file", "file"),
    ],
)
def test_names_of_settings(given, name):
    assert canonical(given) == name


@pytest.mark.parametrize("given", ["photon", "lens.focus", "", "estimate.", "system."])
def test_names_that_there_are_not(given):
    with pytest.raises(UsageError, match="a sweep has no setting"):
        canonical(given)


def test_values_in_words():
    assert [said(each) for each in (30.0, 0.25, True, None, ["full", "stationary"], "a")] == [
        *("30", "0.25", "yes", "own", "full+stationary", "a"),
    ]
    assert plain_numbers([30.0, 0.5, {"a": 2.0}, "x", True]) == [30, 0.5, {"a": 2}, "x", True]
    assert key_of({"a": 1, "b": "x"}) == key_of({"b": "x", "a": 1})


def test_the_front_holds_what_no_other_beats():
    points = [(3.0, 1.0), (1.0, 1.0), (2.0, 0.5), (2.0, 3.0), (4.0, 3.0), (5.0, 4.0)]
    front = pareto(points)
    assert front == [1, 3, 5]
    for place, (cost, value) in enumerate(points):
        beaten = any(c <= cost and v >= value and (c, v) != (cost, value) for c, v in points)
        assert (place not in front) == beaten
