import json

import numpy as np
import pytest
from fixtures.figure import drawn, without_intervals
from scipy.ndimage import gaussian_filter

from ideal.information.intervals import GroupedValues
from ideal.optimize.objects import Part
from ideal.studies import Context, Plan, find_study
from ideal.studies.engine import world
from ideal.studies.engine.run import record_of
from ideal.studies.lensless import decoding, patches, work
from ideal.studies.lensless.claims import PUBLISHED, _gap
from ideal.studies.lensless.study import LIGHTS, SYSTEMS, Lensless

SMALL = {"set": "cifar10", "scene": [28, 26], "psf": [9, 8], "count": 60, "designed": 24, "seed": 0, "confidence": 0.95}
SMALL |= {"objects": "scenes", "designer": "IDEAL for scenes"}


def kept(mean, seed, key="mean", sources=12):
    """Return a score or an estimate whose sources differ by what is common to all systems."""
    common = 0.01 * np.random.default_rng(0).standard_normal(sources)
    values = mean + common - common.mean() + 1e-4 * np.random.default_rng(seed).standard_normal(sources)
    groups = GroupedValues.of(values, np.arange(sources))
    return {key: groups.mean, "interval": [groups.mean - 0.01, groups.mean + 0.01], "by_source": world.kept_values(groups)}


def results_of(study, plan, information, psnr, labels=True):
    """Return results as the jobs would give them; information and psnr are functions of (number of the system, photons)."""
    names = list(SYSTEMS)
    found = {}
    for number, job in enumerate(study.jobs(plan)):
        if job.volatile:
            there = job.name == "scenes" or labels
            found[job.name] = {"names": ["cifar10"] if there else [], "notes": [] if there else ["nothing was classified"]}
        elif job.work is work.designed:
            found[job.name] = {
                "start": "one-lens",
                "objective": "gaussian",
                "gain_of_start": 0.5,
                "gain": 0.8,
                "unit": "bits/pixel",
            }
        elif job.work is work.drawn:
            spot = gaussian_filter(np.pad([[100.0]], 15), 2)
            found[job.name] = {name: spot.tolist() for name in job.settings["designs"]}
        elif job.work is decoding.uncropped:
            found[job.name] = {name: {f"{light:g}": 25.0 for light in job.settings["lights"]} for name in names}
        elif job.work is patches.patched:
            found[job.name] = {name: {"16": 0.6, "48": 0.5} for name in names}
        else:
            place, photons = names.index(job.settings["design"]), job.settings["photons"]
            there = job.settings["objects"] == "scenes" or labels
            if job.work is work.informed:
                bits = kept(information(place, photons), number, "information") | {"model": "stationary"}
                found[job.name] = {"estimate": bits if there else None}
            elif job.work is decoding.classified:
                score = kept(0.1 + information(place, photons) / 4, number)
                found[job.name] = {"accuracy": score, "log_likelihood": score} if there else {"accuracy": None}
            else:
                own = {"setting": "balance 1", "psnr_db": kept(psnr(place, photons), number), "ssim": kept(0.5, number)}
                kinds = ("wiener", "unsupervised-wiener", "cropped-wiener", "total-variation")
                found[job.name] = {"decoders": dict.fromkeys(kinds, own), "best": "wiener", "without_captures_psnr_db": 13.0}
    return found


def rising(place, photons):
    return (1.5 if place == 5 else 1.0 / (1 + place)) * np.log2(photons) / 10


def statistic(record, name):
    return next(each for each in record["statistics"] if each["name"] == name)


@pytest.mark.parametrize("quick", [True, False])
def test_jobs_have_names_of_their_own_and_need_what_comes_before(quick):
    jobs = find_study("lensless")().jobs(Plan(quick=quick))
    names = [job.name for job in jobs]
    assert len(set(names)) == len(names)
    for number, job in enumerate(jobs):
        assert set(job.needs) <= set(names[:number])
        assert json.loads(json.dumps(job.settings)) == job.settings
    assert sum(job.work is decoding.decoded for job in jobs) == len(SYSTEMS) * (3 if quick else len(LIGHTS))
    assert all(any(need in ("scenes", "labelled pictures") for need in job.needs) for job in jobs if not job.volatile)


