"""Random fields with the statistics of natural pictures: clouds without end, of known mean and covariance."""

from dataclasses import dataclass

import numpy as np

from ideal._ranges import SHARE, Range
from ideal.datasets._contract import ObjectSet
from ideal.datasets._generated import GeneratedSource, check_kind, picture_shape
from ideal.datasets._random_fields import RandomField, power_law
from ideal.errors import UsageError, unknown_name
from ideal.imaging import Scene, setting

_MARGINALS = ("lognormal", "gaussian")
_MOST_GAUSSIAN = 1 / 6  # contrast up to which a Gaussian of positive mean is below 0 once in 1e9 values


@dataclass(frozen=True, eq=False)
class NaturalFields(ObjectSet):
    """Stationary random fields whose power spectrum falls as a power of frequency.

    The light is the exponential of a Gaussian field, so positive and skewed, as natural light is; or, for known answers, a
    Gaussian field itself. A transmission has no absorption, and a Gaussian field as its phase. The spectrum is that of the
    Gaussian field; it ends at the lowest frequency of a torus of twice the scene's sides, out of which the scene is cut
    (`periodic`: of the scene itself). `mean_scene` and `covariance` hold exactly for all that is drawn.
    """

    exponent: float = setting(1.0, "1", "amplitude falls as frequency to the minus this; natural pictures: about 1", Range(0, 10))
    marginal: str = setting("lognormal", "", "distribution of values: lognormal (never negative) or gaussian (of low contrast)")
    mean: float = setting(0.25, "1", "mean light of every channel, relative to full brightness", Range(1e-6, 1e6))
    contrast: float = setting(
        0.5, "1", "standard deviation of the light divided by its mean, over all scenes", Range(0, 10, unit="share")
    )
    channel_correlation: float = setting(0.9, "1", "correlation of the Gaussian fields of any two channels", SHARE)
    phase_rms: float = setting(0.5, "rad", "standard deviation of the phase of a transmission", Range(0, 50))
    flux: float = setting(1.0, "Jy", "mean total flux of a sky", Range(1e-7, 1e5))
    periodic: bool = setting(False, "", "whether opposite edges of a scene are neighbours: then Fourier modes are independent")

    name = "natural-fields"
    summary = "random fields with the power spectrum of natural pictures, of known mean and covariance"
    origin = "generated"
    licence = "none needed: generated"
    kinds = ("radiance", "transmission", "sky")

    def __post_init__(self):
        super().__post_init__()
        if self.marginal not in _MARGINALS:
            raise UsageError(f"{self.name}: " + unknown_name("no marginal is called", self.marginal, _MARGINALS))

    def open(self, scene: Scene, seed: int = 0) -> GeneratedSource:
        """Return fields that fit a scene.

        Args:
            scene: its kind and shape; a transmission is (row, column, 2): absorption, phase.
            seed: of the fields.

        Raises:
            UsageError: the kind or shape of the scene does not fit, or Gaussian light would be negative.

        """
        field = self._field(scene)
        if scene.kind == "transmission":
            return GeneratedSource(scene.shape, seed, lambda rng: self._phase(field.draw(rng)))
        mean, deviation = self._mean(scene), self._log_deviation
        mixing = self._mixing(scene)

        def draw(rng):
            parts = np.stack([field.draw(rng) for _ in range(len(mixing))], axis=-1)
            values = parts @ mixing.astype(np.float32)
            light = np.exp(deviation * values - deviation**2 / 2) if self.marginal == "lognormal" else 1 + self.contrast * values
            return (mean * np.maximum(light, 0)).reshape(scene.shape)

        return GeneratedSource(scene.shape, seed, draw)

    def mean_scene(self, scene: Scene) -> np.ndarray:
        """Return the mean of all scenes, of the scene's shape, float64."""
        self._field(scene)
        return np.full(scene.shape, 0.0 if scene.kind == "transmission" else self._mean(scene))

    def covariance(self, scene: Scene) -> np.ndarray:
        """Return the covariance of a scene's values in raster order, (value, value), in the scene's units squared, float64.

        That of lognormal values is mean^2 (exp(c) - 1), with c that of the Gaussian field.
        """
        field = self._field(scene).covariance()
        if scene.kind == "transmission":
            return np.kron(self.phase_rms**2 * field, np.diag([0.0, 1.0]))
        mixing = self._mixing(scene)
        field = np.kron(field, mixing.T @ mixing)
        if self.marginal == "lognormal":
            return self._mean(scene) ** 2 * np.expm1(self._log_deviation**2 * field)
        return (self._mean(scene) * self.contrast) ** 2 * field

    def power_spectrum(self, scene: Scene) -> np.ndarray:
        """Return the power at the frequencies of the torus that a scene is cut from, as of `scipy.fft.rfft2`.

        That of the Gaussian field of variance 1: its mean over all frequencies of the torus is 1.
        """
        return self._field(scene).spectrum

    @property
    def _log_deviation(self) -> float:
        return float(np.sqrt(np.log1p(self.contrast**2)))

    def _mean(self, scene: Scene) -> float:
        return self.flux / float(np.prod(scene.shape)) if scene.kind == "sky" else self.mean

    def _phase(self, field: np.ndarray) -> np.ndarray:
        return np.stack([np.zeros_like(field), np.float32(self.phase_rms) * field], axis=-1)

    def _mixing(self, scene: Scene) -> np.ndarray:
        count = scene.shape[2] if len(scene.shape) == 3 else 1
        correlation = np.full((count, count), self.channel_correlation)
        np.fill_diagonal(correlation, 1.0)
        values, vectors = np.linalg.eigh(correlation)
        return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T

    def _field(self, scene: Scene) -> RandomField:
        check_kind(self, scene)
        if scene.kind == "transmission":
            if len(scene.shape) != 3 or scene.shape[2] != 2:
                raise UsageError(f"{self.name}: a transmission has the shape {scene.shape}, expected (row, column, 2)")
        elif self.marginal == "gaussian" and self.contrast > _MOST_GAUSSIAN:
            raise UsageError(
                f"{self.name}: Gaussian light of contrast {self.contrast:g} would be negative; set contrast to at most"
                f" {_MOST_GAUSSIAN:.3g}, or marginal to lognormal"
            )
        rows, columns = picture_shape(self, scene)
        shape = (columns,) if len(scene.shape) == 1 else (rows, columns)
        return RandomField(shape, power_law(self.exponent), 0 if self.periodic else None)
