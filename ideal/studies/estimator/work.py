"""Work of the studies of patch size and sample size: estimates where the truth is known, and on photographs where it is not.

The camera is perfect: one pixel of the scene on one of the sensor, so that the covariance of the field is that of its image.
"""

from dataclasses import replace
from functools import cache
from typing import Any

import jax.numpy as jnp
import numpy as np
from scipy.linalg import cholesky, solve_triangular

from ideal.datasets.fields import NaturalFields
from ideal.density import MODELS, Fitting, Progress
from ideal.imaging import Scene, make_system
from ideal.information.estimation import DARK_OBJECTS, estimate
from ideal.information.intervals import GroupedValues, interval
from ideal.information.results import LN2
from ideal.information.scoring import in_blocks, sensor_of
from ideal.measurements.measurement_set import MeasurementSet, from_arrays
from ideal.noise import Gaussian, Poisson
from ideal.studies.engine import world
from ideal.studies.engine.contract import Context

FIELD_SIDE = 40  # pixels of the largest patch
SPREAD = 0.15  # of the Gaussian field's light, whose mean is 1
BOX = (8, 17)  # rows before a pixel and columns about it: the largest past that density models look at
FEWEST_SOURCES = 5  # that are scored: the scatter of fewer says next to nothing
_FEW_SOURCES = 20  # of fewer a third is scored and not a fifth
_RIM = 1  # pixels of the scene beyond the sensor on each side
_LOG_2PI = float(np.log(2 * np.pi))


def pictures(settings: dict, needs: dict, context: Context) -> dict:
    """Return which photographs there are, and their digest."""
    names, notes = world.first_available(settings["wanted"], settings["otherwise"], _camera(settings["side"]).scene)
    return {"names": names, "notes": notes, **world.digest(_photographs(names, settings))}


def patches(settings: dict, needs: dict, context: Context) -> dict:
    """Return the information of patches of one side, by model, with the rate of a further pixel and the truth of a field."""
    measured = _field(settings) if settings["objects"] == "field" else _counts(settings, needs)
    found = estimate(
        measured,
        models=settings["models"],
        patch=settings["patch"],
        max_patches=settings["patches"],
        seed=settings["seed"],
        confidence=settings["confidence"],
        effort=settings["effort"],
        allow=DARK_OBJECTS,
        checkpoints=context.checkpoints,
        progress=context.say,
    )
    kept = world.kept_estimate(found)
    bounds = {name: [found.bits_per_pixel(each) for each in result.interval] for name, result in found.models.items()}
    rate = (
        None if found.rate is None else {"model": found.rate[0], "bits": [each / LN2 for each in (found.rate[1], *found.rate[2])]}
    )
    truth = exact_information(settings["patch"], settings["sigma"]) if settings["objects"] == "field" else None
    return kept | {"intervals": bounds, "rate": rate, "truth": truth}


def true_values(settings: dict, needs: dict, context: Context) -> dict:
    """Return the exact information of the field, bits per pixel, by the side of a patch, and that of one more pixel."""
    sigma, sides = settings["sigma"], settings["sides"]
    return {"sides": sides, "truth": [exact_information(side, sigma) for side in sides], "rate": exact_rate(sigma)}


