"""The pytest plugin of a benchmark run: plans the grid, has its cases measured and prints the results."""

from __future__ import annotations

import datetime
import time
from pathlib import Path

import psutil
import pytest

from benchmarks.plan import Selection, in_order, timed_cases, trained_cases
from benchmarks.profiles import get_profile
from benchmarks.progress import Planned, Progress, group_lines, label, numbers
from zoo import ZooError
from zoo.measuring.case import Case
from zoo.measuring.coordinator import Coordinator
from zoo.measuring.enough import LEAST_REPEATS
from zoo.measuring.group import Group
from zoo.measuring.machine import usable_cpus
from zoo.measuring.rows import TABLE, Measurement, check_writable, read_rows
from zoo.report.verdicts import REPORT, verdict_lines
from zoo.statistics.folders import newest_run
from zoo.statistics.tables import read

RUNS = Path(__file__).parent.parent / "results" / "runs"
USUAL_MEMORY_LIMIT = 0.8  # of what is free


class BenchmarkPlugin:
    """One `pytest --benchmark`."""

    NAME = "rnn-zoo-benchmark"

    def __init__(self, config: pytest.Config) -> None:
        option = config.option
        self.profile = get_profile(option.zoo_profile or "quick")
        self.selection = Selection.of_names(
            entries=option.zoo_entries,
            tasks=option.zoo_tasks,
            executions=option.zoo_executions,
            backends=option.zoo_backends,
            devices=option.zoo_devices,
            repeats=option.zoo_repeats,
        )
        self.timed = timed_cases(self.profile, self.selection)  #: and how many repeats of each
        self._least = self.selection.repeats or LEAST_REPEATS
        if not option.collectonly:
            _, self.timed = in_order(self.timed, self.profile.mixed, self._least, self.profile.effort)
        self.trained = trained_cases(self.profile, self.selection)
        if not self.timed:
            raise ZooError(f"nothing of profile {self.profile.name} is left by these --zoo- options")
        if option.benchmark_columns is None:  # pytest-benchmark's own ten columns do not fit beside our ids
            option.benchmark_columns = ["median", "iqr", "min", "max", "rounds"]
        if option.benchmark_group_by == "group":
            option.benchmark_group_by = "param:phase"
        limit_bytes = memory_limit_bytes(option.zoo_memory_limit)
        run = datetime.datetime.now().strftime("%Y-%m-%dT%H-%M-%S")
        folder = Path(option.zoo_results) if option.zoo_results else RUNS / run
        if option.zoo_resume and not option.zoo_results:
            folder = newest_run(RUNS) or folder
        if not option.collectonly:
            check_writable(folder)
        table = folder / TABLE
        kept = read_rows(table) if option.zoo_resume and table.exists() else []
        run = kept[-1].run if kept else run  # its repeats are pairs of those that were measured before
        self.budget_seconds = positive("--zoo-budget", option.zoo_budget, self.profile.budget_seconds)
        self.at_once = min(self.profile.at_once, usable_cpus())
        self.coordinator = Coordinator(
            folder, run, self.profile.effort, limit_bytes, kept, show=self._show, at_once=self.at_once
        )
        self.rows: dict[Case, list[Measurement]] = {}
        self.progress: Progress | None = None
        self.interrupted = False
        self._groups: dict[Case, Group] = {}  #: of each arm

    def _show(self, text: str) -> None:
        if self.progress:
            self.progress.show(text)

    def measured(self, case: Case) -> list[Measurement]:
        """The rows of `case`; its group, or it as a training, is measured when the first of them is asked for."""
        if case not in self.rows:
            try:
                if case.recipe:
                    self._train(case)
                else:
                    self._time(self._groups[case])
            except ZooError as error:  # the table cannot be written: nothing that follows could be kept
                pytest.exit(str(error), returncode=1)
        return self.rows[case]

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

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One item a case and phase, or a case that is trained."""
        if "phase" in metafunc.fixturenames:
            pairs = [(case, phase) for case in self.timed for phase in case.phases]
            metafunc.parametrize(("case", "phase"), pairs, ids=[f"{case.id}-{phase}" for case, phase in pairs])
        elif "case" in metafunc.fixturenames:
            metafunc.parametrize("case", self.trained, ids=[case.id for case in self.trained])

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Announce the grid, as `-k` and the like left it."""
        if session.config.option.collectonly:
            return
        params = [item.callspec.params for item in session.items if hasattr(item, "callspec")]
        left = list(dict.fromkeys(p["case"] for p in params if isinstance(p.get("case"), Case)))
        timed = {case: repeats for case, repeats in self.timed.items() if case in left}
        together, _ = in_order(timed, self.profile.mixed, self._least, self.profile.effort)
        self._groups = {case: group for group in together for case in group.arms if case in timed}
        planned = Planned(together, [case for case in left if case.recipe])
        self.progress = Progress(session.config.pluginmanager.getplugin("terminalreporter"), planned, self.profile)
        self.progress.announce(self.coordinator.folder, self.budget_seconds)

    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """No dot an item: the run writes a line a case, with its numbers."""
        if report.when == "call" or report.outcome != "passed":
            return report.outcome, "", ""
        return None

    def pytest_keyboard_interrupt(self) -> None:
        """Remember that not every case was measured."""
        self.interrupted = True

    def pytest_sessionfinish(self) -> None:
        """End the fork servers and what runs in them."""
        self.coordinator.close()

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Where the table and the report are, and the verdicts in a few lines."""
        folder = self.coordinator.folder
        if not self.rows:
            return
        write = terminalreporter.write_line
        terminalreporter.section("rnn-zoo")
        table = read(self.coordinator.table)
        if self.coordinator.beyond_block:
            write(self.coordinator.overhead())
        write(f"table:  {self.coordinator.table}")
        if self.interrupted:
            write(f"report: zoo report {folder}")
            return
        report = folder / REPORT
        if self.coordinator.has_new_rows or not report.exists():  # else it is that of this table
            from zoo.report.html import write_report  # here, so that a run with nothing left to do ends at once

            title = f"rnn-zoo: {self.profile.name}, {self.coordinator.run}"
            assert self.progress is not None
            write_report(table, report, title, self.progress.say, folder / "charts")
        write(f"report: {report}")
        write("")
        for line in verdict_lines(table, terminalreporter.config.get_terminal_writer().fullwidth):
            write(line)


def memory_limit_bytes(gib: float | None) -> int:
    """What a process, and the workers of a group together, may hold: `gib`, or a part of what is free now.

    Raises:
        ZooError: it is not more than 0.
    """
    free = psutil.virtual_memory().available / 2**30
    return int(min(positive("--zoo-memory-limit", gib, USUAL_MEMORY_LIMIT * free), 2**20) * 2**30)


def positive(option: str, value: float | None, usual: float) -> float:
    """The value of an option, or what is usual without it.

    Raises:
        ZooError: it is not more than 0.
    """
    if value is not None and not value > 0:
        raise ZooError(f"{option} must be more than 0, not {value:g}")
    return usual if value is None else value


def settle(rows: list[Measurement]) -> None:
    """Skip the item, or fail it, with the reason of an outcome other than ok."""
    first = next((row for row in rows if row.status != "ok"), rows[0])
    if first.status in ("skipped", "out_of_memory", "timeout"):
        pytest.skip(f"{first.status}: {first.reason}" if first.status != "skipped" else first.reason)
    if first.status != "ok":
        pytest.fail(f"{first.status}: {first.reason}", pytrace=False)
