"""The contract of a noise model: all that the rest of the package may ask about noise."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from ideal._ranges import Range
from ideal.errors import DataError, UsageError
from ideal.noise.scales import LINEAR, Scale

if TYPE_CHECKING:
    from ideal.calibration import Calibration
    from ideal.noise.deconvolution import MixingDistribution


@dataclass(frozen=True)
class Figure:
    """A number that makes a noise model, beside its name.

    It is a keyword of the class, an attribute of measurement files, a key of `[noise]` in configurations, and can be given on
    the command line.

    Attributes:
        name: name of all of these, as "read_noise".
        unit: unit of the number, as "photoelectrons"; empty where it has none.
        summary: what it is, in a few words.
        needed: whether there is no such noise without it.
        positive: whether it must be above 0.
        within: values that it can have, checked where measurements are simulated; None for any.
        option: option of the command line that gives it, as "--read-noise"; empty where it is given with the name of the noise,
            as in `--noise speckle:looks=4`.

    """

    name: str
    unit: str
    summary: str
    needed: bool = True
    positive: bool = True
    within: Range | None = None
    option: str = ""


class NoiseModel:
    """What is known of a measurement Y when its noiseless mean X is known.

    `sample`, `log_prob`, `entropy` and `variance` act value by value on NumPy arrays (in float64) and on JAX arrays (traceable
    and differentiable); `conditional_entropy` sums H(Y|X) over each measurement. Everything is in nats and in photoelectrons (or
    in the units of the measurements where these are others).

    A measurement made of whole steps (counts, or the output of a converter) is discrete. Its log-probabilities and entropies are
    given as densities, ln(probability / `quantum`), which for counts is the plain ln(probability).

    A new model is one file with a subclass, and one line in `ideal.noise.NOISE`. It has to have `sample`, `log_prob`, `entropy`
    and `variance`, a `name`, `summary`, `formula` and `figures`, and where the noise depends on the mean `variance_from` and, so
    that no clean means are needed, `conditional_entropy`. What the other members say by default is that of continuous real
    values.

    Attributes:
        name: its name in files and on the command line.
        summary: what has such noise, one line without a full stop.
        formula: how Y comes from X, as "Y = X + sigma N(0, 1)".
        figures: numbers that make the model.
        is_complex: whether values are complex.
        photons: whether values are photoelectrons (once calibrated) whose variance grows with the light as that of photons does,
            so that means are at least 0 and a gain matters.
        counts: whether values are whole photon counts from 0 on; such noise has `photons` too.
        mean_independent: whether the noise is the same at every mean: neither entropy nor variance depends on X.
        additive: whether it is Gaussian noise of standard deviations `sigma`; such noise is `mean_independent` too.
        positive: whether every value is above 0, as are the means.
        told_by_figures: whether its figures alone tell it where nobody names the noise.
        needs_means: whether H(Y|X) without clean means needs the distribution of the means, `fit_means`.
        electrons: whether density models can see the whole number of electrons behind each value; such noise is an
            `ideal.noise.electrons.ElectronNoise`.
        ends: whether values end at `highest` by their nature, as those of a counter of few bits: that is no clipping.
        correlates: whether the noise of values of one measurement is correlated; such noise has `whiten`.
        units: unit of the stored values where no system names another; None for the numbers of a camera (DN).
        scale: scale on which density models, and what takes measurements for Gaussian, see the values.
        step: stored units between two levels.
        gain: photoelectrons per DN of a converter; 0 where there is none.
        sigma: standard deviations of `additive` noise, which alone has this.

    """

    name: ClassVar[str]
    summary: ClassVar[str] = ""
    formula: ClassVar[str] = ""
    figures: ClassVar[tuple[Figure, ...]] = ()
    is_complex: ClassVar[bool] = False
    photons: ClassVar[bool] = False
    counts: ClassVar[bool] = False
    mean_independent: ClassVar[bool] = False
    additive: ClassVar[bool] = False
    positive: ClassVar[bool] = False
    told_by_figures: ClassVar[bool] = True
    needs_means: ClassVar[bool] = False
    electrons: bool = False
    ends: ClassVar[bool] = False
    correlates: ClassVar[bool] = False
    units: ClassVar[str | None] = "photoelectrons"
    scale: ClassVar[Scale] = LINEAR
    step: int = 1
    gain: float = 0.0
    sigma: float | np.ndarray

    # What follows from the figures; a subclass may have a plain attribute instead.

    @property
    def quantum(self) -> float:
        """Width in photoelectrons of one step of the measurement; 0 where it is continuous."""
        return 0.0

    @property
    def origin(self) -> float:
        """One of the levels of a measurement with steps, photoelectrons."""
        return 0.0

    @property
    def lowest(self) -> float:
        """Level in photoelectrons at which values end or a converter cuts them off; -inf where there is none."""
        return -math.inf

    @property
    def highest(self) -> float:
        """Level in photoelectrons at which values end or a converter cuts them off; inf where there is none."""
        return math.inf

    @property
    def linear_variance(self) -> tuple[float, float]:
        """(a, b) where the variance is about a + b m at the mean m; (0, 0) where it is not of this form."""
        return 0.0, 0.0

    @property
    def least_deviation(self) -> float:
        """Standard deviation in photoelectrons that is left where there is no light."""
        return 0.0

    @property
    def dark_variance(self) -> float:
        """Variance of the typical value where there is no light, with that of the steps of a converter."""
        return self.linear_variance[0] + self.quantum**2 / 12

    @property
    def tells_means(self) -> bool:
        """Whether many values tell the distribution of the means behind them, where no neighbours need be alike."""
        return True

    @property
    def line_variances(self) -> tuple[float, float]:
        """Variances of what the pixels of a row share, and of what those of a column do, in a frame."""
        return 0.0, 0.0

    # The probability of Y at a mean.

    def sample(self, key, mean):
        """Draw measurements.

        Args:
            key: a JAX key (traceable; the result is a JAX array of the mean's type) or a `numpy.random.Generator` (float64).
            mean: mean photoelectrons, any shape.

        """
        raise NotImplementedError

    def log_prob(self, measurement, mean):
        """Return ln p(measurement | mean) value by value, of the broadcast shape."""
        raise NotImplementedError

    def entropy(self, mean):
        """Return the entropy of one value in nats, of the shape of `mean`."""
        raise NotImplementedError

    def variance(self, mean):
        """Return the variance of each value at its mean; of visibilities, of the real and of the imaginary part each."""
        raise NotImplementedError

    def expected(self, mean):
        """Return the expected value of Y at each mean, of its shape; NumPy or JAX."""
        return mean

    # H(Y|X) of measurements.

    def fit_means(self, values) -> "MixingDistribution | None":
        """Return the distribution of means behind measured values, any shape, photoelectrons; None where H(Y|X) needs none."""
        return None

    def conditional_entropy(self, measurements, clean=None, means: "MixingDistribution | None" = None) -> np.ndarray:
        """Return H(Y|X) of each measurement.

        Args:
            measurements: shape (sample, ...), photoelectrons.
            clean: their noiseless means, same shape, or None where they are unknown. Then the distribution of the means is
                estimated, and a measurement gets its part in that estimate: the average over samples is H(Y|X), and their
                scatter is the estimate's own.
            means: that distribution, as `fit_means` finds it from these measurements and more of the same system; by default it
                is found from the measurements given.

        Returns:
            Nats per measurement, shape (sample,), float64, in the order given.

        """
        if self.mean_independent:
            return sum_values(self.entropy(np.zeros(np.shape(measurements))))
        if clean is None:
            raise UsageError(f"{self.name} noise needs the noiseless means of the measurements (clean)")
        return self._clean_entropy(measurements, clean)

    def scaled_entropy(self, measurements, clean=None, means: "MixingDistribution | None" = None) -> np.ndarray:
        """Return H(U|X) of each measurement on the `scale` that density models see, U = scale(Y); arguments as before."""
        return self.conditional_entropy(measurements, clean, means)

    def scaled_variance(self, mean):
        """Return the variance of U at each mean, of its shape; NumPy or JAX."""
        return self.variance(mean)

    def entropy_from(self, has_clean: bool) -> str:
        """Return where H(Y|X) is told from: "sigma", "figures", "clean means" or "measurements"."""
        if self.mean_independent:
            return "figures"
        return "clean means" if has_clean else "measurements"

    def _clean_entropy(self, measurements, clean) -> np.ndarray:
        if np.shape(clean) != np.shape(measurements):
            raise DataError(f"clean has shape {np.shape(clean)}, the measurements have {np.shape(measurements)}: they must match")
        clean = np.asarray(clean, dtype=np.float64)
        good = np.isfinite(clean) & ((clean > 0) if self.positive else (clean >= 0))
        if not good.all():
            index = tuple(int(each) for each in np.argwhere(~good)[0])
            expected = "finite means above 0" if self.positive else "finite mean photoelectrons, 0 or more"
            raise DataError(f"clean is {clean[index]:g} at {index}, expected {expected}")
        return sum_values(self.entropy(clean))

    # What may be assumed of values.

    def check_values(self, values: np.ndarray, where: str) -> np.ndarray:
        """Return measurements as this noise makes them, any shape, photoelectrons.

        Raises:
            DataError: a value cannot come from this noise; `where` opens the message.

        """
        if self.positive and not (values > 0).all():
            worst = values.min()
            raise DataError(
                f"{where}: values with {self.name} noise are above 0; found {worst:g}: give the offset if there is one "
                "(--offset), leave out pixels without signal, or name other noise (--noise)"
            )
        return values

    def check_means(self, clean: np.ndarray, where: str) -> np.ndarray:
        """Return noiseless means as this noise takes them, any shape.

        Raises:
            DataError: there is no such noise at a mean; `where` opens the message.

        """
        if self.positive and not (clean > 0).all():
            raise DataError(
                f"{where}: a noiseless value of {clean.min():g}, {self.name} noise needs means above 0: choose objects without "
                "black places, or other noise (--noise)"
            )
        return clean

    def variance_from(self, values):
        """Return an unbiased estimate of the variance of the noise from measured values, of their shape.

        Where it is linear in the values (`photons`) it may be below 0.
        """
        if self.mean_independent:
            return self.variance(values)
        raise NotImplementedError

    def fourth_cumulant(self, variance):
        """Return the fourth cumulant of values whose noise has this variance, of its shape; 0 for Gaussian noise."""
        return 0.0

    def without_limits(self) -> "NoiseModel":
        """Return the noise before a converter cuts anything off."""
        return self

    def with_limits(self, calibration: "Calibration", *, floor: float | None, ceiling: float | None) -> "NoiseModel":
        """Return the noise of a converter with limits, in stored units; itself where limits are not modelled."""
        return self

    def continuous(self) -> "NoiseModel":
        """Return the noise before a converter rounds it to steps; counts stay counts."""
        return self

    # Parts of measurements.

    @property
    def by_place(self) -> bool:
        """Whether figures differ from pixel to pixel of the sensor, so that `at` and `photoelectrons` make a difference."""
        return False

    def at(self, positions: np.ndarray, patch: tuple[int, int] | None) -> "NoiseModel":
        """Return the noise of patches of images, with figures of the shape of the patches.

        Args:
            positions: sample, row and column of each patch, (patch, 3).
            patch: rows and columns of a patch; None for whole images.

        """
        return self

    def photoelectrons(self, stored: np.ndarray, rows: slice | None = None) -> np.ndarray:
        """Return stored images in photoelectrons where `by_place`, float64.

        Args:
            stored: (sample, row, column), float64; may be overwritten.
            rows: of the sensor that they show; None for all.

        """
        return stored

    @property
    def typical(self) -> "NoiseModel":
        """The noise of a typical value, with one number for each figure, where pixels differ."""
        return self

    def alone(self) -> "NoiseModel":
        """Return the noise of a pixel given all others: without what many pixels share, which these would tell."""
        return self

    @property
    def steps(self) -> float | np.ndarray:
        """Width of one step by value: `quantum`, but where pixels differ."""
        return self.quantum

    @property
    def keep(self) -> np.ndarray | None:
        """Which values count, boolean, where some do not; None for all."""
        return None

    def refilled(self, values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return patches with values that do not count replaced by what those before them make likely; see `keep`."""
        return values

    @property
    def by_value(self) -> bool:
        """Whether figures differ from value to value of a measurement."""
        return False

    def part(self, index) -> "NoiseModel":
        """Return the noise of a part of the values; `index` is one of arrays that hold all."""
        return self

    def with_sigma(self, sigma) -> "NoiseModel":
        """Return additive noise with other standard deviations, as those of some samples; other noise as it is."""
        return self

    # Files, configurations and the command line.

    @classmethod
    def missing(cls, calibration: "Calibration") -> tuple[Figure, ...]:
        """Return the needed figures that nobody has given."""
        if calibration.model is not None:
            return ()
        return tuple(each for each in cls.figures if each.needed and not _is_given(calibration.figure(each.name)))

    @classmethod
    def of(cls, measured) -> Self | None:
        """Return the model of a measurement set that names this noise, or None where a figure is missing.

        Args:
            measured: `ideal.measurements.MeasurementSet`.

        """
        calibration = measured.calibration
        if calibration.model is not None:
            return calibration.model
        if cls.missing(calibration):
            return None
        given = {each.name: calibration.figure(each.name) for each in cls.figures}
        return cls(**{name: value for name, value in given.items() if value is not None})

    @classmethod
    def refuse(cls, measured) -> None:
        """Refuse measurements that name this noise without a needed figure, or whose figures contradict it.

        Raises:
            UsageError: they do.

        """
        for figure in cls.missing(measured.calibration):
            raise UsageError(f"{measured.path}: {cls.name} noise needs its {figure.summary} ({cls.option(figure)})")

    @classmethod
    def option(cls, figure: Figure) -> str:
        """Return how a figure is given on the command line, as "--sigma S"."""
        if figure.option:
            return f"{figure.option} {figure.name[0].upper()}"
        return f"--noise {cls.name}:{figure.name}=..."

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        """Return the noise of measurements that are to be simulated, with these figures by name."""
        return cls(**settings)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the figures that are arrays, as maps of a sensor, by name: a file keeps them beside the measurements."""
        return {}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, np.ndarray], figures: Mapping[str, Any]) -> Self:
        """Return the noise whose arrays and figures a file keeps: what `arrays` and `attributes` gave."""
        return cls(**arrays, **figures)

    def attributes(self) -> dict[str, Any]:
        """Return what a measurement file says of it: figures by name, and `units` where they are to be stated."""
        found = {each.name: getattr(self, each.name) for each in self.figures}
        return {name: value for name, value in found.items() if value is not None}

    def stored(self, values: np.ndarray) -> np.ndarray:
        """Return measurements in photoelectrons as a file holds them: of a camera in whole DN."""
        return values

    def stored_type(self, largest: float) -> np.dtype:
        """Return the type of stored values, with room for light four times as bright.

        Args:
            largest: largest noiseless value.

        Raises:
            UsageError: the values do not fit into a file.

        """
        return np.dtype(np.float32)

    def describe(self) -> dict:
        """Return the name and figures, ready for JSON."""
        return {"name": self.name} | {each.name: getattr(self, each.name) for each in self.figures}


def _is_given(value) -> bool:
    """Tell whether somebody has given a figure: none is 0 but what may be left out."""
    return value is not None and (np.ndim(value) > 0 or not isinstance(value, int | float) or value > 0)


def sum_values(values) -> np.ndarray:
    """Return the sum over the values of each measurement, (sample,), float64."""
    values = np.asarray(values, dtype=np.float64)
    return values.reshape(len(values), -1).sum(1)
