"""Recipes train what they promise."""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

import zoo
from tests.models import LAYERS, MAIN, NORMAL, no_graphs
from tests.test_tasks import load
from zoo.errors import Diverged
from zoo.training.folder import train_and_keep
from zoo.training.recipes import make_optimizer


@pytest.mark.slow  # that it learns is shown on the digits, and what it learned by test_pretrained.py
@pytest.mark.skipif(not Path(os.environ.get("ZOO_DATA", ""), "mnist.npz").is_file(), reason="ZOO_DATA has no mnist.npz")
def test_simple_rnn_reads_mnist_within_five_epochs() -> None:
    keras.utils.set_random_seed(0)
    model = zoo.create_model("simple_rnn", "mnist_rows")
    recipe = replace(zoo.get_task("mnist_rows").recipe("fast"), epochs=5)
    training = zoo.train(model, "mnist_rows", recipe, seed=0, verbose=0)
    assert len(training.history["val_accuracy"]) == 5
    assert zoo.evaluate(model, "mnist_rows")["test"] > 0.95  # 0.976 when it was written


def test_simple_rnn_reads_digits_within_eight_epochs() -> None:
    keras.utils.set_random_seed(0)
    model = zoo.create_model("simple_rnn", "digits_rows")
    recipe = replace(zoo.get_task("digits_rows").recipe("fast"), epochs=8)
    training = zoo.train(model, "digits_rows", recipe, seed=0, verbose=0)
    assert len(training.history["val_accuracy"]) == 8
    assert zoo.evaluate(model, "digits_rows")["test"] > 0.9


def test_a_cosine_schedule_rises_to_its_peak_and_falls_to_zero() -> None:
    recipe = zoo.Recipe("x", epochs=1, batch=1, learning_rate=0.5, schedule="cosine", clip_norm=2.0)
    optimizer = make_optimizer(recipe, 1000)
    rates = [float(optimizer._learning_rate(step)) for step in (0, 50, 100, 550, 1000)]
    assert rates == pytest.approx([0.005, 0.2525, 0.5, 0.25, 0.0], abs=1e-6)
    assert optimizer.global_clipnorm == 2.0


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="compiling with inductor takes minutes")
def test_training_keeps_the_jit_and_scores_every_split() -> None:
    recipe = zoo.Recipe("short", epochs=1, batch=5000, learning_rate=1e-3)
    model = zoo.create_model("neuron", "wave", "looped+jit", units=3, steps=6)
    training = zoo.train(model, "wave", recipe, data=a_few("wave"), verbose=0)
    assert model.jit_compile is True
    assert training.train_seconds > 0
    assert set(zoo.evaluate(model, "wave", data=a_few("wave"))) == set(zoo.load_task("wave", steps=6).tests)


def test_an_unknown_recipe_is_named() -> None:
    known = "fast, bare, blocks, in_blocks, book, book_he, book_dropout"
    with pytest.raises(zoo.ZooError, match=rf"'bok' .*wave.*'book'\?.* {known}$"):
        zoo.get_task("wave").recipe("bok")


PAIRS = [
    (entry, task)
    for task in zoo.list_tasks()
    for entry in zoo.list_models()
    if zoo.get_entry(entry).fits(zoo.get_task(task))
]
FIRST = {task: entry for entry, task in reversed(PAIRS)} | {t: "simple_rnn" for e, t in PAIRS if e == "simple_rnn"}
"""An entry of each task, of those that are traced soon."""

TRACED = ("digits_rows", "adding", "reber", "wave", "copying", "draw_digit", "dates")
"""A task of each topology and loss, of numbers and of tokens: the training of its FIRST has a graph, as a user's."""


def is_slow(entry: str, task: str) -> bool:
    """Whether a pair waits for `pytest -m slow`: others train its entry, on its main task, and on its task.

    Instead of a task of many steps or words one of TRACED is trained; its data are held by test_tasks.py.
    """
    if entry == FIRST[task]:
        return task not in TRACED and (zoo.get_task(task).steps > 50 or zoo.get_task(task).outputs > 50)
    return task != MAIN[entry]


