"""How each layer of the zoo's models becomes operators of ONNX."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

import keras
from onnx import TensorProto

from zoo.errors import ZooError
from zoo.export.cells import Operator, array, equations, operator
from zoo.export.graph import Graph, Value
from zoo.layers import StateMasks

ACTIVATIONS = {"linear": "", "softmax": "Softmax", "tanh": "Tanh", "sigmoid": "Sigmoid", "relu": "Relu"}
FAR = -1e9  # what Keras' attention adds to the score of a step that does not count
Handler = Callable[..., Any]
Layer: TypeAlias = keras.layers.Layer
Cell: TypeAlias = keras.layers.Layer


def handler(graph: Graph, layer: Layer) -> Handler:
    """What stands for a call of the layer: from values, as Keras hands them on, to values.

    Raises:
        ZooError: no layer of the zoo's models is of this kind.
    """
    handle = next((HANDLERS[base.__name__] for base in type(layer).__mro__ if base.__name__ in HANDLERS), None)
    if handle is None:
        raise ZooError(f"zoo export does not know the layer {type(layer).__name__}")
    return partial(handle, graph, layer)


def _masking(graph: Graph, layer: Layer, value: Value) -> Value:
    different = graph.add("Not", graph.add("Equal", value.name, graph.constant(float(layer.mask_value))))
    some = graph.add("ReduceMax", graph.add("Cast", different, to=TensorProto.FLOAT), graph.constant([-1]), keepdims=1)
    read = graph.add("Mul", value.name, some)
    flat = graph.add("Squeeze", some, graph.constant([-1]))
    return Value(read, graph.add("Cast", flat, to=TensorProto.BOOL))


def _embedding(graph: Graph, layer: Layer, value: Value) -> Value:
    vectors = value.of(graph.add("Gather", graph.constant(array(layer.embeddings)), value.name))
    if not layer.mask_zero:
        return vectors
    return Value(vectors.name, _not_equal(graph, layer, value, 0).name, value.flipped)


def _not_equal(graph: Graph, _: Layer, value: Value, other: Any) -> Value:
    constant = graph.constant(other)
    if isinstance(other, int):
        constant = graph.add("Cast", constant, to=TensorProto.INT32)
    return value.of(graph.add("Not", graph.add("Equal", value.name, constant)))


def _any(graph: Graph, layer: Layer, value: Value, **_: Any) -> Value:
    """Of bools (batch, steps, features), where one is true: (batch, steps)."""
    numbers = graph.add("Cast", value.name, to=TensorProto.FLOAT)
    most = graph.add("ReduceMax", numbers, graph.constant([-1]), keepdims=0)
    return value.of(graph.add("Cast", most, to=TensorProto.BOOL))


def _dense(graph: Graph, layer: Layer, value: Value, **_: Any) -> Value:
    dense = layer.layer if isinstance(layer, keras.layers.TimeDistributed) else layer
    product = graph.add("MatMul", value.name, graph.constant(array(dense.kernel)))
    sums = graph.add("Add", product, graph.constant(array(dense.bias)))
    kind = ACTIVATIONS.get(keras.activations.serialize(dense.activation))
    if kind is None:
        raise ZooError(f"zoo export does not know the activation {dense.activation.__name__}")
    return value.of(graph.add(kind, sums) if kind else sums)


def _same(graph: Graph, layer: Layer, value: Value, **_: Any) -> Value:
    return value


def _repeat_vector(graph: Graph, layer: Layer, value: Value) -> Value:
    row = graph.add("Unsqueeze", value.name, graph.constant([1]))
    return Value(graph.add("Tile", row, graph.constant([1, layer.n, 1])))


def _concatenate(graph: Graph, layer: Layer, values: Sequence[Value]) -> Value:
    return values[0].of(graph.add("Concat", *(value.name for value in values), axis=layer.axis))


def _attention(graph: Graph, layer: Layer, values: Sequence[Value], **_: Any) -> Value:
    query, value = values
    scores = graph.add("MatMul", query.name, graph.add("Transpose", value.name, perm=[0, 2, 1]))
    if value.mask:
        missing = graph.add("Cast", graph.add("Not", value.mask), to=TensorProto.FLOAT)
        far = graph.add("Unsqueeze", graph.add("Mul", missing, graph.constant(FAR)), graph.constant([1]))
        scores = graph.add("Add", scores, far)
    return query.of(graph.add("MatMul", graph.add("Softmax", scores), value.name))


def _get_item(graph: Graph, layer: Layer, value: Value, key: Any) -> Value:
    steps = key[1]
    if isinstance(steps, int):
        return value.of(graph.add("Gather", value.name, graph.constant(steps), axis=1))
    return value.of(graph.add("Slice", value.name, *(graph.constant([each]) for each in (0, steps.stop, 1))))


def _pad(graph: Graph, layer: Layer, value: Value, **_: Any) -> Value:
    before, after = zip(*layer.pad_width, strict=True)
    zero = graph.add("Cast", graph.constant(0), to=TensorProto.INT32)
    return value.of(graph.add("Pad", value.name, graph.constant([*before, *after]), zero))


def _flip(graph: Graph, layer: Layer, value: Value, **_: Any) -> Value:
    return Value(value.name, value.mask, not value.flipped)


def _bidirectional(graph: Graph, layer: Layer, value: Value, **_: Any) -> Value:
    if layer.merge_mode != "concat" or layer.return_sequences:
        raise ZooError("zoo export knows Bidirectional for the last outputs alone, put side by side")
    both = [_recurrent(graph, each, value) for each in (layer.forward_layer, layer.backward_layer)]
    return Value(graph.add("Concat", *(each.name for each in both), axis=-1))


def _recurrent(
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


Ran = tuple[str, str, list[str]]
"""All outputs (steps, batch, units), the last one (batch, units), the last states."""


def _native(graph: Graph, native: Operator, inputs: str, mask: str, states: Sequence[str], backwards: bool) -> Ran:
    lengths = ""
    if mask:
        counted = graph.add("Cast", mask, to=TensorProto.INT32)
        lengths = graph.add("ReduceSum", counted, graph.constant([1]), keepdims=0)
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


def _scanned(graph: Graph, cell: Cell, inputs: str, mask: str, states: Sequence[str], backwards: bool) -> Ran:
    """A Scan whose state holds the last output too: a step that does not count repeats it."""
    written = equations(cell)
    rows = written.before(graph, inputs)
    if mask:
        counts = graph.add("Unsqueeze", graph.add("Transpose", mask, perm=[1, 0]), graph.constant([-1]))
        rows.append(counts)
    zeros = _zeros(graph, inputs, cell.units)
    first = [*(states or [zeros] * written.states), zeros]
    body = graph.body()
    olds = [f"state_{next(graph.numbers)}" for _ in first]
    reads = [f"row_{next(graph.numbers)}" for _ in rows]
    output, news = written.step(body, olds[:-1], reads)
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


HANDLERS: dict[str, Handler] = {
    "Masking": _masking,
    "Embedding": _embedding,
    "NotEqual": _not_equal,
    "Any": _any,
    "TimeDistributed": _dense,
    "Dense": _dense,
    "Dropout": _same,
    StateMasks.__name__: _same,  # without training they are 1
    "RepeatVector": _repeat_vector,
    "Concatenate": _concatenate,
    "Attention": _attention,
    "GetItem": _get_item,
    "Pad": _pad,
    "Flip": _flip,
    "Bidirectional": _bidirectional,
    "RNN": _recurrent,
}
"""By the name of a layer's class, or of one that it is derived from."""
