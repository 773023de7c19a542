"""On JAX: the loops of Keras and of the zoo over a `lax.scan` of the same cell, written by hand, in the same model.

    python -m benchmarks.experiments.scan
    python -m benchmarks.experiments.scan --to results/reference/scan/scan.csv

All four models stand in one process and take turns, each for 20 ms of training steps; the order of the rounds is
balanced. The ratio of a process is the median over rounds of the logarithm of one block over the scan's; several fresh
processes follow one another.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer

from zoo.cli.command import run_function
from zoo.measuring.lockstep import balanced_order
from zoo.measuring.rows import check_writable
from zoo.statistics.intervals import geometric_interval, geometric_mean

SIZES = ((28, 150, 150), (240, 64, 32))
"""Steps, units, batch."""
FEATURES, CLASSES = 28, 10
BLOCK_SECONDS = 0.02
BY_HAND = "lax.scan by hand"


def arms() -> dict[str, Callable[[int], Any]]:
    """What each arm is called, and its recurrent layer of so many units."""
    import keras

    from zoo import Execution
    from zoo.recurrent import recurrent

    def layer(execution: Execution) -> Callable[[int], Any]:
        return lambda units: recurrent(keras.layers.LSTMCell(units), execution)

    return {
        BY_HAND: _by_hand(),
        "stock: keras.layers.LSTM": keras.layers.LSTM,
        "looped: keras.layers.RNN(LSTMCell)": layer(Execution(jit=True)),
        "chunked-1": layer(Execution("chunked", jit=True, chunk=1)),
    }


def _by_hand() -> type:
    """The layer that somebody writes who knows JAX: the states are carried, and no output is kept."""
    import jax
    import keras

    class ScanOfLSTMCell(keras.layers.Layer):
        def __init__(self, units: int) -> None:
            super().__init__()
            self.cell = keras.layers.LSTMCell(units)

        def build(self, shape: Any) -> None:
            self.cell.build((shape[0], shape[2]))

        def call(self, x: Any) -> Any:
            def step(states: Any, row: Any) -> tuple[Any, None]:
                return tuple(self.cell(row, list(states))[1]), None

            zeros = jax.numpy.zeros((x.shape[0], self.cell.units))
            (output, _), _ = jax.lax.scan(step, (zeros, zeros), jax.numpy.swapaxes(x, 0, 1))
            return output

        def compute_output_spec(self, x: Any) -> Any:
            return keras.KerasTensor((x.shape[0], self.cell.units))

    return ScanOfLSTMCell


def measure_all(rounds: int) -> pd.DataFrame:
    """The blocks of every size."""
    return pd.concat([measure(*size, rounds) for size in SIZES], ignore_index=True)


def measure(steps: int, units: int, batch: int, rounds: int) -> pd.DataFrame:
    """The seconds of a training step in each block: one row a round and arm."""
    import keras

    random = np.random.default_rng(0)
    x = random.random((batch, steps, FEATURES), "float32")
    y = random.integers(0, CLASSES, batch)
    calls = {}
    for name, layer in arms().items():
        keras.utils.set_random_seed(0)
        inputs = keras.Input((steps, FEATURES))
        model = keras.Model(inputs, keras.layers.Dense(CLASSES, activation="softmax")(layer(units)(inputs)))
        model.compile("sgd", loss="sparse_categorical_crossentropy", jit_compile=True)
        model.train_on_batch(x, y)
        calls[name] = model.train_on_batch
    names, rows = list(calls), []
    for number in range(rounds):
        for name in (names[place] for place in balanced_order(len(names), number)):
            rows.append({"round": number, "arm": name, "step_seconds": _block(calls[name], x, y)})
    return pd.DataFrame(rows).assign(steps=steps, units=units, batch=batch)


def _block(call: Callable[..., object], *arguments: np.ndarray) -> float:
    """The median of the calls of a block, behind one that is not timed."""
    call(*arguments)
    seconds: list[float] = []
    while sum(seconds) < BLOCK_SECONDS:
        started = time.perf_counter()
        call(*arguments)
        seconds.append(time.perf_counter() - started)
    return float(np.median(seconds))


def ratios(rows: pd.DataFrame) -> pd.DataFrame:
    """Each arm's time over that of the scan: one row a size and arm, with the median step in milliseconds.

    `low` to `high` is the 95% interval over processes, Student's t on the logarithms.
    """
    sizes = ["steps", "units", "batch"]
    wide = rows.pivot(index=[*sizes, "process", "round"], columns="arm", values="step_seconds")
    logs = wide.apply(np.log).sub(np.log(wide[BY_HAND]), axis=0)
    by_process = logs.groupby([*sizes, "process"]).median().apply(np.exp)
    found = []
    for size, part in by_process.groupby(sizes):
        for arm in part:
            low, high = geometric_interval(part[arm]) if arm != BY_HAND else (np.nan, np.nan)
            over = {"over the scan": geometric_mean(part[arm]), "low": low, "high": high, "processes": len(part)}
            found.append({**dict(zip(sizes, size, strict=True)), "arm": arm, **over})
    ms = (1e3 * wide.groupby(sizes).median()).reset_index().melt(sizes, var_name="arm", value_name="ms")
    return pd.DataFrame(found).merge(ms)


def main(
    rounds: Annotated[int, typer.Option(min=4, help="Of each size.")] = 60,
    processes: Annotated[int, typer.Option(min=1, help="Fresh processes, one after another.")] = 5,
    to: Annotated[Path | None, typer.Option(metavar="CSV", help="Where the raw rows go.", show_default=False)] = None,
) -> None:
    """Compare Keras' loops on JAX, and the zoo's, with a scan written by hand."""
    if to:
        check_writable(to.parent)
    os.environ["KERAS_BACKEND"] = "jax"  # of the processes that are started here
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    found = []
    for number in range(processes):
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            found.append(pool.submit(measure_all, rounds).result().assign(process=number))
        typer.echo(f"process {number + 1} of {processes} is done", err=True)
    rows = pd.concat(found, ignore_index=True)
    if to:
        rows.round({"step_seconds": 7}).to_csv(to, index=False)
    typer.echo(ratios(rows).round(3).to_string(index=False))


if __name__ == "__main__":
    run_function(main, "python -m benchmarks.experiments.scan")
