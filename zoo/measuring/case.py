"""What is measured: a Case, and why one cannot run here.

Nothing here imports Keras or a backend: planning a run must not bind the process to one.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import Any

from zoo import Execution, get_entry, get_task
from zoo.errors import missing
from zoo.execution import PREDICTS
from zoo.measuring import runners
from zoo.measuring.machine import gpu_name

DEVICES = ("cpu", "gpu")
PHASES = ("train", "predict")
ACCURACY = "accuracy"


@dataclass(frozen=True)
class Case:
    """One thing to measure. With a `recipe` it is a training to score, without one it is timed."""

    entry: str
    task: str
    execution: Execution
    backend: str
    device: str
    batch: int
    steps: int
    features: int
    units: int
    dtype: str = "float32"
    optimizer: str = "sgd"
    masked: str = "none"
    seed: int = 0
    recipe: str = ""

    @property
    def arm(self) -> str:
        """The execution as the user names it: "unrolled+jit", "legacy-static"."""
        return str(self.execution)

    @property
    def runner(self) -> str:
        """What runs it: "keras", or a library beside it."""
        return self.execution.runner

    @property
    def id(self) -> str:
        """A name for people and for `pytest -k`; nothing reads the fields back out of it."""
        which = f"-seed{self.seed}" if self.recipe or self.seed else ""
        where = f"{self.backend}-{self.device}"
        sizes = f"{self.steps}steps-{self.units}units-{self.batch}batch"
        mask = "" if self.masked == "none" else f"-{self.masked}lengths"
        return f"{self.entry}-{self.task}-{self.arm}-{where}-{sizes}{mask}{which}"

    @property
    def training(self) -> str:
        """What a training is called: "lstm-mnist_rows-fast-tensorflow-seed0"."""
        return f"{self.entry}-{self.task}-{self.recipe}-{self.backend}-seed{self.seed}"

    @property
    def phases(self) -> tuple[str, ...]:
        """What is measured of it."""
        if self.recipe:
            return (ACCURACY,)
        return ("predict",) if self.runner in PREDICTS else PHASES

    @property
    def same_program(self) -> Execution | None:
        """The execution that is the same program on this backend and device and is measured in its place, if any."""
        if get_entry(self.entry).written:
            return None
        return self.execution.same_program(self.backend, self.device)

    def identity(self) -> dict[str, Any]:
        """The columns of the results that say what was measured, all but the phase."""
        entry, task = get_entry(self.entry), get_task(self.task)
        return {
            "case_id": self.id,
            "cell": entry.cell,
            "topology": task.topology,
            "loop": self.execution.loop,
            "chunk": self.execution.written_out(self.steps, self.backend, self.device),
            "jit": self.execution.jit,
            "memory": self.execution.memory,
            "matmul_precision": "float32",
            "runner": self.runner,
            **{name: value for name, value in vars(self).items() if name != "execution"},
        }


def skip_reason(case: Case) -> str:
    """Why the case cannot run as asked on this machine, in words; empty where it can."""
    if absent := missing(case.backend):
        return absent
    if case.device == "gpu" and not gpu_name():
        return "no GPU is found here: nvidia-smi names none"
    if reason := unsupported(case):
        return reason
    if case.backend == "torch" and case.execution.jit and not any(map(shutil.which, ("c++", "g++", "clang++"))):
        return "torch with jit (inductor) needs a C++ compiler, and none is found"
    return missing(*runners.load(case.runner).NEEDED)


def unsupported(case: Case) -> str:
    """Why no machine runs the case as asked, whatever is installed there, in words; empty where one can."""
    if case.execution.memory == "offload" and case.device == "cpu":
        return "+offload moves what waits for the backward pass from a GPU to the host: there is no GPU in this case"
    return runners.load(case.runner).unsupported(case)
