"""Lensless cameras: what point spread functions tell, beside what deconvolutions and a classifier make of the same captures."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.stats import rankdata

from ideal.information.intervals import GroupedValues
from ideal.studies.engine import world
from ideal.studies.engine.contract import Findings, Job, Plan, Statistic, Study
from ideal.studies.engine.statistics import correlation, rank_correlation
from ideal.studies.lensless import decoding, patches, work
from ideal.studies.lensless.claims import claims, notes

WITHIN, OVER_ALL = 0.95, 0.85
SYSTEMS = {
    "one-lens": "one lens",
    "two-lenslets": "two lenslets",
    "four-lenslets": "four lenslets",
    "nine-lenslets": "nine lenslets",
    "diffuser": "diffuser",
    work.IDEAL: "IDEAL",
}
LIGHTS = (20.0, 40.0, 80.0, 160.0, 320.0)
_RESAMPLES = 2000
FAINTER = 160.0  # times: digits are told apart in so little light that with that of the scenes all cameras would do
DESIGN_PHOTONS = 80.0
PATCH, LARGE_PATCH = 16, 48  # pixels of a side: of the estimates, and one that holds a point spread function
_PATCHES = "side of the patch"
_SCENES, _LABELLED, _FUNCTIONS, _UNCROPPED = "scenes", "labelled pictures", "point spread functions", "without the sensor's edge"


class Lensless(Study):
    """Lensless cameras at several light levels: information against PSNR, and against the accuracy of a classifier."""

    name = "lensless"
    title = "Lensless cameras: information beside what deconvolution and classification achieve"
    summary = "one to nine lenslets, a diffuser and a design x light: information against PSNR, SSIM and accuracy"

    def jobs(self, plan: Plan) -> list[Job]:
        """Return the jobs: scenes, designs, and for each camera in each light its estimates and decoders."""
        scale = _scale(plan)
        found = [Job(name, read, _world(scale, name, plan), volatile=True) for name, read in _WORLDS.items()]
        for name in _WORLDS:
            photons = _photons(name, DESIGN_PHOTONS)
            found.append(Job(_design(name), work.designed, _world(scale, name, plan) | {"photons": photons}, (name,)))
        settings = _world(scale, _SCENES, plan) | {"designs": list(SYSTEMS)}
        found.append(Job(_FUNCTIONS, work.drawn, settings, (_SCENES, _design(_SCENES))))
        own = settings | {"photons": DESIGN_PHOTONS, "sides": [PATCH, LARGE_PATCH]}
        found.append(Job(_PATCHES, patches.patched, own, (_SCENES, _design(_SCENES))))
        settings |= {"lights": list(scale["lights"])}
        found.append(Job(_UNCROPPED, decoding.uncropped, settings, (_SCENES, _design(_SCENES))))
        for photons in scale["lights"]:
            for name in SYSTEMS:
                for objects in _WORLDS:
                    needs = (objects, *([_design(objects)] if name == work.IDEAL else []))
                    own = _world(scale, objects, plan) | {"design": name, "photons": _photons(objects, photons)}
                    own["confidence"] = plan.confidence
                    decode, more = _DECODERS[objects]
                    estimate = scale["estimate"] | {"models": _MODELS[objects]}
                    found.append(Job(_job(objects, name, photons, "estimate"), work.informed, own | estimate, needs))
                    found.append(Job(_job(objects, name, photons, "decode"), decode, own | scale[more], needs))
        return found

    def conclude(self, plan: Plan, results: Mapping[str, dict]) -> Findings:
        """Return the table, the rank correlations and the published statements beside ours."""
        lights = _scale(plan)["lights"]
        cells = {(name, photons): _cell(results, name, photons) for name in SYSTEMS for photons in lights}
        rows = [_row(results, name, photons, cell) for (name, photons), cell in cells.items()]
        statistics = _correlations(plan, cells, lights)
        worlds = {name: results[name] for name in _WORLDS}
        by_name = [{SYSTEMS[name]: each for name, each in results[job].items()} for job in (_UNCROPPED, _PATCHES)]
        told = notes(rows, worlds, results[_design(_SCENES)], statistics, *by_name)
        curves = {"functions": results[_FUNCTIONS], "names": SYSTEMS, "labelled": results[_LABELLED]["names"]}
        return Findings(rows, statistics, claims(plan, cells, lights), told, curves)

    def draw(self, record):
        """Return the figure of a record."""
        from ideal.studies.lensless.figure import draw

        return draw(record)


_WORLDS = {_SCENES: work.scenes, _LABELLED: work.labelled}
# Where there are few photons, a discrete model may be the better one.
_MODELS = {_SCENES: ["stationary", "causal-mixture"], _LABELLED: ["negative-binomial", "causal-mixture"]}
_DECODERS = {_SCENES: (decoding.decoded, "decode"), _LABELLED: (decoding.classified, "classify")}


def _scale(plan: Plan) -> dict[str, Any]:
    """Return how much is done: for quick plans every second light and a few hundred scenes."""
    camera = {_SCENES: {"set": "cifar10", "scene": [96, 96], "psf": [32, 32]}}
    camera[_LABELLED] = {"set": "mnist", "scene": [59, 59], "psf": [32, 32]}  # its captures are as large as a digit
    if plan.quick:
        return {
            "lights": LIGHTS[::2],
            "camera": camera,
            _SCENES: {"count": 400, "designed": 200},
            _LABELLED: {"count": 1000, "designed": 200},
            "estimate": {"effort": 0.02, "max_patches": 3000},
            "decode": {"validated": 20, "balances": [0.3, 1.0], "weights": [0.1, 0.2]},
            "classify": {"effort": 0.05},
        }
    return {
        "lights": LIGHTS,
        "camera": camera,
        _SCENES: {"count": 1500, "designed": 400},
        _LABELLED: {"count": 5000, "designed": 400},
        "estimate": {"effort": 0.1, "max_patches": 8000},
        "decode": {"validated": 100, "balances": [0.3, 1.0, 3.0], "weights": [0.05, 0.1, 0.2]},
        "classify": {"effort": 0.4},
    }


def _world(scale: dict, objects: str, plan: Plan) -> dict:
    return scale["camera"][objects] | scale[objects] | {"objects": objects, "designer": _design(objects), "seed": plan.seed}


def _design(objects: str) -> str:
    return f"IDEAL for {objects}"


def _photons(objects: str, photons: float) -> float:
    return photons / FAINTER if objects == _LABELLED else photons


def _job(objects: str, name: str, photons: float, what: str) -> str:
    doing = "classify" if what == "decode" and objects == _LABELLED else what
    return f"{SYSTEMS[name]}, {objects}, {_photons(objects, photons):g} photons: {doing}"


def _cell(results: Mapping[str, dict], name: str, photons: float) -> dict:
    """Return a camera's scores by what they are of: values by source, or None where there are none."""
    decoded = results[_job(_SCENES, name, photons, "decode")]
    best = decoded["decoders"][decoded["best"]]
    classified = results[_job(_LABELLED, name, photons, "decode")]
    return {
        "information": results[_job(_SCENES, name, photons, "estimate")]["estimate"],
        "psnr": best["psnr_db"],
        "ssim": best["ssim"],
        "classified_information": results[_job(_LABELLED, name, photons, "estimate")]["estimate"],
        "accuracy": classified["accuracy"],
        "log_likelihood": classified.get("log_likelihood"),
    }


