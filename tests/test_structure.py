"""The house: which modules may know of which, read from their imports wherever they stand (those for type checkers apart)."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

SOURCES = Path(__file__).resolve().parents[1]
PLACES = {"ideal": "ideal", "ideal.cli": "cli", "ideal.datasets": "datasets"}

pytestmark = pytest.mark.skipif(not (SOURCES / "pyproject.toml").exists(), reason="the sources are not beside the tests")


class Imports(ast.NodeVisitor):
    """Names of what a module imports."""

    def __init__(self):
        self.names = set()

    def visit_If(self, node):
        if "TYPE_CHECKING" not in ast.dump(node.test):
            self.generic_visit(node)

    def visit_Import(self, node):
        self.names |= {each.name for each in node.names}

    def visit_ImportFrom(self, node):
        self.names |= {f"{node.module}.{each.name}" for each in node.names} | {node.module}


@pytest.fixture(scope="module")
def arrows():
    files = {}
    for package, place in PLACES.items():
        for file in (SOURCES / place).rglob("*.py"):
            parts = file.relative_to(SOURCES / place).with_suffix("").parts
            files[".".join((package, *parts)).removesuffix(".__init__")] = file
    found = {}
    for name, file in files.items():
        imports = Imports()
        imports.visit(ast.parse(file.read_text(encoding="utf-8")))
        # `from ideal.noise import contract` needs the module and not the package, which loads its members when asked.
        exact = {each for each in imports.names if each in files}
        packages = {each for each in exact if files[each].name == "__init__.py" and any(x.startswith(f"{each}.") for x in exact)}
        found[name] = exact - packages - {name}
    return found


def test_there_are_no_circles(arrows):
    assert len(arrows) > 300
    tuple(TopologicalSorter(arrows).static_order())  # CycleError names a circle


def test_the_library_knows_nothing_of_the_command_line(arrows):
    from_library = {name for name in arrows if not name.startswith("ideal.cli")}
    assert {name for name in from_library if any(each.startswith("ideal.cli") for each in arrows[name])} <= {"ideal.__main__"}


def test_the_command_line_computes_nothing(arrows):
    for file in (SOURCES / "cli").rglob("*.py"):
        imports = Imports()
        imports.visit(ast.parse(file.read_text(encoding="utf-8")))
        assert not {each.split(".")[0] for each in imports.names if each} & {"numpy", "matplotlib", "jax", "scipy", "h5py"}, file
