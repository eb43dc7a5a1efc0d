"""Against eht-imaging 1.3.2 (a development dependency): EHT 2017, M87, 230 GHz, 24 hours."""

import importlib.util
import warnings

import numpy as np
import pytest
from fixtures import radio
from fixtures.radio import DAY, FREQUENCY, frequency_table

from ideal.formats.random_groups import read_random_groups
from ideal.imaging import make_system
from ideal.imaging.interferometer.coverage import from_uvfits

if importlib.util.find_spec("ehtim") is None:
    pytest.skip("eht-imaging is not installed", allow_module_level=True)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its own dependencies' deprecations
    import ehtim
    from ehtim.const_def import DTARR
    from ehtim.observing.obs_simulate import sample_vis
    from ehtim.observing.pulses import deltaPulse2D, rectPulse2D, trianglePulse2D

pytestmark = pytest.mark.filterwarnings("ignore")
MICROARCSECOND = np.deg2rad(1 / 3.6e9)
SOURCE = (12.513729, 12.391123)


@pytest.fixture(scope="module")
def system():
    return make_system("interferometer")


def observe(system, polrep):
    table = system.table
    rows = [(name, *place, sefd, sefd, 0, 0, 0, 0, 0) for name, place, sefd in zip(*_columns(table), strict=True)]
    array = ehtim.array.Array(np.array(rows, dtype=DTARR))
    return array.obsdata(
        *SOURCE, 230e9, 4e9, 60, 120, 0, 24, mjd=57849, timetype="UTC", polrep=polrep, elevmin=10, elevmax=85, tau=0
    )


def _columns(table):
    return table.names, table.positions, table.sefd


@pytest.fixture(scope="module", params=["circ", "stokes"])
def theirs(system, request):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return observe(system, request.param)


def matched(system, data):
    """Return the index of our visibility for each of theirs, and whether the baseline is the other way round."""
    see, names = system.uv_coverage(), system.table.names
    second = np.rint((see.mjd - 57849) * 86400).astype(int)
    ours = {key: k for k, key in enumerate(zip(second, see.first, see.second, strict=True))}
    index, sign = [], []
    for row in data:
        time, one, other = round(float(row["time"]) * 3600), names.index(str(row["t1"])), names.index(str(row["t2"]))
        index.append(ours[(time, min(one, other), max(one, other))])
        sign.append(1 if one < other else -1)
    return np.array(index), np.array(sign)


def test_the_same_baselines_at_the_same_times_with_the_same_u_v_and_sigma(system, theirs):
    data = theirs.data
    index, sign = matched(system, data)
    see = system.uv_coverage()
    assert sorted(index) == list(range(len(see.u)))
    length = np.hypot(data["u"], data["v"])
    assert np.abs(sign * see.u[index] - data["u"]).max() < 1e-5 * length.max()
    assert (np.hypot(sign * see.u[index] - data["u"], sign * see.v[index] - data["v"]) / length).max() < 1e-6
    # Theirs in the Stokes representation is the average of two parallel hands.
    sigma = system.sigma if theirs.polrep == "circ" else system.replace(hands=2).sigma
    assert np.allclose(sigma[index], data["rrsigma" if theirs.polrep == "circ" else "sigma"], rtol=1e-6)


