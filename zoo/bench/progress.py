"""What a person sees while the cases run: the grid and its expected time, then a line a case with what is left."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from zoo.bench.plan import Cannot, expected_of_group, expected_seconds, name_of
from zoo.bench.profile import Profile
from zoo.measuring.case import ACCURACY, Case, skip_reason
from zoo.measuring.effort import Effort
from zoo.measuring.enough import half_width
from zoo.measuring.group import Group, baselines
from zoo.measuring.group_run import GroupRun
from zoo.measuring.rows import Measurement
from zoo.measuring.timings import Timings

LEAST_SECONDS = 0.1


@dataclass(frozen=True)
class Planned:
    """What a run measures, in this order: groups, then trainings; and what of it cannot run there."""

    groups: Sequence[Group]
    trained: Sequence[Case]
    cannot: Cannot = skip_reason

    def expected(self, effort: Effort, at_once: int) -> dict[str, float]:
        """The seconds that each may take, by name; of trainings that run at the same time a part."""
        timed = {group.name: expected_of_group(group, effort, self.cannot) for group in self.groups}
        return timed | {case.id: expected_seconds(case, effort) / at_once for case in self.trained}


def duration(seconds: float) -> str:
    """Seconds in words: "45 s", "3 min 20 s", "1 h 05 min"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


class Screen(Protocol):
    """Where a person sees what runs."""

    def line(self, text: str) -> None:
        """Write a line that stays."""

    def passing(self, text: str) -> None:
        """Say what runs now: the next line takes its place. Only a terminal gets it."""


class Progress:
    """Shows what runs, a line an arm when its group is done, and how long the rest will take at the pace so far.

    Args:
        screen: where a person sees it.
        planned: what is measured.
        profile: whose grid it is.
        at_once: how many trainings run at the same time.
    """

    def __init__(self, screen: Screen, planned: Planned, profile: Profile, at_once: int) -> None:
        self._screen = screen
        self._planned = planned
        self._profile = profile
        self._left = planned.expected(profile.effort, at_once)
        self._total, self._kept = len(self._left), 0
        self._done = self._spent = 0.0

    def keep(self, is_done: Callable[[Group | Case], bool]) -> None:
        """Expect no time of what the run that is resumed has measured already."""
        planned: list[Group | Case] = [*self._planned.groups, *self._planned.trained]
        for what in planned:
            if is_done(what):
                self._left[name_of(what)] = 0.0
                self._kept += 1

    def announce(self, folder: Path, budget_seconds: float) -> None:
        """The grid, its size and its expected time."""
        timed = [case for group in self._planned.groups for case in group.arms]
        write = self._screen.line
        write("")
        write(f"profile {self._profile.name}: {self._profile.summary}")
        if timed:
            write(f"  timed   {len(timed):4} arms in {len(self._planned.groups)} groups: {_axes(timed)}")
        if self._planned.trained:
            write(f"  trained {len(self._planned.trained):4} times: {_axes(self._planned.trained)}")
        extra = f", and up to {duration(budget_seconds)} in all for timing" if timed else ""
        if self._kept:
            write(f"  of these {self._kept} of {self._total} groups and trainings are measured already")
        write(f"  expected {duration(sum(self._left.values()))} on two cores{extra}; rows go to {folder}")
        write("")

    def share(self, group: Group) -> float:
        """The part of the expected time of the groups that are left that belongs to this one."""
        groups = sum(self._left.get(each.name, 0) for each in self._planned.groups)
        return self._left[group.name] / max(groups, 1e-9)

    def show(self, text: str) -> None:
        """Say what runs now, where the terminal can take the line back."""
        self._screen.passing(f"{self._position(self._count() + 1)} {text} ...")

    def say(self, text: str) -> None:
        """Say what is done after the last of them, where the terminal can take the line back."""
        self._screen.passing(f"report: {text} ...")

    def remark(self, text: str) -> None:
        """Write a line about the run itself, which stays."""
        self._screen.line(text)

    def skip(self, what: Group | Case) -> None:
        """Count a group or a training that the run which is resumed has measured already."""
        self._left.pop(name_of(what), None)

    def end(self, what: Group | Case, lines: Sequence[str], seconds: float) -> None:
        """The lines of a group or of a training that took so many seconds, and the time that is left."""
        expected = self._left.pop(name_of(what), 0.0)
        if seconds > LEAST_SECONDS or isinstance(what, Case):  # an arm that is skipped says nothing about the pace
            self._spent += seconds  # but a training may have ended beside the one before
            self._done += expected
        pace = self._spent / self._done if self._done else 1.0
        left = f"{duration(sum(self._left.values()) * pace)} left" if self._left else "done"
        first, *rest = lines
        position = self._position(self._count())
        self._screen.line(f"{position} {first}, {duration(seconds)}; {left}")
        for line in rest:
            self._screen.line(" " * (len(position) + 1) + line)

    def _count(self) -> int:
        return self._total - len(self._left)

    def _position(self, number: int) -> str:
        return f"{number:>{len(str(self._total))}}/{self._total}"


