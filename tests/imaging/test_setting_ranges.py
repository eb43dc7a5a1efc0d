"""Settings in a wrong unit or out of range are refused, with the unit that was meant, before anything large is made."""

import dataclasses
import math
import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest

from ideal._ranges import Range, Ranges, check_range
from ideal.datasets import OBJECTS, make_objects
from ideal.errors import UsageError
from ideal.imaging import SYSTEMS, Scene, check_settings, find_system, make_system, settings_of
from ideal.imaging.configuration import system_from_table
from ideal.noise import Gaussian, PoissonGaussian
from ideal.simulation import prepare
from ideal.text import percent

MEGABYTES = 2**20

# system or objects, settings as people type them, what the message says
WRONG = [
    ("diffraction-limited", {"pixel": 100}, r"expected 0\.001 to 50 um: did you mean 0\.1 \(100 nm\)"),
    ("diffraction-limited", {"pixel": 40.0}, "too many to fold back: expected a pixel below"),
    ("diffraction-limited", {"wavelength": 500}, r"did you mean 0\.5 \(500 nm\)"),
    ("diffraction-limited", {"na": 1.2}, "expected 0.01 to the refractive index 1"),
    ("diffraction-limited", {"na": 50}, "na is 50, expected above 0"),
    ("diffraction-limited", {"index": 0.8}, "index is 0.8, expected 1 to 2.5"),
    ("diffraction-limited", {"fill": 80}, r"did you mean 0\.8 \(80 %\)"),
    ("diffraction-limited", {"margin": 30_000}, "60032 x 60032 pixels does not fit into memory"),
    ("diffraction-limited", {"shape": [40_000, 40_000]}, r"1\.6e\+09 in all"),
    ("interferometer", {"frequency": 230}, r"did you mean 2\.3e\+11 \(230 GHz\)"),
    ("interferometer", {"frequency": 230_000}, r"did you mean 2\.3e\+11 \(230000 MHz\)"),
    ("interferometer", {"bandwidth": 4}, r"did you mean 4e\+09 \(4 GHz\)"),
    ("interferometer", {"bandwidth": 9e11}, "reaches below 0 Hz"),
    ("interferometer", {"field_of_view": 0.128}, r"did you mean 128 \(0\.128 mas\)"),
    ("interferometer", {"integration": 600, "interval": 60}, "the same noise would be counted as new"),
    ("interferometer", {"integration": 0.1, "interval": 0.1}, "visibilities, expected at most"),
    (
        "interferometer",
        {"integration": 1, "interval": 2, "stop": 200},
        r"expected at most 5\.24e\+05 .*: raise interval to 8\.4 s",
    ),
    ("interferometer", {"shape": [2048, 2048]}, "expected at most 512 with scenes of 2048 x 2048"),
    ("interferometer", {"integration": 0.1, "interval": 0.1, "start": -24, "stop": 240}, "moments, expected at most 2.1e.06"),
    ("interferometer", {"interval": 0.001, "integration": 0.001}, "expected 0.1 to 86400 s"),
    ("interferometer", {"source": [187.7, 12.39]}, r"did you mean 12\.5133 \(187\.7 deg\)"),
    ("interferometer", {"elevation": [0.17, 1.48]}, r"did you mean 84\.7978 \(1\.48 rad\)"),
    ("interferometer", {"elevation": [90, 95]}, "elevation is 90, 95"),
    ("interferometer", {"efficiency": 88}, r"did you mean 0\.88 \(88 %\)"),
    ("interferometer", {"stop": 86_400}, r"did you mean 24 \(86400 s\)"),
    ("color-filter-array", {"peaks": "0.6,0.54,0.46"}, r"did you mean 600, 540, 460 \(0\.6, 0\.54, 0\.46 um\)"),
    ("color-filter-array", {"peaks": "0.6,0.54,0.46", "bands": 31}, "did you mean 600, 540, 460"),
    ("color-filter-array", {"band_range": [0.4, 0.7], "bands": 31}, r"did you mean 400, 700 \(0\.4, 0\.7 um\)"),
    ("color-filter-array", {"width": 0.1}, r"did you mean 100 \(0\.1 um\)"),
    ("color-filter-array", {"bands": 31, "peaks": [1200, 1100, 1000]}, "the filter red passes .* of the light at most"),
    ("color-filter-array", {"bands": 31, "filters": ["white", "0.55"]}, r"the filter 0\.55 is .* did you mean 550"),
    ("color-filter-array", {"bands": 4000, "shape": [8000, 8000]}, "scene .* in all, expected at most"),
    ("lensless", {"pixel": 5000}, r"did you mean 5 \(5000 nm\)"),
    ("lensless", {"width": 40}, "wider than the window"),
    ("lensless", {"bias": float("inf")}, "bias is inf"),
    ("lensless", {"scene_shape": [100_000, 100_000]}, "expected a whole number, 2 to 65536"),
    ("lensless-lenslets", {"lenslets": 100_000}, "expected at most"),
    ("lensless-phase", {"distance": 0.8}, r"did you mean 800 \(0\.8 mm\)"),
    ("lensless-phase", {"wavelength": 550}, r"did you mean 0\.55 \(550 nm\)"),
    ("lensless-phase", {"max_height": 1200}, r"did you mean 1\.2 \(1200 nm\)"),
    ("lensless-phase", {"index": 0.9}, "expected above 1"),
    ("lensless-phase", {"mask_cells": 100_000}, "expected a whole number, 2 to 4096"),
    ("led-microscope", {"wavelength": 530}, r"did you mean 0\.53 \(530 nm\)"),
    ("led-microscope", {"defocus": 2000}, r"did you mean 2 \(2000 nm\)"),
    ("led-microscope", {"defocus": 60.0}, "lower defocus to below 19.1 um"),
    ("led-microscope", {"na": 1.3}, "above 0 and below 1, in air"),
    ("led-microscope", {"led_pitch": 0.004}, r"did you mean 4 \(0\.004 m\)"),
    ("led-microscope", {"led_height": 16_000}, r"did you mean 16 \(16000 um\)"),
    ("led-microscope", {"led_height": 500, "led_pitch": 0.5}, "expected at most 20000"),
    ("led-microscope", {"camera_pixel": 0.00345}, r"did you mean 3\.45 \(0\.00345 mm\)"),
    ("led-microscope", {"shape": [8000, 8000], "led_pitch": 0.5, "leds": "rings"}, "do not fit into memory"),
    ("led-microscope-weak", {"photons": -3}, "photons is -3"),
    ("phase-cells", {"radius": [0.005, 0.007]}, r"did you mean 5, 7 \(0\.005, 0\.007 mm\)"),
    ("phase-cells", {"wavelength": 530}, r"did you mean 0\.53 \(530 nm\)"),
    ("phase-cells", {"contrast": 3}, "expected -1 to 1"),
    ("beads", {"density": 1e7}, "density is 1e"),
    ("beads", {"number": 10**6}, "expected a whole number, 0 to 100000"),
    ("beads", {"width": -1.0}, "expected above 0"),
    ("black-hole-rings", {"diameter": [0.036, 0.044]}, r"did you mean 36, 44 \(0\.036, 0\.044 mas\)"),
    ("black-hole-rings", {"asymmetry": [20, 80]}, r"did you mean 0\.2, 0\.8 \(20, 80 %\)"),
    ("black-hole-rings", {"flux": -1.0}, "flux is -1 Jy"),
    ("black-holes", {"scale": [0.8, 120.0]}, "expected 0.05 to 20"),
    ("natural-fields", {"contrast": 50}, r"did you mean 0\.5 \(50 %\)"),
    ("natural-fields", {"channel_correlation": 90}, r"did you mean 0\.9 \(90 %\)"),
    ("two-points", {"separation": 1e5}, r"did you mean 100 \(100000 nm\)"),
    ("cells", {"peak": 180}, r"did you mean 3\.14159 \(180 deg(rees)?\)"),
    ("multispectral", {"regions": 99}, "expected a whole number, 0 to 32"),
]


