"""Later cells: gates that see less of the state, LSTMs with exponential input gates, and zoneout."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from zoo.models._blocks import gated, residual_network
from zoo.models._network import TOPOLOGIES, network
from zoo.models.gates import LSTM, LSTM_EQUATIONS
from zoo.registry import Matrix, register_entry

if TYPE_CHECKING:
    import keras

    from zoo.execution import Execution
    from zoo.registry import Task

XLSTM = "Beck et al., xLSTM: Extended Long Short-Term Memory"
IN_BLOCKS = "with blocks=2 the cell stands in residual blocks, as that of `min_gru`, whose equations say how"


def _built(
    cell: Callable[[], keras.layers.Layer], task: Task, execution: Execution, units: int, blocks: int | None
) -> keras.Model:
    """The cell alone, or so many residual blocks around it."""
    if not blocks:
        return network([cell()], task, execution)
    return residual_network(gated(cell, execution, units=units), blocks, task, units=units)


@register_entry(
    "ind_rnn",
    cell="ind_rnn",
    topologies=TOPOLOGIES,
    onnx="Scan",
    layers=((Matrix("inputs", 1),),),
    summary="Recurrent neurons that each see only their own previous state, through one weight.",
    equations=f"h(t) = relu(x(t)·W + u ⊙ h(t-1) + b)\n{IN_BLOCKS}",
    paper="Li, Li, Cook, Zhu and Gao, Independently Recurrent Neural Network: Building A Longer and Deeper RNN",
    year=2018,
)
def ind_rnn(task: Task, execution: Execution, *, units: int, blocks: int | None = None) -> keras.Model:
    """(batch, steps, features) -> IndRNNCell, or residual blocks of it -> dense output."""
    from zoo.layers import IndRNNCell

    return _built(lambda: IndRNNCell(units, name="cell"), task, execution, units, blocks)


@register_entry(
    "sru",
    cell="sru",
    topologies=TOPOLOGIES,
    onnx="Scan",
    layers=((Matrix("inputs", 4),),),
    summary="The simple recurrent unit: each gate reads the input and its own element of the memory.",
    equations=f"""\
f, r = σ(x(t)·W + v ⊙ c(t-1) + b), a half each
c(t) = f ⊙ c(t-1) + (1 - f) ⊙ (x(t)·Wc)
h(t) = r ⊙ c(t) + (1 - r) ⊙ (x(t)·Wx)
{IN_BLOCKS}""",
    paper="Lei, Zhang, Wang, Dai and Artzi, Simple Recurrent Units for Highly Parallelizable Recurrence",
    year=2018,
)
def sru(task: Task, execution: Execution, *, units: int, blocks: int | None = None) -> keras.Model:
    """(batch, steps, features) -> SRUCell, or residual blocks of it -> dense output."""
    from zoo.layers import SRUCell

    return _built(lambda: SRUCell(units, name="cell"), task, execution, units, blocks)


@register_entry(
    "zoneout_lstm",
    cell="zoneout_lstm",
    topologies=TOPOLOGIES,
    onnx="Scan",
    layers=(LSTM,),
    drops_inside=True,
    summary="An LSTM in which, during training, elements of the state keep their old value at random.",
    equations=f"{LSTM_EQUATIONS}\n"
    "in training each element of c(t) and h(t) is that of t-1 with probability `rate`; "
    "otherwise both are rate · old + (1 - rate) · new",
    paper="Krueger et al., Zoneout: Regularizing RNNs by Randomly Preserving Hidden Activations",
    year=2017,
)
def zoneout_lstm(task: Task, execution: Execution, *, units: int, rate: float = 0.1) -> keras.Model:
    """(batch, steps, features) -> StateMasks -> ZoneoutLSTMCell -> dense output."""
    from zoo.layers import StateMasks, ZoneoutLSTMCell

    cell = ZoneoutLSTMCell(units, rate, name="cell")
    return network([cell], task, execution, before=lambda: StateMasks(2 * units, rate))


@register_entry(
    "slstm",
    cell="slstm",
    topologies=TOPOLOGIES,
    onnx="Scan",
    layers=(LSTM,),
    summary="An LSTM with exponential input gates, and a normalizer that keeps its output in range.",
    equations="""\
z, i, f, o = x(t)·W + h(t-1)·U + b, a quarter each
c(t) = σ(f) ⊙ c(t-1) + exp(i) ⊙ tanh(z)
n(t) = σ(f) ⊙ n(t-1) + exp(i)
h(t) = σ(o) ⊙ c(t) / n(t)""",
    paper=XLSTM,
    year=2024,
)
def slstm(task: Task, execution: Execution, *, units: int) -> keras.Model:
    """(batch, steps, features) -> SLSTMCell -> dense output."""
    from zoo.layers import SLSTMCell

    return network([SLSTMCell(units, name="cell")], task, execution)


@register_entry(
    "mlstm",
    cell="mlstm",
    topologies=TOPOLOGIES,
    onnx="Scan",
    summary="An LSTM whose memory is a matrix, written by keys and values and read by queries.",
    equations=f"""\
q, k, v, o = x(t)·W + b, a quarter each, k over √size; i, f = x(t)·Wg + bg, one each
C(t) = σ(f)·C(t-1) + exp(i)·v·kᵀ
n(t) = σ(f)·n(t-1) + exp(i)·k
h(t) = σ(o) ⊙ C(t)·q / max(|n(t)·q|, 1)
{IN_BLOCKS}""",
    paper=XLSTM,
    year=2024,
)
def mlstm(task: Task, execution: Execution, *, units: int, heads: int = 1, blocks: int | None = None) -> keras.Model:
    """(batch, steps, features) -> MLSTMCell, or residual blocks of it -> dense output."""
    from zoo.layers import MLSTMCell

    return _built(lambda: MLSTMCell(units, heads, name="cell"), task, execution, units, blocks)
