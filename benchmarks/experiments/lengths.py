"""Batches of many lengths: how often each backend traces a model for them, and what `zoo.pad_batches` saves.

    python -m benchmarks.experiments.lengths --backend jax
    python -m benchmarks.experiments.lengths --backend tensorflow --to lengths.csv

The model takes `keras.Input((None, features))`. Each arm trains it for three epochs on the same sequences: batches
drawn at random and padded to their own longest sequence, as a collate function does it, or batches of
`zoo.pad_batches`. The count is how often Python ran the layer: once a trace of what is compiled, once a call where
nothing is.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer

from zoo.cli.command import run_function
from zoo.errors import unknown
from zoo.execution import BACKENDS
from zoo.measuring.rows import check_writable

SEQUENCES, FEATURES, UNITS, BATCH, EPOCHS = 1600, 5, 32, 16, 3
SHORTEST, LONGEST = 5, 100
ARMS = {"own longest": 0, "1 length": 1, "4 lengths": 4, "8 lengths": 8, "16 lengths": 16}
"""What each arm pads to: the longest sequence of a batch, or so many lengths in all."""


def sequences() -> list[np.ndarray]:
    """Random sequences (steps, features) whose lengths are uniform."""
    rng = np.random.default_rng(0)
    return [rng.normal(size=(steps, FEATURES)) for steps in rng.integers(SHORTEST, LONGEST, SEQUENCES, endpoint=True)]


def batches(arm: str, seed: int) -> Any:
    """The batches of an epoch."""
    import zoo

    arrays, y = sequences(), np.zeros((SEQUENCES, 1), "float32")
    if lengths := ARMS[arm]:
        return zoo.pad_batches(arrays, y, batch=BATCH, lengths=lengths, seed=seed)
    order = np.random.default_rng(seed).permutation(SEQUENCES).reshape(-1, BATCH)
    padded = []
    for some in order:
        x = np.full((BATCH, max(len(arrays[i]) for i in some), FEATURES), zoo.PADDING, "float32")
        for row, number in enumerate(some):
            x[row, : len(arrays[number])] = arrays[number]
        padded.append((x, y[some]))
    return padded


def measure(arm: str) -> list[dict[str, Any]]:
    """A row an epoch: its seconds, and how often the layer was run by Python."""
    import keras

    import zoo

    count = [0]

    class Counted(keras.layers.Layer):
        def call(self, x: Any) -> Any:
            count[0] += 1
            return x

    keras.utils.set_random_seed(0)
    masked = keras.layers.Masking(zoo.PADDING)
    layers = [masked, Counted(), keras.layers.LSTM(UNITS, use_cudnn=False), keras.layers.Dense(1)]
    model = keras.Sequential([keras.Input((None, FEATURES)), *layers])
    model.compile("sgd", "mse")
    rows, shapes = [], set()
    for epoch in range(EPOCHS):
        parts = batches(arm, epoch)
        given = [parts[i] for i in range(len(parts))]
        shapes |= {x.shape for x, _ in given}
        count[0], started = 0, time.perf_counter()
        for x, y in given:
            model.train_on_batch(x, y)
        seconds = time.perf_counter() - started
        steps = sum(x.shape[0] * x.shape[1] for x, _ in given)
        rows.append(
            {"arm": arm, "epoch": epoch, "seconds": seconds, "runs": count[0], "shapes": len(shapes), "steps": steps}
        )
    return rows


def main(
    backend: Annotated[str, typer.Option(metavar="NAME", help="tensorflow, jax or torch.")] = "tensorflow",
    to: Annotated[Path | None, typer.Option(metavar="CSV", help="Where the rows go.", show_default=False)] = None,
) -> None:
    """Train on sequences of many lengths, padded in several ways."""
    if backend not in BACKENDS:
        raise unknown("backend", backend, BACKENDS)
    if to:
        check_writable(to.parent)
    os.environ["KERAS_BACKEND"] = backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    rows = pd.DataFrame([row for arm in ARMS for row in measure(arm)]).assign(backend=backend)
    if to:
        rows.to_csv(to, index=False)
    wide = rows.pivot(index="arm", columns="epoch", values=["runs", "seconds"]).reindex(list(ARMS))
    typer.echo(wide.round(2).to_string())


if __name__ == "__main__":
    run_function(main, "python -m benchmarks.experiments.lengths")
