"""A problem: what entries are trained on in each fold, and how their answers are compared with the baselines."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from zoo.data import Data, Split
from zoo.errors import ZooError
from zoo.registry import SEQUENCE_TO_VECTOR, Task


@dataclass(frozen=True)
class Examples:
    """What one training reads: arrays as a model takes them. The targets of the test stay with the problem."""

    train: Split
    validation: Split
    test: Any  #: inputs alone


@dataclass(frozen=True)
class Worth:
    """What answers to the test of a fold are worth.

    Attributes:
        scores: by metric.
        losses: of each example, less is better: what is paired between two answers.
    """

    scores: Mapping[str, float]
    losses: np.ndarray = field(repr=False)


@dataclass(frozen=True)
class Metric:
    """A measure of answers: its name, its unit, and whether more is better."""

    name: str
    unit: str = ""
    higher_is_better: bool = False


def digest_of(parts: Iterable[Any]) -> str:
    """A digest of texts and arrays."""
    digest = hashlib.sha256()
    for part in parts:
        array = np.ascontiguousarray(part) if isinstance(part, np.ndarray) else None
        head = f"{array.dtype} {array.shape}" if array is not None else "text"
        content = array.tobytes() if array is not None else str(part).encode()
        digest.update(f"{head} {len(content)}\n".encode() + content)
    return digest.hexdigest()


class Problem(Protocol):
    """What a table asks. Folds are numbered from 0."""

    @property
    def name(self) -> str:
        """In words: "Temp of temperatures.csv, 1 step ahead"."""
        ...

    @property
    def task(self) -> Task:
        """The shapes of a model for it, its output layer and its loss."""
        ...

    @property
    def metrics(self) -> Sequence[Metric]:
        """The measures, the main one first."""
        ...

    @property
    def notes(self) -> Sequence[str]:
        """What a reader must know of the data: what was left out, and how it was read."""
        ...

    @property
    def folds(self) -> int:
        """How many there are."""
        ...

    def digest(self) -> str:
        """A digest of all that was read of the table: equal data have the same."""
        ...

    def examples(self, fold: int) -> Examples:
        """What is trained on in a fold."""
        ...

    def baselines(self, fold: int) -> Mapping[str, Worth]:
        """What simple answers are worth in a fold: the baselines."""
        ...

    def worth(self, fold: int, outputs: np.ndarray) -> Worth:
        """What the outputs of a model for the test of a fold are worth."""
        ...

    def clusters(self, fold: int) -> np.ndarray:
        """Of each test example a number, in order: examples of one number are not independent of each other."""
        ...

    @property
    def overlap(self) -> int:
        """How many numbers in a row depend on each other, besides: the horizon of a forecast."""
        ...

    def card(self, fold: int) -> dict[str, Any]:
        """What a model of a fold needs besides its weights, to be used on new data: plain values."""
        ...


def own_task(name: str, summary: str, **shapes: Any) -> Task:
    """The task of a table: the shapes, output and loss of a model for it. Its data come from the problem alone."""
    own = "the user's own"
    return Task(
        name=name,
        topology=SEQUENCE_TO_VECTOR,
        summary=summary,
        load=_no_data,
        naive={},
        recipes=(),
        source=own,
        licence=own,
        **shapes,
    )


def _no_data(**_: Any) -> Data:
    raise ZooError("a table's task has the data of its table alone")
