"""How the time loop of a recurrent model runs: the one place that names and parses it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from zoo.errors import ZooError, unknown

LOOPS = ("looped", "unrolled", "chunked", "fused", "parallel")
MEMORIES = ("store", "recompute", "offload")
BACKENDS = ("tensorflow", "jax", "torch")
AUTO = "auto"
AUTOMATIC = {"tensorflow": {"cpu": 4, "gpu": 4}, "jax": {"cpu": 1, "gpu": 4}}
"""Steps of a chunk by backend and device: on JAX and a CPU no chunk gains, and a chunk of one is the loop."""
FEWEST_STEPS = 50
"""Of a sequence that chunks are worth it for: at 20 steps they take longer to predict, at 50 no longer."""
NAME = re.compile(r"(looped|unrolled|fused|parallel|chunked-(?:auto|\d+))(\+jit)?(?:\+(recompute|offload))?")


def automatic_chunk(steps: int | None, memory: str = "store", backend: str = "tensorflow", device: str = "cpu") -> int:
    """The chunk that "auto" takes for a sequence of so many steps, or of a number that is not known.

    What is computed again, or moved in one piece, is least, and the states that are kept too, with chunks of √steps.
    Else a chunk is there for speed, of which a few steps give all that there is to have, and it is one step, the loop
    itself, where the sequence is short or of a length that is not known: filling it up costs more (docs/method.md).
    """
    if memory != "store":
        return 32 if steps is None else max(1, round(steps**0.5))
    if steps is None or steps < FEWEST_STEPS:
        return 1
    return AUTOMATIC.get(backend, {}).get(device, 1)


@dataclass(frozen=True)
class Execution:
    """How the time loop runs, shown as "unrolled+jit" or "chunked-16+recompute".

    Attributes:
        loop: "looped", the backend's own loop (`while_loop` on TensorFlow, `lax.scan` on JAX, a Python loop on
            torch); "unrolled", every step written out, which needs a number of steps known when the model is built;
            "chunked", `chunk` steps written out inside a loop over steps / chunk; "fused", the vendor's kernel for the
            whole sequence, or an error that says why there is none; "parallel", a scan of entries that are linear in
            their state, without a loop.
        jit: whether the whole training step is compiled (XLA on TensorFlow and JAX, inductor on torch).
        memory: what becomes of activations that wait for the backward pass: "store" keeps them where they are,
            "recompute" keeps the state between chunks and computes the rest again, "offload" moves them from a GPU to
            the host and back.
        chunk: of a chunked loop, how many steps are written out, or "auto" (`automatic_chunk`).
    """

    loop: str = "looped"
    jit: bool = False
    memory: str = "store"
    chunk: int | str | None = None

    def __str__(self) -> str:
        loop = self.loop if self.chunk is None else f"{self.loop}-{self.chunk}"
        return loop + ("+jit" if self.jit else "") + (f"+{self.memory}" if self.memory != "store" else "")

    def problem(self, backend: str) -> str:
        """Why `backend` cannot run this, in words; empty where it can."""
        if backend != "torch":
            if self.loop == "fused":
                return f"fused kernels are run through torch: on {backend} a layer around a cell has none"
            if self.memory == "offload" and backend == "tensorflow":
                return "TensorFlow moves no activations to the host, but in TensorFlow 1: legacy-dynamic+swap"
            return ""
        reasons = {
            "without jit torch runs every step from Python, looped or unrolled: there is no loop to write out": (
                not self.jit and (self.loop == "unrolled" or (self.loop == "chunked" and self.memory == "store"))
            ),
            "torch.compile writes out Python's loop: what runs is unrolled+jit": (
                self.jit and self.loop in ("looped", "chunked")
            ),
            "compiling a scan with inductor is not measured here": self.jit and self.loop == "parallel",
            "torch.compile takes a fused kernel apart: what runs is unrolled+jit": self.jit and self.loop == "fused",
        }
        return next((reason for reason, stands in reasons.items() if stands), "")

    def written_out(self, steps: int, backend: str, device: str) -> int | None:
        """How many of so many steps a chunk holds; None where the loop has no chunks."""
        if self.loop != "chunked":
            return None
        return self.chunk if isinstance(self.chunk, int) else automatic_chunk(steps, self.memory, backend, device)

    @classmethod
    def parse(cls, text: str | Execution) -> Execution:
        """Read "looped", "unrolled+jit", "chunked-16", "chunked-auto+jit+recompute", "fused"; else a ZooError."""
        if isinstance(text, Execution):
            return text
        found = NAME.fullmatch(text)
        if not found:
            raise unknown("execution", text, [str(execution) for execution in EXECUTIONS])
        named, jit, memory = found.groups()
        loop, _, chunk = named.partition("-")
        if chunk and chunk != AUTO and int(chunk) < 1:
            raise ZooError(f"chunk must be a positive whole number or {AUTO!r}, not {chunk}")
        if memory and not chunk and loop != "fused":
            raise ZooError(f"{text}: what is kept elsewhere are chunks: ask for chunked-{AUTO}+{memory}")
        size = int(chunk) if chunk.isdigit() else chunk or None
        return cls(loop, bool(jit), memory or "store", size)


EXECUTIONS = (
    *(Execution(loop, jit) for jit in (False, True) for loop in ("looped", "unrolled")),
    *(Execution("chunked", jit, memory, AUTO) for jit in (False, True) for memory in ("store", "recompute")),
    *(Execution("fused", memory=memory) for memory in ("store", "recompute")),
    *(Execution("parallel", jit) for jit in (False, True)),
)
"""Those that are proven for every entry; a chunk of any other size is asked for by "chunked-16".

On a GPU there are fused+offload, chunked-auto+offload and chunked-auto+jit+offload too.
"""
