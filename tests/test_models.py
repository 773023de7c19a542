"""Contracts over every entry of the zoo, on the backend that KERAS_BACKEND names."""

from __future__ import annotations

import itertools

import keras
import numpy as np
import pytest

import zoo
from tests import equations
from tests.models import (
    ALWAYS,
    BACKEND,
    COMPILED_ALWAYS,
    ENTRIES,
    EQUAL,
    EXECUTIONS,
    MAIN,
    NORMAL,
    PAIRS,
    UNITS,
    assert_runs_as_asked,
    batch,
    compiled,
    compiled_by_xla,
    computed_with_masks,
    looped,
    make,
    model,
    normal,
    outputs,
    skip_long_compilation,
    stepped,
    weights,
    without_dropout,
)
from zoo.measuring.prove import asked_paths, relative_difference

WRITTEN_OUT_COMPILED = ("lstm", "gru")
ONE_OF_EACH_KIND = {*ALWAYS, "min_gru", "state_dropout", "bidirectional_lstm"}
"""A cell, a stack, a scan, a mask of dropout at each step, two directions."""


def is_slow(entry: str, task: str, execution: str) -> bool:
    """Whether an arm waits for `pytest -m slow`: it puts together what other arms show two by two.

    Every execution runs with every entry on its main task, looped also compiled with one of each cell and topology,
    and on every task with the entries of ALWAYS. On JAX every entry runs on every task as it is usual there, compiled,
    and in chunks with one of each cell and topology; what runs operation by operation, with lstm. What is written out,
    in chunks or whole, XLA compiles of lstm and gru: it is the same steps again.
    """
    if task != MAIN[entry]:
        return entry not in ALWAYS or BACKEND == "jax"
    if BACKEND == "jax":
        if execution == NORMAL:
            return False
        if "jit" not in execution:  # operation by operation, some 100 times slower: nobody runs JAX so
            return entry != "lstm"
        return entry not in (WRITTEN_OUT_COMPILED if execution == "unrolled+jit" else COMPILED_ALWAYS)
    if "jit" not in execution:
        return False
    return entry not in (COMPILED_ALWAYS if execution == "looped+jit" else WRITTEN_OUT_COMPILED)


def has_graph(entry: str, task: str, execution: str) -> bool:
    """Whether TensorFlow traces an arm without jit: what others compute is compared too, but not which kernel ran.

    These are looped ones of every entry, and other loops of one of each kind.
    """
    if task != MAIN[entry]:
        return entry == "lstm"
    return execution == "looped" or entry in ONE_OF_EACH_KIND


ARMS = [
    pytest.param(entry, task, execution, marks=[pytest.mark.slow] * is_slow(entry, task, execution))
    for (entry, task), execution in itertools.product(PAIRS, EXECUTIONS)
    if (execution != "looped" or BACKEND != "torch") and (task == MAIN[entry] or "jit" not in execution)
]

each_pair = pytest.mark.parametrize(("entry", "task"), PAIRS)


@each_pair
def test_outputs_have_the_shape_of_the_targets(entry: str, task: str) -> None:
    y = batch(task).y
    sparse = zoo.get_task(task).loss.startswith("sparse")
    expected = (*y.shape, zoo.get_task(task).outputs) if sparse else y.shape
    assert looped(entry, task)["outputs"].shape == expected


@pytest.mark.parametrize(("entry", "task", "execution"), ARMS)
def test_every_execution_gives_the_outputs_and_gradients_of_looped(entry: str, task: str, execution: str) -> None:
    skip_long_compilation(entry, execution)
    made = model(entry, task, execution)
    assert_runs_as_asked(made, execution)
    if BACKEND == "tensorflow" and not made.jit_compile and not has_graph(entry, task, execution):
        assert_equal(stepped(made, task), looped(entry, task))
        return
    if BACKEND == "tensorflow" and made.jit_compile and entry not in ONE_OF_EACH_KIND:  # of the same loops as those
        assert_equal(compiled_by_xla(made, task), looped(entry, task))
        return
    is_looped = execution == NORMAL and BACKEND != "tensorflow"
    ran = normal(entry, task) if is_looped else compiled(made, task)
    if not is_looped:
        assert_equal(ran.tensors, looped(entry, task))
    how = zoo.Execution.parse(execution)
    assert ran.kernel_path in asked_paths(how, BACKEND, batch(task).steps), ran.kernel_evidence


def assert_equal(tensors: dict[str, np.ndarray], known: dict[str, np.ndarray]) -> None:
    differences = relative_difference(tensors, known)
    assert len(differences) >= 4
    assert max(differences.values()) <= EQUAL, differences


@pytest.mark.parametrize("entry", ENTRIES)
def test_every_weight_gets_a_gradient(entry: str) -> None:
    tensors = looped(entry, MAIN[entry])
    assert all(np.abs(tensor).max() > 0 for tensor in tensors.values())


