"""Gated cells: what to keep and what to forget is learned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.models._network import TOPOLOGIES, network, read
from zoo.recurrent import bidirectional, recurrent
from zoo.registry import SEQUENCE_TO_VECTOR, Matrix, register_entry

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
    stock="LSTM",
    topologies=TOPOLOGIES,
    layers=(LSTM,),
    onnx="LSTM",
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
    stock="LSTM",
    topologies=TOPOLOGIES,
    layers=(LSTM,) * 3,
    onnx="LSTM",
    summary="Three LSTM layers, each reading every output of the one below it.",
    equations=LSTM_EQUATIONS + "\nx(t) of the second layer is h(t) of the first, and so on",
    paper="Graves, Mohamed and Hinton, Speech Recognition with Deep Recurrent Neural Networks",
    year=2013,
)
def stacked_lstm(task: Task, execution: Execution, *, units: int, layers: int = 3) -> keras.Model:
    """(batch, steps, features) -> 3 × LSTMCell -> dense output."""
    import keras

    return network([keras.layers.LSTMCell(units, name="cell") for _ in range(layers)], task, execution)


@register_entry(
    "gru",
    cell="gru",
    stock="GRU",
    topologies=TOPOLOGIES,
    layers=((Matrix("inputs", 3), Matrix("state", 3)),),  # z, r, n; the reset gate comes after the product
    onnx="GRU",
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


@register_entry(
    "peephole_lstm",
    cell="peephole_lstm",
    topologies=TOPOLOGIES,
    layers=(LSTM,),
    onnx="LSTM",
    summary="LSTM whose gates also see the memory.",
    equations="""\
i, f = σ(x(t)·W + h(t-1)·U + p ⊙ c(t-1) + b), a half each
g = tanh(x(t)·Wg + h(t-1)·Ug + bg)
c(t) = f ⊙ c(t-1) + i ⊙ g
o = σ(x(t)·Wo + h(t-1)·Uo + po ⊙ c(t) + bo)
h(t) = o ⊙ tanh(c(t))""",
    paper="Gers and Schmidhuber, Recurrent Nets that Time and Count",
    year=2000,
)
def peephole_lstm(task: Task, execution: Execution, *, units: int) -> keras.Model:
    """(batch, steps, features) -> PeepholeLSTMCell -> dense output."""
    from zoo.layers import PeepholeLSTMCell

    return network([PeepholeLSTMCell(units, name="cell")], task, execution)


@register_entry(
    "layer_norm_lstm",
    cell="layer_norm_lstm",
    topologies=TOPOLOGIES,
    layers=(LSTM,),
    onnx="Scan",
    summary="LSTM with layer normalisation of its sums and of its memory.",
    equations="""\
i, f, g, o = LN(x(t)·W) + LN(h(t-1)·U) + b, a quarter each
c(t) = σ(f) ⊙ c(t-1) + σ(i) ⊙ tanh(g)
h(t) = σ(o) ⊙ tanh(LN(c(t)))
LN(z) = α ⊙ (z - mean z) / √(var z + 0.001), each with an α of its own, that of c(t) plus β""",
    paper="Ba, Kiros and Hinton, Layer Normalization",
    year=2016,
)
def layer_norm_lstm(task: Task, execution: Execution, *, units: int) -> keras.Model:
    """(batch, steps, features) -> LayerNormLSTMCell -> dense output."""
    from zoo.layers import LayerNormLSTMCell

    return network([LayerNormLSTMCell(units, name="cell")], task, execution)


@register_entry(
    "bidirectional_lstm",
    cell="lstm",
    stock="LSTM",
    topologies=(SEQUENCE_TO_VECTOR,),  # at every step it would have seen what a forecast is asked for
    onnx="LSTM",
    summary="Two LSTMs, one of which reads the sequence backwards.",
    equations=LSTM_EQUATIONS + "\nand the same from the last step to the first, with weights of its own; [h(n), h'(1)]",
    paper="Schuster and Paliwal, Bidirectional Recurrent Neural Networks; LSTM by Graves and Schmidhuber, 2005",
    year=1997,
)
def bidirectional_lstm(task: Task, execution: Execution, *, units: int) -> keras.Model:
    """(batch, steps, features) -> Bidirectional(LSTMCell), `units` each way -> dense output."""
    import keras

    one_way = recurrent(keras.layers.LSTMCell(units, name="cell"), execution, name="lstm")
    inputs, sequence = read(task)
    hidden = bidirectional(one_way, name="recurrent")(sequence)
    return keras.Model(inputs, keras.layers.Dense(task.outputs, activation=task.activation, name="output")(hidden))
