"""Cells that are linear in their state: the scan gives what the loop gives."""

from __future__ import annotations

import functools
import itertools
import operator

import keras
import numpy as np
import pytest

import zoo
from tests.gradients import gradients
from tests.models import LAYERS, NORMAL, assert_saved_whole, passed
from zoo.layers import (
    CausalFilter,
    ChunkedRNN,
    LastStep,
    LRUCell,
    MinGRUCell,
    MinLSTMCell,
    ParallelRNN,
    SelectiveCell,
    keras_private,
)
from zoo.measuring.prove import asked_paths, compute, relative_difference

BACKEND = keras.backend.backend()
# The scan multiplies in another order, in log2(steps) levels: a rounding error of 6e-8 each.
EQUAL = 1e-5
UNITS = 5
ENTRIES = [name for name in zoo.list_models() if zoo.get_entry(name).linear]
STEPS = {"wave": 6}  # three levels of the scan, and no power of two
CELLS = {
    "min_gru": MinGRUCell,
    "min_lstm": MinLSTMCell,
    "lru": LRUCell,
    "mamba": lambda units: SelectiveCell(units, states=3, rank=2),
}
each_cell = pytest.mark.parametrize("cell", CELLS)


def pair(cell: str, **options):
    layers = [kind(CELLS[cell](UNITS), **options) for kind in (ParallelRNN, keras.layers.RNN)]
    for layer in layers:
        layer.build((3, 9, UNITS))
    layers[1].set_weights(layers[0].get_weights())
    return layers


def assert_equal(ours, known, steps: int = 9, **call) -> None:
    x = np.random.default_rng(1).normal(size=(3, steps, UNITS)).astype("float32")
    pair = (gradients(layer, x, graph=False, **call) for layer in (ours, known))
    result, expected = (functools.reduce(operator.iadd, each, []) for each in pair)
    named = [{str(i): tensor for i, tensor in enumerate(each)} for each in (result, expected)]
    differences = relative_difference(*named)
    assert max(differences.values()) <= EQUAL, differences


@pytest.mark.parametrize(
    "options", [{}, {"return_sequences": True, "return_state": True}, {"go_backwards": True}], ids=str
)
@pytest.mark.parametrize("lengths", [None, (9, 1, 4)])
@each_cell
def test_a_scan_gives_outputs_states_and_gradients_of_the_loop(cell: str, lengths, options) -> None:
    mask = None if lengths is None else np.arange(9) < np.array(lengths)[:, None]
    assert_equal(*pair(cell, **options), mask=mask)


@pytest.mark.parametrize("steps", [1, 2, 64])
@each_cell
def test_any_number_of_steps_from_any_state(cell: str, steps: int) -> None:
    layers = pair(cell, return_sequences=True)
    sizes = zip(layers[0].cell.state_size, (0.5, -0.3, 0.2), strict=False)
    assert_equal(*layers, steps, initial_state=[np.full((3, size), value, "float32") for size, value in sizes])


def is_slow(entry: str, task: str, jit: str) -> bool:
    """Whether a case waits for `pytest -m slow`.

    Each entry is traced on the digits and compiled on the wave: each topology with each of both is of min_gru.
    """
    return (task, jit) == ("digits_rows", "+jit") or ((task, jit) == ("wave", "") and entry != "min_gru")


CASES = [
    pytest.param(entry, task, jit, marks=[pytest.mark.slow] * is_slow(entry, task, jit))
    for entry, task, jit in itertools.product(ENTRIES, ("digits_rows", "wave"), ("", "+jit"))
]


@pytest.mark.parametrize(("entry", "task", "jit"), CASES)
def test_every_linear_entry_runs_without_a_loop(entry: str, task: str, jit: str) -> None:
    if jit and BACKEND == "torch":
        pytest.skip("compiling a scan with inductor is not measured")
    sizes = {"units": UNITS, "steps": STEPS.get(task), "layers": LAYERS.get(entry, 2)}
    batch = zoo.load_task(task, steps=STEPS.get(task)).train.first(3)
    looped, parallel = (zoo.create_model(entry, task, how, **sizes) for how in (NORMAL, f"parallel{jit}"))
    zoo.set_weights(parallel, zoo.get_weights(looped))
    ran = compute(parallel, batch)
    differences = relative_difference(ran.tensors, passed(looped, batch, training=True))
    assert max(differences.values()) <= EQUAL, differences
    asked = asked_paths(zoo.Execution.parse(f"parallel{jit}"), BACKEND, batch.steps)
    assert ran.kernel_path in asked, ran.kernel_evidence


