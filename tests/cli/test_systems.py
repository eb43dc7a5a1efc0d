"""`ideal systems`: what it prints of one system."""

import pytest
from fixtures.cli import document


def test_a_constraint_takes_one_line(ideal):
    text = ideal("systems", "interferometer").stdout
    assert "all 8 sites stay where they are" in text
    assert "array(" not in text
    found = document(ideal("systems", "interferometer", "--set", "free_sites=PV,LMT", "--set", "latitudes=-60,60", "--json"))
    expected = "2 of 8 sites free, latitudes -60 to 60 and longitudes -180 to 180 degrees"
    assert found["parameters"]["coordinates"]["constraint"] == expected


def test_mosaics_of_another_period_are_shown_with_what_they_need(ideal):
    text = ideal("systems", "color-filter-array").stdout
    (line,) = (each for each in text.splitlines() if each.startswith("x-trans "))
    assert "needs --set period=6,6: Fujifilm X-Trans" in line
    found = document(ideal("systems", "color-filter-array", "--set", "period=6,6", "--json"))
    assert "x-trans" in found["designs"]
    assert "rgbw-kodak" in found["further_designs"]


@pytest.mark.parametrize("shown", ["period=6,6", "period=6, 6", "shape=48, 48"])
def test_values_are_taken_as_the_table_prints_them(ideal, shown):
    name, value = shown.split("=")
    text = ideal("systems", "color-filter-array", "--set", shown).stdout
    (line,) = (each for each in text.splitlines() if each.startswith(f"{name} "))
    assert ", ".join(value.replace(" ", "").split(",")) in line


def test_a_configuration_shows_the_noise_that_will_be_used(ideal, tmp_path):
    (tmp_path / "camera.toml").write_text(
        '[system]\nname = "diffraction-limited"\nshape = [16, 16]\n'
        '[noise]\nnoise = "poisson-gaussian"\nread_noise = 1.6\ngain = 0.45\noffset = 100\n'
    )
    found = document(ideal("systems", tmp_path / "camera.toml", "--json"))
    assert found["noise"] == "poisson-gaussian"
    assert {name: found["noise_figures"][name] for name in ("read_noise", "gain", "offset")} == {
        "read_noise": 1.6,
        "gain": 0.45,
        "offset": 100,
    }
    assert (
        "16 x 16, poisson-gaussian noise (read noise 1.6, gain 0.45, offset 100"
        in ideal("systems", tmp_path / "camera.toml").stdout
    )
    assert "192 x 192, poisson noise, " in ideal("systems", "diffraction-limited", "--set", "shape=192,192").stdout
