"""`ideal inspect`."""

import pytest
from fixtures.cli import document


@pytest.mark.parametrize("name", ["a.h5", "nan.npy", "constant.npy", "visibilities.npy", "saturated.npy", "pixel-sigma.h5"])
def test_inspect(ideal, name):
    shown = ideal("inspect", name)
    assert shown.exit_code == 0
    assert name in shown.stdout
    facts = ideal("inspect", name, "--json")
    warnings = document(facts)["warnings"]
    assert facts.stderr == shown.stderr == "".join(f"ideal: warning: {text}\n" for text in warnings)


def test_inspect_names_what_looks_wrong(ideal):
    assert "1 values are NaN or infinite" in ideal("inspect", "nan.npy").stderr
    assert "constant: every value is 7" in ideal("inspect", "constant.npy").stderr
    assert document(ideal("inspect", "pixel-sigma.h5", "--json"))["sigma"] == "array of shape (16, 16)"
