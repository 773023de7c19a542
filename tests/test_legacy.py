"""The originals, `static_rnn` and `dynamic_rnn`: the looped arm's numbers, in a process forked as the launcher does.

Only a process that was started with TF_USE_LEGACY_KERAS=1 may run them. So one is started for the file, which imports
what they need and then answers each call from a child that it forks.
"""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

import zoo
from tests.forked import Call, started
from zoo import Execution
from zoo.measuring.batch import first_batch, sequence_lengths
from zoo.measuring.case import Case
from zoo.measuring.prove import Computed, relative_difference
from zoo.measuring.runners import legacy

pytestmark = [
    pytest.mark.skipif(find_spec("tf_keras") is None, reason="the cells of TensorFlow 1 live in tf_keras"),
    pytest.mark.skipif(
        os.environ.get("KERAS_BACKEND", "tensorflow") != "tensorflow", reason="the legacy arms are TensorFlow's"
    ),
]

UNITS = 7
BATCH = 5
ENTRIES = list(legacy.V1_CELLS)
TASKS = ("digits_rows", "wave")
EQUAL = 1e-5  # see tests/test_models.py

each_entry = pytest.mark.parametrize("entry", ENTRIES)
each_task = pytest.mark.parametrize("task", TASKS)
each_loop = pytest.mark.parametrize("loop", ["static", "dynamic"])


@pytest.fixture(scope="module")
def forked() -> Iterator[Call]:
    yield from started(legacy.ENVIRONMENT)


def case_of(entry: str, task: str, loop: str, **changes: Any) -> Case:
    target = zoo.get_task(task)
    steps = 6 if task == "wave" else target.steps  # a static graph grows with them
    sizes = {"batch": BATCH, "steps": steps, "features": target.features, "units": UNITS, **changes}
    return Case(entry, task, Execution(loop, runner="legacy"), "tensorflow", "cpu", **sizes)


def batch_of(case: Case) -> zoo.Split:
    return first_batch(case)


def model(case: Case) -> Any:
    """The Keras model of the looped arm."""
    masked = case.masked != "none"
    return zoo.create_model(
        case.entry, case.task, units=case.units, steps=case.steps, masked=masked, optimizer=case.optimizer
    )


@functools.cache
def weights(entry: str, task: str) -> dict[str, np.ndarray]:
    """Weights away from their initial values: a bias of zero would hide a bias that is ignored."""
    rng = np.random.default_rng(0)
    initial = zoo.get_weights(model(case_of(entry, task, "dynamic")))  # whatever the loop
    return {name: rng.normal(0, 0.4, array.shape).astype(array.dtype) for name, array in initial.items()}


@functools.cache
def looped(case: Case) -> dict[str, np.ndarray]:
    from tests.models import passed  # not above: it compiles, and what a child imports must start no thread

    made = model(case)
    zoo.set_weights(made, weights(case.entry, case.task))
    return passed(made, batch_of(case), training=True)


def assert_equal_to_looped(ran: Computed, case: Case) -> None:
    theirs = looped(replace(case, execution=Execution()))
    ours = ran.tensors
    assert {name: tensor.shape for name, tensor in ours.items()} == {name: t.shape for name, t in theirs.items()}
    differences = relative_difference(ours, theirs)
    assert max(differences.values()) <= EQUAL, differences


@pytest.mark.parametrize(("entry", "task"), [*((entry, "wave") for entry in ENTRIES), ("lstm", "digits_rows")])
@each_loop
def test_the_originals_give_the_outputs_and_gradients_of_looped(forked: Call, entry: str, task: str, loop: str) -> None:
    case = case_of(entry, task, loop)
    ran = forked(legacy.computed, case, batch_of(case), weights(entry, task))
    assert_equal_to_looped(ran, case)
    path, evidence = {"static": ("flat", "no loop among "), "dynamic": ("while", "node rnn/while/LoopCond, op ")}[loop]
    assert ran.kernel_path == path
    assert ran.kernel_evidence.startswith(evidence)
    assert ran.graph_kind == "v1_graph"
    assert ran.trace_seconds > 0
    assert ran.compile_seconds >= 0


def test_initial_values_come_back_as_weights_that_give_the_same_numbers(forked: Call) -> None:
    case = case_of("lstm", "wave", "dynamic")
    drawn = forked(legacy.computed, case, batch_of(case), None)
    assert {name: w.shape for name, w in drawn.weights.items()} == {
        name: w.shape for name, w in weights("lstm", "wave").items()
    }
    given = forked(legacy.computed, case, batch_of(case), drawn.weights)
    assert max(relative_difference(given.tensors, drawn.tensors).values()) <= EQUAL


def nodes_of(cases: list[Case], batches: list[zoo.Split]) -> list[int | None]:
    """In a child: the size of the graph of each case."""
    return [legacy.computed(case, batch, None).graph_nodes for case, batch in zip(cases, batches, strict=True)]


