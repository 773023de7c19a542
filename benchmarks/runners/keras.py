"""Runs a case through Keras: `train_on_batch` and `predict_on_batch` on one fixed batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np

import zoo
from benchmarks.cases import Case


@dataclass(frozen=True)
class Runner:
    """Something measuring can drive. Both calls end when the device has ended."""

    phases: dict[str, Callable[[], object]]  #: "train" runs one training step, "predict" one batch
    parameters: int


def prepare(case: Case, batch: zoo.Split) -> Runner:
    """Build and compile the case's model."""
    return _of_model(create(case), batch)


def create(case: Case) -> keras.Model:
    """The case's model, in its dtype and precision, from its seed."""
    configure(case)
    return zoo.create_model(
        case.entry, case.task, case.execution, units=case.units, steps=case.steps, optimizer=case.optimizer
    )


def prepare_floor(case: Case, batch: zoo.Split) -> Runner:
    """A one-Dense model on the same path: what a trainer costs with nearly nothing inside."""
    configure(case)
    task = zoo.task_at(case.task, case.steps)
    inputs = keras.Input(batch.x.shape[1:])
    last = inputs if batch.y.ndim == 3 else inputs[:, -1]
    model = keras.Model(inputs, keras.layers.Dense(task.outputs, activation=task.activation)(last))
    model.compile(case.optimizer, loss=task.loss, metrics=[task.metric], jit_compile=case.execution.jit)
    return _of_model(model, batch)


def _of_model(model: keras.Model, batch: zoo.Split) -> Runner:
    """The runner of a compiled model. Keras turns logs and predictions into NumPy, which waits for the device."""
    x, y = np.ascontiguousarray(batch.x), np.ascontiguousarray(batch.y)
    return Runner(
        {"train": lambda: model.train_on_batch(x, y), "predict": lambda: model.predict_on_batch(x)},
        model.count_params(),
    )


def configure(case: Case) -> None:
    """The case's seed and dtype; matrix products in full float32, whatever the backend's default."""
    keras.utils.set_random_seed(case.seed)
    keras.config.set_dtype_policy(case.dtype)
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_tensor_float_32_execution(False)
    elif backend == "jax":
        import jax

        jax.config.update("jax_default_matmul_precision", "float32")
    else:
        import torch

        torch.set_float32_matmul_precision("highest")
