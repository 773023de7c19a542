"""Draw a digit row by row: a vector comes in, a sequence goes out."""

from __future__ import annotations

import numpy as np

from zoo.data import Data, Split
from zoo.registry import TASKS, VECTOR_TO_SEQUENCE, Recipe, Task, require_steps
from zoo.tasks import digits_rows

DIGITS = 10


def load(steps: int | None = None, seed: int = 0) -> Data:
    """The scans of `digits_rows` the other way round: from the digit to the rows of its image.

    Args:
        steps: None or 8, the rows of an image.
        seed: as that of `digits_rows`.

    Returns:
        x float32 (examples, 10), 1 at the digit and else 0; y float32 in 0..1 of shape (examples, 8, 8).

    Raises:
        ZooError: another number of steps is asked for.
    """
    require_steps("draw_digit", digits_rows.STEPS, steps)
    read = digits_rows.load(seed=seed)
    train, validation = _turned(read.train), _turned(read.validation)
    return Data(train, validation, {name: _turned(split) for name, split in read.tests.items()})


def one_hot(labels: np.ndarray) -> np.ndarray:
    """float32 (labels, 10), 1 at each label and else 0."""
    return np.eye(DIGITS, dtype=np.float32)[labels]


def _turned(split: Split) -> Split:
    assert isinstance(split.x, np.ndarray)
    return Split(one_hot(split.y), split.x)


def mean_image(data: Data, split: Split) -> float:
    """Mean squared error of always drawing the mean of all training images."""
    return float(np.mean((split.y - data.train.y.mean(axis=0)) ** 2, dtype=np.float64))


def mean_image_of_its_digit(data: Data, split: Split) -> float:
    """Mean squared error of the mean training image of each digit: the best possible from the digit alone."""
    train, labels = data.train.x.argmax(axis=-1), split.x.argmax(axis=-1)
    means = np.stack([data.train.y[train == digit].mean(axis=0) for digit in range(DIGITS)])
    return float(np.mean((split.y - means[labels]) ** 2, dtype=np.float64))


TASKS.add(
    Task(
        name="draw_digit",
        topology=VECTOR_TO_SEQUENCE,
        summary="the rows of an 8 by 8 image of a digit, from the digit",
        load=load,
        steps=digits_rows.STEPS,
        features=DIGITS,
        outputs=digits_rows.FEATURES,
        activation="sigmoid",
        loss="mse",
        metric="mse",
        higher_is_better=False,
        naive={"mean image": mean_image, "mean image of its digit": mean_image_of_its_digit},
        units=64,
        batch=50,
        recipes=(Recipe("fast", epochs=40, batch=64, learning_rate=1e-2, schedule="cosine", clip_norm=1.0),),
        source=TASKS.get("digits_rows").source,
        licence=TASKS.get("digits_rows").licence,
    )
)
