"""Taking turns against running alone: is the ratio of two arms the same, and how much less time does it need?

    python -m benchmarks.experiments.turns
    python -m benchmarks.experiments.turns --repeats 5 --to /tmp/turns
    python -m benchmarks.experiments.turns --only-table --to results/reference/turns

In each repeat two arms take turns in fresh processes, and then each runs alone in a process of its own, the same time
long, one after the other: the usual way to measure. Every other repeat begins with the other arm. The rows go to
results/runs/turns; `python -m benchmarks publish --results results/runs/turns --to results/reference/turns` keeps them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer

from zoo import task_at
from zoo.cli.command import run_function
from zoo.execution import Execution
from zoo.measuring import machine
from zoo.measuring.case import Case
from zoo.measuring.coordinator import Coordinator
from zoo.measuring.effort import USUAL
from zoo.measuring.group import Group
from zoo.measuring.group_run import GroupRun
from zoo.measuring.rows import TABLE, check_writable, read_rows
from zoo.measuring.timings import log_ratio
from zoo.statistics.folders import read_results
from zoo.statistics.intervals import interval

FOLDER = Path(__file__).parent.parent.parent / "results" / "runs" / "turns"
PAIRS = (
    ("lstm", "digits_rows", "tensorflow", "unrolled", "looped"),
    ("simple_rnn", "digits_rows", "tensorflow", "looped+jit", "looped"),
    ("lstm", "wave", "jax", "chunked-4+jit", "looped+jit"),
    ("lstm", "wave", "torch", "fused", "looped"),
)
"""Entry, task, backend, and the two executions; the sizes are the task's own."""
TURNS, ALONE, BASE = "turns-", "alone-arm-", "alone-baseline-"
"""How the groups of a pair are called, before the arm's name: both arms, and each of them."""
COLUMNS = [
    *("entry", "task", "backend", "arm", "baseline", "phase", "repeats"),
    *("alone", "in_turns", "turns_over_alone", "low", "high", "sd_alone", "sd_in_turns", "times_the_seconds"),
]


def cases(pair: tuple[str, str, str, str, str]) -> tuple[Case, Case]:
    """The two arms of a pair."""
    entry, name, backend, *executions = pair
    task = task_at(name)
    sizes = task.batch, task.steps, task.features, task.units
    arm, baseline = (Case(entry, name, Execution.parse(text), backend, "cpu", *sizes) for text in executions)
    return arm, baseline


def measure(pair: tuple[str, str, str, str, str], coordinator: Coordinator, repeats: int) -> None:
    """Make the repeats of a pair that are not there yet."""
    arms = cases(pair)
    groups = {TURNS: arms, ALONE: arms[:1], BASE: arms[1:]}
    runs = []
    for name, members in groups.items():
        group = Group(f"{name}{arms[0].id}", dict.fromkeys(members, repeats), (), least=repeats)
        runs.append(coordinator.group(group))
    while any(run.needed() for run in runs):
        for run in _in_order(runs):
            if arms_now := run.needed():
                coordinator.repeat(run, arms_now if run.repeats % 2 == 0 else arms_now[::-1])
        typer.echo(f"{' '.join(pair)}: {runs[0].repeats} of {repeats} repeats")


def _in_order(runs: list[GroupRun]) -> list[GroupRun]:
    """Each kind of measuring comes first in turn."""
    first = runs[0].repeats % len(runs)
    return [*runs[first:], *runs[:first]]


def compared(table: pd.DataFrame) -> pd.DataFrame:
    """One row a pair and phase.

    `alone` and `in_turns` are geometric means of the ratio over repeats, each beside the standard deviation of its
    logarithm; `turns_over_alone`, with its 95% interval (Student's t, paired by repeat), is what taking turns does to
    the ratio. `times_the_seconds` is how many times as long two arms that run alone are timed for an interval of the
    same width: the ratio of the variances, since both ways time an arm equally long in a repeat.
    """
    rows = []
    good = table[table["status"] == "ok"]
    for pair in PAIRS:
        arm, baseline = cases(pair)
        for phase in arm.phases:
            of_phase = good[(good["phase"] == phase) & good["group"].str.endswith(f"-{arm.id}")]
            logs = pd.DataFrame({"in_turns": _in_turns(of_phase, arm, baseline), "alone": _alone(of_phase)}).dropna()
            if len(logs) > 1:
                names = dict(zip(COLUMNS, (*pair, phase, len(logs)), strict=False))
                rows.append({**names, **_of_logs(logs)})
    return pd.DataFrame(rows, columns=COLUMNS)


def _in_turns(rows: pd.DataFrame, arm: Case, baseline: Case) -> pd.Series:
    """The logarithm of the ratio of each repeat in which the two took turns."""
    together = rows[rows["group"].str.startswith(TURNS)]
    logs = {}
    for repeat, part in together.groupby("repeat"):
        arms = [part[part["case_id"] == case.id] for case in (arm, baseline)]
        blocks = [dict(zip(rows["round"].map(int), rows["step_seconds"], strict=True)) for rows in arms]
        if blocks[0].keys() & blocks[1].keys():  # none where one of them ended badly
            logs[repeat] = log_ratio(*blocks)
    return pd.Series(logs, dtype=float)


def _alone(rows: pd.DataFrame) -> pd.Series:
    """The same of the arms that ran alone: the median of all that each has."""
    medians = np.log(rows.groupby(["group", "repeat"])["step_seconds"].median())
    kind = medians.index.get_level_values("group").str
    arm, baseline = (medians[chosen].droplevel("group") for chosen in (kind.startswith(ALONE), kind.startswith(BASE)))
    return arm - baseline


def _of_logs(logs: pd.DataFrame) -> dict[str, float]:
    low, high = interval(logs["in_turns"] - logs["alone"])
    spread = logs.std()
    return {
        "alone": np.exp(logs["alone"].mean()),
        "in_turns": np.exp(logs["in_turns"].mean()),
        "turns_over_alone": np.exp((logs["in_turns"] - logs["alone"]).mean()),
        "low": np.exp(low),
        "high": np.exp(high),
        "sd_alone": spread["alone"],
        "sd_in_turns": spread["in_turns"],
        "times_the_seconds": (spread["alone"] / spread["in_turns"]) ** 2,
    }


def main(
    repeats: Annotated[int, typer.Option(min=3, help="Of each pair.")] = 30,
    to: Annotated[Path, typer.Option(metavar="DIR", help="Where the rows go.")] = FOLDER,
    only_table: Annotated[bool, typer.Option("--only-table", help="Measure nothing.")] = False,
) -> None:
    """Measure four pairs of arms in turns and alone, and print both ratios. It goes on with the rows that are there."""
    check_writable(to)
    if not only_table:
        kept = read_rows(to / TABLE) if (to / TABLE).exists() else []
        memory = machine.memory_limit_bytes(None)
        coordinator = Coordinator(to, "turns", USUAL, memory, kept)
        try:
            for pair in PAIRS:
                measure(pair, coordinator, repeats)
        finally:
            coordinator.close()
    typer.echo(compared(read_results(to)).round(3).to_string(index=False))


if __name__ == "__main__":
    run_function(main, "python -m benchmarks.experiments.turns")
