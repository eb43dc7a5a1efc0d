"""Bits per pixel against the number of training measurements: how fast bounds come down, and what they hold."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ideal.information.intervals import paired_difference
from ideal.studies.engine import world
from ideal.studies.engine.contract import Claim, Findings, Job, Plan, Statistic, Study
from ideal.studies.estimator import work
from ideal.studies.estimator.figure import draw_sample_size
from ideal.studies.estimator.patch_size import PHOTOGRAPHS, PHOTONS, SIGMA

SIDE = 16
COUNTS, QUICK_COUNTS = (100, 300, 1000, 3000, 9600), (100, 500, 2400)
MODELS = ("stationary", "full", "causal-mixture")
COVERED = {"full": (0, 50, 500), "stationary": (44, 48, 5000)}  # of the reference package: held, of, from so many patches
_EXCESS = 57.0  # published: bits of a full Gaussian's excess, of 360


class SampleSize(Study):
    """How far bounds are from what they bound, by the number of measurements that models are fitted to."""

    name = "sample-size"
    title = "Bounds come down with the number of measurements"
    summary = (
        "bits/pixel against training measurements by model on one test set; the excess of a full Gaussian; coverage of intervals"
    )

    def jobs(self, plan: Plan) -> list[Job]:
        """Return the photographs, then for each model its losses at all sizes; draws of a field for what can be exact."""
        counts = QUICK_COUNTS if plan.quick else COUNTS
        base = {"side": SIDE, "seed": plan.seed, "confidence": plan.confidence, "counts": counts, "most_tested": 2000}
        base["count"] = 4000 if plan.quick else 16_000
        photographs = base | {"objects": "photographs", "photons": PHOTONS}
        field = base | {"objects": "field", "sigma": SIGMA}
        jobs = [Job("photographs", work.pictures, photographs | PHOTOGRAPHS, volatile=True)]
        for model in MODELS:
            here = {"model": model, "effort": 0.1 if plan.quick else 0.25}
            jobs.append(Job(_name("photographs", model), work.sizes, photographs | here, ("photographs",)))
            jobs.append(Job(_name("field", model), work.sizes, field | here))
        law = {"side": SIDE, "sigma": SIGMA, "seed": plan.seed, "confidence": plan.confidence}
        excess = {"counts": (400, 1000, 3000) if plan.quick else (300, 400, 600, 1000, 2000, 4000, 9600)}
        jobs.append(Job("sample covariance", work.sample_covariance, law | excess | {"repeats": 4 if plan.quick else 8}))
        for name, plain, model, count, repeats in _coverages(plan):
            here = {"plain": plain, "models": [model], "count": count, "repeats": repeats}
            jobs.append(Job(name, work.coverage, law | here))
        return jobs

    def conclude(self, plan: Plan, results: Mapping[str, dict]) -> Findings:
        """Return losses by size, the excess of the sample covariance beside its expansion, and coverage."""
        rows = [
            _row(what, model, point, results[_name(what, model)])
            for what in ("photographs", "field")
            for model in MODELS
            for point in results[_name(what, model)]["points"]
        ]
        covariance = results["sample covariance"]["points"]
        covered = {name: results[name] for name, *_ in _coverages(plan)}
        curves = {
            "sample_covariance": covariance,
            "truth": results[_name("field", MODELS[0])]["truth"],
            "coverage": {
                name: {key: found[key] for key in ("held", "below", "above", "repeats")} for name, found in covered.items()
            },
        }
        return Findings(rows, _statistics(rows, results, covariance, plan), _claims(covariance, covered), _notes(results), curves)

    def draw(self, record: Mapping[str, Any]) -> Figure:
        """Return the figure of a record."""
        return draw_sample_size(record)


def _coverages(plan: Plan) -> list[tuple[str, bool, str, int, int]]:
    """Return name, whether a plain sample covariance, model, measurements and repeats."""
    full, stationary = COVERED["full"][2], COVERED["stationary"][2]
    many = 10 if plan.quick else 50
    found = [
        (f"coverage: sample covariance, fitted and scored on the same {full}", True, "full", full, many),
        (f"coverage: full, {full} measurements", False, "full", full, many),
    ]
    if not plan.quick:
        found.append(
            (f"coverage: stationary, {stationary} measurements", False, "stationary", stationary, COVERED["stationary"][1])
        )
    return found


def _name(what: str, model: str) -> str:
    return f"{what}: {model}"


def _row(what: str, model: str, point: Mapping, found: Mapping) -> dict:
    excess = point.get("excess")
    return {
        "objects": what,
        "model": model,
        "n_train": point["n_train"],
        "information_bits_per_pixel": point["bits"],
        "information_low": None if point["interval"] is None else point["interval"][0],
        "information_high": None if point["interval"] is None else point["interval"][1],
        "truth_bits_per_pixel": found["truth"],
        "excess_bits_per_pixel": None if excess is None else excess["bits"],
        "excess_low": None if excess is None else excess["interval"][0],
        "excess_high": None if excess is None else excess["interval"][1],
        "n_test": found["n_test"],
    }


def _statistics(rows: list[dict], results: Mapping[str, dict], covariance: list[dict], plan: Plan) -> list[Statistic]:
    statistics = []
    for model in MODELS:
        first, last = (results[_name("photographs", model)]["points"][end] for end in (0, -1))
        pair = world.grouped(first), world.grouped(last)
        apart, bounds = paired_difference(*pair, plan.confidence, np.random.default_rng([plan.seed, 5]))
        sources = len(pair[0].groups)
        statistics.append(
            Statistic(
                f"photographs, {model}: {first['n_train']} less {last['n_train']} training measurements, bits/pixel",
                apart,
                bounds if sources >= work.FEWEST_SOURCES else None,
                None,
                f"{first['bits']:.4f} and {last['bits']:.4f}; the same test set, paired by picture, of {sources}",
            )
        )
    for model in MODELS:
        found = [row for row in rows if (row["objects"], row["model"]) == ("field", model)]
        first, last = found[0], found[-1]
        statistics.append(
            Statistic(
                f"field, {model}: above the truth with {last['n_train']} training measurements, bits/pixel",
                last["excess_bits_per_pixel"],
                (last["excess_low"], last["excess_high"]),
                None,
                f"{first['excess_bits_per_pixel']:.4f} with {first['n_train']}; {last['n_test']} test measurements, truth"
                f" {last['truth_bits_per_pixel']:.4f}",
            )
        )
    largest = covariance[-1]
    statistics.append(
        Statistic(
            f"excess of the sample covariance of {largest['n']} on fresh measurements over D(D+3)/4N",
            largest["on_fresh"][0] / largest["expansion"],
            tuple((largest["on_fresh"][0] + side * 1.96 * largest["on_fresh"][1]) / largest["expansion"] for side in (-1, 1)),
            None,
            f"{largest['on_fresh'][0]:.5f} and {largest['expansion']:.5f} bits/pixel; interval: 1.96 standard errors over draws",
        )
    )
    return statistics


def _claims(covariance: list[dict], covered: Mapping[str, dict]) -> list[Claim]:
    largest = covariance[-1]
    (fitted, error), (fresh, fresh_error) = largest["on_fitted"], largest["on_fresh"]
    near = all(abs(abs(value) / largest["expansion"] - 1) < 0.2 for value in (fitted, fresh))
    claims = [
        Claim(
            "a full Gaussian is off by about D(D+3)/4N nats",
            f"{_EXCESS:g} of 360 bits (radio)",
            f"{largest['n']} measurements of {SIDE}x{SIDE}: {fresh:+.5f} +- {fresh_error:.5f} bits/pixel on fresh ones,"
            f" {fitted:+.5f} +- {error:.5f} on those that it was fitted to; D(D+3)/4N is {largest['expansion']:.5f}",
            near,
            "above the truth where scored on others, below it by nearly as much where scored on itself, which is then no bound;"
            " the expansion leaves out terms in D/N",
        )
    ]
    for name, found in covered.items():
        model = "stationary" if "stationary" in name else "full"
        held, of, _ = COVERED[model]
        share, published = found["held"] / found["repeats"], held / of
        plain = "sample covariance" in name
        claims.append(
            Claim(
                f"how many 95 % intervals hold the truth, {name.removeprefix('coverage: ')}",
                f"{held} of {of} ({model}, measured with the reference package)",
                f"{found['held']} of {found['repeats']}; {found['below']} lie below it, {found['above']} above; mean"
                f" {found['mean']:.4f}, truth {found['truth']:.4f} bits/pixel, mean width {found['width']:.4f}",
                abs(share - published) < 0.1,
                _why(plain, model, found),
            )
        )
    return claims


def _why(plain: bool, model: str, found: Mapping) -> str:
    if plain:
        return "the interval knows nothing of what fitting to the scored measurements costs"
    if found["held"] >= 0.9 * found["repeats"]:
        mixed = ", and mixed with the stationary model by a weight that a third part chooses" if model == "full" else ""
        return f"fitted on some measurements, scored on others{mixed}"
    return (
        f"fitted on some measurements, scored on others: {found['above']} of {found['repeats']} lie above the truth, as a bound"
        " from above may, and none is claimed to hold it; what is promised is that few lie below"
    )


def _notes(results: Mapping[str, dict]) -> list[str]:
    objects = results["photographs"]
    scored = len(results[_name("photographs", MODELS[0])]["points"][0]["by_source"]["groups"])
    few = [f"only {scored} photographs are scored, too few for an interval"] if scored < work.FEWEST_SOURCES else []
    return [
        *objects["notes"],
        *few,
        f"photographs: {objects['count']} crops of {SIDE}x{SIDE} of {objects['sources']} pictures"
        f" ({', '.join(objects['names'])}), each picture exposed to {PHOTONS:g} photons in its mean; training, choice and"
        " test on pictures apart",
        f"field: stationary, Gaussian, of known covariance, deviation {work.SPREAD:g} of the mean, noise {SIGMA:g}; the"
        " information is 1/2 ln det(1 + C / sigma^2), and the noise that was drawn is taken out of the loss, so that its scatter"
        " does not show",
        "all sizes of all models are scored on one test set; each is fitted to the first so many of the training measurements,"
        " with a third as many to choose with",
        "an interval is of the score, over sources; that the model was fitted to a sample is in the bound itself, and only more"
        " measurements take it out",
    ]
