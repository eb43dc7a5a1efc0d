"""What the study of lensless cameras says beside what was published, and what its reader has to know."""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from ideal.information.intervals import GroupedValues, paired_difference
from ideal.studies.engine import world
from ideal.studies.engine.contract import Claim, Plan, Statistic

# Bits per pixel and PSNR (dB) of Pinkard et al. at 20, 40, 80, 160 and 320 photons: Wiener deconvolution, CIFAR-10 side by side.
PUBLISHED = {
    "one-lens": ((0.181, 21.1), (0.265, 22.2), (0.363, 23.2), (0.475, 24.3), (0.603, 25.4)),
    "four-lenslets": ((0.096, 18.8), (0.152, 19.9), (0.224, 21.0), (0.311, 22.0), (0.416, 22.9)),
    "diffuser": ((0.023, 11.3), (0.035, 12.8), (0.049, 14.4), (0.072, 16.0), (0.099, 17.4)),
}
_LIGHTS = (20.0, 40.0, 80.0, 160.0, 320.0)
_COUNTED = ("one-lens", "two-lenslets", "four-lenslets", "nine-lenslets")
_STEPS = 33  # places at which two curves are compared
_RESAMPLES = 400
_LEAST, _MOST = 1.0, 2.0  # dB that the published curves are said to be apart
_ONE_CURVE = "cameras do not fall on one curve: at equal information the scores differ by 1 to 2 dB"
_SIZES = "1 to 2 dB"
_CONTAINS = (
    "the figures themselves are of other point spread functions, another scale of light (here linear) and another decoder: "
    "orders can be compared"
)


def claims(plan: Plan, cells: Mapping[tuple[str, float], dict], lights: Sequence[float]) -> list[Claim]:
    """Return the published statements beside ours.

    Args:
        plan: of the study.
        cells: estimates and scores with their parts by source, by design and photons.
        lights: photoelectrons of an unfiltered pixel.

    """
    published = {name: [pairs[_LIGHTS.index(light)] for light in lights] for name, pairs in PUBLISHED.items()}
    found = []
    for quality, place, words, unit in (("information", 0, "information", "bits/pixel"), ("psnr", 1, "PSNR", "dB")):
        table = "; ".join(f"{name} {', '.join(f'{pair[place]:g}' for pair in published[name])}" for name in PUBLISHED)
        found.append(_order(plan, cells, lights, tuple(PUBLISHED), quality, words, unit, f"{table} {unit}"))
    found.append(_curves(plan, cells, lights))
    text = "for dense objects the best number of lenslets is small (arXiv 2506.08513)"
    found.append(_order(plan, cells, lights, _COUNTED, "information", "information", "bits/pixel", text))
    return found


def _order(plan: Plan, cells, lights, names, quality: str, words: str, unit: str, published: str) -> Claim:
    """Return an order, the best first, at every light level, each step with its paired difference."""
    rng = np.random.default_rng([plan.seed, 41])
    verdicts, steps, against = [], [], []
    for better, worse in itertools.pairwise(names):
        differences = []
        for light in lights:
            left, right = (world.grouped(cells[name, light][quality]) for name in (better, worse))
            value, (low, high) = paired_difference(left, right, plan.confidence, rng)
            verdicts.append(True if low > 0 else False if high < 0 else None)
            differences.append(f"{value:+.3g} ({low:.3g} to {high:.3g})")
            if verdicts[-1] is not True:
                against.append(f"{better} over {worse} at {light:g} photons {differences[-1]}")
        steps.append(f"{better} over {worse} {', '.join(differences)}")
    agrees = False if False in verdicts else None if None in verdicts else True
    why = [f"not so or not decided: {'; '.join(against)}"] if against else []
    places = ", ".join(f"{light:g}" for light in lights)
    return Claim(
        f"{words} at every light level: {' > '.join(names)}",
        published,
        f"paired differences in {unit} at {places} photons: {'; '.join(steps)}",
        agrees,
        ". ".join([*why, _CONTAINS]),
    )


