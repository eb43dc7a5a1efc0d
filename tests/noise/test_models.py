"""The contract of noise models: what every member of the registry answers, and a model that is added while Python runs."""

import ast
import json
import re
from pathlib import Path

import numpy as np
import pytest

import ideal
import ideal.cli
import ideal.datasets
from ideal.errors import DataError, UsageError
from ideal.imaging import as_noise, make_system
from ideal.information.estimation import estimate
from ideal.measurements.measurement_set import from_arrays, open_measurements, write_measurements
from ideal.noise import (
    EMCCD,
    NOISE,
    ComplexCorrelatedGaussian,
    ComplexGaussian,
    CorrelatedGaussian,
    Gaussian,
    NoiseModel,
    PhotonCounter,
    Poisson,
    PoissonGaussian,
)
from ideal.noise.members import parse_noise
from ideal.noise.photons import PhotonNoise

ROOT = Path(__file__).parents[2]
EXAMPLES = {
    "poisson": Poisson(),
    "gaussian": Gaussian(0.5),
    "poisson-gaussian": PoissonGaussian(1.6, gain=0.45, offset=100.0, quantised=True),
    "complex-gaussian": ComplexGaussian(0.5),
    "emccd": EMCCD(300.0, 45.0, gain=0.05, offset=200.0, quantised=True),
    "photon-counter": PhotonCounter(bits=8),
    "correlated-gaussian": CorrelatedGaussian(sigma=0.5, correlation=0.3),
    "complex-correlated-gaussian": ComplexCorrelatedGaussian(sigma=0.5, correlation=0.3),
}


def example(name) -> NoiseModel:
    """Return a model of the registry; one that has no example here has figures that are all 4."""
    if name in EXAMPLES:
        return EXAMPLES[name]
    kind = NOISE[name]
    return kind(**{figure.name: 4.0 for figure in kind.figures})


def means_of(model, rng, shape=(400, 4, 4)):
    if model.is_complex:
        return rng.standard_normal((shape[0], 16)) + 1j * rng.standard_normal((shape[0], 16))
    return rng.uniform(20.0, 60.0, shape)


