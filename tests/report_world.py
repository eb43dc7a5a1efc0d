"""Folders of runs for the tests of `ideal report`: records as the commands write them, small, and with what is hard to show."""

import json
import re
from functools import cache
from html.parser import HTMLParser
from io import BytesIO

import numpy as np
from matplotlib.figure import Figure

from ideal.studies.engine.contract import Claim, Findings, Plan, Statistic, Study
from ideal.studies.engine.run import record_of

NASTY = "<script>alert('x')</script> & \"quoted\""  # what a user may name a file or write in a note
VERSIONS = {"ideal": "0.1.0", "numpy": "2.0.0"}


class Telescopes(Study):
    """A study without jobs."""

    name, title, summary = "radio", "Arrays of telescopes", "information of arrays against what is reconstructed"

    def jobs(self, plan):
        return []

    def conclude(self, plan, results):
        rows = [
            {
                **{"sites": f"ALMA-{number}", "array": "EHT2017", "information_bits": 10.5 * number},
                **{"information_low": 10.5 * number - 1, "information_high": 10.5 * number + 1},
                **{"psnr_db": 20 + 0.1 * number, "mse": 1e-5 * (number + 1), "exact": None},
            }
            for number in range(40)
        ]
        return Findings(
            rows,
            [
                Statistic("Spearman, SSIM", 0.91, (0.86, 0.94), 0.85, "40 arrays"),
                Statistic("Spearman, PSNR", 0.61, (0.5, 0.7), 0.85),
                Statistic("times as fast", 58.0),
            ],
            [
                Claim("more bits, better images", "0.87", "0.91 (0.86 to 0.94)", True),
                Claim("a factor of 25", "14 to 360 bits", "12 to 301 bits", None, "the published figures carry an excess"),
                Claim(NASTY, "0.79", "0.61", False, NASTY),
            ],
            [NASTY, "take more objects with --count"],
        )

    def draw(self, record):
        raise NotImplementedError


def estimate_of(path, information, **more):
    """Return what run.json says of one file."""
    interval = [information - 0.05, information + 0.05]
    return {
        **{"path": path, "noise": {"name": "poisson", "entropy_from": "measurements"}, "model": "full"},
        **{"information_bits_per_pixel": information, "interval": interval, "confidence": 0.95},
        **{"information_bits_per_measurement": 64 * information, "entropy_bits_per_pixel": 5 + information},
        **{"noise_entropy_bits_per_pixel": 5.0, "information_rate": None},
        "models": {
            "stationary": {"information_bits_per_pixel": information + 0.1, "interval": [None, None], "seconds": 0.5},
            "full": {"information_bits_per_pixel": information, "interval": interval, "seconds": 0.25},
        },
        **{"patch": [8, 8], "n_train": 60, "n_validation": 20, "n_test": 100, "n_groups": 30, "n_folds": 5, "seconds": 1.5},
        **{"warnings": [], "peak_memory_mb": 300.0},
        **more,
    }


def estimate_record(*found, status="finished", **more):
    """Return the run.json of `ideal estimate`."""
    files = [each["path"] for each in found]
    pairs = [(a, b) for place, a in enumerate(found) for b in found[place + 1 :]]
    key = "information_bits_per_pixel"
    return {
        "status": status,
        "configuration": {"files": files, "groups": None, "models": ["full"], "patch": [8, 8], "confidence": 0.95, "seed": 0},
        "inputs": {name: f"sha256:{'ab' * 32}" for name in files},
        "versions": VERSIONS,
        "command": ["ideal", "estimate", *files, "--out", "runs/my run"],
        **{"version": "0.1.0", "seed": 0, "results": list(found)},
        "comparison": [
            {
                **{"a": a["path"], "b": b["path"], "difference_bits_per_pixel": a[key] - b[key]},
                "interval": [-0.1, 0.9],
                "paired": True,
            }
            for a, b in pairs
        ],
        "errors": [],
        **more,
    }


