"""Patches ready for density models: chosen, split by source, checked against the noise, dequantised for continuous models."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, cast

import numpy as np

from ideal._arguments import two_sides
from ideal._memory import check_memory
from ideal.density import Sensor
from ideal.errors import DataError, UsageError
from ideal.health import Finding, identical, merged, refuse_void
from ideal.measurements.patches import Patches, some_tiled_positions, spatial_groups, tiled_positions
from ideal.noise import NoiseModel
from ideal.noise.members import noises_of

if TYPE_CHECKING:
    from ideal.noise.camera_maps import CameraMaps
    from ideal.noise.electrons import ElectronNoise

_HELD_BYTES = 2**28
_HASHED_BYTES = 2**30  # of patches among which copies are looked for
_BLOCK_VALUES = 2**18
_MOST_VALUES = 10_000  # of a measurement: its covariance then takes 0.8 GB
_NO_NUMBERS = {"not-finite", "clean-not-possible"}  # findings with which nothing can be computed
_REFILL = 7  # last in the key of what stands in for values that do not count
MANY_SOURCES = 60  # with as many, one fold in five is scored; with fewer, each in turn
# Blocks of a picture that stand for sources. A picture of more than 5800 x 5800 pixels (in patches of 16) has room for so many
# that one fold in five is scored.
_BLOCKS, _MANY_BLOCKS, _MANY_TILES = 20, 64, 2**17
_FEWEST_SOURCES = 5  # below it an image is cut into blocks that serve as sources
_FEWEST_LEFT = 3  # sources where copies are one: to train, to choose and to score
_COPIES = ("overlapping-crops", "near-copies", "identical-samples")  # findings that make several samples one source


def known_noise(source) -> NoiseModel:
    """Return the noise model of a measurement set whose noise must be known.

    Args:
        source: `ideal.measurements.MeasurementSet`.

    Raises:
        UsageError: nobody has named the noise, a figure of it is missing, or figures contradict it.

    """
    if source.noise_kind is None:
        fitting = noises_of(is_complex=source.dtype.kind == "c")
        raise UsageError(f"{source.path}: the noise is not known: name it (`noise={'|'.join(fitting)}`)")
    source.noise_kind.refuse(source)
    return source.noise


def with_limits(noise: NoiseModel, source, findings: Collection[Finding]) -> NoiseModel:
    """Return the noise with the floor and the ceiling that the health check found in the values, where it can model them."""
    for finding in findings:
        if finding.name == "clipped" and finding.figures.get("modelled"):
            limits = {side: finding.figures[side] for side in ("floor", "ceiling")}
            return noise.with_limits(source.calibration, **limits)
    return noise


def sensor_of(noise: NoiseModel | None, period: tuple[int, int] | None = None, patches: Patches | None = None) -> Sensor:
    """Return what a density model may know of measurements under this noise, by a sensor with a mosaic of this period.

    Noise that nobody has named (None) says nothing: neither levels nor a least scatter.

    Args:
        noise: the noise model.
        period: of the mosaic.
        patches: of measurements whose Gaussian noise may differ from value to value and from patch to patch.

    """
    mosaic = period or (1, 1)
    if noise is None:
        return Sensor(period=mosaic)
    if not noise.additive:
        channel = cast("ElectronNoise", noise) if noise.electrons else None
        if noise.by_place:  # every pixel has levels of its own: for other models values are continuous
            return Sensor(noise_variance=noise.linear_variance, period=mosaic, channel=channel)
        limits = noise.lowest, noise.linear_variance, mosaic, noise.highest
        return Sensor(noise.quantum, noise.origin, *limits, channel=channel)
    sigma = noise.sigma
    if patches is not None and sigma_by_value(patches.source):
        common = common_sigma(patches)
        if common is None:
            return Sensor(period=mosaic, noise_by_sample=True)
        sigma = common
    own = None if patches is None or np.ptp(sigma) == 0 else np.asarray(sigma)
    return Sensor(noise_variance=(float(np.min(sigma)) ** 2, 0.0), period=mosaic, noise_sigma=own)


def sigma_by_value(source) -> bool:
    """Tell whether a measurement set names a standard deviation of Gaussian noise for each value, not one for all."""
    return source.noise_kind is not None and source.noise_kind.additive and np.ndim(source.sigma) > 0


def common_sigma(patches: Patches) -> np.ndarray | None:
    """Return the standard deviations of the noise that all patches have, of the shape of one; None where patches differ."""
    if not patches.source.has_sample_sigma and (patches.patch is None or patches.patch == tuple(patches.source.shape[1:3])):
        return np.asarray(patches.source.sigma, dtype=np.float64)
    ends = patches.take([0, len(patches) - 1]).read("sigma")  # which mostly settle it
    if not (ends == ends[0]).all():
        return None
    alike = all((batch == ends[0]).all() for batch in patches.batches(what="sigma"))
    return ends[0] if alike else None


def mosaic_period(source, size, period) -> tuple[int, int] | None:
    """Return the period of the sensor's mosaic as asked for, or as the file says; None without a mosaic or patches."""
    period = source.period if period is None else period
    if size is None or period is None:
        return None
    rows, columns = (period, period) if np.ndim(period) == 0 else period
    return None if (rows, columns) == (1, 1) else (int(rows), int(columns))


