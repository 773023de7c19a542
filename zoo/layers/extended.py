"""The cells of the extended LSTM: exponential gates, held in range by a stabilizer; one with a matrix for a memory.

Source: Beck et al., xLSTM: Extended Long Short-Term Memory, 2024, sections 2.2 and 2.3.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from zoo.errors import ZooError, positive_whole
from zoo.layers.precision import compute_in_float32
from zoo.layers.tensors import Tensor

FLOOR = 80.0
"""The largest exponent of what an mLSTM divides by at least: exp of 89 is infinite in float32, and its gradient NaN."""


def gates(enter: Tensor, forget: Tensor, before: Tensor, empty: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """exp(enter) and σ(forget), both over exp of the new stabilizer, and that.

    The stabilizer m' = max(ln σ(forget) + m, enter) cancels out of what the cells compute. Where `empty` is true
    nothing is kept, and it is `enter`: else exp of a very negative `enter` would be 0, and an empty cell divide by it.
    """
    kept = ops.log_sigmoid(forget) + before
    kept = kept if empty is None else ops.where(empty, enter, kept)
    stabilizer = ops.maximum(kept, enter)
    return ops.exp(enter - stabilizer), ops.exp(kept - stabilizer), stabilizer


@keras.saving.register_keras_serializable("zoo")
class SLSTMCell(keras.layers.Layer):
    """One step of an sLSTM, with one head.

    c' = σ(f) ⊙ c + exp(i) ⊙ tanh(z), n' = σ(f) ⊙ n + exp(i), h' = σ(o) ⊙ c' / n', each of z, i, f, o = x·W + h·U + b.
    Run it with `keras.layers.RNN` or `zoo.recurrent`.

    In mixed precision it computes in float32: ln σ(f) is near 0, and is lost beside the stabilizer.

    Args:
        units: size of the output h, the memory c and the normalizer n.

    Shapes:
        inputs: (batch, features). States: h, c, n and the stabilizer, (batch, units) each. Output: (batch, units).
        kernel (features, 4·units), recurrent_kernel (units, 4·units), bias (4·units,): in the order z, i, f, o.
    """

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        compute_in_float32(self)
        self.units = positive_whole("units", units)
        self.state_size = [self.units] * 4
        self.output_size = self.units

    def build(self, input_shape: tuple[int, ...]) -> None:
        """Create the weights for inputs of shape (batch, features)."""
        four = 4 * self.units
        self.kernel = self.add_weight(name="kernel", shape=(input_shape[-1], four), initializer="glorot_uniform")
        self.recurrent_kernel = self.add_weight(
            name="recurrent_kernel", shape=(self.units, four), initializer="orthogonal"
        )
        self.bias = self.add_weight(name="bias", shape=(four,), initializer=self._bias)

    def _bias(self, shape: tuple[int, ...], dtype: str | None = None) -> Tensor:
        """Zeros, and from 3 to 6 for the forget gate, as the paper's blocks begin."""
        zeros = ops.zeros((self.units,), dtype)
        return ops.concatenate([zeros, zeros, ops.linspace(3.0, 6.0, self.units, dtype=dtype), zeros])

    def call(self, inputs: Tensor, states: Sequence[Tensor], training: bool = False) -> tuple[Tensor, list[Tensor]]:
        """Return h' and the new states h', c', n' and the stabilizer."""
        h, c, n, m = states
        sums = ops.matmul(inputs, self.kernel) + ops.matmul(h, self.recurrent_kernel) + self.bias
        z, i, f, o = ops.split(sums, 4, axis=-1)
        enter, keep, m = gates(i, f, m, empty=ops.equal(n, 0))
        c = keep * c + enter * ops.tanh(z)
        n = keep * n + enter
        h = ops.sigmoid(o) * c / n
        return h, [h, c, n, m]

    def get_initial_state(self, batch_size: int | Tensor | None = None) -> list[Tensor]:
        """Zeros, (batch, units) each."""
        return [ops.zeros((batch_size, self.units), dtype=self.compute_dtype) for _ in range(4)]

    def get_config(self) -> dict[str, Any]:
        """Everything that the constructor needs to make this cell again."""
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable("zoo")
class MLSTMCell(keras.layers.Layer):
    """One step of an mLSTM: its memory is a matrix of size² a head, read by a query and written by a key and a value.

    C' = σ(f)·C + exp(i)·v·kᵀ, n' = σ(f)·n + exp(i)·k, h = σ(o) ⊙ C'·q / max(|n'·q|, 1), with q, k / √size and v of the
    inputs, and i and f one number a head. In mixed precision it computes in float32, as `SLSTMCell`.
    Its state is linear in the old one, but a scan would hold the matrices of all steps, units · size numbers an example
    and step: there is none.
    Run it with `keras.layers.RNN` or `zoo.recurrent`.

    Args:
        units: size of the output, heads · size.
        heads: how many; they divide `units`.

    Shapes:
        inputs: (batch, features). States: the last output (batch, units), C (batch, units · size), n (batch, units),
        the stabilizer (batch, heads). Output: (batch, units).
        kernel (features, 4·units) and bias (4·units,): q, k, v, o. gate_kernel (features, 2·heads) and gate_bias
        (2·heads,): i, f.

    Raises:
        ZooError: the heads do not divide the units.
    """

    def __init__(self, units: int, heads: int = 1, **kwargs: Any) -> None:
        units, heads = positive_whole("units", units), positive_whole("heads", heads)
        if units % heads:
            raise ZooError(f"heads must divide the {units} units, and {heads!r} do not")
        super().__init__(**kwargs)
        compute_in_float32(self)
        self.units, self.heads, self.size = units, heads, units // heads
        self.state_size = [units, units * self.size, units, heads]
        self.output_size = units

    def build(self, input_shape: tuple[int, ...]) -> None:
        """Create the weights for inputs of shape (batch, features)."""
        features, four, two = input_shape[-1], 4 * self.units, 2 * self.heads
        self.kernel = self.add_weight(name="kernel", shape=(features, four), initializer="glorot_uniform")
        self.bias = self.add_weight(name="bias", shape=(four,), initializer="zeros")
        self.gate_kernel = self.add_weight(name="gate_kernel", shape=(features, two), initializer="zeros")
        self.gate_bias = self.add_weight(name="gate_bias", shape=(two,), initializer=self._bias)

    def _bias(self, shape: tuple[int, ...], dtype: str | None = None) -> Tensor:
        """Zeros for the input gates, and from 3 to 6 for the forget gates, as the paper's blocks begin."""
        return ops.concatenate([ops.zeros((self.heads,), dtype), ops.linspace(3.0, 6.0, self.heads, dtype=dtype)])

    def call(self, inputs: Tensor, states: Sequence[Tensor], training: bool = False) -> tuple[Tensor, list[Tensor]]:
        """Return the output and the new states."""
        _, memory, n, m = states
        q, k, v, o = ops.split(ops.matmul(inputs, self.kernel) + self.bias, 4, axis=-1)
        i, f = ops.split(ops.matmul(inputs, self.gate_kernel) + self.gate_bias, 2, axis=-1)
        enter, keep, m = gates(i, f, m)
        q, k, v, n = (ops.reshape(each, (-1, self.heads, self.size)) for each in (q, k / math.sqrt(self.size), v, n))
        memory = ops.reshape(memory, (-1, self.heads, self.size, self.size))
        memory = keep[:, :, None, None] * memory + enter[:, :, None, None] * v[..., :, None] * k[..., None, :]
        n = keep[..., None] * n + enter[..., None] * k
        read = ops.sum(memory * q[..., None, :], axis=-1)
        norm = ops.abs(ops.sum(n * q, axis=-1, keepdims=True))
        floor = ops.exp(ops.minimum(-m, FLOOR))[..., None]  # 1 over exp of the stabilizer, as the memory is
        read = read / ops.maximum(norm, floor)
        h = ops.sigmoid(o) * ops.reshape(read, (-1, self.units))
        flat = ops.reshape(memory, (-1, self.units * self.size))
        return h, [h, flat, ops.reshape(n, (-1, self.units)), m]

    def get_initial_state(self, batch_size: int | Tensor | None = None) -> list[Tensor]:
        """Zeros."""
        return [ops.zeros((batch_size, size), dtype=self.compute_dtype) for size in self.state_size]

    def get_config(self) -> dict[str, Any]:
        """Everything that the constructor needs to make this cell again."""
        return {**super().get_config(), "units": self.units, "heads": self.heads}
