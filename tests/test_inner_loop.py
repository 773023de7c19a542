"""What the zoo's layers accept from a model of one's own: cells of any state, statefulness, masks, unknown steps."""

from __future__ import annotations

import functools
from collections.abc import Callable

import keras
import numpy as np
import pytest
from keras import ops

import zoo
from tests.models import BACKEND
from zoo import Execution
from zoo.layers import ChunkedRNN, FusedRNN, MinGRUCell, ParallelRNN, UnrolledRNN
from zoo.recurrent import recurrent

BATCH, STEPS, FEATURES = 3, 7, 8
MASK = np.ones((BATCH, STEPS), bool)
MASK[0, 4:], MASK[1, 2] = False, False
"""One sequence ends early, and one has a gap."""
CLOSE = 1e-5  # float32: some tens of additions in another order
INPUTS = np.random.default_rng(0).normal(size=(BATCH, STEPS, FEATURES)).astype("float32")
Make = Callable[..., keras.layers.Layer]
LOOPS: dict[str, Make] = {
    "looped": lambda cell, **options: recurrent(cell, Execution("looped"), **options),
    "unrolled": lambda cell, **options: recurrent(cell, Execution("unrolled"), **options),
    "chunked-1": lambda cell, **options: ChunkedRNN(cell, 1, **options),
    "chunked-3": lambda cell, **options: ChunkedRNN(cell, 3, **options),
    "recompute": lambda cell, **options: ChunkedRNN(cell, 3, "recompute", **options),
}


class SumCell(keras.layers.Layer):
    """Adds up its inputs in a state of three axes, (batch, 4, 2)."""

    state_size = (4, 2)

    def get_initial_state(self, batch_size=None):
        return [ops.zeros((batch_size, *self.state_size))]

    def call(self, inputs, states):
        total = states[0] + ops.reshape(inputs, (-1, *self.state_size))
        return total, [total]


class CountCell(keras.layers.Layer):
    """Gives the sum of its inputs; its first state counts the steps."""

    state_size = (1, FEATURES)
    output_size = FEATURES

    def call(self, inputs, states):
        count, total = states[0] + 1, states[1] + inputs
        return total, [count, total]


def run(layer: keras.layers.Layer, mask: np.ndarray | None) -> np.ndarray:
    return ops.convert_to_numpy(layer(INPUTS, mask=None if mask is None else ops.convert_to_tensor(mask)))


@pytest.mark.parametrize("every_output", [False, True], ids=["last", "all"])
@pytest.mark.parametrize("mask", [None, MASK], ids=["whole", "masked"])
@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("cell", [SumCell, CountCell])
def test_a_cell_of_any_state_gives_the_sum_of_the_steps_that_count(cell, loop: str, mask, every_output: bool) -> None:
    outputs = run(LOOPS[loop](cell(), return_sequences=every_output), mask)
    counted = INPUTS if mask is None else INPUTS * mask[..., None]
    expected = counted.cumsum(axis=1) if every_output else counted.sum(axis=1)
    np.testing.assert_allclose(outputs.reshape(expected.shape), expected, atol=CLOSE)


@pytest.mark.skipif(BACKEND == "torch", reason="torch writes no loop out")
@pytest.mark.parametrize("every_output", [False, True], ids=["last", "all"])
@pytest.mark.parametrize("backwards", [False, True], ids=["forwards", "backwards"])
def test_unrolled_the_outputs_of_masked_steps_are_zero_where_they_are_looped(backwards, every_output: bool) -> None:
    options = {"go_backwards": backwards, "return_sequences": every_output, "zero_output_for_mask": True}
    layers = [kind(keras.layers.GRUCell(5), **options) for kind in (UnrolledRNN, keras.layers.RNN)]
    for layer in layers:
        layer.build(INPUTS.shape)
    layers[1].set_weights(layers[0].get_weights())
    late = MASK.copy()
    late[2, 0] = False
    ours, known = (run(layer, late) for layer in layers)
    np.testing.assert_allclose(ours, known, atol=CLOSE)
    assert (known == 0).all(axis=-1).any()


def stateful(kind: Make, cell: Callable[[], keras.layers.Layer]) -> keras.Model:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input(batch_shape=(BATCH, 4, FEATURES)), kind(cell(), stateful=True)])
    model.compile("sgd", "mse", jit_compile=BACKEND == "jax")
    return model


@functools.cache
def history(kind: Make, cell: Callable[[], keras.layers.Layer]) -> list[np.ndarray]:
    """What a stateful layer trains and predicts over several batches; Keras' own for several of STATEFUL."""
    model = stateful(kind, cell)
    batches = np.random.default_rng(1).normal(size=(4 * BATCH, 4, FEATURES)).astype("float32")
    targets = np.ones((4 * BATCH, 5), "float32")
    fitted = model.fit(batches, targets, batch_size=BATCH, epochs=2, shuffle=False, verbose=0).history["loss"]
    later = model.predict(batches, batch_size=BATCH, verbose=0)
    model.layers[0].reset_state()
    again = model.fit(batches, targets, batch_size=BATCH, shuffle=False, verbose=0).history["loss"]
    return [np.array(fitted), later, np.array(again)]


def lstm() -> keras.layers.Layer:
    return keras.layers.LSTMCell(5)


STATEFUL: dict[str, tuple[Make, Callable[[], keras.layers.Layer]]] = {
    "chunked": (LOOPS["chunked-3"], lstm),
    "recompute": (LOOPS["recompute"], lstm),
    "fused": (FusedRNN, lstm),
    "parallel": (ParallelRNN, lambda: MinGRUCell(5)),
}


@pytest.mark.parametrize("layer", STATEFUL)
def test_a_stateful_layer_trains_and_predicts_over_several_batches(layer: str) -> None:
    kind, cell = STATEFUL[layer]
    if layer == "fused" and BACKEND != "torch":
        pytest.skip("fused kernels are run through torch")
    for result, expected in zip(history(kind, cell), history(keras.layers.RNN, cell), strict=True):
        np.testing.assert_allclose(result, expected, atol=CLOSE)


@pytest.mark.parametrize("layer", [lambda: ChunkedRNN(keras.layers.LSTMCell(5), 2), lambda: ParallelRNN(MinGRUCell(5))])
def test_a_mask_of_other_steps_than_the_sequences_is_refused(layer: Callable[[], keras.layers.Layer]) -> None:
    with pytest.raises(zoo.ZooError, match="the mask has 6 steps, and the sequences have 7"):
        run(layer(), MASK[:, :6])


@pytest.mark.skipif(BACKEND != "jax", reason="only JAX puts a symbol in the place of an unknown number of steps")
@pytest.mark.parametrize("every_output", [False, True], ids=["last", "all"])
@pytest.mark.parametrize("chunk", ["auto", 3])
def test_a_model_of_unknown_steps_lowers_with_a_symbol_for_them(chunk: int | str, every_output: bool) -> None:
    """What `model.export` does with it, but for the writing, which needs TensorFlow."""
    import jax
    from jax import export

    inputs = keras.Input((None, FEATURES))
    masked = keras.layers.Masking(9.0)(inputs)
    layer = ChunkedRNN(keras.layers.LSTMCell(5), chunk, return_sequences=every_output)
    model = keras.Model(inputs, layer(masked))
    batch, steps = export.symbolic_shape("batch, steps")
    shape = jax.ShapeDtypeStruct((batch, steps, FEATURES), "float32")
    exported = export.export(jax.jit(model.__call__))(shape)
    x = INPUTS.copy()
    x[0, 4:] = 9.0
    np.testing.assert_allclose(exported.call(x), model(x), atol=CLOSE)
