"""Valid inputs of every kind, which the groups change: made once, small, and of every layout that readers know."""

import os
import shutil
from pathlib import Path

import h5py
import numpy as np
import scipy.io
import tifffile
from astropy.io import fits
from fixtures import radio
from fixtures.report import write_runs
from PIL import Image

from ideal.measurements.measurement_set import write_measurements

SIDE = 12
COUNT = 60
MODELS = ("stationary", "full", "negative-binomial", "gaussian-mixture")


def counts() -> np.ndarray:
    """Return photon counts of even scenes whose brightness differs, (sample, row, column)."""
    rng = np.random.default_rng(0)
    return rng.poisson(10 * np.exp(0.5 * rng.standard_normal((COUNT, 1, 1))) * np.ones((SIDE, SIDE))).astype(np.uint16)


def write_seeds(folder: Path, worker) -> Path:
    """Write all of them into a folder."""
    values = counts()
    rng = np.random.default_rng(1)
    for name, array in {
        "plain": values,
        "float": values.astype(np.float32),
        "turned": np.asfortranarray(values.astype(">f8")),
        "complex": rng.standard_normal((COUNT, 6)) + 1j * rng.standard_normal((COUNT, 6)),
    }.items():
        np.save(folder / f"{name}.npy", array)
    np.savez(folder / "plain.npz", measurements=values)
    np.savez_compressed(folder / "all.npz", measurements=values, clean=values * 0.9, labels=np.arange(COUNT) % 3, sigma=2.0)
    _write_hdf5(folder, values)
    _write_tiff(folder, values)
    _write_zarr(folder, values)
    night = radio.observe(scans=3, integrations=4)
    radio.write(folder / "plain.uvfits", night)
    night.more["SOURCE"] = 1.0 + np.arange(len(night)) % 2
    tables = [radio.source_table(M87=1, SgrA=2), radio.frequency_table([0.0])]
    radio.write(folder / "sources.uvfits", night, layout="antennas", tables=tables)
    _write_of_instruments(folder, values)
    _write_models(folder, worker)
    write_runs(folder / "runs")
    return folder


def _write_hdf5(folder: Path, values) -> None:
    labels, groups = np.arange(COUNT) % 3, np.arange(COUNT) // 2
    write_measurements(folder / "plain.h5", values, noise="poisson")
    write_measurements(
        folder / "all.h5",
        values,
        noise="gaussian",
        sigma=2.0,
        clean=values * 0.9,
        labels=labels,
        groups=groups,
        description="a lens",
    )
    with h5py.File(folder / "foreign.h5", "w") as file:
        data = file.create_dataset(
            "run/images", data=values, chunks=(7, SIDE, 5), compression="gzip", shuffle=True, fletcher32=True
        )
        data.attrs["gain"] = 0.5
        file["run/other"] = np.arange(4)
        file["link"] = h5py.SoftLink("/run/images")
    with h5py.File(folder / "new.h5", "w", libver="latest") as file:
        file.create_dataset("measurements", data=values, chunks=(10, SIDE, SIDE), maxshape=(None, SIDE, SIDE), fillvalue=3)


def _write_tiff(folder: Path, values) -> None:
    tifffile.imwrite(folder / "plain.tif", values, photometric="minisblack")
    tifffile.imwrite(folder / "deflate.tif", values, photometric="minisblack", compression="zlib", predictor=True)
    tifffile.imwrite(folder / "tiles.tif", np.tile(values, (1, 3, 3))[:20], photometric="minisblack", tile=(16, 16))
    tifffile.imwrite(folder / "imagej.tif", values, imagej=True, metadata={"axes": "TYX", "unit": "um"})
    tifffile.imwrite(folder / "ome.ome.tif", values, ome=True, metadata={"axes": "TYX"})
    tifffile.imwrite(folder / "color.tif", np.repeat(values.astype(np.uint8)[..., None], 3, -1), photometric="rgb", bigtiff=True)


