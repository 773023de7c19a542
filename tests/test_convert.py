"""A model of one's own, run another way, is the same model."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import keras
import numpy as np
import pytest
from keras import layers

import zoo
from tests.hidden import no_zoo
from tests.models import BACKEND, outputs
from zoo.equality import TOLERANCE, random_batch, relative, require_equal, tensors
from zoo.execution import FUSED
from zoo.layers import ChunkedRNN, FusedRNN, MinGRUCell, ParallelRNN, PeepholeLSTMCell
from zoo.layers.keras_private import flat_layers

UNITS = 4
HAS_LSTM_KERNEL = "LSTM" in FUSED.get((BACKEND, "cpu"), ())
EXECUTIONS = ["looped", "chunked-3", "chunked-auto+recompute", "stock", *(["fused"] if HAS_LSTM_KERNEL else [])]
EXECUTIONS = [each for each in EXECUTIONS if not zoo.Execution.parse(each).problem(BACKEND)]
CHUNKED = "chunked-auto+recompute" if BACKEND == "torch" else "chunked-3"


def stacked() -> keras.Model:
    """What the tutorial converts: two regularized LSTMs with dropout."""
    return keras.Sequential(
        [
            keras.Input((6, 3)),
            layers.LSTM(UNITS, return_sequences=True, kernel_regularizer="l2", dropout=0.2, name="first"),
            layers.Dropout(0.3),
            layers.LSTM(UNITS, recurrent_regularizer="l2", name="second"),
            layers.Dense(1, name="output"),
        ]
    )


def masked_words() -> keras.Model:
    """Both directions over words that end early."""
    return keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            layers.Embedding(9, 3, mask_zero=True),
            layers.Bidirectional(layers.LSTM(UNITS, return_sequences=True)),
            layers.Bidirectional(layers.LSTM(UNITS), merge_mode="sum"),
            layers.Dense(2),
        ]
    )


def states() -> keras.Model:
    """An encoder whose states start a decoder; both read the same projection."""
    source, target = keras.Input((5, 3), name="source"), keras.Input((4, 3), name="target")
    project = layers.TimeDistributed(layers.Dense(3))
    _, *state = layers.LSTM(UNITS, return_state=True, name="encoder")(project(source))
    outputs = layers.LSTM(UNITS, return_sequences=True, name="decoder")(project(target), initial_state=state)
    return keras.Model([source, target], outputs)


def shared() -> keras.Model:
    """One layer on two inputs, inside a model inside a model, read from the end."""
    inner = keras.Sequential([keras.Input((5, 3)), layers.LSTM(UNITS, go_backwards=True, name="shared")], name="inner")
    one, other = keras.Input((5, 3)), keras.Input((5, 3))
    return keras.Model([one, other], layers.Subtract()([inner(one), inner(other)]))


def cells() -> keras.Model:
    """Several cells in one layer, stateful."""
    stack = layers.RNN([layers.LSTMCell(UNITS), layers.LSTMCell(UNITS)], stateful=True)
    return keras.Sequential([keras.Input(batch_shape=(4, 6, 3)), stack])


MODELS: dict[str, Callable[[], keras.Model]] = {
    each.__name__: each for each in (stacked, masked_words, states, shared, cells)
}


def recurrent_kinds(model: keras.Model) -> set[str]:
    return {type(each).__name__ for each in flat_layers(model) if isinstance(each, layers.RNN)}


def names(model: keras.Model) -> list[str]:
    """The names of the layers, but for inputs, which clone_model names anew where the user did not."""
    return [each.name for each in model.layers if not isinstance(each, layers.InputLayer)]


@functools.cache
def computed(name: str) -> list[np.ndarray]:
    """The outputs and gradients of a model of MODELS, drawn from seed 0."""
    keras.utils.set_random_seed(0)
    model = MODELS[name]()
    return list(tensors(model, random_batch(model)).values())


@contextlib.contextmanager
def no_tracing() -> Iterator[None]:
    """On TensorFlow `tensors` runs operation by operation: of short loops that takes far less than tracing them."""

    def untraced(run: Callable[..., object], **_: object) -> SimpleNamespace:
        return SimpleNamespace(get_concrete_function=lambda *_: run)

    with mock.patch("tensorflow.function", untraced) if BACKEND == "tensorflow" else contextlib.nullcontext():
        yield


@pytest.mark.parametrize("execution", EXECUTIONS)
@pytest.mark.parametrize("name", MODELS)
def test_a_converted_model_computes_what_the_model_computes(name: str, execution: str) -> None:
    if "recompute" in execution and name in ("masked_words", "states"):
        pytest.skip("another model shows it, and this one traces for seconds")
    keras.utils.set_random_seed(0)
    model = MODELS[name]()
    converted = zoo.with_execution(model, execution, check=False)
    expected = {"looped": {"RNN"}, "fused": {"FusedRNN"}, "stock": {"RNN"} if name == "cells" else {"LSTM"}}
    assert recurrent_kinds(converted) == expected.get(execution, {"ChunkedRNN"})
    assert names(converted) == names(model)
    for weight, other in zip(model.get_weights(), converted.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, other)
    with no_tracing() if execution in ("looped", "stock") else contextlib.nullcontext():
        result = tensors(converted, random_batch(model))
    for (tensor, ours), known in zip(result.items(), computed(name), strict=True):
        assert relative(ours, known) <= TOLERANCE["float32"], tensor


def test_what_is_converted_is_checked_unless_asked_not_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TOLERANCE, "float32", -1.0)
    model = keras.Sequential([keras.Input((2, 1)), layers.SimpleRNN(1)])
    with no_tracing(), pytest.raises(zoo.ZooError, match=r"^as looped the model computes something else"):
        zoo.with_execution(model, "looped")
    zoo.with_execution(model, "looped", check=False)


@pytest.mark.skipif(BACKEND == "torch", reason="torch writes no loop out")
def test_both_directions_over_masked_words_are_the_same_unrolled() -> None:
    both = layers.Bidirectional(layers.GRU(2, return_sequences=True))
    words = keras.Sequential([keras.Input((3,), dtype="int32"), layers.Embedding(9, 3, mask_zero=True), both])
    converted = zoo.with_execution(words, "unrolled")  # which checks outputs and gradients
    assert recurrent_kinds(converted) == {"UnrolledRNN"}


def test_a_compiled_model_stays_compiled_and_trains_on() -> None:
    def bias(expected, predicted):
        return keras.ops.mean(keras.ops.abs(expected - predicted))

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(16, 6, 3)).astype("float32"), rng.normal(size=(16, 1)).astype("float32")
    model = keras.Sequential([keras.Input((6, 3)), layers.LSTM(UNITS, kernel_regularizer="l2"), layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.01), loss=bias, metrics=["mse", keras.metrics.MeanAbsoluteError()])
    model.fit(x, y, epochs=2, batch_size=8, shuffle=False, verbose=0)
    converted = zoo.with_execution(model, CHUNKED, check=False)
    assert converted.compiled
    assert converted.optimizer is not model.optimizer
    again = {"epochs": 2, "batch_size": 8, "shuffle": False, "verbose": 0}
    histories = [each.fit(x, y, **again).history for each in (model, converted)]
    for name, values in histories[0].items():
        np.testing.assert_allclose(histories[1][name], values, rtol=1e-4)  # four steps of Adam on rounding errors


@pytest.mark.parametrize("jit", [False, True])
def test_jit_is_that_of_the_execution_and_on_jax_always(jit: bool) -> None:
    if BACKEND == "torch":
        pytest.skip("on torch an unrolled loop alone takes jit, and compiles for long")
    model = keras.Sequential([keras.Input((3, 2)), layers.GRU(UNITS)])
    model.compile("sgd", "mse", jit_compile=not jit)
    assert zoo.with_execution(model, f"looped{'+jit' * jit}", check=False).jit_compile is (jit or BACKEND == "jax")


@pytest.mark.skipif(BACKEND != "tensorflow", reason="the file is the same on every backend")
def test_a_stock_model_loads_where_the_zoo_is_not(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((6, 3)), ChunkedRNN(layers.LSTMCell(UNITS), 2), layers.Dense(1)])
    x, path = np.ones((2, 6, 3), "float32"), tmp_path / "model.keras"
    zoo.with_execution(model, "stock", check=False).save(path)
    with no_zoo():
        loaded = keras.models.load_model(path)
    np.testing.assert_allclose(outputs(loaded, x), outputs(model, x), rtol=1e-5)
    model.save(path)
    with no_zoo(), pytest.raises(TypeError, match="Could not locate class 'ChunkedRNN'"):
        keras.models.load_model(path)


@pytest.mark.skipif(not HAS_LSTM_KERNEL, reason="no kernel here")
def test_what_cannot_be_converted_stays_and_is_named() -> None:
    model = keras.Sequential(
        [
            keras.Input((5, 3)),
            layers.LSTM(UNITS, return_sequences=True, name="plain"),
            layers.RNN(PeepholeLSTMCell(UNITS), name="peephole"),
        ]
    )
    with pytest.warns(zoo.ConversionWarning, match=r"layer 'peephole' stays as it is: no fused kernel .* PeepholeLSTM"):
        converted = zoo.with_execution(model, "fused")
    assert [type(each) for each in converted.layers] == [FusedRNN, layers.RNN]


class Own(layers.LSTM):
    """A layer that does more."""


class Wraps(layers.Layer):
    """A layer of one's own around a recurrent one."""

    def __init__(self, **options) -> None:
        super().__init__(**options)
        self.inner = layers.LSTM(UNITS)

    def call(self, inputs):
        return self.inner(inputs) * 2


