"""Dropout on the state from step to step, with a new mask each step: what Keras' recurrent_dropout does not do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from zoo.errors import ZooError
from zoo.layers.tensors import Tensor


@keras.saving.register_keras_serializable("zoo")
class StateMasks(keras.layers.Layer):
    """Appends to each step's features the mask that `StateDropoutCell` multiplies its state with before that step.

    The masks of all steps are drawn at once, before the time loop: a seed cannot advance inside `lax.scan`, and looped
    and unrolled layers behind this one see the same masks. Without training every mask is 1.

    Args:
        units: size of the state.
        rate: the probability that an element of the state is dropped; the others are divided by 1 − rate.

    Shapes:
        inputs: (batch, steps, features). Output: (batch, steps, features + units), the masks last.
    """

    def __init__(self, units: int, rate: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.rate = rate
        self.dropout = keras.layers.Dropout(rate)
        self.supports_masking = True

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """Return [x(t), m(t)] for every step."""
        batch, steps = keras.ops.shape(inputs)[:2]
        masks = self.dropout(keras.ops.ones((batch, steps, self.units), inputs.dtype), training=training)
        return keras.ops.concatenate([inputs, masks], axis=-1)

    def compute_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """(batch, steps, features + units)."""
        return (*input_shape[:-1], input_shape[-1] + self.units)

    def get_config(self) -> dict[str, Any]:
        """Everything that the constructor needs to make this layer again."""
        return {**super().get_config(), "units": self.units, "rate": self.rate}


def features_before(masks: int, cell: keras.layers.Layer, input_shape: tuple[int, ...]) -> int:
    """How many features a cell reads of inputs that end in so many masks.

    Raises:
        ZooError: there is none.
    """
    features = input_shape[-1] - masks
    if features < 1:
        raise ZooError(
            f"{type(cell).__name__} reads features and {masks} masks behind them, not {input_shape[-1]} numbers: "
            f"zoo.layers.StateMasks({masks}, rate) goes before its layer"
        )
    return features


@keras.saving.register_keras_serializable("zoo")
class StateDropoutCell(keras.layers.Layer):
    """A cell that sees its state multiplied with a mask, a new one each step; its output is left whole.

    It is `DropoutWrapper(cell, state_keep_prob=1 − rate)` of TensorFlow 1, but for when the mask is applied: there
    after a step, here before the next one, so that the state is the last output, as `keras.layers.RNN` takes for
    granted where it masks. Of several states the first one is dropped: of an LSTM the output h, not the memory c.

    Args:
        cell: a Keras recurrent cell whose first state has as many elements as its output.

    Shapes:
        inputs: (batch, features + units), the mask last, as `StateMasks` gives them. States: those of `cell`.
        Output: (batch, units).

    Raises:
        ZooError: the cell has dropout of its own: Keras draws the masks of a cell before the loop, and does not see one
            that is inside another; or the inputs hold no masks.
    """

    def __init__(self, cell: keras.layers.Layer, **kwargs: Any) -> None:
        super().__init__(**{"dtype": cell.dtype_policy, **kwargs})  # the states that it passes on are the cell's
        if getattr(cell, "dropout", 0) or getattr(cell, "recurrent_dropout", 0):
            raise ZooError(f"{type(cell).__name__} inside StateDropoutCell must have no dropout of its own")
        self.cell = cell
        self.state_size = cell.state_size
        self.output_size = cell.output_size

    def build(self, input_shape: tuple[int, ...]) -> None:
        """Build the cell for inputs of shape (batch, features + units)."""
        features = features_before(self.output_size, self, input_shape)
        if not self.cell.built:  # a cell that is read from a file is built already
            self.cell.build((*input_shape[:-1], features))

    def call(self, inputs: Tensor, states: Sequence[Tensor], training: bool = False) -> tuple[Tensor, list[Tensor]]:
        """Return the cell's output and its new states, from states of which the first is multiplied with the mask."""
        features = inputs.shape[-1] - self.output_size
        state, *others = states
        mask = keras.ops.stop_gradient(inputs[:, features:])  # else the way back takes a product for it
        return self.cell(inputs[:, :features], [state * mask, *others], training=training)

    def get_initial_state(self, batch_size: int | Tensor | None = None) -> list[Tensor]:
        """Those of the cell."""
        return self.cell.get_initial_state(batch_size)

    def get_config(self) -> dict[str, Any]:
        """Everything that the constructor needs to make this cell again."""
        return {**super().get_config(), "cell": keras.saving.serialize_keras_object(self.cell)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> StateDropoutCell:
        """Make the cell again."""
        return cls(**{**config, "cell": keras.saving.deserialize_keras_object(config["cell"])})
