"""The information of an imaging system with only some of its elements, as a value function."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from ideal.attribution.games._contract import Game
from ideal.attribution.games.closed_forms import GramGame, LightGame
from ideal.errors import UsageError
from ideal.imaging import ImagingSystem, Params
from ideal.noise import NoiseModel
from ideal.optimize._contract import Task
from ideal.optimize.objectives.scenes import scene_factor
from ideal.optimize.runs.plans import plan_elements
from ideal.optimize.runs.setup import Setup
from ideal.optimize.selection.image_sums import ImageSums
from ideal.optimize.selection.members import Members
from ideal.optimize.selection.set_value import SetValue, pair_information
from ideal.optimize.selection.valuation import find_set_value
from ideal.progress import Progress, silent

_RANK = 64  # principal components of the scenes
ELEMENTS = ("members", "channels", "filters", "sensors")


class SetValueGame(Game):
    """What sets of a system's members are worth by whatever values them in a choice (`ideal.choose`)."""

    unit, title, is_exact = "bits", "information", True

    def __init__(self, value: SetValue, names: Sequence[str]):
        self._value, self.names = value, tuple(names)

    def values(self, masks: np.ndarray) -> np.ndarray:
        """Return the bits of sets."""
        found = self._value.hard(masks)
        # Photon noise without any light has no entropy to compare with: who measures nothing knows nothing.
        return np.where(~masks.any(1) & np.isnan(found), 0.0, found)


def system_game(setup: Setup, elements: str | None = None, report: Progress = silent) -> Game:
    """Return the information of a system with only some of its elements, in closed form for Gaussian scenes.

    Args:
        setup: the system, the objects that it looks at, and the noise.
        elements: "members" (sites, LEDs, lenslets), "channels" of its measurements, "filters" (places in the period of a mosaic),
            or "sensors" (values of a measurement); None for what the system has, in this order.
        report: shows progress.

    Raises:
        UsageError: the system has no such elements, or its noise is none of a closed form.
        DataError: the objects cannot be used with this system.

    """
    if elements is not None and elements not in ELEMENTS:
        raise UsageError(f"`elements` is one of {', '.join(ELEMENTS)}; found {elements!r}")
    members, task, params = plan_elements(setup, None if elements is None else elements == "members", report)
    if members is None:
        game, noun = _of_values(task.system, params, task, elements)
    else:
        game, noun = _of_members(members, task), members.noun
    game.noun, game.title = noun, f"information of {task.system.name}"
    return game


def _of_members(members: Members, task: Task) -> Game:
    """Return the game of sites, LEDs or lenslets, many sets at once wherever there is a way."""
    if members.system.pairs is not None and task.target is None:
        everyone = members.params(np.ones(members.size))
        of_pairs = pair_information(members.system, task.scenes, rank=_RANK, params=everyone)
        base, single, triangles, first, second = of_pairs.arrays
        if single.any():
            raise UsageError(f"{members.system.name}: a {members.noun} measures by itself and in pairs: no closed form here")
        whole = [_whole(each, of_pairs.rank) for each in (base, *triangles)]
        grams = np.array(whole[1:]) if len(whole) > 1 else np.zeros((1, of_pairs.rank, of_pairs.rank))
        pairs = (first, second) if len(whole) > 1 else (np.zeros(1, int), np.zeros(1, int))
        return GramGame(grams, members.names, pairs, members.size, whole[0])
    value = find_set_value(members, task)
    if not isinstance(value, ImageSums):
        return SetValueGame(value, members.names)
    base, slope, images, slopes = value.arrays
    lit = np.setdiff1d(np.arange(members.size), value.dark)

    def all_of(parts: np.ndarray) -> np.ndarray:
        found = np.zeros((members.size, *parts.shape[1:]), parts.dtype)
        found[lit] = parts
        return found

    def variance(mean: np.ndarray) -> np.ndarray:
        return np.stack([np.asarray(task.noise.variance(each), np.float64) for each in mean])

    return LightGame(base, slope, all_of(images), all_of(slopes), variance, members.names, members.shared)


def _of_values(system: ImagingSystem, params: Params, task: Task, elements: str | None) -> tuple[Game, str]:
    """Return the game of values of measurements, or of groups of them: their noise is that of the whole system."""
    groups, names, noun = _groups(system, elements)
    scene = scene_factor(task.scenes, _RANK)
    with jax.enable_x64(True):
        fixed = {name: jnp.asarray(value, float) for name, value in params.items()}
        centre = jnp.asarray(scene.mean, float)

        def encode(x):
            return system.encode(fixed, x)

        mean = np.asarray(encode(centre)).ravel()
        along = jax.jit(lambda x: jax.jvp(encode, (centre,), (x,))[1])
        rows = np.stack([np.asarray(along(jnp.asarray(each, float))).ravel() for each in scene.factor])
    white = rows / np.sqrt(_variance(task.noise, mean))
    grams = np.array([_gram(white[:, groups == number]) for number in range(len(names))])
    return GramGame(grams, names), noun


def _groups(system: ImagingSystem, elements: str | None) -> tuple[np.ndarray, list[str], str]:
    """Return which player each value of a measurement belongs to, the names of the players, and what one is called."""
    shape, period = system.measurement_shape, system.period
    if elements in (None, "channels") and len(shape) == 3 and shape[-1] > 1:
        names = system.scene.channels if len(system.scene.channels) == shape[-1] else tuple(map(str, range(shape[-1])))
        return np.broadcast_to(np.arange(shape[-1]), shape).ravel(), list(names), "channel"
    if elements in (None, "filters") and len(shape) >= 2 and period != (1, 1):
        row, column = np.indices(shape[:2])
        number = (row % period[0]) * period[1] + column % period[1]
        places = np.broadcast_to(number.reshape(*number.shape, *(1,) * (len(shape) - 2)), shape)
        return places.ravel(), [f"{r},{c}" for r in range(period[0]) for c in range(period[1])], "filter"
    if elements in (None, "sensors"):
        count = int(np.prod(shape))
        return np.arange(count), list(map(str, range(count))), "sensor"
    raise UsageError(f"{system.name} has no {elements}: its measurements have the shape {shape}, its period is {period}")


def _variance(noise: NoiseModel, mean: np.ndarray) -> np.ndarray:
    found = np.broadcast_to(np.asarray(noise.variance(mean), np.float64), mean.shape)
    if not (found > 0).all():
        raise UsageError(f"the noise {noise.name} has no variance in the dark: add read noise (--read-noise), or name another")
    return found


def _gram(rows: np.ndarray) -> np.ndarray:
    return np.real(rows.conj() @ rows.T)


def _whole(triangle: np.ndarray, rank: int) -> np.ndarray:
    lower = np.zeros((rank, rank))
    lower[np.tril_indices(rank)] = triangle
    return lower + np.tril(lower, -1).T
