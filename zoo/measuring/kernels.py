"""Which kernel a model's time loop runs on, read from what each backend compiled: one function a backend."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np

from zoo import Split

if TYPE_CHECKING:
    import keras

EVIDENCE_LENGTH = 160
HLO_WHILE = re.compile(r"^\s*(?:ROOT )?(\S+) = .*\bwhile\((?:.*\bop_name=\"([^\"]*)\")?", re.MULTILINE)
DRAWS = re.compile(r"_uniform|_bernoulli|random_bits|threefry")
"""In the name of an operation that draws dropout's masks: XLA has a loop of its own for it, before the time loop."""


@dataclass(frozen=True)
class Ran:
    """One forward and backward pass: its results, and the fields of `prove.Computed` that say how it ran.

    Those are read when they are asked for: XLA's program costs TensorFlow a second compilation.
    """

    outputs: Any
    gradients: list[Any]
    evidence: Callable[[], dict[str, Any]]


def _timed(call: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    result = call()
    return time.perf_counter() - started, result


def _short(line: str) -> str:
    return " ".join(line.split())[:EVIDENCE_LENGTH]


def of_hlo(text: str) -> dict[str, Any]:
    """The path of a program that XLA compiled: whether a loop over time is left in it."""
    loops = [(loop[1], loop[2] or "") for loop in HLO_WHILE.finditer(text) if not DRAWS.search(loop[2] or "")]
    if loops:
        name, operation = loops[0]
        line = f"{name} = while(...) in the optimized HLO, of {operation or 'no named operation'}"
        return {"kernel_path": "xla_while", "kernel_evidence": _short(line)}
    count = len(re.findall(r"^\s+\S+ = ", text, re.MULTILINE))
    return {"kernel_path": "xla_flat", "kernel_evidence": f"no while among {count} instructions of the optimized HLO"}


def tensorflow(model: keras.Model, batch: Split, variables: list[Any], training: bool) -> Ran:
    """Trace and run a `tf.function`; without jit the path stands in its graph, with jit in the optimized HLO."""
    import keras
    import tensorflow as tf

    @tf.function(jit_compile=model.jit_compile, autograph=False)
    def both(x: Any, y: Any) -> tuple[Any, list[Any]]:
        with tf.GradientTape() as tape:
            outputs = model(x, training=training)
            loss = model.compute_loss(x, y, outputs)
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        return outputs, [tf.convert_to_tensor(gradient) for gradient in gradients]  # those of embeddings are sparse

    x, y = keras.tree.map_structure(tf.constant, (batch.x, batch.y))
    trace_seconds, traced = _timed(lambda: both.get_concrete_function(x, y))
    first_seconds, (outputs, gradients) = _timed(lambda: _to_numpy(both(x, y)))
    later_seconds, _ = _timed(lambda: _to_numpy(both(x, y)))

    def evidence() -> dict[str, Any]:
        graph = traced.graph.as_graph_def()
        nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
        if model.jit_compile:
            read = of_hlo(both.experimental_get_compiler_ir(x, y)(stage="optimized_hlo"))
        else:
            loops = [node for node in nodes if node.op in ("While", "StatelessWhile")]
            named = f"node {loops[0].name}, op {loops[0].op}" if loops else f"no While among {len(nodes)} nodes"
            read = {"kernel_path": "while" if loops else "flat", "kernel_evidence": _short(named)}
        costs = {"trace_seconds": trace_seconds, "compile_seconds": max(0.0, first_seconds - later_seconds)}
        return {**read, **costs, "graph_nodes": len(nodes), "graph_kind": "tf_function"}

    return Ran(outputs, gradients, evidence)


def fixed_masks() -> Any:
    """While this context is open TensorFlow's dropout takes its masks from NumPy, as constants of what is traced.

    From one seed TensorFlow draws other numbers with XLA than without, whatever the generator. A mask that were drawn
    inside a time loop would be traced once for all steps, and so show as a difference.
    """
    import tensorflow as tf

    rng = np.random.default_rng(0)

    def dropout(x: Any, rate: float, noise_shape: Any = None, **_: Any) -> Any:
        shape = x.shape if noise_shape is None else tf.get_static_value(noise_shape)
        kept = rng.random(shape) >= rate
        return x * tf.constant(kept / (1 - rate), x.dtype)

    return patch.object(tf.nn.experimental, "stateless_dropout", dropout)


def _to_numpy(results: tuple[Any, list[Any]]) -> tuple[np.ndarray, list[np.ndarray]]:
    return results[0].numpy(), [gradient.numpy() for gradient in results[1]]


def jax(model: keras.Model, batch: Split, variables: list[Any], training: bool) -> Ran:
    """Lower and compile apart with jit; without it every operation runs alone, and `lax.scan` stands in the jaxpr."""
    import jax

    order = [next(i for i, v in enumerate(model.trainable_variables) if v is variable) for variable in variables]
    fixed = [variable.value for variable in model.non_trainable_variables]
    values = [variable.value for variable in model.trainable_variables]

    def loss(values: list[Any]) -> tuple[Any, Any]:
        outputs, _ = model.stateless_call(values, fixed, batch.x, training=training)
        return model.compute_loss(batch.x, batch.y, outputs), outputs

    both = jax.grad(loss, has_aux=True)
    if model.jit_compile:
        trace_seconds, lowered = _timed(lambda: jax.jit(both).lower(values))
        compile_seconds, compiled = _timed(lowered.compile)
        program = lowered.as_text()
        read = {**of_hlo(compiled.as_text()), "graph_kind": "stablehlo", "compile_seconds": compile_seconds}
        read["graph_nodes"] = len(re.findall(r"^\s+(?:%\S+ = |stablehlo\.)", program, re.MULTILINE))
        gradients, outputs = compiled(values)
    else:
        trace_seconds, traced = _timed(lambda: jax.make_jaxpr(both)(values))
        scans = [line for line in str(traced).splitlines() if "= scan[" in line]
        line = f"{len(scans) or 'no'} scan among {len(traced.eqns)} equations of the jaxpr"
        read = {"kernel_path": "scan" if scans else "flat", "kernel_evidence": line}
        read |= {"graph_nodes": len(traced.eqns), "graph_kind": "jaxpr"}
        gradients, outputs = both(values)
    return Ran(outputs, [gradients[index] for index in order], lambda: {**read, "trace_seconds": trace_seconds})


def torch(model: keras.Model, batch: Split, variables: list[Any], training: bool) -> Ran:
    """Profile one pass: a Python loop calls a product each step, a vendor's kernel once for the whole sequence."""
    import torch
    from keras import ops, tree

    x, y = tree.map_structure(ops.convert_to_tensor, (batch.x, batch.y))

    def forward(x: Any) -> Any:
        return model(x, training=training)

    def both(run: Callable[[Any], Any]) -> tuple[Any, list[Any]]:
        outputs = run(x)
        gradients = torch.autograd.grad(model.compute_loss(x, y, outputs), [variable.value for variable in variables])
        return outputs.detach(), list(gradients)

    run = torch.compile(forward) if model.jit_compile else forward
    first_seconds, (outputs, gradients) = _timed(lambda: both(run))
    later_seconds, _ = _timed(lambda: both(run))
    with torch.autograd.profiler.profile() as profiled:
        both(run)
    calls = {event.key: event.count for event in profiled.key_averages()}
    compile_seconds = max(0.0, first_seconds - later_seconds) if model.jit_compile else None
    return Ran(outputs, gradients, lambda: {**of_profile(calls, batch.steps), "compile_seconds": compile_seconds})


VENDOR = {
    "aten::mkldnn_rnn_layer": "onednn_rnn",
    "aten::_cudnn_rnn": "cudnn",
    **dict.fromkeys(("aten::lstm", "aten::gru", "aten::rnn_tanh", "aten::rnn_relu"), "aten_rnn"),
}
"""Kernels for the whole sequence; those of aten have their loop over the steps in C++."""


def of_profile(calls: dict[str, int], steps: int) -> dict[str, Any]:
    """The path of a profiled pass, by the names of what it called and how often."""
    for name, path in VENDOR.items():
        if calls.get(name):
            return {"kernel_path": path, "kernel_evidence": f"{name} called {calls[name]} times"}
    compiled = [name for name in calls if "CompiledFunction" in name or "Torch-Compiled" in name]
    if compiled:
        return {"kernel_path": "inductor_flat", "kernel_evidence": _short(f"{compiled[0]} in the profile")}
    products = {name: calls.get(name, 0) for name in ("aten::addmm", "aten::mm", "aten::matmul")}
    name = max(products, key=products.__getitem__)
    path = "python" if products[name] >= 2 * steps else "flat"  # there and back
    return {"kernel_path": path, "kernel_evidence": f"{name} called {products[name]} times in {steps} steps and back"}
