"""Executions beside each other: the time of each over that of the fastest at a size, and what failed there."""

from __future__ import annotations

import pandas as pd

from zoo.execution import SAME_PROGRAM
from zoo.statistics.columns import EXECUTION, PAIR, SETTING, TIMED
from zoo.statistics.intervals import geometric_mean
from zoo.statistics.ratios import medians_and_blocks, over
from zoo.statistics.remembered import once_a_table
from zoo.statistics.verdicts import SLOWER, TEST, TOO_FEW

KEYS = [*SETTING, *EXECUTION, "fastest", "quantity"]
ARM = [column for column in [*SETTING, *EXECUTION] if column != "steps"]
WORDS = {
    "out_of_memory": "out of memory",
    "timeout": "timeout",
    "crashed": "crashed",
    "unequal": "unequal",
    "skipped": "not possible",
}
"""How an execution ended that has no time, in words."""


@once_a_table
def over_fastest(table: pd.DataFrame) -> pd.DataFrame:
    """The time of every execution over that of the fastest one of its setting, in the same group and repeat.

    One row a setting, phase and execution, with the columns of `ratios.ratios`; of the fastest itself `ratio` is 1.
    `fastest` is the execution with the least geometric mean over repeats. `tie` marks what is not decidedly slower than
    it. An execution without a time has `ended`, how it ended in words: "timeout", also at more steps than those at
    which it ended so; "as looped" where it is the same program as another arm.
    """
    timed = _timed(table)
    keys = [*SETTING, *EXECUTION]
    failed = table[(table["status"] != "ok") & table["phase"].isin(TIMED)].drop_duplicates(keys)
    too_long = failed[failed["status"] == "timeout"].groupby(ARM, dropna=False)["steps"].min()
    fewest = failed.merge(too_long.rename("fewest").reset_index(), on=ARM, how="left")["fewest"]
    status = failed["status"].mask((failed["steps"] > fewest.set_axis(failed.index)).fillna(False), "timeout")
    failed = failed.assign(status=status)
    failed = failed.assign(ended=[_ended(row) for _, row in failed.iterrows()])[[*keys, "ended"]]
    known = set(map(tuple, timed[[*SETTING, "execution"]].astype("str").to_numpy()))
    places = map(tuple, failed[[*SETTING, "execution"]].astype("str").to_numpy())
    failed = failed[[place not in known for place in places]]
    rows = pd.concat([timed.assign(ended=""), failed], ignore_index=True) if len(failed) else timed.assign(ended="")
    return rows.assign(tie=rows["verdict"].notna() & ~rows["verdict"].isin([SLOWER, TOO_FEW]))


def _timed(table: pd.DataFrame) -> pd.DataFrame:
    times, blocks = medians_and_blocks(table)
    times = times.assign(case=times.index, quantity="step_seconds", seconds=times["step_seconds"])
    times = times[times["seconds"] > 0]
    means = times.groupby([*SETTING, "execution"], dropna=False, sort=False)["seconds"].agg(geometric_mean)
    fastest = means.reset_index().sort_values("seconds", kind="stable").drop_duplicates(SETTING)
    bases = times.merge(fastest[[*SETTING, "execution"]]).rename(columns={"execution": "fastest"})
    rows = over(times, bases, [*SETTING, *PAIR], KEYS, blocks, table)
    return rows[[*KEYS, *TEST, "verdict", "repeats_needed"]]


def _ended(row: pd.Series) -> str:
    same = SAME_PROGRAM.get((row["loop"], row["backend"], row["device"]))
    return f"as {same}" if row["status"] == "skipped" and same else WORDS[row["status"]]
