"""A blend of trained models: for each value the weighted average of what they give it."""

from typing import Self

import numpy as np
from scipy.optimize import minimize
from scipy.special import logsumexp, softmax

from ideal._random import generator
from ideal._shapes import rows_and_columns
from ideal.density._contract import _NONE, Density
from ideal.density._fitting import DEFAULT_FITTING, PLAIN_SENSOR
from ideal.density.networks.causal_mixture import CausalMixture
from ideal.density.networks.network_density import NetworkDensity, draw_in_order
from ideal.density.networks.pixel_cnn import PixelCNN
from ideal.errors import DataError

_LOGITS = -9.0, 9.0  # no weight becomes 0


class Blend(Density):
    """The average, by weights, of several models' densities of each value given those before it.

    An average of densities is a density, and so is the product over values of such averages: the blend bounds the entropy as its
    members do, more tightly where they err in different places. The weights are those that validation measurements like best.

    Args:
        members: trained models of measurements of one shape.
        weights: of each, positive, of sum 1.

    """

    name = "blend"
    summary = "weighted average of what the trained models give each value, weights by validation"
    discrete = True

    def __init__(self, members: tuple[NetworkDensity, ...], weights):
        self.members, self.weights = tuple(members), np.asarray(weights, dtype=np.float64)
        self.shape, self.noise = self.members[0].shape, self.members[0].noise

    @classmethod
    def accepts(cls, shape: tuple[int, ...], *, counts: bool, is_complex: bool) -> bool:
        """Accept images."""
        return NetworkDensity.accepts(shape, counts=counts, is_complex=is_complex)

    @classmethod
    def fit(
        cls,
        key,
        train,
        validation,
        *,
        fitted=_NONE,
        sensor=PLAIN_SENSOR,
        fitting=DEFAULT_FITTING,
        sigmas: tuple[np.ndarray, np.ndarray] | None = None,
    ) -> Self:
        """Weigh the trained models among `fitted` by their likelihood on validation; nothing is random.

        Raises:
            DataError: fewer than two trained models are among them.

        """
        members = tuple(model for model in fitted.values() if isinstance(model, NetworkDensity))
        if len(members) < 2:
            raise DataError("a blend needs two trained models to blend: name causal-mixture and pixel-cnn too (--model)")
        told = {} if sigmas is None else {"sigma": sigmas[1]}
        parts = np.stack([member.conditional_log_prob(validation, **told).ravel() for member in members])
        relative = np.exp(parts - parts.max(0))

        def loss_and_gradient(logits):
            weights = softmax(logits)
            total = weights @ relative
            return -np.log(total).mean(), weights - (weights[:, None] * relative / total).mean(1)

        found = minimize(loss_and_gradient, np.zeros(len(members)), jac=True, method="L-BFGS-B", bounds=[_LOGITS] * len(members))
        return cls(members, softmax(found.x))

    def conditional_log_prob(self, measurements, sigma=None) -> np.ndarray:
        """Return ln q(value | the values before it), nats, of the shape of the measurements; `sigma` as of `Density.log_prob`."""
        return self._average([member.conditional_log_prob(measurements, sigma=sigma) for member in self.members])

    def _average(self, parts) -> np.ndarray:
        parts = np.stack(parts)
        return logsumexp(parts + np.log(self.weights).reshape(-1, *(1,) * (parts.ndim - 1)), axis=0)

    def log_prob(self, measurements, sigma=None) -> np.ndarray:
        """Return the log-density in nats per measurement; `sigma` as of `ideal.density.Density.log_prob`."""
        found = self.conditional_log_prob(measurements, sigma)
        return found.reshape(len(found), -1).sum(1)

    def interior_log_prob(self, measurements, sigma=None) -> tuple[np.ndarray, tuple[slice, slice]] | None:
        """Return the blend of what the members give each pixel in the causal window's box, where all have one."""
        every = [member.interior_log_prob(measurements, sigma) for member in self.members]
        parts = [part for part in every if part is not None]
        if len(parts) < len(every) or len({repr(part[1]) for part in parts}) > 1:
            return None
        return self._average([part[0] for part in parts]), parts[0][1]

    def sample(self, key, count: int, shape: tuple[int, int] | None = None) -> np.ndarray:
        """Draw measurements value by value, each from one of the members; arguments as of the members."""
        rng = generator(key)
        size = shape or rows_and_columns(self.shape)
        drawings = [member.drawing(rng, count, size) for member in self.members]
        return draw_in_order(_BlendedDrawing(drawings, self.weights, rng), count, (*size, *self.shape[2:]))

    def _state(self) -> dict[str, np.ndarray]:
        state = {"weights": self.weights, "names": np.array(",".join(member.name for member in self.members).encode())}
        for number, member in enumerate(self.members):
            state |= {f"member_{number}_{name}": array for name, array in member._state().items()}
        return state

    @classmethod
    def _from_state(cls, state: dict[str, np.ndarray]) -> Self:
        kinds = {model.name: model for model in (CausalMixture, PixelCNN)}
        members = []
        for number, name in enumerate(bytes(np.asarray(state["names"])[()]).decode().split(",")):
            prefix = f"member_{number}_"
            arrays = {key.removeprefix(prefix): array for key, array in state.items() if key.startswith(prefix)}
            members.append(kinds[name]._from_state(arrays))
        return cls(tuple(members), state["weights"])


class _BlendedDrawing:
    """Draws each value from one of several drawings, picked by their weights."""

    def __init__(self, drawings, weights: np.ndarray, rng: np.random.Generator):
        self._drawings, self._weights, self._rng = drawings, weights, rng

    def draw(self, row: int, column: int, channel: int) -> np.ndarray:
        drawn = np.stack([drawing.draw(row, column, channel) for drawing in self._drawings])
        pick = np.asarray(self._rng.choice(len(drawn), drawn.shape[1], p=self._weights))
        return np.take_along_axis(drawn, pick[None], axis=0)[0]

    def observe(self, row: int, column: int, channel: int, values: np.ndarray) -> None:
        for drawing in self._drawings:
            drawing.observe(row, column, channel, values)
