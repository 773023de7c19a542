"""The extended LSTMs are those of their authors' package, xlstm: the plain cells of it, which need no GPU."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from zoo.layers import MLSTMCell, SLSTMCell

torch = pytest.importorskip("torch")
pytest.importorskip("xlstm", reason="pip install --no-deps xlstm")

BATCH, STEPS, FEATURES, UNITS, HEADS = 3, 7, 4, 6, 2
# The same formulas in another order: a rounding error of 6e-8 an operation, over seven steps.
EQUAL = {"rtol": 1e-5, "atol": 1e-6}


@pytest.fixture(scope="module")
def x() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(BATCH, STEPS, FEATURES)).astype("float32")


def outputs(cell: keras.layers.Layer, x: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Of every step, and the random weights that they came from."""
    layer = keras.layers.RNN(cell, return_sequences=True)
    layer.build(x.shape)
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(0, 0.7, weight.shape) for weight in layer.get_weights()])
    weights = {weight.name: np.asarray(keras.ops.convert_to_numpy(weight)) for weight in layer.weights}
    return np.asarray(keras.ops.convert_to_numpy(layer(x))), weights


def tensor(array: np.ndarray) -> object:
    return torch.tensor(np.asarray(array, "float32"))


def test_an_slstm_is_that_of_its_authors(x: np.ndarray) -> None:
    from xlstm.blocks.slstm.src.vanilla.slstm import slstm_forward_pointwise

    ours, weights = outputs(SLSTMCell(UNITS), x)

    def in_their_order(array: np.ndarray) -> np.ndarray:  # of ours z, i, f, o
        z, i, f, o = np.split(array, 4, axis=-1)
        return np.concatenate([i, f, z, o], axis=-1)

    kernel, recurrent, bias = (in_their_order(weights[name]) for name in ("kernel", "recurrent_kernel", "bias"))
    states = torch.zeros(4, BATCH, UNITS)
    for step in range(STEPS):
        of_inputs, of_state = tensor(x[:, step] @ kernel), states[0] @ tensor(recurrent)
        states, _ = slstm_forward_pointwise(of_inputs, of_state, tensor(bias), states, {})
        np.testing.assert_allclose(ours[:, step], states[0].numpy(), **EQUAL)


def test_an_mlstm_is_that_of_its_authors(x: np.ndarray) -> None:
    from xlstm.blocks.mlstm.backends import recurrent_step_stabilized_simple

    ours, weights = outputs(MLSTMCell(UNITS, HEADS), x)
    size = UNITS // HEADS
    states = [
        torch.zeros(BATCH, HEADS, size, size),
        torch.zeros(BATCH, HEADS, size, 1),
        torch.zeros(BATCH, HEADS, 1, 1),
    ]
    for step in range(STEPS):
        q, k, v, o = np.split(x[:, step] @ weights["kernel"] + weights["bias"], 4, axis=-1)
        i, f = np.split(x[:, step] @ weights["gate_kernel"] + weights["gate_bias"], 2, axis=-1)
        read = [tensor(each.reshape(BATCH, HEADS, 1, size)) for each in (q, k, v)]
        gates = [tensor(each.reshape(BATCH, HEADS, 1, 1)) for each in (i, f)]
        hidden, states = recurrent_step_stabilized_simple(*states, *read, *gates, eps=0.0)
        known = hidden.numpy().reshape(BATCH, UNITS) / (1 + np.exp(-o))
        np.testing.assert_allclose(ours[:, step], known, **EQUAL)
