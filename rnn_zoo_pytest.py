"""Adds `--benchmark` to pytest: with it cases are measured, without it tests run.

A pytest plugin of its own, installed by an entry point (pyproject.toml), so that pytest knows its options before it
collects anything. In this checkout a run measures one of the profiles of benchmarks/. In a project of your own it
measures the models of a file: `pytest --benchmark --zoo-models=my_models.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from zoo.bench.plan import Selection
    from zoo.bench.profile import Profile
    from zoo.own.models import OwnModels

PROFILES = "smoke, quick (default), full, peers, chunks, memory, gpu, parallel"
AXES = {
    "--zoo-entries": "instead of the profile's, e.g. lstm,gru or '*rnn'",
    "--zoo-tasks": "instead of the profile's, e.g. wave,mnist_rows",
    "--zoo-executions": "instead of the profile's, e.g. looped,unrolled+jit,chunked-16,torch-native",
    "--zoo-backends": "tensorflow (default), jax, torch",
    "--zoo-devices": "cpu (default), gpu",
}
RESULTS, MODELS = "--zoo-results", "--zoo-models"
RUNS = "zoo-runs"


def _root() -> Path:
    return Path(__file__).resolve().parent


def _in_checkout() -> bool:
    """Whether pytest was started in the checkout that this file stands in."""
    here = Path.cwd()
    return _root() in (here, *here.parents) and (_root() / "benchmarks" / "profiles.py").exists()


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of a benchmark run; `pytest --help` shows them under "rnn-zoo"."""
    group = parser.getgroup("rnn-zoo", "rnn-zoo: what recurrent models cost and earn (pytest --benchmark)")
    add = group.addoption
    add("--benchmark", action="store_true", help="run the benchmarks instead of the tests")
    add(MODELS, metavar="FILE", help=f"{MODELS}=FILE, with the =: measure the models of a file of your own")
    runs = RUNS
    if _in_checkout():
        add("--zoo-profile", metavar="NAME", help=f"which grid of cases: {PROFILES}")
        runs = "results/runs"
    where = f"where the table and charts go (default: {runs}/<start time>)"
    add(RESULTS, metavar="DIR", help=f"{RESULTS}=DIR, with the =: {where}")
    for option, help_text in AXES.items():
        add(option, type=_names, metavar="NAMES", help=help_text)
    add("--zoo-resume", action="store_const", const=True, help="go on with the run in --zoo-results, or the newest one")
    add("--zoo-ray", metavar="ADDRESS", help="measure on the nodes of a Ray cluster, a group on each: auto, HOST:6379")
    add(
        "--zoo-repeats",
        type=int,
        metavar="N",
        help="so many repeats of each group (default: 3, and up to 10 until its ratios are sure)",
    )
    add("--zoo-seeds", type=int, metavar="N", help="so many trainings of each model; 0: none (default: the profile's)")
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
    """Check every option before anything runs, and aim the collection at the items of a benchmark."""
    if not _has_options(config):
        return
    given = [name for name, value in vars(config.option).items() if name.startswith("zoo_") and value is not None]
    if not config.option.benchmark:
        if given:
            raise pytest.UsageError(f"--{given[0].replace('_', '-')} is for a benchmark run: add --benchmark")
        return
    if getattr(config.option, "dist", "no") != "no" or hasattr(config, "workerinput"):
        raise pytest.UsageError("a benchmark runs in one process: leave out -n and what else is of pytest-xdist")
    for option in (RESULTS, MODELS):
        if option in config.invocation_params.args:
            # pytest looks for its settings before it loads plugins: a word after an option that it does not know yet
            # is a place of tests to it, and the settings of this project would not be those of its folder.
            value = getattr(config.option, _field(option))
            raise pytest.UsageError(f"write {option}={value}, with a = and no space")
    from zoo import ZooError
    from zoo.bench.plugin import ITEMS, BenchmarkPlugin

    try:
        profile, selection, own = _grid(config.option)
        plugin = BenchmarkPlugin(config, profile, selection, _folder(config.option), own)
    except ZooError as error:
        raise pytest.UsageError(str(error)) from None
    config.pluginmanager.register(plugin, BenchmarkPlugin.NAME)
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        config.args[:] = [str(ITEMS / name) for name in ("test_speed.py", "test_accuracy.py")]


def _grid(option: Any) -> tuple[Profile, Selection, OwnModels | None]:
    """The profile that is asked for, what it is narrowed to, and the models of the user's own in it.

    The grid of a user's own models is made of the names that are asked for: a profile is narrowed to them.

    Raises:
        ZooError: a name is unknown; no file of models is named where there are no profiles, or it cannot be read.
    """
    from zoo import ZooError
    from zoo.bench.plan import Selection

    path, name = getattr(option, _field(MODELS)), getattr(option, "zoo_profile", None)
    if path and name:
        raise ZooError(f"{MODELS} measures a grid of its own: leave out --zoo-profile {name}")
    where = {"backends": option.zoo_backends, "devices": option.zoo_devices}
    where |= {"repeats": option.zoo_repeats, "seeds": option.zoo_seeds}
    what = {"entries": option.zoo_entries, "tasks": option.zoo_tasks, "executions": option.zoo_executions}
    if path:
        from zoo.bench.own import profile_of_names, read_models

        selection = Selection.of_names(**where)
        own = read_models(Path(path), selection.backends[0], selection.devices[0])
        return profile_of_names(own, Selection.of_names(**what)), selection, own
    if not _in_checkout():
        raise ZooError(f"name the file of your models: pytest --benchmark {MODELS}=my_models.py")
    from benchmarks.profiles import get_profile

    return get_profile(name or "quick"), Selection.of_names(**what, **where), None


def _folder(option: object) -> Path:
    """Where the results go: the folder that is named, the newest one of a run that is resumed, or a new one."""
    from zoo.bench.run import run_name
    from zoo.statistics.folders import newest_run

    runs = _root() / "results" / "runs" if _in_checkout() else Path.cwd() / RUNS
    if named := getattr(option, _field(RESULTS)):
        return Path(named)
    newest = newest_run(runs) if getattr(option, "zoo_resume", None) else None
    return newest or runs / run_name()


def _field(option: str) -> str:
    return option.strip("-").replace("-", "_")


def _has_options(config: pytest.Config) -> bool:
    """Whether the options were added, and by this plugin."""
    return hasattr(config.option, _field(RESULTS))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Keep tests and benchmarks apart, whatever folder was named."""
    if not _has_options(config):
        return None
    items = _root() / "zoo" / "bench" / "items"
    if config.option.benchmark and collection_path in (items, *items.parents):
        return False  # the items of a benchmark may lie in a virtual environment, where pytest does not look
    unwanted = _root() / "tests" if config.option.benchmark else items
    return True if unwanted in (collection_path, *collection_path.parents) else None
