"""Adds `--benchmark` to pytest: with it only benchmarks/ is collected, without it only tests/.

Installed as a pytest plugin by an entry point (pyproject.toml says why). In other projects it keeps silent.
"""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = ROOT in (Path.cwd(), *Path.cwd().parents)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of a benchmark run; `pytest --help` shows them under "rnn-zoo"."""
    if not OURS:
        return
    group = parser.getgroup("rnn-zoo", "rnn-zoo: what recurrent models cost and earn (pytest --benchmark)")
    add = group.addoption
    add("--benchmark", action="store_true", help="run the benchmarks instead of the tests")
    add("--zoo-profile", default="quick", metavar="NAME", help="smoke, quick (default) or full: which grid of cases")
    add("--zoo-results", metavar="DIR", help="where the table and charts go (default: results/runs/<start time>)")
    for option, example in {
        "--zoo-entries": "lstm,gru or '*rnn'",
        "--zoo-tasks": "wave,mnist_rows",
        "--zoo-executions": "looped,unrolled+jit",
    }.items():
        add(option, type=_names, default=(), metavar="NAMES", help=f"instead of the profile's, e.g. {example}")
    add("--zoo-backends", type=_names, default=("tensorflow",), metavar="NAMES", help="default: tensorflow")
    add("--zoo-devices", type=_names, default=("cpu",), metavar="NAMES", help="default: cpu")
    add("--zoo-repeats", type=int, metavar="N", help="fresh processes a case (default: the profile's)")
    add(
        "--zoo-memory-limit",
        type=float,
        metavar="GIB",
        help="end a case that holds more (default: 80%% of what is free)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Check every option before anything runs, and aim the collection at benchmarks/."""
    if not (OURS and config.option.benchmark):
        return
    from benchmarks.plugin import BenchmarkRun
    from zoo import ZooError

    try:
        run = BenchmarkRun(config)
    except ZooError as error:
        raise pytest.UsageError(str(error)) from None
    config.pluginmanager.register(run, BenchmarkRun.NAME)
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        config.args[:] = [str(ROOT / "benchmarks" / name) for name in ("test_speed.py", "test_accuracy.py")]


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Keep tests and benchmarks apart, whatever folder was named."""
    if not OURS:
        return None
    unwanted = ROOT / ("tests" if config.option.benchmark else "benchmarks")
    return True if unwanted in (collection_path, *collection_path.parents) else None
