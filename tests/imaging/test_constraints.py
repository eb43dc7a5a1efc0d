"""Constraints: physical values obey them, the way there and back, hard values."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ideal.errors import UsageError
from ideal.imaging import Bounded, Budget, Constraint, OneOf, Positive, UnitSum
from ideal.imaging.interferometer.places import Places
from ideal.imaging.lensless.lenslets import Inside

FREE = np.random.default_rng(0).standard_normal((4, 5))
EACH = {
    "free": Constraint(),
    "bounded": Bounded(-2.0, 3.0),
    "positive": Positive(2.5),
    "unit-sum": UnitSum(),
    "one-of": OneOf(),
    "budget": Budget(),
    "budget of 6": Budget(6),
}


@pytest.mark.parametrize("name", EACH)
def test_physical_values_obey_and_come_back(name):
    with jax.enable_x64(True):
        constraint = EACH[name]
        physical = constraint.physical(jnp.asarray(FREE))
        constraint.check("x", np.asarray(physical))
        np.testing.assert_allclose(constraint.physical(constraint.free(physical)), physical, rtol=1e-6)
        constraint.check("x", np.asarray(constraint.harden(physical)))
        assert np.isfinite(jax.grad(lambda free: (constraint.physical(free) ** 2).sum())(jnp.asarray(FREE))).all()


@pytest.mark.parametrize(
    ("constraint", "value", "complaint"),
    [
        (Bounded(0.0, 1.0), [0.5, 1.2], "reaches from 0.5 to 1.2, expected 0 to 1"),
        (Positive(), [1.0, -0.1], "as low as -0.1"),
        (UnitSum(), [0.5, 0.6], "sum of 1.1"),
        (OneOf(), [[0.5, 0.6], [1.0, 0.0]], "sums up to 1.1"),
        (Budget(), [0.5, 1.5], "weights from 0 to 1"),
    ],
)
def test_values_outside_are_refused(constraint, value, complaint):
    with pytest.raises(UsageError, match=complaint):
        constraint.check("x", np.array(value))


def test_known_values():
    np.testing.assert_allclose(Bounded(2.0, 4.0).physical(jnp.zeros(3)), 3.0)
    np.testing.assert_allclose(Positive().physical(jnp.zeros(1)), np.log(2), rtol=1e-6)
    np.testing.assert_allclose(UnitSum().physical(jnp.zeros((2, 4))), 1 / 8)
    np.testing.assert_allclose(OneOf().physical(jnp.asarray([[0.0, np.log(3)]])), [[0.25, 0.75]], rtol=1e-6)
    np.testing.assert_allclose(Budget(2).physical(jnp.zeros(8)).sum(), 2, rtol=1e-6)


def test_hard_values_and_sharpness():
    shares = jnp.asarray([[0.2, 0.5, 0.3], [0.6, 0.1, 0.3]])
    np.testing.assert_array_equal(OneOf().harden(shares), [[0, 1, 0], [1, 0, 0]])
    np.testing.assert_allclose(OneOf().physical(OneOf().free(shares), sharpness=50.0), OneOf().harden(shares), atol=1e-6)
    weights = jnp.asarray([0.1, 0.9, 0.5, 0.5, 0.2])
    assert int(Budget(3).harden(weights).sum()) == 3
    np.testing.assert_array_equal(Budget(1).harden(weights), [0, 1, 0, 0, 0])
    np.testing.assert_array_equal(Budget().harden(jnp.asarray([0.1, 0.9])), [0, 1])


def test_exact_zeros_have_finite_free_values():
    for constraint, value in ((UnitSum(), [1.0, 0.0]), (OneOf(), [[1.0, 0.0]]), (Budget(), [1.0, 0.0]), (Positive(), [1.0, 0.0])):
        free = constraint.free(jnp.asarray(value))
        assert np.isfinite(free).all()
        np.testing.assert_allclose(constraint.physical(free), value, atol=2e-4)


PLACES = Places(np.array([[10.0, 20.0], [-30.0, 170.0]]), np.array([True, False]), (-60.0, 60.0))
SMOOTH = {
    "bounded": (Bounded(-2.0, 3.0), np.array([-2.0, 0.0, 2.999, 3.0])),
    "positive": (Positive(2.5), np.array([0.0, 1e-3, 1.0, 4.0])),
    "unit-sum": (UnitSum(), np.array([0.0, 0.0005, 0.2495, 0.75])),
    "positions": (Inside(Bounded(1.0, 3.0), Bounded(0.0, 7.5)), np.array([[1.0, 3.0], [2.0, 7.5]])),
    "places": (PLACES, np.array([[60.0, 20.0], [-30.0, 170.0]])),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_the_nearest_allowed_value_is_allowed_and_no_other_is_nearer(name):
    constraint, value = SMOOTH[name]
    span, rng = constraint.span(value), np.random.default_rng(0)
    np.testing.assert_allclose(constraint.project(value), value, atol=1e-12)
    for _ in range(20):
        wanted = value + 2 * span * rng.standard_normal(value.shape)
        found = constraint.project(wanted)
        constraint.check("x", found)
        np.testing.assert_allclose(constraint.project(found), found, atol=1e-12)
        others = [constraint.project(value + span * rng.standard_normal(value.shape)) for _ in range(20)]
        distance = [(((each - wanted) / span) ** 2).sum() for each in (found, *others)]
        assert min(distance) == distance[0]


@pytest.mark.parametrize("name", SMOOTH)
def test_values_next_to_an_edge_are_put_on_it_and_those_on_it_are_moved_inside(name):
    constraint, value = SMOOTH[name]
    near = constraint.at_edge(value, 5e-3)
    settled = constraint.settle(value, 5e-3)
    constraint.check("x", settled)
    assert np.array_equal(constraint.at_edge(settled, 1e-12), near)  # exactly
    inside = np.asarray(constraint.inside(jnp.asarray(settled), 0.1))
    constraint.check("x", inside)
    assert not constraint.at_edge(inside, 5e-3).any()
    assert not near[~np.isclose(settled, value, rtol=0.02, atol=0.02 * constraint.span(value).max())].size


def test_known_projections():
    np.testing.assert_allclose(UnitSum().project(np.array([0.6, 0.6, -1.0])), [0.5, 0.5, 0])
    np.testing.assert_allclose(UnitSum().project(np.array([[3.0, 0.0], [0.0, 0.0]])), [[1, 0], [0, 0]])
    np.testing.assert_allclose(UnitSum().project(np.zeros(5)), 0.2)
    np.testing.assert_array_equal(Bounded(0.0, 1.0).project(np.array([-3.0, 0.25, 9.0])), [0, 0.25, 1])
    np.testing.assert_array_equal(Positive().project(np.array([-3.0, 0.25])), [0, 0.25])
    assert PLACES.project(np.array([[80.0, 200.0], [0.0, 0.0]])).tolist() == [[60, 200], [-30, 170]]
    assert np.asarray(PLACES.harden(jnp.asarray([[60.0, 200.0], [-30.0, 170.0]]))).tolist() == [[60, -160], [-30, 170]]


def test_only_choices_are_discrete():
    assert [name for name, each in EACH.items() if each.discrete] == ["one-of", "budget", "budget of 6"]


@pytest.mark.parametrize(
    ("constraint", "text"),
    [
        (Constraint(), "free"),
        (Bounded(-2.0, 3.0), "from -2 to 3"),
        (Positive(2.5), "positive, of about 2.5"),
        (UnitSum(), "at least 0, with a sum of 1"),
        (Budget(6), "from 0 to 1, with a sum of at most 6"),
        (Inside(Bounded(1.0, 3.0), Bounded(0.0, 7.5)), "rows from 1 to 3, columns from 0 to 7.5"),
        (Places(np.zeros((8, 2)), np.zeros(8, bool)), "all 8 sites stay where they are"),
        (Places(np.zeros((3, 2)), np.arange(3) > 0), "2 of 3 sites free, latitudes -90 to 90 and longitudes -180 to 180 degrees"),
    ],
)
def test_each_says_in_a_line_what_it_allows(constraint, text):
    assert constraint.describe() == text


@pytest.mark.parametrize("name", EACH)
def test_descriptions_are_short(name):
    assert 0 < len(EACH[name].describe()) < 80
