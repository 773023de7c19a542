"""Recall the value that stood behind a key: memory that is addressed by what it holds."""

from __future__ import annotations

import numpy as np

from zoo.data import Data, Split
from zoo.registry import SEQUENCE_TO_VECTOR, TASKS, Recipe, Task, require_steps
from zoo.tasks._shared import drawn

PAIRS, KEYS, VALUES = 8, 16, 16
STEPS = 2 * PAIRS + 1
FEATURES = KEYS + VALUES
TRAIN, HELD_OUT = 20_000, 2_000


def sequences(rng: np.random.Generator, count: int) -> Split:
    """Eight pairs of a key and a value, no key twice, then one of the keys: its value is asked for.

    Returns:
        x float32 (count, 17, 32): 16 keys and 16 values, one of them 1; y int32 (count,), 0 to 15.
    """
    keys = rng.random((count, KEYS)).argsort(axis=1)[:, :PAIRS]
    values = rng.integers(0, VALUES, (count, PAIRS))
    asked = rng.integers(0, PAIRS, (count, 1))
    pairs = np.stack([keys, KEYS + values], axis=2).reshape(count, 2 * PAIRS)
    read = np.hstack([pairs, np.take_along_axis(keys, asked, axis=1)])
    y = np.take_along_axis(values, asked, axis=1)[:, 0]
    return Split(np.eye(FEATURES, dtype=np.float32)[read], y.astype(np.int32))


def load(steps: int | None = None, seed: int = 0) -> Data:
    """Sequences drawn from a seed: 20,000 for training, 2,000 each for validation and test.

    Args:
        steps: None or 17.
        seed: draws training and validation, each from a stream of its own; the test is always the same.

    Returns:
        See `sequences`.

    Raises:
        ZooError: another number of steps is asked for.
    """
    require_steps("associative_recall", STEPS, steps)
    return drawn(sequences, TRAIN, HELD_OUT, seed)


def value_of_the_sequence(data: Data, split: Split) -> float:
    """Expected accuracy of answering one of the values of the sequence, whichever."""
    values = split.x[:, 1:-1:2, KEYS:]
    return float(np.mean(values.mean(axis=1)[np.arange(len(split.y)), split.y]))


TASKS.add(
    Task(
        name="associative_recall",
        topology=SEQUENCE_TO_VECTOR,
        summary="the value that stood behind a key, of eight pairs",
        load=load,
        steps=STEPS,
        features=FEATURES,
        outputs=VALUES,
        activation="softmax",
        loss="sparse_categorical_crossentropy",
        metric="accuracy",
        higher_is_better=True,
        naive={"a value of the sequence": value_of_the_sequence},
        units=64,
        batch=100,
        recipes=(Recipe("fast", 20, batch=100, learning_rate=5e-3, schedule="cosine", clip_norm=1.0),),
        source="generated; Ba et al., Using Fast Weights to Attend to the Recent Past, 2016, section 4.1; "
        "Arora et al., Zoology: Measuring and Improving Recall in Efficient Language Models, 2023",
        licence="none needed: drawn at random",
    )
)
