"""What an estimate says: values by model and source, converted to bits only here."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from ideal.density import Density
from ideal.health import Finding, lines
from ideal.information.intervals import GroupedValues
from ideal.information.quantity import Information
from ideal.information.tables import pixel_name
from ideal.records import bounds_of, check_format, finite
from ideal.tables import Table, to_frame

if TYPE_CHECKING:
    import pandas

    from ideal.plots.theme import Figure

LN2 = float(np.log(2))
ESTIMATE_FORMAT, COMPARISON_FORMAT, FORMAT_VERSION = "ideal-estimate", "ideal-comparison", 1


@dataclass(frozen=True)
class Example:
    """One of the measurements, for pictures.

    Attributes:
        values: (row, column[, channel]), (value,), or complex (visibility,); every other one where there are very many.
        units: of them.

    """

    values: np.ndarray
    units: str


@dataclass(frozen=True)
class ModelResult:
    """What one density model says. Information in nats per measurement, by source; see `Estimate.bits_per_pixel`.

    Attributes:
        name: of the model; several joined by "/" where folds differ.
        values: information by source.
        interval: confidence interval of its average; it reaches down to that of `limit`.
        validation_loss: average loss on validation sources.
        seconds: wall time.
        limit: what `values` are expected to become with ever more training sources; None where that was not measured.

    """

    name: str
    values: GroupedValues
    interval: tuple[float, float]
    validation_loss: float
    seconds: float
    limit: GroupedValues | None = None

    def to_record(self) -> dict[str, Any]:
        """Return the result as JSON types; None stands for numbers that are not finite."""
        columns = {name: values and values.to_record() for name, values in (("values", self.values), ("limit", self.limit))}
        return finite(vars(self) | columns | {"interval": list(self.interval)})

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "ModelResult":
        """Rebuild a result from `to_record`."""
        loss = record["validation_loss"]
        return cls(
            **{
                **record,
                "values": GroupedValues.from_record(record["values"]),
                "limit": record.get("limit") and GroupedValues.from_record(record["limit"]),
                "interval": bounds_of(record["interval"]),
                "validation_loss": float("nan") if loss is None else loss,
            }
        )


@dataclass(frozen=True, repr=False)
class Estimate:
    """Information that measurements carry about their objects, as bounded by the best density model.

    It shows itself: in a terminal as a line, in a notebook with its interval, its models and its warnings; `plot` draws it.

    Attributes:
        path: of the measurements.
        noise: name and figures of the noise model.
        best: the result by the models that validation chose, fold by fold.
        models: what each model fitted says.
        noise_entropy: H(Y|X), nats per measurement, average over the scored patches.
        rate: model name, information rate and its interval in nats per pixel given its causal past, or None.
        patch: (row, column), or (value,) of a vector.
        pixels: spatial positions in a measurement (values of a vector); channels are summed. Where bad pixels do not count, the
            average number of those that do.
        n_train, n_validation: patches in a fold; n_test: patches scored in all; n_groups: sources scored; n_folds: folds.
        confidence: of every interval.
        objects_key: equal where two estimates with the same sources scored the same patches of the same objects.
        findings: what touches, or may touch, the number; `ideal.health`.
        seconds: wall time.
        fitted: the models, those of the first fold where there are several.
        example: one of the measurements, for pictures; None where the estimate was read from a record.

    """

    path: str
    noise: dict
    best: ModelResult
    models: dict[str, ModelResult]
    noise_entropy: float
    rate: tuple[str, float, tuple[float, float]] | None
    patch: tuple[int, ...]
    pixels: float
    n_train: int
    n_validation: int
    n_test: int
    n_groups: int
    n_folds: int
    confidence: float
    objects_key: str
    findings: tuple[Finding, ...]
    seconds: float
    fitted: dict[str, Density] = field(repr=False, default_factory=dict)
    example: Example | None = field(repr=False, compare=False, default=None)

    def __repr__(self) -> str:
        return f"Estimate({self.path}: at most {self.information}, by {self.model})"

    def _repr_html_(self) -> str:
        from ideal.reports.shown import shown_estimates

        return shown_estimates([self.to_dict()])

    @property
    def information(self) -> Information:
        """The estimate with its interval and its unit: an upper bound, bits per pixel, visibility or value."""
        return Information(self.information_bits_per_pixel, self.interval, f"bits/{self.pixel_name}", self.confidence)

    @property
    def pixel_name(self) -> str:
        """What a bit per pixel is counted by: "pixel" of an image, "visibility" or "value" of a vector."""
        return pixel_name({"patch": self.patch, "noise": self.noise})

    @property
    def model(self) -> str:
        """Name of the model that validation chose; several joined by "/" where folds differ."""
        return self.best.name

    def bits_per_pixel(self, nats_per_measurement: float) -> float:
        """Convert nats per measurement to bits per pixel."""
        return nats_per_measurement / (LN2 * self.pixels)

    @property
    def information_bits_per_pixel(self) -> float:
        """The estimate."""
        return self.bits_per_pixel(self.best.values.mean)

    @property
    def interval(self) -> tuple[float, float]:
        """The confidence interval of the estimate, bits per pixel."""
        low, high = self.best.interval
        return self.bits_per_pixel(low), self.bits_per_pixel(high)

    @property
    def warnings(self) -> list[str]:
        """One line for each of `findings`."""
        return lines(self.findings, self.path)

    def to_dict(self) -> dict:
        """Return the result as in the JSON of `ideal estimate`, timings included."""
        information = self.best.values.mean
        document = {
            "path": self.path,
            "noise": self.noise,
            "model": self.model,
            "information_bits_per_pixel": self.information_bits_per_pixel,
            "interval": list(self.interval),
            "confidence": self.confidence,
            "information_bits_per_measurement": information / LN2,
            "entropy_bits_per_pixel": self.bits_per_pixel(information + self.noise_entropy),
            "noise_entropy_bits_per_pixel": self.bits_per_pixel(self.noise_entropy),
            "information_rate": None,
            "models": {
                name: {
                    "information_bits_per_pixel": self.bits_per_pixel(result.values.mean),
                    "interval": [self.bits_per_pixel(bound) for bound in result.interval],
                    "seconds": result.seconds,
                }
                for name, result in self.models.items()
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
        if self.rate is not None:
            name, value, bounds = self.rate
            document["information_rate"] = {
                "model": name,
                "bits_per_pixel": value / LN2,
                "interval": [bound / LN2 for bound in bounds],
            }
        return document

    def table(self, digits: int | None = None) -> Table:
        """Return what each density model says.

        Args:
            digits: after the point; None for as many as the numbers need.

        """
        from ideal.information.tables import models_table

        return models_table(self.to_dict(), digits)

    def to_frame(self) -> "pandas.DataFrame":
        """Return what each density model says as a data frame, a row a model.

        Raises:
            UsageError: pandas is not installed.

        """
        rows = [
            {
                "model": name,
                "information": self.bits_per_pixel(each.values.mean),
                "low": self.bits_per_pixel(each.interval[0]),
                "high": self.bits_per_pixel(each.interval[1]),
                "unit": self.information.unit,
                "chosen": name in self.model.split("/"),
                "seconds": each.seconds,
            }
            for name, each in self.models.items()
        ]
        return to_frame(rows, "model")

    def plot(self) -> "Figure":
        """Draw one of the measurements beside the information: the chosen model with its interval, and the other models."""
        from ideal.plots.estimates import draw_estimates

        return draw_estimates([self])

    def to_record(self) -> dict[str, Any]:
        """Return all but the fitted models and the example as strict JSON types, for `from_record`."""
        left_out = ("fitted", "example")
        record = {item.name: getattr(self, item.name) for item in fields(self) if item.name not in left_out}
        record["best"] = self.best.to_record()
        record["findings"] = [finding.to_record() for finding in self.findings]
        record["models"] = {name: result.to_record() for name, result in self.models.items()}
        return finite({"format": ESTIMATE_FORMAT, "format_version": FORMAT_VERSION} | record)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Estimate":
        """Rebuild an estimate from `to_record`, without its fitted models.

        Raises:
            DataError: the record is of something else, or of a later version.

        """
        check_format(record, ESTIMATE_FORMAT, FORMAT_VERSION)
        state = {name: value for name, value in record.items() if name not in ("format", "format_version")}
        models = {name: ModelResult.from_record(kept) for name, kept in state["models"].items()}
        best = ModelResult.from_record(state["best"])
        rate = state["rate"] and (state["rate"][0], state["rate"][1], bounds_of(state["rate"][2]))
        findings = tuple(map(Finding.from_record, state["findings"]))
        return cls(**state | {"models": models, "best": best, "rate": rate, "patch": tuple(state["patch"]), "findings": findings})


@dataclass(frozen=True, repr=False)
class Comparison:
    """Difference of two estimates, a less b, in bits per pixel; paired where both saw the same objects.

    Attributes:
        a, b: what the estimates are of.
        difference_bits_per_pixel: a less b.
        interval: confidence interval of the difference, bits per pixel.
        paired: whether both saw the same objects, so that the difference is resampled by source.
        unit: as "bits/pixel".
        confidence: of the interval, between 0 and 1.

    """

    a: str
    b: str
    difference_bits_per_pixel: float
    interval: tuple[float, float]
    paired: bool
    unit: str = "bits/pixel"
    confidence: float = 0.95

    def __repr__(self) -> str:
        return f"Comparison({self.a} - {self.b}: {self.difference}, {'paired' if self.paired else 'unpaired'})"

    def _repr_html_(self) -> str:
        from ideal.reports.content import Headline
        from ideal.reports.html import fragment
        from ideal.text import digits_for, interval_text, number

        digits = digits_for([self.difference_bits_per_pixel])
        bounds = interval_text(self.interval, self.confidence, digits)
        what = f"{self.a} over {self.b}, {'paired by source' if self.paired else 'unpaired'}"
        return fragment([Headline([(number(self.difference_bits_per_pixel, digits, "+"), self.unit, what, bounds)])])

    @property
    def difference(self) -> Information:
        """The difference with its interval and its unit."""
        return Information(self.difference_bits_per_pixel, self.interval, self.unit, self.confidence)

    def plot(self) -> "Figure":
        """Draw the difference with its interval beside zero."""
        from ideal.plots.estimates import draw_differences

        return draw_differences([self])

    def to_frame(self) -> "pandas.DataFrame":
        """Return the difference as a data frame of one row.

        Raises:
            UsageError: pandas is not installed.

        """
        return to_frame([self._row()])

    def _row(self) -> dict[str, Any]:
        low, high = self.interval
        ends = {"difference": self.difference_bits_per_pixel, "low": low, "high": high}
        return {"a": self.a, "b": self.b, **ends, "unit": self.unit, "paired": self.paired}

    def to_dict(self) -> dict:
        """Return the comparison as in the JSON of `ideal estimate`."""
        return {
            "a": self.a,
            "b": self.b,
            "difference_bits_per_pixel": self.difference_bits_per_pixel,
            "interval": list(self.interval),
            "paired": self.paired,
        }

    def to_record(self) -> dict[str, Any]:
        """Return the comparison as strict JSON types, for `from_record`."""
        more = {"unit": self.unit, "confidence": self.confidence}
        return finite({"format": COMPARISON_FORMAT, "format_version": FORMAT_VERSION} | self.to_dict() | more)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Comparison":
        """Rebuild a comparison from `to_record`, or from the JSON of `ideal estimate`.

        Raises:
            DataError: the record is of something else, or of a later version.

        """
        check_format(record, COMPARISON_FORMAT, FORMAT_VERSION)
        state = {name: value for name, value in record.items() if name not in ("format", "format_version")}
        return cls(**state | {"interval": bounds_of(record["interval"])})
