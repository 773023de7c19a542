"""The time of an entry over that of the reference entry, which stands in every group: "gru takes 0.78 of lstm"."""

from __future__ import annotations

import pandas as pd

from zoo.execution import KERAS, NORMAL_JIT
from zoo.statistics.columns import EXECUTION, PAIR, SETTING
from zoo.statistics.ratios import medians_and_blocks, over
from zoo.statistics.remembered import once_a_table

REFERENCE = "lstm"
SAME = [column for column in [*SETTING, *EXECUTION, *PAIR] if column != "entry"]


@once_a_table
def against_reference(table: pd.DataFrame, entry: str = "") -> pd.DataFrame:
    """The step time of each entry's looped arm over that of the reference entry, in the same group and repeat.

    One row a setting and phase; looped is without jit, but with it on JAX. `reference` is `entry`; without one it is
    lstm where the group has it, else the main entry of the task, which is called as the task's topology. The other
    columns are those of `ratios.ratios`.
    """
    times, blocks = medians_and_blocks(table)
    looped = plain_loops(times.assign(case=times.index, quantity="step_seconds", seconds=times["step_seconds"]))
    looped = looped[looped["seconds"] > 0]
    bases = looped[looped["entry"] == entry] if entry else references(looped, table)
    others = looped.drop(bases.index)
    keys = [*SETTING, *EXECUTION, "reference", "quantity"]
    return over(others, bases.rename(columns={"entry": "reference"}), SAME, keys, blocks, table)


def plain_loops(times: pd.DataFrame) -> pd.DataFrame:
    """The rows of `medians` of plain looped arms with the jit that is normal on their backend."""
    normal = times["jit"].astype(bool) == times["backend"].map(NORMAL_JIT).astype(bool)
    plain = times["runner"].eq(KERAS) & times["loop"].eq("looped") & times["chunk"].isna() & times["memory"].eq("store")
    return times[normal & plain]


def references(looped: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """The rows of the reference entry of each group."""
    groups = looped.groupby(SAME, dropna=False, sort=False)["entry"]
    has_lstm = groups.transform(lambda entries: (entries == REFERENCE).any()).astype(bool)
    main = looped["task"].map(table.drop_duplicates("task").set_index("task")["topology"])
    return looped[looped["entry"] == main.mask(has_lstm, REFERENCE)]
