"""Models that are kept and scored again: never on what they were fitted to."""

import shutil

import h5py
import numpy as np
import pytest
from fixtures.cli import FAST, POISSON, document, information

from ideal.density import DEFAULT, MODELS, load
from ideal.density._contract import read_origin

STATIONARY = ("--model", "stationary", "--patch", "8")


def test_the_command_lists_and_describes(ideal):
    listed = ideal("models")
    assert listed.exit_code == 0
    assert all(name in listed.stdout for name in MODELS)
    found = document(ideal("models", "--json"))["models"]
    assert list(found) == list(MODELS)
    assert [name for name, each in found.items() if each["by_default"]] == list(DEFAULT)
    assert all(each["summary"] and each["measurements"] for each in found.values())
    assert "complex vectors" in found["full"]["measurements"]
    assert found["negative-binomial"]["measurements"] == ["images of counts", "several channels"]
    assert document(ideal("models", "full", "--json")) == found["full"]
    assert "trained step by step" in ideal("models", "pixel-cnn").stdout
    wrong = ideal("models", "ful")
    assert wrong.exit_code == 2
    assert "did you mean full?" in wrong.stderr


@pytest.fixture
def kept(ideal, tmp_path):
    """Return a model of a.h5, and the document of its fit."""
    target = tmp_path / "a-model.h5"
    found = document(ideal("estimate", "a.h5", *STATIONARY, "--save-model", target, "--json"))
    return target, found


def test_the_model_is_kept_with_what_it_was_fitted_to(ideal, kept, tmp_path):
    target, _ = kept
    assert load(target).shape == (8, 8)
    origin = read_origin(target)
    assert origin["measurements"].startswith("sha256:")
    expected = {"seed": 0, "patch": [8, 8], "period": None, "max_patches": 20_000, "fold": 0, "chosen": True}
    assert {key: origin[key] for key in expected} == expected
    assert (origin["path"], origin["noise"], origin["units"]) == ("a.h5", "poisson", "photoelectrons")
    assert [item.name for item in tmp_path.iterdir()] == ["a-model.h5"]


