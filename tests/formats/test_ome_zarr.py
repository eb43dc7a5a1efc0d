"""OME-Zarr 0.4 and 0.5, as zarr and ome-zarr write it: level 0, axes by name, planes and times of a field one source."""

import warnings

import numpy as np
import pytest

from ideal.errors import DataError
from ideal.measurements.measurement_set import open_measurements

zarr = pytest.importorskip("zarr", reason="needs zarr (pip install 'ideal[zarr]')")

STACK = np.random.default_rng(0).poisson(100, (3, 2, 4, 16, 12)).astype(np.uint16)  # t c z y x


def by_zarr(path, values, axes, version):
    """Write a picture of two levels as the specification says."""
    listed = [{"name": axis, "type": {"t": "time", "c": "channel"}.get(axis, "space")} for axis in axes]
    image = {"axes": listed, "datasets": [{"path": "0"}, {"path": "1"}]}
    about = (
        {"multiscales": [{"version": "0.4", **image}]}
        if version == "0.4"
        else {"ome": {"version": "0.5", "multiscales": [image]}}
    )
    root = zarr.open_group(path, mode="w", zarr_format=2 if version == "0.4" else 3, attributes=about)
    for level, step in enumerate((1, 2)):
        part = values[..., ::step, ::step]
        root.create_array(str(level), data=part, chunks=(*[1] * (part.ndim - 2), *part.shape[-2:]))


def by_package(path, values, axes, version):
    """Write a picture as the package ome-zarr does."""
    ome_zarr = pytest.importorskip("ome_zarr.writer", reason="needs ome-zarr (pip install ome-zarr)")
    from ome_zarr.format import FormatV04, FormatV05

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kind = FormatV04() if version == "0.4" else FormatV05()
        group = zarr.open_group(path, mode="w", zarr_format=2 if version == "0.4" else 3)
        ome_zarr.write_image(values, group, axes=axes, fmt=kind)


@pytest.fixture(params=["0.4", "0.5"])
def version(request):
    return request.param


@pytest.fixture(params=[by_zarr, by_package], ids=["zarr", "ome-zarr"])
def write(request):
    return request.param


@pytest.mark.filterwarnings("ignore")
def test_level_0_with_axes_by_name(tmp_path, write, version):
    write(tmp_path / "a.ome.zarr", STACK, "tczyx", version)
    truth = STACK.transpose(0, 2, 3, 4, 1).reshape(12, 16, 12, 2)
    with open_measurements(tmp_path / "a.ome.zarr") as measured:
        assert measured.axes == "tczyx"
        assert np.array_equal(measured.read_raw(0, 12), truth)
        assert np.array_equal(measured.read_raw(5, 7, slice(3, 5)), truth[5:7, 3:5])
        assert measured.groups.tolist() == np.repeat(np.arange(3), 4).tolist()
        assert [each.name for each in measured.findings] == ["planes-grouped"]
        assert "12 planes in z are of 3 fields" in measured.findings[0].text


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("axes", "words"), [("tyx", "3 points in time and no fields"), ("zyx", "3 planes in depth and no fields")]
)
def test_times_or_planes_alone_are_sources_and_a_line_says_so(tmp_path, write, version, axes, words):
    write(tmp_path / "a.zarr", STACK[:, 0, 0], axes, version)
    with open_measurements(tmp_path / "a.zarr") as measured:
        assert np.array_equal(measured.read_raw(0, 3), STACK[:, 0, 0])
        assert not measured.has_groups
        assert [each.name for each in measured.findings] == ["fields-unnamed"]
        assert words in measured.findings[0].text


def test_another_level_by_name_and_a_damaged_one(tmp_path, version):
    by_zarr(tmp_path / "a.zarr", STACK, "tczyx", version)
    with open_measurements(f"{tmp_path}/a.zarr::1") as measured:
        assert measured.shape == (12, 8, 6, 2)
    with pytest.raises(DataError, match="no dataset '7', it holds 0, 1"):
        open_measurements(f"{tmp_path}/a.zarr::7")
    for chunk in [each for each in (tmp_path / "a.zarr" / "0").rglob("*") if each.is_file() and each.name[0] not in ".z"]:
        chunk.write_bytes(b"damaged")
    with pytest.raises(DataError, match="cannot be read"), open_measurements(tmp_path / "a.zarr") as measured:
        measured.read_raw(0, 12)
