"""How the time loop of a recurrent model runs: the one place that names and parses it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from zoo.errors import ZooError, positive_whole, unknown

KERAS = "keras"
LOOPS = {
    KERAS: ("looped", "unrolled", "chunked", "fused", "parallel", "stock", "stock-unrolled"),
    "legacy": ("static", "dynamic"),
    "torch": ("native",),
    "jax": ("scan",),
    "onnxruntime": ("native",),
}
"""The ways through time of each runner. Keras' are layers; the others' are calls of another library."""
RUNS_ON = {"legacy": "tensorflow", "torch": "torch", "jax": "jax", "onnxruntime": "tensorflow"}
"""The backend of a runner that has one of its own; ONNX Runtime stands beside Keras on TensorFlow, which it serves."""
PREDICTS = ("onnxruntime",)
"""Runners that do not train."""
MEMORIES = {"recompute": ("chunked", "fused"), "offload": ("chunked", "fused"), "swap": ("dynamic",)}
"""Where activations go that wait for the backward pass, unless they are stored, and the loops that can do it."""
STORE = "store"
OF_CHUNKS = (STORE, "recompute", "offload")
"""The memories that a layer around chunks or a fused kernel takes."""
BACKENDS = ("tensorflow", "jax", "torch")
NORMAL_JIT = {"tensorflow": False, "jax": True, "torch": False}
"""Whether a backend's usual way is compiled. JAX without jit runs operation by operation, some 100 times slower."""
AUTO = "auto"
AUTOMATIC = {"tensorflow": {"cpu": 4, "gpu": 4}, "jax": {"cpu": 1, "gpu": 4}}
"""Steps of a chunk by backend and device: on JAX with a CPU chunks slow an LSTM; one of 1 step is the loop."""
ON_TORCH = ("SimpleRNN", "GRU", "LSTM")
FUSED = {
    ("torch", "cpu"): ON_TORCH,
    ("torch", "gpu"): ON_TORCH,
    ("tensorflow", "cpu"): ("LSTM",),
    ("tensorflow", "gpu"): ("GRU", "LSTM"),
    ("jax", "gpu"): ("LSTM",),
}
"""The layers of Keras that a vendor's kernel computes for a whole sequence, by backend and device.

On JAX Keras' own GRU is a `lax.scan`, on a GPU too.
"""
FEWEST_STEPS = 50
"""The shortest sequence that "auto" chunks: of a shorter one all steps can be written out."""
SIZED = re.compile(r"chunked-(\d{1,9})(\+jit)?(?:\+(recompute|offload))?")
"""A chunk of any size; every other execution has a name of its own (`NAMED`)."""
JIT, MEMORY, CALLS = re.compile("jit"), re.compile("|".join(MEMORIES)), re.compile(r"calls-\d{1,9}")
"""What may stand behind the way through time, each once: "looped+jit+calls-16" makes 16 training steps a call."""
SAME_PROGRAM = {
    ("stock", "tensorflow", "cpu"): "looped",
    ("stock-unrolled", "tensorflow", "cpu"): "unrolled",
}
"""Loops that are the same program as another one on a backend and a device: tests/test_stock.py checks it."""


def automatic_chunk(steps: int | None, memory: str = STORE, backend: str = "tensorflow", device: str = "cpu") -> int:
    """The number of steps that "auto" puts into a chunk, for a sequence of `steps`; None: not known.

    With "recompute" and "offload" chunks of √steps need the least memory. With "store" a chunk is for speed, and a few
    steps are enough. It is one step, the plain loop, where the sequence is short, or where its length is not known and
    would have to be filled up (docs/what-is-timed.md).
    """
    if memory != STORE:
        return 32 if steps is None else max(1, round(steps**0.5))
    if steps is None or steps < FEWEST_STEPS:
        return 1
    return AUTOMATIC.get(backend, {}).get(device, 1)


def chunk_size(chunk: Any) -> int | str:
    """`chunk` as a positive whole number or "auto", or a ZooError."""
    if chunk == AUTO:
        return AUTO
    try:
        return positive_whole("chunk", chunk)
    except ZooError:
        raise ZooError(f"chunk must be a positive whole number or {AUTO!r}, not {chunk!r}") from None


def no_kernel(layer: str, backend: str, device: str) -> str:
    """Why no vendor's kernel computes a `layer` ("LSTM") for a whole sequence there, in words; empty where one does."""
    known = FUSED.get((backend, device), ())
    if not known:
        return f"{backend} has no kernel for a whole sequence on a {device}"
    if layer in known:
        return ""
    return f"no fused kernel on {backend} and a {device} computes {layer}: there are kernels for {', '.join(known)}"


