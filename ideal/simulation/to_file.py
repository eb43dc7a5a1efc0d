"""Simulated measurements on their way to a file."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ideal._disk import check_disk
from ideal.datasets import make_objects
from ideal.errors import UsageError
from ideal.health.finding import Finding
from ideal.imaging import ImagingSystem, Params
from ideal.measurements.measurement_set import MeasurementWriter
from ideal.noise import NoiseModel
from ideal.simulation import Block, Simulation, check_count, prepare


def write(
    system: ImagingSystem,
    params: Params,
    objects: str,
    out: str,
    *,
    design: str,
    object_settings: Mapping[str, Any],
    noise: NoiseModel | None,
    photons: float | None,
    count: int,
    seed: int,
    noise_seed: int,
    keep_objects: bool,
    force: bool,
    say: Callable[[str, float | None], None],
) -> dict:
    """Simulate measurements, write them, and return what was written as JSON types.

    Raises:
        UsageError: the light, the noise or the values do not go into a file.
        DataError: objects or measurements are not what they should be.

    """
    chosen = make_objects(objects, **object_settings)
    source = chosen.open(system.scene, seed)
    check_count(source, count)
    simulation = prepare(system, params, source, photons=photons, noise=noise, design=design, report=say)
    system, noise = simulation.system, simulation.noise
    if noise.is_complex and len(system.measurement_shape) != 1:
        raise UsageError(
            f"{system.name}: complex measurements of shape {system.measurement_shape}, files hold vectors (value,) of them: "
            "let the encoder return encoded.ravel()"
        )
    about = {
        "system": system.name,
        "system_settings": json.dumps(system.settings),
        "design": design,
        "objects": objects,
        "objects_settings": json.dumps(chosen.settings),
        "objects_licence": chosen.licence,
        "exposure": simulation.exposure,
        "seed": seed,
        "noise_seed": noise_seed,
    }
    if system.period != (1, 1):
        about["period"] = np.asarray(system.period)
    tally, told = _Tally(), simulation.findings
    kind = noise.stored_type(simulation.largest)
    check_disk(out, _bytes_of(simulation, count, kind, keep_objects))
    with MeasurementWriter(
        out,
        noise=noise,
        units=_units(system, noise),
        description=f"{objects} through {system.name}, design {design}",
        overwrite=force,
        attributes=about,
    ) as writer:
        for block in simulation.blocks(source, count, noise_seed):
            stored, clean = _stored(block, noise, kind)
            parts = {"clean": clean, "groups": block.groups}
            if block.labels is not None:
                parts["labels"] = block.labels
            if keep_objects:
                parts["objects"] = block.scenes
            writer.append(stored, **parts)
            tally.add(block, stored)
            say(f"{objects} through {system.name}", tally.count / count)
    about.pop("period", None)
    return {
        "path": out,
        **{name: json.loads(value) if name.endswith("_settings") else value for name, value in about.items() if name != "seed"},
        "period": list(system.period),
        "noise": noise.describe(),
        "shape": [tally.count, *system.measurement_shape],
        "units": _units(system, noise) or "DN",
        "mean_unit": _units(system, noise) or "photoelectrons",
        **tally.facts(),
        "findings": [finding.to_record() for finding in (*told, *tally.findings(system.name, noise, told))],
    }


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
        remedy, gain = "take more light (--photons) or objects (-n)", noise.gain
        if gain > mean:
            text += f", a step of the camera's converter {gain:.4g}"
            remedy = "check the gain, in photoelectrons per DN (--gain), or take more light (--photons)"
        return [Finding("all-dark", "void", text, "they carry hardly any information", remedy)]


def _units(system: ImagingSystem, noise: NoiseModel) -> str | None:
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
