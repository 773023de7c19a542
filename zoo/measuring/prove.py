"""What really ran, and whether two arms compute the same. In a process of its own, never inside a timed one.

An arm is proven once a size: its outputs and gradients against those of the looped arm, from the same weights on the
same batch, and the path of its time loop, read from the compiled graph or the profiler and not from what was asked.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

import zoo
from zoo.measuring import runners
from zoo.measuring.case import Case
from zoo.saving import named_variables

if TYPE_CHECKING:
    import keras

TOLERANCE = {"float32": 1e-5}
"""The largest relative L2 difference of a tensor under which arms count as equal, up to LONG steps.

float32: arms do the same products in another order. A rounding error of 6e-8 a product grows over some hundred steps,
there and back, to about 1e-6.
"""
LONG = 500
"""From so many steps on what is allowed grows with the steps, as rounding errors do that add up along a chain."""
OFF = "without dropout: "
PATHS: dict[tuple[str, str, bool], tuple[str, ...]] = {
    ("tensorflow", "looped", False): ("while",),
    ("tensorflow", "looped", True): ("xla_while",),
    ("tensorflow", "unrolled", False): ("flat",),
    ("tensorflow", "unrolled", True): ("xla_flat",),
    ("jax", "looped", False): ("scan",),
    ("jax", "looped", True): ("xla_while",),
    ("jax", "unrolled", False): ("flat",),
    ("jax", "unrolled", True): ("xla_flat",),
    ("torch", "looped", False): ("python",),
    ("torch", "unrolled", True): ("inductor_flat",),
    ("tensorflow", "parallel", False): ("flat",),
    ("tensorflow", "parallel", True): ("xla_flat",),
    ("jax", "parallel", False): ("flat",),
    ("jax", "parallel", True): ("xla_flat",),
    ("torch", "parallel", False): ("flat",),
    ("torch", "fused", False): ("onednn_rnn", "cudnn", "aten_rnn"),
}
"""The kernel paths that an execution of Keras may take, by backend, loop and jit."""
PEERS: dict[str, tuple[str, ...]] = {
    "legacy-static": ("flat",),
    "legacy-dynamic": ("while",),
    "legacy-dynamic+swap": ("while",),
    "torch-native": PATHS["torch", "fused", False],
    "torch-native+jit": (*PATHS["torch", "fused", False], "inductor_flat"),
    "jax-scan+jit": ("xla_while",),
    "onnxruntime-native": ("ort_rnn",),
}
"""Those of an arm of another runner. What torch.compile makes of a kernel is its own affair, and told."""


@dataclass(frozen=True)
class Computed:
    """The forward and backward pass of a model, as it trains."""

    #: "outputs", and the gradient of each weight by the weight's name; those without dropout have OFF before it
    tensors: dict[str, np.ndarray]
    kernel_path: str
    kernel_evidence: str  #: the line that the path was read from
    trace_seconds: float | None = None
    compile_seconds: float | None = None
    graph_nodes: int | None = None
    graph_kind: str = ""


@dataclass(frozen=True)
class Proof:
    """What proving an arm gave: columns of its rows, and what the other arms are held against."""

    figures: dict[str, Any]
    problem: str = ""  #: why its rows are not rows of the execution that was asked for
    weights: dict[str, np.ndarray] = field(default_factory=dict, repr=False)
    tensors: dict[str, np.ndarray] = field(default_factory=dict, repr=False)


def prove(case: Case, batch: zoo.Split, reference: Proof | None) -> Proof:
    """Prove the arm `case` against `reference`; without one it is itself what the others are held against."""
    computed, weights = runners.load(case.runner).computed(case, batch, reference.weights if reference else None)
    figures = {name: value for name, value in vars(computed).items() if name != "tensors"}
    asked = PEERS.get(case.arm) or asked_paths(case.execution, case.backend, case.steps, case.device)
    problem = ""
    if asked is not None and computed.kernel_path not in asked:
        problem = f"asked for {' or '.join(asked)}, but {computed.kernel_path} ran: {computed.kernel_evidence}"
    if reference is None:
        return Proof(figures, problem, weights, computed.tensors)
    known = reference.tensors if "train" in case.phases else {"outputs": reference.tensors["outputs"]}
    differences = relative_difference(computed.tensors, known)
    worst = max(differences, key=differences.__getitem__)
    figures["largest_difference"] = differences[worst]
    return Proof(figures, problem)


def asked_paths(execution: zoo.Execution, backend: str, steps: int, device: str = "cpu") -> tuple[str, ...] | None:
    """The kernel paths that an execution may take; None of a stock layer, of which Keras chooses the path.

    Chunks are looped over where there are two or more.
    """
    if execution.is_stock:
        return None
    loop, chunk = execution.loop, execution.written_out(steps, backend, device)
    if chunk is not None:
        loop = "looped" if backend == "torch" or steps >= 2 * chunk else "unrolled"
    return PATHS.get((backend, loop, execution.jit), ())


def unequal(case: Case, proof: Proof) -> str:
    """Why the arm's numbers are not those of the looped arm, in words; empty where they are."""
    difference = proof.figures.get("largest_difference", 0.0)
    allowed = TOLERANCE[case.dtype] * max(1.0, case.steps / LONG)
    if difference <= allowed:
        return ""
    return f"differs from looped by {difference:.1e} (relative L2 of its worst tensor), {allowed:.0e} is allowed"


def relative_difference(tensors: Mapping[str, np.ndarray], reference: Mapping[str, np.ndarray]) -> dict[str, float]:
    """‖a − b‖ / ‖b‖ (L2) of each tensor of `reference`. Equal arms with gradients of thousands may differ by 1e-3.

    What is missing, has another shape or is not a number differs infinitely.
    """
    return {name: _relative(tensors.get(name), known) for name, known in reference.items()}


def _relative(found: np.ndarray | None, known: np.ndarray) -> float:
    if found is None or found.shape != known.shape:
        return math.inf
    difference = float(np.linalg.norm(found - known) / max(float(np.linalg.norm(known)), np.finfo(np.float64).tiny))
    return math.inf if math.isnan(difference) else difference


def compute(model: keras.Model, batch: zoo.Split, dropout: bool = False) -> Computed:
    """The outputs of `model` and the gradients of its loss, compiled as the model trains, and how they came about.

    With `dropout` it gives both twice: with masks that are the same in every arm, all drawn before the time loop, and
    with dropout off.
    """
    import keras

    from zoo.measuring import kernels

    trainable = {id(variable) for variable in model.trainable_variables}
    named = {name: v for name, v in named_variables(model).items() if id(v) in trainable}
    run = partial(getattr(kernels, keras.backend.backend()), model, batch, list(named.values()))
    ran = gave = run(training=True)
    if dropout and keras.backend.backend() == "tensorflow":
        with kernels.fixed_masks():
            gave = run(training=True)
    tensors = {"outputs": gave.outputs, **dict(zip(named, gave.gradients, strict=True))}
    if dropout:
        off = run(training=False)
        tensors |= {f"{OFF}{name}": t for name, t in zip(tensors, [off.outputs, *off.gradients], strict=True)}
    return Computed({name: keras.ops.convert_to_numpy(tensor) for name, tensor in tensors.items()}, **ran.evidence())
