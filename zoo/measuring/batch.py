"""The batch that a timed case runs on, and the lengths of its sequences."""

from __future__ import annotations

import numpy as np

import zoo
from zoo.measuring.case import Case


def first_batch(case: Case) -> zoo.Split:
    """The first examples of the task's training split, padded if the case is masked; from the first on again if it has
    fewer than the batch.

    "uniform" cuts each sequence to a length drawn uniformly from 1 to all steps; "full" leaves all their length, so
    that the mask alone is what differs from "none". Loaded in a process of its own: what loading leaves on the heap
    would count as memory of the model.
    """
    train = zoo.load_task(case.task, steps=case.steps, seed=case.seed).train
    batch = train.take(np.arange(case.batch) % len(train.y))
    if case.masked == "uniform":
        lengths = np.random.default_rng(case.seed).integers(1, case.steps, size=len(batch.y), endpoint=True)
        batch.x[np.arange(case.steps) >= lengths[:, None]] = zoo.PADDING
    return batch


def sequence_lengths(x: np.ndarray) -> np.ndarray:
    """How many steps of each sequence are not padding: x (batch, steps, features) -> (batch,), int32."""
    return (x != zoo.PADDING).any(axis=-1).sum(axis=-1, dtype=np.int32)
