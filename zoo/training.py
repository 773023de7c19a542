"""Training an entry on a task by a recipe, and scoring it."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.registry import TASKS, Data, Recipe, Task

if TYPE_CHECKING:
    import keras

WARM_UP = 0.1
"""The part of all training steps over which a "cosine" schedule rises linearly."""


@dataclass(frozen=True)
class Training:
    """What came out of a training: the score of every epoch on the validation split, and how long it took."""

    history: dict[str, list[float]]
    train_seconds: float


def make_optimizer(recipe: Recipe, training_steps: int) -> keras.optimizers.Optimizer:
    """The recipe's optimizer, its schedule stretched over `training_steps`."""
    import keras

    rate: Any = recipe.learning_rate
    if recipe.schedule == "cosine":
        warm_up = max(1, round(WARM_UP * training_steps))
        rate = keras.optimizers.schedules.CosineDecay(
            recipe.learning_rate / warm_up,
            max(1, training_steps - warm_up),
            warmup_target=recipe.learning_rate,
            warmup_steps=warm_up,
        )
    return keras.optimizers.get(
        {
            "class_name": recipe.optimizer,
            "config": {"learning_rate": rate, "global_clipnorm": recipe.clip_norm},
        }
    )


def train(
    model: keras.Model,
    task: str | Task,
    recipe: str | Recipe = "",
    *,
    data: Data | None = None,
    seed: int = 0,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: int = 1,
) -> Training:
    """Fit `model` to the task's training split by a recipe, watching the validation split.

    Args:
        model: from `create_model`; it keeps its `jit_compile`, and gets the recipe's optimizer.
        task: a task or its name.
        recipe: a recipe or the name of one of the task's; its first one by default.
        data: the task's data, where they are at hand already.
        seed: of the data and of the order of the examples. The initial weights are the model's: for a run that can
            be repeated call `keras.utils.set_random_seed(seed)` before `create_model`.
        callbacks: Keras callbacks.
        verbose: as in `keras.Model.fit`: 1 shows a progress bar, 0 nothing.

    Returns:
        The history of every epoch and the seconds that `fit` took.
    """
    import keras

    task = _task(task)
    recipe = recipe if isinstance(recipe, Recipe) else task.recipe(recipe)
    data = data or task.load(steps=model.input_shape[1], seed=seed)
    training_steps = recipe.epochs * math.ceil(len(data.train.x) / recipe.batch)
    optimizer = make_optimizer(recipe, training_steps)
    model.compile(optimizer, loss=task.loss, metrics=[task.metric], jit_compile=model.jit_compile)
    keras.utils.set_random_seed(seed)
    started = time.perf_counter()
    fitted = model.fit(
        *data.train,
        batch_size=recipe.batch,
        epochs=recipe.epochs,
        validation_data=tuple(data.validation),
        callbacks=list(callbacks),
        verbose=verbose,
    )
    return Training(fitted.history, time.perf_counter() - started)


def evaluate(
    model: keras.Model, task: str | Task, *, data: Data | None = None, seed: int = 0, batch: int = 500
) -> dict[str, float]:
    """The task's metric on each of its test splits, by the split's name."""
    task = _task(task)
    data = data or task.load(steps=model.input_shape[1], seed=seed)
    return {
        name: model.evaluate(*split, batch_size=batch, verbose=0, return_dict=True)[task.metric]
        for name, split in data.tests.items()
    }


def _task(task: str | Task) -> Task:
    return task if isinstance(task, Task) else TASKS.get(task)
