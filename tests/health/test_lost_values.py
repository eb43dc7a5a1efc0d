import numpy as np
import pytest
from fixtures.health import camera, found, photons, scenes


def dropped(values, share, seed=3):
    return np.where(np.random.default_rng(seed).random(values.shape) < share, 0, values)


@pytest.mark.parametrize(("mean", "share"), [(8, 0.03), (8, 0.3), (40, 0.002), (40, 0.1), (1000, 0.0005), (1000, 0.1)])
def test_dropped_pixels_are_told_in_dim_and_in_bright_light(mean, share):
    counts = photons(scenes(mean=mean, contrast=0.3))
    for values in (counts, counts.astype(np.float32), counts[..., None].repeat(2, 3)):
        assert "lost-values" not in found(values)
        seen = found(dropped(values, share))
        assert seen["lost-values"].severity == "biased"
        assert not seen.keys() & {"noise-too-large", "isolated-values"}  # which say the same less well


def test_dropped_numbers_of_a_camera_are_told_and_no_offset_is_blamed():
    numbers, options = camera(scenes(mean=60.0))
    seen = found(dropped(numbers, 0.01), **options)
    assert "lost-values" in seen
    assert "impossible-values" not in seen
    assert "lost-values" not in found(numbers, **options)


def test_blocks_that_were_lost_are_told_with_their_size():
    rng = np.random.default_rng(2)
    values = photons(scenes(mean=40))
    for frame in values[::2]:
        row, column = rng.integers(0, 4, 2) * 8
        frame[row : row + 8, column : column + 8] = 0
    one = found(values)["lost-values"]
    assert one.figures["blocks"] >= 55  # some lie beside dim places
    assert "8x8" in one.text


def test_dim_light_black_grounds_and_shapes_of_objects_are_no_loss():
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:32, :32]
    for mean in (0.3, 3):
        assert "lost-values" not in found(photons(scenes(mean=mean)))
    spots = np.zeros((120, 32, 32))
    for frame in spots:
        for row, column in rng.integers(4, 28, (4, 2)):
            frame += 200 * np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / 6)
    rings = 300.0 * ((np.hypot(rows - 16, columns - 16) - rng.uniform(5, 10, (120, 1, 1))) ** 2 < 4)
    for light in (spots, rings, 50.0 * (scenes(mean=1.0) > 1)):
        assert "lost-values" not in found(photons(light))


def test_areas_that_are_always_dark_are_told_where_their_edge_is_sharp():
    values = photons(scenes(mean=40))
    rows, columns = np.mgrid[:32, :32]
    for dark in (
        (rows - 16) ** 2 + (columns - 16) ** 2 > 14**2,
        (rows >= 10) & (rows < 20) & (columns > 6) & (columns < 24),
        np.kron(np.random.default_rng(1).random((4, 4)) < 0.3, np.ones((8, 8))) > 0,
    ):
        one = found(np.where(dark, 0, values))["dark-areas"]
        assert one.figures["pixels"] == dark.sum()
    numbers, options = camera(np.where(dark, 0.0, scenes(mean=40)))
    assert found(numbers, **options)["dark-areas"].figures["pixels"] == pytest.approx(dark.sum(), abs=3)
    fading = scenes(mean=40) * np.exp(-((rows - 16) ** 2 + (columns - 16) ** 2) / 30)
    assert "dark-areas" not in found(photons(fading))


def test_mosaics_lose_blocks_and_have_stops_too():
    filters = np.tile([[1.0, 0.6], [0.6, 0.15]], (16, 16))
    values = photons(scenes(mean=100) * filters)
    assert not found(values, period=2)
    rows, columns = np.mgrid[:32, :32]
    stop = (rows - 16) ** 2 + (columns - 16) ** 2 > 14**2
    assert found(np.where(stop, 0, values), period=2)["dark-areas"].figures["pixels"] == stop.sum()
    rng = np.random.default_rng(2)
    for frame in values[::2]:
        row, column = rng.integers(0, 4, 2) * 8
        frame[row : row + 8, column : column + 8] = 0
    assert "8x8" in found(values, period=2)["lost-values"].text


def test_detail_that_all_channels_show_is_no_noise_that_they_share():
    grey = scenes(mean=100, blur=1.2)[..., None] * [1.0, 0.7, 0.3]
    assert "correlated-noise" not in found(photons(grey))


def test_dim_surroundings_of_bright_spots_are_not_dead():
    rows, columns = np.mgrid[:32, :32]
    light = np.full((32, 32), 0.003)
    for row, column in np.random.default_rng(4).integers(3, 29, (12, 2)):
        light += 60 * np.exp(-((rows - row) ** 2 + (columns - column) ** 2) * 2)
    assert "dead-pixels" not in found(photons(np.broadcast_to(light, (300, 32, 32))))
