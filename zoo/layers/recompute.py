"""Computing again in the backward pass what would else be kept, or keeping it on the host: time for memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops, tree

Body = Callable[..., Any]
SPACES = ("device", "pinned_host")


def offloaded(function: Body) -> Body:
    """`function`, of which what waits for the backward pass is moved to the host, and back when it is needed.

    On JAX that is what matrix products gave, the rest is computed again. On TensorFlow there is no such thing.
    """
    if keras.backend.backend() == "jax":
        import jax

        return jax.checkpoint(function, policy=jax.checkpoint_policies.offload_dot_with_no_batch_dims(*SPACES))
    import torch

    def run(*arguments: Any) -> Any:
        with torch.autograd.graph.save_on_cpu():  # pinned, what a kernel of cuDNN kept does not come back as it was
            return function(*arguments)

    return run


def recomputed(function: Body, variables: Sequence[Any]) -> Body:
    """`function`, of which the backward pass keeps the arguments alone and computes all else again.

    Args:
        function: of tensors, in any nesting; what it gives is differentiated.
        variables: the Keras variables that it reads. Outside JAX their values go in as arguments: TensorFlow refuses a
            variable inside a function that is computed again in a loop.
    """
    name = keras.backend.backend()
    if name == "jax":
        import jax

        return jax.checkpoint(function)
    again = _again_on_tensorflow if name == "tensorflow" else _again_on_torch()
    values = [ops.copy(variable.value) for variable in variables]  # once, and not in each turn of a loop

    def run(*arguments: Any) -> Any:
        kinds = tree.map_structure(lambda each: keras.backend.standardize_dtype(each.dtype), arguments)
        nesting: list[Any] = []

        def flat(tensors: Sequence[Any]) -> list[Any]:
            known = list(zip(variables, tensors, strict=False))  # the values come first
            with keras.StatelessScope(state_mapping=known):
                packed = tree.pack_sequence_as(kinds, list(tensors[len(values) :]))
                outputs = function(*tree.map_structure(ops.cast, packed, kinds))
            nesting[:] = [tree.map_structure(lambda _: None, outputs)]
            return tree.flatten(outputs)

        # A boolean mask goes in as numbers: what is computed again asks for the gradient of all that goes in.
        both = zip(tree.flatten(arguments), tree.flatten(kinds), strict=True)
        numbers = [ops.cast(e, "float32") if kind == "bool" else e for e, kind in both]
        outputs = again(flat, [*values, *numbers])
        return tree.pack_sequence_as(nesting[0], list(outputs))

    return run


def in_order(body: Body, rows: Any, states: Sequence[Any], dtype: Any, every: bool) -> tuple[Any, Any, list[Any]]:
    """On TensorFlow, `body(row, states)` -> (output, states) over the leading axis of `rows`, a turn after the other.

    The loop of Keras lets 32 turns overlap, of which each holds what it computes again.

    Returns:
        The last output, all of them where `every` asks for that (else the last one alone), the last states.
    """
    import tensorflow as tf

    flat = tree.flatten(rows)
    turns = tf.shape(flat[0])[0]
    arrays = [tf.TensorArray(each.dtype, turns, element_shape=each.shape[1:]).unstack(each) for each in flat]

    shape: list[Any] = []

    def turn(i: Any, kept: Any, states: list[Any]) -> tuple[Any, Any, list[Any]]:
        output, states = body(tree.pack_sequence_as(rows, [array.read(i) for array in arrays]), states)
        shape[:] = output.shape
        return i + 1, kept.write(i if every else 0, output), list(states)

    kept = tf.TensorArray(dtype, turns if every else 1, clear_after_read=False)
    start = (0, kept, list(states))
    _, kept, states = tf.while_loop(
        lambda i, *_: i < turns, turn, start, parallel_iterations=1, maximum_iterations=turns
    )
    outputs = kept.stack()
    outputs.set_shape([flat[0].shape[0] if every else 1, *shape])  # an array of TensorFlow forgets it
    return outputs[-1], outputs, list(states)


def _again_on_tensorflow(flat: Body, tensors: Sequence[Any]) -> Any:
    """`flat(tensors)`, computed again once the gradient of what it gave is there.

    `tf.recompute_grad` does not wait for it: in a loop, of which TensorFlow runs many turns at once, it computes most
    chunks again before the first is needed, and saves nothing.
    """
    import tensorflow as tf

    given = tensors  # what `custom_gradient` hands on are copies, which a loop would keep of each turn

    @tf.custom_gradient
    def run(*tensors: Any) -> Any:
        def backward(*gradients: Any) -> Any:
            with tf.control_dependencies(gradients):
                inputs = [tf.identity(tensor) for tensor in given]
            with tf.GradientTape() as tape:
                tape.watch(inputs)
                outputs = flat(inputs)
            return tape.gradient(outputs, inputs, gradients, unconnected_gradients="zero")

        return flat(tensors), backward

    return run(*tensors)


def _again_on_torch() -> Body:
    """The same for torch, whose own `torch.utils.checkpoint` calls Python for each tensor that it drops."""
    import torch

    class Again(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, flat: Body, *tensors: Any) -> tuple[Any, ...]:
            ctx.flat = flat
            ctx.save_for_backward(*tensors)
            return tuple(flat(tensors))

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(ctx: Any, *gradients: Any) -> tuple[Any, ...]:
            needed = ctx.needs_input_grad[1:]
            inputs = [each.detach().requires_grad_(n) for each, n in zip(ctx.saved_tensors, needed, strict=True)]
            with torch.enable_grad():
                outputs = ctx.flat(inputs)
            learnt = [pair for pair in zip(outputs, gradients, strict=True) if pair[0].requires_grad]
            wanted = [each for each in inputs if each.requires_grad]
            found = iter(torch.autograd.grad([o for o, _ in learnt], wanted, [g for _, g in learnt], allow_unused=True))
            return None, *(next(found) if n else None for n in needed)

    return lambda flat, tensors: Again.apply(flat, *tensors)
