"""Activation functions as operators of ONNX."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from zoo.errors import ZooError
from zoo.onnx.graph import Graph

OPERATORS: dict[str, tuple[str, dict[str, float]]] = {
    "softmax": ("Softmax", {}),
    "tanh": ("Tanh", {}),
    "sigmoid": ("Sigmoid", {}),
    "relu": ("Relu", {}),
    "elu": ("Elu", {}),
    "selu": ("Selu", {"alpha": 1.6732632423543772, "gamma": 1.0507009873554805}),
    "gelu": ("Gelu", {}),
    "softplus": ("Softplus", {}),
    "softsign": ("Softsign", {}),
    "mish": ("Mish", {}),
    "exponential": ("Exp", {}),
    "hard_sigmoid": ("HardSigmoid", {"alpha": 1 / 6, "beta": 0.5}),
    "leaky_relu": ("LeakyRelu", {"alpha": 0.2}),
}
"""By the name in Keras; their constants are those of Keras."""


def activated(graph: Graph, activation: Callable[..., Any], tensor: str) -> str:
    """The tensor behind an activation function of Keras.

    Raises:
        ZooError: it is none that is known here.
    """
    name = str(keras.activations.serialize(activation))
    if name == "linear":
        return tensor
    if name in ("silu", "swish"):
        return graph.add("Mul", tensor, graph.add("Sigmoid", tensor))
    if name not in OPERATORS:
        raise ZooError(f"zoo export does not know the activation {name}; it knows {', '.join(['silu', *OPERATORS])}")
    kind, attributes = OPERATORS[name]
    return graph.add(kind, tensor, **attributes)