def blocks_of_docs():
    return re.findall(r"```python\n(.*?)```", (ROOT / "docs/noise.md").read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def laplace():
    """The model that docs/noise.md adds, from the block there."""
    (block,) = [each for each in blocks_of_docs() if "class Laplace" in each]
    assert len(block.strip().splitlines()) <= 50
    scope = {"__name__": "laplace_of_docs"}
    exec(compile(block, "docs/noise.md", "exec"), scope)
    yield scope["Laplace"]
    del NOISE["laplace"]


def test_the_other_python_of_the_page_runs():
    others = [each for each in blocks_of_docs() if "class Laplace" not in each]
    assert others
    for block in others:
        exec(compile(block, "docs/noise.md", "exec"), {})


@pytest.mark.parametrize("name", list(NOISE))
def test_a_member_says_what_it_is(name):
    kind = NOISE[name]
    assert issubclass(kind, NoiseModel)
    assert kind.name == name
    assert kind.formula.startswith("Y ")
    assert kind.summary
    assert not kind.summary.endswith(".")
    assert all(figure.summary and figure.name.isidentifier() for figure in kind.figures)
    assert f"| `{name}` | {kind.summary} | {kind.formula} |" in (ROOT / "docs/noise.md").read_text(encoding="utf-8")
    assert not (kind.counts and not kind.photons)
    assert not (kind.additive and not kind.mean_independent)


@pytest.mark.parametrize("name", list(NOISE))
def test_samples_have_the_variance_that_is_stated(name):
    model, rng = example(name), np.random.default_rng(0)
    mean = means_of(model, rng, (20_000, 2, 2))
    noisy = model.sample(rng, mean)
    residual = noisy - mean
    parts = 2 if model.is_complex else 1
    stated = parts * model.variance(np.real(mean))
    fourth = model.fourth_cumulant(stated) + (2 / parts) * stated**2
    error = np.sqrt(np.mean(fourth) / residual.size)
    square = np.abs(residual) ** 2
    assert abs(np.mean(square - stated)) < 5 * error
    assert np.mean((square - stated) ** 2) == pytest.approx(np.mean(fourth), rel=0.2)
    assert np.mean(model.variance_from(noisy)) == pytest.approx(np.mean(stated), rel=0.02)
    assert abs(np.mean(residual)) < 5 * np.sqrt(np.mean(stated) / residual.size)


@pytest.mark.parametrize("name", list(NOISE))
def test_a_file_keeps_the_model(tmp_path, name):
    model, rng = example(name), np.random.default_rng(0)
    mean = means_of(model, rng)
    stored = model.stored(model.sample(rng, mean))
    write_measurements(tmp_path / "a.h5", stored.astype(model.stored_type(100.0)), noise=model, clean=mean)
    with open_measurements(tmp_path / "a.h5") as measured:
        assert type(measured.noise) is NOISE[name]
        assert measured.noise.describe() == model.describe()
        assert measured.noise_name == name
    figures = {key: value for key, value in model.attributes().items() if key != "units"}
    by_name = from_arrays(stored, noise=name, **figures)
    assert by_name.noise.describe() == from_arrays(stored, noise=model).noise.describe() == model.describe()


@pytest.mark.parametrize("name", list(NOISE))
def test_without_a_needed_figure_there_is_a_name_and_no_model(name):
    kind, model = NOISE[name], example(name)
    stored = model.stored(model.sample(np.random.default_rng(0), means_of(model, np.random.default_rng(1))))
    needed = [figure for figure in kind.figures if figure.needed]
    measured = from_arrays(stored, noise=name, **{figure.name: 1.0 for figure in kind.figures if not figure.needed})
    assert measured.noise_name == name
    assert (measured.noise is None) == bool(needed)
    if needed:
        unknown = [finding.line for finding in measured.examination.findings if finding.name == "noise-unknown"]
        assert any(needed[0].name.replace("_", " ") in line for line in unknown)
        with pytest.raises(UsageError, match=f"{name} noise needs"):
            estimate(measured)


def test_a_model_added_at_run_time_is_estimated(laplace):
    width, rng = 0.5, np.random.default_rng(0)
    noise = laplace(width)
    values = noise.sample(rng, rng.standard_normal((600, 4, 4)))
    found = estimate(from_arrays(values, noise=noise), models=["stationary"])
    assert found.noise == {"name": "laplace", "width": 0.5, "entropy_from": "figures"}
    assert found.bits_per_pixel(found.noise_entropy) == pytest.approx((1 + np.log(2 * width)) / np.log(2))
    truth_at_most = 0.5 * np.log2(2 * np.pi * np.e * (1 + 2 * width**2)) - (1 + np.log(2 * width)) / np.log(2)
    assert found.information_bits_per_pixel == pytest.approx(truth_at_most, abs=0.05)
    again = estimate(from_arrays(values, noise="laplace:width=0.5"), models=["stationary"])
    assert again.information_bits_per_pixel == found.information_bits_per_pixel


def test_a_model_added_at_run_time_on_the_command_line(ideal, laplace, tmp_path):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "a.npy", laplace(0.5).sample(rng, rng.standard_normal((300, 8, 8))))
    options = ("--model", "stationary", "--patch", "4", "--json")
    done = ideal("estimate", tmp_path / "a.npy", "--noise", "laplace:width=0.5", *options)
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["results"][0]["noise"] == {"name": "laplace", "width": 0.5, "entropy_from": "figures"}
    told = json.loads(ideal("inspect", tmp_path / "a.npy", "--noise", "laplace:width=0.5", "--json").stdout)
    assert (told["noise"], told["noise_figures"]) == ("laplace", {"width": 0.5})
    assert "laplace" in ideal("estimate", "-h").stdout
    shown = ideal("noise", "laplace").stdout
    assert "Y = X + width Laplace(0, 1)" in shown
    assert "--noise laplace:width=" in shown