@each_cell
def test_a_saved_model_keeps_its_scan(cell: str, tmp_path) -> None:
    assert_saved_whole(zoo.create_model(cell, "wave", "parallel", units=UNITS), tmp_path)


def test_the_state_of_an_lru_never_grows() -> None:
    keras.utils.set_random_seed(0)
    cell = LRUCell(200, least=0.5)
    cell.build((None, 3))
    real, imaginary = (keras.ops.convert_to_numpy(part) for part in cell.decay_and_drive(np.zeros((1, 3), "f"))[0])
    radius = np.hypot(real, imaginary)
    assert 0.5 <= radius.min() < 0.55
    assert 0.95 < radius.max() < 1
    assert np.median(radius**2) == pytest.approx((0.25 + 1) / 2, abs=0.05)  # uniform over the area of the ring


def test_both_directions_give_zeros_at_masked_steps_as_keras_does() -> None:
    x, mask = np.ones((2, 4, UNITS), "float32"), np.array([[True] * 4, [True, True, False, False]])
    both = [
        keras.layers.Bidirectional(kind(MinGRUCell(UNITS), return_sequences=True))
        for kind in (ParallelRNN, keras.layers.RNN)
    ]
    for each in both:
        each.build(x.shape)
    both[1].set_weights(both[0].get_weights())
    ours, known = (keras.ops.convert_to_numpy(each(x, mask=mask)) for each in both)
    np.testing.assert_allclose(ours, known, rtol=1e-5, atol=1e-6)
    assert not ours[1, 2:].any()


def test_what_is_linear_is_computed_again_in_mixed_precision() -> None:
    layer = ChunkedRNN(MinGRUCell(UNITS, dtype="mixed_bfloat16"), 2, "recompute", dtype="mixed_bfloat16")
    model = keras.Sequential([keras.Input((6, 3)), layer, keras.layers.Dense(1)])
    model.compile("sgd", "mse", jit_compile=False)
    x, y = np.ones((2, 6, 3), "float32"), np.ones((2, 1), "float32")
    before = model.get_weights()
    assert np.isfinite(model.train_on_batch(x, y))
    assert any((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))


@pytest.mark.parametrize("memory", ["store", "recompute"])
def test_a_cell_in_float32_reads_its_weights_in_float32_however_its_chunks_are_kept(memory: str) -> None:
    """An angle of 3.001 is 3.0 in bfloat16: after 100 steps a tenth of a radian less, of a state of 0.9."""
    keras.utils.set_random_seed(0)
    layer = ChunkedRNN(LRUCell(2, dtype="mixed_bfloat16"), 25, memory, dtype="mixed_bfloat16", return_sequences=True)
    known = ParallelRNN(LRUCell(2), return_sequences=True)
    x = np.zeros((1, 100, 2), "float32")
    x[:, 0] = 1
    for each in (layer, known):
        each.build(x.shape)
    layer.cell.nu.assign(np.log(-np.log([0.999, 0.999])))
    layer.cell.theta.assign([np.log(3.001), np.log(3.001)])
    known.set_weights(layer.get_weights())
    ours, theirs = (keras.ops.convert_to_numpy(keras.ops.cast(each(x), "float32")) for each in (layer, known))
    allowed = {"rtol": 5e-3, "atol": 2e-3}  # outputs are rounded to bfloat16, by up to 2**-9 of themselves
    np.testing.assert_allclose(ours, theirs, **allowed)
    known.cell.theta.assign([np.log(3.0), np.log(3.0)])
    assert not np.allclose(ours, keras.ops.convert_to_numpy(known(x)), **allowed)


