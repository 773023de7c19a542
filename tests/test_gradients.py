"""The gradients of every entry against those of its equations in NumPy: central differences of the loss in float64."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import zoo
from tests import equations
from tests.models import MAIN, PAIRS, batch, looped, weights, without_dropout
from zoo.equality import tensors
from zoo.layers import MLSTMCell

STEP = 1e-6  # of a weight: the error of a central difference is its square, 1e-12, and 1e-10 of rounding


def loss(task: zoo.Task, outputs: np.ndarray, y: np.ndarray) -> float:
    """The mean over the targets that count: 0 is the padding of tokens."""
    if task.loss == "mse":
        return float(np.mean((outputs - y) ** 2))
    assert task.loss == "sparse_categorical_crossentropy"
    counts = y != 0 if task.tokens else np.ones(y.shape, bool)
    surprise = -np.log(np.take_along_axis(outputs, y[..., None], axis=-1)[..., 0])
    return float(surprise[counts].mean())


@pytest.mark.parametrize(
    ("entry", "task"), [pytest.param(*pair, marks=[pytest.mark.slow] * (pair not in MAIN.items())) for pair in PAIRS]
)
def test_gradients_are_those_of_the_equations(entry: str, task: str) -> None:
    declared, (x, y) = zoo.get_task(task), batch(task)
    steps = y.shape[1] if declared.topology != "sequence_to_vector" else None
    x = x if isinstance(x, tuple) else x.astype("float64")
    cell = zoo.get_entry(entry).cell

    def at(values: dict[str, np.ndarray]) -> float:
        return loss(declared, equations.outputs(entry, cell, x, steps, values, declared.activation), y)

    known = {name.removeprefix(f"{entry}/"): w.astype("float64") for name, w in weights(entry, task).items()}
    result = {n.removeprefix(f"{entry}/"): g for n, g in without_dropout(entry, looped(entry, task)).items()}
    assert result.keys() == {"outputs", *known}
    rng = np.random.default_rng(1)
    for name, weight in known.items():
        way = rng.normal(size=weight.shape)
        slope = (at({**known, name: weight + STEP * way}) - at({**known, name: weight - STEP * way})) / (2 * STEP)
        # The gradient is of float32: 6e-8 a product, over the steps there and back (see EQUAL).
        allowed = 1e-5 * np.linalg.norm(result[name]) * np.linalg.norm(way)
        assert abs(float((result[name] * way).sum()) - slope) <= allowed, name


def test_an_mlstm_has_a_gradient_where_its_stabilizer_is_very_negative() -> None:
    """exp(120), which the output is divided by at least, is infinite in float32."""
    cell = MLSTMCell(4)
    inputs = keras.Input((4, 2))
    model = keras.Model(inputs, keras.layers.RNN(cell)(inputs))
    cell.gate_bias.assign([-200.0, -30.0])
    found = tensors(model, [np.random.default_rng(0).normal(size=(2, 4, 2)).astype("float32")])
    assert all(np.isfinite(each).all() for each in found.values())
