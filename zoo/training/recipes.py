"""A recipe's numbers, its optimizer and what each target counts in the loss."""

from __future__ import annotations

import math
from numbers import Real
from operator import index
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import ZooError, unknown
from zoo.registry import SEQUENCE_TO_SEQUENCE, Recipe, Task

if TYPE_CHECKING:
    import keras

WARM_UP = 0.1
"""The part of all training steps over which a "cosine" schedule rises linearly."""


SCHEDULES = ("constant", "cosine")


def require_recipe(recipe: Recipe) -> None:
    """Refuse a recipe that has a number out of range, before anything is trained.

    Raises:
        ZooError: the number that is out of range, and the range.
    """
    from zoo.errors import fraction, positive_whole

    for name in ("epochs", "batch", "iterations"):
        if getattr(recipe, name) is not None:
            positive_whole(name, getattr(recipe, name))
    for name in ("learning_rate", "clip_norm"):
        value = getattr(recipe, name)
        known = isinstance(value, Real) and not isinstance(value, bool)
        if not (known and 0 < value < math.inf) and not (name == "clip_norm" and value is None):
            raise ZooError(f"{name} must be more than 0, not {value!r}")
    if recipe.momentum is not None:
        fraction("momentum", recipe.momentum)
    if recipe.schedule not in SCHEDULES:
        raise unknown("schedule", recipe.schedule, SCHEDULES)
    if not isinstance(recipe.optimizer, str):
        raise ZooError(f"the optimizer of a recipe must be a name such as 'adam', not {recipe.optimizer!r}")
    if recipe.momentum is not None and recipe.optimizer.lower() != "sgd":
        raise ZooError(f"momentum is for the optimizer sgd, and not for {recipe.optimizer}")
    if recipe.truncate is not None and recipe.iterations is not None:
        raise ZooError("a recipe with truncate takes every example once an epoch: leave iterations out")


def get_optimizer(named: Any) -> keras.optimizers.Optimizer:
    """A Keras optimizer by its name or configuration; one that is made already passes as it is.

    Raises:
        ZooError: the name is unknown, Keras refuses the configuration, or it is neither.
    """
    import keras

    try:
        return keras.optimizers.get(named)
    except Exception as error:  # of a wrong configuration Keras raises anything
        name = named.get("class_name") if isinstance(named, dict) else named
        if not isinstance(name, str):
            raise ZooError(f"optimizer must be one of Keras, its name or its config, not {named!r}") from None
        kinds = {kind.lower() for kind, value in vars(keras.optimizers).items() if isinstance(value, type)}
        if name.lower() not in kinds:
            raise unknown("optimizer", name, sorted(kinds - {"optimizer", "lossscaleoptimizer"})) from None
        reason = " ".join(str(error).split())[:200]
        raise ZooError(f"Keras makes no optimizer {name!r} of this config: {reason}") from error


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
    config: dict[str, Any] = {"learning_rate": rate, "global_clipnorm": recipe.clip_norm}
    if recipe.momentum is not None:
        config |= {"momentum": recipe.momentum, "nesterov": True}
    return get_optimizer({"class_name": recipe.optimizer, "config": config})


def loss_weights(task: Task, recipe: Recipe, y: np.ndarray) -> np.ndarray | None:
    """What each target counts in the loss, (examples, steps): 0 outside `recipe.loss_steps`; None: all alike.

    The weights of an example have a mean of 1, so that the loss is the mean over the steps that count.

    Raises:
        ZooError: the task has one output an example, or the steps are none or not among its own.
    """
    if recipe.loss_steps == "all":
        return None
    if task.topology != SEQUENCE_TO_SEQUENCE:
        allowed = f"loss_steps is for {SEQUENCE_TO_SEQUENCE} tasks"
        raise ZooError(f"{allowed}, an output for each step that is read: {task.name} is a {task.topology} task")
    steps = y.shape[1]
    if recipe.loss_steps == "last":
        first, end = steps - 1, steps
    elif isinstance(recipe.loss_steps, str):
        raise unknown("loss_steps", recipe.loss_steps, ["all", "last"])
    else:
        first, end = _neighbours(recipe.loss_steps, steps)
    if not 0 <= first < end <= steps:
        raise ZooError(f"loss_steps must be part of the {steps} steps of {task.name}, not {first} to {end}")
    weights = np.zeros(y.shape[:2], np.float32)
    weights[:, first:end] = steps / (end - first)
    return weights


def _neighbours(chosen: Any, steps: int) -> tuple[int, int]:
    """The first of the steps that a slice or a pair of numbers chooses, and the one after the last."""
    try:
        first, end, stride = chosen.indices(steps) if isinstance(chosen, slice) else (*map(index, chosen), 1)
    except (TypeError, ValueError):
        raise ZooError(f"loss_steps must be 'all', 'last', a slice or two whole numbers, not {chosen!r}") from None
    if stride != 1:
        raise ZooError(f"loss_steps are neighbours, not {chosen}")
    return first, end
