"""What `ideal optimize` does with a system where the user does not say: found by trying, see benchmarks."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from ideal.imaging import ImagingSystem
from ideal.optimize import find_objective
from ideal.optimize.ascent.gradient import Ascent
from ideal.optimize.ascent.line_search import suits

MOST_STEPS = 600  # of line searches: the slowest of the systems here arrived after 180
_STARTS = 3
_MOST_COMPARED = 6  # named designs; each takes a third of a minute to measure
_DARK = 0.1  # of the mean: a pixel with less light is dark


@dataclass(frozen=True)
class Defaults:
    """Options of a design run.

    Attributes:
        objective: name of one of `ideal.optimize.OBJECTIVES`.
        target: what information is wanted about.
        starts: names of designs to begin near; empty for three random ones, or the first of the named.
        against: names of designs to compare with; empty for all, or the first six.
        steps: of Adam; line searches end when they have arrived, and have `MOST_STEPS`.
        learning_rate: of Adam, in free parameters.
        rates: factors of the learning rate, or of the unit of steps, by parameter.
        settings: of the objective; they mean nothing to another one.

    """

    objective: str = "gaussian"
    target: str = "total"
    starts: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    steps: int = 150
    learning_rate: float = 0.05
    rates: Mapping[str, float] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)


# Where designs are mirror images of each other, or a series, some stand for all.
_LENSLETS = ("one-lens", "two-lenslets", "four-lenslets", "ten-lenslets", "multi-focal")
_LEDS = ("brightfield", "single-led", "darkfield", "dpc-left", "dpc-top", "annular")
_illumination = partial(Defaults, starts=("dpc-left", "random"), steps=60, learning_rate=0.3, settings={"rank": 32})
DEFAULTS: dict[str, Defaults] = {
    "interferometer": Defaults(starts=("sites",), against=("sites", "random")),
    "color-filter-array": Defaults(
        target="color", against=("bayer", "quad-bayer", "rgbw-bayer", "rgbw-kodak", "random", "white")
    ),
    "lensless": Defaults(
        against=(*_LENSLETS, "diffuser"), starts=("one-lens", "four-lenslets", "diffuser"), steps=200, learning_rate=0.3
    ),
    "lensless-lenslets": Defaults(against=_LENSLETS, starts=("spread", "random", "one-lens"), steps=200, learning_rate=0.1),
    "led-microscope": _illumination(against=_LEDS),
    "led-microscope-weak": _illumination(against=tuple(name for name in _LEDS if name != "darkfield")),
}

# To Gaussian scenes one sharp lens is the best there is. Of objects that leave most of the sensor dark a Gaussian knows the
# least, and lenslets that show them several times pay: a density has to say how many. It moves slowly, positions most: a density
# fitted to some places of the copies is wrong for others, and at twice the rate lenslets for beads go out that should stay.
SPARSE: dict[str, Defaults] = {
    "lensless-lenslets": replace(
        DEFAULTS["lensless-lenslets"],
        objective="density",
        starts=("spread",),
        steps=60,
        learning_rate=0.05,
        rates={"positions": 0.15},
        settings={"batch": 128, "coordinates": 4, "effort": 0.25},
    ),
}


def are_sparse(scenes: np.ndarray) -> bool:
    """Tell whether most pixels of scenes (sample, ...) are dark: with less than a tenth of the mean light."""
    scenes = np.asarray(scenes)
    return bool(np.median(scenes) < _DARK * scenes.mean())


def defaults_for(system: ImagingSystem, scenes: np.ndarray | None = None) -> Defaults:
    """Return the options of a design run of a system where the user does not say.

    Args:
        system: what is designed.
        scenes: some of the objects, (sample, ...), where there are any to see: for sparse ones the options may differ.

    """
    if scenes is not None and system.name in SPARSE and are_sparse(scenes):
        return SPARSE[system.name]
    return DEFAULTS.get(system.name, Defaults())


def ascent_by(default: Defaults, system: ImagingSystem) -> Ascent:
    """Return the ascent of a design run by these options, by the method that suits the objective and the system.

    Args:
        default: of `defaults_for`.
        system: what is designed.

    """
    if suits(find_objective(default.objective), system, default.rates):
        return Ascent(MOST_STEPS, rates=default.rates, method="line-search")
    return Ascent(default.steps, default.learning_rate, default.rates, method="adam")


def starts_of(system: ImagingSystem, default: Defaults, *, alone: bool = False) -> tuple[str, ...]:
    """Return the names of the designs that an ascent begins near; one where each start costs as much as all.

    Args:
        system: what is designed.
        default: of `defaults_for`.
        alone: whether starts are climbed from one after another.

    """
    count = 1 if alone else _STARTS
    random = ("random",) * count if "random" in system.designs else ()
    return (default.starts or random or tuple(system.designs))[:count]


def compared_with(system: ImagingSystem) -> tuple[str, ...]:
    """Return the names of the designs that a new one is compared with: all, or where there are many some that stand for them."""
    some = defaults_for(system).against or tuple(system.designs)[:_MOST_COMPARED]
    return tuple(name for name in some if name in system.designs)