def name_of(runner: str, loop: str, chunk: int | str | None, jit: bool, memory: str) -> str:
    """The name of an execution: "chunked-16+jit+recompute", "torch-native". The one place that builds it."""
    way = loop if runner == KERAS else f"{runner}-{loop}"
    sized = way if chunk is None else f"{way}-{chunk}"
    return sized + "+jit" * bool(jit) + (f"+{memory}" if memory not in ("", STORE) else "")


@dataclass(frozen=True)
class Execution:
    """How the time loop runs, shown as "unrolled+jit" or "chunked-16+recompute".

    Attributes:
        loop: "looped", the backend's own loop (`while_loop` on TensorFlow, `lax.scan` on JAX, a Python loop on
            torch); "unrolled", every step written out, which needs a number of steps known when the model is built;
            "chunked", `chunk` steps written out inside a loop over steps / chunk; "fused", the vendor's kernel for the
            whole sequence, or an error that says why there is none; "parallel", a scan of entries that are linear in
            their state, without a loop; "stock" and "stock-unrolled", `keras.layers.LSTM`, `GRU` or `SimpleRNN` with
            every default of Keras, as a tutorial writes it: Keras chooses how. Other runners have loops of their own.
        jit: whether the whole training step is compiled (XLA on TensorFlow and JAX; inductor for bare torch alone). Of
            a stock layer it is always False: Keras chooses.
        memory: where activations go that wait for the backward pass: "store" keeps them where they are, "recompute"
            keeps the state between chunks and computes the rest again, "offload" moves them from a GPU to the host and
            back; "swap" is `swap_memory` of TensorFlow 1.
        chunk: of a chunked loop, how many steps are written out, or "auto" (`automatic_chunk`).
        runner: what runs it: "keras", or a library beside it, a key of `LOOPS`.
        calls: how many training steps of `fit` are one call of what is compiled (Keras' `steps_per_execution`), for
            small models, whose trainer takes longer than they do. Shown as "+calls-16". Benchmarks make one a call.

    Raises:
        ZooError: no runner has such a loop, or no loop such a memory, jit or chunk.
    """

    loop: str = "looped"
    jit: bool = False
    memory: str = STORE
    chunk: int | str | None = None
    runner: str = KERAS
    calls: int = 1

    def __post_init__(self) -> None:
        if self.runner not in LOOPS:
            raise unknown("runner", self.runner, list(LOOPS))
        if self.loop not in LOOPS[self.runner]:
            raise unknown("loop", self.loop, LOOPS[self.runner], of=f"runner {self.runner}")
        if self.loop == "chunked" and self.chunk is None:
            object.__setattr__(self, "chunk", AUTO)
        self._check_chunk()
        object.__setattr__(self, "calls", positive_whole("calls", self.calls))
        if self.calls > 1 and self.runner != KERAS:
            raise ZooError(f"{self}: only models of Keras take +calls-{self.calls}")
        if self.memory not in (STORE, *MEMORIES):
            raise unknown("memory", self.memory, [STORE, *MEMORIES])
        if self.memory != STORE and self.loop not in MEMORIES[self.memory]:
            able = " and ".join(MEMORIES[self.memory])
            raise ZooError(f"{self}: only {able} loops take +{self.memory}")
        if self.is_stock and self.jit:
            raise ZooError(f"{self}: a stock layer leaves jit to Keras; ask for looped+jit or unrolled+jit")

    def _check_chunk(self) -> None:
        if self.loop != "chunked" and self.chunk is not None:
            raise ZooError(f"a {self.loop} loop has no chunk, and {self.chunk!r} is given")
        if self.loop == "chunked":
            object.__setattr__(self, "chunk", chunk_size(self.chunk))

    def __str__(self) -> str:
        name = name_of(self.runner, self.loop, self.chunk, self.jit, self.memory)
        return name if self.calls == 1 else f"{name}+calls-{self.calls}"

    @property
    def is_stock(self) -> bool:
        """Whether it is a layer of Keras with every default."""
        return self.loop in ("stock", "stock-unrolled")

    @property
    def jit_compile(self) -> bool | str:
        """What `keras.Model.compile` takes for `jit_compile`."""
        return AUTO if self.is_stock else self.jit

    @property
    def beside(self) -> Execution:
        """How a one-Dense model runs on the same path: the same runner and jit, for every loop."""
        loop = "stock" if self.is_stock else LOOPS[self.runner][0]
        return Execution(loop, self.jit, runner=self.runner)

    def problem(self, backend: str, device: str = "", layer: str = "") -> str:
        """Why `backend` cannot run this, in words; empty where it can.

        Args:
            backend: "tensorflow", "jax" or "torch".
            device: "cpu" or "gpu"; by default either.
            layer: the layer of Keras with the cell to run, "LSTM"; by default any.
        """
        problem = _problem_on_torch(self) if backend == "torch" else _problem_on_xla(self, backend)
        if self.loop != "fused" or not device or problem:
            return problem
        if absent := no_kernel(layer or "LSTM", backend, device):
            return absent
        if backend == "jax" and not self.jit:
            return f"without jit JAX compiles no program that shows its kernel: ask for {replace(self, jit=True)}"
        return ""

    def same_program(self, backend: str, device: str) -> Execution | None:
        """The execution that is the same program on `backend` and `device` and is measured in its place, if any."""
        loop = SAME_PROGRAM.get((self.loop, backend, device))
        return Execution(loop) if loop else None

    def written_out(self, steps: int, backend: str, device: str) -> int | None:
        """How many of so many steps a chunk holds; None where the loop has no chunks."""
        if self.loop != "chunked":
            return None
        return self.chunk if isinstance(self.chunk, int) else automatic_chunk(steps, self.memory, backend, device)

    @classmethod
    def parse(cls, text: str | Execution) -> Execution:
        """Read "looped", "unrolled+jit", "chunked-16+recompute", "fused", "torch-native"; else a ZooError."""
        if isinstance(text, Execution):
            return text
        if not isinstance(text, str):
            raise ZooError(f"execution must be a name such as 'looped', or a zoo.Execution, not {text!r}")
        way, *marks = text.split("+")
        sized = re.fullmatch(r"chunked-(\d{1,9})", way)
        plain = cls("chunked", chunk=int(sized[1])) if sized else WAYS.get(way)
        jit, memory, calls = ([mark for mark in marks if kind.fullmatch(mark)] for kind in (JIT, MEMORY, CALLS))
        known = len(jit) + len(memory) + len(calls) == len(marks) and max(map(len, (jit, memory, calls))) <= 1
        if plain is None or not known or (plain.jit and not jit):
            raise unknown("execution", text, list(NAMED), f"Known: {', '.join(map(str, EXECUTIONS))}")
        number = int(calls[0].partition("-")[2]) if calls else 1
        return replace(plain, jit=bool(jit), memory=memory[0] if memory else plain.memory, calls=number)


