"""What a person sees while the cases run: the grid and its expected time, then a line a case with what is left."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.plan import expected_seconds
from benchmarks.profiles import Profile
from zoo.measuring.case import ACCURACY, Case
from zoo.measuring.rows import Measurement


def duration(seconds: float) -> str:
    """Seconds in words: "45 s", "3 min 20 s", "1 h 05 min"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


class Progress:
    """Counts the cases of a run and estimates how long the rest will take, from the pace of those that are done."""

    def __init__(self, reporter: pytest.TerminalReporter, planned: Sequence[Case], profile: Profile) -> None:
        self._reporter = reporter
        self._uncaptured = reporter.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled
        reporter.showfspath = False  # the lines below take the place of pytest's dots behind a file's name
        self._planned = planned
        self._profile = profile
        self._expected = {case.id: expected_seconds(case, profile.effort) for case in planned}
        self._left = sum(self._expected.values())
        self._done = self._spent = 0.0
        self._count = 0
        self._started = time.perf_counter()
        self._case_started = self._started

    def announce(self, folder: Path) -> None:
        """The grid, its size and its expected time."""
        timed = [case for case in self._planned if not case.recipe]
        trained = [case for case in self._planned if case.recipe]
        write = self._reporter.write_line
        write("")
        write(f"profile {self._profile.name}: {self._profile.summary}")
        for kind, planned in (("timed", timed), ("trained", trained)):
            if planned:
                write(f"  {kind:8}{len(planned):4} cases: {_axes(planned)}")
        write(f"  expected {duration(self._left)} on two cores; rows go to {folder}")
        write("")

    def begin(self, case: Case) -> None:
        """Say what runs now, where the terminal can take the line back."""
        self._case_started = time.perf_counter()
        self._show(f"{self._position(self._count + 1)} {label(case)} ...", passing=True)

    def skip(self, case: Case) -> None:
        """Count a case that the run which is resumed has measured already."""
        self._count += 1
        self._left -= self._expected[case.id]

    def end(self, case: Case, rows: Sequence[Measurement]) -> None:
        """The case's line: its numbers or the reason why it has none, and the time that is left."""
        self._count += 1
        self._left -= self._expected[case.id]
        if rows[0].status != "skipped":  # what is skipped takes no time: it says nothing about the pace
            self._spent += time.perf_counter() - self._case_started
            self._done += self._expected[case.id]
        pace = self._spent / self._done if self._done else 1.0
        left = f"{duration(self._left * pace)} left" if self._count < len(self._planned) else "done"
        self._show(f"{self._position(self._count)} {label(case):52} {numbers(rows):58} {left}")

    def _show(self, line: str, passing: bool = False) -> None:
        """Write a line past pytest's capture; a passing one is overwritten by the next, so only a terminal gets it."""
        with self._uncaptured():
            if self._reporter.isatty:
                self._reporter.rewrite(line if passing else "", erase=True)
            if not passing:
                self._reporter.write_line(line)

    def _position(self, number: int) -> str:
        total = str(len(self._planned))
        return f"{number:>{len(total)}}/{total}"


def _axes(planned: Sequence[Case]) -> str:
    """What a list of cases spans: "lstm, gru × wave, digits_rows × looped, unrolled × 3 repeats"."""
    names = {
        "entries": Counter(case.entry for case in planned),
        "tasks": Counter(case.task for case in planned),
        "executions": Counter(case.arm for case in planned),
        "where": Counter(f"{case.backend} {case.device}" for case in planned),
    }
    steps = sorted({case.steps for case in planned})
    times = f"{len({case.seed for case in planned})} seeds"
    if not planned[0].recipe:
        times = f"{', '.join(map(str, steps))} steps × {len({case.repeat for case in planned})} repeats"
    return " × ".join([*(", ".join(axis) for axis in names.values()), times])


def label(case: Case) -> str:
    """A case in words."""
    where = "" if (case.backend, case.device) == ("tensorflow", "cpu") else f" {case.backend} {case.device}"
    which = f"seed {case.seed}" if case.recipe else f"{case.steps} steps, repeat {case.repeat + 1}"
    how = f"recipe {case.recipe}" if case.recipe else case.arm
    return f"{case.entry} {case.task} {how}{where}, {which}"


def numbers(rows: Sequence[Measurement]) -> str:
    """The result of a case in words."""
    first = rows[0]
    if first.status != "ok":
        return f"{first.status}: {first.reason}"
    if first.phase == ACCURACY:
        return f"{'  '.join(map(_score, rows))}  in {first.train_seconds:.1f} s"
    parts = []
    for phase in dict.fromkeys(row.phase for row in rows):
        timings = [row.step_seconds for row in rows if row.phase == phase and row.step_seconds is not None]
        parts.append(f"{phase} {statistics.median(timings) * 1e3:7.2f} ms")
    return f"{'  '.join(parts)}  first call {first.first_call_seconds:6.2f} s"


def _score(row: Measurement) -> str:
    naive = "" if row.naive_score is None else f" (naive {row.naive_score:.3g})"  # only the task's own metric has one
    return f"{row.split} {row.metric} {row.score:.4f}{naive}"
