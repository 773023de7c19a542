"""`zoo.label`: the label of each sequence of a table, by a model that `zoo.compare` kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from zoo.errors import ZooError
from zoo.forecasts.kept import damage_named, loaded, read_card
from zoo.frames.dialect import Dialect
from zoo.frames.table import open_table
from zoo.problems.examples import unlabelled_sequences, unlabelled_texts
from zoo.problems.reading import number_inputs, text_inputs, tokens_by_word, words_of

ROW, LABEL, PROBABILITY = "row", "label", "probability"
KEYS = ("labels", "columns", "steps")
BATCH = 256


def label(
    model: str | Path, source: Path | str | pd.DataFrame, *, dates: str = "", dialect: Dialect | None = None
) -> pd.DataFrame:
    """Give each sequence of a table the label that the model holds to be the most likely.

        print(zoo.label("zoo-runs/compare-…/model", "reviews.csv"))

    Args:
        model: a folder of `zoo.compare`, or "hf://user/name".
        source: a file or a frame with the columns that the model was trained on; it needs no labels.
        dates: "day-first", "month-first" or "year-first", where dates can be read in two ways.
        dialect: how the file is written, where that is not found.

    Returns:
        A row a sequence: its id, or of a text the number of its row, the first being 0; its `label`; and the
        `probability` that the model gives to it.

    Raises:
        ZooError: there is no model, it gives no labels, or the table does not fit it.
    """
    folder, card = read_card(model)
    if card.get("kind") != "label":
        raise ZooError(f"{model} holds a model that gives no labels: zoo compare --label makes one that does")
    of_texts = "words" in card
    with damage_named(folder, card, KEYS if of_texts else (*KEYS, "id", "time", "scaling")):
        names, columns, width = np.array(card["labels"], str), tuple(card["columns"]), int(card["steps"])
        tokens = tokens_by_word(card["words"]) if of_texts else {}
        scaling = {} if of_texts else card["scaling"]
        mean, deviation = (np.array(scaling.get(key, ()), float) for key in ("means", "deviations"))
    table = open_table(source, dialect)
    if of_texts:
        texts = unlabelled_texts(table, columns[0])
        result, x = pd.DataFrame({ROW: texts.index}), text_inputs(words_of(texts), tokens, width)
    else:
        ids, sequences = unlabelled_sequences(table, card["id"], columns, card["time"], dates)
        result, x = pd.DataFrame({card["id"]: ids}), number_inputs(sequences, mean, deviation, width)
    likely = np.asarray(loaded(folder, card).predict(x, batch_size=BATCH, verbose=0))
    return result.assign(**{LABEL: names[likely.argmax(axis=1)], PROBABILITY: likely.max(axis=1)})
