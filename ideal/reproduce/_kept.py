"""Results that are kept under a key made of all that they depend on: code, settings and the results that they need."""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from ideal.reproduce._code import code_digest
from ideal.reproduce._contract import Job


def key_of(job: Job, results: Mapping[str, dict]) -> str:
    """Return the key of a job's result.

    Args:
        job: of which the name takes no part, so that jobs of several studies can share a result.
        results: of the jobs that it needs, by name.

    """
    parts = {
        "code": code_digest(job.work.__module__),
        "work": f"{job.work.__module__}:{job.work.__qualname__}",
        "settings": job.settings,
        "needs": {name: digest_of(results[name]) for name in job.needs},
    }
    return digest_of(parts)


def digest_of(document: dict) -> str:
    """Return a digest of JSON types."""
    text = json.dumps(document, sort_keys=True, allow_nan=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


class Kept:
    """Results of jobs in a folder, one file each; a file appears whole or not at all.

    Args:
        folder: made where there is none.

    """

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def __contains__(self, key: str) -> bool:
        return self._file(key).exists()

    def read(self, key: str) -> dict | None:
        """Return what was kept, with its `seconds`, or None; a damaged file counts as none."""
        try:
            return json.loads(self._file(key).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def write(self, key: str, job: Job, result: dict, seconds: float) -> None:
        """Keep a result, and remove its checkpoints."""
        document = {"job": job.name, "settings": job.settings, "seconds": seconds, "result": result}
        partial = self._file(key).with_suffix(".partial")
        with open(partial, "w", encoding="utf-8") as file:
            json.dump(document, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, self._file(key))
        shutil.rmtree(self.checkpoints(key), ignore_errors=True)

    def checkpoints(self, key: str) -> Path:
        """Return the folder for the state of a job's training."""
        return self.folder / "checkpoints" / key

    def _file(self, key: str) -> Path:
        return self.folder / f"{key}.json"
