"""Models of every entry at sizes for tests, each on a task of its topology, and what they compute."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from unittest import mock

import keras
import numpy as np
import pytest

import zoo
from zoo.measuring import kernels
from zoo.measuring.prove import OFF, Computed, compute
from zoo.saving import named_variables

BACKEND = keras.backend.backend()
NORMAL = "looped+jit" if BACKEND == "jax" else "looped"
"""The loop as the backend's users run it: on JAX every operation of a looped model is compiled by itself."""
UNITS = 7
STEPS = {"wave": 4, "digits_rows": None, "draw_digit": None, "dates": None}
"""A task of each topology. That of the fewest steps, which compile soonest, is the main one of its entries."""
ENTRIES = zoo.list_models()
# Arms do the same products in another order: a rounding error of 6e-8 a product, grown over the steps and back.
EQUAL = 1e-5

PAIRS = [(name, task) for name in ENTRIES for task in STEPS if zoo.get_entry(name).fits(zoo.get_task(task))]
MAIN = dict(reversed(PAIRS))
"""One task of each entry."""

ALWAYS = ("lstm", "gru", "stacked_rnn")
"""Entries of which every arm without jit runs whenever tests run, on every task."""
COMPILED = {(zoo.get_entry(e).cell, task): e for e, task in MAIN.items() if not zoo.get_entry(e).drops()}
"""Of each cell and topology the entry whose loops XLA compiles whenever tests run; others of them have the same loops.

Dropout is compiled where it stands inside the loop: with one mask for all steps, and with a new one each step.
"""
COMPILED_ALWAYS = {*ALWAYS, *COMPILED.values(), "recurrent_dropout", "state_dropout"}
EVERY_PART = {*COMPILED_ALWAYS, "zoneout_lstm", "output_dropout"}
EVERY_PART |= {"time_distributed_projection", "reshape_projection", *(e for e, task in MAIN.items() if task == "dates")}
"""Entries that together have every cell and every layer of the zoo: the others are made of the same."""

EXECUTIONS = [str(e) for e in zoo.EXECUTIONS if e.loop in ("looped", "unrolled", "chunked")]
EXECUTIONS = [e.replace("auto", "2") if "recompute" not in e else e for e in EXECUTIONS]  # on JAX "auto" is the loop
FORECASTERS = [entry for entry, task in PAIRS if task == "wave"]

Pass = Callable[[keras.Model, zoo.Split, list[keras.Variable], bool], list]
"""The outputs of a model and the gradient of each variable, in training or not."""
QUICKLY = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
"""Flags with which XLA leaves out what makes programs fast."""
LAYERS = {"recurrent_dropout_lstm": 1, "lru": 1, "mamba": 1, "min_lstm": 1}
"""Of an entry that is stacked: two, but for those that trace for seconds. Of what they are made, others have two.

These are recurrent_dropout, of that dropout, and min_gru, of the blocks.
"""


def compile_quickly() -> None:
    """Leave out what makes programs fast: compiling sizes that run for microseconds takes most of the tests' time.

    JAX tests itself so too. The processes that measure and prove compile as users do: this stays in that of the tests.
    """
    if BACKEND == "jax":
        import jax

        jax.config.update("jax_disable_most_optimizations", True)
    if BACKEND == "tensorflow":
        import tensorflow as tf

        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
        with pytest.MonkeyPatch.context() as patched:  # XLA reads it once, when it first compiles
            patched.setenv("XLA_FLAGS", f"{os.environ.get('XLA_FLAGS', '')} {QUICKLY}")
            tf.function(lambda: tf.constant(0.0) + 1, jit_compile=True)()


compile_quickly()


@functools.cache
def batch(task: str) -> zoo.Split:
    return zoo.load_task(task, steps=STEPS[task]).train.first(5)


