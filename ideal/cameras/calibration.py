"""A camera's figures from its own frames: dark frames and flat fields, or repeated frames of still scenes."""

import math
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy import special, stats

from ideal.cameras.camera import Camera
from ideal.cameras.dark import DEAD, Dark, measure_dark
from ideal.cameras.frames import Stack, open_stacks, same_shape, with_exposures
from ideal.cameras.levels import Level, Saturation, find_saturation, levels_of, look_at, mark_clipped
from ideal.cameras.light import measure_flats, measure_repeats
from ideal.cameras.patterns import Pattern, flatten, pattern_of, without_chance
from ideal.cameras.quantity import Quantity
from ideal.cameras.transfer import Transfer, fit_transfer
from ideal.errors import DataError, UsageError
from ideal.progress import Progress, shown

_SURE = 5.0  # standard errors by which the slope must be above 0
_DIM, _BRIGHT = 0.5, 1.5  # response over that of all pixels beyond which a pixel is dead
_COARSE = 0.24  # variance in steps of the converter, squared, below which its rounding hides the noise (EMVA 1288)
_FEWEST_FOR_NOISE_MAP = 8
_SHARED = 4.0  # standard errors from which on noise of rows or columns counts
_LINEAR = (0.05, 0.95)  # of saturation, where linearity is judged
_DRIFT = 5.0
_ALIKE = 0.1  # correlation of neighbours' noise; wells that share charge reach some hundredths
_DARKER = 3.0  # standard deviations of a pixel in the dark, by which light is not below the dark
_BLACK = 1e-3  # share of dark values at the least number from which on the dark is cut off


def calibrate(
    dark: Any = None,
    flat: Any = None,
    repeats: Any = None,
    *,
    exposures: Sequence[float] | None = None,
    gain: float | None = None,
    period: tuple[int, int] | None = None,
    axes: str | None = None,
    follow_links: bool = False,
    confidence: float = 0.95,
    progress: Progress | bool | None = None,
) -> Camera:
    """Measure a camera from its own frames: offset, noise, gain, patterns, saturation and bad pixels.

    Each of `dark`, `flat` and `repeats` is an array (frame, row, column), a measurement set, the name or a pattern of names of
    files of any format that ideal opens, or a list of these. Frames are read one at a time. Terms are those of EMVA 1288.

    Args:
        dark: dark frames: no light, the settings of the measurements; 16 or more, for maps 64 or more.
        flat: flat fields: even light, several levels up to saturation, two frames of each or more. Frames that are equally bright
            are one level, in whatever order they come; a list of arrays has levels of its own.
        repeats: repeated frames of still scenes, two of each or more, which tell the gain where there are no flat fields; scenes
            in one file are told apart by its groups.
        exposures: seconds of each file or array (or of each frame), those of `dark` first, then those of `flat`; None for what
            files say (`exposure_time`). Dark frames of several exposures tell the dark current, flat fields the linearity.
        gain: photoelectrons per DN, where no frames with light tell it; of a data sheet, say.
        period: rows and columns after which the sensor's mosaic repeats; None for what files say.
        axes: of the arrays as they are stored; see `ideal.open_measurements`.
        follow_links: as of `ideal.open_measurements`.
        confidence: of all intervals.
        progress: a function of a text and of the fraction done, True for a bar, False for silence; None for a bar where somebody
            looks on.

    Raises:
        DataError: the frames do not fit each other, or do not tell the gain.
        UsageError: frames are missing, or something has no meaning.

    Example:
        >>> from ideal.cameras import simulate_frames
        >>> bench = simulate_frames(shape=(64, 64), dark=16, levels=6, gain=2.0)
        >>> camera = calibrate(bench.dark, bench.flat, progress=False)
        >>> abs(camera.gain.value - 2.0) < 0.05
        True

    """
    if not 0 < confidence < 1:
        raise UsageError(f"confidence is a number between 0 and 1, as 0.95; found {confidence:g}")
    if gain is not None and not (gain > 0 and math.isfinite(gain)):
        raise UsageError(f"gain is a number of photoelectrons per DN above 0; found {gain:g}")
    if dark is None and flat is None and repeats is None:
        raise UsageError("a calibration needs frames: dark frames and flat fields, or repeats of still scenes")
    if flat is None and repeats is None and gain is None:
        raise UsageError(
            "dark frames alone do not tell the gain: add flat fields (two frames at several levels of light), repeated frames of "
            "still scenes, or the gain itself"
        )
    with ExitStack() as stack, shown(progress) as say:
        given = {"dark": dark, "flat": flat, "repeats": repeats}
        stacks = {
            name: [] if each is None else open_stacks(each, name, stack, axes=axes, follow_links=follow_links)
            for name, each in given.items()
        }
        if exposures is not None:
            stacks |= _exposed(stacks, exposures)
        work = _Work(stacks, period, gain, say)
        return work.camera(confidence)


