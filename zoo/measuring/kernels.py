"""A Keras model's forward and backward pass, and which kernel its time loop ran on.

The kernel is read from what the backend compiled, by one function a backend.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np

from zoo import Split
from zoo.measuring.computed import OFF, Computed, Tensor, first_less_later, timed
from zoo.saving import get_weights, named_variables, set_weights

if TYPE_CHECKING:
    import keras

EVIDENCE_LENGTH = 160
HLO_WHILE = re.compile(r"^\s*(?:ROOT )?(\S+) = .*\bwhile\((?:.*\bop_name=\"([^\"]*)\")?", re.MULTILINE)
HLO_CUDNN = re.compile(r"custom_call_target=\"(\w*cudnn_rnn\w*)\"")
DRAWS = re.compile(r"_uniform|_bernoulli|random_bits|threefry")
"""In the name of an operation that draws dropout's masks: XLA has a loop of its own for it, before the time loop."""


@dataclass(frozen=True)
class Ran:
    """One forward and backward pass: its results, and the fields of `Computed` that say how it ran.

    Those are read when they are asked for: XLA's program costs TensorFlow a second compilation.
    """

    outputs: Tensor
    gradients: Sequence[Tensor]  #: each of its variable's shape
    evidence: Callable[[], dict[str, Any]]


def _short(line: str) -> str:
    return " ".join(line.split())[:EVIDENCE_LENGTH]


def of_hlo(text: str) -> dict[str, Any]:
    """The path of a program that XLA compiled: whether cuDNN runs the sequence, or a loop over time is left in it.

    A model of which cuDNN runs one layer and a loop another runs in a loop.
    """
    kernel = HLO_CUDNN.search(text)
    loops = [(loop[1], loop[2] or "") for loop in HLO_WHILE.finditer(text) if not DRAWS.search(loop[2] or "")]
    if loops:
        name, operation = loops[0]
        line = f"{name} = while(...) in the optimized HLO, of {operation or 'no named operation'}"
        line = f"beside {kernel[1]}: {line}" if kernel else line
        return {"kernel_path": "xla_while", "kernel_evidence": _short(line)}
    if kernel:
        return {"kernel_path": "cudnn", "kernel_evidence": f"custom call {kernel[1]} in the optimized HLO"}
    count = len(re.findall(r"^\s+\S+ = ", text, re.MULTILINE))
    return {"kernel_path": "xla_flat", "kernel_evidence": f"no while among {count} instructions of the optimized HLO"}


def trace_tensorflow(model: keras.Model, batch: Split, variables: list[keras.Variable], training: bool) -> Ran:
    """Trace and run a `tf.function`; without jit the path stands in its graph, with jit in the optimized HLO."""
    import keras
    import tensorflow as tf

    @tf.function(jit_compile=model.jit_compile, autograph=False)
    def both(x: Tensor, y: Tensor) -> tuple[Tensor, list[Tensor]]:
        with tf.GradientTape() as tape:
            outputs = model(x, training=training)
            loss = model.compute_loss(x, y, outputs)
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        return outputs, [tf.convert_to_tensor(gradient) for gradient in gradients]  # those of embeddings are sparse

    x, y = keras.tree.map_structure(tf.constant, (batch.x, batch.y))
    trace_seconds, traced = timed(lambda: both.get_concrete_function(x, y))
    compile_seconds, (outputs, gradients) = first_less_later(lambda: _to_numpy(both(x, y)))

    def evidence() -> dict[str, Any]:
        graph = traced.graph.as_graph_def()
        nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
        if model.jit_compile:
            read = of_hlo(both.experimental_get_compiler_ir(x, y)(stage="optimized_hlo"))
        else:
            read = of_graph({node.op: node.name for node in reversed(nodes)}, len(nodes))
        costs = {"trace_seconds": trace_seconds, "compile_seconds": compile_seconds}
        return {**read, **costs, "graph_nodes": len(nodes), "graph_kind": "tf_function"}

    return Ran(outputs, gradients, evidence)


