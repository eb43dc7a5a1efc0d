"""Cameras' raw files: DNG as tifffile writes it, opened by LibRaw, with what it says of the camera."""

import builtins

import numpy as np
import pytest
import tifffile

from ideal.errors import DataError, MissingPackageError, UsageError
from ideal.formats.recognition import format_of
from ideal.measurements.measurement_set import open_measurements

MOSAIC = np.random.default_rng(0).integers(70, 4000, (48, 64)).astype(np.uint16)
PLACES = ((0, 1), (1, 2))  # red, green; green, blue


def write(path, values=MOSAIC, *, black=64, white=4095, profile=None, pattern=PLACES, version=True):
    """Write a DNG without compression; `black` and `pattern` as of the mosaic, `profile` of the tag NoiseProfile."""
    rows, columns = np.shape(pattern)
    black = np.ravel(black).tolist()
    tags = [
        (271, "s", 0, "Maker", True),
        (272, "s", 0, "Camera", True),
        (33421, "H", 2, (rows, columns), True),
        (33422, "B", rows * columns, tuple(np.ravel(pattern).tolist()), True),
        (50708, "s", 0, "Maker Camera", True),
        (50713, "H", 2, (rows, columns) if len(black) > 1 else (1, 1), True),
        (50714, "H", len(black), tuple(black) if len(black) > 1 else black[0], True),
        (50717, "I", 1, white, True),
        (50721, "2i", 9, (1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1), True),
        (50728, "2I", 3, (1, 1, 1, 1, 1, 1), True),
        (50778, "H", 1, 21, True),
    ]
    if version:
        tags += [(50706, "B", 4, (1, 4, 0, 0), True), (50707, "B", 4, (1, 1, 0, 0), True)]
    if profile is not None:
        tags.append((51041, "d", len(profile), tuple(profile), True))
    tifffile.imwrite(path, values, photometric=32803, extratags=tags, metadata=None, software=False)
    return path


def names(measured):
    return [(each.name, each.severity) for each in measured.findings]


def test_raw_files_are_told_from_plain_mosaics(tmp_path):
    assert format_of(write(tmp_path / "a.tif")) == "raw"
    assert format_of(write(tmp_path / "b.dng", version=False)) == "tiff"
    (tmp_path / "c").write_bytes(b"II*\0\x10\0\0\0CR\2\0" + bytes(100))
    (tmp_path / "d").write_bytes(b"\0\0\0\x18ftypcrx " + bytes(100))
    assert format_of(tmp_path / "c") == format_of(tmp_path / "d") == "raw"
    with tifffile.TiffWriter(tmp_path / "e.nef") as writer:
        more = {"extratags": [(271, "s", 0, "NIKON", True)], "metadata": None}
        writer.write(MOSAIC[::8, ::8], subifds=1, photometric="minisblack", **more)
        writer.write(MOSAIC, photometric=32803, metadata=None, extratags=[(33421, "H", 2, (2, 2), True)])
    assert format_of(tmp_path / "e.nef") == "raw"


def test_a_missing_package_is_named(tmp_path, monkeypatch, ideal):
    real = builtins.__import__

    def without(name, *rest):
        if name == "rawpy":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingPackageError, match=r"pip install 'ideal\[raw\]'"):
        open_measurements(write(tmp_path / "a.dng"))
    assert ideal("inspect", tmp_path / "a.dng").exit_code == 1


