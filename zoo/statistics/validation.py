"""How well trainings did on validation: what recipes are chosen by, so that nothing is chosen by a test."""

from __future__ import annotations

import pandas as pd

from zoo.statistics.scores import better

TRAINING = ["entry", "task", "recipe", "backend", "units", "seed"]
"""The columns that a row of results and a row of a history of epochs share."""


def with_validation(table: pd.DataFrame, history: pd.DataFrame) -> pd.DataFrame:
    """The table with `validation`, the last validation score of the training of a row, so that less is better.

    It is that of the row's own metric, or the validation loss where the history does not have it; NaN where the row is
    of no training or the history does not know it.

    Args:
        table: rows of results.
        history: a row a figure and epoch of a training: TRAINING, `epoch`, `figure` and `value`.
    """
    last = history.sort_values("epoch", kind="stable").drop_duplicates([*TRAINING, "figure"], keep="last")
    last = last[last["figure"].str.startswith("val_")]
    known = last.set_index([*TRAINING, "figure"])["value"]
    rows = table[table["phase"] == "accuracy"]
    own = _looked_up(known, rows, "val_" + rows["metric"].astype("str"))
    higher = rows["metric"].map(lambda metric: better(str(metric)).startswith("higher")).astype("bool")
    loss = _looked_up(known, rows, pd.Series("val_loss", rows.index))
    return table.assign(validation=own.mask(higher, -own).fillna(loss))


def _looked_up(known: pd.Series, rows: pd.DataFrame, figure: pd.Series) -> pd.Series:
    """The value of the training and the figure of each row."""
    wanted = pd.MultiIndex.from_frame(rows[TRAINING].assign(figure=figure))
    return pd.Series(known.reindex(wanted).to_numpy(), rows.index, dtype="float64")
