"""The folder of a run: what was asked, what came out, and enough to go on after an interruption."""

import hashlib
import json
import os
import resource
import sys
from pathlib import Path

from ideal.cli._output import to_json
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
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"peak_memory_mb": round(peak / (2**20 if sys.platform == "darwin" else 2**10), 1)}


class RunFolder:
    """A folder with run.json, metrics.jsonl, results per file, fitted models and figures."""

    def __init__(self, path: Path, run: dict):
        self.path = path
        self._run = run
        self._places = {name: place for place, name in enumerate(run["configuration"]["files"])}

    @classmethod
    def open(cls, path: str, configuration: dict, force: bool) -> "RunFolder":
        """Begin a run, or go on with one that was interrupted.

        Raises:
            UsageError: the folder holds a finished run, or one that was asked for otherwise.

        """
        from importlib.metadata import version

        folder = Path(path)
        configuration = json.loads(json.dumps(configuration))
        run = {
            "status": "running",
            "configuration": configuration,
            "inputs": {name: checksum(name) for name in configuration["files"]},
            "versions": {name: version(name) for name in _PACKAGES},
        }
        record = folder / "run.json"
        if record.exists() and not force:
            try:
                before = json.loads(record.read_text(encoding="utf-8"))
            except ValueError as error:
                raise UsageError(f"{record} cannot be read ({error}); --force overwrites it") from None
            if before.get("status") == "finished":
                raise UsageError(f"{path} holds a finished run: choose another --out, or overwrite it with --force")
            if any(before.get(key) != run[key] for key in run if key != "status"):
                raise UsageError(
                    f"{path} holds an interrupted run with other files, options or versions: repeat its command to go on "
                    "with it, choose another --out, or overwrite it with --force"
                )
        folder.mkdir(parents=True, exist_ok=True)
        opened = cls(folder, run)
        if force:
            for kept in folder.glob("result-*.json"):
                kept.unlink()
            (folder / "metrics.jsonl").unlink(missing_ok=True)
        write_whole(record, to_json(run))
        return opened

    def _result(self, name: str) -> Path:
        return self.path / f"result-{self._places[name]}.json"

    def finished(self, name: str) -> Estimate | None:
        """Return the estimate of a file that an interrupted run had finished."""
        kept = self._result(name)
        return Estimate.from_state(json.loads(kept.read_text(encoding="utf-8"))) if kept.exists() else None

    def keep(self, found: Estimate) -> None:
        """Record one file's estimate and its fitted models."""
        if found.fitted:
            models = self.path / "models" / str(self._places[found.path])
            models.mkdir(parents=True, exist_ok=True)
            for name, model in found.fitted.items():
                model.save(models / f"{name}.h5")
        if not self._result(found.path).exists():
            write_whole(self._result(found.path), json.dumps(found.to_state()))
            line = {"path": found.path, "information_bits_per_pixel": found.information_bits_per_pixel}
            line |= {"model": found.model, "seconds": found.seconds}
            with open(self.path / "metrics.jsonl", "a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")

    def finish(self, document: dict) -> None:
        """Record the results and that the run is complete."""
        status = "failed" if document["errors"] else "finished"
        write_whole(self.path / "run.json", to_json(self._run | {"status": status} | document))


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
