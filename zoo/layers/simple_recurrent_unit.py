"""The simple recurrent unit: its gates read the inputs, and of the memory each element its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from zoo.errors import positive_whole
from zoo.layers.tensors import Tensor


@keras.saving.register_keras_serializable("zoo")
class SRUCell(keras.layers.Layer):
    """One step of an SRU (Lei et al., Simple Recurrent Units for Highly Parallelizable Recurrence, 2018).

    f = σ(x·Wf + vf ⊙ c + bf), r = σ(x·Wr + vr ⊙ c + br), c' = f ⊙ c + (1 − f) ⊙ (x·W), h = r ⊙ c' + (1 − r) ⊙ (x·Wx).
    The paper's highway reads x itself where it is as wide as the state; here it reads x·Wx always.
    Run it with `keras.layers.RNN` or `zoo.recurrent`.

    Args:
        units: size of the output h and of the memory c.

    Shapes:
        inputs: (batch, features). States: the last output and c, (batch, units) each. Output: (batch, units).
        kernel (features, 4·units): candidate, f, r, highway. peepholes (2, units): vf, vr. bias (2·units,): bf, br.
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
        self.peepholes = self.add_weight(name="peepholes", shape=(2, units), initializer="glorot_uniform")
        self.bias = self.add_weight(name="bias", shape=(2 * units,), initializer="zeros")

    def call(self, inputs: Tensor, states: Sequence[Tensor], training: bool = False) -> tuple[Tensor, list[Tensor]]:
        """Return h and the new states h and c'."""
        c = states[1]
        candidate, f, r, highway = ops.split(ops.matmul(inputs, self.kernel), 4, axis=-1)
        forget, reset = ops.split(self.bias, 2)
        f = ops.sigmoid(f + self.peepholes[0] * c + forget)
        r = ops.sigmoid(r + self.peepholes[1] * c + reset)
        c = f * c + (1 - f) * candidate
        h = r * c + (1 - r) * highway
        return h, [h, c]

    def get_initial_state(self, batch_size: int | Tensor | None = None) -> list[Tensor]:
        """Zeros, (batch, units) each."""
        return [ops.zeros((batch_size, self.units), dtype=self.compute_dtype) for _ in range(2)]

    def get_config(self) -> dict[str, Any]:
        """Everything that the constructor needs to make this cell again."""
        return {**super().get_config(), "units": self.units}
