"""PNG and JPEG: exact values of every depth that counts may have, and the reason why others are refused."""

import struct
import zlib

import imageio.v3 as iio
import numpy as np
import pytest
from PIL import Image

from ideal.errors import DataError, UsageError
from ideal.measurements.measurement_set import open_measurements

RNG = np.random.default_rng(0)
GREY = RNG.poisson(100, (16, 14)).astype(np.uint8)


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(path, values, bits, color, extra=b""):
    """Write a PNG by its specification: values as they are, each row with the filter that takes the row above away."""
    height, width = values.shape[:2]
    flat = values.reshape(height, -1)
    if bits == 16:
        rows = flat.astype(">u2").view(np.uint8).reshape(height, -1)
    elif bits == 8:
        rows = flat.astype(np.uint8)
    else:
        rows = np.packbits((flat[..., None] >> np.arange(bits - 1, -1, -1) & 1).reshape(height, -1).astype(np.uint8), axis=1)
    above = np.concatenate([np.zeros_like(rows[:1]), rows[:-1]])
    body = b"".join(b"\2" + (row - up).astype(np.uint8).tobytes() for row, up in zip(rows, above, strict=True))
    header = struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, 0)
    parts = chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + parts)
    return path


def read(path, **options):
    with open_measurements(path, **options) as measured:
        return measured.read_raw(0, len(measured)), measured


@pytest.mark.parametrize("shape", [(16, 14), (16, 14, 3)])
@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_values_are_those_that_were_written(tmp_path, shape, bits):
    if len(shape) == 3 and bits < 8:
        pytest.skip("PNG has no colors of fewer bits than 8")
    values = RNG.integers(0, 2**bits, shape)
    path = png(tmp_path / "a.png", values, bits, 2 if len(shape) == 3 else 0)
    found, measured = read(path, linear=True)
    assert np.array_equal(found[0], values)
    assert found.dtype == (np.uint16 if bits == 16 else np.uint8)
    assert measured.axes == ("yxc" if len(shape) == 3 else "yx")
    assert np.array_equal(measured.read_raw(0, 1, slice(3, 5))[0], values[3:5])


@pytest.mark.parametrize(
    "write", [iio.imwrite, lambda path, values: Image.fromarray(values).save(path)], ids=["imageio", "Pillow"]
)
def test_sixteen_bits_need_no_word(tmp_path, write):
    values = RNG.integers(0, 60000, (16, 14)).astype(np.uint16)
    write(tmp_path / "a.png", values)
    found, measured = read(tmp_path / "a.png")
    assert np.array_equal(found[0], values)
    assert not measured.findings


def test_pictures_for_the_eye_are_refused_and_what_is_said_of_them_stays(tmp_path):
    iio.imwrite(tmp_path / "a.png", GREY)
    with pytest.raises(DataError, match=r"PNG of 8 bits or fewer.* for a screen \(gamma\), no photon counts.*--linear"):
        open_measurements(tmp_path / "a.png")
    found, measured = read(tmp_path / "a.png", linear=True, noise="poisson")
    assert np.array_equal(found[0], GREY)
    assert [(each.name, each.severity) for each in measured.findings] == [("taken-as-linear", "biased")]
    assert "taken-as-linear" in {each.name for each in measured.examination.findings}
    iio.imwrite(tmp_path / "a.jpg", GREY)
    with pytest.raises(DataError, match="a JPEG, whose compression changes values"):
        open_measurements(tmp_path / "a.jpg")
    found, measured = read(tmp_path / "a.jpg", linear=True)
    assert np.array_equal(found[0], np.array(Image.open(tmp_path / "a.jpg")))
    assert measured.findings[0].name == "taken-as-linear"
    np.save(tmp_path / "a.npy", GREY)
    with pytest.raises(UsageError, match=r"linear \(--linear\) is for PNG and JPEG files"):
        open_measurements(tmp_path / "a.npy", linear=True)


def test_what_the_file_says_of_its_encoding_counts(tmp_path):
    sixteen = GREY.astype(int) * 100
    for extra, words in ((chunk(b"sRGB", b"\0"), "sRGB says"), (chunk(b"gAMA", struct.pack(">I", 45455)), "0.45455")):
        with pytest.raises(DataError, match=words):
            open_measurements(png(tmp_path / "a.png", sixteen, 16, 0, extra))
    linear = chunk(b"gAMA", struct.pack(">I", 100000))
    found, measured = read(png(tmp_path / "b.png", GREY.astype(int), 8, 0, linear))
    assert np.array_equal(found[0], GREY)
    assert not measured.findings


def test_what_measures_no_light(tmp_path):
    Image.fromarray(np.dstack([GREY] * 4)).save(tmp_path / "alpha.png")
    Image.fromarray(GREY).convert("P").save(tmp_path / "palette.png")
    Image.fromarray(GREY).save(tmp_path / "moving.png", save_all=True, append_images=[Image.fromarray(GREY // 2)])
    Image.new("CMYK", (8, 8)).save(tmp_path / "inks.jpg")
    for name, words in (("alpha", "transparency"), ("palette", "palette"), ("moving", "animation"), ("inks", "CMYK colors")):
        path = next(tmp_path.glob(f"{name}.*"))
        with pytest.raises(DataError, match=words) as caught:
            open_measurements(path, linear=True)
        assert "\n" not in str(caught.value)


def test_truncated_and_wrong_files(tmp_path):
    whole = png(tmp_path / "a.png", RNG.integers(0, 60000, (64, 64)), 16, 0).read_bytes()
    for cut in (8, 20, 33, 45, 200, len(whole) - 30):
        (tmp_path / "b.png").write_bytes(whole[:cut])
        with (
            pytest.raises(DataError, match=r"b\.png: .*(copy|decoded)") as caught,
            open_measurements(tmp_path / "b.png") as measured,
        ):
            measured.read_raw(0, 1)
        assert "\n" not in str(caught.value)
    header = struct.pack(">IIBBBBB", 60000, 60000, 16, 0, 0, 0, 0)
    (tmp_path / "c.png").write_bytes(whole[:8] + chunk(b"IHDR", header) + whole[33:])
    with pytest.raises(DataError, match=r"promises 60000 x 60000 pixels, 7.2 GB, which no file of"):
        open_measurements(tmp_path / "c.png")
    iio.imwrite(tmp_path / "a.jpg", GREY)
    whole = (tmp_path / "a.jpg").read_bytes()
    for cut in (4, 100, len(whole) - 50):
        (tmp_path / "b.jpg").write_bytes(whole[:cut])
        with pytest.raises(DataError, match=r"b\.jpg: cannot be"), open_measurements(tmp_path / "b.jpg", linear=True) as measured:
            measured.read_raw(0, 1)
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(DataError, match="truncated PNG"):
        open_measurements(tmp_path / "text.png")
