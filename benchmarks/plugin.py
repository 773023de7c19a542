"""The pytest plugin of a benchmark run: plans the grid, runs the cases, keeps the rows, tells what came out."""

from __future__ import annotations

import datetime
import statistics
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib
import psutil
import pytest
from rich.console import Console

from benchmarks import cases, machine, measure, results
from benchmarks.cases import Case, Selection
from benchmarks.launcher import Job, Launcher, Outcome
from benchmarks.progress import Progress
from benchmarks.results import Measurement
from benchmarks.sentence import sentence
from benchmarks.terminal import print_tables
from zoo import Execution, ZooError

ROOT = Path(__file__).parent.parent
RUNS = ROOT / "results" / "runs"
TRAINING_LIMIT_SECONDS = 3600.0


class BenchmarkRun:
    """One `pytest --benchmark`: its options, its fork servers and its table."""

    NAME = "rnn-zoo-benchmark"

    def __init__(self, config: pytest.Config) -> None:
        option = config.option
        self.profile = cases.get_profile(option.zoo_profile)
        self.selection = Selection(
            option.zoo_entries,
            option.zoo_tasks,
            option.zoo_executions,
            option.zoo_backends,
            option.zoo_devices,
            option.zoo_repeats,
        )
        self.selection.check()
        if option.benchmark_columns is None:  # pytest-benchmark's own ten columns do not fit beside our ids
            option.benchmark_columns = ["median", "iqr", "min", "max", "rounds"]
            option.benchmark_group_by = "param:phase"
        if option.zoo_memory_limit is not None and option.zoo_memory_limit <= 0:
            raise ZooError(f"--zoo-memory-limit must be more than 0 GiB, not {option.zoo_memory_limit:g}")
        free = psutil.virtual_memory().available
        self.memory_limit_bytes = int(option.zoo_memory_limit * 2**30) if option.zoo_memory_limit else int(0.8 * free)
        self.started_at = datetime.datetime.now().astimezone().replace(microsecond=0)
        self.run = self.started_at.strftime("%Y-%m-%dT%H-%M-%S")
        self.folder = Path(option.zoo_results) if option.zoo_results else RUNS / self.run
        if not option.collectonly:
            results.check_writable(self.folder)
        self.table = self.folder / results.TABLE
        self.commit = machine.commit()
        self.rows: dict[str, list[Measurement]] = {}
        self.launchers: dict[tuple[str, str], Launcher] = {}
        self.floors: dict[tuple[str, str], Outcome] = {}
        self.overheads: dict[tuple[str, str], list[float]] = defaultdict(list)
        self.progress: Progress | None = None
        self.interrupted = False

    # What pytest calls

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One item a case and phase, or a case that is trained."""
        if "case" not in metafunc.fixturenames:
            return
        if "phase" in metafunc.fixturenames:
            pairs = [(c, phase) for c in cases.timed_cases(self.profile, self.selection) for phase in c.phases]
            metafunc.parametrize(("case", "phase"), pairs, ids=[f"{c.id}-{phase}" for c, phase in pairs])
        else:
            trained = cases.trained_cases(self.profile, self.selection)
            metafunc.parametrize("case", trained, ids=[case.id for case in trained])

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Announce the grid, as `-k` and the like left it."""
        planned = dict.fromkeys(item.callspec.params["case"] for item in session.items if hasattr(item, "callspec"))
        reporter = session.config.pluginmanager.getplugin("terminalreporter")
        self.progress = Progress(reporter, list(planned))
        if not session.config.option.collectonly:
            self.progress.announce(self.profile, self.folder)

    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """No dot an item: the run writes a line a case, with its numbers."""
        if report.when == "call" or report.outcome != "passed":
            return report.outcome, "", ""
        return None

    def pytest_keyboard_interrupt(self) -> None:
        """Remember that the grid is not whole."""
        self.interrupted = True

    def pytest_sessionfinish(self) -> None:
        """End the fork servers, and what runs in them."""
        for launcher in self.launchers.values():
            launcher.close()

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """The last word: the charts, the summary, and what to read first."""
        if not self.rows:
            return
        write = terminalreporter.write_line
        terminalreporter.section("rnn-zoo")
        table = results.read(self.table)
        print_tables(table, Console(file=terminalreporter._tw._file, width=terminalreporter._tw.fullwidth))
        write("")
        for where, (first, *later) in self.overheads.items():
            # The first case waits for its fork server to import the backend, and for the floor to be measured.
            each = f", {statistics.mean(later):.2f} s for each later one" if later else ""
            write(f"beyond what is measured, {' '.join(where)}: {first:.1f} s for the first case{each}")
        write(f"table:  {self.table}")
        if self.interrupted:
            write(f"charts: python -m benchmarks charts --results {self.folder}")
            return
        matplotlib.use("Agg")
        from benchmarks.charts import draw_all

        charts = draw_all(table, self.folder / "charts", write)
        write(f"charts: {self.folder / 'charts'} ({', '.join(path.name for path in charts)})")
        write(sentence(table))

    # Running cases

    def measured(self, case: Case) -> list[Measurement]:
        """The rows of `case`: measured, kept in the table, and remembered for its other phase."""
        if case.id not in self.rows:
            started = time.perf_counter()
            assert self.progress is not None
            self.progress.begin(case)
            outcome = self._outcome(case)
            rows = [
                Measurement(
                    **case.identity(),
                    **machine.origin(case.backend),
                    commit=self.commit,
                    started_at=self.started_at.isoformat(),
                    run=self.run,
                    **figures,
                )
                for figures in _figures(case, outcome)
            ]
            results.append(self.table, rows)
            self.rows[case.id] = rows
            self.progress.end(case, rows)
            if isinstance(outcome.value, measure.Measured):
                beyond = time.perf_counter() - started - outcome.value.seconds
                self.overheads[case.backend, case.device].append(beyond)
        return self.rows[case.id]

    def _outcome(self, case: Case) -> Outcome:
        reason = cases.skip_reason(case)
        if reason:
            return Outcome("skipped", reason)
        if case.recipe:
            return self._run(case, TRAINING_LIMIT_SECONDS, measure.measure_accuracy, case)
        floor = self._floor(case)
        if floor.status != "ok":
            return replace(floor, reason=f"on the one-Dense model already: {floor.reason}")
        return self._run(case, self.profile.limit_seconds, measure.measure, case, self.profile.effort, floor.value)

    def _floor(self, case: Case) -> Outcome:
        """What a one-Dense model costs, measured once a backend and device."""
        where = case.backend, case.device
        if where not in self.floors:
            usual = replace(case, execution=Execution(jit=cases.NORMAL_JIT[case.backend]))
            limit = self.profile.limit_seconds
            self.floors[where] = self._run(case, limit, measure.measure_floor, usual, self.profile.effort)
        return self.floors[where]

    def _run(self, case: Case, limit_seconds: float, function: Any, *arguments: Any) -> Outcome:
        where = case.backend, case.device
        if where not in self.launchers:
            self.launchers[where] = Launcher(*where, log=self.folder / f"{case.backend}-{case.device}.log")
        return self.launchers[where].run(Job(function, arguments, self.memory_limit_bytes, limit_seconds))


def _figures(case: Case, outcome: Outcome) -> list[dict[str, Any]]:
    """The figures of each row of the case: what was measured, or the outcome of each phase."""
    if outcome.status == "ok":
        return outcome.value.rows
    return [{"phase": phase, "status": outcome.status, "reason": outcome.reason} for phase in case.phases]


def settle(rows: list[Measurement]) -> None:
    """Turn an outcome other than ok into pytest's own: a skip that says why, or a failure."""
    first = rows[0]
    if first.status in ("skipped", "out_of_memory", "timeout"):
        pytest.skip(f"{first.status}: {first.reason}" if first.status != "skipped" else first.reason)
    if first.status != "ok":
        pytest.fail(f"{first.status}: {first.reason}", pytrace=False)
