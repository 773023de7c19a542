"""How a recurrent cell becomes ONNX: its own operator where there is one, a Scan over its equations where not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import singledispatch
from typing import Any

import keras
import numpy as np

from zoo.errors import ZooError
from zoo.layers import (
    LayerNormLSTMCell,
    LRUCell,
    MinGRUCell,
    MinLSTMCell,
    NeuronCell,
    PeepholeLSTMCell,
    StateDropoutCell,
)
from zoo.layers.layer_norm import EPSILON
from zoo.layers.tensors import Tensor
from zoo.onnx.graph import Graph

GATES = {"lstm": (0, 3, 1, 2), "gru": (0, 1, 2)}
"""ONNX' order of the gates among Keras': i, o, f, c of i, f, c, o; z, r, h is the order of both."""


@dataclass(frozen=True)
class Operator:
    """An operator of ONNX for the whole sequence, and its weights, (1, gates·units, ...) as it wants them."""

    kind: str
    kernel: np.ndarray
    recurrent_kernel: np.ndarray
    bias: np.ndarray  #: (1, 2·gates·units): the biases of the product with the input, then of that with the state
    peepholes: np.ndarray | None = None
    attributes: dict[str, Any] = field(default_factory=dict)


def array(variable: Tensor) -> np.ndarray:
    """The values of a weight."""
    return keras.ops.convert_to_numpy(variable)


def _bias(cell: keras.layers.Layer) -> np.ndarray:
    """The bias of a cell; zeros where it has none."""
    return np.zeros(cell.kernel.shape[-1], "float32") if cell.bias is None else array(cell.bias)


def _ordered(weight: Tensor, order: Sequence[int]) -> np.ndarray:
    """(rows, gates·units), the gates in ONNX' order."""
    gates = np.split(np.atleast_2d(array(weight)), len(order), axis=-1)
    return np.concatenate([gates[i] for i in order], axis=-1)


def _named(activation: Callable[..., Tensor], allowed: Sequence[str], cell: keras.layers.Layer) -> str:
    name = keras.activations.serialize(activation)
    if name not in allowed:
        raise ZooError(f"ONNX' operator for {type(cell).__name__} has {' or '.join(allowed)}, not {name}")
    return str(name)


@singledispatch
def operator(cell: keras.layers.Layer) -> Operator | None:
    """ONNX' operator for a cell; None where there is none."""
    return None


@operator.register
def _(cell: keras.layers.SimpleRNNCell) -> Operator:
    activation = _named(cell.activation, ("tanh", "relu"), cell)
    return _simple(array(cell.kernel), array(cell.recurrent_kernel), _bias(cell), activation)


@operator.register
def _(cell: NeuronCell) -> Operator:
    kernel, activation = array(cell.kernel), _named(cell.activation, ("tanh", "relu"), cell)
    return _simple(kernel[: -cell.units], kernel[-cell.units :], array(cell.bias), activation)


def _simple(kernel: np.ndarray, recurrent: np.ndarray, bias: np.ndarray, activation: str) -> Operator:
    both = np.concatenate([bias, np.zeros_like(bias)])[None]
    return Operator("RNN", kernel.T[None], recurrent.T[None], both, None, {"activations": [activation.capitalize()]})


@operator.register
def _(cell: StateDropoutCell) -> Operator | None:
    return operator(cell.cell)  # without training its masks are 1


@operator.register
def _(cell: keras.layers.LSTMCell) -> Operator:
    _named(cell.activation, ("tanh",), cell)
    _named(cell.recurrent_activation, ("sigmoid",), cell)
    return _lstm(cell, None)


@operator.register
def _(cell: PeepholeLSTMCell) -> Operator:
    return _lstm(cell, array(cell.peepholes)[[0, 2, 1]].reshape(1, -1))  # i, o, f


def _lstm(cell: keras.layers.Layer, peepholes: np.ndarray | None) -> Operator:
    kernel, recurrent, bias = (_ordered(w, GATES["lstm"]) for w in (cell.kernel, cell.recurrent_kernel, _bias(cell)))
    both = np.concatenate([bias, np.zeros_like(bias)], axis=-1)
    return Operator("LSTM", kernel.T[None], recurrent.T[None], both, peepholes)


@operator.register
def _(cell: keras.layers.GRUCell) -> Operator:
    _named(cell.activation, ("tanh",), cell)
    _named(cell.recurrent_activation, ("sigmoid",), cell)
    if not cell.reset_after:
        raise ZooError("this GRUCell applies its reset gate before the product: only reset_after=True is exported")
    both = np.stack([_bias(cell)] * 2) if cell.bias is None else array(cell.bias)
    kernel, recurrent, bias = (_ordered(w, GATES["gru"]) for w in (cell.kernel, cell.recurrent_kernel, both))
    return Operator("GRU", kernel.T[None], recurrent.T[None], bias.reshape(1, -1), None, {"linear_before_reset": 1})


