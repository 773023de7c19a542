"""A model of one's own gives the numbers of Keras as an ONNX file, by ONNX' own recurrent operators."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

import zoo
from tests.commands import run
from zoo import onnx as zoo_onnx
from zoo.cli import main
from zoo.layers import ChunkedRNN, LRUCell

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

UNITS = 5


def sequential(*stack: layers.Layer, steps: int | None = None) -> keras.Model:
    return keras.Sequential([keras.Input((steps, 3)), *stack])


def convolutional() -> keras.Model:
    """The model that Keras' own export turns into hundreds of small nodes."""
    return sequential(
        layers.Conv1D(6, 3, padding="same", activation="relu"),
        layers.MaxPooling1D(2),
        layers.Bidirectional(layers.LSTM(UNITS, return_sequences=True)),
        layers.Bidirectional(layers.LSTM(UNITS)),
        layers.Dropout(0.3),
        layers.Dense(2, activation="softmax"),
    )


def words() -> keras.Model:
    tokens = keras.Input((None,), dtype="int32")
    read = layers.Embedding(11, 4, mask_zero=True)(tokens)
    read = layers.Bidirectional(layers.GRU(UNITS, return_sequences=True), merge_mode="sum")(read)
    return keras.Model(tokens, layers.Dense(1, activation="sigmoid", use_bias=False)(layers.LSTM(UNITS)(read)))


def branches() -> keras.Model:
    """A nested model, several inputs and outputs, states that start another layer."""
    one, other = keras.Input((6, 3)), keras.Input((6, 3))
    inner = keras.Sequential([keras.Input((6, 3)), layers.Dense(4, activation="gelu"), layers.LayerNormalization()])
    _, *states = layers.LSTM(UNITS, return_state=True)(inner(one))
    read = layers.LSTM(UNITS, return_sequences=True)(inner(other), initial_state=states)
    pooled = layers.Concatenate()([layers.GlobalAveragePooling1D()(read), layers.GlobalMaxPooling1D()(read)])
    return keras.Model([one, other], [layers.Dense(1)(pooled), layers.Subtract()([states[0], states[1]])])


def sums() -> keras.Model:
    """Operators on tensors, with numbers among them, and steps that are picked."""
    inputs = keras.Input((6, 3))
    read = layers.LSTM(UNITS, return_sequences=True)(2.0 * inputs + inputs - 0.5)
    return keras.Model(inputs, layers.Dense(1)(read[:, 1:4] * read[:, 3:] + 1)[:, -1])


def text() -> keras.Model:
    """A model without an Input: Keras gives it one of floats."""
    model = keras.Sequential([layers.Embedding(11, 4, mask_zero=True), layers.LSTM(UNITS), layers.Dense(1)])
    model.build((None, 8))
    return model


MODELS: dict[str, tuple[Callable[[], keras.Model], dict[str, int]]] = {
    "sums": (sums, {"LSTM": 1}),
    "text": (text, {"LSTM": 1}),
    "convolutional": (convolutional, {"LSTM": 2}),
    "words": (words, {"GRU": 1, "LSTM": 1}),
    "branches": (branches, {"LSTM": 2}),
    "normalized": (
        lambda: sequential(
            layers.BatchNormalization(), layers.ReLU(), layers.SimpleRNN(UNITS, use_bias=False, activation="relu")
        ),
        {"RNN": 1},
    ),
    "bidirectional": (
        lambda: sequential(layers.Bidirectional(layers.SimpleRNN(UNITS, return_sequences=True), merge_mode="mul")),
        {"RNN": 1},
    ),
    "both states": (lambda: keras.Model(*both_states()), {"LSTM": 1}),
    "the zoo's": (lambda: sequential(ChunkedRNN(layers.GRUCell(UNITS, use_bias=False), 2)), {"GRU": 1}),
    "equations": (
        lambda: sequential(layers.Bidirectional(layers.RNN(LRUCell(UNITS), return_sequences=True), merge_mode="ave")),
        {"Scan": 2},
    ),
    "pooled": (
        lambda: sequential(
            layers.Conv1D(4, 3, padding="causal", dilation_rate=2, activation="silu"),
            layers.AveragePooling1D(2, padding="same"),
            layers.Conv1D(4, 2, strides=2),
            layers.Permute((2, 1)),
            layers.Permute((2, 1)),
            layers.GRU(UNITS),
            layers.LeakyReLU(),
        ),
        {"GRU": 1},
    ),
}


