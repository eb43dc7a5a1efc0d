"""The folder of a run: what was asked, what came out, and enough to go on after an interruption."""

import hashlib
import json
import os
import shutil
import sys
from pathlib import Path

from ideal._memory import peak_memory
from ideal.cli._output import command_of, to_json
from ideal.errors import UsageError
from ideal.result import Estimate

_PACKAGES = ("ideal", "numpy", "scipy", "jax", "flax", "h5py")


def write_whole(path: Path, text: str) -> None:
    """Write a text file so that it appears whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    with open(partial, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)


def resources() -> dict:
    """Return the largest resident memory of the process so far."""
    return {"peak_memory_mb": round(peak_memory(), 1)}


class RunFolder:
    """A folder with run.json, metrics.jsonl, results per file, fitted models and figures.

    While a file is worked on, checkpoints/PLACE holds the state of its training, and goes when the result is kept.
    """

    def __init__(self, path: Path, run: dict):
        self.path = path
        self._run = run

    @classmethod
    def open(cls, path: str, configuration: dict, *, force: bool = False, resume: bool = False) -> "RunFolder":
        """Begin a run, or go on with one that was interrupted.

        Args:
            path: of the folder.
            configuration: all that the results depend on, as JSON types.
            force: whether to begin anew where there is a run.
            resume: whether there has to be an interrupted run.

        Raises:
            UsageError: the folder holds a finished run, or one that was asked for otherwise.

        """
        from importlib.metadata import version

        folder = Path(path)
        configuration = json.loads(json.dumps(configuration))
        run = {
            "status": "running",
            "configuration": configuration,
            "inputs": {name: checksum(name) for name in (*configuration["files"], *configuration.get("load_model", ()))},
            "versions": {name: version(name) for name in _PACKAGES},
            "command": command_of(sys.argv),
        }
        record = folder / "run.json"
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"--out {path} is a file: name a folder, which is made where there is none")
        if resume and not record.exists():
            raise UsageError(f"--resume: --out {path} holds no run to go on with: name its folder, or leave out --resume")
        if not record.exists() and not force and folder.is_dir() and any(folder.iterdir()):
            raise UsageError(f"--out {path} holds other files and no run: choose another folder, or write there with --force")
        # An interrupted run without a result or a checkpoint has nothing to lose.
        if record.exists() and not force:
            try:
                before = json.loads(record.read_text(encoding="utf-8"))
            except ValueError as error:
                raise UsageError(f"{record} cannot be read ({error}); --force overwrites it") from None
            if before.get("status") == "finished":
                raise UsageError(f"{path} holds a finished run: choose another --out, or overwrite it with --force")
            changed = any(before.get(key) != run[key] for key in run if key not in ("status", "command"))
            if changed and (resume or any(_work_in(folder))):
                raise UsageError(
                    f"{path} holds an interrupted run with other files, options or versions: repeat its command to go on "
                    "with it, choose another --out, or overwrite it with --force"
                )
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if force and record.exists():
                shutil.rmtree(folder / "checkpoints", ignore_errors=True)
                for kept in (*_work_in(folder), *folder.glob("models/*/*.h5"), folder / "metrics.jsonl"):
                    kept.unlink(missing_ok=True)
            write_whole(record, to_json(run))
        except OSError as error:
            raise UsageError(f"--out {path} cannot be written ({error.strerror}): choose a folder that can be") from None
        return cls(folder, run)

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
        kept = self._result(place)
        return Estimate.from_state(json.loads(kept.read_text(encoding="utf-8"))) if kept.exists() else None

    def keep(self, place: int, found: Estimate) -> None:
        """Record the estimate and the fitted models of the file at this place of the list."""
        if found.fitted:
            models = self.path / "models" / str(place)
            models.mkdir(parents=True, exist_ok=True)
            for name, model in found.fitted.items():
                model.save(models / f"{name}.h5")
        if not self._result(place).exists():
            write_whole(self._result(place), json.dumps(found.to_state()))
            line = {"path": found.path, "information_bits_per_pixel": found.information_bits_per_pixel}
            line |= {"model": found.model, "seconds": found.seconds}
            with open(self.path / "metrics.jsonl", "a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
            self.clear(place)

    def finished_task(self, place: int) -> dict | None:
        """Return what `keep_task` recorded, or None."""
        kept = self._task(place)
        return json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else None

    def keep_task(self, place: int, found: dict) -> None:
        """Record the task information of the file at this place of the list, as JSON types."""
        write_whole(self._task(place), json.dumps(found))
        self.clear(place)

    def clear(self, place: int | str) -> None:
        """Remove the checkpoints of what is finished."""
        shutil.rmtree(self.checkpoints(place), ignore_errors=True)
        parent = self.checkpoints(place).parent
        if parent.is_dir() and not any(parent.iterdir()):
            parent.rmdir()

    def finish(self, document: dict) -> None:
        """Record the results and that the run is complete."""
        status = "failed" if document["errors"] else "finished"
        write_whole(self.path / "run.json", to_json(self._run | {"status": status} | document))


def _work_in(folder: Path) -> list[Path]:
    """Return the files that an interrupted run would lose."""
    kinds = ("result-*.json", "task-*.json", "checkpoints/**/*.npz")
    return [item for kind in kinds for item in folder.glob(kind) if item.is_file()]


def checksum(name: str) -> str:
    """Return the SHA-256 of an input file, or of the names, sizes and times in an input folder (a zarr store)."""
    path = Path(name.split("::")[0])
    digest = hashlib.sha256()
    if path.is_dir():
        for item in sorted(path.rglob("*")):
            state = item.stat()
            digest.update(f"{item.relative_to(path)} {state.st_size} {state.st_mtime_ns}\n".encode())
    elif path.exists():
        with open(path, "rb") as file:
            return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
    return "sha256:" + digest.hexdigest()
