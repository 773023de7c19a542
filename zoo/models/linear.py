"""Entries whose recurrence is linear in its state: run as a loop, or as a scan that needs no loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from zoo.errors import ZooError
from zoo.models._blocks import gated, residual_network, selective
from zoo.models._network import TOPOLOGIES, network
from zoo.registry import Matrices, Matrix, register_entry

if TYPE_CHECKING:
    import keras

    from zoo.execution import Execution
    from zoo.registry import Task

MINIMAL = "Feng, Tung, Ahmed, Bengio and Hajimirsadeghi, Were RNNs All We Needed?"
LAYERS = 2
IN_BLOCKS = f"u(t) = x(t)·Wu + bu, then in each of `layers` blocks, {LAYERS} by default, with n(t) = norm(u(t)):"
GATED = """\
u(t) ← u(t) + (h(t)·V + c) ⊙ σ(h(t)·G + d)
and what the output layer reads is norm(u(t)), with mean_pool=True that of the mean of all u(t); with bare=True it is
h(t), of n(t) = x(t)"""


def _in_blocks(*cell: Matrix) -> tuple[Matrices, ...]:
    """The matrices of a network of LAYERS blocks: of the dense layer before them, then of each cell and gated unit."""
    return ((Matrix("inputs", 1),), *((cell, (Matrix("inputs", 2),)) * LAYERS))


def _built(
    cell: Callable[[], keras.layers.Layer],
    task: Task,
    execution: Execution,
    units: int,
    layers: int | None,
    bare: bool,
    mean_pool: bool,
) -> keras.Model:
    """Residual blocks around layers of the cell, or, where it is `bare`, one layer alone."""
    if bare and (mean_pool or layers is not None):
        raise ZooError(f"{'mean_pool' if mean_pool else 'layers'} is for residual blocks, not for a bare layer")
    if bare:
        return network([cell()], task, execution)
    mix = gated(cell, execution, units=units)
    return residual_network(mix, layers or LAYERS, task, units=units, mean_pool=mean_pool)


@register_entry(
    "min_gru",
    cell="min_gru",
    topologies=TOPOLOGIES,
    layers=_in_blocks(Matrix("inputs", 2)),
    linear=True,
    onnx="Scan",
    summary="Residual blocks around a GRU whose gate reads the inputs alone, so that its state can be scanned.",
    equations=f"""\
{IN_BLOCKS}
z = σ(n(t)·W + b)
h(t) = (1 - z) ⊙ h(t-1) + z ⊙ (n(t)·Wn + bn)
{GATED}""",
    paper=MINIMAL,
    year=2024,
)
def min_gru(
    task: Task,
    execution: Execution,
    *,
    units: int,
    layers: int | None = None,
    bare: bool = False,
    mean_pool: bool = False,
) -> keras.Model:
    """(batch, steps, features) -> dense -> residual blocks of MinGRUCell -> norm, or MinGRUCell, -> dense output."""
    from zoo.layers import MinGRUCell

    return _built(lambda: MinGRUCell(units, name="cell"), task, execution, units, layers, bare, mean_pool)


@register_entry(
    "min_lstm",
    cell="min_lstm",
    topologies=TOPOLOGIES,
    layers=_in_blocks(Matrix("inputs", 3)),
    linear=True,
    onnx="Scan",
    summary="Residual blocks around an LSTM whose gates read only the input and sum to 1, so that it can be scanned.",
    equations=f"""\
{IN_BLOCKS}
f, i = σ(n(t)·W + b), a half each
h(t) = f / (f + i) ⊙ h(t-1) + i / (f + i) ⊙ (n(t)·Wn + bn)
{GATED}""",
    paper=MINIMAL,
    year=2024,
)
def min_lstm(
    task: Task,
    execution: Execution,
    *,
    units: int,
    layers: int | None = None,
    bare: bool = False,
    mean_pool: bool = False,
) -> keras.Model:
    """(batch, steps, features) -> dense -> residual blocks of MinLSTMCell -> norm, or MinLSTMCell, -> dense output."""
    from zoo.layers import MinLSTMCell

    return _built(lambda: MinLSTMCell(units, name="cell"), task, execution, units, layers, bare, mean_pool)


@register_entry(
    "lru",
    cell="lru",
    topologies=TOPOLOGIES,
    layers=_in_blocks(*[Matrix("inputs", 1)] * 2, *[Matrix("state", 1, read=True)] * 2, Matrix("inputs", 1, read=True)),
    linear=True,
    onnx="Scan",
    summary="The linear recurrent unit: residual blocks around a complex, diagonal recurrence that is scanned.",
    equations=f"""\
{IN_BLOCKS}
λ = exp(-exp ν + i·exp θ)
s(t) = λ ⊙ s(t-1) + exp γ ⊙ (n(t)·B), complex
h(t) = GELU(Re(s(t)·C) + n(t)·D)
{GATED}""",
    paper="Orvieto et al., Resurrecting Recurrent Neural Networks for Long Sequences",
    year=2023,
)
def lru(
    task: Task,
    execution: Execution,
    *,
    units: int,
    layers: int | None = None,
    bare: bool = False,
    mean_pool: bool = False,
    least: float = 0.9,
    phase: float = 0.5,
) -> keras.Model:
    """(batch, steps, features) -> dense -> residual blocks of LRUCell -> norm, or LRUCell, -> dense output."""
    from zoo.layers import LRUCell

    return _built(lambda: LRUCell(units, least, phase, name="cell"), task, execution, units, layers, bare, mean_pool)


@register_entry(
    "mamba",
    cell="mamba",
    topologies=TOPOLOGIES,
    linear=True,
    onnx="Scan",
    summary="Blocks around a selective state space: what is read sets how far its state decays and what enters it.",
    equations="""\
u(t) = x(t)·Wu + bu, then in each of `layers` blocks, with n(t) = norm(u(t)):
v(t) = SiLU(Σ w(k) ⊙ (n(t-k)·Wv) + b, k from 0 to 3)
Δ = softplus(v(t)·Ws·Wt + bt), A = -exp a, B = v(t)·Wb, C = v(t)·Wc
H(t) = exp(Δ A) ⊙ H(t-1) + (Δ ⊙ v(t))·Bᵀ, `states` numbers a channel
u(t) ← u(t) + ((H(t)·C + d ⊙ v(t)) ⊙ SiLU(n(t)·Wz))·Wo
and what the output layer reads is norm(u(t)), with mean_pool=True that of the mean of all u(t)""",
    paper="Gu and Dao, Mamba: Linear-Time Sequence Modeling with Selective State Spaces",
    year=2023,
)
def mamba(
    task: Task, execution: Execution, *, units: int, layers: int = LAYERS, states: int = 16, mean_pool: bool = False
) -> keras.Model:
    """(batch, steps, features) -> dense -> residual blocks of SelectiveCell -> norm -> dense output."""
    mix = selective(execution, units=units, states=states)
    return residual_network(mix, layers, task, units=units, mean_pool=mean_pool)
