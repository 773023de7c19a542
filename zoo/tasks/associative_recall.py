"""Recall the digit that stood after a letter: memory that is addressed by what it holds."""

from __future__ import annotations

import numpy as np

from zoo.data import Data, Split
from zoo.registry import SEQUENCE_TO_VECTOR, TASKS, Recipe, Task, require_steps
from zoo.tasks._shared import drawn

PAIRS, LETTERS, DIGITS = 4, 26, 10
FEATURES = LETTERS + DIGITS + 1
ASKED = FEATURES - 1
"""The sign "?"."""
STEPS = 2 * PAIRS + 3
TRAIN, HELD_OUT = 100_000, 10_000


def sequences(rng: np.random.Generator, count: int) -> Split:
    """Four letters with a digit behind each, no letter twice, then "??" and one of the letters: c9k8j3f1??c asks for 9.

    Returns:
        x float32 (count, 11, 37): 26 letters, 10 digits and "?", one of them 1; y int32 (count,), 0 to 9.
    """
    letters = rng.random((count, LETTERS)).argsort(axis=1)[:, :PAIRS]
    digits = rng.integers(0, DIGITS, (count, PAIRS))
    asked = rng.integers(0, PAIRS, (count, 1))
    pairs = np.stack([letters, LETTERS + digits], axis=2).reshape(count, 2 * PAIRS)
    signs = np.full((count, 2), ASKED)
    read = np.hstack([pairs, signs, np.take_along_axis(letters, asked, axis=1)])
    y = np.take_along_axis(digits, asked, axis=1)[:, 0]
    return Split(np.eye(FEATURES, dtype=np.float32)[read], y.astype(np.int32))


def load(steps: int | None = None, seed: int = 0) -> Data:
    """Sequences drawn from a seed: 100,000 for training, 10,000 each for validation and test.

    Args:
        steps: None or 11.
        seed: draws training and validation, each from a stream of its own; the test is always the same.

    Returns:
        See `sequences`.

    Raises:
        ZooError: another number of steps is asked for.
    """
    require_steps("associative_recall", STEPS, steps)
    return drawn(sequences, TRAIN, HELD_OUT, seed)


def digit_of_the_sequence(data: Data, split: Split) -> float:
    """Expected accuracy of answering one of the digits of the sequence, whichever."""
    digits = split.x[:, 1 : 2 * PAIRS : 2, LETTERS:ASKED]
    return float(np.mean(digits.mean(axis=1)[np.arange(len(split.y)), split.y]))


TASKS.add(
    Task(
        name="associative_recall",
        topology=SEQUENCE_TO_VECTOR,
        summary="the digit that stood after a letter, of four pairs",
        load=load,
        steps=STEPS,
        features=FEATURES,
        outputs=DIGITS,
        activation="softmax",
        loss="sparse_categorical_crossentropy",
        metric="accuracy",
        higher_is_better=True,
        naive={"a digit of the sequence": digit_of_the_sequence},
        units=50,
        batch=128,
        recipes=(
            Recipe("fast", 40, batch=128, learning_rate=7e-3, schedule="cosine"),
            Recipe("blocks", 4, batch=128, learning_rate=5.5e-3, schedule="cosine", clip_norm=1.0),  # enough for mamba
        ),
        source="generated; Ba et al., Using Fast Weights to Attend to the Recent Past, 2016, section 4.1",
        licence="none needed: drawn at random",
    )
)
