"""Whether two arms compute the same: their outputs and gradients side by side, never inside a timed process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo import Split
from zoo.weights import named_variables

if TYPE_CHECKING:
    import keras


def outputs_and_gradients(model: keras.Model, batch: Split) -> dict[str, np.ndarray]:
    """The model's outputs ("outputs") and the gradient of its loss for each trainable weight, by the weight's name.

    Computed the way the model trains: compiled where `model.jit_compile` is True.
    """
    import keras

    trainable = {id(variable) for variable in model.trainable_variables}
    named = {name: v for name, v in named_variables(model).items() if id(v) in trainable}
    compute = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}[keras.backend.backend()]
    outputs, gradients = compute(model, batch, list(named.values()))
    tensors = {"outputs": outputs, **dict(zip(named, gradients, strict=True))}
    return {name: keras.ops.convert_to_numpy(tensor) for name, tensor in tensors.items()}


def relative_difference(tensors: Mapping[str, np.ndarray], reference: Mapping[str, np.ndarray]) -> dict[str, float]:
    """‖a − b‖ / ‖b‖ (L2) of each tensor. Equal arms with gradients of thousands may differ by 1e-3."""
    tiny = np.finfo(np.float64).tiny
    return {
        name: float(np.linalg.norm(tensors[name] - known) / max(float(np.linalg.norm(known)), tiny))
        for name, known in reference.items()
    }


def _tensorflow(model: keras.Model, batch: Split, variables: list[Any]) -> tuple[Any, list[Any]]:
    import tensorflow as tf

    @tf.function(jit_compile=model.jit_compile, autograph=False)
    def compute(x: Any, y: Any) -> tuple[Any, list[Any]]:
        with tf.GradientTape() as tape:
            outputs = model(x, training=True)
            loss = model.compute_loss(x, y, outputs)
        return outputs, tape.gradient(loss, [variable.value for variable in variables])

    return compute(tf.constant(batch.x), tf.constant(batch.y))


def _jax(model: keras.Model, batch: Split, variables: list[Any]) -> tuple[Any, list[Any]]:
    import jax

    order = [next(i for i, v in enumerate(model.trainable_variables) if v is variable) for variable in variables]
    fixed = [variable.value for variable in model.non_trainable_variables]

    def loss(values: list[Any]) -> tuple[Any, Any]:
        outputs, _ = model.stateless_call(values, fixed, batch.x, training=True)
        return model.compute_loss(batch.x, batch.y, outputs), outputs

    compute = jax.grad(loss, has_aux=True)
    compute = jax.jit(compute) if model.jit_compile else compute
    gradients, outputs = compute([variable.value for variable in model.trainable_variables])
    return outputs, [gradients[index] for index in order]


def _torch(model: keras.Model, batch: Split, variables: list[Any]) -> tuple[Any, list[Any]]:
    import torch
    from keras import ops

    x, y = ops.convert_to_tensor(batch.x), ops.convert_to_tensor(batch.y)

    def forward(x: Any) -> Any:
        return model(x, training=True)

    outputs = (torch.compile(forward) if model.jit_compile else forward)(x)
    gradients = torch.autograd.grad(model.compute_loss(x, y, outputs), [variable.value for variable in variables])
    return outputs.detach(), list(gradients)
