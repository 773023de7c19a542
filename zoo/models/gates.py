"""Gated cells: what to keep and what to forget is learned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.models._network import TOPOLOGIES, network
from zoo.registry import Matrix, register_entry

if TYPE_CHECKING:
    import keras

    from zoo.execution import Execution
    from zoo.registry import Task

LSTM = (Matrix("inputs", 4), Matrix("state", 4))  # i, f, g, o
LSTM_EQUATIONS = """\
i, f, o = σ(x(t)·W + h(t-1)·U + b), a third each
g = tanh(x(t)·Wg + h(t-1)·Ug + bg)
c(t) = f ⊙ c(t-1) + i ⊙ g
h(t) = o ⊙ tanh(c(t))"""
LSTM_PAPER = "Hochreiter and Schmidhuber, Long Short-Term Memory; forget gate by Gers et al., 2000"


@register_entry(
    "lstm",
    cell="lstm",
    topologies=TOPOLOGIES,
    layers=(LSTM,),
    summary="Long short-term memory with a forget gate.",
    equations=LSTM_EQUATIONS,
    paper=LSTM_PAPER,
    year=1997,
)
def lstm(task: Task, execution: Execution, *, units: int) -> keras.Model:
    """(batch, steps, features) -> LSTMCell -> dense output."""
    import keras

    return network([keras.layers.LSTMCell(units, name="cell")], task, execution)


@register_entry(
    "stacked_lstm",
    cell="lstm",
    topologies=TOPOLOGIES,
    layers=(LSTM,) * 3,
    summary="Three LSTM layers, each reading every output of the one below it.",
    equations=LSTM_EQUATIONS + "\nx(t) of the second layer is h(t) of the first, and so on",
    paper="Graves, Mohamed and Hinton, Speech Recognition with Deep Recurrent Neural Networks",
    year=2013,
)
def stacked_lstm(task: Task, execution: Execution, *, units: int) -> keras.Model:
    """(batch, steps, features) -> 3 × LSTMCell -> dense output."""
    import keras

    return network([keras.layers.LSTMCell(units, name="cell") for _ in range(3)], task, execution)


@register_entry(
    "gru",
    cell="gru",
    topologies=TOPOLOGIES,
    layers=((Matrix("inputs", 3), Matrix("state", 3)),),  # z, r, n; the reset gate comes after the product
    summary="Gated recurrent unit, with the reset gate after the product as cuDNN has it.",
    equations="""\
z, r = σ(x(t)·W + h(t-1)·U + b), a half each
n = tanh(x(t)·Wn + bn + r ⊙ (h(t-1)·Un + cn))
h(t) = z ⊙ h(t-1) + (1 - z) ⊙ n""",
    paper="Cho et al., Learning Phrase Representations using RNN Encoder-Decoder",
    year=2014,
)
def gru(task: Task, execution: Execution, *, units: int) -> keras.Model:
    """(batch, steps, features) -> GRUCell -> dense output."""
    import keras

    return network([keras.layers.GRUCell(units, name="cell")], task, execution)
