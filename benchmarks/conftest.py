"""What the benchmark items share."""

from __future__ import annotations

import pytest

from benchmarks.plugin import BenchmarkPlugin


@pytest.fixture
def benchmark_run(pytestconfig: pytest.Config) -> BenchmarkPlugin:
    """The run that this session is, to ask for the rows of a case."""
    run = pytestconfig.pluginmanager.getplugin(BenchmarkPlugin.NAME)
    assert isinstance(run, BenchmarkPlugin)
    return run
