"""The folder of a sweep: run.json, tables, figures, and the results of its jobs."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ideal import records
from ideal._files import remove_left, whole_hdf5, write_whole
from ideal._regular_files import read_text
from ideal.errors import DataError, UsageError
from ideal.runs import lock
from ideal.runs.keeping import Keeping, is_full
from ideal.sweeps.results import FORMAT, Sweep, joined_rows, to_csv

JOBS = ".jobs"  # folder of the results of jobs
_RECORD = "run.json"


class SweepFolder:
    """A folder with run.json, table.csv, table.h5, differences.csv, regret.csv and figures.

    Whatever is measured is kept under what it depends on: a sweep that has more points than the last one in the same folder
    measures these alone.

    Args:
        path: of the folder.
        keeping: takes what cannot be written.

    """

    def __init__(self, path: Path, keeping: Keeping):
        self.path = path
        self.keeping = keeping

    @property
    def jobs(self) -> Path:
        """Where the results of jobs are kept."""
        return self.path / JOBS

    def open(self, *, is_shared: bool, overwrite: bool) -> None:
        """Make the folder where there is none, and keep other processes out of it until the command ends.

        Args:
            is_shared: whether others, shards of the same sweep, work in it too.
            overwrite: whether the record of something else may be replaced.

        Raises:
            UsageError: it holds something else, another process has it, or it cannot be written.

        """
        record = self.path / _RECORD
        if record.exists() and not overwrite:
            try:
                told = records.from_json(read_text(record, "the record of a run"))
            except (DataError, OSError, ValueError, RecursionError):
                told = {"format": FORMAT}  # damaged: it is written again from what the jobs keep
            if not isinstance(told, dict) or told.get("format") != FORMAT:
                raise UsageError(f"`out={self.path}` holds another run: choose another folder, or replace it with overwrite=True")
        if self.path.exists() and not self.path.is_dir():
            raise UsageError(f"`out={self.path}` is a file: name a folder, which is made where there is none")
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if not is_shared:
                lock.take(self.path)
                remove_left(self.path)
        except OSError as error:
            if not is_full(error):
                raise UsageError(f"`out={self.path}` cannot be written ({error.strerror}): choose a folder that can be") from None
            self.keeping.note(f"{self.path} cannot be written ({error.strerror}): results are printed, and nothing is kept")

    def begin(self, provenance: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
        """Record that the sweep runs, unless a finished one is recorded: that stays until another is finished."""
        if (self.path / _RECORD).exists():
            return
        empty = Sweep((), (), ()).to_record() | {"figures": [], "errors": []}
        with self.keeping.attempt(self.path / _RECORD, "the record"):
            self._write(empty | {"status": "running", "asked": dict(asked), **provenance})

    def finish(
        self, sweep: Sweep, provenance: Mapping[str, Any], asked: Mapping[str, Any], show: Callable[[Sweep, dict], None]
    ) -> dict:
        """Show a sweep and write all files; the record comes last.

        Returns:
            The record.

        """
        from ideal.plots import theme
        from ideal.plots.sweeps import figures_of_sweep

        record = json.loads(records.to_json({**sweep.to_record(), "asked": dict(asked), **provenance}))
        show(sweep, record)
        axes = [axis.name for axis in sweep.axes]
        rows = joined_rows(record["points"], record["differences"], axes)
        tables = {"table.csv": rows, "differences.csv": record["differences"], "regret.csv": record["regret"]}
        for name, each in tables.items():
            with self.keeping.attempt(self.path / name, "the table"):
                if each:
                    write_whole(self.path / name, to_csv(each))
                else:
                    (self.path / name).unlink(missing_ok=True)
        with self.keeping.attempt(self.path / "table.h5", "the table"):
            _write_hdf5(self.path / "table.h5", rows, sweep)
        figures = []
        for name, draw in figures_of_sweep(record).items():
            with self.keeping.attempt(self.path / f"{name}.png", "the figure"):
                figure = draw()
                for suffix in ("png", "svg"):
                    theme.save_figure(figure, self.path / f"{name}.{suffix}")
                figures.append(f"{name}.png")
        failed = [*record["errors"], *self.keeping.failed]
        record |= {"figures": figures, "errors": failed, "status": "failed" if failed else "finished"}
        with self.keeping.attempt(self.path / _RECORD, "the record"):
            self._write(record)
        return record

    def _write(self, record: Mapping[str, Any]) -> None:
        write_whole(self.path / _RECORD, records.to_json(dict(record)))


def _write_hdf5(path: Path, rows: list[dict[str, Any]], sweep: Sweep) -> None:
    """Write a table with a dataset a column: numbers as float64 with NaN for none, all else as texts."""
    import h5py

    columns = list(dict.fromkeys(name for row in rows for name in row))
    with whole_hdf5(path) as file:
        file.attrs.update(format=FORMAT, format_version=1, axes=json.dumps([axis.name for axis in sweep.axes]), unit=sweep.unit)
        file.attrs["columns"] = json.dumps(columns)
        for name in columns:
            values = [row.get(name) for row in rows]
            known = [value for value in values if value is not None]
            if known and all(isinstance(value, int | float) for value in known):
                file[name] = np.array([np.nan if value is None else float(value) for value in values])
            else:
                texts = ["" if value is None else value if isinstance(value, str) else json.dumps(value) for value in values]
                file.create_dataset(name, data=texts, dtype=h5py.string_dtype())
