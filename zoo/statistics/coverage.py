"""The A/A experiment: do the intervals of ratios hold 1 in 95% of cases where both arms are the same?

An arm is measured in many fresh processes. Repeats 2k and 2k + 1 make a pair of an arm with itself, whose true ratio is
1, and n consecutive pairs make an interval as n repeats of a comparison do.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.tsa.stattools import acf

from zoo.errors import ZooError
from zoo.statistics.columns import CONFIDENCE, EXECUTION, SETTING, as_frame
from zoo.statistics.intervals import geometric_interval, geometric_mean
from zoo.statistics.ratios import medians

LEAST_PAIRS = 200
GROUPS = (3, 5, 10)
"""How many pairs make an interval."""
KEYS = [*SETTING, *EXECUTION]
COVERED = [
    *("pairs", "ratio", "autocorrelation", "autocorrelation_limit"),
    *("n", "intervals", "holding", "coverage", "low", "high", "holds_95"),
]
COMMAND = (
    "pytest --benchmark --zoo-profile smoke --zoo-entries neuron --zoo-tasks digits_rows --zoo-executions looped "
    f"--zoo-repeats {2 * LEAST_PAIRS}"
)


def same_pairs(table: pd.DataFrame) -> pd.DataFrame:
    """One row a pair of an arm with itself: `ratio` is the step time of repeat 2k + 1 over that of repeat 2k."""
    times = medians(table).dropna(subset=["step_seconds"])
    times = times.assign(pair=times["repeat"] // 2, which=times["repeat"] % 2)
    keys = [*KEYS, "run", "pair"]
    first, second = (times.loc[times["which"] == which, [*keys, "step_seconds"]] for which in (0, 1))
    paired = first.merge(second, on=keys, suffixes=("_first", "_second"))
    paired["ratio"] = paired["step_seconds_second"] / paired["step_seconds_first"]
    return paired.sort_values(["run", "pair"], kind="stable", ignore_index=True)


def coverage(table: pd.DataFrame) -> pd.DataFrame:
    """How often the interval of n pairs holds the true ratio 1: one row an arm, phase and n.

    Each interval is that of `summary.ratios` over n consecutive pairs, none in two intervals. `coverage` is the part of
    the `intervals` that hold 1, `low` to `high` its exact binomial (Clopper-Pearson) 95% interval, and `holds_95`
    whether that holds 95%. The binomial takes the intervals as independent. `autocorrelation` shows whether the pairs
    are: it is that of neighbouring log ratios, and lies within ± `autocorrelation_limit` in 95% of cases if
    they are; `ratio` is the geometric mean of all, which a drift or an effect of order would move away from 1.

    Raises:
        ZooError: no arm has 200 pairs.
    """
    rows = []
    most = 0
    for key, group in same_pairs(table).groupby(KEYS, dropna=False, sort=False):
        most = max(most, len(group))
        if len(group) >= LEAST_PAIRS:
            arm = {**dict(zip(KEYS, key, strict=True)), **_of_all(group["ratio"])}
            rows += [{**arm, **_covered(group["ratio"], n)} for n in GROUPS]
    if not rows:
        few = f"{most} pair{'s' * (most != 1)} of the same arm"
        raise ZooError(f"too few repeats for the coverage: {few}, {LEAST_PAIRS} are needed; {COMMAND} makes them")
    return as_frame(rows, [*KEYS, *COVERED], table)


def _of_all(ratios: pd.Series) -> dict[str, Any]:
    """What the pairs of an arm tell together."""
    logs = np.log(ratios.to_numpy())
    return {
        "pairs": len(ratios),
        "ratio": geometric_mean(ratios),
        "autocorrelation": float(acf(logs, nlags=1, fft=False)[1]) if np.ptp(logs) > 0 else np.nan,
        "autocorrelation_limit": stats.norm.ppf((1 + CONFIDENCE) / 2) / np.sqrt(len(ratios)),
    }


def _covered(ratios: pd.Series, n: int) -> dict[str, Any]:
    """How many of the intervals of `n` pairs hold 1; pairs that are left over at the end count in none."""
    intervals = [geometric_interval(ratios.iloc[i : i + n]) for i in range(0, len(ratios) - n + 1, n)]
    holding = sum(low <= 1 <= high for low, high in intervals)
    exact = stats.binomtest(holding, len(intervals)).proportion_ci(CONFIDENCE, method="exact")
    return {
        "n": n,
        "intervals": len(intervals),
        "holding": holding,
        "coverage": holding / len(intervals),
        "low": exact.low,
        "high": exact.high,
        "holds_95": bool(exact.low <= CONFIDENCE <= exact.high),
    }


def coverage_sentence(shares: pd.DataFrame) -> str:
    """Whether the intervals are what they are called, and whether the pairs are independent, in words."""
    outside = [
        f"{row['phase']} with n = {row['n']} ({row['coverage']:.1%}: {row['low']:.1%} to {row['high']:.1%})"
        for _, row in shares[~shares["holds_95"]].iterrows()
    ]
    text = f"95% lies inside the exact binomial interval of the coverage in all {len(shares)} rows."
    if outside:
        text = f"95% lies outside the exact binomial interval of the coverage in {len(outside)} of {len(shares)} rows"
        text += f": {', '.join(outside)}."
    arms = shares.drop_duplicates(KEYS)
    tied = arms[arms["autocorrelation"].abs() > arms["autocorrelation_limit"]]
    if tied.empty:
        return f"{text} Neighbouring pairs show no autocorrelation."
    values = ", ".join(f"{row['phase']} {row['autocorrelation']:.2f}" for _, row in tied.iterrows())
    return f"{text} Neighbouring pairs are not independent (autocorrelation {values}): read the intervals with care."
