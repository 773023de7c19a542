"""Contracts over every task of the registry, and what each promises of its own."""

from __future__ import annotations

import math
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import numpy as np
import pytest
from sacrebleu.metrics import BLEU
from sklearn.dummy import DummyClassifier
from sklearn.metrics import log_loss, mean_squared_error

from tests.splits import load, splits
from zoo.data import Data, Split
from zoo.errors import ZooError
from zoo.padding import check_padding
from zoo.registry import ENCODER_DECODER, TASKS, VECTOR_TO_SEQUENCE
from zoo.vocabulary import UNKNOWN

SEEDLESS = {"temperatures", "el_nino"}  # one series, and nothing to draw


@pytest.fixture(scope="module", params=TASKS.names())
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def data(name: str) -> Data:
    return load(name)


def arrays(split: Split) -> list[np.ndarray]:
    return [*(split.x if isinstance(split.x, tuple) else (split.x,)), split.y]


def same(one: Split, other: Split) -> bool:
    return all(map(np.array_equal, arrays(one), arrays(other)))


def source(split: Split) -> np.ndarray:
    """What an answer is asked for."""
    return split.x[0] if isinstance(split.x, tuple) else split.x


# Every task


def test_importing_the_tasks_binds_no_backend_and_loads_no_library():
    heavy = ["keras", "tensorflow", "jax", "torch", "sklearn", "pandas"]
    code = f"import sys; sys.modules.update(dict.fromkeys({heavy})); import zoo.tasks"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[1])


def test_shapes_and_types_agree_with_the_task(name: str, data: Data):
    task = TASKS.get(name)
    ahead = {
        "sequence_to_vector": (),
        "sequence_to_sequence": (task.steps,),
        "vector_to_sequence": (task.steps,),
        "encoder_decoder": (task.target_steps,),
    }[task.topology]
    inputs = [(task.features,)] if task.topology == VECTOR_TO_SEQUENCE else [(task.steps, task.features)]
    if task.tokens:
        inputs = [(task.steps,), (task.target_steps,)] if task.topology == ENCODER_DECODER else [(task.steps,)]
    for split in splits(data).values():
        *xs, y = arrays(split)
        assert len(y) > 0
        assert [x.shape for x in xs] == [(len(y), *shape) for shape in inputs]
        for x, known in zip(xs, (task.tokens, task.outputs), strict=False):
            assert x.dtype == (np.int32 if task.tokens else np.float32)
            assert np.isfinite(x).all()
            assert not task.tokens or (x.min() >= 0 and x.max() < known)
        if task.loss == "sparse_categorical_crossentropy":
            assert y.shape == (len(y), *ahead)
            assert y.dtype == np.int32
            assert set(np.unique(y)) <= set(range(task.outputs))
        else:
            assert y.shape == (len(y), *ahead, task.outputs)
            assert y.dtype == np.float32
        check_padding(task, split)


def test_the_same_seed_gives_the_same_arrays(name: str, data: Data):
    again = splits(load(name, seed=0))
    assert again.keys() == splits(data).keys()
    assert all(same(split, again[key]) for key, split in splits(data).items())


def test_another_seed_draws_other_examples_and_is_scored_on_the_same_tests(name: str, data: Data):
    other = load(name, seed=1)
    assert same(data.train, other.train) == (name in SEEDLESS)
    assert same(data.validation, other.validation) == (name in SEEDLESS)
    assert data.tests.keys() == other.tests.keys()
    assert all(same(split, other.tests[key]) for key, split in data.tests.items())


def test_no_example_is_in_two_splits(name: str, data: Data):
    if name == "draw_digit":
        pytest.skip("ten digits are all that can be asked for; the images are those of digits_rows")
    # Different sentences and reviews may be alike in the words that are known.
    known = (
        {key: source(split)[(source(split) != UNKNOWN).all(axis=1)] for key, split in splits(data).items()}
        if (TASKS.get(name).tokens)
        else {key: source(split) for key, split in splits(data).items()}
    )
    examples = {key: {row.tobytes() for row in rows} for key, rows in known.items()}
    doubles = sum(map(len, examples.values())) - len(set.union(*examples.values()))
    assert doubles <= KNOWN_DOUBLES.get(name, 0)


