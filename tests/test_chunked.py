"""ChunkedRNN gives what keras.layers.RNN gives: outputs, states and gradients, whatever the cell, mask and steps."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import zoo
from benchmarks.profiles import ONE_OF_EACH_CELL
from tests.gradients import gradients
from zoo.execution import automatic_chunk
from zoo.layers import ChunkedRNN, LayerNormLSTMCell, NeuronCell, PeepholeLSTMCell, StateDropoutCell
from zoo.measuring.prove import compute, relative_difference

BATCH, FEATURES, UNITS = 4, 3, 5
EQUAL = 1e-5  # as in test_models.py: the same products, in another order of additions
CELLS = {
    "simple_rnn": lambda: keras.layers.SimpleRNNCell(UNITS),
    "lstm": lambda: keras.layers.LSTMCell(UNITS),
    "gru": lambda: keras.layers.GRUCell(UNITS),
    "neuron": lambda: NeuronCell(UNITS),
    "peephole": lambda: PeepholeLSTMCell(UNITS),
    "layer_norm": lambda: LayerNormLSTMCell(UNITS),
    "stacked": lambda: [keras.layers.LSTMCell(UNITS), keras.layers.GRUCell(UNITS)],
}
OPTIONS = {
    "last": {},
    "sequences": {"return_sequences": True},
    "states": {"return_sequences": True, "return_state": True},
    "backwards": {"return_sequences": True, "go_backwards": True},
    "zeros": {"return_sequences": True, "zero_output_for_mask": True},
}
CHUNKS = {"1": (7, 1), "not dividing": (7, 3), "dividing": (6, 3), "all": (7, 7), "more": (7, 16)}  # steps and chunk
LENGTHS = np.array([7, 1, 4, 5])


def data(steps: int, masked: bool) -> tuple[np.ndarray, np.ndarray | None]:
    x = np.random.default_rng(0).normal(size=(BATCH, steps, FEATURES)).astype("float32")
    return x, np.arange(steps) < LENGTHS[:, None] if masked else None


def pair(cell, chunk, memory="store", **options):
    """A ChunkedRNN and Keras' RNN around cells of the same weights."""
    keras.utils.set_random_seed(0)
    ours, known = ChunkedRNN(cell(), chunk, memory, **options), keras.layers.RNN(cell(), **options)
    for layer in (ours, known):
        layer.build((BATCH, None, FEATURES))
    rng = np.random.default_rng(1)
    values = [rng.normal(0, 0.5, variable.shape) for variable in known.trainable_variables]
    for layer in (ours, known):
        for variable, value in zip(layer.trainable_variables, values, strict=True):
            variable.assign(value)
    return ours, known


def computed(layer, x, mask=None, graph=False, **call) -> dict[str, np.ndarray]:
    """Everything that the layer gives, and the gradients of the sum of its squares, by Keras on every backend."""
    outputs, result = gradients(layer, x, graph, mask=mask, **call)
    named = {f"output {i}": each for i, each in enumerate(outputs)}
    return named | {f"gradient {i}": each for i, each in enumerate(result)}


def assert_equal(ours, known, x, mask=None, graph=False, **call) -> None:
    """That they compute the same: with `graph` ours in one of TensorFlow, where its loop is another."""
    differences = relative_difference(computed(ours, x, mask, graph, **call), computed(known, x, mask, **call))
    assert max(differences.values()) <= EQUAL, differences


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_gives_what_it_gives_in_keras_rnn(cell: str, masked: bool) -> None:
    assert_equal(*pair(CELLS[cell], 3, **OPTIONS["states"]), *data(7, masked))


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_does_what_it_does_in_keras_rnn(option: str, masked: bool) -> None:
    assert_equal(*pair(CELLS["lstm"], 3, **OPTIONS[option]), *data(7, masked), graph=masked)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("chunk", CHUNKS)
