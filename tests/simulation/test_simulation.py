"""Simulated measurements: the exposure, the noise, and what may not depend on how many there are."""

import numpy as np
import pytest
from fixtures.imaging import scenes_for, tiny

import ideal
from ideal.errors import DataError, IdealWarning, UsageError
from ideal.imaging import LensletCamera
from ideal.measurements.measurement_set import MeasurementSet
from ideal.noise import ComplexGaussian, Gaussian, Poisson, PoissonGaussian
from ideal.simulation import prepare


class Given:
    """Objects in an array."""

    def __init__(self, scenes, labels=None, classes=()):
        self.scenes, self.labels, self.classes, self.count = scenes.astype(np.float32), labels, classes, len(scenes)

    def read(self, start, stop):
        class Objects:
            scenes = self.scenes[start:stop]
            labels = None if self.labels is None else self.labels[start:stop]
            groups = np.arange(start, stop) // 2

        return Objects


def simulated(name, count=12, seed=0, scenes=None, **options):
    system = tiny(name)
    source = Given(scenes_for(system, 12) if scenes is None else scenes)
    simulation = prepare(system, system.design(), source, **options)
    return simulation, list(simulation.blocks(source, count, seed))


def test_photons_are_the_mean_of_an_unfiltered_pixel():
    simulation, blocks = simulated("lensless", photons=40.0)
    assert simulation.system.brightness(blocks[0].scenes).mean() == pytest.approx(40, rel=1e-5)
    even = np.full((12, 14, 13), 3.0)
    _, blocks = simulated("lensless", scenes=even, photons=40.0)
    np.testing.assert_allclose(blocks[0].clean, 40, rtol=1e-4)  # the mask passes all light


def test_white_pixels_gather_the_photons_and_others_less():
    system = tiny("color-filter-array")
    source = Given(np.ones((12, *system.scene.shape)))
    white = prepare(system, system.design("white"), source, photons=90.0)
    np.testing.assert_allclose(next(white.blocks(source, 2)).clean, 90, rtol=1e-5)
    bayer = prepare(system, system.design("bayer"), source, photons=90.0)
    np.testing.assert_allclose(next(bayer.blocks(source, 2)).clean, 30, rtol=1e-5)


def test_counts_have_the_mean_and_variance_of_photons():
    scenes = np.ones((12, 14, 13))
    _, blocks = simulated("lensless", scenes=scenes, photons=5.0)
    counts = np.concatenate([block.measurements for block in blocks])
    assert not (counts % 1).any()
    error = np.sqrt(5.0 / counts.size)
    assert abs(counts.mean() - 5) < 4 * error
    assert abs(counts.var() - 5) < 4 * np.sqrt(2 * 25 / counts.size + 5 / counts.size)


def test_one_exposure_for_all():
    scenes = np.concatenate([np.ones((6, 14, 13)), 3 * np.ones((6, 14, 13))])
    _, blocks = simulated("lensless", scenes=scenes, photons=20.0)
    np.testing.assert_allclose(blocks[0].clean[[0, -1]].mean((1, 2)), [10, 30], rtol=1e-4)


def test_the_first_of_many_are_those_of_few_and_seeds_count():
    many, few = simulated("lensless", 12)[1], simulated("lensless", 5)[1]
    np.testing.assert_array_equal(many[0].measurements[:5], few[0].measurements)
    other = simulated("lensless", 12, seed=1)[1]
    assert (other[0].measurements != many[0].measurements).mean() > 0.5
    np.testing.assert_array_equal(other[0].clean, many[0].clean)


def test_noise_of_ones_choice_and_of_the_system():
    simulation, blocks = simulated("lensless", noise=Gaussian(0.5))
    assert simulation.noise.name == "gaussian"
    residual = blocks[0].measurements - blocks[0].clean
    assert abs(residual.std() - 0.5) < 4 * 0.5 / np.sqrt(2 * residual.size)
    camera = PoissonGaussian(1.6, 0.45, 100.0, quantised=True)
    _, blocks = simulated("lensless", noise=camera)
    levels = blocks[0].measurements / 0.45 + 100
    np.testing.assert_allclose(levels, np.round(levels), atol=1e-6)
    simulation, blocks = simulated("interferometer")
    assert simulation.noise.name == "complex-gaussian"
    residual = (blocks[0].measurements - blocks[0].clean) / simulation.noise.sigma
    assert abs(residual.real.std() - 1) < 4 / np.sqrt(2 * residual.size)


