"""Arrays of telescopes: does the information in visibilities rank them as the images made from these do?"""

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ideal.imaging import make_system
from ideal.reproduce._contract import Claim, Findings, Job, Plan, Statistic, Study
from ideal.reproduce._radio_figure import draw
from ideal.reproduce._radio_images import images
from ideal.reproduce._radio_work import information
from ideal.reproduce._radio_work import objects as skies_of
from ideal.reproduce.statistics import correlation
from ideal.reproduce.world import first_available, grouped
from ideal.result import LN2

_SITES = 4
_RINGS, _MODELS = "black-hole-rings", "black-holes"
_DECODERS = {
    "likelihood": "regularised maximum likelihood",
    "variation": "total variation and positivity alone",
    "linear": "linear MMSE",
    "dirty": "dirty image",
}
_FULL = {
    "weights": [100.0, 600.0, 4000.0],
    "priors": [0.0, 0.03, 0.1, 0.3],
    "iterations": 300,
    "train": 4000,
    "together": 10,
    "sizes": {_RINGS: {"count": 8000, "validation": 12, "test": 48}, _MODELS: {"count": 3000, "validation": 6, "test": 40}},
}
_QUICK = {
    "weights": [600.0, 4000.0],
    "priors": [0.1, 0.3],
    "iterations": 200,
    "train": 2000,
    "together": 14,
    "sizes": {_RINGS: {"count": 3000, "validation": 8, "test": 16}},
}
_TARGET = 0.85
_PUBLISHED = {"ssim": 0.87, "psnr_db": 0.79, "mse": -0.81}
_PUBLISHED_RANGE = "14 to 360 bits, of which up to 57 are the finite-sample excess D(D+3)/4N"
_TITLES = {"ssim": "SSIM", "psnr_db": "PSNR", "mse": "mean square error"}


class Radio(Study):
    """Every choice of four of the eight sites of EHT 2017, on rings and on simulated black holes.

    Args:
        observation: settings of the interferometer, for smaller studies.
        size: settings in place of those of a full or a quick study.
        arrays: of sites; None for all choices of four.

    """

    name = "radio"
    title = "Information of telescope arrays against the images made from their visibilities"
    summary = "all 70 four-site arrays of EHT 2017: information against the quality of reconstructions"

    def __init__(self, observation: dict | None = None, size: dict | None = None, arrays: list[list[str]] | None = None):
        self._observation, self._size = observation or {}, size or {}
        names = make_system("interferometer").table.names
        self._arrays = arrays or [list(sites) for sites in combinations(names, _SITES)]

    def _plan(self, plan: Plan) -> tuple[dict, dict[str, dict], list[str]]:
        """Return settings of all jobs, those of each set of objects, and notes on what is missing."""
        size = (_QUICK if plan.quick else _FULL) | self._size
        shared = {"seed": plan.seed, "confidence": plan.confidence, "observation": self._observation}
        shared |= {name: size[name] for name in ("weights", "priors", "iterations", "train")}
        sizes, notes = dict(size["sizes"]), []
        if _MODELS in sizes:
            used, notes = first_available([_MODELS], _RINGS, make_system("interferometer", **self._observation).scene)
            if _MODELS not in used:
                del sizes[_MODELS]
                notes = [f"simulated black holes are left out: {_MODELS} are not on this machine (ideal data list)"]
        return shared | {"together": size["together"]}, sizes, notes

    def jobs(self, plan: Plan) -> list[Job]:
        """Return the jobs: the skies, then information and images of some arrays each."""
        shared, sizes, _ = self._plan(plan)
        together = shared.pop("together")
        found = []
        for objects, size in sizes.items():
            base = shared | size | {"objects": objects}
            skies = {name: base[name] for name in ("objects", "count", "seed", "observation")}
            found.append(Job(objects, skies_of, skies, volatile=True))
            for start in range(0, len(self._arrays), together):
                arrays = self._arrays[start : start + together]
                few = skies | {"confidence": plan.confidence}
                label = f"{objects}, arrays {start + 1} to {start + len(arrays)}"
                found.append(Job(f"{label}: information", information, few | {"arrays": arrays}, (objects,)))
                found.append(Job(f"{label}: images", images, base | {"arrays": arrays}, (objects,)))
        return found

    def conclude(self, plan: Plan, results: Mapping[str, dict]) -> Findings:
        """Return the rank correlations over the arrays, of each set of objects."""
        _, sizes, notes = self._plan(plan)
        rows, statistics, claims, shown = [], [], [], {}
        for objects in sizes:
            told, made, peak = {}, {}, 0.0
            for name, result in results.items():
                if name.startswith(f"{objects}, ") and name.endswith("information"):
                    told |= result
                elif name.startswith(f"{objects}, "):
                    made |= result["arrays"]
                    peak = result["peak"]
            own = [_row(objects, name, told[name], made[name]) for name in told]
            found = _statistics(objects, told, made, own, plan)
            rows += own
            statistics += found.values()
            claims += _claims(objects, told, own, found)
            ranked = sorted(own, key=lambda row: row["likelihood_ssim"])
            shown[objects] = {
                "peak": peak,
                "examples": [{"array": row["array"], **made[row["array"]]["shown"]} for row in (ranked[-1], ranked[0])],
            }
        return Findings(rows, statistics, claims, [*_notes(self._observation, rows, plan), *notes], {"shown": shown})

    def draw(self, record: Mapping[str, Any]) -> Figure:
        """Return a panel for each set of objects, with images by the best and the worst array."""
        return draw(record)