def test_a_decoder_that_follows_information_reaches_every_target_and_bears_out_the_orders():
    study, plan = Lensless(), Plan()
    record = record_of(study, plan, results_of(study, plan, rising, lambda place, photons: 20 + 3 * rising(place, photons)))
    assert statistic(record, "Spearman, information with PSNR, all cameras and lights")["value"] == pytest.approx(1)
    assert all(each["met"] is not False for each in record["statistics"])
    orders = [claim for claim in record["claims"] if " > " in claim["statement"]]
    assert len(orders) == 3
    assert all(claim["agrees"] for claim in orders)
    assert len(record["rows"]) == len(SYSTEMS) * len(LIGHTS)
    assert len({tuple(row) for row in record["rows"]}) == 1
    figure = drawn(study, json.loads(json.dumps(record)), "abc")
    assert len(figure.subfigs[1].axes) == 2
    lights = [text.get_text() for text in figure.subfigs[1].legends[0].get_texts()]
    assert lights[0] == f"{LIGHTS[0]:g} | {min(row['classified_photons'] for row in record['rows']):g}"
    assert len(lights) == len(LIGHTS)
    assert statistic(record, "Spearman, information with PSNR, all cameras and lights, camera by camera")["interval"] == [
        1.0,
        1.0,
    ]


def test_a_decoder_against_information_misses_the_targets_and_says_so():
    study, plan = Lensless(), Plan(quick=True)
    record = record_of(study, plan, results_of(study, plan, rising, lambda place, photons: 20 - 3 * rising(place, photons)))
    over = statistic(record, "Spearman, information with PSNR, one lens over lights")
    assert over["value"] == pytest.approx(-1)
    assert over["met"] is False
    assert sum("target missed" in note for note in record["notes"]) == 1 + len(SYSTEMS)
    psnr = next(claim for claim in record["claims"] if claim["statement"].startswith("PSNR"))
    assert psnr["agrees"] is False
    assert any("decodes" in note and "dB worse" in note for note in record["notes"])


def test_without_labels_nothing_is_said_of_accuracy():
    study, plan = Lensless(), Plan(quick=True)
    record = record_of(
        study, plan, results_of(study, plan, rising, lambda place, photons: 20 + place + photons / 99, labels=False)
    )
    assert not any("accuracy" in each["name"] for each in record["statistics"])
    assert all(row["accuracy"] is None for row in record["rows"])
    assert "nothing was classified" in record["notes"]
    figure = drawn(study, without_intervals(record), "ab")
    assert len(figure.subfigs[1].axes) == 1


def test_curves_are_compared_where_both_have_the_same_information():
    assert _gap([[0.0, 1.0], [0.5, 2.0]], [[10.0, 20.0], [13.5, 28.5]]) == pytest.approx(1.5)  # 10 + 10 x and 8.5 + 10 x
    assert _gap([[0.0, 1.0], [1.5, 2.0]], [[10.0, 20.0], [13.5, 28.5]]) is None
    one, four = (list(zip(*PUBLISHED[name], strict=True)) for name in ("one-lens", "four-lenslets"))
    assert 0.3 < _gap([one[0], four[0]], [one[1], four[1]]) < 2


@pytest.fixture
def without_data(monkeypatch):
    monkeypatch.delenv("IDEAL_DATA", raising=False)
    monkeypatch.setattr(work.world, "first_available", lambda wanted, otherwise, scene: ([otherwise], ["not here"]))