def _problem_on_xla(execution: Execution, backend: str) -> str:
    if execution.loop == "fused" and execution.jit and backend == "tensorflow":
        return "XLA does not compile the kernel: ask for fused"
    if execution.memory == "offload" and backend == "tensorflow":
        return "TensorFlow moves no activations to the host, but in TensorFlow 1: legacy-dynamic+swap"
    return ""


def _problem_on_torch(execution: Execution) -> str:
    loop = execution.loop
    if execution.calls > 1:
        return "Keras' trainer on torch makes one training step a call"
    if not execution.jit and (loop == "unrolled" or (loop == "chunked" and execution.memory == STORE)):
        return "without jit torch runs every step from Python, looped or unrolled: there is no loop to write out"
    if execution.jit and loop in ("looped", "unrolled", "chunked"):
        return "torch.compile makes a graph of each call of a Keras cell, and Python still runs the loop over them"
    if execution.jit and loop == "parallel":
        return "compiling a scan with inductor is not measured here"
    if execution.jit and loop == "fused":
        return "torch.compile takes a fused kernel apart, into a loop that Python runs"
    return ""


EXECUTIONS = (
    *(Execution(loop) for loop in ("stock", "stock-unrolled")),
    *(Execution(loop, jit) for jit in (False, True) for loop in ("looped", "unrolled")),
    *(Execution("chunked", jit, memory, AUTO) for jit in (False, True) for memory in (STORE, "recompute")),
    *(Execution("fused", memory=memory) for memory in (STORE, "recompute")),
    *(Execution("parallel", jit) for jit in (False, True)),
)
"""Those of Keras that run without a GPU; a chunk of any other size is asked for by "chunked-16"."""
OFFLOADED = (
    *(Execution("chunked", jit, "offload", AUTO) for jit in (False, True)),
    Execution("fused", memory="offload"),
)
"""Those that need a GPU."""
OTHERS = (
    Execution("static", runner="legacy"),
    Execution("dynamic", runner="legacy"),
    Execution("dynamic", memory="swap", runner="legacy"),
    *(Execution("native", jit, runner="torch") for jit in (False, True)),
    Execution("scan", jit=True, runner="jax"),
    Execution("native", runner="onnxruntime"),
)
"""Those of other libraries, measured beside Keras."""
NAMED = {str(execution): execution for execution in (*EXECUTIONS, *OFFLOADED, *OTHERS)}
"""Every execution that has a name, by it."""
WAYS = {name.partition("+")[0]: execution for name, execution in reversed(NAMED.items())}
"""Those that an execution is known by before its first "+"; what stands behind it is jit, a memory, or calls."""
