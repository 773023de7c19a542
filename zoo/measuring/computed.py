"""One forward and backward pass: what it gave, and how it ran. Runners compute it, and a proof compares it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

import numpy as np

Tensor: TypeAlias = Any
"""A tensor of whichever backend: TensorFlow's, torch's or JAX'."""
Weights: TypeAlias = Mapping[str, np.ndarray]
"""Arrays by the zoo's names: "lstm/recurrent/kernel"."""
Result = TypeVar("Result")


@dataclass(frozen=True)
class Computed:
    """The forward and backward pass of a model, as it trains."""

    #: "outputs", and the gradient of each weight by the weight's name; those of no training have OFF before it
    tensors: dict[str, np.ndarray]
    kernel_path: str
    kernel_evidence: str  #: the line that the path was read from
    trace_seconds: float | None = None
    compile_seconds: float | None = None  #: see `rows.Measurement`; None if nothing is compiled
    graph_nodes: int | None = None
    graph_kind: str = ""
    weights: Weights = field(default_factory=dict, repr=False)  #: what it was computed from

    @property
    def figures(self) -> dict[str, Any]:
        """The columns of a Measurement that it fills."""
        return {name: value for name, value in vars(self).items() if name not in ("tensors", "weights")}


OFF = "without dropout: "
"""Before the name of a tensor computed as the model predicts: dropout off, normalization by moving averages."""


def timed(call: Callable[[], Result]) -> tuple[float, Result]:
    """The seconds of a call, and what it returned."""
    started = time.perf_counter()
    result = call()
    return time.perf_counter() - started, result


def first_less_later(call: Callable[[], Result]) -> tuple[float, Result]:
    """How many seconds longer the first of two calls takes, and what the first returned.

    That is what compiling costs if the first call compiles and runs, and the later one only runs.
    """
    first_seconds, result = timed(call)
    later_seconds, _ = timed(call)
    return max(0.0, first_seconds - later_seconds), result
