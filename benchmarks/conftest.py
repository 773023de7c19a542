"""What the benchmark items share."""

from __future__ import annotations

import pytest

from benchmarks.plugin import BenchmarkRun


@pytest.fixture
def benchmark_run(pytestconfig: pytest.Config) -> BenchmarkRun:
    """The run that this session is, to ask for the rows of a case."""
    run = pytestconfig.pluginmanager.getplugin(BenchmarkRun.NAME)
    assert isinstance(run, BenchmarkRun)
    return run
