"""How layers that stand around recurrent ones become operators of ONNX: convolution, pooling, normalization, sums."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import keras
import numpy as np
from onnx import TensorProto

from zoo.errors import ZooError
from zoo.onnx.activations import activated
from zoo.onnx.graph import Graph, Value

Layer: TypeAlias = keras.layers.Layer
Handler = Callable[..., Any]


def array(variable: Any) -> np.ndarray:
    """The values of a weight."""
    return keras.ops.convert_to_numpy(variable)


def _channels_first(graph: Graph, layer: Layer, value: Value) -> str:
    """(batch, channels, steps) of (batch, steps, channels), as ONNX reads it."""
    if layer.data_format != "channels_last":
        raise ZooError(f"{type(layer).__name__} {layer.name!r} has its channels first: only channels last is exported")
    return graph.add("Transpose", value.name, perm=[0, 2, 1])


def _padding(layer: Layer, width: int) -> dict[str, Any]:
    """The attributes of ONNX for Keras' padding, of a window that is so wide."""
    if layer.padding == "valid":
        return {}
    if layer.padding == "causal":
        return {"pads": [width - 1, 0]}
    if layer.strides[0] == 1:
        return {"pads": [(width - 1) // 2, width // 2]}
    return {"auto_pad": "SAME_UPPER"}


def _conv1d(graph: Graph, layer: Layer, value: Value, **_: Any) -> Value:
    read = [_channels_first(graph, layer, value), graph.constant(array(layer.kernel).transpose(2, 1, 0))]
    if layer.use_bias:
        read.append(graph.constant(array(layer.bias)))
    size, dilation = layer.kernel_size[0], layer.dilation_rate[0]
    padding = _padding(layer, (size - 1) * dilation + 1)
    window = {"kernel_shape": [size], "strides": [layer.strides[0]], "dilations": [dilation], "group": layer.groups}
    made = graph.add("Conv", *read, **window, **padding)
    return Value(activated(graph, layer.activation, graph.add("Transpose", made, perm=[0, 2, 1])))


def _pool1d(kind: str, graph: Graph, layer: Layer, value: Value, **_: Any) -> Value:
    size = layer.pool_size[0]
    padding = _padding(layer, size)
    made = graph.add(
        kind, _channels_first(graph, layer, value), kernel_shape=[size], strides=[layer.strides[0]], **padding
    )
    return Value(graph.add("Transpose", made, perm=[0, 2, 1]))


def _global_pool(kind: str, graph: Graph, layer: Layer, value: Value, **_: Any) -> Value:
    axis, kept = graph.constant([1]), int(layer.keepdims)
    if value.mask and kind == "ReduceMean":
        counts = graph.add("Unsqueeze", graph.add("Cast", value.mask, to=TensorProto.FLOAT), graph.constant([-1]))
        total = graph.add("ReduceSum", graph.add("Mul", value.name, counts), axis, keepdims=kept)
        return Value(graph.add("Div", total, graph.add("ReduceSum", counts, axis, keepdims=kept)))
    return Value(graph.add(kind, value.name, axis, keepdims=kept))


def _batch_normalization(graph: Graph, layer: Layer, value: Value, **_: Any) -> Value:
    if layer.axis not in (-1, layer.input_spec.ndim - 1):
        raise ZooError(f"BatchNormalization {layer.name!r} is over axis {layer.axis}: only the last one is exported")
    scale = 1 / np.sqrt(array(layer.moving_variance) + layer.epsilon)
    if layer.scale:
        scale = scale * array(layer.gamma)
    shift = -array(layer.moving_mean) * scale
    if layer.center:
        shift = shift + array(layer.beta)
    return value.of(graph.add("Add", graph.add("Mul", value.name, graph.constant(scale)), graph.constant(shift)))


def _layer_normalization(graph: Graph, layer: Layer, value: Value, **_: Any) -> Value:
    if layer.gamma is None or layer.axis not in (-1, [-1]):
        raise ZooError(f"LayerNormalization {layer.name!r}: only one with a scale, over the last axis, is exported")
    gain = array(layer.gamma)
    shift = array(layer.beta) if layer.beta is not None else np.zeros_like(gain)
    read = [value.name, graph.constant(gain), graph.constant(shift)]
    return value.of(graph.add("LayerNormalization", *read, axis=-1, epsilon=float(layer.epsilon)))


def _merged(kind: str, graph: Graph, layer: Layer, values: Any, *others: Any, **_: Any) -> Value:
    """A layer over a list of tensors, or `x + y`, of which one may be a plain number."""
    given = [*values] if isinstance(values, (list, tuple)) else [values, *others]
    if len(given) < 2:
        raise ValueError("it takes two tensors or more")
    first = next(each for each in given if isinstance(each, Value))
    names = [each.name if isinstance(each, Value) else graph.constant(float(each)) for each in given]
    if kind == "Mean":
        return first.of(graph.add(kind, *names))
    result = names[0]
    for other in names[1:]:
        result = graph.add(kind, result, other)
    return first.of(result)


def _activation(graph: Graph, layer: Layer, value: Value, **_: Any) -> Value:
    return value.of(activated(graph, layer.activation, value.name))


def _relu(graph: Graph, layer: Layer, value: Value, **_: Any) -> Value:
    if layer.threshold or (layer.negative_slope and layer.max_value is not None):
        raise ZooError(f"ReLU {layer.name!r} with a threshold is not exported")
    slope = float(layer.negative_slope or 0)
    made = graph.add("LeakyRelu", value.name, alpha=slope) if slope else graph.add("Relu", value.name)
    if layer.max_value is not None:
        made = graph.add("Min", made, graph.constant(float(layer.max_value)))
    return value.of(made)


def _leaky_relu(graph: Graph, layer: Layer, value: Value, **_: Any) -> Value:
    return value.of(graph.add("LeakyRelu", value.name, alpha=float(layer.negative_slope)))


def _softmax(graph: Graph, layer: Layer, value: Value, **_: Any) -> Value:
    return value.of(graph.add("Softmax", value.name, axis=int(layer.axis)))


def _reshape(graph: Graph, layer: Layer, value: Value, **_: Any) -> Value:
    return Value(graph.add("Reshape", value.name, graph.constant([0, *layer.target_shape])))


def _flatten(graph: Graph, layer: Layer, value: Value, **_: Any) -> Value:
    return Value(graph.add("Flatten", value.name, axis=1))


def _permute(graph: Graph, layer: Layer, value: Value, **_: Any) -> Value:
    return Value(graph.add("Transpose", value.name, perm=[0, *layer.dims]))


def _rescaling(graph: Graph, layer: Layer, value: Value, **_: Any) -> Value:
    scaled = graph.add("Mul", value.name, graph.constant(np.asarray(layer.scale, "float32")))
    return value.of(graph.add("Add", scaled, graph.constant(np.asarray(layer.offset, "float32"))))


HANDLERS: dict[str, Handler] = {
    "Conv1D": _conv1d,
    "MaxPooling1D": partial(_pool1d, "MaxPool"),
    "AveragePooling1D": partial(_pool1d, "AveragePool"),
    "GlobalMaxPooling1D": partial(_global_pool, "ReduceMax"),
    "GlobalAveragePooling1D": partial(_global_pool, "ReduceMean"),
    "BatchNormalization": _batch_normalization,
    "LayerNormalization": _layer_normalization,
    "Add": partial(_merged, "Add"),
    "Subtract": partial(_merged, "Sub"),
    "Multiply": partial(_merged, "Mul"),
    "Maximum": partial(_merged, "Max"),
    "Minimum": partial(_merged, "Min"),
    "Average": partial(_merged, "Mean"),
    "Activation": _activation,
    "ReLU": _relu,
    "LeakyReLU": _leaky_relu,
    "Softmax": _softmax,
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Permute": _permute,
    "Rescaling": _rescaling,
}
"""By the name of a layer's class."""
