import os

import numpy as np
import pytest

from ideal.datasets import make_objects
from ideal.errors import DataError, UsageError
from ideal.imaging import Scene

FIELD = Scene("transmission", (96, 112, 2), ("absorption", "phase"), 0.22)


@pytest.fixture
def shared_data():
    folder = os.environ.get("IDEAL_DATA")
    if not folder:
        pytest.skip("IDEAL_DATA names no data folder")
    return folder


def centre_and_radius(phase, pixel):
    """Centre (row, column) in um from the middle of the scene, and radius in um, of what is above a fifth of the peak."""
    inside = phase > 0.2 * phase.max()
    middle = (np.array(phase.shape) - 1) / 2
    return pixel * (np.argwhere(inside).mean(0) - middle), pixel * np.sqrt(inside.sum() / np.pi)


@pytest.fixture(scope="module")
def floating():
    source = make_objects("cells", source="floating", peak=2.5).open(FIELD, seed=4)
    return source, source.read(0, 20)


def test_the_floating_cell_has_its_size_and_the_peak_that_is_set(floating):
    _, objects = floating
    assert objects.scenes.shape == (20, *FIELD.shape)
    assert objects.labels is None
    assert not objects.scenes[..., 0].any()
    assert objects.scenes[..., 1].max() == pytest.approx(2.5, rel=0.2)  # of few bright grains
    for scene in objects.scenes:
        centre, radius = centre_and_radius(scene[..., 1], FIELD.pixel)
        assert radius == pytest.approx(6.8, rel=0.05)  # 127 pixels of 0.107 um across
        assert np.abs(centre).max() < 3.2


def test_views_of_one_cell_are_of_one_group(floating):
    assert set(floating[1].groups) == {0}


def test_a_view_depends_on_the_seed_and_its_number_alone(floating):
    source, objects = floating
    np.testing.assert_array_equal(source.read(5, 6).scenes[0], objects.scenes[5])
    assert not np.allclose(objects.scenes[5], objects.scenes[6], atol=0.1)


def test_the_field_is_flat_at_its_edges(floating):
    scenes = floating[1].scenes
    for edge in (scenes[:, 0], scenes[:, -1], scenes[:, :, 0], scenes[:, :, -1]):
        assert np.abs(edge).max() < 0.02


def test_without_the_data_folder_all_is_the_bundled_cell(monkeypatch, floating):
    monkeypatch.delenv("IDEAL_DATA", raising=False)
    assert set(make_objects("cells").open(FIELD).read(0, 8).groups) == {0}
    with pytest.raises(DataError, match="IDEAL_DATA"):
        make_objects("cells", source="hl60").open(FIELD)
    with pytest.raises(DataError, match="IDEAL_DATA"):
        make_objects("blood-cells").open(FIELD)


def test_wrong_use_is_refused():
    with pytest.raises(UsageError, match="expected one of"):
        make_objects("cells", source="hela")
    with pytest.raises(UsageError, match="a cell needs 19"):
        make_objects("cells").open(Scene("transmission", (32, 32, 2), pixel=0.2))
    with pytest.raises(UsageError, match="radiance"):
        make_objects("cells").open(Scene("radiance", (96, 96)))


@pytest.mark.shared_data
def test_hl60_views_have_the_measured_phase_and_size(shared_data):
    objects = make_objects("cells", source="hl60").open(FIELD, seed=0).read(0, 10)
    assert set(objects.groups) == {1}
    peaks = objects.scenes[..., 1].max((1, 2))
    assert 2.8 < peaks.min() < peaks.max() < 3.3
    assert np.abs(objects.scenes[..., 0]).max() < 0.01
    radii = [centre_and_radius(scene[..., 1], FIELD.pixel)[1] for scene in objects.scenes]
    np.testing.assert_allclose(radii, 7.1, rtol=0.03)


@pytest.mark.shared_data
def test_all_sources_come_alike_often(shared_data):
    groups = make_objects("cells").open(FIELD, seed=0).read(0, 40).groups
    assert 8 < (groups == 0).sum() < 32


@pytest.mark.shared_data
def test_blood_cells_are_dark_where_they_absorb(shared_data):
    source = make_objects("blood-cells").open(FIELD, seed=3)
    objects = source.read(0, 60)
    assert source.count == 2068
    assert source.classes[1] == "white cell"
    assert set(objects.labels) <= {0, 1, 2}
    assert len(set(objects.groups)) > 20
    assert objects.scenes.min() >= 0
    assert not objects.scenes[..., 1].any()
    assert not objects.scenes[:, 0].any()
    inner = objects.scenes[:, 30:60, 40:70, 0].mean((1, 2))
    assert inner[objects.labels == 1].mean() > inner[objects.labels == 0].mean() > 0.05
    np.testing.assert_array_equal(source.read(7, 8).scenes[0], objects.scenes[7])


@pytest.mark.shared_data
def test_blood_cells_as_light(shared_data):
    grey = make_objects("blood-cells").open(Scene("radiance", (64, 64)), seed=3).read(0, 5)
    color = make_objects("blood-cells").open(Scene("radiance", (64, 64, 3)), seed=3).read(0, 5)
    assert grey.scenes.shape == (5, 64, 64)
    assert 0 < grey.scenes.min() < 0.7
    assert grey.scenes.max() == 1
    np.testing.assert_array_equal(color.scenes, np.repeat(grey.scenes[..., None], 3, -1))
    assert make_objects("blood-cells").open(Scene("radiance", (20, 30)), seed=3).read(2066, 2068).scenes.shape == (2, 20, 30)
