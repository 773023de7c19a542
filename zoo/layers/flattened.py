"""A dense layer that sees all steps of all examples as one batch."""

from __future__ import annotations

import keras
from keras import ops

from zoo.layers.tensors import Tensor


@keras.saving.register_keras_serializable("zoo")
class FlattenedDense(keras.layers.Dense):
    """`keras.layers.Dense` on (batch · steps, features), folded back: the "reshape trick" of TensorFlow 1.

    Numbers and weights are those of `keras.layers.Dense` on (batch, steps, features).

    Shapes:
        inputs: (batch, steps, features). Output: (batch, steps, units).
    """

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """Flatten, multiply, fold back."""
        batch, steps, features = ops.shape(inputs)
        outputs = super().call(ops.reshape(inputs, (batch * steps, features)))
        return ops.reshape(outputs, (batch, steps, self.units))
