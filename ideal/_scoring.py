"""Patches ready for density models: chosen, split by source, checked against the noise, dequantised for continuous models."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace

import numpy as np

from ideal import noise as noise_models
from ideal.density import Sensor
from ideal.errors import DataError, UsageError
from ideal.health import Finding, refuse_void
from ideal.patches import Patches, some_tiled_positions, spatial_groups, tiled_positions

_WHOLE = 1e-3  # electrons from a whole number that rounding in a file may explain
_HELD_BYTES = 2**28
_BLOCK_VALUES = 2**18
_MOST_VALUES = 10_000  # of a measurement: its covariance then takes 0.8 GB
_NO_NUMBERS = {"not-finite", "clean-not-possible"}  # findings with which nothing can be computed
MANY_SOURCES = 60  # with as many, one fold in five is scored; with fewer, each in turn
FEW_SOURCES = 10  # with fewer scored, intervals are rough
_FEWEST_SOURCES = 5  # below it an image is cut into blocks that serve as sources


def noise_model(source, *, sigma=None) -> noise_models.NoiseModel:
    """Return the noise model that a measurement set names.

    Args:
        source: `ideal.measurements.MeasurementSet`.
        sigma: standard deviations in place of the set's own, as those of its patches.

    Raises:
        UsageError: the noise or a figure of it is not known.

    """
    where = source.path
    if source.noise is None:
        fitting = [name for name in noise_models.NAMES if (name == "complex-gaussian") == (source.dtype.kind == "c")]
        raise UsageError(f"{where}: the noise is not known: name it (--noise {'|'.join(fitting)})")
    if source.noise == "poisson":
        if source.read_noise > 0:
            raise UsageError(
                f"{where}: poisson noise has no read noise, yet the read noise is {source.read_noise:g} electrons: name "
                "--noise poisson-gaussian, or --read-noise 0"
            )
        if source.gain > 1 and source.integer:
            raise UsageError(
                f"{where}: whole DN of {source.gain:g} electrons each are not Poisson counts: name --noise poisson-gaussian "
                "with its --read-noise"
            )
        return noise_models.Poisson()
    if source.noise == "poisson-gaussian":
        if not source.read_noise > 0:
            raise UsageError(f"{where}: poisson-gaussian noise needs the read noise in electrons (--read-noise R)")
        return noise_models.PoissonGaussian(source.read_noise, source.gain, source.offset, source.integer, source.step)
    sigma = source.sigma if sigma is None else sigma
    if sigma is None:
        raise UsageError(f"{where}: {source.noise} noise needs its standard deviation (--sigma S)")
    kind = noise_models.Gaussian if source.noise == "gaussian" else noise_models.ComplexGaussian
    return kind(sigma)


def sensor_of(noise: noise_models.NoiseModel | None, period: tuple[int, int] | None = None) -> Sensor:
    """Return what a density model may know of measurements under this noise, by a sensor with a mosaic of this period.

    Noise that nobody has named (None) says nothing: neither levels nor a least scatter.
    """
    mosaic = period or (1, 1)
    if noise is None:
        return Sensor(period=mosaic)
    if noise.name == "poisson":
        return Sensor(step=1.0, lowest=0.0, noise_variance=(0.0, 1.0), period=mosaic)
    if noise.name == "poisson-gaussian":
        return Sensor(noise.quantum, noise.origin, noise_variance=(noise.read_noise**2, 1.0), period=mosaic)
    least = float(np.min(noise.sigma)) if noise.name == "gaussian" else 0.0
    return Sensor(noise_variance=(least**2, 0.0), period=mosaic)


def mosaic_period(source, size, period) -> tuple[int, int] | None:
    """Return the period of the sensor's mosaic as asked for, or as the file says; None without a mosaic or patches."""
    period = source.period if period is None else period
    if size is None or period is None:
        return None
    rows, columns = (period, period) if np.ndim(period) == 0 else period
    return None if (rows, columns) == (1, 1) else (int(rows), int(columns))


def choose_patches(source, patch: tuple[int, int] | None, limit: int, seed: int, period=None) -> tuple[Patches, list[Finding]]:
    """Return up to `limit` patches side by side with the source of each, and what to know of them.

    Patches begin at multiples of the period, (row, column) of a sensor's mosaic, if there is one. A set of few large images is
    cut into blocks, which then count as its sources.
    """
    rng = np.random.default_rng([seed, 1])
    findings = []
    samples = np.arange(len(source))
    sources = len(np.unique(source.groups))
    if patch is None:
        positions, groups = tiled_positions(samples, source.shape[1:], None), source.groups
    elif sources < _FEWEST_SOURCES:
        positions, groups = spatial_groups(samples, source.shape[1:], patch, groups=source.groups, period=period)
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
        groups = source.groups[positions[:, 0]]
    if len(positions) > limit:
        chosen = np.sort(rng.choice(len(positions), limit, replace=False))
        positions, groups = positions[chosen], groups[chosen]
    return Patches(source, positions, patch, groups=groups), findings


