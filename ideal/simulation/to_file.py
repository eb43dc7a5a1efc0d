"""Simulated measurements on their way to a file, or to memory in the form of a file's."""

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ideal._disk import check_disk
from ideal._documents import loads
from ideal._memory import check_memory
from ideal.errors import UsageError
from ideal.formats import as_read
from ideal.health.finding import Finding
from ideal.imaging import ImagingSystem
from ideal.measurements.measurement_set import MeasurementSet, MeasurementWriter, from_arrays
from ideal.noise import NoiseModel
from ideal.progress import Progress, silent
from ideal.simulation import Block, Simulation
from ideal.simulation.plan import SimulationPlan


def write(plan: SimulationPlan, out: str, *, force: bool = False, say: Progress = silent) -> dict:
    """Simulate measurements, write them, and return what was written as JSON types.

    Args:
        plan: what is simulated.
        out: file to write.
        force: whether a file of this name may be replaced.
        say: shows progress.

    Raises:
        UsageError: the light, the noise or the values do not go into a file.
        DataError: objects or measurements are not what they should be.

    """
    simulation, source = plan.prepare(say)
    system, noise, name = simulation.system, simulation.noise, plan.objects.name
    about: dict[str, Any] = {
        "system": system.name,
        "system_settings": json.dumps(system.settings),
        "design": plan.design,
        "objects": name,
        "objects_settings": json.dumps(plan.objects.settings),
        "objects_licence": plan.objects.licence,
        "exposure": simulation.exposure,
        "seed": plan.seed,
        "noise_seed": plan.noise_seed,
    }
    if system.period != (1, 1):
        about["period"] = np.asarray(system.period)
    tally, told = _Tally(), simulation.findings
    kind = noise.stored_type(simulation.largest)
    check_disk(out, _bytes_of(simulation, plan.count, kind, plan.keep_objects))
    with MeasurementWriter(
        out,
        noise=noise,
        units=units_of(system, noise),
        description=f"{name} through {system.name}, design {plan.design}",
        overwrite=force,
        attributes=about,
    ) as writer:
        for block in simulation.blocks(source, plan.count, plan.noise_seed):
            stored, clean = _stored(block, noise, kind)
            parts = {"clean": clean, "groups": block.groups}
            if block.labels is not None:
                parts["labels"] = block.labels
            if plan.keep_objects:
                parts["objects"] = block.scenes
            writer.append(stored, **parts)
            tally.add(block, stored)
            say(f"{name} through {system.name}", tally.count / plan.count)
    about.pop("period", None)
    return {
        "path": out,
        **{name: loads(value) if name.endswith("_settings") else value for name, value in about.items() if name != "seed"},
        "period": list(system.period),
        "noise": noise.describe(),
        "shape": [tally.count, *system.measurement_shape],
        "units": units_of(system, noise) or "DN",
        "mean_unit": units_of(system, noise) or "photoelectrons",
        **tally.facts(),
        "findings": [finding.to_record() for finding in (*told, *tally.findings(system.name, noise, told))],
    }


def measure(plan: SimulationPlan, say: Progress = silent) -> tuple[MeasurementSet, list[Finding]]:
    """Simulate measurements in memory, of the type and in the units that a file would have, and return what is odd about them.

    Raises:
        UsageError: the light, the noise or the values have no meaning.
        DataError: objects or measurements are not what they should be, or do not fit into memory.

    """
    simulation, source = plan.prepare(say)
    system, noise = simulation.system, simulation.noise
    kind = noise.stored_type(simulation.largest)
    name = f"{plan.objects.name} through {system.name}, design {plan.design}"
    size = _bytes_of(simulation, plan.count, kind, plan.keep_objects)
    check_memory(name, size, f"{plan.count} measurements", "take fewer, or write them to a file (path)")
    tally = _Tally()
    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None, np.ndarray | None]] = []
    for block in simulation.blocks(source, plan.count, plan.noise_seed):
        stored, clean = _stored(block, noise, kind)
        scenes = block.scenes if plan.keep_objects else None
        parts.append((stored, clean, block.groups, block.labels, scenes))
        tally.add(block, stored)
        say(f"{plan.objects.name} through {system.name}", tally.count / plan.count)
    columns = list(zip(*parts, strict=True))
    values, clean, groups = map(np.concatenate, columns[:3])
    labels, scenes = (None if some[0] is None else np.concatenate(some) for some in columns[3:])
    measured = from_arrays(
        values,
        clean=clean,
        groups=groups,
        labels=labels,
        objects=scenes,
        noise=noise,
        units=units_of(system, noise),
        period=None if system.period == (1, 1) else system.period,
        axes=as_read(values.ndim),  # known, and not to be guessed
        path=name,
    )
    told = simulation.findings
    return measured, [*told, *tally.findings(system.name, noise, told)]


