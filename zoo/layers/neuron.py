"""The recurrent neuron, written by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from zoo.errors import positive_whole
from zoo.layers.tensors import Tensor


@keras.saving.register_keras_serializable("zoo")
class NeuronCell(keras.layers.Layer):
    """One step of a layer of recurrent neurons, with a single weight matrix.

    y(t) = φ(x(t)·Wx + y(t−1)·Wy + b) is computed as φ([x(t), y(t−1)]·W + b), where W is Wx stacked on Wy. It is what
    TensorFlow 1 called `BasicRNNCell`; `keras.layers.SimpleRNNCell` computes the same from two matrices.
    Run it with `keras.layers.RNN` or `zoo.recurrent`.

    Args:
        units: size of the output, which is also the state.
        activation: φ.
        kernel_initializer: of W. Glorot over the whole of W, as TensorFlow 1 had it.

    Shapes:
        inputs: (batch, features). States: one of (batch, units). Output: (batch, units).
        kernel: (features + units, units), rows of x first. bias: (units,).
    """

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        kernel_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.units = positive_whole("units", units)
        self.activation = keras.activations.get(activation)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.state_size = self.units
        self.output_size = self.units

    def build(self, input_shape: tuple[int, ...]) -> None:
        """Create W and b for inputs of shape (batch, features)."""
        rows = input_shape[-1] + self.units
        self.kernel = self.add_weight(name="kernel", shape=(rows, self.units), initializer=self.kernel_initializer)
        self.bias = self.add_weight(name="bias", shape=(self.units,), initializer="zeros")

    def call(self, inputs: Tensor, states: Sequence[Tensor], training: bool = False) -> tuple[Tensor, list[Tensor]]:
        """Return y(t) and the new state, which is y(t) too."""
        together = keras.ops.concatenate([inputs, states[0]], axis=-1)
        output = self.activation(keras.ops.matmul(together, self.kernel) + self.bias)
        return output, [output]

    def get_initial_state(self, batch_size: int | Tensor | None = None) -> list[Tensor]:
        """y(−1) = 0, of shape (batch, units)."""
        return [keras.ops.zeros((batch_size, self.units), dtype=self.compute_dtype)]

    def get_config(self) -> dict[str, Any]:
        """Everything that the constructor needs to make this cell again."""
        return {
            **super().get_config(),
            "units": self.units,
            "activation": keras.activations.serialize(self.activation),
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }
