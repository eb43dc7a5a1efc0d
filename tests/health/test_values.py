"""Values that are no numbers, clean means that are not those of the measurements, and numbers that cannot be."""

import json

import h5py
import numpy as np
import pytest

from ideal.density import FullGaussian, StationaryGaussian
from ideal.errors import DataError, UsageError
from ideal.information.estimation import estimate
from ideal.information.labels.estimation import task_information
from ideal.measurements.measurement_set import from_arrays, open_measurements, write_measurements
from ideal.noise import Poisson

QUICK = {"models": ["stationary"], "patch": 4}


def scene(count=80, side=8, seed=0, mean=20.0):
    rng = np.random.default_rng(seed)
    return mean * np.exp(0.5 * rng.standard_normal((count, 1, 1)) + 0.2 * rng.standard_normal((count, side, side)))


def names(found):
    return {each.name: each for each in found}


# NaN and infinity


def spoilt(name, value=np.nan):
    clean = scene()
    rng = np.random.default_rng(1)
    arrays = {"measurements": clean + rng.standard_normal(clean.shape), "clean": clean, "sigma": np.ones(clean.shape)}
    arrays[name][33, 2, 5] = value
    return from_arrays(**arrays, noise="gaussian")


@pytest.mark.parametrize("name", ["measurements", "clean"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_named_with_sample_and_pixel(name, value):
    source = spoilt(name, value)
    with pytest.raises(DataError, match=rf"{name} of sample 33, pixel \(2, 5\) is {value}"):
        estimate(source, **QUICK)
    finding = names(source.inspect()["findings"])["clean-not-possible" if name == "clean" else "not-finite"]
    assert finding.severity == "void"
    assert "sample 33, pixel (2, 5)" in finding.text


def test_a_sigma_that_is_no_number_is_named(tmp_path):
    with pytest.raises(DataError, match=r"sigma is nan at sample 33, pixel \(2, 5\)"):
        spoilt("sigma")
    values, sigma = scene(), np.ones((80, 8, 8))
    write_measurements(tmp_path / "y.h5", values, sigma=sigma, noise="gaussian")
    with h5py.File(tmp_path / "y.h5", "r+") as file:
        file["sigma"][:, 2, 5] = np.nan
    with open_measurements(tmp_path / "y.h5") as measured, pytest.raises(DataError, match=r"sigma is nan at sample \d+, pixel"):
        estimate(measured, **QUICK)


def test_complex_values_that_are_no_numbers_are_named():
    values = np.ones((40, 6), complex) + np.random.default_rng(0).standard_normal((40, 6))
    values[7, 3] = complex(0, np.nan)
    with pytest.raises(DataError, match=r"measurements of sample 7, pixel \(3,\)"):
        estimate(from_arrays(values, noise="complex-gaussian", sigma=1.0))
    labelled = from_arrays(values, noise="complex-gaussian", sigma=1.0, labels=np.arange(40) % 2)
    with pytest.raises(DataError, match=r"measurements of sample 7, pixel \(3,\)"):
        task_information(labelled)


def test_groups_and_labels_that_are_no_numbers_are_named():
    values = scene()
    numbers = np.arange(80.0) % 9
    numbers[12] = np.nan
    with pytest.raises(DataError, match="groups of sample 12 is nan"):
        from_arrays(values, groups=numbers)
    with pytest.raises(DataError, match="labels hold nan at sample 12"):
        task_information(from_arrays(values, labels=numbers))


@pytest.mark.parametrize("model", [StationaryGaussian, FullGaussian])
def test_models_refuse_to_learn_what_is_no_number(model):
    values = scene()
    values[3, 0, 0] = np.inf
    with pytest.raises(DataError, match="NaN or infinity"):
        model.fit(0, values, scene(seed=1))


# Clean means


def photons(clean, seed=2):
    return np.random.default_rng(seed).poisson(clean).astype(np.uint16)


@pytest.mark.parametrize("mean", [0.05, 0.5, 20.0, 3000.0])
def test_right_clean_means_are_silent(mean):
    clean = scene(mean=mean)
    for noise, more, values in (
        ("poisson", {}, photons(clean)),
        ("gaussian", {"sigma": 2.0}, clean + 2.0 * np.random.default_rng(3).standard_normal(clean.shape)),
        (
            "poisson-gaussian",
            {"gain": 1.0, "read_noise": 1.5},
            photons(clean) + 1.5 * np.random.default_rng(4).standard_normal(clean.shape),
        ),
    ):
        for stored in (clean, clean.astype(np.float32), clean.astype(np.float32) - 1e-7 * mean * (clean < 0.01 * mean)):
            found = from_arrays(values, clean=stored, noise=noise, **more).inspect()["findings"]
            assert not {"clean-contradicts", "clean-not-possible"} & set(names(found))


def test_right_clean_means_of_complex_values_and_of_cut_off_values_are_silent():
    rng = np.random.default_rng(5)
    clean = rng.standard_normal((300, 8)) + 1j * rng.standard_normal((300, 8))
    noisy = clean + 0.3 * (rng.standard_normal(clean.shape) + 1j * rng.standard_normal(clean.shape))
    assert "clean-contradicts" not in names(
        from_arrays(noisy, clean=clean, noise="complex-gaussian", sigma=0.3).inspect()["findings"]
    )
    light = scene(mean=60.0, count=300)
    cut = np.clip(photons(light), 0, 80)
    assert "clean-contradicts" not in names(from_arrays(cut, clean=light, noise="poisson").inspect()["findings"])


def other_means(clean):
    rng = np.random.default_rng(6)
    return {
        "another unit": 0.45 * clean,
        "one of the brightest": clean / clean.max(),
        "an offset": clean + 100,
        "another order": rng.permutation(clean),
        "nothing": np.zeros_like(clean),
    }


@pytest.mark.parametrize("kind", list(other_means(scene())))
@pytest.mark.parametrize("suffix", ["h5", "npz"])
def test_means_of_something_else_are_refused_with_a_remedy(kind, suffix, tmp_path):
    clean = scene()
    path = tmp_path / f"measured.{suffix}"
    arrays = {"measurements": photons(clean), "clean": other_means(clean)[kind]}
    if suffix == "npz":
        np.savez(path, **arrays)
    else:
        write_measurements(path, arrays["measurements"], clean=arrays["clean"], noise="poisson")
    with open_measurements(path, noise="poisson") as measured:
        with pytest.raises(UsageError, match=r"clean means.*leave the dataset clean out"):
            estimate(measured, **QUICK)
        finding = names(measured.inspect()["findings"])["clean-contradicts"]
        json.dumps(finding.to_record(), allow_nan=False)
        assert estimate(measured, allow=["clean-contradicts"], **QUICK).n_test > 0


def test_the_measurements_themselves_are_no_clean_means():
    values = photons(scene())
    found = names(from_arrays(values, clean=values, noise="poisson").inspect()["findings"])
    assert found["clean-contradicts"].severity == "void"
    assert found["clean-contradicts"].figures["scatter"] < 0.01


def test_clean_means_tell_which_sigma_is_there():
    clean = scene()
    values = clean + 0.5 * np.random.default_rng(7).standard_normal(clean.shape)
    finding = names(from_arrays(values, clean=clean, noise="gaussian", sigma=2.0).inspect()["findings"])["clean-contradicts"]
    assert "0.249 times as large" in finding.remedy


def test_negative_clean_means_are_refused_but_for_rounding_and_noise_that_has_them():
    clean = scene()
    values = photons(clean)
    clean[5, 1, 2] = -3
    for noise, more in (("poisson", {}), ("poisson-gaussian", {"gain": 1.0, "read_noise": 2.0})):
        source = from_arrays(values, clean=clean, noise=noise, **more)
        with pytest.raises(DataError, match=r"clean of sample 5, pixel \(1, 2\) is -3"):
            estimate(source, **QUICK)
    negative = scene() - 30
    noisy = negative + np.random.default_rng(8).standard_normal(negative.shape)
    assert estimate(from_arrays(noisy, clean=negative, noise="gaussian", sigma=1.0), **QUICK).n_test
    dark = scene()
    dark[:, 0] = -1e-6
    assert np.isfinite(estimate(from_arrays(photons(np.maximum(dark, 0)), clean=dark, noise="poisson"), **QUICK).noise_entropy)
    with pytest.raises(DataError, match="clean is -3"):
        Poisson().conditional_entropy(values, clean)


# Numbers that cannot be


def test_negative_information_says_which_sigma_would_fit():
    rng = np.random.default_rng(9)
    found = estimate(from_arrays(rng.standard_normal((200, 4, 4)), noise="gaussian", sigma=2.0), models=["stationary"])
    finding = names(found.findings)["information-negative"]
    assert 0.98 < finding.figures["largest_sigma"] < 1.5  # models that know the noise are never below it
    visibilities = rng.standard_normal((300, 5)) + 1j * rng.standard_normal((300, 5))
    found = estimate(from_arrays(visibilities, noise="complex-gaussian", sigma=4.0))
    assert 0.98 < names(found.findings)["information-negative"].figures["largest_sigma"] < 2.5


def test_negative_information_of_averages_says_which_gain_would_fit():
    counts = np.random.default_rng(10).poisson(200.0, (300, 4, 6, 6)).mean(1)
    measured = from_arrays(np.round(counts), noise="poisson")
    found = estimate(measured, models=["negative-binomial", "stationary"], patch=6)
    finding = names(found.findings)["information-negative"]
    assert finding.figures["least_gain"] == pytest.approx(4.0, rel=0.15)


@pytest.mark.parametrize("seed", range(3))
def test_no_information_is_not_negative_beyond_its_interval(seed):
    values = np.random.default_rng(seed).standard_normal((400, 4, 4))
    found = estimate(from_arrays(values, noise="gaussian", sigma=1.0), models=["stationary"])
    assert "information-negative" not in names(found.findings)
    assert "impossible-information" not in names(found.findings)


def test_more_bits_than_levels_are_named():
    """A sigma far below the steps of 8-bit numbers: no value tells more than log2 of its levels."""
    values = np.random.default_rng(11).integers(0, 16, (200, 4, 4)).astype(np.uint8)
    with pytest.raises(UsageError, match="steps of 1"):
        estimate(from_arrays(values, noise="gaussian", sigma=1e-4), models=["stationary"], allow=["clipped"])
    found = estimate(from_arrays(values, noise="gaussian", sigma=0.15), models=["stationary"], allow=["clipped"])
    finding = names(found.findings)["impossible-information"]
    assert found.information_bits_per_pixel > 4
    assert finding.figures["most_bits_per_pixel"] == pytest.approx(4.0)
    assert "sigma is far below the steps" in finding.text
    bell = np.clip(np.round(8 + 2 * np.random.default_rng(11).standard_normal((200, 4, 4))), 0, 15).astype(np.uint8)
    sixteen = estimate(from_arrays(bell, noise="gaussian", sigma=0.5), models=["stationary"], allow=["clipped"])
    assert "impossible-information" not in names(sixteen.findings)


@pytest.mark.parametrize("noise", ["poisson", "gaussian"])
def test_right_data_have_no_findings_of_this_kind(noise):
    clean = scene(200)
    values = photons(clean) if noise == "poisson" else clean + np.random.default_rng(12).standard_normal(clean.shape)
    found = estimate(from_arrays(values, clean=clean, noise=noise, sigma=None if noise == "poisson" else 1.0), models=["full"])
    assert not {"bound-near-floor", "impossible-information", "information-negative", "clean-contradicts"} & set(
        names(found.findings)
    )


def test_values_beyond_a_stated_limit_are_told_and_not_blamed_on_the_noise():
    counts = np.random.default_rng(0).poisson(scene(), scene().shape)
    seen = {each.name: each for each in from_arrays(counts, noise="poisson", saturation=np.median(counts)).examination.findings}
    assert "noise-too-small" not in seen
    one = seen["limit-contradicted"]
    assert one.severity == "biased"
    assert one.figures["furthest"] == counts.max()
    assert 0.4 < one.figures["share"] < 0.55
    at_limit = np.minimum(counts, int(np.quantile(counts, 0.9)))
    seen = from_arrays(at_limit, noise="poisson", saturation=float(at_limit.max())).examination.findings
    assert "limit-contradicted" not in {each.name for each in seen}
    camera = {"noise": "poisson-gaussian", "gain": 1.0, "read_noise": 2.0, "offset": 10.0}
    seen = from_arrays(counts + 10, floor=float(np.quantile(counts, 0.2)) + 10, **camera).examination.findings
    assert {each.figures["axis"] for each in seen if each.name == "limit-contradicted"} == {"floor"}
