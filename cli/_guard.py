"""Turns what goes wrong inside a command into one line and an exit code."""

import functools
import os
import sys
from collections.abc import Callable

import typer
from typer.core import TyperGroup

from ideal.errors import IdealError, UsageError

_WrongUsage = typer.BadParameter.__bases__[0]  # typer brings its own click, or another's, and names this class nowhere


class OneLineErrors(TyperGroup):
    """The group of all commands: what is wrong with the options takes one line too, and exits with 2."""

    def main(self, *args, standalone_mode: bool = True, **kwargs):
        """Run the command line and exit with its code."""
        if not standalone_mode:
            return super().main(*args, standalone_mode=False, **kwargs)
        try:
            code = super().main(*args, standalone_mode=False, **kwargs)
        except _WrongUsage as error:
            if type(error).__name__ == "NoArgsIsHelpError":
                error.show()
            else:
                command = error.ctx.command_path if error.ctx else "ideal"
                complain(f"{error.format_message().rstrip('.')}: see {command} -h")
            code = 2
        sys.exit(code if isinstance(code, int) else 0)


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
            folder = kwargs.get("out")
            complain("interrupted" + (f": repeat the command to go on with {folder}" if folder else ""))
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
