"""One run of the benchmarks: its groups, its trainings, its table, its report and its verdicts."""

from __future__ import annotations

import datetime
import time
from collections.abc import Container, Iterator
from functools import partial
from pathlib import Path

from zoo.bench.here import Here, Place
from zoo.bench.on_nodes import OnNodes
from zoo.bench.own import claim
from zoo.bench.plan import Selection, expected_of_group, in_order, timed_cases, trained_cases
from zoo.bench.profile import Profile
from zoo.bench.progress import Planned, Progress, Screen, group_lines, label, numbers
from zoo.errors import ZooError, more_than_zero
from zoo.lock import Lock
from zoo.measuring.case import ACCURACY, Case, skip_reason, unsupported
from zoo.measuring.cluster import Cluster
from zoo.measuring.connection import require_cluster
from zoo.measuring.coordinator import Coordinator
from zoo.measuring.enough import LEAST_REPEATS
from zoo.measuring.group import Group
from zoo.measuring.launchers import Launchers
from zoo.measuring.machine import memory_limit_bytes, usable_cpus
from zoo.measuring.node import Setup
from zoo.measuring.resume import that_hold, whole_name
from zoo.measuring.rows import TABLE, Measurement, check_writable, final, read_rows
from zoo.own.models import OwnModels, register
from zoo.report.verdicts import REPORT, verdict_lines
from zoo.statistics.tables import quick_texts, read
from zoo.version import VERSION


def run_name() -> str:
    """What a run that starts now is called, and its folder: "2026-11-24T12-00-00"."""
    return datetime.datetime.now().strftime("%Y-%m-%dT%H-%M-%S")


