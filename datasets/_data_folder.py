"""The folder of shared data that the environment variable IDEAL_DATA names."""

import os
from pathlib import Path

from ideal.datasets._shared_files import SHARED_FILES
from ideal.errors import DataError, MissingDataError

VARIABLE = "IDEAL_DATA"


def data_folder() -> Path | None:
    """Return the folder that IDEAL_DATA names; None where it is not set.

    Raises:
        DataError: what it names is no folder.

    """
    folder = os.environ.get(VARIABLE)
    if folder and not Path(folder).is_dir():
        raise DataError(f"{VARIABLE} names {folder}, which is no folder: correct it, or unset it to do without")
    return Path(folder) if folder else None


def has_data_file(name: str) -> bool:
    """Return whether the data folder holds a file."""
    folder = data_folder()
    return folder is not None and (folder / name).is_file()


def data_file(name: str, wanted_by: str) -> Path:
    """Return the path of a file in the data folder.

    Args:
        name: of the file, such as "natural_rgb.h5".
        wanted_by: the set of objects that is read from it, for the message.

    Raises:
        MissingDataError: IDEAL_DATA is not set, or its folder does not hold the file.
        DataError: what it names is no folder.

    """
    folder = data_folder()
    expected = f"expected in it: {SHARED_FILES[wanted_by].describe()}" if wanted_by in SHARED_FILES else "expected HDF5"
    if folder is None:
        raise MissingDataError(
            f"{wanted_by} is read from {name} in the data folder, and {VARIABLE} names none: set it to that folder; {expected}"
        )
    if not (folder / name).is_file():
        raise MissingDataError(
            f"{wanted_by}: {folder / name} does not exist: {VARIABLE} must name the folder that holds {name}; {expected}"
        )
    return folder / name


def open_data_file(name: str, wanted_by: str):
    """Return an HDF5 file of the data folder, open for reading.

    Raises:
        DataError: as of `data_file`, or the file is damaged, or of another layout.

    """
    import h5py

    path = data_file(name, wanted_by)
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise DataError(f"{wanted_by}: {path} is no readable HDF5 file ({error}): copy it again") from None
    shared = SHARED_FILES.get(wanted_by)
    missing = [each for each in shared.layout if each not in file] if shared else []
    if shared and missing:
        file.close()
        raise DataError(f"{wanted_by}: {path} holds no {' and no '.join(missing)}; expected {shared.describe()}")
    return file
