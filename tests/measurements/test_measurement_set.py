import re

import h5py
import numpy as np
import pytest

from ideal.errors import DataError, UsageError
from ideal.measurements.measurement_set import MeasurementWriter, from_arrays, open_measurements, write_measurements


def counts(n=20, shape=(6, 5), mean=50, seed=0):
    return np.random.default_rng(seed).poisson(mean, (n, *shape)).astype(np.uint16)


def broken(path, edit):
    """Write a good file, then change it."""
    write_measurements(path, counts(), noise="poisson", groups=np.arange(20) // 2)
    with h5py.File(path, "a") as file:
        edit(file)
    return path


@pytest.mark.parametrize("compression", [None, "gzip"])
@pytest.mark.parametrize("shape", [(6, 5), (6, 5, 3), (7,)])
def test_round_trip(tmp_path, shape, compression):
    values = counts(shape=shape)
    options = {"clean": values * 1.5, "groups": np.arange(20) // 4, "labels": np.arange(20) % 3, "objects": np.ones((20, 2))}
    write_measurements(tmp_path / "a.h5", values, noise="poisson", compression=compression, description="test", **options)
    with open_measurements(tmp_path / "a.h5") as measured:
        assert measured.shape == values.shape
        assert measured.dtype == np.uint16
        assert (measured.noise_name, measured.units, measured.gain) == ("poisson", "photoelectrons", 1.0)
        assert measured.integer
        assert measured.has_groups
        assert measured.has_clean
        assert measured.read(3, 7).dtype == np.float64
        assert np.array_equal(measured.read(3, 7), values[3:7])
        assert np.array_equal(measured.read_clean(3, 7), values[3:7] * 1.5)
        assert np.array_equal(measured.read_objects(0, 2), np.ones((2, 2)))
        assert np.array_equal(measured.groups, options["groups"])
        assert np.array_equal(measured.labels, options["labels"])
        assert measured.attributes["description"] == "test"
        assert measured.attributes["created_by"].startswith("ideal ")
        assert len(measured.read(15, 99)) == 5


def test_complex_round_trip_with_sigma_of_every_sample(tmp_path):
    values = np.random.default_rng(0).normal(size=(9, 4)) + 2j
    sigma = np.random.default_rng(1).uniform(1, 2, (9, 4))
    write_measurements(tmp_path / "a.h5", values, noise="complex-gaussian", sigma=sigma, units="Jy")
    with open_measurements(tmp_path / "a.h5") as measured:
        assert np.array_equal(measured.read(0, 9), values)
        assert measured.has_sample_sigma
        assert not isinstance(measured.sigma, np.ndarray)
        assert np.array_equal(measured.read_sigma(2, 5), sigma[2:5])
    with open_measurements(tmp_path / "a.h5", sigma=3.0) as measured:
        assert not measured.has_sample_sigma
        assert np.array_equal(measured.read_sigma(0, 2), np.full((2, 4), 3.0))


def test_sigma_number_and_sigma_of_every_pixel(tmp_path):
    values = counts().astype(float)
    pixel = np.linspace(1, 2, 30).reshape(6, 5)
    for name, sigma in (("one.h5", 2.5), ("pixel.h5", pixel)):
        write_measurements(tmp_path / name, values, noise="gaussian", sigma=sigma)
        with open_measurements(tmp_path / name) as measured:
            assert not measured.has_sample_sigma
            assert np.array_equal(measured.sigma, sigma)
            assert np.array_equal(measured.read_sigma(4, 6), np.broadcast_to(sigma, (2, 6, 5)))


def test_labels_that_are_words_and_groups_that_are_names(tmp_path):
    write_measurements(tmp_path / "a.h5", counts(3), noise="poisson", labels=np.array(["cell", "ring", "cell"]))
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file["groups"] = ["b", "a", "b"]
    with open_measurements(tmp_path / "a.h5") as measured:
        assert measured.labels.tolist() == ["cell", "ring", "cell"]
        assert measured.groups.tolist() == [1, 0, 1]


def test_camera_counts_become_photoelectrons(tmp_path):
    electrons = counts()
    stored = electrons * 4 + 100
    write_measurements(tmp_path / "a.h5", stored, noise="poisson", gain=0.25, offset=100, read_noise=1.5)
    with open_measurements(tmp_path / "a.h5") as measured:
        assert measured.units == "DN"
        assert np.array_equal(measured.read(0, 20), electrons)
        assert np.array_equal(measured.read_raw(0, 20), stored)
        assert measured.inspect()["mean_photon_count"] == pytest.approx(electrons.mean())
        assert measured.inspect()["variance"] == pytest.approx(electrons.var())
    with open_measurements(tmp_path / "a.h5", gain=0.5, noise="poisson-gaussian", read_noise=None) as measured:
        assert np.array_equal(measured.read(0, 20), electrons * 2)
        assert measured.noise.name == "poisson-gaussian"
        assert measured.read_noise == 1.5


def test_a_gain_option_makes_bare_numbers_camera_counts(tmp_path):
    np.save(tmp_path / "a.npy", counts())
    assert open_measurements(tmp_path / "a.npy").units == "photoelectrons"
    assert open_measurements(tmp_path / "a.npy", gain=2.0).units == "DN"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"noise": "poison"}, r"no noise is called 'poison'; did you mean poisson\?"),
        ({"noise": "complex-gaussian"}, "the measurements are real, expected poisson"),
        ({"sigma": 0.0}, "sigma is 0.0, expected a finite standard deviation > 0"),
        ({"sigma": np.ones((4, 4))}, r"sigma has shape \(4, 4\), expected \(6, 5\)"),
        ({"sigma": np.where(np.eye(6, 5), -1.0, 1.0)}, r"sigma is -1.0 at pixel \(0, 0\)"),
        ({"gain": 0}, "gain is 0.0, expected a finite number > 0"),
        ({"gain": "much"}, "gain is 'much', expected a number"),
        ({"read_noise": -1}, "read_noise is -1.0, expected a finite number >= 0"),
        ({"offset": np.nan}, "offset is nan"),
        ({"gain": 2, "units": "photoelectrons"}, "units are photoelectrons, yet gain is 2"),
        ({"gian": 2}, "unknown option gian"),
    ],
)
def test_options_without_meaning(tmp_path, options, words):
    write_measurements(tmp_path / "a.h5", counts(), noise="poisson")
    with pytest.raises((UsageError, DataError), match=words):
        open_measurements(tmp_path / "a.h5", **options)


