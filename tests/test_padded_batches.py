"""Batches of sequences of many lengths: nothing is lost, little is padded, and a model sees what it would see alone."""

from __future__ import annotations

import contextlib
import itertools

import keras
import numpy as np
import pytest

import zoo
from zoo.padded_batches import best_lengths

RNG = np.random.default_rng(0)
SEQUENCES = [RNG.normal(size=(steps, 3)).astype("float32") for steps in RNG.integers(1, 40, 75)]
TARGETS = np.arange(len(SEQUENCES), dtype="float32")


def padding(steps: np.ndarray, ends: list[int]) -> int:
    """How many steps are padded where each sequence goes to the first length that holds it."""
    return int(sum(next(end for end in ends if end >= each) - each for each in steps))


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_the_lengths_are_those_of_least_padding(count: int) -> None:
    steps = RNG.integers(1, 12, 60)
    known = sorted({int(each) for each in steps})
    least = min(padding(steps, [*some, known[-1]]) for some in itertools.combinations(known[:-1], count - 1))
    ends = best_lengths(steps, count)
    assert len(ends) == count
    assert ends == sorted(ends)
    assert padding(steps, ends) == least


def test_of_very_many_lengths_some_are_told_apart(monkeypatch) -> None:
    steps = RNG.integers(1, 2000, size=900)
    best = best_lengths(steps, 4)
    monkeypatch.setattr(zoo.padded_batches, "MOST_LENGTHS", 100)
    near = best_lengths(steps, 4)
    assert near[-1] == steps.max()
    assert padding(steps, best) <= padding(steps, near) <= 1.05 * padding(steps, best)


def test_few_lengths_stay_as_they_are() -> None:
    assert best_lengths(np.array([5, 3, 5, 9]), 8) == [3, 5, 9]


def test_every_sequence_is_in_a_batch_with_its_target_once() -> None:
    batches = zoo.pad_batches(SEQUENCES, TARGETS, batch=10, lengths=4)
    assert len(batches) == 8
    assert sorted(len(y) for _, y in (batches[i] for i in range(8))) == [5, *[10] * 7]
    assert len({batches[i][0].shape[1] for i in range(8)}) <= 4
    for i in range(8):
        for x, y in zip(*batches[i], strict=True):
            own = SEQUENCES[int(y)]
            np.testing.assert_array_equal(x[: len(own)], own)
            assert (x[len(own) :] == zoo.PADDING).all()
    np.testing.assert_array_equal(sorted(batches.order), np.arange(len(SEQUENCES)))
    before = batches.order
    batches.on_epoch_end()
    np.testing.assert_array_equal(batches.order, before)  # of the pass that ended
    batches.on_epoch_end()
    assert (batches.order != before).any()


@pytest.mark.parametrize("seed", [3, None])
def test_a_training_takes_the_batches_in_the_order_of_the_seed(seed: int | None) -> None:
    def trained() -> tuple[list[int], np.ndarray]:
        """The targets in the order in which two epochs saw them, and that of the second."""
        seen: list[int] = []

        def loss(y, predicted):
            with contextlib.suppress(TypeError):  # on JAX a trace comes first
                seen.extend(keras.ops.convert_to_numpy(y).astype(int).flat)
            return keras.ops.mean(predicted)

        model = keras.Sequential([keras.Input((None, 3)), keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(1)])
        model.compile("sgd", loss, run_eagerly=True)
        batches = zoo.pad_batches(SEQUENCES, TARGETS, batch=10, lengths=4, seed=seed)
        model.fit(batches, epochs=2, shuffle=False, verbose=0)
        return seen, batches.order

    seen, order = trained()
    first, second = np.reshape(seen, (2, -1))
    np.testing.assert_array_equal(second, order)
    assert trained()[0] == seen
    assert (first == second).all() == (seed is None)


def test_sequences_that_are_sorted_by_their_target_are_mixed() -> None:
    labels = np.repeat([0, 1], 50)
    batches = zoo.pad_batches([np.ones((5, 1))] * 100, labels, batch=10)
    assert all(0 < y.sum() < 10 for _, y in (batches[i] for i in range(10)))
    in_order = zoo.pad_batches([np.ones((5, 1))] * 100, labels, batch=10, seed=None)
    np.testing.assert_array_equal(in_order.order, np.arange(100))


