"""Several training steps in one call: the same training, and a line where a backend has none."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import zoo
from tests.models import BACKEND, NORMAL

ON_TORCH = BACKEND == "torch"
CALLS = f"{NORMAL}+calls-4"


def trained(execution: str) -> tuple[keras.Model, list[float]]:
    """A small model after two epochs of 10 batches, the last of them a smaller one, and its losses."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(76, 20, 1)).astype("float32"), rng.normal(size=(76, 20, 1)).astype("float32")
    keras.utils.set_random_seed(0)
    model = zoo.create_model("gru", "wave", execution, units=4)
    return model, model.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0).history["loss"]


@pytest.mark.skipif(ON_TORCH, reason="torch makes one step a call")
def test_several_steps_a_call_train_as_one_by_one() -> None:
    (one, losses), (several, of_several) = trained(NORMAL), trained(CALLS)
    assert several.steps_per_execution == 4
    assert losses == pytest.approx(of_several, rel=1e-5)
    for known, ours in zip(one.get_weights(), several.get_weights(), strict=True):
        assert np.allclose(known, ours, atol=1e-6)  # the same sums in another program


@pytest.mark.skipif(ON_TORCH, reason="torch makes one step a call")
def test_a_copy_and_a_training_keep_the_number_of_steps_a_call() -> None:
    model = keras.Sequential([keras.Input((5, 1)), keras.layers.GRU(3), keras.layers.Dense(1)])
    model.compile("sgd", "mse", steps_per_execution=2)
    assert zoo.with_execution(model, NORMAL).steps_per_execution == 2
    assert zoo.with_execution(model, CALLS).steps_per_execution == 4
    own = zoo.create_model("gru", "digits_rows", CALLS, units=4)
    zoo.train(own, "digits_rows", zoo.Recipe("short", 1, 500, 1e-3), verbose=0)
    assert own.steps_per_execution == 4


@pytest.mark.once
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("looped+calls-0", "calls must be a positive whole number"),
        ("torch-native+calls-4", "only models of Keras take"),
    ],
)
def test_a_wrong_number_of_calls_is_one_line(text: str, words: str) -> None:
    with pytest.raises(zoo.ZooError, match=words):
        zoo.Execution.parse(text)


@pytest.mark.once
def test_a_name_is_read_as_it_is_shown() -> None:
    for text in ("stock+calls-16", "chunked-16+jit+recompute+calls-4", "looped+jit+calls-2"):
        assert str(zoo.Execution.parse(text)) == text


@pytest.mark.skipif(not ON_TORCH, reason="other backends make several")
def test_torch_says_that_it_makes_one_step_a_call() -> None:
    with pytest.raises(zoo.ZooError, match="one training step a call"):
        zoo.create_model("gru", "wave", "looped+calls-4")
    model = keras.Sequential([keras.Input((5, 1)), keras.layers.GRU(3), keras.layers.Dense(1)])
    with pytest.raises(zoo.ZooError, match="one training step a call"):
        zoo.with_execution(model, "fused+calls-4")
