"""Small cases by the name of their arm. Imports no Keras."""

from __future__ import annotations

from zoo.measuring import runners
from zoo.measuring.case import ARMS, RUNS_ON, Case, arm_of

OWN = [name for name in ARMS if arm_of(name)[0] != "keras"]
"""Arms of other runners than Keras."""


def case_of(arm: str, backend: str = "tensorflow") -> Case:
    """A case that an arm computes within milliseconds, on the runner's own backend if it has one."""
    runner, execution = arm_of(arm)
    return Case("lstm", "wave", execution, RUNS_ON.get(runner, backend), "cpu", 3, 5, 1, 4, runner=runner)


def ask_every_runner() -> None:
    """What planning asks a runner."""
    for arm in ARMS:
        case = case_of(arm)
        runner = runners.load(case.runner)
        assert isinstance(runner.unsupported(case), str)
        assert runner.kernel_paths(case) != ""
