"""What several tasks need: stratified draws, the check of fixed steps, the naive score of a classifier."""

from __future__ import annotations

import numpy as np

from zoo.data import Data, Split


def stratified_draw(labels: np.ndarray, one_in: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Hold one in `one_in` examples out, with every class in its share (to within one example).

    The shuffled examples are laid out class by class and every `one_in`-th of that row is taken.

    Args:
        labels: class of each example, shape (examples,).
        one_in: how many examples there are for each one held out.
        rng: draws the examples and the order of both results.

    Returns:
        Indices of the examples held out, and of the rest, each in random order.
    """
    shuffled = rng.permutation(len(labels))
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    held_out = np.arange(len(labels)) % one_in == 0
    return rng.permutation(by_class[held_out]), rng.permutation(by_class[~held_out])


def split_at(x: np.ndarray, labels: np.ndarray, indices: np.ndarray) -> Split:
    """The examples at `indices`: inputs as they are, labels as int32."""
    return Split(x[indices], labels[indices].astype(np.int32))


def majority_class_accuracy(data: Data, split: Split) -> float:
    """Accuracy on `split` of always answering the most frequent class of the training labels."""
    majority = np.bincount(data.train.y).argmax()
    return float(np.mean(split.y == majority))
