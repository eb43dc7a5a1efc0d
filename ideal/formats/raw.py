"""Cameras' raw files, DNG, CR2, CR3, NEF, ARW, by rawpy: the mosaic as recorded, with what the file says of the camera.

DNG's tag NoiseProfile (Adobe, Digital Negative Specification 1.6, 2021) states the variance of a value x between black (0) and
white (1) as S x + O. With a range of R DN between them the gain is 1 / (S R) e-/DN, and the read noise sqrt(O) / S e-.
"""

import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from ideal._memory import check_memory
from ideal.errors import DataError, IdealError, missing_extra
from ideal.formats._contract import Format
from ideal.formats._source import Source
from ideal.health import Finding, plain_note
from ideal.text import plain_text

_COPY = "copy the file again"
_STRIPS = ((273, 279), (324, 325))  # offsets and lengths of strips, of tiles
_SUB_IFDS, _MAKE, _COMPRESSION, _PHOTOMETRIC, _DNG_VERSION, _NOISE_PROFILE = 330, 271, 259, 262, 50706, 51041
_OF_CAMERAS = (34713, 32767, 32769, 32770)  # compressions of NEF, ARW and others that no program but a camera writes
_CFA = 32803
_SIZES = {1: "B", 2: "B", 3: "H", 4: "I", 12: "d", 13: "I"}
_MOST_ENTRIES, _MOST_FOLDERS, _MOST_VALUES = 4096, 16, 64
_LARGEST_PERIOD = 8
_ALIKE = 0.05  # difference of gains between colors that one number stands for


