"""A whole epoch of `fit`, as users train: several steps an execution, and the same model trained without Keras.

    python -m benchmarks.experiments.epoch --backend jax
    python -m benchmarks.experiments.epoch --backend torch --rounds 20 --to epoch.csv

`keras.Model.compile(steps_per_execution=16)` makes 16 training steps in one call of the compiled function; torch has no
such call. Bare torch and bare JAX train the same layers in a loop written by hand: indices drawn anew, no validation,
the loss read once an epoch. All models stand in one process and take turns, an epoch each; the order is balanced.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer

from zoo.cli.command import run_function
from zoo.errors import unknown
from zoo.execution import BACKENDS
from zoo.measuring.lockstep import balanced_order
from zoo.measuring.rows import check_writable

STEPS, UNITS, BATCH, BATCHES = 20, 100, 50, 100
LEARNING_RATE = 0.01
FITS = {
    "tensorflow": ("stock", "stock+calls-4", "stock+calls-16", "stock+calls-64", "fused", "fused+calls-16"),
    "jax": ("stock", "stock+calls-4", "stock+calls-16", "stock+calls-64"),
    "torch": ("stock", "fused"),
}
"""By backend: how the recurrent layer runs, and how many training steps are one call of what is compiled."""
REFERENCES = {"tensorflow": "stock", "jax": "bare JAX", "torch": "bare torch"}
Epoch = Callable[[np.ndarray, np.ndarray], object]


def data() -> tuple[np.ndarray, np.ndarray]:
    """Random sequences and targets: x and y (examples, steps, 1)."""
    shape = (BATCH * BATCHES, STEPS, 1)
    rng = np.random.default_rng(0)
    return rng.normal(size=shape).astype("float32"), rng.normal(size=shape).astype("float32")


def fit(arm: str) -> Epoch:
    """An epoch of `fit`."""
    import keras

    from zoo import Execution, with_execution

    execution = Execution.parse(arm)
    keras.utils.set_random_seed(0)
    layers = [keras.layers.LSTM(UNITS, return_sequences=True), keras.layers.Dense(1)]
    model = keras.Sequential([keras.Input((STEPS, 1)), *layers])
    model.compile(keras.optimizers.SGD(LEARNING_RATE), "mse")
    model = with_execution(model, execution)
    return lambda x, y: model.fit(x, y, batch_size=BATCH, epochs=1, verbose=0)


def bare_torch() -> Epoch:
    """An epoch as users of torch write it."""
    import torch

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.recurrent = torch.nn.LSTM(1, UNITS, batch_first=True)
            self.output = torch.nn.Linear(UNITS, 1)

        def forward(self, x: Any) -> Any:
            return self.output(self.recurrent(x)[0])

    network = Network()
    optimizer = torch.optim.SGD(network.parameters(), lr=LEARNING_RATE)

    def epoch(x: np.ndarray, y: np.ndarray) -> float:
        inputs, targets, total = torch.from_numpy(x), torch.from_numpy(y), torch.zeros(())
        for index in torch.randperm(len(inputs)).split(BATCH):
            optimizer.zero_grad(set_to_none=True)
            loss = torch.nn.functional.mse_loss(network(inputs[index]), targets[index])
            loss.backward()
            optimizer.step()
            total += loss.detach()
        return float(total)

    return epoch


def bare_jax() -> Epoch:
    """An epoch as users of JAX write it: a jitted step, weights in a dictionary."""
    import jax
    import jax.numpy as jnp

    keys = jax.random.split(jax.random.key(0), 3)
    held = {
        "kernel": jax.random.normal(keys[0], (1, 4 * UNITS)) * 0.1,
        "recurrent": jax.random.normal(keys[1], (UNITS, 4 * UNITS)) / UNITS**0.5,
        "bias": jnp.zeros(4 * UNITS),
        "output": jax.random.normal(keys[2], (UNITS, 1)) * 0.1,
        "output_bias": jnp.zeros(1),
    }

    def loss_of(weights: Any, x: Any, y: Any) -> Any:
        def step(state: Any, row: Any) -> Any:
            h, c = state
            i, f, g, o = jnp.split(row + h @ weights["recurrent"], 4, axis=-1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
            return (h, c), h

        rows = jnp.swapaxes(x, 0, 1) @ weights["kernel"] + weights["bias"]
        zeros = jnp.zeros((x.shape[0], UNITS))
        _, hidden = jax.lax.scan(step, (zeros, zeros), rows)
        outputs = jnp.swapaxes(hidden, 0, 1) @ weights["output"] + weights["output_bias"]
        return jnp.mean((outputs - y) ** 2)

    @jax.jit
    def train(weights: Any, x: Any, y: Any, index: Any) -> Any:
        loss, gradients = jax.value_and_grad(loss_of)(weights, x[index], y[index])
        return jax.tree.map(lambda w, g: w - LEARNING_RATE * g, weights, gradients), loss

    rng = np.random.default_rng(0)

    def epoch(x: np.ndarray, y: np.ndarray) -> float:
        inputs, targets, losses = jnp.asarray(x), jnp.asarray(y), []
        for index in rng.permutation(len(x)).reshape(-1, BATCH):
            weights, loss = train(dict(held), inputs, targets, index)
            held.update(weights)
            losses.append(loss)
        return float(sum(losses))

    return epoch


BARE: dict[str, dict[str, Callable[[], Epoch]]] = {
    "tensorflow": {},
    "jax": {"bare JAX": bare_jax},
    "torch": {"bare torch": bare_torch},
}


def measure(backend: str, rounds: int) -> pd.DataFrame:
    """The seconds of a training step in each epoch: one row a round and arm. The first epoch of each is not kept."""
    x, y = data()
    epochs = {arm: fit(arm) for arm in FITS[backend]} | {name: make() for name, make in BARE[backend].items()}
    for epoch in epochs.values():
        epoch(x, y)
    names, rows = list(epochs), []
    for number in range(rounds):
        for name in (names[place] for place in balanced_order(len(names), number)):
            started = time.perf_counter()
            epochs[name](x, y)
            seconds = (time.perf_counter() - started) / BATCHES
            rows.append({"backend": backend, "round": number, "arm": name, "step_seconds": seconds})
    return pd.DataFrame(rows)


def ratios(rows: pd.DataFrame) -> pd.DataFrame:
    """Each arm's epoch over that of the reference: the median over rounds, and the step in milliseconds."""
    tables = []
    for backend, part in rows.groupby("backend"):
        wide = part.pivot(index="round", columns="arm", values="step_seconds")
        logs = wide.apply(np.log)
        over = logs.sub(logs[REFERENCES[str(backend)]], axis=0).median().apply(np.exp)
        table = pd.DataFrame({"over": over, "ms": 1e3 * wide.median()}).reset_index()
        tables.append(table.assign(backend=backend, reference=REFERENCES[str(backend)]))
    return pd.concat(tables, ignore_index=True)[["backend", "arm", "ms", "over", "reference"]]


def main(
    backend: Annotated[str, typer.Option(metavar="NAME", help="tensorflow, jax or torch.")] = "tensorflow",
    rounds: Annotated[int, typer.Option(min=4, help="Epochs of each arm.")] = 20,
    to: Annotated[Path | None, typer.Option(metavar="CSV", help="Where the raw rows go.", show_default=False)] = None,
) -> None:
    """Time whole epochs of fit, and of the same training without Keras."""
    if backend not in BACKENDS:
        raise unknown("backend", backend, BACKENDS)
    if to:
        check_writable(to.parent)
    os.environ["KERAS_BACKEND"] = backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    rows = measure(backend, rounds)
    if to:
        rows.to_csv(to, index=False)
    typer.echo(ratios(rows).round(3).to_string(index=False))


if __name__ == "__main__":
    run_function(main, "python -m benchmarks.experiments.epoch")