@each_pair
def test_an_entry_computes_its_equations(entry: str, task: str) -> None:
    declared, (x, y) = zoo.get_task(task), batch(task)
    named = {name.removeprefix(f"{entry}/"): w.astype("float64") for name, w in weights(entry, task).items()}
    target_steps = y.shape[1] if declared.topology != "sequence_to_vector" else None
    x = x if isinstance(x, tuple) else x.astype("float64")
    known = equations.outputs(entry, zoo.get_entry(entry).cell, x, target_steps, named, declared.activation)
    result = without_dropout(entry, looped(entry, task))["outputs"]
    if isinstance(x, tuple):  # steps after the end of a sequence do not count
        known, result = known[y != 0], result[y != 0]
    # float64 against float32: rounding of 6e-8 a product, over the steps
    assert relative_difference({"outputs": result}, {"outputs": known})["outputs"] < EQUAL


def test_the_neuron_is_keras_simple_rnn_in_outputs_and_gradients() -> None:
    by_hand = weights("neuron", "wave")
    kernel, bias = by_hand["neuron/recurrent/kernel"], by_hand["neuron/recurrent/bias"]
    theirs = make("simple_rnn", "wave")
    zoo.set_weights(
        theirs,
        {
            "simple_rnn/recurrent/kernel": kernel[:1],
            "simple_rnn/recurrent/recurrent_kernel": kernel[1:],
            "simple_rnn/recurrent/bias": bias,
            "simple_rnn/output/kernel": by_hand["neuron/output/kernel"],
            "simple_rnn/output/bias": by_hand["neuron/output/bias"],
        },
    )
    known = {k.removeprefix("simple_rnn/"): v for k, v in computed_with_masks(theirs, batch("wave")).items()}
    known["recurrent/kernel"] = np.concatenate([known["recurrent/kernel"], known.pop("recurrent/recurrent_kernel")])
    ours = {name.removeprefix("neuron/"): tensor for name, tensor in looped("neuron", "wave").items()}
    assert ours.keys() == known.keys()
    differences = relative_difference(ours, known)
    assert max(differences.values()) <= EQUAL, differences


@pytest.mark.parametrize(("entry", "layer"), [("lstm", "LSTM"), ("gru", "GRU"), ("simple_rnn", "SimpleRNN")])
@pytest.mark.parametrize("execution", ["looped", "unrolled"])
def test_an_entry_is_the_keras_layer_on_its_generic_path(entry: str, layer: str, execution: str) -> None:
    options = {} if layer == "SimpleRNN" else {"use_cudnn": False}
    made = getattr(keras.layers, layer)(UNITS, return_sequences=True, unroll=execution == "unrolled", **options)
    inputs = keras.Input(batch("wave").x.shape[1:])
    theirs = keras.Model(inputs, keras.layers.Dense(1)(made(inputs)))
    ours = model(entry, "wave", execution)
    theirs.set_weights(ours.get_weights())
    x = batch("wave").x
    known = {"outputs": outputs(theirs, x)}
    assert relative_difference({"outputs": outputs(ours, x)}, known)["outputs"] <= EQUAL
    if BACKEND == "tensorflow":
        assert graph_nodes(theirs) == graph_nodes(ours)


def graph_nodes(made: keras.Model) -> int:
    import tensorflow as tf

    traced = tf.function(lambda x: made(x, training=True)).get_concrete_function(batch("wave").x).graph.as_graph_def()
    return len(traced.node) + sum(len(function.node_def) for function in traced.library.function)


WITHOUT = {
    "input_dropout": "stacked_rnn",
    "output_dropout": "stacked_rnn",
    "state_dropout": "stacked_rnn",
    "recurrent_dropout": "stacked_rnn",
    "recurrent_dropout_lstm": "lstm",  # of one layer: see LAYERS
}


def test_every_entry_with_dropout_has_one_without() -> None:
    drops = {entry for entry in ENTRIES if zoo.get_entry(entry).drops()}
    assert {*WITHOUT, "zoneout_lstm"} == drops  # without training that one is a mean of its states: tests/equations.py


@pytest.mark.parametrize("entry", WITHOUT)
def test_dropout_is_off_at_inference(entry: str) -> None:
    plain = make(WITHOUT[entry], "wave")
    theirs = weights(entry, "wave").items()
    zoo.set_weights(plain, {name.replace(entry, WITHOUT[entry], 1): array for name, array in theirs})
    x = batch("wave").x
    expected = {"outputs": outputs(plain, x)}
    # Without its masks the sums are the same; but Keras adds an LSTM's gates in another order with dropout.
    allowed = 1e-6 if "lstm" in entry else 0
    assert relative_difference({"outputs": outputs(model(entry, "wave"), x)}, expected)["outputs"] <= allowed
    trained = looped(entry, "wave")
    assert relative_difference({"outputs": trained["outputs"]}, expected)["outputs"] > 1e-3


PROJECTIONS = ("time_distributed_projection", "dense_projection", "reshape_projection")


@pytest.mark.parametrize("entry", PROJECTIONS[1:])
def test_projections_give_the_same_numbers_from_the_same_weights(entry: str) -> None:
    names = {name.partition("/")[2]: array for name, array in weights(PROJECTIONS[0], "wave").items()}
    made = make(entry, "wave")
    zoo.set_weights(made, {f"{entry}/{name}": array for name, array in names.items()})
    tensors = computed_with_masks(made, batch("wave"))
    ours = {name.partition("/")[2] or name: tensor for name, tensor in tensors.items()}
    theirs = {name.partition("/")[2] or name: tensor for name, tensor in looped(PROJECTIONS[0], "wave").items()}
    differences = relative_difference(ours, theirs)
    assert max(differences.values()) <= EQUAL, differences
