"""Readers of the files that public data sets come as."""

import gzip
import tarfile
import zlib
from collections.abc import Callable
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from ideal.errors import DataError

_CIFAR_SIDE, _CIFAR_BATCH = 32, 10_000


@lru_cache(maxsize=4)
def read_dataset(path: str, name: str) -> np.ndarray:
    """Return a whole dataset of an HDF5 file; asked again, the same array."""
    import h5py

    with h5py.File(path, "r") as file:
        return file[name][:]


class Stack:
    """Pictures of one size that are loaded when the first is wanted.

    Args:
        load: returns pictures (picture, row, column[, channel]) and labels (picture,) or None.

    """

    def __init__(self, load: Callable[[], tuple[np.ndarray, np.ndarray | None]]):
        self._load = load

    @cached_property
    def _loaded(self):
        return self._load()

    def read(self, numbers: np.ndarray) -> np.ndarray:
        """Return pictures of these numbers."""
        return self._loaded[0][numbers]

    def labels(self) -> np.ndarray:
        """Return the labels of all."""
        return self._loaded[1]


class JpegCopies:
    """JPEG files one after another, decoded when they are wanted, once.

    Args:
        code: bytes of all files, uint8.
        offsets: where each begins, and the end.
        side: of the pictures, in pixels.

    """

    def __init__(self, code: np.ndarray, offsets: np.ndarray, side: int):
        self._code, self._offsets = code, offsets
        self._pictures = np.empty((len(offsets) - 1, side, side, 3), np.uint8)
        self._known = np.zeros(len(offsets) - 1, bool)

    def __len__(self) -> int:
        return len(self._known)

    def read(self, numbers: np.ndarray) -> np.ndarray:
        """Return RGB pictures of these numbers, uint8."""
        import io

        from PIL import Image

        for number in np.unique(numbers[~self._known[numbers]]):
            code = self._code[self._offsets[number] : self._offsets[number + 1]]
            self._pictures[number] = np.asarray(Image.open(io.BytesIO(code.tobytes()), formats=("JPEG",)))
            self._known[number] = True
        return self._pictures[numbers]


def read_idx(path: str | Path) -> np.ndarray:
    """Return the array in a gzipped IDX file of bytes, as MNIST comes.

    Raises:
        DataError: the file is damaged or of another kind.

    """
    try:
        content = gzip.decompress(Path(path).read_bytes())
        rank = content[3]
        shape = tuple(np.frombuffer(content, ">u4", rank, 4).tolist())
        if content[:3] != b"\0\0\x08" or len(content) != 4 + 4 * rank + int(np.prod(shape)):
            raise ValueError("another header or length")
    except (OSError, EOFError, ValueError, IndexError, zlib.error) as error:
        raise DataError(f"{path} is no gzipped IDX file of bytes ({error}): remove it and download it again") from None
    return np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(shape)


def idx_count(path: str | Path) -> int:
    """Return how many samples a gzipped IDX file says it holds, without reading them.

    Raises:
        DataError: the file is damaged.

    """
    try:
        with gzip.open(path) as stream:
            return int.from_bytes(stream.read(8)[4:], "big")
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} is no gzipped IDX file ({error}): remove it and download it again") from None


def cifar_count(split: str) -> int:
    """Return how many pictures a split of CIFAR-10 has: of "train", "test" or "all"."""
    return {"train": 5, "test": 1, "all": 6}[split] * _CIFAR_BATCH


def read_cifar(path: str | Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Return pictures and labels of the binary version of CIFAR-10.

    Args:
        path: of cifar-10-binary.tar.gz.
        split: "train", "test" or "all" (train first).

    Returns:
        RGB pictures, uint8 (picture, row, column, channel), and their classes, uint8 (picture,).

    Raises:
        DataError: the archive is damaged.

    """
    names = [f"data_batch_{n}.bin" for n in range(1, 6)] * (split != "test") + ["test_batch.bin"] * (split != "train")
    record, found = 1 + 3 * _CIFAR_SIDE**2, {}
    try:
        with tarfile.open(path, "r|gz") as archive:
            for member in archive:
                name = Path(member.name).name
                if name in names and member.isfile() and (stream := archive.extractfile(member)) is not None:
                    content = np.frombuffer(stream.read(), np.uint8)
                    found[name] = content.reshape(_CIFAR_BATCH, record)
        records = np.concatenate([found[name] for name in names])
    except (OSError, EOFError, ValueError, KeyError, zlib.error, tarfile.TarError) as error:
        raise DataError(f"{path} is not the binary version of CIFAR-10 ({error}): remove it and download it again") from None
    pictures = records[:, 1:].reshape(-1, 3, _CIFAR_SIDE, _CIFAR_SIDE)
    return np.ascontiguousarray(pictures.transpose(0, 2, 3, 1)), records[:, 0]
