"""A recurrent layer whose steps are all written out, with zeros where Keras' own has them in the wrong places."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from zoo.layers.tensors import Tensor


@keras.saving.register_keras_serializable("zoo")
class UnrolledRNN(keras.layers.RNN):
    """`keras.layers.RNN(cell, unroll=True)` that reads backwards and masks as Keras' loop does.

    With `zero_output_for_mask`, which Bidirectional sets, Keras' unrolled steps on TensorFlow zero outputs in the order
    of reading by a mask in the order of time, and on JAX they zero none. Without it, or a mask, this is Keras' graph.

    Args:
        cell: a recurrent cell, of Keras, of the zoo or of your own, or a list of cells.
        **options: as of `keras.layers.RNN`.
    """

    zero_output_for_mask: bool

    def __init__(self, cell: Any, **options: Any) -> None:
        super().__init__(cell, **{**options, "unroll": True})

    def inner_loop(
        self, sequences: Tensor, initial_state: Any, mask: Tensor | None, training: bool = False
    ) -> tuple[Tensor, Tensor, list[Any]]:
        """Run the steps: Keras calls this once its states and dropout masks are there.

        Args:
            sequences: (batch, steps, features).
            initial_state: (batch, units), one or several.
            mask: (batch, steps) or (batch, steps, 1), true at steps that count; None: all count.
            training: whether dropout is on.

        Returns:
            The last output (batch, units); all outputs (batch, steps, units), or the last one (batch, 1, units); the
            last states.
        """
        if mask is None or not self.zero_output_for_mask:
            return super().inner_loop(sequences, initial_state, mask, training)
        self.zero_output_for_mask = False
        try:
            _, outputs, states = super().inner_loop(sequences, initial_state, mask, training)
        finally:
            self.zero_output_for_mask = True
        read = ops.flip(mask, axis=1) if self.go_backwards else mask
        counts = ops.cast(read[:, -outputs.shape[1] :], "bool")
        counts = ops.reshape(counts, (*ops.shape(counts)[:2], *(1 for _ in outputs.shape[2:])))
        outputs = ops.where(counts, outputs, ops.zeros_like(outputs))
        return outputs[:, -1], outputs, states
