"""Entry point of the `ideal` command. Heavy imports happen inside the commands, so that help answers at once."""

import errno
import os
import sys
from typing import Annotated

import typer

from ideal._files import remove_temporaries
from ideal.cli._guard import OneLineErrors, complain
from ideal.cli._help import Panels, RegistryHelp, Several
from ideal.cli._streams import keep_interrupts, on_end, take_logs, take_streams
from ideal.cli.attribute import attribute
from ideal.cli.calibrate import calibrate
from ideal.cli.data import data
from ideal.cli.decode import decode
from ideal.cli.estimate import estimate
from ideal.cli.families import decoders, models, noise
from ideal.cli.inspect import inspect
from ideal.cli.optimize import optimize
from ideal.cli.plot import plot
from ideal.cli.report import report
from ideal.cli.reproduce import reproduce
from ideal.cli.sample import sample
from ideal.cli.simulate import simulate
from ideal.cli.sweep import sweep
from ideal.cli.systems import systems
from ideal.runs.lock import release_all

_EXAMPLES = """
Measure how much information an imaging system's raw measurements carry.

\b
Examples:
  ideal inspect camera.h5                          what is in a file, and what looks wrong
  ideal estimate camera.h5                         bits per pixel, with an interval
  ideal estimate a.h5 b.h5 c.h5 --plot rank.png    rank systems measured on the same objects
  ideal estimate raw.tif --noise poisson-gaussian --gain 0.45 --offset 100 --read-noise 1.6
  ideal calibrate --dark dark.npy --flat flat.npy -o bench.h5    a camera measured from its own frames
  ideal sample camera-model.h5 --plot drawn.png    measurements drawn from a model that estimate kept
  ideal systems lensless --plot mask.png           imaging systems, their settings and named designs
  ideal noise poisson-gaussian                     noise models, their figures and formulas
  ideal models                                     density models, and what each is for
  ideal data list                                  objects to look at, and where they come from
  ideal simulate lensless cifar10 -o captures.h5   measurements of objects through a system
  ideal decode lensless beads --decoder wiener     how good the estimates of a decoder are
  ideal decoders                                   decoders, what they serve and their settings
  ideal optimize color-filter-array --target chroma --out runs/color      a design that carries more
  ideal sweep color-filter-array --design bayer white --photons 30 300 -o runs/plane      a whole comparison
  ideal attribute interferometer --select 6        which elements carry the information, and which only together
  ideal report runs/color                         a page of it to read, to print and to send
  ideal plot runs/camera -o figure.pdf --width 3.4 the figure of a finished run, drawn again
  ideal reproduce two-point --quick                a published result made again, with figure and table

`ideal estimate -h` says what every option means.
"""

app = typer.Typer(
    name="ideal",
    cls=OneLineErrors,
    help=_EXAMPLES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(cls=Panels)(attribute)
app.command(cls=RegistryHelp)(decode)
app.command()(decoders)
app.command(cls=RegistryHelp)(estimate)
app.command(cls=RegistryHelp)(inspect)
app.command()(models)
app.command()(calibrate)
app.command()(noise)
app.command(cls=Panels)(optimize)
app.command()(plot)
app.command()(report)
app.command(cls=RegistryHelp)(reproduce)
app.command()(sample)
app.command(cls=RegistryHelp)(simulate)
app.command(cls=Several)(sweep)
app.command()(systems)
app.add_typer(data)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"ideal {version('ideal')}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


_INTERRUPTED = 130  # exit code, as shells give for Ctrl-C


def main() -> None:
    """Run the command line."""
    failures = take_streams()
    take_logs()
    on_end(_remove_traces)
    keep_interrupts()
    code: int | str = 0
    try:
        app()
    except SystemExit as end:
        code = end.code or 0
    of_output, of_messages = failures()
    if of_output is not None:
        if of_output.errno != errno.EPIPE:  # the reader of our output has left, as `head` does
            complain(f"standard output cannot be written ({of_output.strerror}): the result, or a part of it, is not there")
        code = code or 1
    if of_messages is not None:  # warnings are lost, and there is no place left to say so
        code = code or 1
    if code == _INTERRUPTED:
        # Threads of JAX may still be at work on what was interrupted; taking the interpreter down beneath them can crash.
        sys.stderr.flush()
        os._exit(_INTERRUPTED)
    sys.exit(code)


def _remove_traces() -> None:
    remove_temporaries()
    release_all()


if __name__ == "__main__":
    main()
