"""`zoo.label`: a kept model reads a table without labels exactly as the comparison that trained it did."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

import zoo
from tests import commands
from zoo.archives import SUMS, checksums
from zoo.cli import main
from zoo.frames.table import open_table
from zoo.problems.examples import read_sequences, read_texts
from zoo.problems.labelling import Labelling
from zoo.training.folder import CARD, MODEL

REVIEWS = pd.DataFrame(
    {"review": [f"A {w} film, {i}!" for i in range(30) for w in ("good", "bad")], "mood": ["+", "-"] * 30}
)
STEPS = pd.DataFrame(
    [{"who": i, "t": t, "x": np.sin(i + t), "y": float(i), "kind": "ab"[i % 2]} for i in range(24) for t in (2, 0, 1)]
)
PROBLEMS = {
    "texts": (Labelling(read_texts(open_table(REVIEWS), "review", "mood"), "mood", steps=3), REVIEWS, "mood"),
    "recordings": (
        Labelling(read_sequences(open_table(STEPS), "who", "kind", (), "t"), "kind", steps=2),
        STEPS,
        "kind",
    ),
}


def kept(folder: Path, name: str) -> tuple[Path, keras.Model]:
    """A model that is kept as `zoo compare` keeps it, not trained."""
    problem = PROBLEMS[name][0]
    read = (
        [keras.layers.Input((3,), dtype="int32"), keras.layers.Embedding(problem.task.tokens, 4, mask_zero=True)]
        if name == "texts"
        else [keras.layers.Input((2, 2)), keras.layers.Masking()]
    )
    model = keras.Sequential([*read, keras.layers.GRU(4), keras.layers.Dense(2, activation="softmax")])
    model.save(folder / MODEL)
    card = {**problem.card(0), SUMS: checksums(folder, (MODEL,))}
    (folder / CARD).write_text(json.dumps(card))
    return folder, model


@pytest.mark.parametrize("name", PROBLEMS)
def test_labels_are_those_of_what_the_comparison_read(name: str, tmp_path: Path) -> None:
    problem, frame, label = PROBLEMS[name]
    folder, model = kept(tmp_path, name)
    likely = model.predict(problem._inputs(0, np.arange(len(problem.examples_of))), verbose=0)
    made = zoo.label(folder, frame.drop(columns=label))
    assert made["label"].tolist() == [problem.examples_of.names[number] for number in likely.argmax(axis=1)]
    assert made["probability"].to_numpy() == pytest.approx(likely.max(axis=1), rel=1e-5)
    assert made.columns[0] == {"texts": "row", "recordings": "who"}[name]


def test_the_command_writes_all_labels_and_names_what_is_wrong(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("model").mkdir()
    kept(Path("model"), "texts")
    REVIEWS.drop(columns="mood").to_csv("reviews.csv", index=False)
    code, out, err = commands.run(main, "label", "model", "reviews.csv", "--to", "labels.csv")
    assert (code, "and 40 more rows" in out) == (0, True), err
    assert pd.read_csv("labels.csv")["row"].tolist() == list(range(60))
    (Path("model") / CARD).write_text(json.dumps({"kind": "forecast"}))
    for words, text in {
        ("model", "reviews.csv"): "gives no labels",
        ("none", "reviews.csv"): "holds no model of zoo compare",
        ("model", "reviews.csv", "--to", "reviews.csv"): "is the table itself",
    }.items():
        code, out, err = commands.run(main, "label", *words)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert text in err
    assert len(pd.read_csv("reviews.csv")) == 60
