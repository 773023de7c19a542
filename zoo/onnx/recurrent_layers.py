"""How recurrent layers become operators of ONNX: one for the whole sequence, or a Scan over the equations of a cell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import keras
import numpy as np
from onnx import TensorProto

from zoo.errors import ZooError
from zoo.onnx import later_cells  # noqa: F401 (registers their equations)
from zoo.onnx.cells import Operator, equations, operator
from zoo.onnx.graph import OWN, Graph, Value

Layer: TypeAlias = keras.layers.Layer
Cell: TypeAlias = keras.layers.Layer
Ran = tuple[str, str, list[str]]
"""All outputs (steps, batch, units), the last one (batch, units), the last states."""


def bidirectional(graph: Graph, layer: Layer, value: Value, initial_state: Any = None, **_: Any) -> Any:
    """Both directions: one operator where there is one for the cells, else one after the other."""
    if initial_state is not None:
        raise ZooError(f"Bidirectional {layer.name!r} starts from states: that is not exported")
    both = [operator(each.cell) for each in (layer.forward_layer, layer.backward_layer)]
    if both[0] is not None and both[1] is not None and not value.flipped:
        outputs, last, finals = _in_one(graph, both[0], both[1], value)
        merged = _merged(graph, layer.merge_mode, outputs if layer.return_sequences else last, layer.return_sequences)
    else:
        ran = [recurrent(graph, each, value) for each in (layer.forward_layer, layer.backward_layer)]
        parts = [each if isinstance(each, list) else [each] for each in ran]
        finals = [state.name for part in parts for state in part[1:]]
        axis = graph.constant([2 if layer.return_sequences else 1])
        stacked = graph.add("Concat", *(graph.add("Unsqueeze", part[0].name, axis) for part in parts), axis=-2)
        merged = _merged(graph, layer.merge_mode, stacked, layer.return_sequences)
    mask = value.mask if layer.return_sequences else ""
    shown = [Value(each, mask) for each in merged]
    if layer.return_state:
        return [*shown, *map(Value, finals)]
    return shown if len(shown) > 1 else shown[0]


def _merged(graph: Graph, mode: str | None, both: str, every_step: bool) -> list[str]:
    """The outputs of two directions (batch, ..., 2, units), merged as Keras does; two where they stay apart."""
    if mode == "concat":
        return [graph.add("Reshape", both, graph.constant([0, 0, -1] if every_step else [0, -1]))]
    if mode is None:
        return [graph.add("Gather", both, graph.constant(place), axis=-2) for place in (0, 1)]
    kinds = {"sum": "ReduceSum", "ave": "ReduceMean", "mul": "ReduceProd"}
    return [graph.add(kinds[mode], both, graph.constant([-2]), keepdims=0)]


def _in_one(graph: Graph, forward: Operator, backward: Operator, value: Value) -> Ran:
    """Both directions by one operator: all outputs (batch, steps, 2, units), the last (batch, 2, units), the states."""
    weights = [
        graph.constant(np.concatenate(pair))
        for pair in (
            (forward.kernel, backward.kernel),
            (forward.recurrent_kernel, backward.recurrent_kernel),
            (forward.bias, backward.bias),
        )
    ]
    memory = forward.kind == "LSTM"
    read = [graph.add("Transpose", value.name, perm=[1, 0, 2]), *weights, _lengths(graph, value.mask)]
    if forward.peepholes is not None and backward.peepholes is not None:
        read += ["", "", graph.constant(np.concatenate([forward.peepholes, backward.peepholes]))]
    attributes = dict(forward.attributes)
    if "activations" in attributes:
        attributes["activations"] = attributes["activations"] + backward.attributes["activations"]
    outputs, *finals = graph.add_many(
        forward.kind,
        2 + memory,
        *read,
        hidden_size=forward.recurrent_kernel.shape[-1],
        direction="bidirectional",
        **attributes,
    )
    states = [graph.add("Gather", each, graph.constant(way), axis=0) for way in (0, 1) for each in finals]
    last = graph.add("Transpose", finals[0], perm=[1, 0, 2])
    return graph.add("Transpose", outputs, perm=[2, 0, 1, 3]), last, states


def recurrent(
    graph: Graph,
    layer: Layer,
    value: Value,
    initial_state: Any = None,
    mask: Value | None = None,
    **_: Any,
) -> Any:
    """A recurrent layer of any execution: the cell's operator, or a Scan of its equations."""
    # Keras hands the mask of the sequence to a layer that gets nothing else; one that gets a state runs unmasked.
    mask_name = mask.name if mask is not None else value.mask if initial_state is None else ""
    if isinstance(layer.cell, keras.layers.StackedRNNCells):
        raise ZooError(f"{layer.name!r} has several cells: give each a layer of its own to export it")
    states = [state.name for state in initial_state] if initial_state is not None else []
    backwards = value.flipped != layer.go_backwards
    inputs = graph.add("Transpose", value.name, perm=[1, 0, 2])
    native = operator(layer.cell)
    if native:
        outputs, last, finals = _native(graph, native, inputs, mask_name, states, backwards)
    else:
        outputs, last, finals = _scanned(graph, layer.cell, inputs, mask_name, states, backwards)
    result = Value(last)
    if layer.return_sequences:
        result = Value(graph.add("Transpose", outputs, perm=[1, 0, 2]), mask_name or value.mask, backwards)
    return [result, *(Value(state) for state in finals)] if layer.return_state else result


