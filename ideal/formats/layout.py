"""Whether the shape of an array, and how alike neighbors are along each axis, fit the axes as which it would be read.

Rows and columns of pictures are alike from one entry to the next, and the less so the further apart. Independent samples are not
alike at all. A channel axis has few entries. Where shape and values leave no doubt that the axes are others, the array is
refused. Where they leave some, there is a finding.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ideal.errors import UsageError
from ideal.formats._source import Source
from ideal.formats.axes import as_read, in_words
from ideal.health import Finding

_WINDOW = 256  # entries of an axis that are read at most
_VALUES = 2**18  # values of a block
_ENTRY_BYTES = 16 * 2**20  # of whole entries of the first axis: some formats decode these whole
_ALIKE = 0.15  # correlation from which on neighbors count as alike
_FEW = 4  # channels at most, where nothing else is known
_IMAGE = 8  # rows and columns at least, where nothing else is known
_FIVE = {5: "tzcyx", 6: "ntzcyx"}


def check_layout(array: Any, path: str) -> list[Finding]:
    """Return a finding where the axes of an array of images are in doubt.

    Args:
        array: with `shape` and `dtype`, read by a slice for each axis, as stored.
        path: what messages call it.

    Raises:
        UsageError: shape and values say that the axes are others than those as which the array would be read.

    """
    shape = tuple(array.shape)
    if np.dtype(array.dtype).kind not in "iuf" or len(shape) < 2 or 0 in shape:
        return []
    if len(shape) > 4:
        raise UsageError(
            f"{path}: shape {shape} has {len(shape)} axes: name each of them, as --axes {_FIVE.get(len(shape), 'nntzcyx')} for "
            f"{in_words(_FIVE.get(len(shape), 'nntzcyx'))}, or take a part of the file"
        )
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # of values that are no measurements, which others name
            likeness = _Likeness(array)
            letters, sure = {2: _of_two, 3: _of_three, 4: _of_four}[len(shape)](shape, likeness)
    except (OSError, RuntimeError, ValueError, TypeError, KeyError):  # broken data: whoever reads them says so, and where
        return []
    if not letters:
        return []
    kept = as_read(len(shape))
    looks = f"shape {shape} looks like {in_words(letters)}"
    planes = ", --axes nzyx where these are planes of one field" if letters == "ncyx" and shape[1] > _FEW else ""
    if sure:
        raise UsageError(f"{path}: {looks}: type --axes {letters}{planes}, or --axes {kept} to keep it as read, {in_words(kept)}")
    return [
        Finding(
            "axes-doubtful",
            "note",
            f"{looks}, and is read as {in_words(kept)}",
            effect="with wrong axes the number means nothing",
            remedy=f"type --axes {letters} if it is so{planes}, --axes {kept} if it is not",
            figures={"shape": list(shape), "axes": letters, "axes_read": kept},
        )
    ]


def settle(source: Source) -> None:
    """Name the axes of an array of a program that has no order of its own, where shape and values leave no doubt.

    Args:
        source: changed in place: its `axes` and `findings`.

    Raises:
        UsageError: which axis counts samples is not plain.

    """
    array = source.arrays["measurements"]
    shape = tuple(array.shape)
    if len(shape) == 2:
        source.findings += [] if _looks_otherwise(array, shape) else [_two_axes(shape)]
    if len(shape) < 3:
        return
    letters = _plain_order(array, shape)
    if not letters:
        usual = {3: "yxn", 4: "yxcn"}.get(len(shape), "yxczt"[: len(shape)])
        other = {3: "nyx", 4: "nyxc"}.get(len(shape), "tzcyx"[-len(shape) :])
        raise UsageError(
            f"{source.path}: shape {shape}, and which axis counts samples is not plain: type --axes {usual} for "
            f"{in_words(usual)}, as most such files have it, or --axes {other} for {in_words(other)}"
        )
    source.axes = letters
    other = as_read(len(shape)) if letters != as_read(len(shape)) else {3: "yxn", 4: "yxcn"}[len(shape)]
    source.findings.append(
        Finding(
            "axes-doubtful",
            "note",
            f"shape {shape} is read as {in_words(letters)}, by how alike neighbors are along each axis",
            effect="with wrong axes the number means nothing",
            remedy=f"type --axes {letters} to say so, --axes {other} if it is not",
            figures={"shape": list(shape), "axes": letters, "axes_read": letters},
        )
    )


def _looks_otherwise(array: Any, shape: tuple[int, ...]) -> bool:
    """Tell whether `check_layout` has a word of its own on an array of two axes."""
    try:
        return np.dtype(array.dtype).kind not in "iuf" or 0 in shape or bool(_of_two(shape, _Likeness(array))[0])
    except (OSError, RuntimeError, ValueError, TypeError, KeyError):  # broken data: whoever reads them says so, and where
        return True


def _two_axes(shape: tuple[int, ...]) -> Finding:
    return Finding(
        "axes-doubtful",
        "note",
        f"shape {shape} is read as {in_words('nv')}, {shape[0]} samples of {shape[1]} values",
        effect="with wrong axes the number means nothing",
        remedy="type --axes yx if it is one picture, --axes vn if each column is a sample, --axes nv if it is not",
        figures={"shape": list(shape), "axes": "nv", "axes_read": "nv"},
    )


def _plain_order(array: Any, shape: tuple[int, ...]) -> str:
    """Return the letters of an array of three or four axes that its values leave no doubt of, else ""."""
    if len(shape) > 4 or np.dtype(array.dtype).kind not in "iuf" or 0 in shape:
        return ""
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            like = _Likeness(array)
            if len(shape) == 4:
                letters, sure = _of_four(shape, like)
                return letters if sure and "n" in letters else ""
            last = like.pictures(0, 1, less=2) and like.independent(2, (0, 1))
            first = like.pictures(1, 2, less=0) and like.independent(0, (1, 2))
    except (OSError, RuntimeError, ValueError, TypeError, KeyError):  # broken data: whoever reads them says so, and where
        return ""
    return "" if last == first else "yxn" if last else "nyx"


class _Likeness:
    """Correlation of neighbors along each axis, from two blocks of an array."""

    def __init__(self, array: Any):
        shape = tuple(array.shape)
        first = max(8, _ENTRY_BYTES // max(1, math.prod(shape[1:]) * array.dtype.itemsize))
        window = _WINDOW
        while window > 8 and math.prod(min(window, size) for size in (min(first, shape[0]), *shape[1:])) > _VALUES:
            window //= 2
        sizes = [min(window, size) for size in (min(first, shape[0]), *shape[1:])]
        middle = [slice((size - part) // 2, (size - part) // 2 + part) for size, part in zip(shape[1:], sizes[1:], strict=True)]
        starts = sorted({0, (shape[0] - sizes[0]) // 2})
        blocks = [np.asarray(array[(slice(start, start + sizes[0]), *middle)], dtype=np.float64) for start in starts]
        self._blocks = [_clipped(block) for block in blocks if np.isfinite(block).all()]
        self.sizes = sizes
        self.error = 5 / math.sqrt(max(1, sum(block.size for block in self._blocks)))

    def along(self, axis: int, *, less: int | None = None, lag: int = 1) -> float:
        """Return the correlation of entries `lag` apart along an axis, less the mean along the axis `less` (or of all)."""
        if self.sizes[axis] <= lag:
            return 0.0
        product = power = 0.0
        for block in self._blocks:
            rest = block - block.mean(axis=less, keepdims=True)
            moved = np.moveaxis(rest, axis, 0)
            product += float(np.mean(moved[:-lag] * moved[lag:]))
            power += float(np.mean(rest**2))
        return product / power if power else 0.0

    def fades(self, axis: int, *, less: int | None = None) -> bool:
        """Tell whether entries far apart along an axis are less alike than neighbors, as in pictures."""
        near = self.along(axis, less=less)
        lags = {self.sizes[axis] // 2, self.sizes[axis] // 3} - {0, 1}  # two, for what is periodic
        return any(self.along(axis, less=less, lag=lag) < 0.85 * near for lag in lags)

    def independent(self, axis: int, beside: tuple[int, ...] = ()) -> bool:
        """Tell whether neighbors along an axis are no more alike than independent samples, nor nearly as along those beside."""
        bias = 1 / max(1, self.sizes[axis] - 1)
        least = min((self.along(other, less=axis) for other in beside), default=0.0)
        return abs(self.along(axis, less=axis) + bias) < max(0.05, self.error, 0.2 * least)

    def pictures(self, rows: int, columns: int, *, less: int | None = None) -> bool:
        """Tell whether two axes look like the rows and columns of pictures."""
        least = max(_ALIKE, self.error)
        return all(self.along(axis, less=less) > least and self.fades(axis, less=less) for axis in (rows, columns))


def _clipped(block: np.ndarray) -> np.ndarray:
    """Return values without the outermost hundredth at each end: hot and dead pixels tell nothing of axes."""
    return np.clip(block, *np.quantile(block, [0.01, 0.99]))


def _even(one: float, two: float, most: float) -> bool:
    return one > 0 and two > 0 and max(one, two) < most * min(one, two)


def _of_two(shape: Sequence[int], like: _Likeness) -> tuple[str, bool]:
    """Return the letters that an array of two axes looks like, "" for those as read, and whether there is no doubt."""
    if min(shape) < _IMAGE:
        return "", False
    if like.pictures(0, 1) and _even(like.along(0), like.along(1), 2) and not like.independent(0, (1,)):
        return "yx", False
    smooth = like.along(0, less=1) > max(_ALIKE, like.error) and like.fades(0, less=1) and like.independent(1, (0,))
    return ("vn", False) if smooth and shape[0] < shape[1] else ("", False)


def _of_three(shape: Sequence[int], like: _Likeness) -> tuple[str, bool]:
    """Return the letters that an array of three axes looks like, "" for those as read, and whether there is no doubt."""
    rows, columns, last = shape
    if last <= _FEW and min(rows, columns) >= 2 * _IMAGE:
        down, across = like.along(0), like.along(1)
        one_picture = like.pictures(0, 1) and _even(down, across, 2) and min(down, across) > 2 * _ALIKE
        return ("yxc", True) if one_picture and not like.independent(0) else ("", False)
    if min(shape) < _IMAGE or like.pictures(1, 2, less=0):
        return "", False
    if like.pictures(0, 1, less=2) and like.independent(2, (0, 1)):
        return "yxn", True
    square = rows == columns >= _IMAGE and last >= 2 * rows and not like.independent(0)
    return ("yxn", False) if square and like.along(2, less=0) < _ALIKE else ("", False)


def _of_four(shape: Sequence[int], like: _Likeness) -> tuple[str, bool]:
    """Return the letters that an array of four axes looks like, "" for those as read, and whether there is no doubt."""
    first, second, third, last = shape
    if last >= _IMAGE:
        if min(first, second) >= _IMAGE and third <= _FEW and like.pictures(0, 1, less=3) and like.independent(3, (0, 1)):
            return "yxcn", True
        in_last = first <= _FEW and min(second, third) >= _IMAGE and like.pictures(1, 2, less=3) and like.independent(3, (1, 2))
        if in_last:
            return "cyxn", like.along(0, less=3) > _ALIKE
    if second == 1:
        return ("ncyx", True) if third > 1 and last > _FEW else ("", False)
    down, across = like.along(2, less=0), like.along(3, less=0)
    if second <= _FEW:
        if min(third, last) >= _IMAGE:
            return "ncyx", not (down > 2 * _ALIKE and across < 0.3 * down)
        return ("ncyx", last > _FEW) if third == last > second and last >= _FEW else ("", False)
    if last <= _FEW or second == third:
        return "", False
    pictures = like.pictures(2, 3, less=0)
    over = like.along(1, less=0)
    if third == last >= _IMAGE:
        apart = abs(over - down) > 2 * abs(across - down) + 0.03  # bands of a spectrum: rows and columns are alike, bands are not
        if pictures and _even(down, across, 1.5) and apart:
            return "ncyx", True
        return ("ncyx", False) if 2 * second <= third and not (down > 2 * _ALIKE and across < 0.3 * down) else ("", False)
    plain = pictures and _even(down, across, 1.25) and abs(over - down) > abs(across - down) + 0.1
    return ("ncyx", False) if plain and 2 * second < min(third, last) else ("", False)
