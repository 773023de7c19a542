"""Contracts over every entry of the zoo, on the backend that KERAS_BACKEND names."""

from __future__ import annotations

import functools
import itertools
import subprocess
import sys

import keras
import numpy as np
import pytest

import zoo
from tests import equations
from tests.models import (
    BACKEND,
    ENTRIES,
    EQUAL,
    MAIN,
    PAIRS,
    UNITS,
    batch,
    computed,
    computed_with_masks,
    computed_without_dropout,
    looped,
    make,
    model,
    outputs,
    time_loops,
    weights,
    without_dropout,
)
from zoo.measuring.prove import asked_paths, compute, relative_difference

EXECUTIONS = [str(e) for e in zoo.EXECUTIONS if e.loop in ("looped", "unrolled", "chunked")]
EXECUTIONS = [e.replace("auto", "2") if "recompute" not in e else e for e in EXECUTIONS]  # on JAX "auto" is the loop
FORECASTERS = [entry for entry, task in PAIRS if task == "wave"]
ALWAYS = ("lstm", "gru", "stacked_rnn")
"""Entries of which every arm runs whenever tests run: on every task, and chunks compiled by XLA too."""
COMPILED = {(zoo.get_entry(e).cell, task): e for e, task in MAIN.items() if not zoo.get_entry(e).drops()}
"""Of each cell and topology the entry whose loops XLA compiles whenever tests run; others of them have the same loops.

Dropout is compiled where it stands inside the loop: with one mask for all steps, and with a new one each step.
"""
COMPILED_ALWAYS = {*ALWAYS, *COMPILED.values(), "recurrent_dropout", "state_dropout"}


def is_slow(entry: str, task: str, execution: str) -> bool:
    """Whether an arm waits for `pytest -m slow`: it puts together what other arms show two by two.

    Every execution runs with every entry on its main task, compiled with one of each cell and topology, and on every
    task with the entries of ALWAYS.
    """
    if task != MAIN[entry]:  # on JAX operation by operation, some 40 times slower
        return entry not in ALWAYS or (BACKEND == "jax" and "jit" not in execution)
    if BACKEND == "jax" or "jit" not in execution:  # on JAX +jit is the normal arm
        return "chunked" in execution and "jit" in execution and entry not in ALWAYS
    return entry not in (ALWAYS if "chunked" in execution else COMPILED_ALWAYS)


ARMS = [
    pytest.param(entry, task, execution, marks=[pytest.mark.slow] * is_slow(entry, task, execution))
    for (entry, task), execution in itertools.product(PAIRS, EXECUTIONS)
    if execution != "looped" and (task == MAIN[entry] or "jit" not in execution)
]

each_entry = pytest.mark.parametrize("entry", ENTRIES)
each_pair = pytest.mark.parametrize(("entry", "task"), PAIRS)
each_forecaster = pytest.mark.parametrize("entry", FORECASTERS)


def skip_long_compilation(entry: str, execution: str) -> None:
    """Skip what tests should not wait for: the benchmark compiles and proves it."""
    if BACKEND == "torch" and "+jit" in execution:
        pytest.skip("compiling with inductor takes minutes")
    if execution == "unrolled+jit" and len(time_loops(make(entry, MAIN[entry]))) > 1:
        pytest.skip("XLA compiles unrolled layers one on another for long, and each is as in an entry of one")


@each_pair
def test_outputs_have_the_shape_of_the_targets(entry: str, task: str) -> None:
    x, y = batch(task)
    predicted = model(entry, task).predict(x, verbose=0)
    sparse = zoo.get_task(task).loss.startswith("sparse")
    assert predicted.shape == ((*y.shape, zoo.get_task(task).outputs) if sparse else y.shape)


@pytest.mark.parametrize(("entry", "task", "execution"), ARMS)
def test_every_execution_gives_the_outputs_and_gradients_of_looped(entry: str, task: str, execution: str) -> None:
    skip_long_compilation(entry, execution)
    ran = computed(entry, task, execution)
    differences = relative_difference(ran.tensors, looped(entry, task))
    assert len(differences) >= 4
    assert max(differences.values()) <= EQUAL, differences
    how = zoo.Execution.parse(execution)
    assert ran.kernel_path in asked_paths(how, BACKEND, batch(task).steps), ran.kernel_evidence


LENGTHS = (4, 1, 2, 3, 4)


@functools.cache
def padded() -> zoo.Split:
    """The wave, its windows cut to LENGTHS and filled up with padding."""
    x, y = batch("wave")
    ended = np.arange(x.shape[1]) >= np.array(LENGTHS)[:, None]
    return zoo.Split(np.where(ended[:, :, None], np.float32(zoo.PADDING), x), y)


NORMAL = "looped+jit" if BACKEND == "jax" else "looped"
"""The loop as the backend's users run it: on JAX every operation of a looped model is compiled by itself."""


def masked(entry: str, execution: str) -> keras.Model:
    keras.utils.set_random_seed(0)
    made = make(entry, "wave", execution, masked=True)
    zoo.set_weights(made, weights(entry, "wave"))
    return made


@functools.cache
def computed_masked(entry: str, execution: str) -> dict[str, np.ndarray]:
    return computed_with_masks(masked(entry, execution), padded())