@pytest.mark.parametrize(("name", "settings", "message"), WRONG)
def test_a_wrong_setting_is_refused_before_anything_large_is_made(name, settings, message):
    tracemalloc.start()
    try:
        with pytest.raises(UsageError, match=message):
            make_system(name, **settings) if name in SYSTEMS else make_objects(name, **settings)
        assert tracemalloc.get_traced_memory()[1] < 64 * MEGABYTES
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("name", "settings", "scene", "message"),
    [
        ("beads", {"density": 9e3, "width": 500.0}, Scene("radiance", (512, 512)), "too many to draw"),
        (
            "black-hole-rings",
            {"correlation_length": (1e9,)},
            Scene("sky", (64, 64), pixel=2.0, pixel_unit="uas"),
            "at most the scene",
        ),
        ("black-hole-rings", {}, Scene("sky", (64, 64), pixel=2e6, pixel_unit="uas"), "within one pixel .*field_of_view"),
        ("black-hole-rings", {"width": (0.3,)}, Scene("sky", (64, 64), pixel=2.0, pixel_unit="uas"), "falls between the pixels"),
        ("phase-cells", {}, Scene("transmission", (64, 64, 2), pixel=20.0), "within one pixel .*camera_pixel"),
        ("cells", {"source": "floating"}, Scene("transmission", (64, 64, 2), pixel=30.0), "within one pixel .*camera_pixel"),
        ("two-points", {"separation": 600.0}, Scene("radiance", (64, 64), pixel=0.1), "do not fit a scene"),
    ],
)
def test_objects_too_large_for_a_scene_are_refused_before_they_are_made(name, settings, scene, message):
    tracemalloc.start()
    try:
        with pytest.raises(UsageError, match=message):
            make_objects(name, **settings).open(scene)
        assert tracemalloc.get_traced_memory()[1] < 64 * MEGABYTES
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("name", "settings", "pixel"),
    [
        ("black-hole-rings", {"diameter": (0.2, 0.3)}, 2.0),
        ("black-hole-rings", {"width": (0.7, 9.0)}, 2.0),
        ("phase-cells", {"radius": (0.5, 0.7)}, 0.3),
        ("two-points", {"separation": 0.05}, 0.1),
    ],
)
def test_objects_whose_shape_is_lost_on_the_pixels_are_named_and_others_not(name, settings, pixel):
    kind = make_objects(name).preview
    scene = Scene(kind.kind, (64, 64, 2) if kind.kind == "transmission" else (64, 64), pixel=pixel, pixel_unit=kind.pixel_unit)
    source = make_objects(name, **settings).open(scene)
    assert [each.name for each in source.findings] == ["objects-fine"]
    assert np.isfinite(source.read(0, 20).scenes).all()
    assert make_objects(name).open(scene).findings == ()


