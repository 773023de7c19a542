"""The last step of a sequence that counts."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from zoo.layers.tensors import Tensor


@keras.saving.register_keras_serializable("zoo")
class LastStep(keras.layers.Layer):
    """Of each sequence the last step that its mask counts; without a mask the last one.

    A recurrent layer with `return_sequences=False` gives that step of its outputs. This is for what stands behind one,
    such as a sum with the layer's inputs.

    Shapes:
        sequences: (batch, steps, features). mask: (batch, steps), true at steps that count. Output: (batch, features).
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.supports_masking = True

    def call(self, sequences: Tensor, mask: Tensor | None = None) -> Tensor:
        """Take the step. Of a sequence of which no step counts it is the first one."""
        if mask is None:
            return sequences[:, -1]
        steps = ops.arange(ops.shape(sequences)[1])
        last = ops.max(ops.where(mask, steps, ops.zeros_like(steps)), axis=1, keepdims=True)
        return ops.einsum("bs,bsf->bf", ops.cast(ops.equal(steps, last), sequences.dtype), sequences)

    def compute_mask(self, inputs: Tensor, mask: Tensor | None = None) -> None:
        """None: there are no steps any more."""
        return None

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """(batch, features)."""
        return (input_shape[0], input_shape[-1])
