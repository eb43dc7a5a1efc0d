"""The folder of a run: what was asked, what came out, and enough to go on after an interruption."""

import contextlib
import json
import shutil
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from ideal import records
from ideal._documents import loads
from ideal._files import is_temporary, remove_left, write_whole
from ideal._memory import peak_memory
from ideal._regular_files import check_regular, read_text
from ideal.errors import DataError, StorageWarning, UsageError
from ideal.information.results import Estimate
from ideal.runs import lock
from ideal.runs.keeping import Keeping, is_full
from ideal.runs.key import difference, digest_of, is_key, key_of

_STATES = _BEGINNING, _RUNNING, _FINISHED, _FAILED = "beginning", "running", "finished", "failed"
_WORK = ("result-*.json", "task-*.json", "checkpoints/**/*.npz")  # what an interrupted run would lose
_OTHERS = (
    *("metrics.jsonl", "run.toml", "design.toml", "design.h5", "information.png", "comparison.png", "targets.png"),
    *("ascent.png", "measurements.png", "design-before.png", "design-after.png"),
)
_NAMED = 4  # differences that a message has room to name


def resources() -> dict:
    """Return the largest resident memory of the process so far."""
    return {"peak_memory_mb": round(peak_memory(), 1)}


class RunFolder:
    """A folder with run.json, metrics.jsonl, results per file, fitted models and figures.

    While a file is worked on, checkpoints/PLACE holds the state of its training, and goes when the result is kept. Every result
    holds a digest of what it depends on, so that it is known as the run's own even where run.json is lost.
    """

    def __init__(self, path: Path, run: dict, key: str, keeping: Keeping):
        self.path = path
        self.keeping = keeping
        self._run, self._key = run, key
        self._history = [record for record in _records(path / "metrics.jsonl") if "step" in record]
        self._lines: dict[int, dict] = {}

    @classmethod
    def open(
        cls,
        path: str,
        configuration: Mapping[str, Any],
        keeping: Keeping,
        *,
        inputs: Iterable[str] = (),
        contents: Mapping[str, str] | None = None,
        force: bool = False,
        resume: bool = False,
    ) -> "RunFolder | None":
        """Begin a run, or go on with one that was interrupted; the folder is locked until the command ends.

        On a full disk there is none: the command goes on without, for what it finds is printed.

        Args:
            path: of the folder.
            configuration: all that the results depend on, as JSON types; texts that name files count as inputs.
            keeping: takes what cannot be kept.
            inputs: further files that the results depend on.
            contents: digests of what they depend on besides.
            force: whether to begin anew where there is a run.
            resume: whether there has to be an interrupted run.

        Raises:
            UsageError: the folder holds a finished run, or one that was asked for otherwise, or another process works there.

        """
        folder = Path(path)
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"`out={path}` is a file: name a folder, which is made where there is none")
        if resume and not (folder / "run.json").exists():
            raise UsageError(f"`resume`: `out={path}` holds no run to go on with: name its folder, or leave out `resume`")
        if not force and not (folder / "run.json").exists() and any(map(_is_strange, _items(folder))):
            raise UsageError(
                f"`out={path}` holds other files and no run: choose another folder, or write there with `overwrite=True`"
            )
        key = key_of(configuration, inputs, contents or {})
        run = {"status": _RUNNING, **key, "command": records.command_of(sys.argv)}
        digest = digest_of(key)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock.take(folder)
            before = None if force else _read(folder / "run.json")
            for each in (folder, *(item for item in folder.rglob("*") if item.is_dir() and not item.is_symlink())):
                remove_left(each)
            if before is not None and before.get("status") == _FINISHED:
                shutil.rmtree(folder / "checkpoints", ignore_errors=True)  # its end was killed
                raise UsageError(f"{path} holds a finished run: choose another `out`, or overwrite it with `overwrite=True`")
            if not _is_same(folder, before, key, digest, path, resume=resume, force=force):
                if (folder / "run.json").exists():
                    # Whoever finds a run at its beginning knows that nothing beside run.json counts.
                    write_whole(folder / "run.json", records.to_json(run | {"status": _BEGINNING}))
                _clear(folder, key["inputs"])
            write_whole(folder / "run.json", records.to_json(run))
        except OSError as error:
            if not is_full(error):
                raise UsageError(f"`out={path}` cannot be written ({error.strerror}): choose a folder that can be") from None
            keeping.note(f"{path} cannot be written ({error.strerror}): results are printed, and nothing is kept")
            return None
        return cls(folder, run, digest, keeping)

    def _result(self, place: int) -> Path:
        return self.path / f"result-{place}.json"

    def _task(self, place: int) -> Path:
        return self.path / f"task-{place}.json"

    def checkpoints(self, place: int | str) -> Path:
        """Return the folder for the state of training on the file at this place of the list, or of what else has this name."""
        return self.path / "checkpoints" / str(place)

    def models(self, place: int) -> list[Path]:
        """Return the files of the models that were fitted to the file at this place of the list."""
        return sorted((self.path / "models" / str(place)).glob("*.h5"))

    def finished(self, place: int) -> Estimate | None:
        """Return the estimate of the file at this place of the list, where an interrupted run had finished it."""
        estimate = self._kept(self._result(place), Estimate.from_record)
        if estimate is not None:
            self._lines[place] = _line(estimate)
        return estimate

    def keep(self, place: int, found: Estimate) -> None:
        """Record the estimate and the fitted models of the file at this place of the list."""
        models = self.path / "models" / str(place)
        with self.keeping.attempt(models, "the models"):  # first: who finds a result counts on its models
            if found.fitted:
                models.mkdir(parents=True, exist_ok=True)
            for name, model in found.fitted.items():
                model.save(models / f"{name}.h5")
        with self.keeping.attempt(self._result(place), "the result"):
            if place not in self._lines:
                write_whole(self._result(place), json.dumps({"run": self._key, **found.to_record()}))
                self._lines[place] = _line(found)
                self._append(self._lines[place])
                self.clear(place)

    def finished_task(self, place: int, build: Callable[[dict], Any] = dict) -> Any:
        """Return what `build` makes of what `keep_task` recorded, or None."""
        return self._kept(self._task(place), build)

    def keep_task(self, place: int, found: dict) -> None:
        """Record the task information of the file at this place of the list, as JSON types."""
        with self.keeping.attempt(self._task(place), "the result"):
            write_whole(self._task(place), json.dumps({"run": self._key, **found}))
            self.clear(place)

    def log(self, record: dict) -> None:
        """Add a record of the history of an ascent to metrics.jsonl."""
        self._history.append(record)
        with self.keeping.attempt(self.path / "metrics.jsonl", "the history"):
            self._append(record)

    def settle(self, history: list[dict]) -> None:
        """Write the whole history of an ascent once: one that was killed has gone some steps twice."""
        self._history = list(history)
        with self.keeping.attempt(self.path / "metrics.jsonl", "the history"):
            self._write_metrics()

    def clear(self, place: int | str) -> None:
        """Remove the checkpoints of what is finished."""
        shutil.rmtree(self.checkpoints(place), ignore_errors=True)
        with contextlib.suppress(OSError):  # others are there, or there is none
            self.checkpoints(place).parent.rmdir()

    def finish(self, document: dict) -> None:
        """Record the results and that the run is complete, or what failed of it."""
        with self.keeping.attempt(self.path / "metrics.jsonl", "the history"):
            self._write_metrics()
        errors = list(dict.fromkeys((*document["errors"], *self.keeping.failed)))
        document = document | {"errors": errors}
        with self.keeping.attempt(self.path / "run.json", "the record of the run"):
            status = _FAILED if errors else _FINISHED
            write_whole(self.path / "run.json", records.to_json(self._run | {"status": status} | document))
            if not errors:
                shutil.rmtree(self.path / "checkpoints", ignore_errors=True)

    def _kept(self, file: Path, build: Callable[[dict], Any]) -> Any:
        """Return what a file of a result holds; None where there is none, or where it is damaged, which is told."""
        if not file.exists():
            return None
        try:
            state = loads(read_text(file))
            if not isinstance(state, dict):
                raise ValueError(f"it holds a {type(state).__name__}")
            if state.pop("run", self._key) != self._key:
                raise ValueError("it is of another run")
            return build(state)
        except (DataError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            text = f"{file} is damaged ({type(error).__name__}: {error}): this part of the run is done again"
            warnings.warn(text, StorageWarning, stacklevel=2)
            return None

    def _append(self, record: dict) -> None:
        """Add a line to metrics.jsonl, for those who watch; one that is lost or cut short is mended at the end."""
        if (self.path / "metrics.jsonl").exists():
            check_regular(self.path / "metrics.jsonl")
        with open(self.path / "metrics.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")

    def _write_metrics(self) -> None:
        records = [*self._history, *(self._lines[place] for place in sorted(self._lines))]
        text, file = "".join(json.dumps(record) + "\n" for record in records), self.path / "metrics.jsonl"
        if file.exists():
            check_regular(file)
            if file.read_bytes() == text.encode():
                return
        if text:
            write_whole(file, text)


def _line(estimate: Estimate) -> dict:
    line = {"path": estimate.path, "information_bits_per_pixel": estimate.information_bits_per_pixel}
    return line | {"model": estimate.model, "seconds": estimate.seconds}


def _read(record: Path) -> dict | None:
    """Return what run.json says; None where there is none, and an empty record where it is damaged."""
    if not record.exists():
        return None
    try:
        before = loads(read_text(record))
        if isinstance(before, dict) and before.get("status") in _STATES and is_key(before):
            return before
        reason = "it is no record of a run"
    except (DataError, ValueError, RecursionError) as error:
        reason = str(error)
    text = f"{record} is damaged ({reason}): results that are whole are kept, the rest is done again"
    warnings.warn(text, StorageWarning, stacklevel=2)
    return {}


def _is_same(folder: Path, before: dict | None, key: dict, digest: str, path: str, *, resume: bool, force: bool) -> bool:
    """Tell whether a folder holds the run that is asked for, so that it goes on; else its work is none, or may go.

    Raises:
        UsageError: it holds work of another run.

    """
    if force or before is None:
        return False
    if not before:  # a damaged record: results say themselves whose they are
        others = [item for item in _work_in(folder) if item.suffix == ".json" and _run_of(item) not in (digest, None)]
        if others:
            raise UsageError(
                f"{folder / 'run.json'} is damaged, and {others[0].name} is of a run with other files, options or versions: "
                f"repeat that run's command, choose another `out`, or overwrite it with `overwrite=True`"
            )
        shutil.rmtree(folder / "checkpoints", ignore_errors=True)  # they do not say
        return True
    if before["status"] == _BEGINNING:
        return False
    changed = difference(before, key)
    if changed and (resume or any(_work_in(folder))):
        names = ", ".join(changed[:_NAMED]) + ", ..." * (len(changed) > _NAMED)
        raise UsageError(
            f"{path} holds an interrupted run with other files, options or versions (changed: {names}): repeat its command to "
            "go on with it, choose another `out`, or overwrite it with `overwrite=True`"
        )
    return not changed


def _run_of(file: Path) -> str | None:
    """Return the digest of the run that a result belongs to; None where it cannot be read."""
    try:
        state = loads(read_text(file))
        return str(state.get("run", "")) if isinstance(state, dict) else None
    except (DataError, ValueError, RecursionError):
        return None


def _clear(folder: Path, inputs: Iterable[str]) -> None:
    """Remove what an earlier run has left in a folder, but for what this one reads."""
    used = {Path(name.split("::")[0]).resolve() for name in inputs}
    for part in ("checkpoints", "models"):
        if not any((folder / part).resolve() in each.parents for each in used):
            shutil.rmtree(folder / part, ignore_errors=True)
    for file in (*_work_in(folder), *(folder / name for name in _OTHERS)):
        if file.resolve() not in used:
            file.unlink(missing_ok=True)


def _work_in(folder: Path) -> list[Path]:
    return [item for kind in _WORK for item in folder.glob(kind) if item.is_file()]


def _items(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _is_strange(item: Path) -> bool:
    """Tell whether a file is none that a run leaves when it is killed at its first moment."""
    return not (is_temporary(item) or item.name in (lock.NAME, "run.json.partial"))


def _records(file: Path) -> list[dict]:
    """Return the lines of a file of JSON lines, but for those that are cut short or no records."""
    found = []
    with contextlib.suppress(OSError, DataError):
        check_regular(file)
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            with contextlib.suppress(ValueError, RecursionError):
                found.append(loads(line))
    return [each for each in found if isinstance(each, dict)]
