"""Simulated measurements: objects through a system, with noise, block by block."""

import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from ideal._ranges import PHOTONS, check_range
from ideal.errors import DataError, UsageError
from ideal.health.finding import Finding
from ideal.imaging import ImagingSystem, Params
from ideal.noise import NoiseModel
from ideal.progress import Progress, silent
from ideal.text import percent

_EXPOSED_BY = 256  # objects whose mean brightness sets the exposure, however many are simulated
_PROBED = 16
_READ = 16  # objects at once, between which progress is shown
_BLOCK_VALUES = 2**22  # of scenes or measurements at once: the noise of a block takes some hundred MB in float64
_PROBE_VALUES = 2**25  # of the scenes that set the exposure, at once
_NOISE = 1  # last in the key of a measurement's noise, so that no other use of the seed has the same
_MOST_PHOTONS = 2.0**32 - 1  # counts are stored in 32 bits
_DIM = 0.01  # of the photons asked for: so little light on average is no exposure that anyone meant
_SWAMPED = 1e3  # noise standard deviations over the largest noiseless value, beyond which noise is all that there is
_PEDESTAL = 100.0  # times the photons asked for: a mean so high is light that is no object's
_DROWNED = 10.0  # noise over standard deviations of noiseless values, beyond which a thousand together carry a few bits
_COARSE_STEP = 2.0  # times the largest value: a converter with larger steps gives one number for all
DEFAULT_PHOTONS = 100.0


class Objects(Protocol):
    """A block of objects."""

    @property
    def scenes(self) -> np.ndarray:
        """Scenes, (sample, ...)."""

    @property
    def labels(self) -> np.ndarray | None:
        """Labels, (sample,), or None."""

    @property
    def groups(self) -> np.ndarray:
        """Number of the source of each, (sample,)."""


class ObjectSource(Protocol):
    """Objects to image.

    A source may have `findings`: what is lost of its objects on the pixels of the scene.
    """

    @property
    def count(self) -> int | None:
        """How many there are; None where there are as many as are asked for."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the labels; empty where these are numbers or missing."""

    def read(self, start: int, stop: int) -> Objects:
        """Return objects start to stop."""


@dataclass(frozen=True)
class Block:
    """Simulated measurements and all that is known of them, sample first.

    Attributes:
        measurements: in photoelectrons, or the units of the system.
        clean: their noiseless means.
        scenes: as the system saw them: light in photoelectrons of an unfiltered pixel.
        labels: of the objects, names where classes have names, or None.
        groups: source of each object, (sample,) int64.

    """

    measurements: np.ndarray
    clean: np.ndarray
    scenes: np.ndarray
    labels: np.ndarray | None
    groups: np.ndarray


