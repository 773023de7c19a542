"""The folder of a run: the best model, its weights, its history, and a card with its scores and how it was trained."""

from __future__ import annotations

import csv
import dataclasses
import json
import platform
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.archives import SUMS, checksums, require_checksums
from zoo.data import Data
from zoo.errors import Diverged, ZooError
from zoo.lock import Lock
from zoo.pretrained import write_vocabularies
from zoo.registry import Recipe, Task
from zoo.saving import write_whole
from zoo.training.devices import lost_variables
from zoo.training.history import epoch_log

if TYPE_CHECKING:
    import keras

MODEL, WEIGHTS, HISTORY, CARD = "model.keras", "weights.safetensors", "history.csv", "card.json"
KEYS = ("entry", "task", "vocabularies")
"""Keys of a card that a reader needs."""


@dataclass(frozen=True)
class Run:
    """A finished run: its folder and the scores on the test splits."""

    folder: Path
    scores: Mapping[str, float]
    epochs: int  #: that were finished
    stopped: bool  #: by Ctrl-C, before the recipe's last epoch
    diverged: bool = False  #: the loss became no finite number, which ended the training


def require_free(folder: Path) -> None:
    """Refuse a folder that holds a run or one of the files that a run writes, or a path that is a file.

    Raises:
        ZooError: the folder holds such a file, or the path is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise ZooError(f"{folder} is a file; choose a folder with --out")
    for name in (CARD, MODEL, WEIGHTS, HISTORY):
        if (folder / name).exists():
            what = "a trained model" if name == CARD else name
            raise ZooError(f"{folder} holds {what} already; choose another folder with --out")


def prepare_folder(folder: Path) -> Lock:
    """Make `folder` if there is none, before anything is trained, and hold it.

    Raises:
        ZooError: it holds a run, is a file, cannot be written, or another process writes it.
    """
    require_free(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ZooError(f"cannot write to {folder}: {error.strerror or error}") from error
    return Lock(folder)


def train_and_keep(
    model: keras.Model,
    task: Task,
    recipe: Recipe,
    data: Data,
    *,
    units: int,
    seed: int,
    folder: Path,
    verbose: int = 1,
    devices: int = 1,
) -> Run:
    """Train `model`, keep the epoch that is best on the validation split, score it, and write the run to `folder`.

    Ctrl-C ends the training, and so does a loss that is no finite number; the best epoch so far is kept, or the weights
    of the first one where that is stopped. Where scoring is stopped, the card has no scores.

    Raises:
        ZooError: see `train`.
        Diverged: the loss of the first epoch is no finite number.
        KeyboardInterrupt: Ctrl-C, in scoring; or nothing was trained, or a step on JAX had the only weights.

    Args:
        model: from `create_model`; it ends with the weights of its best epoch.
        task: what it is trained on.
        recipe: how.
        data: the task's.
        units: of the model, for its card.
        seed: of the order of the examples.
        folder: from `prepare_folder`.
        verbose: 1 shows a progress bar.
        devices: that share each batch.
    """
    import keras

    from zoo.training.fit import train
    from zoo.training.scores import evaluate

    log, stopped = epoch_log(task), False
    try:
        train(model, task, recipe, data=data, seed=seed, log=log, verbose=verbose, devices=devices)
    except Diverged:
        if log.weights is None:
            raise
    except KeyboardInterrupt:
        stopped = True
        if log.weights is None and (log.model is None or lost_variables(log.model)):
            raise  # there is nothing to keep
        for variable in lost_variables(model):
            variable.assign(keras.ops.zeros(variable.shape, variable.dtype))
    if log.weights is not None:
        model.set_weights(log.weights)
    save(model, folder)
    with (folder / HISTORY).open("w", newline="") as file:
        writer = csv.DictWriter(file, list(log.rows[0]) if log.rows else ["epoch"])
        writer.writeheader()
        writer.writerows(log.rows)
    card = describe(model, task, data, {}) | {
        "units": units,
        "recipe": dataclasses.asdict(recipe),
        "seed": seed,
        "epochs": len(log.rows),
        "stopped_early": stopped,
        "diverged": log.diverged is not None,
        "train_seconds": round(log.train_seconds, 3),
        "vocabularies": write_vocabularies(data),
        SUMS: checksums(folder, (MODEL, WEIGHTS)),
    }
    _write_card(folder, card)  # after all other files, and before scoring, which takes a while and can be stopped too
    scores = evaluate(model, task, data=data)
    _write_card(folder, card | {"scores": scores})
    return Run(folder, scores, len(log.rows), stopped, log.diverged is not None)


def _write_card(folder: Path, card: Mapping[str, Any]) -> None:
    write_whole(folder / CARD, (json.dumps(card, indent=2, default=str) + "\n").encode())


def describe(model: keras.Model, task: Task, data: Data, scores: Mapping[str, float]) -> dict[str, Any]:
    """The part of a card about the model, its scores and the versions."""
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


def save(model: keras.Model, folder: Path) -> None:
    """Put the model and its weights into `folder`."""
    from zoo.saving import save_weights

    model.save(folder / MODEL)
    save_weights(model, folder / WEIGHTS)


def read_run(folder: Path) -> tuple[keras.Model, dict[str, Any]]:
    """The model and the card of a training in `folder`.

    Raises:
        ZooError: there is none, or it is damaged.
    """
    from zoo.saving import load_model

    try:
        card = json.loads((folder / CARD).read_text())
    except (OSError, ValueError) as error:
        raise ZooError(f"{folder} holds no run of zoo train ({error})") from error
    missing = [key for key in KEYS if key not in card] if isinstance(card, dict) else list(KEYS)
    if missing:
        raise ZooError(f"{folder / CARD} is no card of zoo train: it has no {', '.join(missing)}")
    require_checksums(folder, card)
    try:
        return load_model(folder / MODEL), card
    except (OSError, ValueError, KeyError) as error:
        raise ZooError(f"{folder / MODEL} cannot be read: {' '.join(str(error).split())[:200]}") from error
