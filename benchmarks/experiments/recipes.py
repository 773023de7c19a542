"""Which recipe suits an entry on a task? A random search by successive halving, scored on validation alone.

    python -m benchmarks.experiments.recipes lstm adding --backend torch
    python -m benchmarks.experiments.recipes lru adding --candidates 9 --epochs 1,2,5 --to results/reference/recipes

The first number of epochs is tried with every candidate, each later one with the best third of those before. A
candidate is trained anew at each, so that its schedule spans what it is given. Every training is a row of searches.csv,
and the test splits are never looked at. What is found there stands as a recipe in the file of the task.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer

from benchmarks.trained.queue import fastest
from zoo.cli.command import run_function
from zoo.errors import Diverged, ZooError, unknown
from zoo.execution import BACKENDS
from zoo.measuring.rows import check_writable
from zoo.registry import MODELS, TASKS, Entry, Recipe, Task
from zoo.training.history import epoch_log

FOLDER = Path(__file__).parent.parent.parent / "results" / "runs" / "recipes"
TABLE = "searches.csv"
KEPT = 3
"""Of so many candidates one is tried with more epochs."""
LEARNING_RATES = "1e-3,3e-2"
OPTIONS: dict[str, dict[str, tuple[Any, ...]]] = {
    "lru": {"least": (0.0, 0.9, 0.99), "phase": (0.5, 0.1, 0.02)},
    **{entry: {"blocks": (2,)} for entry in ("ind_rnn", "sru")},
    "mlstm": {"blocks": (2,), "heads": (4,)},
}
"""Of an entry: what else is drawn, and from which values."""


@dataclass(frozen=True)
class Candidate:
    """A recipe to try, but for its epochs."""

    learning_rate: float
    clip_norm: float | None
    options: dict[str, Any]


def drawn_candidates(entry: Entry, count: int, rates: tuple[float, float], seed: int = 0) -> list[Candidate]:
    """Recipes at random: rates of a logarithmic scale, two significant digits, with gradients clipped or not."""
    rng = np.random.default_rng(seed)
    low, high = np.log(rates)
    drawn = OPTIONS.get(entry.name, {})
    return [
        Candidate(
            learning_rate=float(f"{rate:.1e}"),
            clip_norm=1.0 if rng.random() < 0.8 else None,
            options={name: values[rng.integers(len(values))] for name, values in drawn.items()},
        )
        for rate in np.exp(rng.uniform(low, high, size=count))
    ]


def tried(entry: Entry, task: Task, candidate: Candidate, epochs: int, batch: int, seed: int) -> dict[str, Any]:
    """A training: its last validation score, infinite or zero where it diverged, and its seconds."""
    import keras

    import zoo

    recipe = Recipe(
        "search",
        epochs,
        batch,
        candidate.learning_rate,
        schedule="cosine",
        clip_norm=candidate.clip_norm,
        loss_steps=task.recipe().loss_steps,
    )
    keras.utils.set_random_seed(seed)
    execution = fastest(entry, keras.backend.backend())
    model = zoo.create_model(entry.name, task.name, execution, **candidate.options)
    log = epoch_log(task)
    score = 0.0 if task.higher_is_better else math.inf
    with contextlib.suppress(Diverged):
        training = zoo.train(model, task, recipe, seed=seed, log=log, verbose=0)
        score = training.history[f"val_{task.keras_metric}"][-1]
    return {"score": score, "seconds": log.train_seconds}


def search(
    entry: Entry, task: Task, alive: list[Candidate], rungs: list[int], batch: int, seed: int, backend: str
) -> Iterator[dict[str, Any]]:
    """A row a training, rung after rung."""
    for rung, epochs in enumerate(rungs):
        scored = []
        for candidate in alive:
            row = tried(entry, task, candidate, epochs, batch, seed)
            scored.append((row["score"], candidate))
            yield {
                "entry": entry.name,
                "task": task.name,
                "backend": backend,
                "rung": rung,
                "epochs": epochs,
                "batch": batch,
                "learning_rate": candidate.learning_rate,
                "clip_norm": candidate.clip_norm,
                "options": json.dumps(candidate.options),
                "seed": seed,
                "metric": f"val_{task.keras_metric}",
                **row,
            }
        scored.sort(key=lambda pair: pair[0], reverse=task.higher_is_better)
        alive = [candidate for _, candidate in scored[: max(1, len(scored) // KEPT)]]


def epochs_of(text: str) -> list[int]:
    """ "1,2,5" as whole numbers that grow.

    Raises:
        ZooError: they are none.
    """
    words = text.split(",")
    numbers = [int(word) for word in words if word.strip().isdigit()]
    if len(numbers) < len(words) or numbers != sorted({*numbers}) or numbers[0] < 1:
        raise ZooError(f"epochs are whole numbers that grow, as in 1,2,5, not {text!r}")
    return numbers


def rates_of(text: str) -> tuple[float, float]:
    """ "1e-3,3e-2" as the least and the greatest learning rate.

    Raises:
        ZooError: they are none.
    """
    try:
        low, high = map(float, text.split(","))
    except ValueError:
        low = high = 0.0
    if not 0 < low < high < math.inf:
        raise ZooError(f"rates are the least and the greatest learning rate, as in {LEARNING_RATES}, not {text!r}")
    return low, high


def main(
    entry: Annotated[str, typer.Argument(help="An entry of the zoo.")],
    task: Annotated[str, typer.Argument(help="A task that it fits.")],
    *,
    candidates: Annotated[int, typer.Option(min=1, help="How many recipes are drawn.")] = 9,
    epochs: Annotated[str, typer.Option(metavar="A,B", help="Of each rung.")] = "1,2,5",
    rates: Annotated[str, typer.Option(metavar="LOW,HIGH", help="Between which learning rates lie.")] = LEARNING_RATES,
    batch: Annotated[int | None, typer.Option(min=1, help="Of the task's first recipe by default.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the data, the weights and the order.")] = 100,
    backend: Annotated[str, typer.Option(help="tensorflow, jax or torch.")] = "torch",
    to: Annotated[Path, typer.Option(metavar="DIR", help="Where the rows are appended.")] = FOLDER,
) -> None:
    """Search a recipe for an entry on a task; append every training to searches.csv and print the best."""
    if backend not in BACKENDS:
        raise unknown("backend", backend, BACKENDS)
    os.environ["KERAS_BACKEND"] = backend
    import zoo.models
    import zoo.tasks  # noqa: F401 (fill the registries)
    from zoo.create import require_fit

    wanted, rungs, between = TASKS.get(task), epochs_of(epochs), rates_of(rates)
    require_fit(entry, wanted)
    check_writable(to)
    path, rows = to / TABLE, []
    drawn = drawn_candidates(MODELS.get(entry), candidates, between)
    for row in search(MODELS.get(entry), wanted, drawn, rungs, batch or wanted.recipe().batch, seed, backend):
        rows.append(row)
        pd.DataFrame([row]).to_csv(path, mode="a", header=not path.exists(), index=False)
        print(
            f"{row['epochs']} epochs, rate {row['learning_rate']:g}, clip {row['clip_norm']}, {row['options']}: "
            f"{row['metric']} {row['score']:.5g} in {row['seconds']:.0f} s",
            flush=True,
        )
    last = [row for row in rows if row["rung"] == len(rungs) - 1]
    best = (max if wanted.higher_is_better else min)(last, key=lambda row: row["score"])
    print(f"best: learning rate {best['learning_rate']:g}, clip {best['clip_norm']}, {best['options']}")


if __name__ == "__main__":
    run_function(main, "python -m benchmarks.experiments.recipes")
