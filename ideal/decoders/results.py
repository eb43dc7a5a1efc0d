"""What decoding says: how good the estimates of test scenes are, with intervals over sources, and a few of them to look at."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ideal.decoders._contract import FittedDecoder
from ideal.errors import UsageError
from ideal.health import Finding
from ideal.information.intervals import GroupedValues, interval, paired_difference
from ideal.records import bounds_of, check_format, finite
from ideal.tables import Cell, Column, Table, interval_cell, to_frame
from ideal.text import digits_for, exact_percent, interval_text, number

if TYPE_CHECKING:
    import pandas

    from ideal.plots.theme import Figure
    from ideal.runs.read import Run

FORMAT, FORMAT_VERSION = "ideal-decoding", 1
QUALITIES = {
    "psnr": "peak signal-to-noise ratio",
    "mse": "mean square error",
    "ssim": "structural similarity",
}


@dataclass(frozen=True)
class Quality:
    """One measure of how good estimates are: the average over test scenes, with its interval.

    Attributes:
        unit: of the measure; "" for none.
        values: of the estimates, by source.
        interval: confidence interval of their average, by resampling sources; infinite where there are too few of them.
        without: the same measure of the mean training scene, which needs no measurement.

    """

    unit: str
    values: GroupedValues
    interval: tuple[float, float]
    without: float

    @classmethod
    def of(cls, values: np.ndarray, without: np.ndarray, groups: np.ndarray, unit: str, *, confidence: float, seed: int) -> Self:
        """Return the measure of test scenes.

        Args:
            values: of each estimate, (sample,).
            without: of the mean training scene in its place, (sample,).
            groups: number of the source of each scene, (sample,).
            unit: of the measure.
            confidence: of the interval.
            seed: of the resampling.

        """
        grouped = GroupedValues.of(np.asarray(values, np.float64), groups)
        bounds = interval(grouped, confidence, np.random.default_rng([seed, 6]))
        return cls(unit, grouped, (float(bounds[0]), float(bounds[1])), float(np.mean(without)))

    @property
    def value(self) -> float:
        """The average over test scenes."""
        return self.values.mean

    def to_record(self) -> dict[str, Any]:
        """Return the measure as JSON types; None stands for numbers that are not finite."""
        return finite(
            {
                "unit": self.unit,
                "value": self.value,
                "interval": list(self.interval),
                "without": self.without,
                "values": self.values.to_record(),
            }
        )

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Rebuild a measure from `to_record`."""
        values = GroupedValues.from_record(record["values"])
        return cls(record["unit"], values, bounds_of(record["interval"]), record["without"])


@dataclass(frozen=True)
class Pictures:
    """A test scene, what was measured of it, and its estimate.

    Attributes:
        scene: exposed, of the shape of a scene.
        measurement: of it.
        estimate: of its `region`.

    """

    scene: np.ndarray
    measurement: np.ndarray
    estimate: np.ndarray


