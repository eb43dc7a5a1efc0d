"""The scatter of visibilities from one integration to the next against the noise that their weights state.

Differences of neighbouring integrations hold noise and hardly any source. In a difference of order k, with binomial coefficients
of alternating signs, a phase that turns by x radians an integration leaves (2 sin(x/2))^k of the amplitude, and independent noise
grows by the root of binomial(2k, k). Over the noise that is stated, noise therefore has the same scatter at every order, and a
source less and less; and no source brings the scatter below that of the noise.

What does not vanish with the order is what the air and the electronics do within an integration. It is told from noise by what
it leaves alone: phases of the air leave the amplitude alone, gains the phase, and both are the same in the two parallel hands
and in neighbouring channels.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ideal.health.finding import Finding

SCAN_GAP = 60.0  # seconds without data after which a new scan begins
_ORDERS = range(1, 7)  # the first only shows whether the scatter still falls
_NORMAL_MEDIAN = 0.6745  # of |N(0, 1)|
_FEWEST = 10  # differences of a baseline, or of weak baselines together, that make a ratio
_FEWEST_TIED, _TIED = 20, 0.4  # other EHT baselines scatter by 0.5 to 2.5 of their noise
# Ten files of the EHT have ratios of 0.83 to 0.90 over all baselines, as calibration absorbs some of the noise.
_TOO_LITTLE, _TOO_MUCH, _TOO_MUCH_ONE, _JUMPS = 0.75, 1.25, 1.6, 3.0
_WEAK, _FEWEST_WEAK = 3.0, 3  # signal-to-noise at which phases of the air hardly show, and the baselines that suffice
_AGREED = 0.7  # of the median: where a quarter of the baselines scatter less, it is some stations' weights and not the file's
_VAGUE = 3.0  # error of a ratio, as a factor, that leaves weights of 1 in doubt
_SETTLED = 0.85  # a phase that turns by a radian an integration still falls by half from order to order
_ERRORS = 4  # standard errors that make a difference certain
_INTEGRATIONS_APART = 2.5
_SHOWN = 6
_STEADY = ("all", "amplitude", "phase", "hands", "channels")
_UNCALIBRATED = "all weights are 1, as correlators and CASA leave them"


class Ratio(NamedTuple):
    """The scatter of differences over their stated noise, and of how many real numbers."""

    scatter: float
    size: int


@dataclass(frozen=True)
class Scatter:
    """How far visibilities scatter, over their stated noise.

    Attributes:
        baseline: names of the baselines that were judged, in the order of the other lists; several joined where they are weak in
            number.
        differences: complex second differences of each.
        strength: median amplitude of each over the least of its scatters.
        ratios: of each, scatter over stated noise by (what is differenced, order): "all" of the visibilities, their "amplitude"
            and their "phase", half the difference of the "hands", and the "channels" less their neighbours.

    """

    baseline: list[tuple[str, ...]]
    differences: np.ndarray
    strength: np.ndarray
    ratios: list[dict[tuple[str, int], Ratio]]

    @property
    def tied(self) -> list[str]:
        """The baselines that scatter far less than their noise, where these are a minority."""
        judged = np.array([len(names) == 1 for names in self.baseline], bool) & (self.differences >= _FEWEST_TIED)
        tied = judged & (np.array([of["all", 2].scatter for of in self.ratios]) < _TIED)
        if 2 * tied.sum() > judged.sum() or tied.sum() == len(self.baseline):
            return []
        return [names[0] for names, is_tied in zip(self.baseline, tied, strict=True) if is_tied]

    def least(self, of, kinds: tuple[str, ...]) -> tuple[float, float]:
        """Return the least of the ratios of these kinds, each the median over the baselines `of` that are listed, and its error.

        Another one than that of second differences counts where it is certainly less: the least of many is too low by chance.
        The error is a factor of `_ERRORS` standard errors.
        """
        best = self._median(of, ("all", 2))
        for key in sorted(
            {key for k in of for key in self.ratios[k] if key[0] in kinds and key[1] > 1}, key=lambda key: key[::-1]
        ):
            other = self._median(of, key)
            best = other if other[0] * other[1] < best[0] else best
        return best

    def exceeds(self, of, kinds: tuple[str, ...], limit: float) -> bool:
        """Tell whether the scatter is above a limit for certain, whatever is differenced, and is no source's."""
        ratio, error = self.least(of, kinds)
        every = [self._median(of, (kind, order))[0] for kind in kinds for order in _ORDERS if order > 1]
        return ratio > max(limit, error) and min(every) > math.sqrt(limit) and self.settled(of)

    def settled(self, of) -> bool:
        """Tell whether the scatter has ceased to fall from order to order, as that of noise does: a source would fall further."""
        medians = [self._median(of, ("all", order))[0] for order in _ORDERS]
        medians = [ratio for ratio in medians if ratio < math.inf]
        return len(medians) > 1 and medians[-1] > _SETTLED * medians[-2]

    def _median(self, of, key) -> tuple[float, float]:
        found = [self.ratios[k][key] for k in of if key in self.ratios[k]]
        if 2 * len(found) < len(of) or not found:  # an order that few baselines reach would be judged on others than the rest
            return math.inf, 1.0
        return float(np.median([each.scatter for each in found])), _certain(sum(each.size for each in found), key[1])

    def findings(self, groups, sigma: float | None = None) -> list[Finding]:
        """Return what the scatter says of the weights.

        Args:
            groups: `ideal.formats.random_groups.RandomGroups` that were measured.
            sigma: what the user has said of the noise, Jy, instead of the weights; or None.

        """
        positive = groups.weights[groups.weights > 0]
        alike = len(positive) > 0 and positive.min() == positive.max()
        plain = alike and positive[0] == 1 and sigma is None
        free = [k for k, names in enumerate(self.baseline) if names[0] not in self.tied]
        count = int(self.differences[free].sum())
        if not count:
            return [_unchecked()] if plain else []
        weak = [k for k in free if self.strength[k] < _WEAK]
        strong = 2 * len(weak) < len(free)
        # Of weights that state nothing every sign of less noise counts; elsewhere calibration may have smoothed the phases.
        less = _STEADY if plain and strong else (("all", "hands") if alike else ("all",))
        below, below_error = self.least(free, less)
        judges = weak if len(weak) >= _FEWEST_WEAK else free
        more = ("all",) if judges is weak else _STEADY
        above, above_error = self.least(judges, more)
        names = sum(len(self.baseline[k]) for k in free)
        cause = _UNCALIBRATED if plain else ("the stated sigma is wrong" if sigma else "the weights are not calibrated")
        gains = "" if judges is weak else ", or gains jump"
        where = f"at the median of {names} baseline{'s' * (names > 1)}, {count} differences of neighbouring integrations"
        if below < min(_TOO_LITTLE, 1 / below_error):
            return [
                Finding(
                    "weights-too-small",
                    "void",
                    f"{cause}: visibilities scatter {below:.2g} times their stated noise ({where})",
                    f"the number is too low by up to {_bits(1 / below)}" if below else "the number is too low",
                    _remedy(below, sigma) if below else "give measurements with their noise",
                    {"ratio": below, "baselines": names, "differences": count},
                )
            ]
        most = np.quantile([self.least([k], more)[0] for k in judges], 0.25) > _AGREED * above
        if most and self.exceeds(judges, more, _TOO_MUCH):
            return [
                Finding(
                    "weights-too-large",
                    "biased",
                    f"{cause}{gains}: visibilities scatter {above:.3g} times their stated noise ({where})",
                    f"the number is too high by about {_bits(above)}",
                    _remedy(above, sigma),
                    {"ratio": above, "baselines": names, "differences": count},
                )
            ]
        if plain and (above > _TOO_MUCH or max(below_error, above_error) > _VAGUE):
            return [_unchecked()]
        return self._partial(free)

    def _partial(self, free) -> list[Finding]:
        """Return what is wrong with some baselines, or with what is no noise, where the weights as a whole fit."""
        found = []
        excess = {}
        for k in (k for k in free if len(self.baseline[k]) == 1):
            kinds = _STEADY if self.strength[k] >= _WEAK else ("all",)
            if self.exceeds([k], kinds, _TOO_MUCH_ONE):
                excess[self.baseline[k][0]] = self.least([k], kinds)[0]
        if excess:
            worst = sorted(excess, key=excess.__getitem__, reverse=True)
            names = [f"{each} ({excess[each]:.2g})" for each in worst[:_SHOWN]]
            more = f" and {len(worst) - _SHOWN} more" if len(worst) > _SHOWN else ""
            found.append(
                Finding(
                    "baselines-too-noisy",
                    "biased",
                    f"visibilities of {', '.join(names)}{more} scatter that many times their stated noise",
                    f"their share of the number is too high, by up to {_bits(max(excess.values()))}",
                    "weigh them by their scatter (AIPS FIXWT, CASA statwt), or flag them",
                    {"ratios": excess},
                )
            )
        whole = max(self.least(free, ("all", kind))[0] for kind in ("amplitude", "phase"))
        if whole > _JUMPS and self.settled(free):
            found.append(
                Finding(
                    "phases-unsteady",
                    "note",
                    f"visibilities jump by {whole:.2g} times their stated noise from one integration to the next, yet not in "
                    "both amplitude and phase, hands and channels: it is the air or the gains, and no noise",
                    "what these do counts as information",
                    figures={"ratio": whole},
                )
            )
        return found


