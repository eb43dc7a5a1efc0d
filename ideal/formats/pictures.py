"""Pictures, PNG and JPEG, one sample a file; those made for the eye are refused unless the user says that they are linear.

A value of 8 bits is nearly always encoded for a screen (gamma), and JPEG rounds away the noise: neither is a count of photons.
"""

import struct
import warnings
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ideal._memory import check_memory, in_bytes
from ideal.errors import DataError
from ideal.formats._contract import Format
from ideal.formats._source import Source
from ideal.health import Finding
from ideal.text import plain_text

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _RGB, _PALETTE = 0, 2, 3
_COLORS = {_GREY: 1, _RGB: 3, _PALETTE: 1, 4: 2, 6: 4}
_CHUNKS = 1000  # before the first of the values
_LINEAR = 100_000  # what the chunk gAMA holds where values are proportional to light
# No compression of PNG makes a file shorter than this, bytes of values for each of the file; of JPEG, pixels.
_PNG_RATIO, _JPEG_RATIO = 1040, 2000
_COPY = "copy the file again"


class _Header(NamedTuple):
    """What the header of a PNG says."""

    width: int
    height: int
    bits: int
    color: int
    encoding: str  # how values stand to the light, in words; "" where the file does not say
    linear: bool
    animated: bool


class Picture:
    """The values of one picture, (row, column) or (row, column, color); decoded whole when the first of them is read."""

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: np.dtype):
        self._path, self.shape, self.dtype = path, shape, np.dtype(dtype)
        self._values: np.ndarray | None = None

    def __getitem__(self, index) -> np.ndarray:
        """Return the part of one index."""
        if self._values is None:
            check_memory(self._path, 3 * int(np.prod(self.shape)) * self.dtype.itemsize, "the picture", "cut it into parts")
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    values = np.asarray(self._decode())
            except (OSError, SyntaxError, ValueError, EOFError, struct.error) as error:
                raise DataError(f"{self._path}: cannot be decoded ({_reason(error)}): {_COPY}") from error
            if values.shape != self.shape:
                raise DataError(f"{self._path}: decodes to shape {values.shape}, its header says {self.shape}: {_COPY}")
            self._values = values.astype(self.dtype, copy=False)
        return self._values[index]

    def _decode(self) -> np.ndarray:
        raise NotImplementedError


class _PngPicture(Picture):
    def __init__(self, path: Path, header: _Header):
        colors = (3,) if header.color == _RGB else ()
        super().__init__(path, (header.height, header.width, *colors), np.dtype("u2" if header.bits == 16 else "u1"))
        self._header = header

    def _decode(self) -> np.ndarray:
        if self._header.color == _RGB and self._header.bits == 16:
            # Pillow keeps the high byte of each number only. Read as if the low byte stood first, it keeps the other.
            return self._bytes("RGB;16B").astype(np.uint16) << 8 | self._bytes("RGB;16L")
        values = self._bytes()
        if self._header.bits in (2, 4) and self._header.color == _GREY:
            values = values // (255 // (2**self._header.bits - 1))  # which Pillow spreads over 8 bits
        return values

    def _bytes(self, layout: str | None = None) -> np.ndarray:
        from PIL.PngImagePlugin import PngImageFile

        with PngImageFile(str(self._path)) as image:  # not Image.open, which tries others and has limits of its own
            if layout is not None:
                image.tile = [tile._replace(args=layout) for tile in image.tile]
            image.load()
            return np.array(image)


class _JpegPicture(Picture):
    def _decode(self) -> np.ndarray:
        from PIL.JpegImagePlugin import JpegImageFile

        with JpegImageFile(str(self._path)) as image:
            image.load()
            return np.array(image)


def _reason(error: Exception) -> str:
    return plain_text(" ".join(str(error).split()))[:200] or type(error).__name__