def _row(objects: str, name: str, told: dict, made: dict) -> dict:
    """Return the row of one array in the table."""
    sites = name.split()
    row = {
        "objects": objects,
        "array": name,
        "with_alma": "ALMA" in sites,
        "baselines_that_see_the_source": told["baselines"],
        "combinations": told["combinations"],
        "information_bits": told["information"],
        "information_low": told["interval"][0],
        "information_high": told["interval"][1],
    }
    for decoder, scores in made["scores"].items():
        for quality, score in scores.items():
            row[f"{decoder}_{quality}"] = score["mean"]
            if decoder == "likelihood":
                row[f"{decoder}_{quality}_low"], row[f"{decoder}_{quality}_high"] = score["interval"]
    chosen = [each["likelihood"] for each in made["chosen"]]
    for weight in ("weight", "prior_weight"):
        row[weight] = float(np.median([each[weight] for each in chosen]))
    return row


def _statistics(objects: str, told: dict, made: dict, rows: list[dict], plan: Plan) -> dict[tuple, Statistic]:
    """Return rank correlations by decoder, quality and which arrays."""

    def over(names, decoder, quality, what, target=None):
        qualities = [grouped(made[name]["scores"][decoder][quality]) for name in names]
        title = f"Spearman, information with {_TITLES[quality]}, {_DECODERS[decoder]}, {objects}{what}"
        return correlation(
            title,
            [grouped(told[name]) for name in names],
            qualities,
            confidence=plan.confidence,
            seed=plan.seed,
            target=target,
            over="arrays",
        )

    names = list(told)
    found = {}
    for decoder in _DECODERS:
        for quality in _PUBLISHED:
            if decoder == "likelihood" or quality == "ssim":
                target = _TARGET if (decoder, quality) == ("likelihood", "ssim") else None
                found[decoder, quality, ""] = over(names, decoder, quality, "", target)
    for what, with_alma in ((", arrays with ALMA", True), (", arrays without ALMA", False)):
        some = [row["array"] for row in rows if row["with_alma"] == with_alma]
        if len(some) > 3:
            found["likelihood", "ssim", what] = over(some, "likelihood", "ssim", what)
    return found


def _text(statistic: Statistic) -> str:
    return f"{statistic.value:.2f} ({statistic.interval[0]:.2f} to {statistic.interval[1]:.2f})"