class RawMosaic:
    """The visible pixels of a raw file, (row, column), one color each; unpacked whole when the first is read.

    Args:
        path: of the file.
        shape: rows and columns.
        shift: DN to take from the pixels of each place in a period of the mosaic, (rows, columns), for one black level.

    """

    def __init__(self, path: Path, shape: tuple[int, int], shift: np.ndarray):
        self._path, self.shape, self._shift = path, shape, shift
        self.dtype = np.dtype(np.int32 if shift.any() else np.uint16)
        self._values: np.ndarray | None = None

    def __getitem__(self, index) -> np.ndarray:
        """Return the part of one index."""
        if self._values is None:
            with _opened(self._path) as raw:
                values = np.array(raw.raw_image_visible)
            if values.shape != self.shape:
                raise DataError(f"{self._path}: unpacks to shape {values.shape}, its header says {self.shape}: {_COPY}")
            if self._shift.any():
                tiles = [-(-size // period) for size, period in zip(self.shape, self._shift.shape, strict=True)]
                values = values.astype(np.int32) - np.tile(self._shift, tiles)[: self.shape[0], : self.shape[1]]
            self._values = values
        return self._values[index]


class _opened:
    """An unpacked raw file; what LibRaw says becomes an error that names it."""

    def __init__(self, path: Path):
        self._path = path

    def __enter__(self) -> Any:
        import rawpy

        self._raw = rawpy.RawPy()
        try:
            self._raw.open_file(str(self._path))
            sizes = self._raw.sizes
            check_memory(self._path, 8 * int(sizes.raw_width) * int(sizes.raw_height), "its mosaic", "use a larger machine")
            self._raw.unpack()
        except BaseException as error:
            self._raw.close()
            if isinstance(error, IdealError | MemoryError | KeyboardInterrupt):
                raise
            raise DataError(f"{self._path}: cannot be read as a camera's raw file ({_reason(error)}): {_COPY}") from error
        return self._raw

    def __exit__(self, *error) -> None:
        self._raw.close()


def _reason(error: BaseException) -> str:
    text = error.args[0] if error.args else ""
    text = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    return plain_text(" ".join(text.split()))[:200] or type(error).__name__


def open_raw(path: Path) -> Source:
    """Open a camera's raw file: its mosaic, with black and white level, period and, of DNG, gain and read noise.

    Raises:
        DataError: it cannot be read, or holds no mosaic.
        MissingPackageError: rawpy is not installed.

    """
    try:
        import rawpy
    except ImportError as error:
        raise missing_extra("rawpy", "raw", f"reading {path}") from error
    _check_length(path)
    with _opened(path) as raw:
        if raw.raw_type != rawpy.RawType.Flat or raw.raw_image_visible.ndim != 2:
            raise DataError(f"{path}: holds demosaiced colors, no mosaic of the sensor: use the camera's original file")
        shape = tuple(map(int, raw.raw_image_visible.shape))
        colors = np.array(raw.raw_colors_visible[: 2 * _LARGEST_PERIOD, : 2 * _LARGEST_PERIOD])
        black = np.array(raw.black_level_per_channel, dtype=np.float64)
        white, letters = float(raw.white_level), raw.color_desc.decode("ascii", "replace")
    period = _period(colors)
    tile = colors[: period[0], : period[1]].astype(int)
    levels = black[np.minimum(tile, len(black) - 1)]
    shift = np.rint(levels - levels.min()).astype(np.int32)
    attributes: dict[str, Any] = {
        "units": "DN",
        "period": np.array(period),
        "pattern": "/".join("".join(letters[color] if color < len(letters) else "?" for color in row) for row in tile.tolist()),
        "black_level": levels.ravel().tolist(),
        "white_level": white,
    }
    offset, saturation = float(levels.min()), white - float(shift.max())
    if saturation > offset:
        attributes["saturation"] = saturation
    findings = []
    if shift.any():
        findings.append(
            plain_note(
                f"black levels of the mosaic's colors differ by up to {shift.max()} DN; all are brought to {offset:g} DN",
                black_levels=levels.ravel().tolist(),
            )
        )
    given = _noise_of(path, white - offset)
    if given is not None:
        attributes |= {"noise": "poisson-gaussian", "gain": given["gain"], "read_noise": given["read_noise"]}
        findings.append(_from_profile(given, offset))
    mosaic = RawMosaic(path, (shape[0], shape[1]), shift)
    arrays: dict[str, Any] = {"measurements": mosaic}
    return Source(
        str(path), arrays, attributes, findings, trusted=True, axes="yx", with_gain={"offset": offset} if offset else {}
    )


def _check_length(path: Path) -> None:
    """Refuse a file that ends before its mosaic does, of which LibRaw would write to the terminal by itself."""
    size = path.stat().st_size
    with open(path, "rb") as stream:
        for tags in _folders(stream):
            for places, lengths in _STRIPS:
                end = max((a + b for a, b in zip(tags.get(places, ()), tags.get(lengths, ()), strict=False)), default=0)
                if end > size:
                    raise DataError(f"{path}: truncated, {size} bytes where its header promises {end}: {_COPY}")


def _period(colors: np.ndarray) -> tuple[int, int]:
    """Return rows and columns after which the colors of a sensor repeat."""

    def along(axis: int) -> int:
        moved = np.moveaxis(colors, axis, 0)
        return next((n for n in range(1, _LARGEST_PERIOD + 1) if np.array_equal(moved[n:], moved[:-n])), 1)

    return along(0), along(1)


def _noise_of(path: Path, span: float) -> dict[str, Any] | None:
    """Return gain and read noise of DNG's NoiseProfile, or None where it has none that can be used."""
    with open(path, "rb") as stream:
        values = next((tags[_NOISE_PROFILE] for tags in _folders(stream) if _NOISE_PROFILE in tags), None)
    if values is None or len(values) < 2 or len(values) % 2 or span <= 0:
        return None
    slopes, offsets = np.array(values[::2], np.float64), np.array(values[1::2], np.float64)
    if not (np.isfinite(slopes).all() and np.isfinite(offsets).all() and (slopes > 0).all()):
        return None
    slope = float(np.median(slopes))
    variance = float(np.median(offsets))
    return {
        "gain": 1 / (slope * span),
        "read_noise": math.sqrt(max(variance, 0.0)) / slope,
        "spread": float(slopes.max() / slopes.min() - 1),
        "profile": [float(value) for value in values],
    }


def _from_profile(given: dict[str, Any], offset: float) -> Finding:
    differs = given["spread"] > _ALIKE
    return Finding(
        "camera-figures",
        "biased" if differs else "note",
        f"gain {given['gain']:.4g} e-/DN, read noise {given['read_noise']:.3g} e- and black level {offset:g} DN are those "
        "that the file states (NoiseProfile)"
        + f"; its colors differ by {given['spread']:.0%}, and the median is taken"
        * differs,
        effect="the noise of some colors is stated wrongly" * differs,
        remedy="measure the camera (--gain, --read-noise) where you can",
        figures={key: given[key] for key in ("gain", "read_noise", "spread", "profile")} | {"offset": offset},
    )


def _folders(stream: IO[bytes]) -> Iterator[dict[int, tuple]]:
    """Give the tags of the directories of a TIFF, and of those inside them, as numbers or texts; what is damaged is left out."""
    start = stream.read(8)
    if start[:4] not in (b"II*\0", b"MM\0*"):
        return
    order = "<" if start[:2] == b"II" else ">"
    waiting: list[int] = [struct.unpack(f"{order}I", start[4:])[0]]
    seen: set[int] = set()
    while waiting and len(seen) < _MOST_FOLDERS:
        place = waiting.pop(0)
        if place in seen or not place:
            continue
        seen.add(place)
        stream.seek(place)
        head = stream.read(2)
        count = min(struct.unpack(f"{order}H", head)[0] if len(head) == 2 else 0, _MOST_ENTRIES)
        entries = stream.read(12 * count)
        following = stream.read(4)
        tags = {}
        for at in range(0, len(entries) - 11, 12):
            code, kind, size, _ = struct.unpack(f"{order}HHII", entries[at : at + 12])
            letter = _SIZES.get(kind)
            if letter is None or code in tags:
                continue
            size = min(size, _MOST_VALUES)
            length = size * struct.calcsize(letter)
            content = entries[at + 8 : at + 8 + length]
            if length > 4:
                stream.seek(struct.unpack(f"{order}I", entries[at + 8 : at + 12])[0])
                content = stream.read(length)
            if len(content) == length:
                tags[code] = struct.unpack(f"{order}{size}{letter}", content)
        waiting += [int(each) for each in tags.get(_SUB_IFDS, ())]
        if len(following) == 4:
            waiting.append(struct.unpack(f"{order}I", following)[0])
        yield tags


class CameraRaw(Format):
    """Cameras' raw files (DNG, CR2, CR3, NEF, ARW): the mosaic of the sensor, one sample a file."""

    starts = (b"II*\0\x10\0\0\0CR", b"\0\0\0\x18ftypcrx")
    suffixes = (".dng", ".cr2", ".cr3", ".nef", ".arw")
    shares = ("tiff",)

    @classmethod
    def recognises(cls, path: Path, start: bytes) -> bool:
        """Tell whether a TIFF is a DNG, or a camera's own: with a maker, and a mosaic in an inner directory or its coding."""
        if start[:10] == cls.starts[0]:
            return True
        with open(path, "rb") as stream:
            folders = list(_folders(stream))
        if not folders:
            return False
        if _DNG_VERSION in folders[0]:
            return True
        makes = any(_MAKE in tags for tags in folders)
        coded = any(tags.get(_COMPRESSION, (0,))[0] in _OF_CAMERAS for tags in folders)
        mosaic = any(tags.get(_PHOTOMETRIC, (0,))[0] == _CFA for tags in folders[1:])
        return makes and (coded or (mosaic and _SUB_IFDS in folders[0]))

    @classmethod
    def open(cls, path: Path, name: str | None, *, follow_links: bool, **options: Any) -> Source:
        """Open a file; see `Format.open`."""
        return open_raw(path)
