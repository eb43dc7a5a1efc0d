"""What a camera's calibration explains of measurements, and what contradicts it."""

from typing import TYPE_CHECKING, Literal

import numpy as np

from ideal.health.check import Block, Check, has_quads
from ideal.health.finding import Finding

if TYPE_CHECKING:
    from ideal.cameras.camera import Camera

# The frames that a calibration needs for each purpose, as a command.
_COMMANDS = {
    "maps": "ideal calibrate --dark D --flat F: 64 dark frames and two flat fields at each of 8 levels of light or more",
    "dark": "ideal calibrate --dark D --flat F: 64 dark frames, and two flat fields at each of 8 levels of light",
    "gain": "ideal calibrate --dark D --flat F: 16 dark frames and two flat fields at each of 8 levels of light",
}
_ALIKE = 0.05  # by which a stated gain may differ from that of the calibration, beyond its interval
_ERRORS = 5.0
_BELOW = 6.0  # standard deviations of the noise below the dark value, where next to no value lies
_SHARE, _FEWEST = 1e-5, 8  # of values that far below, from which on the dark level has moved
_MISSING = 0.5  # of a pattern that the calibration takes off though it is not there
_FEWEST_FRAMES = 8


def remedy_of(measured, text: str, purpose: Literal["maps", "dark", "gain"]) -> str:
    """Return what to do against something that a calibration explains: of uncalibrated sets also how to calibrate.

    Args:
        measured: measurement set.
        text: what else mends it.
        purpose: what the calibration is to tell.

    """
    if len(measured.shape) != 3:
        return text
    if measured.camera is not None:
        return f"{text}; the calibration of the camera does not explain it: calibrate it anew in the mode of the measurements"
    return f"{text}; or calibrate the camera ({_COMMANDS[purpose]}) and give it (--camera)"


def serving_camera(measured) -> "Camera | None":
    """Return the camera whose maps the noise of a measurement set has, or None."""
    camera = measured.camera
    if camera is None or not camera.serves_maps or tuple(measured.shape[1:]) != camera.shape:
        return None
    from ideal import noise

    return camera if isinstance(measured.noise, getattr(noise, "CameraMaps", ())) else None


def electrons_of(measured, stored: np.ndarray, rows: slice | None = None) -> np.ndarray:
    """Return means of stored values (row, column[, channel]) in photoelectrons, by the maps of a camera where these serve."""
    camera = serving_camera(measured)
    if camera is None:
        return (stored - measured.offset) * measured.gain
    offset, gain = (_part(camera.maps.get(name, camera.value(name)), rows) for name in ("offset", "gain"))
    return (stored - offset) * gain


def known_bad(measured, shape: tuple[int, ...], rows: slice | None = None) -> np.ndarray:
    """Return which pixels the calibration knows as bad and the noise leaves out, of a shape."""
    camera = serving_camera(measured)
    return np.zeros(shape, bool) if camera is None else np.asarray(_part(camera.bad, rows))


def _part(values, rows: slice | None):
    return values if rows is None or np.ndim(values) == 0 else values[rows]


def stated_gain_findings(camera: "Camera", gain: float) -> list[Finding]:
    """Return what to say of a gain that somebody states beside a calibrated camera: that it is another, or the inverse."""
    own = camera.gain
    low, high = own.interval or (own.value, own.value)
    if low * (1 - _ALIKE) <= gain <= high * (1 + _ALIKE) or not gain > 0:
        return []
    figures = {"gain": gain, "calibrated_gain": own.value}
    if camera.is_inverse(gain):
        return [inverted(f"the gain is {gain:.4g}, the calibration of the camera says {own.value:.4g} e-/DN", own.value, figures)]
    return [
        Finding(
            "calibration-differs",
            "biased",
            f"the gain is {gain:.4g} e-/DN, the calibration of the camera says {own.value:.4g} e-/DN",
            "the noise is that of the stated gain",
            "leave out --gain, or calibrate the camera in this mode",
            figures,
        )
    ]


def inverted(text: str, gain: float, figures: dict) -> Finding:
    """Return the finding that a gain is DN/e- where e-/DN is asked for; `gain` is the right one."""
    return Finding(
        "gain-inverted",
        "biased",
        f"{text}: e-/DN and DN/e- are mixed up",
        "the noise is stated wrong, and so is the number",
        f"give the gain in photoelectrons per DN (--gain {gain:.3g})",
        figures,
    )


