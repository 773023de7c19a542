"""Gradients of a layer on whatever backend Keras runs."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np


def gradients(layer: Any, x: np.ndarray, graph: bool = True, **call: Any) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """What `layer(x, **call)` gives, and the gradients of the sum of its squares: of x, then of each weight.

    Without `graph` TensorFlow traces none: that takes far longer than the sums.
    """
    tensorflow = _tensorflow if graph else _tensorflow_steps
    run = {"tensorflow": tensorflow, "jax": _jax, "torch": _torch}[keras.backend.backend()]
    call = {name: value for name, value in call.items() if value is not None}
    outputs, result = run(layer, x, call)
    return [keras.ops.convert_to_numpy(each) for each in outputs], [keras.ops.convert_to_numpy(g) for g in result]


def _loss(outputs: Any) -> Any:
    return sum(keras.ops.sum(each**2) for each in keras.tree.flatten(outputs))


def _tensorflow(layer: Any, x: np.ndarray, call: dict[str, Any]) -> tuple[Any, Any]:
    import tensorflow as tf

    return tf.function(lambda x: _tensorflow_steps(layer, x, call), autograph=False)(tf.constant(x))


def _tensorflow_steps(layer: Any, x: Any, call: dict[str, Any]) -> tuple[Any, Any]:
    import tensorflow as tf

    x = tf.convert_to_tensor(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        outputs = layer(x, **call)
        loss = _loss(outputs)
    return keras.tree.flatten(outputs), tape.gradient(loss, [x, *(v.value for v in layer.trainable_variables)])


def _jax(layer: Any, x: np.ndarray, call: dict[str, Any]) -> tuple[Any, Any]:
    import jax

    fixed = [variable.value for variable in layer.non_trainable_variables]

    def loss(x: Any, values: list[Any]) -> tuple[Any, Any]:
        outputs, _ = layer.stateless_call(values, fixed, x, **call)
        return _loss(outputs), keras.tree.flatten(outputs)

    values = [variable.value for variable in layer.trainable_variables]
    (_, outputs), (of_x, result) = jax.jit(jax.value_and_grad(loss, (0, 1), has_aux=True))(x, values)
    return outputs, [of_x, *result]


def _torch(layer: Any, x: np.ndarray, call: dict[str, Any]) -> tuple[Any, Any]:
    import torch

    given = torch.tensor(x, requires_grad=True)
    outputs = layer(given, **call)
    values = [variable.value for variable in layer.trainable_variables]
    result = torch.autograd.grad(_loss(outputs), [given, *values])
    return [each.detach() for each in keras.tree.flatten(outputs)], result
