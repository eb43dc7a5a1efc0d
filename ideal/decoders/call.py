"""Simulated measurements decoded, in one call: how good are the estimates of scenes of other sources?"""

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ideal._memory import check_memory
from ideal.datasets import ObjectSet, as_object_set, make_objects
from ideal.decoders._contract import Decoder, DecodingTask, Example, FittedDecoder
from ideal.decoders.members import decoders_for, make_decoder
from ideal.decoders.quality import mean_square_error, peak_signal_to_noise, structural_similarity
from ideal.decoders.results import Decoding, Pictures, Quality
from ideal.errors import UsageError
from ideal.imaging import ImagingSystem, Params, Scene
from ideal.imaging.configuration import as_system, find_design
from ideal.information.scoring import MANY_SOURCES
from ideal.measurements.patches import Fold, split_by_group
from ideal.noise import NoiseModel
from ideal.progress import Progress, shown
from ideal.simulation import DEFAULT_PHOTONS, Simulation, SimulationPlan
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
    noise: NoiseModel | None = None,
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
        noise: noise of the measurements; None for the system's own.
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
    system = as_system(system)
    is_named = design is None or isinstance(design, str | Path)
    params = find_design(system, design and str(design), design_seed) if is_named else system.check_params(design)
    name = (str(design) if design else next(iter(system.designs))) if is_named else "own"
    chosen = _decoder(decoder, settings or {})
    _check(chosen, system, params)
    if folds is not None and not 1 <= folds <= _FOLDS:
        raise UsageError(f"folds is {folds}, expected 1 to {_FOLDS}")
    if not 0 < confidence < 1:
        raise UsageError(f"confidence is {confidence:g}, expected a number between 0 and 1")
    if objects is None:
        from ideal.optimize.runs.plans import default_objects

        objects = make_objects(default_objects(system))
    own = seed if noise_seed is None else noise_seed
    plan = SimulationPlan(system, params, as_object_set(objects), name, noise, photons, count, seed, own)
    with shown(progress) as report:
        simulation, examples, groups = _simulated(plan, report)
        parts = split_by_group(groups, folds=_FOLDS, seed=seed)
        if folds is None:
            folds = 1 if len(np.unique(groups)) >= MANY_SOURCES else _FOLDS
        scored = _Scored(simulation, examples, groups, chosen, parts[:folds], seed, effort, pictures, report)
    return scored.result(plan, confidence, time.perf_counter() - begun)


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


class _Scored:
    """A decoder fitted and scored fold by fold.

    Args:
        simulation: how objects were measured.
        examples: scenes with their measurements.
        groups: source of each, (sample,).
        decoder: to fit.
        folds: which scenes to learn from, to choose by and to score.
        seed: of the training.
        effort: of the training.
        pictures: test scenes to keep.
        report: shows progress.

    """

    def __init__(
        self,
        simulation: Simulation,
        examples: Example,
        groups: np.ndarray,
        decoder: Decoder,
        folds: list[Fold],
        seed: int,
        effort: float,
        pictures: int,
        report: Progress,
    ):
        self.simulation, self.decoder, self.folds, self.seed, self.examples = simulation, decoder, folds, seed, examples
        self.peak = _peak(simulation, examples.scenes[folds[0].train])
        self.fitted: list[FittedDecoder] = []
        self.pictures: tuple[Pictures, ...] = ()
        self.groups = np.concatenate([groups[fold.test] for fold in folds])
        measures: dict[str, list[np.ndarray]] = {}
        for number, fold in enumerate(folds):
            report(f"decoder {decoder.name}, fold {number + 1} of {len(folds)}", number / len(folds))
            fitted = self._fit(fold, number, effort, report)
            measured, truth = examples.measurements[fold.test], fitted.part(examples.scenes[fold.test])
            estimates = np.asarray(fitted.decode(measured), np.float64)
            if not number:
                kept = _spread(groups[fold.test], pictures)
                self.pictures = tuple(
                    Pictures(examples.scenes[fold.test][place], measured[place], estimates[place]) for place in kept
                )
            blind = np.broadcast_to(fitted.part(examples.scenes[fold.train].mean(0, dtype=np.float64)[None]), truth.shape)
            for kind, images in (("", estimates), ("without ", blind)):
                for name, values in self._measures(images, np.asarray(truth, np.float64)).items():
                    measures.setdefault(kind + name, []).append(values)
        self.measures = {name: np.concatenate(values) for name, values in measures.items()}

    def _fit(self, fold: Fold, number: int, effort: float, report: Progress) -> FittedDecoder:
        train, validation = (
            Example(self.examples.scenes[part], self.examples.measurements[part]) for part in (fold.train, fold.validation)
        )
        own = self.simulation
        task = DecodingTask(own.system, own.params, own.noise, train, validation)
        key = int(np.random.default_rng([self.seed, _TRAINING, number]).integers(2**31))
        self.fitted.append(self.decoder.fit(task, seed=key, effort=effort, progress=report))
        return self.fitted[-1]

    def _measures(self, estimates: np.ndarray, truth: np.ndarray) -> dict[str, np.ndarray]:
        found = {
            "psnr": peak_signal_to_noise(estimates, truth, self.peak),
            "mse": mean_square_error(estimates, truth),
        }
        is_image = truth.ndim in (3, 4) and min(truth.shape[1:3]) >= _SSIM_SIDE
        if is_image and self.simulation.system.scene.kind != "transmission":
            found["ssim"] = structural_similarity(estimates, truth, self.peak)
        return found

    def result(self, plan: SimulationPlan, confidence: float, seconds: float) -> Decoding:
        """Return what came out."""
        own, system = self.simulation, self.simulation.system
        unit = scene_unit(system.scene)
        units = {"psnr": "dB", "mse": f"({unit})²" if " " in unit or "/" in unit else f"{unit}²", "ssim": ""}
        quality = {
            name: Quality.of(
                self.measures[name],
                self.measures[f"without {name}"],
                self.groups,
                units[name],
                confidence=confidence,
                seed=self.seed,
            )
            for name in units
            if name in self.measures
        }
        first = self.fitted[0]
        region = tuple(each.indices(size)[:2] for each, size in zip(first.region, first.scene_shape, strict=False))
        photons = plan.photons
        if photons is None:
            photons = DEFAULT_PHOTONS if system.scene.kind == "radiance" else system.settings.get("photons")
        return Decoding(
            system=system.name,
            design=plan.design,
            objects=plan.objects.name,
            decoder=self.decoder.name,
            system_settings=dict(system.settings),
            objects_settings=dict(plan.objects.settings),
            decoder_settings=dict(self.decoder.settings),
            noise=own.noise.describe(),
            photons=photons,
            exposure=float(own.exposure),
            scene_kind=system.scene.kind,
            unit=unit,
            measurement_unit=units_of(system, own.noise) or "photoelectrons",
            peak=self.peak,
            region=region,
            quality=quality,
            choices=tuple(dict(each.choice) for each in self.fitted),
            count=plan.count,
            n_train=len(self.folds[0].train),
            n_validation=len(self.folds[0].validation),
            n_test=len(self.groups),
            n_groups=len(np.unique(self.groups)),
            n_folds=len(self.folds),
            seed=plan.seed,
            confidence=confidence,
            findings=tuple(own.findings),
            notes=tuple(dict.fromkeys(note for each in self.fitted for note in each.notes)),
            seconds=seconds,
            fitted=first,
            pictures=self.pictures,
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
