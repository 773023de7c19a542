"""Predict the next value of a wave at every step: the regression of handson-ml, chapter 14."""

from __future__ import annotations

import numpy as np

from zoo.data import Data, Split
from zoo.errors import ZooError
from zoo.registry import SEQUENCE_TO_SEQUENCE, TASKS, Recipe, Task
from zoo.tasks._forecast import linear_autoregression, repeat_last_value

STEPS = 20
STEPS_PER_TIME = 10  # the resolution is 0.1
END = 30  # training windows lie in t = 0..END
UNSEEN_STARTS = 4  # unseen windows start in t = END..END + UNSEEN_STARTS: those of 20 steps end at 36
LEAST_ROOM = 10  # of starts: windows longer than END - LEAST_ROOM lie in a longer stretch of the wave
TRAIN_WINDOWS = 75_000  # 1,500 iterations of batch 50, the book's run, in one epoch without a window seen twice
TRAIN_FLOATS = 4_000_000  # long windows are fewer, so that `load` stays below 150 MB


def wave(t: np.ndarray) -> np.ndarray:
    """f(t) = t·sin(t)/3 + 2·sin(5t)."""
    return t * np.sin(t) / 3 + 2 * np.sin(5 * t)


def windows(starts: np.ndarray, steps: int) -> Split:
    """Windows of the wave that begin at the times `starts`, and the same one step later.

    Returns:
        x and y float32 of shape (starts, steps, 1), where y at a step is x at the next one.
    """
    times = starts[:, None] + np.arange(steps + 1) / STEPS_PER_TIME
    values = wave(times).astype(np.float32)[:, :, None]
    return Split(values[:, :-1], values[:, 1:])


def load(steps: int | None = None, seed: int = 0) -> Data:
    """Windows of the wave at resolution 0.1, from real-valued starts.

    Training and validation windows start at random, uniformly, and lie in t = 0..30: 75,000 of them (from 53 steps on
    fewer, see TRAIN_FLOATS) and 2,000. Windows of more than 200 steps need a longer stretch: theirs ends 10 after the
    first of them. The tests are the same for every seed:

    - `same_range`: 2,000 starts evenly over the same range. This is the book's number without the luck of a batch. The
      model has seen this stretch of the curve, so this measures how well it remembers. At 20 steps the first step
      makes about 0.03 of it: from one value nobody knows whether the wave rises or falls.
    - `unseen_time`: 400 starts evenly over t = 30..34, so that no point of a window lies in the training range. At
      20 steps the last one ends at t = 36; longer windows end later. This is the honest one: amplitudes grow with t.

    Args:
        steps: length of a window, at least 1; None for 20.
        seed: draws the training and the validation windows, each from a stream of its own.

    Returns:
        x and y float32 of shape (windows, steps, 1).

    Raises:
        ZooError: `steps` is less than 1.
    """
    steps = STEPS if steps is None else steps
    if steps < 1:
        raise ZooError(f"wave has at least 1 step, not {steps}")
    end = max(END, steps / STEPS_PER_TIME + LEAST_ROOM)
    last_start = end - steps / STEPS_PER_TIME
    train, validation = np.random.default_rng(seed).spawn(2)
    train_windows = min(TRAIN_WINDOWS, TRAIN_FLOATS // (steps + 1))
    return Data(
        train=windows(train.uniform(0, last_start, train_windows), steps),
        validation=windows(validation.uniform(0, last_start, 2_000), steps),
        tests={
            "same_range": windows(np.linspace(0, last_start, 2_000), steps),
            "unseen_time": windows(np.linspace(end, end + UNSEEN_STARTS, 400), steps),
        },
    )


def first_step_error(data: Data, split: Split) -> float:
    """What the first step alone adds to the mean squared error at best: one value cannot tell where the wave goes.

    The best guess from one value is the mean of what follows values like it; here of the 200 nearest training windows.
    """
    from sklearn.neighbors import KNeighborsRegressor

    guess = KNeighborsRegressor(n_neighbors=200).fit(data.train.x[:, 0], data.train.y[:, 0])
    error = np.mean((guess.predict(split.x[:, 0]) - split.y[:, 0]) ** 2, dtype=np.float64)
    return float(error / split.y.shape[1])


TASKS.add(
    Task(
        name="wave",
        topology=SEQUENCE_TO_SEQUENCE,
        summary="the next value of t·sin(t)/3 + 2·sin(5t), at every step",
        load=load,
        steps=STEPS,
        features=1,
        outputs=1,
        activation="linear",
        loss="mse",
        metric="mse",
        higher_is_better=False,
        naive={"repeat the last value": repeat_last_value, "linear autoregression": linear_autoregression},
        units=100,
        batch=50,
        recipes=(
            Recipe("fast", epochs=1, batch=250, learning_rate=3e-2, schedule="cosine", clip_norm=1.0),
            Recipe("bare", 1, batch=250, learning_rate=3e-2, schedule="cosine", clip_norm=1.0, options={"bare": True}),
            Recipe("blocks", 3, batch=250, learning_rate=2e-2, schedule="cosine", clip_norm=1.0),
            Recipe("in_blocks", 3, 250, 2e-2, schedule="cosine", clip_norm=1.0, options={"blocks": 2}),
            Recipe("book", epochs=15, iterations=100, batch=50, learning_rate=1e-3),
            Recipe("book_he", 15, 50, 1e-3, iterations=100, options={"kernel_initializer": "he_normal"}),
            Recipe("book_dropout", epochs=15, iterations=100, batch=50, learning_rate=1e-2),
        ),
        source="generated; Géron, Hands-On Machine Learning, notebook 14_recurrent_neural_networks.ipynb",
        licence="none needed: a formula",
        any_steps=True,
    )
)
