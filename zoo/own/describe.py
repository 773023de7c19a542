"""Finds out what a file of models holds: it is imported, and each model is built once at small sizes."""

from __future__ import annotations

import inspect
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.convert import with_execution
from zoo.errors import ZooError
from zoo.execution import Execution
from zoo.models._network import TOPOLOGIES
from zoo.own.build import NoModel, call, cell_builder, elsewhere
from zoo.own.file import SIZES, Made, contents_of, place_of, returns_model
from zoo.own.models import OwnModels
from zoo.own.shapes import Shape, shape_of, task_of, toy_task
from zoo.registry import SEQUENCE_TO_VECTOR, Entry, Task, Written

if TYPE_CHECKING:
    import keras


WHAT_IS_ONE = "one is a class of cells, or a function that returns a keras.Model"


def described(path: Path) -> OwnModels:
    """Import the file, build each of its models once at small sizes, and say what it holds. Imports Keras.

    Raises:
        ZooError: there is no such file, it does not import (with the line), or it holds no model.
    """
    contents = contents_of(path)
    entries, tasks = [replace(entry, build=elsewhere) for entry in contents.registered], []
    broken: dict[str, str] = {}
    left_out = dict(contents.others)
    for name, make in contents.made.items():
        try:
            entry, task = _described_cell(name, make) if inspect.isclass(make) else _described_function(name, make)
        except NoModel as error:  # of what never said that it would be one
            (broken if returns_model(make) else left_out)[name] = str(error)
            continue
        except Exception as error:  # a model of the user's own raises anything
            broken[name] = place_of(error, path.resolve())
            continue
        entries.append(replace(entry, build=elsewhere))
        tasks += [task] if task else []
    if not entries:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in {**broken, **left_out}.items())
        raise ZooError(f"{path} has no model: {reasons or WHAT_IS_ONE}")
    return OwnModels(path, tuple(entries), tuple(tasks), broken, left_out)


def _described_cell(name: str, cell: Made) -> tuple[Entry, None]:
    """The entry of a cell, which works in one network."""
    from zoo.layers import LinearCell

    _require_states(cell(6))
    cell_builder(cell)(toy_task(SEQUENCE_TO_VECTOR), Execution(), units=6)
    linear = isinstance(cell, type) and issubclass(cell, LinearCell)
    return Entry(name, elsewhere, name, TOPOLOGIES, _first_line(cell), linear=linear), None


def _require_states(cell: Any, batch: int = 4, features: int = 3) -> None:
    """Call a cell once on (batch, features) and its first states.

    Raises:
        ZooError: it does not return its output, and as many states of those sizes as its `state_size` says.
    """
    import keras

    sizes = keras.tree.flatten(cell.state_size)
    first = [keras.ops.zeros((batch, size)) for size in sizes]
    result = cell(keras.ops.ones((batch, features)), first)
    if not isinstance(result, tuple) or len(result) != 2:
        raise ZooError("its call does not return a pair: the output, and the states")
    states = keras.tree.flatten(result[1])
    if len(states) != len(sizes):
        raise ZooError(f"its call returns {len(states)} states, and its state_size has {len(sizes)}")
    for number, (state, size) in enumerate(zip(states, sizes, strict=True), start=1):
        if tuple(state.shape) != (batch, size):
            raise ZooError(
                f"state {number} of a batch of {batch} has the shape {tuple(state.shape)}, not {(batch, size)}"
            )


def _described_function(name: str, function: Made) -> tuple[Entry, Task | None]:
    """The entry of a function and, where its model has sizes of its own, the task of random numbers for it.

    Raises:
        Exception: it makes a model for no topology.
    """
    from zoo.layers.keras_private import differs_in_training

    parameters = inspect.signature(function).parameters
    sized = any(parameter in SIZES for parameter in parameters)
    shapes: dict[str, Shape] = {}
    refused: list[Exception] = []
    for topology in TOPOLOGIES if "task" in parameters else TOPOLOGIES[:1]:
        try:
            model, shape = _built(function, toy_task(topology), sized)
            shapes[shape.topology] = shape
        except Exception as error:  # a function of the task may serve one topology
            refused.append(error)
    if not shapes:
        raise refused[0]
    vector = shapes.get(SEQUENCE_TO_VECTOR)
    classifies, drops = vector is None or vector.gives_probabilities, differs_in_training(model)
    written = Written(_fixed(model), classifies, drops, "" if sized else name)
    entry = Entry(name, elsewhere, name, tuple(shapes), _first_line(function), written=written)
    return entry, None if sized else task_of(name, shape)


def _built(function: Made, toy: Task, sized: bool) -> tuple[keras.Model, Shape]:
    """The model that a function returns for a task, and its sizes.

    Raises:
        ZooError: the sizes are those of no task, or not those that were asked for.
    """
    model = call(function, toy, units=6)
    shape = shape_of(model)
    if sized and shape.outputs != toy.outputs:
        raise ZooError(f"it was asked for {toy.outputs} outputs, and gives {shape.outputs}: take `outputs`")
    return model, shape


def _fixed(model: keras.Model) -> str:
    """Why a model runs as it is written and no other way, in words; empty where it can be converted."""
    try:
        with_execution(model, "looped", check=False)
    except ZooError as error:
        return str(error)
    return ""


def _first_line(thing: Made) -> str:
    return (thing.__doc__ or "").strip().partition("\n")[0]