def _bytes_of(simulation: Simulation, count: int, kind, keep_objects: bool) -> int:
    """Return the bytes of measurements, their means and their objects in a file, at least."""
    system = simulation.system
    values = np.dtype(kind or np.float32).itemsize + 4
    scene = 4 * math.prod(system.scene.shape) if keep_objects else 0
    return count * (values * math.prod(system.measurement_shape) + scene)


class _Tally:
    """Running counts and moments of what was written."""

    def __init__(self):
        self.count, self.sum, self.values = 0, 0.0, 0
        self.least, self.largest = np.inf, -np.inf
        self.groups: set[int] = set()
        self.labels: dict[str, int] = {}

    def add(self, block: Block, stored: np.ndarray) -> None:
        self.count += len(block.clean)
        self.sum += float(np.abs(block.clean).sum(dtype=np.float64))
        self.values += block.clean.size
        sizes = np.abs(stored) if stored.dtype.kind == "c" else stored
        self.least, self.largest = min(self.least, float(sizes.min())), max(self.largest, float(sizes.max()))
        self.groups.update(block.groups.tolist())
        for label in [] if block.labels is None else block.labels.tolist():
            self.labels[str(label)] = self.labels.get(str(label), 0) + 1

    def facts(self) -> dict:
        """Return them as JSON types."""
        return {"mean": self.sum / self.values, "groups": len(self.groups), "labels": dict(sorted(self.labels.items()))}

    def findings(self, name: str, noise: NoiseModel, told: Sequence[Finding]) -> list[Finding]:
        """Return what is odd about the measurements that were written, where the simulation has not said why (`told`)."""
        if self.least < self.largest or self.values < 2 or any(each.name == "all-dark" for each in told):
            return []
        mean = self.sum / self.values
        text = f"{name}: all {self.values} measured values are {self.largest:g}, the noiseless mean is {mean:.2g} photoelectrons"
        remedy, gain = "take more light (--photons) or objects (-n)", float(np.median(noise.gain))
        if gain > mean:
            text += f", a step of the camera's converter {gain:.4g}"
            remedy = "check the gain, in photoelectrons per DN (--gain), or take more light (--photons)"
        return [Finding("all-dark", "void", text, "they carry hardly any information", remedy)]


def units_of(system: ImagingSystem, noise: NoiseModel) -> str | None:
    """Return the units of measurements; None where a camera's converter gives DN of its own."""
    return "units of the encoder" if noise.is_complex and system.scene.kind != "sky" else noise.units


def _stored(block: Block, noise: NoiseModel, kind: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    values = noise.stored(block.measurements)
    if kind.kind in "iu":
        limits = np.iinfo(kind)
        if values.min() < limits.min or values.max() > limits.max:
            raise UsageError(
                f"values from {values.min():g} to {values.max():g} do not fit into {kind}: some objects are far brighter than "
                "the first ones, take less light (--photons)"
            )
    clean = block.clean.astype(np.complex64 if kind.kind == "c" else np.float32, copy=False)
    return values.astype(kind), clean


def lines_of(facts: dict) -> list[str]:
    """Return what was written as text."""
    labels = ", ".join(f"{name} {count}" for name, count in facts["labels"].items()) if len(facts["labels"]) <= 20 else ""
    sigma = facts["noise"].get("sigma")
    unit = "" if facts["mean_unit"] == facts["units"] else f" {facts['mean_unit']}"
    noise = facts["noise"]["name"] + (f" (sigma {sigma})" if sigma is not None else "")
    return [
        f"{facts['path']}: {facts['objects']} through {facts['system']}, design {facts['design']}",
        f"{' x '.join(map(str, facts['shape']))}, {facts['units']}, mean {facts['mean']:.4g}{unit} noiseless, "
        f"{noise} noise, {facts['groups']} groups",
        *([f"labels: {labels}"] if labels else []),
    ]
