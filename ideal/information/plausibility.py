"""Numbers that cannot be: above what the values can tell at most, or below nothing."""

import numpy as np

from ideal.health import Finding
from ideal.information.results import Estimate
from ideal.noise import NoiseModel

_LOW = -0.02  # bits per value: below it a number is negative where there are too few sources for an interval


def advice_on_plausibility(
    found: Estimate, source, noise: NoiseModel, span: tuple[float, float], entropy: float
) -> list[Finding]:
    """Return what is wrong with an estimate that no measurements of these values can have.

    Args:
        found: the estimate.
        source: `ideal.measurements.MeasurementSet` that it is of.
        noise: its noise model.
        span: least and largest scored value, on the scale of the noise; of complex values those of the parts.
        entropy: of the noise on that scale, nats per measurement.

    """
    values = int(np.prod(source.shape[3:])) * (2 if source.dtype.kind == "c" else 1)  # of a pixel or visibility
    return [*_impossible(found, source, noise, span, entropy, values), *_negative(found, noise, values)]


def most_bits(
    found: Estimate, source, noise: NoiseModel, span: tuple[float, float], entropy: float, values: int
) -> tuple[float, str]:
    """Return the most information that a pixel can hold, bits, and what limits it.

    H(Y) is at most that of a uniform distribution over the scored range, and where the stored values are whole, I(X;Y) is at most
    the entropy of their levels.
    """
    width = span[1] - span[0] + noise.quantum
    most = values * np.log2(width) - found.bits_per_pixel(entropy) if width > 0 else 0.0
    ends = noise.scale.inverse(np.array(span)) if not noise.scale.is_linear else span
    levels = (ends[1] - ends[0] + noise.quantum) / (source.gain * source.step) + (0 if noise.quantum else 1)
    by_level = values * np.log2(levels) if source.integer and levels >= 1 else np.inf
    if by_level < most:
        return by_level, f"{levels:.0f} levels"
    return max(most, 0.0), f"values from {ends[0]:.6g} to {ends[1]:.6g} with this noise"


def _impossible(found, source, noise, span, entropy, values) -> list[Finding]:
    bits = found.information_bits_per_pixel
    most, why = most_bits(found, source, noise, span, entropy, values)
    if bits <= most:
        return []
    if why.endswith("levels") and noise.additive:
        cause = "the stated sigma is far below the steps of the stored values: check sigma"
    else:
        cause = "the models do not suit these measurements: measure more objects, or name another --model"
    text = f"{bits:.4g} bits/{found.pixel_name} are impossible: {why} can tell {most:.4g} at most; {cause}"
    figures = {"information_bits_per_pixel": bits, "most_bits_per_pixel": most}
    return [Finding("impossible-information", "biased", text, figures=figures)]


def _negative(found, noise, values) -> list[Finding]:
    bits, high = found.information_bits_per_pixel, found.interval[1]
    if not bits < 0 or (high >= 0 if np.isfinite(high) else bits > _LOW * values):
        return []
    figures = {"information_bits_per_pixel": bits, "interval": list(found.interval)}
    if noise.additive:
        factor = 2.0 ** (bits / values)  # a sigma that much smaller has just the entropy that the models leave
        figures["largest_factor_of_sigma"] = factor
        if np.ndim(noise.sigma) == 0:
            figures["largest_sigma"] = float(noise.sigma) * factor
            fit = f"a sigma of at most {float(noise.sigma) * factor:.3g} would fit, {float(noise.sigma):.3g} was stated"
        else:
            fit = f"at most {factor:.3g} times the stated sigma would fit"
        remedy = "check sigma, and whether the measurements are averages"
    elif not noise.photons:
        fit = "its figures say too much noise"
        remedy = (
            f"check {', '.join(each.name for each in noise.figures) or 'the noise'}, and whether the measurements are averages"
        )
    else:
        # Electrons are gain times value, so the noise of a value has a variance of its mean over the gain.
        figures["least_factor_of_gain"] = factor = 4.0 ** (-bits / values)
        gain = (float(np.median(noise.gain)) or 1.0) * factor
        figures["least_gain"] = gain
        fit = f"a gain of at least {gain:.3g} e-/DN would fit"
        remedy = "check gain, offset and read noise, and whether the measurements are averages"
    text = f"the information is negative ({bits:.3f} bits/{found.pixel_name}): the noise is smaller than was said; {fit}"
    return [Finding("information-negative", "void", text, remedy=remedy, figures=figures)]


__all__ = ["advice_on_plausibility", "most_bits"]
