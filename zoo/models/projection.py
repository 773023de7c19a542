"""Three ways from every step's state to every step's output: the same result at different cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo.models._network import read
from zoo.models.neuron import SIMPLE
from zoo.recurrent import recurrent
from zoo.registry import SEQUENCE_TO_SEQUENCE, register_entry

if TYPE_CHECKING:
    import keras

    from zoo.execution import Execution
    from zoo.registry import Task

SHARED: dict[str, Any] = {
    "cell": "relu_rnn",
    "stock": "SimpleRNN",
    "topologies": (SEQUENCE_TO_SEQUENCE,),
    "layers": (SIMPLE,),
    "onnx": "RNN",
    "paper": "Géron, Hands-On Machine Learning with Scikit-Learn and TensorFlow, chapter 14",
    "year": 2017,
}
STATE = "h(t) = max(0, x(t)·Wx + h(t-1)·Wh + b)\n"


def _projected(
    task: Task, execution: Execution, units: int, kernel_initializer: str, project: keras.layers.Layer
) -> keras.Model:
    import keras

    cell = keras.layers.SimpleRNNCell(units, activation="relu", kernel_initializer=kernel_initializer, name="cell")
    inputs, sequence = read(task)
    hidden = recurrent(cell, execution, return_sequences=True, name="recurrent")(sequence)
    return keras.Model(inputs, project(hidden))


@register_entry(
    "time_distributed_projection",
    summary="Rectified recurrent neurons, and a dense layer that Keras writes out once for each step.",
    equations=STATE + "y(t) = h(t)·V + c, a product of (batch, units) and (units, outputs) for each t",
    **SHARED,
)
def time_distributed_projection(
    task: Task, execution: Execution, *, units: int, kernel_initializer: str = "glorot_uniform"
) -> keras.Model:
    """(batch, steps, features) -> SimpleRNNCell -> TimeDistributed(Dense): OutputProjectionWrapper of TensorFlow 1."""
    import keras

    dense = keras.layers.Dense(task.outputs, activation=task.activation, name="cell")
    return _projected(task, execution, units, kernel_initializer, keras.layers.TimeDistributed(dense, name="output"))


@register_entry(
    "dense_projection",
    summary="Rectified recurrent neurons, and a dense layer on all steps at once.",
    equations=STATE + "y = h·V + c, one product of (batch, steps, units) and (units, outputs)",
    **SHARED,
)
def dense_projection(
    task: Task, execution: Execution, *, units: int, kernel_initializer: str = "glorot_uniform"
) -> keras.Model:
    """(batch, steps, features) -> SimpleRNNCell -> Dense on three axes."""
    import keras

    dense = keras.layers.Dense(task.outputs, activation=task.activation, name="output")
    return _projected(task, execution, units, kernel_initializer, dense)


@register_entry(
    "reshape_projection",
    summary="Rectified recurrent neurons, all steps of all examples as one batch, a dense layer, and folded back.",
    equations=STATE + "y = h·V + c, one product of (batch · steps, units) and (units, outputs)",
    **SHARED,
)
def reshape_projection(
    task: Task, execution: Execution, *, units: int, kernel_initializer: str = "glorot_uniform"
) -> keras.Model:
    """(batch, steps, features) -> SimpleRNNCell -> FlattenedDense."""
    from zoo.layers import FlattenedDense

    dense = FlattenedDense(task.outputs, activation=task.activation, name="output")
    return _projected(task, execution, units, kernel_initializer, dense)
