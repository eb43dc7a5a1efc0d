import numpy as np
import pytest

import ideal.measurements.patches
from ideal.errors import DataError, UsageError
from ideal.measurements.measurement_set import from_arrays
from ideal.measurements.patches import (
    Patches,
    random_positions,
    some_tiled_positions,
    spatial_groups,
    split_by_group,
    tiled_positions,
)


class Counting:
    """An array that counts how often each sample is read."""

    def __init__(self, array):
        self.array, self.shape, self.dtype = array, array.shape, array.dtype
        self.reads = np.zeros(len(array), dtype=int)

    def __getitem__(self, samples):
        self.reads[samples] += 1
        return self.array[samples]


def coordinates(n=7, rows=20, columns=30):
    """Images whose values say where they are."""
    sample, row, column = np.meshgrid(np.arange(n), np.arange(rows), np.arange(columns), indexing="ij")
    return (sample * 10_000 + row * 100 + column).astype(np.float32)


def counted(images, **options):
    measured = from_arrays(images, **options)
    measured._stored = Counting(images)
    return measured


@pytest.mark.parametrize("n_groups", [3, 4, 17])
@pytest.mark.parametrize("uneven", [False, True])
def test_no_group_is_in_two_parts_and_every_sample_is_tested_once(n_groups, uneven):
    groups = np.repeat(np.arange(n_groups) * 7, np.arange(1, n_groups + 1) if uneven else 4)
    groups = np.random.default_rng(0).permutation(groups)
    folds = split_by_group(groups, seed=3)
    assert len(folds) == min(5, n_groups)
    for fold in folds:
        parts = [set(groups[indices]) for indices in (fold.train, fold.validation, fold.test)]
        assert all(parts)
        assert sum(len(part) for part in parts) == len(set().union(*parts)) == n_groups
        assert sorted(np.concatenate([fold.train, fold.validation, fold.test])) == list(range(len(groups)))
    assert sorted(np.concatenate([fold.test for fold in folds])) == list(range(len(groups)))


def test_validation_is_the_next_part():
    folds = split_by_group(np.arange(20), folds=4, seed=0)
    for k, fold in enumerate(folds):
        assert np.array_equal(fold.validation, folds[(k + 1) % 4].test)


def test_folds_are_balanced_in_samples():
    sizes = np.r_[100, np.ones(400, int)]
    folds = split_by_group(np.repeat(np.arange(401), sizes), seed=1)
    assert {len(fold.test) for fold in folds} == {100}