class DarkLevel(Check):
    """Values far below the dark value of a calibrated camera, which its noise hardly ever gives: the dark level has moved."""

    def __init__(self, measured):
        super().__init__(measured)
        self._count, self._below = 0, 0
        self._lowest: list[np.ndarray] = []

    @classmethod
    def applies(cls, measured) -> bool:
        """Images of a calibrated camera whose offset and read noise are used."""
        camera = measured.camera
        return (
            camera is not None
            and len(measured.shape) == 3
            and {"offset", "read_noise"} <= camera.quantities.keys()
            and measured.dtype.kind != "c"
        )

    def add(self, block: Block) -> None:
        """Count the values that lie far below."""
        below = (block.raw - self._center(block.rows)) / self._spread
        camera = self.measured.camera
        if tuple(self.measured.shape[1:]) == camera.shape:  # pixels that are known as bad say nothing of the rest
            below = below[:, ~_part(camera.bad, block.rows)]
        if not below.size:
            return
        self._count += below.size
        self._below += int((below < -_BELOW).sum())
        values = below.ravel()
        kept = max(1, values.size // 1000)
        self._lowest.append(np.partition(values, kept - 1)[:kept].astype(np.float32))

    def _center(self, rows: slice | None):
        camera = serving_camera(self.measured)
        return (
            self.measured.camera.value("offset")
            if camera is None
            else _part(camera.maps.get("offset", camera.value("offset")), rows)
        )

    @property
    def _spread(self) -> float:
        """Standard deviation of a value in the dark, DN, patterns included that no map takes off."""
        camera = self.measured.camera
        names = ["read_noise", "row_noise", "column_noise"]
        if serving_camera(self.measured) is None or "offset" not in camera.maps:
            names.append("dsnu")
        variance = sum(camera.value(name, 0.0) ** 2 for name in names) / camera.value("gain") ** 2
        return float(np.sqrt(variance + camera.value("step", 1.0) ** 2 / 12))

    def findings(self) -> list[Finding]:
        """Return a finding where too many values are too low."""
        if not self._count or self._below < max(_FEWEST, _SHARE * self._count):
            return []
        camera = self.measured.camera
        lowest = np.concatenate(self._lowest)
        # In a scene that is black everywhere a thousandth of the values lies 3.1 deviations below the dark value.
        moved = max((-float(np.quantile(lowest, 0.5)) - 3.3) * self._spread, 0.0)
        text = (
            f"{self._below} of {self._count} values lie more than {_BELOW:g} times the noise below the dark value of the "
            f"calibration, {camera.value('offset'):.4g} DN: the dark level is lower by {moved:.3g} DN or more"
        )
        return [
            Finding(
                "calibration-differs",
                "biased",
                text,
                "the noise is taken as too small, and the number is too high",
                "record dark frames with the measurements and calibrate anew; values that are dark-subtracted need --offset 0",
                {"moved": -moved, "values": self._below, "of": self._count},
            )
        ]


class KnownPattern(Check):
    """The calibration's own pattern in what is left after it was taken off: it has moved, or is not that of these frames."""

    def __init__(self, measured):
        super().__init__(measured)
        self._sum: np.ndarray | None = None
        self._frames, self._square = 0, 0.0
        self._rows: slice | None = None

    @classmethod
    def applies(cls, measured) -> bool:
        """Images of a calibrated camera whose maps are used."""
        camera = serving_camera(measured) if measured.camera is not None else None
        return camera is not None and bool({"offset", "gain"} & camera.maps.keys()) and has_quads(measured)

    def add(self, block: Block) -> None:
        """Add up frames in photoelectrons."""
        if not block.sampled:
            return
        total = block.values.sum(0)
        self._sum = total if self._sum is None else self._sum + total
        self._frames, self._rows = self._frames + len(block.raw), block.rows

    def findings(self) -> list[Finding]:
        """Return a finding for each pattern that was taken off and is not there."""
        if self._frames < _FEWEST_FRAMES or self._sum is None:
            return []
        camera, mean, found = self.measured.camera, self._sum / self._frames, []
        good = ~np.asarray(_part(camera.bad, self._rows))
        patterns = {}
        if "offset" in camera.maps:
            patterns["offset"] = _part(camera.maps["offset"], self._rows) * camera.value("gain")
        if "gain" in camera.maps:
            patterns["gain"] = mean.mean() * camera.value("gain") / _part(camera.maps["gain"], self._rows)
        for name, pattern in patterns.items():
            # What was taken off wrongly stands there with the other sign.
            share, error = _regression(mean, pattern, good, self.measured.period or (1, 1))
            if share < -_MISSING and share < -_ERRORS * error:
                found.append(self._missing(name, -share))
        return found[:1]

    def _missing(self, name: str, share: float) -> Finding:
        return Finding(
            "calibration-differs",
            "biased",
            f"the pattern of the {name} map is not in the measurements, {min(share, 1.0):.0%} of it is missing: other pixels, "
            "another mode, or frames that are corrected already",
            "taking it off adds a pattern, which counts as information",
            "calibrate the camera that recorded them, or leave out --camera for corrected frames",
            {"map": name, "missing": float(share)},
        )


def _regression(mean, pattern, good, period) -> tuple[float, float]:
    """Return how much of the fine detail of a pattern stands in a mean frame, and the standard error of that."""
    rows, columns = period
    if mean.shape[0] <= rows or mean.shape[1] <= columns:
        return 0.0, np.inf
    use = good[:-rows, :-columns] & good[:-rows, columns:] & good[rows:, :-columns] & good[rows:, columns:]
    detail, known = (
        (each[:-rows, :-columns] - each[:-rows, columns:] - each[rows:, :-columns] + each[rows:, columns:])[use] / 2
        for each in (np.asarray(mean, dtype=np.float64), np.asarray(pattern, dtype=np.float64))
    )
    power = float((known**2).sum())
    if not power > 0:
        return 0.0, np.inf
    share = float((detail * known).sum()) / power
    rest = detail - share * known
    return share, float(np.sqrt(4 * (rest**2).mean() / power))  # squares share their pixels
