"""Progress of what takes long: one protocol, and a bar where somebody looks on."""

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Progress(Protocol):
    """Whatever takes lines of progress: a function of a text and of the fraction done.

    Example:
        >>> def told(text, fraction=None):
        ...     print(text, fraction)
        >>> with shown(told) as progress:
        ...     progress("camera.h5: full", 0.5)
        camera.h5: full 0.5

    """

    def __call__(self, text: str, fraction: float | None = None) -> None:
        """Tell what is being done, and the fraction of it that is done; None where nobody knows."""


def silent(text: str, fraction: float | None = None) -> None:
    """Take a line of progress, and tell nobody."""


@contextmanager
def shown(progress: "Progress | AbstractContextManager[Progress] | bool | None" = None) -> Iterator[Progress]:
    """Give what takes lines of progress while something runs.

    Args:
        progress: a function that takes them itself, or a context manager that gives one; False for silence, True for a bar, and
            None for a bar in a notebook and on a terminal, and silence elsewhere.

    """
    if hasattr(progress, "__enter__"):
        with progress as say:
            yield say
    elif callable(progress):
        yield progress
    elif progress or (progress is None and _is_watched()):
        bar = _bar()
        try:
            yield _of_bar(bar)
        finally:
            bar.close()
    else:
        yield silent


def _is_watched() -> bool:
    return "ipykernel" in sys.modules or bool(getattr(sys.stderr, "isatty", bool)())


def _bar():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a notebook without ipywidgets gets a bar of text
        from tqdm.auto import tqdm
    layout = "{desc} {percentage:3.0f}%|{bar:24}| {elapsed}<{remaining}"
    return tqdm(total=1.0, leave=False, dynamic_ncols=True, bar_format=layout)


def _of_bar(bar) -> Callable[[str, float | None], None]:
    last = 1.0

    def tell(text: str, fraction: float | None = None) -> None:
        nonlocal last
        done = min(max(fraction or 0.0, 0.0), 1.0)
        if done < last:  # another step: its time begins now
            bar.reset(total=1.0)
        last = done
        bar.set_description_str(text, refresh=False)
        bar.n = done
        bar.refresh()

    return tell
