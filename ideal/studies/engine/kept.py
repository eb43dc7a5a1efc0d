"""Results that are kept under a key made of all that they depend on: code, settings and the results that they need."""

import contextlib
import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from ideal._checkpoints import distrust
from ideal._documents import loads
from ideal._files import remove_left, write_whole
from ideal._regular_files import check_regular
from ideal.errors import DataError
from ideal.studies.engine.code import code_digest
from ideal.studies.engine.contract import Job


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
        for each in (folder, *folder.glob("checkpoints/**")):
            remove_left(each)

    def read(self, key: str) -> dict | None:
        """Return what was kept, with its `seconds`, or None; a damaged file counts as none, and is named.

        Warns:
            StorageWarning: the file is damaged.

        """
        file = self._file(key)
        try:
            if not file.exists():
                return None
            check_regular(file, "a kept result", file.name)
            kept = loads(file.read_text(encoding="utf-8"))
            if not isinstance(kept, dict) or not {"result", "seconds"} <= kept.keys():
                raise ValueError("it holds no result")
        except (DataError, OSError, ValueError, RecursionError) as error:
            distrust(file, error)
            return None
        self.clear(key)  # a run that was killed right after it had kept the result has left them
        return kept

    def write(self, key: str, job: Job, result: dict, seconds: float) -> None:
        """Keep a result, and remove its checkpoints."""
        document = {"job": job.name, "settings": job.settings, "seconds": seconds, "result": result}
        write_whole(self._file(key), json.dumps(document))
        self.clear(key)

    def clear(self, key: str) -> None:
        """Remove the checkpoints of a job that is done."""
        shutil.rmtree(self.checkpoints(key), ignore_errors=True)
        with contextlib.suppress(OSError):  # other jobs have theirs, or there is none
            self.checkpoints(key).parent.rmdir()

    def checkpoints(self, key: str) -> Path:
        """Return the folder for the state of a job's training."""
        return self.folder / "checkpoints" / key

    def _file(self, key: str) -> Path:
        return self.folder / f"{key}.json"
