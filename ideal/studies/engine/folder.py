"""The folder of a study: its record, table and figures, and what stands in it while the study is not finished."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ideal import records
from ideal._files import remove_left, write_whole
from ideal._regular_files import read_text
from ideal.errors import DataError, UsageError
from ideal.runs import lock as _lock
from ideal.runs.keeping import Keeping, is_full
from ideal.studies import Plan, Study
from ideal.studies.engine.contract import FORMAT, FORMAT_VERSION
from ideal.studies.engine.style import write_figure

_RECORD = "run.json"
_UNFINISHED: dict[str, Any] = {
    "rows": [],
    "statistics": [],
    "claims": [],
    "notes": [],
    "curves": {},
    "data": {},
    "versions": {},
    "figures": [],
}


class StudyFolder:
    """A folder with run.json, table.csv, figure.png and figure.svg.

    From the first start of a study its record says how far it came: running, interrupted, failed or finished. A finished one
    stays until another is finished.

    """

    def __init__(self, path: Path):
        self.path = path

    def check(self, plan: Plan) -> None:
        """Refuse a folder that holds something else than this study as it is asked for.

        Raises:
            UsageError: it holds the study made with another seed or size, or another record.

        """
        if not (self.path / _RECORD).exists():
            return
        try:
            record = self._read()
        except DataError:  # results of jobs are kept elsewhere: nothing is lost by writing it again
            return
        self._check_record(record, plan)

    def lock(self, keeping: Keeping) -> None:
        """Make the folder where there is none, and keep other processes out of it until the command ends.

        Raises:
            UsageError: another process has it, or it cannot be written.

        """
        with self._unless_full(keeping):
            self.path.mkdir(parents=True, exist_ok=True)
            _lock.take(self.path)
            remove_left(self.path)

    def begin(self, study: Study, plan: Plan, provenance: Mapping, keeping: Keeping) -> None:
        """Record that the study runs; a finished record stays.

        Raises:
            UsageError: it cannot be written.

        """
        described = {"study": study.name, "title": study.title, "summary": study.summary, "source": study.source}
        opened = {"format": FORMAT, "format_version": FORMAT_VERSION, **described, "plan": vars(plan), **_UNFINISHED}
        with self._unless_full(keeping):
            if not self._is_finished():
                self._write(opened | {"status": "running", **provenance, "errors": []})

    @contextmanager
    def _unless_full(self, keeping: Keeping) -> Iterator[None]:
        """Go on without the folder where the disk is full; refuse one that cannot be written for another reason."""
        try:
            yield
        except OSError as error:
            if is_full(error):
                keeping.note(f"{self.path} cannot be written ({error.strerror}): what is found is printed")
            else:
                place = self.path.parent
                raise UsageError(f"`out={place}` cannot be written ({error.strerror}): choose a folder that can be") from None

    def stopped(self, status: str, errors: list[str]) -> None:
        """Record that the study was interrupted or failed; a finished record stays."""
        if not self._is_finished():
            self._write(self._read() | {"status": status, "errors": errors})

    def finish(self, study: Study, record: Mapping, keeping: Keeping, show: Callable[[dict], None]) -> dict:
        """Show a record, write all files and return it; it is written last, so that where it says finished the folder is whole.

        Args:
            study: of which it is.
            record: without status and figures.
            keeping: takes what cannot be written; the record then says that the study failed.
            show: called with the record before anything is written.

        """
        # Drawn from what will be read again, so that drawing again gives the same bytes.
        document = json.loads(records.to_json({**record, "status": "finished", "figures": ["figure.png", "figure.svg"]}))
        show(document)
        before = len(keeping.failed)
        with keeping.attempt(self.path, "table or figure"):
            self.draw(study, document)
        if failed := keeping.failed[before:]:
            document |= {"status": "failed", "errors": failed}
        with keeping.attempt(self.path / _RECORD, "the record"):
            self._write(document)
        return document

    def finished(self, plan: Plan) -> dict:
        """Return the record of a finished study.

        Raises:
            UsageError: there is none, or one of another seed or size.
            DataError: it cannot be read.

        """
        if not (self.path / _RECORD).exists():
            raise UsageError(f"{self.path} holds no study to draw again: make it first (ideal reproduce {self.path.name})")
        record = self._read()
        self._check_record(record, plan)
        if record.get("status") != "finished":
            raise UsageError(f"{self.path} holds a study that is {record.get('status')}: repeat the command without `redraw`")
        return record

    def draw(self, study: Study, record: Mapping) -> None:
        """Write the table and the figures of a record."""
        text = io.StringIO()
        if record["rows"]:
            writer = csv.DictWriter(text, list(record["rows"][0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(record["rows"])
        write_whole(self.path / "table.csv", text.getvalue())
        write_figure(study, record, self.path)

    def _is_finished(self) -> bool:
        try:
            return self._read().get("status") == "finished"
        except DataError:
            return False

    def _check_record(self, record: Mapping, plan: Plan) -> None:
        if record.get("format") != FORMAT or "plan" not in record:
            raise UsageError(
                f"{self.path / _RECORD} is no record of a study: choose another `out`, or overwrite it with `overwrite=True`"
            )
        before = record["plan"]
        if before != vars(plan):
            size = "quick" if before.get("quick") else "in full"
            raise UsageError(
                f"{self.path} holds this study made {size} with seed {before.get('seed')}: give the same `quick` and `seed`, "
                "choose another `out`, or overwrite it with `overwrite=True`"
            )

    def _read(self) -> dict:
        path = self.path / _RECORD
        try:
            record = records.from_json(read_text(path, "the record of a study"))
        except (DataError, OSError, ValueError, RecursionError) as error:
            reason = str(error).removeprefix(f"{path}: ")
            raise DataError(
                f"{path} cannot be read ({reason}): repeat the command without `redraw`, what has been done is kept"
            ) from None
        if not isinstance(record, dict):
            raise DataError(f"{path} holds a {type(record).__name__}, expected the record of a study: make it again")
        return record

    def _write(self, record: Mapping) -> None:
        write_whole(self.path / _RECORD, records.to_json(dict(record)))
