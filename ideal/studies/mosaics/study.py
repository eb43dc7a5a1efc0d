"""Color filter arrays: what mosaics tell in all and of color, beside what decoders make of the same counts."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ideal.studies.engine import world
from ideal.studies.engine.contract import Findings, Job, Plan, Statistic, Study
from ideal.studies.engine.statistics import correlation
from ideal.studies.mosaics import decoding, work
from ideal.studies.mosaics.claims import claims

TARGET = 0.8
NAMED = ("bayer", "quad-bayer", "x-trans", "rgbw-bayer", "rgbw-kodak")
DESIGNED = {"IDEAL total": ("gaussian", "total"), "IDEAL color": ("gaussian", "color"), "end to end": ("end-to-end", "total")}
WITHOUT = "white"
DESIGN_PHOTONS = 1000.0
LIGHTS = (100.0, 300.0, 1000.0)
_NEAR = "; the closed form is the volume of the error that this decoder leaves in Gaussian scenes, so that it has to predict it"
TARGETS = ("total", "color", "mse", "chroma")


class ColorFilterArrays(Study):
    """Mosaics of color filters at several light levels: information, information about color, PSNR."""

    name = "cfa"
    title = "Color filter arrays: information in all, information about color, and what decoders make of it"
    summary = "mosaics of color filters x light: information in all and about color against the PSNR of demosaicing"

    def jobs(self, plan: Plan) -> list[Job]:
        """Return the jobs: pictures, designs, and for each mosaic its estimates, closed forms and decoders."""
        scale = _scale(plan)
        same = {"count": scale["count"], "seed": plan.seed, "confidence": plan.confidence}
        found = [Job("photographs", work.photographs, {"count": scale["count"], "seed": plan.seed}, volatile=True)]
        for name in scale["designed"]:
            objective, target = DESIGNED[name]
            steps = scale["steps"]["gaussian" if objective == "gaussian" else "decoder"]
            own = {"objective": objective, "target": target, "steps": steps, "search": not plan.quick, "photons": DESIGN_PHOTONS}
            own |= {"count": scale["count"], "seed": plan.seed}
            found.append(Job(_design(name), work.designed, own, ("photographs",)))
        lights, designs = list(scale["lights"]), tuple(_design(name) for name in scale["designed"])
        decoded, every = _decoded(scale), _every(scale)
        found.append(
            Job("closed forms", work.told, same | {"mosaics": every, "photons": lights}, ("photographs", *designs)),
        )
        for name in every:
            needs = ("photographs", *([_design(name)] if name in scale["designed"] else []))
            own = same | {"mosaic": name}
            found.append(Job(f"{name}: linear decoder", decoding.decoded_linearly, own | {"photons": lights}, needs))
            if name not in decoded:
                continue
            settings = own | {"photons": lights, "steps": scale["steps"]["network"]}
            found.append(Job(f"{name}: network", decoding.decoded_by_network, settings, needs))
            for photons in lights:
                settings = own | {"photons": photons, "models": list(scale["models"]), "effort": scale["effort"]}
                found.append(Job(f"{name}, {photons:g} photons: estimate", work.informed, settings, needs))
        return found

    def conclude(self, plan: Plan, results: Mapping[str, dict]) -> Findings:
        """Return the table, the rank correlations and the published statements beside ours."""
        scale = _scale(plan)
        decoded, lights = _decoded(scale), scale["lights"]
        rows = [_row(results, name, photons) for photons in lights for name in _every(scale)]
        statistics = []
        for some in ([photons] for photons in lights):
            statistics += _correlations(plan, results, decoded, _every(scale), some, f"{some[0]:g} photons")
        statistics += _correlations(plan, results, decoded, _every(scale), list(lights), "all light levels")
        mosaics = {name: results[f"{name}: linear decoder"]["rows"] for name in _every(scale)}
        return Findings(
            rows,
            statistics,
            claims(plan, results, lights, scale["designed"], rows, statistics),
            _notes(plan, results, scale, decoded),
            {"mosaics": mosaics, "shown": decoded},
        )

    def draw(self, record):
        """Return the figure of a record."""
        from ideal.studies.mosaics.figure import draw

        return draw(record)


def _scale(plan: Plan) -> dict[str, Any]:
    if plan.quick:
        return {
            "count": 3000,
            "lights": (LIGHTS[0], LIGHTS[-1]),
            "named": ("bayer", "x-trans", "rgbw-kodak"),
            "random": 2,
            "designed": ("IDEAL total", "IDEAL color"),
            "further": (5, 8),
            "steps": {"gaussian": 50, "decoder": 0, "network": 640},
            "models": ("causal-mixture",),
            "effort": 0.06,
        }
    return {
        "count": 9000,
        "lights": LIGHTS,
        "named": NAMED,
        "random": 3,
        "designed": ("IDEAL total", "IDEAL color", "end to end"),
        "further": (5, 8),
        "steps": {"gaussian": 100, "decoder": 400, "network": 4096},
        "models": ("causal-mixture",),
        "effort": 0.4,
    }


def _design(name: str) -> str:
    return f"{name}: design"


def _decoded(scale: dict) -> list[str]:
    """Return the mosaics whose counts are estimated and decoded by a network."""
    return [*scale["named"], *[f"random {number}" for number in range(scale["random"])], *scale["designed"], WITHOUT]


def _every(scale: dict) -> list[str]:
    """Return those and others that are cheap to judge: by the closed forms and the linear decoder."""
    first, (random, uneven) = scale["random"], scale["further"]
    more = [f"random {number}" for number in range(first, first + random)] + [f"uneven {number}" for number in range(uneven)]
    return [*_decoded(scale), *more]


def _repeats(rows) -> int:
    """Return the least number of pixels after which a mosaic repeats along both axes."""
    index = np.array([[ord(each) for each in row] for row in rows])
    sizes = (size for size in range(1, len(rows)) if len(rows) % size == 0)
    return next((n for n in sizes if (np.roll(index, n, 0) == index).all() and (np.roll(index, n, 1) == index).all()), len(rows))


def _row(results: Mapping[str, dict], name: str, photons: float) -> dict:
    light, linear = f"{photons:g}", results[f"{name}: linear decoder"]
    letters = "".join(linear["rows"])
    row = {"mosaic": name, "photons": photons, "period": _repeats(linear["rows"])}
    row |= {color: letters.count(color[0].upper()) for color in ("red", "green", "blue", "white")}
    estimate = results.get(f"{name}, {light} photons: estimate")
    row["information_bits_per_pixel"] = estimate and estimate["information"]
    row["information_low"], row["information_high"] = (estimate or {}).get("interval", (None, None))
    row["model"] = estimate and estimate["model"]
    for target in TARGETS:
        row[f"gaussian_{target}_bits_per_pixel"] = results["closed forms"][light][name][target]
    network = results.get(f"{name}: network", {})
    for decoder in ("network", "linear", "malvar", "bilinear"):
        scores = (network if decoder == "network" else linear).get(decoder, {}).get(light)
        row[f"{decoder}_psnr_db"] = scores and scores["psnr"]["mean"]
        row[f"{decoder}_psnr_low"], row[f"{decoder}_psnr_high"] = scores["psnr"]["interval"] if scores else (None, None)
        row[f"{decoder}_error"] = scores and scores["error"]["mean"]
    return row


def _correlations(plan: Plan, results, decoded, every, lights, words: str) -> list[Statistic]:
    """Return the rank correlations at some light levels."""

    def told(names, target):
        return np.array([results["closed forms"][f"{light:g}"][name][target] for light in lights for name in names])

    def quality(names, decoder):
        job = "network" if decoder == "network" else "linear decoder"
        return [world.grouped(results[f"{name}: {job}"][decoder][f"{light:g}"]["psnr"]) for light in lights for name in names]

    def total(names):
        return [world.grouped(results[f"{name}, {light:g} photons: estimate"]) for light in lights for name in names]

    filtered = [name for name in decoded if name != WITHOUT]
    points = "mosaics" if len(lights) == 1 else "mosaics in each light"
    options = {"confidence": plan.confidence, "seed": plan.seed, "over": points}

    def one(what, decoder, information, names, target=None, more=""):
        name = f"Spearman, {what} with PSNR of the {decoder}, {words}"
        found = correlation(name, information, quality(names, decoder.split()[0]), target=target, **options)
        return replace(found, detail=f"{found.detail}{more}")

    return [
        one("information about color", "network", told(decoded, "color"), decoded, TARGET),
        one("information about color without the bare sensor", "network", told(filtered, "color"), filtered),
        one("information about color", "linear decoder", told(every, "color"), every, more=_NEAR),
        one("total information", "network", total(decoded), decoded),
        one("total information without the bare sensor", "network", total(filtered), filtered),
        one("total information of Gaussian scenes", "linear decoder", told(every, "total"), every),
        one("error of Gaussian scenes in bits (mse)", "network", told(decoded, "mse"), decoded),
    ]


def _notes(plan: Plan, results, scale, decoded) -> list[str]:
    pictures = results["photographs"]
    parts = pictures["parts"]
    sizes = ", ".join(f"{each['scenes']} of {each['sources']} {name}" for name, each in parts.items())
    light = f"{scale['lights'][-1]:g}"
    shares, gains = [], {}
    for name in decoded:
        own, other = results[f"{name}: network"]["network"][light], results[f"{name}: linear decoder"]["linear"][light]
        shares.append(own["error"]["mean"] / other["error"]["mean"])
        gains[name] = own["psnr"]["mean"] - other["psnr"]["mean"]
    periods: dict[int, list[float]] = {}
    for name in (each for each in decoded if each != WITHOUT):
        periods.setdefault(_repeats(results[f"{name}: linear decoder"]["rows"]), []).append(gains[name])
    by_period = ", ".join(f"{np.mean(each):.2f} dB of period {period}" for period, each in sorted(periods.items()))
    least, most = min(gains, key=gains.__getitem__), max(gains, key=gains.__getitem__)
    return [
        *pictures["notes"],
        f"pictures: {', '.join(pictures['names'])}; scenes of 24x24 pixels by part: {sizes} sources; no source is in two parts",
        "PSNR in linear light, mean over the scenes of the test part of 10 log10(peak^2 / mean square error); the peak is a"
        f" channel where the picture is white, {decoding.BORDER} pixels at the edges are left out",
        "all mosaics are exposed alike: photons are those of an unfiltered pixel, so that filters cost light as they do",
        f"designs were made for {DESIGN_PHOTONS:g} photons on pictures of their own and are used in every light",
        f"at {light} photons the network leaves {min(shares):.2f} to {max(shares):.2f} of the square error of the"
        " linear decoder that it begins with",
        f"what the network gains over it at {light} photons: {gains[least]:.2f} dB ({least}) to {gains[most]:.2f} dB ({most});"
        f" mean over mosaics {by_period}; all are trained alike, so that their order is partly that of how soon"
        " they learn",
        "one network serves a mosaic in all lights; its epoch is chosen by the validation part; its size, rates and steps were"
        " set before, for Bayer's mosaic alone, by the validation part of another division of Kodak, BSDS500 and McMaster",
        "information about color is that of Gaussian scenes with the covariance of those measured (closed form); total"
        " information is the bound of a density fitted to the same counts that are decoded",
        "over all light levels together a correlation is helped by light, which raises both; within a light level it is not",
    ]