def _exposed(stacks: dict[str, list[Stack]], seconds: Sequence[float]) -> dict[str, list[Stack]]:
    seconds = [float(each) for each in seconds]
    if any(not (each >= 0 and math.isfinite(each)) for each in seconds):
        raise UsageError(f"exposures are numbers of seconds, 0 or more; found {seconds}")
    dark, both = stacks["dark"], [*stacks["dark"], *stacks["flat"]]
    if len(seconds) == len(dark) and dark:
        return {"dark": with_exposures(dark, seconds)}
    found = with_exposures(both, seconds)
    return {"dark": found[: len(dark)], "flat": found[len(dark) :]}


@dataclass
class _Work:
    """A calibration on its way."""

    stacks: dict[str, list[Stack]]
    asked_period: tuple[int, int] | None
    stated_gain: float | None
    say: Progress
    notes: list[str] = field(default_factory=list)
    quantities: dict[str, Quantity] = field(default_factory=dict)
    maps: dict[str, np.ndarray] = field(default_factory=dict)
    shared_error: float = 0.0  # covariance of the variance in the dark with the system gain

    def __post_init__(self):
        every = [each for stacks in self.stacks.values() for each in stacks]
        self.shape = same_shape(every)
        self.period = self.asked_period or next((each.period for each in every if each.period != (1, 1)), (1, 1))
        self.stacks = {name: [replace(each, period=self.period) for each in stacks] for name, stacks in self.stacks.items()}
        named = [each.exposures is not None for each in self.stacks["dark"]]
        if any(named) and not all(named):
            raise UsageError("some dark frames have exposures and some have none: name them all (exposures)")
        frames = {name: sum(each.count for each in stacks) for name, stacks in self.stacks.items()}
        self._steps = 3 * frames["dark"] + 2 * frames["flat"] + 2 * frames["repeats"]
        self._done = 0
        self.frames = frames

    def step(self) -> None:
        self._done += 1
        self.say("reading frames", min(1.0, self._done / max(1, self._steps)))

    def camera(self, confidence: float) -> Camera:
        """Return the camera."""
        self.z = float(stats.norm.ppf((1 + confidence) / 2))
        self.confidence = confidence
        looks = {name: [(each, look_at(each, self.step)) for each in stacks] for name, stacks in self.stacks.items()}
        every = [look for some in looks.values() for _, look in some]
        steps = [each.steps for each in every if each.steps]
        self.integer = all(each.dtype.kind in "ui" for stacks in self.stacks.values() for each in stacks) or bool(
            steps and not any(each.steps is None for each in every) and self._are_whole()
        )
        self.quantum = float(np.gcd.reduce(steps)) if self.integer and steps else 0.0
        self._doubts(looks)
        dark = measure_dark(self.stacks["dark"], self.step) if self.stacks["dark"] else None
        self.dark = dark
        floor = self._floor(looks["dark"])
        good = np.ones(self.shape, bool) if dark is None else dark.good
        levels, saturation, ceiling = self._levels(looks, dark)
        provisional = self._provisional(levels, dark)
        response = measure_flats(levels, dark, provisional, good, self.step)
        bins: list[Level] = []
        if self.stacks["repeats"]:
            bins = measure_repeats(self.stacks["repeats"], dark, ceiling, good, self.step)
        transfer = self._transfer(levels, bins, dark)
        self._gain(transfer)
        kinds = np.zeros(self.shape, np.uint8) if dark is None else dark.kinds.copy()
        if response.frames and response.mean > 0:
            kinds |= self._response(response, good)
        if dark is not None:
            self._dark(dark, kinds == 0)
        elif transfer is not None:
            self._without_dark(transfer, looks)
        self._saturation(saturation)
        self._linearity(levels, saturation)
        if self.quantum:
            self.quantities["step"] = Quantity("step", self.quantum)
        if kinds.any():
            self.maps["bad_pixels"] = kinds
        return Camera(
            shape=self.shape,
            quantities=self.quantities,
            maps=self.maps,
            levels=tuple(self._points(levels, bins, dark)),
            notes=tuple(self.notes),
            frames={name: count for name, count in self.frames.items() if count},
            confidence=confidence,
            integer=self.integer,
            floor=floor,
            ceiling=saturation.value if saturation.by == "converter" and self.integer else None,
            transfer=None if transfer is None else {"slope": transfer.slope, "intercept": transfer.intercept},
        )

    def _are_whole(self) -> bool:
        firsts = (next(each.frames([0])) for stacks in self.stacks.values() for each in stacks)
        return not any(bool(np.any(frame % 1)) for frame in firsts)

    def _doubts(self, looks) -> None:
        """Note what speaks against raw frames of which each is one exposure."""
        if not self.integer:
            self.notes.append(
                "values are not whole numbers: frames that were averaged or corrected have less noise than the sensor, or more; "
                "calibrate from raw frames"
            )
        for name, what in (("dark", "dark frames"), ("flat", "flat fields")):
            digests = [each for _, look in looks[name] for each in look.digests if each is not None]
            if copies := len(digests) - len(set(digests)):
                self.notes.append(
                    f"{copies} of {len(digests)} {what} are copies of others, value for value: the noise comes out too small; "
                    "record each anew"
                )
            alike = [each for _, look in looks[name] for each in self._of_one_light(name, look)]
            if alike and abs(middle := float(np.median(alike))) > _ALIKE:
                of = "the read noise" if name == "dark" else "the gain"
                self.notes.append(
                    f"the noise of neighbouring pixels is alike in {what} ({middle:.2g} of 1), which that of a sensor is not: "
                    "frames that were denoised, sharpened, demosaicked, scaled or compressed, or light that moves from frame to "
                    f"frame; {of} is wrong"
                )

    def _of_one_light(self, name: str, look) -> list[float]:
        """Return how alike neighbours are in the differences of frames of the same light."""
        means = np.asarray(look.mean)
        near = np.abs(np.diff(means, prepend=np.nan)) <= 0.02 * np.abs(means) + (np.inf if name == "dark" else 0.0)
        return [each for each, same in zip(look.alike, near, strict=True) if same and math.isfinite(each)]

    # What frames with light say.

    def _levels(self, looks, dark: Dark | None) -> tuple[list[Level], Saturation, float]:
        base = 0.0 if dark is None else dark.mean
        levels: list[Level] = []
        for stack, look in looks["flat"]:
            levels += levels_of(stack, look, base)
        lit = [*looks["flat"], *looks["repeats"]]
        ceiling = mark_clipped(levels, lit) if lit else math.inf
        noise = 0.0 if dark is None or dark.components is None else dark.components.total
        low = min((each.mean for each in levels), default=0.0)
        found = find_saturation(levels, ceiling, base if dark is not None else min(low, 0.0), noise)
        if levels and found.value is not None and dark is None:
            found = Saturation(found.value, found.limit + min(low, 0.0), found.by)
        for level in levels:
            level.mean -= base if dark is None else dark.mean_at(level.exposure)
            level.used = level.mean <= found.limit and level.clipped <= 1e-3
        noise_of_dark = math.sqrt(max(noise, 0.0))
        darker = [each for each in levels if dark is not None and each.mean < -max(_DARKER * noise_of_dark, 1.0)]
        if darker and dark is not None:
            least = min(each.mean for each in darker)
            raise DataError(
                f"flat: {len(darker)} of {len(levels)} levels of light are darker than the dark frames ({least + dark.mean:.4g} "
                f"DN against {dark.mean:.4g} DN): are dark frames and flat fields exchanged, or recorded in other settings?"
            )
        self.singles = sum(1 for each in levels if each.count < 2)
        if levels and self.singles == len(levels):
            self.notes.append(
                f"each of {len(levels)} flat fields has a light of its own: the gain needs two frames of each level of light"
            )
        if levels and not any(each.used for each in levels):
            raise DataError("flat: all flat fields are saturated: record some with less light")
        # Where even the light of bright pixels reaches the ceiling, the largest number of clean frames is no ceiling.
        piled = any(each.clipped > 1e-3 for each in levels)
        return levels, found, ceiling if piled or not levels else math.inf

    def _provisional(self, levels: Sequence[Level], dark: Dark | None) -> float:
        noise = 0.0 if dark is None or dark.components is None else dark.components.total
        known = [(each.mean, each.variance - noise) for each in levels if each.used and np.isfinite(each.variance)]
        if not known:
            return 1.0 / (self.stated_gain or 1.0)
        mean, variance = (np.asarray(each) for each in zip(*known, strict=True))
        if dark is None and len(known) > 1:
            return max(float(np.polyfit(mean, variance, 1)[0]), 1e-12)
        return max(float(np.sum(variance) / max(np.sum(mean), 1e-12)), 1e-12)

    def _transfer(self, levels: Sequence[Level], bins: Sequence[Level], dark: Dark | None) -> Transfer | None:
        # The electrons of the dark current have their shot noise too: the axis counts all that are no offset.
        current = 0.0 if dark is None or dark.current is None else dark.current_mean
        points = [
            (each.mean + current * (each.exposure or 0.0), each.variance, each.error)
            for each in (*levels, *bins)
            if each.used and np.isfinite(each.variance) and np.isfinite(each.error)
        ]
        if dark is not None and dark.components is not None:
            parts = dark.components
            if dark.current is None:
                points.append((0.0, parts.total, parts.total_error))  # the last one, see `_gain`
            else:
                lines = math.hypot(parts.row_error, parts.column_error)
                for exposure, _, variance, error, _ in dark.points:
                    if math.isfinite(variance):
                        points.append((current * (exposure or 0.0), variance - parts.frame, math.hypot(error, lines)))
        lit = [each for each in (*levels, *bins) if each.used and np.isfinite(each.error)]
        if not lit:
            if self.stated_gain is None:
                raise DataError("no two frames show the same light: record two frames of each level, or name the gain")
            return None
        if len({round(each[0], 9) for each in points}) < 2:
            raise DataError("one level of light alone does not tell the gain: add dark frames, or flat fields of other levels")
        found = fit_transfer(*zip(*points, strict=True))
        if not found.slope > _SURE * found.slope_error:
            raise DataError(
                f"the temporal variance does not grow with the light ({found.slope:.3g} ± {found.slope_error:.2g} DN^2 per DN): "
                "are these raw frames, two or more of each level, of different levels?"
            )
        if found.scatter is not None and found.scatter > 3:
            self.notes.append(
                f"variance against mean is no straight line: levels are off by {math.sqrt(found.scatter):.2g} times their "
                "errors, by which the interval of the gain is wider; processed frames, or a response that is not linear, do so"
            )
        return found

    def _gain(self, transfer: Transfer | None) -> None:
        if self.stated_gain is not None and transfer is None:
            self.per_count, self.relative = self.stated_gain, 0.0
            self.quantities["gain"] = Quantity("gain", self.stated_gain)
            return
        assert transfer is not None
        slope, error = transfer.slope, transfer.slope_error
        self.per_count, self.relative = 1 / slope, error / slope
        if self.dark is not None and self.dark.components is not None and self.dark.current is None:
            # The noise in the dark bends the line, too: more of it, a lesser slope.
            self.shared_error = transfer.pull[-1] * self.dark.components.total_error**2
        low, high = slope - self.z * error, slope + self.z * error
        self.quantities["gain"] = Quantity("gain", 1 / slope, 1 / high, 1 / low)
        self.quantities["system_gain"] = Quantity("system_gain", slope, low, high)
        if self.stated_gain is not None and not 1 / high <= self.stated_gain <= 1 / low:
            inverse = abs(math.log(self.stated_gain * self.per_count)) < 0.1
            self.notes.append(
                f"the stated gain {self.stated_gain:.4g} e-/DN is not what the frames show, {self.per_count:.4g} e-/DN"
                + (": it is the inverse, DN/e-" if inverse else "")
            )

    def _response(self, response, good) -> np.ndarray:
        even, took = flatten(response.light, good, self.period)
        dead = ((even < _DIM) | (even > _BRIGHT)) & good
        kinds = np.where(dead, DEAD, 0).astype(np.uint8)
        use = good & ~dead
        chance = response.chance / response.mean**2
        parts = None if self.dark is None else self.dark.components
        of_frames = 0.0 if parts is None else response.frames * parts.pixel / response.mean**2
        of_frames += 0.0 if parts is None or self.dark is None else (response.frames / response.mean) ** 2 * self.dark.chance
        pattern = pattern_of(even, use, chance, took, self._lines(of_frames))
        for name, part, error in _parts(pattern):
            self._deviation(f"prnu{name}", part * 1e4, error * 1e4)
        lowest = {"frames": response.frames}
        if pattern.is_worth_a_map:
            center = float(even[use].mean())
            shrunk = without_chance(even / center, 1.0, pattern.chance, pattern.share)
            self.maps["gain"] = (self.per_count / np.clip(shrunk, 0.02, 50)).astype(np.float32)
        else:
            self._no_map("gain", pattern, lowest["frames"], "flat fields")
        return kinds

    def _lines(self, chance: float) -> tuple[float, float]:
        """Return what the noise of rows and columns makes of them in a map in which a pixel's noise is so large, variances."""
        parts = None if self.dark is None else self.dark.components
        if parts is None or not parts.pixel > 0:
            return 0.0, 0.0
        return max(parts.row, 0.0) / parts.pixel * chance, max(parts.column, 0.0) / parts.pixel * chance

    # What dark frames say.

    def _dark(self, dark: Dark, good: np.ndarray) -> None:
        t = float(stats.t.ppf((1 + self.confidence) / 2, dark.mean_freedom)) if dark.freedom else math.inf
        self.quantities["offset"] = _around("offset", dark.mean, dark.mean_error, t)
        pattern = pattern_of(dark.offset, good, dark.chance, lines=self._lines(dark.chance))
        for name, part, error in _parts(pattern):
            self._electrons(f"dsnu{name}", part, error)
        if pattern.is_worth_a_map:
            self.maps["offset"] = without_chance(dark.offset, dark.mean, pattern.chance, pattern.share).astype(np.float32)
        else:
            self._no_map("offset", pattern, dark.frames, "dark frames")
        if dark.current is not None:
            self._current(dark, good)
        if dark.components is None:
            self.notes.append("one dark frame does not tell the read noise: record 16 or more")
            return
        self._noise(dark, good)
        if dark.hits:
            self.notes.append(f"{dark.hits} values in dark frames were hit, as by cosmic rays, and are left out")
        slope, error = dark.drift
        if abs(slope) > max(_DRIFT * error, 0.2 * math.sqrt(max(dark.components.total, 0.0))):
            self.notes.append(f"the dark value drifts by {slope:.2g} DN from the first frame to the last: let the camera warm up")

    def _current(self, dark: Dark, good: np.ndarray) -> None:
        found = dark.current_mean * self.per_count
        error = math.hypot(dark.current_error * self.per_count, found * self.relative)
        self.quantities["dark_current"] = _around("dark_current", found, error, self.z)
        assert dark.current is not None
        if found < -self.z * error:
            self.notes.append(
                f"the dark value falls with the exposure, by {-found:.3g} e-/s: are the exposures named in the order of the "
                "files? Offset and read noise are wrong if not"
            )
        pattern = pattern_of(dark.current, good, dark.current_chance, lines=self._lines(dark.current_chance))
        if pattern.is_worth_a_map:
            shrunk = without_chance(dark.current, dark.current_mean, pattern.chance, pattern.share)
            self.maps["dark_current"] = (shrunk * self.per_count).astype(np.float32)

    def _noise(self, dark: Dark, good: np.ndarray) -> None:
        parts = dark.components
        assert parts is not None
        rounding = self.quantum**2 / 12
        # Of several exposures the shot noise of the dark current is no part of the read noise.
        shot = 0.0
        if dark.current is not None:
            exposed = sum((each[0] or 0.0) * max(0, each[4] - 1) for each in dark.points) / max(1, dark.freedom)
            shot = max(dark.current_mean, 0.0) * exposed / self.per_count
        left = shot * self.relative  # the error of what is taken off
        for name, part, error in (
            ("temporal_dark_noise", parts.total, parts.total_error),
            ("read_noise", parts.pixel, parts.pixel_error),
        ):
            self._electrons(name, part - rounding - shot, math.hypot(error, left), self.shared_error)
        self._electrons("row_noise", parts.row, parts.row_error)
        self._electrons("column_noise", parts.column, parts.column_error)
        shared = 0.0
        for name, part, error in (("rows", parts.row, parts.row_error), ("columns", parts.column, parts.column_error)):
            if part > _SHARED * error:
                shared += part
                deviation = math.sqrt(part) * self.per_count
                self.notes.append(f"{name} flicker as one from frame to frame, by {deviation:.3g} e-")
        if self.quantum and parts.total < _COARSE * self.quantum**2:
            self.notes.append(
                f"the noise in the dark is {math.sqrt(max(parts.total, 0.0)):.2g} DN, below half a step of the converter: the "
                "read noise is an upper bound; calibrate at a higher analog gain"
            )
            return
        if dark.freedom < _FEWEST_FOR_NOISE_MAP - 1:
            self.notes.append(f"read noise: a number, a map needs {_FEWEST_FOR_NOISE_MAP} dark frames or more")
            return
        half = dark.freedom / 2
        level = np.log(np.maximum(dark.variance.astype(np.float64), 1e-6 * max(parts.total, 1e-12)))
        level -= special.digamma(half) - math.log(half)
        chance = float(special.polygamma(1, half))
        pattern = pattern_of(level, good, chance)
        if not pattern.is_worth_a_map:
            self._no_map("read_noise", pattern, dark.frames, "dark frames")
            return
        center = float(level[good].mean())
        variance = np.exp(without_chance(level, center, chance, pattern.share))
        variance *= float(dark.variance[good].mean(dtype=np.float64)) / float(variance[good].mean())
        own = np.maximum(variance - shared - max(parts.frame, 0.0) - rounding - shot, 0.02 * max(parts.pixel, 1e-12))
        self.maps["read_noise"] = (np.sqrt(own) * self.per_count).astype(np.float32)

    def _without_dark(self, transfer: Transfer, looks) -> None:
        """Say what frames without dark ones leave open: offset and read noise, of which only a combination shows."""
        darkest = min(min(look.mean) for some in looks.values() for _, look in some)
        for _, look in looks["repeats"]:
            darkest = min(darkest, *look.lowest)
        for _, look in looks["flat"]:
            darkest = min(darkest, *look.lowest)
        least = -transfer.intercept / transfer.slope
        highest = max(darkest, least)
        variance = max(transfer.intercept + transfer.slope * highest - self.quantum**2 / 12, 0.0)
        self.quantities["offset"] = Quantity("offset", highest, min(least, highest), highest)
        self.quantities["read_noise"] = Quantity(
            "read_noise", math.sqrt(variance) * self.per_count, 0.0, math.sqrt(variance) * self.per_count
        )
        self.notes.append(
            "without dark frames offset and read noise are upper bounds, those of a scene that is black somewhere; the variance "
            "at each value is right all the same. Record dark frames (--dark)"
        )

    # Where light ends.

    def _floor(self, looks) -> float | None:
        lowest = min((min(look.lowest) for _, look in looks), default=math.inf)
        share = sum(at for _, look in looks for at, low in zip(look.at_lowest, look.lowest, strict=True) if low == lowest) / max(
            1.0, self.frames["dark"] * float(np.prod(self.shape))
        )
        dark = self.dark
        if dark is None or dark.components is None or not math.isfinite(lowest):
            return None
        near = dark.mean - lowest < 3 * math.sqrt(max(dark.components.total, 1e-12))
        wide = dark.components.total > self.quantum**2
        if share > _BLACK and near and wide:
            self.notes.append(
                f"{share:.2g} of the dark values are {lowest:g} DN and none is below: the dark is cut off there, and offset and "
                "read noise are wrong; raise the black level of the camera"
            )
            return float(lowest)
        return None

    def _saturation(self, found: Saturation) -> None:
        if found.value is None:
            if self.stacks["flat"]:
                self.notes.append("no flat field is saturated: the full well is not known; add brighter ones")
            return
        self.quantities["saturation"] = Quantity("saturation", found.value)
        if "offset" not in self.quantities:
            return
        full = (found.value - self.quantities["offset"].value) * self.per_count
        self.quantities["full_well"] = _around("full_well", full, full * self.relative, self.z)
        self.quantities["snr_max"] = _around("snr_max", math.sqrt(full), math.sqrt(full) * self.relative / 2, self.z)
        if found.by == "variance":
            self.notes.append("saturation is that of the level with the largest variance; brighter flat fields tell it better")
        noise = self.quantities.get("temporal_dark_noise")
        if noise is not None:
            rounding = (self.quantum * self.per_count) ** 2 / 12
            least = math.sqrt(noise.value**2 + rounding + 0.25) + 0.5
            ends = [math.sqrt((end or 0.0) ** 2 + rounding + 0.25) + 0.5 for end in (noise.low, noise.high)]
            self.quantities["threshold"] = Quantity("threshold", least, *ends)
            width = full / least * math.hypot(self.relative, (ends[1] - ends[0]) / (2 * self.z * least))
            self.quantities["dynamic_range"] = _around("dynamic_range", full / least, width, self.z)

    def _linearity(self, levels: Sequence[Level], saturation: Saturation) -> None:
        known = [each for each in levels if each.exposure is not None and each.exposure > 0]
        if not known:
            if levels:
                self.notes.append("linearity: not known, it needs the exposures of flat fields under one lamp (exposures)")
            return
        top = max(each.mean for each in known)
        if saturation.value is not None and self.dark is not None:
            top = saturation.value - self.dark.mean
        use = [each for each in known if _LINEAR[0] * top <= each.mean <= _LINEAR[1] * top and each.clipped <= 1e-3]
        if len({each.exposure for each in use}) < 3:
            self.notes.append("linearity: not known, it needs three exposures or more between 5 % and 95 % of saturation")
            return
        light, value = np.array([each.exposure for each in use]), np.array([each.mean for each in use])
        design = np.stack([np.ones_like(light), light], axis=1) / value[:, None]
        line = np.linalg.lstsq(design, np.ones_like(value), rcond=None)[0]
        fitted = line[0] + line[1] * light
        off = 100 * np.abs(value - fitted) / fitted
        error = float(off.std(ddof=1) / math.sqrt(len(off)))
        found = float(off.mean())
        self.quantities["linearity_error"] = Quantity(
            "linearity_error", found, max(0.0, found - self.z * error), found + self.z * error
        )

    # Numbers with intervals.

    def _electrons(self, name: str, variance: float, error: float, shared: float = 0.0) -> None:
        """Keep a standard deviation in electrons of a variance in DN^2; `shared` is its covariance with the system gain."""
        own = max(variance, 0.0) * self.per_count**2
        square = (error * self.per_count**2) ** 2 + (2 * own * self.relative) ** 2
        square -= 4 * own * self.per_count**3 * shared
        self._deviation(name, variance * self.per_count**2, math.sqrt(max(square, 0.0)))

    def _deviation(self, name: str, variance: float, error: float) -> None:
        """Keep the root of a variance; its interval is that of the variance, which may reach 0."""
        low, high = (math.sqrt(max(end, 0.0)) for end in (variance - self.z * error, variance + self.z * error))
        self.quantities[name] = Quantity(name, math.sqrt(max(variance, 0.0)), low, high)

    def _no_map(self, name: str, pattern: Pattern, frames: int, kind: str) -> None:
        needed = pattern.frames_needed(frames)
        sure = pattern.total > 2 * pattern.total_error
        more = f"; about {max(needed, frames + 1)} would make one" if sure and needed else ""
        self.notes.append(
            f"{name.replace('_', ' ')}: a number, no map: what {frames} {kind} show of single pixels is "
            f"{'mostly ' if sure else ''}chance{more}"
        )

    def _points(self, levels, bins, dark: Dark | None):
        for exposure, mean, variance, error, count in dark.points if dark is not None else ():
            yield _point("dark", mean - (dark.mean if dark is not None else 0.0), variance, error, count, exposure, 0.0, True)
        for kind, some in (("flat", sorted(levels, key=lambda each: each.mean)), ("repeats", bins)):
            for each in some:
                yield _point(kind, each.mean, each.variance, each.error, each.count, each.exposure, each.clipped, bool(each.used))


def _point(kind, mean, variance, error, frames, exposure, clipped, used) -> dict[str, Any]:
    return {
        "kind": kind,
        "mean": float(mean),
        "variance": float(variance),
        "error": float(error),
        "frames": int(frames),
        "exposure": exposure,
        "clipped": float(clipped),
        "used": used,
    }


def _parts(pattern: Pattern) -> tuple[tuple[str, float, float], ...]:
    return (
        ("", pattern.total, pattern.total_error),
        ("_row", pattern.row, pattern.row_error),
        ("_column", pattern.column, pattern.column_error),
        ("_pixel", pattern.pixel, pattern.pixel_error),
    )


def _around(name: str, value: float, error: float, z: float) -> Quantity:
    width = z * error
    if not math.isfinite(width):
        return Quantity(name, value)
    return Quantity(name, value, value - width, value + width)
