import numpy as np
import pytest

from ideal.datasets import make_objects
from ideal.errors import UsageError
from ideal.imaging import Scene

FIELD = Scene("transmission", (96, 96, 2), ("absorption", "phase"), 0.23)


@pytest.fixture(scope="module")
def cells():
    source = make_objects("phase-cells").open(FIELD, seed=1)
    return source, source.read(0, 150)


def test_what_is_given(cells):
    source, objects = cells
    assert objects.scenes.shape == (150, 96, 96, 2)
    assert objects.scenes.dtype == np.float32
    assert source.classes == ("lymphocyte", "monocyte", "granulocyte")
    assert set(objects.labels) == {0, 1, 2}
    np.testing.assert_array_equal(objects.groups, np.arange(150))


def test_an_object_depends_on_the_seed_and_its_number_alone(cells):
    source, objects = cells
    later = source.read(7, 9)
    np.testing.assert_array_equal(later.scenes, objects.scenes[7:9])
    np.testing.assert_array_equal(later.labels, objects.labels[7:9])
    other = make_objects("phase-cells").open(FIELD, seed=2).read(7, 9)
    assert not np.array_equal(other.scenes, later.scenes)


def test_cells_lie_within_a_flat_field(cells):
    _, objects = cells
    assert objects.scenes.min() >= 0
    for edge in (objects.scenes[:, 0], objects.scenes[:, -1], objects.scenes[:, :, 0], objects.scenes[:, :, -1]):
        assert edge.max() < 1e-3


def test_sizes_and_phases_are_those_of_cells(cells):
    _, objects = cells
    area = FIELD.pixel**2 * (objects.scenes[..., 1] > 0.2).sum((1, 2))
    radius = np.sqrt(area / np.pi)
    assert 4.6 < radius.min() < 5.4
    assert 6.6 < radius.max() < 7.4
    peak = objects.scenes[..., 1].max((1, 2))
    # index 0.03 to 0.045, thickness 3.5 to 7 um, lumps on top
    assert 1.2 < peak.min() < peak.max() < 5
    assert 0.005 < objects.scenes[..., 0].max() <= 0.02


def test_phase_is_in_proportion_to_contrast_and_to_the_inverse_of_the_wavelength(cells):
    _, objects = cells
    stronger = make_objects("phase-cells", contrast=0.06, wavelength=1.06 / 3).open(FIELD, seed=1).read(0, 3)
    np.testing.assert_allclose(stronger.scenes[..., 1], 3 * objects.scenes[:3, ..., 1], rtol=1e-5, atol=1e-6)


def test_total_phase_does_not_tell_the_class_and_the_texture_does(cells):
    _, objects = cells
    phase = objects.scenes[..., 1].astype(float)
    total = phase.sum((1, 2))
    fine = np.abs(4 * phase - sum(np.roll(phase, shift, axis) for shift in (-1, 1) for axis in (1, 2))).sum((1, 2)) / total
    for label in range(3):
        these, others = objects.labels == label, objects.labels != label
        error = np.hypot(*(total[which].std() / np.sqrt(which.sum()) for which in (these, others)))
        assert abs(total[these].mean() - total[others].mean()) < 4 * error
    assert fine[objects.labels == 2].mean() > 1.1 * fine[objects.labels == 0].mean()


def test_the_scale_is_physical():
    fine = make_objects("phase-cells", radius=(6.0, 6.0)).open(Scene("transmission", (200, 200, 2), pixel=0.11)).read(0, 4)
    coarse = make_objects("phase-cells", radius=(6.0, 6.0)).open(Scene("transmission", (50, 80, 2), pixel=0.44)).read(0, 4)
    areas = [pixel**2 * (each.scenes[..., 1] > 0.2).sum((1, 2)) for each, pixel in ((fine, 0.11), (coarse, 0.44))]
    for area in areas:
        np.testing.assert_allclose(area, np.pi * 6**2, rtol=0.08)


def test_preview_has_no_pixel_and_still_shows_cells():
    objects = make_objects("phase-cells")
    assert objects.open(objects.preview).read(0, 2).scenes.shape == (2, 64, 64, 2)


def test_wrong_use_is_refused():
    with pytest.raises(UsageError, match="a cell needs 16"):
        make_objects("phase-cells").open(Scene("transmission", (32, 32, 2), pixel=0.2))
    with pytest.raises(UsageError, match="radiance"):
        make_objects("phase-cells").open(Scene("radiance", (96, 96)))
    with pytest.raises(UsageError, match="smaller number first"):
        make_objects("phase-cells", radius=(7.0, 5.0))