@functools.cache
def a_few(task: str) -> zoo.Data:
    """Some examples of each split, at few steps where the task allows it."""
    options = {"steps": 6} if zoo.get_task(task).any_steps else {}
    data = load(task, **options)
    tests = {name: split.first(8) for name, split in data.tests.items()}
    return replace(data, train=data.train.first(24), validation=data.validation.first(8), tests=tests)


@pytest.mark.parametrize(
    ("entry", "task"), [pytest.param(*pair, marks=[pytest.mark.slow] * is_slow(*pair)) for pair in PAIRS]
)
def test_every_entry_trains_on_every_task_that_it_fits(entry: str, task: str) -> None:
    data = a_few(task)
    steps = data.train.steps if zoo.get_task(task).any_steps else None
    keras.utils.set_random_seed(0)
    layers = {"layers": LAYERS.get(entry, 2)} if "layers" in zoo.get_entry(entry).options() else {}
    model = zoo.create_model(entry, task, units=4, steps=steps, **layers)
    before = model.get_weights()
    recipe = replace(zoo.get_task(task).recipe(), epochs=1, batch=12)
    is_traced = entry == FIRST[task] and task in TRACED  # test_models.py has graphs of each entry
    with contextlib.nullcontext() if is_traced else no_graphs():
        training = zoo.train(model, task, recipe, data=data, verbose=0)
    assert np.isfinite(training.history["loss"]).all()
    assert all(len(values) == 1 for values in training.history.values())
    assert any(not np.array_equal(old, new) for old, new in zip(before, model.get_weights(), strict=True))


SHORT = zoo.Recipe("short", epochs=1, batch=4, learning_rate=1e-2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 0}, "epochs.* positive whole .*0"),
        ({"batch": 2.5}, "batch.* positive whole .*2.5"),
        ({"learning_rate": -1.0}, "learning_rate.* more than 0.*-1.0"),
        ({"clip_norm": 0}, "clip_norm.* more than 0.*0"),
        ({"momentum": 1.0, "optimizer": "sgd"}, "momentum.* less than 1.*1.0"),
        ({"schedule": "cosin"}, "'cosin'.*'cosine'.* constant, cosine"),
        ({"optimizer": "sdg"}, "'sdg'.*'sgd'"),
        ({"truncate": 2, "iterations": 3}, "truncate.* iterations"),
    ],
)
def test_a_recipe_out_of_range_is_refused_before_it_trains(changes, message: str) -> None:
    model = zoo.create_model("neuron", "wave", units=3, steps=6)
    with pytest.raises(zoo.ZooError, match=message):
        zoo.train(model, "wave", replace(SHORT, **changes), data=a_few("wave"), verbose=0)


@pytest.mark.filterwarnings("ignore:.*ran out of data")
@pytest.mark.parametrize(
    ("iterations", "epochs", "calls", "steps"),
    [(3, 3, 1, 9), (4, 3, 1, 10), (9, 2, 1, 12), (3, 2, 2, 6), (5, 3, 4, 18)],
)
def test_a_schedule_ends_with_the_training(iterations: int, epochs: int, calls: int, steps: int) -> None:
    if calls > 1 and keras.backend.backend() == "torch":
        pytest.skip("torch makes one step a call")
    model = zoo.create_model("neuron", "wave", f"{NORMAL}+calls-{calls}", units=3, steps=6)
    recipe = replace(SHORT, iterations=iterations, epochs=epochs, schedule="cosine")  # of 6 batches a pass
    with no_graphs():
        zoo.train(model, "wave", recipe, data=a_few("wave"), verbose=0)
    assert int(keras.ops.convert_to_numpy(model.optimizer.iterations)) == steps
    assert float(keras.ops.convert_to_numpy(model.optimizer.learning_rate)) == pytest.approx(0, abs=1e-6)


