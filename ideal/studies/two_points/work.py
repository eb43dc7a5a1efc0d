"""Work of the two-point study: exact information of the definition, and estimates from noisy lines."""

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import minimize_scalar

from ideal.datasets.two_points import exact_information
from ideal.density import Density
from ideal.density.gaussian.mixture import GaussianMixture
from ideal.imaging import make_system
from ideal.information.estimation import estimate
from ideal.information.intervals import GroupedValues, interval
from ideal.information.labels.estimation import task_information
from ideal.information.results import LN2
from ideal.measurements.measurement_set import MeasurementSet, from_arrays
from ideal.noise import Gaussian
from ideal.optimize.objects import Part
from ideal.studies.engine import world
from ideal.studies.engine.contract import Context

WAVELENGTH = 0.5  # um; all that counts is the ratio of the pixel to it
MARGIN = 60  # wavelengths on each side, so that no light comes back around the edge of the scene
OBJECTS = "two-points"
MOST_FITTED = 10_000  # measurements that a mixture takes


def exact(settings: dict, needs: dict, context: Context) -> dict:
    """Return the distance of the two noiseless lines in units of a point's light, by numerical aperture, and what it tells.

    The unit of the signal-to-noise ratio is the one constant that is fitted, so that the greatest deviation from the published
    values is least. Other definitions stand beside, so that a reader sees what the choice is worth.
    """
    published = settings["published"]
    used, finest = settings["line"], settings["published_na"]
    distances = separations(used, settings["na"])
    here = dict(zip(finest, separations(used, finest), strict=True))
    unit, _ = fit_unit(here, published)
    definitions = []
    for line in settings["others"]:
        found = dict(zip(finest, separations(line, finest), strict=True))
        ratio_is_power, fixed = line["snr"] == "power", line["snr"] == "mean"
        light, worst = (
            (line["pixels"], _worst(found, published, line["pixels"])) if fixed else fit_unit(found, published, ratio_is_power)
        )
        definitions.append({"line": line, "unit": light, "worst": worst, "fitted": int(not fixed)})
    context.say("definitions fitted", 1.0)
    return {
        "unit": unit,
        "distances": distances,
        "bits": {f"{snr:g}": [bits(unit * snr * each) for each in distances] for snr in settings["snr"]},
        "at_published": [bits(unit * snr * here[na]) for snr, na, _ in published],
        "definitions": definitions,
        "least_of_any": _least_of_any(published),
    }


def separations(line: dict, apertures: list[float]) -> list[float]:
    """Return the distance of the noiseless lines of one point and of two, of light 1, for each numerical aperture."""
    with jax.enable_x64(True):
        system = _system(line)
        scenes = _one_of_each(system, line)
        found = []
        for na in apertures:
            one, two = (np.asarray(system.encode({"na": jnp.asarray(na)}, jnp.asarray(scene))) for scene in scenes)
            found.append(float(np.linalg.norm(one - two)))
    return found


def bits(distance: float) -> float:
    """Return the exact information of two means so many standard deviations apart, bits."""
    return exact_information([[0.0], [distance]], 1.0)


def fit_unit(distances: dict[float, float], published: list, power: bool = False) -> tuple[float, float]:
    """Return the light of a point over the noise's deviation at a ratio of 1 that fits best, and the greatest deviation, bits."""

    def worst(log_unit: float) -> float:
        return _worst(distances, published, float(np.exp(log_unit)), power)

    grid = np.linspace(np.log(1.0), np.log(1e5), 400)
    first = int(np.argmin([worst(each) for each in grid]))
    near = grid[max(first - 1, 0)], grid[min(first + 1, len(grid) - 1)]
    found = minimize_scalar(worst, bounds=near, method="bounded", options={"xatol": 1e-7})
    return float(np.exp(found.x)), float(found.fun)


def _worst(distances: dict[float, float], published: list, unit: float, power: bool = False) -> float:
    return max(abs(bits(unit * (snr**0.5 if power else snr) * distances[na]) - value) for snr, na, value in published)


def _least_of_any(published: list) -> dict:
    """Return how near any two means can come to the aperture that is published at two ratios: one distance serves both."""
    by_aperture: dict[float, list] = {}
    for snr, na, value in published:
        by_aperture.setdefault(na, []).append((snr, value))
    na, pair = next((na, found) for na, found in by_aperture.items() if len(found) > 1)
    _, worst = fit_unit({na: 1.0}, [(snr, na, value) for snr, value in pair])
    return {"na": na, "worst": worst}


