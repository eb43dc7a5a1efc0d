"""Two points or one: information against numerical aperture, exact and estimated, where one bit is at stake."""

from collections.abc import Mapping
from operator import itemgetter
from typing import Any

from matplotlib.figure import Figure

from ideal.information.results import LN2
from ideal.studies.engine.contract import Claim, Findings, Job, Plan, Statistic, Study
from ideal.studies.two_points import work
from ideal.studies.two_points.figure import draw

# Bits by (signal-to-noise ratio, numerical aperture).
PUBLISHED = [(0.1, 0.2, 0.08), (0.1, 0.3, 0.50), (0.1, 0.4, 0.86), (0.1, 0.5, 1.00), (1.0, 0.1, 0.27), (1.0, 0.2, 0.99)]
NETWORK_BITS, NETWORK_TRUTH = 1.283, 0.994  # published estimate of a PixelCNN, and the exact value there
TOLERANCE = 0.02

LINE = {"pixels": 65, "per_wavelength": 8, "fill": 1.0, "snr": "light"}
_OTHERS = [
    LINE | {"fill": 0.0},
    {"pixels": 97, "per_wavelength": 6, "fill": 1.0, "snr": "light"},
    {"pixels": 513, "per_wavelength": 16, "fill": 0.0, "snr": "light"},
    {"pixels": 512, "per_wavelength": 20, "fill": 0.0, "snr": "mean"},
    LINE | {"snr": "power"},
]
_RATIOS = (0.1, 1.0, 10.0)
_POINTS = {0.1: (0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0), 1.0: (0.05, 0.1, 0.14, 0.2, 0.4), 10.0: (0.04, 0.05, 0.07, 0.1)}
_QUICK_POINTS = {0.1: (0.2, 0.3, 0.4, 0.5), 1.0: (0.1, 0.2)}
# Evenly on a logarithmic axis, and all that are published or measured.
_APERTURES = sorted(
    {round(0.03 * (1 / 0.03) ** (step / 70), 4) for step in range(71)}
    | {na for _, na, _ in PUBLISHED}
    | {na for found in _POINTS.values() for na in found}
)
_MODELS = ("full", "gaussian-mixture")
_NETWORKS = ("causal-mixture", "pixel-cnn")
_AT = (1.0, 0.2)  # where networks are tried


class TwoPoint(Study):
    """The resolution of two points as a question of one bit."""

    name = "two-point"
    title = "One point or two: information against numerical aperture"
    summary = "the two-point resolution problem: exact information and estimates, 1 bit at stake"

    def jobs(self, plan: Plan) -> list[Job]:
        """Return the exact values, then noisy lines at single apertures and ratios."""
        settings = {"published": PUBLISHED, "line": LINE, "others": _OTHERS, "na": _APERTURES, "snr": _RATIOS}
        settings["published_na"] = sorted({na for _, na, _ in PUBLISHED})
        jobs = [Job("exact", work.exact, settings)]
        base: dict[str, Any] = {"line": LINE, "count": 8000 if plan.quick else 16_000, "confidence": plan.confidence}
        for number, (snr, na) in enumerate(_points(plan)):
            here = base | {"snr": snr, "na": na, "seed": plan.seed + number, "models": _MODELS, "effort": 0.1}
            jobs.append(Job(_name(snr, na), work.measured, here, ("exact",)))
        # Of the same seed as the other models there, so that all see the same lines.
        seed = plan.seed + _points(plan).index(_AT)
        there = base | {"snr": _AT[0], "na": _AT[1], "seed": seed, "effort": 0.05 if plan.quick else 0.25}
        jobs += [Job(f"{_name(*_AT)}: {name}", work.networks, there | {"models": [name]}, ("exact",)) for name in _NETWORKS]
        return jobs

    def conclude(self, plan: Plan, results: Mapping[str, dict]) -> Findings:
        """Return exact values beside the published ones, and estimates beside the exact ones."""
        exact = results["exact"]
        rows = [_row(snr, na, results[_name(snr, na)], exact) for snr, na in _points(plan)]
        networks = {name: results[f"{_name(*_AT)}: {name}"]["by_model"][name] for name in _NETWORKS}
        published = [
            {"snr": snr, "na": na, "published": value, "exact": found}
            for (snr, na, value), found in zip(PUBLISHED, exact["at_published"], strict=True)
        ]
        curves = {
            "na": _APERTURES,
            "exact": exact["bits"],
            "published": published,
            "networks": {name: {"snr": _AT[0], "na": _AT[1], "bits": found} for name, found in networks.items()},
        }
        statistics = _statistics(rows, published, plan)
        return Findings(rows, statistics, _claims(published, rows, networks, exact), _notes(rows, exact), curves)

    def draw(self, record: Mapping[str, Any]) -> Figure:
        """Return the figure of a record."""
        return draw(record)


