import numpy as np
import pytest
from fixtures.health import camera, examined, found, photons, scenes

import ideal
from ideal.errors import DataError

WAYS = {
    "mirrored": lambda v: v[:, ::-1],
    "turned": lambda v: v.swapaxes(1, 2),
    "moved": lambda v: np.roll(v, (3, -5), (1, 2)),
    "turned half": lambda v: v[:, ::-1, ::-1],
    "cut": lambda v: np.concatenate([v[:, 6:], v[:, :6] + 1], axis=1),
}


@pytest.mark.parametrize("way", WAYS)
def test_copies_in_other_places_are_one_source(way):
    frames = photons(scenes(count=40))
    for values in (frames, frames / 7, np.stack([frames, frames + 3], axis=-1)):
        both = np.concatenate([values, WAYS[way](values)])
        seen = examined(both, noise="gaussian", sigma=10.0)
        assert "overlapping-crops" in {each.name for each in seen.findings}
        groups = seen.groups(np.arange(80))
        assert np.array_equal(groups[:40], groups[40:])
        assert len(np.unique(groups)) == 40
        assert "overlapping-crops" not in found(both, noise="gaussian", sigma=10.0, groups=np.arange(80) % 40)


def test_crops_of_one_exposure_are_no_measurements_of_many():
    rng = np.random.default_rng(0)
    for picture in (photons(scenes(1, 64)[0]), rng.poisson(50, (64, 64))):
        crops = np.stack([picture[r : r + 32, c : c + 32] for r, c in rng.integers(0, 33, (200, 2))])
        seen = found(crops)
        assert "overlapping-crops" in seen
        assert not seen.keys() & {"missing-codes", "noise-too-small"}
        with pytest.raises(DataError, match=r"1 source is left.*show parts of others"):
            ideal.estimate(crops, noise="poisson", models="full", progress=False)


def test_exposures_of_the_same_scenes_dim_light_and_captions_stay_apart():
    light = scenes(count=60)
    for mean in (0.1, 1, 40, 3000):
        assert "overlapping-crops" not in found(photons(np.concatenate([light, light[:, ::-1]]) * mean / 100))
    numbers, options = camera(light)
    assert "overlapping-crops" not in found(numbers, **options)
    for dim in (0.5, 1, 3):  # floats that keep to levels repeat as whole numbers do
        counts = photons(scenes(count=300, mean=dim))
        for values in (counts * 0.45, (counts * 0.45).astype(np.float32)):
            seen = found(values, noise="poisson-gaussian", gain=1 / 0.45, read_noise=0.3)
            assert not seen.keys() & {"overlapping-crops", "lost-values"}
    caption = photons(light)
    caption[:, :4] = np.arange(128).reshape(4, 32)
    assert "overlapping-crops" not in found(caption)
