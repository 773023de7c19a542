"""The time of an execution over that of another in the same repeat, where they took turns by rounds; what it shows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from zoo.execution import NORMAL_JIT
from zoo.statistics.columns import (
    COSTS,
    EXECUTION,
    FAMILY,
    PAIR,
    QUANTITIES,
    REPEAT,
    SETTING,
    TIMED,
    numbered,
)
from zoo.statistics.moderation import prior_of
from zoo.statistics.remembered import once_a_table
from zoo.statistics.rounds import blocks_of, round_ratios
from zoo.statistics.stock import STOCK_LOOPS, stands_for
from zoo.statistics.verdicts import JUDGED, MOMENTS, TEST, ratio_tests, with_verdicts


def medians(table: pd.DataFrame, by: Sequence[str] = PAIR) -> pd.DataFrame:
    """One row a case, phase, group and repeat: the median of every cost over its blocks, with the entry's `cell`.

    An arm that stands in several groups of a repeat has a row in each; with `by=REPEAT` it has one.
    `step_iqr_seconds` is the distance between the quartiles of its blocks, NaN for a single one;
    `compile_over_floor_bytes` and `step_over_floor_bytes` are peaks of memory less that of a one-Dense model.
    """
    return medians_and_blocks(table, by)[0]


@once_a_table
def medians_and_blocks(table: pd.DataFrame, by: Sequence[str] = PAIR) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The `medians`, and the blocks they are of: the `case` of a block is the row of its median."""
    where = np.flatnonzero((table["status"] == "ok") & table["phase"].isin(TIMED))
    keys = [*SETTING, *EXECUTION, *by]
    cases = numbered(table, keys, where)
    first = where[np.unique(cases, return_index=True)[1]]
    result = table[keys].take(first).reset_index(drop=True)
    for name in COSTS:
        result[name] = _column(table, name, where).groupby(cases).median()
    timings = _column(table, "step_seconds", where).groupby(cases)
    spread = timings.quantile(0.75) - timings.quantile(0.25)
    result["step_iqr_seconds"] = spread.where(timings.count() > 1)
    result["cell"] = result["entry"].map(table.drop_duplicates("entry").set_index("entry")["cell"])
    for what in ("compile", "step"):
        result[f"{what}_over_floor_bytes"] = result[f"{what}_peak_host_bytes"] - result[f"{what}_floor_host_bytes"]
    in_turn = table["group"].take(where).ne("").reset_index(drop=True)
    rounds, seconds = (_column(table, name, where) for name in ("round", "step_seconds"))
    return result, blocks_of(cases, rounds, seconds, in_turn)


def _column(table: pd.DataFrame, name: str, where: np.ndarray) -> pd.Series:
    return table[name].take(where).astype("float64").reset_index(drop=True)


@once_a_table
def pairs(table: pd.DataFrame, baseline: str = "looped", quantities: Sequence[str] = QUANTITIES) -> pd.DataFrame:
    """One row a pair: `ratio` is the time of an execution over that of its baseline in the same repeat.

    The baseline of an execution is the plain `baseline` loop of the same jit, and that without jit for the jitted
    baseline itself and on a backend where the table has no jitted one. A stock layer has the jit that Keras gives it on
    its backend, whatever its name. Against "stock" there is one baseline for all,
    the layer as a tutorial writes it or what stands for it (see `zoo.statistics.stock`). `quantity` says of what the
    ratio is: step_seconds (one call; from the rounds that both have), first_call_seconds (the first), or another of
    `quantities`.
    Arms of one group are pairs; of a pair that stands in several groups of a repeat the geometric mean counts. So are
    arms that stand in no group, of one run and repeat: they took no turns, so a pair holds the ratio of their medians.
    """
    times, blocks = medians_and_blocks(table)
    keys = [*SETTING, *EXECUTION, *PAIR, "cell", "case"]
    settings = numbered(times, [*SETTING, *PAIR], np.arange(len(times)))
    times = times.assign(case=times.index, same=settings)
    times = times.melt([*keys, "same"], list(quantities), "quantity", "seconds")
    times = times[times["seconds"] > 0]
    jit = times["jit"].astype(bool)
    plain = stands_for(times.assign(jit=False), baseline)
    of_same_jit = times["backend"].isin(times.loc[plain & jit, "backend"]) & (baseline not in STOCK_LOOPS)
    names = {"execution": "baseline", "seconds": "baseline_seconds", "case": "base_case"}
    bases = times.assign(compiled=jit).rename(columns=names)[plain]
    given = times["loop"].isin(STOCK_LOOPS) & times["backend"].map(NORMAL_JIT).astype(bool)
    arms = times.assign(compiled=(jit | given) & ~plain & of_same_jit)[~plain | jit]
    same = ["same", "quantity", "compiled"]
    paired = arms.merge(bases[[*same, *names.values()]], on=same).drop(columns=["cell", "compiled", "same"])
    return one_a_repeat(with_ratio(paired, blocks), [*SETTING, *EXECUTION, "baseline", "quantity"])