def test_chunks_that_divide_the_steps_or_not(chunk: str, masked: bool) -> None:
    steps, size = CHUNKS[chunk]
    assert_equal(*pair(CELLS["gru"], size, **OPTIONS["sequences"]), *data(steps, masked))


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("option", OPTIONS)
def test_steps_that_are_not_known_at_build_time(option: str, masked: bool) -> None:
    ours, known = pair(CELLS["lstm"], 3, **OPTIONS[option])
    inputs, masks = keras.Input((None, FEATURES)), keras.Input((None,), dtype="bool")
    run = of_any_steps(keras.Model([inputs, masks], ours(inputs, mask=masks if masked else None)))
    for steps in (7, 6, 2):
        x, mask = data(steps, True)
        given, expected = (keras.tree.flatten(each) for each in (run(x, mask), known(x, mask=mask if masked else None)))
        for one, other in zip(given, expected, strict=True):
            numbers = (keras.ops.convert_to_numpy(each) for each in (one, other))
            np.testing.assert_allclose(*numbers, rtol=1e-4, atol=1e-6)


def of_any_steps(model: keras.Model):
    """A function of sequences and masks: on TensorFlow one graph for any number of steps."""
    if keras.backend.backend() != "tensorflow":
        return lambda x, mask: model.predict_on_batch((x, mask))
    import tensorflow as tf

    signature = [tf.TensorSpec((None, None, FEATURES)), tf.TensorSpec((None, None), tf.bool)]
    return tf.function(lambda x, mask: model((x, mask)), signature, autograph=False)


