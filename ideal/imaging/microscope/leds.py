"""LED arrays that light a microscope: where the LEDs are, and which of them make up an illumination."""

import csv
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ideal._documents import parse_json
from ideal._ranges import Range, check_range
from ideal._regular_files import read_text
from ideal.errors import DataError, UsageError, unknown_name
from ideal.formats.npy import load_array

_ON_AXIS = 1e-6  # of a sine: nearer than this an LED is on the line that parts two halves
_HEIGHT = Range(1, 2000)  # mm
_ANNULUS = 0.8  # of the objective's NA: where the annulus begins


def grid(pitch: float, height: float, reach: float) -> np.ndarray:
    """Return a square grid on a flat board with an LED on the axis.

    Args:
        pitch: distance of neighbours, mm.
        height: of the board above the object, mm.
        reach: sine of the largest angle of illumination that is of use.

    Returns:
        Positions x, y, z in mm, (led, 3).

    """
    steps = int(_flat_radius(height, reach) / pitch)
    axis = pitch * np.arange(-steps, steps + 1)
    y, x = np.meshgrid(axis[::-1], axis, indexing="ij")
    return np.stack([x.ravel(), y.ravel(), np.full(x.size, height)], axis=1)


def rings(pitch: float, height: float, reach: float) -> np.ndarray:
    """Return concentric rings on a flat board: one LED, then 6, 12, 18, ...; arguments and result as of `grid`."""
    radii = pitch * np.arange(int(_flat_radius(height, reach) / pitch) + 1)
    return np.concatenate([_ring(radius, height, 6 * number) for number, radius in enumerate(radii)])


def dome(pitch: float, height: float, reach: float) -> np.ndarray:
    """Return rings on a hemisphere about the object, evenly spaced along the dome; arguments and result as of `grid`."""
    angles = np.arange(0, np.arcsin(min(reach, 1.0)) + 1e-9, pitch / height)
    parts = [
        _ring(height * np.sin(angle), height * np.cos(angle), round(2 * np.pi * height * np.sin(angle) / pitch))
        for angle in angles
    ]
    return np.concatenate(parts)


ARRANGEMENTS: dict[str, Callable[[float, float, float], np.ndarray]] = {"grid": grid, "rings": rings, "dome": dome}


def led_positions(leds: str, pitch: float, height: float, reach: float) -> np.ndarray:
    """Return the positions of a named arrangement or of a file.

    Args:
        leds: one of `ARRANGEMENTS`, or a file: .json (a list of positions, or an object whose `led_list` has entries with
            x, y and z), .csv (columns x, y, z, with or without a header) or .npy (led, 3); all in mm, z upwards from the object.
        pitch, height, reach: of a named arrangement, see `grid`.

    Returns:
        x, y, z in mm, (led, 3).

    Raises:
        UsageError: neither an arrangement nor a file has this name.
        DataError: the file does not hold positions.

    """
    if leds in ARRANGEMENTS:
        return ARRANGEMENTS[leds](pitch, height, reach)
    path = Path(leds)
    if path.suffix.lower() not in _READERS:
        raise UsageError(
            unknown_name("no arrangement of LEDs is called", leds, ARRANGEMENTS) + ", or name a .json, .csv or .npy file"
        )
    if not path.exists():
        raise UsageError(f"setting leds: there is no file {leds}")
    try:
        positions = np.asarray(_READERS[path.suffix.lower()](path), dtype=np.float64)
    except (DataError, ValueError, KeyError, TypeError) as error:
        found = f"nothing named {error}" if isinstance(error, KeyError) else " ".join(str(error).split())
        found = found.removeprefix(f"{leds}: ")
        raise DataError(
            f"{leds}: no positions of LEDs can be read ({found}); expected {_FORMS[path.suffix.lower()]}, in mm"
        ) from error
    if positions.ndim != 2 or positions.shape[1] != 3 or not len(positions):
        raise DataError(f"{leds}: positions of shape {positions.shape}, expected (led, 3): x, y and z in mm")
    if not np.isfinite(positions).all() or positions[:, 2].min() <= 0:
        raise DataError(f"{leds}: positions must be finite numbers with z > 0 (mm above the object)")
    check_range(f"{leds}: the height z of an LED", float(np.median(positions[:, 2])), _HEIGHT, "mm", 50.0)
    return positions


