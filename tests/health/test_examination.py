"""The driver of the checks, and what it hands on: summary, findings, JSON, documentation."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from fixtures.health import photons, scenes

import ideal
from ideal.errors import UsageError
from ideal.health import NAMES, Finding, refuse_void

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "health.md"


def test_a_finding_has_a_known_name_and_severity_and_survives_its_record():
    one = Finding("clipped", "void", "a tenth is at the ceiling", "the bound may be false", "--allow-clipped", {"share": 0.1})
    assert Finding.from_record(json.loads(json.dumps(one.to_record()))) == one
    assert one.line == "a tenth is at the ceiling; the bound may be false: --allow-clipped"
    with pytest.raises(ValueError, match="no finding is called"):
        Finding("cliped", "void", "")
    with pytest.raises(ValueError, match="severity"):
        Finding("clipped", "bad", "")


def test_void_findings_are_refused_unless_allowed():
    one = Finding("clipped", "void", "a tenth is at the ceiling")
    with pytest.raises(UsageError, match=r"a\.h5: a tenth"):
        refuse_void([one], "a.h5")
    refuse_void([one], "a.h5", ["clipped"])
    refuse_void([Finding("clipped", "biased", "a few")], "a.h5")


@pytest.mark.skipif(not DOCUMENT.exists(), reason="the documentation is not beside the tests")
def test_every_name_is_documented_with_its_meaning():
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| [a-z, ]+ \| (.+) \|$", DOCUMENT.read_text(), re.M))
    assert rows == dict(NAMES)


@pytest.mark.skipif(not DOCUMENT.exists(), reason="the documentation is not beside the tests")
def test_the_example_of_the_documentation_runs(capsys):
    (code,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.S)
    exec(code, {})
    assert "blank-frames: 50 of 200 frames hold nothing" in capsys.readouterr().out


def test_findings_stand_in_estimate_state_and_json():
    values = photons(scenes(70, side=16))
    values[60:] = 0
    estimate = ideal.estimate(ideal.from_arrays(values, noise="poisson"), models=["stationary"], patch=8)
    names = [each["name"] for each in estimate.to_dict()["findings"]]
    assert "blank-frames" in names
    assert names == [each.name for each in type(estimate).from_record(json.loads(json.dumps(estimate.to_record()))).findings]
    order = [
        ["void", "biased", "note"].index(each.severity)
        for each in ideal.from_arrays(values, noise="poisson").examination.findings
    ]
    assert order == sorted(order)


def test_checks_see_finite_samples_and_frames_of_one_value_only_where_they_ask_for_them():
    values = photons(scenes(30, side=16)).astype(float)
    values[3, 2, 1] = np.nan
    values[7] = 0
    seen = ideal.from_arrays(values, noise="gaussian", sigma=10.0).examination
    assert {"not-finite", "blank-frames"} <= {each.name for each in seen.findings}
    assert seen.summary["n_nan"] == 1
