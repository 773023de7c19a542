"""Arguments of the wrong kind are one line that names them, and what takes no such argument does not ignore it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import keras
import numpy as np
import pytest

import zoo
from zoo.training.recipes import get_optimizer, loss_weights, require_recipe
from zoo.training.truncated import require_truncation

RECIPE = zoo.Recipe("short", epochs=1, batch=4, learning_rate=0.1)
WAVE = zoo.get_task("wave")


def require(**changes: object) -> None:
    require_recipe(replace(RECIPE, **changes))


def weighed(chosen: object) -> object:
    return loss_weights(WAVE, replace(RECIPE, loss_steps=chosen), np.zeros((2, 6, 1)))


def digits() -> keras.Model:
    model = keras.Sequential([keras.Input((8, 8)), keras.layers.GRU(3), keras.layers.Dense(10)], name="mine")
    model.compile("sgd", "mse")
    return model


REFUSED: dict[str, Callable[[], object]] = {
    "learning_rate must be more than 0, not 'x'": lambda: require(learning_rate="x"),
    "learning_rate must be more than 0, not None": lambda: require(learning_rate=None),
    "clip_norm must be more than 0, not '1'": lambda: require(clip_norm="1"),
    "the optimizer of a recipe must be a name such as 'adam', not None": lambda: require(optimizer=None, momentum=0.9),
    "loss_steps must be 'all', 'last', a slice or two whole numbers, not 3": lambda: weighed(3),
    "loss_steps must be 'all', 'last', a slice or two whole numbers, not (1.5, 3)": lambda: weighed((1.5, 3)),
    "seed must be a whole number from 0 to 4294967295, not -1": lambda: zoo.load_task("wave", seed=-1),
    "seed must be a whole number from 0 to 4294967295, not 4294967296": lambda: zoo.load_task("wave", seed=2**32),
    "Keras makes no optimizer 'adam' of this config: ": lambda: get_optimizer(
        {"class_name": "adam", "config": {"lr": 1}}
    ),
    "optimizer must be one of Keras, its name or its config, not {'adam': 1}": lambda: get_optimizer({"adam": 1}),
    "unknown optimizer 'adm'; did you mean 'adam'?": lambda: get_optimizer({"class_name": "adm", "config": {}}),
    "execution must be a name such as 'looped', or a zoo.Execution, not None": lambda: zoo.Execution.parse(None),
    "unknown task '3'": lambda: zoo.get_task(3),
    "unknown entry \"['lstm']\"; did you mean": lambda: zoo.get_entry(["lstm"]),
    "weights are read from a file, not from 3": lambda: zoo.load_weights(digits(), 3),
    "'mine' reads (batch, 8, 8), and wave asks for (batch, steps, 1)": lambda: zoo.train(digits(), "wave"),
    "'mine' gives (batch, 10), and copying asks for": lambda: zoo.evaluate(
        digits(), replace(zoo.get_task("copying"), features=8, tokens=0)
    ),
    "masked is for tasks that read sequences of features, and draw_digit reads vectors": lambda: zoo.create_model(
        "vector_to_sequence", "draw_digit", masked=True
    ),
    "masked must be True or False, not 'no'": lambda: zoo.create_model("lstm", "wave", masked="no"),
}


@pytest.mark.parametrize("message", REFUSED)
def test_an_argument_of_the_wrong_kind_is_one_line(message: str) -> None:
    with pytest.raises(zoo.ZooError) as refused:
        REFUSED[message]()
    assert str(refused.value).startswith(message)
    assert "\n" not in str(refused.value)


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="on JAX every truncation is refused")
@pytest.mark.parametrize("length", ["2", 2.5])
def test_a_truncation_that_is_no_whole_number_is_one_line(length: object) -> None:
    with pytest.raises(zoo.ZooError, match=r"^truncate must divide the 6 steps of wave: 1, 2, 3, 6$"):
        require_truncation(WAVE, replace(RECIPE, truncate=length), 6)


def test_a_model_that_is_not_compiled_with_the_metric_is_scored_as_one_that_is() -> None:
    made = zoo.create_model("neuron", "wave", units=3, steps=4)
    some = zoo.load_task("wave", steps=4).validation.first(8)
    data = zoo.Data(some, some, {"test": some})
    known = zoo.evaluate(made, "wave", data=data)
    made.compiled = False
    assert zoo.evaluate(made, "wave", data=data) == pytest.approx(known)
    assert not made.compiled