def _write_zarr(folder: Path, values) -> None:
    import zarr

    for version in (2, 3):
        group = zarr.open_group(folder / f"group-{version}.zarr", mode="w", zarr_format=version)
        group.attrs["noise"] = "poisson"
        group.create_array("measurements", data=values, chunks=(20, SIDE, SIDE))
    zarr.create_array(folder / "array.zarr", data=values, chunks=(16, SIDE, SIDE), attributes={"axes": "nyx"})
    zarr.create_array(folder / "shards.zarr", data=values, chunks=(10, SIDE, SIDE), shards=(30, SIDE, SIDE))
    scales = {"multiscales": [{"version": "0.4", "axes": [{"name": x} for x in "tyx"], "datasets": [{"path": "0"}]}]}
    group = zarr.open_group(folder / "ome.zarr", mode="w", zarr_format=2, attributes=scales)
    group.create_array("0", data=values, chunks=(COUNT, SIDE, SIDE), dimension_names=None)


def _write_of_instruments(folder: Path, values) -> None:
    """Write files of MATLAB, pictures, images of FITS and k-space."""
    shown = np.moveaxis(values, 0, -1)
    scipy.io.savemat(folder / "old.mat", {"measurements": shown, "labels": np.arange(COUNT)})
    scipy.io.savemat(folder / "packed.mat", {"A": shown, "text": "x", "table": {"a": 1}}, do_compression=True)
    with h5py.File(folder / "new.mat", "w", userblock_size=512) as file:
        file.create_dataset("measurements", data=shown.T, chunks=(10, SIDE, SIDE)).attrs["MATLAB_class"] = np.bytes_("uint16")
    with open(folder / "new.mat", "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\0\2IM")
    Image.fromarray(np.tile(values[0], (3, 3))).save(folder / "grey.png")
    Image.fromarray(np.tile(values[0].astype(np.uint8), (3, 3))).convert("RGB").save(folder / "color.png")
    Image.fromarray(np.tile(values[0].astype(np.uint8), (3, 3))).save(folder / "grey.jpg")
    fits.PrimaryHDU(values).writeto(folder / "cube.fits")
    packed = fits.CompImageHDU(values, compression_type="RICE_1", tile_shape=(1, SIDE, SIDE))
    fits.HDUList([fits.PrimaryHDU(), packed]).writeto(folder / "packed.fits")
    rng = np.random.default_rng(2)
    space = (rng.standard_normal((4, 2, 6, 8)) + 1j * rng.standard_normal((4, 2, 6, 8))).astype(np.complex64)
    with h5py.File(folder / "fast.h5", "w") as file:
        file["kspace"], file["ismrmrd_header"] = space, np.bytes_("<x/>")
    head = [
        ("flags", "<u8"),
        ("number_of_samples", "<u2"),
        ("active_channels", "<u2"),
        ("discard_pre", "<u2"),
        ("discard_post", "<u2"),
    ]
    head += [("sample_time_us", "<f4"), ("idx", [("slice", "<u2")])]
    table = np.zeros(30, np.dtype([("head", head), ("data", h5py.vlen_dtype(np.float32))]))
    table["head"]["number_of_samples"], table["head"]["active_channels"], table["head"]["sample_time_us"] = 20, 2, 5
    table["head"]["flags"][:3], table["head"]["idx"]["slice"] = 1 << 18, np.arange(30) // 5
    for number in range(len(table)):
        table["data"][number] = rng.standard_normal(80).astype(np.float32)
    with h5py.File(folder / "mri.h5", "w") as file:
        file["dataset/data"], file["dataset/xml"] = table, [b"<x/>"]


def _write_models(folder: Path, worker) -> None:
    """Keep a model of each kind, and a finished run."""
    work = folder / "models"
    work.mkdir()
    shutil.copy(folder / "plain.h5", work / "a.h5")
    for name in MODELS:
        arguments = ["estimate", "a.h5", "--patch", "8", "--model", name, "--effort", "0.05", "--save-model", f"{name}.h5"]
        outcome = worker.run(arguments, work)
        assert outcome.code == 0, outcome
    outcome = worker.run(["estimate", "a.h5", "--patch", "8", "--model", "stationary", "--out", "run"], work)
    assert outcome.code == 0, outcome
    os.unlink(work / "a.h5")
