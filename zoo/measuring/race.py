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

from zoo.measuring.enough import half_width
from zoo.measuring.lockstep import balanced_order

FIRST_ROUNDS = 4
"""The rounds of the first look; each later one has twice as many."""
FINALISTS = 3
"""Halving leaves so many; of these only one that is surely slower drops out."""
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
    """The time of an arm over that of another: the geometric mean over rounds, and its 95% interval."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, log_ratios: Sequence[float]) -> Ratio:
        """That of log ratios by round: their median is kept from a round that other work disturbed."""
        middle, half = float(np.median(log_ratios)), half_width(_trimmed(log_ratios))
        return cls(*(math.exp(each) for each in (middle, middle - half, middle + half)))


def _trimmed(log_ratios: Sequence[float]) -> list[float]:
    """Without a tenth at each end."""
    ordered, cut = sorted(log_ratios), len(log_ratios) // 10
    return ordered[cut : len(ordered) - cut] if cut else ordered


def race(seats: Sequence[Seat], reference: Seat, phase: str, seconds: float, block_seconds: float = 0.02) -> Seat:
    """Let the seats take turns in a phase for about so many seconds; the fastest of those that are left.

    The reference takes its turn to the end, whatever its time.
    """
    running, rounds, number = [seat for seat in seats if not seat.broken], FIRST_ROUNDS, 0
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
            return reference
        best = min(running, key=lambda seat: float(np.median(seat.log_ratios(phase, reference) or [math.inf])))
        if time.monotonic() > deadline or len(running) == 1:
            return best
        running, rounds = _promising(running, best, reference, phase), 2 * rounds
        if len(running) <= 2 and half_width(_trimmed(best.log_ratios(phase, reference))) < NARROW:
            return best


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
        ratios = seat.log_ratios(phase, best)
        middle = float(np.median(ratios))
        if middle - half_width(_trimmed(ratios)) <= 0:
            behind.append((middle, place))
    kept = {place for _, place in sorted(behind)[: max(FINALISTS - 1, math.ceil(len(behind) / 2))]}
    return [seat for place, seat in enumerate(seats) if seat is best or seat is reference or place in kept]
