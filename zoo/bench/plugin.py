"""The pytest plugin of a benchmark run: an item a case, and the lines that a run shows and ends with."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoo.bench.plan import Selection
from zoo.bench.profile import Profile
from zoo.bench.run import Run
from zoo.errors import ZooError
from zoo.measuring.case import Case
from zoo.measuring.rows import Measurement, final
from zoo.own.models import OwnModels
from zoo.signals import stop_as_ctrl_c_does

ITEMS = Path(__file__).parent / "items"


class PytestScreen:
    """Writes past pytest's capture."""

    def __init__(self, reporter: pytest.TerminalReporter) -> None:
        self._reporter = reporter
        self._width = reporter.config.get_terminal_writer().fullwidth
        self._uncaptured = reporter.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled
        reporter.showfspath = False  # the lines below take the place of pytest's dots behind a file's name

    def line(self, text: str) -> None:
        """Write a line that stays."""
        with self._uncaptured():
            if self._reporter.isatty:
                self._reporter.rewrite("", erase=True)
            self._reporter.write_line(text)

    def passing(self, text: str) -> None:
        """Say what runs now, where the terminal can take the line back."""
        if self._reporter.isatty:
            with self._uncaptured():
                self._reporter.rewrite(text[: self._width - 1], erase=True)


class BenchmarkPlugin:
    """One `pytest --benchmark`.

    Args:
        config: with the options of a run.
        profile: the grid.
        selection: what it is narrowed to.
        folder: where the results go.
        own: models of a file of the user's own.
    """

    NAME = "rnn-zoo-benchmark"

    def __init__(
        self,
        config: pytest.Config,
        profile: Profile,
        selection: Selection,
        folder: Path,
        own: OwnModels | None = None,
    ) -> None:
        option = config.option
        if option.benchmark_columns is None:  # pytest-benchmark's own ten columns do not fit beside our ids
            option.benchmark_columns = ["median", "iqr", "min", "max", "rounds"]
        if option.benchmark_group_by == "group":
            option.benchmark_group_by = "param:phase"
        self.run = Run(
            profile,
            selection,
            folder,
            budget_seconds=option.zoo_budget,
            memory_limit_gib=option.zoo_memory_limit,
            resume=bool(option.zoo_resume),
            own=own,
            ray=option.zoo_ray or "",
            measures=not option.collectonly,
        )
        self.interrupted = False
        if not option.collectonly:
            stop_as_ctrl_c_does()

    @pytest.fixture
    def benchmark_run(self) -> BenchmarkPlugin:
        """The run that this session is, to ask for the rows of a case."""
        return self

    def measured(self, case: Case) -> list[Measurement]:
        """The rows of `case`, measured when the first of its group is asked for."""
        try:
            return self.run.measured(case)
        except ZooError as error:  # the table cannot be written: nothing that follows could be kept
            raise pytest.exit.Exception(str(error), returncode=1) from error

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One item a case and phase, or a case that is trained."""
        if "phase" in metafunc.fixturenames:
            pairs = [(case, phase) for case in self.run.timed for phase in case.phases]
            metafunc.parametrize(("case", "phase"), pairs, ids=[f"{case.id}-{phase}" for case, phase in pairs])
        elif "case" in metafunc.fixturenames:
            metafunc.parametrize("case", self.run.trained, ids=[case.id for case in self.run.trained])

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Announce the grid, as `-k` and the like left it."""
        if session.config.option.collectonly:
            return
        params = [item.callspec.params for item in session.items if hasattr(item, "callspec")]
        left = {p["case"] for p in params if isinstance(p.get("case"), Case)}
        self.run.begin(PytestScreen(session.config.pluginmanager.getplugin("terminalreporter")), left)

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
        self.run.close()

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Where the table and the report are, and the verdicts in a few lines."""
        if not self.run.has_rows:
            return
        terminalreporter.section("rnn-zoo")
        width = terminalreporter.config.get_terminal_writer().fullwidth
        for line in self.run.end_lines(width, whole=not self.interrupted):
            terminalreporter.write_line(line)


def settle(rows: list[Measurement]) -> list[Measurement]:
    """The rows that were measured; where the case ended otherwise the item is skipped, or fails, with the reason."""
    last = final(rows)
    if last.status in ("skipped", "out_of_memory", "timeout"):
        pytest.skip(f"{last.status}: {last.reason}" if last.status != "skipped" else last.reason)
    if last.status != "ok":
        pytest.fail(f"{last.status}: {last.reason}", pytrace=False)
    return [row for row in rows if row.status == "ok"]
