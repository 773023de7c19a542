"""A recurrent layer without a time loop: an associative scan, for cells that are linear in their state."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops, tree

from zoo.errors import ZooError
from zoo.layers.inner_loop import first_states, require_mask_fits
from zoo.layers.linear import LinearCell, Parts, product
from zoo.layers.tensors import Tensor

ENDLESS, LATER = slice(None, -1), slice(1, None)
Element = tuple[Parts, Parts]
"""a and b of a span of steps: the state after it is a ⊙ (the state before it) + b."""


@keras.saving.register_keras_serializable("zoo")
class ParallelRNN(keras.layers.RNN):
    """`keras.layers.RNN` around a linear cell, by a scan in log2(steps) passes instead of steps one after another.

    (a, b) of two spans in a row join to (a₂ ⊙ a₁, a₂ ⊙ b₁ + b₂), in any grouping (Blelloch, Prefix Sums and Their
    Applications, 1990). Weights, shapes, masks and numbers are those of `keras.layers.RNN`, up to rounding; where a
    step is masked the last output is repeated, and in `Bidirectional` it is zero, as in Keras.

    Args:
        cell: a `zoo.layers.LinearCell`.
        **options: as of `keras.layers.RNN`, but for `unroll`.

    Raises:
        ZooError: another cell, or a number of steps that is not known when the model is built.
    """

    def __init__(self, cell: Any, **options: Any) -> None:
        if options.pop("unroll", False):
            raise ZooError("a parallel scan has no loop to unroll: leave unroll out")
        if not isinstance(cell, LinearCell):
            kind = type(cell).__name__
            raise ZooError(f"{kind} is not linear in its state: a parallel scan is for a zoo.layers.LinearCell")
        super().__init__(cell, **options)
        if self.compute_dtype != cell.compute_dtype:  # a cell that is linear has float32 in mixed precision
            self.dtype_policy = cell.dtype_policy

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        """Build the cell for sequences of a known number of steps."""
        if sequences_shape[1] is None:
            raise ZooError("a parallel scan needs a number of steps that is known when the model is built")
        super().build(sequences_shape, initial_state_shape)

    def inner_loop(
        self, sequences: Tensor, initial_state: Any, mask: Tensor | None, training: bool = False
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Run the scan: Keras calls this once its states are there.

        Args:
            sequences: (batch, steps, features).
            initial_state: (batch, units), one or several.
            mask: (batch, steps) or (batch, steps, 1), true at steps that count; None: all count.
            training: without effect: the cells have no dropout.

        Returns:
            The last output (batch, units), all outputs (batch, steps, units), the last states.
        """
        require_mask_fits(mask, sequences)
        if self.go_backwards:
            sequences = ops.flip(sequences, axis=1)
            mask = None if mask is None else ops.flip(mask, axis=1)
        decay, drive = self.cell.decay_and_drive(sequences)
        decay = tuple(map(_of_every_step, decay, drive))
        if mask is not None:
            mask = ops.cast(mask if len(mask.shape) > 2 else mask[..., None], "bool")
            decay, drive = _standing_still(decay, drive, mask)
        states = self._scan(decay, drive, first_states(self, initial_state))
        outputs = self.cell.read(states, sequences)
        if mask is not None:
            outputs = _repeated(outputs, mask)
        carried = self.cell.carried(outputs[:, -1], tuple(state[:, -1] for state in states))
        if mask is not None and self.zero_output_for_mask:
            outputs = ops.where(mask, outputs, ops.zeros_like(outputs))
        return outputs[:, -1], outputs, carried

    def _scan(self, decay: Parts, drive: Parts, before: list[Tensor]) -> Parts:
        """The states after every step, (batch, steps, units) each, of those `before` the first."""
        decay, drive = _accumulated((decay, drive))
        kept = product(decay, tuple(state[:, None] for state in before[-self.cell.parts :]))
        return tuple(old + new for old, new in zip(kept, drive, strict=True))

    def get_config(self) -> dict[str, Any]:
        """Everything that the constructor needs to make this layer again."""
        config = super().get_config()
        return {name: value for name, value in config.items() if name != "unroll"}


def _of_every_step(decay: Tensor, drive: Tensor) -> Tensor:
    """A decay at every step, (batch, steps, units); a constant one is the same for all examples: (1, steps, units)."""
    return decay + ops.zeros_like(drive[:1] if len(decay.shape) == 1 else drive)


def _accumulated(steps: Element) -> Element:
    """Of every step the span from the first step to it, (batch, steps, units) each, in log2(steps) levels.

    Written out, since `keras.ops.associative_scan` on TensorFlow does not compile with XLA and forgets its shape.
    """
    count = steps[1][0].shape[1]
    if count == 1:
        return steps
    if count % 2:
        longer = tree.map_structure(lambda part: ops.concatenate([part, part[:, -1:]], axis=1), steps)
        return tree.map_structure(lambda part: part[:, :-1], _accumulated(longer))
    first, second = (tree.map_structure(lambda part, i=i: part[:, i::2], steps) for i in range(2))
    odd = _accumulated(_joined(first, second))
    before, rest = (
        tree.map_structure(lambda part, s=s: part[:, s], each) for each, s in ((odd, ENDLESS), (first, LATER))
    )
    even = tree.map_structure(
        lambda start, later: ops.concatenate([start[:, :1], later], axis=1), first, _joined(before, rest)
    )
    return tree.map_structure(_interleaved, even, odd)


def _interleaved(even: Tensor, odd: Tensor) -> Tensor:
    """(batch, 2 steps, units) of two of (batch, steps, units), in turns."""
    return ops.reshape(ops.stack([even, odd], axis=2), (-1, 2 * even.shape[1], even.shape[2]))


def _joined(first: Element, second: Element) -> Element:
    """Two neighbouring spans as one."""
    (a, b), (c, d) = first, second
    carried = product(c, b)
    return product(c, a), tuple(old + new for old, new in zip(carried, d, strict=True))


def _standing_still(decay: Parts, drive: Parts, counts: Tensor) -> Element:
    """a = 1 and b = 0 at steps that do not count, of `counts` (batch, steps, 1)."""
    ones = [ops.ones_like(decay[0]), *(ops.zeros_like(part) for part in decay[1:])]
    kept = tuple(ops.where(counts, part, one) for part, one in zip(decay, ones, strict=True))
    return kept, tuple(ops.where(counts, part, ops.zeros_like(part)) for part in drive)


def _repeated(outputs: Tensor, counts: Tensor) -> Tensor:
    """The outputs (batch, steps, units), those of steps that do not count replaced by the last one that does."""
    nothing = ops.zeros_like(outputs)
    old = ops.where(counts, nothing, ops.ones_like(outputs))
    return _accumulated(((old,), (ops.where(counts, outputs, nothing),)))[1][0]  # no product: 0 · NaN is NaN
