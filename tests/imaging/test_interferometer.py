import csv
import dataclasses
import os
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ideal.errors import UsageError
from ideal.imaging import make_system
from ideal.imaging.interferometer.earth import LIGHT, geocentric, geodetic, project, sine_elevation
from ideal.imaging.interferometer.interferometer import MICROARCSECOND

SMALL = {"shape": (8, 6), "field_of_view": 60.0, "interval": 3600.0}
M87 = (12.513729, 12.391123)


def interferometer(**settings):
    return make_system("interferometer", **(SMALL | settings))


def skies(system, count=1, dtype=np.float32, seed=0):
    scenes = np.random.default_rng(seed).random((count, *system.scene.shape))
    return (scenes / scenes.sum((1, 2), keepdims=True)).astype(dtype)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"array": "EHT2071"}, "did you mean EHT2017"),
        ({"sites": ("ALMA", "LTM")}, "did you mean LMT"),
        ({"sites": ("ALMA",)}, "1 site, expected two"),
        ({"free_sites": ("HAY",)}, "no free site 'HAY'"),
        ({"date": "yesterday"}, "is no date"),
        ({"pulse": "round"}, "no pulse 'round'"),
        ({"elevation": (85.0, 10.0)}, "smaller number first"),
        ({"source": (12.5,)}, "source is 12.5, expected 2 numbers"),
        ({"bandwidth": 0.0}, "bandwidth is 0 Hz, expected 1000 to"),
        ({"efficiency": 2.0}, "efficiency is 2, expected above 0 and at most 1"),
        ({"hands": 4}, "hands is 4, expected a whole number, 1 to 2"),
        ({"uvfits": "nowhere.uvfits"}, "no such file"),
        ({"start": 3.0, "stop": 3.0}, "has no length"),
        ({"shape": (8.5, 8)}, "expected a whole number, 1 to 65536"),
    ],
)
def test_settings_without_meaning(settings, message):
    with pytest.raises(UsageError, match=message):
        interferometer(**settings)


def test_a_source_that_never_rises():
    with pytest.raises(UsageError, match="no two of the sites ALMA, APEX see the source"):
        _ = interferometer(sites=("ALMA", "APEX"), source=(12.0, 80.0)).measurement_shape


def test_times_are_the_middles_of_integrations():
    """The writer of UVFITS says so of what it is given, and eht-imaging of what it reads."""
    system = interferometer(start=1.5, stop=7.0, interval=600.0, integration=300.0)
    assert system.uv_coverage().mjd.min() == pytest.approx(57849 + 1.5 / 24, abs=1e-9)
    (start,) = (each for each in dataclasses.fields(system) if each.name == "start")
    assert start.metadata["help"].startswith("middle of the first integration")


# Visibilities


@pytest.mark.parametrize("pulse", ["point", "rectangle", "triangle"])
@pytest.mark.parametrize("shape", [(8, 6), (5, 7)])
def test_visibilities_are_the_sum_over_pixels(pulse, shape):
    system = interferometer(pulse=pulse, shape=shape)
    scenes = skies(system, 3)
    see = system.uv_coverage()
    pixel = system.field_of_view / shape[1] * MICROARCSECOND
    east, north = ((size - 1) / 2 * pixel - pixel * np.arange(size) for size in (shape[1], shape[0]))
    phases = np.exp(2j * np.pi * (see.u[:, None, None] * east + see.v[:, None, None] * north[:, None]))
    sinc = np.sinc(see.u * pixel) * np.sinc(see.v * pixel)
    expected = np.einsum("krc,nrc->nk", phases, scenes) * sinc ** {"point": 0, "rectangle": 1, "triangle": 2}[pulse]
    found = system.images(system.design(), scenes)
    assert found.dtype == np.complex64
    assert np.abs(found - expected).max() < 1e-6


def test_a_point_in_the_north_east_by_hand():
    system = interferometer(pulse="point", sites=("ALMA", "PV"))
    scene = np.zeros((1, 8, 6), np.float32)
    scene[0, 1, 0] = 3.0  # of 10 uas: 25 uas to the east, 25 uas to the north
    see = system.uv_coverage()
    expected = 3 * np.exp(2j * np.pi * 25 * MICROARCSECOND * (see.u + see.v))
    assert np.abs(system.images(system.design(), scene) - expected).max() < 1e-5
    assert np.abs(np.angle(expected)).max() > 0.5


