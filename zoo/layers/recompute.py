"""Computing again in the backward pass what would else be kept, or keeping it on the host: time for memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras

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
        with torch.autograd.graph.save_on_cpu(pin_memory=torch.cuda.is_available()):
            return function(*arguments)

    return run


def recomputed(function: Body, variables: Sequence[Any]) -> Body:
    """`function`, of which the backward pass keeps the arguments alone and computes all else again.

    Args:
        function: of tensors, in any nesting; what it gives is differentiated.
        variables: the Keras variables that it reads. TensorFlow refuses a variable inside a function that is computed
            again in a loop, so there their values go in as arguments.
    """
    name = keras.backend.backend()
    if name == "jax":
        import jax

        return jax.checkpoint(function)
    if name == "torch":
        from torch.utils.checkpoint import checkpoint

        return lambda *arguments: checkpoint(function, *arguments, use_reentrant=False)
    import tensorflow as tf

    def run(*arguments: Any) -> Any:
        kinds = keras.tree.map_structure(lambda each: each.dtype, arguments)

        def of_values(values: Sequence[Any], arguments: Any) -> Any:
            with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
                return function(*keras.tree.map_structure(tf.cast, arguments, kinds))

        # A boolean mask goes in as numbers: what is computed again asks for the gradient of all that goes in.
        numbers = keras.tree.map_structure(lambda e: tf.cast(e, tf.float32) if e.dtype == tf.bool else e, arguments)
        values = [tf.convert_to_tensor(variable.value) for variable in variables]
        return tf.recompute_grad(of_values)(values, numbers)

    return run
