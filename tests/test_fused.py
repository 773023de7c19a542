"""The vendor's kernel gives what Keras' loop gives, from the same weights, or says when it is built why it cannot."""

from __future__ import annotations

import functools
import operator
from unittest import mock

import keras
import numpy as np
import pytest

import zoo
from tests.gradients import gradients
from tests.models import assert_saved_whole, batch, compiled, looped, model
from zoo.execution import FUSED, no_kernel
from zoo.layers import FusedBidirectional, FusedRNN
from zoo.measuring.prove import asked_paths, relative_difference

BACKEND = keras.backend.backend()
LAYERS = FUSED.get((BACKEND, "cpu"), ())
"""The layers for which there is a kernel on a CPU: on JAX none."""
EQUAL = 1e-5  # as in test_models.py: the same products, in another order of additions
UNITS, STEPS, FEATURES = 6, 7, 4
MADE = {
    "lstm": lambda **more: keras.layers.LSTMCell(UNITS, **more),
    "gru": lambda **more: keras.layers.GRUCell(UNITS, **more),
    "tanh": lambda **more: keras.layers.SimpleRNNCell(UNITS, **more),
    "relu": lambda **more: keras.layers.SimpleRNNCell(UNITS, activation="relu", **more),
    "stack": lambda **more: [keras.layers.LSTMCell(UNITS, **more), keras.layers.LSTMCell(UNITS, **more)],
}
OF_LAYER = {"lstm": "LSTM", "gru": "GRU", "tanh": "SimpleRNN", "relu": "SimpleRNN", "stack": "LSTM"}
CELLS = [name for name, layer in OF_LAYER.items() if layer in LAYERS]
OPTIONS = {
    "last": {},
    "all": {"return_sequences": True, "return_state": True},
    "backwards": {"return_sequences": True, "go_backwards": True},
    "recompute": {"return_state": True, "memory": "recompute"},
    "zeros": {"return_sequences": True, "zero_output_for_mask": True},
}
LENGTHS = np.array([STEPS, 0, 3, 5])
MASKS = {"whole": None, "padded": np.arange(STEPS) < LENGTHS[:, None]}
MASKS["padded on the left"] = MASKS["padded"][:, ::-1].copy()
needs_kernel = pytest.mark.skipif(not CELLS, reason="on JAX there are kernels on a GPU alone")


def pair(cell: str, memory: str = "store", **options):
    """A FusedRNN and Keras' RNN of the same weights, none of them as it is drawn."""
    layers = [FusedRNN(MADE[cell](), memory, **options), keras.layers.RNN(MADE[cell](), **options)]
    rng = np.random.default_rng(0)
    for layer in layers:
        layer.build((len(LENGTHS), STEPS, FEATURES))
    values = [rng.normal(0, 0.5, weight.shape) for weight in layers[0].get_weights()]
    for layer in layers:
        layer.set_weights(values)
    return layers


def assert_equal(ours, known, **call) -> None:
    x = np.random.default_rng(1).normal(size=(len(LENGTHS), STEPS, FEATURES)).astype("float32")
    result, expected = (functools.reduce(operator.iadd, gradients(layer, x, **call), []) for layer in (ours, known))
    named = [{str(i): tensor for i, tensor in enumerate(each)} for each in (result, expected)]
    differences = relative_difference(*named)
    assert max(differences.values()) <= EQUAL, differences


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("cell", CELLS)
def test_a_kernel_gives_outputs_states_and_gradients_of_keras(cell: str, options: str, mask: str) -> None:
    counts = None if mask == "whole" else keras.ops.convert_to_tensor(MASKS[mask])
    assert_equal(*pair(cell, **OPTIONS[options]), graph=False, mask=counts)