def test_the_same_measurements_are_scored_where_the_model_was_not_fitted(ideal, kept, data, tmp_path):
    """With 70 sources one fold is scored, by the fit and again by the model alone: the numbers are the same."""
    target, fitted = kept
    shutil.copy(data / "a.h5", tmp_path / "other-name.h5")
    for name in ("a.h5", tmp_path / "other-name.h5"):
        again = document(ideal("estimate", name, "--patch", "8", "--load-model", target, "--json"))["results"][0]
        first = fitted["results"][0]
        assert again["model"] == "stationary:a-model"
        assert again["information_bits_per_pixel"] == pytest.approx(first["information_bits_per_pixel"], abs=1e-12)
        assert (again["n_train"], again["n_test"], again["n_groups"]) == (first["n_train"], first["n_test"], first["n_groups"])
        assert not any("may be low" in text for text in again["warnings"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--seed", "1"), "another --seed: it can be scored on the rest only with the same (--seed 0)"),
        (("--max-patches", "100"), "another --max-patches: it can be scored on the rest only with the same (--max-patches 20"),
        (("--groups", "5"), "another --groups"),
        (("--period", "2"), "another --period"),
    ],
)
def test_another_split_of_the_same_measurements_is_refused(ideal, kept, options, words):
    result = ideal("estimate", "a.h5", "--patch", "8", "--load-model", kept[0], *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("ideal: error: a.h5: the model stationary:a-model was fitted to a part of these measurements")
    assert result.stderr.count("\n") == 1
    assert words in result.stderr


def test_samples_added_to_the_same_measurements_do_not_hide_them(ideal, kept, data, tmp_path):
    with h5py.File(data / "a.h5") as file:
        counts = file["measurements"][...]
    np.save(tmp_path / "longer.npy", np.concatenate([counts, counts[::-1]]).astype(float))
    result = ideal("estimate", tmp_path / "longer.npy", "--noise", "poisson", "--patch", "8", "--load-model", kept[0])
    assert result.exit_code == 2
    assert "another --groups" in result.stderr


def test_other_measurements_are_scored_in_full(ideal, kept, data):
    result = ideal("estimate", "b.h5", "--patch", "8", "--load-model", kept[0], "--json")
    (found,) = document(result)["results"]
    assert (found["n_train"], found["n_validation"], found["n_test"], found["n_groups"]) == (0, 0, 280, 70)
    assert "stationary:a-model was fitted to a.h5: if both show the same sources, the bound may be low" in result.stderr
    (own,) = information(ideal("estimate", "b.h5", *STATIONARY, "--json"))
    assert found["information_bits_per_pixel"] > own  # a model of other light is loose
    shown = ideal("estimate", "b.h5", "--patch", "8", "--load-model", kept[0]).stdout
    assert "280 patches scored, 70 sources" in shown


def test_loaded_models_stand_beside_fitted_ones(ideal, kept):
    found = document(ideal("estimate", "b.h5", *FAST, "--load-model", kept[0], "--json"))["results"][0]
    assert list(found["models"]) == ["stationary", "stationary:a-model"]
    assert found["model"] == "stationary"
    assert found["n_train"] > 0


def test_among_several_loaded_models_validation_chooses(ideal, kept, tmp_path):
    other = tmp_path / "b-model.h5"
    assert ideal("estimate", "b.h5", *STATIONARY, "--save-model", other).exit_code == 0
    models = ("--load-model", kept[0], "--load-model", other)
    found = document(ideal("estimate", "c.h5", "--patch", "8", *models, "--json"))["results"][0]
    assert list(found["models"]) == ["stationary:a-model", "stationary:b-model"]
    assert (found["n_train"], found["n_validation"] + found["n_test"]) == (0, 280)
    assert found["n_validation"] == 56
    assert found["model"] == "stationary:b-model"  # whose light is nearer
    at_home = document(ideal("estimate", "b.h5", "--patch", "8", *models, "--json"))["results"][0]
    assert at_home["n_test"] == 56


def test_few_sources_are_scored_in_the_first_fold_alone(ideal, tmp_path):
    target = tmp_path / "model.h5"
    command = ("estimate", "a.h5", "--groups", "5", "--patch", "8")
    fitted = document(ideal(*command, "--model", "stationary", "--save-model", target, "--json"))["results"][0]
    found = document(ideal(*command, "--load-model", target, "--json"))["results"][0]
    assert (fitted["n_folds"], fitted["n_groups"]) == (5, 14)
    assert (found["n_folds"], found["n_groups"]) == (1, 3)


def test_run_folders_keep_models_that_can_be_scored(ideal, tmp_path):
    folder = tmp_path / "run"
    first = document(ideal("estimate", "a.h5", *FAST, "--out", folder, "--json"))
    again = information(ideal("estimate", "a.h5", "--patch", "8", "--load-model", folder / "models/0/stationary.h5", "--json"))
    assert again == pytest.approx([first["results"][0]["information_bits_per_pixel"]])


def test_a_resumed_run_still_keeps_its_model(ideal, tmp_path, monkeypatch):
    folder, target = tmp_path / "run", tmp_path / "model.h5"
    command = ("estimate", "a.h5", *FAST, "--out", folder)
    monkeypatch.setattr("ideal.runs.folder.RunFolder.finish", lambda *args: None)
    assert ideal(*command).exit_code == 0
    assert ideal(*command, "--save-model", target).exit_code == 0
    assert load(target).name == "stationary"


WRONG = [
    ("b.h5 --load-model nothing.h5", 1, "nothing.h5: no such file"),
    ("b.h5 --load-model full", 1, "full: is a folder"),
    ("b.h5 --load-model a.h5", 1, "a.h5 is not a model file"),
    ("b.h5 --load-model text.h5", 1, "text.h5 cannot be read as a model file"),
    ("b.h5 --load-model {model} --load-model {model}", 2, "is named twice"),
    ("b.h5 --load-model {model} --patch 4", 2, "knows measurements of 8x8, these are 4x4: name its size (--patch 8x8)"),
    ("color8.npy --noise poisson --load-model {model} --patch 8", 2, "knows measurements of 8x8, these are 8x8x3"),
    ("visibilities.npy --noise complex-gaussian --sigma 3 --load-model {model}", 2, "is not for complex vectors"),
    ("vectors.npy --noise poisson --load-model {model}", 2, "is not for vectors under poisson noise"),
    ("b.h5 --load-model {model} --save-model new.h5", 2, "--save-model keeps a model that is fitted here"),
    ("a.h5 b.h5 --save-model new.h5", 2, "of one measurement file; found 2"),
    ("a.h5 --save-model a.h5 --force", 2, "would overwrite a.h5, which is read"),
    ("a.h5 --save-model new.npy", 2, "the name must end in .h5"),
    ("a.h5 --save-model nowhere/new.h5", 2, "cannot be written (No such file or directory)"),
    ("a.h5 --save-model {model}", 2, "exists: choose another name, or overwrite it with --force"),
]


@pytest.mark.parametrize(("line", "code", "words"), WRONG, ids=[line for line, _, _ in WRONG])
def test_what_goes_wrong_with_models_takes_one_line(ideal, kept, line, code, words):
    before = kept[0].read_bytes()
    result = ideal("estimate", *line.format(model=kept[0]).split())
    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr.startswith("ideal: error: ")
    assert result.stderr.count("\n") == 1
    assert words in result.stderr
    assert kept[0].read_bytes() == before


def test_a_model_that_does_not_say_what_it_saw_is_not_scored(ideal, kept):
    with h5py.File(kept[0], "a") as file:
        del file.attrs["origin"]  # as in files written before it was kept
    result = ideal("estimate", "b.h5", "--patch", "8", "--load-model", kept[0])
    assert result.exit_code == 1
    assert "does not say what the model was fitted to" in result.stderr
    assert ideal("sample", kept[0]).exit_code == 0


def test_steps_of_values_have_to_agree(ideal, tmp_path):
    """A mixture trained on counts gives the mass of a whole number, which is no density of a camera's levels."""
    target, few = tmp_path / "trained.h5", ("--patch", "8")
    trained = ("--model", "causal-mixture", "--effort", "0.01")
    first = ideal("estimate", "counts.npy", *POISSON[:2], *few, *trained, "--save-model", target, "--json")
    camera = ("--noise", "poisson-gaussian", "--gain", ".45", "--offset", "100", "--read-noise", "1.6")
    result = ideal("estimate", "camera.npy", *camera, *few, "--load-model", target)
    assert result.exit_code == 2
    assert "was fitted to values in steps of 1, these are values in steps of 0.45" in result.stderr
    again = ideal("estimate", "counts.npy", *POISSON[:2], *few, "--load-model", target, "--json")
    expected, found = (document(each)["results"][0]["interval"] for each in (first, again))
    assert found == pytest.approx(expected)