def test_a_model_added_at_run_time_is_simulated(ideal, laplace, tmp_path):
    out = tmp_path / "a.h5"
    command = ("simulate", "diffraction-limited", "natural-fields", "--set", "shape=[8,8]", "-n", "20", "-o", out)
    done = ideal(*command, "--noise", "laplace:width=3")
    assert done.exit_code == 0, done.stderr
    with open_measurements(out) as measured:
        assert measured.noise == laplace(3.0)
        residual = measured.read(0, 20) - measured.read_clean(0, 20)
    assert np.abs(residual).mean() == pytest.approx(3.0, rel=0.1)


@pytest.mark.parametrize("command", ["estimate", "inspect"])
def test_figures_that_a_noise_does_not_have(ideal, command, tmp_path):
    np.save(tmp_path / "a.npy", np.random.default_rng(0).poisson(5, (50, 8, 8)))
    for text, words in (
        ("poisson:looks=2", "poisson noise has no figure 'looks'"),
        ("poisson-gaussian:read_nois=2", "did you mean read_noise?"),
        ("gaussian:sigma=much", "NAME:FIGURE=NUMBER"),
        ("gaussian:sigma=1,sigma=2", "sigma is given twice"),
        ("gaussian:sigma=-1", "sigma is -1.0"),
    ):
        done = ideal(command, tmp_path / "a.npy", "--noise", text)
        assert done.exit_code in (1, 2)
        assert words in done.stderr
    with pytest.raises(UsageError, match=r"width is a figure of no noise: name the noise|no figure"):
        from_arrays(np.ones((5, 8, 8)), width=2.0)


def test_figures_behind_the_name_are_those_of_options(ideal, tmp_path):
    np.save(tmp_path / "a.npy", np.random.default_rng(0).poisson(500, (50, 8, 8)) + 100)
    behind = ideal("inspect", tmp_path / "a.npy", "--noise", "poisson-gaussian:read-noise=1.6,gain=0.5,offset=100", "--json")
    apart = ("--noise", "poisson-gaussian", "--read-noise", "1.6", "--gain", "0.5", "--offset", "100")
    beside = ideal("inspect", tmp_path / "a.npy", *apart, "--json")
    assert json.loads(behind.stdout) == json.loads(beside.stdout)
    assert parse_noise("poisson-gaussian:read-noise=1.6, gain=0.5") == ("poisson-gaussian", {"read_noise": 1.6, "gain": 0.5})


def test_the_command_lists_and_describes(ideal):
    listed = ideal("noise")
    assert listed.exit_code == 0
    assert all(name in listed.stdout for name in NOISE)
    document = json.loads(ideal("noise", "--json").stdout)["noise"]
    assert list(document) == list(NOISE)
    one = json.loads(ideal("noise", "poisson-gaussian", "--json").stdout)
    assert one == document["poisson-gaussian"]
    assert [figure["name"] for figure in one["figures"]] == ["read_noise", "gain", "offset"]
    wrong = ideal("noise", "poison")
    assert wrong.exit_code == 2
    assert "did you mean poisson?" in wrong.stderr


def test_photons_without_a_distribution_of_means_ask_for_clean_ones():
    class Bare(PhotonNoise):
        name = "bare"

        def entropy(self, mean):
            return np.asarray(mean, float)

    counts = np.full((2, 3), 4.0)
    assert Bare().conditional_entropy(counts, counts).tolist() == [12.0, 12.0]
    with pytest.raises(UsageError, match="bare noise needs the noiseless means"):
        Bare().conditional_entropy(counts)


def test_words_become_the_noise_of_a_system():
    camera, array = make_system("lensless"), make_system("interferometer")
    assert as_noise(None, camera) is None
    assert as_noise({}, array) is None
    model = PoissonGaussian(1.6, gain=0.5, offset=100.0)
    assert as_noise(model, camera) is model
    given = as_noise("poisson-gaussian:read_noise=1.6,gain=0.5,offset=100", camera)
    assert given.attributes() == as_noise({"read_noise": 1.6, "gain": 0.5, "offset": 100.0}, camera).attributes()
    assert given.name == "poisson-gaussian"
    with pytest.raises(UsageError, match="interferometer measures complex visibilities: noise poisson does not suit"):
        as_noise("poisson", array)
    with pytest.raises(UsageError, match="lensless measures real values: noise complex-gaussian does not suit"):
        as_noise("complex-gaussian:sigma=1", camera)
    with pytest.raises(UsageError, match="poisson-gaussian noise needs `read_noise`"):
        as_noise("poisson-gaussian", camera)
    with pytest.raises(UsageError, match=r"speckle noise needs `noise=speckle:looks=\.\.\.`"):
        as_noise("speckle", camera)
    with pytest.raises(UsageError, match="`gain` is no figure of gaussian noise"):
        as_noise({"noise": "gaussian", "sigma": 1.0, "gain": 2.0}, camera)


