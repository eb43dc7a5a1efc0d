"""Work of the study of design trajectories: ascents on the clock, and what their designs are worth off it."""

import time

import jax
import numpy as np

from ideal._memory import peak_memory
from ideal.decoders._contract import Example
from ideal.decoders.linear import LinearDecoder
from ideal.decoders.mosaics.demosaic import MosaicFilter
from ideal.decoders.mosaics.network import MosaicNetwork
from ideal.decoders.quality import mean_square_error, peak_signal_to_noise
from ideal.density import Fitting
from ideal.imaging import Params, make_system
from ideal.noise import Poisson
from ideal.optimize import Ascent, Task, find_objective, parse_target
from ideal.optimize.ascent.gradient import stations
from ideal.optimize.ascent.local_search import search_locally
from ideal.optimize.ascent.starts import starting_designs
from ideal.optimize.design import most_evaluations
from ideal.optimize.evaluation import target_information
from ideal.optimize.objects import Division, divide
from ideal.studies.engine import world
from ideal.studies.engine.contract import Context

SYSTEM = "color-filter-array"
LETTERS = "RGBW"  # red, green, blue, white: the order of the system's filters
_BORDER = 4  # pixels of a patch's edge that a decoder is not judged by
_MOST_SCORED = 3000


def objects(settings: dict, needs: dict, context: Context) -> dict:
    """Return which pictures there are, and their digest."""
    scene = make_system(SYSTEM).scene
    names, notes = world.first_available(settings["wanted"], settings["otherwise"], scene)
    return {"names": names, "notes": notes, **world.digest(_read(names, settings))}


def climbed(settings: dict, needs: dict, context: Context) -> dict:
    """Return the hard designs along one ascent, each with its wall and processor seconds, and the memory that it took.

    The clock starts when the pictures are in memory, and pauses for nothing: preparation of the objective and compilation count.
    """
    system = make_system(SYSTEM)
    division, exposure = _world(needs["objects"]["names"], settings)
    target = None if settings["target"] is None else parse_target(settings["target"], system.scene)
    task = Task(system, Poisson(), division.design.scenes * exposure, division.choose.scenes * exposure, target=target)
    points = []
    with jax.enable_x64(True):
        starts = starting_designs(system, ["random"], settings["start"])
        before, wall, processor = peak_memory(), time.perf_counter(), time.process_time()
        aim = find_objective(settings["objective"])(task)
        for step, design, gain in stations(aim, starts, Ascent(steps=settings["steps"]), seed=settings["start"]):
            took = [0.0, 0.0] if not step else [time.perf_counter() - wall, time.process_time() - processor]
            points.append(_point(step, "ascent", took, gain, design))
            context.say(f"step {step} of {settings['steps']}", step / settings["steps"])
        if aim.compares:
            found = search_locally(aim, design, most=most_evaluations(design, system), seed=settings["start"])
            took = [time.perf_counter() - wall, time.process_time() - processor]
            points.append(_point(step, "exchanges", took, found.held_out_gain, found.params))
    return {"points": points, "unit": aim.unit, "memory_mb": peak_memory(), "memory_before_mb": before}


def _point(step: int, phase: str, took: list[float], gain: float, design: Params) -> dict:
    """Return what is kept of a design on the way."""
    wall, processor = took
    kept = {"step": step, "phase": phase, "seconds": wall, "cpu_seconds": processor, "gain": float(gain)}
    return kept | {"tiles": _tiles(design)}


def judged(settings: dict, needs: dict, context: Context) -> dict:
    """Return, for designs along an ascent, information in closed form and the error of a linear decoder of their own."""
    system = make_system(SYSTEM)
    division, exposure = _world(needs["objects"]["names"], settings)
    (ascent,) = (each for name, each in needs.items() if name != "objects")
    points = _some(ascent["points"], settings["stations"])
    known = np.concatenate([division.design.scenes, division.choose.scenes]) * exposure
    chosen = np.random.default_rng([settings["seed"], 8]).permutation(division.measure.count)[:_MOST_SCORED]
    part = world.take(division.measure, np.sort(chosen))
    scenes, peak = part.scenes * exposure, float(known.max())
    designs = {str(number): params_of(point["tiles"]) for number, point in enumerate(points)}
    told = target_information(system, designs, Poisson(), division.measure.scenes * exposure)
    for number, point in enumerate(points):
        params = designs[str(number)]
        context.say(f"design {number + 1} of {len(points)}", number / len(points))
        decoder = LinearDecoder.fit(system, params, Poisson(), known)
        light = system.images(params, scenes)
        counts = np.random.default_rng([settings["seed"], 9]).poisson(light)
        point |= _scores(decoder.decode(counts), scenes, peak, part.groups, settings["seed"])
        point["information"] = told[str(number)]
    return {"points": points, "memory_mb": ascent["memory_mb"], "memory_before_mb": ascent["memory_before_mb"]}