def test_a_gaussian_has_a_gaussian_transform():
    system = interferometer(shape=(64, 64), field_of_view=160.0, pulse="point")
    x = (31.5 - np.arange(64)) * 2.5
    width = 12.0
    scene = np.exp(-(x**2 + (x[:, None] - 10) ** 2) / (2 * width**2))
    scene *= 0.6 / scene.sum()
    see = system.uv_coverage()
    u, v = see.u * MICROARCSECOND, see.v * MICROARCSECOND
    expected = 0.6 * np.exp(-2 * (np.pi * width) ** 2 * (u**2 + v**2) + 20j * np.pi * v)
    found = system.images(system.design(), scene[None].astype(np.float32))[0]
    assert np.abs(found - expected).max() < 1e-5 * 0.6


def test_a_short_baseline_sees_the_whole_flux():
    system = interferometer(sites=("ALMA", "APEX"))
    scenes = 1.7 * skies(system, 2)
    assert np.abs(system.images(system.design(), scenes) - 1.7).max() < 1e-3
    assert np.allclose(system.brightness(scenes), 1.7)


def test_order_and_elevations_of_the_visibilities():
    system = interferometer(interval=1200.0)
    see = system.uv_coverage()
    key = list(zip(see.mjd, see.first, see.second, strict=True))
    assert key == sorted(key)
    assert len(set(key)) == len(key)
    assert (see.first < see.second).all()
    assert see.baselines[0].split("-")[0] == see.sites.names[see.first[0]]
    positions = see.sites.positions
    up = np.rad2deg(np.arcsin([sine_elevation(positions[site], see.hour_angle, M87[1]) for site in (see.first, see.second)]))
    assert up.min() > 10
    assert up.max() < 85
    assert len(system.replace(elevation=(20.0, 85.0)).uv_coverage().u) == ((up > 20) & (up < 85)).all(0).sum()


def test_sigma_is_the_radiometer_equation():
    system = interferometer(sites=("ALMA", "LMT"))
    expected = np.sqrt(90 * 600 / (2 * 4e9 * 60)) / 0.88
    assert np.allclose(system.sigma, expected, rtol=1e-12)
    assert np.allclose(system.replace(hands=2).sigma, expected / np.sqrt(2), rtol=1e-12)
    assert np.allclose(system.noise(system.design()).sigma, expected)


# Parameters


def test_weights_scale_by_the_root_of_their_product_and_end_at_pure_noise():
    system = interferometer(sites=("ALMA", "LMT", "PV", "SMT"))
    scenes, params = skies(system), system.design()
    full = system.images(params, scenes)[0]
    params["weights"] = jnp.array([1.0, 0.25, 0.0, 0.64])
    see = system.uv_coverage()
    weights = np.array([1.0, 0.25, 0.0, 0.64])
    expected = full * np.sqrt(weights[see.first] * weights[see.second])
    found = system.images(params, scenes)[0]
    assert np.allclose(found, expected, atol=1e-6)
    assert (found[(see.first == 2) | (see.second == 2)] == 0).all()
    scaled = system.uv_coverage(params).sigma
    assert np.isinf(scaled).tolist() == (expected == 0).tolist()
    gradient = jax.jit(jax.grad(lambda p: system.encode(p, scenes[0]).real.sum()))(params)
    assert np.isfinite(gradient["coordinates"]).all()
    assert np.isfinite(gradient["weights"]).all()
    assert (np.asarray(gradient["weights"]) != 0).tolist() == [True, True, False, True]