def test_a_call_takes_noise_in_words():
    camera = make_system("lensless-lenslets", scene_shape=(20, 20), psf_shape=(5, 5), lenslets=2)
    some = {"count": 20, "photons": 50, "progress": False}
    named = ideal.simulate(camera, "beads", noise="gaussian:sigma=2", **some)
    given = ideal.simulate(camera, "beads", noise=Gaussian(2.0), **some)
    assert named.noise.describe() == given.noise.describe()
    assert np.array_equal(named.read(0, 20), given.read(0, 20))


def test_values_and_means_that_cannot_be():
    class Positive(NoiseModel):
        name, positive = "positive", True

    with pytest.raises(DataError, match="a: values with positive noise are above 0; found 0"):
        Positive().check_values(np.array([1.0, 0.0]), "a")
    with pytest.raises(DataError, match="a: a noiseless value of -1, positive noise needs means above 0"):
        Positive().check_means(np.array([1.0, -1.0]), "a")
    with pytest.raises(DataError, match=r"clean is 0 at \(1,\), expected finite means above 0"):
        Positive().conditional_entropy(np.ones(2), np.array([1.0, 0.0]))
    with pytest.raises(UsageError, match="positive noise needs the noiseless means"):
        Positive().conditional_entropy(np.ones(2))


def test_nothing_outside_the_package_compares_the_name_of_a_noise():
    names, found = set(NOISE), []
    roots = [Path(package.__file__).parent for package in (ideal, ideal.cli, ideal.datasets)]
    files = [file for root in roots for file in root.rglob("*.py") if "noise" not in file.relative_to(root).parts]
    assert len(files) > 200
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Compare) and "noise" in ast.unparse(node):
                constants = {each.value for each in ast.walk(node) if isinstance(each, ast.Constant)}
                if constants & names:
                    found.append(f"{file}:{node.lineno}: {ast.unparse(node)}")
            text = ast.unparse(node) if isinstance(node, ast.Call) else ""
            if "noise" in text and ".startswith(" in text and any(f"'{name}'" in text for name in names):
                found.append(f"{file}:{node.lineno}: {text}")
    assert found == []


@pytest.mark.parametrize(
    "camera",
    [PoissonGaussian(1.6, gain=0.5, offset=100.0), EMCCD(300.0, 40.0, gain=0.05, offset=200.0)],
    ids=lambda camera: camera.name,
)
def test_a_camera_that_is_given_as_a_model_converts_whole_numbers(camera, tmp_path):
    """Its gain and its offset were dropped in silence: the numbers passed for photoelectrons."""
    light = camera.sample(np.random.default_rng(0), np.full((200, 8, 8), 50.0))
    numbers = np.round(light / camera.gain + camera.offset).astype(np.int32)
    ideal.write_measurements(tmp_path / "written.h5", numbers, noise=camera)
    np.save(tmp_path / "plain.npy", numbers)
    for measured in (
        ideal.from_arrays(numbers, noise=camera),
        ideal.open_measurements(tmp_path / "plain.npy", noise=camera),
        ideal.open_measurements(tmp_path / "written.h5"),
    ):
        with measured:
            assert (measured.gain, measured.offset) == (camera.gain, camera.offset)
            assert measured.read(0, 200).mean() == pytest.approx(50, rel=0.02)
    floats = ideal.from_arrays(light, noise=camera)
    assert (floats.gain, floats.units) == (1, "photoelectrons")
