"""A/A: arms that are the same take turns. How often does the rule call them different?

    python -m benchmarks.experiments.aa --backend tensorflow
    python -m benchmarks.experiments.aa --backend torch --resume
    python -m benchmarks.experiments.aa --workers 2 --pairs 20 --to results/runs/aa-2

Eight workers of one arm are a group: four pairs of equal arms a repeat. They differ in the seed of their initial
weights alone. The rows go to results/runs/aa. `python -m benchmarks publish --results results/runs/aa --to
results/reference/aa` keeps them, and `python -m benchmarks coverage` reads them.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.profiles import get_profile
from zoo.bench.plan import Selection, timed_cases
from zoo.cli.command import run_function
from zoo.errors import ZooError
from zoo.measuring import machine
from zoo.measuring.coordinator import Coordinator
from zoo.measuring.effort import USUAL
from zoo.measuring.group import Group
from zoo.measuring.rows import TABLE, check_writable, read_rows

WORKERS = 8
RUN = "aa"
FOLDER = Path(__file__).parent.parent.parent / "results" / "runs" / RUN


def group_of(backend: str, entry: str, task: str, repeats: int, workers: int = WORKERS) -> Group:
    """So many times the same arm."""
    selection = Selection.of_names(entries=(entry,), tasks=(task,), executions=("looped",), backends=(backend,))
    case, *others = timed_cases(get_profile("smoke"), selection)
    if others:
        raise ZooError("name one entry, one task and one backend")
    arms = dict.fromkeys((replace(case, seed=seed) for seed in range(workers)), repeats)
    return Group(f"aa-{entry}-{task}-{backend}-{workers}-workers", arms, (), least=repeats)


def main(
    backend: Annotated[str, typer.Option(help="tensorflow, jax or torch.")] = "tensorflow",
    entry: Annotated[str, typer.Option(help="Of the zoo.")] = "lstm",
    task: Annotated[str, typer.Option(help="It fits.")] = "digits_rows",
    pairs: Annotated[int, typer.Option(min=1, help="Of equal arms.")] = 200,
    workers: Annotated[int, typer.Option(min=2, help="That take turns.")] = WORKERS,
    seconds: Annotated[float, typer.Option(min=0.02, help="Of a phase of an arm in a repeat.")] = USUAL.seconds,
    to: Annotated[Path, typer.Option(metavar="DIR", help="Where the rows go.")] = FOLDER,
    resume: Annotated[bool, typer.Option(help="Go on with the rows that are there.")] = False,
) -> None:
    """Measure pairs of equal arms in lock-step."""
    group = group_of(backend, entry, task, -(-pairs // (workers // 2)), workers)
    check_writable(to)
    kept = read_rows(to / TABLE) if resume and (to / TABLE).exists() else []
    memory = machine.memory_limit_bytes(None)
    coordinator = Coordinator(to, RUN, replace(USUAL, seconds=seconds), memory, kept)
    try:
        run = coordinator.group(group)
        while arms := run.needed():
            coordinator.repeat(run, arms)
            typer.echo(f"{run.repeats} of {group.least} repeats")
    finally:
        coordinator.close()
    typer.echo(to / TABLE)


if __name__ == "__main__":
    run_function(main, "python -m benchmarks.experiments.aa")
