"""The stock arms: the layer that a tutorial writes, with the weights of the others, and what really runs of it."""

from __future__ import annotations

from collections import Counter

import keras
import numpy as np
import pytest

import zoo
from tests.models import (
    EQUAL,
    MAIN,
    batch,
    compiled,
    looped,
    make,
    model,
    outputs,
    stepped,
    time_loops,
    without_dropout,
)
from zoo.errors import ZooError
from zoo.execution import SAME_PROGRAM
from zoo.measuring.prove import relative_difference

BACKEND = keras.backend.backend()
STOCK = [entry for entry in zoo.list_models() if zoo.get_entry(entry).stock]
SAME = [(loop, execution) for (loop, backend, _), execution in SAME_PROGRAM.items() if backend == "tensorflow"]
LAYERS = {"SimpleRNN": keras.layers.SimpleRNN, "LSTM": keras.layers.LSTM, "GRU": keras.layers.GRU}
COMPARED = ("simple_rnn", "lstm", "gru", "bidirectional_lstm", "recurrent_dropout_lstm")


@pytest.mark.parametrize("entry", zoo.list_models())
def test_an_entry_has_a_stock_arm_where_keras_has_its_layer_and_says_so_elsewhere(entry: str) -> None:
    declared = zoo.get_entry(entry)
    if not declared.stock:
        with pytest.raises(ZooError, match=f"keras.layers has no recurrent layer for {entry}"):
            make(entry, MAIN[entry], "stock")
        return
    loops = time_loops(make(entry, MAIN[entry], "stock"))
    assert loops
    assert {type(layer) for layer in loops} == {LAYERS[declared.stock]}
    assert {layer.unroll for layer in loops} == {False}


@pytest.mark.parametrize("entry", COMPARED)
def test_a_stock_arm_gives_the_outputs_and_gradients_of_looped(entry: str) -> None:
    stock, known = model(entry, MAIN[entry], "stock"), looped(entry, MAIN[entry])
    if BACKEND == "tensorflow":  # its graph is below
        tensors = stepped(stock, MAIN[entry])
    else:
        ran = compiled(stock, MAIN[entry])
        tensors = ran.tensors
        assert ran.kernel_path == {"jax": "xla_while", "torch": "python"}[BACKEND], ran.kernel_evidence
    differences = relative_difference(without_dropout(entry, tensors), without_dropout(entry, known))
    assert len(differences) >= 4
    assert max(differences.values()) <= EQUAL, differences


def test_a_stock_layer_has_every_default_of_keras() -> None:
    layer = time_loops(zoo.create_model("lstm", "wave", "stock", units=7))[0]
    ours, tutorial = layer.get_config(), keras.layers.LSTM(7, return_sequences=True).get_config()
    assert {name for name in tutorial if ours[name] != tutorial[name]} == {"name"}
    assert layer.use_cudnn == "auto"


def test_weights_go_from_any_execution_to_a_stock_layer_and_back() -> None:
    made, stock = make("lstm", "wave"), make("lstm", "wave", "stock")
    zoo.set_weights(stock, zoo.get_weights(made))
    x = batch("wave").x
    np.testing.assert_allclose(outputs(stock, x), outputs(made, x), atol=1e-6)  # float32, 4 steps
    assert zoo.get_weights(stock).keys() == zoo.get_weights(made).keys()


def operations(entry: str, execution: str) -> Counter[str]:
    """How often each operation stands in the graph of a training step on TensorFlow."""
    import tensorflow as tf

    made = make(entry, MAIN[entry], execution)
    x, y = batch(MAIN[entry])

    @tf.function(jit_compile=made.jit_compile, autograph=False)
    def step(x, y):
        with tf.GradientTape() as tape:
            loss = made.compute_loss(x, y, made(x, training=True))
        return tape.gradient(loss, [variable.value for variable in made.trainable_variables])

    graph = step.get_concrete_function(tf.constant(x), tf.constant(y)).graph.as_graph_def()
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    assert made.jit_compile is False
    return Counter(node.op for node in nodes if node.op != "Const")  # Bidirectional tries a kernel, and leaves some


@pytest.mark.skipif(BACKEND != "tensorflow", reason="the claim is of TensorFlow")
@pytest.mark.parametrize(
    ("entry", "loop", "execution"),
    [
        (entry, *same)
        for same in SAME
        for entry in COMPARED
        if same[0] == "stock" or entry in ("lstm", "bidirectional_lstm")  # one direction and two, written out
    ],
)
def test_on_a_cpu_stock_is_the_same_program_as_the_loop_around_the_cell(entry: str, loop: str, execution: str) -> None:
    stock = operations(entry, loop)
    assert stock == operations(entry, execution)
    assert bool(stock["While"] + stock["StatelessWhile"]) == (loop == "stock")
