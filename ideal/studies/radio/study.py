"""Arrays of telescopes: does the information in visibilities rank them as the images made from these do?"""

from collections.abc import Mapping
from itertools import combinations
from typing import Any

from matplotlib.figure import Figure

from ideal.studies.engine.contract import Findings, Job, Plan, Statistic, Study
from ideal.studies.engine.world import first_available
from ideal.studies.radio.claims import Arrays, general_notes
from ideal.studies.radio.figure import draw
from ideal.studies.radio.images import images
from ideal.studies.radio.work import information, left_out, observed_by
from ideal.studies.radio.work import objects as skies_of

_SITES = 4
_RINGS, _MODELS = "black-hole-rings", "black-holes"
_LEFT_OUT = "skies left out"
_SHOWN = {_RINGS: "", _MODELS: "grmhd_mad_a0.94_i17_rhigh20"}  # the latter under a licence that lets figures be passed on
_FULL = {
    "weights": [100.0, 600.0, 4000.0],
    "priors": [0.0, 0.03, 0.1, 0.3],
    "iterations": 300,
    "train": 4000,
    "together": {_RINGS: 10, _MODELS: 7},
    "sizes": {_RINGS: {"count": 8000, "validation": 12, "test": 48}, _MODELS: {"count": 3000, "validation": 5, "test": 75}},
}
_QUICK = {
    "weights": [600.0, 4000.0],
    "priors": [0.1, 0.3],
    "iterations": 200,
    "train": 2000,
    "together": {_RINGS: 14},
    "sizes": {_RINGS: {"count": 3000, "validation": 8, "test": 16}},
}


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
        names = observed_by({}).table.names
        self._arrays = arrays or [list(sites) for sites in combinations(names, _SITES)]

    def _plan(self, plan: Plan) -> tuple[dict, dict[str, dict], list[str]]:
        """Return settings of all jobs, those of each set of objects, and notes on what is missing."""
        size = (_QUICK if plan.quick else _FULL) | self._size
        shared = {"seed": plan.seed, "confidence": plan.confidence, "observation": self._observation}
        shared |= {name: size[name] for name in ("weights", "priors", "iterations", "train")}
        sizes = dict(size["sizes"])
        notes: list[str] = []
        if _MODELS in sizes:
            used, notes = first_available([_MODELS], _RINGS, observed_by(self._observation).scene)
            if _MODELS not in used:
                del sizes[_MODELS]
                notes = [f"simulated black holes are left out: {_MODELS} are not on this machine (ideal data list)"]
        return shared | {"together": size["together"]}, sizes, notes

    def jobs(self, plan: Plan) -> list[Job]:
        """Return the jobs: the skies, then information and images of some arrays each."""
        shared, sizes, notes = self._plan(plan)
        together = shared.pop("together")
        found = [Job(_LEFT_OUT, left_out, {"notes": notes}, volatile=True)] if notes else []
        for objects, size in sizes.items():
            base = shared | size | {"objects": objects, "shown": _SHOWN[objects]}
            skies = {name: base[name] for name in ("objects", "count", "seed", "observation")}
            found.append(Job(objects, skies_of, skies, volatile=True))
            for start in range(0, len(self._arrays), together[objects]):
                arrays = self._arrays[start : start + together[objects]]
                few = skies | {"confidence": plan.confidence}
                label = f"{objects}, arrays {start + 1} to {start + len(arrays)}"
                found.append(Job(f"{label}: information", information, few | {"arrays": arrays}, (objects,)))
                found.append(Job(f"{label}: images", images, base | {"arrays": arrays}, (objects,)))
        return found

    def conclude(self, plan: Plan, results: Mapping[str, dict]) -> Findings:
        """Return the rank correlations over the arrays, of each set of objects."""
        _, sizes, notes = self._plan(plan)
        rows, claims, shown = [], [], {}
        statistics: list[Statistic] = []
        for objects in sizes:
            told: dict[str, Any] = {}
            made: dict[str, Any] = {}
            peak = 0.0
            for name, result in results.items():
                if name.startswith(f"{objects}, ") and name.endswith("information"):
                    told |= result
                elif name.startswith(f"{objects}, "):
                    made |= result["arrays"]
                    peak = result["peak"]
            arrays = Arrays(objects, results[objects]["sources"], told, made, self._observation, plan)
            rows += arrays.rows
            statistics += arrays.statistics.values()
            claims += arrays.claims()
            notes += arrays.notes()
            if _SHOWN[objects]:
                notes.append(f"the sky that is shown of {objects} is of {_SHOWN[objects]}, turned, scaled and moved")
            shown[objects] = {"peak": peak, **arrays.shown()}
        return Findings(rows, statistics, claims, [*general_notes(self._observation, rows, plan), *notes], {"shown": shown})

    def draw(self, record: Mapping[str, Any]) -> Figure:
        """Return a panel for each set of objects, with images by the best and the worst array."""
        return draw(record)
