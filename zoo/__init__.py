"""A zoo of recurrent Keras models. Importing it imports no Keras: that happens when a model is made."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from zoo import models, tasks
from zoo.convert import ConversionWarning, with_execution
from zoo.create import create_model, task_at
from zoo.data import PADDING, Data, Split
from zoo.errors import ZooError, seed_number
from zoo.execution import EXECUTIONS, Execution
from zoo.padded_batches import pad_batches
from zoo.registry import MODELS, TASKS, Entry, Recipe, Task, register_entry
from zoo.saving import get_weights, load_model, load_weights, save_weights, set_weights
from zoo.training.fit import train
from zoo.training.scores import evaluate

if TYPE_CHECKING:
    from zoo.comparison.compare import compare
    from zoo.forecasts.forecast import forecast
    from zoo.forecasts.label import label
    from zoo.measuring.recommend import recommend
    from zoo.onnx.own import OnnxModel, export

list_models = MODELS.names
get_entry = MODELS.get
list_tasks = TASKS.names
get_task = TASKS.get


LATER = {
    "recommend": "zoo.measuring.recommend",
    "export": "zoo.onnx.own",
    "OnnxModel": "zoo.onnx.own",
    "compare": "zoo.comparison.compare",
    "forecast": "zoo.forecasts.forecast",
    "label": "zoo.forecasts.label",
}
"""Names of rooms that are only imported when they are used: those that measure, compare and write ONNX files."""


def __getattr__(name: str) -> Any:
    """A name of `LATER`."""
    if name not in LATER:
        raise AttributeError(f"module 'zoo' has no attribute {name!r}")
    return getattr(importlib.import_module(LATER[name]), name)


def load_task(name: str, steps: int | None = None, seed: int = 0) -> Data:
    """The data of the task called `name`: the same seed gives the same arrays.

    Args:
        name: a task; `list_tasks()` names them all.
        steps: length of the sequences, for tasks that come in any length (adding, wave); None for the task's own.
        seed: what is drawn for training and validation; the test splits are always the same.

    Returns:
        A training and a validation split, and the test splits by their names; shapes by the task's topology, see
        `zoo.registry.Split`.

    Raises:
        ZooError: an unknown task, steps that it does not have, no seed, or data that are missing or unfit.
    """
    return get_task(name).load(steps=steps, seed=seed_number(seed))


__all__ = [
    "EXECUTIONS",
    "PADDING",
    "ConversionWarning",
    "Data",
    "Entry",
    "Execution",
    "OnnxModel",
    "Recipe",
    "Split",
    "Task",
    "ZooError",
    "compare",
    "create_model",
    "evaluate",
    "export",
    "forecast",
    "get_entry",
    "get_task",
    "get_weights",
    "label",
    "list_models",
    "list_tasks",
    "load_model",
    "load_task",
    "load_weights",
    "models",
    "pad_batches",
    "recommend",
    "register_entry",
    "save_weights",
    "set_weights",
    "task_at",
    "tasks",
    "train",
    "with_execution",
]
