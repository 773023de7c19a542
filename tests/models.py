"""Models of every entry at sizes for tests, each on a task of its topology, and what they compute."""

from __future__ import annotations

import functools
from pathlib import Path

import keras
import numpy as np
import pytest

import zoo
from zoo.measuring.prove import OFF, Computed, compute

UNITS = 7
STEPS = {"digits_rows": None, "wave": 4, "draw_digit": None, "dates": None}  # a task of each topology
ENTRIES = zoo.list_models()
# Arms do the same products in another order: a rounding error of 6e-8 a product, grown over the steps and back.
EQUAL = 1e-5

PAIRS = [(name, task) for name in ENTRIES for task in STEPS if zoo.get_entry(name).fits(zoo.get_task(task))]
MAIN = dict(reversed(PAIRS))
"""One task of each entry."""

if keras.backend.backend() == "jax":
    import jax

    # Compiling sizes that run for microseconds takes nearly all the time of these tests; JAX tests itself so too.
    # The processes that measure and prove compile as users do: this stays in the process of the tests.
    jax.config.update("jax_disable_most_optimizations", True)


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
    problem = zoo.Execution.parse(execution).problem(keras.backend.backend())
    if problem:
        pytest.skip(problem)
    if "layers" in zoo.get_entry(entry).options():
        options["layers"] = 2  # as many as it takes to be stacked: three take tests half as long again
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
