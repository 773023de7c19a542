"""What a model was compiled with goes on in its copy as in the model: the optimizer where it stands, the metrics."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

import zoo
from tests.models import BACKEND, no_graphs, without_graphs
from zoo.copies import copied

EXECUTION = "chunked-3+recompute"


def compiled(optimizer: keras.optimizers.Optimizer, **options) -> keras.Model:
    model = keras.Sequential([keras.Input((6, 3)), layers.LSTM(4, name="read"), layers.Dense(1, name="answer")])
    model.compile(optimizer, "mse", **options)
    return model


@pytest.mark.parametrize("by", ["names", "variables"])
@pytest.mark.parametrize("scaled", [False, True], ids=["plain", "LossScaleOptimizer"])
def test_a_copy_decays_the_weights_that_the_model_does(by: str, scaled: bool) -> None:
    """No config of an optimizer holds what `exclude_from_weight_decay` set."""
    inner = keras.optimizers.AdamW(1e-3, weight_decay=0.5)
    model = compiled(keras.optimizers.LossScaleOptimizer(inner) if scaled else inner)
    biases = [each for each in model.trainable_variables if each.name == "bias"]
    inner.exclude_from_weight_decay(**{"var_names": ["bias"]} if by == "names" else {"var_list": biases})
    model.optimizer.build(model.trainable_variables)
    copy = zoo.with_execution(model, EXECUTION, check=False)
    its_own = getattr(copy.optimizer, "inner_optimizer", copy.optimizer)
    decayed = [its_own._use_weight_decay(each) for each in copy.trainable_variables]
    assert decayed == [each.name != "bias" for each in copy.trainable_variables]
    assert sum(decayed) == 3


def test_a_layer_that_was_frozen_after_training_is_frozen_in_the_copy_and_its_optimizer_goes_on() -> None:
    model = compiled(keras.optimizers.Adam(1e-3))
    x, y = np.ones((4, 6, 3), "float32"), np.ones((4, 1), "float32")
    model.optimizer.build(model.trainable_variables)
    for each in model.optimizer.variables:
        each.assign(keras.ops.convert_to_numpy(each) + 1)  # as after a step
    model.get_layer("read").trainable = False
    copy = copied(model, "call")
    assert [each.path for each in copy.trainable_variables] == [each.path for each in model.trainable_variables]
    for one, other in zip(copy.optimizer.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(*map(keras.ops.convert_to_numpy, (one, other)))
    if BACKEND != "jax":  # there Keras itself wants a model to be compiled again after freezing
        with no_graphs():
            without_graphs(copy).fit(x, y, verbose=0)
        assert int(keras.ops.convert_to_numpy(copy.optimizer.iterations)) == 2


def test_an_optimizer_that_was_built_for_another_model_is_one_line() -> None:
    optimizer = keras.optimizers.Adam(1e-3)
    first = compiled(optimizer)
    optimizer.build(first.trainable_variables)
    second = compiled(optimizer)
    with pytest.raises(zoo.ZooError, match=r"has not all weights that its optimizer was built for: compile it again$"):
        copied(second, "call")


def test_a_metric_that_is_not_made_again_is_one_line() -> None:
    class Mine(keras.metrics.Mean):
        def __init__(self, unit, **kwargs):
            super().__init__(**kwargs)

    model = compiled("sgd", metrics=[Mine("m", name="mine")])
    with pytest.raises(zoo.ZooError, match=r"^Mine 'mine' is not made again by its get_config: "):
        copied(model, "call")


@pytest.mark.parametrize("execution", ["stock", None], ids=["with_execution", "copied"])
def test_a_layer_that_leaves_cudnn_aside_does_so_in_the_copy(execution: str | None) -> None:
    """Keras leaves it out of the config of a layer."""
    model = keras.Sequential([keras.Input((6, 3)), layers.LSTM(4, use_cudnn=False)])
    copy = zoo.with_execution(model, execution, check=False) if execution else copied(model, "call")
    assert copy.layers[0].use_cudnn is False
