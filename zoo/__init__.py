"""A zoo of recurrent Keras models. Importing it imports no Keras: that happens when a model is made."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from zoo import models, tasks
from zoo.convert import ConversionWarning, with_execution
from zoo.create import create_model, task_at
from zoo.data import PADDING, Data, Split
from zoo.errors import ZooError
from zoo.execution import EXECUTIONS, Execution
from zoo.registry import MODELS, TASKS, Entry, Recipe, Task
from zoo.saving import get_weights, load_model, load_weights, save_weights, set_weights
from zoo.training.fit import train
from zoo.training.scores import evaluate

if TYPE_CHECKING:
    from zoo.measuring.recommend import recommend

list_models = MODELS.names
get_entry = MODELS.get
list_tasks = TASKS.names
get_task = TASKS.get


def __getattr__(name: str) -> Any:
    """`zoo.recommend`, which measures: the room that does is only imported when it is used."""
    if name != "recommend":
        raise AttributeError(f"module 'zoo' has no attribute {name!r}")
    return importlib.import_module("zoo.measuring.recommend").recommend


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
        ZooError: an unknown task, steps that it does not have, or data that are missing or unfit.
    """
    return get_task(name).load(steps=steps, seed=seed)


__all__ = [
    "EXECUTIONS",
    "PADDING",
    "ConversionWarning",
    "Data",
    "Entry",
    "Execution",
    "Recipe",
    "Split",
    "Task",
    "ZooError",
    "create_model",
    "evaluate",
    "get_entry",
    "get_task",
    "get_weights",
    "list_models",
    "list_tasks",
    "load_model",
    "load_task",
    "load_weights",
    "models",
    "recommend",
    "save_weights",
    "set_weights",
    "task_at",
    "tasks",
    "train",
    "with_execution",
]
