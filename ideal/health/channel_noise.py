"""Noise that channels share though it is stated as independent: seen where frames hold hardly more than noise."""

import numpy as np

from ideal.health.check import Block, Check, noise_is_stated
from ideal.health.finding import Finding

_FEWEST = 2000  # differences
_NOISE_ALONE = 1.3  # variance over the stated one, up to which what is seen is noise
_LEAST = 0.05  # correlation that is worth a word: 0.002 bits a value
_ERRORS = 6.0
_MOST_CHANNELS = 64


class ChannelNoise(Check):
    """The correlation between channels of differences that hold noise alone.

    Of images these are second differences of 2x2 pixels, of vectors the differences of neighbouring samples of one source. Where
    their variance is no more than the noise that is stated, there is no scene in them, and what channels share is noise.
    """

    def __init__(self, measured):
        super().__init__(measured)
        self._count = 0
        self._products: np.ndarray | float = 0.0
        self._stated: np.ndarray | float = 0.0

    @classmethod
    def applies(cls, measured) -> bool:
        """Images of several channels, and vectors of samples that show the same, whose noise is stated as independent."""
        if not noise_is_stated(measured) or measured.noise_kind.correlates:
            return False
        if len(measured.shape) == 4:
            return measured.dtype.kind != "c" and 2 <= measured.shape[3] <= _MOST_CHANNELS and min(measured.shape[1:3]) >= 3
        repeated = measured.has_groups and measured.group_count <= len(measured) // 2
        return len(measured.shape) == 2 and repeated and 2 <= measured.shape[1] <= _MOST_CHANNELS

    def add(self, block: Block) -> None:
        """Add the products of the differences of channels."""
        if not block.sampled:
            return
        if block.values.ndim == 4:
            channels = block.values.shape[3]
            rows = block.quads.fine.reshape(-1, channels)
            stated = np.broadcast_to(block.quad_variance, block.quads.fine.shape).reshape(-1, channels)
        else:
            groups = self.measured.groups[block.start : block.stop]
            alike = groups[1:] == groups[:-1]
            rows = ((block.values[1:] - block.values[:-1]) / np.sqrt(2))[alike]
            stated = np.broadcast_to(block.value_variance, block.values.shape)[1:][alike]
        if not len(rows):
            return
        self._products = self._products + rows.T @ rows.conj()
        self._stated = self._stated + stated.sum(0)
        self._count += len(rows)

    def findings(self) -> list[Finding]:
        """Return a finding where two channels of noise alone are correlated."""
        if self._count < _FEWEST:
            return []
        power, stated = np.real(np.diag(self._products)), np.asarray(self._stated)
        alone = (power > 0) & (stated > 0) & (power < _NOISE_ALONE * stated)
        if alone.sum() < 2:
            return []
        scale = np.sqrt(np.where(power > 0, power, 1.0))
        relative = np.asarray(self._products) / np.outer(scale, scale)
        relative[~alone], relative[:, ~alone] = 0.0, 0.0
        np.fill_diagonal(relative, 0.0)
        # What is there beyond the stated noise may be detail that channels share, which explains so much and no more.
        scene = np.sqrt(np.maximum(power - stated, 0.0)) / scale
        beyond = np.abs(relative) - np.outer(scene, scene)
        first, second = np.unravel_index(beyond.argmax(), relative.shape)
        largest = float(np.abs(relative[first, second]))
        # Squares that overlap share pixels: their number counts for about a quarter.
        if beyond[first, second] < max(_LEAST, _ERRORS * 2 / np.sqrt(self._count)):
            return []
        matrix = relative[np.ix_(alone, alone)] + np.eye(alone.sum())
        parts = 2 if np.iscomplexobj(matrix) else 1
        bits = -0.5 * parts * np.linalg.slogdet(matrix)[1] / np.log(2) / alone.sum()
        what = "channels" if len(self.measured.shape) == 4 else "values"
        name = "complex-correlated-gaussian" if self.measured.dtype.kind == "c" else "correlated-gaussian"
        return [
            Finding(
                "correlated-noise",
                "biased",
                f"the noise of {what} {first} and {second} has a correlation of {largest:.2g}, yet it is stated as independent",
                f"what is known of it counts as information, up to {bits:.2g} bits a value",
                f"give its covariance (noise {name}, in Python with covariance=), measured without a signal",
                {"correlation": largest, "channels": [int(first), int(second)], "bits_per_value": float(bits)},
            )
        ]