def test_gradients_agree_with_finite_differences():
    with jax.enable_x64(True):
        system = interferometer(interval=7200.0, free_sites=("PV",), opacity=0.1)
        scene = jnp.asarray(skies(system, dtype=np.float64)[0])
        params = system.design("half")
        rng = np.random.default_rng(1)
        probe = jnp.asarray(rng.normal(size=(2, *system.measurement_shape)))

        def loss(p):
            seen = system.encode(p, scene)
            return (probe[0] * seen.real + probe[1] * seen.imag).sum()

        gradient, loss = jax.jit(jax.grad(loss))(params), jax.jit(loss)
        for name, step in (("coordinates", 1e-4), ("weights", 1e-5)):
            for _ in range(3):
                way = jnp.asarray(rng.normal(size=params[name].shape))
                ahead, behind = ({**params, name: params[name] + sign * step * way} for sign in (1, -1))
                numeric = float(loss(ahead) - loss(behind)) / (2 * step)
                assert float((gradient[name] * way).sum()) == pytest.approx(numeric, rel=1e-5)


def test_moving_a_site_moves_its_baselines():
    other = (37.0, 25.0)
    system = interferometer(sites=("ALMA", "PV"), free_sites=("PV",))
    params = system.design()
    params["coordinates"] = params["coordinates"].at[1].set(jnp.array(other))
    moved = system.uv_coverage(params)
    altitude = geodetic(system.table.positions)[1]
    position = geocentric(np.array(other), altitude[1])
    east, north, _ = project(system.table.positions[0] - position, moved.hour_angle, M87[1])
    wavelength = LIGHT / 230e9
    assert np.allclose(moved.u, east / wavelength, rtol=1e-6, atol=1e3)
    assert np.allclose(moved.v, north / wavelength, rtol=1e-6, atol=1e3)
    up = sine_elevation(position, moved.hour_angle, M87[1])
    seen = (up > np.sin(np.deg2rad(10))) & (up < np.sin(np.deg2rad(85)))
    assert 0 < seen.sum() < len(seen)
    assert np.isfinite(moved.sigma).tolist() == seen.tolist()
    found = system.images(params, skies(system))[0]
    assert ((found != 0) == seen).all()


def test_free_sites_see_where_they_are_what_fixed_ones_do():
    fixed, free = interferometer(), interferometer(free_sites=("PV", "LMT"))
    see, more = fixed.uv_coverage(), free.uv_coverage()
    assert len(more.u) > len(see.u)
    up = np.isfinite(more.sigma)
    assert up.sum() == len(see.u)
    assert np.allclose(more.u[up], see.u)
    scenes = skies(fixed)
    assert np.allclose(free.images(free.design(), scenes)[0][up], fixed.images(fixed.design(), scenes)[0], atol=1e-6)


def test_opacity_dims_by_the_air_over_both_sites():
    system = interferometer(sites=("ALMA", "LMT"))
    scenes, see = skies(system), system.uv_coverage()
    sines = [sine_elevation(system.table.positions[site], see.hour_angle, M87[1]) for site in (see.first, see.second)]
    expected = np.exp(-0.15 * (1 / sines[0] + 1 / sines[1]))
    found = system.replace(opacity=0.3).images(system.design(), scenes) / system.images(system.design(), scenes)
    assert np.allclose(found[0], expected, rtol=1e-4)


def test_constraints_and_designs():
    system = interferometer(
        array="EHT2017+candidates", free_sites=("HAY", "KEN"), latitudes=(-60.0, 60.0), longitudes=(-90.0, 90.0), interval=6e3
    )
    assert list(system.designs) == ["sites", "half", "random", "EHT2017", "candidates", "anywhere"]
    assert float(system.design("EHT2017")["weights"].sum()) == 8
    assert float(system.design("random", 3)["weights"].sum()) == 4
    for name in system.designs:
        params = system.check_params(system.design(name, seed=2))
        again = system.constrain(system.release(params))
        assert np.allclose(again["coordinates"], params["coordinates"], atol=1e-3)
        assert np.allclose(again["weights"], params["weights"], atol=2e-4)
    free = {"coordinates": 20 * np.random.default_rng(0).normal(size=(70, 2)), "weights": np.zeros(70)}
    params = system.check_params(system.constrain(free))
    table = system.design()["coordinates"]
    assert (np.abs(params["coordinates"] - table).max(1) > 1e-3).sum() == 2


