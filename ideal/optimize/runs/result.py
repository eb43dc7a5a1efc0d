"""What the results of all runs of `ideal optimize` can do: show, draw and keep themselves."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from ideal import records
from ideal.errors import UsageError
from ideal.imaging.configuration import DESIGN_FILES
from ideal.optimize.runs import tables
from ideal.runs.folder import RunFolder
from ideal.runs.keeping import Keeping
from ideal.tables import Table

if TYPE_CHECKING:
    from ideal.plots.theme import Figure
    from ideal.runs.read import Run


class RunResult:
    """The result of a run: a record of all figures, and what it was made with.

    Attributes:
        noun: what messages call it, as "design".
        kind: of the run, one of `ideal.runs.read`.
        record: all figures as JSON types.
        work: what it was made with, a plan and a folder among it; None for a result that was read from a record.

    """

    noun: ClassVar[str]
    kind: ClassVar[str]
    record: dict[str, Any]
    work: Any

    @property
    def comparison(self) -> list[dict[str, Any]]:
        """What was measured of each design: the new one first."""
        return self.record["designs"]

    @property
    def warnings(self) -> list[str]:
        """What a user should know of the figures."""
        return self.record["warnings"]

    @property
    def parts(self) -> list[str | Table]:
        """What a terminal says of the result: texts and tables."""
        raise NotImplementedError

    def plot(self, what: str = "comparison") -> "Figure":
        """Return a figure.

        Args:
            what: "comparison" (re-measured information, with intervals); of a design also "ascent" and "targets"; of a result
                that was just made "before" and "after" (the system), and of a design "measurements" (of one object).

        Raises:
            UsageError: there is no such figure of this result; the message names those that there are.

        """
        figures = self._figures()
        if what not in figures:
            raise UsageError(f"there is no figure {what!r} of this {self.noun}; there are: {', '.join(figures)}")
        return figures[what]()

    def to_run(self) -> "Run":
        """Return the result as a report tells of it."""
        from ideal.plots.designs import file_of
        from ideal.plots.theme import picture_of
        from ideal.runs.key import versions
        from ideal.runs.read import Run

        figures = {file_of(name): picture_of(draw()) for name, draw in self._figures().items()}
        configuration = {} if self.work is None else {"configuration": self.work.plan.configuration}
        record = records.finite({"versions": versions(), **configuration, **self.record})
        return Run(None, self.kind, record, "finished", datetime.now().date().isoformat(), figures)

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the design to a file (.h5), or all of the result to a folder: design, numbers and figures.

        Args:
            path: of the file or of the folder.
            overwrite: whether what is there may be replaced.

        Raises:
            UsageError: there is something, or the result was read from a record and knows no system.

        """
        if self.work is None:
            raise UsageError("this result was read from a record: keep the record (to_record), or the folder that it came from")
        if str(path).endswith(DESIGN_FILES):
            if Path(path).exists() and not overwrite:
                raise UsageError(f"{path} exists: choose another name, or say overwrite=True")
            self._write_design(Path(path))
            return
        folder = self.work.plan.open_folder(str(path), overwrite=overwrite, keeping=Keeping())
        if folder is not None:
            self._settle(folder)
            self._write(folder)

    def keep(self) -> Self:
        """Write the files of the folder that the run was made in, where it has one, and give the folder free."""
        if self.work is not None and self.work.folder is not None:
            self._write(self.work.folder)
        return self

    def _figures(self) -> "dict[str, Callable[[], Figure]]":
        """Return what draws each figure, by name; those of the system only where it is known."""
        raise NotImplementedError

    def _write_design(self, path: Path) -> None:
        raise NotImplementedError

    def _settle(self, folder: RunFolder) -> None:
        """Write what a run would have written on its way, into a folder that was not there then."""

    def _write(self, folder: RunFolder) -> None:
        raise NotImplementedError

    def __repr__(self) -> str:
        return tables.text_of(self.parts, self.warnings)
