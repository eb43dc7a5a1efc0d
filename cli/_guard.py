"""Turns what goes wrong inside a command into one line and an exit code."""

import functools
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

import ideal.cli
from ideal.cli._asked import WRITTEN, asked, in_options
from ideal.cli._streams import tell
from ideal.errors import IdealError, IdealWarning, NoticeWarning, UsageError
from ideal.runs import lock

_WrongUsage: Any = typer.BadParameter.__bases__[0]  # typer brings its own click, or another's, and names this class nowhere


class OneLineErrors(TyperGroup):
    """The group of all commands: what is wrong with the options takes one line too, and exits with 2."""

    def main(self, args=None, prog_name=None, complete_var=None, standalone_mode=True, **extra):
        """Run the command line and exit with its code."""
        run = functools.partial(super().main, args, prog_name, complete_var, standalone_mode=False, **extra)
        if not standalone_mode:
            return run()
        try:
            code = run()
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
            with warnings.catch_warnings():
                warnings.simplefilter("default", IdealWarning)
                warnings.showwarning = _in_one_line(warnings.showwarning)
                with asked(kwargs):
                    return attempt(*args, **kwargs)
        finally:
            lock.release_all()

    def attempt(*args, **kwargs):
        try:
            if empty := [option for option in WRITTEN if kwargs.get(option) == ""]:
                name = empty[0].replace("_", "-")
                raise UsageError(f"--{name} is empty: name what to write (is a variable of the shell unset?)")
            return command(*args, **kwargs)
        except (typer.Exit, typer.Abort):
            raise
        except KeyboardInterrupt as interruption:
            left = f": {interruption}" if str(interruption) else _what_is_left(kwargs)
            complain("interrupted" + left)
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
            complain(_out_of_memory(kwargs))
            raise typer.Exit(1) from None
        except Exception as error:
            if kwargs.get("debug"):
                raise
            if "RESOURCE_EXHAUSTED" in str(error):  # what JAX says instead of MemoryError
                complain(_out_of_memory(kwargs))
            else:
                name = type(error).__name__
                complain(f"this is a defect of ideal: {name}: {error} (run again with --debug for the traceback)")
            raise typer.Exit(1) from None

    return run


def _what_is_left(options: dict) -> str:
    """Return what an interrupted command has left behind: a run to go on with, where it can be resumed."""
    out = options.get("out")
    if not out:
        return ""
    if "resume" in options or os.path.isdir(out):  # the folder of a run
        return f": repeat the command to go on with {out}"
    kept = os.path.exists(out) and not options.get("force")  # it was new, and finished before the interruption
    return "" if kept else ": nothing was written"


def _out_of_memory(options: dict) -> str:
    """Return the message for an exhausted memory that nobody below has named: which inputs, and what helps."""
    named = options.get("files") or [options.get(name) for name in ("file", "system", "name", "config") if options.get(name)]
    where = ", ".join(map(str, named[:3])) + (f" and {len(named) - 3} more" if len(named) > 3 else "")
    opening = f"out of memory for {where}: " if where else "out of memory: "
    if "max_patches" in options:
        return opening + "use a smaller --patch or fewer patches (--max-patches)"
    if "settings" in options:
        return opening + "lower the settings that say how large scenes and measurements are (--set)"
    return opening + "choose smaller or fewer data, or a machine with more memory"


def _in_one_line(show: Callable) -> Callable:
    """Return what shows warnings of Python as `show` does where our own code gives rise to them, and the others in one line."""
    ours = tuple(str(Path(package.__file__ or "").parent) + os.sep for package in (ideal, ideal.cli))

    def shown(message, category, filename, *where, **more) -> None:
        if issubclass(category, IdealWarning) or not str(filename).startswith(ours):
            tell("note" if issubclass(category, NoticeWarning) else "warning", in_options(str(message)))
        else:
            show(message, category, filename, *where, **more)

    return shown


def complain(message: str) -> None:
    """Print one error line on stderr."""
    tell("error", in_options(message))
