"""Standard streams that never fail a command: a closed or full one is noted, and told at the end by the exit code."""

import errno
import io
import logging
import os
import signal
import sys
from collections.abc import Callable

from ideal.text import plain_text

_IN, _OUT, _ERR = range(3)
_MOMENT = 0.05  # seconds: a destructor is done by then


class _Patient(io.FileIO):
    """A stream of the system that notes the first failure of a write and drops all from there on."""

    failure: OSError | None = None

    def write(self, content) -> int:
        """Write what the system takes; all of it is dropped once a write has failed."""
        length = memoryview(content).nbytes
        if self.failure is not None:
            return length
        try:
            return super().write(content)
        except OSError as error:
            self.failure = error
            return length


def take_streams() -> Callable[[], tuple[OSError | None, OSError | None]]:
    """Put patient streams in place of stdout and stderr, and return a function that gives the failures of both, None for none.

    A stream that was closed before the command began is opened on nothing, so that no file of ours gets its number. A closed
    stderr is no failure: whoever closes it wants no messages. One that takes no more, as on a full disk, has lost some.
    """
    closed = {number for number, stream in enumerate((sys.stdin, sys.stdout, sys.stderr)) if stream is None}
    for number in (_IN, _OUT, _ERR):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free, which is this one
    streams = []
    for number, stream in ((_OUT, sys.stdout), (_ERR, sys.stderr)):
        raw = _Patient(number, "w", closefd=False)
        if number in closed:
            raw.failure = OSError(errno.EBADF, "it is closed")
        elif stream is not None:
            stream.flush()
        encoding = getattr(stream, "encoding", None) or "utf-8"
        lines = number == _ERR or raw.isatty()
        streams.append(raw)
        text = io.TextIOWrapper(io.BufferedWriter(raw), encoding=encoding, errors="backslashreplace", line_buffering=lines)
        setattr(sys, {_OUT: "stdout", _ERR: "stderr"}[number], text)

    def failures() -> tuple[OSError | None, OSError | None]:
        sys.stdout.flush()
        sys.stderr.flush()
        return streams[0].failure, None if _ERR in closed else streams[1].failure

    return failures


def on_end(clean: Callable[[], None]) -> None:
    """Have a function called before SIGTERM or SIGHUP ends this process; a signal that is ignored stays so (nohup)."""

    def end(number, frame) -> None:
        clean()
        if sys.stderr is not None and sys.stderr.isatty():
            os.write(_ERR, b"\x1b[?25h")  # a line of progress hides the cursor
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, end)


def keep_interrupts() -> None:
    """Have an interruption that falls into a destructor, where Python drops it, come again a moment later."""
    import _thread
    import threading

    show, print_uncaught = sys.unraisablehook, sys.excepthook

    def again(dropped) -> None:
        if dropped.exc_type is not None and issubclass(dropped.exc_type, KeyboardInterrupt):
            timer = threading.Timer(_MOMENT, _thread.interrupt_main)
            timer.daemon = True
            timer.start()
        else:
            show(dropped)

    def uncaught(kind, *details) -> None:
        if not issubclass(kind, KeyboardInterrupt):  # Cython prints what it is about to drop
            print_uncaught(kind, *details)

    sys.unraisablehook, sys.excepthook = again, uncaught


class _OneLine(logging.Handler):
    """Tells what a library logs as a warning in one line, as our own warnings are told."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one record, without a traceback."""
        try:
            message = record.getMessage()
        except (TypeError, ValueError):  # its arguments do not fit its text
            message = str(record.msg)
        tell("warning", f"{record.name.partition('.')[0]}: {message}")


def take_logs() -> None:
    """Have what libraries log, where nobody else listens, told in one line each; matplotlib does so on a full disk."""
    logging.lastResort = _OneLine(logging.WARNING)


def tell(kind: str, message: str) -> None:
    """Print a message on stderr as one line, without the control characters that files and servers may have put into it."""
    print(f"ideal: {kind}: {plain_text(' '.join(message.split()))}", file=sys.stderr, flush=True)