class Subclassed(keras.Model):
    """A model whose graph is its code."""

    def call(self, inputs):
        return inputs


def dense() -> keras.Model:
    return keras.Sequential([keras.Input((3,)), layers.Dense(1)], name="dense")


WRONG = {
    "with_execution takes a keras.Model, not str": (lambda: "lstm", "looped"),
    "Subclassed is a subclassed model, whose layers are called by its own code": (Subclassed, "looped"),
    "'bare' is not built: give it a keras.Input": (lambda: keras.Sequential([layers.LSTM(2)], name="bare"), "looped"),
    "'dense' has no recurrent layer: there is nothing to convert": (dense, "looped"),
    "unknown execution 'lopped'; did you mean 'looped'?": (dense, "lopped"),
    "no layer of 'own' can be converted to looped: 'layer': Own does more than run a cell": (
        lambda: keras.Sequential([keras.Input((5, 3)), Own(2, name="layer")], name="own"),
        "looped",
    ),
    "'layer': Wraps calls its recurrent layer by its own code": (
        lambda: keras.Sequential([keras.Input((5, 3)), Wraps(name="layer")], name="own"),
        "looped",
    ),
    "'layer': LSTMCell is not linear in its state": (
        lambda: keras.Sequential([keras.Input((5, 3)), layers.LSTM(2, name="layer")], name="own"),
        "parallel",
    ),
}


