"""Runs a case through bare JAX: `lax.scan` over a cell, a dense output, and a jitted training step by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np

import zoo
from zoo.measuring.case import Case
from zoo.measuring.computed import Computed, Tensor, Weights, timed
from zoo.measuring.kernels import of_hlo
from zoo.measuring.runners import Runner, _bare
from zoo.registry import SEQUENCE_TO_SEQUENCE

NEEDED: tuple[str, ...] = ()
Tensors: TypeAlias = Mapping[str, Tensor]
"""Weights by their short names: "kernel", "output/bias"."""
State: TypeAlias = tuple[Tensor, ...]
"""(h,), or of an LSTM (h, c); each (batch, units)."""

Forward: TypeAlias = Callable[[Case, Tensors, Tensor], Tensor]
"""From weights and inputs (batch, steps, features) to outputs (batch[, steps], outputs)."""


def unsupported(case: Case) -> str:
    """Why `case` is no case of this runner, in words; empty where it is one. Imports no JAX."""
    return _bare.unsupported(case, "jax")


def kernel_paths(case: Case) -> tuple[str, ...]:
    """A loop that XLA compiled."""
    return ("xla_while",)


def _step(entry: str, w: Tensors, x: Tensor, state: State) -> tuple[State, Tensor]:
    """(new state, output) of a cell, in Keras' layout of the weights: x (batch, features) -> output (batch, units)."""
    import jax
    import jax.numpy as jnp

    if entry == "simple_rnn":
        h = jnp.tanh(x @ w["kernel"] + state[0] @ w["recurrent_kernel"] + w["bias"])
        return (h,), h
    if entry == "lstm":
        h, c = state
        i, f, g, o = jnp.split(x @ w["kernel"] + h @ w["recurrent_kernel"] + w["bias"], 4, axis=-1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h
    of_x, of_h = x @ w["kernel"] + w["bias"][0], state[0] @ w["recurrent_kernel"] + w["bias"][1]
    (x_z, x_r, x_n), (h_z, h_r, h_n) = jnp.split(of_x, 3, axis=-1), jnp.split(of_h, 3, axis=-1)
    z, r = jax.nn.sigmoid(x_z + h_z), jax.nn.sigmoid(x_r + h_r)
    h = z * state[0] + (1 - z) * jnp.tanh(x_n + r * h_n)
    return (h,), h


def _forward(case: Case, w: Tensors, x: Tensor) -> Tensor:
    """Logits, or predictions if the task has no softmax: x (batch, steps, features) -> (batch[, steps], outputs)."""
    import jax
    import jax.numpy as jnp

    zeros = jnp.zeros((x.shape[0], case.units))
    state = (zeros, zeros) if case.entry == "lstm" else (zeros,)
    last, each = jax.lax.scan(lambda s, row: _step(case.entry, w, row, s), state, jnp.swapaxes(x, 0, 1))
    if zoo.get_task(case.task).topology == SEQUENCE_TO_SEQUENCE:
        return jnp.swapaxes(each, 0, 1) @ w["output/kernel"] + w["output/bias"]
    return last[0] @ w["output/kernel"] + w["output/bias"]


def _floor(case: Case, w: Tensors, x: Tensor) -> Tensor:
    read = x if zoo.get_task(case.task).topology == SEQUENCE_TO_SEQUENCE else x[:, -1]
    return read @ w["output/kernel"] + w["output/bias"]


def _loss(case: Case, outputs: Tensor, y: Tensor) -> Tensor:
    import jax
    import jax.numpy as jnp

    if zoo.get_task(case.task).loss == "mse":
        return jnp.mean((outputs - y) ** 2)
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(outputs), y[:, None], axis=-1))


def _shown(case: Case, outputs: Tensor) -> Tensor:
    import jax

    return jax.nn.softmax(outputs) if zoo.get_task(case.task).activation == "softmax" else outputs


def _runner(
    case: Case, forward: Callable[[Case, Tensors, Tensor], Tensor], weights: Weights, batch: zoo.Split
) -> Runner:
    import jax

    jax.config.update("jax_default_matmul_precision", "float32")
    x, y = np.ascontiguousarray(batch.x), np.ascontiguousarray(batch.y)
    held = [jax.tree.map(jax.numpy.asarray, weights)]

    @jax.jit
    def step(w: Tensors, x: Tensor, y: Tensor) -> tuple[Tensor, Tensors]:
        loss, gradients = jax.value_and_grad(lambda w: _loss(case, forward(case, w, x), y))(w)
        return loss, jax.tree.map(lambda old, gradient: old - _bare.LEARNING_RATE * gradient, w, gradients)

    predict = jax.jit(lambda w, x: _shown(case, forward(case, w, x)))

    def train() -> float:
        loss, held[0] = step(held[0], x, y)
        jax.block_until_ready(held[0])
        return float(loss)

    peak = (lambda: jax.devices()[0].memory_stats()["peak_bytes_in_use"]) if case.device == "gpu" else lambda: None
    phases = {"train": train, "predict": lambda: np.asarray(predict(held[0], x))}
    return Runner(phases, sum(array.size for array in weights.values()), peak)


def prepare(case: Case, batch: zoo.Split) -> Runner:
    """The weights and the jitted functions of the case."""
    return _runner(case, _forward, _bare.short(_bare.initial(case), case), batch)


def prepare_floor(case: Case, batch: zoo.Split) -> Runner:
    """One dense layer in the same step: what it costs with nearly nothing inside."""
    outputs = zoo.task_at(case.task, case.steps).outputs
    kernel = np.random.default_rng(case.seed).normal(0, 0.1, (case.features, outputs)).astype(np.float32)
    return _runner(case, _floor, {"output/kernel": kernel, "output/bias": np.zeros(outputs, np.float32)}, batch)


def computed(case: Case, batch: zoo.Split, weights: Weights | None) -> Computed:
    """The outputs and the gradients of the loss from `weights`, by the zoo's names, and what ran."""
    import jax

    jax.config.update("jax_default_matmul_precision", "float32")

    def loss(w: Tensors) -> tuple[Tensor, Tensor]:
        outputs = _forward(case, w, batch.x)
        return _loss(case, outputs, batch.y), _shown(case, outputs)

    weights = weights or _bare.initial(case)
    short = _bare.short(weights, case)
    trace_seconds, lowered = timed(lambda: jax.jit(jax.grad(loss, has_aux=True)).lower(short))
    compile_seconds, compiled = timed(lowered.compile)
    gradients, outputs = compiled(short)
    tensors = {"outputs": np.asarray(outputs)}
    tensors |= {name: np.asarray(gradients[key]) for name, key in zip(weights, short, strict=True)}
    read = {**of_hlo(compiled.as_text() or ""), "trace_seconds": trace_seconds, "compile_seconds": compile_seconds}
    return Computed(tensors, **read, weights=weights)
