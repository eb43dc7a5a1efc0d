"""What the study of color filter arrays says beside what was published."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from ideal.information.intervals import paired_difference
from ideal.studies.engine import world
from ideal.studies.engine.contract import Claim, Plan, Statistic

# Bits per pixel and PSNR (dB) of Pinkard et al., in their order: 8x8 mosaics, 1000 photons on an unfiltered pixel.
PUBLISHED = {"bayer": (0.910, 42.19), "random": (1.102, 42.48), "end to end": (1.166, 42.58), "IDEAL": (1.214, 42.96)}
_OURS = {"random": "random 0", "IDEAL": "IDEAL total"}
_WHITE_OF_PUBLISHED = 34  # of 64 pixels
_CONTAINS = (
    "the published information was computed on lambda + Poisson(lambda) in place of Poisson(lambda), which adds 0.09 to 0.48"
    " bit/pixel, for other photographs and 24x24 pixels; its PSNR is that of another network on other photographs, with another"
    " peak: orders can be compared, figures cannot"
)


def claims(
    plan: Plan, results: Mapping[str, dict], lights: Sequence[float], designed, rows, statistics: Sequence[Statistic]
) -> list[Claim]:
    """Return the published statements beside ours.

    Args:
        plan: of the study.
        results: of its jobs, by name.
        lights: photoelectrons of an unfiltered pixel.
        designed: names of the mosaics that were designed.
        rows: of the table.
        statistics: rank correlations.

    """
    light = lights[-1]
    order = [(name, _OURS.get(name, name)) for name in PUBLISHED]
    order = [(name, own) for name, own in order if name != "end to end" or own in designed]
    found = [
        _ordered(plan, results, order, light, "information", rows),
        _ordered(plan, results, order, light, "psnr", rows),
        _whole(rows, statistics, light),
        _bare(plan, results, light),
    ]
    if "IDEAL color" in designed:
        found.append(_color(plan, results, light, rows))
    return found


def _ordered(plan: Plan, results, order, light: float, what: str, rows) -> Claim:
    """Return the published order beside ours, each step with its paired difference."""
    rng = np.random.default_rng([plan.seed, 24])
    own = {row["mosaic"]: row for row in rows if row["photons"] == light}
    if what == "information":
        key, words, unit, values, place, digits = "information_bits_per_pixel", "total information", "bits/pixel", _bits, 0, 3
    else:
        key, words, unit, values, place, digits = "network_psnr_db", "PSNR", "dB", _decibels, 1, 2
    steps, verdicts = [], []
    for (_, before), (_, after) in pairwise(order):
        found = _difference([values(results, name, light) for name in (after, before)], plan, rng)
        _, bounds = found
        steps.append(f"{after} over {before} {_signed(found, digits)}")
        verdicts.append(True if bounds[0] > 0 else False if bounds[1] < 0 else None)
    agrees = False if False in verdicts else None if None in verdicts else True
    contradicted = [step for step, verdict in zip(steps, verdicts, strict=True) if verdict is False]
    open_ = [step for step, verdict in zip(steps, verdicts, strict=True) if verdict is None]
    why = [f"against the published order: {'; '.join(contradicted)}"] if contradicted else []
    why += [f"not decided: {'; '.join(open_)}"] if open_ else []
    if what == "information":
        why.append("white pixels of 64: " + ", ".join(f"{name} {own[name]['white']}" for _, name in order))
    else:
        why.append(
            "by the linear decoder: " + ", ".join(f"{name} {own[name]['linear_psnr_db']:.2f}" for _, name in order) + " dB"
        )
    white = own["IDEAL total"]["white"]
    if what == "psnr" and verdicts[-1] is False and white > _WHITE_OF_PUBLISHED:
        why.append(
            f"followed to its end the closed form for total information makes {white} of 64 pixels white, and no hue is left; the"
            f" published design stopped at {_WHITE_OF_PUBLISHED}, where there is"
        )
    return Claim(
        f"{words} at {light:g} photons: {' < '.join(name for name, _ in order)}",
        " < ".join(f"{name} {PUBLISHED[name][place]:.{digits}f}" for name, _ in order) + f" {unit}",
        ", ".join(f"{name} {own[name][key]:.{digits}f}" for _, name in order) + f" {unit}; paired: {'; '.join(steps)}",
        agrees,
        ". ".join([*why, _CONTAINS]),
    )


def _whole(rows, statistics, light: float) -> Claim:
    """Return what total information predicts, beside four published mosaics in which it goes with the PSNR."""

    def told(text):
        each = next(each for each in statistics if each.name.startswith(text) and each.name.endswith(f"{light:g} photons"))
        low, high = each.interval
        return each, f"{each.value:.2f} ({low:.2f} to {high:.2f})"

    (total, of_total), (_, of_color) = (told(f"Spearman, {name} with PSNR of the network") for name in _MEANT)
    count = sum(row["photons"] == light and row["network_psnr_db"] is not None for row in rows)
    low, high = total.interval
    excluded = ", and the published 1 lies outside of the interval" if high < 1 else ""
    why = f"total information counts light and hue alike, and one may be bought with the other{excluded}" if low <= 0 else ""
    return Claim(
        f"mosaics of more information are decoded better, at {light:g} photons",
        "the same order of four mosaics in both (Spearman 1)",
        f"Spearman over {count} mosaics: total information {of_total}, information about color {of_color}",
        True if low > 0 else False if high < 1 else None,
        why,
    )


_MEANT = ("total information", "information about color")


def _bare(plan: Plan, results, light: float) -> Claim:
    rng = np.random.default_rng([plan.seed, 25])
    bits = _difference([_bits(results, name, light) for name in ("white", "bayer")], plan, rng)
    quality = _difference([_decibels(results, name, light) for name in ("white", "bayer")], plan, rng)
    color = results["closed forms"][f"{light:g}"]["white"]["color"] - results["closed forms"][f"{light:g}"]["bayer"]["color"]
    fails = bits[1][0] > 0 and quality[1][1] < 0
    holds = bits[1][1] < 0 or quality[1][0] > 0
    return Claim(
        f"a sensor without any filters tells more in all than Bayer's and is decoded worse, at {light:g} photons",
        "",
        f"total information {_signed(bits, 3)} bits/pixel, PSNR {_signed(quality, 2)} dB, information about color"
        f" {color:+.2f} bits/pixel of Gaussian scenes",
        True if fails else False if holds else None,
        "it gathers all the light and knows nothing of hue: information in all cannot tell, information about color does"
        if fails and color < 0
        else "",
    )


def _color(plan: Plan, results, light: float, rows) -> Claim:
    """Return how the design for information about color stands beside the best of all other mosaics."""
    rng = np.random.default_rng([plan.seed, 26])
    others = {
        row["mosaic"]: row["network_psnr_db"]
        for row in rows
        if row["photons"] == light and row["network_psnr_db"] is not None and row["mosaic"] != "IDEAL color"
    }
    rival = max(others, key=others.__getitem__)

    def over(name, decoder="network"):
        return _difference([_decibels(results, each, light, decoder) for each in ("IDEAL color", name)], plan, rng)

    best, linear = over(rival), over(rival, "linear")
    beaten = [name for name in others if name != rival and over(name)[1][0] > 0]
    worse = best[1][1] < 0 and linear[0] > best[0]
    return Claim(
        f"the design for information about color is decoded best of {len(others) + 1} mosaics, at {light:g} photons",
        "",
        f"PSNR of IDEAL color {_signed(best, 2)} dB over the best of the others ({rival}); above {len(beaten)} of the"
        f" {len(others)}: {', '.join(beaten)}",
        True if best[1][0] > 0 else False if best[1][1] < 0 else None,
        f"by the linear decoder, whose error its closed form is about, it is {_signed(linear, 2)} dB over {rival}; the network"
        f" gains more on {rival}, perhaps because short mosaics are learnt from fewer examples"
        if worse
        else "",
    )


def _bits(results, name: str, light: float):
    return world.grouped(results[f"{name}, {light:g} photons: estimate"])


def _decibels(results, name: str, light: float, decoder: str = "network"):
    job = "network" if decoder == "network" else "linear decoder"
    return world.grouped(results[f"{name}: {job}"][decoder][f"{light:g}"]["psnr"])


def _difference(pair, plan: Plan, rng):
    first, second = pair
    return paired_difference(first, second, plan.confidence, rng)


def _signed(found, digits: int) -> str:
    value, bounds = found
    return f"{value:+.{digits}f} ({bounds[0]:+.{digits}f} to {bounds[1]:+.{digits}f})"
