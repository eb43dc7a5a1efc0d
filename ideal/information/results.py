"""What an estimate says: values by model and source, converted to bits only here."""

from dataclasses import dataclass, field, fields

import numpy as np

from ideal.density import Density
from ideal.health import Finding, lines
from ideal.information.intervals import GroupedValues
from ideal.noise.members import noise_of_record

LN2 = float(np.log(2))


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

    def to_state(self) -> dict:
        """Return the result as JSON types."""
        columns = {
            name: values and {key: getattr(values, key).tolist() for key in ("groups", "sums", "counts")}
            for name, values in (("values", self.values), ("limit", self.limit))
        }
        return vars(self) | columns | {"interval": list(self.interval)}

    @classmethod
    def from_state(cls, state: dict) -> "ModelResult":
        """Rebuild a result from `to_state`."""
        columns = {
            name: kept and GroupedValues(**{key: np.array(column) for key, column in kept.items()})
            for name, kept in (("values", state["values"]), ("limit", state.get("limit")))
        }
        return cls(**state | columns | {"interval": tuple(state["interval"])})


@dataclass(frozen=True)
class Estimate:
    """Information that measurements carry about their objects, as bounded by the best density model.

    Attributes:
        path: of the measurements.
        noise: name and figures of the noise model.
        best: the result by the models that validation chose, fold by fold.
        models: what each model fitted says.
        noise_entropy: H(Y|X), nats per measurement, average over the scored patches.
        rate: model name, information rate and its interval in nats per pixel given its causal past, or None.
        patch: (row, column), or (value,) of a vector.
        pixels: spatial positions in a measurement (values of a vector); channels are summed.
        n_train, n_validation: patches in a fold; n_test: patches scored in all; n_groups: sources scored; n_folds: folds.
        confidence: of every interval.
        objects_key: equal where two estimates with the same sources scored the same patches of the same objects.
        findings: what touches, or may touch, the number; `ideal.health`.
        seconds: wall time.
        fitted: the models, those of the first fold where there are several.

    """

    path: str
    noise: dict
    best: ModelResult
    models: dict[str, ModelResult]
    noise_entropy: float
    rate: tuple[str, float, tuple[float, float]] | None
    patch: tuple[int, ...]
    pixels: int
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

    @property
    def pixel_name(self) -> str:
        """What a bit per pixel is counted by: "pixel" of an image, "visibility" or "value" of a vector."""
        if len(self.patch) > 1:
            return "pixel"
        return "visibility" if noise_of_record(self.noise["name"]).is_complex else "value"

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
        return tuple(self.bits_per_pixel(bound) for bound in self.best.interval)

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

    def to_state(self) -> dict:
        """Return all but the fitted models as JSON types, for `from_state`."""
        state = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "fitted"}
        state["best"] = self.best.to_state()
        state["findings"] = [finding.to_record() for finding in self.findings]
        state["models"] = {name: result.to_state() for name, result in self.models.items()}
        return state

    @classmethod
    def from_state(cls, state: dict) -> "Estimate":
        """Rebuild an estimate from `to_state`, without its fitted models."""
        models = {name: ModelResult.from_state(kept) for name, kept in state["models"].items()}
        best = ModelResult.from_state(state["best"])
        rate = state["rate"] and (state["rate"][0], state["rate"][1], tuple(state["rate"][2]))
        findings = tuple(map(Finding.from_record, state["findings"]))
        return cls(**state | {"models": models, "best": best, "rate": rate, "patch": tuple(state["patch"]), "findings": findings})


@dataclass(frozen=True)
class Comparison:
    """Difference of two estimates, a less b, in bits per pixel; paired where both saw the same objects."""

    a: str
    b: str
    difference_bits_per_pixel: float
    interval: tuple[float, float]
    paired: bool

    def to_dict(self) -> dict:
        """Return the comparison as in the JSON of `ideal estimate`."""
        return {
            "a": self.a,
            "b": self.b,
            "difference_bits_per_pixel": self.difference_bits_per_pixel,
            "interval": list(self.interval),
            "paired": self.paired,
        }