@pytest.mark.parametrize(
    ("name", "settings", "found", "usual"),
    [
        ("led-microscope", {"defocus": 0.002}, "setting-idle", {"defocus": 0.5}),
        ("led-microscope-weak", {"defocus": -0.002}, "setting-idle", {"defocus": -0.5}),
        ("lensless-phase", {"max_height": 400.0}, "mask-thick", {"max_height": 20.0}),
    ],
)
def test_a_setting_within_its_range_that_cannot_be_meant_is_named(name, settings, found, usual):
    system = make_system(name, **settings)
    assert found in [each.name for each in system.findings(system.design())]
    system = make_system(name, **usual)
    assert system.findings(system.design()) == []


def test_shares_are_written_without_powers_of_ten():
    assert [percent(share) for share in (1.0, 0.996, 0.994, 0.123, 0.0053, 2.5)] == [
        *("100 %", "100 %", "99 %", "12 %", "0.53 %", "250 %")
    ]


class Even:
    count, classes = None, ()

    def read(self, start, stop):
        found = SimpleNamespace()
        found.scenes, found.labels, found.groups = np.ones((stop - start, 24, 24, 3)), None, np.arange(start, stop)
        return found


@pytest.mark.parametrize(
    ("photons", "noise", "message"),
    [
        (1e-9, None, "photons is 1e-09, expected at least 1e-06"),
        (1e12, None, "too much light"),
        (100.0, PoissonGaussian(1.6e-6), r"read_noise is 1\.6e-06 electrons"),
        (100.0, PoissonGaussian(1.6, gain=1e9), r"gain is 1e\+09 electrons per DN"),
        (100.0, PoissonGaussian(1.6, offset=1e9), r"offset is 1e\+09 DN"),
    ],
)
def test_an_exposure_or_a_camera_that_cannot_be_is_refused(photons, noise, message):
    system = make_system("color-filter-array")
    with pytest.raises(UsageError, match=message):
        prepare(system, system.design(), Even(), photons=photons, noise=noise)


