"""Batches of sequences of many lengths, padded to a few of them: a backend that compiles does so once a length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.data import PADDING
from zoo.errors import ZooError, positive_whole

if TYPE_CHECKING:
    import keras

LENGTHS = 8
MOST_LENGTHS = 2000
"""That are told apart where the best are looked for; of more, those between two count as the longer one."""


def pad_batches(
    sequences: Sequence[Any],
    y: Any = None,
    *,
    batch: int = 32,
    lengths: int | Sequence[int] = LENGTHS,
    padding: float | None = None,
    seed: int | None = 0,
) -> keras.utils.PyDataset:
    """Batches for `fit`, `evaluate` or `predict` from sequences of many lengths.

    Each sequence is padded on the right to one of a few lengths, and is in a batch with others of that length. The
    lengths are those that need the least padding. JAX compiles a model once for each shape of a batch, TensorFlow with
    jit too: with a few lengths that is soon done. The model has to mask the padding: by
    `keras.layers.Masking(zoo.PADDING)` for features, by `Embedding(mask_zero=True)` for tokens.

        batches = zoo.pad_batches(texts, labels, batch=32, lengths=4)
        model.fit(batches, epochs=3, shuffle=False)

    Without `shuffle=False` Keras puts the batches into an order of its own, which neither `seed` sets nor `order` says.
    Every batch but one has `batch` sequences: what is left over of a length joins the next longer one.

    Args:
        sequences: arrays of (steps, features), or of token numbers (steps,), which are whole.
        y: a target for each, all of one shape; None to predict. Predictions come in the order of `batches.order`.
        batch: how many sequences a batch has.
        lengths: how many lengths there are at most, or which.
        padding: what fills the steps after the end; by default `zoo.PADDING` for features, 0 for tokens.
        seed: of the order of sequences, which is mixed once where there are targets, and of batches, which is another
            in each epoch; None to keep sequences in their order and batches in that of lengths, but for the second
            batch, whose length is another than the first's: Keras on TensorFlow takes what both share for that of all.

    Returns:
        A dataset of Keras. Its `order` holds the place of each sequence, batch by batch, in the pass that ended last;
        after a pass of your own over its batches call `on_epoch_end()`.

    Raises:
        ZooError: there is no sequence, an empty one, one longer than the lengths allow, one of numbers with a fraction
            that has no axis of features, or `y` has another number, or targets of several shapes.
    """
    arrays = [np.asarray(each) for each in sequences]
    if not arrays:
        raise ZooError("there is no sequence")
    for number, each in enumerate(arrays):
        if each.ndim not in (1, 2) or each.shape[1:] != arrays[0].shape[1:]:
            raise ZooError(f"sequence {number} has the shape {each.shape}, not (steps{_features(arrays[0])})")
        if not len(each):
            raise ZooError(f"sequence {number} is empty: a sequence has at least one step")
    if arrays[0].ndim == 1 and not all(np.issubdtype(each.dtype, np.integer) for each in arrays):
        raise ZooError(
            f"sequences of the shape {arrays[0].shape} are tokens, which are whole numbers: a series of other numbers "
            "has the shape (steps, 1)"
        )
    if y is not None and len(y) != len(arrays):
        raise ZooError(f"there are {len(arrays)} sequences, and {len(y)} targets")
    try:
        targets = None if y is None else np.asarray(y)
    except ValueError as error:
        raise ZooError("the targets have several shapes: pad those of each step to one length") from error
    size = positive_whole("batch", batch)
    steps = np.array([len(each) for each in arrays])
    ends = best_lengths(steps, positive_whole("lengths", lengths)) if np.isscalar(lengths) else _given(lengths, steps)
    is_text = arrays[0].ndim == 1
    fill = (0 if is_text else PADDING) if padding is None else padding
    rng = None if seed is None or y is None else np.random.default_rng(seed)
    places = np.arange(len(arrays)) if rng is None else rng.permutation(len(arrays))
    return _dataset()(_batches(arrays, places, steps, ends, size, fill), targets, rng)


def best_lengths(steps: np.ndarray, count: int) -> list[int]:
    """At most `count` lengths, the longest sequence's among them, that need the least padding in all.

    Found by dynamic programming over the lengths that occur: the least padding with k lengths, up to each of them.

    Args:
        steps: of each sequence.
        count: how many lengths there may be.
    """
    known, number = np.unique(steps, return_counts=True)
    if len(known) <= count:
        return [int(each) for each in known]
    if len(known) > MOST_LENGTHS:  # the tables below have a row and a column for each
        longer = known[np.linspace(0, len(known) - 1, MOST_LENGTHS).round().astype(int)]
        number = np.bincount(np.searchsorted(longer, known), weights=number).astype(int)
        known = longer
    below = np.concatenate([[0], np.cumsum(number)])  # how many sequences are shorter than each length
    inside = np.concatenate([[0], np.cumsum(number * known)])  # and how many steps they have
    start, end = np.mgrid[: len(known), : len(known)]  # padding[i, j]: of lengths i to j, if all become the last one
    padding = known[end] * (below[end + 1] - below[start]) - (inside[end + 1] - inside[start])
    never = np.iinfo(np.int64).max // 2
    padding = np.where(start <= end, padding, never)
    least, cuts = padding[0], []  # with one length, up to each
    for _ in range(1, count):
        costs = np.minimum(np.concatenate([[never], least[:-1]])[:, None] + padding, never)
        cuts.append(costs.argmin(axis=0))
        least = costs.min(axis=0)
    ends, last = [], len(known) - 1
    for cut in reversed(cuts):
        ends.append(int(known[last]))
        last = int(cut[last]) - 1
    return [int(known[last]), *reversed(ends)]


def _given(lengths: int | Sequence[int], steps: np.ndarray) -> list[int]:
    """The lengths that a caller names, in order.

    Raises:
        ZooError: one is no length, or a sequence is longer than all.
    """
    ends = sorted({positive_whole("a length", each) for each in np.atleast_1d(lengths).tolist()})
    if not ends or steps.max() > ends[-1]:
        raise ZooError(f"a sequence has {steps.max()} steps, and the longest length is {ends[-1] if ends else 'none'}")
    return ends


@dataclass(frozen=True)
class _Batch:
    """One batch: which sequences are in it, and their padded array."""

    order: np.ndarray
    x: np.ndarray


def _batches(
    arrays: Sequence[np.ndarray], places: np.ndarray, steps: np.ndarray, ends: Sequence[int], size: int, fill: float
) -> list[_Batch]:
    """The batches, from the shortest length to the longest; within a length in the order of `places`."""
    batches, left, shorter = [], np.array([], int), 0
    for end in ends:
        here = np.concatenate([left, places[(steps[places] > shorter) & (steps[places] <= end)]])
        whole = len(here) // size * size if end != ends[-1] else len(here)
        batches += [_padded(arrays, here[first : first + size], end, fill) for first in range(0, whole, size)]
        left, shorter = here[whole:], end
    return batches


def _padded(arrays: Sequence[np.ndarray], order: np.ndarray, steps: int, fill: float) -> _Batch:
    first = arrays[0]
    kind = np.int32 if first.ndim == 1 else np.float32
    x = np.full((len(order), steps, *first.shape[1:]), fill, kind)
    for row, number in enumerate(order):
        x[row, : len(arrays[number])] = arrays[number]
    return _Batch(order, x)


def _features(array: np.ndarray) -> str:
    return "".join(f", {size}" for size in array.shape[1:]) + ("," if array.ndim == 1 else "")


def _dataset() -> Any:
    """The class of the dataset, made when Keras is imported."""
    import keras

    class PaddedBatches(keras.utils.PyDataset):
        """Padded batches in an order of their own each epoch."""

        def __init__(self, batches: list[_Batch], y: np.ndarray | None, rng: np.random.Generator | None) -> None:
            super().__init__()
            self._batches, self._y, self._rng = batches, y, rng
            self._ended: np.ndarray | None = None
            self._shuffle()

        def __len__(self) -> int:
            return len(self._batches)

        def __getitem__(self, index: int) -> Any:
            batch = self._batches[index]
            return (batch.x,) if self._y is None else (batch.x, self._y[batch.order])

        @property
        def order(self) -> np.ndarray:
            """The place of each sequence, batch by batch, in the pass that ended last, or in the first one."""
            return self._order() if self._ended is None else self._ended

        def on_epoch_end(self) -> None:
            """Put the batches into another order for the next pass; Keras calls it after `predict` too."""
            self._ended = self._order()
            self._shuffle()

        def _order(self) -> np.ndarray:
            return np.concatenate([batch.order for batch in self._batches])

        def _shuffle(self) -> None:
            """Keras on TensorFlow takes the lengths that the first two batches share for those of all of them."""
            if self._rng is not None:
                self._rng.shuffle(self._batches)
            first, *others = self._batches
            other = next((i for i, each in enumerate(others, 1) if each.x.shape[1] != first.x.shape[1]), 0)
            if other:
                self._batches.insert(1, self._batches.pop(other))

    return PaddedBatches
