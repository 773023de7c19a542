"""The rooms of the house: who may import whom, and that planning binds no backend."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processor import seconds_of_children

ROOT = Path(__file__).parent.parent
SOURCES = sorted([*ROOT.glob("zoo/**/*.py"), *ROOT.glob("benchmarks/**/*.py")])
HEAVY = ("keras", "tensorflow", "jax", "torch", "sklearn")
BLOCK = f"""
import sys
class Blocked:
    def find_spec(name, path=None, target=None):
        if name.split(".")[0] in {HEAVY}:
            raise ModuleNotFoundError(f"{{name}} is blocked")
sys.meta_path.insert(0, Blocked)
"""
TABLES_ONLY = (
    *("results", "folders", "summary", "sentence", "figures", "labels", "charts", "largest_steps"),
    *("growth", "break_even", "coverage", "texts", "report", "report_growth", "terminal", "page", "book", "__main__"),
)
"""Files of benchmarks/ that work on tables alone: of zoo/ they know its errors and how a picture is saved."""
DRAWING = ("drawings", "drawings.save")


def imported(path: Path) -> set[str]:
    """Modules that a file imports, apart from those it imports for type checking."""
    tree = ast.parse(path.read_text())
    tree.body = [
        node for node in tree.body if not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test))
    ]
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.update({node.module, *(f"{node.module}.{alias.name}" for alias in node.names)})
    return found


@pytest.mark.parametrize(
    "statement",
    [
        "import zoo, zoo.cli",
        "from benchmarks import cases, profiles; cases.timed_cases(profiles.get_profile('full'), cases.Selection())",
        "import rnn_zoo_pytest, benchmarks.plugin",
        "import benchmarks.results, benchmarks.charts, benchmarks.__main__",
    ],
)
def test_planning_and_drawing_import_no_keras_and_no_backend(statement: str) -> None:
    subprocess.run([sys.executable, "-c", BLOCK + statement], check=True, cwd=ROOT)


@pytest.mark.parametrize("words", [("list", "*lstm*"), ("tasks",), ("show", "lstm"), ("catalogue",)], ids=" ".join)
def test_what_is_listed_and_shown_needs_no_keras_and_no_second(words: tuple[str, ...]) -> None:
    start = f"{BLOCK}from zoo.cli import main; sys.argv = ['zoo', *{words}]; main()"
    before = seconds_of_children()
    subprocess.run([sys.executable, "-c", start], check=True, cwd=ROOT, capture_output=True)
    assert seconds_of_children() - before < 1


@pytest.mark.parametrize("path", [p for p in SOURCES if p.is_relative_to(ROOT / "zoo")], ids=lambda p: p.name)
def test_the_zoo_knows_nothing_of_the_benchmarks(path: Path) -> None:
    assert not any(module.split(".")[0] == "benchmarks" for module in imported(path))


@pytest.mark.parametrize("name", TABLES_ONLY)
def test_what_works_on_tables_knows_no_models(name: str) -> None:
    path = ROOT / "benchmarks" / f"{name}.py"
    known = {module for module in imported(path) if module.split(".")[0] == "zoo"}
    assert known <= {f"zoo.{name}" for name in ("registry", "registry.ZooError", "command", "command.run", *DRAWING)}
    assert not {"benchmarks.cases", "benchmarks.launcher", "benchmarks.measure"} & imported(path)


LAYERS = {"registry": 0, "execution": 1, "layers": 2, "weights": 2, "recurrent": 3, "models": 4, "tasks": 4}


@pytest.mark.parametrize("room", LAYERS)
def test_imports_inside_the_zoo_go_one_way(room: str) -> None:
    folder = ROOT / "zoo" / room
    for path in sorted(folder.glob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]:
        for module in imported(path):
            parts = module.split(".")
            if parts[0] == "zoo" and len(parts) > 1 and parts[1] in LAYERS and parts[1] != room:
                assert LAYERS[parts[1]] < LAYERS[room], f"{path.name} imports {module}"


def test_files_stay_short_enough_to_be_seen_whole() -> None:
    long = {
        str(path.relative_to(ROOT)): count for path in SOURCES if (count := len(path.read_text().splitlines())) > 300
    }
    assert not long
