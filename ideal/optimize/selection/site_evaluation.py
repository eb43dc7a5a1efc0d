"""What arrays of sites are worth: fresh noisy visibilities of other skies, in the few combinations that tell of them."""

import zlib

import numpy as np

from ideal.formats import as_read
from ideal.imaging import ImagingSystem, Params
from ideal.imaging.linear import Combinations
from ideal.information.estimation import DARK_OBJECTS, compare, estimate
from ideal.measurements.measurement_set import MeasurementSet, from_arrays
from ideal.optimize.evaluation import Evaluation
from ideal.optimize.objectives.scenes import scene_factor
from ideal.optimize.objects import Part
from ideal.progress import Progress, silent

_RANK = 128
_SCENES = 1024  # whose components are looked for


def evaluate_sites(
    system: ImagingSystem,
    designs: dict[str, Params],
    *,
    learned_from: np.ndarray,
    part: Part,
    exposure: float,
    rank: int = _RANK,
    seed: int = 0,
    confidence: float = 0.95,
    report: Progress = silent,
) -> Evaluation:
    """Measure the same fresh skies with several arrays and estimate the information of each observation.

    Thousands of visibilities are more numbers than a Gaussian of them could be fitted to: its excess is D(D+3)/4N nats for N
    observations of D numbers. Each array's are reduced to the combinations that tell of the components of other skies (see
    `combinations`). That can only lose information, and the more the more an array tells: of black hole rings 0.1 to 1.3 % by
    four of the sites of EHT 2017 and 1.7 % by all eight (128 components). Differences come out too small rather than too large,
    and no figure is a bound from above of what all visibilities tell. The excess that is left is below 2 %.

    Args:
        system: with all sites.
        designs: parameters by name; the first is compared with the others.
        learned_from: skies whose components the combinations tell of, exposed, (sample, row, column).
        part: other skies, that are measured.
        exposure: what these are multiplied by.
        rank: number of components.
        seed: of noise and split.
        confidence: of the intervals.
        report: shows progress.

    Returns:
        Estimates in bits per combination; times `pixels` of the estimate they are bits per observation.

    Raises:
        UsageError: an array has fewer than two sites, or sites that never see the source together.

    """
    components, found = scene_factor(learned_from[:_SCENES], rank).factor, {}
    combined = system.reduce(list(designs.values()), components)
    for number, name in enumerate(designs):
        report(f"measuring {name}", number / len(designs))
        source = _measurements(next(combined), part, exposure, seed, name)
        found[name] = estimate(source, models=("full",), seed=seed, confidence=confidence, allow=DARK_OBJECTS)
    first, *others = found
    return Evaluation(found, {other: compare(found[first], found[other], seed=seed) for other in others})


def reduced_measurements(
    system: ImagingSystem, params: Params, learned_from: np.ndarray, part: Part, exposure: float, seed: int, name: str
) -> MeasurementSet:
    """Return fresh noisy measurements of skies by one array, in the combinations that `evaluate_sites` looks at.

    Args:
        system: with all sites.
        params: of the array.
        learned_from: skies whose components the combinations tell of, exposed, (sample, row, column).
        part: other skies, that are measured.
        exposure: what these are multiplied by.
        seed: of noise.
        name: of the array: others draw other noise.

    """
    components = scene_factor(learned_from[:_SCENES], _RANK).factor
    return _measurements(next(iter(system.reduce([params], components))), part, exposure, seed, name)


def _measurements(combined: Combinations, part: Part, exposure: float, seed: int, name: str) -> MeasurementSet:
    rng = np.random.default_rng([seed, zlib.crc32(name.encode()), 3])
    values, clean = combined.measured(part.scenes * np.float32(exposure), rng)
    return from_arrays(
        values,
        clean=clean,
        sigma=1.0,
        groups=part.groups,
        labels=part.labels,
        noise="gaussian",
        axes=as_read(values.ndim),
        path=name,
    )
