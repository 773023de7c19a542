"""Training an entry on a task by a recipe."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from zoo.data import Data
from zoo.denormals import flush_denormals
from zoo.errors import Diverged, ZooError, seed_number
from zoo.padding import check_padding
from zoo.registry import ENCODER_DECODER, SEQUENCE_TO_VECTOR, TASKS, VECTOR_TO_SEQUENCE, Recipe, Task
from zoo.training import truncated
from zoo.training.devices import divided, on_devices, require_devices
from zoo.training.history import epoch_log
from zoo.training.recipes import loss_weights, make_optimizer, require_recipe

if TYPE_CHECKING:
    import keras

Shape: TypeAlias = tuple[int | None, ...]
"""Of an array, without the batch; None is any number of steps."""


@dataclass(frozen=True)
class Training:
    """The history of a training: metrics and losses of every epoch, and the seconds that it took.

    `train_seconds` counts training with compilation, without scoring.
    """

    history: dict[str, list[float]]
    train_seconds: float


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
    devices: int = 1,
) -> Training:
    """Fit `model` to the task's training split by a recipe, watching the validation split.

    On torch this process takes denormal numbers for zero from then on, as on the other backends.

    Args:
        model: from `create_model`; it keeps its `jit_compile` and `steps_per_execution` (which a truncated recipe does
            without), and gets the recipe's optimizer.
        task: a task or its name.
        recipe: a recipe or the name of one of the task's; its first one by default.
        data: the task's data, where they are at hand already.
        seed: of the data and of the order of the examples. The initial weights are the model's: for a run that can
            be repeated call `keras.utils.set_random_seed(seed)` before `create_model`.
        callbacks: Keras callbacks.
        log: from `epoch_log`, for what it keeps.
        verbose: as in `keras.Model.fit`: 1 shows a progress bar, 0 nothing.
        devices: of this machine that share each batch, on JAX. Up to as many examples, less one, are left out.

    Returns:
        The history of every epoch and the seconds that training took.

    Raises:
        ZooError: an unknown recipe, a number of it that is out of range, a model or steps that do not fit the task,
            padding that is not on the right, devices that are not there.
        Diverged: the loss became infinite or NaN, which ends the training after that epoch.
    """
    import keras

    flush_denormals()
    task, seed = task_of(model, task), seed_number(seed)
    recipe = recipe if isinstance(recipe, Recipe) else task.recipe(recipe)
    require_recipe(recipe)
    require_devices(devices, recipe)
    data = data or load_for(model, task, seed)
    if devices > 1:
        data = replace(data, train=divided(data.train, devices), validation=divided(data.validation, devices))
    for name, split in {"train": data.train, "validation": data.validation}.items():
        check_padding(task, split, name)
    weights = loss_weights(task, recipe, data.train.y)
    steps = _training_steps(task, recipe, data, model.steps_per_execution)
    log = log or epoch_log(task)
    log.by_loss = recipe.loss_steps != "all"
    shown: dict[str, Any] = {"callbacks": [log, *callbacks], "verbose": verbose}
    with on_devices(model, devices) as trained:
        trained.compile(
            make_optimizer(recipe, steps),
            loss=task.loss,
            metrics=[task.keras_metric],
            jit_compile=model.jit_compile,
            steps_per_execution=model.steps_per_execution,
        )
        keras.utils.set_random_seed(seed)
        if recipe.truncate is None:
            times = {"batch_size": recipe.batch, "epochs": recipe.epochs, "steps_per_epoch": recipe.iterations}
            of_validation = loss_weights(task, recipe, data.validation.y)
            held_out = (*data.validation, *([] if of_validation is None else [of_validation]))
            fit = trained.fit(*data.train, sample_weight=weights, validation_data=held_out, **times, **shown)
            history = fit.history
        else:
            history = truncated.fit(trained, task, recipe, data, weights=weights, seed=seed, **shown)
    if log.diverged is not None:
        raise Diverged(
            f"the training diverged: the loss of epoch {log.diverged} (from 0) is no finite number; "
            "try a lower learning rate, or a recipe with clip_norm"
        )
    return Training(history, log.train_seconds)


def _training_steps(task: Task, recipe: Recipe, data: Data, calls: int) -> int:
    """How many times a training changes the weights, with so many steps a call.

    Keras makes whole calls, and ends an epoch where a pass over the examples ends, with a warning.

    Raises:
        ZooError: the task, or its number of steps, does not allow the recipe's truncation.
    """
    if recipe.truncate is not None:
        truncated.require_truncation(task, recipe, data.train.steps)
        return truncated.training_steps(task, recipe, data)
    batches = math.ceil(len(data.train.y) / recipe.batch)
    asked = math.ceil((recipe.iterations or batches) / calls) * calls
    steps = left = 0
    for _ in range(recipe.epochs):
        left = left or batches
        made = min(asked, left)
        steps, left = steps + made, left - made
    return steps


def load_for(model: keras.Model, task: Task, seed: int = 0) -> Data:
    """The task's data at the number of steps that `model` was made for."""
    return task.load(steps=model.inputs[0].shape[1] if task.any_steps else None, seed=seed)


def task_of(model: keras.Model, task: str | Task) -> Task:
    """The task, with padding where the model masks it.

    Raises:
        ZooError: the task is unknown, or asks for a model that reads or gives arrays of other shapes.
    """
    import keras

    task = task if isinstance(task, Task) else TASKS.get(task)
    _require_shapes(model, task)
    masks = any(isinstance(layer, keras.layers.Masking) for layer in model.layers)
    return replace(task, masked=task.masked or masks)


def _require_shapes(model: keras.Model, task: Task) -> None:
    """Refuse a model of other inputs or outputs than the task's, of any number of steps."""
    features = () if task.tokens else (task.features,)
    read: list[Shape] = [(task.features,) if task.topology == VECTOR_TO_SEQUENCE else (None, *features)]
    given: Shape = (task.outputs,) if task.topology == SEQUENCE_TO_VECTOR else (None, task.outputs)
    for what, side, wanted in (
        ("reads", "inputs", read * (2 if task.topology == ENCODER_DECODER else 1)),
        ("gives", "outputs", [given]),
    ):
        tensors = getattr(model, side, None)
        if tensors is None:  # of a subclassed model
            continue
        shapes = [tuple(each.shape[1:]) for each in tensors]
        if len(shapes) != len(wanted) or not all(map(_fits, shapes, wanted)):
            have, asked = (", ".join(map(_in_words, each)) for each in (shapes, wanted))
            raise ZooError(f"{model.name!r} {what} {have}, and {task.name} asks for {asked}")


def _fits(shape: Shape, wanted: Shape) -> bool:
    """Whether a shape is the one that is wanted, where both are known."""
    return len(shape) == len(wanted) and all(
        None in pair or pair[0] == pair[1] for pair in zip(shape, wanted, strict=True)
    )


def _in_words(shape: Shape) -> str:
    return f"({', '.join(['batch', *('steps' if size is None else str(size) for size in shape)])})"
