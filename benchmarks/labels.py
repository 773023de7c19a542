"""How a chart names its panels: no more than tells apart what differs in the table."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from benchmarks.summary import SETTING, SIZES

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
        said = [MASKS[row[column]] if column == "masked" else _said(column, row[column]) for column in shown[2:]]
        return ", ".join([f"{row['task']}: {row['units']} units", *filter(None, said)])

    return pd.Series([label(row) for _, row in table.iterrows()], index=table.index, dtype="str")


def _said(column: str, value: object) -> str:
    return f"{column} {value}" if column in (*SIZES, "threads") else str(value)
