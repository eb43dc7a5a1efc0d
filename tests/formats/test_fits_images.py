"""FITS images and cubes as astropy writes them, compressed ones too; UVFITS is told apart by its header."""

import numpy as np
import pytest

from ideal.errors import DataError
from ideal.formats.recognition import format_of
from ideal.measurements.measurement_set import open_measurements

fits = pytest.importorskip("astropy.io.fits", reason="needs astropy (pip install 'ideal[astronomy]')")

COUNTS = np.random.default_rng(0).poisson(100, (20, 16, 12)).astype(np.uint16)


def save(path, *units):
    fits.HDUList(list(units)).writeto(path, overwrite=True)
    return path


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4", "u4", "f4", "f8"])
def test_cubes_of_every_type(tmp_path, dtype):
    values = (COUNTS % 100 if dtype == "u1" else COUNTS).astype(dtype)
    with open_measurements(save(tmp_path / "a.fits", fits.PrimaryHDU(values))) as measured:
        assert measured.shape == COUNTS.shape
        assert measured.dtype == np.dtype(dtype)
        assert np.array_equal(measured.read_raw(0, 20), values)
        assert np.array_equal(measured.read_raw(3, 5, slice(2, 4)), values[3:5, 2:4])


@pytest.mark.parametrize("kind", ["RICE_1", "GZIP_1", "GZIP_2", "HCOMPRESS_1"])
def test_compressed_cubes(tmp_path, kind):
    unit = fits.CompImageHDU(COUNTS, compression_type=kind, tile_shape=(1, 16, 12), name="FRAMES")
    path = save(tmp_path / "a.fits.fz", fits.PrimaryHDU(), unit)
    for where in (path, f"{path}::frames", f"{path}::1"):
        with open_measurements(where) as measured:
            assert measured.dtype == np.uint16
            assert np.array_equal(measured.read_raw(0, 20), COUNTS)
            assert np.array_equal(measured.read_raw(3, 5, slice(2, 4)), COUNTS[3:5, 2:4])


def test_scaled_values_and_units(tmp_path):
    unit = fits.PrimaryHDU(COUNTS.astype(np.float32))
    unit.scale("int16", bscale=0.5, bzero=10)
    unit.header["BUNIT"] = "electron"
    unit.header["GAIN"] = 120
    with open_measurements(save(tmp_path / "a.fits", unit)) as measured:
        assert np.array_equal(measured.read_raw(0, 20), COUNTS)
        assert measured.units == "photoelectrons"
        assert measured.attributes["GAIN"] == 120
        assert measured.gain == 1.0
    with open_measurements(save(tmp_path / "b.fits", fits.PrimaryHDU(COUNTS[0]))) as measured:
        assert (measured.shape, measured.axes) == ((1, 16, 12), "yx")


def test_axes_by_their_names(tmp_path):
    for kind, shape, axes in (("FREQ", (1, 16, 12, 20), "cyx"), ("TIME", (20, 16, 12), "tyx"), ("", (20, 16, 12), "nyx")):
        unit = fits.PrimaryHDU(COUNTS)
        if kind:
            unit.header["CTYPE3"] = kind
        with open_measurements(save(tmp_path / "a.fits", unit)) as measured:
            assert (measured.shape, measured.axes) == (shape, axes)
    with open_measurements(tmp_path / "a.fits", axes="cyx") as measured:
        assert measured.shape == (1, 16, 12, 20)


def test_of_several_images_one_is_named(tmp_path):
    units = [fits.PrimaryHDU(), fits.ImageHDU(COUNTS, name="SCI"), fits.ImageHDU(COUNTS[:3], name="ERR")]
    path = save(tmp_path / "a.fits", *units, fits.BinTableHDU.from_columns([fits.Column("x", "D", array=np.arange(3.0))]))
    with pytest.raises(DataError, match=r"several images: name one of .*a.fits::1 \(SCI\) \(20, 16, 12\), .*a.fits::2 \(ERR\)"):
        open_measurements(path)
    for name in ("SCI", "sci", "1"):
        with open_measurements(f"{path}::{name}") as measured:
            assert np.array_equal(measured.read_raw(0, 20), COUNTS)
    with pytest.raises(DataError, match="no image 'DQ'"):
        open_measurements(f"{path}::DQ")
    with pytest.raises(DataError, match="no image of rows and columns"):
        open_measurements(save(tmp_path / "b.fits", fits.PrimaryHDU()))


def test_uvfits_is_told_by_its_header(tmp_path):
    image = save(tmp_path / "a.uvfits", fits.PrimaryHDU(COUNTS))
    groups = fits.GroupData(np.zeros((2, 1, 1, 1, 1, 3)), bitpix=-32, parnames=["UU"], pardata=[np.zeros(2)])
    night = save(tmp_path / "b.fits", fits.GroupsHDU(groups))
    (tmp_path / "c").write_bytes(night.read_bytes())
    assert [format_of(each) for each in (image, night, tmp_path / "c")] == ["fits", "uvfits", "uvfits"]


def test_truncated_and_wrong_files(tmp_path):
    path = save(tmp_path / "a.fits", fits.PrimaryHDU(COUNTS))
    packed = save(tmp_path / "p.fits", fits.PrimaryHDU(), fits.CompImageHDU(COUNTS, tile_shape=(1, 16, 12)))
    for whole in (path.read_bytes(), packed.read_bytes()):
        for cut in (100, 2880, 4000, len(whole) - 2880):
            (tmp_path / "b.fits").write_bytes(whole[:cut])
            with pytest.raises(DataError, match=r"b\.fits") as caught, open_measurements(tmp_path / "b.fits") as measured:
                measured.read_raw(0, 20)
            assert "\n" not in str(caught.value)
    content = path.read_bytes().replace(b"NAXIS3  =                   20", b"NAXIS3  =             20000000")
    (tmp_path / "c.fits").write_bytes(content)
    with pytest.raises(DataError, match="truncated FITS file"):
        open_measurements(tmp_path / "c.fits")
    (tmp_path / "d.fits").write_text("no FITS")
    with pytest.raises(DataError, match=r"d\.fits: cannot be read as FITS"):
        open_measurements(tmp_path / "d.fits")


def test_tiles_that_are_compressed_with_loss_are_named(tmp_path):
    rng = np.random.default_rng(0)
    decimal = rng.normal(100, 5, COUNTS.shape).astype(np.float32)
    tiles = {"compression_type": "HCOMPRESS_1", "tile_shape": (1, 16, 12)}
    for values, options, severity in (
        (COUNTS.astype(np.int32), tiles | {"hcomp_scale": 2}, "biased"),
        (COUNTS.astype(np.int32), tiles, None),
        (decimal, {"compression_type": "RICE_1", "quantize_level": 1}, "biased"),
        (decimal, {"compression_type": "RICE_1", "quantize_level": 16}, "note"),
        (decimal, {"compression_type": "GZIP_2", "quantize_level": 0}, None),
        (COUNTS, {"compression_type": "RICE_1"}, None),
    ):
        path = save(tmp_path / "a.fits", fits.PrimaryHDU(), fits.CompImageHDU(values, **options))
        with open_measurements(path) as measured:
            told = [each.severity for each in measured.findings if each.name == "lossy-compression"]
            assert told == ([severity] if severity else []), options
            exact = np.array_equal(measured.read_raw(0, 20), values)
            assert exact == (severity is None)
