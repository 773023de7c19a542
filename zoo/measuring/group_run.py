"""Measures a group: prepares its arms, then makes as many repeats as their ratios need."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from zoo.measuring.case import Case, skip_reason
from zoo.measuring.effort import Effort
from zoo.measuring.group import Group
from zoo.measuring.launcher import Outcome
from zoo.measuring.launchers import Once
from zoo.measuring.lockstep import Lockstep, Worker
from zoo.measuring.preparation import Ended, Prepared, limits, prepare_timing
from zoo.measuring.resume import DONE, Kept, TooLong, part_name
from zoo.measuring.rows import Measurement
from zoo.measuring.timings import Timings
from zoo.measuring.worker import Figures

Write = Callable[[str, int, Mapping[Case, Sequence[Figures]]], Mapping[Case, Sequence[Measurement]]]
"""Takes the group, the repeat and the figures of the rows of each arm; writes them as one block and returns them."""


class GroupRun:
    """One group of a run.

    Args:
        group: what to measure.
        kept: rows of a run that was stopped.
        once: what is measured once for several arms.
        effort: how long each arm is timed.
        too_long: arms that ran past the time limit at fewer steps.
        write: keeps rows.
    """

    def __init__(self, group: Group, kept: Kept, once: Once, effort: Effort, too_long: TooLong, write: Write) -> None:
        self.rows: dict[Case, list[Measurement]] = {case: [] for case in group.arms}
        self.timings = Timings(group)
        self._group = group
        self._once = once
        self._effort = effort
        self._too_long = too_long
        self._write = write
        self._prepared: dict[Case, Prepared] = {}
        self._failed: dict[Case, Outcome] = {}
        self._fits = False  # whether the workers of a repeat fitted into memory together
        self._crashed: set[Case] = set()
        self.repeats = 0  #: that are made
        self._take(kept)

    def _take(self, kept: Kept) -> None:
        """Go on behind the rows of a run that was stopped."""
        for case in self._group.arms:
            for part, rows in kept.parts(case, self._group.name).items():
                self.rows[case] += [row for row in rows if row.status in DONE]
                for row in rows:
                    self.repeats = max(self.repeats, row.repeat + 1)
                    if row.status in DONE and row.status != "ok":
                        self._failed[case] = Outcome(row.status, row.reason)
                        self._too_long.note(case, row.status, row.reason)
                for (repeat, phase), blocks in _by_repeat(rows).items():
                    self.timings.add(case, phase, (repeat, part), blocks)
                skipped = [row for row in rows if row.status == "skipped" and row.reason == self._skip_reason(case)]
                if skipped and not kept.anywhere:
                    self.rows[case] += skipped
                    self._failed[case] = Outcome("skipped", skipped[-1].reason)

    def _skip_reason(self, case: Case) -> str:
        """Why an arm cannot be measured, as far as that is known without trying; empty where it may be."""
        return skip_reason(case) or self._too_long.reason(case)

    def needed(self, out_of_time: bool = False) -> list[Case]:
        """The arms that need another repeat."""
        return self.timings.arms_of_next(self._failed, out_of_time)

    def repeat(self, arms: Sequence[Case], lockstep: Lockstep) -> list[Worker]:
        """One more repeat of `arms`, which are prepared before their first; the workers that took turns.

        Of a run that is resumed, arms that were never measured are prepared first: where they cannot be, nothing may be
        left to repeat.
        """
        made: list[Worker] = []
        if new := [case for case in arms if not self.timings.made(case)]:
            self._prepare(new, lockstep)
            left = self.needed()
            arms = [case for case in arms if case in left]
        if not arms:
            return made
        self._prepare(arms, lockstep)
        ready = [case for case in arms if case not in self._failed]
        waiting, part = {case: self._prepared[case] for case in self._in_turn(ready)}, 0
        while waiting:
            name = part_name(self._group.name, part)
            workers, left = lockstep.repeat(waiting, self._group.references, f"{name} repeat {self.repeats + 1}")
            made += workers
            self._keep(workers, name, part)
            references = [case for case in self._group.references if case in waiting and case not in self._failed]
            waiting = {case: self._prepared[case] for case in ([*references, *left] if left else ())}
            part += 1
        self.repeats += 1
        self._fits = part <= 1
        return made

    def _in_turn(self, arms: Sequence[Case]) -> Sequence[Case]:
        """The order in which workers are started: another in each repeat, since the last runs a little faster.

        Where they may not all fit into memory the reference arms come first.
        """
        if not (self._fits and arms):
            return arms
        first = self.repeats // 2 % len(arms)
        turned = [*arms[first:], *arms[:first]]
        return turned if self.repeats % 2 == 0 else turned[::-1]

    def _prepare(self, arms: Sequence[Case], lockstep: Lockstep) -> None:
        for case in arms:
            if case not in self._prepared and case not in self._failed:
                self._prepare_arm(case, lockstep)

    def _prepare_arm(self, case: Case, lockstep: Lockstep) -> None:
        """Load the batch of an arm, measure its floor and prove it; if that fails it gets its rows now."""
        reason = self._skip_reason(case)
        if not reason:
            lockstep.show(f"{self._group.name}: {case.entry} {case.arm} is proven")
        ready = Ended(Outcome("skipped", reason)) if reason else prepare_timing(case, self._once, self._effort)
        if isinstance(ready, Prepared):
            self._prepared[case] = ready
            return
        self._failed[case] = ready.outcome
        self._too_long.note(case, ready.outcome.status, ready.outcome.reason)
        self._keep_rows(self._group.name, {case: failure(case, ready.outcome, ready.figures)})

    def _keep(self, workers: Sequence[Worker], name: str, part: int) -> None:
        """Keep what workers that took turns have given."""
        figures: dict[Case, Sequence[Figures]] = {}
        for worker in workers:
            case, shared = worker.case, self._prepared[worker.case].figures
            if not worker.alive:
                figures[case] = failure(case, worker.outcome, shared)
                self._note(case, worker.outcome)
                continue
            blocks = {phase: worker.seconds(phase) for phase in worker.blocks}
            for phase, seconds in blocks.items():
                self.timings.add(case, phase, (self.repeats, part), seconds)
            limit = limits(case, {phase: min(seconds.values()) for phase, seconds in blocks.items()}, self._once)
            figures[case] = [{**shared, **limit[row["phase"]], **row} for row in worker.rows()]
        self._keep_rows(name, figures)

    def _keep_rows(self, name: str, figures: Mapping[Case, Sequence[Figures]]) -> None:
        for case, rows in self._write(name, self.repeats, figures).items():
            self.rows[case] += rows

    def _note(self, case: Case, outcome: Outcome) -> None:
        """An arm that ended badly is not tried again; one that crashed is, once: somebody else may have ended it."""
        if outcome.status != "crashed" or case in self._crashed:
            self._failed[case] = outcome
        self._crashed.add(case)
        self._too_long.note(case, outcome.status, outcome.reason)


def failure(case: Case, outcome: Outcome, figures: Figures) -> list[Figures]:
    """A row for each phase of a case without timings, with its reason."""
    shared = {**figures, "status": outcome.status, "reason": outcome.reason}
    return [{**shared, "phase": phase} for phase in case.phases]


def _by_repeat(rows: Iterable[Measurement]) -> dict[tuple[int, str], dict[int, float]]:
    """The seconds of each block, by repeat and phase, then by round."""
    blocks: dict[tuple[int, str], dict[int, float]] = {}
    for row in rows:
        if row.round is not None and row.step_seconds is not None:
            blocks.setdefault((row.repeat, row.phase), {})[row.round] = row.step_seconds
    return blocks
