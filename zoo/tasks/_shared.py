"""What several tasks need: data drawn from a seed, stratified draws, the naive score of a classifier."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from zoo.data import Data, Split

TEST_SEED = 2**32 - 1  # a constant: every seed of `load` is scored on the same test examples


def drawn(sequences: Callable[[np.random.Generator, int], Split], train: int, held_out: int, seed: int) -> Data:
    """So many sequences for training, and so many each for validation and test.

    Args:
        sequences: draws a number of them.
        train: how many for training.
        held_out: how many for validation, and for the test.
        seed: draws training and validation, each from a stream of its own; the test is always the same.
    """
    ours, validation = np.random.default_rng(seed).spawn(2)
    test = sequences(np.random.default_rng(TEST_SEED), held_out)
    return Data(sequences(ours, train), sequences(validation, held_out), {"test": test})


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
