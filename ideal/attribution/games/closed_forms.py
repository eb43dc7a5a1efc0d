"""The information of sets of elements in closed form, for Gaussian scenes: many sets at once, in float64 and in bits.

An element adds rows A_i of measurements with noise N_i to what is known of components of a scene, of unit variance: a set S knows

    I(S) = 1/2 log2 det(1 + sum over i in S of A_i^T N_i^-1 A_i).

Where elements measure in pairs, as telescopes do, the sum is over pairs within S: a single element tells nothing, and what sets
tell is not submodular.
"""

from collections.abc import Sequence

import numpy as np

from ideal.attribution.games._contract import Game, player_names
from ideal.errors import DataError, UsageError

_BLOCK = 2**22  # numbers of matrices that are made at once
_LOST = 1e-11  # bits by which components may be left out that nothing tells of


class GaussianGame(Game):
    """Noisy samples of jointly Gaussian signals: I(S) = 1/2 log2 det(1 + K_SS / noise).

    Args:
        covariance: K of the signals, (player, player).
        noise: variance of the noise of each sample, one number or one for each player.
        names: of the players; None for numbers from 0.

    Raises:
        DataError: the covariance is not symmetric, or a noise variance is not positive.

    Example:
        >>> import numpy as np
        >>> twins = GaussianGame(np.ones((2, 2)), noise=1.0)
        >>> twins.values(np.array([[True, False], [True, True]])).round(3).tolist()
        [0.5, 0.792]

    """

    unit, title, is_exact = "bits", "information", True

    def __init__(self, covariance: np.ndarray, noise: float | np.ndarray = 1.0, names: Sequence[str] | None = None):
        matrix = np.asarray(covariance, np.float64)
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not np.allclose(matrix, matrix.T):
            raise DataError(f"a covariance is a symmetric matrix, (player, player); found the shape {matrix.shape}")
        spread = np.broadcast_to(np.asarray(noise, np.float64), len(matrix))
        if not (spread > 0).all():
            raise DataError("the variance of the noise has to be above 0")
        self.names = player_names(len(matrix), names)
        self._matrix = matrix / np.sqrt(spread[:, None] * spread)

    def values(self, masks: np.ndarray) -> np.ndarray:
        """Return the bits of sets."""

        def matrices(block):
            present = block.astype(np.float64)
            return present[:, :, None] * self._matrix * present[:, None, :]

        return _bits(masks, len(self._matrix), matrices)


class GramGame(Game):
    """Elements that each add measurements of the components of a scene, by themselves or in pairs.

    Args:
        grams: A^T N^-1 A of what each element, or each pair, measures, (element or pair, component, component).
        names: of the players; None for numbers from 0.
        pairs: numbers of the two players of each pair, (pair,) twice; None where elements measure by themselves.
        players: number of players where they measure in pairs; None for as many as the pairs name.
        base: what is measured whoever is present, (component, component); None for nothing.

    Raises:
        DataError: the shapes do not agree.

    """

    unit, title, is_exact = "bits", "information", True

    def __init__(
        self,
        grams: np.ndarray,
        names: Sequence[str] | None = None,
        pairs: tuple[np.ndarray, np.ndarray] | None = None,
        players: int | None = None,
        base: np.ndarray | None = None,
    ):
        grams = np.asarray(grams, np.float64)
        if grams.ndim != 3 or grams.shape[1] != grams.shape[2] or (pairs is not None and len(pairs[0]) != len(grams)):
            raise DataError(f"grams of shape {grams.shape}: expected (elements or pairs, components, components)")
        self._pairs = None if pairs is None else (np.asarray(pairs[0]), np.asarray(pairs[1]))
        if players is None:
            players = len(grams) if self._pairs is None else int(max(map(np.max, self._pairs))) + 1
        self.names = player_names(players, names)
        base = np.zeros(grams.shape[1:]) if base is None else np.asarray(base, np.float64)
        # Components that nobody tells of take time and no bits.
        value, vectors = np.linalg.eigh(grams.sum(0) + base)
        order = np.argsort(value)
        lost = 0.5 * np.log2(1 + np.maximum(value[order], 0)).cumsum()
        basis = vectors[:, order[np.searchsorted(lost, _LOST) :]]
        self._grams = np.einsum("ia,pij,jb->pab", basis, grams, basis, optimize=True)
        self._base = basis.T @ base @ basis

    def values(self, masks: np.ndarray) -> np.ndarray:
        """Return the bits of sets."""
        rank = self._base.shape[0]
        flat = self._grams.reshape(len(self._grams), -1)

        def matrices(block):
            taking = block if self._pairs is None else block[:, self._pairs[0]] & block[:, self._pairs[1]]
            return (taking.astype(np.float64) @ flat).reshape(-1, rank, rank) + self._base

        return _bits(masks, rank, matrices)


