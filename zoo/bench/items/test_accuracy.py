"""One item an entry × task × seed: a training by the task's recipe, and its score beside the naive one."""

from __future__ import annotations

import zoo
from zoo.bench.plugin import BenchmarkPlugin, settle
from zoo.measuring.case import Case


def test_accuracy(case: Case, benchmark_run: BenchmarkPlugin) -> None:
    """The entry learns the task: a score on each test split, that of the task's own metric beside the naive one."""
    rows = settle(benchmark_run.measured(case))
    assert all(row.score is not None for row in rows)
    own = [row for row in rows if row.metric == zoo.get_task(case.task).metric]
    assert own
    assert all(row.naive_score is not None for row in own)
