"""What a run that designs has found: parameters, figures, tables and drawings, in memory or on disk."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ideal import records
from ideal.errors import DataError
from ideal.imaging import Params
from ideal.imaging.configuration import save_design
from ideal.optimize.design import Optimum
from ideal.optimize.runs import tables
from ideal.optimize.runs.designs.record import FORMAT, FORMAT_VERSION
from ideal.optimize.runs.result import RunResult
from ideal.runs import lock
from ideal.runs.folder import RunFolder
from ideal.runs.read import DESIGN
from ideal.tables import Table, to_frame

if TYPE_CHECKING:
    import pandas

    from ideal.optimize.runs.plans import DesignPlan
    from ideal.plots.theme import Figure

_SHOWN = 3  # designs by which a measurement is shown


@dataclass(frozen=True, eq=False)
class Work:
    """What a result in memory knows beyond its record.

    Attributes:
        plan: of the run.
        found: by the ascent.
        designs: parameters of all that was measured, by name.
        folder: of the run; None where it has none.

    """

    plan: "DesignPlan"
    found: Optimum
    designs: Mapping[str, Params]
    folder: RunFolder | None


@dataclass(frozen=True, eq=False, repr=False)
class DesignResult(RunResult):
    """A design, and what it is worth.

    Attributes:
        record: all figures as JSON types; `comparison`, `gain` and tables read it.
        params: the design.
        work: what it was made with; None for a result that was read from a record.

    """

    noun = "design"
    kind = DESIGN

    record: dict[str, Any]
    params: Params
    work: Work | None = None

    @property
    def gain(self) -> dict[str, float]:
        """The objective for held-out objects: of the start, after the ascent, and after exchanges ("search")."""
        return self.record["gain"]

    @property
    def history(self) -> list[dict[str, Any]]:
        """Records of the ascent: step, seconds and gains; empty where it is not known."""
        if self.work is not None:
            return self.work.found.climb.history
        return self.record.get("history", [])

    @property
    def parts(self) -> list[str | Table]:
        """What a terminal says of the result: texts and tables."""
        return tables.design_parts(self.record)

    def table(self) -> Table:
        """Return the re-measured information of each design."""
        return tables.measured_table(self.record)

    def to_frame(self) -> "pandas.DataFrame":
        """Return what was measured of each design, a row each, as a data frame of pandas.

        Raises:
            UsageError: pandas is not installed.

        """
        return to_frame([_flat(row) for row in self.comparison], index="name")

    def to_record(self) -> dict[str, Any]:
        """Return all but the drawings as JSON types; `from_record` reads it."""
        params = {name: np.asarray(value).tolist() for name, value in self.params.items()}
        return records.finite({**self.record, "params": params, "history": self.history})

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return the result that a record tells of: of `to_record`, or run.json of a folder.

        Raises:
            DataError: it is no such record, or one of a later version; or its parameters are too many to stand in run.json.

        """
        records.check_format(record, FORMAT, FORMAT_VERSION)
        try:
            params = record.get("params") or record["design"]
            _ = record["designs"][0]["information_bits_per_pixel"], record["gain"]["start"], record["warnings"]
        except (KeyError, IndexError, TypeError) as error:
            raise DataError(f"this is no record of a design ({error!r})") from error
        if any(isinstance(each, str) for each in params.values()):
            raise DataError("the parameters of this design are in design.h5 of its folder: ideal.imaging.load_design reads them")
        return cls(dict(record), {name: np.asarray(value, np.float32) for name, value in params.items()})

    def _settle(self, folder: RunFolder) -> None:
        folder.settle(self.history)

    def _write(self, folder: RunFolder) -> None:
        from ideal.plots import designs

        assert self.work is not None  # a result of a record has no folder to write, and `save` refuses it
        path, keeping, recipe = folder.path, folder.keeping, self.work.plan.recipe
        with keeping.attempt(path / "design.h5", "the design"):
            self._write_design(path / "design.h5")
        if recipe.whole:
            with keeping.attempt(path / "design.toml", "the configuration"):
                recipe.write_design(path / "design.toml")
        with keeping.attempt(path, "figures"):
            designs.draw_all(self._figures(), path, keeping)
        folder.finish(self.record)
        lock.release(path)

    def _write_design(self, path: Path) -> None:
        assert self.work is not None  # as above
        record = self.record
        save_design(path, self.work.plan.system, self.params, target=record["target"], objective=record["objective"])

    def _figures(self) -> "dict[str, Callable[[], Figure]]":
        """Return what draws each figure, by name; those of the system only where it is known."""
        from ideal.plots import designs

        figures = designs.figures_of_record(self.record, self.history)
        if self.work is not None:
            system, found = self.work.plan.system, self.work.found
            figures |= {
                "before": partial(designs.design_figure, system, found.begun),
                "after": partial(designs.design_figure, system, self.params),
                "measurements": self._measurements,
            }
        return figures

    def _measurements(self) -> "Figure":
        from ideal.plots.measurements import measurement_figure

        assert self.work is not None  # without it this figure is not offered
        plan, titles = self.work.plan, {row["name"]: tables.shown_name(row) for row in self.comparison}
        some = list(self.work.designs.items())[:_SHOWN]
        panels = {titles[name]: plan.measure(params, name, 1) for name, params in some}
        return measurement_figure(panels, plan.simulation.exposed(plan.division.measure.scenes[:1])[0])

    def _repr_html_(self) -> str:
        from ideal.reports.sections.designs import design_fragment

        return design_fragment(self.record)


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was measured of a design without tables in it."""
    low, high = row["interval"]
    below, above = row["difference_interval"] or (None, None)
    nested = ("interval", "difference_interval", "targets", "warnings", "filters", "label_interval")
    flat = {key: value for key, value in row.items() if key not in nested}
    flat |= {"interval_low": low, "interval_high": high, "difference_low": below, "difference_high": above}
    return flat | {f"target_{name}": value for name, value in row["targets"].items()}
