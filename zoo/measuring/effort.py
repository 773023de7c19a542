"""How long a case is timed, and may take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    """How long a phase of an arm is warmed up and timed in one repeat, in seconds unless the name says otherwise."""

    warm_up_calls: int = 2  #: at least so many
    warm_up_seconds: float = 0.1
    warm_up_rounds: int = 3  #: that are not kept: a worker that waited long is slower at first
    block_seconds: float = 0.02  #: the timed calls of a block; a call that takes longer is a block
    seconds: float = 0.7  #: rounds go on until the blocks of each arm add up to this
    rounds: int = 3  #: at least so many
    time_limit_seconds: float = 120.0  #: a first call, or a proof, is ended after this long


USUAL = Effort()