def _points(plan: Plan) -> list[tuple[float, float]]:
    return [(snr, na) for snr, found in (_QUICK_POINTS if plan.quick else _POINTS).items() for na in found]


def _name(snr: float, na: float) -> str:
    return f"SNR {snr:g}, NA {na:g}"


def _row(snr: float, na: float, found: Mapping, exact: Mapping) -> dict:
    row = {"snr": snr, "na": na, "exact_bits": exact["bits"][f"{snr:g}"][_APERTURES.index(na)], "model": found["chosen"]}
    paired = found["paired"][found["chosen"]]
    for name, (value, low, high) in (
        ("estimate", found["bits"]),
        ("paired", paired),
        ("full_gaussian", found["by_model"]["full"]),
        ("label", found["task"]),
    ):
        row |= {f"{name}_bits": value, f"{name}_low": low, f"{name}_high": high}
    return row | {"fano_bits": found["fano"], "components": found["components"], "n_fitted": found["n_fitted"]}


def _statistics(rows: list[dict], published: list[dict], plan: Plan) -> list[Statistic]:
    worst = max(published, key=lambda each: abs(each["exact"] - each["published"]))
    deviation = abs(worst["exact"] - worst["published"])
    highest, sharpest = (max(rows, key=itemgetter(f"{name}_low")) for name in ("estimate", "paired"))
    inside = [row["estimate_low"] <= row["exact_bits"] for row in rows]
    sure = f"{100 * plan.confidence:g} %"
    return [
        Statistic(
            f"{TOLERANCE} bit less the greatest deviation of exact from published values",
            TOLERANCE - deviation,
            None,
            0.0,
            f"{len(published)} published values; one constant fitted to them, and the best of 120 combinations of pitch, fill and"
            f" length in round figures: see the notes; greatest {deviation:.4f} bit at {_name(worst['snr'], worst['na'])}",
        ),
        Statistic(
            "1 bit less the highest lower end of an estimate's interval",
            1 - highest["estimate_low"],
            None,
            0.0,
            f"{len(rows)} estimates as `ideal estimate` makes them, {sure} intervals; highest"
            f" {highest['estimate_bits']:.3f} ({highest['estimate_low']:.3f} to {highest['estimate_high']:.3f})"
            f" at {_name(highest['snr'], highest['na'])}",
        ),
        Statistic(
            "1 bit less the highest lower end, the scatter of the noise taken out",
            1 - sharpest["paired_low"],
            None,
            0.0,
            f"the same models on fresh lines, ln p(y|x) - ln q(y): fitting costs; highest {sharpest['paired_bits']:.4f}"
            f" ({sharpest['paired_low']:.4f} to {sharpest['paired_high']:.4f}) at {_name(sharpest['snr'], sharpest['na'])}",
        ),
        Statistic(
            "share of estimates whose interval begins below the exact value",
            sum(inside) / len(inside),
            None,
            None,
            f"of {len(inside)}; an estimate is a bound from above, so that this, and not coverage, is what an interval promises",
        ),
    ]


