"""Recurrent neurons: a state that is also the output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.models._single import TOPOLOGIES, single_layer
from zoo.registry import register_entry

if TYPE_CHECKING:
    import keras

    from zoo.execution import Execution
    from zoo.registry import Task


@register_entry(
    "neuron",
    cell="neuron",
    topologies=TOPOLOGIES,
    summary="Recurrent neurons written by hand, with one concatenated weight matrix.",
    equations="y(t) = tanh([x(t), y(t-1)]·W + b)   where W = [Wx; Wy]",
    paper="Elman, Finding Structure in Time",
    year=1990,
)
def neuron(task: Task, execution: Execution, *, units: int) -> keras.Model:
    """(batch, steps, features) -> NeuronCell -> dense output."""
    from zoo.layers import NeuronCell

    return single_layer(NeuronCell(units, name="cell"), task, execution)


@register_entry(
    "simple_rnn",
    cell="simple_rnn",
    topologies=TOPOLOGIES,
    summary="Keras' SimpleRNN: the recurrent neuron with two weight matrices.",
    equations="y(t) = tanh(x(t)·Wx + y(t-1)·Wy + b)",
    paper="Elman, Finding Structure in Time",
    year=1990,
)
def simple_rnn(task: Task, execution: Execution, *, units: int) -> keras.Model:
    """(batch, steps, features) -> SimpleRNNCell -> dense output."""
    import keras

    return single_layer(keras.layers.SimpleRNNCell(units, name="cell"), task, execution)
