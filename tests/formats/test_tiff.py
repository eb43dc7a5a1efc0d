"""What TIFF files say of their axes and of the meaning of their values, and where their planes lie."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from ideal.errors import DataError
from ideal.measurements.measurement_set import open_measurements

STACK = np.random.default_rng(0).integers(0, 1000, (24, 12, 10)).astype(np.uint16)
BYTES = (STACK % 256).astype(np.uint8)
GREY = {"photometric": "minisblack"}


def read(path, **options):
    with open_measurements(path, **options) as measured:
        return measured.read_raw(0, len(measured)), measured


def names(measured):
    return [(finding.name, finding.severity) for finding in measured.findings]


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("axes", ["TZCYX", "TCZYX", "CTZYX", "ZCTYX", "CZTYX", "ZTCYX"])
def test_hyperstacks_in_every_order(tmp_path, axes, compression):
    array = STACK.reshape(2, 3, 4, 12, 10)
    tifffile.imwrite(tmp_path / "a.ome.tif", array, ome=True, metadata={"axes": axes}, compression=compression, **GREY)
    values, measured = read(tmp_path / "a.ome.tif")
    truth = np.moveaxis(array, axes.index("C"), -1)
    assert np.array_equal(values, truth.reshape(-1, *truth.shape[2:]))
    times, planes = (array.shape[axes.index(axis)] for axis in "TZ")
    fields = np.repeat(np.arange(times), planes) if axes.index("T") < axes.index("Z") else np.tile(np.arange(times), planes)
    assert np.array_equal(measured.groups, fields)
    assert names(measured) == [("planes-grouped", "note")]


@pytest.mark.parametrize("axes", ["TZCYX", "TCYX", "ZCYX", "TZYX", "TYX", "ZYX", "CYX"])
def test_imagej_stacks(tmp_path, axes):
    lead = {1: (24,), 2: (4, 6), 3: (2, 3, 4)}[len(axes) - 2]
    array = STACK.reshape(*lead, 12, 10)
    tifffile.imwrite(tmp_path / "a.tif", array, imagej=True, metadata={"axes": axes})
    values, measured = read(tmp_path / "a.tif")
    channels = "C" in axes and len(lead) > 1
    truth = np.moveaxis(array, axes.index("C"), -1) if channels else array
    assert np.array_equal(values, truth.reshape(-1, 12, 10, *([lead[axes.index("C")]] if channels else [])))
    assert measured.has_groups == ("T" in axes and "Z" in axes)


def test_planes_alone_are_samples_unless_the_user_says_what_they_are(tmp_path):
    tifffile.imwrite(tmp_path / "a.ome.tif", STACK, ome=True, metadata={"axes": "ZYX"}, **GREY)
    values, measured = read(tmp_path / "a.ome.tif")
    assert np.array_equal(values, STACK)
    assert not measured.has_groups
    assert "type --axes zyx" in measured.findings[0].line
    assert len(np.unique(read(tmp_path / "a.ome.tif", axes="zyx")[1].groups)) == 1


def test_pictures_of_one_file_are_fields(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as writer:
        for frames in STACK.reshape(3, 8, 12, 10):
            writer.write(frames, metadata={"axes": "TYX"}, **GREY)
    values, measured = read(tmp_path / "a.ome.tif")
    assert np.array_equal(values, STACK)
    assert np.array_equal(measured.groups, np.repeat(np.arange(3), 8))
    assert np.array_equal(read(f"{tmp_path / 'a.ome.tif'}::1")[0], STACK[8:16])
    with pytest.raises(DataError, match="no series 9, it holds 3"):
        open_measurements(f"{tmp_path / 'a.ome.tif'}::9")
    with pytest.raises(DataError, match="series by number"):
        open_measurements(f"{tmp_path / 'a.ome.tif'}::x")


def test_of_a_pyramid_the_full_picture(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as writer:
        writer.write(STACK, subifds=1, metadata={"axes": "TYX"}, **GREY)
        writer.write(STACK[:, ::2, ::2], subfiletype=1)
    assert np.array_equal(read(tmp_path / "a.ome.tif")[0], STACK)
    with tifffile.TiffWriter(tmp_path / "b.tif") as writer:
        writer.write(STACK, **GREY)
        writer.write(STACK[0, ::4, ::4], subfiletype=1, **GREY)
    values, measured = read(tmp_path / "b.tif")
    assert np.array_equal(values, STACK)
    assert "1 picture of reduced size is left out" in measured.findings[0].line


def test_series_of_several_shapes_are_named(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(STACK, **GREY)
        writer.write(STACK[:3, :5], **GREY)
    with pytest.raises(DataError, match=r"pages differ.*a.tif::1 \(3, 5, 10\) uint16.*name one of these"):
        open_measurements(tmp_path / "a.tif")
    assert np.array_equal(read(f"{tmp_path / 'a.tif'}::1")[0], STACK[:3, :5])


@pytest.mark.parametrize("options", [{}, {"imagej": True}, {"ome": True, **GREY}], ids=str)
def test_lines_keep_their_row(tmp_path, options):
    path = tmp_path / ("a.ome.tif" if "ome" in options else "a.tif")
    tifffile.imwrite(path, STACK[:, :1], **options)
    assert np.array_equal(read(path)[0], STACK[:, :1])


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "i1", "i2", "i4", "f2", "f4", "f8"])
@pytest.mark.parametrize(
    "options", [{}, {"compression": "zlib", "tile": (16, 16), "predictor": True}, {"bigtiff": True}], ids=str
)
def test_types(tmp_path, dtype, options):
    array = STACK.astype(dtype) if dtype != "i1" else (STACK % 100 - 50).astype(dtype)
    if array.dtype.kind == "f":  # predictors of floats need another package
        options = {key: value for key, value in options.items() if key != "predictor"}
    tifffile.imwrite(tmp_path / "a.tif", array, **options)
    values, measured = read(tmp_path / "a.tif")
    assert values.dtype == dtype
    assert np.array_equal(values, array)
    assert not measured.findings


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("array", [BYTES, STACK])
def test_where_zero_is_white_values_are_turned_round(tmp_path, array, compression):
    white = np.iinfo(array.dtype).max
    tifffile.imwrite(tmp_path / "a.tif", white - array, photometric="miniswhite", compression=compression)
    values, measured = read(tmp_path / "a.tif")
    assert np.array_equal(values, array)
    assert names(measured) == [("min-is-white", "note")]
    assert measured.findings[0].figures["white"] == white


@pytest.mark.parametrize("dtype", [np.float32, np.int16])
def test_what_cannot_be_turned_round_is_refused(tmp_path, dtype):
    tifffile.imwrite(tmp_path / "a.tif", STACK.astype(dtype), photometric="miniswhite")
    with pytest.raises(DataError, match=r"MINISWHITE with values of type .*save them as MINISBLACK"):
        open_measurements(tmp_path / "a.tif")


def test_pages_of_one_bit(tmp_path):
    bits = STACK % 2 == 1
    tifffile.imwrite(tmp_path / "a.tif", bits, **GREY)
    values, measured = read(tmp_path / "a.tif")
    assert np.array_equal(values, bits)
    assert values.dtype == np.uint8
    assert not measured.findings
    tifffile.imwrite(tmp_path / "b.tif", bits)  # tifffile tags these MINISWHITE, and stores them as they are
    values, measured = read(tmp_path / "b.tif")
    assert np.array_equal(values, bits)
    assert "kept as stored" in measured.findings[0].line
    tifffile.imwrite(tmp_path / "c.tif", bits, photometric="miniswhite", software="scanner")
    assert np.array_equal(read(tmp_path / "c.tif")[0], ~bits)


def test_palettes_are_refused_unless_they_are_grey_or_for_the_screen(tmp_path):
    colors = np.random.default_rng(1).integers(0, 2**16, (3, 256)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", BYTES, photometric="palette", colormap=colors)
    with pytest.raises(DataError, match=r"photometric is PALETTE.*save the picture as grey values"):
        open_measurements(tmp_path / "a.tif")
    ramp = np.tile(np.arange(256, dtype=np.uint16) * 257, (3, 1))
    tifffile.imwrite(tmp_path / "b.tif", BYTES, photometric="palette", colormap=ramp)
    assert np.array_equal(read(tmp_path / "b.tif")[0], BYTES)
    tifffile.imwrite(tmp_path / "c.tif", BYTES, photometric="palette", colormap=ramp[:, ::-1].copy())
    with pytest.raises(DataError, match="PALETTE"):
        open_measurements(tmp_path / "c.tif")
    tifffile.imwrite(tmp_path / "d.tif", BYTES[:1], imagej=True, colormap=colors)
    assert np.array_equal(read(tmp_path / "d.tif")[0], BYTES[:1])


def test_colors_of_eight_bits_are_named_and_others_are_not(tmp_path):
    colors = np.random.default_rng(1).integers(0, 255, (6, 12, 10, 3))
    tifffile.imwrite(tmp_path / "a.tif", colors.astype(np.uint8), photometric="rgb")
    values, measured = read(tmp_path / "a.tif")
    assert np.array_equal(values, colors)
    assert names(measured) == [("tiff-rgb", "biased")]
    tifffile.imwrite(tmp_path / "b.tif", colors.astype(np.uint16), photometric="rgb")
    assert not read(tmp_path / "b.tif")[1].findings
    tifffile.imwrite(tmp_path / "c.tif", np.concatenate([colors, colors[..., :1]], -1).astype(np.uint8), photometric="separated")
    with pytest.raises(DataError, match="inks"):
        open_measurements(tmp_path / "c.tif")
    pattern = [(33421, "H", 2, (2, 2)), (33422, "B", 4, b"\0\1\1\2")]
    tifffile.imwrite(tmp_path / "d.tif", BYTES[0], photometric="cfa", extratags=pattern)
    assert "--period 2" in read(tmp_path / "d.tif")[1].findings[0].line


def test_jpeg_pages_are_named(tmp_path):
    Image.fromarray(BYTES[0]).save(tmp_path / "a.tif", compression="jpeg")
    with open_measurements(tmp_path / "a.tif") as measured:
        assert names(measured) == [("tiff-lossy", "biased")]
        assert "compressed by JPEG" in measured.findings[0].line


# Planes of an OME-TIFF that lie in other files


def write_set(folder, planes, order, uuid=True):
    """Write files of pages; the header of each says that plane t is page `order[t]` = (file, number)."""
    listed = "".join(
        f'<TiffData FirstT="{t}" IFD="{page}" PlaneCount="1"><UUID FileName="{name}">urn:uuid:{name}</UUID></TiffData>'
        for t, (name, page) in enumerate(order)
    )
    for name, frames in planes.items():
        own = f'UUID="urn:uuid:{name}"' if uuid else ""
        header = (
            f'<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" {own}>'
            '<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint16" SizeX="10" SizeY="12" SizeC="1" '
            f'SizeZ="1" SizeT="{len(order)}"><Channel ID="Channel:0:0" SamplesPerPixel="1"/>{listed}</Pixels></Image></OME>'
        )
        with tifffile.TiffWriter(folder / name) as writer:
            for k, frame in enumerate(frames):
                writer.write(frame, contiguous=False, metadata=None, description=None if k else header, **GREY)


ORDERS = {
    "halves": [(f"{t // 12}.ome.tif", t % 12) for t in range(24)],
    "in turn": [(f"{t % 2}.ome.tif", t // 2) for t in range(24)],
    "all in the other": [("1.ome.tif", t) for t in range(12)],
    "the other backwards": [("1.ome.tif", 11 - t) for t in range(12)],
}


@pytest.mark.parametrize("name", ORDERS)
def test_planes_are_read_from_the_file_in_which_they_lie(tmp_path, name):
    planes = {"0.ome.tif": STACK[:12], "1.ome.tif": STACK[12:] + 1000}
    write_set(tmp_path, planes, ORDERS[name])
    values, measured = read(tmp_path / "0.ome.tif")
    assert np.array_equal(values, [planes[file][page] for file, page in ORDERS[name]])
    assert names(measured) == [("fields-unnamed", "note")]
    assert f"{len(values)} points in time and no fields, and each time counts as a source" in measured.findings[0].line
    assert f"type --groups {len(values)}" in measured.findings[0].line


def test_planes_in_one_piece_of_another_file(tmp_path):
    """The offset of the other file must not be applied to this one."""
    write_set(tmp_path, {"0.ome.tif": STACK[:12], "1.ome.tif": STACK[12:]}, ORDERS["all in the other"])
    with tifffile.TiffFile(tmp_path / "0.ome.tif") as file:
        header = file.ome_metadata
    tifffile.imwrite(tmp_path / "1.ome.tif", STACK[12:], metadata=None, description=header.replace("0.ome", "1.ome"), **GREY)
    tifffile.imwrite(tmp_path / "0.ome.tif", np.zeros((12, 40, 40), np.uint16), metadata=None, description=header, **GREY)
    assert np.array_equal(read(tmp_path / "0.ome.tif")[0], STACK[12:])


def test_planes_of_a_file_that_is_not_there(tmp_path):
    planes = {"0.ome.tif": STACK[:12], "1.ome.tif": STACK[12:]}
    write_set(tmp_path, planes, ORDERS["halves"])
    (tmp_path / "1.ome.tif").unlink()
    values, measured = read(tmp_path / "0.ome.tif")
    assert names(measured) == [("unwritten", "void"), ("fields-unnamed", "note")]
    assert "12 of 24 planes are missing, 12 of 24 samples (12 to 23), whose source 1.ome.tif" in measured.findings[0].text
    assert np.array_equal(values[:12], STACK[:12])
    assert not values[12:].any()
    write_set(tmp_path, planes, ORDERS["all in the other"])
    (tmp_path / "1.ome.tif").unlink()
    with pytest.raises(DataError, match=r"says that the planes lie in 1.ome.tif, which cannot be found"):
        open_measurements(tmp_path / "0.ome.tif")


def test_a_file_that_got_another_name_is_read(tmp_path):
    write_set(tmp_path, {"old.ome.tif": STACK[:12]}, [("old.ome.tif", t) for t in range(12)], uuid=False)
    (tmp_path / "old.ome.tif").rename(tmp_path / "new.ome.tif")
    values, measured = read(tmp_path / "new.ome.tif")
    assert np.array_equal(values, STACK[:12])
    assert "calls the file old.ome.tif" in measured.findings[0].line
