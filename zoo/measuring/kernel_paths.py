"""The kernel paths that an execution of Keras may take."""

from __future__ import annotations

from zoo import Execution

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
    ("tensorflow", "parallel", False): ("flat",),
    ("tensorflow", "parallel", True): ("xla_flat",),
    ("jax", "parallel", False): ("flat",),
    ("jax", "parallel", True): ("xla_flat",),
    ("torch", "parallel", False): ("flat",),
    ("tensorflow", "fused", False): ("block_lstm", "cudnn"),
    ("jax", "fused", True): ("cudnn",),
    ("torch", "fused", False): ("onednn_rnn", "cudnn", "aten_rnn"),
}
"""By backend, loop and jit."""


def asked_paths(execution: Execution, backend: str, steps: int, device: str = "cpu") -> tuple[str, ...] | None:
    """The kernel paths that an execution may take; None of a stock layer, of which Keras chooses the path.

    Chunks are looped over where there are two or more.
    """
    if execution.is_stock:
        return None
    loop, chunk = execution.loop, execution.written_out(steps, backend, device)
    if chunk is not None:
        loop = "looped" if backend == "torch" or steps >= 2 * chunk else "unrolled"
    return PATHS.get((backend, loop, execution.jit), ())
