"""From a case to the figures of its rows. Runs in a fresh process a case."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import zoo
from benchmarks.cases import ACCURACY, PHASES, Case, Effort
from benchmarks.machine import peak_bytes, reset_peak

Figures = dict[str, Any]
"""Columns of a Measurement, those that measuring fills."""


@dataclass(frozen=True)
class Measured:
    """What a case gave: the figures of each row, and how much of its time was spent on what it measures."""

    rows: list[Figures]
    seconds: float


@dataclass(frozen=True)
class Floor:
    """What a one-Dense model costs on the same path."""

    seconds: dict[str, float]  #: of one call, by phase
    host_bytes: int | None


def first_batch(case: Case) -> zoo.Split:
    """The batch that a timed case runs on: the first examples of the task's training split."""
    train = zoo.load_task(case.task, steps=case.steps, seed=case.seed).train
    return zoo.Split(train.x[: case.batch].copy(), train.y[: case.batch].copy())


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _repeat(call: Callable[[], object], least: int, most: int, seconds: float) -> list[float]:
    """Seconds of each call, at least `least` calls, then until `seconds` have passed or `most` calls were made."""
    timings: list[float] = []
    while len(timings) < least or (sum(timings) < seconds and len(timings) < most):
        timings.append(_seconds(call))
    return timings


def measure(case: Case, effort: Effort, floor: Floor) -> Measured:
    """Build a model and time its training step and its prediction, each from the first call on."""
    from benchmarks.runners import keras as runner_module

    batch = first_batch(case)
    started = time.perf_counter()
    runner = runner_module.prepare(case, batch)
    build_seconds = time.perf_counter() - started
    measured, phases, traced = build_seconds, {}, {}
    for phase in PHASES:
        before = runner_module.traced_functions()
        timings, figures = _time(runner.phases[phase], effort)
        traced[phase] = runner_module.traced_functions() - before
        phases[phase] = timings, figures
        measured += figures["compile_seconds"] + figures.pop("warm_up_seconds") + sum(timings)
    rows = []
    for phase, (timings, figures) in phases.items():
        nodes = runner_module.count_nodes(traced[phase])
        shared = {
            "phase": phase,
            "build_seconds": build_seconds,
            "parameters": runner.parameters,
            "graph_nodes": nodes,
            "graph_kind": "" if nodes is None else "tf_function",
            "trainer_floor_seconds": floor.seconds[phase],
            "floor_host_bytes": floor.host_bytes,
            **figures,
        }
        for index, seconds in enumerate(timings):
            timing = {"timing_index": index, "step_seconds": seconds, "examples_per_second": case.batch / seconds}
            rows.append({**shared, **timing})
    return Measured(rows, measured)


def _time(call: Callable[[], object], effort: Effort) -> tuple[list[float], Figures]:
    """First call, warm-up, then the timings of one phase, with the peak of memory of the first call and after it."""
    reset_peak()
    compile_seconds = _seconds(call)
    compile_peak = peak_bytes()
    warm_up = _repeat(call, effort.warm_up_calls, effort.warm_up_most_calls, effort.warm_up_seconds)
    reset_peak()
    timings = _repeat(call, effort.calls, effort.most_calls, effort.seconds)
    return timings, {
        "compile_seconds": compile_seconds,
        "compile_peak_host_bytes": compile_peak,
        "step_peak_host_bytes": peak_bytes(),
        "warm_up_seconds": sum(warm_up),
    }


def measure_floor(case: Case, effort: Effort) -> Floor:
    """What the trainer costs around a one-Dense model."""
    import statistics

    from benchmarks.runners import keras as runner_module

    runner = runner_module.prepare_floor(case, first_batch(case))
    timed = {phase: _time(runner.phases[phase], effort) for phase in PHASES}
    return Floor(
        {phase: statistics.median(timings) for phase, (timings, _) in timed.items()},
        timed["train"][1]["step_peak_host_bytes"],
    )


def measure_accuracy(case: Case) -> Measured:
    """Train the case's entry by its recipe and score it on each test split of its task."""
    import keras

    from benchmarks.runners.keras import set_precision

    started = time.perf_counter()
    set_precision()
    task = zoo.get_task(case.task)
    data = task.load(seed=case.seed)
    keras.utils.set_random_seed(case.seed)
    built = time.perf_counter()
    model = zoo.create_model(case.entry, case.task, case.execution, units=case.units)
    build_seconds = time.perf_counter() - built
    training = zoo.train(model, task, case.recipe, data=data, seed=case.seed, verbose=0)
    scores = zoo.evaluate(model, task, data=data)
    naive = next(iter(task.naive.values()))
    rows = [
        {
            "phase": ACCURACY,
            "build_seconds": build_seconds,
            "parameters": model.count_params(),
            "train_seconds": training.train_seconds,
            "split": split,
            "metric": task.metric,
            "score": score,
            "naive_score": naive(data, data.tests[split]),
        }
        for split, score in scores.items()
    ]
    return Measured(rows, time.perf_counter() - started)
