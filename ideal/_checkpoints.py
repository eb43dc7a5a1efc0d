"""Arrays on disk from which interrupted work goes on: a checkpoint that cannot be kept, or read, costs time and nothing else."""

import io
import warnings
from collections.abc import Mapping
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from ideal._files import write_whole
from ideal._regular_files import check_regular
from ideal.errors import DataError, StorageWarning


def write_checkpoint(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write named arrays to a file that appears whole or not at all; its folder is made.

    Warns:
        StorageWarning: it cannot be written, as on a full disk; the work goes on without.

    """
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **arrays)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content.getvalue())
    except OSError as error:
        text = f"{path}: cannot be written ({error.strerror}): this part is done again after an interruption"
        warnings.warn(text, StorageWarning, stacklevel=2)


def read_checkpoint(path: Path) -> dict[str, np.ndarray] | None:
    """Return what `write_checkpoint` wrote, or None where there is no such file.

    Warns:
        StorageWarning: the file is damaged; what it kept is done again.

    """
    try:
        if path.exists():
            check_regular(path, "a checkpoint", path.name)
        with path.open("rb") as whole, np.load(whole) as file:
            return {name: file[name] for name in file.files}
    except FileNotFoundError:
        return None
    except (DataError, OSError, ValueError, KeyError, EOFError, AttributeError, BadZipFile) as error:
        distrust(path, error)
        return None


def distrust(path: Path, reason: object) -> None:
    """Warn that a file in a run's folder is damaged, or of another run, and takes no part."""
    text = " ".join(str(reason).split())
    warnings.warn(f"{path}: damaged, or of another run ({text}): this part is done again", StorageWarning, stacklevel=3)
