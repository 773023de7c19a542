"""What a caller of `create_model` gets wrong, and what it gives every time."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import zoo
from tests.models import ENTRIES, UNITS, model, no_graphs, weights


def test_lists_are_in_natural_order_and_take_wildcards() -> None:
    assert zoo.list_models("s*rnn*") == ["simple_rnn", "simple_rnn_he", "stacked_rnn"]
    assert zoo.list_models("*") == sorted(ENTRIES)


INITIALIZERS = ("glorot_uniform", "he_normal", "identity", "lecun_uniform", "orthogonal", "zeros")
WRONG = {
    "an unknown entry": ({"name": "lsmt"}, ["'lsmt'", "'lstm'", f"zoo list shows all {len(ENTRIES)}"]),
    "an unknown task": ({"task": "waves"}, ["'waves'", "'wave'", f"zoo tasks shows all {len(zoo.list_tasks())}"]),
    "an unknown execution": ({"execution": "unroled"}, ["'unroled'", "'unrolled'", *map(str, zoo.EXECUTIONS)]),
    "an unknown option": ({"unit": 3}, ["'unit'", "lstm", "'units'", "Known: units"]),
    "units out of range": ({"units": 0}, ["units", "positive whole number", "not 0"]),
    "an unknown initializer": (
        {"name": "simple_rnn_he", "kernel_initializer": "he_unform"},
        ["kernel initializer 'he_unform'", "'he_uniform'", *INITIALIZERS],
    ),
    "a rate out of range": ({"name": "state_dropout", "rate": 1.5}, ["rate", "at least 0 and less than 1", "not 1.5"]),
    "a rate that is no number": ({"name": "state_dropout", "rate": "half"}, ["rate", "less than 1", "not 'half'"]),
    "steps out of range": ({"steps": -5}, ["steps", "positive whole number", "not -5"]),
    "a size that is no number": ({"units": True}, ["units", "positive whole number", "not True"]),
    "steps of a task that has its own": ({"task": "digits_rows", "steps": 9}, ["digits_rows", "8 steps", "not 9"]),
    "a weights file that is not there": ({"weights": "none.safetensors"}, ["no weights file", "'none.safetensors'"]),
}


def assert_refused(parts: list[str], **arguments) -> None:
    """That no model is made, and that one line names all of `parts`."""
    with pytest.raises(zoo.ZooError) as refused:
        zoo.create_model(**{"name": "lstm", "task": "wave", **arguments})
    message = str(refused.value)
    assert "\n" not in message
    assert not [part for part in parts if part not in message], message


@pytest.mark.parametrize("wrong", WRONG)
def test_a_mistake_is_one_line(wrong: str) -> None:
    arguments, parts = WRONG[wrong]
    assert_refused(parts, **arguments)


def test_weights_of_another_model_are_refused_and_change_nothing() -> None:
    made = model("lstm", "wave")
    foreign = {**weights("lstm", "wave"), "lstm/output/bias": np.zeros(3, "float32")}
    with pytest.raises(zoo.ZooError, match=r"'lstm/output/bias' .*\(3,\).* \(1,\)"):
        zoo.set_weights(made, foreign)
    after = zoo.get_weights(made)
    assert all(np.array_equal(after[name], weights("lstm", "wave")[name]) for name in after)


def test_a_broken_weights_file_is_refused(tmp_path) -> None:
    path = tmp_path / "broken.safetensors"
    path.write_bytes(b"not a weights file at all")
    with pytest.raises(zoo.ZooError, match=r"broken.safetensors' is not a safetensors file"):
        zoo.create_model("lstm", "wave", weights=path)


def test_seeds_make_a_training_repeatable() -> None:
    recipe = zoo.Recipe("short", epochs=1, batch=64, learning_rate=1e-3, schedule="cosine", clip_norm=1.0)
    whole = zoo.load_task("digits_rows")
    data = zoo.Data(whole.train.first(256), whole.validation.first(64), {})
    losses = []
    for seed in (0, 0, 1):
        keras.utils.set_random_seed(seed)
        made = zoo.create_model("neuron", "digits_rows", units=UNITS)
        with no_graphs():
            training = zoo.train(made, "digits_rows", recipe, data=data, seed=seed, verbose=0)
        losses.append(training.history["val_loss"])
    assert losses[0] == losses[1]
    assert losses[0] != losses[2]


def test_weights_begin_as_the_papers_say() -> None:
    keras.utils.set_random_seed(0)
    irnn = zoo.get_weights(zoo.create_model("irnn", "digits_rows", units=50))
    np.testing.assert_array_equal(irnn["irnn/recurrent/recurrent_kernel"], np.eye(50))
    assert (irnn["irnn/recurrent/bias"] == 0).all()
    assert irnn["irnn/recurrent/kernel"].std() == pytest.approx(1e-3, rel=0.2)
    he = zoo.get_weights(zoo.create_model("simple_rnn_he", "digits_rows", units=500))["simple_rnn_he/recurrent/kernel"]
    assert he.var() == pytest.approx(2 / 8, rel=0.1)  # of 8 features
    orthogonal = zoo.get_weights(zoo.create_model("simple_rnn_he", "wave", units=20))
    kernel = orthogonal["simple_rnn_he/recurrent/recurrent_kernel"]
    np.testing.assert_allclose(kernel @ kernel.T, np.eye(20), atol=1e-5)
    bias = zoo.get_weights(zoo.create_model("peephole_lstm", "wave", units=3))["peephole_lstm/recurrent/bias"]
    assert sorted(bias) == [0] * 9 + [1] * 3  # of the forget gate


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="torch is what runs no unrolled loop")
def test_what_torch_would_run_otherwise_is_refused() -> None:
    with pytest.raises(zoo.ZooError, match=r"^unrolled: .*torch"):
        zoo.create_model("lstm", "wave", "unrolled")


@pytest.mark.parametrize(
    ("fields", "parts"),
    [
        ({"loop": "loopd"}, ["loop 'loopd'", "keras", "'looped'", "looped, unrolled"]),
        ({"memory": "keep"}, ["memory 'keep'"]),
        ({"loop": "static", "memory": "swap"}, ["loop 'static'", "keras"]),
        ({"loop": "chunked", "chunk": 0}, ["chunk", "positive whole number or 'auto'", "not 0"]),
        ({"loop": "static", "runner": "legacy"}, ["legacy-static", "legacy", "Keras"]),
    ],
)
def test_an_execution_made_by_hand_is_checked(fields, parts: list[str]) -> None:
    with pytest.raises(zoo.ZooError) as refused:
        zoo.create_model("lstm", "wave", zoo.Execution(**fields))
    assert not [part for part in parts if part not in str(refused.value)]
    assert "\n" not in str(refused.value)


def test_an_unknown_optimizer_is_named() -> None:
    assert_refused(["optimizer 'adm'", "'adam'", "rmsprop", "sgd"], optimizer="adm")