def test_a_static_graph_grows_with_the_steps_and_a_dynamic_one_does_not(forked: Call) -> None:
    sizes = list(itertools.product(["static", "dynamic"], (5, 20)))
    cases = [case_of("lstm", "wave", loop, steps=steps) for loop, steps in sizes]
    nodes = dict(zip(sizes, forked(nodes_of, cases, [batch_of(case) for case in cases]), strict=True))
    assert nodes["static", 20] > 2 * nodes["static", 5]
    assert nodes["dynamic", 20] == nodes["dynamic", 5]
    assert nodes["static", 20] > 2 * nodes["dynamic", 20]


def hidden_and_its_gradient(case: Case, batch: zoo.Split) -> tuple[np.ndarray, np.ndarray]:
    """In a child: what the dense layer gets, and the gradient of the loss by the inputs."""
    v1 = legacy.tensorflow_1(case.device)
    with v1.Graph().as_default(), v1.Session() as session:
        network = legacy.build(case)
        (gradient,) = v1.gradients(network.loss, [network.inputs])
        session.run(v1.global_variables_initializer())
        return session.run((network.hidden, gradient), legacy.feeds(network, batch))


@each_loop
def test_past_its_length_a_sequence_has_zero_outputs_and_no_gradient(forked: Call, loop: str) -> None:
    case = case_of("lstm", "wave", loop, masked="uniform", seed=1)
    lengths = sequence_lengths(batch_of(case).x)
    assert lengths.min() < case.steps
    past = np.arange(case.steps) >= lengths[:, None]
    hidden, gradient = forked(hidden_and_its_gradient, case, batch_of(case))
    assert (hidden[past] == 0).all()
    assert (hidden[~past] != 0).all()
    assert (gradient[past] == 0).all()
    assert (gradient[~past] != 0).all()


@each_entry
@each_loop
def test_the_last_output_is_the_state_at_the_length(forked: Call, entry: str, loop: str) -> None:
    case = case_of(entry, "digits_rows", loop, masked="uniform")
    assert sequence_lengths(batch_of(case).x).min() < case.steps
    ran = forked(legacy.computed, case, batch_of(case), weights(entry, "digits_rows"))
    assert_equal_to_looped(ran, case)  # Keras masks what first_batch has padded: the same lengths


@pytest.mark.parametrize("masked", ["none", "full", "uniform"])
def test_a_session_is_fed_the_lengths_that_the_padding_of_its_batch_shows(masked: str) -> None:
    """They are drawn once: Keras masks the padding that TensorFlow 1 is given as lengths."""
    case = case_of("lstm", "digits_rows", "dynamic", masked=masked, seed=3)
    batch = batch_of(case)
    network = legacy.Network(*"xy", None if masked == "none" else "lengths", *"hol", {})
    fed = legacy.feeds(network, batch)
    padded = (batch.x == zoo.PADDING).all(axis=-1)
    if masked == "none":
        assert fed.keys() == {"x", "y"}
    else:
        assert fed["lengths"].dtype == np.int32
        assert fed["lengths"].tolist() == [case.steps - row.sum() for row in padded]
        assert padded.any() == (masked == "uniform")


@each_loop
def test_full_lengths_change_no_number(forked: Call, loop: str) -> None:
    case = case_of("lstm", "wave", loop, masked="full")
    ran = forked(legacy.computed, case, batch_of(case), weights("lstm", "wave"))
    assert_equal_to_looped(ran, replace(case, masked="none"))


def two_steps_then_predict(case: Case, batch: zoo.Split, begun: dict[str, np.ndarray]) -> tuple[Any, ...]:
    """In a child: two training steps, and the outputs after them."""
    runner = legacy.prepare(case, batch, begun)
    train, predict = runner.phases["train"], runner.phases["predict"]
    return float(train()), float(train()), predict(), runner.parameters, runner.peak_device_bytes()


@each_task
@each_loop
def test_a_training_step_is_keras_sgd(forked: Call, task: str, loop: str) -> None:
    case = case_of("lstm", task, loop)
    batch = batch_of(case)
    *losses, outputs, parameters, peak = forked(two_steps_then_predict, case, batch, weights("lstm", task))
    made = model(case)
    made.run_eagerly = True  # tracing takes far longer than two steps
    zoo.set_weights(made, weights("lstm", task))
    expected = []
    for _ in range(2):
        made.reset_metrics()
        expected.append(float(made.train_on_batch(*batch)[0]))
    np.testing.assert_allclose(losses, expected, rtol=EQUAL)
    after = {"outputs": made.predict_on_batch(batch.x)}
    assert relative_difference({"outputs": outputs}, after)["outputs"] <= EQUAL
    assert parameters == made.count_params()
    assert peak is None


