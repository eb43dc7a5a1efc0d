"""A user's own encoder by module:function in a configuration."""

import tomllib
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from matplotlib.figure import Figure

from ideal.errors import UsageError
from ideal.imaging import Bounded, Positive, UnitSum
from ideal.imaging.configuration import find_design, save_design, system_from_table
from ideal.imaging.custom.encoder import load_function
from ideal.imaging.custom.table import CONSTRAINT_EXAMPLES, CONSTRAINTS, _constraint
from ideal.noise import ComplexGaussian

HERE = Path(__file__).parents[1] / "fixtures"
LENS = {
    "encoder": "own_optics:lens",
    "shape": [6, 8],
    "linear": True,
    "settings": {"wavelength": 0.5},
    "parameters": {"phase": {"value": "own_optics:start", "seed": 3, "constraint": {"kind": "bounded", "low": 0.0, "high": 6.0}}},
}


def system_of(table=None, **changes):
    return system_from_table({**LENS, **(table or {})}, HERE, changes)[0]


def test_an_encoder_of_ones_own():
    system = system_of()
    assert (system.name, system.linear, system.measurement_shape) == ("own_optics:lens", True, (6, 5))
    assert system.summary == "A pupil phase and the intensity behind it."
    params = find_design(system, None)
    np.testing.assert_allclose(params["phase"], np.random.default_rng(3).random((6, 8)), rtol=1e-6)
    assert system.constraints == {"phase": Bounded(0.0, 6.0)}
    scenes = np.random.default_rng(0).random((4, 6, 8)).astype(np.float32)
    clean = system.images(params, scenes)
    pupil = np.fft.fft2(np.exp(1j * np.asarray(params["phase"])))
    spread = np.abs(pupil) ** 2 / (np.abs(pupil) ** 2).sum()
    expected = np.fft.ifft2(np.fft.fft2(spread) * np.fft.fft2(scenes[1])).real[:, :5]
    np.testing.assert_allclose(clean[1], expected, rtol=1e-4)
    assert system.operator(params).matrix().shape == (30, 48)
    figure = Figure()
    system.draw(params, figure)
    assert len(figure.axes) == 6  # three pictures, three scales
    mean = "mean for a scene of 1"
    assert [axis.get_xlabel() for axis in figure.axes[3:]] == ["phase", mean, mean]


def test_settings_reach_the_function():
    wide, narrow = system_of(width=5), system_of(wavelength=1.0)
    assert wide.measurement_shape == (6, 3)
    scene = np.random.default_rng(0).random((1, 6, 8)).astype(np.float32)
    params = wide.design()
    assert np.abs(narrow.images(params, scene) - system_of().images(params, scene)).max() > 1e-3
    assert wide.settings == {"width": 5, "wavelength": 0.5}


def test_values_from_files_numbers_and_lists(tmp_path):
    np.save(tmp_path / "mask.npy", np.full((6, 8), 0.5))
    (tmp_path / "mine.py").write_text(
        "def encode(params, scene):\n    return params['mask'] * scene + params['dark'] + params['row']\n"
    )
    table = {
        "encoder": "mine:encode",
        "shape": [6, 8],
        "kind": "any",
        "parameters": {
            "mask": {"value": "mask.npy"},
            "dark": {"value": 0.25, "shape": [6, 8], "constraint": {"kind": "positive"}},
            "row": {"value": [[1, 2, 3, 4, 5, 6, 7, 8]]},
        },
    }
    system, design = system_from_table(table, tmp_path, {})
    assert design is None
    clean = system.images(system.design(), np.zeros((1, 6, 8), np.float32))[0]
    np.testing.assert_allclose(clean, np.broadcast_to(0.25 + np.arange(1, 9), (6, 8)))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"encoder": "own_optics:lense"}, "no function 'lense'; did you mean lens"),
        ({"encoder": "own_opticks:lens"}, "No module named 'own_opticks'"),
        ({"encoder": "lens"}, "write module:function"),
        ({"encoder": "own_optics:wrong", "settings": {}}, "fails on a scene of shape"),
        ({"encoder": "own_optics:pair", "settings": {}}, "returns tuple, expected one array"),
        ({"encoder": "own_optics:lens", "settings": {"wavelenght": 0.5}}, "fails on a scene"),
        ({"shap": [3]}, "no key 'shap'; did you mean shape"),
        ({"kind": "radience"}, "did you mean radiance"),
        ({"parameters": {"phase": {"valu": 1.0}}}, "parameter phase has no key 'valu'; did you mean value"),
        ({"parameters": {"phase": {"seed": 1}}}, "parameter phase needs a value"),
        ({"parameters": {"phase": {"value": "missing.npy"}}}, "missing.npy"),
        ({"parameters": {"phase": {"value": 1.0, "shape": [6, 8], "constraint": {"kind": "bounde"}}}}, "did you mean bounded"),
        ({"parameters": {"phase": {"value": 1.0, "constraint": {"kind": "bounded", "lo": 0}}}}, "does not take"),
        (
            {
                "parameters": {
                    "phase": {"value": 7.0, "shape": [6, 8], "constraint": {"kind": "bounded", "low": 0.0, "high": 1.0}}
                }
            },
            "expected 0 to 1",
        ),
    ],
)
def test_what_is_wrong_is_said(changes, complaint):
    with pytest.raises(UsageError, match=complaint):
        system_of(changes)


