"""Work of the study of lensless cameras: scenes, a design, captures, and the information in them."""

from functools import lru_cache

import numpy as np

from ideal.datasets.photographs import NAMES, photograph
from ideal.errors import DataError
from ideal.imaging import ImagingSystem, Params, Scene, make_system
from ideal.measurements.measurement_set import MeasurementSet
from ideal.noise import Poisson
from ideal.optimize import Task
from ideal.optimize.defaults import ascent_by, defaults_for
from ideal.optimize.design import find_design
from ideal.optimize.objects import Part
from ideal.studies.engine import world
from ideal.studies.engine.contract import Context

OTHERWISE = "photographs"
IDEAL = "ideal"  # the name of the design that is found here
_REGION = 128  # pixels of a side: how the few photographs that are always there are cut into sources
_DESIGN_PARTS = 4  # of photographs: one of so many is for the design alone
_TILED = {"fit": "tile"}


def scenes(settings: dict, needs: dict, context: Context) -> dict:
    """Return which pictures are on this machine, and what tells the scenes made of them from others."""
    names, notes = world.first_available([settings["set"]], OTHERWISE, camera(settings).scene)
    if names == [OTHERWISE]:
        notes = [*notes, f"{OTHERWISE} are cut into regions of {_REGION} pixels, which count as sources though of few pictures"]
    return _described(names, settings) | {"notes": notes}


def labelled(settings: dict, needs: dict, context: Context) -> dict:
    """Return the same of the pictures to tell apart; without names where there are none with labels."""
    names, _ = world.first_available([settings["set"]], OTHERWISE, camera(settings).scene)
    if names == [OTHERWISE]:
        return {"names": [], "notes": [f"nothing was classified: {settings['set']} is not on this machine (ideal data list)"]}
    return _described(names, settings) | {"notes": []}


def designed(settings: dict, needs: dict, context: Context) -> dict:
    """Return the point spread function that `ideal optimize` finds by its defaults, on pictures that nothing else sees."""
    found = objects_of(settings, needs)
    if found is None:
        return {"psf": None}
    system, (design, measured) = camera(settings), found
    fold = world.division(design.groups, settings["seed"])
    exposed = design.scenes * np.float32(world.exposure_for(system, measured.scenes, settings["photons"]))
    default = defaults_for(system, exposed[:32])
    best = find_design(
        Task(system, Poisson(), exposed[fold.train], exposed[np.sort(np.concatenate([fold.validation, fold.test]))]),
        default.objective,
        starts=list(default.starts),
        ascent=ascent_by(default, system),
        settings=default.settings,
        seed=settings["seed"],
        checkpoints=context.checkpoints,
        report=context.say,
    )
    return {
        "psf": np.asarray(best.params["psf"], np.float64).tolist(),
        "objective": default.objective,
        "start": default.starts[best.climb.start],
        "gain_of_start": best.gain_of_start,
        "gain": best.gain_of_search,
        "unit": best.unit,
    }


def drawn(settings: dict, needs: dict, context: Context) -> dict:
    """Return the point spread functions by name, as percent of the light in each pixel."""
    functions = {name: np.asarray(params_of(settings | {"design": name}, needs)["psf"]) for name in settings["designs"]}
    return {name: np.round(100 * psf, 4).tolist() for name, psf in functions.items()}


def informed(settings: dict, needs: dict, context: Context) -> dict:
    """Return the estimate of the information in a camera's captures."""
    found = captures_of(settings, needs)
    if found is None:
        return {"estimate": None}
    measured, _, light = found
    options = {key: settings[key] for key in ("models", "effort", "max_patches", "confidence")}
    return {"estimate": world.estimated(measured, context, settings["seed"], **options), "exposure": light}


# The scenes, who sees which of them, and their captures.


def camera(settings: dict) -> ImagingSystem:
    """Return the camera of a job."""
    return make_system("lensless", scene_shape=tuple(settings["scene"]), psf_shape=tuple(settings["psf"]))


