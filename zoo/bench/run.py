"""One run of the benchmarks: its groups, its trainings, its table, its report and its verdicts."""

from __future__ import annotations

import datetime
import time
from collections.abc import Container, Iterator
from functools import partial
from pathlib import Path

import psutil

from zoo.bench.plan import Selection, in_order, timed_cases, trained_cases
from zoo.bench.profile import Profile
from zoo.bench.progress import Planned, Progress, Screen, group_lines, label, numbers
from zoo.errors import ZooError
from zoo.measuring.case import Case
from zoo.measuring.coordinator import Coordinator
from zoo.measuring.enough import LEAST_REPEATS
from zoo.measuring.group import Group
from zoo.measuring.launchers import Launchers
from zoo.measuring.machine import usable_cpus
from zoo.measuring.rows import TABLE, Measurement, check_writable, read_rows
from zoo.own.models import OwnModels, register
from zoo.report.verdicts import REPORT, verdict_lines
from zoo.statistics.tables import read

USUAL_MEMORY_LIMIT = 0.8  # of what is free


def run_name() -> str:
    """What a run that starts now is called, and its folder: "2026-11-24T12-00-00"."""
    return datetime.datetime.now().strftime("%Y-%m-%dT%H-%M-%S")


class Run:
    """One run.

    Args:
        profile: its grid.
        selection: what the user narrowed it to.
        folder: where the table, the charts and the report go.
        budget_seconds: what timing may take; the profile's by default.
        memory_limit_gib: what a process, and those that take turns, may hold; by default a part of what is free.
        resume: whether to go on with the run whose table is in the folder.
        own: models of a file of the user's own that are among the entries.
        measures: False for a run that only lists its cases: it makes no folder.

    Raises:
        ZooError: nothing is left to measure, the folder cannot be written, or a limit is not more than 0.
    """

    def __init__(
        self,
        profile: Profile,
        selection: Selection,
        folder: Path,
        *,
        budget_seconds: float | None = None,
        memory_limit_gib: float | None = None,
        resume: bool = False,
        own: OwnModels | None = None,
        measures: bool = True,
    ) -> None:
        self.profile = profile
        self._least = selection.repeats or LEAST_REPEATS
        self.timed = timed_cases(profile, selection)  #: and how many repeats of each
        self.trained = trained_cases(profile, selection)
        if not self.timed:
            raise ZooError(f"nothing of profile {profile.name} is left to measure: widen what you asked for")
        limit_bytes = memory_limit_bytes(memory_limit_gib)
        self.budget_seconds = positive("budget", budget_seconds, profile.budget_seconds)
        if measures:
            check_writable(folder)
            _, self.timed = in_order(self.timed, profile.mixed, self._least, profile.effort)
        table = folder / TABLE
        kept = read_rows(table) if resume and table.exists() else []
        self.name = kept[-1].run if kept else run_name()  # its repeats are pairs of those that were measured before
        self.at_once = min(profile.at_once, usable_cpus())
        self.coordinator = Coordinator(
            folder,
            self.name,
            profile.effort,
            limit_bytes,
            kept,
            show=self._show,
            at_once=self.at_once,
            launchers=Launchers(folder, partial(register, own)) if own else None,
        )
        self.rows: dict[Case, list[Measurement]] = {}
        self.progress: Progress | None = None
        self._groups: dict[Case, Group] = {}  #: of each arm

    def begin(self, screen: Screen, wanted: Container[Case] | None = None) -> None:
        """Announce the grid, or what of it is `wanted`."""
        timed = {case: repeats for case, repeats in self.timed.items() if wanted is None or case in wanted}
        trained = [case for case in self.trained if wanted is None or case in wanted]
        together, _ = in_order(timed, self.profile.mixed, self._least, self.profile.effort)
        self._groups = {case: group for group in together for case in group.arms if case in timed}
        self.progress = Progress(screen, Planned(together, trained), self.profile)
        self.progress.announce(self.coordinator.folder, self.budget_seconds)

    def measured(self, case: Case) -> list[Measurement]:
        """The rows of `case`; its group, or it as a training, is measured when the first of them is asked for.

        Raises:
            ZooError: the table cannot be written: nothing that follows could be kept.
        """
        if case not in self.rows:
            if case.recipe:
                self._train(case)
            else:
                self._time(self._groups[case])
        return self.rows[case]

    def measure_all(self) -> None:
        """Measure every case of the grid."""
        for case in [*self.timed, *self.trained]:
            self.measured(case)

    def report(self) -> Path:
        """Write the report of the run and return its path; one that is of this table already stays."""
        report = self.coordinator.folder / REPORT
        if self.coordinator.has_new_rows or not report.exists():
            from zoo.report.html import write_report  # here, so that a run with nothing left to do ends at once

            assert self.progress is not None
            title = f"rnn-zoo: {self.profile.name}, {self.name}"
            write_report(read(self.coordinator.table), report, title, self.progress.say, report.parent / "charts")
        return report

    def end_lines(self, width: int, whole: bool = True) -> Iterator[str]:
        """What a run ends with: where its table and its report are, and its verdicts; of one that is not whole no more
        than the command that writes the report.
        """
        if self.coordinator.beyond_block:
            yield self.coordinator.overhead()
        yield f"table:  {self.coordinator.table}"
        if not whole:
            yield f"report: zoo report {self.coordinator.folder}"
            return
        yield f"report: {self.report()}"
        yield ""
        yield from verdict_lines(read(self.coordinator.table), width)

    def close(self) -> None:
        """End the fork servers and what runs in them."""
        self.coordinator.close()

    def _show(self, text: str) -> None:
        if self.progress:
            self.progress.show(text)

    def _time(self, group: Group) -> None:
        """Measure a group within its share of the budget."""
        assert self.progress is not None
        run = self.coordinator.group(group)
        self.rows |= run.rows
        if not run.needed():
            self.progress.skip()
            return
        started = time.perf_counter()
        self.coordinator.measure(run, self.budget_seconds * self.progress.share())
        seconds = time.perf_counter() - started
        self.budget_seconds = max(0.0, self.budget_seconds - seconds)
        self.progress.end(group_lines(run), seconds)

    def _train(self, case: Case) -> None:
        assert self.progress is not None
        if self.coordinator.is_trained(case):
            self.rows[case] = self.coordinator.trained(case)
            self.progress.skip()
            return
        self.progress.show(label(case))
        started = time.perf_counter()
        for other in self.progress.next_trainings(self.at_once):
            self.coordinator.begin(other)
        self.rows[case] = self.coordinator.trained(case)
        self.progress.end([f"{label(case)}: {numbers(self.rows[case])}"], time.perf_counter() - started)


def memory_limit_bytes(gib: float | None) -> int:
    """What a process, and the workers of a group together, may hold: `gib`, or a part of what is free now.

    Raises:
        ZooError: it is not more than 0.
    """
    free = psutil.virtual_memory().available / 2**30
    return int(min(positive("memory-limit", gib, USUAL_MEMORY_LIMIT * free), 2**20) * 2**30)


def positive(option: str, value: float | None, usual: float) -> float:
    """The value of an option, or what is usual without it.

    Raises:
        ZooError: it is not more than 0.
    """
    if value is not None and not value > 0:
        raise ZooError(f"{option} must be more than 0, not {value:g}")
    return usual if value is None else value