def _kept(rows: list[Measurement]) -> tuple[list[Measurement], str]:
    """What counts of a folder that is resumed, the run that goes on and every training, and the name of that run.

    It is the last one, or a new one: repeats are pairs within a run, and one that another version of the zoo measured
    is not gone on with.
    """
    last = rows[-1].run if rows else ""
    same = any(row.run == last and row.zoo_version == VERSION for row in rows)
    name = last if same else run_name()
    return [row for row in rows if row.run == name or row.phase == ACCURACY], name


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
        ray: the address of a Ray cluster on whose nodes it measures; empty: it measures here.

    Raises:
        ZooError: nothing is left to measure, the folder cannot be written or holds a run of other models, or a limit is
            not more than 0.
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
        ray: str = "",
    ) -> None:
        self.profile = profile
        self._least = selection.repeats or LEAST_REPEATS
        self.timed = timed_cases(profile, selection)  #: and how many repeats of each
        self.trained = trained_cases(profile, selection)
        if not self.timed:
            raise ZooError(f"nothing of profile {profile.name} is left to measure: widen what you asked for")
        limit_bytes = memory_limit_bytes(memory_limit_gib)
        self.budget_seconds = more_than_zero("budget", budget_seconds, profile.budget_seconds)
        self._cannot = unsupported if ray else skip_reason  # what is installed on the nodes is not known here
        self._lock = None
        if ray:
            require_cluster(ray)
        if measures:
            check_writable(folder)
            self._lock = Lock(folder)
            if own:
                try:
                    claim(folder, own, resume)
                except ZooError:
                    self._lock.release()
                    raise
            _, self.timed = in_order(self.timed, profile.mixed, self._least, profile.effort, self._cannot)
        table = folder / TABLE
        kept, self.name = _kept(read_rows(table) if resume and table.exists() else [])
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
        self._place: Place = Here(self.coordinator, self.at_once)
        if ray and measures:
            setup = Setup(self.name, profile.effort, memory_limit_gib, own, own.path.read_text() if own else "")
            try:
                cluster, held = Cluster(ray, setup.bench, self._say), that_hold(kept, limit_bytes, anywhere=True)
                self._place = OnNodes(cluster, self.coordinator, self._show, held)
            except ZooError:
                self.close()
                raise
        self.failed = False  #: whether an arm or a training crashed, or was not equal to its loop
        self._rows: dict[Case, list[Measurement]] = {}  #: of the group or the training that was measured last
        self._last = ""  #: its name
        self._done: set[str] = set()
        self.progress: Progress | None = None
        self._groups: dict[Case, Group] = {}  #: of each arm

    def begin(self, screen: Screen, wanted: Container[Case] | None = None) -> None:
        """Announce the grid, or what of it is `wanted`."""
        timed = {case: repeats for case, repeats in self.timed.items() if wanted is None or case in wanted}
        trained = [case for case in self.trained if wanted is None or case in wanted]
        effort = self.profile.effort
        together, _ = in_order(timed, self.profile.mixed, self._least, effort, self._cannot)
        self._groups = {case: group for group in together for case in group.arms if case in timed}
        expected = [(group, expected_of_group(group, effort, self._cannot)) for group in together]
        self.progress = Progress(screen, Planned(together, trained, self._cannot), self.profile, self.at_once)
        self._place.plan(expected, trained, self.budget_seconds)
        self.progress.keep(self._place.is_done)
        self.progress.announce(self.coordinator.folder, self.budget_seconds)

    def measured(self, case: Case) -> list[Measurement]:
        """The rows of `case`; its group, or it as a training, is measured when the first of them is asked for.

        Raises:
            ZooError: the table cannot be written: nothing that follows could be kept.
        """
        name = case.id if case.recipe else self._groups[case].name
        if name != self._last and name in self._done:  # asked for out of order: its rows are in the table
            rows = read_rows(self.coordinator.table)
            mine = (row for row in rows if row.run == self.name or row.phase == ACCURACY)
            return [row for row in mine if row.case_id == case.id and whole_name(row.group) in (name, "")]
        if name != self._last:
            self._rows = self._train(case) if case.recipe else self._time(self._groups[case])
            self._last = name
            self._done.add(name)
            self.failed |= any(final(rows).status in ("crashed", "unequal") for rows in self._rows.values() if rows)
        return self._rows[case]

    @property
    def has_rows(self) -> bool:
        """Whether anything was measured, or found in the run that is resumed."""
        return bool(self._done) or self.coordinator.has_new_rows

    def measure_all(self) -> None:
        """Measure every case of the grid."""
        for case in [*self.timed, *self.trained]:
            self.measured(case)

    def report(self) -> Path:
        """Write the report of the run and return its path; one that is of this table already stays."""
        report = self.coordinator.folder / REPORT
        table = self.coordinator.table
        is_newer = report.exists() and report.stat().st_mtime >= table.stat().st_mtime
        if self.coordinator.has_new_rows or not is_newer:
            from zoo.report.html import write_report  # here, so that a run with nothing left to do ends at once

            assert self.progress is not None
            title = f"rnn-zoo: {self.profile.name}, {self.name}"
            with quick_texts():
                write_report(read(table), report, title, self.progress.say, report.parent / "charts")
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
        """End what measures, and let others have the folder."""
        self._place.close()
        if self._lock:
            self._lock.release()

    def _show(self, text: str) -> None:
        if self.progress:
            self.progress.show(text)

    def _say(self, text: str) -> None:
        if self.progress:
            self.progress.remark(text)

    def _time(self, group: Group) -> dict[Case, list[Measurement]]:
        """Measure a group within its share of the budget."""
        assert self.progress is not None
        is_done, started = self._place.is_done(group), time.perf_counter()
        run = self._place.group(group, self.budget_seconds * self.progress.share(group))
        seconds = time.perf_counter() - started
        if is_done:
            self.progress.skip(group)
        else:
            self.budget_seconds = max(0.0, self.budget_seconds - seconds)
            self.progress.end(group, group_lines(run), seconds)
        return run.rows

    def _train(self, case: Case) -> dict[Case, list[Measurement]]:
        assert self.progress is not None
        is_done, started = self._place.is_done(case), time.perf_counter()
        if not is_done:
            self.progress.show(label(case))
        rows = self._place.training(case)
        if is_done:
            self.progress.skip(case)
        else:
            self.progress.end(case, [f"{label(case)}: {numbers(rows)}"], time.perf_counter() - started)
        return {case: rows}