def sensor_game(
    matrix: np.ndarray,
    noise: float | np.ndarray,
    groups: Sequence[int] | np.ndarray | None = None,
    covariance: np.ndarray | None = None,
    names: Sequence[str] | None = None,
) -> GramGame:
    """Return the information that sensors of a linear system bring: y = A x + noise, with Gaussian x.

    Args:
        matrix: A, (sensor value, scene value), real or complex; of complex values real and imaginary part have the noise each.
        noise: variance of the noise, one number or one for each sensor value.
        groups: number of the player that each sensor value belongs to, from 0; None for a player each.
        covariance: of the scene, (scene value, scene value); None for independent values of unit variance.
        names: of the players; None for numbers from 0.

    Raises:
        DataError: the shapes do not agree.

    """
    matrix = np.asarray(matrix)
    if matrix.ndim != 2:
        raise DataError(f"the matrix of a linear system has the shape (sensor values, scene values); found {matrix.shape}")
    of = np.arange(len(matrix)) if groups is None else np.asarray(groups)
    spread = np.broadcast_to(np.asarray(noise, np.float64), len(matrix))
    if of.shape != (len(matrix),) or not (spread > 0).all():
        raise DataError(f"there are {len(matrix)} sensor values: one player for each, and noise variances above 0")
    if covariance is not None:
        value, vectors = np.linalg.eigh(np.asarray(covariance, np.float64))
        matrix = matrix @ (vectors * np.sqrt(np.maximum(value, 0)))
    white = matrix / np.sqrt(spread)[:, None]
    grams = [np.real(rows.conj().T @ rows) for rows in (white[of == player] for player in range(int(of.max()) + 1))]
    return GramGame(np.array(grams), names)


class LightGame(Game):
    """Elements whose images add and whose noise follows the light: LEDs and lenslets.

    Args:
        base: image of the mean scene without any element, (value,).
        slope: the same of the components of the scene, (component, value).
        images: what each element adds to `base`, (player, value).
        slopes: what it adds to `slope`, (player, component, value).
        variance: noise variance of mean images, (set, value) to the same.
        names: of the players; None for numbers from 0.
        shared: whether those present share one sum of light.

    """

    unit, title, is_exact = "bits", "information", True

    def __init__(
        self,
        base: np.ndarray,
        slope: np.ndarray,
        images: np.ndarray,
        slopes: np.ndarray,
        variance,
        names: Sequence[str] | None = None,
        shared: bool = False,
    ):
        self.names, self._shared, self._variance = player_names(len(images), names), shared, variance
        self._base, self._slope = np.asarray(base, np.float64), np.asarray(slope, np.float64)
        self._images, self._slopes = np.asarray(images, np.float64), np.asarray(slopes, np.float32)

    def values(self, masks: np.ndarray) -> np.ndarray:
        """Return the bits of sets."""
        rank, size = self._slope.shape
        found, step = [], max(1, _BLOCK // max(rank * size, 1))
        flat = self._slopes.reshape(len(self._slopes), -1)
        for start in range(0, len(masks), step):
            weight = masks[start : start + step].astype(np.float64)
            if self._shared:
                weight = weight / np.maximum(weight.sum(1, keepdims=True), 1)
            white = (weight.astype(np.float32) @ flat).reshape(-1, rank, size) + self._slope
            deviation = np.sqrt(self._variance(weight @ self._images + self._base))[:, None, :]
            dark = (deviation == 0) & (white == 0)  # no light, no noise, and nothing to be learned
            white = np.divide(white, deviation, out=np.zeros_like(white), where=~dark)
            found.append(_log_determinants(np.eye(rank) + white @ white.transpose(0, 2, 1)))
        return np.concatenate(found) if found else np.zeros(0)


def _bits(masks: np.ndarray, rank: int, matrices) -> np.ndarray:
    """Return 1/2 log2 det(1 + matrix) of the matrices of sets, block by block."""
    step, found = max(1, _BLOCK // max(rank * rank, 1)), []
    for start in range(0, len(masks), step):
        found.append(_log_determinants(np.eye(rank) + matrices(masks[start : start + step])))
    return np.concatenate(found) if found else np.zeros(0)


def _log_determinants(matrices: np.ndarray) -> np.ndarray:
    try:
        factors = np.linalg.cholesky(matrices)
    except np.linalg.LinAlgError:
        raise UsageError("a matrix 1 + K is not positive definite: is the covariance one?") from None
    return np.log2(np.diagonal(factors, axis1=1, axis2=2)).sum(1)