@needs_kernel
def test_a_kernel_runs_again_in_mixed_precision() -> None:
    policy = "mixed_bfloat16" if BACKEND == "torch" else "mixed_float16"  # which TensorFlow's kernel has
    stored, again = (
        FusedRNN(keras.layers.LSTMCell(UNITS, dtype=policy), memory, dtype=policy) for memory in ("store", "recompute")
    )
    for layer in (stored, again):
        layer.build((len(LENGTHS), STEPS, FEATURES))
    again.set_weights(stored.get_weights())
    x = np.random.default_rng(1).normal(size=(len(LENGTHS), STEPS, FEATURES)).astype("float32")
    both = (functools.reduce(operator.iadd, gradients(layer, x), []) for layer in (stored, again))
    named = [{str(i): np.asarray(tensor, "float32") for i, tensor in enumerate(each)} for each in both]
    assert max(relative_difference(*named).values()) < 0.02  # a rounding of 2**-8, over a few steps


@needs_kernel
@pytest.mark.parametrize("memory", ["store", "recompute"])
def test_a_kernel_computes_in_the_type_of_its_cell(memory: str) -> None:
    cells = [keras.layers.LSTMCell(UNITS, dtype="float32") for _ in range(2)]
    ours, known = FusedRNN(cells[0], memory, dtype="mixed_bfloat16"), keras.layers.RNN(cells[1], dtype="mixed_bfloat16")
    for layer in (ours, known):
        layer.build((len(LENGTHS), STEPS, FEATURES))
    known.set_weights(ours.get_weights())
    x = np.random.default_rng(1).normal(size=(len(LENGTHS), STEPS, FEATURES)).astype("float32")
    results = [keras.ops.convert_to_numpy(keras.ops.cast(layer(x), "float32")) for layer in (ours, known)]
    np.testing.assert_allclose(*results, rtol=2**-8)  # they are rounded to bfloat16 in the end alone


@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell != "stack"])
def test_a_kernel_starts_from_the_states_that_it_is_given(cell: str) -> None:
    states = [np.full((len(LENGTHS), UNITS), value, "float32") for value in (0.5, -0.3)][: 2 if cell == "lstm" else 1]
    assert_equal(*pair(cell, return_sequences=True), initial_state=states)


@needs_kernel
def test_dropout_of_the_inputs_is_one_mask_for_all_steps() -> None:
    def cell():
        return keras.layers.LSTMCell(UNITS, dropout=0.5)

    with mock.patch.dict(MADE, {"lstm": cell}):
        ours, known = pair("lstm", return_sequences=True)
    mask = np.random.default_rng(2).integers(0, 2, (len(LENGTHS), FEATURES)).astype("float32") * 2
    drawn = keras.ops.convert_to_tensor(mask)
    with mock.patch.object(keras.layers.LSTMCell, "get_dropout_mask", return_value=drawn):
        assert_equal(ours, known, graph=False, training=True)
    assert_equal(ours, known, graph=False, training=False)


@pytest.mark.parametrize("task", ["digits_rows", "wave", "draw_digit", "dates"])
@pytest.mark.parametrize("entry", [name for name in zoo.list_models() if zoo.get_entry(name).stock in LAYERS])
def test_every_entry_runs_on_a_kernel_or_says_why_not(entry: str, task: str) -> None:
    if not zoo.get_entry(entry).fits(zoo.get_task(task)):
        pytest.skip("another topology")
    if not zoo.get_entry(entry).fused:
        with pytest.raises(zoo.ZooError, match="fused kernel"):
            zoo.create_model(entry, task, "fused", units=UNITS)
        return
    ran = compiled(model(entry, task, "fused"), task)
    differences = relative_difference(ran.tensors, looped(entry, task))
    assert len(differences) >= 4
    assert max(differences.values()) <= EQUAL, differences
    assert ran.kernel_path in asked_paths(zoo.Execution("fused"), BACKEND, batch(task).steps), ran.kernel_evidence


@needs_kernel
def test_a_saved_model_keeps_its_kernel(tmp_path) -> None:
    assert_saved_whole(zoo.create_model("lstm", "wave", "fused", units=UNITS), tmp_path)