def test_longitudes_wrap_and_poles_stay():
    system = interferometer(free_sites=("SPT", "JCMT"))
    params = system.design()
    released = system.release(params)
    assert np.isfinite(released["coordinates"]).all()
    assert np.allclose(system.constrain(released)["coordinates"], params["coordinates"], atol=1e-3)
    released["coordinates"] = released["coordinates"].at[:, 1].add(2 * np.pi)
    assert np.allclose(system.constrain(released)["coordinates"], params["coordinates"], atol=1e-3)


def test_sites_that_are_not_free_stay():
    system = interferometer()
    params = system.design()
    params["coordinates"] = params["coordinates"].at[2, 0].add(1.0)
    with pytest.raises(UsageError, match=r"puts site 2 at 33.* instead of 32.*free_sites"):
        system.check_params(params)
    system = interferometer(free_sites=("SMT",), latitudes=(0.0, 33.0))
    with pytest.raises(UsageError, match="latitudes from 33"):
        system.check_params(params)


def test_budget():
    system = interferometer(budget=3)
    weights = system.constrain(system.release(system.design()))["weights"]
    assert float(weights.sum()) <= 3.001
    assert sorted(np.asarray(system.harden({"weights": weights + jnp.arange(8) * 1e-3})["weights"])) == [0] * 5 + [1] * 3


def test_draw(tmp_path):
    figure = pytest.importorskip("matplotlib.figure")
    for system, design in ((interferometer(), None), (interferometer(array="ngEHT"), "random")):
        drawn = figure.Figure(figsize=(9, 3.6))
        system.draw(system.design(design), drawn)
        drawn.savefig(tmp_path / "a.png")
        assert [axis.get_xlabel() for axis in drawn.axes] == ["u / gigawavelengths (east)", "longitude / degrees (east)"]
        assert not [axis for axis in drawn.axes if not axis.get_ylabel()]


# A real observation


@pytest.mark.shared_data
def test_the_coverage_of_a_real_observation(tmp_path):
    folder = os.environ.get("IDEAL_DATA")
    if not folder:
        pytest.skip("IDEAL_DATA names no data folder")
    pytest.importorskip("astropy")
    name = "SR1_M87_2017_096_lo_hops_netcal_StokesI"
    path = Path(folder) / "eht" / "uvfits" / f"{name}.uvfits"
    with open(Path(folder) / "eht" / "csv" / f"{name}.csv") as stream:
        rows = [[field.strip() for field in row] for row in csv.reader(stream) if not row[0].startswith("#")]
    table = {(float(r[0]), r[1], r[2]): [float(field) for field in r[3:]] for r in rows}
    system = interferometer(uvfits=str(path))
    see = system.coverage
    assert len(see.u) == len(table)
    hours = (see.mjd - np.floor(see.mjd[0])) * 24
    known = sorted(table)
    times = np.array([key[0] for key in known])
    for k in range(0, len(see.u), 97):
        pair = (see.sites.names[see.first[k]], see.sites.names[see.second[k]])
        near = [known[i] for i in np.flatnonzero(np.abs(times - hours[k]) < 2 / 3600) if known[i][1:] == pair]
        assert len(near) == 1
        u, v, _, _, sigma = table[near[0]]
        assert np.allclose([see.u[k], see.v[k]], [u, v], rtol=1e-5, atol=1e3)
        assert see.sigma[k] == pytest.approx(sigma, rel=1e-4)
    # u and v of the file against its own sites and times; the file has precession in it, and UT1 and sites of the correlator
    again, _, _ = project(see.sites.positions[see.first] - see.sites.positions[see.second], see.hour_angle, see.source[1])
    long = np.hypot(see.u, see.v) > 1e9
    assert np.abs(again * see.frequency / LIGHT / see.u - 1)[long & (np.abs(see.u) > 1e9)].max() < 0.01
    scenes = skies(system, 2)
    measured = system.images(system.check_params(system.design()), scenes)
    assert measured.shape == (2, len(see.u))
    assert np.allclose(system.uv_coverage().u, see.u)
    few = system.replace(sites=("AA", "AZ", "LM"))
    assert set(few.coverage.baselines) == {"AA-AZ", "AA-LM", "AZ-LM"}
