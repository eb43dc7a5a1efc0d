"""Demosaicing against scenes that it must give back, dense linear algebra, and a scene whose best decoder is not linear."""

import jax
import numpy as np
import pytest
from fixtures.optimize import double

from ideal.decoders import Example, MosaicFilter, MosaicNetwork, SceneStatistics, demosaic_bilinear, demosaic_malvar
from ideal.errors import DataError, UsageError
from ideal.imaging import make_system
from ideal.noise import Gaussian, Poisson

TILES = [("RG", "GB"), ("GR", "BG"), ("BG", "GR"), ("GB", "RG")]


def mosaic(scene, tile):
    """Return what a sensor under a tile of letters measures of a scene (row, column, RGB)."""
    index = np.array([["RGB".index(each) for each in row] for row in tile])
    rows, columns = scene.shape[:2]
    whole = np.tile(index, (rows // 2, columns // 2))
    return np.take_along_axis(scene, whole[..., None], axis=2)[None, ..., 0]


@pytest.mark.parametrize("tile", TILES)
def test_a_scene_of_one_color_comes_back_everywhere(tile):
    scene = np.broadcast_to([3.0, 5.0, 7.0], (8, 10, 3))
    for decode in (demosaic_bilinear, demosaic_malvar):
        if decode is demosaic_bilinear:
            assert decode(mosaic(scene, tile), tile)[0] == pytest.approx(scene)
        assert decode(mosaic(scene, tile), tile)[0, 3:-3, 3:-3].mean((0, 1)) == pytest.approx([3, 5, 7])


@pytest.mark.parametrize("tile", TILES)
def test_what_was_measured_stays_and_grey_slopes_come_back(tile):
    y, x = np.mgrid[:12, :12].astype(float)
    scene = np.repeat((20 + 3 * y - 2 * x)[..., None], 3, axis=2)
    for decode in (demosaic_bilinear, demosaic_malvar):
        found = decode(mosaic(scene, tile), tile)[0]
        assert found[2:-2, 2:-2] == pytest.approx(scene[2:-2, 2:-2])
        assert mosaic(found, tile) == pytest.approx(mosaic(scene, tile))


def test_the_gradient_correction_keeps_the_luminance_edge_that_bilinear_loses():
    grey = np.zeros((12, 12))
    grey[:, 6:] = 80.0
    scene = np.repeat(grey[..., None], 3, axis=2)
    errors = [((decode(mosaic(scene, TILES[0]))[0] - scene)[2:-2] ** 2).mean() for decode in (demosaic_bilinear, demosaic_malvar)]
    assert errors[1] < 0.6 * errors[0]


def test_the_weights_are_those_of_the_paper():
    impulse = np.zeros((1, 12, 12))
    impulse[0, 6, 6] = 8.0  # a red pixel of RG/GB
    found = demosaic_malvar(impulse)[0]
    assert found[6, 6] == pytest.approx([8, 4, 6])  # itself; alpha = 1/2 and gamma = 3/4 of its Laplacian
    assert found[6, 7] == pytest.approx([4, 0, 0])  # half of two reds; green is measured; blue lies above and below
    assert found[6, 8] == pytest.approx([0, -1, -1.5])
    assert found[7, 7] == pytest.approx([2, 0, 0])
    impulse = np.zeros((1, 12, 12))
    impulse[0, 6, 7] = 8.0  # a green pixel between reds
    found = demosaic_malvar(impulse)[0]
    assert found[6, 7] == pytest.approx([5, 8, 5])  # beta = 5/8
    assert found[6, 9, 0] == pytest.approx(-1)
    assert found[6, 9, 2] == pytest.approx(0.5)
    assert found[7, 8] == pytest.approx([-1, 0, -1])


@pytest.mark.parametrize("tile", [("RG", "BG"), ("RGB", "GBR"), ("GG", "RB"), ("RG", "GW"), ("R", "GGB")])
def test_other_tiles_are_refused(tile):
    with pytest.raises(UsageError, match="not Bayer's"):
        demosaic_malvar(np.zeros((1, 8, 8)), tile)


def test_what_is_no_stack_of_images_is_refused():
    with pytest.raises(DataError, match="expected \\(sample, row, column\\)"):
        demosaic_bilinear(np.zeros((8, 8)))


def textures(count, side, seed):
    """Return scenes (sample, row, column, 3), smooth over a few pixels and correlated between channels."""
    rng = np.random.default_rng(seed)
    wide = rng.standard_normal((count, side + 4, side + 4, 3)) @ np.array([[1.0, 0.8, 0.5], [0, 0.6, 0.6], [0, 0, 0.4]])
    for axis in (1, 2):
        wide = sum(np.roll(wide, shift, axis) for shift in range(3)) / 3
    return 50 + 10 * wide[:, 2:-2, 2:-2]


def test_statistics_are_averages_over_pairs_of_pixels():
    scenes = textures(5, 6, 0)
    known = SceneStatistics.of(scenes, 2)
    apart = scenes - scenes.mean((0, 1, 2))
    assert known.mean == pytest.approx(scenes.mean((0, 1, 2)))
    for down, across in ((0, 0), (1, 0), (0, -2), (2, 1)):
        later, before = apart[:, down:, max(across, 0) : 6 + min(across, 0)], apart[:, : 6 - down]
        before = before[:, :, max(-across, 0) : 6 + min(-across, 0)]
        wanted = np.einsum("nrci,nrcj->ij", later, before) / (5 * (6 - down) * (6 - abs(across)))
        assert known.covariance[2 + down, 2 + across] == pytest.approx(wanted)
    assert known.times(3.0).covariance == pytest.approx(9 * known.covariance)


@pytest.mark.parametrize("noise", [Gaussian(2.0), Poisson()])
def test_the_filter_is_the_conditional_mean_of_dense_linear_algebra(noise):
    system = make_system("color-filter-array", shape=(6, 6), period=(2, 2))
    params, scenes = system.design("random", 4), textures(40, 11, 1)
    known = SceneStatistics.of(scenes, 10)
    decoder = MosaicFilter.fit(system, params, noise, known, reach=5)
    with jax.enable_x64(True):
        matrix = system.operator(double(params)).matrix()
    places = np.stack(np.mgrid[:6, :6], -1).reshape(-1, 2)
    apart = places[:, None] - places + 10
    covariance = known.covariance[apart[..., 0], apart[..., 1]].transpose(0, 2, 1, 3).reshape(108, 108)
    mean = np.tile(known.mean, 36)
    variance = noise.variance(matrix @ mean)
    within = matrix @ covariance @ matrix.T + np.diag(np.broadcast_to(np.asarray(variance), 36))
    measured = np.random.default_rng(2).uniform(0, 100, (3, 6, 6))
    wanted = mean + (measured.reshape(3, -1) - matrix @ mean) @ np.linalg.solve(within, matrix @ covariance)
    assert decoder.decode(measured) == pytest.approx(wanted.reshape(3, 6, 6, 3), rel=2e-3)


def test_the_filter_refuses_what_is_not_its_sensor():
    system = make_system("color-filter-array", shape=(8, 8), period=(2, 2))
    decoder = MosaicFilter.fit(system, system.design("bayer"), Poisson(), textures(9, 8, 3), reach=2)
    with pytest.raises(DataError, match="the sensor has"):
        decoder.decode(np.ones((2, 8, 9)))
    with pytest.raises(DataError, match="larger than 8"):
        MosaicFilter.fit(system, system.design("bayer"), Poisson(), textures(9, 8, 3), reach=4)
    blurred = make_system("lensless")
    with pytest.raises(UsageError, match="does not blur"):
        MosaicFilter.fit(blurred, blurred.design(), Poisson(), textures(9, 8, 3))


def worlds(count, seed):
    """Return examples of grey scenes of two brightnesses: what a threshold tells best, and no sum does."""
    rng = np.random.default_rng(seed)
    scenes = np.repeat(rng.choice([10.0, 30.0], (count, 8, 8, 1)), 3, axis=3).astype(np.float32)
    system = make_system("color-filter-array", shape=(8, 8), period=(2, 2))
    params = system.design("rgbw-bayer")
    return system, params, Example(scenes, rng.poisson(system.images(params, scenes)))


def test_a_network_learns_what_no_linear_decoder_can_and_repeats_it():
    system, params, train = worlds(600, 0)
    *_, validation = worlds(100, 1)
    *_, test = worlds(200, 2)
    linear = MosaicFilter.fit(system, params, Poisson(), train.scenes, reach=2)

    def fitted(seed, steps):
        planes = np.asarray(params["filters"])
        examples = {100.0: train}, {100.0: validation}
        return MosaicNetwork.fit(seed, {100.0: linear}, planes, *examples, steps=steps, width=12, layers=2)

    network = fitted(0, 2048)
    errors = [
        ((each - test.scenes) ** 2).mean()
        for each in (linear.decode(test.measurements), network.decode(100.0, test.measurements))
    ]
    assert errors[1] < 0.75 * errors[0]
    assert network.validation_loss < 0.75
    again = fitted(0, 2048).decode(100.0, test.measurements)
    assert np.array_equal(again, network.decode(100.0, test.measurements))
    with pytest.raises(DataError, match="trained at 100 photoelectrons"):
        network.decode(300.0, test.measurements)


def test_a_network_needs_even_sides_and_the_same_light():
    system = make_system("color-filter-array", shape=(9, 9), period=(3, 3))
    params, scenes = system.design("random", 0), textures(9, 9, 4)
    linear = MosaicFilter.fit(system, params, Poisson(), scenes, reach=2)
    own = {100.0: Example(scenes, scenes.sum(-1))}
    with pytest.raises(UsageError, match="even sides"):
        MosaicNetwork.fit(0, {100.0: linear}, np.asarray(params["filters"]), own, own)
    system = make_system("color-filter-array", shape=(8, 8), period=(2, 2))
    linear = MosaicFilter.fit(system, system.design("bayer"), Poisson(), textures(9, 8, 4), reach=2)
    with pytest.raises(UsageError, match="different light"):
        MosaicNetwork.fit(0, {100.0: linear}, np.zeros((2, 2, 4)), own, {300.0: own[100.0]})
