"""Right data stay silent: what this repository simulates, and the right files of the data folder."""

import os
from pathlib import Path

import h5py
import numpy as np
import pytest
from fixtures.health import NO_MATTER, photons

from ideal.datasets import demo
from ideal.measurements.measurement_set import from_arrays, open_measurements

CAMERA = ("--noise", "poisson-gaussian", "--read-noise", 1.6, "--gain", 0.45, "--offset", 100)
SIMULATED = [
    ("color-filter-array", "photographs", ("--photons", 1)),
    ("color-filter-array", "photographs", ("--photons", 1000, *CAMERA)),
    ("lensless-lenslets", "faces", ("--photons", 30)),
    ("lensless-lenslets", "beads", ("--photons", 1)),
    ("lensless-lenslets", "beads", ("--photons", 10000, *CAMERA)),
    ("lensless", "natural-fields", ("--noise", "gaussian", "--sigma", 3)),
    ("lensless-phase", "faces", ()),
    ("diffraction-limited", "natural-fields", ("--photons", 100, *CAMERA)),
    ("diffraction-limited", "two-points", ()),
    ("interferometer", "black-hole-rings", ()),
    ("led-microscope", "phase-cells", ("--photons", 450)),
    ("led-microscope", "cells", ()),
]


def names(measured):
    return {each.name: each.line for each in measured.examination.findings if each.name not in NO_MATTER}


@pytest.mark.slow
@pytest.mark.parametrize(("system", "objects", "options"), SIMULATED, ids=lambda value: value if isinstance(value, str) else None)
def test_what_is_simulated_is_right(ideal, tmp_path, system, objects, options):
    done = ideal("simulate", system, objects, "-o", tmp_path / "a.h5", "-n", 80, *options)
    assert done.exit_code == 0, done.stderr
    with open_measurements(tmp_path / "a.h5") as measured:
        assert not names(measured)


def test_the_demo_is_right(tmp_path):
    for file in demo.make_measurements(tmp_path):
        if file.suffix not in (".h5", ".tif"):
            continue
        options = {} if file.suffix == ".h5" else {"noise": "poisson-gaussian", "gain": 0.45, "offset": 100, "read_noise": 1.6}
        with open_measurements(file, **options) as measured:
            assert not names(measured)


def test_pictures_that_come_with_scikit_image_as_counts():
    from skimage import data

    for name in ("camera", "coins", "brick", "grass", "gravel", "page"):  # the moon was scanned in columns, which are told
        light = (getattr(data, name)().astype(float) / 255) ** 2.2
        rows, columns = (size // 32 * 32 for size in light.shape)
        pieces = light[:rows, :columns].reshape(rows // 32, 32, -1, 32).swapaxes(1, 2).reshape(-1, 32, 32)
        for mean in (0.5, 20, 2000):
            assert not names(from_arrays(photons(mean * pieces / pieces.mean()), noise="poisson")), (name, mean)


@pytest.fixture
def shared():
    folder = os.environ.get("IDEAL_DATA")
    if not folder:
        pytest.skip("needs the data folder named by IDEAL_DATA")
    return Path(folder)


@pytest.mark.shared_data
@pytest.mark.parametrize("dataset", ["train", "validation", "test"])
def test_the_benchmark_set_is_right(shared, dataset):
    with open_measurements(f"{shared}/set_a.h5::{dataset}", noise="poisson") as measured:
        assert not names(measured)


@pytest.mark.slow
@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("file", "dataset"),
    [
        ("mnist.h5", "train/images"),
        ("fashion_mnist_900.h5", "images"),
        ("cifar10.h5", "exact/images"),
        ("natural_rgb.h5", "kodak/images"),
        ("natural_rgb.h5", "bsds500_half/images"),
        ("blood_cells.h5", "bccd/green"),
        ("blood_cells.h5", "wbc1/images"),
    ],
)
def test_photon_counts_of_real_pictures_are_right(shared, file, dataset):
    with h5py.File(shared / file) as archive:
        light = (archive[dataset][:800, ..., :] / 255.0) ** 2.2
    if light.shape[1] > 200:
        light = light[:, 100:200, 100:200]
    for mean in (1, 300):
        found = names(from_arrays(photons(mean * light / light.mean()), noise="poisson"))
        # Cells at the edge of their picture were padded with black, which is told rightly.
        assert not set(found) - ({"partial-frames"} if dataset == "wbc1/images" else set())


# What a camera engineer would say of the six raw captures: two of DiffuserCam in 12 bits shifted by 4, two of FlatCam in 10 bits
# shifted by 6, and two holograms of 8 bits.
RAW = {
    "lensless/diffusercam_psf_sample.tif": {"scaled-counts"},
    "lensless/diffusercam_rawdata_hand_sample.tif": {"scaled-counts"},
    "lensless/lensless_captures.h5::flatcam/raw": {"scaled-counts"},
    "microscopy/dhm_hologram_cell.npz::data": set(),
    "microscopy/dhm_hologram_cell.npz::bg_data": set(),
}


@pytest.mark.shared_data
@pytest.mark.parametrize("file", RAW)
def test_raw_captures_get_the_findings_of_a_camera_engineer(shared, file):
    with open_measurements(f"{shared}/{file}", noise="poisson") as measured:
        values = measured.read_raw(0, len(measured))
    values = values if values.ndim > 2 else values[None]
    found = names(from_arrays(values, noise="poisson"))
    assert set(found) >= RAW[file]
    if "scaled-counts" in found:
        levels = np.unique(values)
        factor = int(np.median(np.diff(levels)))
        assert f"multiple of {factor}" in found["scaled-counts"]


@pytest.mark.shared_data
def test_calibrated_visibilities_of_the_event_horizon_telescope_are_right(shared):
    pytest.importorskip("astropy")
    for file in sorted((shared / "eht" / "uvfits").glob("*.uvfits")):
        with open_measurements(file) as measured:
            assert set(names(measured)) <= {"tied-baselines", "note"}