@functools.cache
def weights(entry: str, task: str) -> dict[str, np.ndarray]:
    """Weights away from their initial values: a bias of zero would hide a bias that is ignored."""
    rng = np.random.default_rng(0)
    known = zoo.get_weights(make(entry, task))
    return {name: rng.normal(0, 0.4, array.shape).astype(array.dtype) for name, array in known.items()}


def make(entry: str, task: str, execution: str = "looped", **options) -> keras.Model:
    """A small model; the test is skipped where the backend cannot run it so."""
    problem = zoo.Execution.parse(execution).problem(BACKEND)
    if problem:
        pytest.skip(problem)
    if "layers" in zoo.get_entry(entry).options():
        options["layers"] = LAYERS.get(entry, 2)
    return zoo.create_model(entry, task, execution, units=UNITS, **{"steps": STEPS[task], **options})


def model(entry: str, task: str, execution: str = "looped") -> keras.Model:
    keras.utils.set_random_seed(0)  # of the masks of dropout
    made = make(entry, task, execution)
    zoo.set_weights(made, weights(entry, task))
    return made


@functools.cache
def normal(entry: str, task: str) -> Computed:
    """What the loop computes as the backend's users run it, and how."""
    return compiled(model(entry, task, NORMAL), task)


@functools.cache
def looped(entry: str, task: str) -> dict[str, np.ndarray]:
    """What the looped model computes; on TensorFlow without a graph, which is an arm of its own."""
    return stepped(model(entry, task), task) if BACKEND == "tensorflow" else normal(entry, task).tensors


def compiled(made: keras.Model, task: str) -> Computed:
    """What a model computes, compiled as it trains; of dropout with its masks and, by names in OFF, without them."""
    drops = zoo.get_entry(made.name).drops()
    if not drops or BACKEND != "tensorflow":
        return compute(made, batch(task), drops)
    with kernels.fixed_masks():  # as compute does, but in one graph, not in three
        ran = compute(made, batch(task))
    return replace(ran, tensors={**ran.tensors, **_off(made, batch(task))})


def compiled_by_xla(made: keras.Model, task: str) -> dict[str, np.ndarray]:
    """The tensors of `compiled` alone, on TensorFlow: to tell which kernel ran XLA compiles a program once more."""
    with kernels.fixed_masks():
        tensors = passed(made, batch(task), training=True, run=_compiled_pass)
    return {**tensors, **_off(made, batch(task))} if zoo.get_entry(made.name).drops() else tensors


def stepped(made: keras.Model, task: str) -> dict[str, np.ndarray]:
    """The tensors of `compiled`, on TensorFlow without a graph: tracing takes far longer than the sums."""
    if BACKEND != "tensorflow":
        return compiled(made, task).tensors
    tensors = computed_with_masks(made, batch(task))
    return {**tensors, **_off(made, batch(task))} if zoo.get_entry(made.name).drops() else tensors


def _off(made: keras.Model, split: zoo.Split) -> dict[str, np.ndarray]:
    return {f"{OFF}{name}": tensor for name, tensor in computed_without_dropout(made, split).items()}


