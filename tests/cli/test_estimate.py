"""`ideal estimate`: what it takes and what numbers come out."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from fixtures.cli import FAST, GAUSSIAN, POISSON, document, information, without_timings

# What has to work: arguments, bits counted per what, sizes.
RIGHT = [
    (("a.h5", *FAST), [8, 8]),
    (("a.h5", "--model", "stationary", "--patch", "8x4"), [8, 4]),
    (("a.h5", "--model", "stationary", "--patch", "1"), [1, 1]),
    (("a.h5", "--model", "stationary", "--patch", "1000"), [16, 16]),
    (("a.h5", "--max-patches", "10", *FAST), [8, 8]),
    (("a.h5", "--confidence", "0.999", *FAST), [8, 8]),
    (("a.h5", "--model", "all", "--patch", "4", "--effort", "0.02"), [4, 4]),
    (("./a.h5", *FAST), [8, 8]),
    (("foreign.h5", *POISSON), [8, 8]),
    (("foreign.h5::run/images", *POISSON), [8, 8]),
    (("one.npy", "--noise", "poisson", "--patch", "4", "--model", "stationary"), [4, 4]),
    (("big.tif", *POISSON), [8, 8]),
    (("small.npy", *POISSON), [6, 5]),
    (("saturated.npy", *POISSON), [8, 8]),
    (("float.npy", "--sigma", "5", *GAUSSIAN), [8, 8]),
    (("pixel-sigma.h5", *FAST), [8, 8]),
    (("color8.npy", *POISSON), [8, 8]),
    (("color.npy", "--sigma", "5", *GAUSSIAN), [8, 8]),
    (("camera.npy", "--noise", "poisson-gaussian", "--gain", ".45", "--offset", "100", "--read-noise", "1.6", *FAST), [8, 8]),
    (("half-gain.npy", "--gain", ".5", "--offset", "100", *POISSON), [8, 8]),
    (("vectors.npy", "--noise", "poisson"), [16]),
    (("visibilities.npy", "--noise", "complex-gaussian", "--sigma", "3"), [12]),
]


@pytest.mark.slow
@pytest.mark.parametrize(("arguments", "patch"), RIGHT, ids=[" ".join(arguments[:5]) for arguments, _ in RIGHT])
def test_estimates(ideal, arguments, patch):
    found = document(ideal("estimate", *arguments, "--json"))
    (result,) = found["results"]
    assert result["patch"] == patch
    low, high = result["interval"]
    assert low < result["information_bits_per_pixel"] < high
    per_measurement = result["information_bits_per_pixel"] * np.prod(patch)
    assert result["information_bits_per_measurement"] == pytest.approx(per_measurement)
    difference = result["entropy_bits_per_pixel"] - result["noise_entropy_bits_per_pixel"]
    assert result["information_bits_per_pixel"] == pytest.approx(difference)
    assert found["errors"] == []
    assert found["comparison"] == []


def test_camera_numbers_and_their_photons_agree(ideal):
    """The camera's read noise and converter take little from 50 photons, and DN with a gain are not other photons."""
    camera = ("--noise", "poisson-gaussian", "--gain", ".45", "--offset", "100", "--read-noise", "1.6")
    (counts,) = information(ideal("estimate", "counts.npy", *POISSON, "--json"))
    (halves,) = information(ideal("estimate", "half-gain.npy", "--gain", ".5", "--offset", "100", *POISSON, "--json"))
    (noisy,) = information(ideal("estimate", "camera.npy", *camera, *FAST, "--json"))
    assert halves == pytest.approx(counts, abs=2e-3)  # models stand on a floor that knows what 16 bits can hold
    assert counts - 0.1 < noisy < counts


def test_saturation_and_few_sources_are_warned_of_on_stderr(ideal):
    result = ideal("estimate", "saturated.npy", *POISSON, "--json")
    warnings = document(result)["results"][0]["warnings"]
    assert any("at the ceiling, 60 photoelectrons" in text and "censored channel" in text for text in warnings)
    lines = result.stderr.splitlines()
    assert all(line.startswith("ideal: warning: saturated.npy: ") for line in lines)
    assert len(lines) == len(warnings)
    assert "blocks of the image" in ideal("estimate", "big.tif", *POISSON).stderr


