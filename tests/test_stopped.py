"""A training that is stopped by Ctrl-C keeps what it has: weights, history and a card, whatever it was doing."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

import zoo
from tests.models import BACKEND, no_graphs
from zoo.training import fit, folder, scores
from zoo.training.devices import on_devices
from zoo.training.folder import read_run, train_and_keep

RECIPE = zoo.Recipe("short", epochs=2, batch=4, learning_rate=0.1)
STEPS = 4


def stop(*given: object, **named: object) -> None:
    raise KeyboardInterrupt


def trained(to: Path, recipe: zoo.Recipe) -> folder.Run:
    whole = zoo.load_task("wave", steps=STEPS)
    data = zoo.Data(whole.train.first(8), whole.validation.first(4), {"test": whole.validation.first(4)})
    model = zoo.create_model("simple_rnn", "wave", units=3, steps=STEPS)
    with no_graphs():
        return train_and_keep(model, zoo.get_task("wave"), recipe, data, units=3, seed=0, folder=to, verbose=0)


@pytest.mark.skipif(BACKEND == "jax", reason="on JAX Keras' compiled steps keep no state of a layer")
def test_the_first_epoch_of_a_truncated_training_that_is_stopped_has_changed_the_weights(tmp_path, monkeypatch) -> None:
    real = folder.epoch_log

    def log(task: zoo.Task) -> object:
        made = real(task)
        made.on_train_batch_end = lambda batch, logs=None: stop()
        return made

    monkeypatch.setattr(folder, "epoch_log", log)
    keras.utils.set_random_seed(0)
    start = zoo.create_model("simple_rnn", "wave", units=3, steps=STEPS).get_weights()
    keras.utils.set_random_seed(0)
    run = trained(tmp_path, replace(RECIPE, truncate=2))
    assert (run.epochs, run.stopped) == (0, True)
    kept = read_run(tmp_path)[0].get_weights()
    assert not any(np.array_equal(one, other) for one, other in zip(kept, start, strict=True))


def test_a_training_on_devices_that_is_stopped_has_changed_the_weights_and_keeps_the_distribution() -> None:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])

    def train() -> None:
        with on_devices(model, 2) as twin:
            twin.set_weights([np.full((2, 1), 7.0), np.full(1, 7.0)])
            stop()

    own = keras.distribution.DataParallel(devices=keras.distribution.list_devices()[:1])
    keras.distribution.set_distribution(own)
    try:
        with pytest.raises(KeyboardInterrupt):
            train()
        assert keras.distribution.distribution() is own
    finally:
        keras.distribution.set_distribution(None)
    assert all((weight == 7).all() for weight in model.get_weights())


def test_a_training_whose_scoring_is_stopped_keeps_its_history_and_a_card_without_scores(tmp_path, monkeypatch) -> None:
    def train(model: keras.Model, *given: object, log: object, **named: object) -> None:
        log.rows += [{"epoch": 0}, {"epoch": 1}]
        log.weights = model.get_weights()
        model.optimizer.build(model.trainable_variables)  # as a step does

    monkeypatch.setattr(fit, "train", train)
    monkeypatch.setattr(scores, "evaluate", stop)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path, RECIPE)
    with (tmp_path / "history.csv").open() as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["0", "1"]
    model, card = read_run(tmp_path)
    assert (model.name, card["epochs"], card["scores"]) == ("simple_rnn", 2, {})
    with pytest.raises(zoo.ZooError, match="holds a trained model already"):
        folder.require_free(tmp_path)
