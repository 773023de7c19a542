"""TensorFlow's LSTM for a whole sequence on a CPU: one operation, and one for its gradient."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from zoo.errors import ZooError
from zoo.layers.spans import at_end
from zoo.layers.tensors import Tensor

KEPT = ("i", "cs", "f", "o", "ci", "co", "h")
"""What the operation gives and its gradient reads."""
TYPES = ("float32", "float16")


def run(
    cell: keras.layers.LSTMCell, inputs: Tensor, states: list[Tensor], lengths: Tensor | None
) -> tuple[Tensor, list[Tensor]]:
    """All outputs (batch, steps, units) and the last states of `tf.raw_ops.BlockLSTMV2`: its gates are in Keras' order.

    Raises:
        ZooError: the cell computes in a type that the operation does not have.
    """
    if cell.compute_dtype not in TYPES:
        raise ZooError(
            f"the fused kernel of LSTMCell on tensorflow computes in {' or '.join(TYPES)}, not in {cell.compute_dtype}"
        )
    weights = ops.concatenate([cell.kernel, cell.recurrent_kernel], axis=0)
    rows = ops.swapaxes(inputs, 0, 1)
    every = _block()(rows, *states, weights, ops.copy(cell.bias))
    outputs, memory = (ops.swapaxes(each, 0, 1) for each in every)
    if lengths is None:
        return outputs, [every[0][-1], every[1][-1]]
    return outputs, [at_end(each, before, lengths) for each, before in zip((outputs, memory), states, strict=True)]


def _block() -> Any:
    """(x (steps, batch, features), h, c, weights, bias) -> h and c after every step, (steps, batch, units) each.

    The gradient that TensorFlow registers for BlockLSTMV2 is that of BlockLSTM, whose gates have another order
    (tensorflow/python/ops/rnn_grad.py): it is wrong. Here it is BlockLSTMGradV2.
    """
    import tensorflow as tf

    @tf.custom_gradient
    def block(x: Tensor, h: Tensor, c: Tensor, weights: Tensor, bias: Tensor) -> Any:
        no_peephole = tf.zeros_like(bias[: h.shape[-1]])
        given = {
            "seq_len_max": tf.cast(tf.shape(x)[0], tf.int64),
            "x": x,
            "h_prev": h,
            "cs_prev": c,
            "w": weights,
            "b": bias,
            "use_peephole": False,
            **dict.fromkeys(("wci", "wcf", "wco"), no_peephole),
        }
        ran = tf.raw_ops.BlockLSTMV2(**given, cell_clip=0.0)

        def gradient(of_h: Tensor, of_c: Tensor) -> tuple[Tensor, ...]:
            kept = {name: getattr(ran, name) for name in KEPT}
            found = tf.raw_ops.BlockLSTMGradV2(**given, **kept, h_grad=of_h, cs_grad=of_c)
            return found.x_grad, found.h_prev_grad, found.cs_prev_grad, found.w_grad, found.b_grad

        return (ran.h, ran.cs), gradient

    return block