def _claims(published: list[dict], rows: list[dict], networks: Mapping, exact: Mapping) -> list[Claim]:
    claims = []
    for each in published:
        apart = each["exact"] - each["published"]
        agrees = abs(apart) <= TOLERANCE
        claims.append(
            Claim(
                f"information at {_name(each['snr'], each['na'])}",
                f"{each['published']:.2f} bit",
                f"{each['exact']:.4f} bit exact ({apart:+.4f})",
                agrees,
                "" if agrees else "no choice of the one constant brings all six values nearer than this",
            )
        )
    here = next(row for row in rows if (row["snr"], row["na"]) == _AT)
    above = here["estimate_low"] > 1
    told = "; ".join(f"{name} {value:.3f} ({low:.3f} to {high:.3f})" for name, (value, low, high) in networks.items())
    claims.append(
        Claim(
            "where nearly all of the bit is there, an estimate says more than 1 bit",
            f"PixelCNN {NETWORK_BITS} bits where the truth is {NETWORK_TRUTH}",
            f"{here['model']} {here['estimate_bits']:.3f} ({here['estimate_low']:.3f} to {here['estimate_high']:.3f}), exact"
            f" {here['exact_bits']:.4f}; {told}",
            bool(above or any(low > 1 for _, low, _ in networks.values())),
            f"at {_name(*_AT)}: networks alone are loose bounds here, since the two lines differ by less than the noise in every"
            " pixel; the interval of the mixture, which validation prefers, "
            + ("lies above 1 bit too" if above else "does not lie above 1 bit"),
        )
    )
    return claims


def _notes(rows: list[dict], exact: Mapping) -> list[str]:
    others = ", ".join(f"{_said(each['line'])}: {each['worst']:.4f}" for each in exact["definitions"])
    deep = max(rows, key=lambda row: row["exact_bits"])
    gaussian = max(rows, key=lambda row: row["full_gaussian_bits"] - row["exact_bits"])
    size, least = LINE["pixels"], exact["least_of_any"]
    cost = (deep["components"] + 1) * size / (2 * deep["n_fitted"]) / LN2
    found = deep["paired_bits"] - deep["exact_bits"]
    return [
        f"a line of {size} filled pixels of 1/{LINE['per_wavelength']} wavelength before a slit lens; two points one wavelength"
        " apart, or one of the same light between them; white Gaussian noise",
        f"SNR 1 is {exact['unit']:.1f} standard deviations of light in a point: the one constant that is fitted, to the published"
        " table",
        "pitch and fill of the pixels and the length of the line were looked for among round figures, and the best is used;"
        f" greatest deviation of others, bit: {others}",
        f"any two means whose distance grows with SNR miss one of the two values published at NA {least['na']:g} by at least"
        f" {least['worst']:.4f} bit: the published values hold an error beyond their rounding",
        f"an estimate's own interval is wide since H(Y|X) is known as an expectation and the noise that was drawn in {size}"
        " values scatters by several nats; the figure shows the same models with that noise taken out of each fresh line, which"
        " only a simulation can",
        f"a mixture pays for what it fits: means and variances cost about {cost:.4f} bit ({deep['components']} components of"
        f" {size} values from {deep['n_fitted']} lines); found at {_name(deep['snr'], deep['na'])}: {found:+.4f} bit above exact",
        f"a single Gaussian is a valid bound and useless here: {gaussian['full_gaussian_bits']:.2f} bits at"
        f" {_name(gaussian['snr'], gaussian['na'])}",
        "the label is the object, so information about the label is the information; its figures are bounds from below",
    ]


def _said(line: Mapping) -> str:
    fill = "filled" if line["fill"] else "sampled"
    unit = {"light": "SNR's unit fitted", "mean": "SNR = mean signal over sigma", "power": "SNR of powers, unit fitted"}
    return f"{line['pixels']} {fill} pixels of 1/{line['per_wavelength']} wavelength, {unit[line['snr']]}"
