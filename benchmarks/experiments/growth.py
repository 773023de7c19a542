"""What a run costs beside its measuring, as it grows: in nodes, in cases, and in rows.

    python -m benchmarks.experiments.growth nodes
    python -m benchmarks.experiments.growth cases --number 10000
    python -m benchmarks.experiments.growth rows --number 1000000

- nodes: groups of a fixed length on 1, 2, 4 and 8 simulated nodes of a Ray cluster on this machine. A group sleeps, so
  that the nodes do not share the processors. `efficiency` is the time that the groups alone need over the time taken.
- cases: a coordinator of which every process answers at once, so that what is left is its own: planning the repeats,
  the rounds, the rows and the table. Milliseconds and memory of each tenth of the cases.
- rows: a table of so many rows is read, and its verdicts and summary are made. Seconds and the most memory.

Rows of the answers go to results/reference/growth, a table each.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import psutil
import typer

from zoo import Split, task_at
from zoo.cli.command import run
from zoo.execution import Execution
from zoo.measuring import limit, prove
from zoo.measuring.batch import first_batch
from zoo.measuring.case import Case
from zoo.measuring.cluster import Cluster
from zoo.measuring.coordinator import Coordinator
from zoo.measuring.effort import USUAL
from zoo.measuring.group import groups
from zoo.measuring.job import Job
from zoo.measuring.launcher import Outcome
from zoo.measuring.machine import peak_bytes, reset_peak
from zoo.measuring.worker import Block, measure_floor

FOLDER = Path(__file__).parent.parent.parent / "results" / "reference" / "growth"
MIB = 2**20
NODES = (1, 2, 4, 8)
TENTHS = 10
MEMORY = 1 << 60
To = Annotated[Path, typer.Option(metavar="DIR", help="Where the answer goes.")]

app = typer.Typer(help=__doc__, rich_markup_mode="rich", pretty_exceptions_enable=False)


class Sleeper:
    """Stands for what measures on a node."""

    def __init__(self, node: str, at_once: int) -> None:
        pass

    def group(self, seconds: float) -> Iterator[str]:
        """Take so long."""
        time.sleep(seconds)
        yield "done"

    def close(self) -> None:
        """It has nothing to end."""


def seconds_on(nodes: int, number: int, seconds: float) -> float:
    """What so many groups take on so many nodes, from the moment that every node answers."""
    from ray.cluster_utils import Cluster as Simulated

    simulated = Simulated(initialize_head=True, head_node_args={"num_cpus": 0})
    try:
        for _ in range(nodes):
            simulated.add_node(num_cpus=1)
        cluster = Cluster(simulated.address, Sleeper)
        try:
            _finish(cluster, nodes, 0.0)
            started = time.perf_counter()
            _finish(cluster, number, seconds)
            return time.perf_counter() - started
        finally:
            cluster.close()
    finally:
        simulated.shutdown()


def _finish(cluster: Cluster, number: int, seconds: float) -> None:
    jobs = [Job(f"group {i}", "group", lambda: (seconds,), lambda piece: None, alone=True) for i in range(number)]
    for job in jobs:
        cluster.add(job)
    for job in jobs:
        cluster.finish(job)


@app.command("nodes")
def on_nodes(
    number: Annotated[int, typer.Option(min=1, help="How many groups.")] = 48,
    seconds: Annotated[float, typer.Option(min=0.1, help="Of each group.")] = 2.0,
    to: To = FOLDER,
) -> None:
    """Groups of a fixed length on 1, 2, 4 and 8 nodes."""
    rows = []
    for nodes in NODES:
        taken = seconds_on(nodes, number, seconds)
        alone = -(-number // nodes) * seconds
        rows.append({"nodes": nodes, "groups": number, "seconds": taken, "efficiency": alone / taken})
    _keep(pd.DataFrame(rows), to / "nodes.csv")


class InstantProcess:
    """A process that answers at once: a worker whose calls take a millisecond by its own account."""

    process_id = 0

    def __init__(self) -> None:
        self._random = np.random.default_rng(0)

    def make(self, *_: object) -> Outcome:
        """As if it had built its arm."""
        return Outcome("ok")

    def call(self, limits: object, method: str, *arguments: object) -> Outcome:
        """What an Arm would answer."""
        answers: dict[str, Callable[[], object]] = {
            "built": lambda: (0.0, {"build_seconds": 0.1, "parameters": 1000}),
            "warm_up": lambda: (0.0, {"first_call_seconds": 0.2, "step_peak_host_bytes": MIB}),
            "block": lambda: Block(20, 1e-3 * float(self._random.lognormal(0, 0.1)), 0.02),
        }
        return Outcome("ok", value=answers[method]())

    def held_bytes(self) -> int:
        """Nothing."""
        return 0

    def end(self) -> int:
        """As if it had been killed."""
        return -9


class InstantLaunchers:
    """Fork servers whose processes answer at once."""

    def of(self, case: Case) -> InstantLaunchers:
        """One for all."""
        return self

    def start(self) -> InstantProcess:
        """A fresh process."""
        return InstantProcess()

    def run(self, limits: object, case: Case, function: Callable[..., Any], *arguments: Any) -> Outcome:
        """What is measured once."""
        empty: dict[str, dict[str, float]] = {phase: {} for phase in case.phases}
        values: dict[Callable[..., Any], Any] = {
            first_batch: Split(np.zeros(1), np.zeros(1)),
            measure_floor: empty,
            prove.prove: prove.Proof({"kernel_path": "while", "kernel_evidence": "a line"}),
            limit.large_rate: 1e9,
            limit.product_seconds: {},
        }
        return Outcome("ok", value=values[function])

    def close(self) -> None:
        """Nothing runs."""


def many_cases(number: int) -> list[Case]:
    """So many arms: lstm and gru at sizes of their own."""
    task = task_at("wave")
    units = range(1, -(-number // 4) + 1)
    ways = [(entry, Execution(loop)) for entry in ("lstm", "gru") for loop in ("looped", "unrolled")]
    cases = [Case(e, "wave", x, "tensorflow", "cpu", task.batch, task.steps, 1, u) for u in units for e, x in ways]
    return cases[:number]


@app.command("cases")
def of_cases(
    number: Annotated[int, typer.Option(min=TENTHS, help="How many cases.")] = 10_000,
    to: To = FOLDER,
) -> None:
    """A coordinator whose processes answer at once: its own time and memory by tenths of the cases."""
    process = psutil.Process()
    together = groups(dict.fromkeys(many_cases(number), 1), least=1)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        launchers: Any = InstantLaunchers()
        effort = replace(USUAL, warm_up_seconds=0.0)
        coordinator = Coordinator(Path(folder), "growth", effort, MEMORY, launchers=launchers)
        for tenth in range(TENTHS):
            part = together[tenth * len(together) // TENTHS : (tenth + 1) * len(together) // TENTHS]
            started = time.process_time()
            written = 0
            for group in part:
                run = coordinator.group(group)
                coordinator.measure(run, 0.0)
                written += sum(map(len, run.rows.values()))
            seconds, cases = time.process_time() - started, sum(len(group.arms) for group in part)
            rows.append(
                {
                    "cases": cases,
                    "rows": written,
                    "ms_a_case": 1e3 * seconds / cases,
                    "resident_mib": process.memory_info().rss / MIB,
                }
            )
    _keep(pd.DataFrame(rows), to / "cases.csv")


@app.command("rows")
def of_rows(
    number: Annotated[int, typer.Option(min=1000, help="How many rows.")] = 1_000_000,
    to: To = FOLDER,
) -> None:
    """A table of so many rows: seconds and memory to read it and to sum it up."""
    from zoo.report.verdicts import verdict_lines
    from zoo.statistics.folders import read_results
    from zoo.statistics.summary import summary

    reference = FOLDER.parent
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "measurements.csv"
        _grow(reference, path, number)
        reset_peak()
        before = peak_bytes() or 0
        started = time.perf_counter()
        table = read_results(path)
        read_seconds = time.perf_counter() - started
        summed, lines = summary(table), verdict_lines(table)
        answer = {
            "rows": len(table),
            "mib_on_disk": path.stat().st_size / MIB,
            "read_seconds": read_seconds,
            "seconds": time.perf_counter() - started,
            "most_mib": ((peak_bytes() or 0) - before) / MIB,
            "summary_rows": len(summed),
            "verdict_lines": len(lines),
        }
    _keep(pd.DataFrame([answer]), to / "rows.csv")


def _grow(reference: Path, path: Path, number: int) -> None:
    """Write the rows of the reference tables again and again, each time of other units, until there are so many."""
    from zoo.statistics.folders import read_results

    table = read_results(reference).drop(columns="execution")
    table["jit"] = table["jit"].map({True: "True", False: "False"})
    written = copies = 0
    while written < number:
        part = table.head(number - written).assign(units=lambda t: t["units"] + 1000 * copies)  # noqa: B023
        part.to_csv(path, index=False, mode="a", header=not copies)
        written, copies = written + len(part), copies + 1


def _keep(table: pd.DataFrame, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, index=False)
    typer.echo(table.round(3).to_string(index=False))


if __name__ == "__main__":
    run(app, "python -m benchmarks.experiments.growth")