@pytest.mark.parametrize(("kind", "steps"), [(ParallelRNN, 784), (keras.layers.RNN, 200)])
def test_in_mixed_precision_a_state_that_lasts_forgets_all_the_same(kind: type, steps: int) -> None:
    """Of a state of 1, 0.999^784 = 0.456 is left, of 200 steps 0.819; in bfloat16 0.999 is 1."""
    cell = LRUCell(1, dtype="mixed_bfloat16")
    layer = kind(cell, dtype="mixed_bfloat16", return_state=True)
    layer.build((2, steps, 3))
    cell.nu.assign(np.log(-np.log([0.999])))
    cell.theta.assign([-30.0])
    states = [np.zeros((2, 1), "float32"), np.ones((2, 1), "float32"), np.zeros((2, 1), "float32")]
    _, _, real, _ = layer(np.zeros((2, steps, 3), "float32"), initial_state=states)
    left = np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(real, "float32")))
    np.testing.assert_allclose(left, 0.999**steps, rtol=4e-3)  # Keras gives it back in bfloat16


def test_an_lru_that_is_built_inside_half_precision_begins_in_its_own() -> None:
    cell = LRUCell(50, dtype="mixed_bfloat16")
    with keras_private.computing_in("bfloat16"):
        cell.build((None, 3))
    nu, gamma = (keras.ops.convert_to_numpy(each).astype("float64") for each in (cell.nu, cell.gamma))
    np.testing.assert_allclose(gamma, 0.5 * np.log(1 - np.exp(-2 * np.exp(nu))), rtol=1e-3)  # float32, near |λ| = 1


def test_the_phase_of_an_lru_begins_below_what_is_asked_for() -> None:
    cell = LRUCell(200, phase=0.1)
    cell.build((None, 3))
    angle = np.exp(keras.ops.convert_to_numpy(cell.theta))
    assert 0.95 < angle.max() / (0.1 * 2 * np.pi) <= 1


@pytest.mark.parametrize("option", [{}, {"layers": 3}, {"bare": True}], ids=str)
@pytest.mark.parametrize("entry", ["min_gru", "min_lstm", "lru"])
def test_a_linear_entry_is_two_blocks_or_as_many_as_asked_or_its_cell_alone(entry: str, option: dict) -> None:
    made = zoo.create_model(entry, "wave", units=UNITS, **option)
    loops = [layer for layer in made.layers if isinstance(layer, keras.layers.RNN)]
    assert len(loops) == option.get("layers", 1 if "bare" in option else 2)
    assert len(made.layers) == (3 if "bare" in option else 4 + 6 * len(loops))


def test_the_last_step_is_the_last_that_counts() -> None:
    x = np.random.default_rng(0).normal(size=(4, 5, 2)).astype("float32")
    lengths = np.array([5, 1, 3, 2])
    counts = np.arange(5) < lengths[:, None]
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(LastStep()(x)), x[:, -1])
    taken = keras.ops.convert_to_numpy(LastStep()(x, mask=keras.ops.convert_to_tensor(counts)))
    np.testing.assert_allclose(taken, x[np.arange(4), lengths - 1], rtol=1e-6)


def test_a_causal_filter_is_a_convolution_of_each_feature_by_itself() -> None:
    x = np.random.default_rng(0).normal(size=(2, 6, 3)).astype("float32")
    layer = CausalFilter(4)
    layer.build(x.shape)
    kernel, bias = (keras.ops.convert_to_numpy(weight) for weight in layer.weights)
    each = [[np.convolve(row[:, i], kernel[:, i])[:6] + bias[i] for i in range(3)] for row in x]
    known = np.transpose(each, (0, 2, 1))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(layer(x)), known, rtol=1e-5, atol=1e-6)


def test_a_causal_filter_sees_no_step_that_its_mask_leaves_out() -> None:
    x = np.random.default_rng(0).normal(size=(1, 6, 3)).astype("float32")
    layer = CausalFilter(4)
    alone = keras.ops.convert_to_numpy(layer(x[:, 2:]))
    counts = keras.ops.convert_to_tensor(np.arange(6)[None] >= 2)
    together = keras.ops.convert_to_numpy(layer(x, mask=counts))
    np.testing.assert_allclose(together[:, 2:], alone, rtol=1e-5, atol=1e-6)