@dataclass(frozen=True)
class Equations:
    """A cell for a Scan: one function for all steps at once before it, one for each step inside it.

    `before(graph, inputs)` gives tensors (steps, batch, ...) that the scan reads a step of; `step(body, states, read)`
    gives the output and the new states.
    """

    before: Callable[[Graph, str], list[str]]
    step: Callable[[Graph, Sequence[str], Sequence[str]], tuple[str, list[str]]]


@singledispatch
def equations(cell: keras.layers.Layer) -> Equations:
    """The equations of a cell for which ONNX has no operator."""
    raise ZooError(f"{type(cell).__name__} has neither an operator in ONNX nor equations in zoo.onnx.cells")


@equations.register
def _(cell: LayerNormLSTMCell) -> Equations:
    def normalised(graph: Graph, tensor: str) -> str:
        axis = graph.constant(np.array([-1]))
        centred = graph.add("Sub", tensor, graph.add("ReduceMean", tensor, axis))
        variance = graph.add("ReduceMean", graph.add("Mul", centred, centred), axis)
        return graph.add("Div", centred, graph.add("Sqrt", graph.add("Add", variance, graph.constant(EPSILON))))

    def before(graph: Graph, inputs: str) -> list[str]:
        product = graph.add("MatMul", inputs, graph.constant(array(cell.kernel)))
        scaled = graph.add("Mul", normalised(graph, product), graph.constant(array(cell.kernel_gain)))
        return [graph.add("Add", scaled, graph.constant(array(cell.bias)))]

    def step(body: Graph, states: Sequence[str], read: Sequence[str]) -> tuple[str, list[str]]:
        product = body.add("MatMul", states[0], body.constant(array(cell.recurrent_kernel)))
        of_state = body.add("Mul", normalised(body, product), body.constant(array(cell.recurrent_gain)))
        sums = body.add("Add", read[0], of_state)
        i, f, g, o = body.add_many("Split", 4, sums, axis=-1, num_outputs=4)
        kept = body.add("Mul", body.add("Sigmoid", f), states[1])
        memory = body.add("Add", kept, body.add("Mul", body.add("Sigmoid", i), body.add("Tanh", g)))
        scaled = body.add("Mul", normalised(body, memory), body.constant(array(cell.memory_gain)))
        shown = body.add("Tanh", body.add("Add", scaled, body.constant(array(cell.memory_shift))))
        output = body.add("Mul", body.add("Sigmoid", o), shown)
        return output, [output, memory]

    return Equations(before, step)


def _gates(cell: keras.layers.Layer, graph: Graph, inputs: str) -> list[str]:
    product = graph.add("MatMul", inputs, graph.constant(array(cell.kernel)))
    sums = graph.add("Add", product, graph.constant(array(cell.bias)))
    return graph.add_many("Split", cell.gates, sums, axis=-1, num_outputs=cell.gates)


def _linear_step(body: Graph, states: Sequence[str], read: Sequence[str]) -> tuple[str, list[str]]:
    """h = a ⊙ h + b, real."""
    state = body.add("Add", body.add("Mul", read[0], states[0]), read[1])
    return state, [state]


@equations.register
def _(cell: MinGRUCell) -> Equations:
    def before(graph: Graph, inputs: str) -> list[str]:
        gate, candidate = _gates(cell, graph, inputs)
        update = graph.add("Sigmoid", gate)
        return [graph.add("Sub", graph.constant(1.0), update), graph.add("Mul", update, candidate)]

    return Equations(before, _linear_step)


@equations.register
def _(cell: MinLSTMCell) -> Equations:
    def before(graph: Graph, inputs: str) -> list[str]:
        forget, enter, candidate = _gates(cell, graph, inputs)
        forget, enter = (graph.add("Softplus", graph.add("Neg", each)) for each in (forget, enter))
        keep = graph.add("Sigmoid", graph.add("Sub", enter, forget))
        drive = graph.add("Mul", graph.add("Sigmoid", graph.add("Sub", forget, enter)), candidate)
        return [keep, drive]

    return Equations(before, _linear_step)


@equations.register
def _(cell: LRUCell) -> Equations:
    decay = [array(part) for part in cell.decay()]
    scale = np.exp(array(cell.gamma))

    def before(graph: Graph, inputs: str) -> list[str]:
        drive = [graph.add("MatMul", inputs, graph.constant(scale * kernel)) for kernel in array(cell.input_kernel)]
        return [*drive, graph.add("MatMul", inputs, graph.constant(array(cell.skip_kernel)))]

    def step(body: Graph, states: Sequence[str], read: Sequence[str]) -> tuple[str, list[str]]:
        real, imaginary = (body.constant(part) for part in decay)
        _, a, b = states
        minus = body.add("Sub", body.add("Mul", real, a), body.add("Mul", imaginary, b))
        plus = body.add("Add", body.add("Mul", real, b), body.add("Mul", imaginary, a))
        new = [body.add("Add", minus, read[0]), body.add("Add", plus, read[1])]
        out = [body.add("MatMul", s, body.constant(k)) for s, k in zip(new, array(cell.output_kernel), strict=True)]
        shown = body.add("Gelu", body.add("Add", body.add("Sub", *out), read[2]))
        return shown, [shown, *new]

    return Equations(before, step)
