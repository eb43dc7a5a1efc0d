"""Choosing members of any system: who they are, what sets of them are worth, and how arrays of sites are measured."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from fixtures.imaging import scenes_for, tiny

from ideal.errors import UsageError
from ideal.imaging import make_system
from ideal.imaging.combinations import informative_combinations
from ideal.noise import Poisson
from ideal.optimize import Task, parse_target
from ideal.optimize.objectives.closed_form import ClosedForm
from ideal.optimize.objectives.scenes import scene_factor
from ideal.optimize.objects import Part
from ideal.optimize.selection.image_sums import ImageSums
from ideal.optimize.selection.members import find_members
from ideal.optimize.selection.search import Choosing, choose
from ideal.optimize.selection.set_value import ObjectiveValue, PairInformation, pair_information
from ideal.optimize.selection.site_evaluation import evaluate_sites
from ideal.optimize.selection.valuation import find_set_value

pytestmark = pytest.mark.usefixtures("hasty_compiler")

JOINED = "EHT2017+EHT2022"


def sites(**settings):
    return make_system("interferometer", **{"shape": (12, 12), "field_of_view": 120.0, "interval": 3600.0, **settings})


def weak():
    system = tiny("led-microscope-weak")
    scenes = 0.1 * np.random.default_rng(0).random((40, *system.scene.shape)).astype(np.float32)
    return system, Task(system, Poisson(), scenes, scenes)


def whitened(system, scenes):
    """Visibilities of scenes, which may be negative, over their noise; real and imaginary parts."""
    seen = np.asarray(jax.jit(jax.vmap(system.encode, (None, 0)))(system.design(), jnp.asarray(scenes, jnp.float32)))
    return np.stack([seen.real, seen.imag]).astype(np.float64) / system.sigma


def as_set(size, *members):
    return np.isin(np.arange(size), members)


# Who they are


def test_members_have_names():
    system = sites(array=JOINED)
    found = find_members(system)
    assert found.parameter == "weights"
    assert found.names == system.table.names
    assert found.noun == "site"
    leds = find_members(tiny("led-microscope-weak"))
    assert (leds.parameter, leds.noun) == ("intensities", "LED")
    assert leds.names == tuple(map(str, range(leds.size)))
    assert find_members(tiny("lensless-lenslets")).parameter == "weights"


@pytest.mark.parametrize("name", ["diffraction-limited", "color-filter-array", "lensless"])
def test_systems_without_members(name):
    with pytest.raises(UsageError, match="has nothing to choose members of"):
        find_members(tiny(name))


def test_names_of_members_and_of_designs():
    members = find_members(sites(array=JOINED))
    eight = find_members(sites()).names
    assert [members.names[number] for number in members.numbers(["EHT2017"])] == list(eight)
    assert members.numbers(["LMT", "EHT2017", "LMT"])[0] == members.names.index("LMT")
    assert len(members.numbers(["LMT", "EHT2017", "LMT"])) == 8
    with pytest.raises(UsageError, match="no site and no design 'ALMO'; did you mean ALMA"):
        members.numbers(["ALMO"])


def test_shares_of_power_and_whole_sites():
    leds, array = find_members(tiny("led-microscope-weak")), find_members(sites())
    assert np.asarray(leds.params_of_set([1, 4])["intensities"])[[1, 4]] == pytest.approx([0.5, 0.5])
    assert float(leds.params_of_set([1, 4, 5])["intensities"].sum()) == pytest.approx(1)
    assert np.asarray(array.params_of_set([1, 4])["weights"]).tolist() == as_set(8, 1, 4).tolist()
    assert leds.used(leds.system.design("all")) == tuple(range(leds.size))
    assert leds.is_set(leds.system.design("brightfield"))
    assert not leds.is_set(leds.system.design("random"))
    assert array.is_set(array.system.design("random"))
    assert not array.is_set(array.system.design("half"))
    assert not np.isnan(np.asarray(leds.params_of_set([])["intensities"])).any()


# What sets are worth


def test_sums_of_images_agree_with_the_closed_form():
    system, task = weak()
    members = find_members(system)
    value = ImageSums(members, task, rank=12)
    sets = np.array(
        [as_set(members.size, *members.used(system.design(name))) for name in ("brightfield", "single-led", "dpc-left")]
    )
    with jax.enable_x64(True):
        objective = ClosedForm(task, rank=12)
        gain = jax.jit(lambda weights: objective.gain({"intensities": weights}))
        truth = np.array([float(gain(jnp.asarray(each / each.sum()))) for each in sets]) * task.pixels
        share = jax.jit(value.soft)
        soft = [float(share(jnp.asarray(each, float), value.arrays)) for each in sets]
    assert value.hard(sets) == pytest.approx(truth, rel=1e-5)
    assert np.array(soft) == pytest.approx(truth, rel=1e-5)
    assert len(set(np.round(truth, 3))) == 3


def test_leds_beyond_the_aperture_are_dark():
    system, task = weak()
    value = ImageSums(find_members(system), task, rank=4)
    assert value.dark == tuple(np.flatnonzero(~system._within))
    assert len(value.dark) > 0


def test_slope_of_sums_of_images():
    system, task = weak()
    members = find_members(system)
    value = ImageSums(members, task, rank=6)
    shares = np.random.default_rng(1).uniform(0.2, 0.9, members.size)
    with jax.enable_x64(True):
        arrays = jax.tree.map(lambda each: jnp.asarray(each, jnp.float64), value.arrays)
        soft = jax.jit(value.soft)
        slope = np.asarray(jax.jit(jax.grad(value.soft))(jnp.asarray(shares), arrays))
        for number in np.flatnonzero(system._within)[:3]:
            step = 1e-4 * as_set(members.size, number)
            change = float(soft(jnp.asarray(shares + step), arrays)) - float(soft(jnp.asarray(shares - step), arrays))
            assert slope[number] == pytest.approx(change / 2e-4, rel=1e-4)


def test_images_of_sites_do_not_add():
    system = sites(sites=("ALMA", "LMT", "SMT"))
    scenes = scenes_for(system, 20)
    with pytest.raises(UsageError, match="images of its sites do not add up"):
        ImageSums(find_members(system), Task(system, system.noise(system.design()), scenes, scenes), rank=3)


def test_each_system_has_its_fastest_value():
    system, task = weak()
    assert isinstance(find_set_value(find_members(system), task), ImageSums)
    array = sites(sites=("ALMA", "LMT", "SMT", "PV"))
    scenes = scenes_for(array, 20)
    sky = Task(array, array.noise(array.design()), scenes, scenes)
    assert isinstance(find_set_value(find_members(array), sky, (1,)), PairInformation)
    labels = np.arange(len(task.scenes)) % 2
    labelled = Task(system, Poisson(), task.scenes, task.scenes, labels, labels, parse_target("label", system.scene))
    value = find_set_value(find_members(system), labelled)
    assert isinstance(value, ObjectiveValue)
    used = as_set(value.size, *find_members(system).used(system.design("dpc-left")))
    with jax.enable_x64(True):
        objective = ClosedForm(labelled)
        exact = float(jax.jit(objective.gain)(jax.tree.map(jnp.asarray, system.design("dpc-left"))))
    assert value.hard(used)[0] == pytest.approx(exact * task.pixels, rel=1e-4)


def test_two_leds_by_every_strategy():
    system, task = weak()
    members = find_members(system)
    value = ImageSums(members, task, rank=6)
    lit = tuple(number for number in range(members.size) if number not in value.dark)[:6]
    found = choose(Choosing(value, 2, candidates=lit), starts=2, steps=10)
    truth = {each: ImageSums.hard(value, as_set(members.size, *each)[None])[0] for each in itertools.combinations(lit, 2)}
    assert found.best.members == max(truth, key=truth.get)


# How arrays of sites are measured


def test_an_array_of_the_sites_with_weight():
    system = sites(free_sites=("LMT", "PV"))
    params = find_members(system).params_of_set([0, 2, 5])
    small, own = system.restricted(params)
    assert small.table.names == tuple(system.table.names[number] for number in (0, 2, 5))
    assert small.free_sites == ("LMT",)
    scenes = scenes_for(system, 2).astype(np.float32)
    whole, part = system.images(params, scenes), small.images(own, scenes)
    seen = np.abs(whole).max(0) > 0
    ends = system.coverage.first[seen], system.coverage.second[seen]
    assert set(np.unique(ends)) == {0, 2, 5}
    some = np.abs(part).max(0) > 0
    assert part[:, some] == pytest.approx(whole[:, seen], rel=1e-3, abs=1e-5)
    with pytest.raises(UsageError, match="1 site, expected two or more"):
        system.restricted(find_members(system).params_of_set([3]))


def test_float64_after_float32():
    # JAX keeps 64-bit indices converted in one mode for the other: an ascent after a simulation failed
    system = sites(sites=("ALMA", "LMT", "SMT"), free_sites=("SMT",))
    scenes = scenes_for(system, 2).astype(np.float32)
    single = system.images(system.design(), scenes)
    with jax.enable_x64(True):
        params = {name: jnp.asarray(value, jnp.float64) for name, value in system.design().items()}
        encode = jax.jit(lambda params, scenes: jax.lax.map(lambda scene: system.encode(params, scene), scenes))
        double = np.asarray(encode(params, jnp.asarray(scenes, jnp.float64)))
    assert double.dtype == np.complex128
    assert single == pytest.approx(double, rel=1e-3, abs=1e-3 * np.abs(double).max())


def test_combinations_lose_nothing_of_the_components():
    system = sites(sites=("ALMA", "LMT", "SMT", "PV"))
    scenes = 1e-3 * scenes_for(system, 60).astype(np.float32)
    components = scene_factor(scenes, 8).factor
    noise = system.noise(system.design())
    combined = informative_combinations(system, [system.design()], noise, components)[0].weights
    assert combined.shape == components.shape
    seen = combined.reshape(8, -1) @ components.reshape(8, -1).T
    bits = 0.5 * np.linalg.slogdet(np.eye(8) + seen @ seen.T)[1] / np.log(2)
    value = pair_information(system, scenes, rank=8)
    assert bits == pytest.approx(value.hard(np.ones(4, bool))[0], rel=1e-4)
    # and as what whitened visibilities say when they are combined by hand
    white = np.concatenate(list(whitened(system, components)), axis=1)
    assert seen.T @ seen == pytest.approx(white @ white.T, rel=1e-3, abs=1e-3 * np.abs(white @ white.T).max())


def test_noise_of_combinations_is_of_unit_variance_and_fresh():
    system = sites(sites=("ALMA", "LMT", "SMT"))
    scenes = scenes_for(system, 30).astype(np.float32)
    combined = informative_combinations(system, [system.design()], system.noise(system.design()), scene_factor(scenes, 4).factor)[
        0
    ]
    noisy, clean = combined.measured(np.repeat(scenes, 100, axis=0), np.random.default_rng(0))
    assert np.cov((noisy - clean).T) == pytest.approx(np.eye(4), abs=0.1)
    assert clean[0] == pytest.approx(combined.weights.reshape(4, -1) @ scenes[0].ravel(), rel=1e-4, abs=1e-4)


def test_photon_noise_has_no_combinations():
    system, task = weak()
    with pytest.raises(UsageError, match="no combinations of independent noise"):
        informative_combinations(system, [system.design()], Poisson(), task.scenes[:3])


def test_measured_arrays_tell_what_gaussian_skies_hold():
    system = sites(sites=("ALMA", "LMT", "SMT", "PV"))
    rng = np.random.default_rng(0)
    components = 2e-4 * rng.standard_normal((6, *system.scene.shape))
    skies = np.tensordot(rng.standard_normal((3000, 6)), components, 1).astype(np.float32)
    part = Part(skies[1000:], None, np.arange(2000))
    members = find_members(system)
    designs = {"all": members.params_of_set(range(4)), "three": members.params_of_set([0, 1, 2])}
    found = evaluate_sites(system, designs, learned_from=skies[:1000], part=part, exposure=1.0, rank=6)
    value, white = PairInformation(4, 6), whitened(system, components)
    for first, second in itertools.combinations(range(4), 2):
        both = (system.coverage.first == first) & (system.coverage.second == second)
        here = np.concatenate(list(white[..., both]), axis=1)
        value.add(first, second, here @ here.T)
    truth = value.hard(np.array([as_set(4, 0, 1, 2, 3), as_set(4, 0, 1, 2)]))
    for each, bits in zip(found.estimates.values(), truth, strict=True):
        low, high = (bound * each.pixels for bound in each.interval)
        assert low - 0.1 < bits < high + 0.1
        assert high - low < 0.2 * bits
    difference = found.differences["three"]
    assert difference.difference_bits_per_pixel * 6 == pytest.approx(truth[0] - truth[1], abs=0.5)
    assert truth[0] - truth[1] > 2
