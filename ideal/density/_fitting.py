"""What a fit is told besides the measurements: how their values came about, and how much work to do."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ideal.noise.electrons import ElectronNoise


@dataclass(frozen=True)
class Sensor:
    """How measured values came about, as far as a density model may use it.

    Attributes:
        step: distance between neighbouring levels of quantised values; 0 where they are continuous.
        origin: one of the levels, as 0 of counts.
        lowest: the lowest level, as 0 of counts; -inf where there is none. What would lie below reads as it.
        noise_variance: (a, b), for noise of variance a + b m about the mean m; of complex values, in each of the two parts. Where
            the noise differs from value to value, a is the least.
        period: (row, column) of the sensor's mosaic in pixels; measurements begin at its multiples.
        highest: the highest level, as the ceiling of a converter; inf where there is none. What would lie above reads as it.
        noise_sigma: standard deviation of continuous noise in each value, of the shape of a measurement, where values differ and
            all measurements are alike; None otherwise.
        noise_by_sample: whether continuous noise differs from measurement to measurement: models are given it beside them.
        channel: the noise, where it sees whole electrons (`ideal.noise.electrons`); None otherwise.

    """

    step: float = 0.0
    origin: float = 0.0
    lowest: float = -np.inf
    noise_variance: tuple[float, float] = (0.0, 0.0)
    period: tuple[int, int] = (1, 1)
    highest: float = np.inf
    noise_sigma: np.ndarray | None = field(default=None, compare=False)
    noise_by_sample: bool = False
    channel: "ElectronNoise | None" = field(default=None, compare=False)

    @property
    def slack(self) -> float:
        """By how much a value may miss a level in rounding."""
        return self.step / 4

    def at_limit(self, values) -> np.ndarray:
        """Tell which values a ceiling or a floor other than the 0 of counts may have cut off."""
        clipped = np.asarray(values) >= self.highest - self.slack
        return clipped | (np.asarray(values) <= self.lowest + self.slack) if self.noise_variance[0] > 0 else clipped


@dataclass(frozen=True)
class Progress:
    """How far a fit has come.

    Attributes:
        model: name of the model.
        fraction: of the work done, 0 to 1.
        loss: on validation measurements by the last evaluation, nats per measurement; nan before the first.

    """

    model: str
    fraction: float
    loss: float


@dataclass(frozen=True)
class Fitting:
    """How much work a fit may take, and who is told of it.

    Attributes:
        effort: work of a trained model in units of the default, which takes about 30 s on two cores.
        time_limit: seconds after which training ends, its schedule shortened so that it ends well; None for no limit. With a
            limit that is reached, the result depends on the machine's speed.
        checkpoint: file in which training keeps its state, and from which it goes on, or where it finds that it had ended.
        report: called with a `Progress` now and then.

    """

    effort: float = 1.0
    time_limit: float | None = None
    checkpoint: Path | None = None
    report: Callable[[Progress], None] | None = None


PLAIN_SENSOR, DEFAULT_FITTING = Sensor(), Fitting()
