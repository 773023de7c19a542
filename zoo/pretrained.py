"""The trained models that come with the zoo: arrays by name and a card each, in zoo/pretrained_weights.

Nothing here unpickles: weights are safetensors, cards are JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.archives import sha256
from zoo.data import Data
from zoo.errors import ZooError
from zoo.registry import TASKS, Task
from zoo.vocabulary import END, Vocabulary

if TYPE_CHECKING:
    import keras

FOLDER = Path(__file__).parent / "pretrained_weights"
PRETRAINED = "pretrained"
"""The value of `weights` with which `create_model` loads the published weights of its entry and task."""
Card = Mapping[str, Any]


def cards(folder: Path = FOLDER) -> list[Card]:
    """The card of every published model, by name."""
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]


def get_card(entry: str, task: str, folder: Path = FOLDER) -> Card:
    """The card of the published weights of an entry on a task.

    Raises:
        ZooError: there are none; the error names those that are published for the task and for the entry.
    """
    published = cards(folder)
    for card in published:
        if (card["entry"], card["task"]) == (entry, task):
            return card
    entries = ", ".join(card["entry"] for card in published if card["task"] == task) or "none"
    tasks = ", ".join(card["task"] for card in published if card["entry"] == entry) or "none"
    raise ZooError(
        f"no trained weights of {entry!r} for {task!r} are published: for {task} there is {entries}, of {entry} {tasks}"
    )


def best_card(task: Task, folder: Path = FOLDER) -> Card:
    """The card of the published model with the best score on a task.

    Raises:
        ZooError: none is published for it.
    """
    published = [card for card in cards(folder) if card["task"] == task.name]
    if not published:
        raise ZooError(f"no trained weights are published for {task.name!r}; give a folder of zoo train with --run")
    choose = max if task.higher_is_better else min
    return choose(published, key=lambda card: next(iter(card["scores"].values())))


def in_words(card: Card) -> str:
    """A card in a line: the task, the scores over seeds beside the naive one, how it was trained and what it is."""
    scored = []
    for split, mean in card["mean"].items():
        spread = f" ± {card['sd'][split]:.2g}" if split in card["sd"] else ""
        naive = TASKS.get(card["task"]).best(card["naive_scores"][split].values())
        scored.append(f"{mean:.4g}{spread} on {split} (naive {naive:.3g})")
    seeds = f"{len(card['seeds'])} seed{'s' * (len(card['seeds']) > 1)}"
    return (
        f"{card['task']}: {card['metric']} {', '.join(scored)}, {seeds}; recipe {card['recipe']['name']}, "
        f"{card['units']} units, {card['parameters']:,} weights, {card['train_seconds']:g} s of training on "
        f"{card['device']}; sha256 {card['sha256'][:12]}" + (f"; {card['note']}" if card["note"] else "")
    )


def stem(entry: str, task: str) -> str:
    """The name of the two files of a published model, without their endings."""
    return f"{entry}-{task}"


def load_pretrained(model: keras.Model, task: str, folder: Path = FOLDER) -> None:
    """Load the published weights of the model's entry on `task`.

    Raises:
        ZooError: there are none, or the file is not the one that its card was written for.
    """
    from zoo.saving import load_weights

    card = get_card(model.name, task, folder)
    path = folder / f"{stem(model.name, task)}.safetensors"
    if sha256(path) != card["sha256"]:
        raise ZooError(f"{path} is not the file of its card: its sha256 differs; install the zoo again")
    load_weights(model, path)


def probe(model: keras.Model) -> list[float]:
    """Eight outputs of the model for two examples drawn from a fixed seed; they are the same on every backend."""
    from zoo.layers.tensors import packed

    rng = np.random.default_rng(0)
    inputs = [_drawn(rng, each) for each in model.inputs]
    outputs = np.asarray(model.predict_on_batch(packed(model, inputs))).ravel()
    chosen = np.linspace(0, outputs.size - 1, 8).round().astype(int)
    return [float(value) for value in outputs[chosen]]


def _drawn(rng: np.random.Generator, model_input: keras.KerasTensor) -> np.ndarray:
    """Two examples for one input: tokens that every vocabulary has, or values."""
    shape = (2, *model_input.shape[1:])
    if model_input.dtype == "int32":
        return rng.integers(END, 10, shape, np.int32)
    return rng.uniform(size=shape).astype(np.float32)


def write_vocabularies(data: Data) -> list[dict[str, str]]:
    """The vocabularies of a task as a card holds them."""
    return [{"separator": v.separator, "words": v.separator.join(v.words)} for v in data.vocabularies]


def read_vocabularies(card: Card) -> list[Vocabulary]:
    """The vocabularies that a card holds, of the source first."""
    return [Vocabulary(_words(**each), each["separator"]) for each in card["vocabularies"]]


def _words(words: str, separator: str) -> tuple[str, ...]:
    return tuple(words.split(separator) if separator else words)
