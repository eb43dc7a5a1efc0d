"""Raw data of magnetic resonance: points of k-space as samples, coils as values, and the noise of the coils."""

import subprocess
import sys

import h5py
import numpy as np
import pytest

from ideal.errors import DataError, UsageError
from ideal.formats import kspace
from ideal.formats.recognition import format_of
from ideal.information import estimate
from ideal.measurements.measurement_set import open_measurements

COILS, POINTS, LINES, SLICES = 3, 16, 8, 2
COVARIANCE = np.array([[1, 0.5, 0], [0.5, 1, 0.2j], [0, -0.2j, 2]])
_HEAD = np.dtype(
    [
        *[("version", "<u2"), ("flags", "<u8"), ("number_of_samples", "<u2"), ("available_channels", "<u2")],
        *[("active_channels", "<u2"), ("discard_pre", "<u2"), ("discard_post", "<u2"), ("sample_time_us", "<f4")],
        ("idx", [("kspace_encode_step_1", "<u2"), ("slice", "<u2"), ("repetition", "<u2")]),
    ]
)


def noise(count, rng):
    white = (rng.standard_normal((count, COILS)) + 1j * rng.standard_normal((count, COILS))) / np.sqrt(2)
    return (white @ np.linalg.cholesky(COVARIANCE).T).astype(np.complex64)


def readouts(slices=SLICES):
    """Return (points, flags, slice, dwell) of each: two scans of noise, a navigator, then the lines of the slices."""
    rng = np.random.default_rng(0)
    found = [(noise(3000, rng), 19, 0, 5.0), (noise(3000, rng), 19, 0, 5.0), (noise(4, rng), 23, 0, 5.0)]
    for number in range(slices):
        found += [(noise(POINTS, rng) + line, 0, number, 5.0) for line in range(LINES)]
    return found


def by_package(path, lines):
    """Write readouts as the package ismrmrd does."""
    ismrmrd = pytest.importorskip("ismrmrd", reason="needs ismrmrd (pip install ismrmrd)")
    file = ismrmrd.Dataset(str(path), "dataset", create_if_needed=True)
    file.write_xml_header(b"<ismrmrdHeader/>")
    for points, flag, slice_, dwell in lines:
        readout = ismrmrd.Acquisition.from_array(np.ascontiguousarray(points.T))
        readout.idx.slice, readout.sample_time_us = slice_, dwell
        if flag:
            readout.set_flag(flag)
        file.append_acquisition(readout)
    file.close()


def by_layout(path, lines):
    """Write readouts as the specification lays them out, with the fields that matter."""
    kind = np.dtype([("head", _HEAD), ("traj", h5py.vlen_dtype(np.float32)), ("data", h5py.vlen_dtype(np.float32))])
    table = np.zeros(len(lines), kind)
    for number, (points, flag, slice_, dwell) in enumerate(lines):
        head = table["head"][number]
        head["flags"], head["number_of_samples"], head["sample_time_us"] = 1 << (flag - 1) if flag else 0, len(points), dwell
        head["active_channels"] = points.shape[1]
        head["idx"]["slice"] = slice_
        table["data"][number] = np.ascontiguousarray(points.T).astype(np.complex64).ravel().view(np.float32)
        table["traj"][number] = np.zeros(0, np.float32)
    with h5py.File(path, "w") as file:
        file.create_dataset("dataset/data", data=table)
        file.create_dataset("dataset/xml", data=[b"<ismrmrdHeader/>"])


@pytest.fixture(params=[by_package, by_layout], ids=["ismrmrd", "h5py"])
def write(request):
    return request.param


def finding(measured, name):
    return next(each for each in measured.findings if each.name == name)


def test_points_are_samples_and_coils_values(tmp_path, write):
    lines = readouts()
    write(tmp_path / "a.h5", lines)
    truth = np.concatenate([points for points, flag, _, _ in lines if not flag])
    assert format_of(tmp_path / "a.h5") == "kspace"
    for path in (tmp_path / "a.h5", f"{tmp_path}/a.h5::dataset"):
        with open_measurements(path) as measured:
            assert measured.shape == (POINTS * LINES * SLICES, COILS)
            assert np.array_equal(measured.read_raw(0, len(measured)), truth)
            for part in ((20, 50), (16, 32), (255, 256), (0, 1), (100, 100)):
                assert np.array_equal(measured.read_raw(*part), truth[slice(*part)])
            assert measured.groups.tolist() == [0] * POINTS * LINES + [1] * POINTS * LINES
            assert "those of each of 2 slices count as one source" in finding(measured, "planes-grouped").line
            assert any("1 readouts of calibration, navigators or corrections are left out" in each for each in measured.warnings)


