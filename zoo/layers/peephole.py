"""The LSTM cell whose gates also see the memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from zoo.errors import positive_whole
from zoo.layers.tensors import Tensor


@keras.saving.register_keras_serializable("zoo")
class PeepholeLSTMCell(keras.layers.Layer):
    """One step of an LSTM with peepholes (Gers and Schmidhuber, Recurrent Nets that Time and Count, 2000).

    i = σ(x·Wi + h·Ui + pi ⊙ c + bi), f = σ(x·Wf + h·Uf + pf ⊙ c + bf), g = tanh(x·Wg + h·Ug + bg),
    c' = f ⊙ c + i ⊙ g, o = σ(x·Wo + h·Uo + po ⊙ c' + bo), h' = o ⊙ tanh(c').
    It is `LSTMCell(use_peepholes=True)` of TensorFlow 1; the bias of the forget gate begins at 1, as there.
    Run it with `keras.layers.RNN` or `zoo.recurrent`.

    Args:
        units: size of the output h and of the memory c.

    Shapes:
        inputs: (batch, features). States: h and c, (batch, units) each. Output: (batch, units).
        kernel (features, 4·units), recurrent_kernel (units, 4·units), bias (4·units,): in the order i, f, g, o.
        peepholes: (3, units), those of i, f and o.
    """

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = positive_whole("units", units)
        self.state_size = [self.units, self.units]
        self.output_size = self.units

    def build(self, input_shape: tuple[int, ...]) -> None:
        """Create the weights for inputs of shape (batch, features)."""
        units = self.units
        self.kernel = self.add_weight(name="kernel", shape=(input_shape[-1], 4 * units), initializer="glorot_uniform")
        self.recurrent_kernel = self.add_weight(
            name="recurrent_kernel", shape=(units, 4 * units), initializer="orthogonal"
        )
        self.peepholes = self.add_weight(name="peepholes", shape=(3, units), initializer="glorot_uniform")
        self.bias = self.add_weight(name="bias", shape=(4 * units,), initializer=self._bias)

    def _bias(self, shape: tuple[int, ...], dtype: str | None = None) -> Tensor:
        """Zeros, and ones for the forget gate."""
        ones, zeros = ops.ones((self.units,), dtype), ops.zeros((self.units,), dtype)
        return ops.concatenate([zeros, ones, zeros, zeros])

    def call(self, inputs: Tensor, states: Sequence[Tensor], training: bool = False) -> tuple[Tensor, list[Tensor]]:
        """Return h' and the new states h' and c'."""
        h, c = states
        sums = ops.matmul(inputs, self.kernel) + ops.matmul(h, self.recurrent_kernel) + self.bias
        i, f, g, o = ops.split(sums, 4, axis=-1)
        i = ops.sigmoid(i + self.peepholes[0] * c)
        f = ops.sigmoid(f + self.peepholes[1] * c)
        c = f * c + i * ops.tanh(g)
        o = ops.sigmoid(o + self.peepholes[2] * c)
        h = o * ops.tanh(c)
        return h, [h, c]

    def get_initial_state(self, batch_size: int | Tensor | None = None) -> list[Tensor]:
        """Zeros, (batch, units) each."""
        return [ops.zeros((batch_size, self.units), dtype=self.compute_dtype) for _ in range(2)]

    def get_config(self) -> dict[str, Any]:
        """Everything that the constructor needs to make this cell again."""
        return {**super().get_config(), "units": self.units}
