"""Training that leaves something behind: the best model so far, its history, and a card that says how it came about."""

from __future__ import annotations

import csv
import dataclasses
import json
import platform
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.registry import Data, Recipe, Task, ZooError

if TYPE_CHECKING:
    import keras

MODEL, WEIGHTS, HISTORY, CARD = "model.keras", "weights.safetensors", "history.csv", "card.json"


@dataclass(frozen=True)
class Run:
    """What a training left in `folder`, and the scores on the test splits."""

    folder: Path
    scores: Mapping[str, float]
    epochs: int  #: that were finished
    stopped: bool  #: by Ctrl-C, before the recipe's last epoch


def prepare_folder(folder: Path) -> None:
    """Make `folder` where there is none, before anything is trained.

    Raises:
        ZooError: it holds a run already, or cannot be written.
    """
    if (folder / CARD).exists():
        raise ZooError(f"{folder} holds a trained model already; choose another folder with --out")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ZooError(f"cannot write to {folder}: {error.strerror or error}") from error


def train_and_keep(
    model: keras.Model, task: Task, recipe: Recipe, data: Data, *, seed: int, folder: Path, verbose: int = 1
) -> Run:
    """Train `model`, keep the epoch that is best on the validation split, score it, and write all of it to `folder`.

    Ctrl-C ends the training; what was best until then is kept all the same.

    Args:
        model: from `create_model`; it ends with the weights of its best epoch.
        task: what it is trained on.
        recipe: how.
        data: the task's.
        seed: of the order of the examples.
        folder: from `prepare_folder`.
        verbose: 1 shows a progress bar.
    """
    from zoo.training import evaluate, train

    best = best_epoch(task)
    started, stopped = time.perf_counter(), False
    try:
        train(model, task, recipe, data=data, seed=seed, callbacks=[best], verbose=verbose)
    except KeyboardInterrupt:
        stopped = True
    seconds = time.perf_counter() - started
    if best.weights is not None:
        model.set_weights(best.weights)
    scores = evaluate(model, task, data=data)
    card = _card(model, task, data, scores) | {
        "recipe": dataclasses.asdict(recipe),
        "seed": seed,
        "epochs": len(best.history),
        "stopped_early": stopped,
        "train_seconds": round(seconds, 3),
    }
    _write(model, best.history, card, folder)
    return Run(folder, scores, len(best.history), stopped)


def best_epoch(task: Task) -> Any:
    """A Keras callback that keeps the history, and the weights of the epoch with the best validation metric."""
    import keras

    class BestEpoch(keras.callbacks.Callback):
        """Attributes: `history`, a row an epoch; `weights`, those of the best one, None before the first."""

        def __init__(self) -> None:
            super().__init__()
            self.history: list[dict[str, float]] = []
            self.weights: list[Any] | None = None
            self._best = float("inf")

        def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
            """Remember the epoch, and its weights where it is the best so far."""
            row = {name: float(value) for name, value in (logs or {}).items()}
            self.history.append({"epoch": epoch, **row})
            value = row[f"val_{task.keras_metric}"]
            cost = -value if task.higher_is_better else value
            if cost < self._best:
                self._best = cost
                self.weights = self.model.get_weights()

    return BestEpoch()


def _card(model: keras.Model, task: Task, data: Data, scores: Mapping[str, float]) -> dict[str, Any]:
    """What the model is, what it is worth, and what it was made with."""
    import keras
    import numpy as np

    return {
        "entry": model.name,
        "task": task.name,
        "metric": task.metric,
        "scores": scores,
        "naive_scores": {
            split: {name: score(data, examples) for name, score in task.naive.items()}
            for split, examples in data.tests.items()
        },
        "parameters": model.count_params(),
        "jit": model.jit_compile,
        "backend": keras.backend.backend(),
        "versions": {"python": platform.python_version(), "keras": keras.__version__, "numpy": np.__version__},
    }


def _write(model: keras.Model, history: list[dict[str, float]], card: dict[str, Any], folder: Path) -> None:
    """Put everything into `folder`, the card last: where it stands, the rest is whole."""
    from zoo.weights import save_weights

    model.save(folder / MODEL)
    save_weights(model, folder / WEIGHTS)
    with (folder / HISTORY).open("w", newline="") as file:
        writer = csv.DictWriter(file, list(history[0]) if history else ["epoch"])
        writer.writeheader()
        writer.writerows(history)
    (folder / CARD).write_text(json.dumps(card, indent=2) + "\n")
