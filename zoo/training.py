"""Training an entry on a task by a recipe, and scoring it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo import bptt
from zoo.history import SCORING_BATCH, epoch_log
from zoo.padding import check_padding
from zoo.registry import SEQUENCE_TO_SEQUENCE, TASKS, Data, Recipe, Task, ZooError, unknown

if TYPE_CHECKING:
    import keras

WARM_UP = 0.1
"""The part of all training steps over which a "cosine" schedule rises linearly."""


@dataclass(frozen=True)
class Training:
    """What came out of a training: the score of every epoch on the validation split, and how long it took.

    `train_seconds` is training alone, compilation included and scoring left out.
    """

    history: dict[str, list[float]]
    train_seconds: float


SCHEDULES = ("constant", "cosine")


def require_recipe(recipe: Recipe) -> None:
    """Refuse a recipe that has a number out of range, before anything is trained.

    Raises:
        ZooError: which, and what is allowed.
    """
    from zoo.create import fraction, positive_whole

    for name in ("epochs", "batch", "iterations"):
        if getattr(recipe, name) is not None:
            positive_whole(name, getattr(recipe, name))
    for name in ("learning_rate", "clip_norm"):
        value = getattr(recipe, name)
        if value is not None and not 0 < value < math.inf:
            raise ZooError(f"{name} must be more than 0, not {value!r}")
    if recipe.momentum is not None:
        fraction("momentum", recipe.momentum)
    if recipe.schedule not in SCHEDULES:
        raise unknown("schedule", recipe.schedule, SCHEDULES)
    if recipe.truncate is not None and recipe.iterations is not None:
        raise ZooError("a recipe with truncate takes every example once an epoch: leave iterations out")


def get_optimizer(named: Any) -> keras.optimizers.Optimizer:
    """A Keras optimizer by its name or configuration; one that is made already passes as it is.

    Raises:
        ZooError: the name is unknown.
    """
    import keras

    try:
        return keras.optimizers.get(named)
    except ValueError:
        name = named["class_name"] if isinstance(named, dict) else named
        kinds = [kind.lower() for kind, value in vars(keras.optimizers).items() if isinstance(value, type)]
        raise unknown("optimizer", str(name), sorted({*kinds} - {"optimizer", "lossscaleoptimizer"})) from None


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
        ZooError: the task has one output an example, or the steps are not among its own.
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
    elif isinstance(recipe.loss_steps, slice):
        first, end, stride = recipe.loss_steps.indices(steps)
        if stride != 1:
            raise ZooError(f"loss_steps are neighbours, not {recipe.loss_steps}")
    else:
        first, end = recipe.loss_steps
    if not 0 <= first < end <= steps:
        raise ZooError(f"loss_steps must be part of the {steps} steps of {task.name}, not {first} to {end}")
    weights = np.zeros(y.shape[:2], np.float32)
    weights[:, first:end] = steps / (end - first)
    return weights


def train(
    model: keras.Model,
    task: str | Task,
    recipe: str | Recipe = "",
    *,
    data: Data | None = None,
    seed: int = 0,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    log: Any = None,
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
        log: from `epoch_log`, for what it keeps.
        verbose: as in `keras.Model.fit`: 1 shows a progress bar, 0 nothing.

    Returns:
        The history of every epoch and the seconds that training took.

    Raises:
        ZooError: an unknown recipe, a number of it that is out of range, steps that do not fit the task, padding that
            is not on the right.
    """
    import keras

    task = _task(model, task)
    recipe = recipe if isinstance(recipe, Recipe) else task.recipe(recipe)
    require_recipe(recipe)
    data = data or load_for(model, task, seed)
    for name, split in {"train": data.train, "validation": data.validation}.items():
        check_padding(task, split, name)
    weights = loss_weights(task, recipe, data.train.y)
    if recipe.truncate is None:
        iterations = recipe.iterations or math.ceil(len(data.train.y) / recipe.batch)
        training_steps = recipe.epochs * iterations
    else:
        bptt.require_truncation(task, recipe, data.train.x.shape[1])
        training_steps = bptt.training_steps(recipe, data)
    optimizer = make_optimizer(recipe, training_steps)
    model.compile(optimizer, loss=task.loss, metrics=[task.keras_metric], jit_compile=model.jit_compile)
    keras.utils.set_random_seed(seed)
    log = log or epoch_log(task)
    shown: dict[str, Any] = {"callbacks": [log, *callbacks], "verbose": verbose}
    if recipe.truncate is None:
        times = {"batch_size": recipe.batch, "epochs": recipe.epochs, "steps_per_epoch": recipe.iterations}
        held_out = tuple(data.validation)
        history = model.fit(*data.train, sample_weight=weights, validation_data=held_out, **times, **shown).history
    else:
        history = bptt.fit(model, task, recipe, data, weights=weights, seed=seed, **shown)
    return Training(history, log.train_seconds)


def load_for(model: keras.Model, task: Task, seed: int = 0) -> Data:
    """The task's data at the number of steps that `model` was made for."""
    return task.load(steps=model.inputs[0].shape[1] if task.any_steps else None, seed=seed)


def evaluate(
    model: keras.Model, task: str | Task, *, data: Data | None = None, seed: int = 0, batch: int = SCORING_BATCH
) -> dict[str, float]:
    """The task's metric on each of its test splits, by the split's name."""
    task = _task(model, task)
    data = data or load_for(model, task, seed)
    return {name: values[task.metric] for name, values in evaluate_all(model, task, data, batch).items()}


def evaluate_all(model: keras.Model, task: Task, data: Data, batch: int = SCORING_BATCH) -> dict[str, dict[str, float]]:
    """Every metric that the task knows, by its name, on each test split, by the split's name."""
    found = {}
    for name, split in data.tests.items():
        check_padding(task, split, name)
        if task.score:
            found[name] = dict(task.score(model, data, split))
        else:
            known = model.evaluate(*split, batch_size=batch, verbose=0, return_dict=True)
            found[name] = {task.metric: known[task.metric]}
    return found


def _task(model: keras.Model, task: str | Task) -> Task:
    """The task, with padding where the model masks it."""
    import keras

    found = task if isinstance(task, Task) else TASKS.get(task)
    masks = any(isinstance(layer, keras.layers.Masking) for layer in model.layers)
    return replace(found, masked=found.masked or masks)