def _row(results: Mapping[str, dict], name: str, photons: float, cell: dict) -> dict:
    decoded = results[_job(_SCENES, name, photons, "decode")]
    row: dict[str, Any] = {"system": SYSTEMS[name], "photons": photons}
    row |= _figures("information", cell["information"], "information", "bits_per_pixel")
    row["model"] = cell["information"]["model"]
    row |= _figures("psnr", cell["psnr"], "mean", "db") | _figures("ssim", cell["ssim"], "mean")
    row |= {"decoder": decoded["best"], "decoder_setting": decoded["decoders"][decoded["best"]]["setting"]}
    for kind, score in decoded["decoders"].items():
        row[f"{kind.replace('-', '_')}_psnr_db"] = score["psnr_db"]["mean"]
    row["without_captures_psnr_db"] = decoded["without_captures_psnr_db"]
    row["classified_photons"] = _photons(_LABELLED, photons)
    row |= _figures("classified_information", cell["classified_information"], "information", "bits_per_pixel")
    row |= _figures("accuracy", cell["accuracy"], "mean") | _figures("log_likelihood", cell["log_likelihood"], "mean", "nats")
    return row


def _figures(name: str, found: Mapping | None, key: str, unit: str = "") -> dict:
    low, high = found["interval"] if found else (None, None)
    return {f"{name}_{unit}" if unit else name: found and found[key], f"{name}_low": low, f"{name}_high": high}


def _correlations(plan: Plan, cells: Mapping[tuple, dict], lights) -> list[Statistic]:
    """Return rank correlations, over all cameras in all lights and of each camera over lights."""
    found = []
    pairs = [("PSNR", "information", "psnr"), ("SSIM", "information", "ssim"), ("accuracy", "classified_information", "accuracy")]
    sure, seed = plan.confidence, plan.seed

    def of(chosen, what: str) -> list[GroupedValues]:
        return [world.grouped(cells[key][what]) for key in chosen]

    for words, information, quality in pairs:
        if any(cell[quality] is None for cell in cells.values()):
            continue

        target = OVER_ALL if quality == "psnr" else None
        name = f"Spearman, information with {words}, all cameras and lights"
        bits, scores = of(cells, information), of(cells, quality)
        found.append(correlation(name, bits, scores, target=target, over="cameras in lights", confidence=sure, seed=seed))
        found.append(_by_camera(plan, f"{name}, camera by camera", bits, scores, len(lights)))
        for system, label in SYSTEMS.items():
            target = WITHIN if quality == "psnr" else None
            chosen = [(system, photons) for photons in lights]
            name = f"Spearman, information with {words}, {label} over lights"
            bits, scores = of(chosen, information), of(chosen, quality)
            each = correlation(name, bits, scores, systems=False, target=target, over="light levels", confidence=sure, seed=seed)
            found.append(replace(each, detail=f"{each.detail}; says no more than that both rise with light"))
    return found


def _by_camera(plan: Plan, name: str, information: list, quality: list, lights: int) -> Statistic:
    """Return the rank correlation over all points with an interval by resampling cameras, each with all its lights."""
    means = [np.array([each.mean for each in values]).reshape(-1, lights) for values in (information, quality)]
    count = len(means[0])
    drawn = np.random.default_rng([plan.seed, 43]).integers(0, count, (_RESAMPLES, count))
    ranks = [rankdata(each[drawn].reshape(_RESAMPLES, -1), axis=1) for each in means]
    left, right = (each - each.mean(1, keepdims=True) for each in ranks)
    found = (left * right).sum(1) / np.sqrt((left**2).sum(1) * (right**2).sum(1))
    low, high = np.quantile(found, [(1 - plan.confidence) / 2, (1 + plan.confidence) / 2])
    detail = f"{100 * plan.confidence:g} % interval by resampling the {count} cameras, each with its {lights} light levels"
    return Statistic(name, rank_correlation(*(each.ravel() for each in means)), (float(low), float(high)), detail=detail)
