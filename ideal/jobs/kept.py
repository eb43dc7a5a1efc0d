"""Results that are kept under a key made of all that they depend on: code, settings, inputs and the results that they need."""

import contextlib
import hashlib
import json
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

from ideal._checkpoints import distrust
from ideal._documents import loads
from ideal._files import remove_left, write_whole
from ideal._regular_files import check_regular
from ideal.errors import DataError
from ideal.jobs.code import code_digest
from ideal.jobs.contract import Job

_TOKEN = ".disk"  # by which a process on another machine knows whether it sees this folder


def key_of(job: Job, digests: Mapping[str, str], contents: Mapping[str, str] | None = None) -> str:
    """Return the key of a job's result.

    Args:
        job: of which the name takes no part, so that jobs of several runs can share a result.
        digests: `digest_of` the results that it needs, by name.
        contents: digests of its inputs, by name.

    """
    parts = {
        "code": code_digest(job.work.__module__),
        "work": f"{job.work.__module__}:{job.work.__qualname__}",
        "settings": job.settings,
        "needs": {name: digests[name] for name in job.needs},
    }
    if job.inputs:
        parts["inputs"] = {name: (contents or {})[name] for name in job.inputs}
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

    def has(self, key: str) -> bool:
        """Tell whether there is a file for a key, whole or damaged."""
        return self._file(key).exists()

    def write(self, key: str, job: Job, result: str, seconds: float) -> None:
        """Keep a result, and remove its checkpoints and its log.

        Args:
            key: of the result.
            job: that made it.
            result: as JSON.
            seconds: that the job took.

        """
        head = json.dumps({"job": job.name, "settings": job.settings, "seconds": seconds})
        write_whole(self._file(key), f'{head[:-1]}, "result": {result}}}')
        self.clear(key)
        self.log(key).unlink(missing_ok=True)

    def write_log(self, key: str, text: str) -> Path | None:
        """Keep what the attempts at a job said, and return the file; None where it cannot be written."""
        file = self.log(key)
        try:
            file.parent.mkdir(exist_ok=True)
            write_whole(file, text)
        except OSError:
            return None
        return file

    def clear(self, key: str) -> None:
        """Remove the checkpoints of a job that is done."""
        if not (folder := self.checkpoints(key)).exists():
            return
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):  # other jobs have theirs
            folder.parent.rmdir()

    def size(self, key: str) -> int:
        """Return the bytes of a kept result."""
        return self._file(key).stat().st_size

    def checkpoints(self, key: str) -> Path:
        """Return the folder for the state of a job's training."""
        return self.folder / "checkpoints" / key

    def log(self, key: str) -> Path:
        """Return the file for what the attempts at a job said."""
        return self.folder / "logs" / f"{key}.txt"

    def token(self) -> tuple[str, str]:
        """Return a file of this folder and what stands in it: who reads the same there sees the same disk."""
        file = self.folder.resolve() / _TOKEN
        if not file.exists():
            write_whole(file, secrets.token_hex(16))
        return str(file), file.read_text(encoding="ascii")

    def _file(self, key: str) -> Path:
        return self.folder / f"{key}.json"
