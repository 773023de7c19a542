"""Executions beside each other: the time of each over that of the fastest at a size, and what failed there."""

from __future__ import annotations

import numpy as np
import pandas as pd

from zoo.execution import SAME_PROGRAM
from zoo.measuring.enough import LEAST_REPEATS
from zoo.statistics.columns import EXECUTION, PAIR, SETTING, TIMED
from zoo.statistics.favourite import favourite
from zoo.statistics.ratios import judged, medians_and_blocks, pairs_over
from zoo.statistics.remembered import once_a_table
from zoo.statistics.verdicts import EQUAL, EQUAL_TO, SLOWER, TEST, TOO_FEW

KEYS = [*SETTING, *EXECUTION, "fastest", "quantity"]
LEAST_SIZES = 3
LEAST_LENGTHS = 2
"""Of fewer numbers of steps nothing is said of which execution wins."""
KERAS_LOOPS = ("stock", "stock-unrolled", "looped", "unrolled")
ARM = [column for column in [*SETTING, *EXECUTION] if column != "steps"]
WORDS = {
    "out_of_memory": "out of memory",
    "timeout": "timeout",
    "crashed": "crashed",
    "unequal": "unequal",
    "skipped": "not possible",
}
"""How an execution ended that has no time, in words."""
TOO_MUCH = ("out of memory", "timeout")
"""What an execution is called that took too much of something: it was tried, and lost."""


@once_a_table
def over_fastest(table: pd.DataFrame) -> pd.DataFrame:
    """The time of every execution over that of the fastest one of its setting, in the same group and repeat.

    One row a setting, phase and execution, with the columns of `ratios.ratios`; of the fastest itself `ratio` is 1.
    Of several runs the executions are those of one group, and every repeat of theirs counts, as in other tables.
    `fastest` is the execution with the least ratio to any other, of those with three repeats if there are any. `tie`
    marks what is not decidedly slower than it, the fastest too. What has no time has `ended`, how it ended in words:
    "timeout", also at more steps than those at which it ended so; "as looped" where it is the same program as another.
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
    times = times.merge(_of_one_group(times))
    same = [*SETTING, *PAIR]
    made = times.groupby([*SETTING, "execution"], dropna=False)["repeat"].transform("nunique")
    most = made.groupby([times[name] for name in SETTING], dropna=False).transform("max")
    able = times[made >= most.clip(upper=LEAST_REPEATS)]
    first = able.sort_values("seconds", kind="stable").drop_duplicates(SETTING)
    for _ in range(2):  # the fastest is what takes the least of the time of any other, in the same rounds
        bases = able.merge(first[[*SETTING, "execution"]]).rename(columns={"execution": "fastest"})
        paired = pairs_over(able, bases, same, KEYS, blocks)
        logs = paired.assign(log=np.log(paired["ratio"]))
        means = logs.groupby([*SETTING, "execution"], dropna=False, sort=False)["log"].mean()
        first = means.reset_index().sort_values("log", kind="stable").drop_duplicates(SETTING)
    bases = times.merge(first[[*SETTING, "execution"]]).rename(columns={"execution": "fastest"})
    paired = pairs_over(times, bases, same, KEYS, blocks)
    itself = paired["execution"] == paired["fastest"]  # is no comparison, and counts in no correction
    won = paired[itself].groupby(KEYS, dropna=False, sort=False).size().rename("repeats").reset_index()
    won = won.assign(ratio=1.0, verdict=[EQUAL if repeats >= LEAST_REPEATS else TOO_FEW for repeats in won["repeats"]])
    rows = judged(paired[~itself], KEYS, table)
    won = won.astype({str(name): rows[name].dtype for name in won})
    return pd.concat([won, rows], ignore_index=True).reindex(columns=[*KEYS, *TEST, "verdict", "repeats_needed"])


def _of_one_group(times: pd.DataFrame) -> pd.DataFrame:
    """The executions of each setting that took turns in one group: that with the most of Keras' own loops.

    Of several, the one with the most executions, then the most repeats, then the newest.
    """
    groups = [*SETTING, "run", "group"]
    counted = times.assign(own=times["execution"].where(times["loop"].isin(KERAS_LOOPS)))
    sizes = counted.groupby(groups, dropna=False)[["own", "execution", "repeat"]].nunique().reset_index()
    order = ["own", "execution", "repeat", "run"]
    chosen = sizes.sort_values(order, ascending=False, kind="stable").drop_duplicates(SETTING)
    return times.merge(chosen[groups], on=groups)[[*SETTING, "execution"]].drop_duplicates()


def _ended(row: pd.Series) -> str:
    same = SAME_PROGRAM.get((row["loop"], row["backend"], row["device"]))
    return f"as {same}" if row["status"] == "skipped" and same else WORDS[row["status"]]


@once_a_table
def by_size(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of `over_fastest` that compare the executions of one entry by its number of steps, in training.

    The entry, task, units and batch are those of `favourite`; the executions those of Keras that have a time at three
    sizes of a backend, or at half as many as another, and nothing else counts for the fastest. `timed` marks the rows
    with a time.
    """
    keras = table[table["runner"].eq("keras") & table["memory"].eq("store") & table["loop"].isin(KERAS_LOOPS)]
    rows = _of_favourite(keras)
    if rows.empty:
        return rows
    common = _common(rows)[["backend", "device", "execution"]].drop_duplicates()
    return _common(_of_favourite(keras.merge(common)))


