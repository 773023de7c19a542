"""What is measured: a Case, the cases of a profile as the user narrowed it, their order and the time they will take.

Nothing here imports Keras or a backend: planning a run must not bind the process to one.
"""

from __future__ import annotations

import fnmatch
import random
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from itertools import product
from typing import Any

from benchmarks import runners
from benchmarks.machine import gpu_names
from benchmarks.profiles import Block, Effort, Profile
from zoo import EXECUTIONS, Execution, ZooError, get_entry, get_task, list_models, list_tasks, task_at
from zoo.execution import BACKENDS, NAME
from zoo.registry import unknown

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


def _arms(patterns: Iterable[str]) -> list[str]:
    """The names that a wildcard can match: those that are listed, and chunks of other sizes that are asked for."""
    return list(dict.fromkeys([*ARMS, *(text for text in patterns if NAME.fullmatch(text))]))


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


@dataclass(frozen=True)
class Selection:
    """What the user narrowed a profile to. An empty tuple leaves that axis to the profile."""

    entries: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    executions: tuple[str, ...] = ()
    backends: tuple[str, ...] = ("tensorflow",)
    devices: tuple[str, ...] = ("cpu",)
    repeats: int | None = None

    @classmethod
    def of_names(
        cls,
        *,
        entries: Sequence[str] | None = None,
        tasks: Sequence[str] | None = None,
        executions: Sequence[str] | None = None,
        backends: Sequence[str] | None = None,
        devices: Sequence[str] | None = None,
        repeats: int | None = None,
    ) -> Selection:
        """A selection by names, entries and tasks also by wildcard; a name that does not exist is a ZooError."""
        asked = {"entry": entries, "task": tasks, "execution": executions, "backend": backends, "device": devices}
        for kind, names in asked.items():
            if names is not None and not names:
                raise ZooError(f"no {kind} is named")
        if repeats is not None and repeats < 1:
            raise ZooError(f"--zoo-repeats must be a positive whole number, not {repeats}")
        return cls(
            tuple(_match("entry", entries or (), list_models(), f"zoo list shows all {len(list_models())}")),
            tuple(_match("task", tasks or (), list_tasks(), f"zoo tasks shows all {len(list_tasks())}")),
            tuple(_match("execution", executions or (), _arms(executions or ()))),
            tuple(_match("backend", backends or ("tensorflow",), BACKENDS)),
            tuple(_match("device", devices or ("cpu",), DEVICES)),
            repeats,
        )


def _match(kind: str, patterns: Iterable[str], known: Sequence[str], listing: str = "") -> list[str]:
    """Those of `known` that any of `patterns` matches, in the order of `known`; every pattern must match some."""
    found: set[str] = set()
    for pattern in patterns:
        names = fnmatch.filter(known, pattern)
        if not names:
            raise unknown(kind, pattern, known, listing)
        found.update(names)
    return [name for name in known if name in found]


def _narrow(block: Block, selection: Selection, main: bool) -> Block | None:
    """`block` under the user's selection: the main block takes what was asked for, others keep what they share.

    A block that was there to compare and is left with one execution is left out: it would compare nothing.
    """

    def axis(kind: str, own: tuple[str, ...], asked: tuple[str, ...], known: Sequence[str]) -> tuple[str, ...]:
        ours = _match(kind, own, known)
        theirs = _match(kind, asked, known) if asked else ours
        return tuple(theirs if main else [name for name in ours if name in theirs])

    narrowed = replace(
        block,
        entries=axis("entry", block.entries, selection.entries, list_models()),
        tasks=axis("task", block.tasks, selection.tasks, list_tasks()),
        executions=axis(
            "execution", block.executions, selection.executions, _arms([*block.executions, *selection.executions])
        ),
    )
    compares = main or len(narrowed.executions) > 1 or len(block.executions) == 1
    return narrowed if narrowed.entries and narrowed.tasks and narrowed.executions and compares else None


def _cases(block: Block, selection: Selection, recipe: str = "") -> Iterator[Case]:
    """The cases of a block on every backend and device that was asked for, where the entry fits the task."""
    where = product(selection.backends, selection.devices)
    sizes = product(block.steps, block.units, block.batches, block.masked)
    for (backend, device), entry, task, (steps, units, batch, masked) in product(
        where, block.entries, block.tasks, sizes
    ):
        target = task_at(task, steps)
        if not get_entry(entry).fits(target):
            continue
        for text in block.executions:
            runner, execution = arm_of(text)
            if backend not in block.backends or RUNS_ON.get(runner, backend) != backend:
                continue
            if runner == "keras" and not (selection.executions or block.as_named):
                execution = replace(execution, jit=execution.jit or NORMAL_JIT[backend])
            yield Case(
                entry,
                task,
                execution,
                backend,
                device,
                batch=target.recipe(recipe).batch if recipe else batch or target.batch,
                steps=target.steps,
                features=target.features,
                units=units or target.units,
                optimizer=target.recipe(recipe).optimizer if recipe else "sgd",
                masked=masked,
                recipe=recipe,
                runner=runner,
            )


def timed_cases(profile: Profile, selection: Selection) -> list[Case]:
    """The profile's cases to time: repeats outermost, the arms of one comparison adjacent.

    Their order is shuffled anew every second repeat and turned round in the one after it, so that no arm always comes
    first: what the one before leaves behind (heat, caches) would pass for a difference between them.
    """
    repeats = _wanted(profile.timed, selection, profile.repeats)
    groups: dict[Case, list[Case]] = {}
    for case in repeats:
        groups.setdefault(case.group, []).append(case)
    ordered: list[Case] = []
    for repeat in range(max(repeats.values(), default=0)):
        for group, members in groups.items():
            arms = [replace(case, repeat=repeat) for case in members if repeat < repeats[case]]
            random.Random(f"{repeat // 2} {group}").shuffle(arms)
            ordered += arms if repeat % 2 == 0 else reversed(arms)
    return ordered


def trained_cases(profile: Profile, selection: Selection) -> list[Case]:
    """The profile's cases to train and score: seeds outermost. The execution is the profile's: it changes no score."""
    seeds = _wanted(profile.trained, replace(selection, executions=(), repeats=None), profile.seeds, recipe="fast")
    return [replace(c, seed=seed) for seed in range(max(seeds.values(), default=0)) for c in seeds if seed < seeds[c]]


def _wanted(blocks: Sequence[Block], selection: Selection, usual: int, recipe: str = "") -> dict[Case, int]:
    """Each case of the blocks as the user narrowed them, and in how many repeats or with how many seeds."""
    wanted: dict[Case, int] = {}
    for i, block in enumerate(blocks):
        narrowed = _narrow(block, selection, main=i == 0)
        for case in _cases(narrowed, selection, recipe) if narrowed else ():
            wanted[case] = max(wanted.get(case, 0), selection.repeats or block.repeats or usual)
    return wanted


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


def expected_seconds(case: Case, effort: Effort) -> float:
    """A rough guess of what the case takes, fitted to a run on two cores; a run corrects it as it goes on."""
    if case.recipe:
        return 7.0 if case.task != "mnist_rows" else 120.0
    timing = len(PHASES) * (effort.warm_up_seconds + effort.seconds)
    if case.execution.loop in ("unrolled", "static"):
        written = case.steps * max(1, len(get_entry(case.entry).layers))  # steps, each layer's
        return timing + min(120.0, 0.3 + written * (0.38 if case.execution.jit else 0.05))
    return timing + (1.6 if case.execution.jit else 0.7)