@pytest.mark.parametrize("name", ["el_nino", "temperatures"])
def test_no_month_or_day_is_in_two_splits(name: str) -> None:
    """The windows of a split and the steps that they ask for are one stretch of time, and every value is in one."""
    data = load(name)
    stretches = []
    for x, y in splits(data).values():
        last = y[:, -1] if y.ndim == 3 else y
        stretches.append(np.concatenate([x[0, :, 0], last[:, 0]]))
        for start, window in enumerate(x[:, :, 0]):
            assert np.array_equal(window, stretches[-1][start : start + len(window)])
    whole = np.concatenate(stretches)
    assert len(whole) == {"el_nino": 61 * 12, "temperatures": 3650}[name]


KNOWN_DOUBLES = {"reviews": 200}
"""IMDB itself has some reviews twice, in training and in test."""


def last_value(data: Data, split: Split) -> float:
    guess = split.x[:, :, 0] if split.y.ndim == 3 else split.x[:, -1]
    return mean_squared_error(*np.float64([split.y.reshape(guess.shape), guess]))


def least_squares(data: Data, split: Split) -> float:
    """By the normal equations, a step after the other."""

    def fit(x: np.ndarray, y: np.ndarray, of: np.ndarray) -> np.ndarray:
        ones = np.ones((len(x), 1))
        return np.hstack([of, np.ones((len(of), 1))]) @ np.linalg.pinv(np.hstack([x, ones])) @ y

    (x, y), (of, right) = ([np.float64(array) for array in arrays(part)] for part in (data.train, split))
    if right.ndim == 2:
        return mean_squared_error(right, fit(x[:, :, 0], y, of[:, :, 0]))
    steps = range(1, x.shape[1] + 1)
    return float(
        np.mean([mean_squared_error(right[:, n - 1], fit(x[:, :n, 0], y[:, n - 1], of[:, :n, 0])) for n in steps])
    )


def of_each_digit(data: Data, split: Split) -> float:
    errors = []
    for digit in range(10):
        drawn = data.train.y[data.train.x[:, digit] == 1]
        errors.append(((split.y[split.x[:, digit] == 1] - drawn.mean(axis=0)) ** 2).ravel())
    return float(np.concatenate(errors).mean())


def commonest(data: Data, split: Split) -> tuple[list[str], list[list[str]]]:
    """The most frequent answer to each source, and the right ones."""
    texts = [data.vocabularies[-1].text(row) for row in data.train.y]
    right = [data.vocabularies[-1].text(row) for row in split.y]
    pairs = zip(split.x[0].tolist(), right, strict=True)
    by_source = [[text for _, text in alike] for _, alike in groupby(pairs, itemgetter(0))]
    return [Counter(texts).most_common(1)[0][0]] * len(by_source), by_source


def share_matched(answers: list[str], references: list[list[str]]) -> float:
    return float(np.mean([answer in right for answer, right in zip(answers, references, strict=True)]))


def corpus_bleu(answers: list[str], references: list[list[str]]) -> float:
    most = max(map(len, references))
    streams = [[right[i] if i < len(right) else right[0] for right in references] for i in range(most)]
    return BLEU().corpus_score(answers, streams).score


BLANK = 8  # the answer where no symbol is asked for, after those of 8 symbols


def uniform_over_symbols(data: Data, split: Split) -> float:
    """The blank is known for sure where it is right, and each symbol as likely as the others where one is asked for."""
    answers = split.y.ravel()
    likely = np.where((answers == BLANK)[:, None], np.eye(BLANK + 1)[BLANK], np.append(np.full(BLANK, 1 / BLANK), 0))
    return log_loss(answers, likely, labels=range(BLANK + 1))


def most_frequent_of_the_symbols(data: Data, split: Split) -> float:
    train, test = (each.y[each.y != BLANK] for each in (data.train, split))
    dummy = DummyClassifier(strategy="most_frequent").fit(np.zeros((len(train), 1)), train)
    return dummy.score(np.zeros((len(test), 1)), test)


def share_of_the_digit(data: Data, split: Split) -> float:
    shares = []
    for row, answer in zip(split.x.argmax(axis=-1), split.y, strict=True):
        digits = [number - 26 for number in row if 26 <= number < 36]
        shares.append(Counter(digits)[answer] / len(digits))
    return float(np.mean(shares))


# Each naive guess once more, by another hand than the task's own.
INDEPENDENT = {
    ("majority class", ""): lambda data, split: (
        DummyClassifier(strategy="most_frequent").fit(data.train.x, data.train.y).score(split.x, split.y)
    ),
    ("repeat the last value", ""): last_value,
    ("linear autoregression", ""): least_squares,
    ("always 1", ""): lambda data, split: mean_squared_error(split.y, np.ones_like(split.y)),
    ("memoryless", ""): uniform_over_symbols,
    ("most frequent symbol", ""): most_frequent_of_the_symbols,
    ("a digit of the sequence", ""): share_of_the_digit,
    ("mean image", ""): lambda data, split: float(((split.y - data.train.y.mean(axis=0)) ** 2).mean()),
    ("mean image of its digit", ""): of_each_digit,
    ("most frequent answer", "exact_match"): lambda data, split: share_matched(*commonest(data, split)),
    ("most frequent answer", "bleu"): lambda data, split: corpus_bleu(*commonest(data, split)),
}


