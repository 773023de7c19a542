"""Two devices train as one does: on JAX, with two that this machine's processor simulates."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import keras
import pytest

import zoo
from tests.models import QUICKLY
from tests.test_rooms import ROOT
from zoo.training.devices import require_devices

TRAIN = """
import json, sys
import keras, numpy as np
import zoo

class OwnCell(keras.layers.GRUCell):
    pass  # which Keras does not know by its name

@zoo.register_entry("own")
def own(task, execution, *, units: int):
    inputs = keras.Input((task.steps, task.features))
    hidden = keras.layers.RNN(OwnCell(units))(inputs)
    return keras.Model(inputs, keras.layers.Dense(task.outputs, task.activation)(hidden))

def trained(devices, entry):
    keras.utils.set_random_seed(0)
    task = zoo.get_task("digits_rows")
    model = zoo.create_model(entry, "digits_rows", "looped+jit", units=16)
    recipe = zoo.Recipe("short", epochs=2, batch=32, learning_rate=1e-2)
    whole = zoo.load_task("digits_rows")  # of as many examples as two devices train on: others have another order
    data = zoo.Data(whole.train.first(800), whole.validation.first(100), whole.tests)
    seen = []
    callback = keras.callbacks.LambdaCallback(on_train_begin=lambda logs: seen.append(
        len(callback.model.trainable_variables[0].value.sharding.device_set)))
    history = zoo.train(model, task, recipe, data=data, verbose=0, devices=devices, callbacks=[callback]).history
    return {"seen": seen, "loss": history["loss"], "score": zoo.evaluate(model, task)["test"]}

print(json.dumps({devices: trained(devices, sys.argv[1]) for devices in (1, 2)}))
"""


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="it starts JAX itself, once")
@pytest.mark.parametrize("entry", ["own"])
def test_two_devices_train_as_one_does(entry: str) -> None:
    pytest.importorskip("jax")
    two = {"KERAS_BACKEND": "jax", "XLA_FLAGS": f"--xla_force_host_platform_device_count=2 {QUICKLY}"}
    done = subprocess.run(
        [sys.executable, "-c", TRAIN, entry],
        cwd=ROOT,
        env={**os.environ, **two},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    one, both = json.loads(done.stdout.splitlines()[-1]).values()
    assert (one["seen"], both["seen"]) == ([1], [2])
    # The sums of a batch are taken in two parts: float32 rounds them otherwise, and Adam carries that on.
    assert both["loss"] == pytest.approx(one["loss"], rel=1e-3)
    assert both["score"] == pytest.approx(one["score"], abs=0.01)


@pytest.mark.parametrize("devices", [0, -1, 1.5, True])
def test_a_number_of_devices_that_is_none_is_one_line(devices: float) -> None:
    with pytest.raises(zoo.ZooError, match="devices must be a positive whole number"):
        require_devices(devices, zoo.Recipe("x", epochs=1, batch=32, learning_rate=1e-3))  # type: ignore[arg-type]


def test_devices_that_are_not_there_are_one_line() -> None:
    backend = keras.backend.backend()
    message = "devices are asked for, and JAX has" if backend == "jax" else f"{backend} trains on one device here"
    with pytest.raises(zoo.ZooError, match=message):
        require_devices(64, zoo.Recipe("x", epochs=1, batch=64, learning_rate=1e-3))