def phase(value=1.0, **more):
    return {"parameters": {"phase": {"value": value, "shape": [6, 8], **more}}}


def held(**constraint):
    return phase(constraint=constraint)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"encoder": 3}, "encoder takes a text, as my_optics:encode; found 3"),
        ({"encoder": "own_optics:HEIGHT"}, "HEIGHT is no function, its type is int"),
        ({"encoder": "own_broken:lens"}, "own_broken:lens: cannot be imported \\(ZeroDivisionError"),
        ({"encoder": "own_optics:leave", "settings": {}}, "fails on a scene of shape \\(6, 8\\) \\(SystemExit: 3\\)"),
        ({"encoder": "own_optics:nothing", "settings": {}}, "returns an array of shape \\(0, 8\\)"),
        ({"shape": 16}, "shape takes 1 to 3 whole numbers from 1 on, as \\[64, 64\\]; found 16"),
        ({"shape": "a"}, "shape takes"),
        ({"shape": [-4, 4]}, "shape takes"),
        ({"shape": [0, 4]}, "shape takes"),
        ({"shape": [4.5, 4]}, "shape takes"),
        ({"shape": [True, 4]}, "shape takes"),
        ({"shape": []}, "shape takes"),
        ({"kind": 3}, "no scenes are of kind '3'"),
        ({"period": 2}, "period takes two whole numbers"),
        ({"period": [0, 0]}, "period takes"),
        ({"period": [1, 2, 3]}, "period takes"),
        ({"linear": "no"}, "linear takes true or false; found 'no'"),
        ({"channels": 3}, "channels takes a list of names"),
        ({"channels": [3]}, "channels takes"),
        ({"pixel": "a"}, "pixel takes a positive number"),
        ({"pixel": -1}, "pixel takes"),
        ({"pixel_unit": "mm"}, "no pixel_unit is called 'mm'"),
        ({"settings": 3}, "settings takes a table"),
        ({"settings": {"wavelength": 0.5, "width": "abc"}}, "setting width takes a number, as 3; found 'abc'"),
        ({"parameters": 3}, "parameters takes a table"),
        ({"parameters": {"phase": 3}}, "needs a value"),
        (phase(shape=4), "phase: shape takes whole numbers"),
        (phase(shape=[-1]), "phase: shape takes"),
        (phase([1, 2, 3], shape=[4, 4]), "value of shape \\(3,\\) does not spread over shape \\(4, 4\\)"),
        (phase(True), "values of type bool, expected real numbers"),
        (phase([]), "an array of shape \\(0,\\)"),
        (phase("own_optics:imaginary"), "values of type complex"),
        (phase("own_optics:leave"), "the function of its value fails"),
        (phase(seed="x"), "seed takes a whole number"),
        (phase(constrant="positive"), "no key 'constrant'; did you mean constraint"),
        (phase(constraint=3), "its constraint is 3, expected a kind"),
        (phase(constraint="bounded"), "a constraint bounded needs its bounds"),
        (held(kind="bounded", low="a", high=3), "phase: low takes a number; found 'a'"),
        (held(kind="bounded", low=3, high=3), "bounded from low = 3 to high = 3, expected low < high"),
        (held(kind="positive", scale=0), "scale takes a positive number"),
        (held(kind="budget", count="x"), "count takes a whole number from 1 on"),
        (held(kind="budget", count=-1), "count takes"),
        ({"parameters": {"phase": {"value": 1.0, "constraint": "one-of"}}}, "expected an array"),
    ],
)
def test_a_malformed_table_is_a_wrong_usage(changes, complaint):
    with pytest.raises(UsageError, match=complaint):
        system_of(changes)


def test_a_constraint_without_bounds_may_be_named_alone():
    assert system_of(phase(constraint="positive")).constraints == {"phase": Positive()}


@pytest.mark.parametrize(("setting", "value"), [("wavelength", "abc"), ("width", True), ("width", [1])])
def test_settings_are_of_the_kind_of_their_default(setting, value):
    with pytest.raises(UsageError, match=f"setting {setting} takes a number"):
        system_of(**{setting: value})


def test_what_an_encoder_prints_goes_to_stderr(capsys, tmp_path):
    (tmp_path / "chatter.py").write_text(
        "import jax\nprint('imported')\n\ndef encode(params, scene):\n"
        "    print('traced')\n    jax.debug.print('run')\n    return scene\n"
    )
    system, _ = system_from_table({"encoder": "chatter:encode", "shape": [2, 2]}, tmp_path, {})
    system.images({}, np.ones((1, 2, 2), np.float32))
    said = capsys.readouterr()
    assert said.out == ""
    assert {"imported", "traced", "run"} <= set(said.err.split())


