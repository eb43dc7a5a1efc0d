"""A measured point spread function is used as it is in the file, or the file is refused, or what is odd about it is named."""

import struct
import zlib

import h5py
import numpy as np
import pytest
import tifffile
from PIL import Image

from ideal.errors import DataError, UsageError
from ideal.imaging import make_system
from ideal.imaging.lensless.measured_psf import BORDER_MEDIAN, measured_psf
from ideal.imaging.lensless.psf_picture import read_picture

BINOMIAL = np.outer([1, 2, 1], [1, 2, 1])


def gaussian(width=12.0, side=32, scale=1.0):
    place = np.arange(side) - (side - 1) / 2
    return scale * np.exp(-(place[:, None] ** 2 + place**2) / (2 * width**2))


def write_png(path, values, *, filters=(0,), gamma=None, interlace=0, kind=None):
    """Write 16-bit values (row, column[, channel]) with a filter for each line, as the specification says: an own writer."""
    values = values if values.ndim == 3 else values[..., None]
    rows, columns, channels = values.shape
    lines = values.astype(">u2").view(np.uint8).reshape(rows, columns * 2 * channels).astype(int)
    step, out = 2 * channels, b""
    for row in range(rows):
        line, above = lines[row], lines[row - 1] if row else np.zeros(lines.shape[1], int)
        left = np.concatenate([np.zeros(step, int), line[:-step]])
        corner = np.concatenate([np.zeros(step, int), above[:-step]])
        which = filters[row % len(filters)]
        guess = left + above - corner
        distances = [abs(guess - each) for each in (left, above, corner)]
        nearest = np.where(
            (distances[0] <= distances[1]) & (distances[0] <= distances[2]),
            left,
            np.where(distances[1] <= distances[2], above, corner),
        )
        predicted = (0 * left, left, above, (left + above) // 2, nearest)[which]
        out += bytes([which]) + ((line - predicted) % 256).astype(np.uint8).tobytes()
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels] if kind is None else kind

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", columns, rows, 16, kind, 0, 0, interlace)
    extra = chunk(b"gAMA", struct.pack(">I", gamma)) if gamma else b""
    body = chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(out)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


def gray16(path, values):
    Image.fromarray(values.astype(np.uint16)).save(path)


def color(values):
    return np.stack([values, 2 * values, 3 * values], -1)


def with_alpha(values, alpha):
    return np.concatenate([values if values.ndim == 3 else values[..., None], np.full((*values.shape[:2], 1), alpha)], -1)


WIDE, COUNTS = gaussian(), np.round(gaussian(scale=60_000)).astype(np.uint16)
THIRD = np.round(gaussian(scale=20_011)).astype(np.uint16)