def _of_favourite(table: pd.DataFrame) -> pd.DataFrame:
    rows = over_fastest(table)
    return favourite(rows[rows["phase"] == "train"].assign(timed=lambda each: each["ratio"].notna()))


def _common(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of the executions that have a time at three sizes, or at half as many as another."""
    places = ["backend", "device", "execution"]
    sizes = rows["timed"].groupby([rows[name] for name in places]).transform("sum")
    most = sizes.groupby([rows["backend"], rows["device"]]).transform("max")
    return rows[(sizes > 0) & ((sizes >= LEAST_SIZES) | (2 * sizes >= most))]


def winners(rows: pd.DataFrame, least_lengths: int = LEAST_LENGTHS) -> pd.DataFrame:
    """Of `by_size`, for each backend which execution is the fastest, or tied with it, from length to length.

    One row a stretch of lengths, `first_steps` to `last_steps`: `execution` is so at each of the `sizes` lengths in it,
    and was tried at lengths up to `tried_to`, or at all of them: then that is empty.
    Tied is what is not decidedly slower, and not measured as more than 5% slower either. The stretches are as few as
    can be, and of several ways the one of least time. Only the numbers of steps count at which two executions were
    tried, one of which may have ended for want of time or memory, and three repeats; of fewer lengths than
    `least_lengths` nothing is said.
    """
    keys = ["backend", "device"]
    tried = rows[rows["timed"] | rows["ended"].isin(TOO_MUCH)]
    tried = tried[tried.groupby([*keys, "steps"])["execution"].transform("nunique") > 1]
    best = tried[tried["tie"] & (tried["ratio"] <= EQUAL_TO)]
    found = []
    for place, part in best.groupby(keys, sort=False):
        cells = part.drop_duplicates(["steps", "execution"]).pivot(index="steps", columns="execution", values="ratio")
        times = cells.astype("float64").sort_index().apply(np.log)
        if len(times) < least_lengths:
            continue
        here = tried[tried[keys].eq(list(place)).all(axis=1)]
        for name, lengths in _stretches(times):
            last = float(here.loc[here["execution"].eq(name), "steps"].max())
            tried_to = last if last < here["steps"].max() else np.nan
            ends = {"first_steps": lengths[0], "last_steps": lengths[-1], "sizes": len(lengths), "tried_to": tried_to}
            found.append({**dict(zip(keys, place, strict=True)), "execution": name, **ends})
    return pd.DataFrame(found, columns=[*keys, "execution", "first_steps", "last_steps", "sizes", "tried_to"])


def _stretches(times: pd.DataFrame) -> list[tuple[str, list[int]]]:
    """The fewest runs of lengths, each with an execution that is among the best at all of its lengths.

    Args:
        times: lengths × executions, the logarithm of the time over that of the fastest, NaN for what is not of the
            best; of several ways the one with the least sum counts, and of those the one that changes last.
    """
    best: list[tuple[int, float, list[tuple[str, list[int]]]]] = [(0, 0.0, [])]  # up to each length
    for end in range(1, len(times) + 1):
        ways = []
        for begin in reversed(range(end)):
            number, sum_before, runs = best[begin]
            sums = times.iloc[begin:end].sum(skipna=False).dropna()
            if len(sums):
                run = (str(sums.idxmin()), times.index[begin:end].tolist())
                ways.append((number + 1, round(sum_before + float(sums.min()), 9), [*runs, run]))
        best.append(min(ways, key=lambda way: way[:2]))
    return best[-1][2]
