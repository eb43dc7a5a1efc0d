"""`ideal sample`: measurements drawn from a model that was kept."""

import re

import numpy as np
import pytest
from fixtures.cli import document

from ideal.measurements.measurement_set import open_measurements

FITS = {
    "stationary": ("a.h5", "--model", "stationary", "--patch", "8"),
    "trained": ("a.h5", "--model", "causal-mixture", "--effort", "0.01", "--patch", "8", "--max-patches", "100"),
    "color": ("color8.npy", "--noise", "poisson", "--model", "full", "--patch", "4"),
    "vectors": ("vectors.npy", "--noise", "poisson", "--model", "full"),
    "visibilities": ("visibilities.npy", "--noise", "complex-gaussian", "--sigma", "3"),
}
SHAPES = {"stationary": [8, 8], "trained": [8, 8], "color": [4, 4, 3], "vectors": [16], "visibilities": [12]}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


@pytest.fixture
def model(ideal, models):
    def get(name):
        path = models / f"{name}.h5"
        if not path.exists():
            assert ideal("estimate", *FITS[name], "--save-model", path).exit_code == 0
        return path

    return get


@pytest.mark.slow
@pytest.mark.parametrize("name", FITS)
def test_drawn_measurements(ideal, model, tmp_path, name):
    plot, out = tmp_path / "drawn.png", tmp_path / "drawn.npy"
    found = document(ideal("sample", model(name), "-n", "6", "--seed", "1", "--plot", plot, "--out", out, "--json"))
    drawn = np.load(out)
    assert found["shape"] == list(drawn.shape) == [6, *SHAPES[name]]
    assert found["standard_deviation"] == pytest.approx(drawn.std())
    assert found["fitted_to"] == FITS[name][0]
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert sorted(item.name for item in tmp_path.iterdir()) == ["drawn.npy", "drawn.png"]
    again, other = (ideal("sample", model(name), "-n", "6", "--seed", seed).stdout for seed in (1, 2))
    assert again != other
    assert re.search(r": 6 x|\n6 x [^\n]* drawn: mean [^\n]* s\.d\. ", again)


def test_drawn_measurements_are_like_those_fitted(ideal, model, data):
    found = document(ideal("sample", model("stationary"), "-n", "2000", "--json"))
    counts = open_measurements(data / "a.h5").read(0, 70)
    assert found["mean"] == pytest.approx(counts.mean(), rel=0.05)
    assert found["standard_deviation"] == pytest.approx(counts.std(), rel=0.1)
    assert found["units"] == "photoelectrons"


def test_drawn_counts_are_a_measurement_file(ideal, model, tmp_path):
    target = tmp_path / "drawn.h5"
    assert ideal("sample", model("trained"), "-n", "5", "--out", target).exit_code == 0
    with open_measurements(target) as drawn:
        assert (drawn.shape, drawn.noise_name, drawn.units) == ((5, 8, 8), "poisson", "photoelectrons")
    again = ideal("sample", model("trained"), "--out", target)
    assert again.exit_code == 2
    assert "exists: choose another name, or overwrite it with --force" in again.stderr
    assert ideal("sample", model("trained"), "-n", "4", "--out", target, "--force").exit_code == 0


@pytest.mark.parametrize("name", ["stationary", "trained"])
def test_models_of_textures_draw_any_size(ideal, model, name):
    assert document(ideal("sample", model(name), "-n", "2", "--size", "12x20", "--json"))["shape"] == [2, 12, 20]


@pytest.mark.parametrize("name", ["color", "vectors", "visibilities"])
def test_models_of_places_draw_their_own_size_only(ideal, model, name):
    result = ideal("sample", model(name), "--size", "12x20")
    assert (result.exit_code, result.stdout) == (2, "")
    assert re.fullmatch(r"ideal: error: [^\n]* draws measurements of (4x4|16|12) only: leave out --size\n", result.stderr)


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("nothing.h5", 1, "nothing.h5: no such file"),
        ("a.h5", 1, "a.h5 is not a model file"),
        ("text.h5", 1, "text.h5 cannot be read as a model file"),
        ("{model} -n 0", 2, "-n"),
        ("{model} --size 0x3", 2, "--size takes a side in pixels"),
        ("{model} --out drawn.tif", 2, "--out drawn.tif: the name must end in .npy or .h5"),
        ("{model} --plot drawn.jpg", 2, "must end in .png, .svg or .pdf"),
        ("", 2, "Missing argument"),
    ],
)
def test_what_goes_wrong_with_drawing_takes_one_line(ideal, model, line, code, words):
    result = ideal("sample", *line.format(model=model("stationary")).split())
    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr.count("\n") == 1
    assert words in result.stderr


@pytest.mark.parametrize(("count", "shape"), [(1, (1, 1)), (4, (2, 2)), (16, (4, 4)), (12, (4, 3)), (7, (3, 3))])
def test_pictures_lie_in_a_grid_that_is_nearly_square(count, shape):
    from ideal.plots.samples import _grid

    rows, columns = _grid(count, 1.0)
    assert rows * columns >= count
    assert sorted((rows, columns)) == sorted(shape) or abs(rows - columns) <= 1


@pytest.mark.parametrize("shape", [(6, 8, 8), (6, 8, 8, 1), (6, 8, 8, 3), (6, 8, 8, 4), (1, 30, 4), (100, 2, 2)])
def test_every_picture_is_drawn_in_one_scale(tmp_path, monkeypatch, shape):
    from ideal.plots import samples

    drawn = []
    monkeypatch.setattr(samples, "save_figure", lambda figure, target: drawn.append(figure))
    samples.draw_samples(np.random.default_rng(0).standard_normal(shape), "photoelectrons", "x.png")
    (figure,) = drawn
    *pictures, bar = figure.axes
    assert len(pictures) == min(shape[0], 64)
    assert "photoelectrons" in bar.get_ylabel()
    assert all(0 <= edge <= 1 for axis in figure.axes for edge in axis.get_position().extents)
    limits = {axis.images[0].get_clim() for axis in pictures if axis.images[0].get_array().ndim == 2}
    assert len(limits) <= 1
