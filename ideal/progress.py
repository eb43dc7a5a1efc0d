"""Progress of what takes long: one protocol, and a bar where somebody looks on."""

import sys
import time
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


def in_lines(write: Callable[[str], None], every: float, clock: Callable[[], float] = time.monotonic) -> Progress:
    """Return what writes progress as plain lines, for logs: none of what takes no time, and then one every few seconds.

    Args:
        write: takes a line.
        every: seconds between two lines.
        clock: seconds.

    Example:
        >>> seconds = iter([0.0, 4.0, 11.0])
        >>> tell = in_lines(print, 10.0, lambda: next(seconds))
        >>> tell("a.h5: full")
        >>> tell("a.h5: causal-mixture", 0.25)
        a.h5: causal-mixture (25 %)

    """
    last = clock()

    def tell(text: str, fraction: float | None = None) -> None:
        nonlocal last
        if (now := clock()) - last >= every:
            last = now
            write(text if fraction is None else f"{text} ({100 * fraction:.0f} %)")

    return tell


def with_time_left(say: Progress) -> Progress:
    """Return a function that shows the same and how long the rest of it takes, where that can be told from the fraction done."""
    begun: float = 0.0
    first: float | None = None
    last: float | None = None

    def tell(text: str, fraction: float | None = None) -> None:
        nonlocal begun, first, last
        now = time.monotonic()
        if fraction is None or last is None or fraction < last:
            begun, first = now, fraction
        last = fraction
        if fraction is not None and first is not None and fraction > first:
            text += f", about {_span((now - begun) * (1 - fraction) / (fraction - first))} left"
        say(text, fraction)

    return tell


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


@contextmanager
def shown(progress: "Progress | AbstractContextManager[Progress] | bool | None" = None) -> Iterator[Progress]:
    """Give what takes lines of progress while something runs.

    Args:
        progress: a function that takes them itself, or a context manager that gives one; False for silence, True for a bar, and
            None for a bar in a notebook and on a terminal, and silence elsewhere.

    """
    if isinstance(progress, AbstractContextManager):
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


def _of_bar(bar) -> Progress:
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