def of_graph(named: dict[str, str], count: int) -> dict[str, Any]:
    """The path of a graph of TensorFlow of so many nodes, by the operations in it, each with the name of a node."""
    for operation, path in IN_GRAPH.items():
        if operation in named:
            return {"kernel_path": path, "kernel_evidence": _short(f"node {named[operation]}, op {operation}")}
    return {"kernel_path": "flat", "kernel_evidence": f"no While among {count} nodes"}


IN_GRAPH = {
    "CudnnRNNV2": "cudnn",
    "CudnnRNNV3": "cudnn",
    "BlockLSTMV2": "block_lstm",
    "While": "while",
    "StatelessWhile": "while",
}
"""Operations of TensorFlow that are a kernel for a whole sequence, or a loop."""


def fixed_masks() -> AbstractContextManager[object]:
    """While this context is open TensorFlow's dropout takes its masks from NumPy, as constants of what is traced.

    From one seed TensorFlow draws other numbers with XLA than without, whatever the generator. A mask that were drawn
    inside a time loop would be traced once for all steps, and so show as a difference.

    That Keras draws its masks by `tf.nn.experimental.stateless_dropout` is known here and nowhere else.
    """
    import tensorflow as tf

    rng = np.random.default_rng(0)

    def dropout(x: Tensor, rate: float, noise_shape: Tensor = None, **_: Any) -> Tensor:
        shape = x.shape if noise_shape is None else tf.get_static_value(noise_shape)
        kept = rng.random(shape) >= rate
        return x * tf.constant(kept / (1 - rate), x.dtype)

    return patch.object(tf.nn.experimental, "stateless_dropout", dropout)


def _to_numpy(results: tuple[Tensor, list[Tensor]]) -> tuple[np.ndarray, list[np.ndarray]]:
    return results[0].numpy(), [gradient.numpy() for gradient in results[1]]


def trace_jax(model: keras.Model, batch: Split, variables: list[keras.Variable], training: bool) -> Ran:
    """Lower and compile apart with jit; without it every operation runs alone, and `lax.scan` stands in the jaxpr."""
    import jax

    order = [next(i for i, v in enumerate(model.trainable_variables) if v is variable) for variable in variables]
    fixed = [variable.value for variable in model.non_trainable_variables]
    values = [variable.value for variable in model.trainable_variables]

    def loss(values: list[Tensor]) -> tuple[Tensor, Tensor]:
        outputs, _ = model.stateless_call(values, fixed, batch.x, training=training)
        return model.compute_loss(batch.x, batch.y, outputs), outputs

    both = jax.grad(loss, has_aux=True)
    if model.jit_compile:
        trace_seconds, lowered = timed(lambda: jax.jit(both).lower(values))
        compile_seconds, compiled = timed(lowered.compile)
        program = lowered.as_text()
        read = {**of_hlo(compiled.as_text() or ""), "graph_kind": "stablehlo", "compile_seconds": compile_seconds}
        read["graph_nodes"] = len(re.findall(r"^\s+(?:%\S+ = |stablehlo\.)", program, re.MULTILINE))
        gradients, outputs = compiled(values)
    else:
        trace_seconds, traced = timed(lambda: jax.make_jaxpr(both)(values))
        scans = [line for line in str(traced).splitlines() if "= scan[" in line]
        line = f"{len(scans) or 'no'} scan among {len(traced.eqns)} equations of the jaxpr"
        read = {"kernel_path": "scan" if scans else "flat", "kernel_evidence": line}
        read |= {"graph_nodes": len(traced.eqns), "graph_kind": "jaxpr"}
        gradients, outputs = both(values)
    return Ran(outputs, [gradients[index] for index in order], lambda: {**read, "trace_seconds": trace_seconds})


