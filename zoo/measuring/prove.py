"""What really ran, and whether two arms compute the same. In a process of its own, never inside a timed one.

An arm is proven once a size: its outputs and gradients against those of the looped arm, from the same weights on the
same batch, and the path of its time loop, read from the compiled graph or the profiler and not from what was asked.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import zoo
from zoo.equality import LONG, TOLERANCE, relative
from zoo.measuring import runners
from zoo.measuring.case import Case
from zoo.measuring.computed import OFF, Computed, Weights
from zoo.measuring.kernel_paths import asked_paths
from zoo.measuring.kernels import compute

__all__ = ["OFF", "Computed", "Proof", "asked_paths", "compute", "prove", "relative_difference", "unequal"]


@dataclass(frozen=True)
class Proof:
    """What proving an arm gave: columns of its rows, and what the other arms are compared with."""

    figures: dict[str, Any]
    problem: str = ""  #: why its rows are not rows of the execution that was asked for
    weights: Weights = field(default_factory=dict, repr=False)
    tensors: dict[str, np.ndarray] = field(default_factory=dict, repr=False)


def prove(case: Case, batch: zoo.Split, reference: Proof | None) -> Proof:
    """Prove the arm `case` against `reference`; without one it is itself what the others are compared with."""
    runner = runners.load(case.runner)
    computed = runner.computed(case, batch, reference.weights if reference else None)
    figures, asked = computed.figures, runner.kernel_paths(case)
    problem = ""
    if asked is not None and computed.kernel_path not in asked:
        problem = f"asked for {' or '.join(asked)}, but {computed.kernel_path} ran: {computed.kernel_evidence}"
    if reference is None:
        return Proof(figures, problem, computed.weights, computed.tensors)
    expected = reference.tensors
    if "train" not in case.phases:
        expected = {"outputs": expected.get(f"{OFF}outputs", expected["outputs"])}
    differences = relative_difference(computed.tensors, expected)
    worst = max(differences, key=differences.__getitem__)
    figures["largest_difference"] = differences[worst]
    return Proof(figures, problem)


def unequal(case: Case, proof: Proof) -> str:
    """Why the arm's numbers are not those of the looped arm, in words; empty where they are.

    What was compared with nothing, as a training's own loop, has no difference.
    """
    difference = proof.figures.get("largest_difference", 0.0)
    allowed = TOLERANCE[case.dtype] * max(1.0, case.steps / LONG)
    if difference <= allowed:
        return ""
    return f"differs from looped by {difference:.1e} (relative L2 of its worst tensor), {allowed:.0e} is allowed"


def relative_difference(tensors: Mapping[str, np.ndarray], reference: Mapping[str, np.ndarray]) -> dict[str, float]:
    """‖a − b‖ / ‖b‖ (L2) of each tensor of `reference`. Equal arms with gradients of thousands may differ by 1e-3.

    What is missing, has another shape or is not a number differs infinitely.
    """
    return {
        name: relative(tensors[name], expected) if name in tensors else math.inf for name, expected in reference.items()
    }