def test_naive_scores_agree_with_an_independent_formula(name: str, data: Data):
    task = TASKS.get(name)
    assert task.naive
    if name == "wave":  # a line for each step, twice over: fitted to a part of 75,000 windows
        data = replace(data, train=data.train.first(2000))
    for guess, score in task.naive.items():
        known = INDEPENDENT[guess, task.metric if (guess, task.metric) in INDEPENDENT else ""]
        for split in data.tests.values():
            # 1e-5: the task squares differences, and fits its lines, in float32.
            assert score(data, split) == pytest.approx(known(data, split), rel=1e-5)


def test_the_default_recipe_is_fast_and_no_two_share_a_name(name: str):
    recipes = [recipe.name for recipe in TASKS.get(name).recipes]
    assert recipes[0] == "fast"
    assert len(set(recipes)) == len(recipes)


@pytest.mark.parametrize("name", [task.name for task in TASKS if not task.any_steps])
def test_a_task_of_fixed_steps_refuses_others(name: str):
    steps = TASKS.get(name).steps
    with pytest.raises(ZooError, match=f"{name} .*{steps} steps, not {steps + 1}"):
        TASKS.get(name).load(steps=steps + 1)


@pytest.mark.parametrize("name", [task.name for task in TASKS if task.any_steps])
def test_a_task_of_any_steps_gives_the_steps_asked_for(name: str):
    data = load(name, steps=7)
    assert {split.x.shape[1] for split in splits(data).values()} == {7}


# digits_rows


def test_digits_are_split_into_all_1797_with_every_class_in_its_share():
    data = load("digits_rows")
    assert {key: len(split.x) for key, split in splits(data).items()} == {"train": 1257, "validation": 180, "test": 360}
    for split in splits(data).values():
        assert np.ptp(np.bincount(split.y) / len(split.y)) < 0.02


# wave


def test_a_new_window_of_the_wave_is_predicted_one_step_ahead():
    for split in splits(load("wave")).values():
        assert np.array_equal(split.x[:, 1:], split.y[:, :-1])


@pytest.mark.parametrize("steps", [1, 20, 299, 1000])
def test_the_tests_of_the_wave_equal_its_formula(steps: int):
    tests = load("wave", steps=steps).tests
    end = max(30, steps / 10 + 10)
    for key, first, last in [("same_range", 0, end - steps / 10), ("unseen_time", end, end + 4)]:
        count = len(tests[key].x)
        for index in (0, 1, count // 2, count - 1):
            start = first + (last - first) * index / (count - 1)
            times = [start + 0.1 * step for step in range(steps + 1)]
            formula = [t * math.sin(t) / 3 + 2 * math.sin(5 * t) for t in times]
            # float32 holds 7 digits of an amplitude that grows with t, up to 38 at 1,000 steps
            assert tests[key].x[index, :, 0] == pytest.approx(formula[:-1], abs=1e-7 * end**2)
            assert tests[key].y[index, :, 0] == pytest.approx(formula[1:], abs=1e-7 * end**2)


def test_training_windows_of_the_wave_are_stretches_of_it_within_0_to_30():
    starts = np.linspace(0, 28, 56_001)
    times = starts[:, None] + 0.1 * np.arange(20)
    curve = times * np.sin(times) / 3 + 2 * np.sin(5 * times)
    data = load("wave")
    for window in (*data.train.x[:5, :, 0], *data.validation.x[:5, :, 0]):
        # The true start is within 2.5e-4 of one tried here, and the wave's slope stays below 21.
        assert np.abs(curve - window).max(axis=1).min() < 2.5e-4 * 21


def test_training_on_the_wave_is_the_books_1500_iterations_and_long_windows_are_fewer():
    assert len(load("wave").train.x) == 1500 * 50
    assert load("wave", steps=299).train.x.size < 4_000_000


@pytest.mark.parametrize("steps", [0, -1])
def test_windows_that_do_not_fit_the_wave_are_refused(steps: int):
    with pytest.raises(ZooError, match=f"wave .*1 step, not {steps}"):
        TASKS.get("wave").load(steps=steps)
