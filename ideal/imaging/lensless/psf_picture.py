"""Pictures that hold a measured point spread function, with all their bits, and what is to be said of how they were read."""

import math
import struct
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ideal._regular_files import check_regular
from ideal.errors import DataError
from ideal.formats.hdf5 import Hdf5Tree
from ideal.formats.npy import load_array, read_header
from ideal.formats.recognition import format_of
from ideal.formats.tiff import _complaints, decoding_fault
from ideal.health.finding import Finding, plain_note

SUFFIXES = (".tif", ".tiff", ".png", ".npy", ".h5", ".hdf5")
_PNG = b"\x89PNG\r\n\x1a\n"
_MOST_VALUES = 2**26
_PNG_BYTES = 2**30
_PNG_CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}  # by color type: grey, RGB, grey and alpha, RGB and alpha
_PNG_LINEAR = 100_000  # what the chunk gAMA says of a picture that is linear in the light
_ALPHA = (1, 2)  # TIFF's ExtraSamples: associated and unassociated alpha


@dataclass(frozen=True)
class Picture:
    """A picture as it was stored.

    Attributes:
        values: (row, column), float64; channels are averaged.
        largest: that the type of the file can hold; None of floating-point numbers.
        findings: what is odd about it.

    """

    values: np.ndarray
    largest: float | None = None
    findings: list[Finding] = field(default_factory=list)


def read_picture(path: str) -> Picture:
    """Return the one picture in a file.

    Three channels are averaged with equal weights. An alpha channel is no light: it is left out where it is the same everywhere.

    Args:
        path: of a .tif, .png or .npy file, or FILE.h5::DATASET.

    Raises:
        DataError: the file is missing, cannot be read, or holds no picture: several pictures, a palette, transparency that
            varies, channels that are neither grey nor red, green and blue.

    """
    file, _, dataset = path.partition("::")
    if not Path(file).exists():
        raise DataError(f"{file}: no such file: check psf_file")
    kind = _kind_of(file)
    if dataset and kind != "hdf5":
        raise DataError(f"{path}: a {Path(file).suffix.lower()} file holds one picture, remove '::{dataset}'")
    readers = {"npy": _read_npy, "png": _read_png, "tiff": _read_tiff}
    try:
        if kind in readers:
            values, alpha, findings = readers[kind](file)
        else:
            values, alpha, findings = _read_hdf5(file, dataset)
    except DataError:
        raise
    except Exception as error:  # each of the readers has its own kinds
        reason = " ".join(str(error).split())
        raise DataError(f"{file}: cannot be read as a picture ({type(error).__name__}: {reason})") from error
    if values.dtype.kind not in "uifb":
        raise DataError(f"{path}: values of type {values.dtype}, expected real numbers")
    largest = float(np.iinfo(values.dtype).max) if values.dtype.kind in "ui" else None
    light, more = _light(path, values, alpha)
    return Picture(light, largest, [*findings, *more])


def _kind_of(file: str) -> str:
    """Return "npy", "png", "tiff" or "hdf5" by the first bytes of a file; by its name where they are of none."""
    check_regular(file, "a picture")
    with open(file, "rb") as stream:
        if stream.read(8) == _PNG:
            return "png"
    if Path(file).suffix.lower() == ".png":
        return "png"
    kind = format_of(file)
    if kind == "jpeg":
        raise DataError(f"{file} is a JPEG picture, compressed with loss: give the PSF as .tif, .png or .npy")
    if kind not in ("npy", "tiff", "hdf5"):
        raise DataError(f"{file}: unknown format, expected one of {' '.join(SUFFIXES)}")
    return kind


def _light(path: str, values: np.ndarray, alpha: bool) -> tuple[np.ndarray, list[Finding]]:
    findings = []
    if alpha:
        opacity, values = values[..., -1], values[..., :-1]
        if (opacity != opacity.flat[0]).any():
            raise DataError(
                f"{path}: has an alpha channel that varies from {opacity.min():g} to {opacity.max():g}; transparency is no "
                "light: save the picture without it"
            )
        findings.append(plain_note(f"{path}: the alpha channel, the same everywhere, is left out"))
    values = values.astype(np.float64)
    if values.ndim == 3 and values.shape[2] in (1, 3):
        if values.shape[2] == 3 and (values.max(2) != values.min(2)).any():
            findings.append(plain_note(f"{path}: red, green and blue differ; their mean is taken"))
        values = values.mean(2)
    if values.ndim != 2:
        raise DataError(
            f"{path}: an array of shape {values.shape}, expected one picture: (row, column), or (row, column, 3) of red, "
            "green and blue"
        )
    return values, findings