def _claims(objects: str, told: dict, rows: list[dict], found: dict[tuple, Statistic]) -> list[Claim]:
    """Return what was published beside what was found."""
    bits = [row["information_bits"] for row in rows]
    excess = max(n * (n + 3) / (4 * max(told[name]["n_train"], 1) * LN2) for name in told for n in [told[name]["combinations"]])
    claims = [
        Claim(
            f"the arrays differ widely in information ({objects})",
            _PUBLISHED_RANGE if objects == _RINGS else "rings only",
            f"{min(bits):.0f} to {max(bits):.0f} bits, with an excess of at most {excess:.1f} bits before shrinkage",
            max(bits) > 3 * min(bits),
            "held-out measurements in at most "
            f"{max(each['combinations'] for each in told.values())} combinations each, so that no excess enters the estimate",
        )
    ]
    kept = {quality: found["likelihood", quality, ""] for quality in _PUBLISHED}
    signs = [np.sign(_PUBLISHED[quality]) * np.array(each.interval) > 0 for quality, each in kept.items()]
    claims.append(
        Claim(
            f"arrays with more information give better images ({objects})",
            ", ".join(f"{_TITLES[quality]} {value:+.2f}" for quality, value in _PUBLISHED.items()),
            ", ".join(f"{_TITLES[quality]} {_text(each)}" for quality, each in kept.items()),
            bool(np.all(signs)),
            "" if np.all(signs) else "an interval reaches zero",
        )
    )
    alone, ours = found["variation", "ssim", ""], kept["ssim"]
    quality = [np.mean([row[f"{decoder}_ssim"] for row in rows]) for decoder in ("variation", "likelihood")]
    gains = [row["likelihood_ssim"] - row["variation_ssim"] for row in rows]
    most = rows[int(np.argmax(gains))]
    claims.append(
        Claim(
            f"a decoder that knows less of the skies than the estimate does is ranked less well ({objects})",
            "maximum likelihood with total variation alone is what was published",
            f"Spearman with SSIM {_text(alone)} for total variation and positivity alone, {_text(ours)} with flux and prior",
            bool(ours.value > alone.value),
            f"flux and a prior image raise the mean SSIM from {quality[0]:.2f} to {quality[1]:.2f}, and most for "
            f"{most['array']} (from {most['variation_ssim']:.2f} to {most['likelihood_ssim']:.2f}): baselines between the "
            "shortest and the long ones are missing there, so that size and flux of the source stay open unless they are known; "
            "the estimate knows them, being fitted to such skies",
        )
    )
    return claims


def _notes(observation: dict, rows: list[dict], plan: Plan) -> list[str]:
    """Return what a reader has to know."""
    system = make_system("interferometer", **observation)
    seeing = {site for pair in system.coverage.baselines for site in pair.split("-")}
    blind = [site for site in system.table.names if site not in seeing]
    silent = sorted({row["array"] for row in rows if not row["baselines_that_see_the_source"]})
    notes = [
        "information is that of each observation's visibilities in orthonormal combinations; those left out see less than 0.1 "
        "standard deviations of the noise of a point source of 1 Jy",
        "estimates and decoders have the same noisy measurements; weights of the likelihood are those of the best mean SSIM of "
        "validation skies, and the prior image is the mean of training skies",
        "the total flux of 1 Jy is known to the decoder called regularised maximum likelihood, for all arrays alike",
        "SSIM and PSNR take the mean of the training skies' brightest pixels as the range of all skies",
        "dirty images are scaled from Jy per beam by one factor for each array, chosen on validation skies",
    ]
    if blind:
        pairs = sum(not set(blind).isdisjoint(row["array"].split()) for row in rows)
        notes.append(f"{', '.join(blind)} never sees the source: {pairs} of {len(rows)} observations use the other sites alone")
    if silent:
        notes.append(f"no baseline of {'; '.join(silent)} sees the source: 0 bits, and images from flux and prior alone")
    if plan.quick:
        notes.append("quick: rings only, with fewer skies, weights and iterations than the full study; all arrays")
    if any(row["objects"] == _MODELS for row in rows):
        notes.append(
            "simulated black holes are 13 sources: each is scored by models and priors of the others, in five folds, so that "
            "intervals over sources are wide; the median of the chosen weights is in the table"
        )
    return notes
