"""Simulated measurements decoded, in one call: how good are the estimates of scenes of other sources?"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ideal._arguments import whole
from ideal._memory import check_memory
from ideal.datasets import ObjectSet
from ideal.datasets.members import DEFAULT_OBJECTS
from ideal.decoders._contract import Decoder, DecodingTask, Example, FittedDecoder
from ideal.decoders.members import decoders_for, make_decoder
from ideal.decoders.quality import mean_square_error, peak_signal_to_noise, structural_similarity
from ideal.decoders.results import Decoding, Pictures, Quality
from ideal.errors import UsageError
from ideal.imaging import ImagingSystem, Params, Scene
from ideal.imaging.configuration import as_system
from ideal.information.scoring import MANY_SOURCES
from ideal.measurements.patches import Fold, split_by_group
from ideal.noise import NoiseModel
from ideal.progress import Progress, shown
from ideal.simulation import DEFAULT_PHOTONS, Simulation, SimulationPlan, plan_simulation
from ideal.simulation.to_file import units_of

_FOLDS = 5
_SSIM_SIDE = 11  # pixels of its window
_TRAINING = 7  # in the key of what is random in a fold


def decode(
    system: ImagingSystem | str | Path,
    objects: ObjectSet | str | Path | np.ndarray | None = None,
    decoder: Decoder | str = "linear",
    *,
    design: str | Params | None = None,
    photons: float | None = None,
    count: int = 1000,
    noise: NoiseModel | str | None = None,
    settings: Mapping[str, Any] | None = None,
    seed: int = 0,
    noise_seed: int | None = None,
    design_seed: int = 0,
    folds: int | None = None,
    effort: float = 1.0,
    confidence: float = 0.95,
    pictures: int = 3,
    progress: Progress | bool | None = None,
) -> Decoding:
    """Simulate measurements of objects, decode them, and say how good the estimates are.

    The measurements are those of `ideal.simulate` with the same arguments. The decoder learns from objects of some sources,
    chooses its settings by those of others, and is scored on the rest; with fewer than 60 sources every source is scored once.

    Args:
        system: what images the objects, its name, or a .toml file that describes it.
        objects: a set of objects, its name, own pictures (a folder, an .npy or .h5 file), or an array of pictures, (picture, row,
            column[, channel]), linear light; None for what suits the system.
        decoder: a decoder, or the name of one of `ideal.decoders.DECODERS`.
        design: parameters of the system, the name of a design, or a design file; None for the first design.
        photons: mean photoelectrons of an unfiltered pixel, over the first 256 objects; None for 100, or the system's setting.
        count: number of objects to image.
        noise: of the measurements, or its name with figures, as "gaussian:sigma=2"; None for the system's own.
        settings: settings of a decoder that is given by name.
        seed: seed of the objects, their noise, the division by source and the training.
        noise_seed: seed of the noise alone; None for `seed`.
        design_seed: seed of a design that is random.
        folds: how many of five parts of the sources are scored in turn, 1 to 5, each time by a decoder that learned from others;
            None for one where there are 60 sources or more, and all elsewhere.
        effort: work of training where a decoder is trained; 1 is the usual.
        confidence: confidence of the intervals, between 0 and 1.
        pictures: number of test scenes to keep for figures.
        progress: a function of a text and of the fraction done, True for a bar, False for silence; None for a bar where somebody
            looks on.

    Raises:
        UsageError: a name is unknown, the decoder does not serve the system (the message says why), or something has no meaning.
        DataError: the objects cannot be imaged, are of fewer than three sources, or do not fit into memory.

    Example:
        >>> import ideal
        >>> sensor = ideal.imaging.ColorFilterArray(shape=(12, 12), period=(2, 2))
        >>> found = ideal.decode(sensor, "natural-fields", "malvar", design="bayer", count=60, progress=False)
        >>> found.psnr.value > found.psnr.without
        True

    """
    begun = time.perf_counter()
    chosen = _decoder(decoder, settings or {})
    if folds is not None and not 1 <= whole("`folds`", folds) <= _FOLDS:
        raise UsageError(f"folds is {folds}, expected 1 to {_FOLDS}")
    if not 0 < confidence < 1:
        raise UsageError(f"confidence is {confidence:g}, expected a number between 0 and 1")
    if pictures < 0:
        raise UsageError(f"pictures is {pictures}, expected 0 or more")
    if objects is None:
        system = as_system(system)
        objects = DEFAULT_OBJECTS[system.scene.kind]
    plan = plan_simulation(
        system,
        objects,
        design=design,
        count=count,
        photons=photons,
        noise=noise,
        seed=seed,
        noise_seed=noise_seed,
        design_seed=design_seed,
    )
    _check(chosen, plan.system, plan.params)
    with shown(progress) as report:
        simulation, examples, groups = _simulated(plan, report)
        parts = split_by_group(groups, folds=_FOLDS, seed=seed)
        if folds is None:
            folds = 1 if len(np.unique(groups)) >= MANY_SOURCES else _FOLDS
        parts = parts[:folds]
        peak = _peak(simulation, examples.scenes[parts[0].train])
        scored = []
        for number, fold in enumerate(parts):
            report(f"decoder {chosen.name}, fold {number + 1} of {len(parts)}", number / len(parts))
            key = int(np.random.default_rng([seed, _TRAINING, number]).integers(2**31))
            fitted = _fit(chosen, simulation, examples, fold, key, effort, report)
            scored.append(_score(fitted, simulation.system.scene, examples, groups, fold, peak))
    first, kept = scored[0], _spread(scored[0].groups, pictures)
    shots = tuple(Pictures(first.scenes[each], first.measurements[each], first.estimates[each]) for each in kept)
    return _result(plan, simulation, chosen, scored, peak, shots, confidence, time.perf_counter() - begun)


def _decoder(decoder: Decoder | str, settings: Mapping[str, Any]) -> Decoder:
    if isinstance(decoder, str):
        return make_decoder(decoder, **settings)
    if settings:
        raise UsageError(f"settings are for a decoder that is given by name; this {decoder.name} has its own")
    return decoder


def _check(decoder: Decoder, system: ImagingSystem, params: Params) -> None:
    """Refuse a system that the decoder does not serve, and name those that do."""
    try:
        decoder.check(system, params)
    except UsageError as error:
        others = decoders_for(system, params)
        hint = f"those that do: {', '.join(others)}" if others else "none does"
        raise UsageError(f"{error} ({hint})") from None


def _simulated(plan: SimulationPlan, report: Progress) -> tuple[Simulation, Example, np.ndarray]:
    """Return how objects were measured, scenes with their measurements, and the number of the source of each."""
    simulation, source = plan.prepare(report)
    system = simulation.system
    per_object = 4 * math.prod(system.scene.shape) + 8 * math.prod(system.measurement_shape)
    name = f"{plan.objects.name} through {system.name}"
    check_memory(name, 2 * plan.count * per_object, f"{plan.count} scenes and measurements", "decode fewer (--count)")
    scenes, measurements, groups = [], [], []
    done = 0
    for block in simulation.blocks(source, plan.count, plan.noise_seed):
        scenes.append(block.scenes)
        measurements.append(block.measurements)
        groups.append(block.groups)
        done += len(block.groups)
        report(name, done / plan.count)
    return simulation, Example(np.concatenate(scenes), np.concatenate(measurements)), np.concatenate(groups)


@dataclass(frozen=True, eq=False)
class _Fold:
    """A fitted decoder, what it made of the test scenes of a fold, and how good that is.

    Attributes:
        fitted: the decoder.
        fold: which scenes were learned from, chosen by and scored.
        scenes, measurements, estimates: of the test scenes, (sample, ...).
        groups: source of each, (sample,).
        quality: of each estimate by measure, (sample,).
        without: the same of the mean training scene.

    """

    fitted: FittedDecoder
    fold: Fold
    scenes: np.ndarray
    measurements: np.ndarray
    estimates: np.ndarray
    groups: np.ndarray
    quality: Mapping[str, np.ndarray]
    without: Mapping[str, np.ndarray]


def _fit(
    decoder: Decoder, simulation: Simulation, examples: Example, fold: Fold, seed: int, effort: float, report: Progress
) -> FittedDecoder:
    train, validation = (Example(examples.scenes[part], examples.measurements[part]) for part in (fold.train, fold.validation))
    task = DecodingTask(simulation.system, simulation.params, simulation.noise, train, validation)
    return decoder.fit(task, seed=seed, effort=effort, progress=report)


def _score(fitted: FittedDecoder, scene: Scene, examples: Example, groups: np.ndarray, fold: Fold, peak: float) -> _Fold:
    scenes, measurements = examples.scenes[fold.test], examples.measurements[fold.test]
    truth = np.asarray(fitted.part(scenes), np.float64)
    estimates = np.asarray(fitted.decode(measurements), np.float64)
    mean = examples.scenes[fold.train].mean(0, dtype=np.float64)[None]
    blind = np.broadcast_to(fitted.part(mean), truth.shape)
    quality, without = (_measures(each, truth, scene, peak) for each in (estimates, blind))
    return _Fold(fitted, fold, scenes, measurements, estimates, groups[fold.test], quality, without)


def _measures(estimates: np.ndarray, truth: np.ndarray, scene: Scene, peak: float) -> dict[str, np.ndarray]:
    """Return each measure of quality of each estimate, (sample,)."""
    found = {"psnr": peak_signal_to_noise(estimates, truth, peak), "mse": mean_square_error(estimates, truth)}
    is_image = truth.ndim in (3, 4) and min(truth.shape[1:3]) >= _SSIM_SIDE
    if is_image and scene.kind != "transmission":
        found["ssim"] = structural_similarity(estimates, truth, peak)
    return found


def _result(
    plan: SimulationPlan,
    simulation: Simulation,
    decoder: Decoder,
    folds: Sequence[_Fold],
    peak: float,
    pictures: tuple[Pictures, ...],
    confidence: float,
    seconds: float,
) -> Decoding:
    system, first = simulation.system, folds[0]
    unit, groups = scene_unit(system.scene), np.concatenate([each.groups for each in folds])
    units = {"psnr": "dB", "mse": f"({unit})²" if " " in unit or "/" in unit else f"{unit}²", "ssim": ""}
    quality = {}
    for name in first.quality:
        values, without = (np.concatenate([getattr(each, kind)[name] for each in folds]) for kind in ("quality", "without"))
        quality[name] = Quality.of(values, without, groups, units[name], confidence=confidence, seed=plan.seed)
    photons = plan.photons
    if photons is None:
        photons = DEFAULT_PHOTONS if system.scene.kind == "radiance" else system.settings.get("photons")
    fitted = first.fitted
    return Decoding(
        system=system.name,
        design=plan.design,
        objects=plan.objects.name,
        decoder=decoder.name,
        system_settings=dict(system.settings),
        objects_settings=dict(plan.objects.settings),
        decoder_settings=dict(decoder.settings),
        noise=simulation.noise.describe(),
        photons=photons,
        exposure=float(simulation.exposure),
        scene_kind=system.scene.kind,
        unit=unit,
        measurement_unit=units_of(system, simulation.noise) or "photoelectrons",
        peak=peak,
        region=tuple(each.indices(size)[:2] for each, size in zip(fitted.region, fitted.scene_shape, strict=False)),
        quality=quality,
        choices=tuple(dict(each.fitted.choice) for each in folds),
        count=plan.count,
        n_train=len(first.fold.train),
        n_validation=len(first.fold.validation),
        n_test=len(groups),
        n_groups=len(np.unique(groups)),
        n_folds=len(folds),
        seed=plan.seed,
        confidence=confidence,
        findings=tuple(simulation.findings),
        notes=tuple(dict.fromkeys(note for each in folds for note in each.fitted.notes)),
        seconds=seconds,
        fitted=fitted,
        pictures=pictures,
    )


def scene_unit(scene: Scene) -> str:
    """Return the unit of exposed scenes, and so of estimates."""
    units = {"radiance": "photoelectrons", "sky": "Jy/pixel", "transmission": "rad"}
    return units.get(scene.kind, "units of the scene")


def _peak(simulation: Simulation, scenes: np.ndarray) -> float:
    """Return what counts as the largest value: white, of light; elsewhere the mean over scenes of how far each reaches."""
    if simulation.system.scene.kind == "radiance":
        return float(simulation.exposure)
    flat = np.asarray(scenes, np.float64).reshape(len(scenes), -1)
    return float(np.mean(flat.max(1) - np.minimum(flat.min(1), 0))) or 1.0


def _spread(groups: np.ndarray, count: int) -> list[int]:
    """Return the places of so many scenes, one of each source before the second of any."""
    turn: dict[int, int] = {}
    order = []
    for place, group in enumerate(groups.tolist()):
        turn[group] = turn.get(group, -1) + 1
        order.append((turn[group], place))
    return [place for _, place in sorted(order)[:count]]
