"""Several devices of one machine train one model: each takes a part of every batch (`keras.distribution`, on JAX)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from zoo.copies import cloned
from zoo.data import Split
from zoo.errors import ZooError, positive_whole
from zoo.registry import Recipe

if TYPE_CHECKING:
    import keras
    import numpy as np


def require_devices(count: int, recipe: Recipe) -> None:
    """Refuse a number of devices that are not there, or among which a batch of the recipe cannot be divided.

    Raises:
        ZooError: how many there are, what divides, or that the backend has one device.
    """
    if positive_whole("devices", count) == 1:
        return
    import keras

    backend = keras.backend.backend()
    if backend != "jax":
        raise ZooError(f"{backend} trains on one device here: several need JAX, by KERAS_BACKEND=jax")
    known = keras.distribution.list_devices()
    if count > len(known):
        raise ZooError(f"{count} devices are asked for, and JAX has {len(known)}: {', '.join(known)}")
    if recipe.batch % count:
        raise ZooError(f"a batch of {recipe.batch} does not divide into {count} equal parts, one a device")
    if recipe.truncate is not None:
        raise ZooError("a recipe with truncate carries a state from batch to batch: it trains on one device")


@contextmanager
def on_devices(model: keras.Model, count: int) -> Iterator[keras.Model]:
    """A copy of `model` that is on so many devices, to be compiled and trained; then `model` has its weights.

    So it has them of a training that is stopped, unless a step had the only ones (`lost_variables`). On one device it
    is the model itself. A distribution of the user's own is in force again afterwards.

    Raises:
        ZooError: the model is neither Sequential nor Functional, or a layer is not made again by its config.
    """
    if count == 1:
        yield model
        return
    import keras

    weights: list[np.ndarray] = []
    before = keras.distribution.distribution()
    devices = keras.distribution.list_devices()[:count]
    keras.distribution.set_distribution(keras.distribution.DataParallel(devices=devices))
    try:
        twin = cloned(model, f"devices={count}")
        try:
            yield twin
        finally:
            weights = [] if lost_variables(twin) else twin.get_weights()
    finally:
        keras.distribution.set_distribution(before)
        if weights:
            model.set_weights(weights)


def lost_variables(model: keras.Model) -> list[keras.Variable]:
    """Variables of the model and its optimizer whose values were lost with a training step that was stopped.

    A step on JAX takes the arrays that it is given, and Keras has those that it makes only once it has ended.
    """
    import keras

    lost = []
    for variable in (*model.variables, *(model.optimizer.variables if model.compiled and model.optimizer else [])):
        try:
            keras.ops.convert_to_numpy(variable)
        except (RuntimeError, TypeError):  # the array was freed, or there is none
            lost.append(variable)
    return lost


def divided(split: Split, count: int) -> Split:
    """The examples, less the last few that leave a batch which does not divide into equal parts."""
    whole = len(split.y) - len(split.y) % count
    return split if whole == len(split.y) else split.first(whole)
