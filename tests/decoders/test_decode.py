"""`ideal.decode`: estimates of simulated measurements, scored on sources that the decoder did not learn from."""

import json
import pickle

import numpy as np
import pytest

import ideal
from ideal.decoders import Decoding
from ideal.decoders.call import _spread
from ideal.errors import DataError, UsageError
from ideal.imaging import ColorFilterArray, DiffractionLimited, Interferometer, LedMicroscope, LensletCamera

SENSOR = ColorFilterArray(shape=(12, 12), period=(2, 2))
CAMERA = LensletCamera(scene_shape=(28, 28), psf_shape=(8, 8))
ARRAY = Interferometer(shape=(16, 16), interval=1800.0)
FEW = {"progress": False, "photons": 300}


@pytest.fixture(scope="module")
def found():
    return ideal.decode(SENSOR, "natural-fields", "mosaic-filter", design="bayer", count=80, settings={"reach": 3}, **FEW)


@pytest.mark.parametrize(
    ("decoder", "system", "objects", "more"),
    [
        ("linear", DiffractionLimited(shape=(16,), margin=4), "natural-fields", {}),
        ("bilinear", SENSOR, "natural-fields", {"design": "bayer"}),
        ("malvar", SENSOR, "natural-fields", {"design": "bayer"}),
        ("mosaic-filter", SENSOR, "natural-fields", {"design": "bayer", "settings": {"reach": 3}}),
        ("mosaic-network", SENSOR, "natural-fields", {"design": "bayer", "settings": {"reach": 3}, "effort": 0.03}),
        ("cropped-wiener", CAMERA, "natural-fields", {"design": "four-lenslets"}),
        ("wiener", CAMERA, "natural-fields", {"design": "one-lens"}),
        ("unsupervised-wiener", CAMERA, "natural-fields", {"design": "one-lens"}),
        ("total-variation", CAMERA, "beads", {"design": "four-lenslets", "settings": {"weights": (0.1, 0.2)}}),
        ("linear-sky", ARRAY, "black-hole-rings", {"photons": None}),
        (
            "regularised-likelihood",
            ARRAY,
            "black-hole-rings",
            {"photons": None, "settings": {"weights": (100.0,), "priors": (0.1,), "iterations": 100}},
        ),
        ("image-network", DiffractionLimited(shape=(8, 8), margin=0), "natural-fields", {"settings": {"components": 6}}),
    ],
)
def test_estimates_are_better_than_none(decoder, system, objects, more):
    found = ideal.decode(system, objects, decoder, count=80, **FEW | more)
    assert found.decoder == decoder
    assert found.mse.value < found.mse.without
    assert found.psnr.value > found.psnr.without
    assert found.mse.interval[0] < found.mse.value < found.mse.interval[1]
    assert found.n_test == 16


def test_a_dirty_image_has_the_right_scale():
    found = ideal.decode(ARRAY, "black-hole-rings", "dirty", count=100, pictures=20, progress=False)
    estimates, scenes = (np.stack([getattr(each, name) for each in found.pictures]) for name in ("estimate", "scene"))
    assert estimates.shape == (20, 16, 16)
    # One factor brings Jy per beam to Jy per pixel: the one of validation skies is right for test skies, too.
    assert (estimates * scenes).sum() / (estimates**2).sum() == pytest.approx(1, abs=0.1)
    assert found.unit == "Jy/pixel"
    assert found.photons is None


def test_scenes_of_phase_are_decoded_by_the_network():
    system = LedMicroscope(shape=(16, 16))
    cells = ideal.datasets.make_objects("phase-cells", radius=(0.8, 1.0))
    found = ideal.decode(system, cells, "image-network", count=40, settings={"components": 4}, folds=1, progress=False)
    assert found.unit == "rad"
    assert set(found.quality) == {"psnr", "mse"}
    assert found.photons == system.photons


def test_much_light_leaves_no_error_of_an_invertible_system():
    system = DiffractionLimited(shape=(12,), margin=0, pixel=0.5)
    errors = []
    for photons in (1e2, 1e4, 1e6):
        found = ideal.decode(system, "natural-fields", "linear", count=600, photons=photons, progress=False)
        errors.append(found.mse.value / found.mse.without)
    assert errors[0] > 10 * errors[1] > 100 * errors[2]
    assert errors[2] < 1e-4


def test_parts_are_of_different_sources_and_every_source_is_scored_once_where_they_are_few():
    sources = []

    class Spy(type(ideal.decoders.make_decoder("malvar"))):
        def _fit(self, task, seed, effort, progress):
            sources.append([set(each.scenes.mean((1, 2, 3)).round(3)) for each in (task.train, task.validation)])
            return super()._fit(task, seed, effort, progress)

    rng = np.random.default_rng(0)
    levels = np.linspace(0.2, 0.9, 10)  # each picture has a light of its own, which tells it apart
    pictures = (levels[:, None, None, None] * (1 + 0.01 * rng.standard_normal((10, 12, 12, 3)))).astype(np.float64)
    found = ideal.decode(SENSOR, pictures, Spy(), design="bayer", count=10, progress=False)
    assert len(sources) == found.n_folds == 5
    assert all(not train & validation for train, validation in sources)
    assert found.n_test == found.count == 10
    assert found.n_groups == 10
    once = ideal.decode(SENSOR, pictures, Spy(), design="bayer", count=10, folds=1, progress=False)
    assert once.n_test == 2


