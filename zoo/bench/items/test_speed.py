"""One item a case and phase: pytest-benchmark keeps the timings that the case's own process took."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from zoo.bench.plugin import BenchmarkPlugin, settle
from zoo.measuring.case import Case

EXTRA = ("build_seconds", "first_call_seconds", "compile_peak_host_bytes", "step_peak_host_bytes", "graph_nodes")


def replay(benchmark: Any, timings: Sequence[float]) -> None:
    """Give pytest-benchmark timings taken in another process: its clock reads 0 and the next timing by turns.

    The one place that touches its private timer, and why it is pinned below 6.
    """
    readings = iter([reading for seconds in timings for reading in (0.0, seconds)])
    benchmark._timer = lambda: next(readings)
    benchmark.pedantic(lambda: None, rounds=len(timings), iterations=1)


def test_speed(case: Case, phase: str, benchmark_run: BenchmarkPlugin, request: pytest.FixtureRequest) -> None:
    """The case's training step or prediction, timed in a process of its own."""
    rows = settle([row for row in benchmark_run.measured(case) if row.phase == phase])
    # Asked for only now: pytest-benchmark reports a fixture that was not used as an error.
    benchmark = request.getfixturevalue("benchmark")
    benchmark.extra_info.update({name: getattr(rows[0], name) for name in EXTRA})
    replay(benchmark, [row.step_seconds for row in rows if row.step_seconds is not None])
