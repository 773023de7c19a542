"""The selective state space of Mamba: a linear recurrence whose decay, input and output depend on what is read.

Source: Gu and Dao, Mamba: Linear-Time Sequence Modeling with Selective State Spaces, 2023, sections 3.2 to 3.4.
"""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from zoo.errors import ZooError, positive_whole
from zoo.layers.linear import LinearCell, Parts
from zoo.layers.tensors import Tensor

LEAST_STEP, GREATEST_STEP = 1e-3, 1e-1
"""Between which the step sizes Δ begin, uniform in their logarithm."""


@keras.saving.register_keras_serializable("zoo")
class SelectiveCell(LinearCell):
    """One step of a selective state space: each of `units` channels has a state of `states` numbers.

    Δ = softplus(x·Ws·Wt + bt), B = x·Wb, C = x·Wc, A = -exp(a);
    H' = exp(Δ A) ⊙ H + (Δ ⊙ x)·Bᵀ, y = H'·C + d ⊙ x.
    A begins at -1, -2, …, -states in each channel (S4D-Real), d at 1.

    Args:
        units: width of the inputs and of the output.
        states: numbers of the state a channel.
        rank: width of x·Ws; None for a sixteenth of the units, rounded up.

    Shapes:
        inputs: (batch, units). States: the last output (batch, units), H (batch, units · states). Output: (batch,
        units). drive_kernel (units, rank + states): Ws, Wb. step_kernel (rank, units) and step_bias (units,): Wt, bt.
        decay_logarithm (units, states): a. read_kernel (units, states): Wc. skip (units,): d.

    Raises:
        ZooError: a size is no positive whole number, or the inputs have another width than `units`.
    """

    gives_its_state = False

    def __init__(self, units: int, states: int = 16, rank: int | None = None, **kwargs: Any) -> None:
        super().__init__(units, **kwargs)
        self.states = positive_whole("states", states)
        self.rank = math.ceil(units / 16) if rank is None else positive_whole("rank", rank)
        self.state_size = [self.units, self.units * self.states]

    def build(self, input_shape: tuple[int, ...]) -> None:
        """Create the weights for inputs of shape (batch, units)."""
        units, states = self.units, self.states
        if input_shape[-1] != units:
            raise ZooError(f"SelectiveCell({units}) reads inputs of {units} features, not of {input_shape[-1]}")
        self.drive_kernel = self._weight("drive_kernel", (units, self.rank + states), "glorot_uniform")
        edge = self.rank**-0.5
        self.step_kernel = self._weight(
            "step_kernel", (self.rank, units), keras.initializers.RandomUniform(-edge, edge)
        )
        self.step_bias = self._weight("step_bias", (units,), self._step)
        self.decay_logarithm = self._weight("decay_logarithm", (units, states), self._decay)
        self.read_kernel = self._weight("read_kernel", (units, states), "glorot_uniform")
        self.skip = self._weight("skip", (units,), "ones")

    def _weight(self, name: str, shape: tuple[int, ...], initializer: Any) -> keras.Variable:
        return self.add_weight(name=name, shape=shape, initializer=initializer)

    def _step(self, shape: tuple[int, ...], dtype: str | None = None) -> Tensor:
        """The number whose softplus is a step size."""
        size = ops.exp(keras.random.uniform(shape, math.log(LEAST_STEP), math.log(GREATEST_STEP), dtype))
        return ops.log(ops.expm1(size))

    def _decay(self, shape: tuple[int, ...], dtype: str | None = None) -> Tensor:
        """log 1, log 2, … of each channel."""
        return ops.zeros(shape, dtype) + ops.log(ops.arange(1, shape[-1] + 1, dtype=dtype))

    def decay_and_drive(self, inputs: Tensor) -> tuple[Parts, Parts]:
        """exp(Δ A) and (Δ ⊙ x)·Bᵀ of inputs (..., units), (..., units · states) each."""
        read = ops.matmul(inputs, self.drive_kernel)
        narrow, enter = read[..., : self.rank], read[..., self.rank :]
        size = ops.softplus(ops.matmul(narrow, self.step_kernel) + self.step_bias)
        decay = ops.exp(size[..., None] * -ops.exp(self.decay_logarithm))
        drive = (size * inputs)[..., None] * enter[..., None, :]
        return (self._flat(decay, inputs),), (self._flat(drive, inputs),)

    def _flat(self, tensor: Tensor, inputs: Tensor) -> Tensor:
        """(..., units, states) as (..., units · states)."""
        return ops.reshape(tensor, (-1, *inputs.shape[1:-1], self.units * self.states))

    def read(self, states: Parts, inputs: Tensor) -> Tensor:
        """H'·C + d ⊙ x, (..., units)."""
        state = ops.reshape(states[0], (-1, *inputs.shape[1:-1], self.units, self.states))
        weight = ops.matmul(inputs, self.read_kernel)
        return ops.sum(state * weight[..., None, :], axis=-1) + self.skip * inputs

    def get_config(self) -> dict[str, Any]:
        """Everything that the constructor needs to make this cell again."""
        return {**super().get_config(), "states": self.states, "rank": self.rank}


@keras.saving.register_keras_serializable("zoo")
class CausalFilter(keras.layers.Layer):
    """A filter of each feature by itself over the last steps: y(t) = Σ w(k) ⊙ x(t - k) + b, x = 0 before the first.

    It is a depthwise causal convolution, as a sum of shifted sequences: Keras' own has no gradient on TensorFlow's CPU
    where it is grouped, and drops the mask.

    Args:
        width: how many steps it sees, the newest among them.

    Shapes:
        inputs and output: (batch, steps, features). kernel (width, features), the newest step first; bias (features,).

    Raises:
        ZooError: `width` is no positive whole number.
    """

    def __init__(self, width: int = 4, **options: Any) -> None:
        super().__init__(**options)
        self.width = positive_whole("width", width)
        self.supports_masking = True

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the weights for sequences of so many features."""
        features, edge = input_shape[-1], self.width**-0.5
        uniform = keras.initializers.RandomUniform(-edge, edge)
        self.kernel = self.add_weight(name="kernel", shape=(self.width, features), initializer=uniform)
        self.bias = self.add_weight(name="bias", shape=(features,), initializer="zeros")

    def call(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        """Sum up the shifted sequences, each times its weight; a step that `mask` (batch, steps) leaves out is 0."""
        if mask is not None:
            inputs = ops.where(mask[..., None], inputs, ops.zeros_like(inputs))
        steps, before = ops.shape(inputs)[1], self.width - 1
        longer = ops.pad(inputs, [[0, 0], [before, 0], [0, 0]])
        shifted = (longer[:, before - k : before - k + steps] * self.kernel[k] for k in range(self.width))
        return sum(shifted, start=self.bias)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """That of the inputs."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Everything that the constructor needs to make this layer again."""
        return {**super().get_config(), "width": self.width}
