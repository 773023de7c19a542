"""Models of every entry at sizes for tests, each on a task of its topology, and what they compute."""

from __future__ import annotations

import contextlib
import functools
import os
from pathlib import Path

import keras
import numpy as np
import pytest

import zoo
from zoo.measuring import kernels
from zoo.measuring.prove import OFF, Computed, compute
from zoo.saving import named_variables

BACKEND = keras.backend.backend()
UNITS = 7
STEPS = {"wave": 4, "digits_rows": None, "draw_digit": None, "dates": None}
"""A task of each topology; that of the fewest steps, which compile soonest, is the main one of its entries."""
ENTRIES = zoo.list_models()
# Arms do the same products in another order: a rounding error of 6e-8 a product, grown over the steps and back.
EQUAL = 1e-5

PAIRS = [(name, task) for name in ENTRIES for task in STEPS if zoo.get_entry(name).fits(zoo.get_task(task))]
MAIN = dict(reversed(PAIRS))
"""One task of each entry."""

LAYERS = {"recurrent_dropout_lstm": 1}
"""Of an entry that is stacked: as many as that takes, two, but of Keras' LSTM gate by gate, which traces for seconds.

What is stacked with that dropout is recurrent_dropout.
"""


def compile_quickly() -> None:
    """Leave out what makes programs fast: compiling sizes that run for microseconds takes most of the time.

    JAX tests itself so too. The processes that measure and prove compile as users do: this stays in that of the tests.
    """
    if BACKEND == "jax":
        import jax

        jax.config.update("jax_disable_most_optimizations", True)
    if BACKEND == "tensorflow":
        import tensorflow as tf

        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
        with pytest.MonkeyPatch.context() as patched:  # XLA reads it once, when it first compiles
            flags = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
            patched.setenv("XLA_FLAGS", f"{os.environ.get('XLA_FLAGS', '')} {flags}")
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
def looped(entry: str, task: str) -> dict[str, np.ndarray]:
    return computed(entry, task, "looped").tensors


def computed(entry: str, task: str, execution: str) -> Computed:
    return compute(model(entry, task, execution), batch(task), zoo.get_entry(entry).drops())


def without_dropout(entry: str, tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The tensors of an entry with its dropout off, by the names of one that has none."""
    if not zoo.get_entry(entry).drops():
        return dict(tensors)
    return {name.removeprefix(OFF): tensor for name, tensor in tensors.items() if name.startswith(OFF)}


def computed_with_masks(made: keras.Model, split: zoo.Split) -> dict[str, np.ndarray]:
    """The tensors of one pass as it trains; masks of dropout are the same for every execution."""
    fixed = kernels.fixed_masks() if BACKEND == "tensorflow" else contextlib.nullcontext()
    with fixed:
        return compute(made, split).tensors


def computed_without_dropout(made: keras.Model, split: zoo.Split) -> dict[str, np.ndarray]:
    """The tensors of one pass with dropout off."""
    trained = {id(variable) for variable in made.trainable_variables}
    named = {name: variable for name, variable in named_variables(made).items() if id(variable) in trained}
    ran = getattr(kernels, BACKEND)(made, split, list(named.values()), training=False)
    tensors = {"outputs": ran.outputs, **dict(zip(named, ran.gradients, strict=True))}
    return {name: keras.ops.convert_to_numpy(tensor) for name, tensor in tensors.items()}


def outputs(made: keras.Model, x: np.ndarray) -> np.ndarray:
    """What a model predicts, of one batch: on TensorFlow without a graph, which takes longer to trace than it runs."""
    if BACKEND == "jax":  # compiles each operation that runs alone
        return made.predict_on_batch(x)
    return keras.ops.convert_to_numpy(keras.ops.stop_gradient(made(x, training=False)))


def _flat(made: keras.Model) -> list[keras.layers.Layer]:
    return list(made._flatten_layers())


def time_loops(made: keras.Model) -> list[keras.layers.RNN]:
    return [layer for layer in _flat(made) if isinstance(layer, keras.layers.RNN)]


def assert_saved_whole(made: keras.Model, folder: Path) -> None:
    """A model of the wave, saved and read again, has the same layers and gives the same."""
    made.optimizer.build(made.trainable_variables)  # as training does; Keras warns of one that is not built
    made.save(folder / "model.keras")
    loaded = zoo.load_model(folder / "model.keras")
    assert [type(layer) for layer in loaded.layers] == [type(layer) for layer in made.layers]
    x = zoo.load_task("wave").train.first(2).x
    np.testing.assert_array_equal(loaded.predict_on_batch(x), made.predict_on_batch(x))