def train_from_initial_values(case: Case, batch: zoo.Split, floor: bool) -> tuple[float, float, tuple[int, ...]]:
    """In a child: the losses before and after 10 steps, and the shape of the outputs."""
    runner = (legacy.prepare_floor if floor else legacy.prepare)(case, batch)
    losses = [float(runner.phases["train"]()) for _ in range(10)]
    return losses[0], losses[-1], runner.phases["predict"]().shape


@each_task
@pytest.mark.parametrize("floor", [False, True])
def test_it_trains_from_its_own_initial_values(forked: Call, task: str, floor: bool) -> None:
    case = case_of("one_dense" if floor else "neuron", task, "dynamic")
    first, last, shape = forked(train_from_initial_values, case, batch_of(case), floor)
    assert last < first
    outputs = zoo.get_task(task).outputs
    assert shape == ((BATCH, outputs) if task == "digits_rows" else (BATCH, case.steps, outputs))


def swapping_stacks(case: Case) -> list[bool]:
    """In a child: whether each stack of activations may be swapped out, as its node says."""
    v1 = legacy.tensorflow_1(case.device)
    with v1.Graph().as_default() as graph:
        network = legacy.build(case)
        v1.gradients(network.loss, list(network.variables.values()))
        return [node.attr["swap_memory"].b for node in graph.as_graph_def().node if node.op == "StackPushV2"]


@pytest.mark.parametrize("memory", ["store", "swap"])
def test_swap_memory_reaches_the_stacks_of_dynamic_rnn(forked: Call, memory: str) -> None:
    case = replace(case_of("lstm", "wave", "dynamic"), execution=Execution("dynamic", memory=memory, runner="legacy"))
    stacks = forked(swapping_stacks, case)
    assert len(stacks) > 0
    assert set(stacks) == {memory == "swap"}


def peephole_of_tensorflow_1(x: np.ndarray, weights: dict[str, np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
    """In a child: every output and the gradients of their sum of squares, by `LSTMCell(use_peepholes=True)`."""
    import warnings

    v1 = legacy.tensorflow_1("cpu")
    with v1.Graph().as_default():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cell = v1.nn.rnn_cell.LSTMCell(UNITS, use_peepholes=True)
        outputs, _ = v1.nn.dynamic_rnn(cell, v1.constant(x), dtype=v1.float32)
        named = {variable.name.rpartition("/")[2].removesuffix(":0"): variable for variable in cell.weights}
        order = ["kernel", "bias", "w_i_diag", "w_f_diag", "w_o_diag"]
        gradients = v1.gradients(v1.reduce_sum(outputs**2), [named[name] for name in order])
        with v1.Session() as session:
            for name, array in weights.items():
                named[name].load(array, session)
            return session.run((outputs, gradients))


def test_the_peephole_cell_is_that_of_tensorflow_1(forked: Call) -> None:
    import keras
    import tensorflow as tf

    from zoo.layers import PeepholeLSTMCell

    rng, features = np.random.default_rng(0), 3
    x = rng.normal(size=(BATCH, 6, features)).astype("float32")
    kernel, bias, peepholes = (
        rng.normal(0, 0.5, shape).astype("float32") for shape in [(features + UNITS, 4 * UNITS), 4 * UNITS, (3, UNITS)]
    )
    theirs = dict(zip(["w_i_diag", "w_f_diag", "w_o_diag"], peepholes, strict=True))
    outputs, gradients = forked(peephole_of_tensorflow_1, x, {"kernel": kernel, "bias": bias, **theirs})
    layer = keras.layers.RNN(PeepholeLSTMCell(UNITS), return_sequences=True)
    layer.build(x.shape)
    ours = [turned(kernel)[:features], turned(kernel)[features:], peepholes, turned(bias)]
    ours[3][UNITS : 2 * UNITS] += 1  # the cell of TensorFlow 1 adds its forget_bias
    layer.set_weights(ours)
    with tf.GradientTape() as tape:
        keras_outputs = layer(x)
        squares = tf.reduce_sum(keras_outputs**2)
    keras_gradients = tape.gradient(squares, [weight.value for weight in layer.trainable_variables])
    expected = [*np.split(turned(gradients[0]), [features]), np.stack(gradients[2:]), turned(gradients[1])]
    pairs = {"outputs": (keras_outputs.numpy(), outputs)}
    pairs |= {str(i): (f.numpy(), k) for i, (f, k) in enumerate(zip(keras_gradients, expected, strict=True))}
    differences = relative_difference({n: f for n, (f, _) in pairs.items()}, {n: k for n, (_, k) in pairs.items()})
    assert max(differences.values()) <= EQUAL, differences


def turned(array: np.ndarray) -> np.ndarray:
    """Gates i, g, f, o of TensorFlow 1 in Keras' order i, f, g, o."""
    i, g, f, o = np.split(array, 4, axis=-1)
    return np.concatenate([i, f, g, o], axis=-1)
