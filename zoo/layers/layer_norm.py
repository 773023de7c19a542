"""The LSTM cell with layer normalisation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from zoo.errors import positive_whole
from zoo.layers.tensors import Tensor

EPSILON = 1e-3  # as keras.layers.LayerNormalization


@keras.saving.register_keras_serializable("zoo")
class LayerNormLSTMCell(keras.layers.Layer):
    """One step of an LSTM with layer normalisation (Ba, Kiros and Hinton, Layer Normalization, 2016).

    i, f, g, o = LN(x·W; α1) + LN(h·U; α2) + b, c' = σ(f) ⊙ c + σ(i) ⊙ tanh(g), h' = σ(o) ⊙ tanh(LN(c'; α3, β)), where
    LN(z; α, β) = α ⊙ (z − mean z) / √(var z + 0.001) + β, mean and variance over one step of one
    example. The paper's equations 20 to 22, with the shifts of the first two in one bias.
    Run it with `keras.layers.RNN` or `zoo.recurrent`.

    Args:
        units: size of the output h and of the memory c.

    Shapes:
        inputs: (batch, features). States: h and c, (batch, units) each. Output: (batch, units).
        kernel (features, 4·units), recurrent_kernel (units, 4·units), bias (4·units,): in the order i, f, g, o.
        kernel_gain and recurrent_gain: (4·units,). memory_gain and memory_shift: (units,).
    """

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = positive_whole("units", units)
        self.state_size = [self.units, self.units]
        self.output_size = self.units

    def build(self, input_shape: tuple[int, ...]) -> None:
        """Create the weights for inputs of shape (batch, features)."""
        four = 4 * self.units
        self.kernel = self.add_weight(name="kernel", shape=(input_shape[-1], four), initializer="glorot_uniform")
        self.recurrent_kernel = self.add_weight(
            name="recurrent_kernel", shape=(self.units, four), initializer="orthogonal"
        )
        self.bias = self.add_weight(name="bias", shape=(four,), initializer="zeros")
        self.kernel_gain = self.add_weight(name="kernel_gain", shape=(four,), initializer="ones")
        self.recurrent_gain = self.add_weight(name="recurrent_gain", shape=(four,), initializer="ones")
        self.memory_gain = self.add_weight(name="memory_gain", shape=(self.units,), initializer="ones")
        self.memory_shift = self.add_weight(name="memory_shift", shape=(self.units,), initializer="zeros")

    def call(self, inputs: Tensor, states: Sequence[Tensor], training: bool = False) -> tuple[Tensor, list[Tensor]]:
        """Return h' and the new states h' and c'."""
        h, c = states
        of_inputs = self.kernel_gain * _normalised(ops.matmul(inputs, self.kernel))
        of_state = self.recurrent_gain * _normalised(ops.matmul(h, self.recurrent_kernel))
        i, f, g, o = ops.split(of_inputs + of_state + self.bias, 4, axis=-1)
        c = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(g)
        h = ops.sigmoid(o) * ops.tanh(self.memory_gain * _normalised(c) + self.memory_shift)
        return h, [h, c]

    def get_initial_state(self, batch_size: int | Tensor | None = None) -> list[Tensor]:
        """Zeros, (batch, units) each."""
        return [ops.zeros((batch_size, self.units), dtype=self.compute_dtype) for _ in range(2)]

    def get_config(self) -> dict[str, Any]:
        """Everything that the constructor needs to make this cell again."""
        return {**super().get_config(), "units": self.units}


def _normalised(values: Tensor) -> Tensor:
    """Mean 0 and variance 1 over the last axis, in float32 at least: in float16 the square of 256 is infinite."""
    exact = ops.cast(values, keras.backend.result_type(values.dtype, "float32"))
    mean = ops.mean(exact, axis=-1, keepdims=True)
    variance = ops.mean(ops.square(exact - mean), axis=-1, keepdims=True)
    return ops.cast((exact - mean) * ops.rsqrt(variance + EPSILON), values.dtype)
