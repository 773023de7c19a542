"""The cell whose neurons do not see each other's state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from zoo.errors import positive_whole
from zoo.layers.tensors import Tensor


@keras.saving.register_keras_serializable("zoo")
class IndRNNCell(keras.layers.Layer):
    """One step of an IndRNN (Li et al., Independently Recurrent Neural Network, 2018).

    h' = relu(x·W + u ⊙ h + b): each neuron reads its own state alone, by one weight of u. Those begin uniform in 0..1.
    Run it with `keras.layers.RNN` or `zoo.recurrent`.

    Args:
        units: size of the state, which is the output.

    Shapes:
        inputs: (batch, features). States: one of (batch, units). Output: (batch, units).
        kernel (features, units), recurrent_kernel (units,), bias (units,).
    """

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = self.state_size = self.output_size = positive_whole("units", units)

    def build(self, input_shape: tuple[int, ...]) -> None:
        """Create the weights for inputs of shape (batch, features)."""
        uniform = keras.initializers.RandomUniform(0.0, 1.0)
        self.kernel = self.add_weight(name="kernel", shape=(input_shape[-1], self.units), initializer="glorot_uniform")
        self.recurrent_kernel = self.add_weight(name="recurrent_kernel", shape=(self.units,), initializer=uniform)
        self.bias = self.add_weight(name="bias", shape=(self.units,), initializer="zeros")

    def call(self, inputs: Tensor, states: Sequence[Tensor], training: bool = False) -> tuple[Tensor, list[Tensor]]:
        """Return h' and the new state, which is the same."""
        h = ops.relu(ops.matmul(inputs, self.kernel) + self.recurrent_kernel * states[0] + self.bias)
        return h, [h]

    def get_initial_state(self, batch_size: int | Tensor | None = None) -> list[Tensor]:
        """Zeros, (batch, units)."""
        return [ops.zeros((batch_size, self.units), dtype=self.compute_dtype)]

    def get_config(self) -> dict[str, Any]:
        """Everything that the constructor needs to make this cell again."""
        return {**super().get_config(), "units": self.units}
