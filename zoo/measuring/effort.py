"""How long a case is timed, and may take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    """How long a phase is warmed up and timed: at least the calls named, then until the seconds or the most calls."""

    warm_up_calls: int = 2
    warm_up_most_calls: int = 10
    warm_up_seconds: float = 0.5
    calls: int = 5
    most_calls: int = 50
    seconds: float = 1.0
    time_limit_seconds: float = 120.0  #: a case, or its proof, is ended after this long


BRIEF = Effort(warm_up_most_calls=5, warm_up_seconds=0.1, most_calls=20, seconds=0.25)