def without_dropout(entry: str, tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The tensors of an entry with its dropout off, by the names of one that has none."""
    if not zoo.get_entry(entry).drops():
        return dict(tensors)
    return {name.removeprefix(OFF): tensor for name, tensor in tensors.items() if name.startswith(OFF)}


def computed_with_masks(made: keras.Model, split: zoo.Split) -> dict[str, np.ndarray]:
    """The tensors of one pass as it trains; masks of dropout are the same for every execution."""
    fixed = kernels.fixed_masks() if BACKEND == "tensorflow" else contextlib.nullcontext()
    with fixed:
        return passed(made, split, training=True)


def computed_without_dropout(made: keras.Model, split: zoo.Split) -> dict[str, np.ndarray]:
    """The tensors of one pass with dropout off."""
    return passed(made, split, training=False)


def passed(made: keras.Model, split: zoo.Split, training: bool, run: Pass | None = None) -> dict[str, np.ndarray]:
    """The outputs of one pass and the gradient of each weight, by name: on TensorFlow without a graph."""
    trained = {id(variable) for variable in made.trainable_variables}
    named = {name: variable for name, variable in named_variables(made).items() if id(variable) in trained}
    run = run or (_stepped_pass if BACKEND == "tensorflow" else _compiled_pass)
    results = run(made, split, list(named.values()), training)
    return {name: keras.ops.convert_to_numpy(each) for name, each in zip(("outputs", *named), results, strict=True)}


def _compiled_pass(made: keras.Model, split: zoo.Split, variables: list[keras.Variable], training: bool) -> list:
    ran = kernels.TRACERS[BACKEND](made, split, variables, training=training)
    return [ran.outputs, *ran.gradients]


def _stepped_pass(made: keras.Model, split: zoo.Split, variables: list[keras.Variable], training: bool) -> list:
    import tensorflow as tf

    x, y = keras.tree.map_structure(tf.constant, (split.x, split.y))
    with tf.GradientTape() as tape:
        result = made(x, training=training)
        loss = made.compute_loss(x, y, result)
    gradients = tape.gradient(loss, [variable.value for variable in variables])
    return [result, *map(tf.convert_to_tensor, gradients)]  # those of embeddings are sparse


@contextlib.contextmanager
def no_graphs() -> Iterator[None]:
    """On TensorFlow models are trained and scored without graphs: tracing takes far longer than a few examples."""
    always = property(lambda self: True, lambda self, value: None)
    with mock.patch.object(keras.Model, "run_eagerly", always) if BACKEND == "tensorflow" else contextlib.nullcontext():
        yield


def without_graphs(made: keras.Model) -> keras.Model:
    """`made`, whose fit, evaluate and predict trace no graph on TensorFlow: for tests of what they compute, not how."""
    if BACKEND == "tensorflow":
        made.run_eagerly = True
    return made


def outputs(made: keras.Model, x: np.ndarray) -> np.ndarray:
    """What a model predicts, of one batch: on TensorFlow without a graph, which takes longer to trace than it runs."""
    if BACKEND == "jax":  # compiles each operation that runs alone
        return made.predict_on_batch(x)
    return keras.ops.convert_to_numpy(keras.ops.stop_gradient(made(x, training=False)))


def skip_long_compilation(entry: str, execution: str) -> None:
    """Skip what tests should not wait for: the benchmark compiles and proves it."""
    if BACKEND == "torch" and "+jit" in execution:
        pytest.skip("compiling with inductor takes minutes")
    if execution == "unrolled+jit" and len(time_loops(make(entry, MAIN[entry]))) > 1:
        pytest.skip("XLA compiles unrolled layers one on another for long, and each is as in an entry of one")


def _flat(made: keras.Model) -> list[keras.layers.Layer]:
    return list(made._flatten_layers())


def time_loops(made: keras.Model) -> list[keras.layers.RNN]:
    return [layer for layer in _flat(made) if isinstance(layer, keras.layers.RNN)]


def assert_runs_as_asked(made: keras.Model, execution: str) -> None:
    asked = zoo.Execution.parse(execution)
    assert {layer.unroll for layer in time_loops(made)} == {asked.loop == "unrolled"}
    assert {getattr(layer, "chunk", None) for layer in time_loops(made)} == {asked.chunk}
    assert made.jit_compile is asked.jit


def assert_saved_whole(made: keras.Model, folder: Path) -> None:
    """A model of the wave, saved and read again, has the same layers and gives the same."""
    made.optimizer.build(made.trainable_variables)  # as training does; Keras warns of one that is not built
    made.save(folder / "model.keras")
    loaded = zoo.load_model(folder / "model.keras")
    assert [type(layer) for layer in loaded.layers] == [type(layer) for layer in made.layers]
    x = zoo.load_task("wave").train.first(2).x
    np.testing.assert_array_equal(outputs(loaded, x), outputs(made, x))
