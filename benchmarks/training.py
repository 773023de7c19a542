"""The trainings that are published: a queue that goes on where it was stopped, a row a seed."""

from __future__ import annotations

import fnmatch
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import folders, machine, results
from benchmarks.cases import NORMAL_JIT, Case
from benchmarks.coordinator import Coordinator
from benchmarks.profiles import get_profile
from benchmarks.progress import duration, label, numbers
from zoo import Execution, get_task
from zoo.execution import BACKENDS
from zoo.registry import ZooError, unknown

MEMORY_LIMIT_BYTES = 8 << 30


@dataclass(frozen=True)
class Group:
    """Trainings that are looked at together: every entry by every recipe of a task."""

    name: str
    task: str
    entries: tuple[str, ...]
    recipes: tuple[str, ...] = ("fast",)
    seeds: int = 3


QUEUE = (Group("adding", "adding", ("simple_rnn", "lstm"), ("fast", "unclipped", "truncated")),)


def planned(pattern: str, backend: str, seeds: int | None = None) -> list[Case]:
    """The cases of the groups whose name matches `pattern`, seeds outermost.

    Raises:
        ZooError: no group matches, or an unknown backend.
    """
    if backend not in BACKENDS:
        raise unknown("backend", backend, BACKENDS)
    groups = [group for group in QUEUE if fnmatch.fnmatch(group.name, pattern)]
    if not groups:
        raise ZooError(f"no group of trainings is called {pattern!r}; there are {', '.join(g.name for g in QUEUE)}")
    wanted = [
        (seed, _case(group, entry, recipe, backend, seed))
        for group in groups
        for recipe in group.recipes
        for entry in group.entries
        for seed in range(seeds or group.seeds)
    ]
    return [case for _, case in sorted(wanted, key=lambda pair: pair[0])]


def _case(group: Group, entry: str, recipe: str, backend: str, seed: int) -> Case:
    task = get_task(group.task)
    how = task.recipe(recipe)
    execution = Execution(jit=NORMAL_JIT[backend])
    case = Case(entry, task.name, execution, backend, "cpu", how.batch, task.steps, task.features, task.units)
    return replace(case, optimizer=how.optimizer, recipe=recipe, seed=seed)


def train_all(cases: Sequence[Case], folder: Path, tell: Callable[[str], object]) -> Path:
    """Train what is not in the table of `folder` yet; each training's rows are there before the next begins.

    Args:
        cases: what to train, in this order.
        folder: results/reference, or where else the table is.
        tell: takes a line for a person.

    Returns:
        The table.
    """
    results.check_writable(folder)
    origin = machine.origin(cases[0].backend, "cpu")
    table = folder / f"{folders.machine_name(origin['device_name'], origin['cpu_count'])}-accuracy.csv"
    kept = results.read_rows(table) if table.exists() else []
    logs = folder.parent / "runs"
    logs.mkdir(exist_ok=True)
    coordinator = Coordinator(logs, "train-reference", get_profile("full"), MEMORY_LIMIT_BYTES, kept, table)
    try:
        for number, case in enumerate(cases, start=1):
            place = f"{number:>{len(str(len(cases)))}}/{len(cases)} {label(case)}"
            if coordinator.is_kept(case):
                tell(f"{place}: in the table already")
                continue
            started = time.perf_counter()
            rows = coordinator.measured(case)
            tell(f"{place}: {numbers(rows)}, {duration(time.perf_counter() - started)} in all")
    finally:
        coordinator.close()
    return table
