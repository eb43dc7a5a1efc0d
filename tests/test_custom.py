"""A user's own encoder by module:function in a configuration."""

from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from matplotlib.figure import Figure

from ideal.errors import UsageError
from ideal.imaging import Bounded, UnitSum
from ideal.imaging.configuration import find_design, save_design, system_from_table
from ideal.imaging.custom import load_function

HERE = Path(__file__).parent
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
        ({"parameters": {"phase": {"valu": 1.0}}}, "parameter phase needs a value"),
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