def measure_scatter(groups, scan_gap: float = SCAN_GAP) -> Scatter:
    """Measure how far visibilities scatter from one integration to the next, over their stated noise.

    Args:
        groups: `ideal.formats.random_groups.RandomGroups`.
        scan_gap: seconds between integrations that are no neighbours any more; or 2.5 integrations where these are longer.

    """
    known = groups.integration[groups.integration > 0]
    gap = max(scan_gap, _INTEGRATIONS_APART * float(np.median(known)) if len(known) else 0.0)
    pair = groups.first * (groups.second.max() + 1) + groups.second
    order = np.lexsort((groups.time_index, pair))
    found = []
    for rows in np.split(order, np.flatnonzero(np.diff(pair[order])) + 1):
        rows = rows[groups.valid[rows].any(1)]
        if len(rows) < 3:
            continue
        seconds = 86400.0 * (groups.days[rows] - groups.days[rows[0]])
        values = np.where(groups.valid[rows], groups.values[rows], np.nan)
        sigma = np.where(groups.valid[rows], groups.sigma[rows], np.nan)
        hands = None if groups.hand_difference is None else groups.hand_difference[rows]
        differences = _differences(values, sigma, hands, np.diff(seconds) <= gap)
        if len(differences.get(("all", 2), ())):
            strength = float(np.nanmedian(np.abs(values) / sigma))
            found.append((strength, groups.baseline(rows[0]), differences))
    return _summary(found)


