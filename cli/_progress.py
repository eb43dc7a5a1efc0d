"""A line of progress on a terminal's stderr: a bar where the fraction done is known, a spinner elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich import progress as bars
from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, SpinnerColumn, Task, TaskProgressColumn, TimeElapsedColumn
from rich.text import Text

from ideal.progress import Progress

_BAR_WIDTH = 24
_OTHERS = 4 + _BAR_WIDTH + 5 + 8 + 4  # columns beside the text: spinner, bar, percentage, time


class _Line(ProgressColumn):
    """The text; where it is too long for the terminal its end stays, for that is what changes."""

    def __init__(self, console: Console):
        super().__init__()
        self._console = console

    def render(self, task: Task) -> Text:
        room = max(20, self._console.width - (_OTHERS if task.total is not None else 16))
        text = task.description
        return Text(text if len(text) <= room else "…" + text[1 - room :], no_wrap=True, end="")


class _WhereKnown(ProgressColumn):
    """A column that is empty while nobody knows how much is done."""

    def __init__(self, column: ProgressColumn):
        super().__init__()
        self._column = column

    def render(self, task: Task):
        return self._column.render(task) if task.total is not None else Text("")


@contextmanager
def shown_progress(console: Console | None = None) -> Iterator[Progress]:
    """Give a function (text, fraction or None) that shows both; the time is that of the present step."""
    console = console or Console(stderr=True)
    columns = (SpinnerColumn(), _Line(console), *map(_WhereKnown, (BarColumn(_BAR_WIDTH), TaskProgressColumn())))
    with bars.Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:
        task, known = progress.add_task("starting", total=None), False

        def say(text: str, fraction: float | None = None) -> None:
            nonlocal task, known
            if known != (fraction is not None):
                known = not known
                progress.remove_task(task)
                task = progress.add_task(text, total=1.0 if known else None)
            progress.update(task, description=text, completed=fraction or 0.0)

        yield say
