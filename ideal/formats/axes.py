"""Axes of an array by letters, and the array with its axes in the order that the package works in.

Letters: n sample, t time, z plane, c channel, y row, x column, v value; s is what TIFF files call the channels of a color. Only n
may stand several times. Whatever the order in the file, the result is (sample, row, column[, channel]) or (sample, value).

Every step in n, t and z becomes a sample. Samples of one field belong to one source: with n in the axes a field is one n, and
planes in t and z of it share a source; without n a field is one t; without n and t all planes in z are of one field.

Of complex pictures, as of k-space, each point is a sample with a value a channel, and those of one n belong to one source.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ideal.errors import UsageError
from ideal.formats._source import NAMES, Source
from ideal.health import Finding

WORDS = {
    "n": "sample",
    "t": "time",
    "z": "plane",
    "c": "channel",
    "s": "channel",
    "y": "row",
    "x": "column",
    "v": "value",
}
_SAMPLES, _CHANNELS = "ntz", "cs"
_CACHE_BYTES = 128 * 2**20
_AS_READ = {2: "nv", 3: "nyx", 4: "nyxc"}


def parse_axes(text: str) -> str:
    """Return axes as lower-case letters, one an axis of the stored array, first axis first.

    Raises:
        UsageError: a letter is unknown or stands twice, or the letters name neither images nor vectors.

    """
    letters = str(text).strip().lower()
    example = "expected one letter an axis, as nyx, ncyx, yxn or tzcyx (n sample, t time, z plane, c channel, y, x, v value)"
    for letter in letters:
        if letter not in WORDS:
            raise UsageError(f"axes {text!r}: no axis is called {letter!r}, {example}")
        if letter != "n" and letters.count(letter) > 1:
            raise UsageError(f"axes {text!r}: {letter} stands twice, {example}")
    images, vectors = "y" in letters and "x" in letters, "v" in letters
    if images == vectors or ("y" in letters) != ("x" in letters) or (vectors and set(letters) & set(_CHANNELS)):
        raise UsageError(f"axes {text!r} name neither images (y and x) nor vectors (v without y, x and c), {example}")
    return letters


def in_words(letters: str) -> str:
    """Return axes in words, as (sample, channel, row, column)."""
    return f"({', '.join(WORDS[letter] for letter in letters)})"


def as_read(rank: int) -> str:
    """Return the axes as which an array of 2, 3 or 4 axes is read where nobody names them, else ""."""
    return _AS_READ.get(rank, "")


def _is_in_order(letters: str) -> bool:
    return letters[:1] in tuple(_SAMPLES) and letters[1:] in ("yx", "yxc", "yxs", "v")


def arrange(source: Source, axes: str | None) -> None:
    """Bring the arrays of an open file into the order (sample, row, column[, channel]) or (sample, value).

    Axes that the user names go before those that the file names. Where nobody names any, the arrays stay as they are.

    Args:
        source: changed in place: its arrays, `axes`, `findings`, and `groups` where planes of one field become samples.
        axes: letters as of `parse_axes`, or None.

    Raises:
        UsageError: the letters have no meaning, or there are more or fewer than axes.

    """
    array = source.arrays["measurements"]
    letters = source.axes if axes is None else parse_axes(axes)
    if not letters:
        return
    if source.whole_shape is not None and len(letters) == len(source.whole_shape) != len(array.shape):
        array = Reshaped(array, source.whole_shape)
    shape = tuple(array.shape)
    if len(letters) != len(shape):
        raise UsageError(
            f"{source.path}: axes {letters} name {len(letters)} axes, the measurements have {len(shape)}, shape {shape}: "
            "give one letter for each (--axes)"
        )
    if array.dtype.kind == "c" and "v" not in letters:
        _arrange_points(source, array, letters)
        source.axes, source.axes_named = letters, axes is not None
        return
    field = _field_of_samples(letters, shape, named=axes is not None)
    if not _is_in_order(letters):
        _arrange_arrays(source, array, letters, field)
    if field is not None and len(np.unique(field)) < len(field) and "groups" not in source.arrays:
        source.arrays["groups"] = field
        source.findings.append(_planes_grouped(letters, shape, field))
    source.axes, source.axes_named = letters, axes is not None


def sources_of_microscope(letters: str, shape: Sequence[int]) -> list[Finding]:
    """Return a remark where a microscope's file names no fields, and its times or planes are taken for sources of their own.

    Args:
        letters: axes that the file names.
        shape: of the array.

    """
    sizes = {letter: size for letter, size in zip(letters, shape, strict=True) if size > 1 and letter in _SAMPLES}
    if len(sizes) != 1 or "n" in sizes:  # of times and planes together others say that a time is a field
        return []
    count = math.prod(sizes.values())
    if "t" in sizes:
        text, remedy = f"{sizes['t']} points in time and no fields, and each time counts as a source", f"--groups {count}"
    else:
        text, remedy = f"{count} planes in depth and no fields, and each plane counts as a source", f"--axes {letters}"
    return [
        Finding(
            "fields-unnamed",
            "note",
            f"the file names {text}",
            effect="where they are of one field, the interval is too narrow",
            remedy=f"if so, type {remedy}",
            figures={"axes": letters, **sizes},
        )
    ]


def _arrange_points(source: Source, array: Any, letters: str) -> None:
    """Make each point of complex pictures, as of k-space, a sample with a value for each channel (coil)."""
    shape, named = tuple(array.shape), letters
    if not any(letter in _CHANNELS for letter in letters):
        array, letters = Reshaped(array, (*shape, 1)), f"{letters}c"
    # Rows and columns count samples, as times and planes do; of several letters of a kind each is an axis of its own.
    as_points = "".join({"y": "t", "x": "z", "c": "v", "s": "v"}.get(letter, letter) for letter in letters)
    source.arrays["measurements"] = Arranged(array, as_points)
    if "clean" in source.arrays and tuple(source.arrays["clean"].shape) == shape:
        clean = source.arrays["clean"]
        source.arrays["clean"] = Arranged(Reshaped(clean, array.shape) if len(array.shape) != len(shape) else clean, as_points)
    points, coils = source.arrays["measurements"].shape
    fields = [i for i, letter in enumerate(letters) if letter == "n"]
    word = "field"
    if math.prod(shape[i] for i in fields) <= 1:
        fields, word = [letters.index("y")], "row"
    if "groups" not in source.arrays:
        counting = [(i, array.shape[i]) for i, letter in enumerate(as_points) if letter in _SAMPLES]
        group: np.ndarray = np.zeros((), np.int64)
        for axis, size in counting:
            numbers = np.arange(size, dtype=np.int64)
            group = group[..., None] * (size if axis in fields else 1) + (numbers if axis in fields else np.zeros_like(numbers))
        source.arrays["groups"] = group.ravel()
    source.findings.append(
        Finding(
            "planes-grouped",
            "note",
            f"axes {named} of complex values: each of {points} points is a sample of {coils} "
            f"channel{'s' * (coils != 1)}, and those of one {word} count as one source",
            effect="rows of one field stand in for independent sources: the interval is too narrow" * (word == "row"),
            remedy="name other sources with --groups",
            figures={"axes": named, "points": points, "channels": coils},
        )
    )


def _field_of_samples(letters: str, shape: Sequence[int], named: bool) -> np.ndarray | None:
    """Return the number of the field of every sample; None where each sample is a field of its own."""
    axes = [i for i, letter in enumerate(letters) if letter in _SAMPLES]
    kind = "n" if "n" in letters else "t" if "t" in letters else "" if named else _SAMPLES
    # planes in z alone that nobody but the file names so: programs call any plain stack by this name
    chosen = [k for k, i in enumerate(axes) if letters[i] in kind]
    if all(k in chosen or shape[i] == 1 for k, i in enumerate(axes)):
        return None
    if not chosen:
        return np.zeros(math.prod(shape[i] for i in axes), np.int64)
    index = np.indices([shape[i] for i in axes]).reshape(len(axes), -1)
    return np.ravel_multi_index([index[k] for k in chosen], [shape[axes[k]] for k in chosen]).astype(np.int64)


def _planes_grouped(letters: str, shape: Sequence[int], field: np.ndarray) -> Finding:
    kinds = [letter for letter in "tz" if letter in letters and shape[letters.index(letter)] > 1]
    kinds = kinds if "n" in letters or "t" not in letters else ["z"]
    count = len(np.unique(field))
    return Finding(
        "planes-grouped",
        "note",
        f"axes {letters}: {len(field)} planes in {' and '.join(kinds)} are of {count} field{'s' * (count != 1)}, and those of "
        "one field count as one source",
        effect="they are scored together, and the interval is that of so many fields",
        remedy="name other sources with --groups",
        figures={"axes": letters, "fields": count, "planes": len(field)},
    )


def _arrange_arrays(source: Source, array, letters: str, field: np.ndarray | None) -> None:
    inner = "".join(letter for letter in letters if letter not in _SAMPLES)
    shape = tuple(array.shape)
    inner_shape = tuple(shape[i] for i, letter in enumerate(letters) if letter not in _SAMPLES)
    source.arrays["measurements"] = Arranged(array, letters)
    for name in set(NAMES) & set(source.arrays) - {"measurements"}:
        part = source.arrays[name]
        if name in ("clean", "sigma"):
            if tuple(part.shape) == shape:
                source.arrays[name] = Arranged(part, letters)
            elif name == "sigma" and tuple(part.shape) == inner_shape:
                source.arrays[name] = Arranged(np.asarray(part[...])[None], "n" + inner)[0:1][0]
        elif field is None or not len(part.shape):
            continue
        elif part.shape[0] != len(field) and part.shape[0] == int(field.max(initial=-1)) + 1:
            source.arrays[name] = _Repeated(part, field) if name == "objects" else _values(part)[field]


def _values(array) -> np.ndarray:
    if getattr(array.dtype, "kind", "") == "O" and hasattr(array, "asstr"):
        return array.asstr()[...]
    return np.asarray(array[...])


class Reshaped:
    """An array in a file with axes of length 1 put in or left out; read by a slice for each axis."""

    def __init__(self, array: Any, shape: Sequence[int]):
        self._array, self.shape, self.dtype = array, tuple(shape), np.dtype(array.dtype)
        whole = [i for i, size in enumerate(self.shape) if size != 1]
        stored = [i for i, size in enumerate(array.shape) if size != 1]
        self._place = dict(zip(stored, whole, strict=True))

    def __getitem__(self, index: tuple[slice, ...]) -> np.ndarray:
        """Return the part of one index."""
        inner = tuple(index[self._place[i]] if i in self._place else slice(None) for i in range(len(self._array.shape)))
        sizes = [len(range(*one.indices(size))) for one, size in zip(index, self.shape, strict=True)]
        return np.asarray(self._array[inner]).reshape(sizes)


class _Repeated:
    """An array in a file of which several samples share an entry."""

    def __init__(self, array: Any, entries: np.ndarray):
        self._array, self._entries = array, entries
        self.shape, self.dtype = (len(entries), *array.shape[1:]), array.dtype

    def __getitem__(self, samples: slice) -> np.ndarray:
        """Return the entries of the samples of one slice without a step."""
        wanted = self._entries[samples]
        if not len(wanted):
            return np.asarray(self._array[0:0])
        first = int(wanted.min())
        return np.asarray(self._array[first : int(wanted.max()) + 1])[wanted - first]


class Arranged:
    """An array in a file as (sample, row, column[, channel]) or (sample, value), whatever its axes are; read part by part.

    A single channel has no axis. Where samples do not stand one after the other in the file, 128 MiB of them are read at a time.

    Args:
        array: with `shape` and `dtype`; read by a slice for each axis.
        letters: its axes, as of `parse_axes`.

    """

    def __init__(self, array: Any, letters: str):
        self._array, self.dtype = array, np.dtype(array.dtype)
        stored = tuple(array.shape)
        self._samples = [i for i, letter in enumerate(letters) if letter in _SAMPLES]
        self._sizes = [stored[i] for i in self._samples]
        place = {letter: i for i, letter in enumerate(letters)}
        self._pixels = [place["v"]] if "v" in place else [place["y"], place["x"]]
        self._channels = [i for i, letter in enumerate(letters) if letter in _CHANNELS]
        count = math.prod(stored[i] for i in self._channels)
        channels = (count,) if self._channels and count != 1 else ()
        self.shape = (math.prod(self._sizes), *(stored[i] for i in self._pixels), *channels)
        last = max((i for i in self._samples if stored[i] > 1), default=0)
        apart = math.prod(stored[i] for i in range(last) if i not in self._samples) > 1
        sample_bytes = max(1, math.prod(self.shape[1:]) * self.dtype.itemsize)
        self._block = max(1, _CACHE_BYTES // sample_bytes) if apart and not isinstance(array, np.ndarray) else 0
        self._cached: tuple[int, np.ndarray] | None = None

    def __getitem__(self, index) -> np.ndarray:
        """Return samples, or rows of samples: `array[start:stop]`, `array[start:stop, rows]`, slices without a step."""
        samples, rows = index if isinstance(index, tuple) else (index, slice(None))
        start, stop, _ = samples.indices(self.shape[0])
        stop = max(start, stop)
        if not self._block:
            return self._read(start, stop, rows)
        parts = []
        while start < stop:
            number = start // self._block
            first = number * self._block
            if self._cached is None or self._cached[0] != number:
                self._cached = None
                self._cached = number, self._read(first, min(first + self._block, self.shape[0]), slice(None))
            end = min(stop, first + self._block)
            parts.append(self._cached[1][start - first : end - first, rows])
            start = end
        return np.concatenate(parts) if parts else self._read(0, 0, rows)

    def _read(self, start: int, stop: int, rows: slice) -> np.ndarray:
        parts = [self._part(box, rows) for box in _boxes(start, stop, self._sizes)]
        if parts:
            return parts[0] if len(parts) == 1 else np.concatenate(parts)
        height = len(range(*rows.indices(self.shape[1])))
        return np.empty((0, height, *self.shape[2:]), self.dtype)

    def _part(self, box: list[slice], rows: slice) -> np.ndarray:
        index: list[slice] = [slice(None)] * len(self._array.shape)
        for axis, part in zip(self._samples, box, strict=True):
            index[axis] = part
        index[self._pixels[0]] = rows
        values = np.asarray(self._array[tuple(index)])
        values = values.transpose(*self._samples, *self._pixels, *self._channels)
        count = math.prod(values.shape[: len(self._samples)])
        pixels = values.shape[len(self._samples) : len(self._samples) + len(self._pixels)]
        return values.reshape(count, *pixels, *self.shape[1 + len(pixels) :])


def _boxes(start: int, stop: int, sizes: Sequence[int]) -> list[list[slice]]:
    """Return the boxes of an array of these sizes that hold its entries start to stop in raster order, in order."""
    if stop <= start:
        return []
    if not sizes:
        return [[]]
    inner = math.prod(sizes[1:])
    if len(sizes) == 1:
        return [[slice(start, stop)]]
    first, last = start // inner, stop // inner
    whole = [slice(0, size) for size in sizes[1:]]
    if first == last:
        return [[slice(first, first + 1), *box] for box in _boxes(start % inner, stop % inner, sizes[1:])]
    boxes = []
    if start % inner:
        boxes += [[slice(first, first + 1), *box] for box in _boxes(start % inner, inner, sizes[1:])]
        first += 1
    if first < last:
        boxes.append([slice(first, last), *whole])
    if stop % inner:
        boxes += [[slice(last, last + 1), *box] for box in _boxes(0, stop % inner, sizes[1:])]
    return boxes