def test_a_series_without_an_axis_of_features_is_refused() -> None:
    with pytest.raises(zoo.ZooError, match=r"a series of other numbers has the shape \(steps, 1\)"):
        zoo.pad_batches([np.array([0.2, 0.7, 0.4])])


def test_tokens_are_padded_with_0() -> None:
    texts = [np.arange(1, steps + 1) for steps in (2, 5, 3)]
    ((x,),) = list(zoo.pad_batches(texts, batch=8, lengths=[6]))
    assert x.dtype == np.int32
    np.testing.assert_array_equal((x != 0).sum(axis=1), [2, 5, 3])


def test_a_model_gives_what_it_gives_each_sequence_alone() -> None:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((None, 3)), keras.layers.Masking(zoo.PADDING), keras.layers.GRU(4)])
    some = SEQUENCES[:9]
    batches = zoo.pad_batches(some, batch=4, lengths=2)
    result = model.predict(batches, verbose=0)
    for number, output in zip(batches.order, result, strict=True):
        alone = keras.ops.convert_to_numpy(keras.ops.stop_gradient(model(some[number][None])))[0]
        np.testing.assert_allclose(output, alone, rtol=0, atol=1e-6)  # float32, over 40 steps
    assert model.predict(zoo.pad_batches(some, batch=4, lengths=2), verbose=0).shape == (9, 4)


@pytest.mark.parametrize("seed", range(6))
def test_the_first_two_batches_have_other_lengths(seed: int) -> None:
    batches = zoo.pad_batches(SEQUENCES, TARGETS, batch=10, lengths=4, seed=seed)
    for _ in range(5):
        (first, _), (second, _) = batches[0], batches[1]
        assert first.shape[1] != second.shape[1]
        batches.on_epoch_end()


def test_what_is_predicted_goes_back_to_its_place_by_the_order_of_the_pass() -> None:
    batches = zoo.pad_batches(SEQUENCES, TARGETS, batch=10, lengths=4)
    model = keras.Sequential([keras.Input((None, SEQUENCES[0].shape[1])), keras.layers.Lambda(lambda x: x[:, 0])])
    firsts = np.empty((len(SEQUENCES), SEQUENCES[0].shape[1]), "float32")
    predicted = model.predict(batches, verbose=0)
    firsts[batches.order] = predicted
    np.testing.assert_allclose(firsts, [each[0] for each in SEQUENCES], rtol=1e-6)


def test_training_takes_the_batches() -> None:
    model = keras.Sequential(
        [keras.Input((None, 3)), keras.layers.Masking(zoo.PADDING), keras.layers.SimpleRNN(4), keras.layers.Dense(1)]
    )
    model.compile("sgd", "mse")
    history = model.fit(zoo.pad_batches(SEQUENCES, TARGETS[:, None], batch=32, lengths=1), epochs=1, verbose=0)
    assert np.isfinite(history.history["loss"]).all()


MISTAKES = {
    "there is no sequence": ([], {}),
    "sequence 1 is empty: a sequence has at least one step": ([np.ones((2, 3)), np.ones((0, 3))], {}),
    "sequence 1 has the shape (2, 4), not (steps, 3)": ([np.ones((2, 3)), np.ones((2, 4))], {}),
    "sequence 1 has the shape (2, 4), not (steps,)": ([np.ones(2), np.ones((2, 4))], {}),
    "there are 1 sequences, and 2 targets": ([np.ones((2, 3))], {"y": [1, 2]}),
    "the targets have several shapes: pad those of each step to one length": (
        [np.ones((2, 3)), np.ones((1, 3))],
        {"y": [[1, 2], [1]]},
    ),
    "batch must be a positive whole number, not 0": ([np.ones((2, 3))], {"batch": 0}),
    "lengths must be a positive whole number, not 0": ([np.ones((2, 3))], {"lengths": 0}),
    "a sequence has 5 steps, and the longest length is 4": ([np.ones((5, 3))], {"lengths": [2, 4]}),
}


@pytest.mark.parametrize("message", MISTAKES)
def test_a_mistake_is_one_line(message: str) -> None:
    sequences, options = MISTAKES[message]
    with pytest.raises(zoo.ZooError) as refused:
        zoo.pad_batches(sequences, **options)
    assert str(refused.value) == message
