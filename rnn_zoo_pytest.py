"""Adds `--benchmark` to pytest: with it only benchmarks/ is collected, without it only tests/.

A pytest plugin of its own, installed by an entry point (pyproject.toml), so that pytest knows its options before it
collects anything. It adds them in the checkout that it was installed from; elsewhere it is silent.
"""

from __future__ import annotations

from pathlib import Path

import pytest

PROFILES = "smoke, quick (default), full, peers, chunks, memory, gpu, parallel"
AXES = {
    "--zoo-entries": "instead of the profile's, e.g. lstm,gru or '*rnn'",
    "--zoo-tasks": "instead of the profile's, e.g. wave,mnist_rows",
    "--zoo-executions": "instead of the profile's, e.g. looped,unrolled+jit,chunked-16,torch-native",
    "--zoo-backends": "tensorflow (default), jax, torch",
    "--zoo-devices": "cpu (default), gpu",
}
RESULTS = "--zoo-results"


def _root() -> Path:
    return Path(__file__).resolve().parent


def _in_checkout() -> bool:
    """Whether pytest was started in the checkout that this file stands in."""
    here = Path.cwd()
    return _root() in (here, *here.parents) and (_root() / "benchmarks" / "plugin.py").exists()


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of a benchmark run; `pytest --help` shows them under "rnn-zoo"."""
    if not _in_checkout():
        return
    group = parser.getgroup("rnn-zoo", "rnn-zoo: what recurrent models cost and earn (pytest --benchmark)")
    add = group.addoption
    add("--benchmark", action="store_true", help="run the benchmarks instead of the tests")
    add("--zoo-profile", metavar="NAME", help=f"which grid of cases: {PROFILES}")
    add(
        RESULTS,
        metavar="DIR",
        help=f"{RESULTS}=DIR, with the =: where the table and charts go (default: results/runs/<start time>)",
    )
    for option, help_text in AXES.items():
        add(option, type=_names, metavar="NAMES", help=help_text)
    add("--zoo-resume", action="store_const", const=True, help="go on with the run in --zoo-results, or the newest one")
    add(
        "--zoo-repeats",
        type=int,
        metavar="N",
        help="so many repeats of each group (default: 3, and up to 10 until its ratios are sure)",
    )
    add(
        "--zoo-budget",
        type=float,
        metavar="SECONDS",
        help="what timing may take; the least 3 repeats of a group are made in any case (default: the profile's)",
    )
    add(
        "--zoo-memory-limit",
        type=float,
        metavar="GIB",
        help="what a process, and the processes that take turns, may hold together (default: 80%% of the free)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Check every option before anything runs, and aim the collection at benchmarks/."""
    if not _has_options(config):
        return
    given = [name for name, value in vars(config.option).items() if name.startswith("zoo_") and value is not None]
    if not config.option.benchmark:
        if given:
            raise pytest.UsageError(f"--{given[0].replace('_', '-')} is for a benchmark run: add --benchmark")
        return
    if RESULTS in config.invocation_params.args:
        # pytest looks for its settings before it loads plugins: a word after an option that it does not know yet is a
        # place of tests to it, and the settings of this project would not be those of its folder.
        raise pytest.UsageError(f"write {RESULTS}={config.option.zoo_results}, with a = and no space")
    from benchmarks.plugin import BenchmarkPlugin
    from zoo import ZooError

    try:
        plugin = BenchmarkPlugin(config)
    except ZooError as error:
        raise pytest.UsageError(str(error)) from None
    config.pluginmanager.register(plugin, BenchmarkPlugin.NAME)
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        config.args[:] = [str(_root() / "benchmarks" / name) for name in ("test_speed.py", "test_accuracy.py")]


def _has_options(config: pytest.Config) -> bool:
    """Whether the options were added, and by this plugin."""
    return hasattr(config.option, RESULTS.strip("-").replace("-", "_"))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Keep tests and benchmarks apart, whatever folder was named."""
    if not _has_options(config):
        return None
    unwanted = _root() / ("tests" if config.option.benchmark else "benchmarks")
    return True if unwanted in (collection_path, *collection_path.parents) else None
