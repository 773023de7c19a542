"""How the time loop of a recurrent model runs: the one place that names and parses it."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.registry import unknown

LOOPS = ("looped", "unrolled")
BACKENDS = ("tensorflow", "jax", "torch")


@dataclass(frozen=True)
class Execution:
    """How the time loop runs, shown as "unrolled+jit".

    Attributes:
        loop: "looped", the backend's own loop (`while_loop` on TensorFlow, `lax.scan` on JAX, a Python loop on
            torch), or "unrolled", every step written out, which needs a number of steps known when the model is built.
        jit: whether the whole training step is compiled (XLA on TensorFlow and JAX, inductor on torch).
        memory: what becomes of activations that wait for the backward pass: "store" keeps them where they are.
    """

    loop: str = "looped"
    jit: bool = False
    memory: str = "store"

    def __str__(self) -> str:
        return self.loop + ("+jit" if self.jit else "") + (f"+{self.memory}" if self.memory != "store" else "")

    def problem(self, backend: str) -> str:
        """Why `backend` cannot run this, in words; empty where it can."""
        if backend == "torch" and self.loop == "unrolled" and not self.jit:
            return "without jit torch runs every step from Python, looped or unrolled: there is no loop to write out"
        if backend == "torch" and self.loop == "looped" and self.jit:
            return "torch.compile writes out Python's loop: what runs is unrolled+jit"
        return ""

    @classmethod
    def parse(cls, text: str | Execution) -> Execution:
        """Read "looped", "unrolled", "looped+jit" or "unrolled+jit"; anything else is a ZooError."""
        if isinstance(text, Execution):
            return text
        named = {str(execution): execution for execution in EXECUTIONS}
        if text not in named:
            raise unknown("execution", text, list(named))
        return named[text]


EXECUTIONS = tuple(Execution(loop, jit) for jit in (False, True) for loop in LOOPS)