def test_the_same_seed_gives_the_same_numbers_and_the_measurements_of_simulate(found):
    again = ideal.decode(SENSOR, "natural-fields", "mosaic-filter", design="bayer", count=80, settings={"reach": 3}, **FEW)
    assert again.to_record() | {"seconds": 0} == found.to_record() | {"seconds": 0}
    shots = ideal.simulate(SENSOR, "natural-fields", design="bayer", count=80, keep_objects=True, **FEW)
    values = shots.read(0, 80)
    (picture, *_) = found.pictures
    places = [place for place, each in enumerate(values) if np.array_equal(each, picture.measurement)]
    assert len(places) == 1
    other = ideal.decode(
        SENSOR, "natural-fields", "mosaic-filter", design="bayer", count=80, settings={"reach": 3}, noise_seed=5, **FEW
    )
    assert other.psnr.value != found.psnr.value
    assert other.psnr.without == pytest.approx(found.psnr.without)


def test_a_result_shows_itself(found):
    text = repr(found)
    assert "natural-fields through color-filter-array, design bayer, poisson noise at 300 photoelectrons" in text
    assert "48 objects to learn from, 16 to choose by, 16 scored; 16 sources" in text
    assert f"{found.psnr.value:.3f}" in text
    html = found._repr_html_()
    assert "peak signal-to-noise ratio" in html
    assert "structural similarity" in html
    frame = found.to_frame()
    assert frame.loc["psnr", "value"] == found.psnr.value
    assert list(frame.index) == ["psnr", "mse", "ssim"]
    figure = found.plot()
    assert [axis.get_title() for axis in figure.axes[:3]] == ["scene", "measurement", "estimate"]
    labels = {axis.get_ylabel() for axis in figure.axes}
    assert {"photoelectrons", "photoelectrons, each channel"} <= labels
    assert figure._repr_png_()[:4] == b"\x89PNG"


def test_a_result_is_rebuilt_from_its_record(found):
    record = json.loads(json.dumps(found.to_record(), allow_nan=False))
    again = Decoding.from_record(record)
    assert again.to_record() == found.to_record()
    assert again.psnr.interval == found.psnr.interval
    with pytest.raises(UsageError, match="no pictures"):
        again.plot()
    with pytest.raises(UsageError, match="no decoder"):
        again.decode(np.zeros((1, 12, 12)))
    with pytest.raises(DataError, match="format version 9"):
        Decoding.from_record(record | {"format_version": 9})


def test_the_decoder_of_a_result_decodes_other_measurements(found):
    shots = ideal.simulate(SENSOR, "natural-fields", design="bayer", count=5, seed=3, **FEW)
    estimates = found.decode(shots.read(0, 5))
    assert estimates.shape == (5, 12, 12, 3)
    sent = pickle.loads(pickle.dumps(found))  # as between processes
    np.testing.assert_array_equal(sent.decode(shots.read(0, 5)), estimates)


def test_results_of_the_same_scenes_are_compared_pair_by_pair(found):
    other = ideal.decode(SENSOR, "natural-fields", "bilinear", design="bayer", count=80, **FEW)
    value, (low, high) = found.difference(other)
    assert value == pytest.approx(found.psnr.value - other.psnr.value)
    assert 0 < low < value < high
    width = found.psnr.interval[1] - found.psnr.interval[0]
    assert high - low < width
    elsewhere = ideal.decode(SENSOR, "natural-fields", "bilinear", design="bayer", count=80, seed=1, **FEW)
    with pytest.raises(UsageError, match="other scenes"):
        found.difference(elsewhere)
    with pytest.raises(UsageError, match="no quality 'sharpness'"):
        found.difference(other, "sharpness")


def test_a_part_of_the_scene_is_framed():
    found = ideal.decode(
        CAMERA, "beads", "cropped-wiener", design="four-lenslets", count=40, settings={"balances": (1.0,)}, **FEW
    )
    assert found.region == ((7, 21), (7, 21))
    assert found.pictures[0].estimate.shape == (14, 14)
    assert "estimated: places 7 to 21 and 7 to 21" in repr(found)
    figure = found.plot()
    (frame,) = figure.axes[0].patches
    assert frame.get_bbox().bounds == (6.5, 6.5, 14, 14)
    assert "ssim" in found.quality


def test_lines_and_skies_are_drawn():
    line = ideal.decode(DiffractionLimited(shape=(16,), margin=2), "natural-fields", count=40, pictures=2, **FEW).plot()
    assert len(line.axes) == 6
    sky = ideal.decode(ARRAY, "black-hole-rings", "dirty", count=40, pictures=1, progress=False).plot()
    assert "amplitude (Jy)" in {axis.get_ylabel() for axis in sky.axes}


def test_what_cannot_be_decoded_is_refused_before_any_work():
    with pytest.raises(UsageError, match=r"decoder linear does not serve lensless: .*\(those that do: wiener, .*image-network\)"):
        ideal.decode("lensless", "beads", progress=False)
    with pytest.raises(UsageError, match=r"no decoder is called 'malvr'; did you mean malvar\?"):
        ideal.decode(SENSOR, "beads", "malvr")
    with pytest.raises(UsageError, match="folds is 6"):
        ideal.decode(SENSOR, "natural-fields", "mosaic-filter", folds=6)
    with pytest.raises(UsageError, match="pictures is -1"):
        ideal.decode(SENSOR, "natural-fields", "mosaic-filter", pictures=-1)
    with pytest.raises(UsageError, match="confidence is 95"):
        ideal.decode(SENSOR, "natural-fields", "mosaic-filter", confidence=95)
    with pytest.raises(UsageError, match="settings are for a decoder that is given by name"):
        ideal.decode(SENSOR, "natural-fields", ideal.decoders.make_decoder("malvar"), design="bayer", settings={"reach": 2})
    with pytest.raises(DataError, match="at least 3 sources"):
        ideal.decode(SENSOR, "natural-fields", "malvar", design="bayer", count=2, progress=False)


def test_pictures_are_of_different_sources_first():
    assert _spread(np.array([4, 4, 4, 7, 7, 9]), 4) == [0, 3, 5, 1]
