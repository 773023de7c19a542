"""One arm, alive in a process of its own: built, called once, warmed up, and timed in blocks when its turn comes."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import zoo
from zoo.measuring import runners
from zoo.measuring.case import Case
from zoo.measuring.effort import Effort
from zoo.measuring.machine import peak_bytes, reset_peak

FLOOR_BLOCKS = 10
LONG = 10
"""A call that takes so many blocks has no untimed one before it."""
Figures = dict[str, Any]
"""Columns of a Measurement, those that measuring fills."""


@dataclass(frozen=True)
class Block:
    """The calls of one turn: how many, the median of their times, and the time of all, the untimed one included."""

    calls: int
    step_seconds: float
    seconds: float


class Arm:
    """A case's model and batch, ready to train a step or to predict.

    Args:
        case: what to build.
        batch: the inputs and targets of every call.
        floor: build a one-Dense model in place of the entry.
    """

    def __init__(self, case: Case, batch: zoo.Split, floor: bool = False) -> None:
        started = time.perf_counter()
        runner = runners.load(case.runner)
        self._runner = (runner.prepare_floor if floor else runner.prepare)(case, batch)
        self._batch = case.batch
        self._build_seconds = time.perf_counter() - started
        self._call_seconds: dict[str, float] = {}

    def built(self) -> tuple[float, Figures]:
        """The seconds that building it took, and the columns of that."""
        return self._build_seconds, {"build_seconds": self._build_seconds, "parameters": self._runner.parameters}

    def warm_up(self, phase: str, effort: Effort) -> tuple[float, Figures]:
        """Make the first call of a phase and a few more: the seconds of all, and the columns of the first call.

        The heap that one phase leaves is in the peaks of memory of the next.
        """
        call = self._runner.phases[phase]
        gc.collect()
        reset_peak()
        first_call_seconds = _seconds(call)
        compile_peak = peak_bytes()
        reset_peak()
        calls = [_seconds(call)]
        while len(calls) < effort.warm_up_calls or sum(calls) < effort.warm_up_seconds:
            calls.append(_seconds(call))
        self._call_seconds[phase] = statistics.median_low(calls)  # of two the lower: other work may disturb one
        return first_call_seconds + sum(calls), {
            "first_call_seconds": first_call_seconds,
            "compile_peak_host_bytes": compile_peak,
            "step_peak_host_bytes": peak_bytes(),
            "peak_device_bytes": self._runner.peak_device_bytes(),
        }

    def block(self, phase: str, seconds: float) -> Block:
        """Make timed calls until `seconds` have passed, after one untimed call that finds its data in the caches again.

        A call that takes longer than `seconds` is a block by itself; without the untimed call one of 21 ms took 26.
        Only of a call that takes ten blocks is the time to fill the caches again a small part.
        """
        call = self._runner.phases[phase]
        started = time.perf_counter()
        if self._call_seconds[phase] < LONG * seconds:
            call()
        calls = [_seconds(call)]
        while sum(calls) < seconds and self._call_seconds[phase] < seconds:
            calls.append(_seconds(call))
        return Block(len(calls), statistics.median(calls), time.perf_counter() - started)


def measure_floor(case: Case, batch: zoo.Split, effort: Effort) -> dict[str, Figures]:
    """What a one-Dense model costs on the same path: the floors of each phase's columns."""
    arm = Arm(case, batch, floor=True)
    floors = {}
    for phase in case.phases:
        _, figures = arm.warm_up(phase, effort)
        blocks = [arm.block(phase, effort.block_seconds) for _ in range(FLOOR_BLOCKS)]
        floors[phase] = {"trainer_floor_seconds": statistics.median(block.step_seconds for block in blocks)}
        if phase == "train":
            floors[phase]["compile_floor_host_bytes"] = figures["compile_peak_host_bytes"]
            floors[phase]["step_floor_host_bytes"] = figures["step_peak_host_bytes"]
    return floors


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started
