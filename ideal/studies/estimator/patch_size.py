"""Bits per pixel against the side of the patch: why the number falls, and what it falls to."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ideal.information.intervals import paired_difference
from ideal.studies.engine import world
from ideal.studies.engine.contract import Claim, Findings, Job, Plan, Statistic, Study
from ideal.studies.estimator import work
from ideal.studies.estimator.figure import draw_patch_size

PHOTONS = 100.0
SIGMA = 0.1  # of the noise on the Gaussian field, whose mean is 1: as of 100 photons
PHOTOGRAPHS = {"wanted": ["kodak", "bsds500", "mcmaster"], "otherwise": "photographs"}
# Measured with the reference package on other photographs, Poisson 100, 16x16: bits per pixel by model.
REFERENCE_16 = {"full": 0.887, "stationary": 0.855, "pixel-cnn": 0.728}
PUBLISHED_FALL = "3.4 at 1, 1.2 at 5, 0.9 at 10, 0.7 at 20, 0.6 at 35 and beyond (microscopy)"
_SIDES = (4, 6, 8, 12, 16, 24, 32, 40)
_QUICK_SIDES = (4, 8, 16)
_FIELD_SIDES = (4, 8, 12, 16, 24, 32)
_COMPARED = 16  # pixels: the side of the published comparison
_LINE_FROM = 8  # pixels: smaller patches have hardly a pixel with all its neighbours


class PatchSize(Study):
    """Information of a patch by its side, and of one more pixel given those before it."""

    name = "patch-size"
    title = "Bits per pixel fall with the size of the patch"
    summary = (
        "bits/pixel against patch side by model, with the rate of a further pixel, on photographs and where the truth is known"
    )

    def jobs(self, plan: Plan) -> list[Job]:
        """Return the photographs, then an estimate for each side."""
        sides = _QUICK_SIDES if plan.quick else _SIDES
        count = 2500 if plan.quick else 6000
        base = {"count": count, "patches": count, "seed": plan.seed, "confidence": plan.confidence}
        photographs = base | {"objects": "photographs", "side": max(sides), "photons": PHOTONS}
        jobs = [Job("photographs", work.pictures, photographs | PHOTOGRAPHS, volatile=True)]
        for side in sides:
            here = photographs | {"patch": side, "models": ["stationary", "full", "causal-mixture"], "effort": _effort(plan)}
            jobs.append(Job(_name("photographs", side), work.patches, here, ("photographs",)))
        here = photographs | {"patch": _COMPARED, "models": ["stationary", "pixel-cnn"], "effort": _effort(plan)}
        if not plan.quick:
            jobs.append(Job("photographs, PixelCNN", work.patches, here, ("photographs",)))
        field = {"objects": "field", "sigma": SIGMA}
        jobs.append(Job("field: truth", work.true_values, field | {"sides": list(range(1, work.FIELD_SIDE + 1))}))
        for side in _QUICK_SIDES if plan.quick else _FIELD_SIDES:
            many = 16_000 if side <= _COMPARED and not plan.quick else 6000
            here = base | field | {"side": side, "patch": side, "models": ["stationary", "full"], "effort": 1.0}
            here |= {"count": many, "patches": many}
            jobs.append(Job(_name("field", side), work.patches, here))
        return jobs

    def conclude(self, plan: Plan, results: Mapping[str, dict]) -> Findings:
        """Return bits per pixel by side and model, the rate, and a line in 1/side whose end is compared with the rate."""
        photographs = {side: results[_name("photographs", side)] for side in (_QUICK_SIDES if plan.quick else _SIDES)}
        field = {side: results[_name("field", side)] for side in (_QUICK_SIDES if plan.quick else _FIELD_SIDES)}
        rows = [
            row
            for what, found in (("photographs", photographs), ("field", field))
            for side, each in found.items()
            for row in _rows(what, side, each)
        ]
        truth = results["field: truth"]
        network = results.get("photographs, PixelCNN")
        curves = {
            "truth": truth,
            "published": REFERENCE_16,
            "compared": _COMPARED,
            "rates": {"photographs": _rate(photographs), "field": _rate(field), "field_truth": truth["rate"]},
            "line": {
                "photographs": _line({side: each["information"] for side, each in photographs.items()}),
                "field": _line(dict(zip(truth["sides"], truth["truth"], strict=True))),
            },
            "network": None if network is None else _model(network, "pixel-cnn"),
        }
        statistics = _statistics(photographs, field, truth, curves)
        claims = [_falls(photographs, plan), *_orders(photographs[_COMPARED], network)]
        return Findings(rows, statistics, claims, _notes(results, curves), curves)

    def draw(self, record: Mapping[str, Any]) -> Figure:
        """Return the figure of a record."""
        return draw_patch_size(record)


def _effort(plan: Plan) -> float:
    return 0.1 if plan.quick else 0.25


def _name(what: str, side: int) -> str:
    return f"{what}, {side}x{side}"


def _model(found: Mapping, name: str) -> list[float]:
    return [found["models"][name], *found["intervals"][name]]


def _rows(what: str, side: int, found: Mapping) -> list[dict]:
    rows = []
    for name in found["models"]:
        value, low, high = _model(found, name)
        rows.append(
            {
                "objects": what,
                "side": side,
                "model": name,
                "information_bits_per_pixel": value,
                "information_low": low,
                "information_high": high,
                "chosen": name in found["model"].split("/"),
                "truth_bits_per_pixel": found["truth"],
                "n_train": found["n_train"],
                "n_test": found["n_test"],
            }
        )
    return rows


def _rate(found: Mapping[int, Mapping]) -> list[float] | None:
    """Return the rate in the largest patch that has one, with its interval."""
    rates = [each["rate"]["bits"] for _, each in sorted(found.items()) if each["rate"] is not None]
    return rates[-1] if rates else None


def _line(bits: Mapping[int, float]) -> dict:
    """Return bits per pixel by side as a line in 1 / side, by least squares: its end at infinite size and its slope."""
    sides = [side for side in bits if side >= _LINE_FROM]
    slope, end = np.polyfit(1 / np.array(sides, float), [bits[side] for side in sides], 1)
    return {"end": float(end), "slope": float(slope), "from": min(sides)}


def _statistics(photographs: Mapping, field: Mapping, truth: Mapping, curves: Mapping) -> list[Statistic]:
    sides = sorted(photographs)
    small, large = (photographs[side] for side in (sides[0], sides[-1]))
    statistics = [
        Statistic(
            f"bits/pixel at {sides[0]}x{sides[0]} over those at {sides[-1]}x{sides[-1]}, photographs",
            small["information"] / large["information"],
            None,
            None,
            f"{_said(small)} against {_said(large)}, the models that validation prefers",
        )
    ]
    worst = max(field, key=lambda side: abs(field[side]["information"] / field[side]["truth"] - 1))
    apart = field[worst]["information"] / field[worst]["truth"] - 1
    statistics.append(
        Statistic(
            "field: greatest deviation of an estimate from the truth, as a share of it",
            abs(apart),
            None,
            None,
            f"at {worst}x{worst}: {_said(field[worst])}, truth {field[worst]['truth']:.4f} bits/pixel",
        )
    )
    held = [side for side in field if field[side]["interval"][0] <= field[side]["truth"] <= field[side]["interval"][1]]
    statistics.append(
        Statistic("field: share of intervals that hold the truth", len(held) / len(field), None, None, f"of {len(field)} sides")
    )
    if curves["rates"]["field"]:
        value, low, high = curves["rates"]["field"]
        detail = f"{value:.4f} ({low:.4f} to {high:.4f}), truth {truth['rate']:.4f} bits per further pixel"
        bounds = low / truth["rate"], high / truth["rate"]
        statistics.append(Statistic("field: rate over its truth", value / truth["rate"], bounds, None, detail))
    return statistics


def _said(found: Mapping) -> str:
    low, high = found["interval"]
    return f"{found['information']:.3f} ({low:.3f} to {high:.3f})"


def _falls(photographs: Mapping[int, Mapping], plan: Plan) -> Claim:
    sides = sorted(photographs)
    small, large = (photographs[side] for side in (sides[0], sides[-1]))
    told = ", ".join(f"{photographs[side]['information']:.3f} at {side}" for side in sides)
    apart, (low, high) = paired_difference(
        world.grouped(small), world.grouped(large), plan.confidence, np.random.default_rng([plan.seed, 5])
    )
    return Claim(
        "bits per pixel fall as patches grow",
        PUBLISHED_FALL,
        f"{told} (photographs, {PHOTONS:g} photons); from first to last by {apart:.3f} ({low:.3f} to"
        f" {high:.3f}), paired by picture",
        True if low > 0 else None if high > 0 else False,
        "other objects, other absolute values: the fall is the comparison",
    )


def _orders(found: Mapping, network: Mapping | None) -> list[Claim]:
    published = "reference package: " + ", ".join(f"{name} {value:.3f}" for name, value in REFERENCE_16.items())
    told = {name: _model(found, name) for name in found["models"]}
    if network is not None:
        told["pixel-cnn"] = _model(network, "pixel-cnn")
    measured = ", ".join(f"{name} {value:.3f} ({low:.3f} to {high:.3f})" for name, (value, low, high) in told.items())
    lowest = min(told, key=lambda name: told[name][0])
    gap = told["stationary"][0] - told[lowest][0]
    full, stationary = told["full"][0], told["stationary"][0]
    return [
        Claim(
            f"on photographs, {PHOTONS:g} photons, {_COMPARED}x{_COMPARED}, an autoregressive model is below the Gaussians",
            published,
            f"{measured}; {lowest} {gap:.3f} below the stationary Gaussian (there 0.127)",
            lowest in ("causal-mixture", "pixel-cnn"),
            "other photographs, so other absolute values: one Gaussian has to serve dark and light, flat and busy patches, and"
            " the more they differ the farther above it lies; the models see the same patches here",
        ),
        Claim(
            "the full Gaussian lies above the stationary one",
            f"reference package: {REFERENCE_16['full']:.3f} against {REFERENCE_16['stationary']:.3f}, +0.032 bits/pixel",
            f"{full - stationary:+.4f} bits/pixel",
            full - stationary > 0.01,
            "the excess there is the sample covariance's, D(D+3)/4N; the full Gaussian here is mixed with the stationary one"
            " as far as validation asks, and so is not above it: see the study of sample size",
        ),
    ]


def _notes(results: Mapping[str, dict], curves: Mapping) -> list[str]:
    objects = results["photographs"]
    line, rate = curves["line"]["photographs"], curves["rates"]["photographs"]
    field, field_rate = curves["line"]["field"], curves["rates"]["field_truth"]
    notes = [
        *objects["notes"],
        f"{objects['count']} crops of {objects['sources']} photographs ({', '.join(objects['names'])}), each picture"
        f" exposed to {PHOTONS:g} photons in its mean, a perfect camera, Poisson counts; at every side the middle of the"
        " same crops, split by photograph alike",
        "why bits per pixel fall: the information of a patch is the sum over its pixels of what each adds to those before it, and"
        " pixels at the upper and left edge have few before them; their share falls as 1/side, the rest tend to the rate of a"
        " further pixel",
        f"a line in 1/side from {line['from']} pixels on ends at {line['end']:.3f} bits/pixel for photographs"
        + (f"; the rate found is {rate[0]:.3f} ({rate[1]:.3f} to {rate[2]:.3f})" if rate else ""),
        f"for the Gaussian field a line through the truth ends at {field['end']:.4f}, and the exact rate is {field_rate:.4f}",
        "large patches leave fewer measurements per parameter and, at equal effort, fewer steps of training, which raises the"
        " bound: a fall is understated there",
    ]
    return notes
