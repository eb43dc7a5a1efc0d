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
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"--out {path} is a file: name a folder, which is made where there is none")
        if not record.exists() and not force and folder.is_dir() and any(folder.iterdir()):
            raise UsageError(f"--out {path} holds other files and no run: choose another folder, or write there with --force")
        # An interrupted run without a result has nothing to lose.
        if record.exists() and not force:
            try:
                before = json.loads(record.read_text(encoding="utf-8"))
            except ValueError as error:
                raise UsageError(f"{record} cannot be read ({error}); --force overwrites it") from None
            if before.get("status") == "finished":
                raise UsageError(f"{path} holds a finished run: choose another --out, or overwrite it with --force")
            changed = any(before.get(key) != run[key] for key in run if key != "status")
            if changed and any(folder.glob("result-*.json")):
                raise UsageError(
                    f"{path} holds an interrupted run with other files, options or versions: repeat its command to go on "
                    "with it, choose another --out, or overwrite it with --force"
                )
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if force and record.exists():
                for kept in (*folder.glob("result-*.json"), *folder.glob("models/*/*.h5"), folder / "metrics.jsonl"):
                    kept.unlink(missing_ok=True)
            write_whole(record, to_json(run))
        except OSError as error:
            raise UsageError(f"--out {path} cannot be written ({error.strerror}): choose a folder that can be") from None
        return cls(folder, run)

    def _result(self, place: int) -> Path:
        return self.path / f"result-{place}.json"

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