def trace_torch(model: keras.Model, batch: Split, variables: list[keras.Variable], training: bool) -> Ran:
    """Profile one pass: a Python loop calls a product each step, a vendor's kernel once for the whole sequence."""
    import torch
    from keras import ops, tree

    x, y = tree.map_structure(ops.convert_to_tensor, (batch.x, batch.y))

    def forward(x: Tensor) -> Tensor:
        return model(x, training=training)

    run = torch.compile(forward) if model.jit_compile else forward

    def both() -> tuple[Tensor, list[Tensor]]:
        outputs = run(x)
        gradients = torch.autograd.grad(model.compute_loss(x, y, outputs), [variable.value for variable in variables])
        return outputs.detach(), list(gradients)

    matrices = sum(math.prod(variable.shape[:-2]) for variable in variables if len(variable.shape) > 1)
    ((outputs, gradients), read) = of_torch(both, batch.steps, bool(model.jit_compile), matrices)
    return Ran(outputs, gradients, lambda: read)


def of_torch(call: Callable[[], Any], steps: int, compiles: bool, matrices: int = 0) -> tuple[Any, dict[str, Any]]:
    """What a pass on torch returned, its path in the profiler, and the seconds of compiling it, if it `compiles`."""
    import torch

    compile_seconds, result = first_less_later(call) if compiles else (None, call())
    with torch.autograd.profiler.profile() as profiled:
        call()
    calls = {event.key: event.count for event in profiled.key_averages()}
    return result, {**of_profile(calls, steps, matrices), "compile_seconds": compile_seconds}


TRACERS = {"tensorflow": trace_tensorflow, "jax": trace_jax, "torch": trace_torch}
"""How the pass of a Keras model runs and shows its kernel, by backend."""


def compute(model: keras.Model, batch: Split, dropout: bool = False) -> Computed:
    """The outputs of `model` and the gradients of its loss, compiled as the model trains, and how they came about.

    With `dropout`, or where training differs otherwise, it gives both twice: with masks that are the same in every arm,
    all drawn before the time loop, and as the model predicts.
    """
    import keras

    weights = get_weights(model)
    trainable = {id(variable) for variable in model.trainable_variables}
    named = {name: v for name, v in named_variables(model).items() if id(v) in trainable}
    run = partial(TRACERS[keras.backend.backend()], model, batch, list(named.values()))
    ran = masked = run(training=True)
    if dropout and keras.backend.backend() == "tensorflow":
        with fixed_masks():
            masked = run(training=True)
    tensors = {"outputs": masked.outputs, **dict(zip(named, masked.gradients, strict=True))}
    if dropout:
        set_weights(model, weights)  # a training pass moves the averages that predicting normalizes by
        off = run(training=False)
        tensors |= {f"{OFF}{name}": t for name, t in zip(tensors, [off.outputs, *off.gradients], strict=True)}
    arrays = {name: keras.ops.convert_to_numpy(tensor) for name, tensor in tensors.items()}
    return Computed(arrays, **ran.evidence(), weights=weights)


VENDOR = {
    "aten::mkldnn_rnn_layer": "onednn_rnn",
    "aten::_cudnn_rnn": "cudnn",
    **dict.fromkeys(("aten::lstm", "aten::gru", "aten::rnn_tanh", "aten::rnn_relu"), "aten_rnn"),
}
"""Kernels for the whole sequence; those of aten have their loop over the steps in C++."""


REGION = "Torch-Compiled Region"
"""How the profiler of torch names a graph that torch.compile made."""


def of_profile(calls: dict[str, int], steps: int, matrices: int = 0) -> dict[str, Any]:
    """The path of a profiled pass there and back, by the names of what it called and how often.

    Without a loop a pass takes three products with each of its weight matrices: its output, and two gradients.
    """
    for name, path in VENDOR.items():
        if calls.get(name):
            return {"kernel_path": path, "kernel_evidence": f"{name} called {calls[name]} times"}
    regions = sum(count for name, count in calls.items() if name.startswith(REGION))
    if regions:
        path = "inductor_flat" if regions < steps else "python"  # which calls one a step, if not more
        return {"kernel_path": path, "kernel_evidence": f"{REGION} called {regions} times in {steps} steps"}
    products = {name: calls.get(name, 0) for name in ("aten::addmm", "aten::mm", "aten::matmul")}
    name = max(products, key=products.__getitem__)
    path = "python" if products[name] >= 2 * steps and products[name] > 3 * matrices else "flat"
    return {"kernel_path": path, "kernel_evidence": f"{name} called {products[name]} times in {steps} steps and back"}
