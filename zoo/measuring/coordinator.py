"""Runs cases one after another and keeps their rows: an arm is prepared once, and timed each repeat."""

from __future__ import annotations

import datetime
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from zoo.measuring import machine, measure
from zoo.measuring.case import Case, skip_reason
from zoo.measuring.effort import Effort
from zoo.measuring.launcher import Outcome
from zoo.measuring.launchers import Launchers, Limits, Once
from zoo.measuring.measure import Epoch, Figures
from zoo.measuring.preparation import Ended, limits, prepare_timing, prepare_training
from zoo.measuring.resume import Kept, TooLong
from zoo.measuring.rows import TABLE, Measurement, append

TRAINING_LIMIT_SECONDS = 3600.0


@dataclass(frozen=True)
class Result:
    """What measuring a case gave: the figures of each row, the epochs of a training, and what else it took."""

    figures: list[Figures]
    epochs: list[Epoch] = field(default_factory=list)
    beyond_seconds: float | None = None  #: forking and bookkeeping; None if nothing was timed


class Coordinator:
    """One run: its fork servers, what it measured once, and its table.

    Args:
        folder: where the table and the logs go.
        run: the name of the run, a column of its rows.
        effort: how long a case is timed, and may take.
        memory_limit_bytes: a case that holds more is ended.
        kept: rows of a run that was stopped: a case that is among them, of the same fields, versions and machine, is
            not measured again.
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
        table: Path | None = None,
        trained: Path | None = None,
        keep_epochs: Callable[[Case, Sequence[Epoch]], None] | None = None,
        launchers: Launchers | None = None,
    ) -> None:
        self.folder = folder
        self.table = table or folder / TABLE
        self.run = run
        self.effort = effort
        self.rows: dict[Case, list[Measurement]] = {}
        self.has_new_rows = False  #: whether the table has grown
        self.beyond_seconds: dict[str, list[float]] = {}  #: of each case, by backend, or by runner if it is not Keras
        self.launchers = launchers or Launchers(folder)
        self._timing = Limits(memory_limit_bytes, effort.time_limit_seconds)
        self._training = Limits(memory_limit_bytes, TRAINING_LIMIT_SECONDS)
        self._once = Once(self.launchers, self._timing)
        self._kept = Kept(kept)
        self._too_long = TooLong(effort.time_limit_seconds)
        self._trained = trained
        self._keep_epochs = keep_epochs
        self._commit = machine.commit()

    def measured(self, case: Case) -> list[Measurement]:
        """The rows of `case`: measured, kept in the table, and remembered for its other phase."""
        if case not in self.rows:
            self.rows[case] = self._kept.rows(case) if self.is_kept(case) else self._measured_now(case)
            self._too_long.note(case, self.rows[case][0].status)
        return self.rows[case]

    def is_kept(self, case: Case) -> bool:
        """Whether the run that is resumed has measured `case` already, here and with these versions."""
        return self._kept.is_done(case)

    def overhead(self) -> str:
        """What a case took beyond what it measures (forking, bookkeeping, writing), on average, in words."""
        means = [f"{statistics.mean(each):.2f} s on {where}" for where, each in self.beyond_seconds.items()]
        return f"beyond what is measured, a case took {', '.join(means)}"

    def close(self) -> None:
        """End the fork servers, and what runs in them."""
        self.launchers.close()

    def _measured_now(self, case: Case) -> list[Measurement]:
        """Measure `case` and write its rows, and before them its epochs."""
        started_at = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
        result = self._measure(case)
        measured = time.perf_counter()
        origin = machine.origin(case.backend, case.device)
        when = {"commit": self._commit, "started_at": started_at, "run": self.run}
        rows = [Measurement(**{**case.identity(), **origin, **when, **figures}) for figures in result.figures]
        if result.epochs and self._keep_epochs:
            self._keep_epochs(case, result.epochs)
        if rows[0].status != "skipped" or _outcomes(rows) != _outcomes(self._kept.rows(case)):
            self.has_new_rows = True
            append(self.table, rows)  # not if it was skipped for the same reason before: then the row is there
        if result.beyond_seconds is not None:
            where = case.backend if case.runner == "keras" else case.runner
            beyond = result.beyond_seconds + time.perf_counter() - measured
            self.beyond_seconds.setdefault(where, []).append(beyond)
        return rows

    def _measure(self, case: Case) -> Result:
        reason = skip_reason(case) or self._too_long.reason(case)
        if reason:
            return _failed(case, Outcome("skipped", reason))
        return self._train(case) if case.recipe else self._time(case)

    def _time(self, case: Case) -> Result:
        """Time a case, once its batch is loaded, its floor measured and its arm proven equal to looped."""
        ready = prepare_timing(case, self._once, self.effort)
        if isinstance(ready, Ended):
            return _failed(case, ready.outcome, ready.figures)
        arguments = ready.batch, self.effort, ready.floors
        started = time.perf_counter()
        outcome = self.launchers.run(self._timing, case, measure.measure, *arguments)
        if outcome.status != "ok":
            return _failed(case, outcome)
        beyond_seconds = time.perf_counter() - started - outcome.value.seconds
        shared = limits(case, outcome.value.rows, self._once)
        rows = [{**ready.figures, **shared[row["phase"]], **row} for row in outcome.value.rows]
        return Result(rows, beyond_seconds=beyond_seconds)

    def _train(self, case: Case) -> Result:
        """Train and score a case, once it is read what its time loop runs on."""
        ready = prepare_training(case, self._once)
        if isinstance(ready, Ended):
            return _failed(case, ready.outcome, ready.figures)
        weights = self._trained / f"{case.training}.safetensors" if self._trained else None
        started = time.perf_counter()
        outcome = self.launchers.run(self._training, case, measure.measure_accuracy, weights)
        if outcome.status != "ok":
            return _failed(case, outcome)
        beyond_seconds = time.perf_counter() - started - outcome.value.seconds
        rows = [{**ready.figures, **row} for row in outcome.value.rows]
        return Result(rows, outcome.value.epochs, beyond_seconds)


def _failed(case: Case, outcome: Outcome, figures: Figures | None = None) -> Result:
    """A row for each phase of a case without timings, with its reason."""
    shared = {**(figures or {}), "status": outcome.status, "reason": outcome.reason}
    return Result([{**shared, "phase": phase} for phase in case.phases])


def _outcomes(rows: Sequence[Measurement]) -> set[tuple[str, str, str]]:
    return {(row.phase, row.status, row.reason) for row in rows}
