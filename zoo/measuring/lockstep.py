"""One repeat of a group: its workers are alive at the same time, and take turns.

A shared machine changes its pace within seconds. Two blocks of one round are tens of milliseconds apart: their ratio is
that of the arms.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from zoo.measuring.case import PHASES, Case
from zoo.measuring.effort import Effort
from zoo.measuring.launcher import Limits, Outcome, Process
from zoo.measuring.launchers import Launchers
from zoo.measuring.preparation import Prepared
from zoo.measuring.worker import Arm, Block, Figures

GIB = 2**30


@dataclass
class Worker:
    """The coordinator's end of one arm: its process, and what it gave so far."""

    case: Case
    process: Process | None
    outcome: Outcome
    figures: dict[str, Figures] = field(default_factory=dict)  #: by phase
    blocks: dict[str, dict[int, Block]] = field(default_factory=dict)  #: by phase and round
    is_slow: bool = False  #: whether its last call took longer than a block
    beyond_seconds: float = 0.0  #: of its preparation, beyond what is measured
    beyond_blocks: list[float] = field(default_factory=list)  #: seconds of each turn beyond its block

    @property
    def alive(self) -> bool:
        """Whether it has not failed."""
        return self.outcome.status == "ok"

    def ask(self, limits: Limits, method: str, *arguments: Any) -> Any:
        """What a method of its Arm returns; None where the worker has failed, or fails now."""
        if not self.alive or not self.process:
            return None
        outcome = self.process.call(limits, method, *arguments)
        if outcome.status != "ok":
            self.fail(outcome)
        return outcome.value

    def fail(self, outcome: Outcome) -> None:
        """It gives no timings in this repeat."""
        self.outcome = outcome
        self.end()

    def end(self) -> None:
        """End its process."""
        if self.process:
            self.process.end()

    def has_time(self, phase: str, effort: Effort) -> bool:
        """Whether its blocks of a phase are enough."""
        blocks = self.blocks[phase]
        return len(blocks) >= effort.rounds and sum(block.seconds for block in blocks.values()) >= effort.seconds

    def seconds(self, phase: str) -> dict[int, float]:
        """The seconds of a call, by round."""
        return {number: block.step_seconds for number, block in self.blocks[phase].items()}

    def rows(self) -> list[Figures]:
        """The figures of a row a block."""
        rows = []
        for phase, blocks in self.blocks.items():
            for number, block in blocks.items():
                timing = {"round": number, "calls": block.calls, "step_seconds": block.step_seconds}
                timing["examples_per_second"] = self.case.batch / block.step_seconds
                rows.append({"phase": phase, **self.figures[phase], **timing})
        return rows


