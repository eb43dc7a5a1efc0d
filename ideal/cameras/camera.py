"""A camera as its calibration knows it: numbers with intervals, maps, and the noise that they make."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ideal import noise as noises
from ideal.cameras.quantity import FORMAT, FORMAT_VERSION, KINDS, TERMS, Quantity
from ideal.errors import DataError, UsageError
from ideal.noise import NoiseModel, PoissonGaussian
from ideal.records import check_format, finite
from ideal.tables import Cell, Column, Table, interval_cell, to_frame
from ideal.text import exact_percent, number

if TYPE_CHECKING:
    import pandas

    from ideal.plots.theme import Figure
    from ideal.runs.read import Run

_LEAST_READ_NOISE = 0.01  # electrons: a camera has some
_SHARED = 0.25  # lowest end of an interval over its value from which on noise of rows or columns is there
_INVERSE = 0.15  # difference of logarithms up to which two gains are taken for each other's inverse


@dataclass(frozen=True, eq=False, repr=False)
class Camera:
    """A camera that was calibrated: its figures with intervals in the terms of EMVA 1288, its maps, its noise.

    Each quantity is an attribute too, as `camera.gain`; `float(camera.gain)` is its number. A camera shows itself: in a terminal
    and a notebook as a table, with `plot` as the photon transfer or a map.

    Attributes:
        shape: of a frame, (row, column).
        quantities: what was measured, by the names of `ideal.cameras.quantity.TERMS`.
        maps: offset (DN), gain (e-/DN), read_noise (e-), dark_current (e-/s), float32 (row, column), those that are better than a
            number; and bad_pixels, uint8: 0 for good ones, else a sum of 1 hot, 2 dead, 4 noisy.
        levels: points of the photon transfer: kind, mean above the dark (DN), variance (DN^2), error, frames, exposure, used.
        notes: what else a user should know, and why numbers stand where maps could.
        frames: how many frames of each kind it comes from.
        confidence: of the intervals.
        integer: whether the camera gives whole numbers.
        floor: DN at which the dark is cut off; None where it is not.
        ceiling: DN at which the converter cuts off what lies above; None where no frame has shown it.
        transfer: slope (DN/e-) and intercept (DN^2) of the photon transfer; None without one.

    """

    shape: tuple[int, int]
    quantities: Mapping[str, Quantity]
    maps: Mapping[str, np.ndarray] = field(default_factory=dict)
    levels: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    frames: Mapping[str, int] = field(default_factory=dict)
    confidence: float = 0.95
    integer: bool = True
    floor: float | None = None
    ceiling: float | None = None
    transfer: Mapping[str, float] | None = None

    def __getattr__(self, name: str) -> Quantity:
        """Return a quantity by its name.

        Raises:
            AttributeError: the calibration does not tell it, or there is none of this name.

        """
        if name in TERMS:
            found = self.__dict__.get("quantities", {}).get(name)
            if found is not None:
                return found
            raise AttributeError(f"the calibration does not tell {name}: {TERMS[name].summary}")
        raise AttributeError(f"a Camera has no attribute {name!r}")

    def __dir__(self):
        return [*super().__dir__(), *self.quantities]

    def value(self, name: str, default: float = math.nan) -> float:
        """Return the number of a quantity, or `default` where the calibration does not tell it."""
        return float(self.quantities[name]) if name in self.quantities else default

    @property
    def bad_pixels(self) -> dict[str, int]:
        """How many pixels are bad, by kind; a pixel may be of several."""
        kinds = self.maps.get("bad_pixels")
        return {name: 0 if kinds is None else int(((kinds & bit) > 0).sum()) for bit, name in KINDS.items()}

    @property
    def bad(self) -> np.ndarray:
        """Which pixels are bad, bool (row, column)."""
        kinds = self.maps.get("bad_pixels")
        return np.zeros(self.shape, bool) if kinds is None else kinds > 0

    def at(self, exposure: float) -> "Camera":
        """Return the camera at an exposure: the dark current adds to its offset and to its noise.

        Args:
            exposure: seconds.

        Raises:
            UsageError: the dark current is not known, or the exposure is no number of seconds.

        """
        if not (exposure >= 0 and math.isfinite(exposure)):
            raise UsageError(f"an exposure is a number of seconds, 0 or more; found {exposure:g}")
        if "dark_current" not in self.quantities:
            raise UsageError("the dark current is not known: calibrate with dark frames of several exposures (exposures)")
        gain, light = self.value("gain"), self.value("dark_current") * exposure
        quantities, maps = dict(self.quantities), dict(self.maps)
        quantities["offset"] = _moved(self.offset, light / gain)
        for name in ("read_noise", "temporal_dark_noise"):
            if name in quantities:
                quantities[name] = _widened(quantities[name], max(light, 0.0))
        current = maps.pop("dark_current", None)
        if "offset" in maps or current is not None:
            base = maps.get("offset", np.full(self.shape, self.value("offset"), np.float32))
            more = light if current is None else current * exposure
            maps["offset"] = (base + more / gain).astype(np.float32)
        if "read_noise" in maps:
            more = np.maximum(light if current is None else current * exposure, 0.0)
            maps["read_noise"] = np.sqrt(maps["read_noise"] ** 2 + more).astype(np.float32)
        return replace(self, quantities=quantities, maps=maps)

    # The noise.

    def noise(self, *, maps: bool = True) -> NoiseModel:
        """Return the noise of the camera's measurements.

        Args:
            maps: whether each pixel has figures of its own where the calibration tells them, rows and columns their noise, and
                bad pixels none; without, and where nothing differs from pixel to pixel, numbers stand for all.

        Raises:
            UsageError: offset or read noise is not known.

        """
        for name in ("offset", "read_noise"):
            if name not in self.quantities:
                raise UsageError(f"the calibration does not tell the {TERMS[name].summary}: add dark frames (--dark), 16 or more")
        model = getattr(noises, "CameraMaps", None) if maps and self.has_maps else None
        step = max(1, round(self.value("step", 1.0)))
        if model is None:
            names = ("read_noise", "row_noise", "column_noise")
            total = math.sqrt(sum(self.value(name, 0.0) ** 2 for name in names))
            limits = {"floor": self.floor, "ceiling": self.ceiling} if self.integer else {}
            known = {name: end for name, end in limits.items() if end is not None}
            return PoissonGaussian(
                max(total, _LEAST_READ_NOISE), self.value("gain"), self.value("offset"), self.integer, step, **known
            )
        figures = {name: self.maps.get(name, self.value(name)) for name in ("gain", "offset", "read_noise")}
        figures["read_noise"] = np.maximum(figures["read_noise"], _LEAST_READ_NOISE)
        return model(
            **figures,
            row_noise=self._shared("row_noise"),
            column_noise=self._shared("column_noise"),
            bad_pixels=self.bad if self.bad.any() else None,
            floor=self.floor,
            saturation=self.ceiling,
            quantised=self.integer,
            step=step,
        )

    @property
    def has_maps(self) -> bool:
        """Whether pixels, rows or columns differ by more than numbers for all can say."""
        return bool(self.maps.keys() - {"dark_current"}) or self._shared("row_noise") > 0 or self._shared("column_noise") > 0

    @property
    def serves_maps(self) -> bool:
        """Whether `noise` gives each pixel figures of its own."""
        return self.has_maps and hasattr(noises, "CameraMaps")

    def _shared(self, name: str) -> float:
        found = self.quantities.get(name)
        return float(found) if found is not None and (found.low or 0.0) > _SHARED * found.value else 0.0

    def figures(self, *, maps: bool = True) -> dict[str, Any]:
        """Return what a measurement set needs to know: its noise, and where its values are cut off.

        Args:
            maps: as of `noise`.

        """
        limits = {"floor": self.floor, "saturation": self.ceiling}
        return {"noise": self.noise(maps=maps)} | {name: end for name, end in limits.items() if end is not None}

    def noise_for(self, shape: tuple[int, ...]) -> NoiseModel:
        """Return the noise of measurements of a shape, (row, column[, channel]): maps serve only those of the camera's own."""
        return self.noise(maps=tuple(shape) == self.shape)

    def settings(self) -> dict[str, Any]:
        """Return name and figures of the noise without maps, as a table `[noise]` has them: for sensors of any size."""
        model = self.noise(maps=False)
        return {"noise": model.name, **model.attributes()}

    def to_electrons(self, values: np.ndarray) -> np.ndarray:
        """Return stored values (..., row, column) in photoelectrons, by the maps where there are some."""
        offset, gain = (self.maps.get(name, self.value(name)) for name in ("offset", "gain"))
        return (np.asarray(values, dtype=np.float64) - offset) * gain

    def check_shape(self, shape: tuple[int, ...], where: str) -> None:
        """Refuse measurements of another size, where maps are used.

        Args:
            shape: of the measurements, (sample, row, column).
            where: opens the message.

        Raises:
            DataError: they are of another size.

        """
        if self.serves_maps and tuple(shape[1:3]) != self.shape:
            raise DataError(
                f"{where}: frames of {' x '.join(map(str, shape[1:]))} pixels, the camera was calibrated with "
                f"{self.shape[0]} x {self.shape[1]}: calibrate frames of the same region, or cut both alike"
            )

    def is_inverse(self, gain: float) -> bool:
        """Tell whether a gain is the inverse of the camera's, as DN/e- is of e-/DN."""
        own = math.log(self.value("gain"))
        return abs(math.log(gain) + own) < _INVERSE < abs(math.log(gain) - own)

    # How it shows itself.

    def table(self) -> Table:
        """Return the quantities as a table, each with its symbol in EMVA 1288."""
        columns = [
            Column("quantity"),
            Column("value", "number"),
            Column("unit"),
            Column(f"{exact_percent(self.confidence)} interval", "interval"),
            Column("EMVA 1288", spare=2),
            Column("what it is", "wide", spare=3),
        ]
        rows: list[list[str | Cell]] = [
            [
                name.replace("_", " "),
                number(each.value, each.digits),
                each.unit,
                interval_cell(each.interval, each.digits),
                each.symbol,
                each.summary,
            ]
            for name in TERMS
            if (each := self.quantities.get(name)) is not None
        ]
        return Table("Quantities of the camera", columns, rows, strong=frozenset({0}))

    def lines(self) -> list[str]:
        """Return what the table does not say: frames, maps, bad pixels, notes."""
        taken = ", ".join(f"{count} {_KINDS_OF_FRAMES[name]}" for name, count in self.frames.items())
        maps = ", ".join(name.replace("_", " ") for name in self.maps if name != "bad_pixels")
        bad = ", ".join(f"{count} {name}" for name, count in self.bad_pixels.items() if count)
        return [
            f"camera of {self.shape[0]} x {self.shape[1]} pixels, from {taken or 'a record'}",
            f"maps: {maps or 'none'}; bad pixels: {bad or 'none'}",
        ]

    def to_frame(self) -> "pandas.DataFrame":
        """Return the quantities as a data frame, a row for each.

        Raises:
            UsageError: pandas is not installed.

        """
        rows = [
            {"quantity": name, "value": each.value, "low": each.low, "high": each.high, "unit": each.unit, "symbol": each.symbol}
            for name, each in self.quantities.items()
        ]
        return to_frame(rows, "quantity")

    def plot(self, what: str = "transfer") -> "Figure":
        """Return a figure: "transfer" (the photon transfer), "maps", or "all" (both).

        Raises:
            UsageError: there is no such figure.

        """
        from ideal.plots.cameras import camera_figure

        return camera_figure(self, what)

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the camera to an HDF5 file, numbers and maps; `ideal.cameras.read_camera` reads it.

        Raises:
            UsageError: the file exists, or its name does not end in .h5.

        """
        from ideal.cameras.writer import write_camera

        write_camera(self, path, overwrite=overwrite)

    def to_run(self) -> "Run":
        """Return the camera as a report tells of it."""
        from datetime import datetime

        from ideal.plots.theme import picture_of
        from ideal.runs.key import versions
        from ideal.runs.read import CALIBRATION, Run

        figures = {"transfer.png": picture_of(self.plot())} if self.levels else {}
        if self.maps:
            figures["maps.png"] = picture_of(self.plot("maps"))
        record = self.to_record() | {"versions": versions()}
        return Run(None, CALIBRATION, record, "finished", datetime.now().date().isoformat(), figures)

    def to_record(self) -> dict[str, Any]:
        """Return all but the maps as JSON types; `maps` has their names, and `bad_pixels` how many of each kind."""
        return finite(
            {
                "format": FORMAT,
                "format_version": FORMAT_VERSION,
                "shape": list(self.shape),
                "quantities": {name: each.to_record() for name, each in self.quantities.items()},
                "maps": sorted(self.maps),
                "bad_pixels": self.bad_pixels,
                "frames": dict(self.frames),
                "confidence": self.confidence,
                "integer": self.integer,
                "floor": self.floor,
                "ceiling": self.ceiling,
                "transfer": None if self.transfer is None else dict(self.transfer),
                "levels": [dict(each) for each in self.levels],
                "notes": list(self.notes),
            }
        )

    @classmethod
    def from_record(cls, record: Mapping[str, Any], maps: Mapping[str, np.ndarray] | None = None) -> "Camera":
        """Rebuild a camera from `to_record` and its maps, which a record has not.

        Raises:
            DataError: the record is of something else, of a later version, or not whole.

        """
        check_format(record, FORMAT, FORMAT_VERSION)
        try:
            quantities = {
                name: Quantity(name, float(each["value"]), each.get("low"), each.get("high"))
                for name, each in record["quantities"].items()
                if name in TERMS
            }
            rows, columns = (int(each) for each in record["shape"])
            levels = tuple(
                {**each, **{key: math.nan for key in ("variance", "error") if each.get(key) is None}}
                for each in record.get("levels", ())
            )
            found = cls(
                (rows, columns),
                quantities,
                dict(maps or {}),
                levels,
                tuple(record.get("notes", ())),
                dict(record.get("frames", {})),
                float(record.get("confidence", 0.95)),
                bool(record.get("integer", True)),
                record.get("floor"),
                record.get("ceiling"),
                record.get("transfer"),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f"the record of a camera is not whole ({type(error).__name__}: {error})") from None
        if not found.value("gain") > 0:
            raise DataError("the record of a camera has no gain")
        for name, each in found.maps.items():
            if each.shape != found.shape:
                raise DataError(f"the map {name} has shape {each.shape}, the camera {found.shape}")
        return found

    def __repr__(self) -> str:
        lines = self.lines()
        told = [lines[0], self.table().to_text(80).rstrip(), lines[1]]
        return "\n".join([*told, *(f"note: {each}" for each in self.notes)])

    def _repr_html_(self) -> str:
        from ideal.reports.content import Note
        from ideal.reports.html import fragment

        blocks: list[Any] = [Note(self.lines(), "note", "Camera"), self.table()]
        return fragment([*blocks, *([Note(list(self.notes), "note", "Notes")] if self.notes else [])])


_KINDS_OF_FRAMES = {"dark": "dark frames", "flat": "flat fields", "repeats": "repeats of still scenes"}


def _moved(found: Quantity, by: float) -> Quantity:
    low, high = (None if end is None else end + by for end in (found.low, found.high))
    return replace(found, value=found.value + by, low=low, high=high)


def _widened(found: Quantity, by: float) -> Quantity:
    low, high = (None if end is None else math.sqrt(end**2 + by) for end in (found.low, found.high))
    return replace(found, value=math.sqrt(found.value**2 + by), low=low, high=high)
