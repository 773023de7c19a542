"""Builds what a file of models holds, for a task and an execution."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from zoo.convert import with_execution
from zoo.errors import ZooError
from zoo.models._network import network
from zoo.own.file import SIZES, Made

if TYPE_CHECKING:
    import keras

    from zoo.execution import Execution
    from zoo.registry import Task


class NoModel(ZooError):
    """A function that returns something else than a model."""


def elsewhere(task: Task, execution: Execution, *, units: int) -> keras.Model:
    """Stands for a builder that only the file has."""
    raise ZooError("a model of a file of your own is built in the processes that measure alone")


def cell_builder(cell: Made) -> Made:
    """Builds the network around a cell: (batch, steps, features) -> cell -> dense output."""

    def build(task: Task, execution: Execution, *, units: int) -> keras.Model:
        return network([cell(units, name="cell")], task, execution)

    return build


def function_builder(function: Made) -> Made:
    """Builds the model of a function, its recurrent layers run as asked; "stock" is the model as it is written."""

    def build(task: Task, execution: Execution, *, units: int) -> keras.Model:
        model = call(function, task, units)
        return model if execution.loop == "stock" else with_execution(model, execution, check=False)

    return build


def call(function: Made, task: Task, units: int) -> keras.Model:
    """The model that a function returns for the sizes of a task.

    Raises:
        NoModel: it returns something else.
    """
    import keras

    sizes = {**{name: getattr(task, name) for name in SIZES[1:]}, "task": task, "units": units}
    takes = inspect.signature(function).parameters
    model = function(**{name: value for name, value in sizes.items() if name in takes})
    if not isinstance(model, keras.Model):
        raise NoModel(f"{function.__name__} returns {type(model).__name__}, not a keras.Model")
    return model
