"""Options that several commands share."""

from typing import Annotated

import typer

from ideal.errors import UsageError

Noise = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="poisson, gaussian, poisson-gaussian or complex-gaussian; default: what the file says."),
]
Sigma = Annotated[float | None, typer.Option(help="Standard deviation of Gaussian noise, in the measurement's units.")]
Gain = Annotated[float | None, typer.Option(help="Photoelectrons per DN of the camera.")]
Offset = Annotated[float | None, typer.Option(help="DN of the camera in the dark.")]
ReadNoise = Annotated[float | None, typer.Option(help="Standard deviation of the camera's read noise, photoelectrons.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else on stdout.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show a traceback when something fails.")]


def parse_patch(text: str) -> tuple[int, int]:
    """Return (rows, columns) from "16" or "16x24"."""
    parts = text.lower().split("x")
    if len(parts) > 2 or not all(part.strip().isdigit() and int(part) > 0 for part in parts):
        raise UsageError(f"--patch takes a side in pixels (16) or rows x columns (16x24); found {text!r}")
    return int(parts[0]), int(parts[-1])