def _curves(plan: Plan, cells, lights) -> Claim:
    """Return how much the scores of two cameras differ where they carry the same information, by interpolation."""
    found, bounds, verdicts = [], [], {}
    names = list(dict.fromkeys(name for name, _ in cells))
    for first, second in itertools.combinations(names, 2):
        information = [[cells[name, light]["information"]["information"] for light in lights] for name in (first, second)]
        scores = [[world.grouped(cells[name, light]["psnr"]) for light in lights] for name in (first, second)]
        gap = _gap(information, [[each.mean for each in system] for system in scores])
        if gap is None:
            continue
        low, high = _gap_interval(plan, information, scores)
        bounds.append((low, high))
        found.append((abs(gap), f"{first} over {second} {gap:+.2f} dB ({low:.2f} to {high:.2f})"))
        verdicts[first, second] = _within(low, high)
    found.sort(reverse=True)
    published, alike = [], []
    for first, second in itertools.combinations(PUBLISHED, 2):
        gap = _gap(*zip(*(list(zip(*PUBLISHED[name], strict=True)) for name in (first, second)), strict=True))
        if gap is not None:
            published.append(f"{first} over {second} {gap:+.2f} dB")
            alike += [verdicts[first, second]] if (first, second) in verdicts else []
    if not found:
        return Claim(_ONE_CURVE, _SIZES, "no two cameras overlap in information", None)
    return Claim(
        _ONE_CURVE,
        f"{_SIZES}; the published table, interpolated alike: {'; '.join(published)}",
        f"mean difference over the information that both of two cameras carry: {'; '.join(text for _, text in found)}",
        None if not alike else False if False in alike else None if None in alike else True,
        f"{sum(low > 0 or high < 0 for low, high in bounds)} of {len(bounds)} pairs that overlap differ beyond their intervals"
        f" (by source, of the scores alone), {sum(each is False for each in verdicts.values())} by other than 1 to 2 dB; of the"
        f" pairs that the published table has, too, {sum(each is False for each in alike)} of {len(alike)}. What patches and the"
        " sensor's edge do to it is in the notes",
    )


def _within(low: float, high: float) -> bool | None:
    """Tell whether a difference of either sign is of the published size; None where its interval reaches over a bound of it."""
    least, most = (0.0 if low < 0 < high else min(abs(low), abs(high))), max(abs(low), abs(high))
    if least >= _LEAST and most <= _MOST:
        return True
    return False if least > _MOST or most < _LEAST else None


def _gap(information, scores) -> float | None:
    """Return the mean difference of two curves, first less second, where both have the same information; None where never."""
    low, high = max(min(each) for each in information), min(max(each) for each in information)
    if not low < high:
        return None
    places = np.linspace(low, high, _STEPS)
    first, second = (
        np.interp(places, np.array(x)[np.argsort(x)], np.array(y)[np.argsort(x)])
        for x, y in zip(information, scores, strict=True)
    )
    return float((first - second).mean())


def _gap_interval(plan: Plan, information, scores: list[list[GroupedValues]]) -> tuple[float, float]:
    """Return the interval of `_gap` by resampling the sources of the scores, which are the same for all cameras."""
    rng = np.random.default_rng([plan.seed, 42])
    size = len(scores[0][0].groups)
    weights = rng.multinomial(size, np.full(size, 1 / size), _RESAMPLES).astype(float)
    drawn = [[(weights @ each.sums) / (weights @ each.counts) for each in system] for system in scores]
    curves = ([[each[k] for each in system] for system in drawn] for k in range(_RESAMPLES))
    gaps = [gap for each in curves if (gap := _gap(information, each)) is not None]
    tail = (1 - plan.confidence) / 2
    low, high = np.quantile(gaps, [tail, 1 - tail])
    return float(low), float(high)


