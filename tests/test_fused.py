"""The vendor's kernel gives what Keras' loop gives, from the same weights, or says when it is built why it cannot."""

from __future__ import annotations

import functools
import operator

import keras
import numpy as np
import pytest

import zoo
from tests.gradients import gradients
from tests.models import assert_saved_whole
from zoo.layers import FusedRNN
from zoo.measuring.prove import asked_paths, compute, relative_difference

TORCH = keras.backend.backend() == "torch"
needs_torch = pytest.mark.skipif(not TORCH, reason="fused kernels are run through torch")
EQUAL = 1e-5  # as in test_models.py: the same products, in another order of additions
UNITS, STEPS = 6, 7
CELLS = {
    "lstm": lambda **more: keras.layers.LSTMCell(UNITS, **more),
    "gru": lambda **more: keras.layers.GRUCell(UNITS, **more),
    "tanh": lambda **more: keras.layers.SimpleRNNCell(UNITS, **more),
    "relu": lambda **more: keras.layers.SimpleRNNCell(UNITS, activation="relu", **more),
}


def pair(cell: str, **options):
    """A FusedRNN and Keras' RNN of the same weights, none of them as it is drawn."""
    layers = [kind(CELLS[cell](), **options) for kind in (FusedRNN, keras.layers.RNN)]
    rng = np.random.default_rng(0)
    for layer in layers:
        layer.build((3, STEPS, 4))
    values = [rng.normal(0, 0.5, weight.shape) for weight in layers[0].get_weights()]
    for layer in layers:
        layer.set_weights(values)
    return layers


def assert_equal(ours, known, **call) -> None:
    x = np.random.default_rng(1).normal(size=(3, STEPS, 4)).astype("float32")
    result, expected = (functools.reduce(operator.iadd, gradients(layer, x, **call), []) for layer in (ours, known))
    named = [{str(i): tensor for i, tensor in enumerate(each)} for each in (result, expected)]
    differences = relative_difference(*named)
    assert max(differences.values()) <= EQUAL, differences


@needs_torch
@pytest.mark.parametrize(
    "options", [{}, {"return_sequences": True, "return_state": True}, {"go_backwards": True}], ids=str
)
@pytest.mark.parametrize("cell", CELLS)
def test_a_kernel_gives_outputs_states_and_gradients_of_keras(cell: str, options) -> None:
    assert_equal(*pair(cell, **options))


@needs_torch
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_kernel_goes_on_from_a_state(cell: str) -> None:
    states = [np.full((3, UNITS), value, "float32") for value in (0.5, -0.3)][: 2 if cell == "lstm" else 1]
    assert_equal(*pair(cell, return_sequences=True), initial_state=states)


@needs_torch
@pytest.mark.parametrize("task", ["digits_rows", "wave", "draw_digit"])
@pytest.mark.parametrize("entry", zoo.list_models())
def test_every_entry_runs_on_a_kernel_or_says_why_not(entry: str, task: str) -> None:
    if not zoo.get_entry(entry).fits(zoo.get_task(task)):
        pytest.skip("another topology")
    if not zoo.get_entry(entry).fused:
        with pytest.raises(zoo.ZooError, match="fused kernel"):
            zoo.create_model(entry, task, "fused", units=UNITS)
        return
    batch = zoo.load_task(task).train.first(3)
    keras.utils.set_random_seed(0)
    looped, fused = (zoo.create_model(entry, task, how, units=UNITS) for how in ("looped", "fused"))
    zoo.set_weights(fused, zoo.get_weights(looped))
    drops = zoo.get_entry(entry).drops()
    keras.utils.set_random_seed(0)  # of the masks of dropout
    known = compute(looped, batch, drops)
    keras.utils.set_random_seed(0)
    ran = compute(fused, batch, drops)
    differences = relative_difference(ran.tensors, known.tensors)
    assert max(differences.values()) <= EQUAL, differences
    assert ran.kernel_path in asked_paths(zoo.Execution("fused"), "torch", batch.steps), ran.kernel_evidence


@needs_torch
def test_a_saved_model_keeps_its_kernel(tmp_path) -> None:
    assert_saved_whole(zoo.create_model("gru", "wave", "fused", units=UNITS), tmp_path)


REFUSED = {
    "has tanh, not relu": lambda: CELLS["lstm"](activation="relu"),
    "has relu or tanh, not sigmoid": lambda: keras.layers.SimpleRNNCell(UNITS, activation="sigmoid"),
    "has sigmoid gates, not hard_sigmoid": lambda: CELLS["gru"](recurrent_activation="hard_sigmoid"),
    "has no dropout inside the loop": lambda: CELLS["gru"](recurrent_dropout=0.5),
    "has a bias": lambda: CELLS["lstm"](use_bias=False),
    "applies the reset gate after the product": lambda: CELLS["gru"](reset_after=False),
    "no fused kernel computes PeepholeLSTMCell": lambda: zoo.layers.PeepholeLSTMCell(UNITS),
}


@needs_torch
@pytest.mark.parametrize("message", REFUSED)
def test_what_no_kernel_computes_is_refused_when_the_layer_is_made(message: str) -> None:
    with pytest.raises(zoo.ZooError, match=message):
        FusedRNN(REFUSED[message]())


@needs_torch
def test_a_mask_is_refused_when_the_model_is_built() -> None:
    with pytest.raises(zoo.ZooError, match=r"^lstm does not run fused: a fused kernel takes no mask$"):
        zoo.create_model("lstm", "wave", "fused", masked=True)
    with pytest.raises(zoo.ZooError, match="a fused kernel on torch takes no mask: run this model looped"):
        FusedRNN(CELLS["lstm"]())(keras.Input((STEPS, 4)), mask=keras.Input((STEPS,), dtype="bool"))


@pytest.mark.skipif(TORCH, reason="torch has the kernels")
def test_a_backend_without_kernels_says_so() -> None:
    with pytest.raises(zoo.ZooError, match="a fused kernel is run on torch alone, not on"):
        zoo.layers.FusedRNN(keras.layers.LSTMCell(3))
    with pytest.raises(zoo.ZooError, match=r"^fused: fused kernels are run through torch: on \w+ a layer"):
        zoo.create_model("lstm", "wave", "fused")
