"""Work of the study of microscopes: cells, a design of the light, information, and what networks tell of the same images."""

from functools import lru_cache

import numpy as np

from ideal.datasets import make_objects
from ideal.decoders.images.networks import ImageClassifier, ImageRegressor
from ideal.decoders.quality import accuracy, gaussian_log_likelihood, label_log_likelihood
from ideal.errors import MissingDataError
from ideal.imaging import check_settings
from ideal.imaging.microscope.led_microscope import LedMicroscope
from ideal.information.labels.estimation import task_information
from ideal.measurements.measurement_set import MeasurementSet
from ideal.noise import Poisson
from ideal.optimize import Ascent, Task, parse_target
from ideal.optimize.defaults import defaults_for
from ideal.optimize.design import find_design
from ideal.optimize.objects import Part
from ideal.studies.engine import world
from ideal.studies.engine.contract import Context

IDEAL = "ideal"  # the name of the design that is found here
OBJECTS, REAL = "phase-cells", "blood-cells"
_SYSTEM = {
    "shape": (48, 48),
    "magnification": 10.0,
    "camera_pixel": 6.9,
    "oversampling": 2,
    "na": 0.3,
    "led_na": 0.45,
    "led_pitch": 2.0,
}
_PROBED = 64  # cells whose content tells whether the generator is as it was
_DESIGN = 1  # added to the seed of the cells that a design is made for


def cells(settings: dict, needs: dict, context: Context) -> dict:
    """Return what tells the generated cells from others, and how many real ones with labels are on this machine."""
    scene = _microscope(settings).scene
    found = world.digest(world.read_objects([OBJECTS], scene, _PROBED, settings["cells_seed"]))
    try:
        source = make_objects(REAL).open(scene, 0)
        if source.count is None:
            raise ValueError(f"{REAL} are views without end, expected as many as were taken")
        real = source.read(0, source.count)
        names, counts = np.unique(np.asarray(source.classes)[real.labels], return_counts=True)
        classes = {str(name): int(count) for name, count in zip(names, counts, strict=True)}
        phase = float(np.abs(real.scenes[..., 1]).max())
        told = {"count": source.count, "sources": len(np.unique(real.groups)), "classes": classes, "largest_phase": phase}
    except MissingDataError:
        told = None
    return {"digest_of_first": found, "real": told}


def designed(settings: dict, needs: dict, context: Context) -> dict:
    """Return the light that `ideal optimize` finds for the class of cells that nothing else sees."""
    system = _microscope(settings)
    part = _cells(settings["count"], settings["cells_seed"] + _DESIGN, settings["defocus"])
    fold = world.division(part.groups, settings["seed"])
    to_choose, labels = np.sort(np.concatenate([fold.validation, fold.test])), world.labels_of(part)
    default = defaults_for(system)
    found = find_design(
        Task(
            system,
            Poisson(),
            part.scenes[fold.train],
            part.scenes[to_choose],
            labels[fold.train],
            labels[to_choose],
            parse_target("label", system.scene),
        ),
        default.objective,
        starts=list(default.starts),
        ascent=Ascent(settings["steps"], default.learning_rate),
        settings=default.settings,
        seed=settings["seed"],
        checkpoints=context.checkpoints,
        report=context.say,
    )
    return {
        "intensities": np.asarray(found.params["intensities"], np.float64).tolist(),
        "start": default.starts[found.climb.start],
        "gain_of_start": found.gain_of_start,
        "gain": found.gain_of_search,
        "unit": found.unit,
        "seconds": found.seconds,
    }


def lights(settings: dict, needs: dict, context: Context) -> dict:
    """Return direction sines of the LEDs (led, 2) and the shares of power of the named illuminations (led,)."""
    system = _microscope(settings)
    shares = {name: np.asarray(system.design(name)["intensities"], float).tolist() for name in settings["designs"]}
    return {"directions": system.directions.tolist(), "shares": shares, "na": system.na}


def informed(settings: dict, needs: dict, context: Context) -> dict:
    """Return the estimate of the information in images, and how much light they have."""
    measured = _images(settings, needs)
    options = {key: settings[key] for key in ("models", "effort", "patch", "confidence")}
    found = world.estimated(measured, context, settings["seed"], **options)
    return {"estimate": found, "counts": float(measured.read(0, len(measured)).mean())}