def both_states():
    inputs = keras.Input((None, 3))
    outputs, *states = layers.Bidirectional(layers.LSTM(UNITS, return_state=True))(inputs)
    return inputs, [outputs, *states]


def away_from_the_start(model: keras.Model) -> keras.Model:
    """A bias of zero would hide one that is left out, and a variance of one that nothing divides by it."""
    rng = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(
            rng.uniform(0.1, 0.6, weight.shape) * rng.choice([1, -1] if "variance" not in weight.path else [1])
        )
    return model


@pytest.mark.parametrize("name", MODELS)
def test_the_file_has_the_numbers_of_keras_and_an_operator_a_layer(name: str, tmp_path: Path) -> None:
    make, operators = MODELS[name]
    model, path = away_from_the_start(make()), tmp_path / "model.onnx"
    assert zoo.export(model, path) <= zoo_onnx.TOLERANCE
    kinds = Counter(node.op_type for node in onnx.load(path).graph.node)
    assert {kind: kinds[kind] for kind in ("LSTM", "GRU", "RNN", "Scan", "Loop") if kinds[kind]} == operators


def test_the_file_predicts_batches_of_any_size_and_steps(tmp_path: Path) -> None:
    model, path = away_from_the_start(convolutional()), tmp_path / "model.onnx"
    zoo.export(model, path)
    x = np.random.default_rng(1).normal(size=(10, 15, 3))
    known = model.predict(x, verbose=0)
    for size in (None, 4):
        np.testing.assert_allclose(zoo.OnnxModel(path).predict(x, batch_size=size), known, atol=1e-5)


def masked_series() -> keras.Model:
    return sequential(layers.Masking(-1.0), layers.LSTM(UNITS))


@pytest.mark.parametrize(("make", "padding"), [(words, 0), (masked_series, -1)])
def test_sequences_that_are_padded_on_the_left_are_refused(make, padding: int, tmp_path: Path) -> None:
    zoo.export(make(), tmp_path / "model.onnx")
    ran = zoo.OnnxModel(tmp_path / "model.onnx")
    x = np.ones((2, 6) if padding == 0 else (2, 6, 3))
    x[1, 4:] = padding
    ran.predict(x)
    with pytest.raises(zoo.ZooError, match=rf"of input 'x' has padding \({padding}\) before its end"):
        ran.predict(x[:, ::-1])


def test_the_command_exports_a_saved_model(tmp_path: Path) -> None:
    sequential(layers.LSTM(UNITS)).save(tmp_path / "mine.keras")
    done = run(main, "export", tmp_path / "mine.keras", "--to", tmp_path / "mine.onnx")
    assert done.code == 0, done.errors
    assert (tmp_path / "mine.onnx").exists()


def picked() -> keras.Model:
    inputs = keras.Input((6, 3))
    return keras.Model(inputs, layers.Dense(1)(layers.LSTM(UNITS)(inputs[:, :, :2])))


def convolved_padding() -> keras.Model:
    """At padded steps Keras repeats an output and ONNX has zeros, which a convolution carries into steps that count."""
    tokens = keras.Input((None,), dtype="int32")
    read = layers.LSTM(UNITS, return_sequences=True)(layers.Embedding(11, 4, mask_zero=True)(tokens))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras says that the convolution destroys the mask
        return away_from_the_start(keras.Model(tokens, layers.Conv1D(2, 5, padding="same")(read)))


def dense() -> keras.Model:
    return keras.Sequential([keras.Input((3,)), layers.Dense(1)])


