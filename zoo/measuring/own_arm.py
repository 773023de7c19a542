"""An arm whose model is not one of the zoo's: a user's own, or recurrent layers of sizes that a user asks for."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.convert import with_execution
from zoo.measuring.runners import Runner
from zoo.measuring.worker import Arm

if TYPE_CHECKING:
    import keras

CELLS = {
    "lstm": "LSTMCell",
    "gru": "GRUCell",
    "simple_rnn": "SimpleRNNCell",
    "min_gru": "MinGRUCell",
    "min_lstm": "MinLSTMCell",
    "lru": "LRUCell",
}
"""The recurrent layers that sizes can be asked of, and their cells: Keras' own, then the zoo's."""
LINEAR = ("min_gru", "min_lstm", "lru")
ONNX = "onnxruntime-native"
"""The execution that is no layer of Keras but a file."""


@dataclass(frozen=True)
class Sizes:
    """Recurrent layers one on another, from (batch, steps, features) to one number an example."""

    cell: str = "lstm"
    units: int = 64
    steps: int = 50
    batch: int = 32
    features: int = 1
    layers: int = 1

    def __str__(self) -> str:
        return f"{self.layers} × {self.cell} of {self.units} units, {self.steps} steps, batch {self.batch}"


class OwnArm(Arm):
    """A runner that a user's model gave, ready to train a step or to predict.

    Args:
        make: builds the model, compiles it and gives its runner.
        batch: examples a call.
    """

    def __init__(self, make: Callable[[], Runner], batch: int) -> None:
        started = time.perf_counter()
        self._runner = make()
        self._batch = batch
        self._build_seconds = time.perf_counter() - started
        self._call_seconds: dict[str, float] = {}


def arm_of_sizes(sizes: Sizes, execution: str) -> OwnArm:
    """The arm of recurrent layers of these sizes, run as `execution` says: "stock" as Keras runs them."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(sizes.batch, sizes.steps, sizes.features)).astype("float32")
    y = rng.normal(size=(sizes.batch, 1)).astype("float32")
    if execution == ONNX:
        return OwnArm(lambda: onnx_runner(model_of_sizes(sizes, "stock"), x), sizes.batch)
    return OwnArm(lambda: keras_runner(model_of_sizes(sizes, execution), x, y), sizes.batch)


def model_of_sizes(sizes: Sizes, execution: str) -> keras.Model:
    """Recurrent layers of these sizes, compiled, run as `execution` says."""
    import keras

    import zoo.layers

    home = zoo.layers if sizes.cell in LINEAR else keras.layers
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((sizes.steps, sizes.features))])
    for depth in range(sizes.layers):
        cell = getattr(home, CELLS[sizes.cell])(sizes.units)
        model.add(keras.layers.RNN(cell, return_sequences=depth + 1 < sizes.layers))
    model.add(keras.layers.Dense(1))
    model.compile("adam", "mse")
    return with_execution(model, execution, check=execution != "stock")


def keras_runner(model: keras.Model, x: Any, y: Any) -> Runner:
    """What measuring drives: `train_on_batch` and `predict_on_batch`; both end when the device has ended.

    Args:
        model: compiled, if it is to train.
        x: inputs of one batch, an array or a nesting of them.
        y: targets of the batch; None where it only predicts.
    """
    phases: dict[str, Callable[[], object]] = {"predict": lambda: model.predict_on_batch(x)}
    if y is not None:
        wait = _wait()

        def train() -> None:
            model.train_on_batch(x, y)
            wait()

        phases = {"train": train, **phases}
    return Runner(phases, model.count_params())


def onnx_runner(model: keras.Model, x: Any) -> Runner:
    """The model as an ONNX file, run by ONNX Runtime with every processor; it predicts only.

    Raises:
        ZooError: the model cannot be exported, or the file gives other numbers.
    """
    import keras

    from zoo.measuring.machine import usable_cpus
    from zoo.onnx.own import OnnxModel, compared

    ran = OnnxModel(compared(model), usable_cpus())
    arrays = keras.tree.flatten(x)
    return Runner({"predict": lambda: ran.predict(arrays)}, model.count_params())


def _wait() -> Callable[[], None]:
    """On a GPU torch has the optimizer's kernels still in the queue when the loss is known."""
    import keras

    if keras.backend.backend() == "torch":
        import torch

        if torch.cuda.is_available():
            return torch.cuda.synchronize
    return lambda: None
