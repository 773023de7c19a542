"""Results tables made up for tests, with ratios that are known because they were put in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd

from zoo.measuring.rows import Measurement
from zoo.statistics.tables import as_table

ENTRIES = ("neuron", "simple_rnn", "lstm", "gru")
MIB = 2**20

TIMING = Measurement(
    case_id="",
    entry="lstm",
    task="wave",
    cell="lstm",
    topology="sequence_to_vector",
    loop="looped",
    chunk=None,
    jit=False,
    memory="store",
    runner="keras",
    backend="tensorflow",
    device="cpu",
    dtype="float32",
    matmul_precision="float32",
    optimizer="sgd",
    masked="none",
    batch=32,
    steps=20,
    features=1,
    units=32,
    phase="train",
    repeat=0,
    seed=0,
    group="wave",
    round=0,
    calls=1,
    kernel_path="while",
    build_seconds=0.2,
    first_call_seconds=1.0,
    step_seconds=0.010,
    compile_peak_host_bytes=120 * MIB,
    step_peak_host_bytes=90 * MIB,
    compile_floor_host_bytes=60 * MIB,
    step_floor_host_bytes=60 * MIB,
    graph_nodes=900,
    parameters=4_513,
    device_name="Example CPU @ 2.50GHz",
    cpu_count=2,
    threads=2,
    python_version="3.11.9",
    keras_version="3.15.1",
    backend_version="2.22.0",
    numpy_version="2.4.6",
    commit="0123456789ab",
    started_at="2026-05-01T10:00:00",
    run="run-1",
)
SCORE = replace(
    TIMING,
    phase="accuracy",
    recipe="fast",
    optimizer="adam",
    round=None,
    calls=None,
    first_call_seconds=None,
    step_seconds=None,
    compile_peak_host_bytes=None,
    step_peak_host_bytes=None,
    compile_floor_host_bytes=None,
    step_floor_host_bytes=None,
    split="same_range",
    metric="mse",
    score=0.01,
    naive_score=0.1,
    train_seconds=4.0,
)
FAILURE = replace(
    TIMING,
    round=None,
    calls=None,
    status="out_of_memory",
    reason="held 3.10 GiB, over the limit of 3.00",
    first_call_seconds=None,
    step_seconds=None,
    compile_peak_host_bytes=None,
    step_peak_host_bytes=None,
)
SIZES = {"digits_rows": {"steps": 8, "features": 8, "units": 100}, "wave": {"steps": 20, "features": 1, "units": 32}}


def grown(fields: dict[str, tuple[float, float]], numbers: Iterable[int], **others: object) -> list[Measurement]:
    """Rows at each number of steps, two repeats each, whose `fields` cost a·steps^b, of (a, b)."""
    rows = []
    for steps in numbers:
        costs = {name: a * steps**b for name, (a, b) in fields.items()}
        base = replace(TIMING, steps=steps, **others, **costs)  # type: ignore[arg-type]
        rows += [replace(base, case_id=f"{base.loop}-{steps}-{repeat}", repeat=repeat) for repeat in range(2)]
    return rows


def arm(loop: str, factors: Iterable[float], base: Measurement = TIMING, first_call: float = 1.0) -> list[Measurement]:
    """An execution whose every repeat takes its factor × the time of `base`, and `first_call` × its first call.

    Three blocks a repeat, of which the median is that time; the machine's pace is another in each round.
    """
    assert base.step_seconds is not None
    assert base.first_call_seconds is not None
    return [
        replace(
            base,
            case_id=f"{base.entry}-{base.task}-{loop}-{base.steps}-{base.jit}-{repeat}",
            loop=loop,
            repeat=repeat,
            round=index,
            step_seconds=base.step_seconds * factor * spread,
            first_call_seconds=base.first_call_seconds * first_call,
        )
        for repeat, factor in enumerate(factors)
        for index, spread in enumerate((0.9, 1.0, 1.5))
    ]


def pair(steps: int, factors: Sequence[float], first_call: float = 2.0, **fields: object) -> list[Measurement]:
    """Looped, the same in each repeat, and unrolled, whose repeats take `factors` × that time."""
    base = replace(TIMING, steps=steps, **fields)  # type: ignore[arg-type]
    return arm("looped", [1.0] * len(factors), base) + arm("unrolled", factors, base, first_call)


def quick_rows(repeats: int = 3, seeds: int = 3) -> list[Measurement]:
    """Rows like those of the quick profile: 4 entries on 2 tasks, +jit and a sweep of steps for lstm, and scores."""
    random = np.random.default_rng(0)
    settings = [(entry, task, SIZES[task]["steps"], False) for entry in ENTRIES for task in SIZES]
    settings += [("lstm", task, SIZES[task]["steps"], True) for task in SIZES]
    settings += [("lstm", "wave", steps, False) for steps in (10, 50, 100, 200)]
    rows: list[Measurement] = []
    for entry, task, steps, jit in settings:
        for phase, share in (("train", 1.0), ("predict", 0.3)):
            rows += _timed(entry, task, steps, jit, phase, share, repeats, random)
    return rows + list(_trained(seeds, random))


def _timed(
    entry: str, task: str, steps: int, jit: bool, phase: str, share: float, repeats: int, random: np.random.Generator
) -> list[Measurement]:
    weight = 1 + ENTRIES.index(entry)
    base = replace(
        TIMING,
        **{**SIZES[task], "entry": entry, "cell": entry, "task": task, "steps": steps, "jit": jit, "phase": phase},
        step_seconds=(0.002 + 0.0002 * steps * weight) * share * (0.6 if jit else 1.0),
        first_call_seconds=0.8 + 2.5 * jit,
        compile_peak_host_bytes=(110 + 40 * jit) * MIB,
        step_peak_host_bytes=(75 + steps // 10) * MIB,
        graph_nodes=None if jit else 900,
    )
    noise = np.exp(random.normal(0, 0.04, (2, repeats)))
    unrolled = replace(
        base,
        compile_peak_host_bytes=(110 + steps + 40 * jit) * MIB,
        step_peak_host_bytes=(75 + steps // 3) * MIB,
        graph_nodes=None if jit else 400 + 60 * steps,
    )
    slower = 0.8 + 0.0025 * steps
    return arm("looped", noise[0], base) + arm("unrolled", slower * noise[1], unrolled, 1 + 0.06 * steps)


def _trained(seeds: int, random: np.random.Generator) -> Iterator[Measurement]:
    for entry in ENTRIES:
        rank = ENTRIES.index(entry)
        for seed in range(seeds):
            scores = [
                ("digits_rows", "test", "accuracy", 0.86 + 0.03 * rank + random.normal(0, 0.006), 0.1),
                ("wave", "same_range", "mse", 0.004 / 3**rank * np.exp(random.normal(0, 0.2)), 0.012),
                ("wave", "unseen_time", "mse", 0.3 / 2**rank * np.exp(random.normal(0, 0.3)), 0.012),
            ]
            for task, split, metric, score, naive in scores:
                what = {"entry": entry, "cell": entry, "task": task, "split": split, "metric": metric}
                case_id = f"{entry}-{task}-seed{seed}"
                worth = {"score": float(score), "naive_score": naive, "seed": seed, "case_id": case_id}
                yield replace(SCORE, **what, **SIZES[task], **worth)


@cache
def quick_table() -> pd.DataFrame:
    """A table like that of the quick profile, with one case that failed and two that were skipped.

    It is the same for all who ask: nobody changes it.
    """
    skipped = [
        replace(FAILURE, case_id=f"skip-{i}", status="skipped", reason="torch with jit needs a C++ compiler")
        for i in range(2)
    ]
    failed = replace(FAILURE, case_id="failed", entry="gru", cell="gru", loop="unrolled", steps=200)
    return as_table([*quick_rows(), failed, *skipped])


def empty_table() -> pd.DataFrame:
    """A table with columns and no rows."""
    return as_table([])


def failures_table() -> pd.DataFrame:
    """A table in which nothing ended well."""
    crashed = replace(FAILURE, case_id="b", status="crashed", reason="killed by signal 11", loop="unrolled")
    return as_table([replace(FAILURE, case_id="a"), crashed, replace(crashed, case_id="c", repeat=1)])