def test_the_work_in_small_on_the_photographs_that_are_always_there(without_data):
    found = work.scenes(SMALL, {}, Context())
    assert found["names"] == ["photographs"]
    assert work.labelled(SMALL, {}, Context())["names"] == []
    needs = {"scenes": found}
    design, measured = work.objects_of(SMALL, needs)
    assert (design.count, measured.count) == (24, 60)
    assert design.scenes.shape[1:] == (28, 26)
    own = SMALL | {"design": "two-lenslets", "photons": 100.0, "validated": 5, "balances": [0.3, 1.0], "weights": [0.1]}
    scores = decoding.decoded(own, needs, Context())
    best = scores["decoders"][scores["best"]]
    assert best["validation_psnr_db"] == max(each["validation_psnr_db"] for each in scores["decoders"].values())
    assert best["psnr_db"]["mean"] > scores["without_captures_psnr_db"] + 1
    assert decoding.decoded(own, needs, Context()) == scores
    dim = decoding.decoded(own | {"photons": 4.0}, needs, Context())
    assert dim["decoders"][dim["best"]]["psnr_db"]["mean"] < best["psnr_db"]["mean"]
    whole = decoding.uncropped(SMALL | {"designs": ["one-lens", "two-lenslets"], "lights": [4.0, 100.0]}, needs, Context())
    assert whole["one-lens"]["100"] > whole["one-lens"]["4"] > scores["without_captures_psnr_db"]
    assert whole["one-lens"]["100"] > whole["two-lenslets"]["100"] > scores["without_captures_psnr_db"]
    functions = work.drawn(SMALL | {"designs": ["one-lens", "diffuser"]}, needs, Context())
    assert np.sum(functions["diffuser"]) == pytest.approx(100, rel=1e-3)


def test_what_is_designed_for_is_never_measured(without_data):
    design, measured = work._regions((20, 20), 300, 100, 3)
    found = {scene.tobytes() for scene in design.scenes}
    assert not any(scene.tobytes() in found for scene in measured.scenes)
    assert len(np.unique(measured.groups)) > 60  # so that an estimate needs one fold only
    again = work._regions((20, 20), 300, 100, 3)
    assert np.array_equal(again[1].scenes, measured.scenes)


def halves(shape, count=240):
    """Return pictures of which the left or the right half is lit, four of each source."""
    labels = np.random.default_rng(0).integers(0, 2, count)
    lit = labels[:, None, None] == np.arange(shape[1]) * 2 // shape[1]
    scenes = (0.05 + lit * np.ones((shape[0], 1))).astype(np.float32)
    return Part(scenes, labels, np.arange(count) // 4, ("left", "right"))


@pytest.mark.slow
def test_the_classifier_tells_halves_apart_on_sources_that_it_has_not_seen(monkeypatch):
    pictures, needs = halves((12, 12)), {"labelled pictures": {"names": ["halves"]}}
    monkeypatch.setattr(work, "_read", lambda *settings: (pictures, pictures))
    settings = SMALL | {"scene": [12, 12], "psf": [6, 6], "objects": "labelled pictures", "design": "one-lens", "photons": 20.0}
    found = decoding.classified(settings | {"effort": 0.01}, needs, Context())
    assert found["accuracy"]["mean"] > 0.9
    assert found["test"] == sum(found["accuracy"]["by_source"]["counts"]) == 48


def test_a_patch_of_independent_pixels_has_the_same_bits_in_any_size(monkeypatch):
    light = np.random.default_rng(5).gamma(4.0, 0.1, (400, 20, 20)).astype(np.float32)
    part = Part(light, None, np.arange(400))
    monkeypatch.setattr(work, "_read", lambda *settings: (part, part))
    monkeypatch.setattr(
        work, "params_of", lambda settings, needs: {"psf": np.eye(5) / 5 if settings["design"] == "line" else [[1.0]]}
    )
    settings = SMALL | {"scene": [20, 20], "photons": 50.0, "designs": ["point", "line"], "sides": [4, 9]}
    found = patches.patched(settings, {"scenes": {"names": ["gamma"]}}, Context())
    signal = 50.0**2 * light.var() / light.mean() ** 2
    assert found["point"]["4"] == pytest.approx(0.5 * np.log2(1 + signal / 50), rel=0.01)
    assert found["point"]["9"] == pytest.approx(found["point"]["4"], rel=0.01)
    assert found["line"]["4"] > 1.05 * found["line"]["9"]  # light of one point falls on both ends of a larger patch


def test_without_pictures_there_is_nothing_to_classify():
    needs = {"labelled pictures": {"names": []}}
    settings = SMALL | {"objects": "labelled pictures"}
    assert decoding.classified(settings, needs, Context()) == {"accuracy": None}
    assert work.designed(settings, needs, Context()) == {"psf": None}
    assert work.informed(settings, needs, Context()) == {"estimate": None}
