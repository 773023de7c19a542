"""A file of models of one's own that is sound, and the registries with it in them."""

from __future__ import annotations

import contextlib
import textwrap
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from zoo.own.models import OwnModels, register
from zoo.registry import MODELS, TASKS

GOOD = '''
import keras
import zoo


@keras.saving.register_keras_serializable("own_tests")
class LeakyCell(keras.layers.Layer):
    """A leaky integrator."""

    def __init__(self, units, **options):
        super().__init__(**options)
        self.units = self.state_size = self.output_size = units

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], self.units), name="kernel")
        self.recurrent_kernel = self.add_weight(shape=(self.units, self.units), name="recurrent_kernel")

    def call(self, inputs, states):
        new = keras.ops.tanh(inputs @ self.kernel + states[0] @ self.recurrent_kernel)
        return new, [new]

    def get_config(self):
        return {**super().get_config(), "units": self.units}


def sized(steps, features, outputs, units=8, activation="linear"):
    """A GRU."""
    hidden = [keras.Input((steps, features)), keras.layers.GRU(units, dropout=0.1)]
    return keras.Sequential([*hidden, keras.layers.Dense(outputs, activation=activation)])


def fixed() -> keras.Model:
    return keras.Sequential([keras.Input((6, 2)), keras.layers.SimpleRNN(5), keras.layers.Dense(3)])


def text() -> "keras.Sequential":
    layers = [keras.Input((6,), dtype="int32"), keras.layers.Embedding(9, 4), keras.layers.GRU(5)]
    return keras.Sequential([*layers, keras.layers.Dense(1)])


def no_loop(steps, features, outputs):
    layers = [keras.Input((steps, features)), keras.layers.Flatten(), keras.layers.Dense(outputs)]
    return keras.Sequential(layers)


@zoo.register_entry("registered", topologies=("sequence_to_vector",))
def build_it(task, execution, *, units: int):
    """A plain builder."""
    inputs = keras.Input((task.steps, task.features))
    hidden = zoo.recurrent.recurrent(keras.layers.SimpleRNNCell(units), execution)(inputs)
    return keras.Model(inputs, keras.layers.Dense(task.outputs, activation=task.activation)(hidden))


def helper(x):
    return x


def main():
    raise SystemExit("not to be called")
'''


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / f"{name}.py"
    path.write_text(textwrap.dedent(text))
    return path


@contextlib.contextmanager
def in_the_registries(own: OwnModels) -> Iterator[OwnModels]:
    """The models of a file, known by their names while this context is open."""
    with mock.patch.dict(MODELS._members), mock.patch.dict(TASKS._members):
        register(own)
        yield own
