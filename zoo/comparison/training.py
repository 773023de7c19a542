"""One training of an entry on a fold. Runs in a process of its own."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.data import Split
from zoo.errors import ZooError
from zoo.execution import NORMAL_JIT, Execution
from zoo.problems.problem import Examples
from zoo.registry import MODELS, Task

if TYPE_CHECKING:
    import keras

LEARNING_RATE, CLIP_NORM = 3e-3, 1.0
MOST_EPOCHS, PATIENCE, SLOWER_AFTER, SINKS = 50, 6, 3, 1e-3
"""Training ends when the validation loss has not sunk by 0.001 for 6 epochs; after 3 the rate is cut to a third.
Targets have a variance of 1, so that this is a thousandth of what there is to explain."""
BUDGET_SECONDS = 8.0
"""What looking for the fastest execution of an entry may take. The answer is remembered."""


@dataclass(frozen=True)
class Arm:
    """An entry at the shapes of a problem.

    Attributes:
        entry: its name.
        task: the shapes.
        units: of its recurrent layers.
        execution: how its time loop runs.
    """

    entry: str
    task: Task
    units: int
    execution: str = "looped"


@dataclass(frozen=True)
class Trained:
    """What a training gave: outputs for the test (examples, outputs), its seconds, and its best validation loss."""

    outputs: np.ndarray = field(repr=False)
    train_seconds: float
    epochs: int
    validation_loss: float


def built(arm: Arm) -> keras.Model:
    """The arm's model, not compiled."""
    model = MODELS.get(arm.entry).build(arm.task, Execution.parse(arm.execution), units=arm.units)
    model.name = arm.entry
    return model


def model_of(arm: Arm) -> keras.Model:
    """The arm's model, compiled to be trained."""
    import keras

    model = built(arm)
    optimizer = keras.optimizers.Adam(LEARNING_RATE, clipnorm=CLIP_NORM)
    model.compile(optimizer, loss=arm.task.loss, jit_compile=Execution.parse(arm.execution).jit_compile)
    return model


def write_examples(path: Path, examples: Examples) -> None:
    """Keep the arrays of a fold, for the processes that train."""
    train, validation = examples.train, examples.validation
    np.savez(path, x=train.x, y=train.y, validation_x=validation.x, validation_y=validation.y, test=examples.test)


def read_examples(path: Path) -> Examples:
    """The arrays of a fold."""
    with np.load(path, allow_pickle=False) as file:
        train = Split(file["x"], file["y"])
        return Examples(train, Split(file["validation_x"], file["validation_y"]), file["test"])


def train_arm(arm: Arm, fold: Path, seed: int, threads: int, keep: Path | None = None) -> Trained:
    """Train an arm on a fold until its validation loss sinks no more, and answer the test.

    Args:
        arm: what to train.
        fold: its arrays.
        seed: of the initial weights and the order of the examples.
        threads: that an operation may take.
        keep: where the trained weights go, if they are kept.

    Raises:
        ArithmeticError: the training diverged.
    """
    import keras

    from zoo.measuring.trained_score import limit_threads
    from zoo.saving import save_weights

    limit_threads(keras.backend.backend(), threads)
    keras.utils.set_random_seed(seed)
    examples = read_examples(fold)
    model = model_of(arm)
    stop = keras.callbacks.EarlyStopping("val_loss", min_delta=SINKS, patience=PATIENCE, restore_best_weights=True)
    slower = keras.callbacks.ReduceLROnPlateau("val_loss", factor=1 / 3, min_delta=SINKS, patience=SLOWER_AFTER)
    started = time.perf_counter()
    history = model.fit(
        *examples.train,
        batch_size=arm.task.batch,
        epochs=MOST_EPOCHS,
        validation_data=tuple(examples.validation),
        callbacks=[stop, slower, keras.callbacks.TerminateOnNaN()],
        verbose=0,
    ).history
    seconds = time.perf_counter() - started
    outputs = np.asarray(model.predict(examples.test, batch_size=500, verbose=0))
    if not np.isfinite(outputs).all():
        raise ArithmeticError("the training diverged: its answers are not finite")
    if keep:
        save_weights(model, keep)
    losses = history["val_loss"]
    return Trained(outputs, seconds, len(losses), float(np.nanmin(losses)))


def fastest_execution(arm: Arm, fold: Path) -> str:
    """The execution to train the arm with on this machine: measured, unless the answer is remembered."""
    from zoo.measuring.recommend import recommend
    from zoo.measuring.recommendation import AS_IT_IS

    examples = read_examples(fold).train.first(arm.task.batch)
    model = model_of(arm)
    try:
        found = recommend(model, *examples, budget=BUDGET_SECONDS, batch=arm.task.batch).train
    except ZooError:  # a budget too small for a slow machine, or a model that cannot be copied
        return arm.execution
    if found == AS_IT_IS or MODELS.get(arm.entry).problem(Execution.parse(found)):
        return arm.execution
    return found


def usual_execution(backend: str, name: str = "looped") -> str:
    """An execution as the backend's users run it: on JAX always with jit, without which each operation runs alone."""
    asked = Execution.parse(name)
    return str(replace(asked, jit=asked.jit or (NORMAL_JIT[backend] and not asked.is_stock)))


def plain_batch(task: Task) -> tuple[Any, Any]:
    """Random inputs and targets of one batch, to time a step with."""
    rng = np.random.default_rng(0)
    if task.tokens:
        x = rng.integers(1, task.tokens, size=(task.batch, task.steps)).astype(np.int32)
    else:
        x = rng.normal(size=(task.batch, task.steps, task.features)).astype(np.float32)
    if task.activation == "softmax":
        return x, rng.integers(0, task.outputs, size=task.batch).astype(np.int32)
    return x, rng.normal(size=(task.batch, task.outputs)).astype(np.float32)
