"""Right data stay silent: what this repository simulates, and the right files of the data folder."""

import os
from pathlib import Path

import h5py
import numpy as np
import pytest
from fixtures.health import NO_MATTER, photons

from ideal.datasets import demo
from ideal.measurements.measurement_set import from_arrays, open_measurements
from ideal.noise import EMCCD, PhotonCounter

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


@pytest.mark.parametrize("light", [0.0, 5e-4, 0.005, 0.02, 0.1])
@pytest.mark.parametrize("frames", [25, 80, 400])
def test_rare_photons_of_an_emccd_make_no_pixel_noisy(light, frames):
    noise = EMCCD(300.0, 45.0, gain=0.04, offset=200.0, quantised=True)
    values = noise.stored(noise.sample(np.random.default_rng(0), np.full((frames, 48, 48), light)))
    told = {each.name for each in from_arrays(values, noise=noise).examination.findings}
    assert not told & {"noisy-pixels", "noise-too-small", "hot-pixels"}


def test_pixels_that_are_noisy_are_named_among_rare_photons():
    noise, rng = EMCCD(300.0, 45.0, gain=0.04, offset=200.0, quantised=True), np.random.default_rng(0)
    values = noise.sample(rng, np.full((100, 48, 48), 0.02))
    bad = rng.random((48, 48)) < 0.01
    values = values + np.where(bad, 3.0, 0.0) * rng.standard_normal(values.shape)
    told = {each.name: each for each in from_arrays(noise.stored(values), noise=noise).examination.findings}
    assert told["noisy-pixels"].figures["pixels"] >= 0.4 * bad[2:-2, 2:-2].sum()  # two beside each other hide one another


@pytest.mark.parametrize(
    "noise",
    [PhotonCounter(1), PhotonCounter(1, 3), PhotonCounter(3, 2), PhotonCounter(8), EMCCD(300.0, 45.0, spurious=0.5)],
    ids=lambda noise: f"{noise.name}-{getattr(noise, 'bits', '')}",
)
def test_clean_means_of_what_does_not_count_every_photon_are_right(noise):
    rng = np.random.default_rng(0)
    clean = rng.gamma(1.0, 5.0, (60, 24, 24))  # far beyond where the counters of few bits end
    values = noise.sample(rng, clean)
    told = {each.name for each in from_arrays(values, clean=clean, noise=noise).examination.findings}
    assert not told & {"clean-contradicts", "clipped"}
    told = {each.name for each in from_arrays(values, clean=1.5 * clean, noise=noise).examination.findings}
    assert "clean-contradicts" in told
