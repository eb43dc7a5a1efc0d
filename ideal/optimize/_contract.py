"""What every objective of a design can do: give information, or another gain, as a function of a system's parameters."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import numpy as np

from ideal.imaging import ImagingSystem, Params
from ideal.noise import NoiseModel
from ideal.optimize.targets import Target


@dataclass(frozen=True)
class Task:
    """What a system is designed for.

    Attributes:
        system: whose parameters are sought.
        noise: of its measurements.
        scenes: objects to design for, exposed: (sample, *shape of the scene), float32.
        held_out: others, of other sources, by which the design is chosen.
        labels: class of each scene as whole numbers from 0, or None.
        held_out_labels: of the others.
        target: what information is wanted about; None for the whole scene.

    """

    system: ImagingSystem
    noise: NoiseModel
    scenes: np.ndarray
    held_out: np.ndarray
    labels: np.ndarray | None = None
    held_out_labels: np.ndarray | None = None
    target: Target | None = None

    @property
    def pixels(self) -> int:
        """Pixels (or visibilities, or values) of a measurement."""
        return int(np.prod(self.system.measurement_shape[:2]))


class Objective(ABC):
    """A gain that gradient ascent raises: information in bits per pixel, or minus a decoder's loss.

    The state is what an objective carries from step to step: a density that was fitted, a decoder's weights. The part of it
    that `learned` gives is trained along with the design, by the same gradient.

    Attributes:
        task: what a design is for.
        name: on the command line.
        summary: one line for people.
        unit: of the gain.
        every: steps between calls of `refresh`; 0 for none.
        compares: whether one state serves to compare any designs; a decoder or a density that suits one design does not.
        exact: whether nothing in the gain is left to chance, so that line searches can tell higher from lower.

    """

    task: Task
    name: ClassVar[str]
    summary: ClassVar[str]
    unit: ClassVar[str] = "bits/pixel"
    every: int = 0
    compares: bool = True
    exact: bool = False

    @abstractmethod
    def __init__(self, task: Task, **settings: Any):
        """Take what a design is for, and precompute what does not depend on it.

        Raises:
            UsageError: the objective does not suit the system, its noise or the target.

        """

    def start(self, params: Params, key: jax.Array) -> Any:
        """Return the state to begin with."""
        return ()

    def learned(self, state: Any) -> Any:
        """Return the part of the state that is trained along with the design, a tree of arrays."""
        return ()

    def with_learned(self, state: Any, learned: Any) -> Any:
        """Return the state with that part replaced."""
        return state

    def refresh(self, params: Params, state: Any, key: jax.Array) -> Any:
        """Return the state brought up to date with the design, as by a new fit; called every `every` steps, not traced."""
        return state

    @abstractmethod
    def gain(self, params: Params, state: Any, key: jax.Array) -> jax.Array:
        """Return the gain, traceable and differentiable in the parameters; random objectives draw afresh from the key."""

    def validation_gain(self, params: Params, state: Any, key: jax.Array) -> jax.Array:
        """Return the gain for the held-out scenes, traceable."""
        return self.gain(params, state, key)
