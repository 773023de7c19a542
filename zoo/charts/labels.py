"""How a chart names what it shows."""

from __future__ import annotations

import pandas as pd

BACKENDS = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "torch"}
CALLS = {"train": "training", "predict": "prediction"}
SETTINGS = ["entry", "task", "units", "batch"]


def backend_name(name: object) -> str:
    """A backend as it calls itself."""
    return BACKENDS.get(str(name), str(name))


def of_entries(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The rows of each entry and backend, for a picture each: the entry at the most sizes first, lstm's of several.

    Unmasked rows alone; of each entry those of the task, units and batch with the most numbers of steps.
    """
    rows = rows[rows["masked"] == "none"]
    if rows.empty:
        return {}
    numbers = rows.groupby(SETTINGS)["steps"].nunique().rename("numbers").reset_index()
    numbers["lstm"] = numbers["entry"] == "lstm"
    numbers = numbers.sort_values(["numbers", "lstm"], ascending=False, kind="stable")
    result = {}
    for _, row in numbers.drop_duplicates("entry").iterrows():
        mine = rows[(rows[SETTINGS] == row[SETTINGS]).all(axis=1)]
        for (backend, where), part in mine.groupby(["backend", "device"], sort=False):
            result[f"{row['entry']}-{backend}" + ("" if where == "cpu" else f"-{where}")] = part
    return result


def setting_words(rows: pd.DataFrame) -> str:
    """What the rows of one picture share: "lstm of 100 units on wave, batch 50"."""
    first = rows.iloc[0]
    return f"{first['entry']} of {first['units']} units on {first['task']}, batch {first['batch']}"


def rows_of(table: pd.DataFrame, drawn: pd.DataFrame) -> pd.DataFrame:
    """The rows of the table that `drawn` was worked out from."""
    rows = table[(table["status"] == "ok") & table["phase"].isin(drawn["phase"].unique())]
    keys = ["entry", "task", "steps", "units", "batch", "backend", "execution"]
    return rows.merge(drawn[keys].drop_duplicates(), on=keys)
