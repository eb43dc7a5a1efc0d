"""What the information about a label comes out as: bounds on I(T;Y), what they come from, and how they are told."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from ideal.errors import DataError
from ideal.health import Finding, lines
from ideal.information.intervals import GroupedValues
from ideal.information.quantity import Information
from ideal.records import bounds_of, check_format, finite
from ideal.tables import Table, to_frame

if TYPE_CHECKING:
    import pandas

    from ideal.plots.theme import Figure

FORMAT, FORMAT_VERSION = "ideal-task-information", 1

# Where the probabilities of the classes come from.
DENSITY, NETWORK, LINEAR, GAUSSIAN, POOL = "density", "network", "linear", "gaussian", "pool"


@dataclass(frozen=True)
class PosteriorResult:
    """What one source of probabilities q(t|y) says, calibrated on validation sources.

    Attributes:
        information: the Barber-Agakov lower bound on I(T;Y), bits per measurement.
        interval: of it.
        error_rate: of the decision for the most probable class.
        error_interval: of it.
        fano: Fano's lower bound at this error rate, bits.
        fano_conservative: the same at the upper end of the error rate's interval.
        exponent, floor: of `ideal.information.labels.classifier.Posterior`, averages over the folds.
        values: what `information` is the average of, bits by source.

    """

    information: float
    interval: tuple[float, float]
    error_rate: float
    error_interval: tuple[float, float]
    fano: float
    fano_conservative: float
    exponent: float
    floor: float
    values: GroupedValues | None = field(default=None, compare=False, repr=False)

    def to_record(self) -> dict[str, Any]:
        """Return the result as JSON types; None stands for numbers that are not finite."""
        return finite(vars(self) | {"values": self.values and self.values.to_record()})

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "PosteriorResult":
        """Rebuild a result from `to_record`."""
        bounds = {name: bounds_of(record[name]) for name in ("interval", "error_interval")}
        values = record.get("values") and GroupedValues.from_record(record["values"])
        return cls(**{**record, **bounds, "values": values})


@dataclass(frozen=True, repr=False)
class TaskInformation:
    """Information that measurements carry about their label, bits per measurement.

    It shows itself: in a terminal as a line, in a notebook with its interval, its bounds and its warnings; `plot` draws it.

    Attributes:
        path: of the measurements.
        unit: what a measurement is: "image", "patch" or "measurement" (a vector).
        classes: names; counts: measurements of each, of all that were used.
        label_entropy: H(T) of the scored measurements by the frequencies of all, the ceiling of I(T;Y).
        chosen: the source of probabilities that validation preferred; several joined by "/" where folds differ.
        bits: its Barber-Agakov lower bound on I(T;Y): what is reported; `information` has its interval and unit with it.
        interval: of it.
        classifier: what decides for the Fano bound, as validation preferred.
        error_rate, error_interval: of its decisions.
        fano: Fano's lower bound; fano_conservative: the same at the upper end of the error rate's interval.
        posteriors: what each source of probabilities says.
        uncalibrated: Barber-Agakov bound and interval by the density as fitted, whose log ratios are sums over all values.
        model: of the density.
        entropy_bound: H(Y) by a density fitted without labels, an upper bound.
        conditional_entropy_bound: H(Y|T) by the density fitted with labels, an upper bound.
        difference: the former less the latter and its interval: no bound on I(T;Y), neither from below nor from above.
        patch, n_train, n_validation, n_test, n_groups, n_folds, confidence, findings, seconds: as of an `Estimate`.

    """

    path: str
    unit: str
    classes: tuple[str, ...]
    counts: tuple[int, ...]
    label_entropy: float
    chosen: str
    bits: float
    interval: tuple[float, float]
    classifier: str
    error_rate: float
    error_interval: tuple[float, float]
    fano: float
    fano_conservative: float
    posteriors: dict[str, PosteriorResult]
    uncalibrated: tuple[float, tuple[float, float]]
    model: str
    entropy_bound: float
    conditional_entropy_bound: float
    difference: tuple[float, tuple[float, float]]
    patch: tuple[int, ...]
    n_train: int
    n_validation: int
    n_test: int
    n_groups: int
    n_folds: int
    confidence: float
    findings: tuple[Finding, ...]
    seconds: float

    def __repr__(self) -> str:
        ceiling = f"of H(T) = {self.label_entropy:.4f}"
        return f"TaskInformation({self.path}: at least {self.information} {ceiling}, by {self.chosen})"

    def _repr_html_(self) -> str:
        from ideal.reports.shown import shown_task

        return shown_task(self.to_dict())

    @property
    def information(self) -> Information:
        """The lower bound on I(T;Y) with its interval and its unit."""
        return Information(self.bits, self.interval, f"bits/{self.unit}", self.confidence)

    @property
    def warnings(self) -> list[str]:
        """One line for each of `findings`."""
        return lines(self.findings, self.path)

    def table(self) -> Table:
        """Return the lower bounds by the probabilities that they come from."""
        from ideal.information.tables import posteriors_table

        return posteriors_table(self.to_dict())

    def to_frame(self) -> "pandas.DataFrame":
        """Return the lower bounds as a data frame, a row for each source of probabilities.

        Raises:
            UsageError: pandas is not installed.

        """
        rows = [
            {
                "probabilities": name,
                "information": each.information,
                "low": each.interval[0],
                "high": each.interval[1],
                "unit": self.information.unit,
                "fano": each.fano,
                "error_rate": each.error_rate,
                "chosen": name in self.chosen.split("/"),
            }
            for name, each in self.posteriors.items()
        ]
        return to_frame(rows, "probabilities")

    def plot(self) -> "Figure":
        """Draw the lower bounds with their intervals, below the information that the labels have."""
        from ideal.plots.labels import draw_labels

        return draw_labels([self])

    def to_record(self) -> dict[str, Any]:
        """Return the result as strict JSON types, for `from_record`."""
        record = {item.name: getattr(self, item.name) for item in fields(self)}
        record["posteriors"] = {name: each.to_record() for name, each in self.posteriors.items()}
        record["findings"] = [finding.to_record() for finding in self.findings]
        return finite({"format": FORMAT, "format_version": FORMAT_VERSION} | record)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "TaskInformation":
        """Rebuild a result from `to_record`.

        Raises:
            DataError: the record is of something else, or of a later version.

        """
        check_format(record, FORMAT, FORMAT_VERSION)
        if "document" in record:  # what runs kept before there was a format
            raise DataError("it was written by an earlier version of ideal")
        state = {name: value for name, value in record.items() if name not in ("format", "format_version")}
        state |= {name: tuple(state[name]) for name in ("classes", "counts", "patch")}
        state |= {name: bounds_of(state[name]) for name in ("interval", "error_interval")}
        state |= {name: (state[name][0], bounds_of(state[name][1])) for name in ("uncalibrated", "difference")}
        state["posteriors"] = {name: PosteriorResult.from_record(each) for name, each in state["posteriors"].items()}
        return cls(**state | {"findings": tuple(map(Finding.from_record, state["findings"]))})

    def to_dict(self) -> dict:
        """Return the result as JSON types, bits per measurement."""
        return {
            "path": self.path,
            "unit": f"bits per {self.unit}",
            "classes": dict(zip(self.classes, self.counts, strict=True)),
            "label_entropy_bits": self.label_entropy,
            "task_information_bits": self.bits,
            "interval": list(self.interval),
            "confidence": self.confidence,
            "bound": "lower (Barber-Agakov)",
            "posterior": self.chosen,
            "fano_bits": self.fano,
            "fano_conservative_bits": self.fano_conservative,
            "classifier": self.classifier,
            "error_rate": self.error_rate,
            "error_interval": list(self.error_interval),
            "posteriors": {
                name: {
                    "task_information_bits": each.information,
                    "interval": list(each.interval),
                    "error_rate": each.error_rate,
                    "error_interval": list(each.error_interval),
                    "fano_bits": each.fano,
                    "fano_conservative_bits": each.fano_conservative,
                    "exponent": each.exponent,
                    "floor": each.floor,
                }
                for name, each in self.posteriors.items()
            },
            "density_uncalibrated": {"task_information_bits": self.uncalibrated[0], "interval": list(self.uncalibrated[1])},
            "entropy_difference": {
                "model": self.model,
                "is_bound": False,
                "entropy_bound_bits": self.entropy_bound,
                "conditional_entropy_bound_bits": self.conditional_entropy_bound,
                "difference_bits": self.difference[0],
                "interval": list(self.difference[1]),
            },
            "patch": list(self.patch),
            "n_train": self.n_train,
            "n_validation": self.n_validation,
            "n_test": self.n_test,
            "n_groups": self.n_groups,
            "n_folds": self.n_folds,
            "seconds": self.seconds,
            "findings": [finding.to_record() for finding in self.findings],
            "warnings": self.warnings,
        }

    def lines(self) -> list[str]:
        """Return the result for a terminal."""
        apart, error = self.difference, self.error_interval
        names = {
            DENSITY: f"{self.model} by class, calibrated",
            NETWORK: "network, calibrated",
            LINEAR: "Gaussians of one covariance, calibrated",
            GAUSSIAN: "Gaussian for each class, calibrated",
            POOL: "weighted average of these",
        }
        rows = [
            (f"Barber-Agakov, {names[name]}", each.information, _range(each.interval), f"; {1 - each.error_rate:.2%} right")
            for name, each in self.posteriors.items()
        ]
        rows.insert(
            1, (f"Barber-Agakov, {self.model} by class, as fitted", self.uncalibrated[0], _range(self.uncalibrated[1]), "")
        )
        wrong = f"; {self.error_rate:.2%} wrong ({error[0]:.2%} to {error[1]:.2%})"
        limit = f"{self.fano_conservative:.3f} at that rate's upper limit"
        rows.append((f"Fano, from the error rate of the {self.classifier}", self.fano, limit, wrong))
        above = ", above the ceiling H(T)" if apart[0] > self.label_entropy else ""
        return [
            f"{self.path}: I(T;Y) is at least {_bits(self.bits)} bits per {self.unit} ({100 * self.confidence:g} %: "
            f"{_range(self.interval)}) of H(T) = {_bits(self.label_entropy)} bits, {len(self.classes)} classes",
            f"lower bounds on I(T;Y), bits; the first line's is that of the {self.chosen}, as validation sources chose:",
            *(f"  {what:<54}{_bits(value):>8}  ({span}){more}" for what, value, span, more in rows),
            f"no bound: H(Y) - H(Y|T), two upper bounds fitted apart: {self.entropy_bound:.2f} - "
            f"{self.conditional_entropy_bound:.2f} = {_bits(apart[0])} ({_range(apart[1])}){above}",
        ]


def _bits(value: float) -> str:
    return f"{round(value, 3) + 0.0:.3f}"  # no minus before a zero


def _range(bounds: tuple[float, float]) -> str:
    return " to ".join(map(_bits, bounds))
