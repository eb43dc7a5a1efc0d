"""Simulated measurements on their way to a file."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ideal import noise as noise_models
from ideal._disk import check_disk
from ideal.datasets import make_objects
from ideal.errors import UsageError
from ideal.health.finding import Finding
from ideal.imaging import ImagingSystem, Params
from ideal.measurements.measurement_set import MeasurementWriter
from ideal.simulation import Block, Simulation, check_count, prepare

_UINT16 = 65_535


def write(
    system: ImagingSystem,
    params: Params,
    objects: str,
    out: str,
    *,
    design: str,
    object_settings: Mapping[str, Any],
    noise: noise_models.NoiseModel | None,
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
    if noise.name == "complex-gaussian" and len(system.measurement_shape) != 1:
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
    kind = _stored_type(simulation)
    check_disk(out, _bytes_of(simulation, count, kind, keep_objects))
    with MeasurementWriter(
        out,
        **_calibration(noise),
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

    def findings(self, name: str, noise: noise_models.NoiseModel, told: Sequence[Finding]) -> list[Finding]:
        """Return what is odd about the measurements that were written, where the simulation has not said why (`told`)."""
        if self.least < self.largest or self.values < 2 or any(each.name == "all-dark" for each in told):
            return []
        mean = self.sum / self.values
        text = f"{name}: all {self.values} measured values are {self.largest:g}, the noiseless mean is {mean:.2g} photoelectrons"
        remedy, gain = "take more light (--photons) or objects (-n)", getattr(noise, "gain", 0.0)
        if gain > mean:
            text += f", a step of the camera's converter {gain:.4g}"
            remedy = "check the gain, in photoelectrons per DN (--gain), or take more light (--photons)"
        return [Finding("all-dark", "void", text, "they carry hardly any information", remedy)]


def _calibration(noise: noise_models.NoiseModel) -> dict[str, Any]:
    figures = {"noise": noise.name}
    if noise.name in ("gaussian", "complex-gaussian"):
        sigma = np.asarray(noise.sigma, dtype=np.float64)
        figures["sigma"] = float(sigma) if sigma.ndim == 0 else sigma
    if noise.name == "poisson-gaussian":
        figures |= {"gain": noise.gain, "offset": noise.offset, "read_noise": noise.read_noise}
    return figures


def _units(system: ImagingSystem, noise: noise_models.NoiseModel) -> str | None:
    if noise.name == "complex-gaussian":
        return "Jy" if system.scene.kind == "sky" else "units of the encoder"
    return None if noise.name == "poisson-gaussian" else "photoelectrons"


def _stored_type(simulation: Simulation) -> np.dtype:
    """Return the type of stored values: whole numbers where the noise makes them, with room for light four times as bright."""
    noise, largest = simulation.noise, simulation.largest
    most = 4 * largest
    if noise.name == "poisson":
        return np.dtype(np.uint16 if most + 10 * most**0.5 < _UINT16 else np.uint32)
    if noise.name == "poisson-gaussian":
        _check_camera(noise, largest)
        width = 10 * noise.read_noise / noise.gain
        least, most = noise.offset - width, most / noise.gain + noise.offset + width
        return np.dtype(np.uint16 if least >= 0 and most < _UINT16 else np.int32)
    # Single precision only where its steps are far finer than the noise.
    double = np.min(noise.sigma) < 1e-4 * simulation.largest
    if noise.name == "complex-gaussian":
        return np.dtype(np.complex128 if double else np.complex64)
    return np.dtype(np.float64 if double else np.float32)


def _check_camera(noise: noise_models.PoissonGaussian, largest: float) -> None:
    width = 10 * noise.read_noise
    found = max(abs(noise.offset - width / noise.gain), abs((largest + 10 * largest**0.5 + width) / noise.gain + noise.offset))
    if found >= np.iinfo(np.int32).max:
        raise UsageError(
            f"{largest:.4g} photoelectrons, read noise {noise.read_noise:g}, gain {noise.gain:g}, offset {noise.offset:g} give "
            f"values as far from 0 as {found:.3g} DN, at most 2.1e9 fit into a file: is the gain right (photoelectrons per DN)?"
        )


def _stored(block: Block, noise: noise_models.NoiseModel, kind: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    values = block.measurements
    if noise.name == "poisson-gaussian":
        values = np.round(values / noise.gain + noise.offset)
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
