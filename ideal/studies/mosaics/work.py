"""Work of the study of color filter arrays: photographs, mosaics, their counts, and the information in these."""

from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ideal.datasets.photographs import NAMES, code_values, linear_light
from ideal.imaging import ImagingSystem, Params, Scene, make_system
from ideal.measurements.measurement_set import MeasurementSet
from ideal.measurements.patches import Fold
from ideal.noise import Poisson
from ideal.optimize import Ascent, Task, parse_target
from ideal.optimize.design import find_design
from ideal.optimize.objectives.periodic import periodic_gain, periodic_grid
from ideal.optimize.objectives.scenes import SceneSpectrum, scene_spectrum
from ideal.optimize.objects import Part
from ideal.studies.engine import world
from ideal.studies.engine.contract import Context

SHARES = {"kodak": 0.25, "bsds500": 0.5, "mcmaster": 0.25}  # of the scenes: the many small pictures are more different
OTHERWISE = "photographs"
LETTERS = "RGBW"
_PERIOD = 8
PEAK = 1 / 3  # of a scene's channel where the picture is white; see `ideal.datasets`
_APART = 10**6  # between the numbers of the pictures of two sets
_REGION = 100  # pixels of a side: how the few photographs that are always there are cut into sources
_DESIGN_PARTS = 4  # one of so many parts of the pictures is for designs alone
_SCORED_TARGETS = ("total", "color", "mse", "chroma")


def photographs(settings: dict, needs: dict, context: Context) -> dict:
    """Return which pictures there are on this machine, and what tells them from others."""
    scene = make_system("color-filter-array").scene
    names, notes = world.first_available(list(SHARES), OTHERWISE, scene)
    if names == [OTHERWISE]:
        notes = [*notes, f"{OTHERWISE} are cut into regions of {_REGION} pixels, which count as sources though of few pictures"]
    kept = _pictures(tuple(names), settings["count"], settings["seed"])
    design, measured, fold = divided(tuple(names), settings["count"], settings["seed"])
    parts = {"design": design.groups} | {
        name: measured.groups[index] for name, index in zip(("train", "validation", "test"), _parts(fold), strict=True)
    }
    counts = {name: {"scenes": len(groups), "sources": len(np.unique(groups))} for name, groups in parts.items()}
    return world.digest(kept) | {"names": names, "notes": notes, "parts": counts}


def designed(settings: dict, needs: dict, context: Context) -> dict:
    """Return the mosaic that the closed form finds for a target, on pictures that nothing else sees."""
    system, (design, measured, _) = system_of(_PERIOD), divided_pictures(settings, needs)
    scenes = design.scenes * np.float32(world.exposure_for(system, measured.scenes, settings["photons"]))
    fold = world.division(design.groups, settings["seed"])
    held_out = np.sort(np.concatenate([fold.validation, fold.test]))
    target = parse_target(settings["target"], system.scene)
    task = Task(system, Poisson(), scenes[fold.train], scenes[held_out], target=target)
    found = find_design(
        task,
        settings["objective"],
        starts=["random"],
        ascent=Ascent(steps=settings["steps"]),
        search=settings["search"],
        seed=settings["seed"],
        checkpoints=context.checkpoints,
        report=context.say,
    )
    index = np.asarray(found.params["filters"]).argmax(-1)
    return {"rows": ["".join(LETTERS[each] for each in row) for row in index], "gain": found.gain_of_search, "unit": found.unit}


def informed(settings: dict, needs: dict, context: Context) -> dict:
    """Return the estimate of the information of a mosaic's counts, by a density fitted to other pictures."""
    measured, _ = counts_and_light(settings, needs)
    options = {"models": settings["models"], "effort": settings["effort"], "confidence": settings["confidence"]}
    return world.estimated(measured, context, settings["seed"], **options)


def told(settings: dict, needs: dict, context: Context) -> dict:
    """Return the closed forms of all mosaics for Gaussian scenes, bits per pixel, by light, mosaic and target."""
    _, measured, _ = divided_pictures(settings, needs)
    spectra: dict[tuple, SceneSpectrum] = {}
    found: dict[str, Any] = {f"{photons:g}": {} for photons in settings["photons"]}
    with jax.enable_x64(True):
        for period, names in _by_period(settings, needs).items():
            system = system_of(period)
            grid = periodic_grid(system)
            if grid is None:
                raise ValueError(f"scenes of {system.scene.shape} hold no whole periods of {period} pixels")
            if grid not in spectra:
                spectra[grid] = scene_spectrum(measured.scenes, grid)
            for target in _SCORED_TARGETS:
                context.say(f"{target}, mosaics of period {period}")
                gain = None
                for photons in settings["photons"]:
                    light = world.exposure_for(system, measured.scenes, photons)
                    lit = SceneSpectrum(spectra[grid].mean * light, spectra[grid].density * light**2)
                    one, statistics = periodic_gain(system, Poisson(), lit, parse_target(target, system.scene))
                    gain = gain or jax.jit(one)  # the light is in the statistics alone
                    for name in names:
                        filters = {"filters": jnp.asarray(params_of(rows_of(name, settings, needs))["filters"], jnp.float64)}
                        found[f"{photons:g}"].setdefault(name, {})[target] = float(gain(filters, statistics))
    return found


