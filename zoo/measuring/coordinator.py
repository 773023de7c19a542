"""One run: its fork servers, what it measures once, its groups and trainings one after another, and its table."""

from __future__ import annotations

import datetime
import statistics
from collections.abc import Callable, Mapping, Sequence
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
from zoo.measuring.resume import Kept, TooLong
from zoo.measuring.rows import TABLE, Measurement, append
from zoo.measuring.trained_score import Epoch, Trained, train_and_score
from zoo.measuring.worker import Figures

TRAINING_LIMIT_SECONDS = 3600.0
Rows = dict[Case, list[Measurement]]


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
        keep_epochs: takes a training and its epochs, before its scores are written: those mark it as done.
        launchers: fork servers to use; by default those that it starts, with their logs in the folder.
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
        keep_epochs: Callable[[Case, Sequence[Epoch]], None] | None = None,
        launchers: Launchers | None = None,
    ) -> None:
        self.folder = folder
        self.table = table or folder / TABLE
        self.run = run
        self.effort = effort
        self.has_new_rows = False  #: whether the table has grown
        self.beyond_case: dict[str, list[float]] = {}  #: seconds of each arm beyond what is measured, by backend
        self.beyond_block: dict[str, list[float]] = {}  #: and of each turn
        self.launchers = launchers or Launchers(folder)
        self._timing = Limits(memory_limit_bytes, effort.time_limit_seconds)
        self._training = Limits(memory_limit_bytes, TRAINING_LIMIT_SECONDS)
        self._once = Once(self.launchers, self._timing)
        self._lockstep = Lockstep(self.launchers, self._timing, effort, show)
        self._kept = Kept(kept)
        self._too_long = TooLong(effort.time_limit_seconds)
        self._trained = trained
        self._keep_epochs = keep_epochs
        self._commit = machine.commit()

    def group(self, group: Group) -> GroupRun:
        """A run of `group`, with the rows of it that are kept, and not yet measured further."""
        return GroupRun(group, self._kept, self._once, self.effort, self._too_long, self._write)

    def measure(self, run: GroupRun, seconds: float) -> None:
        """Measure a group: at least 3 repeats, then until its ratios are narrow or `seconds` have passed."""
        run.measure(self._lockstep, seconds)
        for worker in run.workers:
            where = worker.case.backend
            self.beyond_case.setdefault(where, []).append(worker.beyond_seconds)
            self.beyond_block.setdefault(where, []).extend(worker.beyond_blocks)

    def trained(self, case: Case) -> list[Measurement]:
        """The scores of the training `case`, kept or of now."""
        if self.is_trained(case):
            return self._kept.rows(case)
        rows, epochs = self._train(case)
        if epochs and self._keep_epochs:
            self._keep_epochs(case, epochs)
        return self._write("", 0, {case: rows})[case]

    def is_trained(self, case: Case) -> bool:
        """Whether the run that is resumed has trained `case` already, here and with these versions."""
        return self._kept.is_trained(case)

    def overhead(self) -> str:
        """What an arm and a block took beyond what they measure (forking, waiting, bookkeeping), in words."""
        arms = [f"{statistics.median(each):.2f} s on {where}" for where, each in self.beyond_case.items()]
        blocks = [f"{statistics.median(each) * 1e3:.1f} ms on {where}" for where, each in self.beyond_block.items()]
        return f"beyond what is measured, an arm took {', '.join(arms)}, a block {', '.join(blocks)}"

    def close(self) -> None:
        """End the fork servers, and what runs in them."""
        self.launchers.close()

    def _train(self, case: Case) -> tuple[list[Figures], list[Epoch]]:
        """Train and score a case, once it is read what its time loop runs on: the figures of its rows, its epochs."""
        reason = skip_reason(case)
        ready = Ended(Outcome("skipped", reason)) if reason else prepare_training(case, self._once)
        if isinstance(ready, Ended):
            return failure(case, ready.outcome, ready.figures), []
        weights = self._trained / f"{case.training}.safetensors" if self._trained else None
        outcome = self.launchers.run(self._training, case, train_and_score, weights)
        if outcome.status != "ok":
            return failure(case, outcome, ready.figures), []
        trained: Trained = outcome.value
        return [{**ready.figures, **row} for row in trained.rows], trained.epochs

    def _write(
        self, group: str, repeat: int, figures: Mapping[Case, Sequence[Figures]]
    ) -> dict[Case, list[Measurement]]:
        return self._written(group, repeat, figures, _now())

    def _written(
        self, group: str, repeat: int, figures: Mapping[Case, Sequence[Figures]], started_at: str
    ) -> dict[Case, list[Measurement]]:
        """Write the rows of several cases as one block: all of them stay, or none."""
        shared = {"commit": self._commit, "started_at": started_at, "run": self.run, "group": group, "repeat": repeat}
        rows = {case: [self._row(case, each, shared) for each in of_case] for case, of_case in figures.items()}
        # Not what was skipped for the same reason before: that row is there.
        new = [row for case, of_case in rows.items() if not self._is_known(case, of_case) for row in of_case]
        if new:
            self.has_new_rows = True
            append(self.table, new)
        return rows

    def _row(self, case: Case, figures: Figures, shared: Figures) -> Measurement:
        return Measurement(**{**case.identity(), **machine.origin(case.backend, case.device), **shared, **figures})

    def _is_known(self, case: Case, rows: Sequence[Measurement]) -> bool:
        if not all(row.status == "skipped" for row in rows):
            return False
        before = self._kept.rows(case, rows[0].group)
        return {(row.phase, row.reason) for row in rows} == {(row.phase, row.reason) for row in before}


def _now() -> str:
    return datetime.datetime.now().astimezone().isoformat(timespec="seconds")