def _unchecked() -> Finding:
    return Finding(
        "weights-unchecked",
        "biased",
        f"{_UNCALIBRATED}; to compare them with the scatter, too few integrations follow each other or the source is too fast",
        "the number is off by an unknown amount, up or down",
        "weigh the visibilities by their noise (AIPS FIXWT, CASA statwt), or give it (--sigma)",
    )


def _bits(ratio: float) -> str:
    return f"{2 * math.log2(ratio):.2g} bits/visibility"


def _certain(count: int, order: int) -> float:
    """Return the factor that parts two ratios for certain, by `_ERRORS` standard errors of so many differences of an order.

    The median of absolute normal numbers has a relative standard error of 1.17 over the root of twice their number, the median
    over baselines 1.25 times that; differences that share integrations count for less.
    """
    ways = [math.comb(2 * order, order + lag) / math.comb(2 * order, order) for lag in range(-order, order + 1)]
    return math.exp(_ERRORS * 1.25 * 1.17 * math.sqrt(sum(rho**2 for rho in ways) / (2 * count)))


def _remedy(ratio: float, sigma: float | None) -> str:
    if sigma is not None:
        return f"leave it to the weights, or give the noise that is there (--sigma {sigma * ratio:.3g})"
    return f"weigh them by their scatter (AIPS FIXWT, CASA statwt), or scale the weights (--weight-scale {ratio**-2:.3g})"


