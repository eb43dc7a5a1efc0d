"""What a run that chooses has found: the choice, every candidate's and every set's information, tables and drawings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ideal import records
from ideal._files import write_whole
from ideal.errors import DataError, UsageError
from ideal.imaging import ImagingSystem, Params
from ideal.imaging.configuration import save_design
from ideal.optimize.runs import tables
from ideal.optimize.runs.choices.record import FORMAT, FORMAT_VERSION, names_of, sets_as_csv
from ideal.optimize.runs.result import RunResult
from ideal.optimize.selection.search import Choosing, Selection
from ideal.runs import lock
from ideal.runs.folder import RunFolder
from ideal.runs.read import CHOICE
from ideal.tables import Table, to_frame

if TYPE_CHECKING:
    import pandas

    from ideal.optimize.runs.plans import ChoicePlan
    from ideal.plots.theme import Figure

_TITLED = 12  # members that a title has room to name


@dataclass(frozen=True, eq=False)
class Work:
    """What a result in memory knows beyond its record.

    Attributes:
        plan: of the run.
        task: whom there was to choose from.
        found: by every strategy.
        folder: of the run; None where it has none.

    """

    plan: "ChoicePlan"
    task: Choosing
    found: Selection
    folder: RunFolder | None


@dataclass(frozen=True, eq=False, repr=False)
class ChoiceResult(RunResult):
    """A choice of members of a system, and what it is worth beside others.

    Attributes:
        record: all figures as JSON types; the other members read it.
        work: what it was made with; None for a result that was read from a record.

    """

    noun = "choice"
    kind = CHOICE

    record: dict[str, Any]
    work: Work | None = None

    @property
    def members(self) -> tuple[str, ...]:
        """Names of the members that were chosen, without those that are kept."""
        return tuple(self.record["chosen"])

    @property
    def candidates(self) -> list[dict[str, Any]]:
        """Of each candidate: its bits beside those that are kept, the bits of the best set that has it, its cost."""
        return self.record["candidate_information"]

    @property
    def sets(self) -> list[tuple[float, tuple[str, ...]]]:
        """Bits per measurement and members of every set, the best first; empty where not all were looked at."""
        if self.work is None:
            return [(bits, tuple(names)) for bits, names in self.record.get("all_sets", [])]
        members = self.work.plan.members
        return [(bits, tuple(names_of(members, each))) for bits, each in self.work.found.sets or ()]

    @property
    def is_proven(self) -> bool:
        """Whether all sets were looked at, so that there is no better one."""
        return self.record["is_proven"]

    @property
    def strategies(self) -> list[dict[str, Any]]:
        """What every strategy chose, in the order in which they were tried."""
        return self.record["strategies"]

    @property
    def system(self) -> ImagingSystem:
        """The system that is left to build, with the members that were chosen or kept.

        Raises:
            UsageError: the result was read from a record.

        """
        return self._built()[0]

    @property
    def params(self) -> Params:
        """Its parameters."""
        return self._built()[1]

    @property
    def parts(self) -> list[str | Table]:
        """What a terminal says of the result: texts and tables."""
        return tables.choice_parts(self.record)

    def table(self) -> Table:
        """Return the re-measured information of the choice and of other sets."""
        return tables.choice_table(self.record)

    def to_frame(self) -> "pandas.DataFrame":
        """Return what each candidate brings, a row each, as a data frame of pandas.

        Raises:
            UsageError: pandas is not installed.

        """
        return to_frame(self.candidates, index="name")

    def to_record(self) -> dict[str, Any]:
        """Return all but the drawings as JSON types; `from_record` reads it."""
        return records.finite({**self.record, "all_sets": [[bits, list(names)] for bits, names in self.sets]})

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return the result that a record tells of: of `to_record`, or run.json of a folder.

        Raises:
            DataError: it is no such record, or one of another version.

        """
        records.check_format(record, FORMAT, FORMAT_VERSION)
        missing = [name for name in ("chosen", "candidate_information", "is_proven", "designs", "warnings") if name not in record]
        if missing:
            raise DataError(f"this is no record of a choice, or one of an earlier version: it lacks {', '.join(missing)}")
        return cls(dict(record))

    def _write(self, folder: RunFolder) -> None:
        from ideal.plots.designs import draw_all

        assert self.work is not None  # a result of a record has no folder to write, and `save` refuses it
        path, keeping, plan = folder.path, folder.keeping, self.work.plan
        system, _ = self._built()
        with keeping.attempt(path / "design.h5", "the design"):
            self._write_design(path / "design.h5")
        if plan.recipe.whole:
            settings = {key: value for key, value in system.settings.items() if value is not None}
            with keeping.attempt(path / "design.toml", "the configuration"):
                plan.recipe.write_design(path / "design.toml", {"name": system.name, **settings})
        if self.work.found.sets is not None:
            with keeping.attempt(path / "sets.csv", "the sets"):
                write_whole(path / "sets.csv", sets_as_csv(plan.members, self.work.found, plan.costs))
        draw_all(self._figures(), path, keeping)
        folder.finish(self.record)
        lock.release(path)

    def _write_design(self, path: Path) -> None:
        system, params = self._built()
        save_design(path, system, params, target=self.record["target"], objective=self.record["objective"])

    def _built(self) -> tuple[ImagingSystem, Params]:
        if self.work is None:
            raise UsageError("this result was read from a record, which names the members alone: make the system of them")
        members = self.work.plan.members
        used = (*self.work.task.fixed, *self.work.found.best.members)
        return members.system.restricted(members.params_of_set(used))

    def _figures(self) -> "dict[str, Callable[[], Figure]]":
        """Return what draws each figure, by name; those of the system only where it is known."""
        from ideal.plots.choices import comparison_figure, system_figure

        figures: dict[str, Callable[[], Figure]] = {}
        if self.work is not None:
            members, fixed = self.work.plan.members, self.work.task.fixed
            # What cannot be built is not drawn: one site alone.
            kept = fixed if len(fixed) > 1 or members.system.pairs is None else ()
            before = members.params_of_set(kept or range(members.size))
            title = f"before: the {len(kept)} that are kept" if kept else f"before: all {members.size} {members.noun}s"
            figures["before"] = lambda: system_figure(*members.system.restricted(before), title)
            new, after = self.members if kept else (), f"the choice: {tables.listed(self.members, _TITLED)}"
            figures["after"] = lambda: system_figure(self.system, self.params, after, new)
        return figures | {"comparison": partial(comparison_figure, self.record)}

    def _repr_html_(self) -> str:
        from ideal.reports.sections.choices import choice_fragment

        return choice_fragment(self.record)
