"""The study of color filter arrays: who sees which pictures, what its conclusion makes of results that are known, its figure."""

import json

import numpy as np
import pytest
from fixtures.figure import drawn, without_intervals

from ideal.studies import Context, Plan, find_study
from ideal.studies.engine.run import record_of
from ideal.studies.mosaics.decoding import decoded_linearly
from ideal.studies.mosaics.work import divided, informed, params_of, photographs, rows_of, told

STUDY = find_study("cfa")()
SMALL = {"count": 240, "seed": 0, "confidence": 0.95}
NEEDS = {"photographs": {"names": ["photographs"]}}


@pytest.fixture(autouse=True)
def without_data_folder(monkeypatch):
    monkeypatch.delenv("IDEAL_DATA", raising=False)


def test_every_job_needs_jobs_before_it_and_says_what_it_depends_on():
    for quick in (False, True):
        jobs, before = STUDY.jobs(Plan(quick=quick)), set()
        for job in jobs:
            assert set(job.needs) <= before
            assert job.settings["seed"] == 0 or job.settings["count"]
            json.dumps(job.settings)
            before.add(job.name)
        assert jobs[0].volatile
        assert len(before) == len(jobs)
    decoded = {job.settings["mosaic"] for job in STUDY.jobs(Plan()) if job.name.endswith("network")}
    assert {"bayer", "quad-bayer", "x-trans", "rgbw-bayer", "rgbw-kodak", "IDEAL total", "IDEAL color", "white"} <= decoded
    assert sum(name.startswith("random") for name in decoded) == 3
    lights = {job.settings["photons"] for job in STUDY.jobs(Plan()) if job.name.endswith("estimate")}
    assert lights == {100.0, 300.0, 1000.0}


def test_no_source_is_in_two_parts():
    design, measured, fold = divided(("photographs",), 600, 0)
    parts = [design.groups, *[measured.groups[index] for index in (fold.train, fold.validation, fold.test)]]
    assert sum(len(part) for part in parts) == 600
    assert len(np.unique(np.concatenate(parts))) == sum(len(np.unique(part)) for part in parts)
    assert photographs({"count": 600, "seed": 0}, {}, Context())["parts"]["design"]["scenes"] == len(design.groups)


def test_mosaics_have_their_filters():
    assert rows_of("bayer", SMALL, NEEDS) == ["RG" * 4, "GB" * 4] * 4
    assert [len(row) for row in rows_of("x-trans", SMALL, NEEDS)] == [6] * 6
    assert set("".join(rows_of("white", SMALL, NEEDS))) == {"W"}
    assert rows_of("random 1", SMALL, NEEDS) != rows_of("random 2", SMALL, NEEDS)
    assert rows_of("uneven 1", SMALL, NEEDS) == rows_of("uneven 1", SMALL, NEEDS)
    assert rows_of("IDEAL total", SMALL, NEEDS | {"IDEAL total: design": {"rows": ["WR", "GB"]}}) == ["WR", "GB"]
    assert params_of(["WR", "GB"])["filters"].argmax(-1).tolist() == [[3, 0], [1, 2]]


def test_a_decoder_is_scored_on_the_counts_that_are_estimated():
    settings = SMALL | {"mosaic": "bayer", "models": ["stationary"], "effort": 1.0, "photons": 300.0}
    estimate = informed(settings, NEEDS, Context())
    scores = decoded_linearly(settings | {"photons": [300.0]}, NEEDS, Context())
    for decoder in ("linear", "bilinear", "malvar"):
        own = scores[decoder]["300"]["psnr"]["by_source"]
        assert own["groups"] == estimate["by_source"]["groups"]
        assert own["counts"] == estimate["by_source"]["counts"]
    mean = {name: scores[name]["300"]["psnr"]["mean"] for name in ("linear", "bilinear", "malvar")}
    assert mean["linear"] > max(mean["bilinear"], mean["malvar"])


def test_closed_forms_know_that_white_tells_no_hue():
    settings = SMALL | {"mosaics": ["bayer", "white"], "photons": [100.0, 1000.0]}
    found = told(settings, NEEDS, Context())
    for light in found.values():
        assert light["white"]["total"] > light["bayer"]["total"]
        assert light["white"]["chroma"] == pytest.approx(0, abs=1e-6)
        assert light["white"]["color"] < light["bayer"]["color"] - 1
    assert all(found["1000"][name]["color"] > found["100"][name]["color"] for name in found["100"])