def test_noise_far_above_all_light_is_named_and_sensible_noise_is_not():
    system = make_system("color-filter-array")
    found = prepare(system, system.design(), Even(), photons=100.0, noise=Gaussian(1e6)).findings
    assert [each.name for each in found] == ["noise-only"]
    assert prepare(system, system.design(), Even(), photons=100.0, noise=Gaussian(50.0)).findings == []


@pytest.mark.parametrize("name", [*SYSTEMS, *OBJECTS])
def test_every_number_declares_its_range_and_holds_its_default(name):
    made = make_system(name) if name in SYSTEMS else make_objects(name)
    for each in settings_of(type(made)):
        numeric = [value for value in (each.default if isinstance(each.default, tuple) else (each.default,))]
        if any(isinstance(value, int | float) and not isinstance(value, bool) for value in numeric):
            within = each.metadata["within"]
            assert within is not None, f"{name}.{each.name} has no range"
            check_range(each.name, each.default, within)
            assert within.text


def _numbers():
    for name in [*SYSTEMS, *OBJECTS]:
        kind = find_system(name) if name in SYSTEMS else type(make_objects(name))
        for each in settings_of(kind):
            if each.metadata["within"] is not None:
                yield pytest.param(name, each.name, each.default, id=f"{name}-{each.name}")


@pytest.mark.parametrize(("name", "setting", "default"), list(_numbers()))
def test_what_is_no_finite_number_is_refused_everywhere(name, setting, default):
    make = make_system if name in SYSTEMS else make_objects
    for wrong in (math.nan, math.inf, -math.inf):
        value = (wrong, *default[1:]) if isinstance(default, tuple) else wrong
        if isinstance(default, int):
            value = -(10**15)  # whole numbers have no NaN
        with pytest.raises(UsageError, match=setting):
            make(name, **{setting: value})


@pytest.mark.parametrize("name", list(SYSTEMS))
def test_a_system_made_without_the_registry_is_checked_too(name):
    kind = find_system(name)
    field = next(each for each in settings_of(kind) if isinstance(each.default, float))
    with pytest.raises(UsageError, match=field.name):
        kind(**{field.name: -math.inf})


def test_the_bounds_themselves():
    inside, outside = Range(0, 1), Range(0, 1, above=True, below=True)
    assert inside.holds(0)
    assert inside.holds(1)
    assert not outside.holds(0)
    assert not outside.holds(1)
    assert Range(2, 5, zero="none").holds(0)
    assert not Range(2, 5).holds(0)
    assert not Range(2, 5, whole=True).holds(2.5)
    assert Range(2, 5, whole=True).holds(np.int64(3))
    for within, text in [
        (Range(), "any number"),
        (Range(0), "at least 0"),
        (Range(0, above=True), "above 0"),
        (Range(high=4, below=True), "below 4"),
        (Range(0, 1, above=True), "above 0 and at most 1"),
        (Range(2, 9, whole=True, zero="all"), "0 (all) or 2 to 9"),
        (Ranges(Range(1, 2), (2,)), "2 of 1 to 2"),
    ]:
        assert within.text == text


