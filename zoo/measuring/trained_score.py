"""Trains a case's entry by its recipe and scores it. Runs in a process of its own."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from pathlib import Path

import zoo
from zoo.measuring.case import ACCURACY, Case
from zoo.measuring.worker import Figures
from zoo.training.history import epoch_log
from zoo.training.scores import evaluate_all

Epoch = dict[str, float]
"""An epoch of a training: its number, the training seconds so far, and figures such as loss and val_accuracy."""


@dataclass(frozen=True)
class Trained:
    """What a training gave: the figures of each row, and its epochs."""

    rows: list[Figures]
    epochs: list[Epoch] = field(default_factory=list)


def train_and_score(case: Case, threads: int, weights: Path | None = None) -> Trained:
    """Train the case's entry by its recipe and score it on each test split of its task.

    Args:
        case: with a recipe.
        threads: how many threads an operation may take, fewer where several trainings run at once.
        weights: where the trained weights go, if they are kept. Then every epoch is scored on the test splits too, for
            the curves that are published; nothing is chosen by them.

    Raises:
        Diverged: the loss is not a finite number.
        ArithmeticError: a score is not a finite number.
    """
    from zoo.measuring.runners.keras import configure

    limit_threads(case.backend, threads)
    configure(case)
    task = zoo.task_at(case.task, case.steps)
    data, recipe = task.load(steps=case.steps, seed=case.seed), task.recipe(case.recipe)
    loaded = time.perf_counter()
    model = zoo.create_model(
        case.entry, case.task, case.execution, units=case.units, steps=case.steps, **recipe.options
    )
    build_seconds = time.perf_counter() - loaded
    log = epoch_log(task, data.tests if weights else None)
    zoo.train(model, task, recipe, data=data, seed=case.seed, log=log, verbose=0)
    if weights:
        zoo.save_weights(model, weights)
    scores = evaluate_all(model, task, data)
    rows = []
    for split, metric, score in ((split, *each) for split, of_split in scores.items() for each in of_split.items()):
        if not math.isfinite(score):
            raise ArithmeticError(f"{metric} on {split} is {score}")
        worth = {"split": split, "metric": metric, "score": score}
        if metric == task.metric:
            worth["naive_score"] = task.best(guess(data, data.tests[split]) for guess in task.naive.values())
        costs = {"build_seconds": build_seconds, "parameters": model.count_params()}
        costs |= {
            "threads": threads,
            "train_seconds": log.train_seconds,
            "seconds_to_target": _seconds_to_target(task, split, log.rows),
        }
        rows.append({"phase": ACCURACY, **worth, **costs})
    return Trained(rows, log.rows)


def _seconds_to_target(task: zoo.Task, split: str, epochs: list[Epoch]) -> float | None:
    """The training seconds after which the score of an epoch was first as good as the task's target, if it ever was."""
    metric = f"{split}_{task.keras_metric}"
    if task.target is None or metric not in epochs[0]:
        return None
    sign = 1 if task.higher_is_better else -1
    return next((row["train_seconds"] for row in epochs if sign * row[metric] >= sign * task.target), None)


def limit_threads(backend: str, threads: int) -> None:
    """Before the first tensor of the process. On JAX a process takes what is free."""
    if backend == "tensorflow":
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(threads)
    elif backend == "torch":
        import torch

        torch.set_num_threads(threads)