def sines(positions: np.ndarray) -> np.ndarray:
    """Return where LEDs are seen from the object, as direction sines x and y, (led, 2): their length is the illumination NA."""
    return positions[:, :2] / np.linalg.norm(positions, axis=1, keepdims=True)


def selections(directions: np.ndarray, na: float) -> dict[str, np.ndarray]:
    """Return which LEDs are lit in each named illumination.

    Args:
        directions: x and y as of `sines`, (led, 2).
        na: numerical aperture of the objective.

    Returns:
        Masks (led,) by name; one with no LED lit is one that the array cannot give.

    """
    x, y = directions.T
    radius = np.hypot(x, y)
    bright = radius <= na
    return {
        "brightfield": bright,
        "single-led": np.arange(len(radius)) == radius.argmin(),
        "darkfield": ~bright,
        "dpc-left": bright & (x < -_ON_AXIS),
        "dpc-right": bright & (x > _ON_AXIS),
        "dpc-top": bright & (y > _ON_AXIS),
        "dpc-bottom": bright & (y < -_ON_AXIS),
        "annular": bright & (radius >= _ANNULUS * na),
    }


def draw_leds(directions: np.ndarray, intensities: np.ndarray, na: float, axes, figure) -> None:
    """Draw the LEDs as seen from the object, colored by intensity, with the objective's NA as a circle.

    Args:
        directions: x and y as of `sines`, (led, 2).
        intensities: share of the power of each, (led,).
        na: numerical aperture of the objective.
        axes, figure: of matplotlib.

    """
    reach = 1.1 * max(float(np.hypot(*directions.T).max()), na)
    size = np.clip(6000 / len(directions), 4, 60)
    order = np.argsort(intensities)
    points = axes.scatter(
        *directions[order].T, c=100 * intensities[order], s=size, cmap="inferno", vmin=0, edgecolors="0.6", linewidths=0.4
    )
    angle = np.linspace(0, 2 * np.pi, 200)
    axes.plot(na * np.cos(angle), na * np.sin(angle), color="tab:blue")
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xlabel="illumination NA, x", ylabel="illumination NA, y")
    axes.set_title(f"LEDs (circle: objective, NA {na:g})")
    figure.colorbar(points, ax=axes, location="bottom", label="share of the power (%)")


def _flat_radius(height: float, reach: float) -> float:
    reach = min(reach, 0.999)
    return height * reach / np.sqrt(1 - reach**2) * (1 + 1e-9)


def _ring(radius: float, height: float, count: int) -> np.ndarray:
    angles = 2 * np.pi * np.arange(max(count, 1)) / max(count, 1)
    return np.stack([radius * np.cos(angles), radius * np.sin(angles), np.full(angles.size, height)], axis=1)


def _read_json(path: Path) -> list:
    found = parse_json(read_text(path, "LEDs as JSON"), path)
    if isinstance(found, dict):
        found = found["led_list"]
    return [[each["x"], each["y"], each["z"]] if isinstance(each, dict) else each for each in found]


def _read_csv(path: Path) -> list:
    rows = [row for row in csv.reader(io.StringIO(read_text(path, "LEDs as a table (.csv)"), newline="")) if row]
    names = [name.strip().lower() for name in rows[0]] if rows else []
    if not {"x", "y", "z"} <= set(names):
        return [[float(value) for value in row] for row in rows]
    columns = [names.index(name) for name in "xyz"]
    return [[float(row[column]) for column in columns] for row in rows[1:]]


_FORMS = {
    ".json": 'a list of [x, y, z], or {"led_list": [{"x": 0, "y": 0, "z": 50}, ...]}',
    ".csv": "columns x, y, z of numbers, with or without a header",
    ".npy": "an array of numbers (led, 3)",
}
_READERS = {".json": _read_json, ".csv": _read_csv, ".npy": lambda path: load_array(path, "LEDs, (led, 3)")}