def exact_rate(sigma: float) -> float:
    """Return the information of a pixel of the field given those before it in a box of 8 rows and 17 columns, bits."""
    rows, columns = BOX
    places = [(row, column) for row in range(rows + 1) for column in range(columns)]
    before = places[: rows * columns + columns // 2 + 1]  # ends with the pixel itself
    chosen = np.array([row * FIELD_SIDE + column for row, column in before])
    covariance = _covariance(FIELD_SIDE)[np.ix_(chosen, chosen)] + sigma**2 * np.eye(len(chosen))
    return float(np.log(_factor(covariance)[-1, -1] / sigma) / LN2)


def sizes(settings: dict, needs: dict, context: Context) -> dict:
    """Return the test loss of models fitted to more and more measurements, as information in bits per pixel, on one test set."""
    measured = _field(settings) if settings["objects"] == "field" else _counts(settings, needs)
    few = len(np.unique(measured.groups)) < _FEW_SOURCES
    fold = world.division(measured.groups, settings["seed"], folds=3 if few else 5)
    # In random order, so that few measurements come from as many sources as they can.
    rng = np.random.default_rng([settings["seed"], 11])
    train, validation = rng.permutation(fold.train), rng.permutation(fold.validation)
    values, clean, groups = measured.read(0, len(measured)), measured.read_clean(0, len(measured)), measured.groups
    test = fold.test[: settings["most_tested"]] if settings["objects"] == "field" else fold.test
    pixels = int(np.prod(values.shape[1:]))
    known = _known(settings, values, clean, test)
    found: list[dict[str, Any]] = []
    for count in settings["counts"]:
        # As many to choose with as a fifth of all would leave.
        parts = train[:count], validation[: max(30, count // 3)]
        bound = _fitted_loss(settings, values, parts, test, context, len(found)) - known["noise"]
        point = _bits(bound / pixels, groups[test], settings) | {"n_train": len(parts[0])}
        if "truth" in known:
            point["excess"] = _bits((bound - known["truth"]) / pixels, groups[test], settings)
        found.append(point)
        context.say(f"{settings['model']} on {count}", len(found) / len(settings["counts"]))
    truth = exact_information(settings["side"], settings["sigma"]) if settings["objects"] == "field" else None
    return {"points": found, "truth": truth, "n_test": len(test)}


def sample_covariance(settings: dict, needs: dict, context: Context) -> dict:
    """Return how far a Gaussian of the sample covariance is from the truth: scored on what it was fitted to, and on fresh.

    The mean over draws, with its standard error, bits per pixel; beside the expansion D (D + 3) / 4N.
    """
    law = _Law(settings["side"], settings["sigma"])
    found = []
    for number, count in enumerate(settings["counts"]):
        rng = np.random.default_rng([settings["seed"], 12, number])
        apart = []
        for _ in range(settings["repeats"]):
            fitted, fresh = (law.sample(rng, count) for _ in range(2))
            mean, factor = fitted.mean(0), _factor(np.cov(fitted, rowvar=False, bias=True))
            losses = [-_gaussian(each, mean, factor) + law.log_prob(each) for each in (fitted, fresh)]
            on_fitted = 0.5 * law.values + np.log(np.diag(factor)).sum() + 0.5 * law.values * _LOG_2PI - law.entropy
            apart.append([on_fitted, losses[0].mean(), losses[1].mean()])
        rates = np.array(apart) / (law.values * LN2)
        error = rates.std(0, ddof=1) / np.sqrt(len(rates))
        expansion = law.values * (law.values + 3) / (4 * count) / (law.values * LN2)
        found.append(
            {
                "n": count,
                "on_fitted": [rates[:, 0].mean(), error[0]],
                "on_fresh": [rates[:, 2].mean(), error[2]],
                "expansion": expansion,
            }
        )
        context.say(f"{count} measurements", (number + 1) / len(settings["counts"]))
    return {"points": found}


def coverage(settings: dict, needs: dict, context: Context) -> dict:
    """Return how often the interval of an estimate holds the true information, and on which side it misses.

    With `plain`, a Gaussian of the sample covariance is scored on the measurements that it was fitted to, as published.
    """
    truth, law = exact_information(settings["side"], settings["sigma"]), _Law(settings["side"], settings["sigma"])
    below = above = 0
    widths, values = [], []
    for number in range(settings["repeats"]):
        seed = settings["seed"] + 100 + number
        rows = law.sample(np.random.default_rng([seed, 13]), settings["count"])
        if settings["plain"]:
            loss = -_gaussian(rows, rows.mean(0), _factor(np.cov(rows, rowvar=False)))
            losses = (loss - law.noise_entropy) / (law.values * LN2)
            grouped = GroupedValues.of(losses, np.arange(len(losses)))
            value, bounds = grouped.mean, interval(grouped, settings["confidence"], np.random.default_rng([seed, 3]))
        else:
            images = rows.reshape(-1, settings["side"], settings["side"])
            measured = from_arrays(images, noise="gaussian", sigma=settings["sigma"], path="field")
            found = estimate(
                measured,
                models=settings["models"],
                patch=settings["side"],
                seed=seed,
                confidence=settings["confidence"],
                max_patches=settings["count"],
            )
            value, bounds = found.information_bits_per_pixel, found.interval
        below, above = below + (bounds[1] < truth), above + (bounds[0] > truth)
        values.append(float(value))
        widths.append(float(bounds[1] - bounds[0]))
        context.say(f"estimate {number + 1}", (number + 1) / settings["repeats"])
    return {
        "repeats": settings["repeats"],
        "held": settings["repeats"] - int(below) - int(above),
        "below": int(below),
        "above": int(above),
        "truth": truth,
        "mean": float(np.mean(values)),
        "width": float(np.mean(widths)),
    }


def exact_information(side: int, sigma: float) -> float:
    """Return 1/2 ln det(1 + C / sigma^2) of a square of the Gaussian field, bits per pixel."""
    law = _Law(side, sigma)
    return (law.entropy - law.noise_entropy) / (law.values * LN2)


class _Law:
    """A square patch of the Gaussian field with white Gaussian noise, in units of the mean light."""

    def __init__(self, side: int, sigma: float):
        self.values = side * side
        self.factor = cholesky(_covariance(side) + sigma**2 * np.eye(self.values), lower=True)
        self.entropy = float(np.log(np.diag(self.factor)).sum() + 0.5 * self.values * (_LOG_2PI + 1))
        self.noise_entropy = 0.5 * self.values * (_LOG_2PI + 1 + 2 * float(np.log(sigma)))

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray:
        return 1 + rng.standard_normal((count, self.values)) @ self.factor.T

    def log_prob(self, rows: np.ndarray) -> np.ndarray:
        return _gaussian(rows, np.ones(self.values), self.factor)


def _gaussian(rows: np.ndarray, mean: np.ndarray, factor: np.ndarray) -> np.ndarray:
    white = solve_triangular(factor, (rows - mean).T, lower=True, check_finite=False)
    return -0.5 * (white**2).sum(0) - np.log(np.diag(factor)).sum() - 0.5 * len(factor) * _LOG_2PI


def _factor(covariance: np.ndarray) -> np.ndarray:
    return cholesky(covariance, lower=True)


@cache
def _covariance(side: int) -> np.ndarray:
    """Return the covariance of a square cut from the largest field, so that all sides have the same law."""
    scene = Scene("radiance", (FIELD_SIDE, FIELD_SIDE))
    whole = NaturalFields(marginal="gaussian", mean=1.0, contrast=SPREAD).covariance(scene)
    rows = whole.reshape((FIELD_SIDE,) * 4)[:side, :side, :side, :side]
    return rows.reshape(side * side, side * side)


def _camera(side: int):
    """Return a perfect camera of so many pixels: a point is imaged to a pixel."""
    side += 2 * _RIM
    return make_system("lensless", scene_shape=(side, side), psf_shape=(2 * _RIM + 1, 2 * _RIM + 1))


def _photographs(names: list[str], settings: dict):
    return world.read_objects(names, _camera(settings["side"]).scene, settings["count"], settings["seed"])


def _counts(settings: dict, needs: dict) -> MeasurementSet:
    """Return Poisson counts of photographs, each picture exposed to the same mean light, as a camera would.

    Where a patch is smaller than the side, it is the middle: the same objects, sources and noise at every size.
    """
    system = _camera(settings["side"])
    part = _photographs(needs["photographs"]["names"], settings)
    _, index = np.unique(part.groups, return_inverse=True)
    light = np.bincount(index, part.scenes.mean((1, 2), dtype=np.float64)) / np.bincount(index)
    part = replace(part, scenes=(part.scenes / light[index, None, None]).astype(np.float32))
    exposure = world.exposure_for(system, part.scenes, settings["photons"])
    point = jnp.zeros((2 * _RIM + 1, 2 * _RIM + 1)).at[_RIM, _RIM].set(1.0)
    measured = world.counts_of(system, {"psf": point}, part, exposure, settings["seed"], "photographs")
    patch = settings.get("patch", settings["side"])
    if patch == settings["side"]:
        return measured
    start = (settings["side"] - patch) // 2
    inner = (slice(None), slice(start, start + patch), slice(start, start + patch))
    values, clean = measured.read(0, len(measured))[inner], measured.read_clean(0, len(measured))[inner]
    return from_arrays(values, clean=clean, groups=measured.groups, noise="poisson", path="photographs")


def _field(settings: dict) -> MeasurementSet:
    """Return draws of the Gaussian field with white noise, each its own source."""
    law, side = _Law(settings["side"], settings["sigma"]), settings["side"]
    rng = np.random.default_rng([settings["seed"], 14])
    signal = cholesky(_covariance(side) + 1e-12 * np.eye(law.values), lower=True)
    clean = 1 + rng.standard_normal((settings["count"], law.values)) @ signal.T
    values = clean + settings["sigma"] * rng.standard_normal(clean.shape)
    shape = (-1, side, side)
    return from_arrays(values.reshape(shape), clean=clean.reshape(shape), noise="gaussian", sigma=settings["sigma"], path="field")


def _known(settings: dict, values: np.ndarray, clean: np.ndarray, test: np.ndarray) -> dict:
    """Return for each test measurement what is subtracted from a model's loss, nats.

    For the field the noise that was drawn, and the true information density besides; for counts their entropy.
    """
    if settings["objects"] != "field":
        return {"noise": Poisson().conditional_entropy(values[test], clean[test])}
    sigma, size = settings["sigma"], int(np.prod(values.shape[1:]))
    noise = 0.5 * (((values - clean)[test].reshape(len(test), -1) / sigma) ** 2).sum(1) + size * (np.log(sigma) + 0.5 * _LOG_2PI)
    law = _Law(settings["side"], sigma)
    return {"noise": noise, "truth": -law.log_prob(values[test].reshape(len(test), -1)) - noise}


def _fitted_loss(settings: dict, values, parts, test, context: Context, number: int) -> np.ndarray:
    """Return the loss of a model fitted to the first of the parts, chosen by the second, on each test measurement, nats."""
    kind, poisson = MODELS[settings["model"]], settings["objects"] != "field"
    sensor = sensor_of(Poisson() if poisson else Gaussian(settings["sigma"]))
    if poisson and not kind.discrete:
        values = values + np.random.default_rng([settings["seed"], 15]).random(values.shape) - 0.5
    train, validation = (values[part] for part in parts)
    folder = world.job_folder(context, settings["model"])
    checkpoint = None if folder is None or not kind.trained else folder.with_name(f"{settings['model']}-{number}.npz")

    def report(progress: Progress) -> None:
        context.say(f"{settings['model']} on {len(train)}", (number + progress.fraction) / len(settings["counts"]))

    fitting = Fitting(settings["effort"], None, checkpoint, report)
    key = np.random.SeedSequence([settings["seed"], 16, number])
    model = kind.fit(key, train, validation, sensor=sensor, fitting=fitting)
    return -in_blocks(model.log_prob, values[test])


def _bits(nats: np.ndarray, groups: np.ndarray, settings: dict) -> dict:
    grouped = GroupedValues.of(nats / LN2, groups)
    bounds = None
    if len(grouped.groups) >= FEWEST_SOURCES:
        bounds = [float(each) for each in interval(grouped, settings["confidence"], np.random.default_rng([settings["seed"], 6]))]
    sources = {"by_source": world.kept_values(grouped)} if len(grouped.groups) < len(nats) else {}
    return {"bits": grouped.mean, "interval": bounds, **sources}