class Lockstep:
    """Runs the repeats of groups.

    Args:
        launchers: the fork servers.
        limits: what one worker, and all that are alive together, may take.
        effort: how long each is timed.
        show: takes what is done now, in words.
    """

    def __init__(self, launchers: Launchers, limits: Limits, effort: Effort, show: Callable[[str], None]) -> None:
        self._launchers = launchers
        self._limits = limits
        self._effort = effort
        self.show = show

    def repeat(
        self, arms: Mapping[Case, Prepared], references: Sequence[Case], name: str
    ) -> tuple[list[Worker], list[Case]]:
        """A fresh worker for each arm, then rounds until each has its time.

        Returns:
            The workers, ended, with their blocks or with the reason why they have none, and the arms for which no
            memory was left beside the others.
        """
        workers: list[Worker] = []
        try:
            left = self._start_all(arms, references, name, workers)
            for phase in PHASES:
                measured = [worker for worker in workers if phase in worker.figures]
                if measured:
                    self.show(f"{name}: {phase}, {sum(worker.alive for worker in workers)} arms take turns")
                    self._rounds(measured, phase)
        finally:
            for worker in workers:
                worker.end()
        return workers, left

    def _start_all(
        self, arms: Mapping[Case, Prepared], references: Sequence[Case], name: str, workers: list[Worker]
    ) -> list[Case]:
        """Start workers one at a time, while all that are alive stay under the memory limit; the arms that are left."""
        waiting = list(arms)
        for position, case in enumerate(waiting):
            self.show(f"{name}: {case.entry} {case.arm} is built")
            worker = self._started(case, arms[case])
            workers.append(worker)
            others = [other for other in workers[:-1] if other.alive]
            if not (worker.alive and others):
                continue
            held = sum(each.process.held_bytes() for each in [*others, worker] if each.process)
            if held <= self._limits.memory_bytes:
                continue
            if any(other.case not in references for other in others):
                workers.pop().end()
                return waiting[position:]
            allowed = self._limits.memory_bytes / GIB
            reason = f"beside the reference arm {held / GIB:.2f} GiB are held, over the limit of {allowed:.2f}"
            worker.fail(Outcome("out_of_memory", reason))
        return []

    def _started(self, case: Case, prepared: Prepared) -> Worker:
        """A worker that has built its arm, made its first calls and warmed up; or one that failed."""
        started = time.perf_counter()
        process = self._launchers.of(case).start()
        if isinstance(process, Outcome):
            return Worker(case, None, process)
        worker = Worker(case, process, process.make(self._limits, Arm, case, prepared.batch))
        if not worker.alive:
            worker.end()
        nothing: tuple[float, Figures] = (0.0, {})
        measured, figures = worker.ask(self._limits, "built") or nothing
        for phase in case.phases:
            seconds, of_phase = worker.ask(self._limits, "warm_up", phase, self._effort) or nothing
            measured += seconds
            if worker.figures:  # the heap that training left is in every later peak of the process
                of_phase = {name: value for name, value in of_phase.items() if not name.endswith("_bytes")}
            worker.figures[phase] = {**figures, **prepared.floors[phase], **of_phase}
            worker.blocks[phase] = {}
        worker.beyond_seconds = time.perf_counter() - started - measured
        return worker

    def _rounds(self, workers: Sequence[Worker], phase: str) -> None:
        """Let the workers take turns until each has its time; the first rounds are not kept."""
        last: Worker | None = None
        for worker in workers:
            worker.is_slow = False
        for number in itertools.count(-self._effort.warm_up_rounds):
            turns = [worker for worker in workers if worker.alive and not worker.has_time(phase, self._effort)]
            if not turns:
                return
            if number < 0:  # a call that takes longer than a block does not need them
                turns = [worker for worker in turns if not worker.is_slow]
            order = [turns[place] for place in balanced_order(len(turns), abs(number))]
            if len(order) > 1 and order[0] is last:
                order = [*order[1:], order[0]]
            for worker in order:
                self._turn(worker, phase, number)
                last = worker

    def _turn(self, worker: Worker, phase: str, number: int) -> None:
        started = time.perf_counter()
        block = worker.ask(self._limits, "block", phase, self._effort.block_seconds)
        if not block:
            return
        worker.is_slow = block.step_seconds > self._effort.block_seconds
        worker.beyond_blocks.append(time.perf_counter() - started - block.seconds)
        if number >= 0:
            worker.blocks[phase][number] = block


def balanced_order(workers: int, number: int) -> list[int]:
    """The order of a round. Over `workers` rounds, or twice as many, each worker follows every other equally often.

    So no arm gains by the place that it has, nor by what the arm before it leaves in the caches. Two take turns in the
    same order always: in the opposite one the last would follow itself, and find its data still there.

    Source: E. J. Williams, "Experimental designs balanced for the estimation of residual effects of treatments" (1949).
    """
    if workers <= 2:
        return list(range(workers))
    first = [(place + 1) // 2 if place % 2 else workers - place // 2 for place in range(workers)]
    order = [(each + number) % workers for each in first]
    return order[::-1] if workers % 2 and number // workers % 2 else order
