"""The page of formats names every one that is registered."""

from pathlib import Path

import pytest

from ideal.formats import FORMATS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "files.md"


@pytest.mark.skipif(not PAGE.exists(), reason="the documents are not beside the tests")
@pytest.mark.parametrize("name", [name for name in FORMATS if FORMATS[name].__module__.startswith("ideal.")])
def test_every_format_stands_on_its_page(name):
    words = PAGE.read_text(encoding="utf-8").lower()
    known = {"frames": "several files as one set", "kspace": "ismrmrd", "raw": "camera raw"}
    assert known.get(name, name) in words
    if name == "raw":
        assert all(suffix[1:] in words for suffix in FORMATS[name].suffixes)