def test_of_several_units_the_one_nearest_to_the_default_is_meant():
    within = Range(1e7, 1e13)
    assert within.meant(230.0, "Hz", 230e9) == (230e9, "GHz")
    assert within.meant(230.0, "Hz", 100e6) == (230e6, "MHz")
    assert within.meant(-5.0, "Hz", 1e9) is None  # no unit makes a negative number right
    assert within.meant(math.nan, "Hz", 1e9) is None
    assert Range(0, 1).meant(5.0, "", 0.5) is None  # a number without a unit


def test_settings_as_they_are_used_hold():
    for name, settings in [
        ("diffraction-limited", {"shape": 512, "margin": 0, "fill": 0.0, "wavelength": 0.5, "pixel": 0.025}),
        ("diffraction-limited", {"pixel": 6.5, "na": 0.04, "wavelength": 0.7}),  # a telecentric lens at 1x
        ("interferometer", {"frequency": 345e9, "bandwidth": 16e9, "integration": 10, "interval": 10}),
        ("interferometer", {"frequency": 1.4e9, "bandwidth": 5e7, "field_of_view": 3.6e9}),
        ("color-filter-array", {"bands": 31, "width": 40}),
        ("color-filter-array", {"bands": 8, "band_range": [8000, 14000], "peaks": [12000, 11000, 9000], "width": 1500}),
        ("lensless-phase", {"distance": 2000, "source_distance": 300_000}),
        ("led-microscope", {"defocus": -10.0, "na": 0.25, "magnification": 10, "led_na": 0.3, "camera_pixel": 3.45}),
    ]:
        make_system(name, **check_settings(find_system(name), settings))


def test_a_range_of_an_encoder_of_ones_own(tmp_path):
    (tmp_path / "ranged_optics.py").write_text("def encode(params, scene, focal=5.0):\n    return scene * focal\n")
    table = {
        "encoder": "ranged_optics:encode",
        "shape": [4, 4],
        "settings": {"focal": 8.0},
        "ranges": {"focal": {"low": 1.0, "high": 50.0, "unit": "mm"}},
    }
    system, _ = system_from_table(table, tmp_path, {})
    assert system.settings == {"focal": 8.0}
    with pytest.raises(UsageError, match=r"focal is 8000 mm, expected 1 to 50 mm: did you mean 8 \(8000 um\)"):
        system_from_table(table, tmp_path, {"focal": 8000.0})
    with pytest.raises(UsageError, match="focal is 0"):
        system.replace(focal=0.0)
    for ranges, message in [
        ({"fokal": {"low": 1}}, "did you mean focal"),
        ({"focal": {"least": 1}}, "no key 'least'"),
        ({"focal": {"low": 3, "high": 1}}, "expected low <= high"),
        ({"focal": 3}, "takes a table"),
    ]:
        with pytest.raises(UsageError, match=message):
            system_from_table({**table, "ranges": ranges}, tmp_path, {})
    with pytest.raises(UsageError, match="expected a whole number, 1 to 65536"):
        system_from_table({**table, "shape": [100_000, 100_000]}, tmp_path, {})
    with pytest.raises(UsageError, match="pixel is 5e"):
        system_from_table({**table, "pixel": 5e6}, tmp_path, {})


def test_an_unknown_field_metadata_is_no_range():
    @dataclasses.dataclass
    class Plain:
        name = "plain"
        value: float = 3.0

    from ideal._ranges import check_ranges

    check_ranges(Plain())