def test_clipped_values_are_modelled_or_refused(ideal, data):
    found = document(ideal("estimate", "saturated.npy", *POISSON, "--saturation", "50", "--json"))["results"][0]
    assert found["noise"]["ceiling"] == 50
    np.save(data / "cut.npy", np.maximum(np.load(data / "float.npy") - 50, 0))
    refused = ideal("estimate", "cut.npy", "--sigma", "5", *GAUSSIAN)
    assert refused.exit_code == 2
    assert "at the floor, 0" in refused.stderr
    assert "--allow-clipped" in refused.stderr
    allowed = document(ideal("estimate", "cut.npy", "--sigma", "5", *GAUSSIAN, "--allow-clipped", "--json"))["results"][0]
    assert [each["severity"] for each in allowed["findings"] if each["name"] == "clipped"] == ["void"]
    shown = document(ideal("inspect", "cut.npy", "--sigma", "5", "--noise", "gaussian", "--json"))
    assert [each["severity"] for each in shown["findings"] if each["name"] == "clipped"] == ["void"]


def test_a_warning_of_several_files_takes_one_line(ideal):
    result = ideal("estimate", "a.h5", "b.h5", "c.h5", *FAST)
    assert result.stderr.count("no groups") == 1
    assert "a.h5, b.h5, c.h5: no groups" in result.stderr


def test_ranking(ideal):
    result = ideal("estimate", "c.h5", "a.h5", "b.h5", *FAST)
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines()[1:]] == ["a.h5", "b.h5", "c.h5"]
    found = document(ideal("estimate", "c.h5", "a.h5", "b.h5", *FAST, "--json"))
    value = {each["path"]: each["information_bits_per_pixel"] for each in found["results"]}
    pairs = [("a.h5", "b.h5"), ("b.h5", "c.h5")]
    assert [(each["a"], each["b"]) for each in found["comparison"]] == pairs
    for each in found["comparison"]:
        assert each["difference_bits_per_pixel"] == pytest.approx(value[each["a"]] - value[each["b"]])
        assert each["paired"]
    assert found["comparison"][0]["interval"][0] > 0
    every = document(ideal("estimate", "c.h5", "a.h5", "b.h5", *FAST, "--json", "--all-pairs"))["comparison"]
    assert sorted((each["a"], each["b"]) for each in every) == sorted([*pairs, ("a.h5", "c.h5")])


def test_files_go_by_names_of_ones_own(ideal, tmp_path):
    arguments = ("estimate", "sharp one=a.h5", "soft=b.h5", *FAST)
    told = ideal(*arguments, "--out", tmp_path / "run")
    assert [line.split("  ")[0] for line in told.stdout.splitlines()[1:]] == ["sharp one", "soft"]
    plain, named = (document(ideal("estimate", *files, *FAST, "--json")) for files in (("a.h5", "b.h5"), arguments[1:3]))
    assert [each["path"] for each in named["results"]] == ["sharp one", "soft"]
    bits = [[each["information_bits_per_pixel"] for each in one["results"]] for one in (named, plain)]
    assert bits[0] == bits[1]
    page = tmp_path / "page.html"
    assert ideal("report", tmp_path / "run", "-o", page).exit_code == 0
    assert "sharp one" in page.read_text()
    assert ideal("plot", tmp_path / "run", "-o", tmp_path / "again.png").stderr == ""
    assert "named twice" in ideal("estimate", "a=a.h5", "a=b.h5", *FAST).stderr
    Path("k=v.h5").write_bytes(Path("a.h5").read_bytes())
    assert document(ideal("estimate", "k=v.h5", *FAST, "--json"))["results"][0]["path"] == "k=v.h5"
    Path("k=v.h5").unlink()


def test_a_ranking_of_different_kinds_is_not_paired(ideal):
    found = document(ideal("estimate", "a.h5", "small.npy", *POISSON, "--json"))
    assert not found["comparison"][0]["paired"]
    shown = ideal("estimate", "a.h5", "small.npy", *POISSON)
    assert "unpaired" in shown.stdout