@dataclass(frozen=True)
class Usable:
    """What of a measurement set may be estimated.

    Attributes:
        samples: numbers of the samples to use, increasing: all but those that hold nothing.
        groups: source of every sample of the set, (sample,), copies being of one source.
        findings: what was found on the way.

    """

    samples: np.ndarray
    groups: np.ndarray
    findings: list[Finding]


def choose_patches(
    source,
    usable: Usable,
    noise: NoiseModel | None,
    patch: tuple[int, int] | None,
    limit: int,
    seed: int,
    period=None,
) -> tuple[Patches, list[Finding]]:
    """Return up to `limit` patches of usable samples, side by side, with the source of each, and what to know of them.

    The noise tells which patches may be alike by chance; None where it is not known. Patches begin at multiples of the period,
    (row, column) of a sensor's mosaic, if there is one. A set of few large images is cut into blocks, which then count as its
    sources.
    """
    rng = np.random.default_rng([seed, 1])
    findings = []
    samples, by_sample = usable.samples, usable.groups
    sources = len(np.unique(by_sample[samples]))
    if patch is None:
        positions, groups = tiled_positions(samples, source.shape[1:], None), by_sample[samples]
    elif sources < _FEWEST_SOURCES:
        tiles = (source.shape[1] // patch[0]) * (source.shape[2] // patch[1])
        count = _MANY_BLOCKS if tiles >= _MANY_TILES else _BLOCKS
        positions, groups = spatial_groups(
            samples, source.shape[1:], patch, groups=by_sample[samples], period=period, count=count
        )
        findings.append(
            Finding(
                "blocks-as-sources",
                "note",
                f"only {sources} source{'s' if sources > 1 else ''}: {len(np.unique(groups))} blocks of the image are taken as "
                "independent in its place, which makes the interval too narrow where distant parts are alike",
                figures={"sources": sources, "blocks": len(np.unique(groups))},
            )
        )
    else:
        positions = some_tiled_positions(samples, source.shape[1:], patch, limit, seed=seed, period=period)
        groups = by_sample[positions[:, 0]]
    if len(positions) > limit:
        chosen = np.sort(rng.choice(len(positions), limit, replace=False))
        positions, groups = positions[chosen], groups[chosen]
    patches = Patches(source, positions, patch, groups=groups)
    if patch is None or patch == tuple(source.shape[1:3]) or 8 * np.prod(patches.shape) > _HASHED_BYTES:
        return patches, findings
    pairs = identical(patches, len(patches), None if noise is None else noise.typical)
    pairs = pairs[groups[pairs[:, 0]] != groups[pairs[:, 1]]]
    if not len(pairs):
        return patches, findings
    text = f"{len(pairs)} of {len(patches)} patches are identical to patches of other sources"
    effect = "their sources are taken as one, so that no model is scored on what it was fitted to"
    findings.append(Finding("identical-patches", "note", text, effect, figures={"copies": len(pairs), "of": len(patches)}))
    return Patches(source, positions, patch, groups=merged(groups, pairs)), findings


@dataclass(frozen=True)
class Prepared:
    """Patches as a density model takes them: an object with a shape whose iteration gives arrays of samples.

    Values stand on the scale of the noise, `NoiseModel.scale`.

    Attributes:
        patches: where the values come from.
        noise: the noise model.
        dequantise: whether to add uniform noise of one quantum.
        key: of that noise; each pass over the patches adds the same.

    """

    patches: Patches
    noise: NoiseModel
    dequantise: bool
    key: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """(patch, row, column[, channel]) or (sample, value)."""
        return self.patches.shape

    def __len__(self) -> int:
        """Return the number of patches."""
        return len(self.patches)

    def __iter__(self) -> Iterator[np.ndarray]:
        """Iterate over arrays of patches, in order."""
        rng = np.random.default_rng(self.key)
        again = np.random.default_rng([*self.key, _REFILL])
        start = 0
        for batch in self.patches:
            noise = self.noise.at(self.patches.positions[start : start + len(batch)], self.patches.patch)
            start += len(batch)
            values = noise.refilled(self.noise.scale(self._checked(batch)), again)
            if self.dequantise:
                values = values + noise.steps * (rng.random(values.shape) - 0.5)
            yield values

    def _checked(self, batch: np.ndarray) -> np.ndarray:
        return self.noise.check_values(batch, self.patches.source.path)

    def measured(self) -> np.ndarray:
        """Return all patches at once as they were measured, on no scale of the noise."""
        return np.concatenate([self._checked(batch) for batch in self.patches])

    @cached_property
    def own_noise(self) -> NoiseModel:
        """The noise with the figures of each value of all patches, where pixels differ."""
        return self.noise.at(self.patches.positions, self.patches.patch)

    @property
    def keep(self) -> np.ndarray | None:
        """Which values of all patches count, of their shape; None for all."""
        keep = self.own_noise.keep
        return None if keep is None else np.broadcast_to(keep, self.shape)

    @cached_property
    def figures(self) -> np.ndarray:
        """Figures of the noise of each value of all patches, for models that see electrons, (patch, ..., figure)."""
        return cast("CameraMaps", self.own_noise).figures_at(self.shape)

    @cached_property
    def sigma(self) -> np.ndarray:
        """Standard deviation of the noise in each value of all patches, of their shape; read once."""
        return self.patches.read("sigma")

    def array(self) -> np.ndarray:
        """Return all patches at once."""
        return np.concatenate(list(self))

    def some(self, values: int) -> "Prepared":
        """Return as many of the patches as hold about so many values, spread over all."""
        count = min(len(self), max(1, values // int(np.prod(self.shape[1:]))))
        return replace(self, patches=self.patches.take(np.linspace(0, len(self) - 1, count).astype(int)))

    def take(self, chosen: np.ndarray) -> "Prepared":
        """Return some of the patches, by their indices."""
        return replace(self, patches=self.patches.take(chosen))

    def held(self) -> "np.ndarray | Prepared":
        """Return the patches in memory where they are small, so that several passes read the file once."""
        return self.array() if 8 * np.prod(self.shape) <= _HELD_BYTES else self

    def holdable(self) -> "Prepared":
        """Return as many of the patches as memory holds beside the noise of each, spread over all."""
        return self if 8 * np.prod(self.shape) <= _HELD_BYTES else self.some(_HELD_BYTES // 8)

    def dequantised(self) -> "Prepared":
        """Return the same patches for a continuous density: unchanged where the noise is continuous."""
        return replace(self, dequantise=self.noise.quantum > 0)


def in_blocks(score: Callable[..., np.ndarray], measurements: np.ndarray, *more: np.ndarray) -> np.ndarray:
    """Apply a function that gives one number for each measurement, in blocks, so that its working arrays stay small.

    Args:
        score: of measurements, and of what belongs to each of them.
        measurements: (sample, ...).
        *more: arrays (sample, ...) that are cut with them.

    """
    size = max(1, _BLOCK_VALUES // max(1, int(np.prod(measurements.shape[1:]))))
    parts = (slice(start, start + size) for start in range(0, len(measurements), size))
    return np.concatenate([score(*(array[part] for array in (measurements, *more))) for part in parts])


def patch_size(source, patch) -> tuple[int, int] | None:
    """Return the sides of a patch, at most those of the images; None where measurements are vectors."""
    if len(source.shape) == 2:
        return None
    rows, columns = two_sides("`patch`", patch)
    if rows < 1 or columns < 1:
        raise UsageError(f"patch must be at least 1 pixel on a side; found {rows}x{columns}")
    return min(rows, source.shape[1]), min(columns, source.shape[2])


def real_values(source, shape: tuple[int, ...]) -> int:
    """Return how many real numbers a measurement of this shape has."""
    return int(np.prod(shape)) * (2 if source.dtype.kind == "c" else 1)


def check_size(source, shape: tuple[int, ...]) -> None:
    """Refuse measurements of more values than a covariance can be fitted to."""
    values = real_values(source, shape)
    if values > _MOST_VALUES:
        what = "patch" if len(shape) > 1 else "measurement"
        remedy = "choose a smaller patch (--patch 16)" if len(shape) > 1 else "use fewer of them"
        raise UsageError(
            f"{source.path}: a {what} of {' x '.join(map(str, shape))} has {values} real values, more than the {_MOST_VALUES} "
            f"that the models can hold: {remedy}"
        )


def check_values(source, allow: Collection[str] = ()) -> Usable:
    """Return what of a measurement set to use.

    Args:
        source: `ideal.measurements.MeasurementSet`.
        allow: names of findings that do not stop the estimate; with "unwritten" samples that hold nothing are kept.

    Raises:
        DataError: there is nothing to estimate.
        UsageError: a finding makes the bound void and is not allowed.

    """
    examination = source.examination
    found = examination.summary
    for finding in examination.findings:
        if finding.name in _NO_NUMBERS:
            raise DataError(f"{source.path}: {finding.line}")
    refuse_void(examination.findings, source.path, allow)
    if found["constant"]:
        raise DataError(
            f"{source.path}: every value is {found['mean']:g}: a constant image carries no information and no noise: "
            "check exposure and file"
        )
    remedy = "take a part of the file, or use a machine with more memory"
    check_memory(source.path, 40 * len(source), f"a list of its {len(source)} samples", remedy)
    samples, findings = np.arange(len(source)), list(examination.findings)
    if "unwritten" in allow:
        kept = {"effect": "they are kept as measurements, as was asked", "remedy": "record them again where they were lost"}
        findings = [replace(each, **kept) if each.name == "blank-frames" else each for each in findings]
    elif len(examination.blank):
        samples = np.setdiff1d(samples, examination.blank)
    groups = examination.groups(source.groups)
    left = len(np.unique(groups[samples]))
    if left < _FEWEST_LEFT <= len(np.unique(source.groups[samples])):
        told = next((each for name in _COPIES for each in findings if each.name == name), None)
        raise DataError(
            f"{source.path}: {left} source{'s are' if left > 1 else ' is'} left, three are needed"
            + ("" if told is None else f": {told.line}")
        )
    return Usable(samples, groups, findings)
