"""Dropout in a recurrent network of three layers: where it stands, and whether its mask is new each step.

All masks are drawn before the time loop and enter it as an input, so that every execution sees the same ones: a seed
cannot advance inside `lax.scan`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.models._network import TOPOLOGIES, network
from zoo.models.gates import LSTM_EQUATIONS
from zoo.models.neuron import SIMPLE
from zoo.registry import Matrix, register_entry

if TYPE_CHECKING:
    import keras

    from zoo.execution import Execution
    from zoo.registry import Task

WRAPPER = "Zaremba, Sutskever and Vinyals, Recurrent Neural Network Regularization; DropoutWrapper of TensorFlow 1"
GAL = "Gal and Ghahramani, A Theoretically Grounded Application of Dropout in Recurrent Neural Networks"
A_NEW_MASK = "where each element of m(t) is 0 with probability `rate`, else 1 / (1 - rate), anew for every step"
GATE_BY_GATE = (Matrix("inputs", 1),) * 4 + (Matrix("state", 1),) * 4  # Keras does not take the four as one product
LAYERS = 3


def _simple_cells(units: int, layers: int, **options: float) -> list[keras.layers.Layer]:
    import keras

    return [keras.layers.SimpleRNNCell(units, name="cell", **options) for _ in range(layers)]


@register_entry(
    "input_dropout",
    cell="simple_rnn",
    stock="SimpleRNN",
    topologies=TOPOLOGIES,
    layers=(SIMPLE,) * LAYERS,
    onnx="RNN",
    summary="Three layers of recurrent neurons, dropout on what each reads, a new mask each step.",
    equations=f"y(t) = tanh((m(t) ⊙ x(t))·Wx + y(t-1)·Wy + b)\n{A_NEW_MASK}",
    paper=WRAPPER,
    year=2014,
)
def input_dropout(
    task: Task, execution: Execution, *, units: int, layers: int = LAYERS, rate: float = 0.5
) -> keras.Model:
    """(batch, steps, features) -> 3 × (Dropout -> SimpleRNNCell) -> dense output."""
    import keras

    return network(_simple_cells(units, layers), task, execution, before=lambda: keras.layers.Dropout(rate))


@register_entry(
    "output_dropout",
    cell="simple_rnn",
    stock="SimpleRNN",
    topologies=TOPOLOGIES,
    layers=(SIMPLE,) * LAYERS,
    onnx="RNN",
    summary="Three layers of recurrent neurons, dropout on what each gives out, a new mask each step.",
    equations=f"y(t) = tanh(x(t)·Wx + y(t-1)·Wy + b), given out as m(t) ⊙ y(t)\n{A_NEW_MASK}",
    paper=WRAPPER,
    year=2014,
)
def output_dropout(
    task: Task, execution: Execution, *, units: int, layers: int = LAYERS, rate: float = 0.5
) -> keras.Model:
    """(batch, steps, features) -> 3 × (SimpleRNNCell -> Dropout) -> dense output."""
    import keras

    return network(_simple_cells(units, layers), task, execution, after=lambda: keras.layers.Dropout(rate))


@register_entry(
    "state_dropout",
    cell="simple_rnn",
    topologies=TOPOLOGIES,
    layers=(SIMPLE,) * LAYERS,
    drops_inside=True,
    onnx="RNN",
    summary="Three layers of recurrent neurons, dropout on the state from step to step, a new mask each step.",
    equations=f"y(t) = tanh(x(t)·Wx + (m(t) ⊙ y(t-1))·Wy + b)\n{A_NEW_MASK}",
    paper="state_keep_prob of DropoutWrapper of TensorFlow 1; Semeniuta, Severyn and Barth, Recurrent Dropout without "
    "Memory Loss, examines it",
    year=2016,
)
def state_dropout(
    task: Task, execution: Execution, *, units: int, layers: int = LAYERS, rate: float = 0.5
) -> keras.Model:
    """(batch, steps, features) -> 3 × (StateMasks -> StateDropoutCell) -> dense output."""
    from zoo.layers import StateDropoutCell, StateMasks

    cells = [StateDropoutCell(cell, name="cell") for cell in _simple_cells(units, layers)]
    return network(cells, task, execution, before=lambda: StateMasks(units, rate))


@register_entry(
    "recurrent_dropout",
    cell="simple_rnn",
    stock="SimpleRNN",
    topologies=TOPOLOGIES,
    layers=(SIMPLE,) * LAYERS,
    onnx="RNN",
    drops_inside=True,
    summary="Three layers of recurrent neurons, dropout on the state, one mask for all steps as Keras has it.",
    equations="y(t) = tanh(x(t)·Wx + (m ⊙ y(t-1))·Wy + b)\n"
    "where each element of m is 0 with probability `rate`, else 1 / (1 - rate), the same for every step",
    paper=GAL,
    year=2016,
)
def recurrent_dropout(
    task: Task, execution: Execution, *, units: int, layers: int = LAYERS, rate: float = 0.5
) -> keras.Model:
    """(batch, steps, features) -> 3 × SimpleRNNCell with recurrent_dropout -> dense output."""
    return network(_simple_cells(units, layers, recurrent_dropout=rate), task, execution)


@register_entry(
    "recurrent_dropout_lstm",
    cell="lstm",
    stock="LSTM",
    topologies=TOPOLOGIES,
    layers=(GATE_BY_GATE,) * LAYERS,
    onnx="LSTM",
    drops_inside=True,
    summary="Three LSTM layers with Keras' recurrent_dropout, which keeps a GPU from using cuDNN.",
    equations=f"{LSTM_EQUATIONS}\nwith m_i, m_f, m_g, m_o ⊙ h(t-1) in place of h(t-1), "
    "each gate with a mask of its own as in recurrent_dropout",
    paper=GAL,
    year=2016,
)
def recurrent_dropout_lstm(
    task: Task, execution: Execution, *, units: int, layers: int = LAYERS, rate: float = 0.5
) -> keras.Model:
    """(batch, steps, features) -> 3 × LSTMCell with recurrent_dropout -> dense output."""
    import keras

    cells = [keras.layers.LSTMCell(units, recurrent_dropout=rate, name="cell") for _ in range(layers)]
    return network(cells, task, execution)
