"""What kind of file it is, by its first bytes: names may say what they like."""

import os
from pathlib import Path

from ideal._regular_files import check_regular
from ideal.errors import DataError

_HDF5 = b"\x89HDF\r\n\x1a\n"
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_STARTS = {
    b"\x93NUMPY": "npy",
    b"PK\x03\x04": "npz",
    b"PK\x05\x06": "npz",
    b"SIMPLE  =": "uvfits",
    **dict.fromkeys(_TIFF, "tiff"),
}
_OTHERS = {
    b"\x89PNG": "a PNG picture, which cameras do not record: save the camera's raw values as TIFF, .npy or HDF5",
    b"\xff\xd8\xff": "a JPEG picture, whose values are no measurements: save the camera's raw values as TIFF, .npy or HDF5",
    b"MATLAB 5.0": "a MATLAB file of an older kind: save it with -v7.3, which is HDF5",
    b"\x1f\x8b": "compressed (gzip): unpack it first",
    b"BZh": "compressed (bzip2): unpack it first",
    b"\xfd7zXZ": "compressed (xz): unpack it first",
    b"(\xb5/\xfd": "compressed (zstd): unpack it first",
    b"7z\xbc\xaf": "an archive (7z): unpack it first",
    b"Rar!": "an archive (rar): unpack it first",
    b"\x80\x04\x95": "a Python pickle, which may run code and is never opened: save the array with numpy.save",
    b"CDF\x01": "a NetCDF file of the classic kind: save it as NetCDF-4, which is HDF5",
    b"CDF\x02": "a NetCDF file of the classic kind: save it as NetCDF-4, which is HDF5",
    b"version https://git-lfs": "a pointer of Git LFS, not the file itself: fetch it (git lfs pull)",
}
_ZARR = ("zarr.json", ".zarray", ".zgroup", ".zmetadata", ".zattrs")
_BY_SUFFIX = {
    **dict.fromkeys((".h5", ".hdf5"), "hdf5"),
    ".npy": "npy",
    ".npz": "npz",
    **dict.fromkeys((".tif", ".tiff"), "tiff"),
    ".zarr": "zarr",
    **dict.fromkeys((".uvfits", ".uvf", ".fits"), "uvfits"),
}
SUFFIXES = tuple(_BY_SUFFIX)
_USER_BLOCKS = 2**24  # HDF5 may begin at any power of two from 512 on; further away nobody puts it


def format_of(path: str | Path) -> str:
    """Return the kind of a measurement file: "hdf5", "npy", "npz", "tiff", "zarr" or "uvfits".

    The first bytes decide. Where they are those of none of these, the ending of the name decides, whose reader then says what is
    wrong.

    Raises:
        DataError: nothing of this name is there, or it is neither a regular file nor a zarr folder, or of no format that is read.

    """
    path = Path(path)
    by_name = _BY_SUFFIX.get(path.suffix.lower())
    if path.is_dir():
        if any(os.path.lexists(path / name) for name in _ZARR) or by_name == "zarr":
            return "zarr"
        raise DataError(f"{path}: is a folder" + (f", expected a {path.suffix} file" if by_name else ": name the files in it"))
    check_regular(path, "a measurement file")
    try:
        with open(path, "rb") as stream:
            start = stream.read(32)
            found = next((kind for magic, kind in _STARTS.items() if start.startswith(magic)), None)
            if found is None and _has_hdf5(stream, path.stat().st_size):
                found = "hdf5"
    except PermissionError as error:
        raise DataError(f"{path}: permission denied, the file cannot be read") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    if found is not None:
        return found
    if not start and by_name is None:
        raise DataError(f"{path}: is empty (0 bytes): copy or record it again")
    for magic, words in _OTHERS.items():
        if start.startswith(magic):
            raise DataError(f"{path}: is {words}")
    if by_name is None:
        raise DataError(f"{path}: unknown format, expected one of {' '.join(SUFFIXES)}")
    if by_name == "zarr":
        raise DataError(f"{path}: is a file, expected a zarr folder")
    return by_name


def _has_hdf5(stream, size: int) -> bool:
    place = 0
    while place < min(size, _USER_BLOCKS):
        stream.seek(place)
        if stream.read(8) == _HDF5:
            return True
        place = 512 if place == 0 else 2 * place
    return False
