"""What stands beside the recurrent layers of a model of one's own is the same in its copy."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pytest
from keras import layers

import zoo
from tests.models import BACKEND
from zoo.copies import cloned
from zoo.equality import random_batch
from zoo.layers import ChunkedRNN

UNITS = 4
CHUNKED = "chunked-auto+recompute" if BACKEND == "torch" else "chunked-3"


def test_what_was_fitted_to_data_is_the_same_in_the_copy() -> None:
    normal = layers.Normalization()
    normal.adapt(np.random.default_rng(0).normal(5, 3, size=(20, 6, 3)))
    model = keras.Sequential([keras.Input((6, 3)), normal, layers.LSTM(UNITS), layers.Dense(1)])
    copy = zoo.with_execution(model, CHUNKED)  # which compares them
    np.testing.assert_allclose(copy.layers[0].mean, normal.mean)


def own_activation(x):
    """An activation of one's own, which Keras does not know by name."""
    return x / (1 + keras.ops.abs(x))


def test_functions_of_ones_own_need_no_registration() -> None:
    double, more = (layers.Lambda(lambda x, by=by: by * x, output_shape=(6, 3)) for by in (2, 3))
    model = keras.Sequential(
        [keras.Input((6, 3)), double, more, layers.LSTM(UNITS, activation=own_activation), layers.Dense(1)]
    )
    copy = zoo.with_execution(model, CHUNKED)
    assert isinstance(copy.layers[2], ChunkedRNN)
    assert copy.layers[2].cell.activation is own_activation


def test_a_gradient_that_is_nothing_but_rounding_errors_does_not_count() -> None:
    """Softmax does not see the bias of the keys: its gradient is 0, up to rounding."""
    inputs = keras.Input((6, 3))
    hidden = layers.LSTM(UNITS, return_sequences=True)(inputs)
    attended = layers.MultiHeadAttention(2, 2)(hidden, hidden)
    model = keras.Model(inputs, layers.Dense(1)(attended))
    zoo.with_execution(model, CHUNKED)


@pytest.mark.once
def test_a_model_that_reads_text_is_one_line() -> None:
    class Text:
        name, inputs = "text", [keras.KerasTensor((None, 1), dtype="string")]
        layers, _flatten_layers = (), lambda self: []

    with pytest.raises(zoo.ZooError, match="'text' reads text"):
        random_batch(Text())


@pytest.mark.once
def test_two_functions_of_one_name_are_refused() -> None:
    """A copy is made by names: both layers would have the last of them, or Keras' own."""

    def scaled(by):
        def act(x):
            return by * x

        return act

    cells = [layers.LSTM(UNITS, activation=scaled(by), return_sequences=True) for by in (1.0, 2.0)]
    with pytest.raises(zoo.ZooError, match="a function called 'act', and there is another of that name"):
        zoo.with_execution(keras.Sequential([keras.Input((6, 3)), *cells]), CHUNKED)

    def tanh(x):
        return x

    cell = layers.LSTM(UNITS, activation=tanh)
    with pytest.raises(zoo.ZooError, match="a function called 'tanh', and there is another"):
        zoo.with_execution(keras.Sequential([keras.Input((6, 3)), cell]), CHUNKED)


@pytest.mark.once
def test_a_cell_that_two_layers_share_is_one_line() -> None:
    cell = layers.LSTMCell(3)
    first, second = layers.RNN(cell, return_sequences=True, name="first"), layers.RNN(cell, name="second")
    model = keras.Sequential([keras.Input((6, 3)), first, second], name="own")
    for copy in (lambda: zoo.with_execution(model, CHUNKED), lambda: cloned(model, "call")):
        with pytest.raises(zoo.ZooError, match=r"layers 'first' and 'second' of 'own' share 'lstm_cell.*', of which"):
            copy()


def test_a_layer_of_ones_own_with_a_method_adapt_is_copied() -> None:
    @keras.saving.register_keras_serializable("tests")
    class Adapted(layers.Dense):
        def adapt(self, data):
            self.kernel.assign(data)

    model = keras.Sequential([keras.Input((6, 3)), Adapted(3), layers.LSTM(UNITS)])
    copy = zoo.with_execution(model, CHUNKED)
    assert copy.layers[0] is not model.layers[0]


def test_a_direction_that_is_frozen_stays_so() -> None:
    both = layers.Bidirectional(layers.LSTM(UNITS))
    model = keras.Sequential([keras.Input((5, 3)), both, layers.Dense(1)])
    both.forward_layer.trainable = False
    copy = zoo.with_execution(model, "looped", check=False)
    shapes = [[each.shape for each in made.trainable_variables] for made in (copy, model)]
    assert shapes[0] == shapes[1]
    assert len(copy.trainable_variables) == 5  # of one direction, and of the dense layer


@pytest.mark.parametrize("wrap", [lambda layer: layer, layers.Bidirectional], ids=["one", "both"])
def test_a_cell_that_is_frozen_stays_so(wrap: Callable[[layers.Layer], layers.Layer]) -> None:
    hidden = wrap(layers.RNN(layers.LSTMCell(UNITS)))
    model = keras.Sequential([keras.Input((5, 3)), hidden, layers.Dense(1)])
    getattr(hidden, "forward_layer", hidden).cell.trainable = False
    copy = zoo.with_execution(model, "stock", check=False)
    shapes = [[each.shape for each in made.trainable_variables] for made in (copy, model)]
    assert shapes[0] == shapes[1]


@pytest.mark.once
def test_a_schedule_that_is_not_made_again_is_one_line() -> None:
    class Mine(keras.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step: object) -> float:
            return 0.01

    model = keras.Sequential([keras.Input((6, 3)), layers.LSTM(UNITS)])
    model.compile(keras.optimizers.Adam(Mine()), "mse")
    with pytest.raises(zoo.ZooError, match=r"^Adam 'adam[_0-9]*' is not made again by its get_config"):
        zoo.with_execution(model, "looped")
