"""The equations of the cells of later years, for a Scan."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from zoo.layers import IndRNNCell, MLSTMCell, SelectiveCell, SLSTMCell, SRUCell, ZoneoutLSTMCell
from zoo.layers.extended import FLOOR
from zoo.layers.tensors import Tensor
from zoo.onnx.cells import Equations, array, equations
from zoo.onnx.graph import Graph

Names = Sequence[str]


def _product(graph: Graph, inputs: str, kernel: Tensor | np.ndarray, bias: Tensor | None = None) -> str:
    product = graph.add("MatMul", inputs, graph.constant(array(kernel)))
    return product if bias is None else graph.add("Add", product, graph.constant(array(bias)))


def _split(graph: Graph, tensor: str, count: int) -> list[str]:
    return graph.add_many("Split", count, tensor, axis=-1, num_outputs=count)


def _complement(graph: Graph, gate: str) -> str:
    return graph.add("Sub", graph.constant(1.0), gate)


def _mixed(graph: Graph, gate: str, one: str, other: str) -> str:
    """gate ⊙ one + (1 - gate) ⊙ other."""
    return graph.add("Add", graph.add("Mul", gate, one), graph.add("Mul", _complement(graph, gate), other))


@equations.register
def _(cell: IndRNNCell) -> Equations:
    def before(graph: Graph, inputs: str) -> list[str]:
        return [_product(graph, inputs, cell.kernel, cell.bias)]

    def step(body: Graph, states: Names, read: Names) -> tuple[str, list[str]]:
        kept = body.add("Mul", states[0], body.constant(array(cell.recurrent_kernel)))
        output = body.add("Relu", body.add("Add", read[0], kept))
        return output, [output]

    return Equations(before, step)


@equations.register
def _(cell: SRUCell) -> Equations:
    def before(graph: Graph, inputs: str) -> list[str]:
        candidate, forget, reset, highway = _split(graph, _product(graph, inputs, cell.kernel), 4)
        of_f, of_r = np.split(array(cell.bias), 2)
        forget, reset = (graph.add("Add", gate, graph.constant(bias)) for gate, bias in ((forget, of_f), (reset, of_r)))
        return [candidate, forget, reset, highway]

    def step(body: Graph, states: Names, read: Names) -> tuple[str, list[str]]:
        candidate, forget, reset, highway = read
        seen = [body.add("Mul", states[1], body.constant(each)) for each in array(cell.peepholes)]
        forget, reset = (
            body.add("Sigmoid", body.add("Add", gate, of)) for gate, of in zip((forget, reset), seen, strict=True)
        )
        memory = _mixed(body, forget, states[1], candidate)
        output = _mixed(body, reset, memory, highway)
        return output, [output, memory]

    return Equations(before, step)


@equations.register
def _(cell: ZoneoutLSTMCell) -> Equations:
    def before(graph: Graph, inputs: str) -> list[str]:
        return [_product(graph, inputs, cell.kernel, cell.bias)]

    def step(body: Graph, states: Names, read: Names) -> tuple[str, list[str]]:
        h, c = states
        i, f, g, o = _split(body, body.add("Add", read[0], _product(body, h, cell.recurrent_kernel)), 4)
        entered = body.add("Mul", body.add("Sigmoid", i), body.add("Tanh", g))
        memory = body.add("Add", body.add("Mul", body.add("Sigmoid", f), c), entered)
        shown = body.add("Mul", body.add("Sigmoid", o), body.add("Tanh", memory))
        rate = body.constant(float(cell.rate))  # without training the mean of old and new
        output = _mixed(body, rate, h, shown)
        return output, [output, _mixed(body, rate, c, memory)]

    return Equations(before, step)


def _gates(body: Graph, enter: str, forget: str, stabilizer: str, empty: str = "") -> tuple[str, str, str]:
    """As `zoo.layers.extended.gates`; ln σ(f) = -softplus(-f)."""
    kept = body.add("Sub", stabilizer, body.add("Softplus", body.add("Neg", forget)))
    kept = body.add("Where", empty, enter, kept) if empty else kept
    new = body.add("Max", kept, enter)
    return body.add("Exp", body.add("Sub", enter, new)), body.add("Exp", body.add("Sub", kept, new)), new


@equations.register
def _(cell: SLSTMCell) -> Equations:
    def before(graph: Graph, inputs: str) -> list[str]:
        return [_product(graph, inputs, cell.kernel, cell.bias)]

    def step(body: Graph, states: Names, read: Names) -> tuple[str, list[str]]:
        h, c, n, m = states
        z, i, f, o = _split(body, body.add("Add", read[0], _product(body, h, cell.recurrent_kernel)), 4)
        enter, keep, m = _gates(body, i, f, m, empty=body.add("Equal", n, body.constant(0.0)))
        c = body.add("Add", body.add("Mul", keep, c), body.add("Mul", enter, body.add("Tanh", z)))
        n = body.add("Add", body.add("Mul", keep, n), enter)
        h = body.add("Mul", body.add("Sigmoid", o), body.add("Div", c, n))
        return h, [h, c, n, m]

    return Equations(before, step)


@equations.register
def _(cell: MLSTMCell) -> Equations:
    heads, size = cell.heads, cell.size

    def before(graph: Graph, inputs: str) -> list[str]:
        q, k, v, o = _split(graph, _product(graph, inputs, cell.kernel, cell.bias), 4)
        k = graph.add("Mul", k, graph.constant(1 / math.sqrt(size)))
        return [q, k, v, o, *_split(graph, _product(graph, inputs, cell.gate_kernel, cell.gate_bias), 2)]

    def step(body: Graph, states: Names, read: Names) -> tuple[str, list[str]]:
        q, k, v, o, i, f = read
        enter, keep, m = _gates(body, i, f, states[3])

        def shaped(tensor: str, *sizes: int) -> str:
            return body.add("Reshape", tensor, body.constant([-1, *sizes]))

        keep, enter = shaped(keep, heads, 1), shaped(enter, heads, 1)
        written = body.add("Mul", shaped(v, heads, size, 1), shaped(k, heads, 1, size))
        memory = body.add(
            "Add",
            body.add("Mul", shaped(keep, heads, 1, 1), shaped(states[1], heads, size, size)),
            body.add("Mul", shaped(enter, heads, 1, 1), written),
        )
        n = body.add(
            "Add",
            body.add("Mul", keep, shaped(states[2], heads, size)),
            body.add("Mul", enter, shaped(k, heads, size)),
        )
        last = body.constant([-1])
        read_out = body.add("ReduceSum", body.add("Mul", memory, shaped(q, heads, 1, size)), last, keepdims=0)
        norm = body.add("Abs", body.add("ReduceSum", body.add("Mul", n, shaped(q, heads, size)), last, keepdims=1))
        floor = shaped(body.add("Exp", body.add("Min", body.add("Neg", m), body.constant(FLOOR))), heads, 1)
        output = shaped(body.add("Div", read_out, body.add("Max", norm, floor)), heads * size)
        output = body.add("Mul", body.add("Sigmoid", o), output)
        return output, [output, shaped(memory, heads * size * size), shaped(n, heads * size), m]

    return Equations(before, step)


@equations.register
def _(cell: SelectiveCell) -> Equations:
    units, size = cell.units, cell.states
    narrow, enter = np.split(array(cell.drive_kernel), [cell.rank], axis=-1)

    def flat(graph: Graph, tensor: str) -> str:
        return graph.add("Reshape", tensor, graph.constant([0, 0, units * size]))

    def before(graph: Graph, inputs: str) -> list[str]:
        sums = _product(graph, inputs, narrow @ array(cell.step_kernel), cell.step_bias)
        step = graph.add("Softplus", sums)
        last, between = graph.constant([-1]), graph.constant([2])
        decay = graph.add(
            "Mul", graph.add("Unsqueeze", step, last), graph.constant(-np.exp(array(cell.decay_logarithm)))
        )
        driven = graph.add("Unsqueeze", graph.add("Mul", step, inputs), last)
        drive = graph.add("Mul", driven, graph.add("Unsqueeze", _product(graph, inputs, enter), between))
        return [
            flat(graph, graph.add("Exp", decay)),
            flat(graph, drive),
            _product(graph, inputs, cell.read_kernel),
            graph.add("Mul", inputs, graph.constant(array(cell.skip))),
        ]

    def step(body: Graph, states: Names, read: Names) -> tuple[str, list[str]]:
        decay, drive, weight, skipped = read
        state = body.add("Add", body.add("Mul", decay, states[1]), drive)
        shaped = body.add("Reshape", state, body.constant([-1, units, size]))
        weighted = body.add("Mul", shaped, body.add("Unsqueeze", weight, body.constant([1])))
        output = body.add("Add", body.add("ReduceSum", weighted, body.constant([-1]), keepdims=0), skipped)
        return output, [output, state]

    return Equations(before, step)
