"""Many models made and trained one after another in a process: how much memory each leaves behind, and whose it is.

    python -m benchmarks.experiments.many_models --backend jax
    python -m benchmarks.experiments.many_models --backend jax --layer none

A model without a recurrent layer shows what Keras and the backend leave; `keras` is `keras.layers.GRU`, `zoo` is
`ChunkedRNN` around a GRUCell. `keras.backend.clear_session` is called after each model, as users do.
"""

from __future__ import annotations

import gc
import os
from typing import Annotated, Any

import numpy as np
import psutil
import typer

from zoo.cli.command import run_function
from zoo.errors import unknown
from zoo.execution import BACKENDS

LAYERS = ("none", "keras", "zoo")
SHOWN_EVERY = 10
MIB = 2**20


def layer(kind: str) -> Any:
    """A layer from (batch, 12, 3) to a vector."""
    import keras

    from zoo.layers import ChunkedRNN

    if kind == "none":
        return keras.layers.Flatten()
    return keras.layers.GRU(8) if kind == "keras" else ChunkedRNN(keras.layers.GRUCell(8), 4)


def held_mib(kind: str, models: int) -> list[float]:
    """The memory that the process holds after every ten models."""
    import keras

    x, y = np.zeros((32, 12, 3), "float32"), np.zeros((32, 1), "float32")
    held = []
    for number in range(1, models + 1):
        model = keras.Sequential([keras.Input((12, 3)), layer(kind), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        model.fit(x, y, verbose=0)
        del model
        keras.backend.clear_session()
        gc.collect()
        if number % SHOWN_EVERY == 0:
            held.append(psutil.Process().memory_info().rss / MIB)
    return held


def main(
    backend: Annotated[str, typer.Option(metavar="NAME", help="tensorflow, jax or torch.")] = "jax",
    layer: Annotated[str, typer.Option(metavar="KIND", help="none, keras or zoo.")] = "keras",
    models: Annotated[int, typer.Option(min=20, help="How many.")] = 60,
) -> None:
    """Print the memory after every ten models, and what a model adds."""
    for kind, name, known in (("backend", backend, BACKENDS), ("layer", layer, LAYERS)):
        if name not in known:
            raise unknown(kind, name, known)
    os.environ["KERAS_BACKEND"] = backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    held = held_mib(layer, models)
    each = (held[-1] - held[0]) / (SHOWN_EVERY * (len(held) - 1))
    typer.echo(f"{backend}, {layer}: {', '.join(f'{mib:.0f}' for mib in held)} MiB; {each:.2f} MiB a model")


if __name__ == "__main__":
    run_function(main, "python -m benchmarks.experiments.many_models")
