"""Recurrent neurons: a state that is also the output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.models._network import TOPOLOGIES, network
from zoo.registry import Matrix, register_entry

if TYPE_CHECKING:
    import keras

    from zoo.execution import Execution
    from zoo.registry import Task

SIMPLE = (Matrix("inputs", 1), Matrix("state", 1))
EQUATION = "y(t) = tanh(x(t)·Wx + y(t-1)·Wy + b)"
ELMAN = "Elman, Finding Structure in Time"


@register_entry(
    "neuron",
    cell="neuron",
    topologies=TOPOLOGIES,
    layers=((Matrix("both", 1),),),
    onnx="RNN",
    summary="Recurrent neurons written by hand, with one concatenated weight matrix.",
    equations="y(t) = tanh([x(t), y(t-1)]·W + b)   where W = [Wx; Wy]",
    paper=ELMAN,
    year=1990,
)
def neuron(task: Task, execution: Execution, *, units: int) -> keras.Model:
    """(batch, steps, features) -> NeuronCell -> dense output."""
    from zoo.layers import NeuronCell

    return network([NeuronCell(units, name="cell")], task, execution)


@register_entry(
    "simple_rnn",
    cell="simple_rnn",
    stock="SimpleRNN",
    topologies=TOPOLOGIES,
    layers=(SIMPLE,),
    onnx="RNN",
    summary="Keras' SimpleRNN: the recurrent neuron with two weight matrices.",
    equations=EQUATION,
    paper=ELMAN,
    year=1990,
)
def simple_rnn(task: Task, execution: Execution, *, units: int) -> keras.Model:
    """(batch, steps, features) -> SimpleRNNCell -> dense output."""
    import keras

    return network([keras.layers.SimpleRNNCell(units, name="cell")], task, execution)


@register_entry(
    "stacked_rnn",
    cell="simple_rnn",
    stock="SimpleRNN",
    topologies=TOPOLOGIES,
    layers=(SIMPLE,) * 3,
    onnx="RNN",
    summary="Three layers of recurrent neurons, each reading every output of the one below it.",
    equations=EQUATION + "\nx(t) of the second layer is y(t) of the first, and so on",
    paper="Schmidhuber, Learning Complex, Extended Sequences Using the Principle of History Compression",
    year=1992,
)
def stacked_rnn(task: Task, execution: Execution, *, units: int, layers: int = 3) -> keras.Model:
    """(batch, steps, features) -> 3 × SimpleRNNCell -> dense output."""
    import keras

    return network([keras.layers.SimpleRNNCell(units, name="cell") for _ in range(layers)], task, execution)


@register_entry(
    "simple_rnn_he",
    cell="relu_rnn",
    stock="SimpleRNN",
    topologies=TOPOLOGIES,
    layers=(SIMPLE,),
    onnx="RNN",
    summary="Rectified recurrent neurons with He's initial weights.",
    equations="y(t) = max(0, x(t)·Wx + y(t-1)·Wy + b)   where Wx is drawn with variance 2 / features",
    paper="He et al., Delving Deep into Rectifiers",
    year=2015,
)
def simple_rnn_he(
    task: Task, execution: Execution, *, units: int, kernel_initializer: str = "he_uniform"
) -> keras.Model:
    """(batch, steps, features) -> SimpleRNNCell, relu -> dense output. The recurrent weights begin orthogonal."""
    import keras

    cell = keras.layers.SimpleRNNCell(units, activation="relu", kernel_initializer=kernel_initializer, name="cell")
    return network([cell], task, execution)


@register_entry(
    "irnn",
    cell="relu_rnn",
    stock="SimpleRNN",
    topologies=TOPOLOGIES,
    layers=(SIMPLE,),
    onnx="RNN",
    summary="Rectified recurrent neurons that begin by keeping their state as it is.",
    equations="y(t) = max(0, x(t)·Wx + y(t-1)·Wy + b)   where Wy begins as the identity and b as 0",
    paper="Le, Jaitly and Hinton, A Simple Way to Initialize Recurrent Networks of Rectified Linear Units",
    year=2015,
)
def irnn(task: Task, execution: Execution, *, units: int) -> keras.Model:
    """(batch, steps, features) -> SimpleRNNCell, relu -> dense output."""
    import keras

    start = keras.initializers.RandomNormal(stddev=1e-3)
    cell = keras.layers.SimpleRNNCell(
        units, activation="relu", kernel_initializer=start, recurrent_initializer="identity", name="cell"
    )
    return network([cell], task, execution)
