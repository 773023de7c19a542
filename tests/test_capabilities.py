"""The capabilities of an entry, fields of `zoo.Entry`, are those of the model that it builds."""

from __future__ import annotations

import functools
import re

import keras
import pytest

import zoo
from tests.models import MAIN, make, time_loops
from zoo.layers import LinearCell, StateDropoutCell, ZoneoutLSTMCell

each_entry = pytest.mark.parametrize("name", zoo.list_models())


@functools.cache
def cells(name: str) -> list[keras.layers.Layer]:
    return [layer.cell for layer in time_loops(make(name, MAIN[name]))]


@each_entry
def test_linear_is_what_a_scan_can_run(name: str) -> None:
    assert {isinstance(cell, LinearCell) for cell in cells(name)} == {zoo.get_entry(name).linear}


@each_entry
def test_stock_is_the_layer_of_keras_with_the_same_cell(name: str) -> None:
    stock = zoo.get_entry(name).stock
    kinds = {type(cell) for cell in cells(name)}
    if stock:
        assert kinds == {type(getattr(keras.layers, stock)(3).cell)}
    else:
        assert not kinds & {keras.layers.LSTMCell, keras.layers.GRUCell, keras.layers.SimpleRNNCell}


@each_entry
def test_dropout_inside_the_loop_is_that_of_the_cell(name: str) -> None:
    inside = {
        isinstance(cell, (StateDropoutCell, ZoneoutLSTMCell))
        or bool(getattr(cell, "recurrent_dropout", 0) or getattr(cell, "dropout", 0))
        for cell in cells(name)
    }
    assert inside == {zoo.get_entry(name).drops_inside}


@each_entry
def test_a_kernel_computes_stock_cells_without_dropout_inside(name: str) -> None:
    entry = zoo.get_entry(name)
    assert entry.fused == bool(entry.stock and not entry.drops_inside)
    assert bool(entry.problem(zoo.Execution("fused"))) != entry.fused


@each_entry
def test_an_entry_is_made_fused_or_says_in_one_line_why_not(name: str) -> None:
    entry, fused = zoo.get_entry(name), zoo.Execution("fused")
    of_entry = entry.problem(fused)
    of_backend = fused.problem(keras.backend.backend(), "cpu", entry.stock)
    reason = f"{name} does not run fused: {of_entry}" if of_entry else of_backend
    if not reason:
        zoo.create_model(name, MAIN[name], "fused", units=3)
        return
    with pytest.raises(zoo.ZooError, match=re.escape(reason)):
        zoo.create_model(name, MAIN[name], "fused", units=3)


@each_entry
def test_parallel_is_for_linear_entries_and_looped_for_all(name: str) -> None:
    entry = zoo.get_entry(name)
    refused = "" if entry.linear else f"{entry.cell} is not linear in its state"
    assert entry.problem(zoo.Execution("parallel")) == refused
    assert entry.problem(zoo.Execution("looped")) == ""