class TestByLibRaw:
    """What needs the package."""

    @pytest.fixture(autouse=True)
    def _rawpy(self):
        pytest.importorskip("rawpy", reason="needs rawpy (pip install 'ideal[raw]')")

    def test_the_mosaic_stays(self, tmp_path):
        with open_measurements(write(tmp_path / "a.dng")) as measured:
            assert measured.shape == (1, 48, 64)
            assert np.array_equal(measured.read_raw(0, 1)[0], MOSAIC)
            assert np.array_equal(measured.read_raw(0, 1, slice(5, 9))[0], MOSAIC[5:9])
            assert measured.period == (2, 2)
            assert measured.attributes["pattern"] == "RG/GB"
            assert measured.attributes["white_level"] == 4095
            assert (measured.units, measured.offset, measured.calibration.saturation) == ("DN", 0, 4095)
            assert names(measured) == [("camera-figures", "note")]
            assert "the file states offset 64 DN, and no gain" in measured.findings[0].line

    def test_the_black_level_holds_once_the_gain_is_known(self, tmp_path):
        with open_measurements(write(tmp_path / "a.dng"), noise="poisson-gaussian", gain=2.0, read_noise=3.0) as measured:
            assert measured.offset == 64
            assert np.array_equal(measured.read(0, 1)[0], (MOSAIC - 64.0) * 2)
        with open_measurements(tmp_path / "a.dng", noise="poisson", gain=2.0, offset=60) as measured:
            assert measured.offset == 60
        with pytest.raises(UsageError, match="without the gain"):
            open_measurements(tmp_path / "a.dng", noise="poisson-gaussian", read_noise=3.0)

    def test_gain_and_read_noise_of_the_noise_profile(self, tmp_path):
        gain, read_noise, span = 0.25, 1.5, 4095 - 64
        slope = 1 / (gain * span)
        profile = [slope, (read_noise * slope) ** 2]
        with open_measurements(write(tmp_path / "a.dng", profile=profile * 3)) as measured:
            assert measured.gain == pytest.approx(gain)
            assert measured.read_noise == pytest.approx(read_noise)
            assert (measured.offset, measured.noise_name) == (64, "poisson-gaussian")
            assert names(measured) == [("camera-figures", "note")]
        with open_measurements(write(tmp_path / "b.dng", profile=[*profile, slope * 1.5, profile[1], *profile])) as measured:
            assert measured.gain == pytest.approx(gain)
            assert names(measured) == [("camera-figures", "biased")]
            assert "its colors differ by 50%" in measured.findings[0].line
        with open_measurements(write(tmp_path / "c.dng", profile=[0.0, 0.0])) as measured:
            assert measured.noise is None

    def test_black_levels_of_colors_become_one(self, tmp_path):
        black = np.array([[64, 60], [62, 66]])
        with open_measurements(write(tmp_path / "a.dng", black=black), noise="poisson", gain=1.0) as measured:
            assert measured.offset == 60
            assert np.array_equal(measured.read(0, 1)[0], MOSAIC - np.tile(black, (24, 32)).astype(float))
            assert measured.calibration.saturation == 4095 - 6

    def test_shots_are_one_set(self, tmp_path):
        for number in range(3):
            write(tmp_path / f"{number}.dng", MOSAIC // (number + 1) + 64)
        with open_measurements(tmp_path, noise="poisson", gain=1.0) as measured:
            assert measured.shape == (3, 48, 64)
            assert np.array_equal(measured.read(1, 2)[0], MOSAIC // 2)
            assert (measured.offset, measured.period) == (64, (2, 2))
        write(tmp_path / "3.dng", black=128)
        with pytest.raises(DataError, match=r"3.dng and 0.dng differ in offset, expected frames of one camera"):
            open_measurements(tmp_path)

    def test_truncated_and_wrong_files(self, tmp_path, capfd):
        whole = write(tmp_path / "a.dng").read_bytes()
        for cut in (700, 3000, len(whole) - 10):
            (tmp_path / "b.dng").write_bytes(whole[:cut])
            with pytest.raises(DataError, match=r"b\.dng: ") as caught:
                open_measurements(tmp_path / "b.dng")
            assert "\n" not in str(caught.value)
        (tmp_path / "c.nef").write_text("no raw file")
        with pytest.raises(DataError, match="cannot be read as a camera's raw file"):
            open_measurements(tmp_path / "c.nef")
        assert capfd.readouterr().err == ""