def test_the_noise_scan_gives_the_covariance_of_the_coils(tmp_path, write):
    lines = readouts()
    write(tmp_path / "a.h5", lines)
    with open_measurements(tmp_path / "a.h5") as measured:
        scan = np.concatenate([points for points, flag, _, _ in lines if flag == 19]).astype(complex)
        assert np.allclose(measured.noise_covariance, scan.T @ scan.conj() / len(scan), rtol=1e-5)
        assert np.allclose(measured.noise_covariance, COVARIANCE, atol=0.06)
        assert np.allclose(measured.noise_covariance, measured.noise_covariance.conj().T)
        assert np.allclose(np.asarray(measured.sigma), np.sqrt([0.5, 0.5, 1]), rtol=0.03)
        assert measured.noise_name == "complex-correlated-gaussian"
        assert np.allclose(measured.noise.covariance, measured.noise_covariance)
        told = finding(measured, "noise-scan")
        assert told.severity == "note"
        assert "which the noise takes into account" in told.text
        assert told.figures["largest_correlation"] == pytest.approx(0.5, abs=0.03)
    with open_measurements(tmp_path / "a.h5", noise="complex-gaussian") as measured:  # what somebody says goes before
        assert np.allclose(np.asarray(measured.noise.sigma), np.sqrt([0.5, 0.5, 1]), rtol=0.03)
    with pytest.raises(UsageError, match="sigma: the complex-correlated-gaussian noise has arrays for it"):
        open_measurements(tmp_path / "a.h5", sigma=2.0)


def test_a_short_noise_scan_is_told(tmp_path):
    lines = readouts()
    by_layout(
        tmp_path / "a.h5", [(points[:40], flag, *rest) if flag == 19 else (points, flag, *rest) for points, flag, *rest in lines]
    )
    with open_measurements(tmp_path / "a.h5") as measured:
        told = finding(measured, "noise-scan")
        assert told.severity == "biased"
        # E[ln det S] of 80 points in 3 coils, of a Wishart matrix: 3/160 nats a coil below that of the covariance, nearly
        assert told.figures["bits_too_high"] == pytest.approx(3 / 160 / np.log(2), rel=0.05)


def test_information_of_coils_whose_noise_correlates_is_found(tmp_path):
    """One Gaussian signal in three coils of correlated noise: log2(1 + s^2 v^H C^-1 v) bits a point."""
    rng, count = np.random.default_rng(1), 40
    weights = np.array([1, 0.5, 1j])
    lines = [(noise(8000, rng), 19, 0, 5.0)]
    for slice_ in range(100):
        signal = 3 * (rng.standard_normal((count, 1)) + 1j * rng.standard_normal((count, 1)))
        lines.append(((signal * weights + noise(count, rng)).astype(np.complex64), 0, slice_, 5.0))
    by_layout(tmp_path / "a.h5", lines)
    exact = np.log2(1 + 18 * (weights.conj() @ np.linalg.solve(COVARIANCE, weights)).real) / COILS
    with open_measurements(tmp_path / "a.h5") as measured:
        found = estimate(measured)
    assert found.information_bits_per_pixel == pytest.approx(exact, abs=0.03)
    low, high = found.interval
    assert low - 0.01 < exact < high + 0.01


def test_noise_of_another_rate_is_scaled(tmp_path):
    lines = [(points, flag, slice_, 10.0 if flag == 19 else 5.0) for points, flag, slice_, _ in readouts()]
    by_layout(tmp_path / "a.h5", lines)
    with open_measurements(tmp_path / "a.h5") as measured:
        assert np.allclose(measured.noise_covariance, 2 * COVARIANCE, atol=0.12)
        assert "scaled by 2 for the sampling of the image" in finding(measured, "noise-scan").text


def test_without_a_noise_scan_the_noise_is_not_known(tmp_path):
    by_layout(tmp_path / "a.h5", [line for line in readouts(1) if not line[1]])
    with open_measurements(tmp_path / "a.h5") as measured:
        assert measured.noise_covariance is None
        assert measured.sigma is None
        assert any("holds no noise scan" in each for each in measured.warnings)
        assert measured.group_count == LINES
        assert "stand in for independent sources" in finding(measured, "planes-grouped").line


def test_fastmri(tmp_path):
    rng = np.random.default_rng(0)
    space = (rng.standard_normal((4, COILS, 10, 12)) + 1j * rng.standard_normal((4, COILS, 10, 12))).astype(np.complex64)
    for name, values in (("several.h5", space), ("single.h5", space[:, 0])):
        with h5py.File(tmp_path / name, "w") as file:
            file["kspace"], file["ismrmrd_header"] = values, np.bytes_("<ismrmrdHeader/>")
            file["reconstruction_rss"] = np.abs(space[:, 0])
            file.attrs.update(acquisition="CORPD_FBK", max=1.0)
        for path in (tmp_path / name, f"{tmp_path / name}::kspace"):
            with open_measurements(path) as measured:
                truth = (values if values.ndim == 4 else values[:, None]).transpose(0, 2, 3, 1).reshape(480, -1)
                assert np.array_equal(measured.read_raw(0, 480), truth)
                assert np.array_equal(measured.read_raw(100, 130), truth[100:130])
                assert measured.groups.tolist() == np.repeat(np.arange(4), 120).tolist()
                assert measured.axes == ("ncyx" if values.ndim == 4 else "nyx")
                assert measured.noise_covariance is None
        with open_measurements(f"{tmp_path / name}::reconstruction_rss") as measured:
            assert measured.shape == (4, 10, 12)


