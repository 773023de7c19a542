"""Whether two Keras models compute the same: outputs and gradients on one random batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import ZooError

if TYPE_CHECKING:
    import keras

BATCH, STEPS = 4, 7
"""The sizes of the batch where a model leaves them open."""
TOLERANCE = {"float32": 1e-5, "float16": 5e-2, "bfloat16": 2e-1, "float64": 1e-12}
"""The largest relative L2 difference of a tensor, by the type that the model computes in.

float32: equal models do the same products in another order, and a rounding error of 6e-8 a product grows over some
hundred steps, there and back, to about 1e-6. Half precision rounds at 1e-3 and 8e-3 a product.
"""
LONG = 500
"""From so many steps on what is allowed grows with the steps, as rounding errors do that add up along a chain."""
GRADIENT = "the gradient of"
SMALL = 0.01
"""A gradient of less than this part of the largest is held against that part of it: it may be rounding errors alone.

The gradient of the bias of the keys of an attention is 0, and a model computes 1e-8 for it, or -1e-8.
"""


def require_equal(model: keras.Model, other: keras.Model, what: object) -> None:
    """Hold the outputs of both models, without dropout, and the gradients of their squares against each other.

    Args:
        model: the one that is checked.
        other: one with the same weights in the same order.
        what: what the model runs as, for the error.

    Raises:
        ZooError: which tensor differs most, and by how much; or a weight that only one of them trains.
    """
    for (_, trained), (path, expected) in zip(_by_trained(model), _by_trained(other), strict=True):
        if trained != expected:
            raise ZooError(f"as {what} the model {'trains' if trained else 'freezes'} {path}, unlike the original")
    batch = random_batch(other)
    with _states_kept(model), _states_kept(other):
        ours, known = tensors(model, batch), tensors(other, batch)
    sizes = {name: float(np.linalg.norm(tensor)) for name, tensor in known.items() if name.startswith(GRADIENT)}
    least = SMALL * max(sizes.values(), default=0.0)
    differences = {
        name: relative(tensor, known[name], least if name in sizes else 0.0)
        for name, tensor in zip(known, ours.values(), strict=True)
    }
    worst = max(differences, key=differences.__getitem__)
    allowed = _allowed(other, batch)
    if not differences[worst] <= allowed:
        raise ZooError(
            f"as {what} the model computes something else: {worst} differs by {differences[worst]:.1e} (relative L2), "
            f"{allowed:.0e} is allowed"
        )


@contextmanager
def _states_kept(model: keras.Model) -> Iterator[None]:
    """What stateful layers keep between calls is after the context what it was before."""
    import keras

    from zoo.layers.keras_private import state_variables

    before = [(state, keras.ops.convert_to_numpy(state)) for state in state_variables(model)]
    try:
        yield
    finally:
        for state, value in before:
            state.assign(value)


def random_batch(model: keras.Model, batch: int = BATCH, steps: int = STEPS, masked: bool = True) -> list[np.ndarray]:
    """Inputs of the model's shapes: numbers from a normal distribution, or tokens.

    Args:
        model: sets the shapes; what it leaves open is `batch`, then `steps`.
        batch: how many sequences.
        steps: of each.
        masked: whether the ends of half of the sequences are masked, where the model masks at all.

    Raises:
        ZooError: the model reads text.
    """
    import keras

    rng = np.random.default_rng(0)
    masks = [each.mask_value for each in _flat(model) if isinstance(each, keras.layers.Masking)]
    sizes = [each.input_dim for each in _flat(model) if isinstance(each, keras.layers.Embedding)]
    arrays = []
    for each in model.inputs:
        if "string" in each.dtype:
            raise ZooError(
                f"{model.name!r} reads text, of which no batch can be made up: give the model behind that layer, "
                "or check=False"
            )
        shape = [size or (steps if axis else batch) for axis, size in enumerate(each.shape)]
        is_token = "int" in each.dtype or any(each is tensor for tensor in _embedded(model))
        if is_token:
            array = rng.integers(1, min(sizes, default=2), shape).astype(each.dtype)
        else:
            array = rng.normal(size=shape).astype(each.dtype)
        if masked and (len(shape) > 1 if is_token else masks and len(shape) > 2):
            array[: (shape[0] + 1) // 2, first_masked(shape[1]) :] = 0 if is_token else masks[0]
        arrays.append(array)
    return arrays


def first_masked(steps: int) -> int:
    """Which of so many steps is the first one that `random_batch` masks."""
    return steps - max(1, steps // 3)


def _embedded(model: keras.Model) -> list[keras.KerasTensor]:
    """What the model's Embedding layers read: tokens, though a model without an Input has them as floats."""
    import keras

    from zoo.layers.keras_private import read_by

    return [tensor for each in _flat(model) if isinstance(each, keras.layers.Embedding) for tensor in read_by(each)]


