"""The tasks that ask for what was read long before: what each sequence shows, read by another hand."""

from __future__ import annotations

import numpy as np
import pytest

from tests.splits import load, splits
from zoo.registry import TASKS

BLANK, ASKED = 8, 9


@pytest.mark.parametrize(("name", "wait"), [("copying", 100), ("copying_500", 500)])
def test_ten_symbols_are_asked_for_after_the_wait(name: str, wait: int) -> None:
    for x, y in splits(load(name)).values():
        assert (x.sum(axis=-1) == 1).all()
        read = x.argmax(axis=-1)
        assert np.array_equal(read[:, :10], y[:, -10:])
        assert (read[:, :10] < BLANK).all()
        assert (np.delete(read[:, 10:], wait - 1, axis=1) == BLANK).all()
        assert (read[:, wait + 9] == ASKED).all()
        assert (y[:, :-10] == BLANK).all()


def test_the_memoryless_loss_of_copying_is_that_of_the_literature() -> None:
    data = load("copying")
    assert TASKS.get("copying").naive["memoryless"](data, data.tests["test"]) == pytest.approx(10 * np.log(8) / 120)


def test_the_symbols_between_blanks_are_asked_for_in_their_order() -> None:
    for x, y in splits(load("selective_copying")).values():
        places = set()
        for read, asked in zip(x.argmax(axis=-1)[:200], y, strict=False):
            assert list(read[read < BLANK]) == list(asked[-16:])
            assert (read[-16:] == ASKED).all()
            assert (asked[:-16] == BLANK).all()
            places.add(tuple(np.flatnonzero(read < BLANK)))
        assert len(places) == 200


def test_the_digit_behind_the_letter_is_asked_for() -> None:
    for x, y in splits(load("associative_recall")).values():
        for read, answer in zip(x.argmax(axis=-1)[:500], y, strict=False):
            pairs = dict(zip(read[0:8:2], read[1:8:2], strict=True))
            assert len(pairs) == 4
            assert list(read[8:10]) == [36, 36]
            assert pairs[read[10]] == 26 + answer


def test_scores_tell_the_loss_of_all_steps_and_how_many_symbols_are_right() -> None:
    """Of a model that answers the blank, or with a symbol for every step that asks, with known probabilities."""
    data = load("copying")
    split = data.tests["test"].first(50)

    class Guessing:
        def predict(self, x: np.ndarray, **_: object) -> np.ndarray:
            likely = np.full((*x.shape[:2], 9), 0.01, np.float32)
            likely[:, :-10, BLANK] = 0.92
            likely[:, -10:, 3] = 0.92
            return likely

    scores = TASKS.get("copying").score(Guessing(), data, split)
    symbols = split.y[:, -10:]
    right = (symbols == 3).mean()
    assert scores["symbol_accuracy"] == pytest.approx(right)
    losses = -np.log(0.92) * (110 + 10 * right) - np.log(0.01) * 10 * (1 - right)
    assert scores["cross_entropy"] == pytest.approx(losses / 120, rel=1e-5)


def test_pixels_are_the_rows_one_after_another_and_permuted_the_same_pixels_in_one_order() -> None:
    rows, pixels, permuted = (load(name) for name in ("mnist_rows", "mnist_pixels", "mnist_pixels_permuted"))
    for known, ours, mixed in zip(*(splits(each).values() for each in (rows, pixels, permuted)), strict=True):
        flat = known.x.reshape(len(known.y), 784)
        assert np.array_equal(ours.x[:, :, 0], flat)
        assert np.array_equal(np.sort(mixed.x[:100, :, 0]), np.sort(flat[:100]))
        assert np.array_equal(ours.y, mixed.y)
    order = np.random.default_rng(0).permutation(784)
    assert np.array_equal(permuted.tests["test"].x[:, :, 0], pixels.tests["test"].x[:, order, 0])