def drop(name):
    return lambda file: file.__delitem__(name)


def put(name, value):
    def edit(file):
        if name in file:
            del file[name]
        file[name] = value

    return edit


def attribute(name, value):
    return lambda file: file.attrs.__setitem__(name, value)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (attribute("format_version", 2), "format_version is 2, this release reads 1"),
        (drop("measurements"), "no dataset 'measurements', it holds groups"),
        (put("measurements", np.zeros(5)), r"shape \(5,\), expected \(sample, row, column"),
        (put("measurements", np.zeros((20, 2, 2), complex)), r"expected \(sample, visibility\)"),
        (put("measurements", np.zeros((20, 0))), "it is empty"),
        (put("measurements", np.zeros((20, 3), bool)), r"holds truth values \(bool\), expected numbers: save them as 0 and 1"),
        (put("measurements", np.array([[b"x"]], object)), "type object, expected integer"),
        (put("groups", np.arange(19)), "groups has 19 entries, expected one for each of the 20 samples"),
        (put("groups", np.zeros((20, 2), int)), r"groups has shape \(20, 2\)"),
        (put("clean", np.zeros((20, 5, 5))), r"clean has shape \(20, 5, 5\), expected that of the measurements, \(20, 6, 5\)"),
        (put("sigma", np.ones(20)), r"sigma has shape \(20,\), expected \(6, 5\), \(20, 6, 5\) or one number"),
        (put("sigma", np.zeros((6, 5))), r"sigma is 0.0 at pixel \(0, 0\)"),
        (attribute("sigma", -1.0), "sigma is -1.0"),
        (attribute("noise", "pink"), "no noise is called 'pink'"),
        (attribute("gain", "high"), "gain is 'high', expected a number"),
        (attribute("gain", 2.0), "units are photoelectrons, yet gain is 2.0"),
    ],
)
def test_bad_files(tmp_path, edit, words):
    path = broken(tmp_path / "bad.h5", edit)
    with pytest.raises(DataError, match=words) as caught:
        open_measurements(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_not_hdf5_truncated_or_absent(tmp_path):
    (tmp_path / "text.h5").write_text("not a file of numbers")
    with pytest.raises(DataError, match=r"text.h5: not an HDF5 file"):
        open_measurements(tmp_path / "text.h5")
    write_measurements(tmp_path / "a.h5", counts(2000), noise="poisson")
    whole = (tmp_path / "a.h5").read_bytes()
    (tmp_path / "cut.h5").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"cut.h5: truncated HDF5 file"):
        open_measurements(tmp_path / "cut.h5")
    with pytest.raises(DataError, match=r"absent.h5: no such file"):
        open_measurements(tmp_path / "absent.h5")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_not_finite_name_their_place(bad):
    values = counts().astype(float)
    values[13, 4, 2] = bad
    measured = from_arrays(values, clean=values)
    assert len(measured.read(0, 13)) == 13
    with pytest.raises(DataError, match=rf"measurements of sample 13, pixel \(4, 2\) is {bad}"):
        measured.read(10, 20)
    with pytest.raises(DataError, match=r"clean of sample 13, pixel \(4, 2\)"):
        measured.read_clean(10, 20)


