"""Arms take turns, and those that fall behind drop out: short looks first, the promising ones longer.

Source: successive halving, Jamieson and Talwalkar, Non-stochastic Best Arm Identification and Hyperparameter
Optimization (2016), with one rule more: an arm drops out early once it is surely slower than the best.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import stats

from zoo.measuring.enough import CONFIDENCE, LEAST_REPEATS
from zoo.measuring.lockstep import balanced_order

FIRST_ROUNDS = 4
"""The rounds of the first look; each later one has twice as many."""
FINALISTS = 3
"""Halving leaves so many; of these only one that is surely slower drops out."""
TAIL = 0.2
"""The part of the rounds at each end that does not count: other work disturbed them."""
NARROW = math.log(1.02)
"""Half the width of an interval that is narrow enough: ±2%."""


@dataclass
class Seat:
    """One arm at the table.

    Attributes:
        name: the execution.
        ask: calls a method of its Arm: `ask("block", phase, seconds)`.
        seconds: of a call, by phase and round.
        broken: why it can take no more turns; empty while it can.
    """

    name: str
    ask: Callable[..., Any]
    seconds: dict[str, dict[int, float]] = field(default_factory=dict)
    broken: str = ""

    def log_ratios(self, phase: str, other: Seat) -> list[float]:
        """log(time / the other's time), a number for each round in which both took a turn."""
        ours, theirs = self.seconds.get(phase, {}), other.seconds.get(phase, {})
        return [math.log(ours[number] / theirs[number]) for number in ours if number in theirs]


@dataclass(frozen=True)
class Ratio:
    """The time of an arm over that of another: a trimmed geometric mean over rounds, and its 95% interval."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, log_ratios: Sequence[float]) -> Ratio:
        """That of log ratios by round: a round that other work disturbed does not count."""
        return cls.of_processes([log_ratios])

    @classmethod
    def of_processes(cls, processes: Sequence[Sequence[float]]) -> Ratio:
        """That of several processes of the arm: the mean of theirs, since processes of one program differ.

        The interval is as wide as the widest of theirs, and holds the middle of each.
        """
        middles, halves = zip(*(_trimmed_mean(each) for each in processes), strict=True)
        middle = float(np.mean(middles))
        half = max(halves)
        half = max(half, *(abs(each - middle) for each in middles))
        return cls(*(math.exp(each) for each in (middle, middle - half, middle + half)))


def _trimmed_mean(log_ratios: Sequence[float]) -> tuple[float, float]:
    """The mean without the TAIL at each end, and half the width of its 95% interval; infinite under 3 rounds.

    The interval is Tukey and McLaughlin's, of the winsorized variance: what is left out widens it. Of five rounds, of
    which three count, it holds about 92%.
    """
    values = np.asarray(log_ratios, dtype=float)
    middle = float(stats.trim_mean(values, TAIL))
    if len(values) < LEAST_REPEATS:
        return middle, math.inf
    low, high = stats.mstats.trimmed_mean_ci(values, (TAIL, TAIL), alpha=1 - CONFIDENCE)
    return middle, float(high - low) / 2


def race(
    seats: Sequence[Seat],
    reference: Seat,
    phase: str,
    seconds: float,
    few: int = 0,
    block_seconds: float = 0.02,
) -> list[Seat]:
    """Let the seats take turns in a phase for about so many seconds; those that are left, the fastest first.

    The reference takes its turn to the end, whatever its time. A further race of the seats goes on with its rounds.

    Args:
        seats: the arms, the reference among them.
        reference: the arm that the others are compared with.
        phase: "train" or "predict".
        seconds: after which it ends.
        few: after the second look it ends as soon as no more than so many are left beside the reference.
        block_seconds: of each turn.
    """
    running, rounds = [seat for seat in seats if not seat.broken], FIRST_ROUNDS
    first = number = 1 + max((turn for seat in seats for turn in seat.seconds.get(phase, {})), default=-1)
    deadline = time.monotonic() + seconds
    while True:
        for _ in range(rounds):
            for place in balanced_order(len(running), number):
                _turn(running[place], phase, number, block_seconds)
            number += 1
            if time.monotonic() > deadline:
                break
        running = [seat for seat in running if not seat.broken]
        if reference.broken:
            return []
        ranked = _by_time(running, reference, phase)
        if time.monotonic() > deadline or len(running) == 1:
            return ranked
        best = ranked[0]
        running, rounds = _promising(running, best, reference, phase), 2 * rounds
        narrow = _trimmed_mean(best.log_ratios(phase, reference))[1] < NARROW
        seen = number - first >= 3 * FIRST_ROUNDS
        if (len(running) <= 2 and narrow) or (len(running) <= 1 + few and seen):
            return _by_time(running, reference, phase)


def _by_time(seats: Sequence[Seat], reference: Seat, phase: str) -> list[Seat]:
    """The fastest first."""
    return sorted(seats, key=lambda seat: _trimmed_mean(seat.log_ratios(phase, reference) or [math.inf])[0])


def _turn(seat: Seat, phase: str, number: int, block_seconds: float) -> None:
    if seat.broken:
        return
    block = seat.ask("block", phase, block_seconds)
    if block is None:
        seat.broken = seat.broken or "ended while it took turns"
        return
    seat.seconds.setdefault(phase, {})[number] = block.step_seconds


def _promising(seats: list[Seat], best: Seat, reference: Seat, phase: str) -> list[Seat]:
    """Those that go on: the best, the reference, and the faster half of those that are not surely slower."""
    behind: list[tuple[float, int]] = []
    for place, seat in enumerate(seats):
        if seat is best or seat is reference:
            continue
        middle, half = _trimmed_mean(seat.log_ratios(phase, best))
        if middle - half <= 0:
            behind.append((middle, place))
    kept = {place for _, place in sorted(behind)[: max(FINALISTS - 1, math.ceil(len(behind) / 2))]}
    return [seat for place, seat in enumerate(seats) if seat is best or seat is reference or place in kept]