@dataclass(frozen=True)
class Prepared:
    """Patches as a density model takes them: an object with a shape whose iteration gives arrays of samples.

    Attributes:
        patches: where the values come from.
        noise: the noise model.
        dequantise: whether to add uniform noise of one quantum.
        key: of that noise; each pass over the patches adds the same.

    """

    patches: Patches
    noise: noise_models.NoiseModel
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
        for batch in self.patches:
            values = checked(batch, self.noise, self.patches.source.path)
            if self.dequantise:
                values = values + self.noise.quantum * (rng.random(values.shape) - 0.5)
            yield values

    def array(self) -> np.ndarray:
        """Return all patches at once."""
        return np.concatenate(list(self))

    def some(self, values: int) -> "Prepared":
        """Return as many of the patches as hold about so many values, spread over all."""
        count = min(len(self), max(1, values // int(np.prod(self.shape[1:]))))
        return replace(self, patches=self.patches.take(np.linspace(0, len(self) - 1, count).astype(int)))

    def held(self) -> "np.ndarray | Prepared":
        """Return the patches in memory where they are small, so that several passes read the file once."""
        return self.array() if 8 * np.prod(self.shape) <= _HELD_BYTES else self

    def dequantised(self) -> "Prepared":
        """Return the same patches for a continuous density: unchanged where the noise is continuous."""
        return replace(self, dequantise=self.noise.quantum > 0)


def in_blocks(score: Callable[[np.ndarray], np.ndarray], measurements: np.ndarray) -> np.ndarray:
    """Apply a function of measurements that gives one number for each, in blocks, so that its working arrays stay small."""
    size = max(1, _BLOCK_VALUES // max(1, int(np.prod(measurements.shape[1:]))))
    return np.concatenate([score(measurements[start : start + size]) for start in range(0, len(measurements), size)])


def checked(values: np.ndarray, noise: noise_models.NoiseModel, where: str) -> np.ndarray:
    """Return measurements in photoelectrons as the noise model expects them.

    Raises:
        DataError: under Poisson noise a value is negative or not whole.

    """
    if noise.name != "poisson":
        return values
    whole = np.round(values)
    worst = float(np.abs(values - whole).max(initial=0.0))
    if worst > _WHOLE:
        example = float(values.ravel()[np.abs(values - whole).argmax()])
        raise DataError(
            f"{where}: Poisson counts must be whole photoelectrons; found {example:.6g}: give the camera's gain and offset "
            "(--gain e-/DN --offset DN), or name poisson-gaussian noise with its --read-noise"
        )
    if whole.min(initial=0.0) < 0:
        raise DataError(
            f"{where}: Poisson counts cannot be negative; found {whole.min():g}: the offset is too large, or there is read noise "
            "(--noise poisson-gaussian --read-noise R)"
        )
    return whole


def patch_size(source, patch) -> tuple[int, int] | None:
    if len(source.shape) == 2:
        return None
    rows, columns = (patch, patch) if np.ndim(patch) == 0 else patch
    if rows < 1 or columns < 1:
        raise UsageError(f"patch must be at least 1 pixel on a side; found {rows}x{columns}")
    return min(int(rows), source.shape[1]), min(int(columns), source.shape[2])


def real_values(source, shape: tuple[int, ...]) -> int:
    return int(np.prod(shape)) * (2 if source.dtype.kind == "c" else 1)


def check_size(source, shape: tuple[int, ...]) -> None:
    values = real_values(source, shape)
    if values > _MOST_VALUES:
        what = "patch" if len(shape) > 1 else "measurement"
        remedy = "choose a smaller patch (--patch 16)" if len(shape) > 1 else "use fewer of them"
        raise UsageError(
            f"{source.path}: a {what} of {' x '.join(map(str, shape))} has {values} real values, more than the {_MOST_VALUES} "
            f"that the models can hold: {remedy}"
        )


def check_values(source, allow: Collection[str] = ()) -> list[Finding]:
    """Return what looks wrong with the values; an error where there is nothing to estimate, or the bound would be void."""
    found = source.inspect()
    for finding in found["findings"]:
        if finding.name in _NO_NUMBERS:
            raise DataError(f"{source.path}: {finding.line}")
    refuse_void(found["findings"], source.path, allow)
    if found["constant"]:
        raise DataError(
            f"{source.path}: every value is {found['mean']:g}: a constant image carries no information and no noise: "
            "check exposure and file"
        )
    return found["findings"]
