"""Sequences with masked steps before and after those that count, around a kernel that knows no mask.

A step reads nothing of the steps after it. So each sequence is moved to the front, where a kernel gives its right
outputs, and the outputs are moved back. What `keras.layers.RNN` gives for masked steps stands in their places.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from zoo.errors import ZooError
from zoo.layers.tensors import Tensor

REFUSED = "a fused kernel takes only masks without a gap: run this model looped"


@dataclass(frozen=True)
class Spans:
    """Where each sequence of a batch stands among its steps.

    Attributes:
        first: the first step that counts, (batch,), int32.
        lengths: how many count, (batch,), int32.
        steps: the number of steps of the batch, masked ones included.
    """

    first: Tensor
    lengths: Tensor
    steps: Any

    @classmethod
    def of_mask(cls, mask: Tensor) -> Spans:
        """Those of a mask (batch, steps) or (batch, steps, 1), true at steps that count.

        Raises:
            ZooError: a masked step stands between steps that count. In a graph TensorFlow raises an error of its own.
        """
        counts = ops.cast(mask if len(mask.shape) == 2 else mask[..., 0], "int32")
        starts = ops.concatenate([counts[:, :1], ops.relu(counts[:, 1:] - counts[:, :-1])], axis=1)
        lengths = _required(ops.sum(counts, axis=1), ops.all(ops.sum(starts, axis=1) <= 1))
        return cls(ops.cast(ops.argmax(counts, axis=1), "int32"), lengths, ops.shape(counts)[1])

    def to_front(self, sequences: Tensor) -> Tensor:
        """The sequences (batch, steps, features), each from its first step that counts on."""
        return self._taken(sequences, self.first[:, None] + self._step())

    def in_place(self, outputs: Tensor, zero: bool) -> Tensor:
        """The outputs (batch, steps, units) of sequences that were moved to the front, moved back.

        Args:
            outputs: of a kernel.
            zero: whether the steps after a sequence give zeros, and not its last output again. Those before it do.
        """
        step = self._step() - self.first[:, None]
        counts = (step >= 0) & (step < self.lengths[:, None] if zero else self.lengths[:, None] > 0)
        taken = self._taken(outputs, ops.minimum(step, self.lengths[:, None] - 1))
        return ops.where(counts[..., None], taken, ops.zeros_like(taken))

    def _step(self) -> Tensor:
        """The number of each step, (1, steps)."""
        return ops.arange(self.steps, dtype="int32")[None]

    def _taken(self, values: Tensor, index: Tensor) -> Tensor:
        """Of values (batch, steps, units) those at `index` (batch, n), the nearest where there is none."""
        return taken(values, ops.clip(index, 0, self.steps - 1))


def at_end(values: Tensor, before: Tensor, lengths: Tensor) -> Tensor:
    """Of values (batch, steps, units) after each step, those after so many; of none those `before` (batch, units)."""
    return ops.where(lengths[:, None] > 0, taken(values, ops.maximum(lengths[:, None] - 1, 0))[:, 0], before)


def taken(values: Tensor, index: Tensor) -> Tensor:
    """Of values (batch, steps, units) those at `index` (batch, n): (batch, n, units)."""
    return ops.take_along_axis(values, index[..., None] + ops.zeros_like(values[:, :1], "int32"), axis=1)


def _required(lengths: Tensor, fits: Tensor) -> Tensor:
    """`lengths`, once it is seen that the mask `fits`."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        if not tf.executing_eagerly():
            with tf.control_dependencies([tf.debugging.Assert(fits, [REFUSED])]):
                return tf.identity(lengths)
    if not bool(fits):
        raise ZooError(REFUSED)
    return lengths
