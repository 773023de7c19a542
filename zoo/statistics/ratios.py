"""The time of an execution over that of another, paired by repeat."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from zoo.statistics.columns import (
    CONFIDENCE,
    COSTS,
    EXECUTION,
    FAMILY,
    PAIR,
    QUANTITIES,
    SETTING,
    TIMED,
    WIDE,
    as_frame,
)
from zoo.statistics.intervals import holm, ratio_test
from zoo.statistics.stock import STOCK_LOOPS, stands_for

TESTED = ["ratio", "low", "high", "repeats", "p_value"]


def medians(table: pd.DataFrame) -> pd.DataFrame:
    """One row a case, phase and repeat: the median of every cost over its timings, with the entry's `cell`.

    `step_iqr_seconds` is the distance between the quartiles of its timings, NaN for a single one;
    `compile_over_floor_bytes` and `step_over_floor_bytes` are peaks of memory less that of a one-Dense model.
    """
    rows = table[(table["status"] == "ok") & table["phase"].isin(TIMED)]
    keys = [*SETTING, *EXECUTION, *PAIR]
    costs = rows[keys].join(rows[COSTS].astype("float64"))
    groups = costs.groupby(keys, dropna=False, sort=False)
    result = groups[COSTS].median().reset_index()
    timings = costs["step_seconds"].groupby(groups.ngroup())  # numbered in the order of `result`
    spread = timings.quantile(0.75) - timings.quantile(0.25)
    result["step_iqr_seconds"] = spread.where(timings.count() > 1)
    result["cell"] = result["entry"].map(table.drop_duplicates("entry").set_index("entry")["cell"])
    for what in ("compile", "step"):
        result[f"{what}_over_floor_bytes"] = result[f"{what}_peak_host_bytes"] - result[f"{what}_floor_host_bytes"]
    return result


def pairs(table: pd.DataFrame, baseline: str = "looped", quantities: Sequence[str] = QUANTITIES) -> pd.DataFrame:
    """One row a pair: `ratio` is the time of an execution over that of its baseline in the same repeat.

    The baseline of an execution is the plain `baseline` loop of the same jit, and that without jit for the jitted
    baseline itself and where the table has no jitted one. Against "stock" there is one baseline for all, the layer as a
    tutorial writes it or what stands for it (see `zoo.statistics.stock`). `quantity` says of what the ratio is:
    step_seconds (one call), first_call_seconds (the first), or another of `quantities`.
    """
    keys = [*SETTING, *EXECUTION, *PAIR, "cell"]
    times = medians(table).melt(keys, list(quantities), "quantity", "seconds")
    times = times[times["seconds"] > 0]
    jit = times["jit"].astype(bool)
    plain = stands_for(times.assign(jit=False), baseline)
    of_same_jit = baseline not in STOCK_LOOPS and bool((plain & jit).any())
    bases = times.assign(compiled=jit).rename(columns={"execution": "baseline", "seconds": "baseline_seconds"})[plain]
    arms = times.assign(compiled=jit & ~plain & of_same_jit)[~plain | jit]
    same = [*SETTING, *PAIR, "quantity", "compiled"]
    paired = arms.merge(bases[[*same, "baseline", "baseline_seconds"]], on=same).drop(columns=["cell", "compiled"])
    return paired.assign(ratio=paired["seconds"] / paired["baseline_seconds"])


def ratios(
    table: pd.DataFrame,
    baseline: str = "looped",
    phases: Sequence[str] = TIMED,
    quantities: Sequence[str] = QUANTITIES,
) -> pd.DataFrame:
    """The time of every execution over that of its baseline, all else equal: below 1 it is faster than the baseline.

    One row a setting, phase, execution and quantity: `ratio` is the geometric mean of the ratios paired by repeat,
    `low` and `high` its 95% interval (Student's t on the logarithms over `repeats`), NaN under 3 repeats.
    `p_holm` is the p-value of the same t test, corrected by Holm's method for the comparisons of its FAMILY: of forty
    intervals of arms that do not differ, two exclude 1. `conclusion` is what it allows to say (see `concluded`), and
    `wide` whether the interval's ends are more than a factor of 1.5 apart. Of an arm that is faster or slower, `wide`
    leaves open how much; of one that shows no difference, whether there is one of a size that matters.
    """
    keys = [*SETTING, *EXECUTION, "baseline", "quantity"]
    groups = pairs(table[table["phase"].isin(phases)], baseline, quantities).groupby(keys, dropna=False, sort=False)[
        "ratio"
    ]
    rows = [
        {**dict(zip(keys, key, strict=True)), **ratio_test(group), "repeats": group.count()} for key, group in groups
    ]
    result = as_frame(rows, [*keys, *TESTED], table)
    result["p_holm"] = result.groupby(FAMILY, dropna=False, sort=False)["p_value"].transform(holm)
    conclusions = [concluded(ratio, p) for ratio, p in zip(result["ratio"], result["p_holm"], strict=True)]
    result["conclusion"] = pd.Series(conclusions, index=result.index, dtype="str")
    return result.assign(wide=result["high"] > WIDE * result["low"])


def step_ratios(table: pd.DataFrame, baseline: str = "looped") -> pd.DataFrame:
    """The `ratios` of training steps alone."""
    return ratios(table, baseline, ("train",), ("step_seconds",))


def concluded(ratio: float, p: float) -> str:
    """What a ratio of times allows to say, given its corrected p-value."""
    if pd.isna(p):
        return "too few repeats"
    if p >= 1 - CONFIDENCE:
        return "no difference shown"
    return "faster" if ratio < 1 else "slower"
