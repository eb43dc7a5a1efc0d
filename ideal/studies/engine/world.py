"""What studies share: objects and where they come from, splits by source, estimates and scores in a form that can be kept."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ideal.datasets import make_objects
from ideal.errors import MissingDataError
from ideal.imaging import ImagingSystem, Params, Scene
from ideal.information.estimation import DARK_OBJECTS, estimate
from ideal.information.intervals import GroupedValues, interval
from ideal.information.results import LN2, Estimate
from ideal.measurements.measurement_set import MeasurementSet
from ideal.measurements.patches import Fold, split_by_group
from ideal.noise import NoiseModel, Poisson
from ideal.optimize.evaluation import measured_by
from ideal.optimize.objects import Part
from ideal.studies.engine.contract import Context

_APART = 10**9  # between the group numbers of two sets of objects
_BLOCK_VALUES = 2**24


def first_available(wanted: Sequence[str], otherwise: str, scene: Scene) -> tuple[list[str], list[str]]:
    """Return the names of the sets of objects to use, and notes on what is missing.

    Args:
        wanted: sets that are all taken where all are on this machine.
        otherwise: a set that always is.
        scene: that they have to fill.

    Raises:
        DataError: a set is damaged, or IDEAL_DATA names no folder: to go on with others would hide it.

    """
    missing = []
    for name in wanted:
        try:
            make_objects(name).open(scene)
        except MissingDataError:
            missing.append(name)
    if not missing:
        return list(wanted), []
    return [otherwise], [
        f"made with {otherwise} instead of {', '.join(wanted)}: not on this machine: {', '.join(missing)} (ideal data list)"
    ]


def read_objects(names: Sequence[str], scene: Scene, count: int, seed: int, **settings) -> Part:
    """Return objects of one or several sets, as many of each, in memory and not exposed; no source is in two sets.

    Args:
        names: of the sets.
        scene: to fill.
        count: in all; fewer where a set has fewer.
        seed: of the objects.
        **settings: of every set.

    """
    parts = []
    for number, name in enumerate(names):
        source = make_objects(name, **settings).open(scene, seed)
        share = (number + 1) * count // len(names) - number * count // len(names)
        share = share if source.count is None else min(share, source.count)
        block = max(1, min(512, _BLOCK_VALUES // max(1, int(np.prod(scene.shape)))))
        blocks = [source.read(start, min(start + block, share)) for start in range(0, share, block)]
        scenes, groups = (np.concatenate([getattr(each, key) for each in blocks]) for key in ("scenes", "groups"))
        labels = None if blocks[0].labels is None else np.concatenate([each.labels for each in blocks])
        parts.append(Part(scenes, labels, np.asarray(groups, np.int64) + _APART * number, tuple(source.classes)))
    if len(parts) == 1:
        return parts[0]
    scenes, groups = (np.concatenate([getattr(each, key) for each in parts]) for key in ("scenes", "groups"))
    return Part(scenes, None, groups)


def take(part: Part, index: np.ndarray) -> Part:
    """Return some of the objects."""
    labels = None if part.labels is None else part.labels[index]
    return Part(part.scenes[index], labels, part.groups[index], part.classes)


def digest(part: Part) -> dict:
    """Return what tells these objects from others: the result of a volatile job that all others need."""
    found = hashlib.sha256()
    for array in (part.scenes, part.groups, *([] if part.labels is None else [np.asarray(part.labels, "U")])):
        found.update(f"{array.dtype} {array.shape}".encode())
        found.update(np.ascontiguousarray(array).tobytes())
    return {"sha256": found.hexdigest(), "count": part.count, "sources": len(np.unique(part.groups))}


def division(groups: np.ndarray, seed: int | Sequence[int], folds: int = 5) -> Fold:
    """Return indices to train on, to choose with and to score once, no source in two of them.

    Args:
        groups: source of each sample, (sample,).
        seed: of the division.
        folds: one part of so many is scored, and as large a part chooses.

    Raises:
        DataError: there are fewer than three sources.

    """
    return split_by_group(groups, folds=folds, seed=seed)[0]


def exposure_for(system: ImagingSystem, scenes: np.ndarray, photons: float) -> float:
    """Return what scenes are multiplied by so that an unfiltered pixel gathers so many photoelectrons on average."""
    return photons / float(np.mean(system.brightness(scenes)))


def labels_of(part: Part) -> np.ndarray:
    """Return the labels of objects that have some, (sample,).

    Raises:
        ValueError: they have none.

    """
    if part.labels is None:
        raise ValueError("these objects have no labels: the study needs labelled ones")
    return part.labels


def counts_of(
    system: ImagingSystem, params: Params, part: Part, exposure: float, seed: int, name: str, noise: NoiseModel | None = None
) -> MeasurementSet:
    """Return fresh measurements of objects; by default Poisson counts.

    The noise depends on the seed and on the name: an estimate and a decoder that name the same measurements have the same.
    """
    return measured_by(system, params, noise or Poisson(), part, exposure, seed, name)


def estimated(measured: MeasurementSet, context: Context, seed: int, **options) -> dict:
    """Return an estimate as `kept_estimate` gives it; options are those of `ideal.estimate`."""
    found = estimate(measured, seed=seed, allow=DARK_OBJECTS, checkpoints=context.checkpoints, progress=context.say, **options)
    return kept_estimate(found)


def kept_estimate(found: Estimate) -> dict:
    """Return what is kept of an estimate: bits per pixel (per value of a vector) with the interval, and its parts by source."""
    nats = found.best.values
    return {
        "information": found.information_bits_per_pixel,
        "interval": list(found.interval),
        "bits_per_measurement": nats.mean / LN2,
        "model": found.model,
        "models": {name: found.bits_per_pixel(each.values.mean) for name, each in found.models.items()},
        "by_source": kept_values(GroupedValues(nats.groups, nats.sums / (LN2 * found.pixels), nats.counts)),
        "patch": list(found.patch),
        "n_train": found.n_train,
        "n_test": found.n_test,
        "seconds": found.seconds,
        "warnings": list(found.warnings),
    }


def kept_score(values: np.ndarray, groups: np.ndarray, seed: int, confidence: float = 0.95) -> dict:
    """Return a decoder's score with its interval over sources, and its parts by source.

    Args:
        values: score of each object, (sample,).
        groups: source of each, (sample,).
        seed: of the bootstrap.
        confidence: of the interval.

    """
    grouped = GroupedValues.of(np.asarray(values, np.float64), groups)
    bounds = interval(grouped, confidence, np.random.default_rng([seed, 6]))
    return {"mean": grouped.mean, "interval": [float(bound) for bound in bounds], "by_source": kept_values(grouped)}


def kept_values(values: GroupedValues) -> dict:
    """Return values by source as JSON types."""
    return {
        "groups": [int(each) for each in values.groups],
        "sums": [float(each) for each in values.sums],
        "counts": [int(each) for each in values.counts],
    }


def grouped(kept: Mapping) -> GroupedValues:
    """Return values by source as `kept_values` kept them, or an estimate's or a score's."""
    kept = kept.get("by_source", kept)
    return GroupedValues(np.asarray(kept["groups"]), np.asarray(kept["sums"], float), np.asarray(kept["counts"], float))


def job_folder(context: Context, name: str) -> Path | None:
    """Return a folder of the job's checkpoints for one of several trainings."""
    return None if context.checkpoints is None else context.checkpoints / name
