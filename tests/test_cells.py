"""What a user of a cell relies on: output and state told apart, sequences in pieces, dropout where it is said to be."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pytest

import zoo.layers
from zoo import Execution
from zoo.recurrent import recurrent

UNITS, BATCH, STEPS, FEATURES = 5, 3, 6, 2
CELLS: dict[str, Callable[[], keras.layers.Layer]] = {
    "neuron": lambda: zoo.layers.NeuronCell(UNITS),
    "simple_rnn": lambda: keras.layers.SimpleRNNCell(UNITS),
    "lstm": lambda: keras.layers.LSTMCell(UNITS),
    "gru": lambda: keras.layers.GRUCell(UNITS),
    "peephole_lstm": lambda: zoo.layers.PeepholeLSTMCell(UNITS),
    "layer_norm_lstm": lambda: zoo.layers.LayerNormLSTMCell(UNITS),
}
EXECUTIONS = [Execution("looped"), Execution("unrolled")]
# The same products in the same order, perhaps compiled otherwise: a rounding error or two.
EQUAL = {"rtol": 1e-5, "atol": 1e-6}

each_cell = pytest.mark.parametrize("cell", CELLS)
each_execution = pytest.mark.parametrize("execution", EXECUTIONS, ids=str)


@pytest.fixture(scope="module")
def x() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(BATCH, STEPS, FEATURES)).astype("float32")


def numpy(tensors) -> list[np.ndarray]:
    return [keras.ops.convert_to_numpy(tensor) for tensor in tensors]


def seeded(cell: str) -> keras.layers.Layer:
    keras.utils.set_random_seed(0)
    return CELLS[cell]()


@each_cell
@each_execution
def test_the_last_output_and_the_state_are_told_apart(cell: str, execution: Execution, x: np.ndarray) -> None:
    every = recurrent(seeded(cell), execution, return_sequences=True, return_state=True)
    outputs, *states = numpy(every(x))
    assert outputs.shape == (BATCH, STEPS, UNITS)
    assert [state.shape for state in states] == [(BATCH, UNITS)] * (2 if "lstm" in cell else 1)
    np.testing.assert_allclose(outputs[:, -1], states[0], **EQUAL)
    if "lstm" in cell:
        assert np.abs(states[1] - states[0]).max() > 1e-3  # the memory is not the output


@each_cell
@each_execution
def test_pieces_give_what_the_whole_sequence_gives(cell: str, execution: Execution, x: np.ndarray) -> None:
    layer = recurrent(seeded(cell), execution, return_sequences=True, return_state=True)
    whole = numpy(layer(x))
    first, *states = layer(x[:, :2])
    rest, *last = layer(x[:, 2:], initial_state=states)
    np.testing.assert_allclose(np.concatenate(numpy([first, rest]), axis=1), whole[0], **EQUAL)
    for result, known in zip(numpy(last), whole[1:], strict=True):
        np.testing.assert_allclose(result, known, **EQUAL)


@each_cell
def test_a_stateful_layer_goes_on_until_it_is_reset(cell: str, x: np.ndarray) -> None:
    whole = numpy([recurrent(seeded(cell), Execution(), return_sequences=True)(x)])[0]
    made = seeded(cell)
    inputs = keras.Input(batch_shape=(BATCH, 2, FEATURES))
    layer = recurrent(made, Execution(), return_sequences=True, stateful=True)
    model = keras.Model(inputs, layer(inputs))
    for _ in range(2):
        # Called, not predicted with: on JAX Keras' predict forgets what a layer's state has become.
        pieces = numpy([model(x[:, start : start + 2]) for start in (0, 2, 4)])
        np.testing.assert_allclose(np.concatenate(pieces, axis=1), whole, **EQUAL)
        layer.reset_state()


@pytest.mark.parametrize(("shared", "kept"), [(True, 0.7), (False, 0.7**4)])
def test_a_mask_on_the_state_is_one_for_all_steps_or_new_each_step(shared: bool, kept: float) -> None:
    # A cell that only passes its state on: before each of the steps 1 to 4 the state h(0) = 1 is dropped or divided
    # by 0.7. With one mask it is dropped at the first of them or never.
    units, steps = 40, 5
    options = {"activation": "linear", "kernel_initializer": "identity", "recurrent_initializer": "identity"}
    keras.utils.set_random_seed(0)
    if shared:
        layers = [recurrent(keras.layers.SimpleRNNCell(units, recurrent_dropout=0.3, **options), Execution())]
    else:
        cell = zoo.layers.StateDropoutCell(keras.layers.SimpleRNNCell(units, **options))
        layers = [zoo.layers.StateMasks(units, 0.3), recurrent(cell, Execution())]
    x = np.zeros((200, steps, units), "float32")
    x[:, 0] = 1
    state = keras.ops.convert_to_numpy(keras.Sequential(layers)(x, training=True))
    alive = state > 0
    np.testing.assert_allclose(state[alive], 0.7**-4, rtol=1e-5)
    spread = (kept * (1 - kept) / state.size) ** 0.5
    assert abs(alive.mean() - kept) < 4 * spread
    assert not alive.all(axis=0).any()  # every example has masks of its own


@pytest.mark.parametrize("cell", [zoo.layers.SLSTMCell(UNITS), keras.layers.LSTMCell(UNITS, dtype="float32")])
def test_a_state_dropout_passes_states_on_in_the_type_of_its_cell(cell: keras.layers.Layer) -> None:
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        outer = zoo.layers.StateDropoutCell(cell)
        layer = keras.layers.RNN(outer)
        assert layer(np.ones((2, 3, 2 + UNITS), "float32")).shape == (2, UNITS)
    finally:
        keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize("name", ["NeuronCell", "PeepholeLSTMCell", "LayerNormLSTMCell", "SRUCell", "SLSTMCell"])
def test_a_number_of_units_may_be_numpys(name: str) -> None:
    cell = getattr(zoo.layers, name)(np.int64(UNITS))
    assert keras.layers.RNN(cell)(keras.Input((3, 2))).shape == (None, UNITS)


@pytest.mark.parametrize("entry", ["input_dropout", "output_dropout"])
def test_a_mask_on_inputs_or_outputs_is_new_each_step(entry: str) -> None:
    made = zoo.create_model(entry, "wave", units=UNITS, rate=0.3)
    kinds = [type(layer) for layer in made.layers if isinstance(layer, keras.layers.Dropout | keras.layers.RNN)]
    pair = [keras.layers.Dropout, keras.layers.RNN]
    assert kinds == (pair if entry == "input_dropout" else pair[::-1]) * 3
    (dropout, *_) = [layer for layer in made.layers if isinstance(layer, keras.layers.Dropout)]
    given = keras.ops.convert_to_numpy(dropout(np.ones((40, 50, 20), "float32"), training=True))
    kept = given > 0
    np.testing.assert_allclose(given[kept], 1 / 0.7, rtol=1e-6)
    spread = (0.7 * 0.3 / given.size) ** 0.5
    assert abs(kept.mean() - 0.7) < 4 * spread
    # Independent from step to step: both of two neighbours are kept with probability 0.49.
    assert abs((kept[:, 1:] & kept[:, :-1]).mean() - 0.49) < 0.01


UNITED = [
    name for name in zoo.layers.__all__ if name.endswith("Cell") and name not in ("LinearCell", "StateDropoutCell")
]


@pytest.mark.parametrize("name", UNITED)
@pytest.mark.parametrize("units", [0, 2.5, True])
def test_a_cell_of_no_whole_number_of_units_is_one_line(name: str, units: object) -> None:
    with pytest.raises(zoo.ZooError, match="units must be a positive whole number"):
        getattr(zoo.layers, name)(units)


def test_an_empty_slstm_takes_an_input_gate_that_is_as_good_as_shut() -> None:
    """exp(i) cancels out of what it gives at first: σ(o) ⊙ tanh(z), however small it is."""
    cell = zoo.layers.SLSTMCell(UNITS)
    cell.build((BATCH, FEATURES))
    z, i, f, o = 0.7, -300.0, 2.0, 0.4
    cell.bias.assign(np.repeat([z, i, f, o], UNITS))
    output, states = cell(np.zeros((BATCH, FEATURES), "float32"), cell.get_initial_state(BATCH))
    expected = np.tanh(z) / (1 + np.exp(-o))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(output), expected, rtol=1e-6)
    assert all(np.isfinite(each).all() for each in numpy(states))


def test_in_half_precision_an_extended_lstm_forgets() -> None:
    """ln σ(5) is -0.0067: of a state after 100 steps about half is left; in bfloat16 beside a stabilizer of 3 all."""
    cells = [zoo.layers.SLSTMCell(1, dtype=dtype) for dtype in ("float32", "mixed_bfloat16")]
    ended = []
    for cell in cells:
        cell.build((1, 1))
        cell.kernel.assign([[3.0, 3.0, 0.0, 0.0]])
        cell.recurrent_kernel.assign([[0.0] * 4])
        cell.bias.assign([0.0, 0.0, 5.0, 0.0])
        layer = keras.layers.RNN(cell, dtype=cell.dtype_policy)
        x = np.where(np.arange(200) < 100, 1.0, -1.0).astype("float32")[None, :, None]
        ended.append(float(keras.ops.convert_to_numpy(keras.ops.cast(layer(x), "float32"))[0, 0]))
    assert ended[1] == pytest.approx(ended[0], rel=1e-2)


def test_in_half_precision_large_sums_are_normalised() -> None:
    cell = zoo.layers.LayerNormLSTMCell(2, dtype="mixed_float16")
    exact = zoo.layers.LayerNormLSTMCell(2)
    for each in (cell, exact):
        each.build((1, 1))
    for each in (cell, exact):
        each.set_weights([np.linspace(-1, 1, np.prod(w.shape)).reshape(w.shape) for w in exact.weights])
    x = np.full((1, 3, 1), 3000.0, "float32")
    ours, known = (
        np.asarray(keras.ops.convert_to_numpy(keras.layers.RNN(each, dtype=each.dtype_policy)(x)), "float32")
        for each in (cell, exact)
    )
    np.testing.assert_allclose(ours, known, atol=5e-3)


def test_a_cell_with_dropout_of_its_own_is_refused_inside_another() -> None:
    with pytest.raises(zoo.ZooError, match="GRUCell inside StateDropoutCell must have no dropout of its own"):
        zoo.layers.StateDropoutCell(keras.layers.GRUCell(UNITS, dropout=0.2))


@pytest.mark.parametrize(
    ("cell", "masks"),
    [(zoo.layers.StateDropoutCell(keras.layers.GRUCell(UNITS)), UNITS), (zoo.layers.ZoneoutLSTMCell(UNITS), 2 * UNITS)],
)
def test_inputs_without_masks_are_refused_where_a_cell_reads_them(cell, masks: int) -> None:
    with pytest.raises(zoo.ZooError, match=rf"{masks} masks behind them, not {masks} .*StateMasks\({masks}, rate\)"):
        cell.build((BATCH, masks))


@pytest.mark.parametrize("cell", [zoo.layers.SLSTMCell, zoo.layers.MinGRUCell])
@pytest.mark.parametrize("execution", ["looped", "chunked-2"])
def test_a_stack_of_cells_that_compute_in_float32_runs_in_mixed_precision(cell: type, execution: str) -> None:
    """Masked too, where the loop carries an output beside the states."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        layer = recurrent([cell(UNITS), cell(UNITS)], zoo.Execution.parse(execution))
        x = np.ones((BATCH, 5, FEATURES), "float32")
        for mask in (None, np.arange(5)[None] < np.full((BATCH, 1), 3)):
            assert np.isfinite(np.asarray(keras.ops.convert_to_numpy(layer(x, mask=mask)), "float32")).all()
        with pytest.raises(zoo.ZooError, match=r"compute in one type, not .* in float32 and .* in bfloat16"):
            recurrent([cell(UNITS), keras.layers.GRUCell(UNITS)], zoo.Execution.parse(execution))
    finally:
        keras.config.set_dtype_policy(policy)


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="JAX has float64 only where a program asks for it")
def test_a_normalisation_is_as_exact_as_its_type() -> None:
    cell = zoo.layers.LayerNormLSTMCell(3, dtype="float64")
    x = np.random.default_rng(0).normal(size=(2, 4, 2))
    output = keras.ops.convert_to_numpy(keras.layers.RNN(cell, dtype="float64")(x))
    kernel, recurrent, bias = cell.get_weights()[:3]
    assert output.dtype == np.float64
    assert kernel.dtype == recurrent.dtype == bias.dtype == np.float64
    single = zoo.layers.LayerNormLSTMCell(3)
    layer = keras.layers.RNN(single)
    layer.build((2, 4, 2))
    single.set_weights(cell.get_weights())
    difference = np.abs(output - keras.ops.convert_to_numpy(layer(x.astype("float32"))))
    assert 1e-9 < difference.max() < 1e-5  # of float32 alone
