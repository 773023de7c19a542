"""Gated cells: what to keep and what to forget is learned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.models._single import TOPOLOGIES, single_layer
from zoo.registry import register_entry

if TYPE_CHECKING:
    import keras

    from zoo.execution import Execution
    from zoo.registry import Task


@register_entry(
    "lstm",
    cell="lstm",
    topologies=TOPOLOGIES,
    summary="Long short-term memory with a forget gate.",
    equations="""\
i, f, o = σ(x(t)·W + h(t-1)·U + b), a third each
g = tanh(x(t)·Wg + h(t-1)·Ug + bg)
c(t) = f ⊙ c(t-1) + i ⊙ g
h(t) = o ⊙ tanh(c(t))""",
    paper="Hochreiter and Schmidhuber, Long Short-Term Memory; forget gate by Gers et al., 2000",
    year=1997,
)
def lstm(task: Task, execution: Execution, *, units: int) -> keras.Model:
    """(batch, steps, features) -> LSTMCell -> dense output."""
    import keras

    return single_layer(keras.layers.LSTMCell(units, name="cell"), task, execution)


@register_entry(
    "gru",
    cell="gru",
    topologies=TOPOLOGIES,
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

    return single_layer(keras.layers.GRUCell(units, name="cell"), task, execution)