def test_complex_values_are_no_counts():
    table = {"encoder": "own_optics:fringes", "settings": {}, "parameters": {}}
    system = system_of(table)
    assert system.complex_valued
    assert not system_of().complex_valued
    with pytest.raises(UsageError, match="name their noise"):
        system.noise({})
    assert system.with_noise(ComplexGaussian(0.5)).noise({}).sigma == 0.5
    assert system_of().noise({}).name == "poisson"


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        (3, "system must be a table"),
        ({"name": 3}, "name takes a text; found 3"),
        ({"name": "lensless", "design": 3}, "design takes a text; found 3"),
    ],
)
def test_names_in_a_table_are_texts(table, complaint):
    with pytest.raises(UsageError, match=complaint):
        system_from_table(table, HERE, {})


def test_files_are_looked_for_beside_the_configuration(tmp_path, monkeypatch):
    (tmp_path / "beside").mkdir()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    picture = np.zeros((8, 8))
    picture[4, 4] = 1
    np.save(tmp_path / "beside" / "psf.npy", picture)
    (tmp_path / "beside" / "sites.txt").write_text("name X Y Z SEFD\nHERE 2225061.3 -5440061.7 -2481681.2 90\n")
    (tmp_path / "beside" / "EHT2017").write_text("no sites")
    folder = tmp_path / "beside"
    table = {"name": "lensless", "scene_shape": [20, 20], "psf_shape": [8, 8], "psf_file": "psf.npy"}
    system, _ = system_from_table(table, folder, {})
    assert system.settings["psf_file"] == str(folder / "psf.npy")
    array, _ = system_from_table({"name": "interferometer", "array": "EHT2017+sites.txt", "shape": [16, 16]}, folder, {})
    assert array.settings["array"] == f"EHT2017+{folder / 'sites.txt'}"
    own, _ = system_from_table({**LENS, "settings": {"wavelength": 0.5}}, HERE, {})
    assert own.settings["wavelength"] == 0.5
    changed, _ = system_from_table({**table, "psf_file": ""}, folder, {"psf_file": str(folder / "psf.npy")})
    assert changed.settings["psf_file"] == str(folder / "psf.npy")


def test_a_false_claim_of_linearity_is_found_out():
    table = {"encoder": "own_optics:square", "settings": {}, "parameters": {"gain": {"value": 2.0}}}
    assert not system_of({**table, "linear": False}).linear
    with pytest.raises(UsageError, match="declared linear"):
        system_of(table)


def test_unknown_settings_and_designs():
    with pytest.raises(UsageError, match="did you mean width"):
        system_of(widht=4)
    with pytest.raises(UsageError, match="no design 'best'"):
        find_design(system_of(), "best")


def test_modules_of_the_folder_leave_the_path_alone():
    import sys

    before = list(sys.path)
    assert load_function("own_optics:square", HERE)({"gain": 2.0}, jnp.asarray(3.0)) == 18
    assert sys.path == before


def test_a_design_goes_to_a_file_and_back(tmp_path):
    system = system_of()
    params = {"phase": jnp.full((6, 8), 1.5)}
    save_design(tmp_path / "flat.h5", system, params, steps=12)
    np.testing.assert_array_equal(find_design(system, str(tmp_path / "flat.h5"))["phase"], params["phase"])
    other = system_of({"shape": [6, 9], "parameters": {"phase": {"value": 1.0, "shape": [6, 9]}}})
    with pytest.raises(UsageError, match="has shape \\(6, 8\\), expected \\(6, 9\\)"):
        find_design(other, str(tmp_path / "flat.h5"))


def test_constraints_by_name():
    system = system_of({"parameters": {"phase": {"value": 1 / 48, "shape": [6, 8], "constraint": {"kind": "unit-sum"}}}})
    assert system.constraints == {"phase": UnitSum()}


def test_every_constraint_has_an_example_that_can_be_written_and_a_line_of_the_page():
    page = Path(__file__).parents[2] / "docs" / "simulate.md"
    for kind, example in CONSTRAINT_EXAMPLES.items():
        said = tomllib.loads(example)["constraint"]
        value = [[0.5, 0.5]] if kind in ("one-of", "budget") else [0.25, 0.75]
        _constraint("parameter phase", said).check("parameter phase", np.array(value))
        if page.exists():
            assert f"`{example}`" in page.read_text(encoding="utf-8")
    assert set(CONSTRAINT_EXAMPLES) == set(CONSTRAINTS)


@pytest.mark.parametrize(
    ("said", "write"),
    [
        ([0, 1], 'its constraint is \\[0, 1\\], expected a kind, with its bounds: .*kind = "bounded", low = 0'),
        ("bounded", 'needs its bounds: write constraint = { kind = "bounded", low = 0, high = 6.28 }'),
        ({"kind": "bounded", "low": 0}, "does not take low alone: write constraint = "),
        ({"kind": "positive", "low": 0}, 'write constraint = { kind = "positive", scale = 2 }'),
        ({"low": 0, "high": 1}, "expected a kind, with its bounds"),
    ],
)
def test_a_constraint_that_says_too_little_is_told_what_to_write(said, write):
    with pytest.raises(UsageError, match=write):
        _constraint("parameter phase", said)