def remeasured(settings: dict, needs: dict, context: Context) -> dict:
    """Return the total information of the last design of an ascent, or of its start, by a density fitted to fresh counts."""
    system = make_system(SYSTEM)
    division, exposure = _world(needs["objects"]["names"], settings)
    (ascent,) = (each for name, each in needs.items() if name != "objects")
    params = params_of(ascent["points"][settings["station"]]["tiles"])
    measured = world.counts_of(system, params, division.measure, float(exposure), settings["seed"], "trajectory")
    return world.estimated(measured, context, settings["seed"], models=settings["models"], effort=settings["effort"])


def trained(settings: dict, needs: dict, context: Context) -> dict:
    """Return the scores of a network trained for a design of an ascent, on counts of pictures apart."""
    system = make_system(SYSTEM)
    division, exposure = _world(needs["objects"]["names"], settings)
    (ascent,) = (each for name, each in needs.items() if name != "objects")
    last = [point for point in ascent["points"] if point["phase"] in settings["phases"]][-1]
    params, light = params_of(last["tiles"]), settings["photons"]
    part = division.measure
    scenes, fold = part.scenes * exposure, world.division(part.groups, settings["seed"])
    measured = world.counts_of(system, params, part, float(exposure), settings["seed"], "trajectory")
    counts = measured.read(0, len(measured))
    examples = [{light: Example(scenes[index], counts[index])} for index in (fold.train, fold.validation)]
    linear = {light: MosaicFilter.fit(system, params, Poisson(), scenes[fold.train])}
    place = world.job_folder(context, "network")
    fitting = Fitting(checkpoint=place and place / "state.npz", report=lambda told: context.say("network", told.fraction))
    network = MosaicNetwork.fit(
        np.random.default_rng([settings["seed"], 10]),
        linear,
        params["filters"],
        *examples,
        steps=settings["steps"],
        fitting=fitting,
    )
    decoded, peak = network.decode(light, counts[fold.test]), float(scenes[fold.train].max())
    return _scores(decoded, scenes[fold.test], peak, part.groups[fold.test], settings["seed"])


def _scores(decoded: np.ndarray, scenes: np.ndarray, peak: float, groups: np.ndarray, seed: int) -> dict:
    """Return the PSNR of pictures, dB, and their mean square error over the square of the peak, with intervals over sources."""
    error = mean_square_error(decoded, scenes, _BORDER) / peak**2
    psnr = peak_signal_to_noise(decoded, scenes, peak, border=_BORDER)
    return {"psnr": world.kept_score(psnr, groups, seed), "error": world.kept_score(error, groups, seed)}


def params_of(tiles: list[str]) -> dict[str, np.ndarray]:
    """Return a mosaic's parameters from its rows of letters."""
    return {"filters": np.eye(len(LETTERS), dtype=np.float32)[[[LETTERS.index(each) for each in row] for row in tiles]]}


def _tiles(design: Params) -> list[str]:
    return ["".join(LETTERS[each] for each in row) for row in np.asarray(design["filters"]).argmax(-1)]


def _some(points: list[dict], count: int) -> list[dict]:
    """Return the first, the last and others evenly between."""
    chosen = np.unique(np.linspace(0, len(points) - 1, min(count, len(points))).round().astype(int))
    return [dict(points[number]) for number in chosen]


def _read(names: list[str], settings: dict):
    return world.read_objects(names, make_system(SYSTEM).scene, settings["count"], settings["seed"])


def _world(names: list[str], settings: dict) -> tuple[Division, np.float32]:
    """Return the pictures in parts, and what they are multiplied by."""
    part = _read(names, settings)
    division = divide(part, part.count, settings["seed"])
    return division, np.float32(world.exposure_for(make_system(SYSTEM), division.design.scenes, settings["photons"]))
