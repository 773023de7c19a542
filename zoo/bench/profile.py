"""A profile: a named grid of cases, made of blocks."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.execution import BACKENDS
from zoo.measuring.case import DEVICES
from zoo.measuring.effort import USUAL, Effort
from zoo.measuring.enough import MOST_REPEATS


@dataclass(frozen=True)
class Block:
    """A grid of cases: every entry × task × size × mask × execution. Names may be wildcards; None: the task's size."""

    entries: tuple[str, ...] = ("*",)
    tasks: tuple[str, ...] = ("digits_rows", "wave")
    executions: tuple[str, ...] = ("stock", "looped", "unrolled")
    steps: tuple[int | None, ...] = (None,)
    units: tuple[int | None, ...] = (None,)
    batches: tuple[int | None, ...] = (None,)
    masked: tuple[str, ...] = ("none",)  #: "full" and "uniform" are lengths of masked sequences
    repeats: int | None = None  #: at most; or seeds; None is the profile's
    backends: tuple[str, ...] = BACKENDS
    devices: tuple[str, ...] = DEVICES
    as_named: bool = False  #: "looped" is without jit on JAX too, where it usually is with


@dataclass(frozen=True)
class Profile:
    """A named grid of cases."""

    name: str
    summary: str
    timed: tuple[Block, ...]
    budget_seconds: float  #: what timing may take; the least repeats of each group are made in any case
    repeats: int = MOST_REPEATS  #: of a group, at most
    mixed: bool = False  #: whether the arms of several backends and devices take turns with each other
    trained: tuple[Block, ...] = ()
    seeds: int = 0
    at_once: int = 1  #: trainings; a score does not depend on it, the seconds of a training do
    effort: Effort = USUAL