def test_a_split_depends_on_its_seed_alone():
    groups = np.arange(50) // 2
    one, same, other = (split_by_group(groups, seed=seed)[0].test for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_too_few_groups_and_folds():
    with pytest.raises(DataError, match=r"2 group.*at least 3 sources.*spatial_groups"):
        split_by_group([0, 0, 1], seed=0)
    with pytest.raises(UsageError, match="folds is 2"):
        split_by_group(np.arange(9), folds=2, seed=0)


def test_tiles_cover_without_overlap():
    positions = tiled_positions([4, 2], (20, 30), (8, 10))
    assert positions.tolist() == [[s, r, c] for s in (4, 2) for r in (0, 8) for c in (0, 10, 20)]


def test_period_aligns_tiles_and_random_positions():
    tiles = tiled_positions([0], (40, 40), 6, period=4)
    assert set(tiles[:, 1]) == {0, 8, 16, 24, 32}
    chosen = random_positions([0, 1], (41, 43), 6, 60, seed=0, period=(4, 2))
    assert not (chosen[:, 1] % 4).any()
    assert not (chosen[:, 2] % 2).any()
    assert chosen[:, 2].max() > 30


def test_random_positions_are_distinct_sorted_balanced_and_inside():
    positions = random_positions([5, 1, 9], (12, 10), (5, 4), 100, seed=7)
    assert np.array_equal(positions, np.unique(positions, axis=0))
    assert np.bincount(positions[:, 0], minlength=10)[[1, 5, 9]].tolist() in ([34, 33, 33], [33, 34, 33], [33, 33, 34])
    assert positions[:, 1].max() == 7
    assert positions[:, 2].max() == 6
    assert np.array_equal(positions, random_positions([5, 1, 9], (12, 10), (5, 4), 100, seed=7))
    assert len(random_positions([0], (5, 5), 4, 100, seed=0)) == 4  # there are no more


def test_patch_too_large_or_of_vectors():
    with pytest.raises(DataError, match=r"patch \(16, 16\) is larger than the image \(12, 40\).*at most 12"):
        tiled_positions([0], (12, 40), 16)
    with pytest.raises(UsageError, match="vectors are used whole"):
        random_positions([0], (12,), 4, 1, seed=0)
    with pytest.raises(UsageError, match="expected numbers of pixels >= 1"):
        tiled_positions([0], (12, 40), 0)


@pytest.mark.parametrize("block_bytes", [64 * 2**20, 20_000])
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_patches_come_in_the_order_of_positions(monkeypatch, size, block_bytes):
    monkeypatch.setattr("ideal.measurements.patches._BLOCK_BYTES", block_bytes)
    images = coordinates()
    positions = np.random.default_rng(0).permutation(random_positions(np.arange(7), (20, 30), (3, 4), 200, seed=1))
    patches = Patches(from_arrays(images), positions, (3, 4))
    batches = list(patches.batches(size))
    assert {len(batch) for batch in batches[:-1]} <= {size}
    found = np.concatenate(batches)
    assert found.dtype == np.float64
    assert found.shape == patches.shape == (200, 3, 4)
    expected = np.stack([images[s, r : r + 3, c : c + 4] for s, r, c in positions])
    assert np.array_equal(found, expected)
    assert np.array_equal(patches.read(), expected)
    assert np.array_equal(patches.take([5, 3]).read(), expected[[5, 3]])


@pytest.mark.parametrize("block_bytes", [64 * 2**20, 30_000])
def test_each_sample_is_read_once(monkeypatch, block_bytes):
    monkeypatch.setattr("ideal.measurements.patches._BLOCK_BYTES", block_bytes)
    monkeypatch.setattr("ideal.measurements.patches._GAP_BYTES", 0)
    measured = counted(coordinates(40))
    positions = random_positions([0, 3, 4, 5, 30, 39], (20, 30), (5, 5), 300, seed=0)
    np.concatenate(list(Patches(measured, positions, 5).batches(32)))
    assert np.flatnonzero(measured._stored.reads).tolist() in ([0, 3, 4, 5, 30, 39], [0, 1, 3, 4, 5, 30, 39])
    assert measured._stored.reads.max() == 1


def test_samples_far_from_those_wanted_are_not_read():
    images = np.zeros((400, 64, 64), np.float32)
    measured = counted(images)
    Patches(measured, tiled_positions([1, 3, 395], (64, 64), 32), 32).read()
    assert measured._stored.reads[:4].tolist() == [0, 1, 1, 1]
    assert measured._stored.reads.sum() == 4


def test_channels_stay_last():
    images = np.random.default_rng(0).normal(size=(3, 9, 8, 2))
    patches = Patches(from_arrays(images), [[2, 4, 1], [0, 0, 0]], (5, 4))
    assert patches.shape == (2, 5, 4, 2)
    assert np.array_equal(patches.read(), np.stack([images[2, 4:, 1:5], images[0, :5, :4]]))


def test_clean_and_sigma_are_cropped_alike():
    images = coordinates()
    pixel_sigma = images[0] + 1
    positions = random_positions(np.arange(7), (20, 30), 4, 50, seed=0)
    patches = Patches(from_arrays(images, clean=images * 2, sigma=pixel_sigma, noise="gaussian"), positions, 4)
    assert np.array_equal(patches.read("clean"), 2 * patches.read())
    assert np.array_equal(patches.read("sigma"), np.stack([pixel_sigma[r : r + 4, c : c + 4] for _, r, c in positions]))
    of_samples = Patches(from_arrays(images, sigma=images + 1, noise="gaussian"), positions, 4)
    assert np.array_equal(of_samples.read("sigma"), of_samples.read() + 1)
    with pytest.raises(UsageError, match="expected one of measurements, clean, sigma"):
        patches.batches(what="objects")


def test_whole_samples_and_visibilities():
    values = np.random.default_rng(0).normal(size=(6, 5)) + 1j
    patches = Patches(from_arrays(values, sigma=0.5), [4, 0, 4], None)
    assert patches.shape == (3, 5)
    assert np.array_equal(patches.read(), values[[4, 0, 4]])
    assert patches.read("sigma").dtype == np.float64
    assert np.array_equal(Patches(from_arrays(values), [1], None).read(), values[[1]])


def test_groups_of_patches_are_those_of_their_samples():
    measured = from_arrays(coordinates(4), groups=[7, 7, 8, 9])
    assert Patches(measured, [[3, 0, 0], [1, 2, 2]], 4).groups.tolist() == [9, 7]
    with pytest.raises(UsageError, match="one for each of 1 patches"):
        Patches(measured, [[3, 0, 0]], 4, groups=[1, 2])


def test_positions_outside():
    with pytest.raises(UsageError, match=r"position 1 is \(0, 17, 0\).*to \(6, 16, 26\)"):
        Patches(from_arrays(coordinates()), [[0, 16, 0], [0, 17, 0]], 4)
    with pytest.raises(UsageError, match="expected \\(patch, 3\\)"):
        Patches(from_arrays(coordinates()), [[0, 16]], 4)


@pytest.mark.parametrize("gutter", [0, 5])
@pytest.mark.parametrize("period", [None, 4])
def test_spatial_groups_are_separate_blocks(gutter, period):
    positions, groups = spatial_groups([0, 1], (200, 300), 10, count=12, gutter=gutter, period=period)
    n_groups = len(np.unique(groups))
    assert 8 <= n_groups <= 40
    boxes = []
    for group in np.unique(groups):
        inside = positions[groups == group]
        assert set(inside[:, 0]) == {0, 1}  # the same place of both pictures of one scene
        boxes.append((inside[:, 1:].min(0), inside[:, 1:].max(0) + 10))
    for i, (low, high) in enumerate(boxes):
        for other_low, other_high in boxes[:i]:
            assert (np.maximum(low, other_low) - np.minimum(high, other_high)).max() >= gutter
    if period:
        assert not (positions[:, 1:] % period).any()


def test_spatial_groups_split_and_keep_sources_apart():
    positions, groups = spatial_groups([3, 4, 5], (64, 64), 8, groups=[0, 1, 1])
    assert not set(groups[positions[:, 0] == 3]) & set(groups[positions[:, 0] == 4])
    assert set(groups[positions[:, 0] == 4]) == set(groups[positions[:, 0] == 5])
    fold = split_by_group(groups, seed=0)[0]
    assert len(fold.train) > len(fold.test) > 0
    with pytest.raises(DataError, match=r"room for 2 block.*smaller patch"):
        spatial_groups([0], (16, 32), 16)


@pytest.mark.parametrize("what", ["measurements", "clean", "sigma"])
def test_images_larger_than_a_block_are_read_by_bands(monkeypatch, what):
    images = coordinates(3, 50, 30).astype(float)
    measured = from_arrays(images, clean=images + 1, sigma=images + 2, noise="gaussian")
    positions = random_positions(range(3), (50, 30), (4, 6), 200, seed=0)
    positions = np.random.default_rng(0).permutation(positions)
    expected = Patches(measured, positions, (4, 6)).read(what)
    monkeypatch.setattr(ideal.measurements.patches, "_BLOCK_BYTES", 16 * 30 * 9)  # nine rows
    heights = []
    read = type(measured).read

    def watched(self, start, stop, rows=None):
        heights.append(rows.stop - rows.start)
        return read(self, start, stop, rows)

    monkeypatch.setattr(type(measured), "read", watched)
    banded = Patches(measured, positions, (4, 6))
    np.testing.assert_array_equal(banded.read(what), expected)
    assert what != "measurements" or (heights and max(heights) <= 9)


def test_a_nan_in_a_band_is_named_by_its_place_in_the_image(monkeypatch):
    images = coordinates(2, 50, 30)
    images[1, 33, 7] = np.nan
    monkeypatch.setattr(ideal.measurements.patches, "_BLOCK_BYTES", 16 * 30 * 9)
    with pytest.raises(DataError, match=r"sample 1, pixel \(33, 7\)"):
        Patches(from_arrays(images), tiled_positions(range(2), (50, 30), 5), 5).read()


def test_some_tiles_are_drawn_without_listing_all():
    every = tiled_positions([2, 5, 6], (20, 31), (4, 5), period=3)
    np.testing.assert_array_equal(some_tiled_positions([2, 5, 6], (20, 31), (4, 5), 1000, seed=0, period=3), every)
    some = some_tiled_positions([2, 5, 6], (20, 31), (4, 5), 11, seed=0, period=3)
    assert len(np.unique(some, axis=0)) == 11
    listed = {tuple(position) for position in every.tolist()}
    assert {tuple(position) for position in some.tolist()} <= listed
    np.testing.assert_array_equal(some, some[np.lexsort(some.T[::-1])])
    many = some_tiled_positions(np.arange(10**6), (4000, 4000), 16, 1000, seed=1)
    assert many.shape == (1000, 3)
