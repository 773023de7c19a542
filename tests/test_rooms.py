"""The rooms of the house: who may import whom, and that planning binds no backend."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
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
ROOMS = (
    *(
        "version",
        "signals",
        "errors",
        "denormals",
        "lock",
        "archives",
        "frames",
        "vocabulary",
        "data",
        "registry",
        "execution",
        "layers",
    ),
    *("recurrent", "models", "decoding", "padding", "padded_batches", "saving", "pretrained", "tasks", "copies"),
    *("training", "create", "equality", "convert", "zoo"),
    *("problems", "own", "onnx", "drawings", "measuring", "statistics", "charts", "report"),
    *("comparison", "forecasts", "bench", "cli", "benchmarks"),
)
"""Every room, a file or a folder of zoo/ or all of benchmarks/: it may import those before it, none behind it."""
TABLES_ONLY = ("statistics", "charts", "report")
"""Rooms that work on tables alone."""
OF_MEASURING = ("rows", "enough")
"""What those know of the room that measures: the columns, and how many repeats are enough."""


def module_of(path: Path) -> str:
    """The dotted name of a file."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_of(path): path for path in SOURCES}


def nearest_module(name: str) -> str:
    """The file of the project that an imported name stands in; empty of another project's."""
    while name and name not in MODULES:
        name = name.rpartition(".")[0]
    return name


@cache
def imported(path: Path) -> set[str]:
    """Files of the project that a file imports, at its top or inside a function, but for type checking."""
    tree = ast.parse(path.read_text())
    tree.body = [
        node for node in tree.body if not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test))
    ]
    result = set()
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        result.update(map(nearest_module, names))
    return result - {"", module_of(path)}


def room_of(module: str) -> str:
    """The room that a file stands in."""
    first, *rest = module.split(".")
    return rest[0] if first == "zoo" and rest else first


PLANS_AND_DRAWS = """
import zoo, zoo.cli
from benchmarks import profiles; from zoo.bench import plan
plan.timed_cases(profiles.get_profile('full'), plan.Selection())
import rnn_zoo_pytest, zoo.bench.plugin, zoo.bench.own
import zoo.statistics.tables, zoo.charts.gallery, benchmarks.__main__
"""


def test_planning_and_drawing_import_no_keras_and_no_backend() -> None:
    subprocess.run([sys.executable, "-c", BLOCK + PLANS_AND_DRAWS], check=True, cwd=ROOT)


def tell(words: tuple[str, ...]) -> None:
    """Run a command of the zoo where nothing heavy can be imported."""
    start = f"{BLOCK}from zoo.cli import main; sys.argv = ['zoo', *{words}]; main()"
    subprocess.run([sys.executable, "-c", start], check=True, cwd=ROOT, capture_output=True)


@pytest.mark.parametrize("words", [("list", "*lstm*"), ("tasks",), ("show", "lstm"), ("catalogue",)], ids=" ".join)
def test_what_is_listed_and_shown_needs_no_keras(words: tuple[str, ...]) -> None:
    tell(words)


@pytest.mark.slow
def test_what_is_listed_and_shown_takes_no_second() -> None:
    before = seconds_of_children()
    tell(("list", "*lstm*"))
    assert seconds_of_children() - before < 1


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_a_file_imports_only_rooms_before_its_own(path: Path) -> None:
    room = room_of(module_of(path))
    behind = {module for module in imported(path) if ROOMS.index(room_of(module)) > ROOMS.index(room)}
    assert not behind


def test_no_file_reaches_itself_through_what_it_imports() -> None:
    TopologicalSorter({module: imported(path) for module, path in MODULES.items()}).prepare()


@pytest.mark.parametrize("path", [p for p in SOURCES if room_of(module_of(p)) in TABLES_ONLY], ids=module_of)
def test_what_works_on_tables_knows_no_models(path: Path) -> None:
    allowed = (*TABLES_ONLY, "errors", "archives", "execution", "drawings")
    foreign = {module for module in imported(path) if room_of(module) not in allowed}
    assert foreign <= {f"zoo.measuring.{name}" for name in OF_MEASURING}


def test_files_stay_short_enough_to_be_seen_whole() -> None:
    long = {
        str(path.relative_to(ROOT)): count for path in SOURCES if (count := len(path.read_text().splitlines())) > 300
    }
    assert not long
