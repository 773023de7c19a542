"""Runs a case through Keras: `train_on_batch` and `predict_on_batch` on one fixed batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

import zoo
from zoo.measuring.case import Case
from zoo.measuring.computed import Computed, Weights
from zoo.measuring.kernel_paths import asked_paths
from zoo.measuring.kernels import compute
from zoo.measuring.runners import Runner
from zoo.registry import SEQUENCE_TO_VECTOR, VECTOR_TO_SEQUENCE

if TYPE_CHECKING:
    import keras


NEEDED: tuple[str, ...] = ()


def unsupported(case: Case) -> str:
    """Why Keras on the case's backend cannot run its execution, in words; empty if it can."""
    entry = zoo.get_entry(case.entry)
    if refused := entry.problem(case.execution):
        return refused
    if same := case.same_program:
        return f"on {case.backend} and a {case.device} this is the same program as {same}, which is measured"
    return case.execution.problem(case.backend, case.device, entry.stock)


def kernel_paths(case: Case) -> tuple[str, ...] | None:
    """The kernel paths that the case's execution may take; None of a stock layer, of which Keras chooses the path."""
    return asked_paths(case.execution, case.backend, case.steps, case.device)


def prepare(case: Case, batch: zoo.Split) -> Runner:
    """Build and compile the case's model."""
    return _of_model(create(case), case, batch)


def create(case: Case) -> keras.Model:
    """The case's model, in its dtype and precision, from its seed."""
    configure(case)
    return zoo.create_model(
        case.entry,
        case.task,
        case.execution,
        units=case.units,
        steps=case.steps,
        masked=case.masked != "none",
        optimizer=case.optimizer,
    )


def computed(case: Case, batch: zoo.Split, weights: Weights | None) -> Computed:
    """The case's forward and backward pass from `weights`, or from its own initial ones."""
    from zoo.layers.keras_private import differs_in_training

    model = create(case)
    if weights is not None:
        zoo.set_weights(model, dict(weights))
    return compute(model, batch, zoo.get_entry(case.entry).drops() or differs_in_training(model))


def prepare_floor(case: Case, batch: zoo.Split) -> Runner:
    """A one-Dense model on the same path: what a trainer costs with nearly nothing inside."""
    return _of_model(floor_model(case, batch), case, batch)


def floor_model(case: Case, batch: zoo.Split) -> keras.Model:
    """A compiled one-Dense model for the case's batch."""
    import keras

    configure(case)
    task = zoo.task_at(case.task, case.steps)
    inputs = keras.tree.map_structure(lambda x: keras.Input(x.shape[1:], dtype=x.dtype), batch.x)
    read = inputs[-1] if isinstance(inputs, tuple) else inputs
    if task.tokens:
        read = keras.ops.expand_dims(keras.ops.cast(read, case.dtype), -1)
    if task.topology == VECTOR_TO_SEQUENCE:
        read = keras.layers.RepeatVector(task.steps)(read)
    elif task.topology == SEQUENCE_TO_VECTOR:
        read = read[:, -1]
    model = keras.Model(inputs, keras.layers.Dense(task.outputs, activation=task.activation)(read))
    model.compile(case.optimizer, loss=task.loss, metrics=[task.keras_metric], jit_compile=case.execution.jit_compile)
    return model


def _of_model(model: keras.Model, case: Case, batch: zoo.Split) -> Runner:
    """The runner of a compiled model.

    Keras turns logs and predictions into NumPy, and that waits for the device: on a CPU for all of it. On a GPU torch
    has the optimizer's kernels still in the queue when the loss is known, so there the call waits for them too.
    """
    import keras

    x, y = keras.tree.map_structure(np.ascontiguousarray, (batch.x, batch.y))
    wait, peak = _device(case)

    def train() -> None:
        model.train_on_batch(x, y)
        wait()

    return Runner({"train": train, "predict": lambda: model.predict_on_batch(x)}, model.count_params(), peak)


def _device(case: Case) -> tuple[Callable[[], None], Callable[[], int | None]]:
    """How to wait for the case's device, and how to ask it for the most memory it held."""
    if case.device == "cpu":
        return lambda: None, lambda: None
    if case.backend == "tensorflow":
        import tensorflow as tf

        return lambda: None, lambda: tf.config.experimental.get_memory_info("GPU:0")["peak"]
    if case.backend == "jax":
        import jax

        return lambda: None, lambda: jax.devices()[0].memory_stats()["peak_bytes_in_use"]
    import torch

    return torch.cuda.synchronize, torch.cuda.max_memory_allocated


def configure(case: Case) -> None:
    """The case's seed, dtype and device; matrix products in full float32, whatever the backend's default.

    Raises:
        ZooError: the case is for a GPU, and the backend sees none.
    """
    import keras

    keras.utils.set_random_seed(case.seed)
    keras.config.set_dtype_policy(case.dtype)
    if case.backend == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_tensor_float_32_execution(False)
        sees_gpu = bool(tf.config.list_physical_devices("GPU"))
    elif case.backend == "jax":
        import jax

        jax.config.update("jax_default_matmul_precision", "float32")
        sees_gpu = jax.default_backend() == "gpu"
    else:
        import torch

        from zoo.measuring.runners.bare_torch import full_precision

        full_precision()
        sees_gpu = torch.cuda.is_available()
    if case.device == "gpu" and not sees_gpu:
        raise zoo.ZooError(f"{case.backend} as it is installed here sees no GPU")
