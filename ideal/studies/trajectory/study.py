"""Design by information against design end to end: what both reach from the same start, in what time and memory."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ideal.information.intervals import GroupedValues, paired_difference
from ideal.studies.engine import world
from ideal.studies.engine.contract import Claim, Findings, Job, Plan, Statistic, Study
from ideal.studies.engine.statistics import correlation
from ideal.studies.trajectory import work
from ideal.studies.trajectory.figure import draw

_PHOTONS = 1000.0
# name -> objective and target
RUNS: dict[str, dict[str, Any]] = {
    "IDEAL, color": {"objective": "gaussian", "target": "color", "steps": 100},
    "IDEAL, total": {"objective": "gaussian", "target": "total", "steps": 100},
    "end to end": {"objective": "end-to-end", "target": None, "steps": 1000},
}
_MAIN, _TOTAL, _RIVAL = RUNS
_QUICK_STEPS = 200  # of the rival
_STARTS, _QUICK_STARTS = (0, 1, 2), (0,)


class Trajectory(Study):
    """Mosaics of a color sensor, designed by the closed form of information and by training a decoder along with them."""

    name = "ideal"
    title = "Design by information and end to end, from the same starts"
    summary = "mosaics designed by information and end to end: information and decoder error along the way, time and memory"

    def jobs(self, plan: Plan) -> list[Job]:
        """Return ascents on the clock, one at a time, then what judges their designs."""
        base = {"count": 3000 if plan.quick else 8000, "seed": plan.seed, "photons": _PHOTONS}
        wanted = {"wanted": ["kodak", "bsds500", "mcmaster"], "otherwise": "photographs"}
        jobs = [Job("objects", work.objects, base | wanted, volatile=True)]
        for start in _starts(plan):
            for run, how in RUNS.items():
                steps = _QUICK_STEPS if plan.quick and run == _RIVAL else how["steps"]
                settings = base | how | {"steps": steps, "start": plan.seed + start}
                ascent = Job(_name(run, start, "ascent"), work.climbed, settings, ("objects",), alone=True)
                judged = base | {"stations": 8 if plan.quick else 24}
                jobs += [ascent, Job(_name(run, start, "worth"), work.judged, judged, ("objects", ascent.name))]
            for name, run, phases in _networks(start):
                network = base | {"steps": 150 if plan.quick else 600, "phases": phases}
                jobs.append(Job(name, work.trained, network, ("objects", _name(run, start, "ascent"))))
        models = ["stationary", "full"] if plan.quick else ["stationary", "full", "causal-mixture"]
        for name, run, station in _remeasured():
            settings = base | {"station": station, "models": models, "effort": 0.25}
            jobs.append(Job(name, work.remeasured, settings, ("objects", _name(run, 0, "ascent"))))
        return jobs

    def conclude(self, plan: Plan, results: Mapping[str, dict]) -> Findings:
        """Return designs along the way, and the ratios of time and memory."""
        starts = _starts(plan)
        worth = {run: [results[_name(run, start, "worth")] for start in starts] for run in RUNS}
        rows = [
            _row(run, start, point)
            for run in RUNS
            for start, each in zip(starts, worth[run], strict=True)
            for point in each["points"]
        ]
        ends = _ends(worth, results, starts)
        statistics = [*_gains(ends, plan, len(starts)), *_costs(worth, starts)]
        points = [point for run in RUNS for each in worth[run] for point in each["points"]]
        statistics.append(
            correlation(
                "Spearman, information about color with PSNR, along all ascents",
                np.array([point["information"]["color"] for point in points]),
                [world.grouped(point["psnr"]) for point in points],
                confidence=plan.confidence,
                seed=plan.seed,
                over="designs",
            )
        )
        again = {name: results[name] for name, *_ in _remeasured()}
        claims = _claims(ends, again, plan)
        return Findings(rows, statistics, claims, _notes(results), {"remeasured": _kept(again)})

    def draw(self, record: Mapping[str, Any]) -> Figure:
        """Return the figure of a record."""
        return draw(record)


def _starts(plan: Plan) -> tuple[int, ...]:
    return _QUICK_STARTS if plan.quick else _STARTS


def _name(run: str, start: int, what: str) -> str:
    return f"{run}, start {start + 1}: {what}"


def _remeasured() -> list[tuple[str, str, int]]:
    """Return names of estimates, the ascent that each is of, and which of its designs."""
    ends = [(f"{run}: total information of fresh counts", run, -1) for run in RUNS]
    return [("random start: total information of fresh counts", _MAIN, 0), *ends]


def _row(run: str, start: int, point: Mapping) -> dict:
    letters = "".join(point["tiles"])
    return {
        "design": run,
        "start": start + 1,
        "phase": point["phase"],
        "step": point["step"],
        "seconds": point["seconds"],
        "cpu_seconds": point["cpu_seconds"],
        "information_color_bits_per_pixel": point["information"]["color"],
        "information_total_bits_per_pixel": point["information"]["total"],
        "psnr_db": point["psnr"]["mean"],
        "psnr_low": point["psnr"]["interval"][0],
        "psnr_high": point["psnr"]["interval"][1],
        **{f"filters_{letter.lower()}": letters.count(letter) for letter in work.LETTERS},
        "mosaic": "/".join(point["tiles"]),
    }


def _networks(start: int) -> list[tuple[str, str, list[str]]]:
    """Return names of trained decoders, the ascent whose design they are for, and the last phase of it that counts."""
    return [
        (_name(_MAIN, start, "network"), _MAIN, ["ascent", "exchanges"]),
        (_name(_MAIN, start, "network, before exchanges"), _MAIN, ["ascent"]),
        (_name(_RIVAL, start, "network"), _RIVAL, ["ascent"]),
    ]


_LINEAR, _NETWORK = "a linear decoder", "a network"
_WITH, _WITHOUT = "IDEAL (color)", "IDEAL (color) before exchanges"


def _ends(worth: Mapping[str, list[dict]], results: Mapping[str, dict], starts: tuple[int, ...]) -> dict[tuple, list[dict]]:
    """Return the scores of the last designs of all starts, by decoder and by how they were made."""

    def before(points: list[dict]) -> dict:
        return [point for point in points if point["phase"] == "ascent"][-1]

    found = {(_LINEAR, run): [each["points"][-1] for each in worth[run]] for run in (_TOTAL, _RIVAL)}
    found[_LINEAR, _WITH] = [each["points"][-1] for each in worth[_MAIN]]
    found[_LINEAR, _WITHOUT] = [before(each["points"]) for each in worth[_MAIN]]
    for place, made in enumerate((_WITH, _WITHOUT, _RIVAL)):
        found[_NETWORK, made] = [results[_networks(start)[place][0]] for start in starts]
    return found


def _above(ours: list[dict], theirs: list[dict], score: str, plan: Plan) -> tuple[float, tuple[float, float]]:
    """Return how far scores (one for each start) lie above others, paired by source, with the interval."""
    first = world.grouped(ours[0][score])
    sums = [np.mean([world.grouped(each[score]).sums for each in side], axis=0) for side in (ours, theirs)]
    columns = [GroupedValues(first.groups, each, first.counts) for each in sums]
    one, other = columns
    return paired_difference(one, other, plan.confidence, np.random.default_rng([plan.seed, 5]))


def _saved(ours: list[dict], theirs: list[dict], plan: Plan) -> tuple[float, tuple[float, float]]:
    """Return the share of the others' mean square error that is saved, with its interval."""
    less, bounds = _above(theirs, ours, "error", plan)
    whole = float(np.mean([each["error"]["mean"] for each in theirs]))
    return less / whole, (bounds[0] / whole, bounds[1] / whole)


