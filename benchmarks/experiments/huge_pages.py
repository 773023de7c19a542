"""How much of a training step is the kernel handing out memory, and what do huge pages of memory save?

    python -m benchmarks.experiments.huge_pages
    python -m benchmarks.experiments.huge_pages --backends jax --repeats 3 --to huge_pages.csv

On a CPU a backend asks the system for the memory of a step, and gives it back after the step. The kernel then fills it
with zeros in pages of 4 KiB, each at its first touch. `GLIBC_TUNABLES` tells the C library of Linux to ask for pages of
2 MiB, or to keep what it has. It is read when a process starts, so each arm is a process of its own: those of a repeat
are alive at the same time and take turns, in orders that are balanced.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer

from zoo.cli.command import run_function
from zoo.errors import ZooError, unknown
from zoo.execution import BACKENDS
from zoo.measuring.lockstep import balanced_order
from zoo.measuring.rows import check_writable
from zoo.statistics.intervals import geometric_interval, geometric_mean
from zoo.statistics.texts import with_interval

SIZES = (("lstm", "wave"), ("lstm", "adding"), ("lru", "mnist_pixels"))
"""Entries and tasks: 20, 200 and 784 steps."""
BATCH = 50
HUGE = "glibc.malloc.hugetlb=1"
KEPT = ":".join(
    f"glibc.malloc.{name}={value}"
    for name, value in {"mmap_max": 0, "trim_threshold": 1 << 34, "top_pad": 1 << 30, "arena_max": 1}.items()
)
ARMS = {"as usual": "", "huge pages": HUGE, "huge pages, kept": f"{HUGE}:{KEPT}"}
"""GLIBC_TUNABLES of each arm."""
BLOCK_SECONDS = 0.4
SERVE = "from benchmarks.experiments.huge_pages import serve; serve()"


def serve() -> None:
    """Of a worker: build what the first line of stdin says, then time a block of training steps at each further one."""
    import resource

    backend, entry, task = json.loads(sys.stdin.readline())
    step = _training_step(backend, entry, task)
    for _ in range(2):
        step()
    print(json.dumps("ready"), flush=True)
    for _ in sys.stdin:
        step()
        before = resource.getrusage(resource.RUSAGE_SELF)
        seconds: list[float] = []
        while sum(seconds) < BLOCK_SECONDS:
            started = time.perf_counter()
            step()
            seconds.append(time.perf_counter() - started)
        after = resource.getrusage(resource.RUSAGE_SELF)
        row = {
            "step_seconds": float(np.median(seconds)),
            "system_seconds": (after.ru_stime - before.ru_stime) / len(seconds),
            "page_faults": (after.ru_minflt - before.ru_minflt) / len(seconds),
        }
        print(json.dumps(row), flush=True)


def _training_step(backend: str, entry: str, task_name: str) -> Any:
    """A call that makes one training step on random data, as `train-reference` runs the entry."""
    import keras

    import zoo
    from benchmarks.trained.queue import fastest

    task, execution = zoo.get_task(task_name), fastest(zoo.get_entry(entry), backend)
    keras.utils.set_random_seed(0)
    model = zoo.create_model(entry, task_name, execution)
    model.compile("adam", task.loss, jit_compile=execution.jit)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(BATCH, task.steps, task.features)).astype("float32")
    shape = model.output_shape[1:] if task.activation == "linear" else model.output_shape[1:-1]
    y = rng.integers(0, 2, (BATCH, *shape)).astype("float32")
    return lambda: model.train_on_batch(x, y)


class Worker:
    """A process of one arm."""

    def __init__(self, tunables: str, *what: str) -> None:
        environment = {**os.environ, "KERAS_BACKEND": what[0], "GLIBC_TUNABLES": tunables, "TF_CPP_MIN_LOG_LEVEL": "2"}
        self._process = subprocess.Popen(
            [sys.executable, "-c", SERVE], env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.ask(what)

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def ask(self, question: object) -> Any:
        """What it answers.

        Raises:
            ZooError: it ended; why stands on its stderr.
        """
        assert self._process.stdin
        assert self._process.stdout
        try:
            self._process.stdin.write(f"{json.dumps(question)}\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            raise ZooError("a worker ended before its time: what it says stands above")
        return json.loads(answer)


def measure(backend: str, entry: str, task: str, repeat: int, rounds: int) -> list[dict[str, Any]]:
    """The medians over rounds of new workers: a row an arm."""
    with ExitStack() as stack:
        workers = [stack.enter_context(Worker(tunables, backend, entry, task)) for tunables in ARMS.values()]
        blocks = [
            {"arm": place, **workers[place].ask(number)}
            for number in range(rounds)
            for place in balanced_order(len(workers), number)
        ]
    medians = pd.DataFrame(blocks).groupby("arm").median()
    size = {"backend": backend, "entry": entry, "task": task, "repeat": repeat}
    return [{**size, "arm": arm, **dict(medians.iloc[place])} for place, arm in enumerate(ARMS)]


def ratios(rows: pd.DataFrame) -> pd.DataFrame:
    """A row a backend and size: the step as usual, the kernel's CPU time over it, and each other arm's step over it.

    The CPU time is that of all threads: with several it may be more than the step takes.
    """
    import zoo

    lines = []
    for (backend, entry, task), part in rows.groupby(["backend", "entry", "task"], sort=False):
        wide = part.pivot(index="repeat", columns="arm", values="step_seconds")
        usual = part[part["arm"] == "as usual"]
        line = {
            "backend": backend,
            "entry": entry,
            "steps": str(zoo.get_task(str(task)).steps),
            "as usual": f"{1e3 * usual['step_seconds'].median():.3g} ms",
            "kernel CPU over step": f"{(usual['system_seconds'] / usual['step_seconds']).median():.0%}",
        }
        for arm in list(ARMS)[1:]:
            over = wide[arm] / wide["as usual"]
            line[arm] = with_interval(geometric_mean(over), *geometric_interval(over))
        lines.append(line)
    return pd.DataFrame(lines)


def main(
    backends: Annotated[str, typer.Option(metavar="A,B", help="By default all.")] = ",".join(BACKENDS),
    repeats: Annotated[int, typer.Option(min=1, help="New processes of each arm; an interval needs 3.")] = 3,
    rounds: Annotated[int, typer.Option(min=1, help="Turns of each process.")] = 6,
    to: Annotated[Path | None, typer.Option(metavar="CSV", help="Where the raw rows go.", show_default=False)] = None,
) -> None:
    """Time training steps as usual and with huge pages of memory."""
    names = backends.split(",")
    for name in names:
        if name not in BACKENDS:
            raise unknown("backend", name, BACKENDS)
    if sys.platform != "linux":
        raise ZooError("GLIBC_TUNABLES is read by the C library of Linux alone")
    if to:
        check_writable(to.parent)
    rows: list[dict[str, Any]] = []
    for backend in names:
        for entry, task in SIZES:
            for repeat in range(repeats):
                rows += measure(backend, entry, task, repeat, rounds)
                if to:
                    pd.DataFrame(rows).to_csv(to, index=False)
            print(ratios(pd.DataFrame(rows)).tail(1).to_string(index=False, header=False), flush=True)
    print(ratios(pd.DataFrame(rows)).to_string(index=False))


if __name__ == "__main__":
    run_function(main, "python -m benchmarks.experiments.huge_pages")
