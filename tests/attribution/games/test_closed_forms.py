"""The information of sets of elements against formulas, and against what a choice of members says of them."""

import jax
import numpy as np
import pytest
from fixtures import games

from ideal.attribution.games import GaussianGame, GramGame, sensor_game
from ideal.attribution.games.systems import system_game
from ideal.attribution.indices import index_terms
from ideal.attribution.sparse import SparseFunction
from ideal.attribution.transforms import all_masks, fourier
from ideal.errors import DataError, UsageError
from ideal.imaging import ColorFilterArray, Interferometer, LedMicroscope, LensletCamera
from ideal.optimize.runs.plans import plan_elements
from ideal.optimize.runs.request import Request
from ideal.optimize.runs.setup import Setup
from ideal.optimize.selection.valuation import find_set_value


def terms_of(game, index="moebius", order=None):
    return index_terms(SparseFunction.full(fourier(game.values(all_masks(game.n)))), index, order)


def test_two_identical_sensors_are_redundant_as_their_closed_form_says():
    signal, noise = 3.0, 0.7
    found = terms_of(GaussianGame(np.full((2, 2), signal), noise), "bii")
    expected = 0.5 * np.log2(1 + 2 * signal / noise) - np.log2(1 + signal / noise)
    assert found[(0, 1)] == pytest.approx(expected, abs=1e-12)
    assert expected < 0


def test_two_sites_alone_are_a_synergy():
    grams, first, second = games.sites(4)
    found = terms_of(GramGame(grams, pairs=(first, second)))
    for i in range(4):
        assert found[(i,)] == pytest.approx(0.0, abs=1e-12)
    for number, pair in enumerate(zip(first.tolist(), second.tolist(), strict=True)):
        alone = 0.5 * np.linalg.slogdet(np.eye(len(grams[0])) + grams[number])[1] / np.log(2)
        assert found[pair] == pytest.approx(alone, abs=1e-10)
        assert found[pair] > 0


def test_independent_blocks_have_no_cross_terms():
    rng = np.random.default_rng(0)
    blocks = [np.cov(rng.normal(size=(size, 20))) for size in (3, 4)]
    covariance = np.zeros((7, 7))
    covariance[:3, :3], covariance[3:, 3:] = blocks
    found = terms_of(GaussianGame(covariance, 0.1))
    crossing = {term: value for term, value in found.items() if min(term, default=9) < 3 <= max(term, default=0)}
    assert len(crossing) == 7 * 15
    assert max(map(abs, crossing.values())) < 1e-10


def test_forms_agree():
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(6, 4))
    masks = all_masks(6)
    covariance = np.cov(rng.normal(size=(4, 30)))
    by_samples = GaussianGame(rows @ covariance @ rows.T, 0.3).values(masks)
    np.testing.assert_allclose(sensor_game(rows, 0.3, covariance=covariance).values(masks), by_samples, atol=1e-10)
    of = [0, 0, 1, 1, 2, 2]
    pairs = masks[:, [0, 2, 4]][(masks[:, ::2] == masks[:, 1::2]).all(1)]
    both = by_samples[(masks[:, ::2] == masks[:, 1::2]).all(1)]
    np.testing.assert_allclose(sensor_game(rows, 0.3, of, covariance).values(pairs), both, atol=1e-10)
    complex_rows = rows[:3] + 1j * rows[3:]
    np.testing.assert_allclose(sensor_game(complex_rows, 0.3, covariance=covariance).values(all_masks(3))[-1], by_samples[-1])


def test_sensors_are_submodular_and_sites_are_not():
    rng = np.random.default_rng(2)
    grams, first, second = games.sites(8)
    for game, allowed in ((GramGame(games.leds(8)), True), (GramGame(grams, pairs=(first, second)), False)):
        small = rng.random((400, 8)) < 0.3
        large = small | (rng.random((400, 8)) < 0.4)
        player = rng.integers(8, size=400)
        absent = ~large[np.arange(400), player]
        small, large, player = small[absent], large[absent], player[absent]

        def gain(masks, game=game, player=player):
            more = masks.copy()
            more[np.arange(len(masks)), player] = True
            return game.values(more) - game.values(masks)

        violations = gain(large) > gain(small) + 1e-9
        assert (violations.sum() == 0) == allowed


def test_what_is_no_covariance():
    with pytest.raises(DataError, match="symmetric"):
        GaussianGame(np.ones((2, 3)))
    with pytest.raises(DataError, match="above 0"):
        GaussianGame(np.eye(2), 0.0)
    with pytest.raises(UsageError, match="positive definite"):
        GaussianGame(np.diag([1.0, -5.0])).values(all_masks(2))
    with pytest.raises(DataError, match="grams of shape"):
        GramGame(np.ones((2, 3)))
    with pytest.raises(DataError, match="sensor values"):
        sensor_game(np.ones((2, 3)), 1.0, [0])


SYSTEMS = {
    "sites": (Interferometer(sites=("ALMA", "LMT", "SMT", "PV"), shape=(16, 16), interval=3600), "site", 4),
    "lenslets": (
        LensletCamera(scene_shape=(11, 11), psf_shape=(6, 6), width=0.4, widest=2.0, lenslets=4, bias=1.0),
        "lenslet",
        None,
    ),
    "leds": (LedMicroscope(shape=(96, 96)), "LED", None),
}


@pytest.mark.parametrize("name", SYSTEMS)
def test_systems_are_worth_what_a_choice_says(name):
    system, noun, count = SYSTEMS[name]
    setup = Setup.of(system, Request(count=60))
    game = system_game(setup)
    assert game.noun == noun
    assert count is None or game.n == count
    members, task, _ = plan_elements(setup, True)
    masks = np.random.default_rng(0).random((12, game.n)) < 0.5
    masks = masks[masks.any(1)]  # without any light the noise of photons has no entropy
    with jax.enable_x64(True):
        np.testing.assert_allclose(game.values(masks), find_set_value(members, task).hard(masks), rtol=2e-4, atol=1e-6)


def test_channels_filters_and_sensors():
    sensor = ColorFilterArray(shape=(8, 8), period=(2, 2))
    setup = Setup.of(sensor, Request(count=60), noise="gaussian:sigma=3")
    filters, sensors = system_game(setup), system_game(setup, "sensors")
    assert (filters.noun, filters.n, filters.names[1]) == ("filter", 4, "0,1")
    assert (sensors.noun, sensors.n) == ("sensor", 64)
    rows, columns = np.indices((8, 8))
    for mask in all_masks(4):
        taken = mask[(rows % 2) * 2 + columns % 2].ravel()
        assert filters.values(mask[None])[0] == pytest.approx(sensors.values(taken[None])[0], abs=1e-9)
    with pytest.raises(UsageError, match="has no channels"):
        system_game(setup, "channels")
    with pytest.raises(UsageError, match="one of members"):
        system_game(setup, "pixels")


def test_lenslets_in_the_dark_tell_nothing():
    system = LensletCamera(scene_shape=(11, 11), psf_shape=(6, 6), width=0.4, widest=2.0, lenslets=4)
    values = system_game(Setup.of(system, Request(count=60))).values(all_masks(4))
    assert values[0] == 0
    assert (values[1:] > 0).all()
