"""Padded sequences: padding changes no output, no state and no gradient, whatever runs the loop."""

from __future__ import annotations

import functools

import keras
import numpy as np
import pytest

import zoo
from tests import equations
from tests.models import (
    BACKEND,
    EQUAL,
    EVERY_PART,
    FORECASTERS,
    NORMAL,
    PAIRS,
    batch,
    computed_with_masks,
    computed_without_dropout,
    looped,
    make,
    outputs,
    skip_long_compilation,
    weights,
    without_dropout,
)
from zoo.measuring.prove import compute, relative_difference

each_forecaster = pytest.mark.parametrize("entry", FORECASTERS)
each_kind = pytest.mark.parametrize(
    "entry", [pytest.param(entry, marks=[pytest.mark.slow] * (entry not in EVERY_PART)) for entry in FORECASTERS]
)
"""The others wait for `pytest -m slow`: that padding changes no output of theirs is shown of all."""
LENGTHS = (4, 1, 2, 3, 4)


@functools.cache
def padded() -> zoo.Split:
    """The wave, its windows cut to LENGTHS and filled up with padding."""
    x, y = batch("wave")
    ended = np.arange(x.shape[1]) >= np.array(LENGTHS)[:, None]
    return zoo.Split(np.where(ended[:, :, None], np.float32(zoo.PADDING), x), y)


def masked(entry: str, execution: str) -> keras.Model:
    keras.utils.set_random_seed(0)
    made = make(entry, "wave", execution, masked=True)
    zoo.set_weights(made, weights(entry, "wave"))
    return made


@functools.cache
def computed_masked(entry: str, execution: str) -> dict[str, np.ndarray]:
    usual = execution + "+jit" * (BACKEND == "jax")  # there nobody runs operation by operation, which takes long
    return computed_with_masks(masked(entry, usual), padded())


@each_forecaster
def test_padding_changes_no_output_before_it(entry: str) -> None:
    plain = without_dropout(entry, looped(entry, "wave"))["outputs"]
    result = outputs(masked(entry, NORMAL), padded().x)
    for row, length in enumerate(LENGTHS):
        np.testing.assert_allclose(result[row, :length], plain[row, :length], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("entry", [entry for entry, task in PAIRS if task == "digits_rows"])
def test_a_padded_sequence_is_read_as_its_equations_read_it_alone(entry: str) -> None:
    made = make(entry, "digits_rows", NORMAL, masked=True)
    zoo.set_weights(made, weights(entry, "digits_rows"))
    x = batch("digits_rows").x.copy()
    x[:, 5:] = zoo.PADDING
    named = {name.removeprefix(f"{entry}/"): w.astype("float64") for name, w in weights(entry, "digits_rows").items()}
    short = x[:, :5].astype("float64")
    known = {"outputs": equations.outputs(entry, zoo.get_entry(entry).cell, short, None, named, "softmax")}
    assert relative_difference({"outputs": outputs(made, x)}, known)["outputs"] <= EQUAL


@pytest.mark.parametrize("entry", [entry.name for entry in zoo.registry.MODELS if "mean_pool" in entry.options()])
def test_a_padded_sequence_is_answered_from_the_mean_of_its_own_steps(entry: str) -> None:
    made = make(entry, "digits_rows", NORMAL, masked=True, mean_pool=True)
    zoo.set_weights(made, weights(entry, "digits_rows"))
    x = batch("digits_rows").x.copy()
    x[:, 5:] = zoo.PADDING
    named = {name.removeprefix(f"{entry}/"): w.astype("float64") for name, w in weights(entry, "digits_rows").items()}
    read = equations.residual(zoo.get_entry(entry).cell, x[:, :5].astype("float64"), named, mean_pool=True)
    known = equations.softmax(equations.dense(read, equations.part(named, "output")))
    assert relative_difference({"outputs": outputs(made, x)}, {"outputs": known})["outputs"] <= EQUAL


@pytest.mark.parametrize("entry", [entry.name for entry in zoo.registry.MODELS if "blocks" in entry.options()])
def test_a_cell_in_blocks_has_the_numbers_of_its_equations_padded_too(entry: str) -> None:
    made = make(entry, "digits_rows", NORMAL, masked=True, blocks=2)
    rng = np.random.default_rng(0)
    zoo.set_weights(made, {k: rng.normal(0, 0.4, v.shape).astype("float32") for k, v in zoo.get_weights(made).items()})
    x = batch("digits_rows").x.copy()
    x[:, 5:] = zoo.PADDING
    named = {name.removeprefix(f"{entry}/"): w.astype("float64") for name, w in zoo.get_weights(made).items()}
    read = equations.residual(zoo.get_entry(entry).cell, x[:, :5].astype("float64"), named)[:, -1]
    known = equations.softmax(equations.dense(read, equations.part(named, "output")))
    assert relative_difference({"outputs": outputs(made, x)}, {"outputs": known})["outputs"] <= EQUAL
    with pytest.raises(zoo.ZooError, match="blocks must be a positive whole number, not 0"):
        make(entry, "digits_rows", NORMAL, blocks=0)


@each_kind
def test_a_sequence_alone_gives_the_gradient_that_it_gives_padded(entry: str) -> None:
    x, y = batch("wave")
    short = make(entry, "wave", NORMAL, steps=2)
    zoo.set_weights(short, weights(entry, "wave"))
    alone = computed_without_dropout(short, zoo.Split(x[2:3, :2], y[2:3, :2]))
    together = computed_without_dropout(masked(entry, NORMAL), zoo.Split(padded().x[2:3], y[2:3]))
    alone.pop("outputs")
    differences = relative_difference(together, alone)
    assert max(differences.values()) <= EQUAL, differences


@each_kind
def test_every_cell_is_masked_alike_looped_and_unrolled(entry: str) -> None:
    differences = relative_difference(computed_masked(entry, "unrolled"), computed_masked(entry, "looped"))
    assert max(differences.values()) <= EQUAL, differences


@pytest.mark.skipif(BACKEND == "jax", reason="on JAX the looped model without jit has no graph")
@pytest.mark.parametrize("execution", ["looped", "unrolled", pytest.param("looped+jit", marks=pytest.mark.slow)])
def test_a_graph_masks_alike(execution: str) -> None:
    skip_long_compilation("lstm", execution)
    compiled = compute(masked("lstm", execution), padded()).tensors
    differences = relative_difference(compiled, computed_masked("lstm", "looped"))
    assert max(differences.values()) <= EQUAL, differences
