"""ONNX files give Keras' numbers, by ONNX' own recurrent operators, for every entry."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest

import zoo
from tests.models import EVERY_PART, LAYERS, without_graphs
from zoo import onnx as zoo_onnx
from zoo.measuring import prove, runners
from zoo.measuring.case import Case

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

UNITS = 6
TASKS = ("digits_rows", "wave", "draw_digit", "dates", "reber")
PAIRS = [
    (entry, task) for entry in zoo.list_models() for task in TASKS if zoo.get_entry(entry).fits(zoo.get_task(task))
]
FIRST = {zoo.get_entry(entry).onnx: entry for entry in reversed(zoo.list_models())}


def is_slow(entry: str, task: str) -> bool:
    """Whether a pair waits for `pytest -m slow`: others have its cell and its layers.

    An embedding is in front of one entry of each operator, and of two directions.
    """
    if task == "reber":
        return entry not in (*FIRST.values(), "lstm", "bidirectional_lstm")
    return entry not in EVERY_PART


RECURRENT = {"LSTM", "GRU", "RNN", "Scan", "Loop"}


def made(entry: str, task: str, **options) -> keras.Model:
    """A model with weights away from their initial values: a bias of zero would hide a bias that is left out."""
    if "layers" in zoo.get_entry(entry).options():
        options["layers"] = LAYERS.get(entry, 2)
    model = zoo.create_model(entry, task, units=UNITS, **options)
    rng = np.random.default_rng(0)
    known = zoo.get_weights(model)
    zoo.set_weights(model, {name: rng.normal(0, 0.4, w.shape).astype(w.dtype) for name, w in known.items()})
    return without_graphs(model)


def target(task: str, masked: bool = False) -> zoo.Task:
    known = zoo.get_task(task)
    return dataclasses.replace(known, masked=masked or known.masked)


@pytest.mark.parametrize(
    ("entry", "task"), [pytest.param(*pair, marks=[pytest.mark.slow] * is_slow(*pair)) for pair in PAIRS]
)
def test_every_entry_has_the_numbers_of_keras(entry: str, task: str, tmp_path) -> None:
    path = tmp_path / "model.onnx"
    assert zoo_onnx.export_entry(made(entry, task), target(task), path) <= zoo_onnx.TOLERANCE
    used = {node.op_type for node in onnx.load(path).graph.node} & RECURRENT
    assert used == {zoo.get_entry(entry).onnx}


@pytest.mark.parametrize(
    "entry",
    [pytest.param(e, marks=[pytest.mark.slow] * is_slow(e, task)) for e, task in PAIRS if task == "wave"],
)
def test_masked_sequences_of_any_length_and_number(entry: str) -> None:
    model = made(entry, "wave", masked=True)
    run = zoo_onnx.session(zoo_onnx.to_onnx(model).SerializeToString())
    assert zoo_onnx.difference(model, target("wave", masked=True), run, batch=7, seed=1) <= zoo_onnx.TOLERANCE
    longer = made(entry, "wave", steps=23, masked=True)
    zoo.set_weights(longer, zoo.get_weights(model))
    assert zoo_onnx.difference(longer, target("wave", masked=True), run, batch=2, seed=2) <= zoo_onnx.TOLERANCE


@pytest.mark.parametrize("execution", ["unrolled", "chunked-4"])
def test_any_execution_gives_the_same_file(execution: str) -> None:
    problem = zoo.Execution.parse(execution).problem(keras.backend.backend())
    if problem:
        pytest.skip(problem)
    looped = made("lstm", "wave")
    other = zoo.create_model("lstm", "wave", execution, units=UNITS)
    zoo.set_weights(other, zoo.get_weights(looped))
    assert zoo_onnx.to_onnx(other) == zoo_onnx.to_onnx(looped)


def test_a_difference_writes_nothing(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(zoo_onnx, "TOLERANCE", -1.0)
    with pytest.raises(zoo.ZooError, match=r"differs from Keras by .* nothing is written"):
        zoo_onnx.export_entry(made("lstm", "wave"), target("wave"), tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_a_layer_of_the_users_own_is_named() -> None:
    inputs = keras.Input((4, 2))
    model = keras.Model(inputs, keras.layers.UnitNormalization()(inputs))
    with pytest.raises(zoo.ZooError, match="does not know the layer UnitNormalization"):
        zoo_onnx.to_onnx(model)
    cell = keras.layers.LSTMCell(3, activation="relu")
    with pytest.raises(zoo.ZooError, match="operator for LSTMCell has tanh, not relu"):
        zoo_onnx.to_onnx(keras.Model(inputs, keras.layers.RNN(cell)(inputs)))


def test_a_file_that_cannot_be_written_is_one_line(tmp_path) -> None:
    (tmp_path / "taken").write_text("")
    (tmp_path / "folder.onnx").mkdir()
    for path in (tmp_path / "taken" / "model.onnx", tmp_path / "folder.onnx"):
        with pytest.raises(zoo.ZooError, match=r"cannot write .*.onnx: (Not|Is) a directory|File exists"):
            zoo_onnx.export_entry(made("gru", "wave"), target("wave"), path)
    assert {path.name for path in tmp_path.iterdir()} == {"taken", "folder.onnx"}


@pytest.mark.parametrize(("task", "steps", "features"), [("wave", 4, 1), ("digits_rows", 8, 8)])
def test_the_benchmark_runs_the_file_and_proves_it_equal(task: str, steps: int, features: int) -> None:
    case = Case("lstm", task, zoo.Execution(), keras.backend.backend(), "cpu", 5, steps, features, 7)
    batch = zoo.load_task(task, steps=steps).train.first(5)
    reference = prove.prove(case, batch, None)
    peer = dataclasses.replace(case, execution=zoo.Execution("native", runner="onnxruntime"))
    proof = prove.prove(peer, batch, reference)
    assert not proof.problem
    assert not prove.unequal(peer, proof)
    assert proof.figures["kernel_path"] == "ort_rnn"
    runner = runners.load("onnxruntime")
    outputs, floor = (make(peer, batch).phases["predict"]() for make in (runner.prepare, runner.prepare_floor))
    assert np.shape(outputs) == np.shape(floor) == reference.tensors["outputs"].shape