def notes(
    rows: Sequence[Mapping],
    worlds: Mapping[str, Mapping],
    design: Mapping,
    statistics: Sequence[Statistic],
    uncropped: Mapping[str, Mapping[str, float]],
    patched: Mapping[str, Mapping[str, float]],
) -> list[str]:
    """Return what the reader has to know, one sentence each.

    Args:
        rows: of the table.
        worlds: results of the jobs that look for objects.
        design: result of the design.
        statistics: rank correlations.
        uncropped: PSNR of a Wiener filter without the sensor's edge, dB, by name and photons.
        patched: bits per pixel of Gaussian scenes by name and side of the patch.

    """
    found = [note for each in worlds.values() for note in each["notes"]]
    found.append(
        "scenes are in linear light; PSNR takes 1 (white) as the peak and is the mean over test scenes, of the part of a scene"
        " whose light falls on the sensor entirely; nothing is fitted to the truth, the exposure is known"
    )
    kinds = [row["decoder"] for row in rows]
    counted = ", ".join(f"{kind} {kinds.count(kind)}" for kind in sorted(set(kinds), key=kinds.count, reverse=True))
    found.append(
        f"of four deconvolutions the one counts that was best on validation scenes, for each camera and light: {counted}"
    )
    lost = [max(row["wiener_psnr_db"], row["unsupervised_wiener_psnr_db"]) - row["cropped_wiener_psnr_db"] for row in rows]
    worst = int(np.argmin(lost))
    found.append(
        "a sensor crops, and scikit-image's Wiener filters take captures for periodic: the linear filter that knows of the edge"
        f" gains up to {-lost[worst]:.1f} dB over both ({rows[worst]['system']}, {rows[worst]['photons']:g} photons)"
    )
    found.append(
        f"IDEAL is the free mask raised from {design['start']} by the objective {design['objective']} on pictures of other"
        f" sources, {design['gain_of_start']:.3f} to {design['gain']:.3f} {design['unit']} by that objective; it may be sharper"
        " than the lenslets, whose width diffraction sets"
    )
    found += [_edge(rows, uncropped), _patches(patched), *_discordant(rows, uncropped)]
    if rows[0]["accuracy"] is not None:
        dim, bright = rows[0]["classified_photons"], rows[-1]["classified_photons"]
        found.append(
            "classified are digits side by side, by the one in the middle, from captures of their own as large as a digit, with a"
            f" design and information of their own; their light, {dim:g} to {bright:g} photons a pixel, was chosen by us, for in"
            " that of the scenes sharp cameras left nothing to tell them apart by"
        )
    missed = [each for each in statistics if each.met is False]
    found += [f"target missed: {each.name} is {each.value:.3f}, the target {each.target:g}" for each in missed]
    return found


def _edge(rows: Sequence[Mapping], uncropped: Mapping[str, Mapping[str, float]]) -> str:
    """Return what the sensor's edge costs each camera in the brightest light."""
    light = max(row["photons"] for row in rows)
    costs = ", ".join(
        f"{row['system']} {uncropped[row['system']][f'{light:g}'] - row['cropped_wiener_psnr_db']:.1f}"
        for row in rows
        if row["photons"] == light
    )
    return (
        "the sensor sees less than half of a scene, and the rest is other pictures: what the filter that knows of the edge loses"
        f" at {light:g} photons against a Wiener filter for scenes that repeat, on a sensor that catches all light: {costs} dB"
    )


def _patches(patched: Mapping[str, Mapping[str, float]]) -> str:
    """Return what the side of a patch does to each camera's information."""
    small, large = next(iter(patched.values()))
    ratios = ", ".join(f"{name} {each[small] / each[large]:.2f}" for name, each in patched.items())
    return (
        f"bits per pixel by patches of {small} x {small} pixels count what a camera shows twice in each patch that it falls into,"
        f" which overstates those that multiplex; for Gaussian scenes, over those by {large} x {large}: {ratios}"
    )


def _discordant(rows: Sequence[Mapping], uncropped: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Return where information misleads most: the pair of rows that it orders against the decoder by the most decibels."""
    pairs = [
        (poorer["psnr_db"] - richer["psnr_db"], richer, poorer)
        for richer, poorer in itertools.permutations(rows, 2)
        if richer["information_low"] > poorer["information_high"] and richer["psnr_high"] < poorer["psnr_low"]
    ]
    total = len(rows) * (len(rows) - 1) // 2
    if not pairs:
        return [f"in none of {total} pairs of cameras and lights do information and PSNR differ in order beyond their intervals"]
    loss, *worst = max(pairs, key=lambda pair: pair[0])
    first, second = (
        f"{row['system']} at {row['photons']:g} photons carries {row['information_bits_per_pixel']:.3f} bits/pixel"
        for row in worst
    )
    text = (
        f"in {len(pairs)} of {total} pairs of cameras and lights information and PSNR differ in order beyond their intervals; the"
        f" worst: {first}, {second}, and the richer one decodes {loss:.1f} dB worse"
    )
    without = [uncropped[row["system"]][f"{row['photons']:g}"] for row in worst]
    turned = "turns their order" if without[0] > without[1] else "is not all that sets them apart"
    return [f"{text}; without the sensor's edge a Wiener filter has {without[0]:.1f} and {without[1]:.1f} dB: the edge {turned}"]
