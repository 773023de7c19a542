"""The options of `pytest --benchmark` and the mistakes that can be made with them, in the process of the tests."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import NamedTuple

import pytest

import rnn_zoo_pytest
import zoo
from benchmarks.profiles import PROFILES
from tests.test_rooms import BLOCK, ROOT
from tests.test_run import run


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
    tests = run_here("--collect-only", "-q", "tests/test_cases.py", "benchmarks")
    assert "tests/test_cases.py::" in tests.out
    assert "benchmarks/" not in tests.out
    benchmarks = run_here("--benchmark", "--collect-only", "-q")
    assert "benchmarks/test_speed.py::test_speed[" in benchmarks.out
    assert "benchmarks/test_accuracy.py::test_accuracy[" in benchmarks.out
    assert "tests/" not in benchmarks.out


def test_collecting_benchmarks_imports_no_backend() -> None:
    start = BLOCK + "import pytest; sys.exit(pytest.main(['--benchmark', '--collect-only', '-q']))"
    subprocess.run([sys.executable, "-c", start], check=True, cwd=ROOT, capture_output=True)


def test_pytest_expressions_narrow_a_run(run_here) -> None:
    listed = run_here("--benchmark", "--collect-only", "-q", "-k", "lstm and unrolled and not jit and train").out
    items = [line for line in listed.splitlines() if "::" in line]
    assert items
    assert all("lstm" in item and "unrolled-" in item and item.endswith("-train]") for item in items)


def test_elsewhere_pytest_does_not_know_the_flag(tmp_path, monkeypatch) -> None:
    """And importing the plugin looks at no file."""
    monkeypatch.chdir(tmp_path)
    parser = pytest.Parser(_ispytest=True)
    rnn_zoo_pytest.pytest_addoption(parser)
    assert not parser.parse([]).__dict__.get("benchmark")
    with pytest.raises(pytest.UsageError, match="unrecognized arguments: --benchmark"):
        parser.parse(["--benchmark"])


MISTAKES = {
    "entry": (
        ("--zoo-entries", "lsmt"),
        f"unknown entry 'lsmt'; did you mean 'lstm'? zoo list shows all {len(zoo.list_models())}",
    ),
    "task": (
        ("--zoo-tasks", "waves"),
        f"unknown task 'waves'; did you mean 'wave'? zoo tasks shows all {len(zoo.list_tasks())}",
    ),
    "execution": (
        ("--zoo-executions", "looped,unroled"),
        "unknown execution 'unroled'; did you mean 'unrolled'? Known: stock, stock-unrolled, looped, unrolled, "
        "looped+jit, unrolled+jit, chunked-auto, chunked-auto+recompute, chunked-auto+jit, "
        "chunked-auto+jit+recompute, fused, fused+recompute, parallel, parallel+jit, chunked-auto+offload, "
        "chunked-auto+jit+offload, fused+offload, legacy-static, legacy-dynamic, "
        "legacy-dynamic+swap, torch-native, torch-native+jit, jax-scan+jit, onnxruntime-native",
    ),
    "profile": (
        ("--zoo-profile", "quik"),
        "unknown profile 'quik'; did you mean 'quick'? Known: smoke, quick, full, peers, chunks, memory, gpu, parallel",
    ),
    "backend": (
        ("--zoo-backends", "tensorflwo"),
        "unknown backend 'tensorflwo'; did you mean 'tensorflow'? Known: tensorflow, jax, torch",
    ),
    "device": (("--zoo-devices", "tpu"), "unknown device 'tpu'; did you mean 'gpu'? Known: cpu, gpu"),
    "an empty list": (("--zoo-entries", ","), "no entry is named"),
    "a wildcard for a backend that is none": (
        ("--zoo-backends", "x*"),
        "unknown backend 'x*'. Known: tensorflow, jax, torch",
    ),
    "repeats": (("--zoo-repeats", "0"), "--zoo-repeats must be a positive whole number, not 0"),
    "memory limit": (("--zoo-memory-limit", "-1"), "--zoo-memory-limit must be more than 0, not -1"),
    "budget": (("--zoo-budget", "0"), "--zoo-budget must be more than 0, not 0"),
    "results folder": (
        ("--zoo-results=/dev/null/results",),
        "cannot write to the folder /dev/null/results: Not a directory; choose another --zoo-results folder",
    ),
    "a results folder behind a space": (
        ("--zoo-results", "/tmp"),
        "write --zoo-results=/tmp, with a = and no space",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_ends_the_run_before_it_starts_in_one_line(run_here, mistake: str) -> None:
    arguments, message = MISTAKES[mistake]
    ended = run_here("--benchmark", *arguments)
    assert ended.code == pytest.ExitCode.USAGE_ERROR
    assert ended.err.strip() == f"ERROR: {message}"


def test_a_mistake_ends_the_process_with_one_line() -> None:
    ended = run("--benchmark", "--zoo-profile", "quik")
    assert ended.returncode == pytest.ExitCode.USAGE_ERROR
    assert ended.stderr.strip() == f"ERROR: {MISTAKES['profile'][1]}"


def test_an_option_of_a_benchmark_run_needs_the_flag(run_here) -> None:
    ended = run_here("--zoo-repeats=2")
    assert (ended.code, ended.err.strip()) == (
        pytest.ExitCode.USAGE_ERROR,
        "ERROR: --zoo-repeats is for a benchmark run: add --benchmark",
    )


def test_the_help_names_every_profile(run_here) -> None:
    words = " ".join(run_here("--help").out.split())
    assert ", ".join(PROFILES).replace("quick", "quick (default)") in words
