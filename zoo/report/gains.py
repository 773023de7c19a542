"""How many times as fast the zoo's executions are as others, as a table of texts."""

from __future__ import annotations

import pandas as pd

from zoo.statistics.columns import differing
from zoo.statistics.gains import PLACE, gains
from zoo.statistics.texts import number, with_interval


def gain_texts(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of `gains` as texts: A is the first side, B the second. In the place of a missing gain stands why.

    What differs of the machine and the device has a column of its own.
    """
    rows = gains(table)
    sizes = zip(rows["entry"], rows["units"], rows["steps"], rows["batch"], strict=True)
    shown = rows[["problem", "gain", "low", "high"]].itertuples(index=False, name=None)
    texts = {
        "A against B": rows["comparison"],
        "call": rows["phase"],
        "size": [f"{entry} {units}, {steps} steps, batch {batch}" for entry, units, steps, batch in sizes],
        **{name: rows[name] for name in differing(rows, PLACE)},
        "fastest of A": rows["ours"],
        "fastest of B": rows["theirs"],
        "A is times as fast": [problem or with_interval(*interval) for problem, *interval in shown],
        "A ms": rows["ours_step_seconds"].map(_milliseconds),
        "floor of A": rows["ours_floor_seconds"].map(_milliseconds),
        "B ms": rows["theirs_step_seconds"].map(_milliseconds),
        "floor of B": rows["theirs_floor_seconds"].map(_milliseconds),
        "n": rows["repeats"],
    }
    return pd.DataFrame(texts).astype("str")


def _milliseconds(seconds: float) -> str:
    return number(seconds * 1000)
