"""A model is saved and read again with its execution, and its weights go by name from one execution to another."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import zoo
from tests.models import (
    BACKEND,
    ENTRIES,
    EVERY_PART,
    EXECUTIONS,
    MAIN,
    assert_runs_as_asked,
    batch,
    make,
    model,
    outputs,
    time_loops,
    weights,
)

each_entry = pytest.mark.parametrize("entry", ENTRIES)
UNUSUAL = "looped" if BACKEND == "torch" else "unrolled"
"""An execution that a layer does not have by default; torch has none without jit."""


def assert_saved_with_its_execution(entry: str, execution: str, folder) -> None:
    made = model(entry, MAIN[entry], execution)
    made.optimizer.build(made.trainable_variables)  # as training does; Keras warns of one that is not built
    made.save(folder / "model.keras")
    loaded = zoo.load_model(folder / "model.keras")
    assert loaded.name == entry
    assert {layer.unroll for layer in time_loops(loaded)} == {execution == "unrolled"}
    x = batch(MAIN[entry]).x
    np.testing.assert_array_equal(outputs(loaded, x), outputs(made, x))


@pytest.mark.parametrize(
    "entry", [pytest.param(entry, marks=[pytest.mark.slow] * (entry not in EVERY_PART)) for entry in ENTRIES]
)
def test_a_saved_model_loads_again_with_its_execution(entry: str, tmp_path) -> None:
    assert_saved_with_its_execution(entry, UNUSUAL, tmp_path)


def test_a_looped_model_stays_looped(tmp_path) -> None:
    assert_saved_with_its_execution("lstm", "looped", tmp_path)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="the file is the same on every backend")
def test_a_saved_model_loads_in_a_new_process(tmp_path) -> None:
    model("neuron", "wave").save(tmp_path / "model.keras")
    load = "import sys, zoo; print(zoo.load_model(sys.argv[1]).name)"
    ended = subprocess.run([sys.executable, "-c", load, tmp_path / "model.keras"], capture_output=True, check=True)
    assert ended.stdout.decode().split() == ["neuron"]


def assert_the_weights_come_by_name(entry: str, execution: str, folder) -> None:
    path, task = folder / "weights.safetensors", MAIN[entry]
    zoo.save_weights(model(entry, task, "looped"), path)
    loaded = make(entry, task, execution, weights=path)
    assert_runs_as_asked(loaded, execution)
    for name, array in zoo.get_weights(loaded).items():
        assert name.startswith(f"{entry}/")
        np.testing.assert_array_equal(array, weights(entry, task)[name])


@each_entry
def test_weights_go_by_name_from_a_looped_model_to_another(entry: str, tmp_path) -> None:
    assert_the_weights_come_by_name(entry, UNUSUAL, tmp_path)


@pytest.mark.parametrize("execution", EXECUTIONS)
def test_weights_go_by_name_to_a_model_of_every_execution(execution: str, tmp_path) -> None:
    assert_the_weights_come_by_name("lstm", execution, tmp_path)
