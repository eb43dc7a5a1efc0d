"""Units: a gain that is asked for, and counts that cannot be photoelectrons."""

import h5py
import numpy as np
import pytest
from fixtures.cli import FAST

from ideal.errors import UsageError
from ideal.formats import Source
from ideal.health.check import Block
from ideal.health.units import Units
from ideal.measurements.measurement_set import MeasurementSet, from_arrays, open_measurements, write_measurements


def scenes(mean=100.0, count=80, seed=0):
    frequency = np.fft.fftfreq(32)
    low = np.exp(-2 * (np.pi * 1.5) ** 2 * (frequency[:, None] ** 2 + frequency**2))
    field = np.fft.ifft2(np.fft.fft2(np.random.default_rng(seed).standard_normal((count, 32, 32))) * low).real
    return mean * np.exp(0.6 * field / field.std() - 0.18)


def counts(mean, seed=1):
    return np.random.default_rng(seed).poisson(mean)


def check(values, **options):
    """What the check says of a file that names no units, read in blocks."""
    measured = MeasurementSet(Source("a.npy", {"measurements": values}), {"noise": "poisson", **options})
    if not Units.applies(measured):
        return None
    units = Units(measured)
    for start in range(0, len(values), 30):
        units.add(Block(measured, start, measured.read_raw(start, start + 30)))
    return [(finding.name, finding.severity) for finding in units.findings()]


def dead(values, share):
    """Put values of 0 into a share of the pixels of every image."""
    values = values.copy()
    chosen = np.random.default_rng(2).choice(1024, int(share * 1024), replace=False)
    values.reshape(len(values), -1)[:, chosen] = 0
    return values


OFFSET = [("units-offset", "biased")]
ASSUMED = [("units-assumed", "note")]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (counts(scenes()), []),
        (counts(scenes(5.0)), []),
        (counts(scenes(0.3)), []),
        (counts(100 * np.ones((80, 32, 32))), []),
        (counts(scenes()[..., None] * [1, 0.5, 0.3]), []),
        (counts(scenes()) + 100, OFFSET),
        (counts(scenes(20.0)) + 40, OFFSET),
        (counts(scenes(1.0)) + 10, OFFSET),
        (dead(counts(scenes()) + 100, 0.001), OFFSET),  # one pixel of 1,024
        (dead(counts(scenes()) + 100, 0.04), OFFSET),
        (0.2 * counts(scenes()), OFFSET),  # DN of 5 electrons each: less noise than counts
        (counts(scenes())[:, 5], ASSUMED),  # vectors: nothing is known of their noise
        (counts(scenes(5000.0)), ASSUMED),  # so bright that the scene hides the noise
        (2 * counts(scenes()), ASSUMED),
        (np.rint(counts(scenes()) / 0.45 + 100), ASSUMED),  # much of the noise that counts have, by chance
    ],
    ids=range(15),
)
def test_counts_in_units_that_nobody_names(values, expected):
    assert check(values) == expected


def test_named_units_and_converted_values_are_left_alone():
    values = counts(scenes()) + 100
    assert check(values, units="photoelectrons") is None
    assert check(values, gain=1.0, offset=100.0) is None
    assert check(values, noise="gaussian", sigma=1.0) is None
    assert check(values, units="DN") == OFFSET
    assert check(counts(scenes()), units="DN") == [("note", "note")]


def test_read_noise_is_taken_off_the_noise():
    values = np.random.default_rng(3).normal(counts(scenes()) + 60, 8.0)  # 8 e- hide the offset, if they are not known
    assert check(values, noise="poisson-gaussian", read_noise=8.0, gain=1.0, units="ADU") == OFFSET


def test_a_dead_row_or_not_a_number_does_not_hide_an_offset():
    values = (counts(scenes()) + 100).astype(float)
    values[:, 0] = 0  # 3 % of the pixels
    assert check(values) == OFFSET
    values[3, 4, 5] = np.nan
    assert check(values) == OFFSET


# The gain is asked for