@each_forecaster
def test_padding_changes_no_output_before_it(entry: str) -> None:
    plain = without_dropout(entry, looped(entry, "wave"))["outputs"]
    result = outputs(masked(entry, "looped"), padded().x)
    for row, length in enumerate(LENGTHS):
        np.testing.assert_allclose(result[row, :length], plain[row, :length], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("entry", [entry for entry, task in PAIRS if task == "digits_rows"])
def test_a_padded_sequence_is_read_as_its_equations_read_it_alone(entry: str) -> None:
    made = make(entry, "digits_rows", masked=True)
    zoo.set_weights(made, weights(entry, "digits_rows"))
    x = batch("digits_rows").x.copy()
    x[:, 5:] = zoo.PADDING
    named = {name.removeprefix(f"{entry}/"): w.astype("float64") for name, w in weights(entry, "digits_rows").items()}
    short = x[:, :5].astype("float64")
    known = {"outputs": equations.outputs(entry, zoo.get_entry(entry).cell, short, None, named, "softmax")}
    assert relative_difference({"outputs": outputs(made, x)}, known)["outputs"] <= EQUAL


@each_forecaster
def test_a_sequence_alone_gives_the_gradient_that_it_gives_padded(entry: str) -> None:
    x, y = batch("wave")
    short = make(entry, "wave", NORMAL, steps=2)
    zoo.set_weights(short, weights(entry, "wave"))
    alone = computed_without_dropout(short, zoo.Split(x[2:3, :2], y[2:3, :2]))
    together = computed_without_dropout(masked(entry, NORMAL), zoo.Split(padded().x[2:3], y[2:3]))
    alone.pop("outputs")
    differences = relative_difference(together, alone)
    assert max(differences.values()) <= EQUAL, differences


@each_forecaster
@pytest.mark.parametrize("execution", ["unrolled", pytest.param("looped+jit", marks=pytest.mark.slow)])
def test_every_execution_masks_alike(entry: str, execution: str) -> None:
    skip_long_compilation(entry, execution)
    differences = relative_difference(computed_masked(entry, execution), computed_masked(entry, "looped"))
    assert max(differences.values()) <= EQUAL, differences


@each_entry
def test_every_weight_gets_a_gradient(entry: str) -> None:
    tensors = looped(entry, MAIN[entry])
    assert all(np.abs(tensor).max() > 0 for tensor in tensors.values())


@each_entry
@pytest.mark.parametrize("execution", ["looped", "unrolled"])
def test_a_saved_model_loads_again_with_its_execution(entry: str, execution: str, tmp_path) -> None:
    made = model(entry, MAIN[entry], execution)
    made.optimizer.build(made.trainable_variables)  # as training does; Keras warns of one that is not built
    made.save(tmp_path / "model.keras")
    loaded = zoo.load_model(tmp_path / "model.keras")
    assert loaded.name == entry
    assert {layer.unroll for layer in time_loops(loaded)} == {execution == "unrolled"}
    x = batch(MAIN[entry]).x
    np.testing.assert_array_equal(outputs(loaded, x), outputs(made, x))


def test_a_saved_model_loads_in_a_new_process(tmp_path) -> None:
    model("neuron", "wave").save(tmp_path / "model.keras")
    load = "import sys, zoo; print(zoo.load_model(sys.argv[1]).name)"
    refused = subprocess.run([sys.executable, "-c", load, tmp_path / "model.keras"], capture_output=True, check=True)
    assert refused.stdout.decode().split() == ["neuron"]


@each_entry
def test_a_model_of_every_execution_runs_as_asked_with_the_same_weights_by_name(entry: str, tmp_path) -> None:
    path, task = tmp_path / "weights.safetensors", MAIN[entry]
    zoo.save_weights(model(entry, task, "looped"), path)
    for execution in EXECUTIONS:
        loaded, asked = make(entry, task, execution, weights=path), zoo.Execution.parse(execution)
        assert {layer.unroll for layer in time_loops(loaded)} == {asked.loop == "unrolled"}
        assert {getattr(layer, "chunk", None) for layer in time_loops(loaded)} == {asked.chunk}
        assert loaded.jit_compile is asked.jit
        for name, array in zoo.get_weights(loaded).items():
            assert name.startswith(f"{entry}/")
            np.testing.assert_array_equal(array, weights(entry, task)[name])


@each_pair
def test_an_entry_computes_its_equations(entry: str, task: str) -> None:
    declared, (x, y) = zoo.get_task(task), batch(task)
    named = {name.removeprefix(f"{entry}/"): w.astype("float64") for name, w in weights(entry, task).items()}
    target_steps = y.shape[1] if declared.topology != "sequence_to_vector" else None
    x = x if isinstance(x, tuple) else x.astype("float64")
    known = equations.outputs(entry, zoo.get_entry(entry).cell, x, target_steps, named, declared.activation)
    result = without_dropout(entry, looped(entry, task))["outputs"]
    if isinstance(x, tuple):  # what stands after the end of a sequence is nobody's business
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
    known = {k.removeprefix("simple_rnn/"): v for k, v in compute(theirs, batch("wave")).tensors.items()}
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
    assert set(WITHOUT) == {entry for entry in ENTRIES if zoo.get_entry(entry).drops()}


@pytest.mark.parametrize("entry", WITHOUT)
def test_dropout_is_off_at_inference(entry: str) -> None:
    plain = make(WITHOUT[entry], "wave")
    theirs = weights(entry, "wave").items()
    zoo.set_weights(plain, {name.replace(entry, WITHOUT[entry], 1): array for name, array in theirs})
    x = batch("wave").x
    expected = {"outputs": outputs(plain, x)}
    # Nothing is left of it, so the numbers are the same; but Keras takes an LSTM's gates in another order with dropout.
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
    tensors = compute(made, batch("wave")).tensors
    ours = {name.partition("/")[2] or name: tensor for name, tensor in tensors.items()}
    theirs = {name.partition("/")[2] or name: tensor for name, tensor in looped(PROJECTIONS[0], "wave").items()}
    differences = relative_difference(ours, theirs)
    assert max(differences.values()) <= EQUAL, differences