def test_sigma_of_a_sample_is_checked_as_it_is_read(tmp_path):
    sigma = np.ones((20, 6, 5))
    sigma[7, 0, 1] = 0
    words = r"sigma is 0.0 at sample 7, pixel \(0, 1\)"
    with pytest.raises(DataError, match=words):
        from_arrays(counts(), sigma=sigma, noise="gaussian")
    broken(tmp_path / "a.h5", put("sigma", sigma))
    with open_measurements(tmp_path / "a.h5", noise="gaussian") as measured:
        measured.read_sigma(0, 7)
        with pytest.raises(DataError, match=words):
            measured.read_sigma(5, 9)


def test_what_is_not_there():
    measured = from_arrays(counts())
    for read, words in ((measured.read_clean, "no dataset 'clean'"), (measured.read_sigma, "no sigma")):
        with pytest.raises(DataError, match=words):
            read(0, 1)
    assert measured.groups.tolist() == list(range(20))
    assert not measured.has_groups


def test_integer_is_probed_in_floats():
    assert from_arrays(counts().astype(float)).integer
    assert not from_arrays(counts() + 0.5).integer
    assert not from_arrays(counts(shape=(7,)) + 0j).integer


def test_the_period_of_a_mosaic_is_kept_and_checked(tmp_path):
    path = tmp_path / "mosaic.h5"
    write_measurements(path, np.ones((3, 8, 8), np.uint16), noise="poisson", attributes={"period": np.array([4, 2])})
    with open_measurements(path) as measured:
        assert measured.period == (4, 2)
    assert from_arrays(np.ones((3, 8, 8)), period=2).period == (2, 2)
    assert from_arrays(np.ones((3, 8, 8))).period is None
    assert from_arrays(np.ones((3, 8)), period=2).period is None  # vectors have no mosaic
    write_measurements(path, np.ones((3, 8, 8)), noise=None, attributes={"period": "8"}, overwrite=True)
    with open_measurements(path) as measured, pytest.raises(DataError, match="attribute period is '8'"):
        _ = measured.period


