"""Sequences of any length: padding changes nothing, and nothing after the end counts."""

from __future__ import annotations

import dataclasses
import re

import keras
import numpy as np
import pytest

import zoo
from tests.models import outputs, passed, without_graphs
from zoo.decoding import decode
from zoo.measuring.prove import relative_difference
from zoo.padding import check_padding
from zoo.vocabulary import END, START, Vocabulary, padded

UNITS = 6
DECODERS = zoo.list_models("encoder_decoder*")
EQUAL = 1e-5  # as in test_models.py


@pytest.fixture(scope="module")
def dates() -> zoo.Data:
    return zoo.load_task("dates")


def model(entry: str, task: str = "dates") -> keras.Model:
    keras.utils.set_random_seed(0)
    return zoo.create_model(entry, task, units=UNITS)


@pytest.mark.parametrize("entry", DECODERS)
def test_a_longer_padding_of_the_source_changes_no_output_and_no_gradient(entry: str, dates: zoo.Data) -> None:
    made = model(entry)
    (source, late), y = dates.train.first(6)
    short = dataclasses.replace(zoo.get_task("dates"), steps=int((source != 0).sum(axis=1).max()))
    assert (source == 0).any(axis=1).any()
    long = np.pad(source, ((0, 0), (0, 5)))
    task = dataclasses.replace(short, steps=long.shape[1])
    other = zoo.get_entry(entry).build(task, zoo.Execution(), units=UNITS)
    other.name = entry
    other.compile("sgd", loss=task.loss)
    zoo.set_weights(other, zoo.get_weights(made))
    known, result = (passed(m, zoo.Split((x, late), y), training=True) for m, x in ((made, source), (other, long)))
    differences = relative_difference(result, known)
    assert max(differences.values()) <= EQUAL, differences


@pytest.mark.parametrize("entry", [*DECODERS, "lstm_on_the_fly"])
def test_nothing_after_the_end_counts_in_loss_or_metric(entry: str, dates: zoo.Data) -> None:
    made = without_graphs(model(entry))
    (source, late), y = dates.train.first(6)
    late, y = late.copy(), y.copy()
    late[:, 5:] = 0
    y[:, 5:] = 0
    known = made.evaluate((source, late), y, verbose=0)
    spoiled = y.copy()
    spoiled[:, 5:] = 7  # answers that would count if padding counted
    np.testing.assert_allclose(made.evaluate((source, late), spoiled, verbose=0), known, rtol=1e-6)


def test_decoding_ends_at_the_end_and_repeats_what_training_taught(dates: zoo.Data) -> None:
    """A model that was trained on one date answers it, then END, then nothing."""
    longer = dataclasses.replace(zoo.get_task("dates"), target_steps=15)
    keras.utils.set_random_seed(0)
    made = zoo.get_entry("encoder_decoder").build(longer, zoo.Execution(), units=UNITS)
    (source, late), y = dates.train.first(1)
    late, y = (np.pad(each, ((0, 0), (0, 4))) for each in (late, y))
    made.compile(keras.optimizers.Adam(0.05), loss="sparse_categorical_crossentropy")
    made.fit((source.repeat(160, 0), late.repeat(160, 0)), y.repeat(160, 0), batch_size=2, verbose=0)
    answer = decode(made, source, y.shape[1])
    np.testing.assert_array_equal(answer, y)
    assert answer[0, 10:].tolist() == [END, 0, 0, 0, 0]


def test_reviews_are_read_as_their_words_whatever_the_padding() -> None:
    made = model("lstm", "reber")
    x, _ = zoo.load_task("reber").train.first(5)
    length = int((x[0] != 0).sum())
    longer = zoo.get_entry("lstm").build(
        dataclasses.replace(zoo.get_task("reber"), steps=length), zoo.Execution(), units=UNITS
    )
    longer.name = "lstm"
    zoo.set_weights(longer, zoo.get_weights(made))
    alone, together = outputs(longer, x[:1, :length]), outputs(made, x)[:1]
    np.testing.assert_allclose(alone, together, rtol=1e-5)


TOKENS = dataclasses.replace(zoo.get_task("reber"), name="reber")
FEATURES = dataclasses.replace(zoo.get_task("wave"), masked=True)
ROWS = {
    "left-padded tokens": (
        TOKENS,
        np.array([[4, 5, 0], [0, 4, 5]]),
        "row 1 of train (reber) has padding before its end",
    ),
    "no token": (
        TOKENS,
        np.array([[4, 5, 0], [0, 0, 0]]),
        "row 1 of train (reber) is padding alone",
    ),
    "left-padded features": (
        FEATURES,
        np.array([[[zoo.PADDING], [1.0]]]),
        "row 0 of train (wave) has padding before its end: zoo.PADDING (-1000)",
    ),
    "a hole": (
        FEATURES,
        np.array([[[1.0], [zoo.PADDING], [1.0]]]),
        "row 0 of train (wave) has padding before its end: zoo.PADDING (-1000)",
    ),
}


@pytest.mark.parametrize("wrong", ROWS)
def test_padding_that_is_not_on_the_right_is_one_line(wrong: str) -> None:
    task, x, message = ROWS[wrong]
    with pytest.raises(zoo.ZooError, match=re.escape(message)):
        check_padding(task, zoo.Split(x, np.zeros(len(x))), "train")


def test_training_refuses_left_padded_rows() -> None:
    data = zoo.load_task("reber")
    left = np.roll(data.train.x, 5, axis=1)
    wrong = dataclasses.replace(data, train=zoo.Split(left, data.train.y))
    with pytest.raises(zoo.ZooError, match=r"of train \(reber\) has padding before its end"):
        zoo.train(model("gru", "reber"), "reber", data=wrong, verbose=0)


def test_a_vocabulary_reads_and_writes() -> None:
    words = Vocabulary.of_texts(["b a", "b c", "b"], most=6)
    assert words.words == ("b", "a")
    assert words.numbers("a b c") == [5, 4, 3]
    assert words.text([5, 4, END, 4]) == "a b"
    assert padded([[1], [1, 2]], 3).tolist() == [[1, 0, 0], [1, 2, 0]]
    with pytest.raises(zoo.ZooError, match=r"'d' .* 2 words"):
        words.require("a d")
    with pytest.raises(zoo.ZooError, match=r"'houses' .* 1 words; .*'house'"):
        Vocabulary.of_texts(["house"], most=6).require("houses")
    with pytest.raises(zoo.ZooError, match="empty"):
        words.require("")


def test_a_target_is_its_own_one_step_late(dates: zoo.Data) -> None:
    (_, late), y = dates.train
    assert (late[:, 0] == START).all()
    np.testing.assert_array_equal(late[:, 1:], np.where(y[:, :-1] == END, 0, y[:, :-1]))
    assert ((y == END).sum(axis=1) == 1).all()