def test_labels_take_the_names_of_classes_and_groups_stay():
    system = tiny("lensless")
    source = Given(scenes_for(system, 4), np.array([0, 1, 1, 0]), ("cat", "dog"))
    block = next(prepare(system, system.design(), source).blocks(source, 4))
    assert block.labels.tolist() == ["cat", "dog", "dog", "cat"]
    assert block.groups.tolist() == [0, 0, 1, 1]


def test_a_transmission_is_not_scaled_and_takes_the_photons_of_the_system():
    simulation, blocks = simulated("led-microscope", photons=7.0)
    assert simulation.exposure == 1
    assert simulation.system.settings["photons"] == 7
    empty = np.zeros((12, *simulation.system.scene.shape))
    _, blocks = simulated("led-microscope", scenes=empty, photons=7.0)
    np.testing.assert_allclose(blocks[0].clean, 7, rtol=1e-4)


def test_skies_keep_their_flux_unless_the_system_sets_one():
    simulation, blocks = simulated("interferometer")
    assert simulation.exposure == 1
    np.testing.assert_allclose(blocks[0].scenes, scenes_for(simulation.system, 12), rtol=1e-6)
    system = tiny("interferometer").replace(flux=2.0)
    source = Given(scenes_for(system, 12))
    flux = next(prepare(system, system.design(), source).blocks(source, 12)).scenes.sum((1, 2), dtype=np.float64)
    assert flux.mean() == pytest.approx(2.0, rel=1e-5)


def test_noise_has_a_random_stream_of_its_own():
    def residual(design, seed, count=6, name="interferometer", **options):
        system = tiny(name)
        source = Given(scenes_for(system, 12))
        block = next(prepare(system, system.design(), source, design=design, **options).blocks(source, count, seed))
        return block.measurements - block.clean

    first = residual("a", 0)
    np.testing.assert_array_equal(residual("a", 0, 3), first[:3])  # fewer are the first of more
    for other in (residual("b", 0), residual("a", 1)):
        assert abs(np.vdot(first, other)) < 0.2 * np.linalg.norm(first) ** 2
    camera = {"name": "lensless", "noise": PoissonGaussian(1.6)}
    np.testing.assert_allclose(residual("a", 0, 3, **camera), residual("a", 0, 6, **camera)[:3], atol=1e-4)