def test_information_of_two_coils_is_found(tmp_path):
    """Independent Gaussian points in two coils of independent noise: log2(1 + 2 g) bits a point."""
    rng, gain, count = np.random.default_rng(1), 10.0, 40
    lines = []
    for flag, slices, length in ((19, 1, 4000), (0, 60, count)):
        for number in range(slices):
            white = (rng.standard_normal((length, 2)) + 1j * rng.standard_normal((length, 2))) / np.sqrt(2)
            signal = (rng.standard_normal((length, 1)) + 1j * rng.standard_normal((length, 1))) * np.sqrt(gain / 2)
            lines.append((white if flag else white + signal, flag, number, 5.0))
    by_layout(tmp_path / "a.h5", lines)
    found = estimate(tmp_path / "a.h5", models="full", progress=False)
    assert found.information.value * 2 == pytest.approx(np.log2(1 + 2 * gain), abs=0.1)


@pytest.mark.parametrize(
    "layout", [{}, {"chunks": (4,)}, {"chunks": (4,), "compression": "gzip"}], ids=["plain", "chunks", "gzip"]
)
def test_headers_are_those_that_hdf5_reads_and_damaged_lengths_take_no_memory(tmp_path, layout):
    by_layout(tmp_path / "a.h5", readouts())
    with h5py.File(tmp_path / "a.h5") as file, h5py.File(tmp_path / "b.h5", "w") as other:
        other.create_dataset("dataset/data", data=file["dataset/data"][:], **layout)
        other["dataset/xml"] = [b"<x/>"]
    with h5py.File(tmp_path / "b.h5") as file:
        data = file["dataset/data"]
        assert np.array_equal(kspace._heads("b.h5", data, tmp_path / "b.h5"), data.fields("head")[:])
        place = data.id.get_offset() if not layout else data.id.get_chunk_info(0).byte_offset
        offset = data.id.get_type().get_member_offset(2)
    if "compression" in layout:
        return  # lengths lie behind the filter
    content = bytearray((tmp_path / "b.h5").read_bytes())
    content[place + offset : place + offset + 4] = (2**31).to_bytes(4, "little")
    (tmp_path / "b.h5").write_bytes(content)
    with pytest.raises(DataError, match=r"readout 0 is said to hold 2147483648 numbers, more than the file"):
        open_measurements(tmp_path / "b.h5")


def test_truncated_and_wrong_files(tmp_path):
    lines = readouts()
    by_layout(tmp_path / "a.h5", [line for line in lines if line[1]])
    with pytest.raises(DataError, match="holds no readout of an image, 3 of noise or calibration"):
        open_measurements(tmp_path / "a.h5")
    by_layout(tmp_path / "b.h5", [*lines, (np.ones((4, 5), np.complex64), 0, 0, 5.0)])
    with pytest.raises(DataError, match="its readouts have 3, 5 coils, expected one number"):
        open_measurements(tmp_path / "b.h5")
    by_layout(tmp_path / "c.h5", lines)
    with h5py.File(tmp_path / "c.h5", "r+") as file:
        table = file["dataset/data"][:]
        table["head"]["number_of_samples"][5] = 9
        table["data"][6] = table["data"][6][:7]
        file["dataset/data"][:] = table
    with pytest.raises(DataError, match=r"readout 6 holds 7 numbers"), open_measurements(tmp_path / "c.h5") as measured:
        measured.read_raw(0, len(measured))
    whole = (tmp_path / "c.h5").read_bytes()
    (tmp_path / "d.h5").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"d\.h5: truncated HDF5"):
        open_measurements(tmp_path / "d.h5")
    with h5py.File(tmp_path / "e.h5", "w") as file:
        file["kspace"] = np.ones((3, 4), np.complex64)
        file.attrs["acquisition"] = "X"
    with pytest.raises(DataError, match=r"kspace has shape \(3, 4\)"):
        open_measurements(tmp_path / "e.h5")


def test_a_file_that_is_open_twice_outlives_the_one_that_is_closed(tmp_path):
    """HDF5 itself ends the process here where both share a handle: run it in one of its own."""
    by_layout(tmp_path / "a.h5", readouts())
    lines = [
        "import ideal, numpy as np",
        f"measured = ideal.open({str(tmp_path / 'a.h5')!r})",
        "first = measured.read_raw(0, len(measured))",
        f"measured = ideal.open({str(tmp_path / 'a.h5')!r})",
        "assert np.array_equal(measured.read_raw(0, len(measured)), first)",
    ]
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
