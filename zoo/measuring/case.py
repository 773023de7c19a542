"""What is measured: a Case, and why one cannot run here.

Nothing here imports Keras or a backend: planning a run must not bind the process to one.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any

from zoo import EXECUTIONS, Execution, get_entry, get_task
from zoo.measuring import runners
from zoo.measuring.machine import gpu_names

DEVICES = ("cpu", "gpu")
PHASES = ("train", "predict")
ACCURACY = "accuracy"
NORMAL_JIT = {"tensorflow": False, "jax": True, "torch": False}
"""Whether a backend's usual way is compiled. JAX without jit runs operation by operation, some 40 times slower."""


ARMS = {
    **{str(execution): ("keras", execution) for execution in EXECUTIONS},
    "legacy-static": ("legacy", Execution("static")),
    "legacy-dynamic": ("legacy", Execution("dynamic")),
    "legacy-dynamic+swap": ("legacy", Execution("dynamic", memory="swap")),
    "torch-native": ("torch", Execution("native")),
    "torch-native+jit": ("torch", Execution("native", jit=True)),
    "jax-scan+jit": ("jax", Execution("scan", jit=True)),
    "onnxruntime-native": ("onnxruntime", Execution("native")),
}
"""What can be compared, by the name that the user gives: a runner and how its time loop runs."""


RUNS_ON = {"legacy": "tensorflow", "torch": "torch", "jax": "jax", "onnxruntime": "tensorflow"}
"""The backend of a runner that has one of its own; ONNX Runtime stands beside Keras on TensorFlow, which it serves."""
PREDICTS = ("onnxruntime",)
"""Runners that do not train."""


def arm_of(name: str) -> tuple[str, Execution]:
    """The runner and the execution called `name`, a chunk of any size among them."""
    return ARMS.get(name) or ("keras", Execution.parse(name))


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
    repeat: int = 0
    seed: int = 0
    recipe: str = ""
    runner: str = "keras"

    @property
    def arm(self) -> str:
        """The execution as the user names it: "unrolled+jit", "legacy-static"."""
        return str(self.execution) if self.runner == "keras" else f"{self.runner}-{self.execution}"

    @property
    def id(self) -> str:
        """A name for people and for `pytest -k`; nothing reads the fields back out of it."""
        which = f"seed{self.seed}" if self.recipe else f"repeat{self.repeat}"
        where = f"{self.backend}-{self.device}"
        sizes = f"{self.steps}steps-{self.units}units-{self.batch}batch"
        mask = "" if self.masked == "none" else f"-{self.masked}lengths"
        return f"{self.entry}-{self.task}-{self.arm}-{where}-{sizes}{mask}-{which}"

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
    def group(self) -> Case:
        """What it shares with the arms that it is compared with: everything but the execution."""
        return replace(self, execution=Execution(), runner="keras", repeat=0)

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
            **{name: value for name, value in vars(self).items() if name != "execution"},
        }


def skip_reason(case: Case) -> str:
    """Why the case cannot run as asked on this machine, in words; empty where it can."""
    if case.runner != "keras" and (reason := runners.load(case.runner).unsupported(case)):
        return reason
    jit = case.execution.jit
    compilers = ("c++", "g++", "clang++")
    reasons = {
        f"{case.backend} is not installed: python -m pip install -e '.[{case.backend}]'": not find_spec(case.backend),
        "no GPU is found here: nvidia-smi names none": case.device == "gpu" and not gpu_names(),
        "+offload moves what waits for the backward pass from a GPU to the host: there is no GPU in this case": (
            case.execution.memory == "offload" and case.device == "cpu"
        ),
        "torch with jit (inductor) needs a C++ compiler, and none is found": (
            case.backend == "torch" and jit and not any(map(shutil.which, compilers))
        ),
    }
    first = next((reason for reason, stands in reasons.items() if stands), "")
    return first or (case.execution.problem(case.backend) if case.runner == "keras" else "")
