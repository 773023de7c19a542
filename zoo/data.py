"""Examples and their targets: the arrays that a task gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    import numpy as np

    from zoo.vocabulary import Vocabulary

PADDING = -1000.0
"""The value of every feature at the steps after the end of a sequence: far outside the values of any task."""


Inputs: TypeAlias = Any
"""A NumPy array; for an encoder_decoder task a pair of them."""


class Split(NamedTuple):
    """Inputs and their targets, by the task's topology.

    sequence_to_vector, sequence_to_sequence: x (examples, steps, features), or token numbers int32 (examples, steps).
    vector_to_sequence: x (examples, features), y (examples, steps, outputs).
    encoder_decoder: x is a pair of token numbers, the source (examples, steps) and the target one step late, beginning
    with START, (examples, target steps); y is the target, ended by END.
    """

    x: Inputs
    y: np.ndarray

    @property
    def steps(self) -> int:
        """The longest time axis: of an encoder_decoder's pair that of the source, of a vector_to_sequence's y."""
        if isinstance(self.x, tuple):
            return max(each.shape[1] for each in self.x)
        return self.y.shape[1] if self.x.ndim == 2 and self.y.ndim == 3 else self.x.shape[1]

    def first(self, examples: int) -> Split:
        """A copy of the first examples."""
        x = self.x
        part = tuple(each[:examples].copy() for each in x) if isinstance(x, tuple) else x[:examples].copy()
        return Split(part, self.y[:examples].copy())

    def take(self, places: np.ndarray) -> Split:
        """A copy of the examples at these places, an example as often as its place is there."""
        x = self.x
        part = tuple(each[places] for each in x) if isinstance(x, tuple) else x[places]
        return Split(part, self.y[places])


@dataclass(frozen=True)
class Data:
    """What a task learns from, is tuned on and is tested on. Every split in `tests` gives a score of its own."""

    train: Split
    validation: Split
    tests: Mapping[str, Split]
    vocabularies: tuple[Vocabulary, ...] = ()  #: of the source and, where it is text too, of the target
