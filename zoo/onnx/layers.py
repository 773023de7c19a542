"""How each layer of the zoo's models becomes operators of ONNX."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

import keras
from onnx import TensorProto

from zoo.errors import ZooError
from zoo.layers import CausalFilter, LastStep, StateMasks
from zoo.layers.keras_private import run_graph
from zoo.onnx import recurrent_layers, usual_layers
from zoo.onnx.activations import activated
from zoo.onnx.cells import array
from zoo.onnx.graph import Graph, Value

FAR = -1e9  # what Keras' attention adds to the score of a step that does not count
END = 2**31 - 1  # past the last step of any sequence
Handler = Callable[..., Any]
Layer: TypeAlias = keras.layers.Layer
Cell: TypeAlias = keras.layers.Layer


def handler(graph: Graph, layer: Layer) -> Handler:
    """What stands for a call of the layer: from values, as Keras hands them on, to values.

    Raises:
        ZooError: layers of this kind are not exported.
    """
    if isinstance(layer, keras.Model):
        return partial(_model, graph, layer)
    handle = next((HANDLERS[base.__name__] for base in type(layer).__mro__ if base.__name__ in HANDLERS), None)
    if handle is None:
        raise ZooError(f"zoo export does not know the layer {type(layer).__name__} ({layer.name!r})")
    return partial(_handled, handle, graph, layer)


def _handled(handle: Handler, graph: Graph, layer: Layer, *values: Any, **options: Any) -> Any:
    """Add a layer; a way to call it that is not known is one line."""
    try:
        return handle(graph, layer, *values, **options)
    except ZooError:
        raise
    except (TypeError, ValueError, AttributeError, LookupError) as error:
        what = f"{type(layer).__name__} ({layer.name!r})"
        raise ZooError(f"zoo export does not know this use of {what}: {str(error).splitlines()[0]}") from error


def _model(graph: Graph, layer: keras.Model, values: Any, **_: Any) -> Any:
    """A model inside a model."""
    given = list(values) if isinstance(values, (list, tuple)) else [values]
    return run_graph(layer, given, lambda inner: handler(graph, inner))


def _masking(graph: Graph, layer: Layer, value: Value) -> Value:
    different = graph.add("Not", graph.add("Equal", value.name, graph.constant(float(layer.mask_value))))
    some = graph.add("ReduceMax", graph.add("Cast", different, to=TensorProto.FLOAT), graph.constant([-1]), keepdims=1)
    read = graph.add("Mul", value.name, some)
    flat = graph.add("Squeeze", some, graph.constant([-1]))
    return Value(read, graph.add("Cast", flat, to=TensorProto.BOOL))


def _embedding(graph: Graph, layer: Layer, value: Value) -> Value:
    # A model without an Input has them as floats.
    tokens = value.of(graph.add("Cast", value.name, to=TensorProto.INT32))
    vectors = value.of(graph.add("Gather", graph.constant(array(layer.embeddings)), tokens.name))
    if not layer.mask_zero:
        return vectors
    return Value(vectors.name, _not_equal(graph, layer, tokens, 0).name, value.flipped)


def _not_equal(graph: Graph, _: Layer, value: Value, other: Any) -> Value:
    read = graph.add("Cast", value.name, to=TensorProto.FLOAT)  # exact for tokens
    return value.of(graph.add("Not", graph.add("Equal", read, graph.constant(float(other)))))


def _or(graph: Graph, _: Layer, one: Value, other: Value) -> Value:
    """The mask of a sum: a step counts where it does in one of the two."""
    return one if one.name == other.name else one.of(graph.add("Or", one.name, other.name))


def _any(graph: Graph, layer: Layer, value: Value, **_: Any) -> Value:
    """Of bools (batch, steps, features), where one is true: (batch, steps)."""
    numbers = graph.add("Cast", value.name, to=TensorProto.FLOAT)
    most = graph.add("ReduceMax", numbers, graph.constant([-1]), keepdims=0)
    return value.of(graph.add("Cast", most, to=TensorProto.BOOL))


def _dense(graph: Graph, layer: Layer, value: Value, **_: Any) -> Value:
    dense = layer.layer if isinstance(layer, keras.layers.TimeDistributed) else layer
    if not isinstance(dense, keras.layers.Dense):
        raise ZooError(f"zoo export knows TimeDistributed around Dense alone, not around {type(dense).__name__}")
    sums = graph.add("MatMul", value.name, graph.constant(array(dense.kernel)))
    if dense.use_bias:
        sums = graph.add("Add", sums, graph.constant(array(dense.bias)))
    return value.of(activated(graph, dense.activation, sums))


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
    """One step of a sequence, or those from one to another; of all examples and features."""
    every = slice(None)
    steps_of_all = isinstance(key, tuple) and len(key) > 1 and key[0] == every
    if not steps_of_all or any(part not in (every, ...) for part in key[2:]):
        raise ValueError(f"only steps can be picked, as in x[:, 2], not {key}")
    steps = key[1]
    if isinstance(steps, int):
        return value.of(graph.add("Gather", value.name, graph.constant(steps), axis=1))
    if steps.step not in (None, 1):
        raise ValueError(f"steps are picked one by one, not each {steps.step}")
    ends = (steps.start or 0, END if steps.stop is None else steps.stop, 1)
    return value.of(graph.add("Slice", value.name, *(graph.constant([each]) for each in ends)))


def _pad(graph: Graph, layer: Layer, value: Value, **_: Any) -> Value:
    before, after = zip(*layer.pad_width, strict=True)
    return value.of(graph.add("Pad", value.name, graph.constant([*before, *after])))  # by 0


def _last_step(graph: Graph, layer: Layer, value: Value, **_: Any) -> Value:
    """The step -1, or of a mask the greatest number of a step that counts."""
    if not value.mask:
        return Value(graph.add("Gather", value.name, graph.constant(-1), axis=1))
    count = graph.add("Gather", graph.add("Shape", value.name), graph.constant(1))
    steps = graph.add("Range", graph.constant(0), count, graph.constant(1))
    numbers = graph.add("Mul", graph.add("Cast", value.mask, to=TensorProto.INT64), steps)
    last = graph.add("Equal", steps, graph.add("ReduceMax", numbers, graph.constant([1]), keepdims=1))
    chosen = graph.add("Unsqueeze", graph.add("Cast", last, to=TensorProto.FLOAT), graph.constant([-1]))
    taken = graph.add("Mul", value.name, chosen)
    return Value(graph.add("ReduceSum", taken, graph.constant([1]), keepdims=0))


def _causal_filter(graph: Graph, layer: Layer, value: Value, **_: Any) -> Value:
    """A convolution of each channel by itself, its kernel (features, 1, width) with the oldest step first."""
    kernel = array(layer.kernel)[::-1].T[:, None]
    name = value.name
    if value.mask:
        counts = graph.add("Cast", value.mask, to=TensorProto.FLOAT)
        name = graph.add("Mul", name, graph.add("Unsqueeze", counts, graph.constant([-1])))
    read = graph.add("Transpose", name, perm=[0, 2, 1])
    weights = [graph.constant(each) for each in (kernel, array(layer.bias))]
    window = {"kernel_shape": [layer.width], "pads": [layer.width - 1, 0], "group": kernel.shape[0]}
    return value.of(graph.add("Transpose", graph.add("Conv", read, *weights, **window), perm=[0, 2, 1]))


def _flip(graph: Graph, layer: Layer, value: Value, **_: Any) -> Value:
    return Value(value.name, value.mask, not value.flipped)


HANDLERS: dict[str, Handler] = {
    **usual_layers.HANDLERS,
    "Masking": _masking,
    "Embedding": _embedding,
    "NotEqual": _not_equal,
    "LogicalOr": _or,
    "Any": _any,
    "TimeDistributed": _dense,
    "Dense": _dense,
    **dict.fromkeys(("Dropout", "SpatialDropout1D", "GaussianDropout", "GaussianNoise", "Identity"), _same),
    StateMasks.__name__: _same,  # without training they are 1
    "RepeatVector": _repeat_vector,
    "Concatenate": _concatenate,
    "Attention": _attention,
    "GetItem": _get_item,
    "Pad": _pad,
    "Flip": _flip,
    LastStep.__name__: _last_step,
    CausalFilter.__name__: _causal_filter,
    **recurrent_layers.HANDLERS,
}
"""By the name of a layer's class, or of one that it is derived from."""
