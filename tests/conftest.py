"""Fixtures that several test files share; the helper modules beside this file can be imported by name."""

import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parent))

from fixtures.cli import write_data

from ideal.cli.__main__ import app

# Lines of progress depend on how long something takes; tests of what commands say have none.
os.environ.setdefault("IDEAL_PROGRESS_SECONDS", "0")

# Programs that XLA compiles are kept while the tests run, for all processes, commands that tests start among them: the same ones
# come again and again. The first process that reads this file makes the folder, its workers find it in their environment.
_CACHE = "JAX_COMPILATION_CACHE_DIR"
_OWN_CACHE = None if _CACHE in os.environ else tempfile.mkdtemp(prefix="ideal-tests-compiled-")
if _OWN_CACHE:
    os.environ[_CACHE] = _OWN_CACHE
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.05")


def pytest_unconfigure():
    """Remove what was compiled, in the process that made the folder."""
    if _OWN_CACHE:
        shutil.rmtree(_OWN_CACHE, ignore_errors=True)


# Jobs that a script puts in the background ignore Ctrl-C, and so would the commands that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """Folder of measurement files for the command line."""
    folder = tmp_path_factory.mktemp("cli")
    write_data(folder)
    return folder


@pytest.fixture(scope="module")
def hasty_compiler():
    """Have XLA compile with few optimisations, in half the time, and keep each program: most run but a few times."""
    import jax
    from jax.experimental.compilation_cache.compilation_cache import reset_cache

    settings = {
        "jax_disable_most_optimizations": (True, False),
        "jax_persistent_cache_min_compile_time_secs": (0.0, jax.config.jax_persistent_cache_min_compile_time_secs),
    }
    for number in (0, 1):
        for name, values in settings.items():
            jax.config.update(name, values[number])
        reset_cache()
        if number == 0:
            yield


@pytest.fixture
def ideal(data, monkeypatch):
    """Run a command in the folder of measurement files."""
    monkeypatch.chdir(data)

    def run(*arguments):
        return CliRunner().invoke(app, [str(each) for each in arguments], prog_name="ideal")

    return run


@pytest.fixture
def double_precision():
    """Have JAX compute in float64 throughout a test."""
    import jax

    with jax.enable_x64(True):
        yield


@pytest.fixture
def report(ideal, tmp_path):
    """Write a page of runs by `ideal report` and read it."""
    from fixtures.report import read_page

    return lambda *runs, out="page.html": read_page(ideal, tmp_path / out, *runs)


@pytest.fixture
def runs(tmp_path):
    """Write runs of every kind for `ideal report`."""
    from fixtures.report import write_runs

    return write_runs(tmp_path / "runs")
