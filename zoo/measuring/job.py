"""A job of a cluster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(eq=False)
class Job:
    """A call of a method of what `make` made on the node.

    Attributes:
        name: for messages.
        method: a generator; what it yields arrives piece by piece.
        arguments: gives those of the method when it is begun: a second try may go on behind what has arrived.
        receive: takes each piece, on this side.
        alone: whether nothing else may run on its node.
        gpu: whether it needs a GPU; one such job runs on a node at a time.
        failed: why it was given up, in words.
    """

    name: str
    method: str
    arguments: Callable[[], tuple[Any, ...]]
    receive: Callable[[Any], None]
    alone: bool = False
    gpu: bool = False
    tries: int = 0
    done: bool = False
    failed: str = ""


def fixed(*arguments: Any) -> Callable[[], tuple[Any, ...]]:
    """The arguments of a job that are the same in each try."""
    return lambda: arguments
