"""Examples in docstrings run, and show what they say."""

import doctest
from importlib import import_module

import pytest

MODULES = (
    "ideal.attribution.call",
    "ideal.attribution.games.closed_forms",
    "ideal.attribution.games.functions",
    "ideal.attribution.indices",
    "ideal.decoders.call",
    "ideal.information.estimation",
    "ideal.information.quantity",
    "ideal.information.ranking",
    "ideal.progress",
    "ideal.registry",
)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    failed, tried = doctest.testmod(import_module(name))
    assert tried > 0
    assert failed == 0