def _png_header(path: Path) -> _Header:
    size = path.stat().st_size
    encoding, linear, animated = "", False, False
    with open(path, "rb") as stream:
        start = stream.read(33)
        if len(start) < 33 or start[12:16] != b"IHDR" or not start.startswith(_SIGNATURE):
            raise DataError(f"{path}: damaged or truncated PNG ({len(start)} bytes of its header): {_COPY}")
        width, height, bits, color = struct.unpack(">IIBB", start[16:26])
        for _ in range(_CHUNKS):
            head = stream.read(8)
            if len(head) < 8:
                raise DataError(f"{path}: truncated PNG, it ends before its values: {_COPY}")
            length, kind = int.from_bytes(head[:4], "big"), head[4:]
            if kind == b"IDAT":
                break
            content = stream.read(4) if kind == b"gAMA" else b""
            if kind == b"gAMA" and len(content) == 4:
                gamma = int.from_bytes(content, "big")
                linear = gamma == _LINEAR
                encoding = encoding or ("" if linear else f"its chunk gAMA says that values grow as light to the {gamma / 1e5:g}")
            elif kind == b"sRGB":
                encoding = "its chunk sRGB says that values are encoded for a screen"
            elif kind == b"acTL":
                animated = True
            if stream.tell() + length - len(content) + 4 > size:
                raise DataError(
                    f"{path}: truncated PNG, its part {plain_text(kind.decode('latin-1'))} has {length} bytes: {_COPY}"
                )
            stream.seek(length - len(content) + 4, 1)
        else:
            raise DataError(f"{path}: damaged PNG, more than {_CHUNKS} parts stand before its values: {_COPY}")
    if color not in _COLORS or bits not in (1, 2, 4, 8, 16) or not width or not height:
        raise DataError(f"{path}: damaged PNG, a header of {width} x {height} pixels, {bits} bits and colors {color}: {_COPY}")
    promised = height * (1 + -(-width * bits * _COLORS[color] // 8))
    if promised > _PNG_RATIO * size:
        raise DataError(
            f"{path}: its header promises {width} x {height} pixels, {in_bytes(promised)}, which no file of {in_bytes(size)} "
            f"holds: {_COPY}"
        )
    return _Header(width, height, bits, color, encoding, linear, animated)


def _for_the_eye(path: Path, why: str, linear: bool | None, figures: dict[str, Any]) -> list[Finding]:
    """Return what stays to be said of a picture that the user calls linear.

    Raises:
        DataError: the user does not.

    """
    if not linear:
        raise DataError(
            f"{path}: {why}, no photon counts: save the camera's raw values (TIFF, .npy, HDF5, 16-bit PNG), or, where values are "
            "proportional to the light, say so (--linear)"
        )
    return [
        Finding(
            "taken-as-linear",
            "biased",
            f"{why}; its values are taken as proportional to the light, as asked for (--linear)",
            effect="where they are not, the noise of a value is not that of a count, and the number is off by an unknown amount",
            remedy="use the camera's raw values",
            figures=figures,
        )
    ]


def open_png(path: Path, linear: bool | None = None) -> Source:
    """Open a PNG picture of 1 to 16 bits, grey or RGB.

    Args:
        path: of the file.
        linear: whether the user says that values are proportional to the light.

    Raises:
        DataError: damaged, with a palette or transparency, or made for the eye and `linear` is not set.

    """
    header = _png_header(path)
    if header.animated:
        raise DataError(f"{path}: is an animation of several pictures, expected one: save each frame in a file of its own")
    if header.color == _PALETTE:
        raise DataError(f"{path}: its values are numbers of colors in a table (palette): save the picture as grey values, or RGB")
    if header.color not in (_GREY, _RGB):
        raise DataError(f"{path}: has a channel of transparency (alpha), which measures no light: save it as grey values, or RGB")
    findings = []
    if header.encoding or (header.bits in (2, 4, 8) and not header.linear):
        why = header.encoding or "a PNG of 8 bits or fewer, which programs encode for a screen (gamma)"
        findings = _for_the_eye(path, why, linear, {"bits": header.bits, "format": "png"})
    axes = "yxc" if header.color == _RGB else "yx"
    return Source(str(path), {"measurements": _PngPicture(path, header)}, {"bits": header.bits}, findings, axes=axes)


def open_jpeg(path: Path, linear: bool | None = None) -> Source:
    """Open a JPEG picture, grey or RGB.

    Args:
        path: of the file.
        linear: whether the user says that values are proportional to the light.

    Raises:
        DataError: damaged, of inks (CMYK), or `linear` is not set.

    """
    findings = _for_the_eye(
        path, "a JPEG, whose compression changes values and which is encoded for a screen", linear, {"format": "jpeg"}
    )
    from PIL.JpegImagePlugin import JpegImageFile

    try:
        with warnings.catch_warnings(), JpegImageFile(str(path)) as image:
            warnings.simplefilter("ignore")
            (width, height), mode = image.size, image.mode
    except (OSError, SyntaxError, ValueError, EOFError, KeyError, IndexError, TypeError, struct.error) as error:
        raise DataError(f"{path}: cannot be read as JPEG ({_reason(error)}): {_COPY}") from error
    if mode not in ("L", "RGB"):
        raise DataError(f"{path}: a JPEG of {mode} colors, no measure of light: save the camera's raw values, or RGB")
    if width * height > _JPEG_RATIO * path.stat().st_size:
        raise DataError(f"{path}: its header promises {width} x {height} pixels, more than a file of its size holds: {_COPY}")
    colors = (3,) if mode == "RGB" else ()
    picture = _JpegPicture(path, (height, width, *colors), np.dtype("u1"))
    return Source(str(path), {"measurements": picture}, {"bits": 8}, findings, axes="yxc" if colors else "yx")


class Png(Format):
    """PNG pictures, one sample a file; of 8 bits with `linear` alone."""

    starts = (_SIGNATURE, b"\x89PNG")
    suffixes = (".png",)
    options: ClassVar[frozenset[str]] = frozenset({"linear"})

    @classmethod
    def open(cls, path: Path, name: str | None, *, follow_links: bool, **options: Any) -> Source:
        """Open a file; see `Format.open`."""
        return open_png(path, options.get("linear"))


class Jpeg(Format):
    """JPEG pictures, one sample a file; with `linear` alone."""

    starts = (b"\xff\xd8\xff",)
    suffixes = (".jpg", ".jpeg")
    options: ClassVar[frozenset[str]] = frozenset({"linear"})

    @classmethod
    def open(cls, path: Path, name: str | None, *, follow_links: bool, **options: Any) -> Source:
        """Open a file; see `Format.open`."""
        return open_jpeg(path, options.get("linear"))
