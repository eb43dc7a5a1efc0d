import io

import numpy as np
import pytest
from fixtures.health import found, photons, scenes
from PIL import Image


def through_jpeg(pictures, quality):
    packed = []
    for picture in pictures:
        stream = io.BytesIO()
        Image.fromarray(picture).save(stream, "JPEG", quality=quality)
        packed.append(np.asarray(Image.open(stream)))
    return np.stack(packed)


@pytest.mark.parametrize("quality", [50, 75, 85, 92])
def test_jpeg_leaves_its_grid(quality):
    counts = np.minimum(photons(scenes(60, mean=60.0, contrast=0.45)), 250).astype(np.uint8)
    assert "lossy-compression" not in found(counts)
    assert "lossy-compression" in found(through_jpeg(counts, quality))


@pytest.mark.parametrize(("corner", "side"), [((5, 3), 24), ((7, 2), 40), ((0, 4), 32)])
def test_jpeg_that_was_cut_off_its_grid(corner, side):
    counts = np.minimum(photons(scenes(150, side=48, mean=60.0, contrast=0.45)), 250).astype(np.uint8)
    part = np.s_[:, corner[0] : corner[0] + side, corner[1] : corner[1] + side]
    assert "lossy-compression" not in found(counts[part])
    for values in (through_jpeg(counts, 90)[part], through_jpeg(counts, 90)[part].astype(np.float32)):
        one = found(values)["lossy-compression"]
        assert (one.figures["row"], one.figures["column"]) == (-corner[0] % 8, -corner[1] % 8)


def test_a_color_jpeg():
    pictures = np.minimum(photons(scenes(40, mean=80.0)[..., None] * [1.0, 0.8, 0.6]), 250).astype(np.uint8)
    assert "lossy-compression" in found(through_jpeg(pictures, 80))


def test_colors_that_were_filled_in():
    raw = photons(scenes(60, mean=200.0)[..., None] * [1.0, 0.8, 0.6]).astype(float)
    assert "demosaicked" not in found(raw.astype(int))
    filled = raw.copy()
    filled[:, 1:-1, 1:-1:2, 0] = (raw[:, 1:-1, :-2:2, 0] + raw[:, 1:-1, 2::2, 0]) / 2
    assert "demosaicked" in found(np.rint(filled).astype(int))


def test_pictures_for_a_screen():
    light = np.concatenate([scenes(60, blur=4.0, contrast=0.8, mean=0.2), scenes(60, blur=1.0, contrast=0.8, mean=0.2, seed=1)])
    encoded = np.rint(255 * np.clip(light, 0, 1) ** (1 / 2.2)).astype(np.uint8)
    assert {"gamma-encoded", "noise-too-small"} & set(found(encoded))
    assert "gamma-encoded" not in found(np.minimum(photons(scenes(mean=120.0, contrast=0.4)), 255).astype(np.uint8))
