"""Small cases by the name of their arm. Imports no Keras."""

from __future__ import annotations

from zoo.execution import NAMED, OTHERS, RUNS_ON, Execution
from zoo.measuring import runners
from zoo.measuring.case import Case

OWN = [str(execution) for execution in OTHERS]
"""Arms of other runners than Keras."""


def case_of(arm: str, backend: str = "tensorflow") -> Case:
    """A case that an arm computes within milliseconds, on the runner's own backend if it has one."""
    execution = Execution.parse(arm)
    return Case("lstm", "wave", execution, RUNS_ON.get(execution.runner, backend), "cpu", 3, 5, 1, 4)


def ask_every_runner() -> None:
    """What planning asks a runner."""
    for arm in NAMED:
        case = case_of(arm)
        runner = runners.load(case.runner)
        assert isinstance(runner.unsupported(case), str)
        assert runner.kernel_paths(case) != ""
