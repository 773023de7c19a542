"""What the zoo uses of Keras' private names is there, and does what the zoo needs.

After an upgrade of Keras these tests say which name of zoo/layers/keras_private.py to look at.
"""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import keras
import numpy as np
import pytest

from zoo.execution import FUSED
from zoo.layers import keras_private

ADAPTER = Path(keras_private.__file__)
ROOT = ADAPTER.parent.parent
SOURCES = [path for path in sorted(ROOT.rglob("*.py")) if path != ADAPTER]
LOOK = f"look at this name in Keras {keras.__version__} and at its use in {ADAPTER.name}"


@pytest.mark.once
def test_the_names_were_read_in_this_version_of_keras() -> None:
    assert keras.__version__.startswith(f"{keras_private.MINOR}."), (
        f"Keras is {keras.__version__}, and {ADAPTER.name} was written for {keras_private.MINOR}: "
        "run the tests of this file, read what changed in keras.layers.RNN, then raise MINOR"
    )


OF_OTHERS = {"_timer": "of pytest-benchmark, which is pinned below 6"}


@pytest.mark.once
@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_other_file_uses_a_private_name_of_keras(path: Path) -> None:
    tree = ast.parse(path.read_text())
    modules = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    modules += [str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert not [name for name in modules if name.startswith("keras.src")]
    foreign = [
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr.startswith("_")
        and not node.attr.startswith("__")
        and node.attr not in OF_OTHERS
        and not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls", "os"))
    ]
    assert not foreign


def test_the_loop_goes_over_the_leading_axis() -> None:
    rows = np.arange(6, dtype="float32").reshape(3, 2, 1)
    body = lambda row, states: (row + states[0], [row + states[0]])  # noqa: E731
    for every_output in (True, False):
        last, outputs, states = keras_private.loop(
            body, keras.ops.convert_to_tensor(rows), [keras.ops.zeros((2, 1))], 3, every_output
        )
        kept = keras.ops.convert_to_numpy(outputs)
        expected = rows.cumsum(axis=0)
        np.testing.assert_allclose(kept if every_output else kept[-1:], expected if every_output else expected[-1:])
        np.testing.assert_allclose(keras.ops.convert_to_numpy(states[0]), expected[-1], err_msg=LOOK)
        assert np.allclose(keras.ops.convert_to_numpy(last)[-1 if last.ndim > 2 else ...], expected[-1]), LOOK


def test_a_loop_longer_than_its_rows_ends_with_them() -> None:
    inputs = keras.Input((None, 1))
    layer = keras.layers.Lambda(lambda x: keras_private.loop(_count, x, [x[0] * 0], 2**31 - 1, True)[1])
    if keras.backend.backend() == "torch":
        pytest.skip("a loop in Python has the length of its rows")
    model = keras.Model(inputs, layer(inputs))
    assert model(np.ones((4, 3, 1), "float32")).shape[0] == 4, LOOK


def _count(row, states):
    return row + states[0], [row + states[0]]


def test_keras_rnn_runs_its_time_loop_in_a_method_of_this_name() -> None:
    method = getattr(keras.layers.RNN, keras_private.INNER_LOOP, None)
    assert method is not None, LOOK
    assert list(inspect.signature(method).parameters) == ["self", "sequences", "initial_state", "mask", "training"], (
        LOOK
    )


def test_a_cell_says_whether_its_call_takes_training() -> None:
    class Plain(keras.layers.Layer):
        def call(self, inputs, states):
            return inputs, states

    assert keras_private.takes_training(keras.layers.LSTMCell(2)), LOOK
    assert not keras_private.takes_training(Plain()), LOOK


def test_layers_inside_a_layer_are_listed() -> None:
    cells = [keras.layers.LSTMCell(2), keras.layers.GRUCell(2)]
    stacked = keras.layers.StackedRNNCells(cells)
    assert keras_private.flat_layers(stacked)[0] is stacked, LOOK
    assert {id(cell) for cell in cells} <= {id(layer) for layer in keras_private.flat_layers(stacked)}, LOOK


@pytest.mark.parametrize("kind", [keras.layers.LSTMCell, keras.layers.GRUCell, keras.layers.SimpleRNNCell])
def test_a_cell_keeps_the_dropout_masks_that_it_draws(kind) -> None:
    cell = kind(3, dropout=0.5, recurrent_dropout=0.5, seed=0)
    cell.build((2, 4))
    assert keras_private.DropoutMasks(cell).values() == []
    states = cell.get_initial_state(2)
    cell(np.ones((2, 4), "float32"), states, training=True)
    masks = keras_private.DropoutMasks(cell)
    values = masks.values()
    assert len(values) == 2, LOOK
    ones = keras.tree.map_structure(keras.ops.zeros_like, values)
    with masks.replaced(ones):
        assert not any(keras.ops.any(each) for each in keras.tree.flatten(masks.values()))
    assert all(one is other for one, other in zip(*map(keras.tree.flatten, (masks.values(), values)), strict=True))


def test_a_graph_runs_with_a_handler_in_place_of_each_layer() -> None:
    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Dense(1, name="second")(keras.layers.Dense(3, name="first")(inputs)))
    result = keras_private.run_graph(model, ["x"], lambda layer: lambda value: f"{layer.name}({value})")
    assert keras.tree.flatten(result) == ["second(first(x))"], LOOK


def test_a_model_is_cloned_as_if_it_were_not_compiled_and_keeps_what_it_was_given() -> None:
    def loss(expected, predicted):
        return predicted - expected

    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Dense(1)(inputs))
    model.compile("sgd", loss=loss, metrics=["mse"])
    with keras_private.not_compiled(model):
        assert not keras.models.clone_model(model).compiled, LOOK
    assert model.compiled
    given = keras_private.compile_arguments(model)
    assert (given["loss"], given["metrics"]) == (loss, ["mse"]), LOOK
    assert keras_private.is_functional(model), LOOK
    assert not keras_private.is_functional(keras.Sequential([inputs]))


def test_keras_says_so_where_cudnn_does_not_run() -> None:
    if keras.backend.backend() == "torch":
        pytest.skip("torch chooses its kernel itself")
    cells = {"LSTM": (keras.layers.LSTMCell(3), 2), "GRU": (keras.layers.GRUCell(3), 1)}
    for name in FUSED[keras.backend.backend(), "gpu"]:
        cell, count = cells[name]
        cell.build((2, 4))
        states = [keras.ops.zeros((2, 3))] * count
        with pytest.raises(NotImplementedError):
            keras_private.vendor_kernel(cell, keras.ops.ones((2, 5, 4)), states)