def _check_size(file: str, rows: int, columns: int) -> None:
    if rows * columns > _MOST_VALUES:
        raise DataError(f"{file}: a picture of {rows} x {columns} pixels, expected at most {_MOST_VALUES:.3g} in all: crop it")


def _read_npy(file: str):
    with open(file, "rb") as stream:
        header = read_header(stream, file)
    _check_size(file, math.prod(header.shape), 1)
    return load_array(file, "a picture"), False, []


def _read_hdf5(file: str, dataset: str):
    tree = Hdf5Tree(file)
    try:
        if not dataset:
            raise DataError(f"{file}: name the picture in it as {file}::DATASET")
        found = tree.get(dataset)
        if not isinstance(found, tree.array_type):
            raise DataError(f"{file}: no dataset {dataset!r} in it")
        _check_size(file, found.size or 0, 1)
        findings = [plain_note(f"{file}: the picture lies in {', '.join(map(str, tree.files))}")] if tree.files else []
        return np.asarray(found[()]), False, findings
    finally:
        tree.close()


def _read_tiff(file: str):
    import tifffile

    with _complaints("tifffile") as errors, tifffile.TiffFile(file) as stack:
        if len(stack.pages) != 1:
            found = f"a stack of {len(stack.pages)} pictures" if len(stack.pages) else "a damaged or truncated TIFF"
            raise DataError(f"{file}: {found}, expected one picture")
        page = stack.pages.first
        _check_size(file, page.imagelength, page.imagewidth * page.samplesperpixel)
        kind = getattr(page.photometric, "name", str(page.photometric))
        if kind not in ("MINISBLACK", "MINISWHITE", "RGB"):
            raise DataError(f"{file}: a TIFF of photometric {kind}, expected grey values or RGB: save it as one of these")
        try:
            values, axes = page.asarray(), page.axes
        except Exception as error:  # decoders raise what they like
            raise decoding_fault(file, page, "its page", error) from error
        extra = tuple(int(each) for each in page.extrasamples)
        bits = page.bitspersample
        if errors:
            raise DataError(f"{file}: a damaged or truncated TIFF ({errors[0]})")
    if "S" in axes:
        values = np.moveaxis(values, axes.index("S"), -1)
    if kind == "MINISWHITE":
        if values.dtype.kind != "u":
            raise DataError(
                f"{file}: white is its least value, and values of type {values.dtype} have no greatest: invert it first"
            )
        values = np.asarray(2**bits - 1, dtype=values.dtype) - values
    alpha = len(extra) == 1 and extra[0] in _ALPHA
    findings = [_encoded(file, "an RGB TIFF of 8 bits")] if kind == "RGB" and values.dtype == np.uint8 else []
    return values, alpha, findings


def _read_png(file: str):
    if Path(file).stat().st_size > _PNG_BYTES:
        raise DataError(f"{file}: has {Path(file).stat().st_size} bytes, expected a PNG of at most {_PNG_BYTES}: crop it")
    data = Path(file).read_bytes()
    if data[:8] != _PNG:
        raise DataError(f"{file}: is no PNG")
    chunks, header = _png_chunks(file, data)
    columns, rows, bits, kind, _, _, interlace = header
    _check_size(file, rows, columns)
    if kind not in _PNG_CHANNELS:
        raise DataError(f"{file}: a PNG with a palette, whose values are numbers of colors: save it as grey values")
    channels = _PNG_CHANNELS[kind]
    if bits == 16 and channels > 1:
        # The usual reader keeps 8 of the 16 bits of every picture that is not grey.
        if interlace:
            raise DataError(f"{file}: an interlaced PNG of 16 bits and {channels} channels, expected one without interlacing")
        values = _png_values(_unpacked(file, chunks[b"IDAT"], rows * (1 + 2 * channels * columns)), rows, columns, channels)
    else:
        from PIL import Image

        with Image.open(file) as picture:
            values = np.asarray(picture)
    if values.ndim == 3 and values.shape[2] != channels:
        raise DataError(f"{file}: {values.shape[2]} channels were read where the file has {channels}")
    gamma = struct.unpack(">I", chunks[b"gAMA"][0])[0] if b"gAMA" in chunks else None
    findings = []
    if gamma != _PNG_LINEAR and (bits <= 8 or gamma is not None or b"sRGB" in chunks):
        said = b"sRGB" in chunks or b"iCCP" in chunks or gamma is not None
        findings.append(_encoded(file, "a PNG that says so" if said else f"a PNG of {bits} bits", sure=said))
    return values, kind in (4, 6), findings


