import numpy as np
import pytest
from fixtures.health import camera, found, photons, scenes

COUNTS = photons(scenes(200, side=16, mean=60.0)).astype(np.uint16)


@pytest.mark.parametrize(
    "place", [np.s_[40:60, :, :5], np.s_[40:60, 11:], np.s_[::3, :, -4:], np.s_[7:8, 9:], np.s_[7:8, :, 12:]]
)
def test_dark_rows_and_columns_at_the_edge_of_some_frames(place):
    for values in (COUNTS.copy(), COUNTS.astype(np.float32), np.stack([COUNTS, COUNTS // 2], axis=-1)):
        values[place] = 0
        seen = found(values)
        assert "banding" not in seen
        assert seen["partial-frames"].figures["frames"] == len(range(200)[place[0]])


@pytest.mark.parametrize("fill", [0, 60, 65535])
def test_parts_of_one_value_between_others(fill):
    for place in (np.s_[::7, 4:8], np.s_[::7, :, 4:8]):
        values = COUNTS.copy()
        values[place] = fill
        assert found(values)["partial-frames"].figures["frames"] == 29


def test_parts_of_cameras_and_of_continuous_noise():
    values, options = camera(scenes(200, side=16))
    values[5, :, :3] = 0
    assert found(values, **options)["partial-frames"].figures["columns"] == 3
    noisy = scenes(200, side=16) + np.random.default_rng(0).standard_normal((200, 16, 16))
    noisy[5, 3:6] = 0
    assert found(noisy, noise="gaussian", sigma=1.0)["partial-frames"].figures["rows"] == 3


def test_edges_that_registration_left_empty():
    moved = np.zeros_like(COUNTS)
    for k, frame in enumerate(COUNTS):
        dy, dx = k % 5 - 2, k // 5 % 5 - 2
        moved[k, max(dy, 0) : 16 + min(dy, 0), max(dx, 0) : 16 + min(dx, 0)] = frame[
            max(-dy, 0) : 16 + min(-dy, 0), max(-dx, 0) : 16 + min(-dx, 0)
        ]
    assert found(moved)["partial-frames"].figures["frames"] == 192


def test_objects_and_stripes_on_dark_ground_are_whole():
    rng = np.random.default_rng(0)
    boxes = np.zeros((200, 16, 16))
    for box in boxes:
        (top, bottom), (left, right) = np.sort(rng.integers(0, 17, (2, 2)))
        box[top:bottom, left:right] = 50
    stripes = 60.0 * (rng.random((200, 16, 1)) < 0.3) * np.ones((1, 1, 16))
    for light in (boxes, stripes, np.minimum(scenes(200, side=16, mean=400.0), 500)):
        assert "partial-frames" not in found(np.minimum(photons(light), 500))