def _axes(planned: Sequence[Case]) -> str:
    """What a list of cases spans: "lstm, gru × wave, digits_rows × looped, unrolled × 20 steps"."""
    names = {
        "entries": Counter(case.entry for case in planned),
        "tasks": Counter(case.task for case in planned),
        "executions": Counter(case.arm for case in planned),
        "where": Counter(f"{case.backend} {case.device}" for case in planned),
    }
    steps = sorted({case.steps for case in planned})
    times = f"{', '.join(map(str, steps))} steps"
    if planned[0].recipe:
        seeds = len({case.seed for case in planned})
        times = f"{seeds} {'seed' if seeds == 1 else 'seeds'}"
    return " × ".join([*(", ".join(axis) for axis in names.values()), times])


def label(case: Case) -> str:
    """A training in words."""
    where = "" if (case.backend, case.device) == ("tensorflow", "cpu") else f" {case.backend} {case.device}"
    return f"{case.entry} {case.task}{where}, recipe {case.recipe}, seed {case.seed}"


def group_lines(run: GroupRun) -> list[str]:
    """A group in words, and below it each of its arms."""
    arms = list(run.rows)
    first = arms[0]
    several = len({(case.backend, case.device) for case in arms}) > 1
    where = "" if several else f", {first.backend} {first.device}"
    mask = "" if first.masked == "none" else f", {first.masked} lengths"
    repeats = len({row.repeat for rows in run.rows.values() for row in rows if row.status == "ok"})
    made = f"{repeats} repeat{'s' * (repeats != 1)}"
    title = f"{first.task}, {first.steps} steps, {first.units} units, batch {first.batch}{mask}{where}: {made}"
    return [title, *(_arm_line(case, rows, run.timings, several) for case, rows in run.rows.items() if rows)]


def _arm_line(case: Case, rows: Sequence[Measurement], timings: Timings, several: bool) -> str:
    where = f" {case.backend} {case.device}" if several else ""
    line = f"  {case.entry + ' ' + case.arm + where:40} {numbers(rows):58}"
    for baseline in baselines(case, timings.arms):
        ratios = timings.log_ratios(case, baseline, case.phases[0])
        if ratios:
            ratio, width = math.exp(statistics.mean(ratios)), half_width(ratios)
            interval = f" ±{math.expm1(width):.0%}" if math.isfinite(width) else ""
            name = baseline.arm if baseline.entry == case.entry else f"{baseline.entry} {baseline.arm}"
            return f"{line} {case.phases[0]} {ratio:.2f}{interval} of {name}"
    return line.rstrip()


def numbers(rows: Sequence[Measurement]) -> str:
    """What an arm or a training gave, in words."""
    good = [row for row in rows if row.status == "ok"]
    if not good:
        return f"{rows[0].status}: {rows[0].reason}"
    if good[0].phase == ACCURACY:
        return f"{'  '.join(map(_score, good))}  in {good[0].train_seconds:.1f} s"
    parts = []
    for phase in dict.fromkeys(row.phase for row in good):
        times = [row.step_seconds for row in good if row.phase == phase and row.step_seconds is not None]
        parts.append(f"{phase} {statistics.median(times) * 1e3:7.2f} ms")
    return f"{'  '.join(parts)}  first call {good[0].first_call_seconds:6.2f} s"


def _score(row: Measurement) -> str:
    naive = "" if row.naive_score is None else f" (naive {row.naive_score:.3g})"  # only the task's own metric has one
    return f"{row.split} {row.metric} {row.score:.4f}{naive}"
