"""The weights and cards of zoo/pretrained_weights, from what `train-reference` trained."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import zoo
from benchmarks.trained.standing import published_scores
from zoo.data import Data
from zoo.pretrained import probe, stem, write_vocabularies
from zoo.registry import Task
from zoo.saving import write_whole
from zoo.training.folder import describe


@dataclass(frozen=True)
class Model:
    """A training whose best seed is published."""

    entry: str
    task: str
    recipe: str = "fast"
    note: str = ""  #: what a reader of its card should know


PUBLISHED = (
    Model("simple_rnn", "mnist_rows"),
    Model("simple_rnn_he", "mnist_rows"),
    Model("lstm", "mnist_rows", "long"),
    Model("min_gru", "mnist_rows", "blocks"),
    Model("gru", "reber", note="short strings are likely, and come again within a split, never in two"),
    Model("time_distributed_projection", "wave", "book_he"),
    Model("dense_projection", "wave", "book_he"),
    Model("reshape_projection", "wave", "book_he"),
    Model("stacked_rnn", "wave", "book_dropout"),
    Model("gru", "adding", "long"),
    Model("irnn", "adding", "slow_long"),
    Model("min_gru", "adding"),
    Model("min_lstm", "adding"),
    Model("lru", "digits_rows"),
    Model("mamba", "digits_rows"),
    Model("gru", "el_nino"),
    Model("slstm", "el_nino"),
    Model("neuron", "temperatures"),
    Model("lru", "copying", "blocks"),
    Model("mamba", "associative_recall", "blocks"),
    Model("lru", "mnist_pixels", "pooled"),
    Model("vector_to_sequence", "draw_digit"),
    Model("encoder_decoder", "dates"),
    Model("lstm", "reviews"),
    Model("min_gru", "reviews", "blocks"),
    Model("encoder_decoder_attention", "translation", note="what is not among the 5,000 words of a side is <unknown>"),
)
HALF_OVER_BYTES = 4_000_000
"""Above this an array is kept in half precision: the file is half as large, and its own score is measured from it."""
EXAMPLES = 10


def publish_all(
    table: pd.DataFrame, history: pd.DataFrame, trained: Path, to: Path, tell: Callable[[str], object]
) -> None:
    """Write the weights and the card of every model of PUBLISHED whose training is at hand.

    Args:
        table: the accuracy tables, a row a seed and split.
        history: the figures of each epoch.
        trained: the folder with the weights of each seed.
        to: zoo/pretrained_weights.
        tell: takes a line for a person.
    """
    for model in PUBLISHED:
        rows = _rows(table, model)
        seeds = [seed for seed in sorted(rows["seed"].unique()) if _weights(trained, rows, seed).exists()]
        if not seeds:
            tell(f"{stem(model.entry, model.task)}: no trained weights here; run python -m benchmarks train-reference")
            continue
        best = best_seed(history, rows, zoo.get_task(model.task), seeds)
        card = publish(model, rows, best, _weights(trained, rows, best), to)
        tell(f"{stem(model.entry, model.task)}: seed {best}, {card['metric']} {card['scores']}")


def _rows(table: pd.DataFrame, model: Model) -> pd.DataFrame:
    """The scored seeds of a training, each once, by the metric of its task."""
    rows = published_scores(table)
    rows = rows[rows["metric"] == zoo.get_task(model.task).metric]
    for name in ("entry", "task", "recipe"):
        rows = rows[rows[name] == getattr(model, name)]
    return rows


def _weights(trained: Path, rows: pd.DataFrame, seed: int) -> Path:
    first = rows.iloc[0]
    return trained / f"{first.entry}-{first.task}-{first.recipe}-{first.backend}-seed{seed}.safetensors"


def best_seed(history: pd.DataFrame, rows: pd.DataFrame, task: Task, seeds: Sequence[int]) -> int:
    """The seed with the best last validation score: the test split chooses nothing."""
    first = rows.iloc[0]
    validation = history[history["figure"] == f"val_{task.keras_metric}"]
    for name in ("entry", "task", "recipe"):
        validation = validation[validation[name] == first[name]]
    last = validation.sort_values("epoch").groupby("seed")["value"].last().loc[list(seeds)]
    return int(str(last.idxmax() if task.higher_is_better else last.idxmin()))


def publish(model: Model, rows: pd.DataFrame, seed: int, weights: Path, to: Path) -> dict[str, Any]:
    """Write the weights of one seed and its card, whose scores are measured from the bytes that are written then."""
    from safetensors.numpy import load, save

    task = zoo.get_task(model.task)
    recipe = task.recipe(model.recipe)
    units = int(rows["units"].iloc[0])
    path = to / f"{stem(model.entry, model.task)}.safetensors"
    built = zoo.create_model(model.entry, model.task, units=units, weights=weights, **recipe.options)
    arrays = zoo.get_weights(built)
    half = sum(array.nbytes for array in arrays.values()) > HALF_OVER_BYTES
    content = save({name: array.astype(np.float16) if half else array for name, array in arrays.items()})
    zoo.set_weights(built, load(content))
    data = task.load(seed=seed)
    scores = zoo.evaluate(built, task, data=data)
    card = {
        **describe(built, task, data, scores),
        "units": units,
        "recipe": dataclasses.asdict(recipe),
        "seed": seed,
        **_over_seeds(rows),
        "precision": "float16" if half else "float32",
        "note": model.note,
        "sha256": hashlib.sha256(content).hexdigest(),
        "probe": probe(built),
        "examples": examples(built, task, data),
        "vocabularies": write_vocabularies(data),
    }
    write_whole(path, content)
    write_whole(path.with_suffix(".json"), (json.dumps(card, indent=2, ensure_ascii=False) + "\n").encode())
    return card


def _over_seeds(rows: pd.DataFrame) -> dict[str, Any]:
    """Mean, deviation and seconds over all seeds, as the table has them."""
    by_split = rows.groupby("split")["score"]
    first = rows.iloc[0]
    return {
        "seeds": sorted(int(seed) for seed in rows["seed"].unique()),
        "mean": {split: round(float(mean), 6) for split, mean in by_split.mean().items()},
        "sd": {split: round(float(sd), 6) for split, sd in by_split.std().dropna().items()},
        "train_seconds": round(float(rows["train_seconds"].median()), 1),
        "device": f"{first.device_name}, {first.cpu_count} cores",
        "commit": first.commit,
    }


def examples(model: Any, task: Task, data: Data) -> list[dict[str, str]]:
    """The first sources of the test of a task of texts: what was read, what was answered, what was expected."""
    if not task.target_steps:
        return []
    from zoo.decoding import decode

    source, target = data.vocabularies
    test = next(iter(data.tests.values()))
    _, firsts = np.unique(test.x[0], axis=0, return_index=True)  # a sentence may have several translations
    rows = np.sort(firsts)[:EXAMPLES]
    sources, rights = test.x[0][rows], test.y[rows]
    answers = decode(model, sources, rights.shape[1])
    return [
        {"source": source.text(read), "answer": target.text(answer), "expected": target.text(right)}
        for read, answer, right in zip(sources, answers, rights, strict=True)
    ]