def measured(settings: dict, needs: dict, context: Context) -> dict:
    """Return what noisy lines at one aperture and ratio tell, by models fitted to them and by the label.

    `estimate` is what the toolkit says. `paired` scores the chosen model on fresh lines, each with the noise that was drawn
    taken out: ln p(y|x) - ln q(y) has the same mean as the estimate and hardly any scatter.
    """
    system = _system(settings["line"])
    lines = _measure(system, settings, needs, settings["seed"], settings["count"])
    options = {"seed": settings["seed"], "confidence": settings["confidence"]}
    found = estimate(lines, models=settings["models"], **options, checkpoints=context.checkpoints, progress=context.say)
    task = task_information(lines, **options, effort=settings["effort"], progress=context.say)
    fresh = _measure(system, settings, needs, settings["seed"] + 1000, settings["count"])
    paired = {name: paired_information(model, fresh, settings) for name, model in found.fitted.items()}
    mixture = found.fitted["gaussian-mixture"]
    return {
        "estimate": world.kept_estimate(found),
        "bits": _bits(found.best.values.mean, found.best.interval),
        "by_model": {name: _bits(each.values.mean, each.interval) for name, each in found.models.items()},
        "paired": paired,
        "chosen": found.model,
        "task": [task.bits, *task.interval],
        "fano": task.fano,
        "n_fitted": min(found.n_train, MOST_FITTED),
        "components": len(mixture.weights) if isinstance(mixture, GaussianMixture) else None,
    }


def networks(settings: dict, needs: dict, context: Context) -> dict:
    """Return what autoregressive networks say of the same lines, taken as pictures of one row, bits with interval."""
    lines = _measure(_system(settings["line"]), settings, needs, settings["seed"], settings["count"])
    values, clean = lines.read(0, len(lines)), lines.read_clean(0, len(lines))
    rows = from_arrays(values[:, None], clean=clean[:, None], groups=lines.groups, noise="gaussian", sigma=1.0, path="rows")
    found = estimate(
        rows,
        models=settings["models"],
        patch=(1, values.shape[1]),
        seed=settings["seed"],
        confidence=settings["confidence"],
        effort=settings["effort"],
        checkpoints=context.checkpoints,
        progress=context.say,
    )
    return {"by_model": {name: _bits(each.values.mean, each.interval) for name, each in found.models.items()}}


def paired_information(model: Density, lines: MeasurementSet, settings: dict) -> list[float]:
    """Return the mean of ln p(y|x) - ln q(y) over lines that the model has not seen, bits, with its interval."""
    values, clean = lines.read(0, len(lines)), lines.read_clean(0, len(lines))
    known = -0.5 * ((values - clean) ** 2).sum(1) - 0.5 * values.shape[1] * np.log(2 * np.pi)
    grouped = GroupedValues.of((known - model.log_prob(values)) / LN2, np.arange(len(values)))
    bounds = interval(grouped, settings["confidence"], np.random.default_rng([settings["seed"], 6]))
    return [grouped.mean, *map(float, bounds)]


def _bits(nats: float, bounds: tuple[float, float]) -> list[float]:
    return [float(each / LN2) for each in (nats, *bounds)]


def _system(line: dict):
    per = line["per_wavelength"]
    return make_system(
        "diffraction-limited",
        shape=(line["pixels"],),
        wavelength=WAVELENGTH,
        pixel=WAVELENGTH / per,
        margin=MARGIN * per,
        fill=line["fill"],
    )


def _objects(system, count: int, seed: int) -> Part:
    """Return points one wavelength apart, or one between."""
    return world.read_objects([OBJECTS], system.scene, count, seed, separation=WAVELENGTH)


def _one_of_each(system, line: dict) -> list[np.ndarray]:
    part = _objects(system, 32, 0)
    return [part.scenes[part.labels == label][0].astype(np.float64) for label in (0, 1)]


def _measure(system, settings: dict, needs: dict, seed: int, count: int) -> MeasurementSet:
    """Return lines in units of the noise's standard deviation."""
    part, name = _objects(system, count, seed), f"SNR {settings['snr']:g}, NA {settings['na']:g}"
    params = {"na": jnp.asarray(settings["na"])}
    light = needs["exact"]["unit"] * settings["snr"]
    return world.counts_of(system, params, part, light, seed, name, noise=Gaussian(1.0))
