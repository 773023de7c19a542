"""The options of `pytest --benchmark` and the mistakes that can be made with them, in the process of the tests."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import NamedTuple

import pytest

import rnn_zoo_pytest
import zoo.execution
from benchmarks.profiles import PROFILES
from tests.test_rooms import BLOCK, ROOT


class Ended(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def run_here(monkeypatch, capsys) -> Callable[..., Ended]:
    """Runs pytest within this process: quick, but for what starts no other process."""

    def call(*arguments: str) -> Ended:
        monkeypatch.chdir(ROOT)
        # Not as a worker, if these tests run in several processes; and the settings of the tests' own pytest stay.
        for name in [name for name in os.environ if name.startswith("PYTEST_XDIST")]:
            monkeypatch.delenv(name)
        capsys.readouterr()
        code = pytest.main(["-s", "-p", "no:cacheprovider", "-p", "no:faulthandler", "-p", "no:xdist", *arguments])
        return Ended(int(code), *capsys.readouterr())

    return call


def test_without_the_flag_only_tests_are_collected_and_with_it_only_benchmarks(run_here) -> None:
    tests = run_here("--collect-only", "-q", "tests/test_cases.py", "zoo/bench")
    assert "tests/test_cases.py::" in tests.out
    assert "zoo/bench" not in tests.out
    benchmarks = run_here("--benchmark", "--collect-only", "-q")
    assert "test_speed.py::test_speed[" in benchmarks.out
    assert "test_accuracy.py::test_accuracy[" in benchmarks.out
    assert "tests/" not in benchmarks.out


def test_collecting_benchmarks_imports_no_backend() -> None:
    start = BLOCK + "import pytest; sys.exit(pytest.main(['--benchmark', '--collect-only', '-q']))"
    subprocess.run([sys.executable, "-c", start], check=True, cwd=ROOT, capture_output=True)


def test_pytest_expressions_narrow_a_run(run_here) -> None:
    listed = run_here("--benchmark", "--collect-only", "-q", "-k", "lstm and unrolled and not jit and train").out
    items = [line for line in listed.splitlines() if "::" in line]
    assert items
    assert all("lstm" in item and "unrolled-" in item and item.endswith("-train]") for item in items)


def test_in_a_project_of_ones_own_the_models_are_named(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    parser = pytest.Parser(_ispytest=True)
    rnn_zoo_pytest.pytest_addoption(parser)
    option = parser.parse(["--benchmark"])
    assert not hasattr(option, "zoo_profile")
    with pytest.raises(zoo.ZooError, match=r"^name the file of your models: .*--zoo-models=my_models.py$"):
        rnn_zoo_pytest._grid(option)


@pytest.mark.parametrize(
    "config", [{"option": {"dist": "load"}}, {"option": {"dist": "no"}, "workerinput": {}}], ids=["starts", "is one"]
)
def test_several_processes_of_pytest_are_refused(config: dict[str, dict[str, str]]) -> None:
    """Each would measure the whole grid, beside the others and into a folder of its own."""
    option = SimpleNamespace(benchmark=True, zoo_results=None, **config.pop("option"))
    with pytest.raises(pytest.UsageError, match="in one process: leave out -n"):
        rnn_zoo_pytest.pytest_configure(SimpleNamespace(option=option, **config))


MISTAKES = {
    "entry": (("--zoo-entries", "lsmt"), ["'lsmt'", "'lstm'", f"zoo list shows all {len(zoo.list_models())}"]),
    "task": (("--zoo-tasks", "waves"), ["'waves'", "'wave'", f"zoo tasks shows all {len(zoo.list_tasks())}"]),
    "execution": (("--zoo-executions", "looped,unroled"), ["'unroled'", "'unrolled'", *zoo.execution.NAMED]),
    "profile": (("--zoo-profile", "quik"), ["'quik'", "'quick'", *PROFILES]),
    "backend": (("--zoo-backends", "tensorflwo"), ["'tensorflwo'", "'tensorflow'", "tensorflow, jax, torch"]),
    "device": (("--zoo-devices", "tpu"), ["'tpu'", "'gpu'", "cpu, gpu"]),
    "an empty list": (("--zoo-entries", ","), ["no entry"]),
    "a wildcard for a backend that is none": (("--zoo-backends", "x*"), ["backend 'x*'", "tensorflow, jax, torch"]),
    "repeats": (("--zoo-repeats", "0"), ["repeats", "positive whole number", "not 0"]),
    "memory limit": (("--zoo-memory-limit", "-1"), ["memory-limit", "more than 0", "not -1"]),
    "budget": (("--zoo-budget", "0"), ["budget", "more than 0", "not 0"]),
    "results folder": (
        ("--zoo-results=/dev/null/results",),
        ["/dev/null/results", "Not a directory", "choose another folder"],
    ),
    "seeds": (("--zoo-seeds", "-1"), ["seeds", "not -1"]),
    "a file of models that is not there": (("--zoo-models=mine.py",), ["there is no file mine.py"]),
    "a profile beside a file of models": (
        ("--zoo-models=mine.py", "--zoo-profile", "quick"),
        ["leave out --zoo-profile quick"],
    ),
    "a results folder behind a space": (("--zoo-results", "/tmp"), ["--zoo-results=/tmp"]),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_ends_the_run_before_it_starts_in_one_line(run_here, mistake: str) -> None:
    arguments, parts = MISTAKES[mistake]
    ended = run_here("--benchmark", *arguments)
    assert ended.code == pytest.ExitCode.USAGE_ERROR
    assert ended.err.startswith("ERROR: ")
    assert "\n" not in ended.err.strip()
    assert not [part for part in parts if part not in ended.err], ended.err


def test_an_option_of_a_benchmark_run_needs_the_flag(run_here) -> None:
    ended = run_here("--zoo-repeats=2")
    assert ended.code == pytest.ExitCode.USAGE_ERROR
    assert re.search("--zoo-repeats .*--benchmark$", ended.err.strip())


def test_the_help_names_every_profile(run_here) -> None:
    words = " ".join(run_here("--help").out.split())
    assert ", ".join(PROFILES).replace("quick", "quick (default)") in words
