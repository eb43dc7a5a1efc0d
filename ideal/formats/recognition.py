"""What kind of file it is, by its first bytes: names may say what they like."""

import os
from pathlib import Path

from ideal._regular_files import check_regular
from ideal.errors import DataError
from ideal.formats._contract import Format
from ideal.registry import Registry

# A new format is one file and one line here.
FORMATS: Registry[Format] = Registry(
    "no format is called",
    "ideal.formats",
    "ideal.formats._contract:Format",
    {
        "hdf5": "ideal.formats.hdf5:Hdf5",
        "npy": "ideal.formats.npy:Npy",
        "npz": "ideal.formats.npy:Npz",
        "tiff": "ideal.formats.tiff:Tiff",
        "zarr": "ideal.formats.zarr_store:Zarr",
        "uvfits": "ideal.formats.uvfits:Uvfits",
        "fits": "ideal.formats.fits_images:FitsImages",
        "mat": "ideal.formats.mat:Mat",
        "png": "ideal.formats.pictures:Png",
        "jpeg": "ideal.formats.pictures:Jpeg",
        "raw": "ideal.formats.raw:CameraRaw",
        "nd2": "ideal.formats.microscopes:Nd2",
        "czi": "ideal.formats.microscopes:Czi",
        "lif": "ideal.formats.microscopes:Lif",
        "kspace": "ideal.formats.kspace:KSpace",
        "frames": "ideal.formats.frames:Frames",
    },
)
_START = 32  # bytes

_OTHERS = {
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


def is_pattern(path: str | Path) -> bool:
    """Tell whether a text has signs that stand for others in the names of files: `*`, `?` or `[...]`."""
    return any(sign in str(path) for sign in "*?[")


def format_of(path: str | Path) -> str:
    """Return the name of a measurement file's format, one of `ideal.formats.FORMATS`.

    The first bytes decide. Where they are those of no format, the ending of the name does; its reader then says what is wrong.

    Raises:
        DataError: nothing of this name is there, or it is neither a regular file nor a zarr folder, or of no format that is read.

    """
    path = Path(path)
    by_name = next((name for name, kind in FORMATS.items() if path.suffix.lower() in kind.suffixes), None)
    if path.is_dir():
        for name, kind in FORMATS.items():
            if kind.recognises_folder(path):
                return name
        raise DataError(
            f"{path}: is a folder" + (f", expected a {path.suffix} file" if by_name else " without files in it: name a file")
        )
    if is_pattern(path) and not os.path.lexists(path):
        return "frames"
    check_regular(path, "a measurement file")
    try:
        with open(path, "rb") as stream:
            start = stream.read(_START)
        kinds = FORMATS.items()
        found = next((name for name, kind in kinds if kind.starts and start.startswith(kind.starts)), None)
        nearer = (name for name, kind in kinds if (found is None or found in kind.shares) and kind.recognises(path, start))
        found = next(nearer, found)
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
        known = " ".join(dict.fromkeys(suffix for kind in FORMATS.values() for suffix in kind.suffixes))
        raise DataError(f"{path}: unknown format, expected one of {known}")
    if by_name == "zarr":
        raise DataError(f"{path}: is a file, expected a zarr folder")
    return by_name