def informed_of_class(settings: dict, needs: dict, context: Context) -> dict:
    """Return lower bounds on what whole images tell of the class, with their parts by source."""
    found = task_information(
        _images(settings, needs),
        patch=None,
        model=settings["model"],
        effort=settings["effort"],
        confidence=settings["confidence"],
        seed=settings["seed"],
        checkpoints=context.checkpoints,
        progress=context.say,
    )
    values = found.posteriors[found.chosen].values
    return {
        "information": found.bits,
        "interval": list(found.interval),
        "label_entropy": found.label_entropy,
        "chosen": found.chosen,
        "posteriors": {name: each.information for name, each in found.posteriors.items()},
        "by_source": None if values is None else world.kept_values(values),
        "n_test": found.n_test,
        "warnings": list(found.warnings),
    }


def decoded(settings: dict, needs: dict, context: Context) -> dict:
    """Return the scores of a classifier and of a regressor on test cells; both end training by validation cells."""
    part, measured = _cells_of(settings), _images(settings, needs)
    images, volumes = measured.read(0, part.count), _volumes(part, _microscope(settings))
    fold = world.division(part.groups, [settings["seed"], 8])
    parts = fold.train, fold.validation
    common = {"noise": Poisson(), "progress": context.say}

    def fit(kind, truth, effort):
        name = f"{kind.__name__}.npz"
        checkpoint = None if context.checkpoints is None else context.checkpoints / name
        given = [array[index] for index in parts for array in (images, truth)]
        return kind.fit(settings["seed"], *given, effort=effort, checkpoint=checkpoint, **common)

    groups, labels, tested = part.groups[fold.test], world.labels_of(part)[fold.test], images[fold.test]
    logs = fit(ImageClassifier, part.labels, settings["effort"]).log_probabilities(tested)
    mean, sigma = fit(ImageRegressor, volumes, settings["regressor_effort"]).predict(tested)
    truth = volumes[fold.test]
    spread = float(volumes[fold.train].std())
    blind = gaussian_log_likelihood(np.full_like(truth, volumes[fold.train].mean()), np.full_like(truth, spread), truth)
    scores = {
        "accuracy": accuracy(logs, labels),
        "label_log_likelihood": label_log_likelihood(logs, labels),
        "volume_square_error": (mean - truth) ** 2,
        "volume_log_likelihood_gain": gaussian_log_likelihood(mean, sigma, truth) - blind,
    }
    kept = {name: world.kept_score(each, groups, settings["seed"], settings["confidence"]) for name, each in scores.items()}
    confusion = np.zeros((len(part.classes), len(part.classes)), int)
    np.add.at(confusion, (labels, logs.argmax(1)), 1)
    return kept | {
        "volume_spread": spread,
        "volume_mean": float(volumes[fold.train].mean()),
        "confusion": confusion.tolist(),
        "classes": list(part.classes),
        "n_train": len(fold.train),
        "n_test": len(fold.test),
    }


def _microscope(settings: dict) -> LedMicroscope:
    own = {"defocus": settings["defocus"], "photons": float(settings.get("photons", 1))}
    return LedMicroscope(**check_settings(LedMicroscope, _SYSTEM | own))


@lru_cache(maxsize=1)
def _cells(count: int, seed: int, defocus: float) -> Part:
    # Kept for the next job of this process: drawing them takes as long as an estimate.
    return world.read_objects([OBJECTS], _microscope({"defocus": defocus}).scene, count, seed)


def _cells_of(settings: dict) -> Part:
    return _cells(settings["count"], settings["cells_seed"], settings["defocus"])


def _images(settings: dict, needs: dict) -> MeasurementSet:
    """Return fresh counts of the cells; the same for all jobs about one light at one level."""
    given = needs[settings["designer"]]["intensities"] if settings["design"] == IDEAL else ()
    return _counts(*(settings[name] for name in _CELLS_AND_LIGHT), tuple(given))


_CELLS_AND_LIGHT = ("count", "cells_seed", "defocus", "photons", "seed", "design")


@lru_cache(maxsize=1)
def _counts(
    count: int, cells_seed: int, defocus: float, photons: float, seed: int, design: str, intensities: tuple[float, ...]
) -> MeasurementSet:
    # Kept, since the next job of this process is often about the same light.
    system = _microscope({"defocus": defocus, "photons": photons})
    params = {"intensities": np.array(intensities)} if design == IDEAL else system.design(design)
    return world.counts_of(system, system.check_params(params), _cells(count, cells_seed, defocus), 1.0, seed, design)


def _volumes(part: Part, system: LedMicroscope) -> np.ndarray:
    """Return the optical volume of cells, um^3: the index above the medium's summed over the cell, (sample,).

    Dry mass is in proportion to it, about 5 pg for each um^3 (Barer, Nature 169, 366 (1952)).
    """
    path = part.scenes[..., 1].astype(np.float64).sum((1, 2)) * system.wavelength / (2 * np.pi)
    return path * system.pitch**2