REFUSED = {
    "has tanh, not relu": ("LSTM", lambda: MADE["lstm"](activation="relu")),
    "has relu or tanh, not sigmoid": ("SimpleRNN", lambda: MADE["tanh"](activation="sigmoid")),
    "has sigmoid gates, not hard_sigmoid": ("LSTM", lambda: MADE["lstm"](recurrent_activation="hard_sigmoid")),
    "has no dropout inside the loop": ("LSTM", lambda: MADE["stack"](recurrent_dropout=0.5)),
    "has a bias": ("LSTM", lambda: MADE["lstm"](use_bias=False)),
    "applies the reset gate after the product": ("GRU", lambda: MADE["gru"](reset_after=False)),
    "computes PeepholeLSTMCell: there are kernels for": ("LSTM", lambda: zoo.layers.PeepholeLSTMCell(UNITS)),
    "takes no unroll": ("LSTM", None),
}


@pytest.mark.parametrize("message", [message for message, (layer, _) in REFUSED.items() if layer in LAYERS])
def test_what_no_kernel_computes_is_refused_when_the_layer_is_made(message: str) -> None:
    _, make = REFUSED[message]
    with pytest.raises(zoo.ZooError, match=message):
        FusedRNN(make()) if make else FusedRNN(MADE["lstm"](), unroll=True)


GAP = np.array([[True, False, True, True, True, True, True]] * 2)


@needs_kernel
@pytest.mark.parametrize(("mask", "message"), [(GAP, "masks without a gap"), (GAP[:, 1:], "the mask has 6 steps")])
def test_a_mask_that_no_kernel_computes_is_refused(mask: np.ndarray, message: str) -> None:
    x = np.zeros((2, STEPS, FEATURES), "float32")
    with pytest.raises(zoo.ZooError, match=message):
        FusedRNN(MADE["lstm"]())(x, mask=keras.ops.convert_to_tensor(mask))


@needs_kernel
def test_a_mask_with_a_gap_is_an_error_in_a_graph_too() -> None:
    model = keras.Sequential([keras.Input((None, FEATURES)), keras.layers.Masking(0.0), FusedRNN(MADE["lstm"]())])
    with pytest.raises(Exception, match="masks without a gap"):
        model.predict(GAP[..., None] * np.ones(FEATURES, "float32"), verbose=0)


@pytest.mark.parametrize("layer", [layer for layer in ("GRU", "LSTM", "SimpleRNN") if layer not in LAYERS])
def test_a_layer_without_a_kernel_here_is_refused_with_those_that_have_one(layer: str) -> None:
    cell = getattr(keras.layers, f"{layer}Cell")(3)
    with pytest.raises(zoo.ZooError, match=no_kernel(layer, BACKEND, "cpu")):
        FusedRNN(cell)


def test_cudnn_is_refused_where_it_does_not_run() -> None:
    if BACKEND == "torch":
        pytest.skip("torch chooses its kernel itself")
    from zoo.layers.kernels import cudnn

    cell = MADE["lstm"]()
    cell.build((2, FEATURES))
    x, state = np.zeros((2, STEPS, FEATURES), "float32"), np.zeros((2, UNITS), "float32")
    with pytest.raises(zoo.ZooError, match="cuDNN does not run LSTMCell"):
        cudnn.run(cell, x, [state, state], None)


BOTH_WAYS = {
    "last": {},
    "all": {"return_sequences": True, "return_state": True},
}