def _described(names: list[str], settings: dict) -> dict:
    design, measured = _read(tuple(names), tuple(settings["scene"]), settings["count"], settings["designed"], settings["seed"])
    counts = {
        name: {"scenes": part.count, "sources": len(np.unique(part.groups))}
        for name, part in (("design", design), ("measured", measured))
    }
    classes = list(measured.classes) if measured.labels is not None else []
    together = {"design": world.digest(design), "measured": world.digest(measured)}
    return {"names": names, "parts": counts, "classes": classes, "digests": together}


@lru_cache(maxsize=2)
def _read(names: tuple[str, ...], shape: tuple[int, int], count: int, designed: int, seed: int) -> tuple[Part, Part]:
    """Return objects to design for, and those that are measured; no source is in both."""
    scene = Scene("radiance", shape)
    if names == (OTHERWISE,):
        return _regions(shape, count, designed, seed)
    # Of two splits of the set: so that the blocks of neighbours of the one share no picture with those of the other.
    parts = [
        world.read_objects(names, scene, many, seed, split=split, **_TILED)
        for split, many in (("test", designed), ("train", count))
    ]
    return parts[0], parts[1]


def _regions(shape: tuple[int, int], count: int, designed: int, seed: int) -> tuple[Part, Part]:
    """Return random parts of the photographs that are always there, each region a source, some photographs for designs alone."""
    if max(shape) > _REGION:
        raise DataError(f"scenes of {shape[0]} x {shape[1]} are larger than the regions of the photographs, {_REGION} pixels")
    rng = np.random.default_rng([seed, 31])
    order = rng.permutation(len(NAMES))
    parts, few = [], len(NAMES) // _DESIGN_PARTS
    for chosen, many in ((order[:few], designed), (order[few:], count)):
        places = [
            (light, top, left)
            for light in (photograph(NAMES[number]).astype(np.float32) for number in chosen)
            for top in range(0, light.shape[0] - _REGION + 1, _REGION)
            for left in range(0, light.shape[1] - _REGION + 1, _REGION)
        ]
        groups = np.arange(many) % len(places)
        found = np.empty((many, *shape), np.float32)
        for number, group in enumerate(groups):
            light, top, left = places[group]
            row, column = (start + rng.integers(_REGION - size + 1) for start, size in zip((top, left), shape, strict=True))
            found[number] = light[row : row + shape[0], column : column + shape[1]]
        parts.append(Part(found, None, groups))
    return parts[0], parts[1]


def objects_of(settings: dict, needs: dict) -> tuple[Part, Part] | None:
    """Return the objects to design for and to measure with; None where there are none on this machine."""
    names = needs[settings["objects"]]["names"]
    if not names:
        return None
    return _read(tuple(names), tuple(settings["scene"]), settings["count"], settings["designed"], settings["seed"])


def needed_objects(settings: dict, needs: dict) -> tuple[Part, Part]:
    """Return the same for a job that there is only where objects are.

    Raises:
        DataError: there are none on this machine.

    """
    found = objects_of(settings, needs)
    if found is None:
        raise DataError(f"{settings['objects']}: there are no such objects on this machine")
    return found


def params_of(settings: dict, needs: dict) -> Params:
    """Return the parameters of the design that a job is about."""
    system = camera(settings)
    if settings["design"] == IDEAL:
        return system.check_params({"psf": np.asarray(needs[settings["designer"]]["psf"], np.float32)})
    return system.design(settings["design"], settings["seed"])


def captures_of(settings: dict, needs: dict) -> tuple[MeasurementSet, Part, float] | None:
    """Return a camera's captures, what they show, and the exposure; the same for all who name the same design and light."""
    found = objects_of(settings, needs)
    if found is None:
        return None
    captures, light = captures_by(settings, needs, found[1])
    return captures, found[1], light


def captures_by(settings: dict, needs: dict, measured: Part) -> tuple[MeasurementSet, float]:
    """Return a camera's captures of objects, and the exposure."""
    system = camera(settings)
    light = world.exposure_for(system, measured.scenes, settings["photons"])
    name = f"{settings['objects']}, {settings['design']}, {settings['photons']:g} photons"
    return world.counts_of(system, params_of(settings, needs), measured, light, settings["seed"], name), light
