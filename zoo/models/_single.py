"""The shape that one-layer entries share: a recurrent layer, then a dense output layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.recurrent import recurrent
from zoo.registry import PADDING, SEQUENCE_TO_SEQUENCE, SEQUENCE_TO_VECTOR

if TYPE_CHECKING:
    import keras

    from zoo.execution import Execution
    from zoo.registry import Task

TOPOLOGIES = (SEQUENCE_TO_VECTOR, SEQUENCE_TO_SEQUENCE)


def single_layer(cell: keras.layers.Layer, task: Task, execution: Execution) -> keras.Model:
    """One recurrent layer and a dense output: on the last step's output, or on every step's, as the task asks.

    Where the task is masked, a step of PADDING changes neither state nor output, and counts in no loss.
    """
    import keras

    inputs = keras.Input((task.steps, task.features))
    sequence = keras.layers.Masking(PADDING)(inputs) if task.masked else inputs
    every_step = task.topology == SEQUENCE_TO_SEQUENCE
    hidden = recurrent(cell, execution, return_sequences=every_step, name="recurrent")(sequence)
    outputs = keras.layers.Dense(task.outputs, activation=task.activation, name="output")(hidden)
    return keras.Model(inputs, outputs)