def _native(graph: Graph, native: Operator, inputs: str, mask: str, states: Sequence[str], backwards: bool) -> Ran:
    lengths = _lengths(graph, mask)
    first = [graph.add("Unsqueeze", state, graph.constant([0])) for state in states]
    weights = [graph.constant(each) for each in (native.kernel, native.recurrent_kernel, native.bias)]
    memory = native.kind == "LSTM"
    read = [inputs, *weights, lengths, *(first or [""] * (1 + memory))]
    if native.peepholes is not None:
        read.append(graph.constant(native.peepholes))
    units = native.recurrent_kernel.shape[-1]
    direction = "reverse" if backwards else "forward"
    outputs, *finals = graph.add_many(
        native.kind, 2 + memory, *read, hidden_size=units, direction=direction, **native.attributes
    )
    flat = [graph.add("Squeeze", state, graph.constant([0])) for state in finals]
    return graph.add("Squeeze", outputs, graph.constant([1])), flat[0], flat


def _lengths(graph: Graph, mask: str) -> str:
    """How many steps of each sequence count, of a mask that is padded on the right; "" where there is none."""
    if not mask:
        return ""
    graph.right.add(mask)
    return graph.add("ReduceSum", graph.add("Cast", mask, to=TensorProto.INT32), graph.constant([1]), keepdims=0)


def _scanned(graph: Graph, cell: Cell, inputs: str, mask: str, states: Sequence[str], backwards: bool) -> Ran:
    """A Scan whose state holds the last output too: a step that does not count repeats it."""
    written = equations(cell)
    rows = written.before(graph, inputs)
    if mask:
        counts = graph.add("Unsqueeze", graph.add("Transpose", mask, perm=[1, 0]), graph.constant([-1]))
        rows.append(counts)
    sizes = [cell.state_size] if isinstance(cell.state_size, int) else cell.state_size
    zeros = {size: _zeros(graph, inputs, size) for size in {*sizes, cell.units}}
    first = [*(states or [zeros[size] for size in sizes]), zeros[cell.units]]
    body = graph.body()
    olds = [f"{OWN}state_{next(graph.numbers)}" for _ in first]
    reads = [f"{OWN}row_{next(graph.numbers)}" for _ in rows]
    output, news = written.step(body, olds[:-1], reads[: len(reads) - bool(mask)])
    news = [*news, output]
    if mask:
        news = [body.add("Where", reads[-1], new, old) for new, old in zip(news, olds, strict=True)]
    ends = [body.add("Identity", new) for new in [*news, news[-1]]]
    kinds = ["float"] * (len(rows) - bool(mask)) + ["bool"] * bool(mask)
    proto = body.as_body([*((old, "float") for old in olds), *zip(reads, kinds, strict=True)], ends)
    *finals, last, outputs = graph.add_many(
        "Scan",
        len(first) + 1,
        *first,
        *rows,
        body=proto,
        num_scan_inputs=len(rows),
        scan_input_directions=[int(backwards)] * len(rows),
        scan_output_directions=[int(backwards)],
    )
    return outputs, last, finals


def _zeros(graph: Graph, inputs: str, units: int) -> str:
    """(batch, units) of the batch of inputs (steps, batch, features)."""
    batch = graph.add("Slice", graph.add("Shape", inputs), *(graph.constant([each]) for each in (1, 2)))
    shape = graph.add("Concat", batch, graph.constant([units]), axis=0)
    return graph.add("Expand", graph.constant(0.0), shape)


HANDLERS: dict[str, Callable[..., Any]] = {"Bidirectional": bidirectional, "RNN": recurrent}
"""By the name of a layer's class, or of one that it is derived from."""
