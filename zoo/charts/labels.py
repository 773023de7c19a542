"""How a chart names its panels, by no more than what differs in the table, and what it leaves to the tables."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from zoo.statistics.columns import SETTING, SIZES

NAMED = ("entry", "task", "steps", "units", "phase", "backend", "device", "device_name")
FACETS = ["backend", "device", "device_name", *(column for column in SETTING if column not in NAMED)]
"""What a panel's title says where it differs within the table, so that unlike settings never share a panel."""


MASKS = {"none": "", "full": "masked, full lengths", "uniform": "masked, uniform lengths"}


def facet_labels(table: pd.DataFrame, others: Sequence[str]) -> pd.Series:
    """For each row the task, its units, and as many of the `others` as tell apart what differs within a task."""
    shown = ["task", "units"]
    for column in others:
        if len(table[[*shown, column]].drop_duplicates()) > len(table[shown].drop_duplicates()):
            shown.append(column)

    def label(row: pd.Series) -> str:
        parts = [MASKS[row[column]] if column == "masked" else _named(column, row[column]) for column in shown[2:]]
        return ", ".join([f"{row['task']}: {row['units']} units", *filter(None, parts)])

    return pd.Series([label(row) for _, row in table.iterrows()], index=table.index, dtype="str")


def _named(column: str, value: object) -> str:
    return f"{column} {value}" if column in (*SIZES, "threads") else str(value)


MOST_LINES = 25
"""Beyond so many lines a chart of dots shows each task at one size alone: the rest stands in the tables."""
USUAL = " Of many sizes those are shown at which most entries of a task were measured, unmasked; all are in the tables."


def usual_sizes(data: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Rows that can be read in one picture, and a note on those left out."""
    lines = ["entry", "task", *SIZES, "masked", "backend"]
    if len(data[lines].drop_duplicates()) <= MOST_LINES:
        return data, ""
    plain = data[data["masked"] == "none"]
    if plain.empty:
        return data, ""
    sizes = ["task", "steps", "units", "batch"]
    entries = plain.groupby(sizes)["entry"].nunique().reset_index()
    usual = entries.sort_values("entry", ascending=False, kind="stable").drop_duplicates("task")
    return plain.merge(usual[sizes]), USUAL
