"""Training through time: which outputs count, and how far the gradient goes back."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import keras
import numpy as np
import pytest

import zoo
from tests.equations import dense, lstm_from, part
from tests.models import no_graphs, without_graphs
from zoo.training.fit import train
from zoo.training.recipes import loss_weights
from zoo.training.truncated import stateful_piece, train_batch, training_steps

RECIPE = zoo.Recipe("short", epochs=1, batch=4, learning_rate=0.1, optimizer="sgd")
STEPS = 6
not_on_jax = pytest.mark.skipif(
    keras.backend.backend() == "jax", reason="on JAX Keras' compiled steps keep no state of a layer"
)


def data(task: str, examples: int = 8) -> zoo.Data:
    whole = zoo.load_task(task, steps=STEPS)
    return zoo.Data(whole.train.first(examples), whole.validation.first(4), {})


def model(entry: str = "lstm", task: str = "wave", execution: str = "looped") -> keras.Model:
    keras.utils.set_random_seed(0)
    return zoo.create_model(entry, task, execution, units=5, steps=STEPS)


def trained(recipe: zoo.Recipe, task: str = "wave", entry: str = "lstm", examples: int = 8, change=None):
    """The weights after a training from one and the same start."""
    made, given = model(entry, task), data(task, examples)
    if change is not None:
        y = given.train.y.copy()
        y[:, change] += 100
        given = replace(given, train=zoo.Split(given.train.x, y))
    with no_graphs():
        train(made, task, recipe, data=given, verbose=0)
    return zoo.get_weights(made)


def same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    # 1e-5: pieces do the same products in functions of their own, which may be compiled otherwise.
    return all(np.allclose(one[name], other[name], rtol=1e-5, atol=1e-6) for name in one)


@pytest.mark.parametrize(
    ("steps", "outside"), [("last", slice(0, 5)), ((2, 4), [0, 1, 4, 5]), (slice(2, -2), [0, 1, 4, 5])]
)
def test_outputs_outside_the_loss_steps_get_no_gradient(steps, outside) -> None:
    recipe = replace(RECIPE, loss_steps=steps)
    known = trained(recipe)
    changed = trained(recipe, change=outside)
    assert all(np.array_equal(known[name], changed[name]) for name in known)
    assert not same(known, trained(RECIPE))


def test_the_loss_is_the_mean_over_the_steps_that_count() -> None:
    task, y = zoo.get_task("wave"), np.zeros((2, 4, 1))
    assert loss_weights(task, RECIPE, y) is None
    weights = loss_weights(task, replace(RECIPE, loss_steps=(1, 3)), y)
    assert weights is not None
    assert weights.tolist() == [[0, 2, 2, 0]] * 2


WRONG = {
    "a slice beyond the end": ({"loss_steps": (3, 9)}, "loss_steps .*6 steps of wave.* 3 to 9"),
    "every second step": ({"loss_steps": slice(0, 6, 2)}, r"loss_steps .*slice\(0, 6, 2\)"),
    "an unknown word": ({"loss_steps": "lats"}, "loss_steps 'lats'.*'last'.* all, last"),
    "a length that does not divide": ({"truncate": 4}, "truncate .*6 steps of wave: 1, 2, 3, 6"),
    "a length of zero": ({"truncate": 0}, "truncate .*6 steps of wave: 1, 2, 3, 6"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_mistake_is_one_line(wrong: str) -> None:
    changes, message = WRONG[wrong]
    if "truncate" in changes and keras.backend.backend() == "jax":
        message = "JAX .*truncate on TensorFlow or torch"
    with pytest.raises(zoo.ZooError, match=message):
        train(model(), "wave", replace(RECIPE, **changes), data=data("wave"), verbose=0)


def test_a_vector_has_no_steps_to_choose() -> None:
    with pytest.raises(zoo.ZooError, match=r"loss_steps .*sequence_to_sequence.* adding is a sequence_to_vector"):
        train(model(task="adding"), "adding", replace(RECIPE, loss_steps="last"), data=data("adding"), verbose=0)


@not_on_jax
def test_what_reads_backwards_cannot_be_truncated() -> None:
    made = zoo.create_model("bidirectional_lstm", "adding", units=3, steps=STEPS)
    with pytest.raises(zoo.ZooError, match="'recurrent' of 'bidirectional_lstm' reads backwards"):
        train(made, "adding", replace(RECIPE, truncate=3), data=data("adding"), verbose=0)


@not_on_jax
@pytest.mark.parametrize(
    ("entry", "options", "layer"), [("mamba", {}, "filter_1"), ("min_gru", {"mean_pool": True}, "mean")]
)
def test_what_looks_at_several_steps_cannot_be_truncated(entry: str, options: dict[str, bool], layer: str) -> None:
    made = zoo.create_model(entry, "adding", units=3, steps=STEPS, **options)
    with pytest.raises(zoo.ZooError, match=f"'{layer}' of '{entry}' may look at several steps at once"):
        train(made, "adding", replace(RECIPE, truncate=3), data=data("adding"), verbose=0)


@not_on_jax
@pytest.mark.parametrize("task", ["wave", "adding"])
@pytest.mark.parametrize("entry", ["gru", "stacked_lstm", "min_gru"])
def test_truncated_over_the_whole_length_is_plain_backpropagation(task: str, entry: str) -> None:
    # One batch: the two ways shuffle by different generators.
    plain = trained(RECIPE, task, entry, examples=4)
    assert same(plain, trained(replace(RECIPE, truncate=STEPS), task, entry, examples=4))


@not_on_jax
def test_the_state_is_carried_on_and_the_gradient_is_not() -> None:
    """Of a target at the end, the gradient reaches the inputs of the last piece alone, and the state all of them."""
    made = model(task="adding")
    made.compile("sgd", loss="mse")
    x, y = data("adding").train.first(4)
    piece = stateful_piece(made, 2, 4)
    piece.compile(keras.optimizers.SGD(0.0), loss="mse")
    for each in (made, piece):
        without_graphs(each)
    whole = made.evaluate(x, y, batch_size=4, verbose=0, return_dict=True)["loss"]
    assert train_batch(piece, x, y, None) == pytest.approx(whole, rel=1e-5)  # the state came from every step

    start = {name.removeprefix("lstm/"): w.astype("float64") for name, w in zoo.get_weights(made).items()}
    end = trained(replace(RECIPE, truncate=2), "adding", examples=4)
    read = x.astype("float64")
    zeros, there = np.zeros((4, 5)), np.ones((4, STEPS), bool)
    outputs, memory = lstm_from(read[:, :4], part(start, "recurrent"), zeros, zeros, there[:, :4])

    def loss(values: dict[str, np.ndarray]) -> float:
        """Of the last piece, from the state that the pieces before it left with the weights of the start."""
        last, _ = lstm_from(read[:, 4:], part(values, "recurrent"), outputs[:, -1], memory, there[:, 4:])
        return float(np.mean((dense(last[:, -1], part(values, "output")) - y) ** 2))

    rng = np.random.default_rng(0)
    for name, weight in start.items():
        way = rng.normal(size=weight.shape)
        slope = (loss({**start, name: weight + 1e-6 * way}) - loss({**start, name: weight - 1e-6 * way})) / 2e-6
        gradient = (weight - end[f"lstm/{name}"]) / RECIPE.learning_rate
        # The weights are of float32: 6e-8 of them, divided by the rate.
        assert float((gradient * way).sum()) == pytest.approx(slope, abs=1e-5 * np.linalg.norm(way)), name


@not_on_jax
def test_pieces_that_count_nothing_carry_the_state_alone_and_the_others_are_counted() -> None:
    recipe = replace(RECIPE, loss_steps=(4, 6), truncate=2, optimizer="adam")
    whole = replace(data("wave", 4), validation=data("wave", 4).train)
    assert training_steps(zoo.get_task("wave"), recipe, whole) == 1
    made = model()
    with no_graphs():
        train(made, "wave", recipe, data=whole, verbose=0)
    assert int(keras.ops.convert_to_numpy(made.optimizer.iterations)) == 1


@pytest.mark.parametrize(("task", "pieces"), [("wave", 3), ("copying", 12), ("adding", 1)])
def test_a_schedule_spans_every_step_of_a_truncated_training(task: str, pieces: int) -> None:
    given = zoo.load_task(task, steps=None if task == "copying" else STEPS)
    few = replace(given, train=given.train.first(8))
    truncate = 10 if task == "copying" else 2
    assert training_steps(zoo.get_task(task), replace(RECIPE, truncate=truncate, epochs=5), few) == 5 * 2 * pieces


def test_sequences_that_end_early_and_have_one_answer_are_not_truncated() -> None:
    made = zoo.create_model("lstm", "adding", units=5, steps=STEPS, masked=True)
    with pytest.raises(zoo.ZooError, match="adding asks for one answer to sequences that end early"):
        train(made, "adding", replace(RECIPE, truncate=3), data=data("adding"), verbose=0)


@not_on_jax
def test_a_truncated_training_learns_and_keeps_its_history() -> None:
    made = model("gru")
    whole = zoo.load_task("wave", steps=STEPS)
    given = zoo.Data(whole.train.first(200), whole.validation.first(50), {})
    recipe = zoo.Recipe("short", epochs=4, batch=10, learning_rate=1e-2, truncate=2)
    made.stop_training = True  # as EarlyStopping leaves it after a training before
    training = train(made, "wave", recipe, data=given, verbose=0)
    assert set(training.history) == {"loss", "val_loss", "val_mse"}
    assert len(training.history["val_mse"]) == 4
    assert training.history["val_mse"][-1] < training.history["val_mse"][0] / 2


@not_on_jax
@pytest.mark.parametrize("stops", [False, True], ids=["whole", "Ctrl-C"])
def test_a_model_whose_training_was_truncated_trains_on(stops: bool) -> None:
    def stop(epoch: int, logs: object) -> None:
        raise KeyboardInterrupt

    made, given = without_graphs(model("gru")), data("wave")
    recipe = replace(RECIPE, truncate=2, optimizer="adam")
    ending = [keras.callbacks.LambdaCallback(on_epoch_end=stop)] if stops else []
    with contextlib.suppress(KeyboardInterrupt), no_graphs():
        train(made, "wave", recipe, data=given, verbose=0, callbacks=ending)
    before = [keras.ops.convert_to_numpy(each) for each in made.optimizer.variables]
    assert before[0] == 2 * 3  # batches, and pieces of each
    assert all(np.any(each) for each in before)  # the moments go on where they were
    made.fit(*given.train, batch_size=4, verbose=0)
    assert int(keras.ops.convert_to_numpy(made.optimizer.iterations)) == before[0] + 2


class OwnCell(keras.layers.SimpleRNNCell):
    """A cell that Keras does not know by its name."""


@not_on_jax
def test_a_cell_of_ones_own_needs_no_registration_to_be_truncated() -> None:
    inputs = keras.Input((STEPS, 1))
    own = keras.Model(inputs, keras.layers.RNN(OwnCell(3), return_sequences=True)(inputs))
    own.compile("sgd", loss=lambda y, predicted: keras.ops.mean(predicted))
    assert isinstance(stateful_piece(own, 2, 4).layers[1].cell, OwnCell)


@not_on_jax
def test_operations_and_normalisations_over_the_steps_cannot_be_truncated() -> None:
    inputs = keras.Input((STEPS, 2))
    hidden = keras.layers.SimpleRNN(3, return_sequences=True)(inputs)
    apart = keras.layers.LayerNormalization()(hidden) * 2.0
    stateful_piece(keras.Model(inputs, apart), 2, 4)
    over_steps = {
        "operation 'flip": keras.ops.flip(hidden, axis=1),
        "layer 'softmax": keras.layers.Softmax(axis=1)(hidden),
        "layer 'batch_normalization": keras.layers.BatchNormalization()(hidden),
        "layer 'dot": keras.layers.Dot(axes=2)([hidden, hidden]),
    }
    for what, outputs in over_steps.items():
        with pytest.raises(zoo.ZooError, match=f"{what}.* may look at several steps at once"):
            stateful_piece(keras.Model(inputs, outputs), 2, 4)