def _gains(ends: Mapping[tuple, list[dict]], plan: Plan, starts: int) -> list[Statistic]:
    over = f"last designs, mean of {starts} starts, paired by photograph; interval over photographs"
    found = []
    for made in (_WITH, _WITHOUT):
        for decoder in (_LINEAR, _NETWORK):
            ours, theirs = ends[decoder, made], ends[decoder, _RIVAL]
            target = 0.0 if made == _WITH else None
            found += [
                Statistic(f"PSNR of {decoder}, {made} less end to end, dB", *_above(ours, theirs, "psnr", plan), target, over),
                Statistic(
                    f"mean square error of {decoder} saved, {made} from end to end's", *_saved(ours, theirs, plan), target, over
                ),
            ]
    return found


def _costs(worth: Mapping[str, list[dict]], starts: tuple[int, ...]) -> list[Statistic]:
    """Return how many times the time and the memory of the one the other takes."""

    def ratio(name: str, measure, detail: str, target: float | None = 1.0) -> Statistic:
        each = [measure(ours, theirs) for ours, theirs in zip(worth[_MAIN], worth[_RIVAL], strict=True)]
        known = [value for value in each if np.isfinite(value)]
        value = float(np.median(known)) if known else float("nan")
        spread = f"; median of {len(known)} starts, {min(known):.3g} to {max(known):.3g}" if len(known) > 1 else ""
        lost = (
            f"; IDEAL did not reach it, or began with it, from {len(each) - len(known)} starts" if len(known) < len(each) else ""
        )
        return Statistic(name, value, None, target, detail + spread + lost)

    def memory(ours, theirs):
        return theirs["memory_mb"] / ours["memory_mb"]

    def added(ours, theirs):
        taken = [max(each["memory_mb"] - each["memory_before_mb"], 1.0) for each in (theirs, ours)]
        return taken[0] / taken[1]

    steps = worth[_RIVAL][0]["points"][-1]["step"]
    return [
        ratio(
            "time to the last PSNR of end to end, end to end over IDEAL (color)",
            _times_less,
            f"processor seconds, compilation included, to within {_NEAR} dB of what {steps} steps end to end reach by a linear "
            "decoder, on both sides",
        ),
        ratio(
            "time in all, end to end over IDEAL (color)",
            lambda ours, theirs: theirs["points"][-1]["cpu_seconds"] / ours["points"][-1]["cpu_seconds"],
            f"processor seconds of {steps} steps end to end over those of the ascent and the exchanges, compilation included",
            None,
        ),
        ratio("memory, end to end over IDEAL (color)", memory, "peak resident memory of the process"),
        ratio(
            "memory above the start, end to end over IDEAL (color)",
            added,
            "peak resident memory above that before the design began",
        ),
    ]