def test_another_programs_gain_is_not_used(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["frames"] = counts()
        file["frames"].attrs["gain"] = 20.0  # decibels
        file["frames"].attrs["noise"] = "low"
    with open_measurements(tmp_path / "a.h5") as measured:
        assert measured.gain == 1
        assert measured.noise is None
        assert any("attributes gain, noise are not used" in note for note in measured.warnings)
        assert measured.warnings[0] in measured.inspect()["warnings"]


def test_writer_streams_blocks(tmp_path):
    values = counts(50)
    with MeasurementWriter(tmp_path / "a.h5", noise="poisson") as writer:
        for start in range(0, 50, 7):
            writer.append(values[start : start + 7], groups=np.arange(start, min(start + 7, 50)))
        assert not (tmp_path / "a.h5").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["a.h5"]
    with open_measurements(tmp_path / "a.h5") as measured:
        assert np.array_equal(measured.read(0, 50), values)
        assert measured.groups.tolist() == list(range(50))


def test_file_layout(tmp_path):
    with MeasurementWriter(tmp_path / "a.h5", noise="gaussian", sigma=2.0) as writer:
        writer.append(np.zeros((3, 64, 64), np.float32))
    with h5py.File(tmp_path / "a.h5") as file:
        assert dict(file.attrs).items() >= {"format": "ideal-measurements", "format_version": 1, "sigma": 2.0}.items()
        assert (file.attrs["NX_class"], file.attrs["signal"]) == ("NXdata", "measurements")
        assert list(file.attrs["axes"]) == [".", ".", "."]
        assert file["measurements"].chunks == (64, 64, 64)  # whole samples, 1 MB
        assert [dimension.label for dimension in file["measurements"].dims] == ["sample", "row", "column"]


def interrupt(writer, kind):
    with writer:
        writer.append(counts())
        raise kind


@pytest.mark.parametrize("kind", [RuntimeError, KeyboardInterrupt])
def test_an_interrupted_writer_leaves_nothing_and_keeps_the_old_file(tmp_path, kind):
    path = tmp_path / "a.h5"
    with pytest.raises(kind):
        interrupt(MeasurementWriter(path, noise="poisson"), kind)
    assert list(tmp_path.iterdir()) == []
    write_measurements(path, counts(seed=1), noise="poisson")
    with pytest.raises(kind):
        interrupt(MeasurementWriter(path, noise="poisson", overwrite=True), kind)
    assert list(tmp_path.iterdir()) == [path]
    with open_measurements(path) as measured:
        assert np.array_equal(measured.read(0, 20), counts(seed=1))


def test_overwriting_is_asked_for(tmp_path):
    path = tmp_path / "a.h5"
    write_measurements(path, counts(), noise="poisson")
    with pytest.raises(UsageError, match=r"a.h5: already there.*--force"):
        write_measurements(path, counts(), noise="poisson")
    write_measurements(path, counts(5), noise="poisson", overwrite=True)
    with open_measurements(path) as measured:
        assert len(measured) == 5
    with pytest.raises(UsageError, match=r"the folder .* is not there"):
        write_measurements(tmp_path / "no" / "a.h5", counts(), noise="poisson")


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ({"measurements": np.zeros(4)}, None, r"a block of shape \(4,\)"),
        ({"measurements": np.zeros((2, 3), complex)}, None, "noise gaussian does not go with values of type complex128"),
        ({"measurements": np.full((2, 3), np.nan)}, None, r"measurements is nan at \(0, 0\)"),
        ({"measurements": np.zeros((2, 3)), "groups": [1]}, None, "groups of shape"),
        ({"measurements": np.zeros((2, 3)), "groups": [1.5, 2]}, None, "groups of type float64"),
        ({"measurements": np.zeros((2, 3)), "clean": np.zeros((2, 4))}, None, r"clean of shape \(2, 4\)"),
        ({"measurements": np.zeros((2, 3)), "sigma": np.zeros((2, 3))}, None, "sigma is 0.0 at sample 0"),
        ({"measurements": np.zeros((2, 3))}, {"measurements": np.zeros((2, 4))}, "the first block had"),
        ({"measurements": np.zeros((2, 3))}, {"measurements": np.zeros((2, 3)), "groups": [1, 2]}, "the first one gave"),
        ({"measurements": np.zeros((2, 3), "f4")}, {"measurements": np.zeros((2, 3))}, "does not fit float32"),
    ],
)
def test_blocks_that_do_not_fit(tmp_path, first, second, words):
    def write():
        with MeasurementWriter(tmp_path / "a.h5", noise="gaussian") as writer:
            writer.append(**first)
            writer.append(**second)

    with pytest.raises(DataError, match=words):
        write()
    assert list(tmp_path.iterdir()) == []


def test_writer_misuse(tmp_path):
    with pytest.raises(DataError, match="nothing is written"), MeasurementWriter(tmp_path / "a.h5", noise=None):
        pass
    with pytest.raises(UsageError, match="append inside a with block"):
        MeasurementWriter(tmp_path / "a.h5", noise=None).append(counts())
    with pytest.raises(UsageError, match="sigma is -1"):
        MeasurementWriter(tmp_path / "a.h5", noise="gaussian", sigma=-1)
    with pytest.raises(UsageError, match="unknown compression 'zip'"):
        MeasurementWriter(tmp_path / "a.h5", noise=None, compression="zip")
    with pytest.raises(DataError, match="give one of them"), MeasurementWriter(tmp_path / "a.h5", noise=None, sigma=1) as writer:
        writer.append(np.zeros((2, 3)), sigma=np.ones((2, 3)))