@pytest.mark.parametrize("memory", ["recompute", "offload"])
@pytest.mark.parametrize("cell", CELLS)
def test_where_activations_are_kept_changes_no_number(cell: str, memory: str) -> None:
    if memory == "offload" and keras.backend.backend() == "tensorflow":
        pytest.skip("TensorFlow moves no activations to the host")
    x, mask = data(7, True)
    ours, known = pair(CELLS[cell], 3, memory=memory, return_sequences=True)
    assert_equal(ours, known, x, graph=cell == "lstm")
    assert_equal(ours, known, x, mask, graph=cell == "lstm")


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="of TensorFlow's loops alone may turns overlap")
def test_no_chunk_is_computed_again_before_the_one_after_it() -> None:
    """Else it saves nothing: Keras' loop, with 32 turns at once, held 0.6 of what storing holds, and this 0.24."""
    import tensorflow as tf

    layer, _ = pair(CELLS["lstm"], 3, memory="recompute")

    @tf.function
    def gradients(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(layer(x))
        return tape.gradient(loss, [variable.value for variable in layer.trainable_variables])

    graph = gradients.get_concrete_function(tf.constant(data(7, False)[0])).graph.as_graph_def()
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    loops = [node for node in nodes if node.op in ("While", "StatelessWhile")]
    assert len(loops) >= 4  # over the chunks and over the steps of one, there and back
    assert {node.attr["parallel_iterations"].i for node in loops} == {1}


def test_dropout_masks_are_drawn_before_the_loop() -> None:
    x, _ = data(7, False)
    cell = lambda: keras.layers.LSTMCell(UNITS, dropout=0.5, recurrent_dropout=0.5, seed=7)  # noqa: E731
    ours, known = pair(cell, 3, return_sequences=True)
    assert_equal(ours, known, x)
    given = [keras.ops.convert_to_numpy(layer(x, training=True)) for layer in (ours, known)]
    np.testing.assert_allclose(*given, rtol=1e-5)


@pytest.mark.parametrize("memory", ["store", "recompute"])
def test_training_sees_the_masks_of_its_forward_pass(memory: str) -> None:
    eagerly = memory == "store" and keras.backend.backend() == "tensorflow"  # nothing is drawn or traced again
    x, _ = data(7, False)
    cell = lambda: keras.layers.LSTMCell(UNITS, dropout=0.5, recurrent_dropout=0.5, seed=7)  # noqa: E731
    trained = []
    for layer in pair(cell, 3, memory=memory):
        model = keras.Sequential([keras.Input(x.shape[1:]), layer])
        model.compile("sgd", "mse", jit_compile=False, run_eagerly=eagerly)
        model.train_on_batch(x, np.ones((BATCH, UNITS), "float32"))
        trained.append(dict(enumerate(model.get_weights())))
    assert max(relative_difference(*trained).values()) <= EQUAL


def test_initial_states_and_stateful_pieces() -> None:
    x, _ = data(6, False)
    ours, known = pair(CELLS["lstm"], 2, return_sequences=True)
    states = [np.full((BATCH, UNITS), value, "float32") for value in (0.3, -0.2)]
    assert_equal(ours, known, x, initial_state=states)
    keras.utils.set_random_seed(0)
    stateful = ChunkedRNN(keras.layers.LSTMCell(UNITS), 2, return_sequences=True, stateful=True)
    stateful.build((BATCH, 3, FEATURES))
    for variable, value in zip(stateful.trainable_variables, known.trainable_variables, strict=True):
        variable.assign(value)
    pieces = [keras.ops.convert_to_numpy(stateful(x[:, part])) for part in (slice(0, 3), slice(3, 6))]
    np.testing.assert_allclose(np.concatenate(pieces, 1), keras.ops.convert_to_numpy(known(x)), rtol=1e-4, atol=1e-6)


def test_both_directions_saving_and_mixed_precision(tmp_path) -> None:
    x, _ = data(7, False)
    inputs = keras.Input((7, FEATURES))
    layer = ChunkedRNN(keras.layers.LSTMCell(UNITS, dtype="mixed_bfloat16"), 3, dtype="mixed_bfloat16")
    outputs = keras.layers.Bidirectional(layer)(inputs)
    model = keras.Model(inputs, outputs)
    assert model.outputs[0].shape == (None, 2 * UNITS)
    assert layer.compute_dtype == "bfloat16"
    model.save(tmp_path / "model.keras")
    again = zoo.load_model(tmp_path / "model.keras")
    assert again.layers[1].forward_layer.chunk == 3
    np.testing.assert_array_equal(model.predict_on_batch(x), again.predict_on_batch(x))


def test_a_cell_of_the_users_own_and_a_state_dropout() -> None:
    x, _ = data(5, False)
    wide = np.concatenate([x, np.ones((BATCH, 5, UNITS), "float32")], axis=-1)
    cell = lambda: StateDropoutCell(keras.layers.GRUCell(UNITS))  # noqa: E731
    keras.utils.set_random_seed(0)
    ours, known = ChunkedRNN(cell(), 2), keras.layers.RNN(cell())
    for layer in (ours, known):
        layer.build((BATCH, 5, FEATURES + UNITS))
    ours.set_weights(known.get_weights())
    np.testing.assert_allclose(*(keras.ops.convert_to_numpy(layer(wide)) for layer in (ours, known)), rtol=1e-5)


def test_a_subclass_of_a_cell_of_keras_is_computed_again() -> None:
    class Mine(keras.layers.LSTMCell):
        pass

    keras.utils.set_random_seed(0)
    ours, known = ChunkedRNN(Mine(UNITS), 2, "recompute"), keras.layers.RNN(Mine(UNITS))
    x, _ = data(5, False)
    for layer in (ours, known):
        layer.build(x.shape)
    ours.set_weights(known.get_weights())
    np.testing.assert_allclose(*(keras.ops.convert_to_numpy(layer(x)) for layer in (ours, known)), rtol=1e-5)


class NoisyCell(keras.layers.Layer):
    """A cell that draws a mask at each step."""

    def __init__(self, units: int, **options) -> None:
        super().__init__(**options)
        self.state_size = self.output_size = units
        self.inner, self.drop = keras.layers.SimpleRNNCell(units), keras.layers.Dropout(0.5)

    def build(self, shape) -> None:
        self.inner.build(shape)

    def call(self, inputs, states, training=False):
        output, states = self.inner(inputs, states)
        return self.drop(output, training=training), states


def test_a_cell_that_draws_numbers_is_not_computed_again() -> None:
    x, _ = data(5, False)
    for training in (False, True):
        assert ChunkedRNN(NoisyCell(UNITS), 2)(x, training=training).shape == (BATCH, UNITS)
    with pytest.raises(zoo.ZooError, match="computed again it would give other numbers"):
        ChunkedRNN(NoisyCell(UNITS), 2, memory="recompute")(x)


WRONG = {
    "chunk must be a positive whole number or 'auto', not 0": {"chunk": 0},
    "chunk must be a positive whole number or 'auto', not 2.5": {"chunk": 2.5},
    "chunk must be a positive whole number or 'auto', not True": {"chunk": True},
    "unknown memory 'recomputed'; did you mean 'recompute'?": {"memory": "recomputed"},
    "a chunked loop takes no unroll: a chunk of all steps writes out all steps": {"unroll": True},
}


@pytest.mark.parametrize("message", WRONG)
def test_wrong_options_are_one_line(message: str) -> None:
    with pytest.raises(zoo.ZooError) as refused:
        ChunkedRNN(keras.layers.LSTMCell(2), **WRONG[message])
    assert message in str(refused.value)


def test_a_chunk_may_be_a_whole_number_of_numpy() -> None:
    assert type(ChunkedRNN(keras.layers.LSTMCell(2), np.int64(2)).get_config()["chunk"]) is int


@pytest.mark.parametrize(
    ("steps", "backend", "device", "chunk"),
    [
        (49, "tensorflow", "cpu", 1),
        (50, "tensorflow", "cpu", 4),
        (None, "tensorflow", "cpu", 1),
        (1000, "jax", "cpu", 1),
        (1000, "jax", "gpu", 4),
    ],
)
def test_auto_is_the_loop_where_chunks_were_not_shown_to_gain(steps, backend: str, device: str, chunk: int) -> None:
    assert automatic_chunk(steps, backend=backend, device=device) == chunk


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="torch builds no graph")
def test_the_graph_grows_with_the_chunk() -> None:
    """A chunk's steps stand in the body of the loop, and only they."""
    batch = zoo.load_task("wave", steps=12).train.first(2)
    jit = keras.backend.backend() == "jax"
    executions = [zoo.Execution("chunked", jit, chunk=chunk) for chunk in (1, 2, 4)]
    models = [zoo.create_model("lstm", "wave", execution, units=3, steps=12) for execution in executions]
    nodes = [compute(model, batch).graph_nodes for model in models]
    assert nodes[1] - nodes[0] == pytest.approx((nodes[2] - nodes[1]) / 2, rel=0.3)
    assert nodes[0] < nodes[1]


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="the rule of JAX and a CPU")
@pytest.mark.parametrize("entry", ONE_OF_EACH_CELL)
def test_auto_on_jax_and_a_cpu_is_the_program_of_the_loop(entry: str) -> None:
    """So that its time needs no measuring: forward and backward, one lowered program is the other to the letter."""
    import jax

    x, y = (np.asarray(array) for array in zoo.load_task("wave", steps=20).train.first(2))

    def program(execution: str) -> str:
        model = zoo.create_model(entry, "wave", execution, units=3, steps=20)
        fixed = [variable.value for variable in model.non_trainable_variables]

        def loss(weights):
            outputs, _ = model.stateless_call(weights, fixed, x, training=True)
            return ((outputs - y) ** 2).mean()

        return jax.jit(jax.value_and_grad(loss)).lower([v.value for v in model.trainable_variables]).as_text()

    assert program("chunked-auto+jit") == program("looped+jit")
