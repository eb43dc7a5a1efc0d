"""FITS images and cubes, tile-compressed ones included, by astropy; UVFITS is another format that its header tells apart."""

import math
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from ideal._memory import check_memory, in_bytes
from ideal.errors import DataError, missing_extra
from ideal.formats._contract import Format
from ideal.formats._source import Source
from ideal.formats.fits_header import FITS
from ideal.formats.hdf5 import empty_promise, is_empty_promise
from ideal.health import Finding
from ideal.text import plain_text

_COPY = "copy or write the file again"
_SPECTRAL = ("FREQ", "WAVE", "AWAV", "VELO", "VRAD", "VOPT", "ENER", "WAVN", "ZOPT", "BETA", "FELO", "STOKES", "RGB", "COLOR")
_UNITS = {**dict.fromkeys(("adu", "dn", "count", "counts", "ct"), "DN")}
_UNITS |= dict.fromkeys(("electron", "electrons", "e-", "photon", "photons", "photoelectrons"), "photoelectrons")
_FINE_LEVEL = 4.0  # steps to the noise, from which on rounding adds less than 0.6 % to its variance
_KEPT = ("OBJECT", "INSTRUME", "TELESCOP", "DATE-OBS", "EXPTIME", "GAIN", "EGAIN", "RDNOISE", "BUNIT", "FILTER", "IMAGETYP")


class FitsArray:
    """The image of one header and data unit; only the parts asked for are read, values as BZERO and BSCALE say."""

    def __init__(self, where: str, unit: Any, dtype: np.dtype):
        self._where, self._unit = where, unit
        self.shape, self.dtype = tuple(map(int, unit.shape)), dtype

    def __getitem__(self, index) -> np.ndarray:
        """Return the part of one index: slices without a step of the first axes, or of all."""
        index = index if isinstance(index, tuple) else (index,)
        index = (*index, *[slice(None)] * (len(self.shape) - len(index)))
        sizes = [len(range(*one.indices(size))) for one, size in zip(index, self.shape, strict=True)]
        if 0 in sizes:
            return np.empty(sizes, self.dtype)
        try:
            return _read(self._unit, index).astype(self.dtype, copy=False).reshape(sizes)
        except (DataError, MemoryError):
            raise
        except Exception as error:  # decoders raise what they like
            raise DataError(f"{self._where}: cannot be decoded ({_reason(error)}): {_COPY}") from error


def _read(unit: Any, index: tuple[slice, ...]) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asarray(unit.section[index])


def open_fits(file: Path, name: str | None) -> Source:
    """Open the image of a FITS file: the extension of this number or name, or the only image.

    Args:
        file: its path.
        name: number of the extension, 0 for the first part of the file, or its EXTNAME; None for the only image.

    Raises:
        DataError: it cannot be read, is cut short, or holds no such image, or several and none is named.
        MissingPackageError: astropy is not installed.

    """
    try:
        from astropy.io import fits
        from astropy.utils.exceptions import AstropyWarning
    except ImportError as error:
        raise missing_extra("astropy", "astronomy", f"reading {file}") from error
    handle = None
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            handle = fits.open(file, memmap=False, lazy_load_hdus=False)  # parts of scaled images cannot be mapped
            units = list(handle)
        cut = [str(each.message) for each in said if issubclass(each.category, AstropyWarning) and "truncat" in str(each.message)]
        if cut:
            raise DataError(f"{file}: truncated FITS file ({plain_text(cut[0])[:100]}): {_COPY}")
        return _source(file, name, handle, units)
    except BaseException as error:
        if handle is not None:
            handle.close()
        if isinstance(error, Exception) and not isinstance(error, DataError | MemoryError):
            raise DataError(f"{file}: cannot be read as FITS ({_reason(error)}): {_COPY}") from error
        raise


def _source(file: Path, name: str | None, handle: Any, units: list) -> Source:
    images = {place: unit for place, unit in enumerate(units) if _is_image(unit)}
    listed = ", ".join(
        f"{file}::{place}{f' ({plain_text(unit.name)})' if unit.name else ''} {tuple(unit.shape)}"
        for place, unit in list(images.items())[:6]
    )
    if name is None:
        if len(images) != 1:
            what = f"several images: name one of {listed}" if images else "no image of rows and columns: is it the right file?"
            raise DataError(f"{file}: holds {what}")
        place = next(iter(images))
    else:
        matching = [
            at for at in images if (re.fullmatch("[0-9]{1,6}", name) and at == int(name)) or images[at].name == name.upper()
        ]
        if len(matching) != 1:
            raise DataError(f"{file}: {'several images' if matching else 'no image'} {name!r}, it holds {listed or 'none'}")
        place = matching[0]
    unit, where = images[place], str(file) if name is None else f"{file}::{name}"
    _check_size(file, where, unit)
    dtype = _read(unit, tuple(slice(0, 1) for _ in unit.shape)).dtype.newbyteorder("=")
    header = unit.header
    attributes = {key: _plain(header[key]) for key in _KEPT if key in header}
    if (units_of := _UNITS.get(str(header.get("BUNIT", "")).strip().lower())) is not None:
        attributes["units"] = units_of
    array, axes, whole = FitsArray(where, unit, dtype), _axes(header, len(unit.shape)), tuple(map(int, unit.shape))
    arrays: dict[str, Any] = {"measurements": array}
    findings = _lossy(file, place) if hasattr(unit, "compression_type") else []
    return Source(where, arrays, attributes, findings, close=handle.close, axes=axes, whole_shape=whole)


