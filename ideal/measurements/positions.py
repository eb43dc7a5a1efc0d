"""Where patches lie: rows of (sample, row, column), the last two that of the first pixel of the patch."""

import math

import numpy as np

from ideal.errors import DataError, UsageError


def tiled_positions(samples, image_shape, patch, *, period=None) -> np.ndarray:
    """Return the positions of patches side by side.

    Args:
        samples: sample indices.
        image_shape: (row, column[, channel]) of one sample; only the first two count.
        patch: (rows, columns), or one number for both; None for whole samples.
        period: of the sensor's color pattern, a number or (rows, columns); origins are multiples of it.

    Returns:
        (patch, 3) int64, in the order of `samples`, then row, then column. What does not fill a patch is left out.

    """
    samples = np.atleast_1d(np.asarray(samples, dtype=np.int64))
    if patch is None:
        return np.stack([samples, np.zeros_like(samples), np.zeros_like(samples)], axis=1)
    patch, period = checked_patch(image_shape, patch, period)
    steps = [math.ceil(size / each) * each for size, each in zip(patch, period, strict=True)]
    rows, columns = (np.arange(0, n - size + 1, step) for n, size, step in zip(image_shape, patch, steps, strict=False))
    grid = np.stack(np.meshgrid(samples, rows, columns, indexing="ij"), axis=-1)
    return grid.reshape(-1, 3).astype(np.int64)


def some_tiled_positions(samples, image_shape, patch, count: int, *, seed: int, period=None) -> np.ndarray:
    """Return up to `count` of the positions of `tiled_positions`, drawn at random and in the same order, without listing all."""
    samples = np.atleast_1d(np.asarray(samples, dtype=np.int64))
    one = tiled_positions([0], image_shape, patch, period=period)
    total = len(one) * len(samples)
    if total <= count:
        return tiled_positions(samples, image_shape, patch, period=period)
    drawn = np.sort(np.random.default_rng(seed).choice(total, count, replace=False, shuffle=False))
    sample, tile = np.divmod(drawn, len(one))
    positions = one[tile]
    positions[:, 0] = samples[sample]
    return positions


def random_positions(samples, image_shape, patch, count: int, *, seed: int, period=None) -> np.ndarray:
    """Return random positions without repetition, as many from each sample as from any other (give or take one).

    Args:
        samples: sample indices.
        image_shape: (row, column[, channel]) of one sample.
        patch: (rows, columns), or one number for both.
        count: number of patches; fewer are returned where there are not so many different ones.
        seed: of the choice.
        period: of the sensor's color pattern, a number or (rows, columns); origins are multiples of it.

    Returns:
        (patch, 3) int64, sorted by sample, row and column, so that a file is read once through.

    """
    samples = np.unique(np.asarray(samples, dtype=np.int64))
    patch, period = checked_patch(image_shape, patch, period)
    choices = [(n - size) // each + 1 for n, size, each in zip(image_shape, patch, period, strict=False)]
    per_image = choices[0] * choices[1]
    count = min(int(count), per_image * len(samples))
    generator = np.random.default_rng(seed)
    share = np.full(len(samples), count // len(samples))
    share[generator.permutation(len(samples))[: count % len(samples)]] += 1
    owner = np.repeat(samples, share)
    if share.max() <= 1:
        place = generator.integers(per_image, size=count)
    else:
        place = np.concatenate([np.sort(generator.choice(per_image, n, replace=False, shuffle=False)) for n in share])
    row, column = np.divmod(place, choices[1])
    return np.stack([owner, row * period[0], column * period[1]], axis=1).astype(np.int64)


def spatial_groups(
    samples, image_shape, patch, *, groups=None, count: int = 20, gutter: int = 0, period=None
) -> tuple[np.ndarray, np.ndarray]:
    """Return tiled positions of large images with one group for each block of an image.

    For files with too few sources to split: blocks of one picture far apart are nearly independent. No patch straddles two
    blocks. The same block of all samples of one source is one group.

    Args:
        samples: sample indices.
        image_shape: (row, column[, channel]) of one sample.
        patch: (rows, columns), or one number for both.
        groups: source of each of `samples`; None where all show one source.
        count: groups wanted of each source; more come out where the image does not divide evenly, fewer where it is small.
        gutter: pixels left out between blocks, for point spread functions that reach from one into the next.
        period: as of `tiled_positions`.

    Returns:
        Positions (patch, 3), sorted as by `tiled_positions`, and the group of each, int64 (patch,): to be split by
        `split_by_group(groups, ...)`, whose indices then count positions.

    Raises:
        DataError: the image has room for fewer than 3 blocks.

    """
    samples = np.atleast_1d(np.asarray(samples, dtype=np.int64))
    patch, period = checked_patch(image_shape, patch, period)
    steps = [math.ceil(size / each) * each for size, each in zip(patch, period, strict=True)]
    fits = [(n - size) // step + 1 for n, size, step in zip(image_shape, patch, steps, strict=False)]
    skip = [math.ceil(max(gutter - (step - size), 0) / step) for size, step in zip(patch, steps, strict=True)]
    # the finest near-square grid of blocks of whole tiles that is no finer than asked for
    side = max(1, math.isqrt(max(1, fits[0] * fits[1] // max(1, count))))
    tiles = [max(1, min(fit, side)) for fit in fits]
    starts = [np.arange(0, fit, tile + gap) for fit, tile, gap in zip(fits, tiles, skip, strict=True)]
    n_sources = 1 if groups is None else len(np.unique(groups))
    if len(starts[0]) * len(starts[1]) * n_sources < 3:
        raise DataError(
            f"an image of shape {tuple(image_shape)} has room for {len(starts[0]) * len(starts[1])} block(s) of patches of "
            f"shape {patch}, expected at least 3: choose a smaller patch or measure more sources"
        )
    positions = tiled_positions(samples, image_shape, patch, period=period)
    tile_row, tile_column = positions[:, 1] // steps[0], positions[:, 2] // steps[1]
    pitch = [tile + gap for tile, gap in zip(tiles, skip, strict=True)]
    inside = (tile_row % pitch[0] < tiles[0]) & (tile_column % pitch[1] < tiles[1])
    block = (tile_row // pitch[0]) * len(starts[1]) + tile_column // pitch[1]
    source = np.zeros(len(samples), dtype=np.int64)
    if groups is not None:
        source = np.unique(np.asarray(groups), return_inverse=True)[1]
    source = np.repeat(source, len(positions) // len(samples))
    return positions[inside], (source * len(starts[0]) * len(starts[1]) + block)[inside]


def _pair(value) -> tuple[int, int]:
    rows, columns = (value, value) if np.ndim(value) == 0 else value
    return int(rows), int(columns)


def checked_patch(image_shape, patch, period=None) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return patch and period as pairs of pixels, after a check that the patch fits the image."""
    patch, period = _pair(patch), _pair(1 if period is None else period)
    if min(patch) < 1 or min(period) < 1:
        raise UsageError(f"patch is {patch} and period {period}, expected numbers of pixels >= 1")
    if len(image_shape) < 2:
        raise UsageError(f"patch {patch} of samples of shape {tuple(image_shape)}: vectors are used whole (patch None)")
    if patch[0] > image_shape[0] or patch[1] > image_shape[1]:
        raise DataError(
            f"patch {patch} is larger than the image {tuple(image_shape[:2])}: choose a patch of at most "
            f"{min(image_shape[:2])} pixels (--patch)"
        )
    return patch, period