def _differences(values, sigma, hands, close) -> dict:
    """Return differences over their noise, as absolute real numbers, by what is differenced and by order."""
    found: dict[tuple[str, int], np.ndarray] = {}
    amplitude = np.abs(values)
    with np.errstate(divide="ignore", invalid="ignore"):
        angle = np.angle(values)
        angle_noise = sigma / amplitude
    for order in _ORDERS:
        noise = _order(values, sigma, close, order)
        if order > 2 and 3 * len(noise) < len(found["amplitude", 2]):
            break
        found["all", order] = _parts(noise)
        # Of visibilities well above their noise amplitude and phase have independent noise, and phases may turn at any speed.
        found["amplitude", order] = np.abs(_order(amplitude, sigma, close, order))
        found["phase", order] = np.abs(_order(angle, angle_noise, close, order, turns=True))
        if hands is not None:
            found["hands", order] = _parts(_order(hands, sigma, close, order))
    if values.shape[1] >= 3:
        bend = values[:, :-2] - 2 * values[:, 1:-1] + values[:, 2:]
        spread = np.sqrt(sigma[:, :-2] ** 2 + 4 * sigma[:, 1:-1] ** 2 + sigma[:, 2:] ** 2)
        found["channels", 2] = _parts(_order(bend, spread, close, 2))
    return found


def _order(values, sigma, close, order: int, *, turns: bool = False) -> np.ndarray:
    """Return the differences of an order over their noise, flat; of angles with `turns`, whose second differences are small."""
    count = len(values) - order
    if count < 1:
        return np.zeros(0, values.dtype)
    weights = [math.comb(order, k) * (-1) ** k for k in range(order + 1)]
    near = np.all(np.lib.stride_tricks.sliding_window_view(close, order), axis=1)[:, None]
    if turns:
        total = values
        for step in range(order):
            total = np.diff(total, axis=0)
            total = (total + np.pi) % (2 * np.pi) - np.pi if step < 2 else total
    else:
        total = sum(weight * values[k : k + count] for k, weight in enumerate(weights))
    noise = total / np.sqrt(sum((weight * sigma[k : k + count]) ** 2 for k, weight in enumerate(weights)))
    return noise[near & np.isfinite(noise)]


def _parts(noise) -> np.ndarray:
    return np.abs(np.concatenate([noise.real, noise.imag]))


def _summary(found) -> Scatter:
    """Return the ratios of baselines, those with few differences joined with others of similar strength."""
    sets, rest = [], []
    for strength, name, differences in sorted(found, key=lambda entry: entry[0]):
        if len(differences["amplitude", 2]) >= _FEWEST:
            sets.append(((name,), strength, differences))
            continue
        rest.append((name, strength, differences))
        if sum(len(each["amplitude", 2]) for _, _, each in rest) >= 2 * _FEWEST:
            sets.append(_joined(rest))
            rest = []
    if rest and sum(len(each["amplitude", 2]) for _, _, each in rest) >= _FEWEST:
        sets.append(_joined(rest))
    ratios = [{key: _ratio(array) for key, array in differences.items()} for _, _, differences in sets]
    least = [min(ratio.scatter for key, ratio in of.items() if key[1] > 1) for of in ratios]
    return Scatter(
        baseline=[names for names, _, _ in sets],
        differences=np.array([len(differences["amplitude", 2]) for _, _, differences in sets], dtype=np.int64),
        strength=np.array([strength for _, strength, _ in sets]) / np.maximum(least, 1e-12),
        ratios=ratios,
    )


def _joined(entries):
    """Return the names, the median strength and the joint differences of several baselines."""
    keys = set.intersection(*(set(differences) for _, _, differences in entries))
    joint = {key: np.concatenate([each[key] for _, _, each in entries]) for key in sorted(keys)}
    return tuple(name for name, _, _ in entries), float(np.median([strength for _, strength, _ in entries])), joint


def _ratio(differences) -> Ratio:
    scatter = float(np.median(differences)) / _NORMAL_MEDIAN if len(differences) >= _FEWEST else math.inf
    return Ratio(scatter, max(len(differences), 1))
