import numpy as np
import pytest
from fixtures.health import examined, found, photons, scenes

import ideal
from ideal.health import merged
from ideal.health.copies import digests


def test_frames_that_stand_five_times_are_one_source_each():
    once = photons(scenes(60))
    five = np.random.default_rng(2).permutation(np.repeat(once, 5, axis=0))
    seen = examined(five)
    one = next(each for each in seen.findings if each.name == "identical-samples")
    assert one.figures == {"copies": 240, "originals": 60, "of": 300}
    groups = seen.groups(np.arange(300))
    assert len(np.unique(groups)) == 60
    for group in np.unique(groups):
        assert (five[groups == group] == five[groups == group][0]).all()


def test_copies_are_never_scored_by_each_other():
    rng = np.random.default_rng(14)
    place = np.indices((6, 6)).reshape(2, -1).T
    covariance = np.exp(-np.hypot(*(place[:, None] - place).T) / 2)
    truth = 0.5 * np.linalg.slogdet(np.eye(36) + covariance / 0.25)[1] / np.log(2) / 36
    clean = (rng.standard_normal((120, 36)) @ np.linalg.cholesky(covariance).T).reshape(-1, 6, 6)
    values = np.repeat(clean + 0.5 * rng.standard_normal(clean.shape), 20, axis=0)
    estimate = ideal.estimate(ideal.from_arrays(values, noise="gaussian", sigma=0.5), models=["full"], patch=6)
    assert estimate.information_bits_per_pixel > truth - 0.02
    assert any(each.name == "identical-samples" for each in estimate.findings)


@pytest.mark.parametrize(
    "values", [photons(np.full((3000, 4), 10.0)), photons(np.full((500, 16, 16), 0.01)), np.zeros((50, 8, 8))]
)
def test_samples_that_are_alike_by_chance_are_no_copies(values):
    assert not {"identical-samples", "near-copies"} & set(found(values))


def test_copies_of_continuous_values_visibilities_and_wide_samples():
    rng = np.random.default_rng(0)
    for values in (rng.standard_normal((50, 3)), rng.standard_normal((50, 3)) + 1j, rng.standard_normal((4, 400_000))):
        kinds = digests(np.concatenate([values, values[:2]]))
        assert kinds[-2:] == kinds[:2]
        assert len(set(kinds)) == len(values)


@pytest.mark.parametrize(
    "copy",
    [lambda v: v + 1, lambda v: np.rint(1.02 * v), lambda v: v + (np.arange(32) % 7 == 0)],
    ids=["shifted", "scaled", "marked"],
)
def test_near_copies_share_their_noise(copy):
    counts = photons(scenes(60))
    seen = examined(np.concatenate([counts, copy(counts[:20]).astype(int)]))
    one = next(each for each in seen.findings if each.name == "near-copies")
    assert one.figures["samples"] == 40
    assert len(np.unique(seen.groups(np.arange(80)))) == 60
    assert "near-copies" not in found(np.concatenate([photons(scenes(60), 1), photons(scenes(60), 2)]))


@pytest.mark.parametrize("side", [8, 12, 16])
def test_near_copies_of_small_frames(side):
    counts = photons(scenes(60, side=side))
    marked = counts[:20] + (np.random.default_rng(5).random((20, side, side)) < 0.05)
    one = found(np.concatenate([counts, marked.astype(int)]))["near-copies"]
    assert one.figures["samples"] == 40


@pytest.mark.parametrize("light", [0.1, 1.0, 30.0])
@pytest.mark.parametrize("shape", [(8, 8), (16, 16), (40,)])
def test_small_samples_of_one_scene_are_no_near_copies(shape, light):
    counts = np.random.default_rng(3).poisson(np.full((2500, *shape), light))
    assert "near-copies" not in found(counts)


def test_near_copies_of_vectors_and_visibilities():
    rng = np.random.default_rng(4)
    for values, noise in (
        (rng.standard_normal((60, 100)), "gaussian"),
        (rng.standard_normal((60, 50, 2)).view(complex)[..., 0], "complex-gaussian"),
    ):
        moved = np.concatenate([values, values[:10] + 0.02])
        assert found(moved, noise=noise, sigma=1.0)["near-copies"].figures["samples"] == 20
        assert "near-copies" not in found(values, noise=noise, sigma=1.0)


def test_copies_of_short_vectors_are_told_from_chance_by_the_noise():
    rng = np.random.default_rng(6)
    bright = rng.poisson(rng.gamma(4, 15, (120, 4)))
    seen = examined(np.repeat(bright, 5, axis=0))
    assert len(np.unique(seen.groups(np.arange(600)))) == 120
    dim = rng.poisson(2.0, (3000, 5))  # which come again by chance alone
    assert len(np.unique(dim, axis=0)) < 2300
    assert "identical-samples" not in found(dim)


def test_copies_within_a_group_need_no_word_and_those_across_groups_do():
    counts = photons(scenes(30))
    twice = np.concatenate([counts, counts])
    assert "identical-samples" not in found(twice, groups=np.tile(np.arange(30), 2))
    assert "check the groups" in found(twice, groups=np.arange(60))["identical-samples"].remedy


def test_identical_patches_join_their_pictures():
    counts = photons(scenes(70, side=32))
    counts[5:9, 16:, 16:] = counts[0, 16:, 16:]
    estimate = ideal.estimate(ideal.from_arrays(counts, noise="poisson"), models=["stationary"], patch=16)
    one = next(each for each in estimate.findings if each.name == "identical-patches")
    assert one.figures["copies"] == 4
    assert "identical-samples" not in {each.name for each in estimate.findings}


def test_merging_follows_chains():
    assert merged(np.array([5, 5, 7, 8, 9]), [(0, 2), (2, 3)]).tolist() == [5, 5, 5, 5, 9]
    assert merged(np.array([5, 7]), []).tolist() == [5, 7]


def test_complex_samples_whose_values_stand_apart_in_memory_are_looked_at():
    rng = np.random.default_rng(0)
    values = (rng.standard_normal((3, 200)) + 1j * rng.standard_normal((3, 200))).T
    assert not values.flags.c_contiguous
    told = {each.name for each in ideal.from_arrays(values, noise="complex-gaussian", sigma=0.5).examination.findings}
    assert "identical-samples" not in told
