"""Cameras read from disk: one HDF5 file with the record of the numbers and a dataset for each map."""

from pathlib import Path
from typing import Any

import numpy as np

from ideal._memory import check_memory
from ideal._regular_files import check_regular
from ideal.cameras.camera import Camera
from ideal.cameras.quantity import FORMAT
from ideal.errors import DataError, UsageError
from ideal.records import from_json

_MAPS = ("offset", "gain", "read_noise", "dark_current", "bad_pixels")
_LONGEST = 16 * 2**20  # characters of a record


def read_camera(path: str | Path) -> Camera:
    """Return the camera that `ideal calibrate` or `Camera.save` wrote.

    Raises:
        DataError: the file cannot be read, or holds no camera.

    """
    import h5py

    check_regular(Path(path), "a camera's file")
    wrong = f"{path}: no camera that ideal calibrate wrote"
    try:
        with h5py.File(path, "r") as file:
            if file.attrs.get("format") != FORMAT:
                raise DataError(f"{wrong}: make one of dark frames and flat fields (ideal calibrate)")
            text = file["record"].asstr()[()]
            if len(text) > _LONGEST:
                raise DataError(f"{wrong}: its record is too long")
            record = from_json(text)
            maps = {name: _read(file[f"maps/{name}"], str(path)) for name in _MAPS if f"maps/{name}" in file}
    except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise DataError(f"{wrong} ({type(error).__name__}: {' '.join(str(error).split())})") from None
    try:
        return Camera.from_record(record, maps)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


def as_camera(given: Camera | str | Path) -> Camera:
    """Return a camera that is given itself or by the name of its file.

    Raises:
        DataError: the file cannot be read, or holds no camera.
        UsageError: it is neither.

    """
    if isinstance(given, Camera):
        return given
    if isinstance(given, str | Path):
        return read_camera(given)
    raise UsageError(f"camera is a Camera, or the name of a file that ideal calibrate wrote; found a {type(given).__name__}")


def _read(data: Any, path: str) -> np.ndarray:
    if not isinstance(data.shape, tuple) or data.ndim != 2 or data.is_virtual or data.external:
        raise DataError(f"{path}: a map is no array (row, column)")
    check_memory(path, int(np.prod(data.shape)) * data.dtype.itemsize, "a map", "use a machine with more memory")
    values = data[...]
    if values.dtype.kind not in "uf" or (values.dtype.kind == "f" and not np.isfinite(values).all()):
        raise DataError(f"{path}: a map holds what are no numbers")
    return values.astype(np.uint8) if values.dtype.kind == "u" else values
