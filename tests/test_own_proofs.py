"""Models of one's own are proven where training differs from predicting too: dropout, batch normalization."""

from __future__ import annotations

from pathlib import Path

import keras
import pytest

import zoo
from tests.own_models import in_the_registries, write
from zoo.execution import NORMAL_JIT
from zoo.measuring import prove
from zoo.measuring.batch import first_batch
from zoo.measuring.case import Case
from zoo.own.describe import described

BACKEND = keras.backend.backend()
MODELS = """
import keras


def dropping(steps, features, outputs, units=8):
    hidden = [keras.Input((steps, features)), keras.layers.GRU(units), keras.layers.Dropout(0.5)]
    return keras.Sequential([*hidden, keras.layers.Dense(outputs)])


def normalized(steps, features, outputs, units=8):
    hidden = [keras.Input((steps, features)), keras.layers.GRU(units), keras.layers.BatchNormalization()]
    return keras.Sequential([*hidden, keras.layers.Dense(outputs)])
"""


@pytest.mark.parametrize("entry", ["dropping", "normalized"])
def test_what_predicts_alone_is_proven_against_what_the_model_predicts(entry: str, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    looped = Case(entry, "adding", zoo.Execution(jit=NORMAL_JIT[BACKEND]), BACKEND, "cpu", 8, 5, 2, 4)
    in_a_file = Case(entry, "adding", zoo.Execution("native", runner="onnxruntime"), BACKEND, "cpu", 8, 5, 2, 4)
    with in_the_registries(described(write(tmp_path, f"{entry}_alone", MODELS))):
        batch = first_batch(looped)
        keras.utils.clear_session()  # names count anew, as in the processes of a run
        reference = prove.prove(looped, batch, None)
        keras.utils.clear_session()
        proof = prove.prove(in_a_file, batch, reference)
    assert (proof.problem, prove.unequal(in_a_file, proof)) == ("", "")
    trained, predicted = reference.tensors["outputs"], reference.tensors[f"{prove.OFF}outputs"]
    assert prove.relative_difference({"outputs": trained}, {"outputs": predicted})["outputs"] > 1e-2
