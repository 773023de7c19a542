"""The shape that most entries share: recurrent layers one on another, then a dense output layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from zoo.data import PADDING
from zoo.recurrent import recurrent
from zoo.registry import SEQUENCE_TO_SEQUENCE, SEQUENCE_TO_VECTOR

if TYPE_CHECKING:
    import keras

    from zoo.execution import Execution
    from zoo.registry import Task

TOPOLOGIES = (SEQUENCE_TO_VECTOR, SEQUENCE_TO_SEQUENCE)


def network(
    cells: Sequence[keras.layers.Layer],
    task: Task,
    execution: Execution,
    *,
    before: Callable[[], keras.layers.Layer] | None = None,
    after: Callable[[], keras.layers.Layer] | None = None,
) -> keras.Model:
    """A recurrent layer a cell, and a dense output: on the last step's output, or on every step's, as the task asks.

    Where the task is masked, a step of PADDING changes neither state nor output, and counts in no loss.

    Args:
        cells: from the inputs to the outputs; each reads every output of the one before it.
        task: sets the shapes of the inputs and the outputs.
        execution: how the time loops run.
        before: makes a layer that stands in front of each recurrent layer.
        after: makes a layer that stands behind each recurrent layer.
    """
    import keras

    inputs, sequence = read(task)
    for depth, cell in enumerate(cells, start=1):
        every_step = depth < len(cells) or task.topology == SEQUENCE_TO_SEQUENCE
        name = "recurrent" if len(cells) == 1 else f"recurrent_{depth}"
        sequence = before()(sequence) if before else sequence
        sequence = recurrent(cell, execution, return_sequences=every_step, name=name)(sequence)
        sequence = after()(sequence) if after else sequence
    outputs = keras.layers.Dense(task.outputs, activation=task.activation, name="output")(sequence)
    return keras.Model(inputs, outputs)


def read(task: Task) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """The input of a model for `task`, and what its recurrent layers read: vectors, padding masked."""
    import keras

    if task.tokens:
        tokens = keras.Input((task.steps,), dtype="int32")
        return tokens, embed(task.tokens, task.embedding, "embedding")(tokens)
    inputs = keras.Input((task.steps, task.features))
    return inputs, keras.layers.Masking(PADDING)(inputs) if task.masked else inputs


def embed(tokens: int, width: int, name: str) -> keras.layers.Layer:
    """A layer from token numbers to vectors, in which 0 is padding."""
    import keras

    return keras.layers.Embedding(tokens, width, mask_zero=True, name=name)
