"""Labelled examples: copies stay together, what is learnt is of the training alone, and padding is masked."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from zoo.errors import ZooError
from zoo.frames.table import open_table
from zoo.problems.examples import read_sequences, read_texts
from zoo.problems.labelling import Labelling


def texts(rows: int = 60) -> pd.DataFrame:
    words = {"good": "a fine film", "bad": "a dull film"}
    labels = ["good" if i % 3 else "bad" for i in range(rows)]
    return pd.DataFrame({"review": [f"{words[label]} {i}" for i, label in enumerate(labels)], "mood": labels})


def test_texts_are_padded_right_and_words_of_the_test_are_not_learnt() -> None:
    frame = texts()
    frame.loc[0, "review"] += " unheard of words " * 40
    problem = Labelling(read_texts(open_table(frame), "review", "mood"), "mood", steps=20)
    assert problem.width == 20
    for fold in range(problem.folds):
        given = problem.examples(fold)
        lengths = (given.train.x > 0).sum(axis=1)
        assert ((given.train.x > 0) == (np.arange(20) < lengths[:, None])).all()
        train, validation, test = problem._parts[fold]
        assert not {*train} & {*test}
        assert not {*validation} & {*test}
        if 0 in test:
            assert "unheard" not in problem._vocabulary(fold)
    assert any("good 67%" in note for note in problem.notes)
    baselines = problem.baselines(0)
    assert baselines["majority class"].scores["accuracy"] == pytest.approx(2 / 3, abs=0.03)
    assert baselines["linear model"].scores["accuracy"] == 1


def test_the_linear_model_reads_what_the_networks_read() -> None:
    """The end of a recording gives its label away, and no entry reads it."""
    rng = np.random.default_rng(0)
    rows = [
        {"id": i, "t": t, "x": (10.0 * (i % 2) if t == 29 else rng.normal()), "label": "ab"[i % 2]}
        for i in range(60)
        for t in range(30)
    ]
    examples = read_sequences(open_table(pd.DataFrame(rows)), "id", "label", ["x"], "t")
    whole, cut = (Labelling(examples, "label", steps=steps).baselines(0)["linear model"] for steps in (30, 20))
    assert whole.scores["accuracy"] == 1
    assert cut.scores["accuracy"] < 0.9


def test_no_copy_of_a_text_that_was_trained_on_is_tested() -> None:
    frame = pd.concat([texts(), texts()[:20]], ignore_index=True)
    problem = Labelling(read_texts(open_table(frame), "review", "mood"), "mood")
    for parts in problem._parts:
        train, validation, test = ({frame["review"][place] for place in part} for part in parts)
        assert not train & test
        assert not (train | test) & validation
        assert sum(map(len, parts)) == len(frame)
    assert any("copies of other examples: 20;" in note for note in problem.notes)


def test_what_is_read_alike_is_one_example() -> None:
    frame = texts()
    again = frame[:20].assign(review=lambda rows: rows["review"].str.upper() + "!")
    problem = Labelling(read_texts(open_table(pd.concat([frame, again], ignore_index=True)), "review", "mood"), "mood")
    for fold, (train, _, test) in enumerate(problem._parts):
        assert not {place % 60 for place in train} & {place % 60 for place in test}
        clusters = problem.clusters(fold)
        alike = [place % 60 for place in test]
        assert len(np.unique(clusters)) == len(set(alike)) <= len(test)


def test_row_numbers_that_were_saved_are_no_feature() -> None:
    frame = steps().reset_index(drop=True)
    frame.insert(0, "Unnamed: 0", frame.index)
    examples = read_sequences(open_table(frame), "who", "kind", (), "step")
    assert examples.columns == ("a",)
    assert "read at each step: a" in examples.notes


def test_a_feature_that_is_constant_but_for_rounding_is_not_blown_up() -> None:
    frame = steps().assign(flat=0.1)
    problem = Labelling(read_sequences(open_table(frame), "who", "kind", (), "step"), "kind")
    given = problem.examples(0)
    assert np.abs(given.train.x[given.train.x > -1000]).max() < 10


def test_a_value_that_is_no_number_is_named_by_its_own_row_though_blank_rows_are_left_out() -> None:
    frame = pd.DataFrame({"who": [1, None, 1], "a": ["0.5", None, "abc"], "kind": ["x", None, "x"]})
    with pytest.raises(ZooError, match="'abc' in row 2 is no number"):
        read_sequences(open_table(frame), "who", "kind", ())


def steps(frame_rows: int = 30) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    parts = []
    for number in range(frame_rows):
        length = int(rng.integers(3, 9))
        kind = number % 2
        parts.append(
            pd.DataFrame(
                {"who": number, "step": np.arange(length), "a": rng.normal(size=length) + 3 * kind, "kind": kind}
            )
        )
    return pd.concat(parts).sample(frac=1, random_state=0)  # rows in any order: `time` sorts them


def test_sequences_are_sorted_scaled_by_the_training_alone_padded_and_masked() -> None:
    table = open_table(steps())
    problem = Labelling(read_sequences(table, "who", "kind", (), "step"), "kind")
    given = problem.examples(0)
    there = given.train.x[:, :, 0] > -1000
    lengths = there.sum(axis=1)
    assert (there == (np.arange(there.shape[1]) < lengths[:, None])).all()
    values = given.train.x[there]
    assert values.mean() == pytest.approx(0, abs=1e-5)
    assert values.std() == pytest.approx(1, abs=1e-5)
    assert problem.baselines(0)["linear model"].scores["accuracy"] == 1


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (texts().assign(mood="good"), "one label alone"),
        (pd.concat([texts(), pd.DataFrame({"review": ["x"], "mood": ["odd"]})]), "'odd' stands at 1 example"),
        (texts().assign(review=lambda f: f["review"].where(f.index != 4)), "no value in row 4"),
    ],
)
def test_labels_that_do_not_serve_are_one_line(frame: pd.DataFrame, words: str) -> None:
    with pytest.raises(ZooError, match=words):
        Labelling(read_texts(open_table(frame), "review", "mood"), "mood")


def test_an_example_with_two_labels_is_named() -> None:
    frame = steps()
    frame.iloc[0, 3] = 1 - frame.iloc[0, 3]
    with pytest.raises(ZooError, match="has two labels"):
        read_sequences(open_table(frame), "who", "kind", (), "step")
