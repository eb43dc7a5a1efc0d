"""Work of the study of color filter arrays: what decoders make of the counts whose information is estimated."""

from functools import lru_cache
from typing import Any

import numpy as np

from ideal.decoders._contract import Example
from ideal.decoders.mosaics.demosaic import MosaicFilter, SceneStatistics, demosaic_bilinear, demosaic_malvar
from ideal.decoders.mosaics.network import MosaicNetwork
from ideal.decoders.quality import mean_square_error, peak_signal_to_noise
from ideal.density import Fitting
from ideal.noise import Poisson
from ideal.studies.engine import world
from ideal.studies.engine.contract import Context
from ideal.studies.mosaics.work import PEAK, counts_and_light, divided, divided_pictures, params_of, rows_of, system_of

BORDER = 4  # pixels of a picture's edge that no decoder is judged by: their neighbours are missing
_REACH = 5  # pixels around each that the linear decoder looks at


def decoded_linearly(settings: dict, needs: dict, context: Context) -> dict:
    """Return the scores of the linear decoder of a mosaic in each light, and of those made for Bayer's."""
    rows = rows_of(settings["mosaic"], settings, needs)
    found: dict[str, Any] = {"rows": rows, "linear": {}}
    for number, photons in enumerate(settings["photons"]):
        context.say(f"{photons:g} photons", number / len(settings["photons"]))
        examples, light = _examples(settings | {"photons": photons}, needs, ("test",))
        test = examples["test"]
        linear = _filter(settings, needs, rows, light)
        found["linear"][f"{photons:g}"] = _scores(linear.decode(test.measurements), test.scenes, light, settings, needs)
        if settings["mosaic"] == "bayer":
            for name, decode in (("bilinear", demosaic_bilinear), ("malvar", demosaic_malvar)):
                own = found.setdefault(name, {})
                own[f"{photons:g}"] = _scores(decode(test.measurements), test.scenes, light, settings, needs)
    return found


def decoded_by_network(settings: dict, needs: dict, context: Context) -> dict:
    """Return the scores of one network for a mosaic in all lights, trained on the counts that are estimated."""
    rows = rows_of(settings["mosaic"], settings, needs)
    filters, lights = {}, {}
    examples: dict[str, dict[float, Example]] = {"train": {}, "validation": {}, "test": {}}
    for photons in settings["photons"]:
        some, lights[photons] = _examples(settings | {"photons": photons}, needs, tuple(examples))
        filters[photons] = _filter(settings, needs, rows, lights[photons])
        for name, each in some.items():
            examples[name][photons] = each
    place = world.job_folder(context, "network")
    fitting = Fitting(
        checkpoint=place and place / "state.npz", report=lambda told: context.say(f"loss {told.loss:.4f}", told.fraction)
    )
    network = MosaicNetwork.fit(
        settings["seed"],
        filters,
        np.asarray(params_of(rows)["filters"]),
        examples["train"],
        examples["validation"],
        steps=settings["steps"],
        fitting=fitting,
    )
    scores = {
        f"{photons:g}": _scores(network.decode(photons, test.measurements), test.scenes, lights[photons], settings, needs)
        for photons, test in examples["test"].items()
    }
    return {"network": scores, "validation_loss": network.validation_loss}


def _examples(settings: dict, needs: dict, names: tuple[str, ...]) -> tuple[dict[str, Example], float]:
    _, part, fold = divided_pictures(settings, needs)
    measured, light = counts_and_light(settings, needs)
    counts, scenes = measured.read(0, len(measured)), part.scenes * np.float32(light)
    return {name: Example(scenes[getattr(fold, name)], counts[getattr(fold, name)]) for name in names}, light


@lru_cache(maxsize=1)
def _statistics(names: tuple[str, ...], count: int, seed: int) -> SceneStatistics:
    _, part, fold = divided(names, count, seed)
    return SceneStatistics.of(part.scenes[fold.train], 2 * _REACH)


def _filter(settings: dict, needs: dict, rows: list[str], light: float) -> MosaicFilter:
    known = _statistics(tuple(needs["photographs"]["names"]), settings["count"], settings["seed"]).times(light)
    return MosaicFilter.fit(system_of(len(rows)), params_of(rows), Poisson(), known, _REACH)


def _scores(decoded: np.ndarray, scenes: np.ndarray, light: float, settings: dict, needs: dict) -> dict:
    """Return PSNR by scene, dB, and the mean square error over that of white, each with its interval over sources."""
    _, part, fold = divided_pictures(settings, needs)
    groups, peak = part.groups[fold.test], light * PEAK
    values = {
        "psnr": peak_signal_to_noise(decoded, scenes, peak, BORDER),
        "error": mean_square_error(decoded, scenes, BORDER) / peak**2,
    }
    return {name: world.kept_score(each, groups, settings["seed"], settings["confidence"]) for name, each in values.items()}
