import importlib
import pkgutil
import tomllib
from pathlib import Path

import pytest

import ideal

SOURCES = Path(__file__).resolve().parents[1]
PLACES = {"ideal": "ideal", "ideal.cli": "cli", "ideal.datasets": "datasets"}


def modules(package):
    folder = SOURCES / PLACES[package]
    found = {package}
    for file in folder.rglob("*.py"):
        parts = file.relative_to(folder).with_suffix("").parts
        found.add(".".join((package, *(part for part in parts if part != "__init__"))))
    return found


@pytest.mark.skipif(not (SOURCES / "pyproject.toml").exists(), reason="the sources are not beside the tests")
def test_every_module_of_the_sources_is_installed():
    wanted = set().union(*map(modules, PLACES))
    names = {module.name for module in pkgutil.walk_packages(ideal.__path__, "ideal.")}
    for package in ("ideal.cli", "ideal.datasets"):  # an editable install keeps them beside `ideal`
        names |= {package} | {m.name for m in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}.")}
    assert wanted <= names | {"ideal"}


@pytest.mark.skipif(not (SOURCES / "pyproject.toml").exists(), reason="the sources are not beside the tests")
def test_every_folder_of_modules_is_named_as_a_package():
    named = tomllib.loads((SOURCES / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    folders = {
        ".".join((package, *path.parent.relative_to(SOURCES / place).parts))
        for package, place in PLACES.items()
        for path in (SOURCES / place).rglob("*.py")
    }
    assert folders <= set(named)


@pytest.mark.skipif(not (SOURCES / "pyproject.toml").exists(), reason="the sources are not beside the tests")
def test_no_module_is_left_out_of_type_checking():
    settings = tomllib.loads((SOURCES / "pyproject.toml").read_text())["tool"]["mypy"]
    assert not settings.get("overrides")
    assert not settings.get("exclude")
    texts = {path: path.read_text() for place in PLACES.values() for path in (SOURCES / place).rglob("*.py")}
    assert not [path for path, text in texts.items() if "mypy: ignore" in text]
