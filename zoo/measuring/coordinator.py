"""Runs cases and keeps their rows: the floor, the batch and the proof of an arm once, its timings each repeat."""

from __future__ import annotations

import datetime
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from zoo import Execution
from zoo.measuring import limit, machine, measure, prove
from zoo.measuring.case import NORMAL_JIT, Case, skip_reason
from zoo.measuring.effort import Effort
from zoo.measuring.launcher import Job, Launcher, Outcome
from zoo.measuring.rows import TABLE, Measurement, append

TRAINING_LIMIT_SECONDS = 3600.0
DONE = ("ok", "unequal", "out_of_memory", "timeout")
"""Outcomes that a resumed run keeps. What was skipped or crashed is tried again: what stood in its way may be gone."""
FLOOR = "one_dense"
"""Stands for the entry where a one-Dense model is measured, once for all entries."""


class _EndedError(Exception):
    """The case gives no timings: how it ended, and the columns that are known all the same."""

    def __init__(self, outcome: Outcome, known: measure.Figures | None = None) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome
        self.known = known or {}


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
    """

    def __init__(
        self,
        folder: Path,
        run: str,
        effort: Effort,
        memory_limit_bytes: int,
        kept: Sequence[Measurement] = (),
        table: Path | None = None,
        trained: Path | None = None,
    ) -> None:
        self.folder = folder
        self.table = table or folder / TABLE
        self.trained = trained
        self.epochs: dict[Case, list[dict[str, float]]] = {}  #: of trainings, what became of each epoch
        self.run = run
        self.effort = effort
        self.memory_limit_bytes = memory_limit_bytes
        self.commit = machine.commit()
        self.rows: dict[Case, list[Measurement]] = {}
        self.has_new_rows = False  #: whether the table has grown
        self.beyond_seconds: dict[
            str, list[float]
        ] = {}  #: by backend or runner: what a case took beyond what it measures
        self._launchers: dict[tuple[str, str, str], Launcher] = {}
        self._too_long: dict[Case, int] = {}  #: by arm, of steps 0: the fewest at which it ran past the time limit
        self._kept: dict[str, list[Measurement]] = {}
        for row in kept:
            self._kept.setdefault(row.case_id, []).append(row)
        self._known: dict[tuple[Callable[..., Any], Case], Outcome] = {}

    def measured(self, case: Case) -> list[Measurement]:
        """The rows of `case`: measured, kept in the table, and remembered for its other phase."""
        if case not in self.rows and self.is_kept(case):
            self.rows[case] = self._of_this_origin(case)
            self._remember_timeout(case, self.rows[case][0].status)
        if case not in self.rows:
            started_at = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
            figures, beyond_seconds = self._measure(case)
            started = time.perf_counter()
            origin = machine.origin(case.backend, case.device)
            told = {"commit": self.commit, "started_at": started_at, "run": self.run}
            rows = [Measurement(**{**case.identity(), **origin, **told, **figure}) for figure in figures]
            self.rows[case] = rows
            if rows[0].status != "skipped" or _outcomes(rows) != _outcomes(self._of_this_origin(case)):
                self.has_new_rows = True
                append(self.table, rows)  # what is skipped again for the same reason stands there already
            if beyond_seconds is not None:
                beyond_seconds += time.perf_counter() - started
                self.beyond_seconds.setdefault(case.backend if case.runner == "keras" else case.runner, []).append(
                    beyond_seconds
                )
        return self.rows[case]

    def is_kept(self, case: Case) -> bool:
        """Whether the run that is resumed has measured `case` already, here and with these versions."""
        rows = self._of_this_origin(case)
        return {row.phase for row in rows} == set(case.phases) and all(row.status in DONE for row in rows)

    def _of_this_origin(self, case: Case) -> list[Measurement]:
        same = {**case.identity(), **machine.origin(case.backend, case.device)}
        rows = self._kept.get(case.id, [])
        return [row for row in rows if all(getattr(row, name) == value for name, value in same.items())]

    def overhead(self) -> str:
        """What a case took beyond what it measures (forking, bookkeeping, writing), on average, in words."""
        means = [f"{statistics.mean(each):.2f} s on {backend}" for backend, each in self.beyond_seconds.items()]
        return f"beyond what is measured, a case took {', '.join(means)}"

    def close(self) -> None:
        """End the fork servers, and what runs in them."""
        for launcher in self._launchers.values():
            launcher.close()

    def _measure(self, case: Case) -> tuple[list[measure.Figures], float | None]:
        """The figures of each row of the case, and the seconds beyond what was measured."""
        try:
            reason = skip_reason(case)
            if reason:
                raise _EndedError(Outcome("skipped", reason))
            return self._train(case) if case.recipe else self._time(case)
        except _EndedError as ended:
            outcome = ended.outcome
            self._remember_timeout(case, outcome.status)
            told = {**ended.known, "status": outcome.status, "reason": outcome.reason}
            return [{**told, "phase": phase} for phase in case.phases], None

    def _train(self, case: Case) -> tuple[list[measure.Figures], float | None]:
        """Train and score a case, once it is known what its time loop runs on."""
        arm = replace(case, recipe="", seed=0, optimizer="sgd")
        batch = self._once("loading its data", arm, measure.first_batch, arm)
        proof = self._once("proving what runs", arm, prove.prove, arm, batch, None)
        if proof.problem:
            raise _EndedError(Outcome("skipped", proof.problem), proof.figures)
        weights = self.trained / f"{case.training}.safetensors" if self.trained else None
        job = measure.measure_accuracy, case, weights
        measured, beyond = self._timed_job(case, *job, time_limit_seconds=TRAINING_LIMIT_SECONDS)
        self.epochs[case] = measured.epochs
        ran = {name: proof.figures[name] for name in ("kernel_path", "kernel_evidence")}
        return [{**ran, **row} for row in measured.rows], beyond

    def _time(self, case: Case) -> tuple[list[measure.Figures], float | None]:
        """Time a case, once its batch is loaded, its floor measured and its arm proven equal to looped."""
        arm = replace(case, repeat=0)
        first = replace(arm, execution=Execution(jit=NORMAL_JIT[case.backend]))
        self._refuse_too_long(arm)
        batch = self._once("loading its data", first, measure.first_batch, first)
        usual = replace(arm, execution=case.execution.beside, entry=FLOOR)
        floors = self._once("a one-Dense model", usual, measure.measure_floor, usual, batch, self.effort)
        reference = self._once("proving looped", first, prove.prove, first, batch, None)
        proof = reference
        if arm != first:
            proof = self._once("proving it equal to looped", arm, prove.prove, arm, batch, reference)
        if proof.problem:
            raise _EndedError(Outcome("skipped", proof.problem), proof.figures)
        difference = prove.unequal(arm, proof)
        if difference:
            raise _EndedError(Outcome("unequal", difference), proof.figures)
        seconds = self.effort.time_limit_seconds
        arguments = case, batch, self.effort, floors
        measured, beyond = self._timed_job(case, measure.measure, *arguments, time_limit_seconds=seconds)
        limits = self._limits(replace(first, execution=Execution()), measured.rows)
        return [{**proof.figures, **limits[row["phase"]], **row} for row in measured.rows], beyond

    def _limits(self, case: Case, rows: Sequence[measure.Figures]) -> dict[str, measure.Figures]:
        """What the arithmetic alone takes, by phase; empty columns where it cannot be told.

        A step that was faster shows that something else ran while products were timed: they are timed again, once for
        each case that shows it, and the least counts.
        """
        try:
            limits = self._once("its limit", case, limit.limits, case)
            if any(row["step_seconds"] < (limits[row["phase"]].get("limit_seconds") or 0) for row in rows):
                again = self._run(case, limit.limits, case, time_limit_seconds=self.effort.time_limit_seconds)
                if again.status == "ok":
                    limits = limit.least(limits, again.value)
                    self._known[limit.limits, case] = Outcome("ok", value=limits)
            return limits
        except _EndedError:
            return {phase: {} for phase in case.phases}

    def _remember_timeout(self, case: Case, status: str) -> None:
        if status == "timeout":
            arm = replace(case, repeat=0, steps=0)
            self._too_long[arm] = min(case.steps, self._too_long.get(arm, case.steps))

    def _refuse_too_long(self, arm: Case) -> None:
        """Skip an arm that ran past the time limit already, at as many steps or fewer."""
        steps = self._too_long.get(replace(arm, steps=0), arm.steps + 1)
        if steps <= arm.steps:
            reason = f"at {steps} steps it ran past the limit of {self.effort.time_limit_seconds:g} s already"
            raise _EndedError(Outcome("skipped", reason))

    def _timed_job(
        self, case: Case, function: Callable[..., Any], *arguments: Any, time_limit_seconds: float
    ) -> tuple[measure.Measured, float]:
        started = time.perf_counter()
        outcome = self._run(case, function, *arguments, time_limit_seconds=time_limit_seconds)
        if outcome.status != "ok":
            raise _EndedError(outcome)
        return outcome.value, time.perf_counter() - started - outcome.value.seconds

    def _once(self, what: str, case: Case, function: Callable[..., Any], *arguments: Any) -> Any:
        """What `function` gave the first time that it was asked for `case` in this run."""
        key = function, case
        if key not in self._known:
            seconds = self.effort.time_limit_seconds
            self._known[key] = self._run(case, function, *arguments, time_limit_seconds=seconds)
        outcome = self._known[key]
        if outcome.status != "ok":
            told = outcome.reason if outcome.status == "skipped" else f"{what}: {outcome.reason}"
            raise _EndedError(replace(outcome, reason=told))
        return outcome.value

    def _run(self, case: Case, function: Callable[..., Any], *arguments: Any, time_limit_seconds: float) -> Outcome:
        """Run `function` in a fresh process of the case's backend and device."""
        where = case.runner, case.backend, case.device
        launcher = self._launchers.get(where)
        if launcher is None or not launcher.alive():
            launcher = self._launchers[where] = Launcher(*where, log=self.folder / f"{'-'.join(where)}.log")
        return launcher.run(Job(function, arguments, self.memory_limit_bytes, time_limit_seconds))


def _outcomes(rows: Sequence[Measurement]) -> set[tuple[str, str, str]]:
    return {(row.phase, row.status, row.reason) for row in rows}