def test_the_exposure_is_that_of_the_sensor():
    for name in ("lensless", "lensless-lenslets", "lensless-phase", "diffraction-limited"):
        system = tiny(name)
        scene = np.zeros((1, *system.scene.shape))
        middle = tuple(slice(n // 2 - 1, n // 2 + 1) for n in system.scene.shape)
        scene[(0, *middle)] = 1  # all of its light falls on the sensor, whose area is less than the scene's
        source = Given(np.repeat(scene, 12, axis=0))
        clean = next(prepare(system, system.design(), source, photons=10.0).blocks(source, 1)).clean
        assert 6 < clean.mean() < 16  # by the area of the scene it would be three to four times as much
        even = Given(np.ones((12, *system.scene.shape)))
        assert next(prepare(system, system.design(), even, photons=10.0).blocks(even, 1)).clean.mean() == pytest.approx(
            10, rel=1e-3
        )


def test_what_is_wrong_is_said():
    with pytest.raises(UsageError, match="photons must be a positive"):
        simulated("lensless", photons=0.0)
    with pytest.raises(UsageError, match="does not count photons"):
        simulated("interferometer", photons=3.0)
    with pytest.raises(UsageError, match="only 12 such objects, 13"):
        simulated("lensless", 13)
    with pytest.raises(UsageError, match="at least 1"):
        simulated("lensless", 0)
    with pytest.raises(DataError, match="dark"):
        simulated("lensless", scenes=np.zeros((12, 14, 13)))
    with pytest.raises(DataError, match="cannot be negative"):
        simulated("lensless", scenes=-np.ones((12, 14, 13)))


def test_dark_pixels_are_dark_and_negative_light_is_refused():
    from ideal.datasets import make_objects
    from ideal.imaging import Scene, make_system
    from ideal.imaging.custom.encoder import CallableSystem

    system = make_system("diffraction-limited", shape=(64,), margin=0, fill=0.0, pixel=0.25)
    source = make_objects("two-points", separation=1.0).open(system.scene, 0)
    simulation = prepare(system, system.design(), source, photons=1e4, noise=Poisson())
    assert system.images(system.design(), source.read(0, 8).scenes * 1e4).min() < 0  # what the transforms leave
    assert next(simulation.blocks(source, 8)).clean.min() == 0
    minus = CallableSystem(lambda params, scene: -scene, Scene("radiance", (4, 4)), {})
    with pytest.raises(DataError, match="fewer than none"):
        next(prepare(minus, {}, Given(np.ones((3, 4, 4)))).blocks(Given(np.ones((3, 4, 4))), 3))


@pytest.mark.parametrize(
    ("photons", "noise", "largest"), [(1e12, None, "4e\\+09"), (1e300, None, "4e\\+09"), (1e35, Gaussian(1.0), "8e\\+28")]
)
def test_too_much_light_is_refused(photons, noise, largest):
    for name in ("lensless", "led-microscope"):
        with pytest.raises(UsageError, match=f"too much light, at most about {largest} with"):
            simulated(name, photons=photons, noise=noise)
    simulated("lensless", photons=1e8)


def test_what_is_not_finite_is_found_where_it_is():
    from ideal.imaging import Scene
    from ideal.imaging.custom.encoder import CallableSystem

    system = CallableSystem(lambda params, scene: scene / scene, Scene("radiance", (4, 5)), {})
    scenes = np.ones((300, 4, 5))
    scenes[7, 2, 3] = 0
    with pytest.raises(DataError, match="own encoder: the noiseless measurement of object 7 is nan at \\(2, 3\\)"):
        prepare(system, {}, Given(scenes))
    scenes[7, 2, 3], scenes[290, 1, 4] = 1, 0  # after those that set the exposure
    with pytest.raises(DataError, match="object 290 is nan at \\(1, 4\\)"):
        list(prepare(system, {}, Given(scenes)).blocks(Given(scenes), 300))


def test_noise_suits_the_values():
    with pytest.raises(UsageError, match="measures complex values: noise gaussian"):
        simulated("interferometer", noise=Gaussian(1.0))
    with pytest.raises(UsageError, match="measures real values: noise complex-gaussian"):
        simulated("lensless", noise=ComplexGaussian(1.0))


def names(simulation):
    return [finding.name for finding in simulation.findings]


def test_light_that_does_not_arrive_is_named():
    system = tiny("color-filter-array")
    source = Given(np.ones((12, *system.scene.shape)))
    assert names(prepare(system, system.design("bayer"), source, photons=1000.0)) == []
    table = np.full((len(system.filters), 3), 0.004)
    dim = system.replace(response=tuple(map(tuple, table)))
    found = prepare(dim, dim.design("white"), source, photons=1000.0).findings
    assert [finding.name for finding in found] == ["light-missing"]
    assert "4 photoelectrons on average, 0.4 % of the 1000" in found[0].text


def test_measurements_without_any_light_are_named():
    from ideal.imaging import Scene
    from ideal.imaging.custom.encoder import CallableSystem

    shutter = CallableSystem(lambda params, scene: 0 * scene, Scene("radiance", (4, 4)), {})
    found = prepare(shutter, {}, Given(np.ones((5, 4, 4)))).findings
    assert [(finding.name, finding.severity) for finding in found] == [("all-dark", "void")]


def test_stray_light_whose_noise_drowns_the_objects_is_named():
    system, objects = tiny("lensless"), np.random.default_rng(0).uniform(0, 2, (12, *tiny("lensless").scene.shape))
    assert names(prepare(system.replace(bias=1e3), system.design(), Given(objects), photons=100.0)) == []
    (found,) = prepare(system.replace(bias=1e9), system.design(), Given(objects), photons=100.0).findings
    assert (found.name, found.severity) == ("noise-only", "note")
    assert "bias" in found.remedy


def test_noise_that_differs_by_value_is_looked_at_too():
    system = tiny("color-filter-array")
    source = Given(np.random.default_rng(0).uniform(0, 2, (12, *system.scene.shape)))
    sigma = np.linspace(1.0, 2.0, int(np.prod(system.measurement_shape))).reshape(system.measurement_shape)
    assert names(prepare(system, system.design(), source, photons=100.0, noise=Gaussian(sigma))) == []
    assert names(prepare(system, system.design(), source, photons=100.0, noise=Gaussian(1e7 * sigma))) == ["noise-only"]


def test_a_converter_coarser_than_all_light_is_named_as_the_cause():
    system = tiny("color-filter-array")
    source = Given(np.ones((12, *system.scene.shape)))
    fine = PoissonGaussian(1.0, gain=50.0, offset=100.0)
    assert names(prepare(system, system.design(), source, photons=100.0, noise=fine)) == []
    coarse = PoissonGaussian(1.0, gain=5000.0, offset=100.0)
    (found,) = prepare(system, system.design(), source, photons=100.0, noise=coarse).findings
    assert (found.name, found.severity) == ("all-dark", "void")
    assert "5000 photoelectrons" in found.text
    assert "--gain" in found.remedy


def test_a_lens_whose_light_wraps_is_named_with_the_margin():
    from ideal.imaging import make_system

    system = make_system("diffraction-limited", shape=(16,), margin=8)
    source = Given(np.ones((12, *system.scene.shape)))
    (found,) = prepare(system, system.design("objective-4x"), source).findings
    assert found.name == "scene-wraps"
    wider = system.replace(margin=found.figures["margin_needed"])
    assert wider.findings(system.design("objective-4x")) == []
    assert f"--set margin={wider.margin}" in found.line


@pytest.mark.parametrize("name", ["lensless", "led-microscope"])
def test_an_exposure_does_not_depend_on_how_much_fits_into_memory(name, monkeypatch):
    whole, _ = simulated(name, photons=70.0)
    monkeypatch.setattr("ideal.simulation.exposure._PROBE_VALUES", 5 * int(np.prod(tiny(name).scene.shape)))
    parts, _ = simulated(name, photons=70.0)
    assert parts.exposure == pytest.approx(whole.exposure, rel=1e-12)
    assert parts.largest == whole.largest


# In one call


@pytest.fixture
def camera():
    return LensletCamera(scene_shape=(20, 20), psf_shape=(5, 5), lenslets=4)


@pytest.mark.parametrize("noise", [None, Gaussian(2.0), PoissonGaussian(1.6, 0.45, 100.0, quantised=True)])
def test_measurements_in_memory_are_those_of_a_file(camera, noise, tmp_path):
    options = {"count": 12, "photons": 50, "noise": noise, "seed": 3, "keep_objects": True, "progress": False}
    here = ideal.simulate(camera, "beads", **options)
    there = ideal.simulate(camera, "beads", **options, path=tmp_path / "m.h5")
    assert isinstance(here, MeasurementSet)
    assert (here.shape, here.dtype, here.units, here.calibration) == (there.shape, there.dtype, there.units, there.calibration)
    for read in ("read", "read_clean", "read_objects"):
        np.testing.assert_array_equal(getattr(here, read)(0, 12), getattr(there, read)(0, 12))
    np.testing.assert_array_equal(here.groups, there.groups)
    with pytest.raises(UsageError, match="exists"):
        ideal.simulate(camera, "beads", **options, path=tmp_path / "m.h5")


def test_a_system_a_design_and_objects_may_be_names_or_things(camera):
    options = {"count": 4, "progress": False}
    named = ideal.simulate(camera, "beads", design="one-lens", **options)
    given = ideal.simulate(camera, ideal.datasets.make_objects("beads"), design=camera.design("one-lens"), **options)
    np.testing.assert_array_equal(named.read_clean(0, 4), given.read_clean(0, 4))
    assert ideal.simulate("diffraction-limited", "natural-fields", **options).shape == (4, 32, 32)
    with pytest.raises(UsageError, match="did you mean beads"):
        ideal.simulate(camera, "bead", **options)


def test_other_noise_is_drawn_for_the_same_objects(camera):
    first, other = (ideal.simulate(camera, "beads", count=4, noise_seed=seed, progress=False) for seed in (None, 7))
    np.testing.assert_array_equal(first.read_clean(0, 4), other.read_clean(0, 4))
    assert not np.array_equal(first.read(0, 4), other.read(0, 4))


def test_odd_light_is_told(camera):
    with pytest.warns(IdealWarning, match="noise alone"):
        ideal.simulate(camera, "beads", count=4, noise=Gaussian(1e9), progress=False)
