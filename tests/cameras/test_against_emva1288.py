"""The same frames through the reference implementation of EMVA 1288 (`emva1288` on PyPI, GPL: a test alone may use it)."""

import numpy as np
import pytest

from ideal.cameras import Sensor, calibrate

loader = pytest.importorskip(
    "emva1288.process.loader", reason="the reference implementation of EMVA 1288 is not installed (pip install emva1288)"
)
data = pytest.importorskip("emva1288.process.data")
results = pytest.importorskip("emva1288.process.results")

LEVELS, EXPOSURE = np.linspace(250, 9500, 38), 1e7  # photoelectrons; nanoseconds


@pytest.fixture(scope="module", autouse=True)
def older_numpy():
    """The reference of 2023 calls a function that NumPy 2 has no more."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(np, "asfarray", lambda values: np.asarray(values, dtype=float), raising=False)
        yield


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """A camera by this package, and the results of the reference, of the same frames; each quantity by a name of ours."""
    folder = tmp_path_factory.mktemp("emva")
    sensor = Sensor((96, 128), gain=2.0, read_noise=5.0, dsnu=6.0, dsnu_row=1.5, prnu=0.015, prnu_column=0.004, bits=12, seed=4)
    dark, flats = sensor.dark(64, seed=1), [sensor.flat(mean, 2, seed=1) for mean in LEVELS]
    half = sensor.flat(LEVELS[15], 64, seed=2)  # about half of saturation, for the spatial figures

    def names(frames, kind):
        paths = [folder / f"{kind}-{k}.npy" for k in range(len(frames))]
        for path, frame in zip(paths, frames, strict=True):
            np.save(path, frame.astype(np.int64))
        return [str(path) for path in paths]

    temporal = {0.0: names(dark[:2], "dark")} | {float(m): names(f, f"level-{m:.0f}") for m, f in zip(LEVELS, flats, strict=True)}
    spatial = {0.0: names(dark, "all-dark"), float(LEVELS[15]): names(half, "half")}
    images = {"temporal": {EXPOSURE: temporal}, "spatial": {EXPOSURE: spatial}}
    read = loader.LoadImageData(images, fload=np.load)
    reference = results.Results1288(data.Data1288(read.data).data)
    camera = calibrate(dark, [*flats, half], progress=False)
    return camera, reference


def _interval(camera, name, times=1.0):
    found = camera.quantities[name]
    half = times * (found.high - found.low) / 2
    return found.value - half, found.value + half


@pytest.mark.parametrize(
    ("name", "theirs", "times"),
    [
        # Theirs has no interval. It weighs all levels alike and takes two dark frames, so its own error is several times ours.
        ("system_gain", lambda r: r.K, 4.0),
        ("gain", lambda r: 1 / r.K, 4.0),
        ("temporal_dark_noise", lambda r: r.sigma_d, 6.0),
        ("dsnu", lambda r: r.DSNU1288, 4.0),
        ("dsnu_pixel", lambda r: r.DSNU1288_pixel, 4.0),
        ("prnu", lambda r: r.PRNU1288, 4.0),
        ("prnu_pixel", lambda r: r.PRNU1288_pixel, 4.0),
    ],
)
def test_the_reference_finds_the_same_within_the_uncertainty(both, name, theirs, times):
    camera, reference = both
    low, high = _interval(camera, name, times)
    assert low <= theirs(reference) <= high


def test_rows_and_columns_have_the_same_part_of_the_patterns(both):
    camera, reference = both
    assert float(camera.dsnu_row) == pytest.approx(reference.DSNU1288_row, rel=0.03)
    assert float(camera.prnu_column) == pytest.approx(reference.PRNU1288_col, rel=0.1)


def test_saturation_is_that_of_the_reference_within_a_step_of_the_light(both):
    camera, reference = both
    step = LEVELS[1] - LEVELS[0]
    assert abs(float(camera.full_well) - reference.u_e_sat) < 2 * step
    assert float(camera.snr_max) == pytest.approx(reference.SNR_max, rel=0.05)
