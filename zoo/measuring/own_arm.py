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
    """A compiled model and the batch of every call, ready to train a step or to predict.

    Args:
        make: builds and compiles the model.
        x: inputs of one batch, an array or a nesting of them.
        y: targets of the batch; None where it only predicts.
    """

    def __init__(self, make: Callable[[], keras.Model], x: Any, y: Any) -> None:
        started = time.perf_counter()
        model = make()
        self._runner = _runner(model, x, y)
        self._batch = len(_leaf(x))
        self._build_seconds = time.perf_counter() - started
        self._call_seconds: dict[str, float] = {}


def arm_of_sizes(sizes: Sizes, execution: str) -> OwnArm:
    """The arm of recurrent layers of these sizes, run as `execution` says: "stock" as Keras runs them."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(sizes.batch, sizes.steps, sizes.features)).astype("float32")
    y = rng.normal(size=(sizes.batch, 1)).astype("float32")
    return OwnArm(lambda: model_of_sizes(sizes, execution), x, y)


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


def _runner(model: keras.Model, x: Any, y: Any) -> Runner:
    """What measuring drives: `train_on_batch` and `predict_on_batch`; both end when the device has ended."""
    phases: dict[str, Callable[[], object]] = {"predict": lambda: model.predict_on_batch(x)}
    if y is not None:
        wait = _wait()

        def train() -> None:
            model.train_on_batch(x, y)
            wait()

        phases = {"train": train, **phases}
    return Runner(phases, model.count_params())


def _wait() -> Callable[[], None]:
    """On a GPU torch has the optimizer's kernels still in the queue when the loss is known."""
    import keras

    if keras.backend.backend() == "torch":
        import torch

        if torch.cuda.is_available():
            return torch.cuda.synchronize
    return lambda: None


def _leaf(x: Any) -> Any:
    import keras

    return keras.tree.flatten(x)[0]