def warnings_of(values, **options):
    return " / ".join(from_arrays(values, groups=np.arange(len(values)), **options).inspect()["warnings"])


def test_inspect_summarises_known_values():
    values = np.random.default_rng(0).normal(100, 3, (500, 8, 9))
    found = from_arrays(values, noise="gaussian", sigma=1.0).inspect()
    for name, expected in (("min", values.min()), ("max", values.max()), ("mean", values.mean()), ("variance", values.var())):
        assert found[name] == pytest.approx(expected)
    assert (found["samples_read"], found["n_groups"], found["n_nan"]) == (500, 500, 0)
    assert not found["integer"]


def test_of_a_large_set_blocks_all_over_it_are_looked_at(monkeypatch):
    values = np.random.default_rng(0).normal(100, 3, (500, 8, 9)) + np.arange(500)[:, None, None]
    monkeypatch.setattr("ideal.health.examination._SHOWN_BYTES", values.nbytes // 10)
    monkeypatch.setattr("ideal.health.examination._BLOCK_VALUES", 5 * 72)
    found = from_arrays(values, noise="gaussian", sigma=3.0).inspect()
    assert found["samples_read"] == 50
    assert found["mean"] == pytest.approx(values.mean(), abs=2)


@pytest.mark.parametrize("mean", [0.1, 1, 10, 1000])
def test_good_counts_raise_no_warning(mean):
    assert warnings_of(counts(300, mean=mean, shape=(16, 16)), noise="poisson") == ""


@pytest.mark.parametrize(
    ("values", "options", "words"),
    [
        (np.minimum(counts(mean=4090), 4095), {"noise": "poisson"}, "are at the ceiling, 4095 .*censored channel"),
        (np.minimum(counts(mean=50), 52) / 52, {"noise": "gaussian", "sigma": 1.0}, "are at the ceiling, 1 .*lower the exposure"),
        (np.full((9, 6, 5), 7), {"noise": "poisson"}, "constant: every value is 7"),
        (np.concatenate([np.full((1, 9, 9), 3), counts(shape=(9, 9))]), {"noise": "poisson"}, "1 of 21 samples are one constant"),
        (counts().astype(int) - 60, {"noise": "poisson"}, "negative counts .* under poisson noise"),
        (counts() + 0.25, {"noise": "poisson"}, "not whole photoelectrons"),
        (counts() // 8, {"noise": "poisson"}, "variance .* is below"),
        (counts(), {"noise": "poisson", "units": "DN"}, "units are DN but gain is 1"),
        (counts(), {}, "the noise is not known"),
        (counts(), {"noise": "gaussian"}, "without sigma"),
        (counts(), {"noise": "poisson-gaussian"}, "without read noise"),
        (np.where(counts() > 60, np.nan, counts()), {"noise": "poisson"}, "values are NaN or infinite"),
        (counts(2).reshape(2, -1), {"noise": "poisson"}, "2 sources, three are needed"),
        (np.full((3, 4), np.nan), {"noise": "gaussian", "sigma": 1.0}, "12 values are NaN"),
    ],
)
def test_inspect_reports_what_looks_wrong(values, options, words):
    assert re.search(words, warnings_of(values, **options))


def test_inspect_of_visibilities():
    values = np.random.default_rng(0).normal(size=(50, 4)) + 3j
    found = from_arrays(values, noise="complex-gaussian", sigma=1.0).inspect()
    assert found["mean"] == pytest.approx(np.abs(values).mean())
    assert found["mean_photon_count"] is None
    assert found["fraction_saturated"] == 0


def test_step_of_a_converter_shifted_in_its_container():
    twelve_bits = np.random.default_rng(0).integers(0, 4096, (5, 8, 8))
    assert from_arrays((16 * twelve_bits).astype(np.uint16)).step == 16
    assert from_arrays(16.0 * twelve_bits).step == 16
    assert from_arrays(twelve_bits).step == 1
    assert from_arrays(12 * twelve_bits).step == 1  # no power of two: somebody's scaling
    assert from_arrays(16 * twelve_bits + 0.5).step == 1
    warnings = from_arrays(16 * twelve_bits, noise="poisson", groups=np.arange(5)).inspect()["warnings"]
    assert any("multiple of 16" in text for text in warnings)