@dataclass(frozen=True, repr=False)
class Decoding:
    """How good a decoder's estimates are, for scenes of other sources than those that it learned from.

    It shows itself: in a terminal and in a notebook with its numbers and intervals; `plot` draws scenes beside their estimates.

    Attributes:
        system, design, objects, decoder: names.
        system_settings, objects_settings, decoder_settings: settings of each by name.
        noise: name and figures of the noise.
        photons: mean photoelectrons of an unfiltered pixel; None where light is not counted so.
        exposure: what objects were multiplied by.
        scene_kind: of the scenes, see `ideal.imaging.Scene`.
        unit: of scenes and estimates.
        measurement_unit: of measurements.
        peak: what counts as the largest value for the peak signal-to-noise ratio and the structural similarity, in `unit`.
        region: first and last (exclusive) place along each axis of the part of a scene that is estimated; empty for all of it.
        quality: measures by name: psnr (dB), mse (`unit` squared) and ssim (of light and skies, 11 x 11 pixels or more).
        choices: what validation scenes chose in each fold.
        count: objects that were simulated.
        n_train, n_validation: in a fold; n_test: scored in all; n_groups: sources scored; n_folds: folds.
        seed: of objects, noise, division and training.
        confidence: of every interval.
        findings: what is odd about the light, the noise or the system.
        notes: what a decoder says of its fit where the estimates suffer from it.
        seconds: wall time.
        fitted: the decoder of the first fold, for other measurements; None where the result was read from a record.
        pictures: some test scenes; empty where the result was read from a record.

    """

    system: str
    design: str
    objects: str
    decoder: str
    system_settings: Mapping[str, Any]
    objects_settings: Mapping[str, Any]
    decoder_settings: Mapping[str, Any]
    noise: Mapping[str, Any]
    photons: float | None
    exposure: float
    scene_kind: str
    unit: str
    measurement_unit: str
    peak: float
    region: tuple[tuple[int, int], ...]
    quality: Mapping[str, Quality]
    choices: tuple[Mapping[str, float], ...]
    count: int
    n_train: int
    n_validation: int
    n_test: int
    n_groups: int
    n_folds: int
    seed: int
    confidence: float
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    seconds: float
    fitted: FittedDecoder | None = field(default=None, repr=False, compare=False)
    pictures: tuple[Pictures, ...] = field(default=(), repr=False, compare=False)

    def __repr__(self) -> str:
        return "\n".join([self.title, self.table().to_text().rstrip(), *self.facts])

    def _repr_html_(self) -> str:
        from ideal.reports.content import Headline, Note
        from ideal.reports.html import fragment

        first = self.quality["psnr"]
        digits = digits_for([first.value])
        what = f"{QUALITIES['psnr']}, {self.decoder} of {self.objects} through {self.system}"
        bounds = interval_text(first.interval, self.confidence, digits)
        notes = [Note(self.warnings, "warning", "Warnings")] if self.warnings else []
        headline = Headline([(number(first.value, digits), first.unit, what, bounds)])
        return fragment([headline, self.table(), Note(self.facts), *notes])

    @property
    def psnr(self) -> Quality:
        """Peak signal-to-noise ratio, dB."""
        return self.quality["psnr"]

    @property
    def mse(self) -> Quality:
        """Mean square error, in `unit` squared."""
        return self.quality["mse"]

    @property
    def ssim(self) -> Quality | None:
        """Structural similarity, 1 for equal images; None where scenes are no images of light that are large enough."""
        return self.quality.get("ssim")

    @property
    def warnings(self) -> list[str]:
        """One line for each of `findings` and `notes`."""
        return [*(each.line for each in self.findings), *self.notes]

    def decode(self, measurements: np.ndarray) -> np.ndarray:
        """Return estimates of scenes from other measurements of the same system in the same light; see `FittedDecoder.decode`.

        Raises:
            UsageError: the result was read from a record.

        """
        if self.fitted is None:
            raise UsageError("this result was read from a record, which has no decoder: make it again (ideal.decode)")
        return self.fitted.decode(measurements)

    def difference(self, other: "Decoding", quality: str = "psnr") -> tuple[float, tuple[float, float]]:
        """Return this quality less the other's and its confidence interval, resampled together by the sources of the scenes.

        Args:
            other: of the same objects, seed and count, so that both were scored on the same scenes.
            quality: "psnr", "mse" or "ssim".

        Raises:
            UsageError: the scenes differ, or one has no such quality.

        """
        both = [each.quality.get(quality) for each in (self, other)]
        if both[0] is None or both[1] is None:
            raise UsageError(f"there is no quality {quality!r} of both; of one there are: {', '.join(self.quality)}")
        a, b = both[0].values, both[1].values
        same = np.array_equal(a.groups, b.groups) and np.array_equal(a.counts, b.counts)
        if not same or (self.objects, self.objects_settings, self.seed) != (other.objects, other.objects_settings, other.seed):
            raise UsageError("the results are of other scenes: decode the same objects with the same seed and count")
        found, (low, high) = paired_difference(a, b, self.confidence, np.random.default_rng([self.seed, 6]))
        return found, (float(low), float(high))

    @property
    def title(self) -> str:
        """What was decoded, in a line."""
        design = f", design {self.design}" if self.design else ""
        light = "" if self.photons is None else f" at {self.photons:g} photoelectrons"
        return f"{self.objects} through {self.system}{design}, {self.noise['name']} noise{light}: decoder {self.decoder}"

    def table(self) -> Table:
        """Return the measures of quality with their intervals, and those of the mean training scene beside them."""
        columns = [
            Column("quality", "text"),
            Column("value", "number"),
            Column(f"{exact_percent(self.confidence)} interval", "interval"),
            Column("without measurements", "number"),
            Column("unit", "text"),
        ]
        rows: list[list[str | Cell]] = []
        for name, each in self.quality.items():
            digits = digits_for([each.value])
            bounds = interval_cell(each.interval, digits)
            rows.append([QUALITIES.get(name, name), number(each.value, digits), bounds, number(each.without, digits), each.unit])
        return Table("How good the estimates of test scenes are.", columns, rows, strong=frozenset({0}))

    @property
    def facts(self) -> list[str]:
        """How the numbers came about: objects, sources, the part that is estimated, and what validation chose."""
        folds = f" in {self.n_folds} folds" if self.n_folds > 1 else ""
        found = [
            f"{self.n_train} objects to learn from, {self.n_validation} to choose by, {self.n_test} scored{folds}; "
            f"{self.n_groups} sources; peak {self.peak:.4g} {self.unit}"
        ]
        if self.region:
            where = " and ".join(f"{start} to {stop}" for start, stop in self.region)
            found.append(f"estimated: places {where} of the axes of a scene")
        chosen = dict.fromkeys(", ".join(f"{name} {value:.4g}" for name, value in each.items()) for each in self.choices if each)
        if chosen:
            found.append("by validation: " + "; ".join(text.replace("_", " ") for text in chosen))
        return found

    def plot(self) -> "Figure":
        """Draw test scenes beside their measurements and their estimates.

        Raises:
            UsageError: the result has no pictures, since none were asked for or it was read from a record.

        """
        if not self.pictures:
            raise UsageError("this result has no pictures, as none that was read from a record: make it again (ideal.decode)")
        from ideal.plots.decoded import draw_decoding

        return draw_decoding(self)

    def to_run(self) -> "Run":
        """Return the result as a report tells of it."""
        from datetime import datetime

        from ideal.plots.theme import picture_of
        from ideal.runs.key import versions
        from ideal.runs.read import DECODING, Run

        figures = {"decoding.png": picture_of(self.plot())} if self.pictures else {}
        record = self.to_record() | {"versions": versions()}
        return Run(None, DECODING, record, "finished", datetime.now().date().isoformat(), figures)

    def to_frame(self) -> "pandas.DataFrame":
        """Return the measures of quality as a data frame, a row each.

        Raises:
            UsageError: pandas is not installed.

        """
        rows = [
            {
                "quality": name,
                "value": each.value,
                "low": each.interval[0],
                "high": each.interval[1],
                "without": each.without,
                "unit": each.unit,
                "decoder": self.decoder,
            }
            for name, each in self.quality.items()
        ]
        return to_frame(rows, "quality")

    def to_record(self) -> dict[str, Any]:
        """Return all but the decoder and the pictures as strict JSON types, for `from_record`."""
        record = {item.name: getattr(self, item.name) for item in fields(self) if item.name not in ("fitted", "pictures")}
        record["quality"] = {name: each.to_record() for name, each in self.quality.items()}
        record["findings"] = [each.to_record() for each in self.findings]
        record["choices"] = [dict(each) for each in self.choices]
        return finite({"format": FORMAT, "format_version": FORMAT_VERSION} | plain(record))

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Decoding":
        """Rebuild a result from `to_record`, without its decoder and its pictures.

        Raises:
            DataError: the record is of something else, or of a later version.

        """
        check_format(record, FORMAT, FORMAT_VERSION)
        names = {item.name for item in fields(cls)}
        state = {name: value for name, value in record.items() if name in names}
        state["quality"] = {name: Quality.from_record(each) for name, each in state["quality"].items()}
        state["findings"] = tuple(map(Finding.from_record, state["findings"]))
        state["choices"], state["notes"] = tuple(state["choices"]), tuple(state["notes"])
        state["region"] = tuple(tuple(each) for each in state["region"])
        return cls(**state)


def plain(value: Any) -> Any:
    """Return a value of mappings, sequences and numbers as JSON types: arrays and tuples become lists."""
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return value
