"""Padding stands on the right, and is checked: left-padded rows train to nonsense, or crash a vendor's kernel."""

from __future__ import annotations

import numpy as np

from zoo.data import PADDING, Split
from zoo.errors import ZooError
from zoo.registry import Task
from zoo.vocabulary import PAD


def check_padding(task: Task, split: Split, name: str = "") -> None:
    """Refuse sequences whose padding is not on the right, or that are nothing but padding.

    Args:
        task: its padding is 0 for token numbers and `zoo.PADDING` for features.
        split: inputs as the task has them.
        name: of the split, for the message.

    Raises:
        ZooError: which row is wrong, and how.
    """
    if not (task.tokens or task.masked):
        return
    for x in split.x if isinstance(split.x, tuple) else (split.x,):
        there = x != PAD if task.tokens else (x != PADDING).any(axis=-1)
        where = f"row {{}} of {name or 'x'} ({task.name})"
        empty = ~there.any(axis=1)
        if empty.any():
            raise ZooError(f"{where.format(int(empty.argmax()))} is padding alone: a sequence has at least one step")
        if (rows := torn(there)).any():
            row = where.format(int(rows.argmax()))
            raise ZooError(f"{row} has padding before its end: {task_padding(task)} goes to the right of a sequence")


def torn(there: np.ndarray) -> np.ndarray:
    """Whether padding stands before the end of each sequence, of which steps are there, (batch, steps)."""
    return (there[:, 1:] & ~there[:, :-1]).any(axis=1)


def task_padding(task: Task) -> str:
    """What fills a step after the end, in words."""
    return f"token {PAD}" if task.tokens else f"zoo.PADDING ({PADDING:g})"