@pytest.mark.parametrize("noise", ["poisson", "poisson-gaussian", None])
@pytest.mark.parametrize("figures", [{"offset": 100.0}, {"read_noise": 1.6}, {"offset": 100.0, "read_noise": 1.6}], ids=str)
def test_an_offset_or_read_noise_without_the_gain_is_refused(tmp_path, noise, figures):
    values = (counts(scenes(count=6)) + 100).astype(np.uint16)
    np.save(tmp_path / "a.npy", values)
    if noise == "poisson" and "offset" not in figures:
        figures = figures | {"offset": 100.0}  # poisson noise has no read noise to ask for
    asked = [name for name in figures if noise != "poisson" or name == "offset"]
    words = f"{' and '.join(asked)} without the gain: give the photoelectrons per DN"
    with pytest.raises(UsageError, match=words):
        open_measurements(tmp_path / "a.npy", noise=noise, **figures)
    with pytest.raises(UsageError, match=words):
        from_arrays(values, noise=noise, **figures)
    for gain in (0.45, 1.0):  # 1 where somebody says so
        assert open_measurements(tmp_path / "a.npy", noise=noise, gain=gain, **figures).gain == gain
        assert from_arrays(values, noise=noise, gain=gain, **figures).gain == gain


def test_where_the_gain_does_not_matter_or_is_known_nothing_is_asked(tmp_path):
    values = (counts(scenes(count=6)) + 100).astype(np.uint16)
    write_measurements(tmp_path / "a.h5", values, noise="poisson-gaussian", gain=0.45, offset=100.0, read_noise=1.0)
    assert open_measurements(tmp_path / "a.h5", read_noise=1.6).gain == 0.45  # the file says it
    np.save(tmp_path / "a.npy", values)
    assert open_measurements(tmp_path / "a.npy", noise="gaussian", sigma=2.0, offset=100.0).offset == 100
    assert open_measurements(tmp_path / "a.npy", noise="poisson", read_noise=1.6).gain == 1  # refused by the estimate
    assert open_measurements(tmp_path / "a.npy", noise="poisson", offset=0.0, read_noise=0.0).gain == 1
    assert open_measurements(tmp_path / "a.npy", noise="poisson-gaussian", read_noise=1.6, units="photoelectrons").gain == 1
    assert from_arrays(values, noise="poisson-gaussian", read_noise=1.6, units="photoelectrons").gain == 1


def test_a_file_that_says_an_offset_and_no_gain_is_refused(tmp_path):
    write_measurements(tmp_path / "a.h5", counts(scenes(count=6)) + 100, noise="poisson", gain=2.0, offset=100.0)
    with h5py.File(tmp_path / "a.h5", "a") as file:
        del file.attrs["gain"]
    with pytest.raises(UsageError, match=r"a.h5: offset without the gain"):
        open_measurements(tmp_path / "a.h5")
    assert open_measurements(tmp_path / "a.h5", gain=2.0).gain == 2


def test_commands_ask_for_the_gain(ideal):
    camera = ("camera.npy", "--noise", "poisson-gaussian", "--offset", "100", "--read-noise", "1.6")
    for command in (("estimate", *camera, *FAST), ("inspect", *camera)):
        result = ideal(*command)
        assert result.exit_code == 2
        assert "offset and read_noise without the gain" in result.stderr
        assert "--gain" in result.stderr
        assert ideal(*command, "--gain", "0.45").exit_code == 0


def test_commands_take_axes(ideal):
    np.save("first.npy", np.load("counts.npy")[:, None])
    for command in (("estimate", "first.npy", "--noise", "poisson", *FAST), ("inspect", "first.npy")):
        refused = ideal(*command)
        assert refused.exit_code == 2
        assert "type --axes ncyx, or --axes nyxc to keep it as read" in refused.stderr
        assert ideal(*command, "--axes", "ncyx").exit_code == 0
    told = ideal("estimate", "first.npy", "--noise", "poisson", *FAST, "--axes", "ncyx").stdout
    plain = ideal("estimate", "counts.npy", "--noise", "poisson", *FAST).stdout
    assert told.replace("first.npy", "counts.npy").splitlines()[1:3] == plain.splitlines()[1:3]
    assert ideal("inspect", "first.npy", "--axes", "nqyx").exit_code == 2
