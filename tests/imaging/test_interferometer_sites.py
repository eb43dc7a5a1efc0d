import numpy as np
import pytest

from ideal.errors import DataError
from ideal.imaging import make_system
from ideal.imaging.interferometer.earth import geocentric, geodetic, modified_julian_date, project, sidereal_angle, sine_elevation
from ideal.imaging.interferometer.sites import derived_sefd, find_sites, read_sites, site_table

M87 = (12.513729, 12.391123)


def test_sidereal_time_agrees_with_astropy():
    time = pytest.importorskip("astropy.time")
    mjd = np.array([48000.25, 51544.5, 53736.0, 53735.0, 57754.0, 57849.1, 58000.7, 60000.0, 61000.3])
    expected = time.Time(mjd, format="mjd", scale="utc").sidereal_time("mean", "greenwich").rad
    error = np.angle(np.exp(1j * (sidereal_angle(mjd) - expected)))
    assert np.abs(error).max() < 2 * np.pi / 86164 * 0.008  # 7 ms of UT1 between the lines of the table


def test_places_agree_with_astropy_and_return():
    coordinates = pytest.importorskip("astropy.coordinates")
    positions = find_sites("EHT2017+candidates").positions
    places, altitude = geodetic(positions)
    there = coordinates.EarthLocation.from_geocentric(*positions.T, unit="m")
    assert np.abs(places[:, 0] - there.lat.deg).max() < 1e-9
    assert np.abs(altitude - there.height.value).max() < 1e-5
    assert np.abs(geocentric(places, altitude) - positions).max() < 1e-6


def test_elevation_agrees_with_astropy():
    coordinates, time = pytest.importorskip("astropy.coordinates"), pytest.importorskip("astropy.time")
    iers = pytest.importorskip("astropy.utils.iers")
    position = find_sites("EHT2017").select(("LMT",)).positions[0]
    (latitude, longitude), _ = (each[0] for each in geodetic(position[None]))
    mjd = 57849 + np.linspace(0, 0.95, 12)
    angle = sidereal_angle(mjd) - np.pi / 12 * M87[0]
    cosine = np.cos(np.deg2rad(latitude))
    normal = [cosine * np.cos(np.deg2rad(longitude)), cosine * np.sin(np.deg2rad(longitude)), np.sin(np.deg2rad(latitude))]
    ours = np.rad2deg(np.arcsin(sine_elevation(np.array(normal), angle, M87[1])))
    with iers.conf.set_temp("auto_download", False):
        when = time.Time(mjd, format="mjd", scale="utc")
        place = coordinates.EarthLocation.from_geocentric(*position, unit="m")
        true_equator = coordinates.TETE(obstime=when, location=place)  # so that precession is not in the comparison
        source = coordinates.SkyCoord(M87[0] * 15, M87[1], unit="deg", frame=true_equator)
        theirs = source.transform_to(coordinates.AltAz(obstime=when, location=place)).alt.deg
    assert np.abs(ours - theirs).max() < 0.01  # nutation in right ascension, 20 arc seconds
    geocentric_elevation = np.rad2deg(np.arcsin(sine_elevation(position, angle, M87[1])))
    assert 0.02 < np.abs(geocentric_elevation - theirs).max() < 0.2


def test_baselines_draw_ellipses():
    baseline = np.array([4.2e6, -1.3e6, 2.9e6])
    east, north, towards = project(baseline, np.linspace(0, 2 * np.pi, 24), 30.0)
    radius, centre = np.hypot(*baseline[:2]), baseline[2] * np.cos(np.pi / 6)
    assert np.allclose((east / radius) ** 2 + ((north - centre) / (radius * np.sin(np.pi / 6))) ** 2, 1)
    assert np.allclose(east**2 + north**2 + towards**2, (baseline**2).sum())


def test_east_and_north_as_the_source_sees_them():
    assert np.allclose(project(np.array([0.0, 1.0, 0.0]), 0.0, 40.0), [1, 0, 0])  # at culmination
    assert np.allclose(project(np.array([0.0, 0.0, 1.0]), 0.3, 0.0), [0, 1, 0])


@pytest.mark.parametrize(("date", "mjd"), [("2017-04-06", 57849), ("57849", 57849), (57849.7, 57849), ("1858-11-18", 1)])
def test_dates(date, mjd):
    assert modified_julian_date(date) == mjd


def test_the_table_has_what_it_says():
    assert len(find_sites("EHT2017").names) == 8
    assert len(find_sites("EHT2022").names) == 11
    assert len(find_sites("ngEHT").names) == 21
    assert len(find_sites("ngEHT-B").names) == 19
    candidates = find_sites("candidates")
    assert len(candidates.names) == 62
    assert not set(candidates.names) & set(find_sites("EHT2017").names)
    assert len(find_sites("EHT2017+candidates").names) == 70
    assert np.abs(geodetic(find_sites("EHT2017+candidates").positions)[1]).max() < 5500
    for row in site_table():
        if row["sefd_source"].startswith("derived"):
            figures = (float(row[key]) for key in ("diameter_m", "surface_um", "opacity"))
            assert float(row["sefd_jy"]) == pytest.approx(derived_sefd(*figures), abs=0.51)


def test_tables_of_ones_own(tmp_path):
    (tmp_path / "eht.txt").write_text("#NAME X Y Z SEFDR SEFDL FR\nA 6378137 0 0 90 110 1 # close\n\nB 0 6378137. 0 50 50 0\n")
    sites = read_sites(tmp_path / "eht.txt")
    assert sites.names == ("A", "B")
    assert sites.sefd.tolist() == [100, 50]
    (tmp_path / "b.csv").write_text("site,sefd_jy,x_m,y_m,z_m,place\nC,70,0,0,6356752,here\n")
    assert read_sites(tmp_path / "b.csv").positions.tolist() == [[0, 0, 6356752]]
    (tmp_path / "c.txt").write_text("#NAME X Y Z SEFD86 SEFD230 SEFD345 $C0\nD 0 0 6356752 1 2 3 4\n")
    assert read_sites(tmp_path / "c.txt", 230e9).sefd.tolist() == [2]
    assert read_sites(tmp_path / "c.txt", 300e9).sefd.tolist() == [3]
    joined = find_sites(f"EHT2017+{tmp_path / 'b.csv'}")
    assert joined.names[-1] == "C"
    assert set(joined.arrays) == {"EHT2017", str(tmp_path / "b.csv")}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A 1 2\n", "line 1 is 'A 1 2', expected name"),
        ("A 0 0 6356752 5\nA 0 0 6356752 5\n", "line 2: site A is there twice"),
        ("A 0 0 6356 5\n", "6 km from the centre"),
        ("A 0 0 6356752 -5\n", "SEFD of -5 Jy"),
        ("name,x,y,sefd\n", "columns name, x, y, sefd"),
        ("# nothing\n", "no site in it"),
    ],
)
def test_bad_tables(tmp_path, text, message):
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(DataError, match=message):
        make_system("interferometer", array=str(tmp_path / "a.txt"))
