"""Recipes train what they promise."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import keras
import pytest

import zoo


@pytest.mark.skipif(not Path(os.environ.get("ZOO_DATA", ""), "mnist.npz").is_file(), reason="ZOO_DATA has no mnist.npz")
def test_simple_rnn_reads_mnist_within_five_epochs() -> None:
    keras.utils.set_random_seed(0)
    model = zoo.create_model("simple_rnn", "mnist_rows")
    recipe = replace(zoo.get_task("mnist_rows").recipe("fast"), epochs=5)
    training = zoo.train(model, "mnist_rows", recipe, seed=0, verbose=0)
    assert len(training.history["val_accuracy"]) == 5
    assert zoo.evaluate(model, "mnist_rows")["test"] > 0.95  # 0.976 when it was written


def test_a_cosine_schedule_rises_to_its_peak_and_falls_to_zero() -> None:
    recipe = zoo.Recipe("x", epochs=1, batch=1, learning_rate=0.5, schedule="cosine", clip_norm=2.0)
    optimizer = zoo.training.make_optimizer(recipe, 1000)
    rates = [float(optimizer._learning_rate(step)) for step in (0, 50, 100, 550, 1000)]
    assert rates == pytest.approx([0.005, 0.2525, 0.5, 0.25, 0.0], abs=1e-6)
    assert optimizer.global_clipnorm == 2.0


def test_training_keeps_the_jit_and_scores_every_split() -> None:
    recipe = zoo.Recipe("short", epochs=1, batch=5000, learning_rate=1e-3)
    model = zoo.create_model("neuron", "wave", "looped+jit", units=3)
    training = zoo.train(model, "wave", recipe, verbose=0)
    assert model.jit_compile is True
    assert training.train_seconds > 0
    assert set(zoo.evaluate(model, "wave")) == set(zoo.load_task("wave").tests)


def test_an_unknown_recipe_is_named() -> None:
    with pytest.raises(zoo.ZooError) as told:
        zoo.get_task("wave").recipe("bok")
    assert str(told.value) == "unknown recipe 'bok' of task wave; did you mean 'book'? Known: fast, book"
