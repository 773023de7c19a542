"""Cells that are linear in their state: run as a loop, or as a scan that needs no loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.models._network import TOPOLOGIES, network
from zoo.registry import Matrix, register_entry

if TYPE_CHECKING:
    import keras

    from zoo.execution import Execution
    from zoo.registry import Task

MINIMAL = "Feng, Tung, Ahmed, Bengio and Hajimirsadeghi, Were RNNs All We Needed?"


@register_entry(
    "min_gru",
    cell="min_gru",
    topologies=TOPOLOGIES,
    layers=((Matrix("inputs", 2),),),
    linear=True,
    onnx="Scan",
    summary="A GRU whose gate reads the inputs alone, so that its state can be scanned.",
    equations="""\
z = σ(x(t)·W + b)
h(t) = (1 - z) ⊙ h(t-1) + z ⊙ (x(t)·Wn + bn)""",
    paper=MINIMAL,
    year=2024,
)
def min_gru(task: Task, execution: Execution, *, units: int) -> keras.Model:
    """(batch, steps, features) -> MinGRUCell -> dense output."""
    from zoo.layers import MinGRUCell

    return network([MinGRUCell(units, name="cell")], task, execution)


@register_entry(
    "min_lstm",
    cell="min_lstm",
    topologies=TOPOLOGIES,
    layers=((Matrix("inputs", 3),),),
    linear=True,
    onnx="Scan",
    summary="An LSTM whose gates read the inputs alone and share 1 between them, so that its state can be scanned.",
    equations="""\
f, i = σ(x(t)·W + b), a half each
h(t) = f / (f + i) ⊙ h(t-1) + i / (f + i) ⊙ (x(t)·Wn + bn)""",
    paper=MINIMAL,
    year=2024,
)
def min_lstm(task: Task, execution: Execution, *, units: int) -> keras.Model:
    """(batch, steps, features) -> MinLSTMCell -> dense output."""
    from zoo.layers import MinLSTMCell

    return network([MinLSTMCell(units, name="cell")], task, execution)


@register_entry(
    "lru",
    cell="lru",
    topologies=TOPOLOGIES,
    layers=((*[Matrix("inputs", 1)] * 2, *[Matrix("state", 1, read=True)] * 2, Matrix("inputs", 1, read=True)),),
    linear=True,
    onnx="Scan",
    summary="The linear recurrent unit: a complex, diagonal recurrence, scanned, and a nonlinearity behind it.",
    equations="""\
λ = exp(-exp ν + i·exp θ)
h(t) = λ ⊙ h(t-1) + exp γ ⊙ (x(t)·B), complex
y(t) = GELU(Re(h(t)·C) + x(t)·D)""",
    paper="Orvieto et al., Resurrecting Recurrent Neural Networks for Long Sequences",
    year=2023,
)
def lru(task: Task, execution: Execution, *, units: int) -> keras.Model:
    """(batch, steps, features) -> LRUCell -> dense output."""
    from zoo.layers import LRUCell

    return network([LRUCell(units, name="cell")], task, execution)