def test_one_bad_file_does_not_cost_the_others(ideal):
    result = ideal("estimate", "a.h5", "constant.npy", "b.h5", *POISSON, "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert [each["path"] for each in found["results"]] == ["a.h5", "b.h5"]
    assert len(found["errors"]) == 1
    assert "ideal: error: constant.npy: every value is 7" in result.stderr


def test_the_same_seed_gives_the_same_bytes(ideal):
    first, second, other = (
        json.dumps(without_timings(document(ideal("estimate", "a.h5", "b.h5", *FAST, "--json", "--seed", seed))))
        for seed in (3, 3, 4)
    )
    assert first == second
    assert json.loads(first)["results"] != json.loads(other)["results"]


def test_groups_by_number_and_by_file(ideal, data):
    def sources(*options):
        return json.loads(ideal("estimate", "a.h5", *FAST, *options, "--json").stdout)["results"][0]["n_groups"]

    np.savetxt(data / "groups.txt", np.arange(70) // 5, fmt="picture-%d")
    np.save(data / "groups.npy", np.arange(70) // 7)
    assert sources() == 14
    assert sources("--groups", "5") == 14  # five folds now score every one of 14 sources
    assert sources("--groups", "groups.txt") == 14
    assert sources("--groups", "groups.npy") == 10
    with h5py.File(data / "entry.h5", "w") as file:
        file["entry/scene_id"] = np.arange(70) // 7
        file["entry/name"] = [f"picture-{k // 5}" for k in range(70)]
        file["entry/linked"] = h5py.SoftLink("/entry/name")
    assert sources("--groups", "entry.h5::entry/scene_id") == 10
    assert sources("--groups", "entry.h5::/entry/name") == 14
    for name, says in (("linked", "is a link"), ("nothing", "no array is called"), ("scene_id/x", "no array is called")):
        assert says in ideal("estimate", "a.h5", *FAST, "--groups", f"entry.h5::entry/{name}").stderr


def test_values_without_units_are_questioned(ideal):
    assert "taken as photoelectrons" in ideal("estimate", "camera.npy", "--noise", "poisson", *FAST).stderr
    assert "none are named" in ideal("inspect", "camera.npy").stdout
    named = ("--noise", "poisson-gaussian", "--gain", "0.45", "--offset", "100", "--read-noise", "1.6")
    assert "taken as photoelectrons" not in ideal("estimate", "camera.npy", *named, *FAST).stderr


def test_limits_end_with_a_code_of_their_own(ideal, tmp_path):
    done = ideal("estimate", "a.h5", "b.h5", *FAST, "--json")
    assert done.exit_code == 0
    told = {each["path"]: each["information_bits_per_pixel"] for each in json.loads(done.stdout)["results"]}
    low, high = sorted(told.values())
    before = tmp_path / "before.json"
    before.write_text(done.stdout)
    same = ideal("estimate", "a.h5", "b.h5", *FAST, "--at-least", low - 0.001, "--baseline", before, "--within", 0)
    assert (same.exit_code, same.stderr.count("error")) == (0, 0)
    less = ideal("estimate", "a.h5", "b.h5", *FAST, "--at-least", (low + high) / 2)
    assert (less.exit_code, less.stderr.count("ideal: error: ")) == (3, 1)
    assert "bits/pixel, below" in less.stderr
    assert "bits/pixel" in less.stdout, "the numbers are there all the same"
    other = json.loads(done.stdout)
    other["results"][0]["information_bits_per_pixel"] += 0.05
    before.write_text(json.dumps(other))
    assert ideal("estimate", "a.h5", "b.h5", *FAST, "--baseline", before, "--within", 0.06).exit_code == 0
    away = ideal("estimate", "a.h5", "b.h5", *FAST, "--baseline", before, "--within", 0.04)
    assert (away.exit_code, away.stderr.count("more than 0.04 away")) == (3, 1)
    unknown = ideal("estimate", "c.h5", *FAST, "--baseline", before)
    assert (unknown.exit_code, "the baseline has no file of this name (there are: a.h5, b.h5)" in unknown.stderr) == (3, True)


@pytest.mark.parametrize("text", ["{}", "[]", '{"results": []}', '{"results": [{"path": "a"}]}', "no JSON"])
def test_a_baseline_is_what_estimate_has_printed(ideal, tmp_path, text):
    before = tmp_path / "before.json"
    before.write_text(text)
    result = ideal("estimate", "a.h5", *FAST, "--baseline", before)
    assert (result.exit_code, result.stderr.count("ideal: error: "), result.stdout) == (1, 1, "")
    assert "before.json" in result.stderr
