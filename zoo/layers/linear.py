"""Cells whose new state is linear in the old one: h(t) = a(t) ⊙ h(t-1) + b(t), with a and b of the inputs alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from zoo.errors import ZooError, positive_whole
from zoo.layers import keras_private
from zoo.layers.precision import compute_in_float32
from zoo.layers.tensors import Tensor

Parts = tuple[Tensor, ...]
"""A tensor, or of complex numbers the real part and the imaginary one."""
EDGE = 1e-6  # from a radius or an angle whose logarithm would be infinite


def product(one: Parts, other: Parts) -> Parts:
    """one ⊙ other, both real or both complex."""
    if len(one) == 1:
        return (one[0] * other[0],)
    (a, b), (c, d) = one, other
    return a * c - b * d, a * d + b * c


class LinearCell(keras.layers.Layer):
    """A recurrent cell that is linear in its state, for `keras.layers.RNN` and `zoo.layers.ParallelRNN` alike.

    A subclass computes a(t) and b(t) in `decay_and_drive`, and the output in `read`. In mixed precision it computes in
    float32: a decay is near 1, and what is rounded to 1 forgets nothing.

    Args:
        units: size of the state and of the output.

    Shapes:
        inputs: (batch, features). States: (batch, units) each: where the output is not the state itself, the last
        output; then one, or two of complex numbers. Output: (batch, units).

    Raises:
        ZooError: `units` is no positive whole number.
    """

    parts = 1  #: of a number: 2 where it is complex
    gives_its_state = True

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        compute_in_float32(self)
        self.units = units = positive_whole("units", units)
        self.state_size = [units] * (self.parts + (not self.gives_its_state))
        self.output_size = units

    def decay_and_drive(self, inputs: Tensor) -> tuple[Parts, Parts]:
        """a and b of inputs (..., features), each (..., units) or what broadcasts to it."""
        raise NotImplementedError

    def read(self, states: Parts, inputs: Tensor) -> Tensor:
        """The output (..., units) of new states and the inputs that led to them."""
        return states[0]

    def call(self, inputs: Tensor, states: Sequence[Tensor], training: bool = False) -> tuple[Tensor, list[Tensor]]:
        """Return the output and the new states."""
        decay, drive = self.decay_and_drive(inputs)
        kept = product(decay, tuple(states[-self.parts :]))
        new = tuple(old + added for old, added in zip(kept, drive, strict=True))
        output = self.read(new, inputs)
        return output, self.carried(output, new)

    def carried(self, output: Tensor, states: Parts) -> list[Tensor]:
        """The states as Keras carries them, the last output first.

        Keras' masked loop on JAX takes the first state for the output before (keras/src/backend/jax/rnn.py).
        """
        return list(states) if self.gives_its_state else [output, *states]

    def get_initial_state(self, batch_size: int | Tensor | None = None) -> list[Tensor]:
        """Zeros, (batch, units) each."""
        return [ops.zeros((batch_size, units), dtype=self.compute_dtype) for units in self.state_size]

    def get_config(self) -> dict[str, Any]:
        """Everything that the constructor needs to make this cell again."""
        return {**super().get_config(), "units": self.units}


class GatedLinearCell(LinearCell):
    """Gates that read the inputs alone: one kernel (features, gates·units) and one bias (gates·units,)."""

    gates: int

    def build(self, input_shape: tuple[int, ...]) -> None:
        """Create the weights for inputs of shape (batch, features)."""
        width = self.gates * self.units
        self.kernel = self.add_weight(name="kernel", shape=(input_shape[-1], width), initializer="glorot_uniform")
        self.bias = self.add_weight(name="bias", shape=(width,), initializer="zeros")

    def sums(self, inputs: Tensor) -> list[Tensor]:
        """x·W + b of each gate, (..., units)."""
        return ops.split(ops.matmul(inputs, self.kernel) + self.bias, self.gates, axis=-1)


@keras.saving.register_keras_serializable("zoo")
class MinGRUCell(GatedLinearCell):
    """minGRU (Feng et al., Were RNNs All We Needed?, 2024, section 3.1), with its candidate left linear.

    z = σ(x·Wz + bz), h' = (1 - z) ⊙ h + z ⊙ (x·Wn + bn). The kernel holds z, then n.

    Shapes:
        inputs: (batch, features). States: one of (batch, units). Output: (batch, units).
        kernel: (features, 2 · units). bias: (2 · units,).
    """

    gates = 2

    def decay_and_drive(self, inputs: Tensor) -> tuple[Parts, Parts]:
        """1 - z and z ⊙ n."""
        gate, candidate = self.sums(inputs)
        update = ops.sigmoid(gate)
        return (1 - update,), (update * candidate,)


@keras.saving.register_keras_serializable("zoo")
class MinLSTMCell(GatedLinearCell):
    """minLSTM (Feng et al., Were RNNs All We Needed?, 2024, section 3.2), its gates sharing 1 between them.

    f = σ(x·Wf + bf), i = σ(x·Wi + bi), h' = f / (f + i) ⊙ h + i / (f + i) ⊙ (x·Wn + bn). The kernel holds f, i, n.

    Shapes:
        inputs: (batch, features). States: one of (batch, units). Output: (batch, units).
        kernel: (features, 3 · units). bias: (3 · units,).
    """

    gates = 3

    def decay_and_drive(self, inputs: Tensor) -> tuple[Parts, Parts]:
        """f and i ⊙ n, the gates over their sum: f / (f + i) = σ(ln f - ln i), also where both are 0 in float32."""
        forget, enter, candidate = self.sums(inputs)
        difference = ops.softplus(-enter) - ops.softplus(-forget)
        return (ops.sigmoid(difference),), (ops.sigmoid(-difference) * candidate,)


@keras.saving.register_keras_serializable("zoo")
class LRUCell(LinearCell):
    """The linear recurrent unit (Orvieto et al., Resurrecting Recurrent Neural Networks for Long Sequences, 2023).

    h' = λ ⊙ h + γ ⊙ (x·B), λ = exp(-exp ν + i·exp θ), complex; y = GELU(Re(h'·C) + x·D). The paper puts the
    nonlinearity into a block behind the unit, here it is the output's. λ begins uniform in the ring of radii
    `least`..1 of the complex plane, up to an angle, and 0 < |λ| < 1 holds for all weights; γ begins at √(1 - |λ|²).

    Args:
        units: size of the state and of the output.
        least: radius from which |λ| is drawn: nearer to 1 a state lasts longer.
        phase: largest angle of λ at the start, as a part of a full turn: with a smaller one the states follow slower
            changes. λ and its conjugate give the same outputs, so that half a turn holds all there is.

    Raises:
        ZooError: `least` or `phase` is out of range.

    Shapes:
        nu, theta, gamma (units,), as logarithms. input_kernel (2, features, units) and output_kernel (2, units, units),
        real and imaginary parts; skip_kernel (features, units).
    """

    parts = 2
    gives_its_state = False

    def __init__(self, units: int, least: float = 0.9, phase: float = 1.0, **kwargs: Any) -> None:
        if not 0 <= least < 1:
            raise ZooError(f"least must be at least 0 and less than 1, not {least!r}")
        if not 0 < phase <= 1:
            raise ZooError(f"phase must be more than 0 and at most 1, not {phase!r}")
        super().__init__(units, **kwargs)
        self.least, self.phase = least, phase

    def build(self, input_shape: tuple[int, ...]) -> None:
        """Create the weights for inputs of shape (batch, features)."""
        units, features = self.units, input_shape[-1]
        self.nu = self.add_weight(name="nu", shape=(units,), initializer=self._radius)
        self.theta = self.add_weight(name="theta", shape=(units,), initializer=self._angle)
        self.gamma = self.add_weight(name="gamma", shape=(units,), initializer=self._scale)
        self.input_kernel = self._kernel("input_kernel", 2 * features, (2, features, units))
        self.output_kernel = self._kernel("output_kernel", units, (2, units, units))
        self.skip_kernel = self._kernel("skip_kernel", features, (features, units))

    def _kernel(self, name: str, inputs: int, shape: tuple[int, ...]) -> keras.Variable:
        normal = keras.initializers.RandomNormal(stddev=1 / math.sqrt(inputs))
        return self.add_weight(name=name, shape=shape, initializer=normal)

    def _radius(self, shape: tuple[int, ...], dtype: str | None = None) -> Tensor:
        """ν of |λ| uniform over the area of the ring."""
        square = keras.random.uniform(shape, self.least**2 + EDGE, 1 - EDGE, dtype)
        return ops.log(-0.5 * ops.log(square))

    def _angle(self, shape: tuple[int, ...], dtype: str | None = None) -> Tensor:
        """θ of an angle uniform up to the largest phase."""
        return ops.log(keras.random.uniform(shape, EDGE, 2 * math.pi * self.phase, dtype))

    def _scale(self, shape: tuple[int, ...], dtype: str | None = None) -> Tensor:
        """The logarithm of √(1 - |λ|²)."""
        with keras_private.computing_in(None):  # inside a layer of half precision it would be read so
            nu = self.nu.value
        return ops.cast(0.5 * ops.log(1 - ops.exp(-2 * ops.exp(nu))), dtype)

    def decay_and_drive(self, inputs: Tensor) -> tuple[Parts, Parts]:
        """λ (units,) and γ ⊙ (x·B) (..., units)."""
        scale = ops.exp(self.gamma)
        drive = tuple(scale * ops.matmul(inputs, self.input_kernel[part]) for part in range(2))
        return self.decay(), drive

    def decay(self) -> Parts:
        """λ (units,)."""
        radius, angle = ops.exp(-ops.exp(self.nu)), ops.exp(self.theta)
        return radius * ops.cos(angle), radius * ops.sin(angle)

    def read(self, states: Parts, inputs: Tensor) -> Tensor:
        """GELU(Re(h·C) + x·D)."""
        real, imaginary = (ops.matmul(state, self.output_kernel[part]) for part, state in enumerate(states))
        return ops.gelu(real - imaginary + ops.matmul(inputs, self.skip_kernel), approximate=False)

    def get_config(self) -> dict[str, Any]:
        """Everything that the constructor needs to make this cell again."""
        return {**super().get_config(), "least": self.least, "phase": self.phase}
