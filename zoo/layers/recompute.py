"""Time for memory: activations are computed again in the backward pass, or wait for it on the host."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops, tree

from zoo.layers.keras_private import computed_in, computing_in
from zoo.layers.tensors import Tensor

Body = Callable[..., Any]
Flat = Callable[[Sequence[Tensor]], list[Tensor]]
"""A function from a flat list of tensors to another."""
SPACES = ("device", "pinned_host")


def offloaded(function: Body) -> Body:
    """`function` with its activations on the host until the backward pass needs them; on JAX and torch.

    On JAX these are the results of matrix products; the rest is computed again.
    """
    return OFFLOADED[keras.backend.backend()](function)


def recomputed(function: Body, variables: Sequence[keras.Variable]) -> Body:
    """`function` of which only the arguments wait for the backward pass, which computes all else again.

    Args:
        function: of tensors, in any nesting; its results are differentiated.
        variables: the Keras variables that it reads. Outside JAX their values go in as arguments: TensorFlow refuses a
            variable inside a function that is computed again in a loop.
    """
    return RECOMPUTED[keras.backend.backend()](function, variables)


def in_order(
    body: Body, rows: Any, states: Sequence[Tensor], dtype: Any, every_output: bool
) -> tuple[Tensor, Tensor, list[Tensor]]:
    """On TensorFlow, `body(row, states)` -> (output, states) over the leading axis of `rows`, one turn after another.

    Keras' loop lets 32 turns overlap, each of which holds what it computes again.

    Returns:
        The last output; all outputs (turns, ...) with `every_output`, else the last one (1, ...); the last states.
    """
    import tensorflow as tf

    flat = tree.flatten(rows)
    turns = tf.shape(flat[0])[0]
    arrays = [tf.TensorArray(each.dtype, turns, element_shape=each.shape[1:]).unstack(each) for each in flat]
    shape: list[Any] = []

    def turn(i: Tensor, outputs: Any, states: list[Tensor]) -> tuple[Tensor, Any, list[Tensor]]:
        output, states = body(tree.pack_sequence_as(rows, [array.read(i) for array in arrays]), states)
        shape[:] = output.shape
        return i + 1, outputs.write(i if every_output else 0, output), list(states)

    outputs = tf.TensorArray(dtype, turns if every_output else 1, clear_after_read=False)
    start = (0, outputs, list(states))
    _, outputs, states = tf.while_loop(
        lambda i, *_: i < turns, turn, start, parallel_iterations=1, maximum_iterations=turns
    )
    stacked = outputs.stack()
    stacked.set_shape([flat[0].shape[0] if every_output else 1, *shape])  # a TensorArray forgets its shape
    return stacked[-1], stacked, list(states)


def _offloaded_by_jax(function: Body) -> Body:
    import jax

    return jax.checkpoint(function, policy=jax.checkpoint_policies.offload_dot_with_no_batch_dims(*SPACES))


def _offloaded_by_torch(function: Body) -> Body:
    import torch

    def run(*arguments: Any) -> Any:
        with torch.autograd.graph.save_on_cpu():  # not pinned: what a kernel of cuDNN saved would come back changed
            return function(*arguments)

    return run


def _recomputed_by_jax(function: Body, variables: Sequence[keras.Variable]) -> Body:
    import jax

    return jax.checkpoint(function)


def _recomputed_from_values(
    again: Callable[[Flat, list[Tensor]], Sequence[Tensor]], function: Body, variables: Sequence[keras.Variable]
) -> Body:
    """`function` made flat, with the values of its variables first, for `again(flat, tensors)` to differentiate."""
    dtype = computed_in()
    with computing_in(None):  # a cell may compute in float32 within a layer that does not
        values = [ops.copy(variable.value) for variable in variables]  # once, and not in each turn of a loop

    def run(*arguments: Any) -> Any:
        dtypes = tree.map_structure(lambda each: keras.backend.standardize_dtype(each.dtype), arguments)
        nesting: list[Any] = []

        def flat(tensors: Sequence[Tensor]) -> list[Tensor]:
            mapping = list(zip(variables, tensors, strict=False))  # the values come first
            with computing_in(None):
                scope = keras.StatelessScope(state_mapping=mapping)  # which takes them in the type that is read now
            with scope, computing_in(dtype):
                packed = tree.pack_sequence_as(dtypes, list(tensors[len(values) :]))
                outputs = function(*tree.map_structure(ops.cast, packed, dtypes))
            nesting[:] = [tree.map_structure(lambda _: None, outputs)]
            return tree.flatten(outputs)

        # A mask and lengths go in as real numbers: the backward pass asks for the gradient of every argument.
        both = zip(tree.flatten(arguments), tree.flatten(dtypes), strict=True)
        numbers = [each if "float" in dtype else ops.cast(each, "float32") for each, dtype in both]
        outputs = again(flat, [*values, *numbers])
        return tree.pack_sequence_as(nesting[0], list(outputs))

    return run


def _again_on_tensorflow(flat: Flat, tensors: list[Tensor]) -> Sequence[Tensor]:
    """`flat(tensors)`, computed again once the gradient of its results is there.

    `tf.recompute_grad` does not wait for it: in a loop, of which TensorFlow runs many turns at once, it computes most
    chunks again before the first is needed, and saves nothing.
    """
    import tensorflow as tf

    given = tensors  # `custom_gradient` passes on copies, which a loop would keep for each turn

    @tf.custom_gradient
    def run(*tensors: Tensor) -> Any:
        def backward(*gradients: Tensor) -> Any:
            with tf.control_dependencies(gradients):
                inputs = [tf.identity(tensor) for tensor in given]
            real = [each for each in inputs if each.dtype.is_floating]  # not the state of a seed
            with tf.GradientTape() as tape:
                tape.watch(real)
                outputs = flat(inputs)
            computed = iter(tape.gradient(outputs, real, gradients, unconnected_gradients="zero"))
            return [next(computed) if each.dtype.is_floating else None for each in inputs]

        return flat(tensors), backward

    return run(*tensors)


def _again_on_torch(flat: Flat, tensors: list[Tensor]) -> Sequence[Tensor]:
    """The same on torch."""
    return _torch_function().apply(flat, *tensors)


@functools.cache
def _torch_function() -> Any:
    """A function of autograd; torch's own `torch.utils.checkpoint` calls Python for each tensor that it drops."""
    import torch

    class Again(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, flat: Flat, *tensors: Tensor) -> tuple[Tensor, ...]:
            ctx.flat = flat
            ctx.save_for_backward(*tensors)
            return tuple(flat(tensors))

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
            needed = ctx.needs_input_grad[1:]
            inputs = [each.detach().requires_grad_(n) for each, n in zip(ctx.saved_tensors, needed, strict=True)]
            with torch.enable_grad():
                outputs = ctx.flat(inputs)
            trained = [pair for pair in zip(outputs, gradients, strict=True) if pair[0].requires_grad]
            wanted = [each for each in inputs if each.requires_grad]
            ends, starts = [output for output, _ in trained], [gradient for _, gradient in trained]
            computed = iter(torch.autograd.grad(ends, wanted, starts, allow_unused=True))
            return None, *(next(computed) if n else None for n in needed)

    return Again


OFFLOADED: dict[str, Callable[[Body], Body]] = {"jax": _offloaded_by_jax, "torch": _offloaded_by_torch}
"""By backend; TensorFlow moves no activations to the host."""
RECOMPUTED: dict[str, Callable[[Body, Sequence[keras.Variable]], Body]] = {
    "jax": _recomputed_by_jax,
    "tensorflow": functools.partial(_recomputed_from_values, _again_on_tensorflow),
    "torch": functools.partial(_recomputed_from_values, _again_on_torch),
}
"""By backend."""