# name, how to write it, what it shows
EXACT = [
    ("binomial.npy", lambda path: np.save(path, BINOMIAL), BINOMIAL),
    ("binomial8.png", lambda path: Image.fromarray((BINOMIAL * 60).astype(np.uint8)).save(path), BINOMIAL),
    ("binomial16.png", lambda path: gray16(path, BINOMIAL * 16_000), BINOMIAL),
    ("binomial.tif", lambda path: tifffile.imwrite(path, (BINOMIAL * 16_000).astype(np.uint16)), BINOMIAL),
    ("wide.npy", lambda path: np.save(path, WIDE), WIDE),
    ("wide32.npy", lambda path: np.save(path, WIDE.astype(np.float32)), WIDE),
    ("wide.tif", lambda path: tifffile.imwrite(path, WIDE.astype(np.float32), photometric="minisblack"), WIDE),
    ("wide.png", lambda path: gray16(path, COUNTS), COUNTS),
    ("rgb16.png", lambda path: write_png(path, color(THIRD), filters=(0, 1, 2, 3, 4)), THIRD),
    ("rgb16-linear.png", lambda path: write_png(path, color(THIRD), filters=(4,), gamma=100_000), THIRD),
    ("rgba16.png", lambda path: write_png(path, with_alpha(color(THIRD), 65_535), filters=(1, 4)), THIRD),
    ("la16.png", lambda path: write_png(path, with_alpha(COUNTS, 65_535), filters=(2, 3)), COUNTS),
    ("rgb16.tif", lambda path: tifffile.imwrite(path, color(THIRD), photometric="rgb"), THIRD),
    ("planar.tif", lambda path: tifffile.imwrite(path, np.moveaxis(color(THIRD), 2, 0), photometric="rgb"), THIRD),
    (
        "rgba16.tif",
        lambda path: tifffile.imwrite(
            path, with_alpha(color(THIRD), 65_535).astype(np.uint16), photometric="rgb", extrasamples=["unassalpha"]
        ),
        THIRD,
    ),
    ("white.tif", lambda path: tifffile.imwrite(path, 65_535 - COUNTS, photometric="miniswhite"), COUNTS),
    ("rgb.npy", lambda path: np.save(path, color(THIRD).astype(float)), THIRD),
    ("large.npy", lambda path: np.save(path, COUNTS.astype(np.uint64) * 2**40), COUNTS),
]


@pytest.mark.parametrize(("name", "write", "truth"), EXACT, ids=[each[0] for each in EXACT])
def test_a_psf_is_as_given(tmp_path, name, write, truth):
    write(tmp_path / name)
    found = measured_psf(str(tmp_path / name), truth.shape)
    truth = truth / truth.sum(dtype=np.float64)
    assert np.abs(found.values - truth).sum() < 1e-6
    camera = make_system("lensless", psf_file=str(tmp_path / name), psf_shape=truth.shape)
    assert np.abs(np.asarray(camera.design()["psf"], dtype=np.float64) - truth).sum() < 1e-5  # float32


def test_the_own_reader_of_png_agrees_with_every_filter_alone(tmp_path):
    values = np.random.default_rng(0).integers(0, 2**16, (9, 7, 3)).astype(np.uint16)
    for which in range(5):
        write_png(tmp_path / "a.png", values, filters=(which,))
        np.testing.assert_allclose(read_picture(str(tmp_path / "a.png")).values, values.mean(2))


REFUSED = [
    ("palette.png", lambda path: Image.fromarray(COUNTS.astype(np.uint8)).convert("P").save(path), "palette"),
    (
        "palette.tif",
        lambda path: tifffile.imwrite(
            path, (COUNTS >> 8).astype(np.uint8), photometric="palette", colormap=np.zeros((3, 256), np.uint16)
        ),
        "photometric PALETTE",
    ),
    ("veil.png", lambda path: write_png(path, np.dstack([color(THIRD), COUNTS])), "alpha channel that varies"),
    ("veil.npy", lambda path: np.save(path, np.ones((32, 32, 4))), "expected one picture"),
    ("pair.npy", lambda path: np.save(path, np.ones((32, 32, 2))), "expected one picture"),
    ("interlaced.png", lambda path: write_png(path, color(THIRD), interlace=1), "interlaced"),
    ("stack.tif", lambda path: tifffile.imwrite(path, np.ones((3, 32, 32), np.uint16), photometric="minisblack"), "a stack of 3"),
    ("negative.npy", lambda path: np.save(path, WIDE - 0.5), r"values are negative .* set psf_background=0"),
    ("hole.npy", lambda path: np.save(path, np.where(WIDE[3, 4] == WIDE, np.nan, WIDE)), r"nan at row 3, column 4"),
    ("dark.tif", lambda path: tifffile.imwrite(path, np.zeros((32, 32), np.uint8)), "nothing is above 0"),
    ("objects.npy", lambda path: np.save(path, np.array([[1, None]] * 2), allow_pickle=True), "holds Python objects"),
    ("white.float.tif", lambda path: tifffile.imwrite(path, WIDE, photometric="miniswhite"), "invert it first"),
]


