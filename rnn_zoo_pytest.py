"""Adds `--benchmark` to pytest: with it only benchmarks/ is collected, without it only tests/.

A pytest plugin of its own, installed by an entry point (pyproject.toml), so that its options are known before pytest
looks for paths to collect: it would take the folder of `--zoo-results DIR` for one. Outside this checkout it is silent.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent
OURS = ROOT in (Path.cwd(), *Path.cwd().parents) and (ROOT / "benchmarks" / "plugin.py").exists()


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of a benchmark run; `pytest --help` shows them under "rnn-zoo"."""
    if not OURS:
        return
    group = parser.getgroup("rnn-zoo", "rnn-zoo: what recurrent models cost and earn (pytest --benchmark)")
    add = group.addoption
    add("--benchmark", action="store_true", help="run the benchmarks instead of the tests")
    profiles = "smoke, quick (default), full, peers, chunks, memory, gpu, parallel"
    add("--zoo-profile", metavar="NAME", help=f"which grid of cases: {profiles}")
    add("--zoo-results", metavar="DIR", help="where the table and charts go (default: results/runs/<start time>)")
    for option, help_text in {
        "--zoo-entries": "instead of the profile's, e.g. lstm,gru or '*rnn'",
        "--zoo-tasks": "instead of the profile's, e.g. wave,mnist_rows",
        "--zoo-executions": "instead of the profile's, e.g. looped,unrolled+jit,chunked-16,torch-native",
        "--zoo-backends": "tensorflow (default), jax, torch",
        "--zoo-devices": "cpu (default), gpu",
    }.items():
        add(option, type=_names, metavar="NAMES", help=help_text)
    add("--zoo-resume", action="store_const", const=True, help="go on with the run in --zoo-results, or the newest one")
    add("--zoo-repeats", type=int, metavar="N", help="fresh processes a case (default: the profile's)")
    add("--zoo-memory-limit", type=float, metavar="GIB", help="end a case that holds more (default: 80%% of the free)")


def pytest_configure(config: pytest.Config) -> None:
    """Check every option before anything runs, and aim the collection at benchmarks/."""
    if not OURS:
        return
    asked = [name for name, value in vars(config.option).items() if name.startswith("zoo_") and value is not None]
    if not config.option.benchmark:
        if asked:
            raise pytest.UsageError(f"--{asked[0].replace('_', '-')} is for a benchmark run: add --benchmark")
        return
    if config.rootpath != ROOT:
        _start_again_at_root(config)
    from benchmarks.plugin import BenchmarkPlugin
    from zoo import ZooError

    try:
        plugin = BenchmarkPlugin(config)
    except ZooError as error:
        raise pytest.UsageError(str(error)) from None
    config.pluginmanager.register(plugin, BenchmarkPlugin.NAME)
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        config.args[:] = [str(ROOT / "benchmarks" / name) for name in ("test_speed.py", "test_accuracy.py")]


def _start_again_at_root(config: pytest.Config) -> None:
    """pytest took an existing folder after `--zoo-results` for the place of its settings: tell it where they are."""
    settings = ["-c", str(ROOT / "tox.ini"), "--rootdir", str(ROOT)]
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *settings, *config.invocation_params.args])


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Keep tests and benchmarks apart, whatever folder was named."""
    if not OURS:
        return None
    unwanted = ROOT / ("tests" if config.option.benchmark else "benchmarks")
    return True if unwanted in (collection_path, *collection_path.parents) else None
