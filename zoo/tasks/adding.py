"""Add the two marked numbers of a long sequence: nothing but memory helps."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from zoo.data import Data, Split
from zoo.errors import ZooError
from zoo.registry import SEQUENCE_TO_VECTOR, TASKS, Recipe, Task
from zoo.tasks._shared import drawn

STEPS = 200
TRAIN, HELD_OUT = 20_000, 1_000


def sequences(rng: np.random.Generator, count: int, steps: int) -> Split:
    """Sequences of (value, mark): values uniform in 0..1, a mark of 1 at one step of each half, and the marked sum."""
    x = np.zeros((count, steps, 2), np.float32)
    x[:, :, 0] = rng.uniform(size=(count, steps))
    half = steps // 2
    rows = np.arange(count)
    x[rows, rng.integers(0, half, count), 1] = 1
    x[rows, rng.integers(half, steps, count), 1] = 1
    return Split(x, (x[:, :, 0] * x[:, :, 1]).sum(axis=1, keepdims=True))


def load(steps: int | None = None, seed: int = 0) -> Data:
    """Sequences drawn from a seed: 20,000 for training, 1,000 for validation, and 1,000 for the test.

    Args:
        steps: at least 2; None for 200.
        seed: draws training and validation, each from a stream of its own; the test is always the same.

    Returns:
        x float32 (sequences, steps, 2): a value in 0..1 and a mark; y float32 (sequences, 1): the marked sum.

    Raises:
        ZooError: `steps` is less than 2.
    """
    steps = STEPS if steps is None else steps
    if steps < 2:
        raise ZooError(f"adding has at least 2 steps, not {steps}")
    return drawn(partial(sequences, steps=steps), TRAIN, HELD_OUT, seed)


BLOCKS = {"blocks": 2}
"""As an option of cells that are weak in a single layer."""


def always_one(data: Data, split: Split) -> float:
    """Mean squared error of always answering 1, the expected sum."""
    return float(np.mean((split.y - 1) ** 2, dtype=np.float64))


def _recipes(name: str, learning_rate: float) -> tuple[Recipe, ...]:
    """With gradients clipped, not clipped, and clipped and truncated: 2,000 batches each."""
    clipped = Recipe(name or "fast", 5, batch=50, learning_rate=learning_rate, schedule="cosine", clip_norm=1.0)
    start = name and f"{name}_"
    return (
        clipped,
        replace(clipped, name=f"{start}unclipped", clip_norm=None),
        replace(clipped, name=f"{start}truncated", truncate=50),
    )


TASKS.add(
    Task(
        name="adding",
        topology=SEQUENCE_TO_VECTOR,
        summary="the sum of the two marked numbers of a sequence",
        load=load,
        steps=STEPS,
        features=2,
        outputs=1,
        activation="linear",
        loss="mse",
        metric="mse",
        higher_is_better=False,
        naive={"always 1": always_one},
        units=64,
        batch=50,
        recipes=(
            *_recipes("", learning_rate=3e-3),
            *_recipes("slow", learning_rate=1e-3),  # irnn learns nothing at the other rate
            replace(_recipes("", learning_rate=3e-3)[0], name="bare", options={"bare": True}),
            Recipe("long", 8, batch=50, learning_rate=1e-2, schedule="cosine", clip_norm=1.0),  # gru needs it
            Recipe("longer", 20, batch=50, learning_rate=1e-2, schedule="cosine", clip_norm=1.0),  # lstm needs it
            Recipe("in_blocks", 5, batch=50, learning_rate=4e-3, schedule="cosine", clip_norm=1.0, options=BLOCKS),
            Recipe("slow_long", 25, batch=50, learning_rate=2e-4, schedule="cosine", clip_norm=1.0),  # and irnn this
        ),
        source="generated; Hochreiter and Schmidhuber, Long Short-Term Memory, 1997, experiment 4",
        licence="none needed: drawn at random",
        any_steps=True,
    )
)