WRONG = {
    "phase must be more than 0 and at most 1, not 0": lambda: LRUCell(2, phase=0),
    "states must be a positive whole number, not 0": lambda: SelectiveCell(2, states=0),
    "width must be a positive whole number, not 0": lambda: CausalFilter(0),
    "bare must be True or False, not 1": lambda: zoo.create_model("lru", "wave", bare=1),
    "mean_pool is for one answer to a sequence, and wave": lambda: zoo.create_model("lru", "wave", mean_pool=True),
    "mean_pool is .* not for a bare layer": lambda: zoo.create_model("lru", "digits_rows", bare=True, mean_pool=True),
    "layers is .* not for a bare layer": lambda: zoo.create_model("lru", "digits_rows", bare=True, layers=2),
    r"SelectiveCell\(4\) reads inputs of 4 features, not of 3": lambda: SelectiveCell(4).build((1, 3)),
    "LSTMCell is not linear in its state": lambda: ParallelRNN(keras.layers.LSTMCell(2)),
    "has no loop to unroll": lambda: ParallelRNN(MinGRUCell(2), unroll=True),
    "units must be a positive whole number, not 0": lambda: MinGRUCell(0),
    "least must be at least 0 and less than 1, not 1": lambda: LRUCell(2, least=1),
    "a number of steps that is known": lambda: ParallelRNN(MinGRUCell(2))(keras.Input((None, 1))),
    "^gru does not run parallel: gru is not linear in its state$": lambda: zoo.create_model("gru", "wave", "parallel"),
}


@pytest.mark.parametrize("message", WRONG)
def test_what_cannot_be_scanned_is_one_line(message: str) -> None:
    with pytest.raises(zoo.ZooError, match=message):
        WRONG[message]()


@pytest.mark.parametrize("kind", [ParallelRNN, keras.layers.RNN])
def test_a_minimal_lstm_whose_gates_are_both_shut_shares_one_between_them(kind: type) -> None:
    """σ(-200) is 0 in float32: both gates over their sum are 0.5, by their logarithms."""
    layer = kind(MinLSTMCell(2), return_sequences=True)
    layer.build((1, 2, 1))
    layer.cell.kernel.assign([[-200.0, -200.0, -200.0, -200.0, 1.0, 1.0]])
    states = keras.ops.convert_to_numpy(layer(np.ones((1, 2, 1), "float32")))
    np.testing.assert_allclose(states[0], [[0.5, 0.5], [0.75, 0.75]], rtol=1e-6)


@pytest.mark.parametrize("cell", [LRUCell, MinGRUCell])
def test_what_stands_at_masked_steps_changes_nothing(cell: type) -> None:
    x, mask = np.ones((1, 5, 2), "float32"), np.array([[True, True, False, True, False]])
    layer = ParallelRNN(cell(UNITS), return_sequences=True, zero_output_for_mask=True)
    known = keras.ops.convert_to_numpy(layer(x, mask=mask))
    x[0, [2, 4]] = np.nan
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(layer(x, mask=mask)), known)
    again = ParallelRNN.from_config(layer.get_config())
    assert again.zero_output_for_mask
    assert not known[0, [2, 4]].any()


@pytest.mark.parametrize("cell", [LRUCell, MinGRUCell])
def test_one_output_of_a_sequence_that_ended_is_that_of_keras(cell: type) -> None:
    """With zero_output_for_mask it is zero, and the state goes on."""
    x, mask = np.ones((1, 3, 2), "float32"), np.array([[True, True, False]])
    options = {"zero_output_for_mask": True, "return_state": True}
    ours, theirs = ParallelRNN(cell(UNITS), **options), keras.layers.RNN(cell(UNITS), **options)
    for each in (ours, theirs):
        each.build((1, 3, 2))
    ours.set_weights(theirs.get_weights())
    both = ([keras.ops.convert_to_numpy(each) for each in layer(x, mask=mask)] for layer in (ours, theirs))
    for mine, known in zip(*both, strict=True):
        np.testing.assert_allclose(mine, known, rtol=1e-5, atol=1e-6)