def _lossy(file: Path, place: int) -> list[Finding]:
    """Return a finding where the tiles of an extension are compressed with loss, as its table says."""
    from astropy.io import fits

    with warnings.catch_warnings(), fits.open(file, disable_image_compression=True) as handle:
        warnings.simplefilter("ignore")
        table = handle[place]
        header, columns = table.header, [name.upper() for name in table.columns.names]
    figures = {str(header.get(f"ZNAME{k}", "")).upper(): header.get(f"ZVAL{k}") for k in range(1, 10)}
    method = plain_text(str(header.get("ZCMPTYPE", "")))
    scale = float(figures.get("SCALE") or 0.0) if method.startswith("HCOMPRESS") else 0.0
    level = float(figures.get("NOISEBIT") or 0.0)
    if scale > 0:
        text, harmful = f"tiles are compressed with loss ({method}, scale {scale:g})", True
    elif "ZSCALE" in columns:  # steps of decimal numbers, by tile; a level below 0 is the step itself
        harmful = level < _FINE_LEVEL
        steps = f"{level:g} steps to the noise of a tile" if level > 0 else "steps of a size of their own"
        text = f"decimal numbers are rounded before they are compressed ({method}, {steps})"
    else:
        return []
    return [
        Finding(
            "lossy-compression",
            "biased" if harmful else "note",
            text,
            effect="what the compression takes from the noise, or adds to it, makes the number wrong" if harmful else "",
            remedy="compress without loss (GZIP_2, or RICE of whole numbers)" * harmful,
            figures={"method": method, "scale": scale, "steps_to_the_noise": level},
        )
    ]


def _is_image(unit: Any) -> bool:
    return bool(getattr(unit, "is_image", False)) and len(unit.shape or ()) >= 2 and 0 not in unit.shape


def _check_size(file: Path, where: str, unit: Any) -> None:
    size = file.stat().st_size
    itemsize = abs(int(unit.header.get("BITPIX", 8))) // 8
    promised = math.prod(map(int, unit.shape)) * itemsize
    tile = getattr(unit, "tile_shape", None)
    if tile is None:
        start = int(unit.fileinfo()["datLoc"])
        if start + promised > size:
            raise DataError(
                f"{where}: truncated FITS file, {in_bytes(size)} where its header promises {in_bytes(promised)}: {_COPY}"
            )
        return
    if is_empty_promise(tuple(map(int, unit.shape)), itemsize, size):
        raise DataError(empty_promise(where, tuple(map(int, unit.shape)), itemsize, size))
    check_memory(
        where, 3 * math.prod(map(int, tile)) * max(4, itemsize), f"one of its tiles, {tuple(tile)},", "write smaller tiles"
    )


def _axes(header: Any, rank: int) -> str:
    """Return letters for the axes of an image, the last of FITS first; "" where the file does not name a third or later one."""
    letters = ["x", "y"]
    for number in range(3, rank + 1):
        kind = str(header.get(f"CTYPE{number}", "")).strip().upper()
        letter = "c" if kind.startswith(_SPECTRAL) else "t" if kind.startswith(("TIME", "UTC", "TAI")) else ""
        if not letter or letter in letters:
            return ""
        letters.append(letter)
    return "".join(reversed(letters))


def _plain(value: Any) -> Any:
    return plain_text(value) if isinstance(value, str) else value if isinstance(value, bool | int | float) else str(value)


def _reason(error: Exception) -> str:
    return plain_text(" ".join(str(error).split()))[:200] or type(error).__name__


class FitsImages(Format):
    """FITS images and cubes, compressed ones too; `FILE.fits::N` or `FILE.fits::NAME` names an extension."""

    suffixes = (".fits", ".fit", ".fts")
    has_names = True

    @classmethod
    def recognises(cls, path: Path, start: bytes) -> bool:
        """Tell whether it begins as FITS; those of random groups are asked for before."""
        return start.startswith(FITS)

    @classmethod
    def open(cls, path: Path, name: str | None, *, follow_links: bool, **options: Any) -> Source:
        """Open a file; see `Format.open`."""
        return open_fits(path, name)
