"""Scoring a model on the test splits of its task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.data import Data
from zoo.errors import seed_number
from zoo.padding import check_padding
from zoo.registry import Task
from zoo.training.fit import load_for, task_of
from zoo.training.history import SCORING_BATCH

if TYPE_CHECKING:
    import keras


def evaluate(
    model: keras.Model, task: str | Task, *, data: Data | None = None, seed: int = 0, batch: int = SCORING_BATCH
) -> dict[str, float]:
    """The task's metric on each of its test splits, by the split's name.

    The model may be compiled with another metric, or not at all, as after `load_model(..., compile=False)`.

    Raises:
        ZooError: the task is unknown, or not for the model.
    """
    task = task_of(model, task)
    data = data or load_for(model, task, seed_number(seed))
    return {name: values[task.metric] for name, values in evaluate_all(model, task, data, batch).items()}


def evaluate_all(model: keras.Model, task: Task, data: Data, batch: int = SCORING_BATCH) -> dict[str, dict[str, float]]:
    """Every metric of the task by its name, on each test split by the split's name."""
    scores, model = {}, model if task.score else _measuring(model, task)
    for name, split in data.tests.items():
        check_padding(task, split, name)
        if task.score:
            scores[name] = dict(task.score(model, data, split))
        else:
            values = model.evaluate(*split, batch_size=batch, verbose=0, return_dict=True)
            scores[name] = {task.metric: values[task.metric]}
    return scores


def _measuring(model: keras.Model, task: Task) -> keras.Model:
    """The model, or one of the same layers that is compiled with the task's metric where this one is not."""
    import keras

    from zoo.layers.keras_private import compile_arguments

    if model.compiled and compile_arguments(model)["metrics"] == [task.keras_metric]:
        return model
    measuring = keras.Model(model.inputs, model.outputs[0])
    measuring.compile(loss=task.loss, metrics=[task.keras_metric])
    return measuring
