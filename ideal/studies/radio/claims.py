"""What the radio study concludes of its arrays: table, rank correlations, claims and notes."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ideal.errors import UsageError
from ideal.information.results import LN2
from ideal.studies.engine.contract import Claim, Plan, Statistic
from ideal.studies.engine.statistics import correlation, rank_correlation
from ideal.studies.engine.world import grouped
from ideal.studies.radio.work import observed_by

DECODERS = {
    "likelihood": "regularised maximum likelihood",
    "variation": "total variation and positivity alone",
    "linear": "linear MMSE",
    "dirty": "dirty image",
}
_RINGS = "black-hole-rings"
_TARGET = 0.85
_PUBLISHED = {"ssim": 0.87, "psnr_db": 0.79, "mse": -0.81}  # by maximum likelihood with total variation
_PUBLISHED_BITS = 14, 360
_SIDE_BY_SIDE = "ALMA", "APEX"  # two kilometres apart: the same baselines but for noise
_FEWEST_PAIRS = 5
_TITLES = {"ssim": "SSIM", "psnr_db": "PSNR", "mse": "mean square error"}


@dataclass(frozen=True)
class Arrays:
    """All arrays on one set of objects.

    Attributes:
        objects: name of the set.
        sources: how many it has.
        told: results of the estimates by array.
        made: results of the decoders by array.
        observation: settings of the interferometer.
        plan: of the study.

    """

    objects: str
    sources: int
    told: dict
    made: dict
    observation: dict
    plan: Plan

    @cached_property
    def validation(self) -> dict[str, float]:
        """Mean SSIM of validation skies over all arrays and folds, by decoder."""
        chosen = [each for made in self.made.values() for each in made["chosen"]]
        return {decoder: float(np.mean([each[decoder]["validation_ssim"] for each in chosen])) for decoder in DECODERS}

    @property
    def best(self) -> str:
        """The decoder that validation skies prefer, one for all arrays."""
        return max(self.validation, key=self.validation.__getitem__)

    @cached_property
    def rows(self) -> list[dict]:
        """Rows of the table, one for each array."""
        return [self._row(name) for name in self.told]

    def _row(self, name: str) -> dict:
        told, made, sites = self.told[name], self.made[name], name.split()
        row = {
            "objects": self.objects,
            "array": name,
            "with_alma": "ALMA" in sites,
            "baselines_that_see_the_source": told["baselines"],
            "widest_gap_gigawavelengths": _widest_gap(self.observation, sites),
            "combinations": told["combinations"],
            "information_bits": told["information"],
            "information_low": told["interval"][0],
            "information_high": told["interval"][1],
        }
        for decoder in DECODERS:
            for quality, score in made["scores"][decoder].items():
                row[f"{decoder}_{quality}"] = score["mean"]
                row[f"{decoder}_{quality}_low"], row[f"{decoder}_{quality}_high"] = score["interval"]
        for weight in ("weight", "prior_weight"):
            row[weight] = float(np.median([each["likelihood"][weight] for each in made["chosen"]]))
        return row

    @cached_property
    def statistics(self) -> dict[tuple, Statistic]:
        """Rank correlations by decoder, quality, and which arrays or what in place of information."""
        found, kinds = {}, [self.best, *(decoder for decoder in DECODERS if decoder != self.best)]
        for decoder in kinds:
            for quality in _PUBLISHED:
                if decoder != "dirty" or quality == "ssim":
                    aimed = quality == "ssim" and decoder in (self.best, "likelihood")
                    found[decoder, quality, ""] = self._over(self.rows, decoder, quality, target=_TARGET if aimed else None)
        for what, with_alma in ((", arrays with ALMA", True), (", arrays without ALMA", False)):
            some = [row for row in self.rows if row["with_alma"] == with_alma]
            if len(some) > 3:
                found[self.best, "ssim", what] = self._over(some, self.best, "ssim", what)
        for decoder in dict.fromkeys((self.best, "likelihood")):
            found[decoder, "ssim", "combinations"] = correlation(
                f"Spearman, bare number of combinations with SSIM, {DECODERS[decoder]}, {self.objects}",
                np.array([row["combinations"] for row in self.rows], float),
                [grouped(self.made[row["array"]]["scores"][decoder]["ssim"]) for row in self.rows],
                confidence=self.plan.confidence,
                seed=self.plan.seed,
                over="arrays",
            )
        return found

    def _over(self, rows: list[dict], decoder: str, quality: str, what: str = "", target: float | None = None) -> Statistic:
        names = [row["array"] for row in rows]
        found = correlation(
            f"Spearman, information with {_TITLES[quality]}, {DECODERS[decoder]}, {self.objects}{what}",
            [grouped(self.told[name]) for name in names],
            [grouped(self.made[name]["scores"][decoder][quality]) for name in names],
            confidence=self.plan.confidence,
            seed=self.plan.seed,
            target=target,
            over="arrays",
        )
        if decoder == self.best:
            qualities = ", ".join(f"{DECODERS[each]} {value:.3f}" for each, value in self.validation.items())
            detail = f"{found.detail}; the decoder that validation skies prefer (mean SSIM: {qualities})"
            return Statistic(found.name, found.value, found.interval, found.target, detail)
        return found

    def shown(self) -> dict:
        """Return what the figure shows: the decoder that validation prefers, and images by its best and its worst array."""
        ranked = sorted(self.rows, key=lambda row: row[f"{self.best}_ssim"])
        examples = []
        for row in (ranked[-1], ranked[0]):
            kept = self.made[row["array"]]["shown"]
            examples.append({"array": row["array"], "truth": kept["truth"], "image": kept[self.best]})
        found = self.statistics[self.best, "ssim", ""]
        return {"decoder": self.best, "name": DECODERS[self.best], "statistic": found.name, "examples": examples}

    def claims(self) -> list[Claim]:
        """Return what was published beside what was found, and what we find."""
        published = [self._like_for_like()] if self.objects == _RINGS else []
        return [self._range(), *published, self._knowledge(), *self._noise_alone()]

    def _range(self) -> Claim:
        bits = [row["information_bits"] for row in self.rows if row["baselines_that_see_the_source"]]
        largest = max(self.told.values(), key=lambda each: each["combinations"])
        size, fitted = largest["combinations"], max(largest["n_train"], 1)
        low, high = _PUBLISHED_BITS
        ours = self.objects != _RINGS
        return Claim(
            f"information of an observation ({self.objects})",
            "" if ours else f"{low} to {high} bits, of which up to 57 are the finite-sample excess D(D+3)/4N",
            f"{min(bits):.0f} to {max(bits):.0f} bits",
            None if ours else bool(min(bits) >= low and max(bits) <= high),
            f"estimates are upper bounds on held-out measurements; fitting {size} combinations to {fitted} measurements raises "
            f"them by about {size * (size + 3) / (4 * fitted * LN2):.1f} bits at most, less what shrinkage saves",
        )

    def _like_for_like(self) -> Claim:
        """Compare with the published correlations the decoder that is like the published one."""
        found = {quality: self.statistics["variation", quality, ""] for quality in _PUBLISHED}
        inside = {name: each.bounds[0] <= _PUBLISHED[name] <= each.bounds[1] for name, each in found.items()}
        outside = [_TITLES[name] for name, holds in inside.items() if not holds]
        why = f"the interval excludes the published value of {', '.join(outside)}: {self._gaps()}" if outside else ""
        return Claim(
            "rank correlation of information with images by maximum likelihood with total variation and positivity",
            ", ".join(f"{_TITLES[name]} {value:+.2f}" for name, value in _PUBLISHED.items()),
            ", ".join(f"{_TITLES[name]} {_text(each)}" for name, each in found.items()),
            not outside,
            why,
        )

    def _knowledge(self) -> Claim:
        names = dict.fromkeys((self.best, "likelihood", "variation"))
        texts = [f"{DECODERS[each]} {_text(self.statistics[each, 'ssim', ''])}" for each in names]
        bare = self.statistics[self.best, "ssim", "combinations"]
        better, plain = self.statistics[self.best, "ssim", ""], self.statistics["variation", "ssim", ""]
        apart = better.bounds[0] > plain.bounds[1] if better.value > plain.value else plain.bounds[0] > better.bounds[1]
        return Claim(
            f"information ranks arrays better for decoders that know what the estimate knows of the skies ({self.objects})",
            "",
            f"Spearman with SSIM: {'; '.join(texts)}; the bare number of combinations {_text(bare)}",
            bool(better.value > plain.value) if apart else None,
            self._gaps(),
        )

    def _noise_alone(self) -> list[Claim]:
        """Compare arrays that differ in the noise of one site alone: two sites stand side by side."""
        of = {frozenset(row["array"].split()): row for row in self.rows}
        quiet, noisy = _SIDE_BY_SIDE
        found = [(of[names], of.get(names - {quiet} | {noisy})) for names in of if quiet in names and noisy not in names]
        pairs = [(ours, other) for ours, other in found if other is not None]
        if len(pairs) < _FEWEST_PAIRS:
            return []
        ssim = f"{self.best}_ssim"
        bits, gain = (np.mean([ours[name] - other[name] for ours, other in pairs]) for name in ("information_bits", ssim))
        slope = np.polyfit([row["information_bits"] for row in self.rows], [row[ssim] for row in self.rows], 1)[0]
        within = [each for (decoder, _, what), each in self.statistics.items() if decoder == self.best and "ALMA" in what]
        return [
            Claim(
                f"bits that only tell of less noise do less for images than bits of new baselines ({self.objects})",
                "",
                f"{quiet} in place of {noisy} beside it: {bits:+.0f} bits and {gain:+.3f} SSIM, mean of {len(pairs)} pairs with "
                f"the same baselines; over all arrays as many bits go with {slope * bits:+.3f}",
                bool(gain < slope * bits),
                "rank correlations within " + ", ".join(f"{each.name.split(', ')[-1]}: {_text(each)}" for each in within),
            )
        ]

    def _gaps(self) -> str:
        """Return how far gaps in the baselines explain what decoders lack."""
        rows = [row for row in self.rows if row["baselines_that_see_the_source"]]
        gaps = np.array([row["widest_gap_gigawavelengths"] for row in rows])
        ssim = {decoder: np.array([row[f"{decoder}_ssim"] for row in rows]) for decoder in ("variation", "likelihood")}
        with_gap = {decoder: rank_correlation(gaps, each) for decoder, each in ssim.items()}
        told = rank_correlation(gaps, np.array([row["information_bits"] for row in rows]))
        means = [each.mean() for each in ssim.values()]
        most = int(np.argmax(ssim["likelihood"] - ssim["variation"]))
        return (
            f"with flux and a prior image the mean SSIM goes from {means[0]:.2f} to {means[1]:.2f}, for "
            f"{rows[most]['array']} from {ssim['variation'][most]:.2f} to {ssim['likelihood'][most]:.2f}, whose baselines leave "
            f"a gap of {gaps[most]:.1f} billion wavelengths; the rank correlation of SSIM with the widest gap is "
            f"{with_gap['variation']:+.2f} without them and {with_gap['likelihood']:+.2f} with them, of information {told:+.2f}"
        )

    def notes(self) -> list[str]:
        """Return what a reader has to know of this set of objects."""
        alone = self.statistics["variation", "ssim", ""]
        found = []
        if self.objects == _RINGS:
            found.append(
                "flux and prior image were added to maximum likelihood after total variation alone had been seen to rank arrays "
                f"much less well (here {alone.value:.2f}): imagers of the field know them, and nothing else fills a gap between "
                "short and long baselines"
            )
        folds = max(len(made["chosen"]) for made in self.made.values())
        if folds > 1:
            found.append(
                f"{self.objects} come from {self.sources} sources: each is scored by what was fitted to others, in {folds} "
                "folds, so that intervals over sources are wide; weights in the table are medians over folds"
            )
        return found


def general_notes(observation: dict, rows: list[dict], plan: Plan) -> list[str]:
    """Return what a reader has to know of all objects."""
    system = observed_by(observation)
    seeing = {site for pair in system.coverage.baselines for site in pair.split("-")}
    blind = [site for site in system.table.names if site not in seeing]
    silent = sorted({row["array"] for row in rows if not row["baselines_that_see_the_source"]})
    arrays = {row["array"] for row in rows}
    notes = [
        "information is that of each observation's visibilities in orthonormal combinations; those left out see less than 0.1 "
        "standard deviations of the noise of a point source of 1 Jy",
        "estimates and decoders have the same noisy measurements; the decoder of the figure is the one of the best mean SSIM of "
        "validation skies over all arrays, and so are the weights of the likelihood for each array",
        "the total flux of 1 Jy, the same for all skies, is known to regularised maximum likelihood, and its prior image is "
        "the mean of training skies",
        "SSIM and PSNR take the mean of the training skies' brightest pixels as the range of all skies",
        "dirty images are scaled from Jy per beam by one factor for each array, chosen on validation skies",
    ]
    if blind:
        pairs = sum(not set(blind).isdisjoint(array.split()) for array in arrays)
        notes.append(
            f"{', '.join(blind)} never sees the source: {pairs} of {len(arrays)} arrays observe with their other sites alone"
        )
    if silent:
        notes.append(f"no baseline of {'; '.join(silent)} sees the source: 0 bits, and images from flux and prior alone")
    if plan.quick:
        notes.append("quick: rings only, with fewer skies, weights and iterations than the full study; all arrays")
    return notes


def _text(statistic: Statistic) -> str:
    return f"{statistic.value:+.2f} ({statistic.bounds[0]:.2f} to {statistic.bounds[1]:.2f})"


def _widest_gap(observation: dict, sites: list[str]) -> float:
    """Return the widest gap from zero to the longest baseline in which an array has none, billions of wavelengths."""
    try:
        see = observed_by(observation).replace(sites=tuple(sites)).coverage
    except UsageError:
        return 0.0
    lengths = np.sort(np.append(np.hypot(see.u, see.v), 0.0))
    return float(np.diff(lengths).max() / 1e9)
