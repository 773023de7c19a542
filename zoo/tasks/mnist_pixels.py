"""MNIST read pixel by pixel, 784 steps, in their order or in one order drawn at random for all images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from zoo.data import Data, Split
from zoo.registry import TASKS, Recipe, require_steps
from zoo.tasks import mnist_rows

STEPS = mnist_rows.STEPS * mnist_rows.FEATURES
ORDER_SEED = 0  # a constant: everybody's order is the same


def _one_by_one(data: Data, order: np.ndarray) -> Data:
    """The pixels of each image as steps of one feature, in an order."""

    def split(images: Split) -> Split:
        return Split(images.x.reshape(len(images.y), STEPS, 1)[:, order], images.y)

    return Data(split(data.train), split(data.validation), {name: split(each) for name, each in data.tests.items()})


def load(steps: int | None = None, seed: int = 0) -> Data:
    """The images of `mnist_rows` and their splits, pixel by pixel.

    Args:
        steps: None or 784.
        seed: as of `mnist_rows`.

    Returns:
        x float32 in 0..1 of shape (examples, 784, 1), y int32 in 0..9.

    Raises:
        ZooError: another number of steps is asked for, the file is missing or unfit, or the download fails.
    """
    require_steps("mnist_pixels", STEPS, steps)
    return _one_by_one(mnist_rows.load(seed=seed), np.arange(STEPS))


def load_permuted(steps: int | None = None, seed: int = 0) -> Data:
    """As `load`, the pixels of every image in the same random order: neighbours stand far apart.

    Args:
        steps: None or 784.
        seed: as of `mnist_rows`; the order of the pixels does not depend on it.

    Returns:
        x float32 in 0..1 of shape (examples, 784, 1), y int32 in 0..9.

    Raises:
        ZooError: another number of steps is asked for, the file is missing or unfit, or the download fails.
    """
    require_steps("mnist_pixels_permuted", STEPS, steps)
    order = np.random.default_rng(ORDER_SEED).permutation(STEPS)
    return _one_by_one(mnist_rows.load(seed=seed), order)


PIXELS = replace(
    TASKS.get("mnist_rows"),
    name="mnist_pixels",
    summary="which digit a 28 by 28 image shows, read pixel by pixel",
    load=load,
    steps=STEPS,
    features=1,
    units=64,
    batch=100,
    recipes=(
        Recipe("fast", epochs=8, batch=100, learning_rate=4e-3, schedule="cosine", clip_norm=1.0),
        Recipe("blocks", 5, batch=50, learning_rate=4e-3, schedule="cosine", clip_norm=1.0),
        Recipe("pooled", 2, 25, learning_rate=4e-3, schedule="cosine", clip_norm=1.0, options={"mean_pool": True}),
    ),
    target=None,
    source=f"{TASKS.get('mnist_rows').source}; pixel by pixel by Le, Jaitly and Hinton, A Simple Way to Initialize "
    "Recurrent Networks of Rectified Linear Units, 2015",
)
TASKS.add(PIXELS)
TASKS.add(
    replace(
        PIXELS,
        name="mnist_pixels_permuted",
        summary="which digit a 28 by 28 image shows, its pixels read in one random order",
        load=load_permuted,
    )
)
