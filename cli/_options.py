"""Options that several commands share."""

import math
import re
import reprlib
from collections.abc import Mapping
from typing import Annotated

import typer

from ideal._durations import parse_duration as parse_duration
from ideal.cli import _names
from ideal.errors import UsageError

MEASUREMENTS = (
    "Measurement file (HDF5, .npy, .npz, .mat, TIFF, PNG, FITS, raw, zarr, UVFITS ...), FILE::NAME for a part of it, or a "
    "folder or quoted pattern of frames ('captures/*.tif')."
)


Noise = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        autocompletion=_names.names_in(_names.NOISE),
        help="Noise model: {noise}; default: what the file, or the system, says. Figures without an option of their own follow "
        "the name, as NAME:FIGURE=VALUE; ideal noise lists them all.",
    ),
]
Sigma = Annotated[
    float | None,
    typer.Option(
        help="Standard deviation of Gaussian noise, in photoelectrons or the file's units; of visibilities, that of the real "
        "and of the imaginary part each."
    ),
]
Gain = Annotated[float | None, typer.Option(help="Photoelectrons per DN (digital number) of the camera.")]
Offset = Annotated[float | None, typer.Option(help="What the camera reads in the dark, DN.")]
ReadNoise = Annotated[float | None, typer.Option(help="Standard deviation of the camera's read noise, photoelectrons.")]
Camera = Annotated[
    str | None,
    typer.Option(
        "--camera",
        metavar="FILE",
        help="Camera that ideal calibrate measured (.h5): it serves the noise, and says what the values' patterns are.",
    ),
]
Axes = Annotated[
    str | None,
    typer.Option(
        metavar="LETTERS",
        help="Axes of the stored array, a letter each: n sample, t time, z plane, c channel, y row, x column, v value; as nyxc, "
        "ncyx, yxn or tzcyx; default: what the file says, or else nyx, nyxc or nv.",
    ),
]
Floor = Annotated[
    float | None,
    typer.Option(help="Where the camera cuts off what lies below, DN, as 0; default: what the file says, or the values show."),
]
Saturation = Annotated[
    float | None,
    typer.Option(
        help="Where the camera cuts off what lies above (white level), DN, as 4095; default: what the file or the values say."
    ),
]
Groups = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|N",
        help="Source of each sample, such as the picture that a patch shows: a file with one a line (.txt), an .npy "
        "array or FILE.h5::NAME; or N, for every N samples in a row.",
    ),
]
SourceName = Annotated[
    str | None, typer.Option("--source", metavar="NAME", help="Source to read, of a UVFITS file that holds several.")
]
FreqSel = Annotated[
    int | None,
    typer.Option("--freqsel", metavar="N", help="Frequency set-up to read (FREQSEL), of a UVFITS file that holds several."),
]
Subarray = Annotated[
    int | None, typer.Option("--subarray", metavar="N", help="Subarray to read, of a UVFITS file that holds several.")
]
WeightScale = Annotated[
    float | None,
    typer.Option("--weight-scale", metavar="FACTOR", help="Factor for the weights of a UVFITS file that are not 1/sigma^2."),
]
Linear = Annotated[
    bool,
    typer.Option(
        "--linear",
        help="Take PNG pictures of 8 bits, or JPEG, as proportional to the light; without it they are refused, as encoded for a "
        "screen.",
    ),
]
GroupBy = Annotated[
    str | None,
    typer.Option(
        "--group-by",
        metavar="REGEX",
        help="Of a folder or pattern of frames: what this regular expression finds in a frame's name is its source, as "
        "'scene[0-9]+'; default: each subfolder, where there are several, else each frame.",
    ),
]
AllowClipped = Annotated[
    bool,
    typer.Option(
        "--allow-clipped",
        help="Go on where values are cut off at a floor or a ceiling and the bound may therefore be false.",
    ),
]
KeepUnwritten = Annotated[
    bool,
    typer.Option("--keep-unwritten", help="Take frames that were never written, and read as the fill value, for measurements."),
]
RUNS_CODE = "A file that names a module runs code: use only what you trust."
FollowLinks = Annotated[
    bool,
    typer.Option("--follow-links", help="Also read files outside the folder of FILE where it names them (links, parts of sets)."),
]
Jobs = Annotated[
    int | None, typer.Option(min=1, help="Processes at work, each on a core of its own; default: as many as there are cores.")
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS|FILE", help="Dask scheduler whose workers do it: tcp://HOST:8786, tls://..., a file, or local."
    ),
]
Shard = Annotated[
    str | None,
    typer.Option(
        metavar="K/N", help="Do the K-th of N parts; none: all, and the result; default: what a Slurm array's variables say."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else on stdout.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show a traceback when something fails.")]


def allowed(*, clipped: bool, unwritten: bool) -> tuple[str, ...]:
    """Return the names of the findings with which to go on all the same."""
    return ("clipped", "wrapped") * clipped + ("unwritten",) * unwritten


def check_camera(camera: str | None, figures: Mapping[str, object]) -> None:
    """Refuse figures of the noise beside a camera that knows them."""
    given = [name for name, value in figures.items() if value is not None] if camera is not None else []
    if given:
        names = " ".join(f"--{name.replace('_', '-')}" for name in given)
        raise UsageError(f"--camera {camera} says what the noise is: leave out {names}, or --camera")


def check_effort(effort: float) -> None:
    """Refuse an effort that is no positive number."""
    if not (effort > 0 and math.isfinite(effort)):
        raise UsageError(f"--effort takes a number above 0, as 0.2 or 4; found {effort:g}")


def parse_size(option: str, text: str) -> tuple[int, int]:
    """Return (rows, columns) from "16" or "16x24"."""
    words = text.lower().split("x")
    sides = [side for side in map(whole_number, words) if side]
    if len(words) > 2 or len(sides) < len(words):
        raise UsageError(f"{option} takes a side in pixels (16) or rows x columns (16x24); found {reprlib.repr(text)}")
    return sides[0], sides[-1]


def parse_pair(option: str, expected: str, text: str) -> tuple[str, str]:
    """Return the two sides of a text "NAME=VALUE", neither empty; `expected` says what they are."""
    name, _, value = text.partition("=")
    if not (name and value):
        raise UsageError(f"{option} takes {expected}; found {text!r}")
    return name, value


def parse_numbers(option: str, text: str) -> list[float]:
    """Return the numbers in a text such as "0.01, 0.1, 2"."""
    try:
        found = [float(part) for part in text.split(",")]
    except ValueError:
        found = []
    if not found or not all(map(math.isfinite, found)):
        raise UsageError(f"{option} takes numbers with commas between them, as 0.01,0.1,2; found {reprlib.repr(text)}")
    return found


def whole_number(text: str) -> int | None:
    """Return a whole number of up to nine digits, 0 to 9 of ASCII; None where a text is none."""
    found = re.fullmatch(r"\s*([0-9]{1,9})\s*", text)
    return int(found[1]) if found else None