def design_record():
    """Return the run.json of `ideal optimize` for a mosaic, with bits about the label."""
    rows = []
    for place, (name, role) in enumerate((("the design", "design"), ("its start", "start"), ("bayer", "named"))):
        rows.append(
            {
                **{"name": name, "role": role, "information_bits_per_pixel": 2.0 - 0.5 * place, "interval": [1.0, 2.5]},
                **{"information_bits_per_measurement": 128.0, "pixels": 64, "values": 64, "pixel_name": "pixel"},
                **{"complex": False, "confidence": 0.95, "model": "full", "warnings": [], "targets": {"total": 2.1, "red": 0.01}},
                "design_is_above_by": None if place == 0 else 0.5 * place,
                "difference_interval": None if place == 0 else [0.25, None if place == 2 else 0.75],
                "paired": None if place == 0 else True,
                **{"label_information_bits": 0.7, "label_interval": [0.6, 0.8], "label_entropy_bits": 1.585},
                **{"label_error_rate": 0.25, "filters": {"red": 1, "green": 2, "blue": 1}},
            }
        )
    rows[1] |= {"start": "random", "near": True}
    return {
        "status": "finished",
        "configuration": {
            **{
                "system": {"name": "color-filter-array"},
                "optimize": {"objects": NASTY, "objective": "gaussian", "target": "label", "seed": 0},
                "files": [],
            },
            **{"objects": {"name": NASTY}, "n_objects": [35, 20, 45], "exposure": 1.0},
        },
        **{"inputs": {}, "versions": VERSIONS, "version": "0.1.0", "seed": 0, "system": "color-filter-array", "objects": NASTY},
        "command": ["ideal", "optimize", "color-filter-array", NASTY, "--out", "runs/colour"],
        **{"objective": "gaussian", "target": "label", "request": {}, "noise": {"name": "poisson"}, "photons": 100.0},
        **{"n_measure": 45, "steps": 20, "stopped": "patience", "start": "random", "gain_unit": "bits/pixel", "seconds": 130.0},
        **{"gain": {"start": 1.0, "ascent": 1.5, "search": 1.75}, "designs": rows, "left_out": ["white"], "components": None},
        **{"warnings": [f"few sources in {NASTY}", "take more"], "errors": [], "peak_memory_mb": 500.0},
    }


def unfinished_record(record):
    """Return what run.json says while its run goes on."""
    return {key: record[key] for key in ("configuration", "inputs", "versions", "command")} | {"status": "running"}


def reproduction_record(quick=False, seed=0):
    """Return the run.json of `ideal reproduce`."""
    record = record_of(Telescopes(), Plan(quick=quick, seed=seed), {})
    return record | {
        **{"seconds": 90.0, "jobs": {"all": 4, "done_now": 1}, "figures": ["figure.png", "figure.svg"]},
        **{"command": ["ideal", "reproduce", "radio"], "version": "0.1.0", "status": "finished"},
    }


def write_run(folder, record, figures=()):
    """Write a folder of a run with small figures; return it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")
    for name in figures:
        (folder / name).write_bytes(drawn(name.rpartition(".")[2]))
    return folder


@cache
def drawn(suffix):
    """Return a small figure as the bytes of a file."""
    file, figure = BytesIO(), Figure(figsize=(3, 2))
    figure.subplots().plot(np.arange(3))
    figure.savefig(file, format=suffix, dpi=100)
    return file.getvalue()


DESIGN_FIGURES = ("design-before.png", "design-after.png", "comparison.png", "ascent.png", "targets.png", "measurements.png")


def write_runs(folder):
    """Write runs of every kind, finished and not; return their folders by name."""
    design = design_record()
    many = estimate_record(estimate_of(f"{NASTY.replace('/', '')}.h5", 0.9), estimate_of("long-" * 20 + "name.h5", 0.45))
    failed = estimate_record(estimate_of("a.h5", 0.3), status="failed", errors=[f"{NASTY}: no samples"])
    return {
        "estimate": write_run(folder / "estimate", many, ["information.png"]),
        "design": write_run(folder / "design", design, DESIGN_FIGURES),
        "unfinished": write_run(folder / "unfinished", unfinished_record(design)),
        "failed": write_run(folder / "failed", failed, ["information.png"]),
        "reproduction": write_run(folder / "reproduction", reproduction_record(), ["figure.png", "figure.svg"]),
    }


VOID = {"meta", "link", "img", "wbr", "line", "circle", "br"}


class Page(HTMLParser):
    """A page as (tag, attributes) in order, the text of each element that has a class or a heading, and all text."""

    def __init__(self, html, result=None):
        super().__init__()
        self.html, self.result = html, result
        self.tags, self.texts, self._open, self.text = [], [], [], ""
        self.feed(html)
        assert not self._open

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self._open.append((tag, len(self.text)))

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        opened, place = self._open.pop()
        assert opened == tag
        self.texts.append((tag, " ".join(self.text[place:].split())))

    def handle_data(self, data):
        if not any(tag == "style" for tag, _ in self._open):
            self.text += data

    def of(self, tag):
        return [text for name, text in self.texts if name == tag]

    def rows(self, caption):
        """Return the rows of the table below a caption, the head first."""
        html = self.rawdata_of_table(caption)
        rows = re.findall(r"<tr[^>]*>(.*?)</tr>", html, re.DOTALL)
        cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in rows]
        return [[" ".join(re.sub(r"<[^>]*>", "", cell).split()) for cell in row] for row in cells]

    def rawdata_of_table(self, caption):
        found = re.search(rf'<(p|summary) class="caption"[^>]*>{re.escape(caption)}</.*?<table.*?</table>', self.html, re.DOTALL)
        return found[0]


def read_page(ideal, target, *runs):
    """Write a page of runs and read it."""
    result = ideal("report", *runs, "-o", target, "--force")
    assert result.exit_code == 0, result.stderr
    return Page(target.read_text(encoding="utf-8"), result)