def over(
    arms: pd.DataFrame, bases: pd.DataFrame, same: list[str], keys: list[str], blocks: pd.DataFrame, table: pd.DataFrame
) -> pd.DataFrame:
    """The time of `arms` over that of the `bases` with which they share the columns `same`, one row for equal `keys`.

    Both are `medians` with `case`, `quantity` and `seconds`, the bases with what `keys` names of them.
    """
    return judged(pairs_over(arms, bases, same, keys, blocks), keys, table)


def pairs_over(
    arms: pd.DataFrame, bases: pd.DataFrame, same: list[str], keys: list[str], blocks: pd.DataFrame
) -> pd.DataFrame:
    """The pairs that `over` judges: one row for equal `keys` and repeat."""
    names = {"seconds": "baseline_seconds", "case": "base_case"}
    renamed = bases.rename(columns=names)
    own = [column for column in keys if column in renamed and column not in arms]
    paired = arms.merge(renamed[[*same, *own, *names.values()]], on=same)
    columns = [*keys, *PAIR, "case", "base_case", "seconds", "baseline_seconds"]
    return one_a_repeat(with_ratio(paired[columns], blocks), keys)


def with_ratio(paired: pd.DataFrame, blocks: pd.DataFrame) -> pd.DataFrame:
    """The pairs with their `ratio`, of step times by rounds (`round_ratios`); those without one are left out."""
    ratio = paired["seconds"] / paired["baseline_seconds"]
    steps = paired["quantity"].eq("step_seconds")
    ratio = ratio.mask(steps, round_ratios(paired[steps], blocks).reindex(paired.index))
    return paired.assign(ratio=ratio).drop(columns=["case", "base_case"])[ratio.notna()]


def one_a_repeat(paired: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """One row for what has the same `keys` and repeat, whatever the number of groups that it stood in."""
    keys = [*keys, *REPEAT]
    columns = [column for column in paired if column != "group"]
    if not paired.duplicated(keys).any():
        return paired[columns].reset_index(drop=True)
    figures = ["seconds", "baseline_seconds", "ratio"]
    means = paired[keys].join(paired[figures].apply(np.log)).groupby(keys, dropna=False, sort=False)[figures].mean()
    return means.apply(np.exp).reset_index()[columns]


@once_a_table
def ratios(
    table: pd.DataFrame,
    baseline: str = "looped",
    phases: Sequence[str] = TIMED,
    quantities: Sequence[str] = QUANTITIES,
) -> pd.DataFrame:
    """The time of every execution over that of its baseline, all else equal: below 1 it is faster than the baseline.

    One row a setting, phase, execution and quantity: `ratio` is the geometric mean of the ratios paired by repeat,
    `low` and `high` its 95% interval (Student's t on the logarithms over `repeats`, of a variance moderated by those of
    the other comparisons of its FAMILY), NaN under 3 repeats; `verdict` and `repeats_needed` are what it shows,
    corrected for the same comparisons (see `zoo.statistics.verdicts`).
    """
    keys = [*SETTING, *EXECUTION, "baseline", "quantity"]
    paired = pairs(table, baseline, quantities)
    return judged(paired[paired["phase"].isin(phases)], keys, table)


def judged(paired: pd.DataFrame, keys: list[str], table: pd.DataFrame) -> pd.DataFrame:
    """The pairs of each of `keys` as one ratio with its interval and verdict."""
    number = numbered(paired, keys, np.arange(len(paired)))
    first = np.unique(number, return_index=True)[1]
    logs = paired["ratio"].astype("float64").apply(np.log).reset_index(drop=True)
    moments = paired[keys].take(first).reset_index(drop=True).join(logs.groupby(number).agg(MOMENTS))
    family = moments.groupby(FAMILY, sort=False, dropna=False).ngroup()
    priors = {number: prior_of(part) for number, part in moments.groupby(family)}
    tests = moments[keys].join(ratio_tests(moments, [priors[number] for number in family]))
    kept = {column: table.dtypes[column] for column in keys if column in table}
    return with_verdicts(tests.astype(kept), FAMILY)[[*keys, *TEST, *JUDGED]]


def step_ratios(table: pd.DataFrame, baseline: str = "looped") -> pd.DataFrame:
    """The `ratios` of training steps alone."""
    return ratios(table, baseline, ("train",), ("step_seconds",))