WRONG: dict[str, Callable[[Path], object]] = {
    "the file must end in .onnx, not model.pb": lambda _: zoo.export(dense(), "model.pb"),
    "export takes a keras.Model, not str": lambda path: zoo.export("lstm", path / "a.onnx"),
    "zoo export does not know the layer UnitNormalization": lambda path: zoo.export(
        sequential(layers.UnitNormalization()), path / "a.onnx"
    ),
    "zoo export does not know the activation sparse_plus; it knows silu, softmax": lambda path: zoo.export(
        sequential(layers.Dense(2, activation="sparse_plus")), path / "a.onnx"
    ),
    "zoo export does not know this use of GetItem": lambda path: zoo.export(picked(), path / "a.onnx"),
    "the ONNX model differs from Keras by": lambda path: zoo.export(convolved_padding(), path / "a.onnx"),
    "has several cells: give each a layer of its own": lambda path: zoo.export(
        sequential(layers.RNN([layers.LSTMCell(2), layers.LSTMCell(2)])), path / "a.onnx"
    ),
    "keeps its state between calls (stateful=True), and an ONNX file keeps none": lambda path: zoo.export(
        keras.Sequential([keras.Input(batch_shape=(4, 6, 3)), layers.LSTM(UNITS, stateful=True)]), path / "a.onnx"
    ),
    "no ONNX file": lambda path: zoo.OnnxModel(path / "missing.onnx"),
    "is not an ONNX file that runs here": lambda path: zoo.OnnxModel(written(path / "broken.onnx")),
    "input 'x' takes ('batch', 3), not (2, 4)": lambda path: exported(path).predict(np.ones((2, 4))),
    "input 'x' takes ('batch', 3), not ()": lambda path: exported(path).predict(1.0),
    "the file has 1 inputs, and 2 are given": lambda path: exported(path).predict([np.ones((2, 3))] * 2),
    "the file has the inputs one, other, and one, more are given": lambda path: exported(path, summed()).predict(
        {"one": np.ones((2, 3)), "more": np.ones((2, 3))}
    ),
    "input 'x' takes numbers, not <U1": lambda path: exported(path).predict(np.full((2, 3), "a")),
    "input 'x' is no array: ": lambda path: exported(path).predict([[[1.0, 2.0, 3.0], [1.0]]]),
    "the inputs are of different numbers of examples: 2, 3": lambda path: exported(path, summed()).predict(
        [np.ones((2, 3)), np.ones((3, 3))]
    ),
    "ONNX Runtime cannot run the file on these inputs: ": lambda path: exported(path, token()).predict(np.array([[9]])),
    "computes in bfloat16, and an ONNX file in float32": lambda path: exported(
        path, sequential(layers.LSTM(UNITS, dtype="mixed_bfloat16"))
    ),
}


def written(path: Path) -> Path:
    path.write_bytes(b"no onnx")
    return path


def token() -> keras.Model:
    return keras.Sequential([keras.Input((1,), dtype="int32"), layers.Embedding(5, 2), layers.Flatten()])


def summed() -> keras.Model:
    inputs = {name: keras.Input((3,), name=name) for name in ("one", "other")}
    return keras.Model(inputs, {"sum": layers.Subtract()(list(inputs.values()))})


def exported(path: Path, model: keras.Model | None = None):
    zoo.export(model or dense(), path / "model.onnx")
    return zoo.OnnxModel(path / "model.onnx")


@pytest.mark.parametrize("message", WRONG)
def test_a_mistake_is_one_line(message: str, tmp_path: Path) -> None:
    with pytest.raises(zoo.ZooError) as refused:
        WRONG[message](tmp_path)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["missing.keras", "--to", "a.onnx"], "error: no model file"),
        (
            ["mine.keras", "--task", "wave", "--to", "a.onnx"],
            "error: --task, --weights, --units and --masked are for an",
        ),
        (["lstm", "--to", "a.onnx"], "error: which task is lstm for? Give --task"),
    ],
)
def test_a_wrong_command_is_one_line(words: list[str], message: str) -> None:
    done = run(main, "export", *words)
    assert done.code == 2
    assert done.errors.startswith(message)


def test_a_model_whose_inputs_and_outputs_have_names_keeps_them(tmp_path: Path) -> None:
    one, other = np.full((2, 3), 1.0), np.full((2, 3), 2.0)
    ran = exported(tmp_path, summed())
    for given in ({"other": other, "one": one}, [one, other]):
        result = ran.predict(given)
        assert list(result) == ["sum"]
        np.testing.assert_array_equal(result["sum"], one - other)
    graph = onnx.load(tmp_path / "model.onnx").graph
    assert [each.name for each in (*graph.input, *graph.output)] == ["one", "other", "sum"]


def test_whole_numbers_that_are_features_are_exported(tmp_path: Path) -> None:
    pixels = keras.Input((6, 3), dtype="uint8")
    model = away_from_the_start(keras.Model(pixels, layers.LSTM(UNITS)(layers.Rescaling(1 / 255)(pixels))))
    x = np.random.default_rng(0).integers(0, 256, (2, 6, 3)).astype("uint8")
    np.testing.assert_allclose(exported(tmp_path, model).predict(x), model.predict_on_batch(x), atol=1e-6)