@dataclass(frozen=True)
class Simulation:
    """How objects become measurements: a system, its design, its noise and the exposure.

    Attributes:
        system: what images them.
        params: its design.
        noise: of the measurements.
        exposure: what scenes are multiplied by: photoelectrons per unit of light.
        largest: largest mean among the objects that set the exposure.
        design: name of the design: systems and designs of different names draw different noise.
        findings: what is odd about the light, the noise or the system.

    """

    system: ImagingSystem
    params: Params
    noise: NoiseModel
    exposure: float
    largest: float
    design: str = ""
    findings: list[Finding] = field(default_factory=list)

    def exposed(self, scenes: np.ndarray) -> np.ndarray:
        """Return objects (sample, ...) in the light of this exposure, float32."""
        return (scenes * np.float32(self.exposure)).astype(np.float32, copy=False)

    def blocks(self, source: ObjectSource, count: int, seed: int = 0) -> Iterator[Block]:
        """Give simulated measurements in blocks whose size depends on the shapes alone.

        The same seed gives the same measurements; those of fewer objects are the first of those of more.

        Args:
            source: of the objects.
            count: how many.
            seed: of the noise.

        Raises:
            UsageError: there are fewer objects.
            DataError: a scene is not what the system looks at, or its measurement is not finite.

        """
        check_count(source, count)
        sizes = math.prod(self.system.scene.shape), math.prod(self.system.measurement_shape)
        block = max(1, min(1024, _BLOCK_VALUES // max(*sizes, 1)))
        own = zlib.crc32(f"{self.system.name}/{self.design}".encode())
        for start in range(0, count, block):
            objects = source.read(start, min(start + block, count))
            scenes = self.exposed(objects.scenes)
            clean = self.system.images(self.params, scenes)
            _check_finite(clean, self.system.name, start)
            clean = self.noise.check_means(clean, self.system.name)
            keys = ([seed, own, start + i, _NOISE] for i in range(len(clean)))
            noisy = np.stack([self.noise.sample(np.random.default_rng(key), each) for key, each in zip(keys, clean, strict=True)])
            labels = objects.labels
            if labels is not None and source.classes:
                labels = np.asarray(source.classes)[labels]
            yield Block(noisy, clean, scenes, labels, np.asarray(objects.groups, dtype=np.int64))


def _check_finite(clean: np.ndarray, name: str, start: int) -> None:
    if not np.isfinite(clean).all():
        sample, *place = (int(i) for i in np.argwhere(~np.isfinite(clean))[0])
        raise DataError(
            f"{name}: the noiseless measurement of object {start + sample} is {clean[(sample, *place)]} at {tuple(place)}, "
            "expected finite numbers: mend the encoder or its parameters, or take less light"
        )


def _check_light(photons: float, noise: NoiseModel) -> None:
    most = _MOST_PHOTONS if noise.photons else float(np.finfo(np.float32).max) ** 0.75
    if not photons + 10 * abs(photons) ** 0.5 < most:
        raise UsageError(
            f"{photons:.4g} photoelectrons in a pixel are too much light, at most about {most:.0e} with {noise.name} noise: "
            "take less (`photons`, or the settings of the system)"
        )


def check_count(source: ObjectSource, count: int) -> None:
    """Refuse more objects than there are.

    Raises:
        UsageError: there are fewer.

    """
    if count < 1:
        raise UsageError(f"the number of objects must be at least 1; found {count}")
    if source.count is not None and count > source.count:
        raise UsageError(f"there are only {source.count} such objects, {count} are asked for: ask for fewer (`count`)")


def prepare(
    system: ImagingSystem,
    params: Params,
    source: ObjectSource,
    *,
    photons: float | None = None,
    noise: NoiseModel | None = None,
    design: str = "",
    report: Progress = silent,
) -> Simulation:
    """Set the exposure and the noise of a simulation.

    One exposure serves all objects, as in a camera: bright objects give more light than dark ones. It is set by the mean
    brightness of the first 256 objects.

    Args:
        system: what images the objects.
        params: its design.
        source: of the objects.
        photons: for radiance, mean photoelectrons that an unfiltered pixel gathers; 100 by default. A system whose scenes are
            transmissions has a setting `photons` of its own, and skies a `flux` in Jy that they are scaled to.
        noise: None for the system's own.
        design: name of the design.
        report: shows progress.

    Raises:
        UsageError: photons are given for a system where they mean nothing, are not positive, or are more than can be stored; the
            noise does not suit complex or real measurements.
        DataError: the objects are dark, or not what the system looks at, or a measurement is not finite.

    """
    if photons is not None and not (photons > 0 and math.isfinite(photons)):
        raise UsageError(f"photons must be a positive number; found {photons:g}")
    if photons is not None and photons < PHOTONS.low:
        check_range("photons", photons, PHOTONS)
    if photons is not None and system.scene.kind not in ("radiance", "any"):
        if "photons" not in system.settings:
            raise UsageError(
                f"{system.name} does not count photons: its settings say how bright it is (ideal systems {system.name})"
            )
        system = system.replace(photons=photons)
    params = system.check_params(params)
    noise = noise or system.noise(params)
    for figure in noise.figures:
        if figure.within is not None:
            check_range(f"{noise.name} noise: {figure.name}", getattr(noise, figure.name), figure.within, figure.unit)
    if photons is not None:
        _check_light(photons, noise)
    wanted = _wanted_brightness(system, photons)
    probed = _PROBED if wanted is None else _EXPOSED_BY  # without an exposure to set, only the range is looked at
    probe = _Probe(source, min(probed, source.count or probed), math.prod(system.scene.shape), report)
    exposure = 1.0
    if wanted is not None:
        bright = []
        for _, scenes in probe.blocks():
            system.check_scenes(scenes)
            bright.append(system.brightness(scenes))
        mean = float(np.mean(np.concatenate(bright)))
        if not mean > 0:
            raise DataError(f"the first {probe.count} objects are dark: no exposure gives {wanted:g}")
        exposure = wanted / mean
    means, squares, largest = [], [], 0.0
    for start, scenes in probe.blocks():
        report("noiseless measurements that set the range", start / probe.count)
        clean = system.images(params, (scenes * np.float32(exposure)).astype(np.float32))
        _check_finite(clean, system.name, start)
        if np.iscomplexobj(clean) != noise.is_complex:
            kind = "complex" if np.iscomplexobj(clean) else "real"
            raise UsageError(f"{system.name} measures {kind} values: noise {noise.name} does not suit")
        if noise.positive:
            noise.check_means(clean, system.name)
        largest = max(largest, float(np.abs(clean).max()))
        _check_light(largest, noise)
        sizes, share = np.abs(clean).astype(np.float64), len(clean) / probe.count
        means.append(sizes.mean() * share)
        squares.append(np.square(sizes).mean() * share)
    findings = [*getattr(source, "findings", ()), *system.findings(params)]
    findings += _light_findings(system, noise, photons, probe.count, sum(means), sum(squares), largest)
    return Simulation(system, params, noise, exposure, largest, design, findings)


class _Probe:
    """The objects that set the exposure, in blocks that fit into memory; kept where one block holds them all.

    Args:
        source: of the objects.
        count: how many.
        size: values of a scene.
        report: shows progress.

    """

    def __init__(self, source: ObjectSource, count: int, size: int, report: Progress):
        self.source, self.count, self.report = source, count, report
        self.block = max(1, min(count, _PROBE_VALUES // max(size, 1)))
        self._kept: np.ndarray | None = None

    def blocks(self) -> Iterator[tuple[int, np.ndarray]]:
        """Give the number of the first object of each block, and its scenes."""
        for start in range(0, self.count, self.block):
            if self._kept is not None:
                yield start, self._kept
                continue
            stop = min(start + self.block, self.count)
            parts = []
            for first in range(start, stop, _READ):
                self.report("objects that set the exposure", first / self.count)
                parts.append(self.source.read(first, min(first + _READ, stop)).scenes)
            scenes = np.concatenate(parts)
            if self.block == self.count:
                self._kept = scenes
            yield start, scenes


def _light_findings(
    system: ImagingSystem,
    noise: NoiseModel,
    photons: float | None,
    count: int,
    mean: float,
    square: float,
    largest: float,
) -> list[Finding]:
    """Return what is odd about the noiseless measurements of the objects that set the exposure.

    Args:
        system: that measures them.
        noise: of the measurements.
        photons: that were asked for, or None.
        count: how many objects there are.
        mean: of the absolute noiseless values.
        square: mean of their squares.
        largest: of them.

    """
    wanted = _wanted_light(system, photons)
    if not largest > 0:
        return [
            Finding(
                "all-dark",
                "void",
                f"{system.name}: the noiseless measurements of the first {count} objects are 0 everywhere",
                "they carry no information",
                "check the settings of system and objects (ideal systems, ideal data)",
            )
        ]
    if wanted and mean < _DIM * wanted:
        return [
            Finding(
                "light-missing",
                "note",
                f"{system.name}: a value has {mean:.2g} photoelectrons on average, {percent(mean / wanted)} of the {wanted:g} "
                "that were asked for",
                "",
                "if so little light is not meant, check the settings of the system, the design and the objects",
                {"mean": mean, "photons": wanted},
            )
        ]
    sigma = noise.least_deviation
    if sigma > _SWAMPED * largest:
        return [
            Finding(
                "noise-only",
                "note",
                f"{system.name}: the least standard deviation of the noise is {sigma:.2g}, the largest noiseless "
                f"value is {largest:.2g}",
                "the measurements are noise alone",
                "check the unit of the noise (--sigma, --read-noise) and the light (--photons)",
                {"sigma": float(sigma), "largest": largest},
            )
        ]
    signal = max(square - mean**2, 0.0) ** 0.5
    deviation = float(np.sqrt(np.min(noise.variance(np.full(system.measurement_shape, mean)))))
    if wanted and mean > _PEDESTAL * wanted and deviation > _DROWNED * signal:
        return [
            Finding(
                "noise-only",
                "note",
                f"{system.name}: the noiseless values are {mean:.4g} on average with a standard deviation of {signal:.2g}, "
                f"the noise there has one of {deviation:.2g}",
                "the measurements are noise alone",
                "check what is added to the light (ideal systems; a setting such as bias), the objects and the light (--photons)",
                {"sigma": deviation, "mean": mean, "signal": signal},
            )
        ]
    gain = float(np.median(noise.gain))
    if gain > _COARSE_STEP * largest:
        return [
            Finding(
                "all-dark",
                "void",
                f"{system.name}: a step of the camera's converter is {gain:.4g} photoelectrons, the largest noiseless value only "
                f"{largest:.4g}, {mean:.2g} on average",
                "nearly all measured values are one and the same number",
                "check the gain, in photoelectrons per DN (--gain), or take more light (--photons)",
                {"gain": float(gain), "largest": largest, "mean": mean},
            )
        ]
    return []


def _wanted_light(system: ImagingSystem, photons: float | None) -> float | None:
    """Return the mean photoelectrons that a pixel should get if nothing were in the way; None where light is not counted so."""
    if system.scene.kind == "transmission":
        return system.settings.get("photons")
    return _wanted_brightness(system, photons) if system.scene.kind != "sky" else None


def _wanted_brightness(system: ImagingSystem, photons: float | None) -> float | None:
    kind = system.scene.kind
    if kind == "radiance":
        return DEFAULT_PHOTONS if photons is None else photons
    return system.settings.get("flux") or None if kind == "sky" else photons if kind == "any" else None
