"""What is measured and trained has the sizes that its row says."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

import zoo
from zoo.execution import NORMAL_JIT
from zoo.measuring import trained_score
from zoo.measuring.batch import first_batch
from zoo.measuring.case import Case

BACKEND = keras.backend.backend()
CASE = Case("simple_rnn", "wave", zoo.Execution(jit=NORMAL_JIT[BACKEND]), BACKEND, "cpu", 50, 7, 1, 4)


def test_a_training_has_the_steps_of_its_case(monkeypatch) -> None:
    taken: dict[str, Any] = {}

    def train(model: keras.Model, task: zoo.Task, recipe: object, data: zoo.Data, **_: object) -> None:
        taken.update(model=model.input_shape[1], task=task.steps, data=data.train.steps)

    monkeypatch.setattr(zoo, "train", train)
    monkeypatch.setattr(trained_score, "limit_threads", lambda backend, threads: None)  # its tensors are made already
    monkeypatch.setattr(trained_score, "evaluate_all", lambda model, task, data: {})
    trained_score.train_and_score(replace(CASE, recipe="fast"), threads=1)
    assert taken == {"model": 7, "task": 7, "data": 7}


@pytest.mark.parametrize("batch", [3, 5, 12])
def test_a_batch_of_more_examples_than_there_are_has_them_again(batch: int, monkeypatch) -> None:
    x = np.arange(5 * 7, dtype=np.float32).reshape(5, 7, 1)
    data = SimpleNamespace(train=zoo.Split(x, x + 1))
    monkeypatch.setattr(zoo, "load_task", lambda name, **_: data)
    given = first_batch(replace(CASE, batch=batch))
    again = np.arange(batch) % 5
    np.testing.assert_array_equal(given.x, x[again])
    np.testing.assert_array_equal(given.y, x[again] + 1)
    padded = first_batch(replace(CASE, batch=batch, masked="uniform"))
    assert (padded.x == zoo.PADDING).any()
    assert (x != zoo.PADDING).all()  # the data of the task stay


def test_a_pair_of_inputs_is_taken_together() -> None:
    source, target = np.arange(4)[:, None], np.arange(4)[:, None] + 10
    taken = zoo.Split((source, target), target).take(np.array([3, 0, 3]))
    assert [each.ravel().tolist() for each in (*taken.x, taken.y)] == [[3, 0, 3], [13, 10, 13], [13, 10, 13]]
