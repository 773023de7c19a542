"""Copy the symbols that stand between blanks, in their order: what counts is which steps are read, not when."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from zoo.data import Data, Split
from zoo.registry import SEQUENCE_TO_SEQUENCE, TASKS, Recipe, Task, require_steps
from zoo.tasks._shared import drawn
from zoo.tasks._symbols import ASKED, BLANK, OUTPUTS, SYMBOLS, most_frequent_symbol, one_hot, symbol_accuracy

SCATTERED, COPIED = 240, 16
STEPS = SCATTERED + COPIED
TRAIN, HELD_OUT = 6_000, 1_000
RECIPE = Recipe("fast", 20, 50, 3e-3, schedule="cosine", clip_norm=1.0, loss_steps=(SCATTERED, STEPS))


def sequences(rng: np.random.Generator, count: int) -> Split:
    """Sixteen symbols at random places of 240 steps, blanks between them, and sixteen steps in which to repeat them.

    Returns:
        x float32 (count, 256, 10): 8 symbols, the blank and the sign that one is asked for; y int32 (count, 256): the
        symbols in the last sixteen steps, the blank before.
    """
    symbols = rng.integers(0, SYMBOLS, (count, COPIED))
    places = np.sort(rng.random((count, SCATTERED)).argsort(axis=1)[:, :COPIED], axis=1)
    read = np.full((count, STEPS), BLANK)
    np.put_along_axis(read, places, symbols, axis=1)
    read[:, SCATTERED:] = ASKED
    y = np.full(read.shape, BLANK, np.int32)
    y[:, SCATTERED:] = symbols
    return Split(one_hot(read), y)


def load(steps: int | None = None, seed: int = 0) -> Data:
    """Sequences drawn from a seed: 6,000 for training, 1,000 each for validation and test.

    Args:
        steps: None or 256.
        seed: draws training and validation, each from a stream of its own; the test is always the same.

    Returns:
        See `sequences`.

    Raises:
        ZooError: another number of steps is asked for.
    """
    require_steps("selective_copying", STEPS, steps)
    return drawn(sequences, TRAIN, HELD_OUT, seed)


TASKS.add(
    Task(
        name="selective_copying",
        topology=SEQUENCE_TO_SEQUENCE,
        summary="sixteen symbols that stand between blanks, repeated in their order",
        load=load,
        steps=STEPS,
        features=SYMBOLS + 2,
        outputs=OUTPUTS,
        activation="softmax",
        loss="sparse_categorical_crossentropy",
        metric="symbol_accuracy",
        higher_is_better=True,
        naive={"most frequent symbol": most_frequent_symbol},
        score=symbol_accuracy,
        watched="accuracy",
        units=64,
        batch=50,
        recipes=(
            RECIPE,
            replace(RECIPE, name="blocks_wide", epochs=30, learning_rate=6e-3),  # of 128 units, for min_gru
        ),
        source="generated; Gu and Dao, Mamba: Linear-Time Sequence Modeling with Selective State Spaces, 2023, "
        "section 4.1.1, of 4,096 steps and 16 symbols",
        licence="none needed: drawn at random",
    )
)