@pytest.mark.once
@pytest.mark.parametrize("message", WRONG)
def test_a_model_that_cannot_be_converted_is_one_line(message: str) -> None:
    make, execution = WRONG[message]
    with pytest.raises(zoo.ZooError) as refused:
        zoo.with_execution(make(), execution)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_linear_cells_run_by_a_scan() -> None:
    both = layers.Bidirectional(layers.RNN(MinGRUCell(UNITS), return_sequences=True))
    model = keras.Sequential([keras.Input((5, 3)), both, layers.RNN(MinGRUCell(UNITS))])
    first, second = zoo.with_execution(model, "parallel").layers
    assert isinstance(first.forward_layer, ParallelRNN)
    assert isinstance(second, ParallelRNN)


def test_a_model_that_computes_something_else_is_refused() -> None:
    model = keras.Sequential([keras.Input((5, 3)), layers.LSTM(UNITS)])
    other = keras.models.clone_model(model)
    with pytest.raises(zoo.ZooError, match=r"as other the model computes something else: .* differs by"):
        require_equal(other, model, "other")
    other.layers[0].trainable = False
    with pytest.raises(zoo.ZooError, match=r"as other the model freezes .*/lstm_cell/kernel, unlike the original"):
        require_equal(other, model, "other")


@pytest.mark.once
def test_the_batch_of_the_check_masks_some_ends() -> None:
    (words,) = random_batch(masked_words())
    assert (words[0, -1], words[-1, -1] > 0) == (0, True)


def test_a_stateful_model_that_has_run_goes_on_in_its_copy_and_stays_as_it_is() -> None:
    model = cells()
    x, following = np.random.default_rng(0).normal(size=(2, 4, 6, 3)).astype("float32")
    model.predict(x, batch_size=4, verbose=0)
    copy = zoo.with_execution(model, "looped")
    ours, known = (each.predict(following, batch_size=4, verbose=0) for each in (copy, model))
    np.testing.assert_allclose(ours, known, rtol=0, atol=1e-6)
    fresh = cells()
    fresh.set_weights(model.get_weights())
    alone = [fresh.predict(each, batch_size=4, verbose=0) for each in (x, following)][-1]
    np.testing.assert_allclose(known, alone, rtol=0, atol=1e-6)


@pytest.mark.parametrize("execution", EXECUTIONS)
def test_penalties_of_outputs_stay(execution: str) -> None:
    inner = layers.LSTM(UNITS, return_sequences=True, activity_regularizer="l2")
    both = layers.Bidirectional(inner, activity_regularizer="l2")
    model = keras.Sequential([keras.Input((5, 3)), both, layers.Dense(1)])
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
    penalties = []
    for each in (model, zoo.with_execution(model, execution, check=False)):
        each(x)
        penalties.append(float(sum(keras.ops.convert_to_numpy(loss) for loss in each.losses)))
    assert penalties[0] > 0
    assert penalties[1] == pytest.approx(penalties[0], rel=1e-4)


def test_a_text_model_without_an_input_reads_tokens() -> None:
    """Keras gives it an input of floats."""
    model = keras.Sequential([layers.Embedding(9, 3, mask_zero=True), layers.LSTM(UNITS), layers.Dense(1)])
    model.build((None, 6))
    (x,) = random_batch(model)
    assert "float" in model.inputs[0].dtype
    assert set(np.unique(x)) <= set(range(9))
    zoo.with_execution(model, "looped")


def test_numbers_that_are_masked_beside_tokens_that_are_not() -> None:
    series, category = keras.Input((6, 4)), keras.Input((1,), dtype="int32")
    read = layers.LSTM(UNITS)(layers.Masking(zoo.PADDING)(series))
    known = layers.Flatten()(layers.Embedding(9, 3)(category))
    model = keras.Model([series, category], layers.Dense(1)(layers.Concatenate()([read, known])))
    assert random_batch(model)[1].min() >= 0
    zoo.with_execution(model, "looped")
