"""Handwritten digits, 8 by 8 pixels, read row by row: the task that needs no download and trains in seconds."""

from __future__ import annotations

import numpy as np

from zoo.data import Data
from zoo.registry import SEQUENCE_TO_VECTOR, TASKS, Recipe, Task, require_steps
from zoo.tasks._shared import majority_class_accuracy, split_at, stratified_draw

STEPS = 8
FEATURES = 8
HEADS = {"blocks": 2, "heads": 4}
TEST_SEED = 0  # a constant: every seed of `load` is scored on the same test images


def load(steps: int | None = None, seed: int = 0) -> Data:
    """The 1,797 scans of scikit-learn: one in five for the test, one in eight of the rest for validation.

    Args:
        steps: None or 8, the rows of an image.
        seed: draws which images are for validation and the order of both splits; the test images are always the same.

    Returns:
        x float32 in 0..1 of shape (examples, 8, 8), y int32 in 0..9 of shape (examples,): 1,257 examples
        for training, 180 for validation, 360 for the test, stratified by class.

    Raises:
        ZooError: another number of steps is asked for.
    """
    require_steps("digits_rows", STEPS, steps)
    from sklearn.datasets import load_digits

    digits = load_digits()
    x = (digits.images / 16).astype(np.float32)
    labels = digits.target
    test, rest = stratified_draw(labels, 5, np.random.default_rng(TEST_SEED))
    validation, train = stratified_draw(labels[rest], 8, np.random.default_rng(seed))
    return Data(
        train=split_at(x, labels, rest[train]),
        validation=split_at(x, labels, rest[validation]),
        tests={"test": split_at(x, labels, test)},
    )


TASKS.add(
    Task(
        name="digits_rows",
        topology=SEQUENCE_TO_VECTOR,
        summary="which digit an 8 by 8 scan shows, read row by row",
        load=load,
        steps=STEPS,
        features=FEATURES,
        outputs=10,
        activation="softmax",
        loss="sparse_categorical_crossentropy",
        metric="accuracy",
        higher_is_better=True,
        naive={"majority class": majority_class_accuracy},
        units=100,
        batch=50,
        recipes=(
            Recipe("fast", epochs=30, batch=64, learning_rate=1e-2, schedule="cosine", clip_norm=1.0),
            Recipe("in_blocks", 30, 64, 4e-3, schedule="cosine", clip_norm=1.0, options={"blocks": 2}),
            Recipe("in_blocks_heads", 30, 64, 2e-3, schedule="cosine", clip_norm=1.0, options=HEADS),
            # The book has no digits: these are the conditions of its MNIST rows.
            Recipe("book", epochs=100, batch=150, learning_rate=1e-3),
        ),
        source="scikit-learn load_digits: test part of UCI Optical Recognition of Handwritten Digits, "
        "Alpaydin and Kaynak 1998, https://doi.org/10.24432/C50P49",
        licence="CC BY 4.0",
    )
)
