"""What designs are worth: fresh measurements of objects that they were not made for, and a density model of their own."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from ideal.formats import as_read
from ideal.imaging import ImagingSystem, Params
from ideal.information.estimation import DARK_OBJECTS, compare, estimate
from ideal.information.labels.estimation import task_information
from ideal.information.labels.results import TaskInformation
from ideal.information.results import Comparison, Estimate
from ideal.measurements.measurement_set import MeasurementSet, from_arrays
from ideal.noise import NoiseModel
from ideal.optimize import parse_target
from ideal.optimize._contract import Task
from ideal.optimize.objectives.closed_form import ClosedForm
from ideal.optimize.objectives.periodic import TooLargeError
from ideal.optimize.objects import Part
from ideal.progress import Progress, silent
from ideal.simulation import Simulation

DEFAULT_MODELS = ("stationary", "full", "causal-mixture")
DEFAULT_EFFORT = 0.25
COMPONENTS = 128  # of scenes, where what is told of targets has no periodic form
_SMALLEST = 4  # pixels of a side that a causal mixture can look around in


@dataclass(frozen=True)
class Evaluation:
    """The information of several designs, measured on the same objects.

    Attributes:
        estimates: by name of the design.
        differences: of the first design from each other, paired by object.

    """

    estimates: dict[str, Estimate]
    differences: dict[str, Comparison]


def measured_by(
    system: ImagingSystem, params: Params, noise: NoiseModel, part: Part, exposure: float, seed: int, name: str
) -> MeasurementSet:
    """Return fresh measurements of objects as a measurement set: of a camera in whole DN, as its converter gives them."""
    simulation = Simulation(system, params, noise, exposure, 0.0, name)
    blocks = list(simulation.blocks(part, part.count, seed))
    values, clean, groups = (np.concatenate([getattr(b, key) for b in blocks]) for key in ("measurements", "clean", "groups"))
    return from_arrays(
        noise.stored(values),
        clean=clean,
        groups=groups,
        labels=part.labels,
        noise=noise,
        period=None if system.period == (1, 1) else system.period,
        axes=as_read(values.ndim),  # known, and not to be guessed
        path=name,
    )


@dataclass(frozen=True)
class Scale:
    """How designs are measured.

    Args:
        models: density models to fit; the best on validation sources counts. Those that do not suit are left out.
        patch: side of the patches.
        effort: of trained models.
        seed: of noise, split and models.
        confidence: of the intervals.

    """

    models: tuple[str, ...] = DEFAULT_MODELS
    patch: int = 16
    effort: float = DEFAULT_EFFORT
    seed: int = 0
    confidence: float = 0.95

    def options(self) -> dict:
        """Return what `estimate` and `task_information` both take."""
        return {"seed": self.seed, "confidence": self.confidence, "effort": self.effort}


def information_of(measured: MeasurementSet, scale: Scale, report: Progress, checkpoints: Path | None = None) -> Estimate:
    """Return the information of one design's measurements, by the best of the models that suit them."""
    if len(measured.shape) < 3 or measured.dtype.kind == "c":
        return estimate(
            measured, models=("full",), **scale.options(), allow=DARK_OBJECTS, checkpoints=checkpoints, progress=report
        )
    size = tuple(min(scale.patch, side) for side in measured.shape[1:3])
    models: tuple[str, ...] | None = scale.models
    if min(size) < _SMALLEST:
        models = tuple(each for each in scale.models if each in ("stationary", "full")) or None
    return estimate(
        measured, models=models, patch=size, **scale.options(), allow=DARK_OBJECTS, checkpoints=checkpoints, progress=report
    )


def label_information_of(
    measured: MeasurementSet, scale: Scale, report: Progress, checkpoints: Path | None = None
) -> TaskInformation:
    """Return a lower bound on what one design's whole measurements tell of the labels of their objects."""
    return task_information(measured, patch=None, **scale.options(), checkpoints=checkpoints, progress=report)


def differences(estimates: Mapping[str, Estimate], seed: int = 0) -> dict[str, Comparison]:
    """Return by name how much more the first design tells than each other, paired by object."""
    first, *others = estimates
    return {other: compare(estimates[first], estimates[other], seed=seed) for other in others}


def evaluate(
    system: ImagingSystem,
    designs: dict[str, Params],
    noise: NoiseModel,
    part: Part,
    exposure: float,
    *,
    models: tuple[str, ...] = DEFAULT_MODELS,
    patch: int = 16,
    effort: float = DEFAULT_EFFORT,
    seed: int = 0,
    confidence: float = 0.95,
    report: Progress = silent,
) -> Evaluation:
    """Measure designs on the same fresh objects and estimate the information of each.

    Args:
        system: whose designs they are.
        designs: parameters by name; the first is compared with the others.
        noise: of the measurements.
        part: objects that no design was made for.
        exposure: what their scenes are multiplied by.
        models: density models to fit; the best on validation sources counts.
        patch: side of the patches.
        effort: of trained models.
        seed: of noise, split and models.
        confidence: of the intervals.
        report: shows progress.

    """
    found, scale = {}, Scale(models, patch, effort, seed, confidence)
    for number, (name, params) in enumerate(designs.items()):
        measured = measured_by(system, params, noise, part, exposure, seed, name)

        def say(text, fraction=None, number=number):
            report(text, (number + (fraction or 0.0)) / len(designs))

        found[name] = information_of(measured, scale, say)
    return Evaluation(found, differences(found, seed))


def target_information(
    system: ImagingSystem, designs: Mapping[str, Params], noise: NoiseModel, scenes: np.ndarray
) -> dict[str, dict[str, float]]:
    """Return what each design tells of each target in closed form, for Gaussian scenes, bits per pixel, by design and target.

    What is told of labels is not among them: Gaussians know too little of it (`label_information_of` measures it). There are no
    targets where the closed form would take too much memory.

    Args:
        system: whose designs they are.
        designs: parameters by name.
        noise: of the measurements.
        scenes: exposed, (sample, ...), objects that the designs were not made for.

    """
    names = ["total", *(["color", "luminance", "chroma", *system.scene.channels] if _has_colors(system) else [])]
    task = Task(system, noise, scenes, scenes)
    with jax.enable_x64(True):
        try:
            aims = [ClosedForm(replace(task, target=parse_target(target, system.scene)), rank=COMPONENTS) for target in names]
        except TooLargeError:
            return {name: {} for name in designs}
        states = [aim.start({}, None) for aim in aims]  # arguments of one compiled function: constants in it would take longer
        gains = jax.jit(lambda params, states: [aim.gain(params, own) for aim, own in zip(aims, states, strict=True)])
        found = {}
        for name, params in designs.items():
            double = {key: jnp.asarray(np.asarray(each), jnp.float64) for key, each in params.items()}
            found[name] = dict(zip(names, map(float, gains(double, states)), strict=True))
    return found


def _has_colors(system: ImagingSystem) -> bool:
    return system.scene.kind == "radiance" and len(system.scene.channels) > 1
