"""One run: its fork servers, what it measures once, its groups and trainings one after another, and its table."""

from __future__ import annotations

import datetime
import statistics
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from zoo.measuring import machine
from zoo.measuring.case import Case, skip_reason
from zoo.measuring.effort import Effort
from zoo.measuring.group import Group
from zoo.measuring.group_run import GroupRun, failure
from zoo.measuring.launcher import Limits, Outcome
from zoo.measuring.launchers import Launchers, Once
from zoo.measuring.lockstep import Lockstep
from zoo.measuring.preparation import Ended, prepare_training
from zoo.measuring.resume import Kept, TooLong, that_hold, whole_name
from zoo.measuring.rows import TABLE, Measurement, append
from zoo.measuring.trained_score import Epoch, Trained, train_and_score
from zoo.measuring.worker import Figures

LATEST = 10_000
"""So many arms and turns tell what is taken beyond measuring: the memory of a long run stays as it is."""
TRAINING_LIMIT_SECONDS = 3600.0
Rows = dict[Case, list[Measurement]]
Keep = Callable[[Sequence[Measurement]], None]
"""Takes the rows of a repeat, of a training, or of an arm that failed: all of them stay, or none."""


def _silent(_: str) -> None:
    return None


class Coordinator:
    """One run.

    Args:
        folder: where the table and the logs go.
        run: the name of the run, a column of its rows.
        effort: how long an arm is timed, and may take.
        memory_limit_bytes: what a process, and the workers of a group together, may hold.
        kept: rows of a run that was stopped: what is among them, of the same fields, versions and machine, is not
            measured again.
        show: takes what is done now, in words.
        table: where rows go; measurements.csv of the folder by default.
        trained: a folder where trained weights are kept, if they are.
        at_once: how many trainings may run at the same time; each takes its part of the processors.
        keep_epochs: takes a training and its epochs, before its scores are written: those mark it as done.
        launchers: fork servers to use; by default those that it starts, with their logs in the folder.
        once: what another run measured once: batches, floors, proofs, limits.
        keep: takes rows in place of the table.
        node: of a cluster, a column of the rows.
    """

    def __init__(
        self,
        folder: Path,
        run: str,
        effort: Effort,
        memory_limit_bytes: int,
        kept: Sequence[Measurement] = (),
        *,
        show: Callable[[str], None] = _silent,
        table: Path | None = None,
        trained: Path | None = None,
        at_once: int = 1,
        keep_epochs: Callable[[Case, Sequence[Epoch]], None] | None = None,
        launchers: Launchers | None = None,
        once: Once | None = None,
        keep: Keep | None = None,
        node: str = "",
    ) -> None:
        self.folder = folder
        self.table = table or folder / TABLE
        self.run = run
        self.effort = effort
        self.has_new_rows = False  #: whether the table has grown
        self.beyond_case: dict[str, deque[float]] = {}  #: seconds of each arm beyond what is measured, by backend
        self.beyond_block: dict[str, deque[float]] = {}  #: and of each turn; of the latest ones
        self.launchers = Launchers(folder) if launchers is None else launchers
        self._timing = Limits(memory_limit_bytes, effort.time_limit_seconds)
        self._training = Limits(memory_limit_bytes, TRAINING_LIMIT_SECONDS)
        self.once = Once(self.launchers, self._timing) if once is None else once
        self._lockstep = Lockstep(self.launchers, self._timing, effort, show)
        self.go_on(kept)
        self._too_long = TooLong(effort.time_limit_seconds)
        self._trained = trained
        self._at_once = at_once
        self._pool = ThreadPoolExecutor(at_once)
        self._trainings: dict[Case, Future[tuple[Outcome, Figures]]] = {}
        self._keep_epochs = keep_epochs
        self._commit = machine.commit()
        self._keep = keep or self.append
        self._node = node

    def group(self, group: Group) -> GroupRun:
        """A run of `group`, with the rows of it that are kept, and not yet measured further."""
        return GroupRun(group, self._kept, self.once, self.effort, self._too_long, self._write)

    def measure(self, run: GroupRun, seconds: float) -> None:
        """Make repeats of a group: the least, then until its ratios are narrow or `seconds` have passed."""
        deadline = time.monotonic() + seconds
        while arms := run.needed(time.monotonic() > deadline):
            self.repeat(run, arms)

    def repeat(self, run: GroupRun, arms: Sequence[Case]) -> None:
        """Make one more repeat of these arms of a group."""
        for worker in run.repeat(arms, self._lockstep):
            where = worker.case.backend
            self.beyond_case.setdefault(where, deque(maxlen=LATEST)).append(worker.beyond_seconds)
            if worker.beyond_blocks:
                self.beyond_block.setdefault(where, deque(maxlen=LATEST)).extend(worker.beyond_blocks)

    def begin(self, case: Case) -> None:
        """Start the training `case` in the background, if it is to be trained and has not begun."""
        if case in self._trainings or self.is_trained(case):
            return
        reason = skip_reason(case)
        ready = Ended(Outcome("skipped", reason)) if reason else prepare_training(case, self.once)
        if isinstance(ready, Ended):
            self._trainings[case] = Future()
            self._trainings[case].set_result((ready.outcome, ready.figures))
            return
        self._trainings[case] = self._pool.submit(self._train, case, ready.figures)

    def trained(self, case: Case) -> list[Measurement]:
        """The scores of the training `case`: kept, or of now."""
        if kept := self._kept.trained(case):
            return kept
        self.begin(case)
        outcome, figures = self._trainings.pop(case).result()
        if outcome.status != "ok":
            return self._write("", 0, {case: failure(case, outcome, figures)})[case]
        trained: Trained = outcome.value
        if trained.epochs and self._keep_epochs:
            self._keep_epochs(case, trained.epochs)
        return self._write("", 0, {case: [{**figures, **row} for row in trained.rows]})[case]

    def go_on(self, kept: Sequence[Measurement], anywhere: bool = False) -> None:
        """Take these rows for those of a run that was stopped; from `anywhere` for those of this run on its nodes."""
        self._kept = Kept(kept if anywhere else that_hold(kept, self._timing.memory_bytes), anywhere)

    def append(self, rows: Sequence[Measurement]) -> None:
        """Write rows to the table."""
        self.has_new_rows = True
        append(self.table, rows)

    def drop(self, group: str) -> None:
        """Take the rows that a group has in this run out of the table: it is measured anew."""
        append(self.table, [], lambda row: whole_name(row["group"]) == group and row["run"] == self.run)

    def fail(self, cases: Iterable[Case], reason: str, group: str, repeat: int, keep: Keep) -> None:
        """Keep a row for each phase of cases of which nothing came back."""
        failures = {case: failure(case, Outcome("crashed", reason), {}) for case in cases}
        keep([row for rows in self._rows(group, repeat, failures).values() for row in rows])

    def is_trained(self, case: Case) -> bool:
        """Whether the run that is resumed has trained `case` already, here and with these versions."""
        return bool(self._kept.trained(case))

    def overhead(self) -> str:
        """What an arm and a block took beyond what they measure (forking, waiting, bookkeeping), in words."""
        arms = [f"{statistics.median(each):.2f} s on {where}" for where, each in self.beyond_case.items()]
        blocks = [f"{statistics.median(each) * 1e3:.1f} ms on {where}" for where, each in self.beyond_block.items()]
        return f"beyond what is measured, an arm took {', '.join(arms)}, a block {', '.join(blocks)}"

    def close(self) -> None:
        """End the fork servers, and what runs in them."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self.launchers.close()

    def _train(self, case: Case, figures: Figures) -> tuple[Outcome, Figures]:
        threads = max(1, machine.usable_cpus() // self._at_once)
        weights = self._trained / f"{case.training}.safetensors" if self._trained else None
        return self.launchers.run(self._training, case, train_and_score, threads, weights), figures

    def _write(self, group: str, repeat: int, figures: Mapping[Case, Sequence[Figures]]) -> Rows:
        """Write the rows of several cases as one block: all of them stay, or none."""
        rows = self._rows(group, repeat, figures)
        # Not what was skipped for the same reason before: that row is there.
        new = [row for case, of_case in rows.items() if not self._is_known(case, of_case) for row in of_case]
        if new:
            self._keep(new)
        return rows

    def _rows(self, group: str, repeat: int, figures: Mapping[Case, Sequence[Figures]]) -> Rows:
        when = {"node": self._node, "commit": self._commit, "started_at": _now(), "run": self.run}
        shared = {**when, "group": group, "repeat": repeat}
        return {case: _rows_of(case, of_case, shared) for case, of_case in figures.items()}

    def _is_known(self, case: Case, rows: Sequence[Measurement]) -> bool:
        if not all(row.status == "skipped" for row in rows):
            return False
        before = self._kept.rows(case, rows[0].group)
        return {(row.phase, row.reason) for row in rows} == {(row.phase, row.reason) for row in before}


def _rows_of(case: Case, figures: Sequence[Figures], shared: Figures) -> list[Measurement]:
    same = {**case.identity(), **machine.origin(case.backend, case.device), **shared}
    return [Measurement(**{**same, **each}) for each in figures]


def _now() -> str:
    return datetime.datetime.now().astimezone().isoformat(timespec="seconds")
