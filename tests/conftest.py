"""Fixtures that several test files share; the helper modules beside this file can be imported by name."""

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parent))

from cli_world import write_data

from ideal.cli.__main__ import app


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """Folder of measurement files for the command line."""
    folder = tmp_path_factory.mktemp("cli")
    write_data(folder)
    return folder


@pytest.fixture
def ideal(data, monkeypatch):
    """Run a command in the folder of measurement files."""
    monkeypatch.chdir(data)

    def run(*arguments):
        return CliRunner().invoke(app, [str(each) for each in arguments], prog_name="ideal")

    return run
