"""Copy ten symbols after a long wait: the copying memory problem, at 100 and at 500 steps of waiting."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from zoo.data import Data, Split
from zoo.registry import SEQUENCE_TO_SEQUENCE, TASKS, Recipe, Task, require_steps
from zoo.tasks._shared import drawn
from zoo.tasks._symbols import ASKED, BLANK, OUTPUTS, SYMBOLS, one_hot, scores

COPIED = 10  # symbols
TRAIN, HELD_OUT = 10_000, 1_000


def sequences(rng: np.random.Generator, count: int, wait: int) -> Split:
    """Ten symbols, `wait` blanks of which the last is the sign to begin, and ten steps in which to repeat them.

    Returns:
        x float32 (count, wait + 20, 10): 8 symbols, the blank and the sign, one of them 1; y int32 (count, wait + 20):
        the symbols in the last ten steps, the blank before.
    """
    symbols = rng.integers(0, SYMBOLS, (count, COPIED))
    read = np.full((count, wait + 2 * COPIED), BLANK)
    read[:, :COPIED] = symbols
    read[:, -COPIED - 1] = ASKED
    y = np.full(read.shape, BLANK, np.int32)
    y[:, -COPIED:] = symbols
    return Split(one_hot(read), y)


def load(steps: int | None = None, seed: int = 0, *, wait: int) -> Data:
    """Sequences drawn from a seed: for training as many as make 12 million numbers, 1,000 each for the others.

    Args:
        steps: None or `wait` + 20.
        seed: draws training and validation, each from a stream of its own; the test is always the same.
        wait: steps between reading and writing.

    Returns:
        See `sequences`.

    Raises:
        ZooError: another number of steps is asked for.
    """
    length = wait + 2 * COPIED
    require_steps(_name(wait), length, steps)
    count = min(TRAIN, TRAIN * (SHORT + 2 * COPIED) // length)
    return drawn(partial(sequences, wait=wait), count, HELD_OUT, seed)


def memoryless(data: Data, split: Split) -> float:
    """Cross-entropy of knowing when a symbol is asked for, and taking each for as likely: 10 ln 8 / steps."""
    return float(np.mean(split.y != BLANK)) * math.log(SYMBOLS)


SHORT, LONG = 100, 500


def _name(wait: int) -> str:
    return "copying" if wait == SHORT else f"copying_{wait}"


def _task(wait: int, batch: int, epochs: int) -> Task:
    blocks = Recipe("blocks", 5, batch=batch, learning_rate=6e-3, schedule="cosine", clip_norm=1.0)
    loader: Callable[..., Data] = partial(load, wait=wait)
    return Task(
        name=_name(wait),
        topology=SEQUENCE_TO_SEQUENCE,
        summary=f"ten symbols, repeated after {wait} steps",
        load=loader,
        steps=wait + 2 * COPIED,
        features=SYMBOLS + 2,
        outputs=OUTPUTS,
        activation="softmax",
        loss="sparse_categorical_crossentropy",
        metric="cross_entropy",
        higher_is_better=False,
        naive={"memoryless": memoryless},
        score=scores,
        watched="sparse_categorical_crossentropy",
        units=64,
        batch=batch,
        recipes=(
            Recipe("fast", epochs, batch=batch, learning_rate=3e-3, schedule="cosine", clip_norm=1.0),
            blocks,
            replace(blocks, name="blocks_wide", epochs=20),  # of 128 units, for min_gru and min_lstm
            replace(blocks, name="blocks_long", epochs=40),  # of 64 units they keep eight of ten symbols
        ),
        source="generated; Hochreiter and Schmidhuber, Long Short-Term Memory, 1997; as Arjovsky, Shah and Bengio, "
        "Unitary Evolution Recurrent Neural Networks, 2016, section 5.1",
        licence="none needed: drawn at random",
    )


TASKS.add(_task(SHORT, batch=50, epochs=15))
TASKS.add(_task(LONG, batch=50, epochs=30))