@pytest.mark.parametrize(("name", "write", "message"), REFUSED, ids=[each[0] for each in REFUSED])
def test_what_is_no_psf_is_refused(tmp_path, name, write, message):
    write(tmp_path / name)
    with pytest.raises(DataError, match=message):
        measured_psf(str(tmp_path / name), (2, 2) if name == "objects.npy" else (32, 32))


def test_a_png_that_is_cut_off_is_refused(tmp_path):
    write_png(tmp_path / "a.png", color(THIRD))
    whole = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(whole[:-40])
    with pytest.raises(DataError, match="cut off or damaged"):
        read_picture(str(tmp_path / "a.png"))


def test_a_background_is_subtracted_only_where_a_setting_asks_for_it(tmp_path):
    pedestal = 40 * gaussian(2.0) + 3
    np.save(tmp_path / "psf.npy", pedestal)
    path = str(tmp_path / "psf.npy")
    as_given = measured_psf(path, (32, 32))
    np.testing.assert_allclose(as_given.values, pedestal / pedestal.sum())
    (found,) = as_given.findings
    assert found.name == "psf-background"
    assert "median is 7.4 % of the peak" in found.text
    assert "psf_background=border-median" in found.remedy
    clean = gaussian(2.0) / gaussian(2.0).sum()
    for background in (3, BORDER_MEDIAN):
        subtracted = measured_psf(path, (32, 32), background)
        np.testing.assert_allclose(subtracted.values, clean, atol=1e-12)
        assert subtracted.findings == ()
    camera = make_system("lensless", psf_file=path, psf_background="border-median")
    np.testing.assert_allclose(camera.design()["psf"], clean, atol=1e-7)
    assert camera.findings(camera.design()) == []
    plain = make_system("lensless", psf_file=path)
    assert [each.name for each in plain.findings(plain.design())] == ["psf-background"]
    assert plain.findings(plain.design("one-lens")) == []
    for wrong in ("median", float("nan"), True):
        with pytest.raises(UsageError, match="psf_background"):
            make_system("lensless", psf_file=path, psf_background=wrong)


def test_what_is_odd_is_named(tmp_path):
    def findings(name, shape=(32, 32)):
        return [finding.text for finding in measured_psf(str(tmp_path / name), shape).findings]

    narrow = gaussian(2.0, scale=250.0)
    Image.fromarray(narrow.astype(np.uint8)).save(tmp_path / "eight.png")
    assert "usually has gamma-encoded values" in findings("eight.png")[0]
    write_png(tmp_path / "said.png", (narrow * 200).astype(np.uint16), gamma=45_455)
    assert "has gamma-encoded values" in findings("said.png")[0]
    tifffile.imwrite(tmp_path / "eight.tif", color(narrow / 4).astype(np.uint8), photometric="rgb")
    assert any("usually has gamma" in text for text in findings("eight.tif"))
    assert any("their mean is taken" in text for text in findings("eight.tif"))
    np.save(tmp_path / "clipped.npy", np.minimum(narrow * 400, 65_535).astype(np.uint16))
    assert "may be clipped" in findings("clipped.npy")[0]
    np.save(tmp_path / "plain.npy", narrow)
    assert findings("plain.npy") == []
    assert "reduced to the PSF's 16x16, 2 times smaller" in findings("plain.npy", (16, 16))[0]
    write_png(tmp_path / "opaque.png", with_alpha((narrow * 200).astype(np.uint16), 65_535))
    assert "alpha channel, the same everywhere, is left out" in findings("opaque.png")[0]


def test_a_dataset_of_a_file_and_its_own_size(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["psf"] = COUNTS
    found = measured_psf(f"{tmp_path / 'a.h5'}::psf", (32, 32)).values
    np.testing.assert_allclose(found, COUNTS / COUNTS.sum(dtype=np.float64))
