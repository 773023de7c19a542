"""What the bare peers share: one recurrent layer of a stock cell and a dense output, as the zoo's plain entries are."""

from __future__ import annotations

import numpy as np

import zoo
from zoo.measuring.case import Case
from zoo.measuring.computed import Weights
from zoo.registry import SEQUENCE_TO_SEQUENCE, SEQUENCE_TO_VECTOR

LEARNING_RATE = 0.01  # what Keras takes for "sgd"
ALLOWED = {
    "entry": ("simple_rnn", "lstm", "gru"),
    "masked": ("none",),
    "optimizer": ("sgd",),
    "dtype": ("float32",),
    "recipe": ("",),
}
LOSSES = (("softmax", "sparse_categorical_crossentropy"), ("linear", "mse"))


def unsupported(case: Case, package: str) -> str:
    """Why a bare peer that `package` runs has no such case, in words; empty where it has."""
    for kind, allowed in ALLOWED.items():
        if getattr(case, kind) not in allowed:
            return f"bare {package} is measured for {kind} {', '.join(allowed) or 'none'}, not {getattr(case, kind)}"
    task = zoo.get_task(case.task)
    plain = task.topology in (SEQUENCE_TO_VECTOR, SEQUENCE_TO_SEQUENCE) and not task.tokens
    plain = plain and (task.activation == "linear" or task.topology == SEQUENCE_TO_VECTOR)
    if not plain or (task.activation, task.loss) not in LOSSES:
        return f"bare {package} is measured on vectors, with mse or one class an example, not on {case.task}"
    return ""


def short(weights: Weights, case: Case) -> dict[str, np.ndarray]:
    """The arrays by their names less the entry and the recurrent layer: "kernel", "output/kernel"."""
    return {name.removeprefix(f"{case.entry}/").removeprefix("recurrent/"): array for name, array in weights.items()}


def initial(case: Case) -> dict[str, np.ndarray]:
    """Weights to begin from if none are given, drawn from the case's seed, by the zoo's names."""
    task, gates = zoo.task_at(case.task, case.steps), {"simple_rnn": 1, "lstm": 4, "gru": 3}[case.entry]
    width = gates * case.units
    shapes = {
        "recurrent/kernel": (case.features, width),
        "recurrent/recurrent_kernel": (case.units, width),
        "recurrent/bias": (2, width) if case.entry == "gru" else (width,),
        "output/kernel": (case.units, task.outputs),
        "output/bias": (task.outputs,),
    }
    rng = np.random.default_rng(case.seed)
    return {f"{case.entry}/{name}": rng.normal(0, 0.1, shape).astype(np.float32) for name, shape in shapes.items()}