@pytest.mark.skipif(BACKEND != "torch", reason="one call for both directions is torch's")
@pytest.mark.parametrize("mask", ["whole", "padded"])
@pytest.mark.parametrize("merge", ["concat", "sum", "mul", "ave", None])
@pytest.mark.parametrize("options", BOTH_WAYS)
@pytest.mark.parametrize("cell", ["lstm", "gru", "relu"])
def test_both_directions_in_one_call_are_those_of_keras(cell: str, options: str, merge: str | None, mask: str) -> None:
    import torch

    layers = [kind(MADE[cell](), **BOTH_WAYS[options]) for kind in (FusedRNN, keras.layers.RNN)]
    wraps = (FusedBidirectional, keras.layers.Bidirectional)
    ours, known = (wrap(layer, merge_mode=merge) for wrap, layer in zip(wraps, layers, strict=True))
    rng = np.random.default_rng(0)
    for layer in (ours, known):
        layer.build((len(LENGTHS), STEPS, FEATURES))
    values = [rng.normal(0, 0.5, weight.shape) for weight in ours.get_weights()]
    for layer in (ours, known):
        layer.set_weights(values)
    counts = None if mask == "whole" else keras.ops.convert_to_tensor(MASKS[mask])
    with torch.profiler.profile() as profiled:
        assert_equal(ours, known, graph=False, mask=counts)
    kernels = {"lstm": ("aten::lstm",), "gru": ("aten::gru",), "relu": ("aten::rnn_relu",)}[cell]
    assert sum(event.count for event in profiled.key_averages() if event.key in kernels) == (
        1 if mask == "whole" else 2
    )


@pytest.mark.skipif(BACKEND != "torch", reason="one call for both directions is torch's")
def test_both_directions_start_from_given_states_and_are_saved(tmp_path) -> None:
    inputs = keras.Input((STEPS, FEATURES))
    layer = FusedBidirectional(FusedRNN(MADE["lstm"]()))
    known = keras.layers.Bidirectional(keras.layers.RNN(MADE["lstm"]()))
    for each in (layer, known):
        each.build((None, STEPS, FEATURES))
    known.set_weights(layer.get_weights())
    states = [np.full((len(LENGTHS), UNITS), value, "float32") for value in (0.5, -0.3, 0.1, 0.9)]
    x = np.random.default_rng(1).normal(size=(len(LENGTHS), STEPS, FEATURES)).astype("float32")
    ours, theirs = (keras.ops.convert_to_numpy(each(x, initial_state=states)) for each in (layer, known))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6)
    made = keras.Model(inputs, layer(inputs))
    made.save(tmp_path / "model.keras")
    loaded = zoo.load_model(tmp_path / "model.keras")
    assert type(loaded.layers[-1]) is FusedBidirectional
    np.testing.assert_array_equal(loaded.predict_on_batch(x), made.predict_on_batch(x))


@pytest.mark.skipif(BACKEND != "torch", reason="one call for both directions is torch's")
def test_dropout_of_the_backward_direction_alone_is_not_lost() -> None:
    forward, backward = keras.layers.LSTMCell(UNITS), keras.layers.LSTMCell(UNITS, dropout=0.9)
    layer = FusedBidirectional(FusedRNN(forward), backward_layer=FusedRNN(backward, go_backwards=True))
    x = np.ones((2, STEPS, FEATURES), "float32")
    keras.utils.set_random_seed(0)
    trained, given = (keras.ops.convert_to_numpy(layer(x, training=training)) for training in (True, False))
    assert np.abs(trained[:, UNITS:] - given[:, UNITS:]).max() > 1e-3
    np.testing.assert_allclose(trained[:, :UNITS], given[:, :UNITS], rtol=0, atol=1e-6)


@pytest.mark.skipif(BACKEND != "torch", reason="one call for both directions is torch's")
def test_what_one_call_cannot_do_is_done_in_two() -> None:
    x = np.ones((2, STEPS, FEATURES), "float32")
    stack = FusedBidirectional(FusedRNN([keras.layers.LSTMCell(UNITS), keras.layers.LSTMCell(UNITS)]))
    assert stack(x, training=True).shape == (2, 2 * UNITS)
    half = FusedBidirectional(FusedRNN(keras.layers.LSTMCell(UNITS, dtype="mixed_bfloat16"), dtype="mixed_bfloat16"))
    assert half(x).shape == (2, 2 * UNITS)