# The pictures, and who sees which of them.


@lru_cache(maxsize=1)
def _pictures(names: tuple[str, ...], count: int, seed: int) -> Part:
    scene = make_system("color-filter-array").scene
    if names == (OTHERWISE,):
        return _regions(scene, count, seed)
    parts = [world.read_objects([name], scene, round(count * SHARES[name]), seed) for name in names]
    scenes = np.concatenate([part.scenes for part in parts])
    return Part(scenes, None, np.concatenate([part.groups + _APART * number for number, part in enumerate(parts)]))


def _regions(scene: Scene, count: int, seed: int) -> Part:
    """Return random parts of the color photographs that are always there, each region of a photograph a source."""
    rng = np.random.default_rng([seed, 21])
    codes = (code for code in map(code_values, NAMES) if code.ndim == 3)
    places = [
        (light, top, left)
        for light in (linear_light(code) * PEAK for code in codes)
        for top in range(0, light.shape[0] - _REGION + 1, _REGION)
        for left in range(0, light.shape[1] - _REGION + 1, _REGION)
    ]
    groups = np.arange(count) % len(places)
    scenes = np.empty((count, *scene.shape), np.float32)
    for number, group in enumerate(groups):
        light, top, left = places[group]
        rows, columns = (start + rng.integers(_REGION - size + 1) for start, size in zip((top, left), scene.shape, strict=False))
        scenes[number] = light[rows : rows + scene.shape[0], columns : columns + scene.shape[1]]
    return Part(scenes, None, groups)


@lru_cache(maxsize=1)
def divided(names: tuple[str, ...], count: int, seed: int) -> tuple[Part, Part, Fold]:
    """Return objects to design for, those that are measured, and how these are divided; no source is in two parts."""
    part = _pictures(names, count, seed)
    apart = world.division(part.groups, seed, _DESIGN_PARTS)
    measured = world.take(part, np.sort(np.concatenate([apart.train, apart.validation])))
    return world.take(part, apart.test), measured, world.division(measured.groups, seed)


def divided_pictures(settings: dict, needs: dict) -> tuple[Part, Part, Fold]:
    """Return the pictures of a job, divided by source."""
    return divided(tuple(needs["photographs"]["names"]), settings["count"], settings["seed"])


def _parts(fold: Fold) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return fold.train, fold.validation, fold.test


# Mosaics, as rows of letters.


@lru_cache
def system_of(period: int) -> ImagingSystem:
    """Return a sensor whose mosaic repeats with this period."""
    return make_system("color-filter-array", period=(period, period))


def rows_of(name: str, settings: dict, needs: dict) -> list[str]:
    """Return the rows of a mosaic: one that was designed, a random one, one of uneven shares of filters, or one with a name."""
    kind, _, number = name.rpartition(" ")
    if f"{name}: design" in needs:
        return needs[f"{name}: design"]["rows"]
    if kind == "uneven":
        rng = np.random.default_rng([settings["seed"], 22, int(number)])
        index = rng.choice(len(LETTERS), (_PERIOD, _PERIOD), p=rng.dirichlet(np.ones(len(LETTERS))))
    else:
        system = system_of(6 if name == "x-trans" else _PERIOD)
        params = system.design("random", int(number)) if kind == "random" else system.design(name)
        index = np.asarray(params["filters"]).argmax(-1)
    return ["".join(LETTERS[each] for each in row) for row in index]


def params_of(rows: list[str]) -> Params:
    """Return the parameters of a mosaic that is given by the letters of its rows."""
    return {"filters": np.eye(len(LETTERS), dtype=np.float32)[[[LETTERS.index(each) for each in row] for row in rows]]}


def _by_period(settings: dict, needs: dict) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for name in settings["mosaics"]:
        found.setdefault(len(rows_of(name, settings, needs)), []).append(name)
    return found


# The same counts for the estimate and for all decoders.


def counts_and_light(settings: dict, needs: dict) -> tuple[MeasurementSet, float]:
    """Return the counts of all measured scenes under a mosaic, and the exposure."""
    rows, (_, part, _) = rows_of(settings["mosaic"], settings, needs), divided_pictures(settings, needs)
    system, photons = system_of(len(rows)), settings["photons"]
    light = world.exposure_for(system, part.scenes, photons)
    name = f"{settings['mosaic']}, {photons:g} photons"
    return world.counts_of(system, params_of(rows), part, light, settings["seed"], name), light
