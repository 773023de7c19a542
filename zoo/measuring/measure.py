"""From a case to the figures of its rows. Runs in a fresh process a case."""

from __future__ import annotations

import gc
import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import zoo
from zoo.measuring import runners
from zoo.measuring.case import ACCURACY, Case
from zoo.measuring.effort import Effort
from zoo.measuring.machine import peak_bytes, reset_peak
from zoo.training.history import epoch_log
from zoo.training.scores import evaluate_all

Figures = dict[str, Any]
"""Columns of a Measurement, those that measuring fills."""
Epoch = dict[str, float]
"""An epoch of a training: its number, the training seconds so far, and figures such as loss and val_accuracy."""


@dataclass(frozen=True)
class Measured:
    """What a case gave: the figures of each row, and how much of its time was spent on what it measures."""

    rows: list[Figures]
    seconds: float
    epochs: list[Epoch] = field(default_factory=list)  #: of a training


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


def measure(case: Case, batch: zoo.Split, effort: Effort, floors: dict[str, Figures]) -> Measured:
    """Build a model and time its training step and its prediction, each from the first call on."""
    started = time.perf_counter()
    runner = runners.load(case.runner).prepare(case, batch)
    build_seconds = time.perf_counter() - started
    measured, rows = build_seconds, []
    for phase in case.phases:
        timings, figures, spent = _time(runner.phases[phase], effort)
        measured += spent
        figures["peak_device_bytes"] = runner.peak_device_bytes()
        if phase != case.phases[0]:  # the heap that training left is in every later peak of the process
            figures = {name: value for name, value in figures.items() if not name.endswith("_bytes")}
        shared = {"phase": phase, "build_seconds": build_seconds, "parameters": runner.parameters, **floors[phase]}
        for index, seconds in enumerate(timings):
            timing = {"round": index, "calls": 1, "step_seconds": seconds, "examples_per_second": case.batch / seconds}
            rows.append({**shared, **figures, **timing})
    return Measured(rows, measured)


def _time(call: Callable[[], object], effort: Effort) -> tuple[list[float], Figures, float]:
    """One phase: its timings, its first call and its peaks of memory, and the seconds that all of it took."""
    gc.collect()
    reset_peak()
    first_call_seconds = _seconds(call)
    compile_peak = peak_bytes()
    warm_up = _repeat(call, effort.warm_up_calls, effort.warm_up_most_calls, effort.warm_up_seconds)
    reset_peak()
    timings = _repeat(call, effort.calls, effort.most_calls, effort.seconds)
    figures = {
        "first_call_seconds": first_call_seconds,
        "compile_peak_host_bytes": compile_peak,
        "step_peak_host_bytes": peak_bytes(),
    }
    return timings, figures, first_call_seconds + sum(warm_up) + sum(timings)


def measure_floor(case: Case, batch: zoo.Split, effort: Effort) -> dict[str, Figures]:
    """What a one-Dense model costs on the same path: the floors of each phase's columns."""
    runner = runners.load(case.runner).prepare_floor(case, batch)
    floors = {}
    for phase in case.phases:
        timings, figures, _ = _time(runner.phases[phase], effort)
        floors[phase] = {"trainer_floor_seconds": statistics.median(timings)}
        if phase == "train":
            floors[phase]["compile_floor_host_bytes"] = figures["compile_peak_host_bytes"]
            floors[phase]["step_floor_host_bytes"] = figures["step_peak_host_bytes"]
    return floors


def measure_accuracy(case: Case, weights: Path | None = None) -> Measured:
    """Train the case's entry by its recipe and score it on each test split of its task.

    Args:
        case: with a recipe.
        weights: where the trained weights go, if they are kept. Then every epoch is scored on the test splits too, for
            the curves that are published; nothing is chosen by them.

    Raises:
        ArithmeticError: the training diverged, so that a score is not a finite number.
    """
    from zoo.measuring.runners.keras import configure

    configure(case)
    started = time.perf_counter()
    task = zoo.get_task(case.task)
    data, recipe = task.load(seed=case.seed), task.recipe(case.recipe)
    loaded = time.perf_counter()
    model = zoo.create_model(case.entry, case.task, case.execution, units=case.units, **recipe.options)
    build_seconds = time.perf_counter() - loaded
    log = epoch_log(task, data.tests if weights else None)
    zoo.train(model, task, recipe, data=data, seed=case.seed, log=log, verbose=0)
    if weights:
        zoo.save_weights(model, weights)
    scores = evaluate_all(model, task, data)
    spent = time.perf_counter() - started
    naive = next(iter(task.naive.values()))
    rows = []
    for split, metric, score in ((split, *each) for split, of_split in scores.items() for each in of_split.items()):
        if not math.isfinite(score):
            raise ArithmeticError(f"the training diverged: {metric} on {split} is {score}")
        worth = {"split": split, "metric": metric, "score": score}
        worth |= {"naive_score": naive(data, data.tests[split])} if metric == task.metric else {}
        costs = {"build_seconds": build_seconds, "parameters": model.count_params()}
        costs |= {"train_seconds": log.train_seconds, "seconds_to_target": _seconds_to_target(task, split, log.rows)}
        rows.append({"phase": ACCURACY, **worth, **costs})
    return Measured(rows, spent, log.rows)


def _seconds_to_target(task: zoo.Task, split: str, epochs: list[Epoch]) -> float | None:
    """The training seconds after which the score of an epoch was first as good as the task's target, if it ever was."""
    metric = f"{split}_{task.keras_metric}"
    if task.target is None or metric not in epochs[0]:
        return None
    sign = 1 if task.higher_is_better else -1
    return next((row["train_seconds"] for row in epochs if sign * row[metric] >= sign * task.target), None)
