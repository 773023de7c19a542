"""The LSTM cell that keeps parts of its state as they are, at random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from zoo.errors import fraction, positive_whole
from zoo.layers.state_dropout import features_before
from zoo.layers.tensors import Tensor


@keras.saving.register_keras_serializable("zoo")
class ZoneoutLSTMCell(keras.layers.Layer):
    """One step of an LSTM with zoneout (Krueger et al., Zoneout: Regularizing RNNs by Randomly Preserving Hidden
    Activations, 2017).

    In training each element of c and of h keeps its old value with the probability `rate`, else takes the new one of
    the LSTM; without training it is their mean in these parts. The masks of all steps are drawn before the loop, by
    `zoo.layers.StateMasks(2 · units, rate)`, and stand behind the features: those of c, then those of h.

    Args:
        units: size of the output h and of the memory c.
        rate: the probability that an element keeps its value.

    Shapes:
        inputs: (batch, features + 2·units), the masks last. States: h and c, (batch, units) each. Output:
        (batch, units).
        kernel (features, 4·units), recurrent_kernel (units, 4·units), bias (4·units,): in the order i, f, g, o.

    Raises:
        ZooError: `rate` is not at least 0 and less than 1, or the inputs hold no masks.
    """

    def __init__(self, units: int, rate: float = 0.1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = positive_whole("units", units)
        self.rate = fraction("rate", rate)
        self.state_size = [self.units, self.units]
        self.output_size = self.units

    def build(self, input_shape: tuple[int, ...]) -> None:
        """Create the weights for inputs of shape (batch, features + 2·units)."""
        units = self.units
        features = features_before(2 * units, self, input_shape)
        self.kernel = self.add_weight(name="kernel", shape=(features, 4 * units), initializer="glorot_uniform")
        self.recurrent_kernel = self.add_weight(
            name="recurrent_kernel", shape=(units, 4 * units), initializer="orthogonal"
        )
        self.bias = self.add_weight(name="bias", shape=(4 * units,), initializer=self._bias)

    def _bias(self, shape: tuple[int, ...], dtype: str | None = None) -> Tensor:
        """Zeros, and ones for the forget gate."""
        ones, zeros = ops.ones((self.units,), dtype), ops.zeros((self.units,), dtype)
        return ops.concatenate([zeros, ones, zeros, zeros])

    def call(self, inputs: Tensor, states: Sequence[Tensor], training: bool = False) -> tuple[Tensor, list[Tensor]]:
        """Return h' and the new states h' and c'."""
        h, c = states
        features = inputs.shape[-1] - 2 * self.units
        masks = ops.stop_gradient(inputs[:, features:])
        sums = ops.matmul(inputs[:, :features], self.kernel) + ops.matmul(h, self.recurrent_kernel) + self.bias
        i, f, g, o = ops.split(sums, 4, axis=-1)
        new_c = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(g)
        new_h = ops.sigmoid(o) * ops.tanh(new_c)
        of_c, of_h = ops.split(masks, 2, axis=-1)
        c, h = self._kept(of_c, c, new_c, training), self._kept(of_h, h, new_h, training)
        return h, [h, c]

    def _kept(self, mask: Tensor, old: Tensor, new: Tensor, training: bool) -> Tensor:
        """The new values, and the old ones where the mask is 0; without training the mean of both."""
        if training:
            return ops.where(mask > 0, new, old)
        return self.rate * old + (1 - self.rate) * new

    def get_initial_state(self, batch_size: int | Tensor | None = None) -> list[Tensor]:
        """Zeros, (batch, units) each."""
        return [ops.zeros((batch_size, self.units), dtype=self.compute_dtype) for _ in range(2)]

    def get_config(self) -> dict[str, Any]:
        """Everything that the constructor needs to make this cell again."""
        return {**super().get_config(), "units": self.units, "rate": self.rate}
