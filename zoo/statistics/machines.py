"""The machines of a table: times are compared within one of them, scores do not depend on it."""

from __future__ import annotations

import pandas as pd

from zoo.statistics.columns import TIMED
from zoo.statistics.remembered import once_a_table


@once_a_table
def by_machine(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The rows of each machine, with every trained score; the machine with the most timed rows first.

    A CPU and a GPU of one machine are two of them: each has its name.
    """
    names = table["device_name"].astype("str")
    timed = table["phase"].isin(TIMED)
    counts = names[timed].value_counts()
    if len(counts) < 2:
        return {str(names.iloc[0]) if len(names) else "": table}
    return {str(name): table[~timed | (names == name)] for name in counts.index}