def made_up(plan, quality):
    """Return results of all jobs, with PSNR as a function of the number of a mosaic."""
    rng = np.random.default_rng(0)

    def kept(mean):
        sums = 10 * (mean + rng.normal(0, 1e-3, 12))
        return {"groups": list(range(12)), "sums": sums.tolist(), "counts": [10] * 12}

    def score(mean):
        return {"mean": mean, "interval": [mean - 0.1, mean + 0.1], "by_source": kept(mean)}

    def scores(number, gain=0.0):
        return {f"{light:g}": {"psnr": score(quality(number) + gain), "error": score(0.01 - gain / 1000)} for light in LIGHTS}

    names = [job.settings["mosaic"] for job in STUDY.jobs(plan) if job.name.endswith("linear decoder")]
    results = {}
    for job in STUDY.jobs(plan):
        name = job.settings.get("mosaic")
        number = names.index(name) if name else 0
        if job.name == "photographs":
            parts = {part: {"scenes": 10, "sources": 5} for part in ("design", "train", "validation", "test")}
            results[job.name] = {"names": ["photographs"], "notes": [], "parts": parts}
        elif job.name.endswith("design"):
            results[job.name] = {"rows": ["RG", "GW"]}
        elif job.name == "closed forms":
            told = {name: {"total": -i, "color": float(i), "mse": float(i), "chroma": 0.0} for i, name in enumerate(names)}
            results[job.name] = {f"{light:g}": told for light in LIGHTS}
        elif job.name.endswith("linear decoder"):
            rows = ["RG", "GB"] if name != "white" else ["WW", "WW"]
            results[job.name] = {"rows": rows, "linear": scores(number)}
        elif job.name.endswith("network"):
            results[job.name] = {"network": scores(number, 1.0), "validation_loss": 0.9}
        else:
            value = 2.0 - 0.1 * number
            shown = {"information": value, "interval": [value - 0.1, value + 0.1], "model": "causal-mixture"}
            results[job.name] = shown | {"by_source": kept(value)}
    return results


LIGHTS = (100.0, 300.0, 1000.0)


def statistics_of(record, text):
    return {each["name"].rpartition(", ")[2]: each for each in record["statistics"] if text in each["name"]}


def test_correlations_are_those_of_the_results():
    plan = Plan()
    record = record_of(STUDY, plan, made_up(plan, lambda number: 30.0 + 0.5 * number))
    for words, value in (
        ("Spearman, information about color with PSNR of the net", 1.0),
        ("Spearman, total information with PSNR of the net", -1.0),
    ):
        for light in LIGHTS:
            assert statistics_of(record, words)[f"{light:g} photons"]["value"] == pytest.approx(value)
    assert all(each["met"] for each in statistics_of(record, "information about color with PSNR of the net").values())
    record = record_of(STUDY, plan, made_up(plan, lambda number: 30.0 - 0.5 * number))
    assert not any(each["met"] for each in statistics_of(record, "information about color with PSNR of the net").values())
    assert {each["mosaic"] for each in record["rows"]} >= {"bayer", "white", "uneven 0"}


def test_claims_follow_the_results():
    plan = Plan()
    rising, falling = (
        record_of(STUDY, plan, made_up(plan, lambda number, slope=slope: 30.0 + slope * number))["claims"]
        for slope in (0.5, -0.5)
    )
    psnr = [next(each for each in claims if each["statement"].startswith("PSNR")) for claims in (rising, falling)]
    assert [each["agrees"] for each in psnr] == [False, False]  # random 0 is better, or the design worse than Bayer
    assert "42.19" in psnr[0]["published"]
    predicts = [next(each for each in claims if "decoded better" in each["statement"]) for claims in (rising, falling)]
    assert [each["agrees"] for each in predicts] == [False, True]
    assert predicts[0]["why"]
    best = [next(each for each in claims if "decoded best" in each["statement"]) for claims in (rising, falling)]
    assert [each["agrees"] for each in best] == [False, False]
    assert "(white)" in best[0]["measured"]  # the last of the mosaics, and the first
    assert "(bayer)" in best[1]["measured"]
    bare = [next(each for each in claims if "without any filters" in each["statement"]) for claims in (rising, falling)]
    assert [each["agrees"] for each in bare] == [False, False]  # here it tells less in all
    assert {each["published"] for each in (*best, *bare)} == {""}


def test_the_figure_is_drawn_from_the_record_alone_and_shows_every_mosaic():
    plan = Plan(quick=True)
    record = json.loads(json.dumps(record_of(STUDY, plan, made_up(plan, lambda number: 30.0 + 0.5 * number))))
    figure = drawn(STUDY, record, "abcde")
    texts = [text.get_text() for axes in figure.axes for text in axes.texts]
    shown = record["curves"]["shown"]
    for place, _ in enumerate(shown):
        assert sum(text == str(place + 1) or text.startswith(f"{place + 1}: ") for text in texts) == 4  # two of each light
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert sum(": Spearman 1.00" in title for title in titles) == 2, titles
    labels = [axes.get_xlabel() for axes in figure.axes] + [axes.get_ylabel() for axes in figure.axes]
    assert any("bits/pixel" in label for label in labels)
    assert any("dB" in label for label in labels)
    spread = np.median([row["network_psnr_high"] - row["network_psnr_low"] for row in record["rows"] if row["mosaic"] in shown])
    assert _bars(figure)[1] == pytest.approx(spread)
    bare = drawn(STUDY, without_intervals(record), "abcde")
    assert _bars(bare) == []


def _bars(figure):
    """Return the lengths of the bars in the first panel: along, and up."""
    bars = [each for container in figure.axes[0].containers for each in container.lines[2]]
    ends = [np.ptp(segment, axis=0) for each in bars for segment in each.get_segments() if len(segment)]
    return [length.max() for length in sorted(ends, key=lambda each: each[1]) if np.isfinite(length).all()]
