"""The machines of a table: times are compared within one of them, scores do not depend on it."""

from __future__ import annotations

import pandas as pd

from zoo.statistics.columns import TIMED
from zoo.statistics.remembered import once_a_table


def by_machine(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The rows of each machine, with every trained score; the machine with the most blocks in lock-step first.

    A CPU and a GPU of one machine are two of them: each has its name. Machines of one name are told apart by the number
    of their processors. Rows of an older version of a backend stand apart, behind all: "Example CPU, torch 2.12.0".
    """
    timed = table.loc[table["phase"].isin(TIMED), ["device_name", "cpu_count", "backend", "backend_version"]]
    timed = timed.drop_duplicates()
    timed = timed if timed["backend"].duplicated().any() else timed[["device_name", "cpu_count"]].drop_duplicates()
    if len(timed) < 2:
        names = timed["device_name"] if len(timed) else table["device_name"]
        return {str(names.iloc[0]) if len(names) else "": table}
    return _apart(table)


@once_a_table
def _apart(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    names = table["device_name"].astype("str")
    shared = table.groupby(names)["cpu_count"].transform("nunique") > 1
    names = names.mask(shared, names + ", " + table["cpu_count"].astype("str") + " CPUs")
    timed = table["phase"].isin(TIMED)
    older = _older(table, names, timed)
    names = names.mask(older, names + ", " + table["backend"] + " " + table["backend_version"])
    in_turn = table.loc[timed, "group"] != ""
    counts = (
        in_turn.groupby(names[timed]).agg(["sum", "count"]).assign(newest=lambda rows: ~rows.index.isin(names[older]))
    )
    order = counts.sort_values(["newest", "sum", "count"], ascending=False, kind="stable").index
    return {str(name): table[~timed | (names == name)] for name in order}


def _older(table: pd.DataFrame, names: pd.Series, timed: pd.Series) -> pd.Series:
    """The rows of a backend that was timed later on their machine in another version."""
    started = table["started_at"].where(timed & table["status"].eq("ok"))
    of_backend = [names, table["backend"]]
    newest = started.groupby([*of_backend, table["backend_version"]]).transform("max")
    last = started.groupby(of_backend).transform("max")
    return timed & newest.ne(last) & newest.notna()