_NEAR = 0.01  # dB


def _times_less(ours: dict, theirs: dict) -> float:
    """Return how many times less time the one took to the other's last PSNR; NaN where it began there or did not get there."""
    level = theirs["points"][-1]["psnr"]["mean"] - _NEAR
    seconds = [_first(each["points"], level) for each in (theirs, ours)]
    return seconds[0] / seconds[1] if min(seconds) > 0 else float("nan")


def _first(points: list[dict], level: float) -> float:
    """Return the processor seconds after which a PSNR was reached; NaN where it never was."""
    return next((point["cpu_seconds"] for point in points if point["psnr"]["mean"] >= level), float("nan"))


def _claims(ends: Mapping[tuple, list[dict]], again: Mapping[str, dict], plan: Plan) -> list[Claim]:
    total = again[f"{_TOTAL}: total information of fresh counts"]
    rival = again[f"{_RIVAL}: total information of fresh counts"]
    more, apart = paired_difference(
        world.grouped(total), world.grouped(rival), plan.confidence, np.random.default_rng([plan.seed, 6])
    )
    network, linear, before = (
        _above(ends[decoder, made], ends[decoder, _RIVAL], "psnr", plan)
        for decoder, made in ((_NETWORK, _WITH), (_LINEAR, _WITH), (_NETWORK, _WITHOUT))
    )
    lost = _above(ends[_LINEAR, _TOTAL], ends[_LINEAR, _RIVAL], "psnr", plan)
    return [
        Claim(
            "a design by information decodes at least as well as one end to end",
            "42.96 against 42.58 dB (IDEAL for total information, a network)",
            f"IDEAL for color {_signed(*network)} dB by a network, {_signed(*linear)} dB by a linear decoder; before the "
            f"exchanges {_signed(*before)} dB by a network",
            _above_zero(network[1]),
            "here the information about the color of a pixel is raised, not the total, and the hard mosaic is improved by "
            "exchanges, which a decoder that suits one mosaic cannot be asked for",
        ),
        Claim(
            "a design by information carries more of it than one end to end",
            "1.214 against 1.166 bits/pixel",
            f"{total['information']:.3f} against {rival['information']:.3f} bits/pixel, {_signed(more, apart)}",
            _above_zero(apart),
            "re-measured on fresh counts of pictures that no design has seen, of the first start; the published values are of "
            "lambda + Poisson(lambda)",
        ),
        Claim(
            "raising total information also serves the decoder",
            "42.96 against 42.58 dB",
            f"IDEAL for total information {_signed(*lost)} dB over end to end, by a linear decoder",
            _above_zero(lost[1]),
            "given the choice, total information takes white pixels, which see more light and no color",
        ),
    ]


def _signed(value: float, bounds: tuple[float, float]) -> str:
    return f"{value:+.2f} ({bounds[0]:+.2f} to {bounds[1]:+.2f})"


def _above_zero(bounds: tuple[float, float]) -> bool | None:
    """Return whether a difference is above zero; None where its interval does not say."""
    return True if bounds[0] > 0 else None if bounds[1] > 0 else False


def _notes(results: Mapping[str, dict]) -> list[str]:
    objects = results["objects"]
    return [
        *objects["notes"],
        f"{objects['count']} pictures of 24x24 from {objects['sources']} photographs ({', '.join(objects['names'])}), "
        f"{_PHOTONS:g} photoelectrons in a white pixel; designs, their choice and their judgement on photographs apart",
        "both start at the same random mosaic, in a process of their own while nothing else runs; each design is decoded by a "
        "linear decoder of its own, on the same pictures and light",
        "end to end is our own: a small decoder trained along with the mosaic by Adam; another decoder or optimiser may do "
        "better",
    ]


def _kept(again: Mapping[str, dict]) -> dict:
    return {name: {key: each[key] for key in ("information", "interval", "model")} for name, each in again.items()}