def test_a_gradient_is_clipped_to_its_norm() -> None:
    """Of plain SGD a step is the gradient times the rate: it is no longer than that."""
    model = zoo.create_model("neuron", "wave", units=3, steps=6)
    before = np.concatenate([each.ravel() for each in model.get_weights()])
    recipe = replace(SHORT, batch=24, learning_rate=1.0, optimizer="sgd", clip_norm=0.01)
    data = a_few("wave")
    far = replace(data, train=data.train._replace(y=data.train.y + 100))
    with no_graphs():
        zoo.train(model, "wave", recipe, data=far, verbose=0)
    after = np.concatenate([each.ravel() for each in model.get_weights()])
    assert np.linalg.norm(after - before) == pytest.approx(0.01, rel=1e-3)


def test_padding_of_a_masked_model_is_checked() -> None:
    model = zoo.create_model("lstm", "wave", units=3, steps=6, masked=True)
    data = a_few("wave")
    x = data.train.x.copy()
    x[1, 0] = zoo.PADDING
    with pytest.raises(zoo.ZooError, match=r"row 1 of train \(wave\).* padding"):
        zoo.train(model, "wave", SHORT, data=replace(data, train=data.train._replace(x=x)), verbose=0)


@pytest.mark.parametrize("finished", [0, 2])
def test_a_training_that_is_stopped_within_a_step_keeps_what_it_has(finished: int, tmp_path: Path) -> None:
    """On JAX the step takes the arrays of the model, and is stopped before Keras has the new ones."""
    recipe = zoo.Recipe("short", epochs=5, batch=100, learning_rate=1e-3)
    data, task = a_few("digits_rows"), zoo.get_task("digits_rows")
    made = zoo.create_model("simple_rnn", "digits_rows", "stock", units=3)
    prepare, steps = made.make_train_function, -(-len(data.train.y) // recipe.batch)

    def prepared(force: bool = False) -> None:
        prepare(force)
        step, done = made.train_function, itertools.count(1)

        def stopped(*given: object) -> object:
            result = step(*given)
            if next(done) > finished * steps:
                raise KeyboardInterrupt
            return result

        made.train_function = stopped

    made.make_train_function = prepared
    arguments = {"units": 3, "seed": 0, "folder": tmp_path, "verbose": 0}
    if not finished and keras.backend.backend() == "jax":
        with pytest.raises(KeyboardInterrupt):
            train_and_keep(made, task, recipe, data, **arguments)
        return
    run = train_and_keep(made, task, recipe, data, **arguments)
    assert (run.epochs, run.stopped) == (finished, True)
    kept = zoo.load_model(tmp_path / "model.keras")
    assert all(np.isfinite(weight).all() for weight in kept.get_weights())


@pytest.mark.parametrize("fine", [0, 2])
def test_a_loss_that_is_no_number_ends_a_training_and_is_told(fine: int, tmp_path: Path, monkeypatch) -> None:
    """The rate is a number for some epochs, and then none. Of no fine epoch nothing is kept."""
    recipe = zoo.Recipe("short", epochs=5, batch=100, learning_rate=1e-3)
    data, task = a_few("digits_rows"), zoo.get_task("digits_rows")
    until = fine * -(-len(data.train.y) // recipe.batch)

    class Rate(keras.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step):
            return keras.ops.where(step < until, 1e-3, np.nan)

        def get_config(self):
            return {}

    monkeypatch.setattr("zoo.training.fit.make_optimizer", lambda recipe, steps: keras.optimizers.SGD(Rate()))
    made = zoo.create_model("simple_rnn_he", "digits_rows", "stock", units=3)
    arguments = {"units": 3, "seed": 0, "folder": tmp_path, "verbose": 0}
    if not fine:
        with pytest.raises(Diverged, match=r"diverged: the loss of epoch 0 .* lower learning rate"):
            train_and_keep(made, task, recipe, data, **arguments)
        return
    run = train_and_keep(made, task, recipe, data, **arguments)
    assert (run.epochs, run.stopped, run.diverged) == (fine + 1, False, True)
    assert all(np.isfinite(weight).all() for weight in made.get_weights())
