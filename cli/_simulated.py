"""Simulated measurements on their way to a file."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ideal import noise as noise_models
from ideal.datasets import make_objects
from ideal.errors import UsageError
from ideal.imaging import ImagingSystem, Params, unknown_name
from ideal.measurements import MeasurementWriter
from ideal.simulation import Block, Simulation, check_count, prepare

_CAMERA = ("noise", "sigma", "gain", "offset", "read_noise")
_NEEDS = {
    "poisson": (),
    "gaussian": ("sigma",),
    "complex-gaussian": ("sigma",),
    "poisson-gaussian": ("read_noise",),
}
_TAKES = _NEEDS | {"poisson-gaussian": ("read_noise", "gain", "offset")}
_UINT16 = 65_535


def noise_model(system: ImagingSystem, params: Params, options: Mapping[str, Any]) -> noise_models.NoiseModel | None:
    """Return the noise that options name, or None for the system's own.

    Args:
        system: what measures.
        params: its design.
        options: any of noise, sigma, gain, offset, read_noise.

    Raises:
        UsageError: an option is unknown, missing, or of no use to the noise.

    """
    for name in options:
        if name not in _CAMERA:
            raise UsageError(unknown_name("[noise] has no key", name, _CAMERA))
    options = dict(options)
    own = system.noise(params).name
    name = options.pop("noise", None)
    if name is None and not options:
        return None
    name = name or ("poisson-gaussian" if "read_noise" in options else own)
    if name not in _NEEDS:
        raise UsageError(unknown_name("no noise is called", name, _NEEDS))
    if (name == "complex-gaussian") != (own == "complex-gaussian"):
        raise UsageError(
            f"{system.name} measures {'complex visibilities' if own == 'complex-gaussian' else 'real values'}: "
            f"noise {name} does not suit, its own is {own}"
        )
    for option in options:
        if option not in _TAKES[name]:
            raise UsageError(
                f"--{option.replace('_', '-')} is no figure of {name} noise: leave it out, or name the noise (--noise)"
            )
    for option in _NEEDS[name]:
        if option not in options:
            raise UsageError(f"{name} noise needs --{option.replace('_', '-')}")
    if name == "poisson":
        return noise_models.Poisson()
    if name == "poisson-gaussian":
        return noise_models.PoissonGaussian(**options, quantised=True)
    return {"gaussian": noise_models.Gaussian, "complex-gaussian": noise_models.ComplexGaussian}[name](options["sigma"])


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
    """Simulate measurements, write them, and return what was written as JSON types."""
    chosen = make_objects(objects, **object_settings)
    source = chosen.open(system.scene, seed)
    check_count(source, count)
    simulation = prepare(system, params, source, photons=photons, noise=noise, design=design)
    system, noise = simulation.system, simulation.noise
    about = {
        "system": system.name,
        "system_settings": json.dumps(system.settings),
        "design": design,
        "objects": objects,
        "objects_settings": json.dumps({**_settings_of(chosen)}),
        "objects_licence": chosen.licence,
        "exposure": simulation.exposure,
        "seed": seed,
        "noise_seed": noise_seed,
    }
    if system.period != (1, 1):
        about["period"] = np.asarray(system.period)
    tally = _Tally()
    with MeasurementWriter(
        out,
        **_calibration(noise),
        units=_units(system, noise),
        description=f"{objects} through {system.name}, design {design}",
        overwrite=force,
        attributes=about,
    ) as writer:
        kind = _stored_type(simulation)
        for block in simulation.blocks(source, count, noise_seed):
            stored, clean = _stored(block, noise, kind)
            parts = {"clean": clean, "groups": block.groups}
            if block.labels is not None:
                parts["labels"] = block.labels
            if keep_objects:
                parts["objects"] = block.scenes
            writer.append(stored, **parts)
            tally.add(block)
            say(f"{objects} through {system.name}", tally.count / count)
    about.pop("period", None)
    return {
        "path": out,
        **{name: json.loads(value) if name.endswith("_settings") else value for name, value in about.items() if name != "seed"},
        "period": list(system.period),
        "noise": noise.describe(),
        "shape": [tally.count, *system.measurement_shape],
        "units": _units(system, noise) or "DN",
        **tally.facts(),
    }


class _Tally:
    """Running counts and moments of what was written."""

    def __init__(self):
        self.count, self.sum, self.values = 0, 0.0, 0
        self.groups: set[int] = set()
        self.labels: dict[str, int] = {}

    def add(self, block: Block) -> None:
        self.count += len(block.clean)
        self.sum += float(np.abs(block.clean).sum(dtype=np.float64))
        self.values += block.clean.size
        self.groups.update(block.groups.tolist())
        for label in [] if block.labels is None else block.labels.tolist():
            self.labels[str(label)] = self.labels.get(str(label), 0) + 1

    def facts(self) -> dict:
        """Return them as JSON types."""
        return {"mean": self.sum / self.values, "groups": len(self.groups), "labels": dict(sorted(self.labels.items()))}


def _settings_of(objects) -> dict[str, Any]:
    from ideal.imaging import settings_of

    return {each.name: getattr(objects, each.name) for each in settings_of(type(objects))}


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
        return "Jy"
    return None if noise.name == "poisson-gaussian" else "photoelectrons"


def _stored_type(simulation: Simulation) -> np.dtype:
    """Return the type of stored values: whole numbers where the noise makes them, with room for light four times as bright."""
    noise, most = simulation.noise, 4 * simulation.largest
    if noise.name == "poisson":
        return np.dtype(np.uint16 if most + 10 * most**0.5 < _UINT16 else np.uint32)
    if noise.name == "poisson-gaussian":
        least, most = noise.offset - 10 * noise.read_noise / noise.gain, most / noise.gain + noise.offset
        return np.dtype(np.uint16 if least >= 0 and most < _UINT16 else np.int32)
    # Single precision only where its steps are far finer than the noise.
    double = np.min(noise.sigma) < 1e-4 * simulation.largest
    if noise.name == "complex-gaussian":
        return np.dtype(np.complex128 if double else np.complex64)
    return np.dtype(np.float64 if double else np.float32)


def _stored(block: Block, noise: noise_models.NoiseModel, kind: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    values = block.measurements
    if noise.name == "poisson-gaussian":
        values = np.round(values / noise.gain + noise.offset)
    if kind.kind in "iu":
        limits = np.iinfo(kind)
        if values.min() < limits.min or values.max() > limits.max:
            raise UsageError(
                f"a value of {values.max():g} does not fit into {kind}: some objects are far brighter than the first ones, "
                "take less light (--photons)"
            )
    clean = block.clean.astype(np.complex64 if kind.kind == "c" else np.float32, copy=False)
    return values.astype(kind), clean


def lines_of(facts: dict) -> list[str]:
    """Return what was written as text."""
    labels = ", ".join(f"{name} {count}" for name, count in facts["labels"].items()) if len(facts["labels"]) <= 20 else ""
    sigma = facts["noise"].get("sigma")
    noise = facts["noise"]["name"] + (f" (sigma {sigma})" if sigma is not None else "")
    return [
        f"{facts['path']}: {facts['objects']} through {facts['system']}, design {facts['design']}",
        f"{' x '.join(map(str, facts['shape']))}, {facts['units']}, mean {facts['mean']:.4g} noiseless, {noise} noise, "
        f"{facts['groups']} groups",
        *([f"labels: {labels}"] if labels else []),
    ]