def relative(tensor: np.ndarray, expected: np.ndarray, least: float = 0.0) -> float:
    """‖a − b‖ / ‖b‖ (L2), or over `least` if that is larger; infinite where the shapes differ or a number is none."""
    if tensor.shape != expected.shape:
        return np.inf
    size = max(float(np.linalg.norm(expected)), least, float(np.finfo(np.float32).tiny))
    difference = float(np.linalg.norm(tensor - expected)) / size
    return np.inf if np.isnan(difference) else difference


def _allowed(model: keras.Model, batch: Sequence[np.ndarray]) -> float:
    steps = max((array.shape[1] for array in batch if array.ndim > 1), default=1)
    types = [each.compute_dtype for each in _flat(model)]
    return max(TOLERANCE.get(name, 0.0) for name in types) * max(1.0, steps / LONG)


def _flat(model: keras.Model) -> list[keras.layers.Layer]:
    from zoo.layers.keras_private import flat_layers

    return flat_layers(model)


def tensors(model: keras.Model, batch: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Outputs, and the gradients of the sum of their squares for each trained weight, by name."""
    import keras

    from zoo.layers.tensors import packed

    def loss(outputs: Any) -> Any:
        return sum(keras.ops.sum(keras.ops.cast(each, "float32") ** 2) for each in keras.tree.flatten(outputs))

    outputs, gradients = _RUN[keras.backend.backend()](model, packed(model, batch), loss)
    named = [f"output {i}" for i, _ in enumerate(outputs)] + [f"{GRADIENT} {v.path}" for v in _trained(model)]
    arrays = [keras.ops.convert_to_numpy(keras.ops.cast(each, "float32")) for each in [*outputs, *gradients]]
    return dict(zip(named, arrays, strict=True))


def _by_trained(model: keras.Model) -> list[tuple[str, bool]]:
    """The path of each weight, and whether it is trained."""
    trained = {id(variable) for variable in _trained(model)}
    return [(variable.path, id(variable) in trained) for variable in model.weights]


def _trained(model: keras.Model) -> list[keras.Variable]:
    return list(model.trainable_variables)


def _on_tensorflow(model: keras.Model, inputs: Any, loss: Callable[[Any], Any]) -> tuple[list[Any], list[Any]]:
    import keras
    import tensorflow as tf

    variables = [variable.value for variable in _trained(model)]

    def both(*flat: Any) -> tuple[list[Any], list[Any]]:
        with tf.GradientTape() as tape:
            outputs = model(keras.tree.pack_sequence_as(inputs, list(flat)), training=False)
            total = loss(outputs)
        gradients = tape.gradient(total, variables, unconnected_gradients="zero")
        return keras.tree.flatten(outputs), [tf.convert_to_tensor(each) for each in gradients]

    constants = [tf.constant(each) for each in keras.tree.flatten(inputs)]
    traced = tf.function(both, autograph=False).get_concrete_function(*constants)  # a call would warn of retracing
    return traced(*constants)


def _on_jax(model: keras.Model, inputs: Any, loss: Callable[[Any], Any]) -> tuple[list[Any], list[Any]]:
    import jax
    import keras

    fixed = [variable.value for variable in model.non_trainable_variables]

    @jax.jit
    def both(values: list[Any], inputs: Any) -> tuple[list[Any], list[Any]]:
        def total(values: list[Any]) -> tuple[Any, Any]:
            outputs, _ = model.stateless_call(values, fixed, inputs, training=False)
            return loss(outputs), outputs

        gradients, outputs = jax.grad(total, has_aux=True)(values)
        return keras.tree.flatten(outputs), gradients

    return both([variable.value for variable in _trained(model)], inputs)


def _on_torch(model: keras.Model, inputs: Any, loss: Callable[[Any], Any]) -> tuple[list[Any], list[Any]]:
    import keras
    import torch

    variables = [variable.value for variable in _trained(model)]
    with torch.enable_grad():
        outputs = model(keras.tree.map_structure(keras.ops.convert_to_tensor, inputs), training=False)
        total = loss(outputs)
        found = torch.autograd.grad(total, variables, allow_unused=True) if variables else []
    gradients = [torch.zeros_like(v) if g is None else g for v, g in zip(variables, found, strict=True)]
    return [each.detach() for each in keras.tree.flatten(outputs)], gradients


_RUN = {"tensorflow": _on_tensorflow, "jax": _on_jax, "torch": _on_torch}