def _unpacked(file: str, parts: list[bytes], size: int) -> bytes:
    """Return as many bytes of a PNG's values as its header tells of."""
    values = zlib.decompressobj().decompress(b"".join(parts), size)
    if len(values) < size:
        raise DataError(f"{file}: this PNG ends after {len(values)} of {size} bytes of values")
    return values


def _png_chunks(file: str, data: bytes) -> tuple[dict[bytes, list[bytes]], tuple]:
    chunks: dict[bytes, list[bytes]] = {}
    place = 8
    while place + 8 <= len(data):
        length, name = struct.unpack(">I4s", data[place : place + 8])
        body = data[place + 8 : place + 8 + length]
        if len(body) < length or data[place + 8 + length : place + 12 + length] != struct.pack(">I", zlib.crc32(name + body)):
            raise DataError(f"{file}: the chunk {name.decode('latin-1')} of this PNG is cut off or damaged")
        chunks.setdefault(name, []).append(body)
        place += 12 + length
    if b"IHDR" not in chunks or b"IDAT" not in chunks or b"IEND" not in chunks:
        raise DataError(f"{file}: this PNG is cut off")
    return chunks, struct.unpack(">IIBBBBB", chunks[b"IHDR"][0])


def _png_values(raw: bytes, rows: int, columns: int, channels: int) -> np.ndarray:
    """Return the 16-bit values of a PNG without interlacing, (row, column, channel): section 9 of the PNG specification."""
    step = 2 * channels
    lines = np.frombuffer(raw, np.uint8).reshape(rows, 1 + step * columns)
    before = np.zeros((columns + 1, step), np.int64)  # the line above, with one pixel of zeros to its left
    out = np.empty((rows, columns, step), np.uint8)
    for row, line in enumerate(lines):
        kind, found = int(line[0]), np.zeros((columns + 1, step), np.int64)
        given = line[1:].reshape(columns, step).astype(np.int64)
        if kind == 0:
            found[1:] = given
        elif kind == 1:
            found[1:] = np.cumsum(given, axis=0) % 256
        elif kind == 2:
            found[1:] = (given + before[1:]) % 256
        elif kind in (3, 4):
            for column in range(1, columns + 1):
                left, above, corner = found[column - 1], before[column], before[column - 1]
                guess = (left + above) // 2 if kind == 3 else _paeth(left, above, corner)
                found[column] = (given[column - 1] + guess) % 256
        else:
            raise ValueError(f"line {row} has the filter {kind}, expected 0 to 4")
        out[row], before = found[1:], found
    return out.view(">u2").astype(np.uint16).reshape(rows, columns, channels)


def _paeth(left: np.ndarray, above: np.ndarray, corner: np.ndarray) -> np.ndarray:
    guess = left + above - corner
    to_left, to_above, to_corner = abs(guess - left), abs(guess - above), abs(guess - corner)
    return np.where((to_left <= to_above) & (to_left <= to_corner), left, np.where(to_above <= to_corner, above, corner))


def _encoded(file: str, what: str, *, sure: bool = False) -> Finding:
    return Finding(
        "psf-encoded",
        "biased" if sure else "note",
        f"{file}: {what} {'has' if sure else 'usually has'} gamma-encoded values; they are taken as linear in the light",
        "faint parts of a gamma-encoded PSF come out too bright",
        "save linear values, as 16-bit TIFF or .npy",
    )
