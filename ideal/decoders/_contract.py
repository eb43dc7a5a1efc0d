"""What every decoder can do: learn from scenes and their measurements, and make estimates of scenes from other measurements."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from ideal._ranges import check_ranges
from ideal.errors import DataError, UsageError
from ideal.imaging import ImagingSystem, Params, check_settings, settings_of
from ideal.noise import NoiseModel
from ideal.progress import Progress, silent


@dataclass(frozen=True)
class Example:
    """Scenes in one light, and what a sensor measured of them.

    Attributes:
        scenes: exposed, (sample, *shape of the scene): photoelectrons of an unfiltered pixel, or Jy per pixel, or radians.
        measurements: (sample, *shape of a measurement), in photoelectrons or the units of the system.

    """

    scenes: np.ndarray
    measurements: np.ndarray


@dataclass(frozen=True)
class DecodingTask:
    """What a decoder learns from.

    Attributes:
        system: that measures.
        params: its design.
        noise: of the measurements.
        train: scenes to learn from, with their measurements.
        validation: others, of other sources, by which settings are chosen and training ends.

    """

    system: ImagingSystem
    params: Params
    noise: NoiseModel
    train: Example
    validation: Example


@dataclass(frozen=True, eq=False)
class FittedDecoder:
    """A decoder that has learned, ready for measurements of the system that it learned of.

    Attributes:
        estimates: makes estimates (sample, *shape of the region) from measurements (sample, ...), in the units of the scenes.
        scene_shape: of a whole scene.
        region: part of a scene that is estimated, a slice along each of its first axes; empty for all of it.
        choice: what validation scenes chose, a number by name.
        notes: what people should know of the fit, a sentence each, such as that more scenes to learn from would help.

    """

    estimates: Callable[[np.ndarray], np.ndarray]
    scene_shape: tuple[int, ...]
    region: tuple[slice, ...] = ()
    choice: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the estimate of one scene."""
        return np.broadcast_to(0, self.scene_shape)[self.region].shape

    def part(self, scenes: np.ndarray) -> np.ndarray:
        """Return of scenes (sample, ...) the part that is estimated."""
        return scenes[(slice(None), *self.region)]

    def decode(self, measurements: np.ndarray) -> np.ndarray:
        """Return estimates of scenes, or of the part `region` of them.

        Args:
            measurements: (sample, ...), as the system measures them, photoelectrons or the units of the system.

        Returns:
            (sample, *shape), in the units of the exposed scenes.

        Raises:
            DataError: the measurements are of another shape than those that were learned from, or an estimate is not finite.

        """
        found = np.asarray(self.estimates(measurements))
        expected = (len(measurements), *self.shape)
        if found.shape != expected:
            raise DataError(f"the decoder made estimates of shape {found.shape}, expected {expected}")
        if not np.isfinite(found).all():
            raise DataError(f"estimate {np.argwhere(~np.isfinite(found))[0][0]} is not finite everywhere")
        return found


@dataclass(frozen=True)
class Decoder(ABC):
    """A way to make estimates of scenes from measurements; its settings are dataclass fields made by `ideal.imaging.setting`.

    Attributes:
        name: its name on the command line.
        summary: one line for people.
        serves: which systems, in words.

    """

    name: ClassVar[str]
    summary: ClassVar[str]
    serves: ClassVar[str]

    def __post_init__(self):
        """Bring settings to the types of their defaults, and refuse those outside their ranges; a subclass calls this first."""
        for name, value in check_settings(type(self), self.settings).items():
            object.__setattr__(self, name, value)
        check_ranges(self)

    @classmethod
    @abstractmethod
    def refusal(cls, system: ImagingSystem, params: Params) -> str:
        """Return why the decoder does not serve a system with this design, in one line; empty where it does."""

    @abstractmethod
    def _fit(self, task: DecodingTask, seed: int, effort: float, progress: Progress) -> FittedDecoder:
        """Learn from the scenes and measurements of a task that the decoder serves; arguments as of `fit`."""

    def fit(self, task: DecodingTask, *, seed: int = 0, effort: float = 1.0, progress: Progress | None = None) -> FittedDecoder:
        """Learn from scenes and their measurements.

        Args:
            task: the system with its design and noise, and scenes with their measurements.
            seed: of whatever is random.
            effort: work of training where a decoder is trained; 1 is the usual.
            progress: called with a line of text and the fraction done; None for silence.

        Raises:
            UsageError: the decoder does not serve the system (the message says why), or the task or the effort has no meaning.
            DataError: the scenes or the measurements cannot be learned from.

        """
        if not (effort > 0 and math.isfinite(effort)):
            raise UsageError(f"effort must be a positive number; found {effort:g}")
        self.check(task.system, task.params)
        for name in ("train", "validation"):
            each: Example = getattr(task, name)
            if len(each.scenes) != len(each.measurements) or not len(each.scenes):
                raise DataError(
                    f"{name}: {len(each.scenes)} scenes and {len(each.measurements)} measurements, expected one for each"
                )
        return self._fit(task, seed, effort, progress or silent)

    @classmethod
    def check(cls, system: ImagingSystem, params: Params) -> None:
        """Refuse a system that the decoder does not serve.

        Raises:
            UsageError: it does not; the message says why.

        """
        if why := cls.refusal(system, params):
            raise UsageError(f"decoder {cls.name} does not serve {system.name}: {why}")

    @property
    def settings(self) -> dict[str, Any]:
        """Settings by name."""
        return {each.name: getattr(self, each.name) for each in settings_of(type(self))}


def least_error(candidates: Iterable[FittedDecoder], validation: Example, progress: Progress = silent) -> FittedDecoder:
    """Return the candidate whose estimates of validation scenes have the least mean square error.

    Args:
        candidates: one or more, each with what it stands for in `choice`.
        validation: scenes with their measurements.
        progress: called with a line of text for each.

    Raises:
        UsageError: there is no candidate.

    """
    best, least = None, np.inf
    for each in candidates:
        progress("decoder: " + ", ".join(f"{name} {value:g}" for name, value in each.choice.items()))
        error = float(np.square(each.decode(validation.measurements) - each.part(validation.scenes)).mean())
        if best is None or error < least:
            best, least = each, error
    if best is None:
        raise UsageError("there is no setting to choose from: give one or more")
    return best
