"""Cameras written to disk: one HDF5 file with the record of the numbers and a dataset for each map."""

from pathlib import Path
from typing import TYPE_CHECKING

from ideal._files import whole_hdf5
from ideal.cameras.quantity import FORMAT
from ideal.errors import UsageError
from ideal.records import to_json

if TYPE_CHECKING:
    from ideal.cameras.camera import Camera

_SUFFIXES = (".h5", ".hdf5")


def write_camera(camera: "Camera", path: str | Path, *, overwrite: bool = False) -> None:
    """Write a camera to an HDF5 file, which appears whole or not at all.

    Raises:
        UsageError: the file exists, or its name does not end in .h5.

    """
    if Path(path).suffix.lower() not in _SUFFIXES:
        raise UsageError(f"{path}: the name of a camera's file ends in .h5")
    if Path(path).exists() and not overwrite:
        raise UsageError(f"{path} exists: choose another name, or say overwrite=True")
    with whole_hdf5(path) as file:
        file.attrs["format"] = FORMAT
        file["record"] = to_json(camera.to_record())
        for name, values in camera.maps.items():
            data = file.create_dataset(f"maps/{name}", data=values, compression="gzip", compression_opts=1, shuffle=True)
            data.attrs["units"] = {"offset": "DN", "gain": "e-/DN", "read_noise": "e-", "dark_current": "e-/s"}.get(name, "")
