"""`estimate --json` of a file that is refused: a document with the error and the findings, and the exit code as without it."""

import json

import numpy as np
import pytest
from fixtures.health import photons, scenes

COUNTS = photons(scenes(60, side=16)).astype(float)


@pytest.mark.parametrize(
    ("change", "options", "code", "name"),
    [
        (lambda x: np.where(np.arange(60)[:, None, None] == 5, np.nan, x), ["--noise", "poisson"], 1, "not-finite"),
        (lambda x: np.maximum(x, 60.0), ["--noise", "gaussian", "--sigma", "5"], 2, "clipped"),
    ],
)
def test_a_refusal_is_a_document(tmp_path, ideal, change, options, code, name):
    np.save(tmp_path / "a.npy", change(COUNTS))
    done = ideal("estimate", tmp_path / "a.npy", *options, "--json")
    assert done.exit_code == code, done.stderr
    document = json.loads(done.stdout)
    assert document["results"] == []
    assert document["errors"][0] in done.stderr.replace("\n", " ")
    found = {each["name"]: each for each in document["refused"]["findings"]}
    assert found[name]["severity"] == "void"
    assert found[name]["effect"]
    assert found[name]["remedy"]