@pytest.mark.parametrize(
    ("pulse", "function"), [("point", deltaPulse2D), ("rectangle", rectPulse2D), ("triangle", trianglePulse2D)]
)
@pytest.mark.parametrize("shape", [(64, 64), (33, 40)])
def test_the_same_visibilities(system, pulse, function, shape):
    system = system.replace(shape=shape, pulse=pulse, interval=1200.0)
    scene = np.random.default_rng(0).random(shape) ** 4
    scene[: shape[0] // 3] *= 3
    scene *= 0.6 / scene.sum()
    pixel = system.scene.pixel * MICROARCSECOND
    image = ehtim.image.Image(scene, pixel, *SOURCE, rf=230e9, mjd=57849, pulse=function)
    see = system.uv_coverage()
    expected = sample_vis(image, np.stack([see.u, see.v], axis=1), ttype="direct", verbose=False)[0]
    found = system.images(system.design(), scene[None].astype(np.float32))[0]
    assert np.abs(found - expected).max() < 1e-5 * 0.6
    assert np.abs(expected).min() < 0.1


def test_they_load_what_we_write(system, tmp_path, capsys):
    system = system.replace(interval=1200.0, hands=2, shape=(16, 16))
    scene = np.random.default_rng(0).random((1, 16, 16)).astype(np.float32)
    visibilities = system.images(system.design(), scene)[0]
    system.write_uvfits(tmp_path / "a.uvfits", visibilities, object_name="M87")
    loaded = ehtim.obsdata.load_uvfits(str(tmp_path / "a.uvfits"))
    data, see = loaded.data, system.uv_coverage()
    index, sign = matched(system, data)
    assert sorted(index) == list(range(len(see.u)))
    assert np.allclose(sign * see.u[index], data["u"], rtol=1e-6, atol=1e3)
    assert np.allclose(sign * see.v[index], data["v"], rtol=1e-6, atol=1e3)
    flipped = np.where(sign > 0, visibilities[index], visibilities[index].conj())
    assert np.allclose(flipped, data["vis"], rtol=1e-6)
    assert np.allclose(system.sigma[index], data["sigma"], rtol=1e-6)
    assert loaded.source == "M87"
    assert loaded.ra == pytest.approx(SOURCE[0])
    assert loaded.rf == pytest.approx(230e9)
    assert loaded.bw == pytest.approx(4e9)
    assert loaded.mjd == 57849


def test_we_read_what_they_write(system, tmp_path, capsys):
    observed = observe(system.replace(sites=("ALMA", "LMT", "PV")), "circ")
    observed.save_uvfits(str(tmp_path / "a.uvfits"))
    back, _ = from_uvfits(tmp_path / "a.uvfits")
    small = system.replace(sites=("ALMA", "LMT", "PV"))
    index, sign = matched(small, observed.data)
    order = np.lexsort((observed.data["t2"], observed.data["t1"], observed.data["time"]))
    mine = small.uv_coverage()
    assert len(back.u) == len(mine.u)
    assert np.allclose(np.sort(np.abs(back.u)), np.sort(np.abs(mine.u[index][order])), rtol=1e-5, atol=1e4)
    assert np.allclose(np.sort(back.sigma), np.sort(mine.sigma / np.sqrt(2)), rtol=1e-5)
    assert (sign**2 == 1).all()


def test_they_read_the_same_rows(tmp_path, capsys):
    # Gaps and flags; in their table a station's name decides which way a baseline goes.
    night = radio.observe(antennas=3, hands=4).take(np.arange(0, 180) % 7 != 3)
    night.weights[::11] *= -1
    header = [("OBSRA", 187.7), ("OBSDEC", 12.4), ("OBJECT", "M87"), ("BUNIT", "JY")]
    night.more |= {name: np.full(len(night), value) for name, value in (("INTTIM", 10.0), ("TAU1", 0.0), ("TAU2", 0.0))}
    path = radio.write(tmp_path / "a.uvfits", night, names=("AA", "BB", "CC"), header=header, tables=[frequency_table([[0.0]])])
    theirs = ehtim.obsdata.load_uvfits(str(path)).switch_polrep("stokes").data
    groups = read_random_groups(path)
    ours = {
        (round((groups.days[k] - DAY) * 86400), groups.baseline(k)): (groups.values[k, 0], groups.sigma[k, 0], groups.u[k])
        for k in np.flatnonzero(groups.valid[:, 0])
    }
    assert len(ours) == len(theirs)
    for row in theirs:
        one, other = str(row["t1"]), str(row["t2"])
        value, sigma, u = ours[round(row["time"] * 3600), "-".join(sorted((one, other)))]
        assert abs((value if one < other else value.conjugate()) - row["vis"]) < 1e-6
        assert sigma == pytest.approx(row["sigma"], rel=1e-5)
        assert (u if one < other else -u) * FREQUENCY == pytest.approx(row["u"], rel=1e-5)
