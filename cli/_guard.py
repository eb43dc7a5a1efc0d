"""Turns what goes wrong inside a command into one line and an exit code."""

import functools
import os
import sys
from collections.abc import Callable

import typer

from ideal.errors import IdealError, UsageError


def guarded(command: Callable) -> Callable:
    """Wrap a command: exit 1 where the data or the run failed, 2 for wrong usage, 130 when interrupted.

    A traceback is shown only with the command's `--debug`.
    """

    @functools.wraps(command)
    def run(*args, **kwargs):
        try:
            return command(*args, **kwargs)
        except (typer.Exit, typer.Abort):
            raise
        except KeyboardInterrupt:
            complain("interrupted")
            raise typer.Exit(130) from None
        except BrokenPipeError:  # the reader of our output has left, as `head` does
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(1) from None
        except IdealError as error:
            if kwargs.get("debug"):
                raise
            complain(str(error))
            raise typer.Exit(2 if isinstance(error, UsageError) else 1) from None
        except OSError as error:
            if kwargs.get("debug"):
                raise
            complain(f"{error.filename or 'system'}: {error.strerror or error}")
            raise typer.Exit(1) from None
        except MemoryError:
            complain("out of memory: use a smaller --patch or fewer patches (--max-patches)")
            raise typer.Exit(1) from None
        except Exception as error:
            if kwargs.get("debug"):
                raise
            complain(f"this is a defect of ideal: {type(error).__name__}: {error} (run again with --debug for the traceback)")
            raise typer.Exit(1) from None

    return run


def complain(message: str) -> None:
    """Print one error line on stderr."""
    print(f"ideal: error: {' '.join(message.split())}", file=sys.stderr)
