"""The A/A experiment: do the intervals of ratios hold 1 in 95% of cases where both arms are the same?

One case takes turns with itself: its workers differ in their seed alone, 0, 1, 2 and so on, which is no part of what is
timed. Seeds 2k and 2k + 1 of a repeat make a pair, whose true ratio is 1, and n pairs make an interval as n repeats of
a comparison do.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.tsa.stattools import acf

from zoo.errors import ZooError
from zoo.measuring.enough import CONFIDENCE, LEAST_REPEATS, is_enough
from zoo.statistics.columns import EXECUTION, PAIR, SETTING, as_frame
from zoo.statistics.intervals import geometric_interval, geometric_mean
from zoo.statistics.moderation import prior_of
from zoo.statistics.ratios import medians_and_blocks
from zoo.statistics.rounds import round_ratios
from zoo.statistics.verdicts import EQUAL, FASTER, MOMENTS, SLOWER, UNDECIDED, ratio_tests, with_verdicts

LEAST_PAIRS = 200
COUNTS = (3, 5, 10)
"""How many pairs make an interval."""
KEYS = [*SETTING, *EXECUTION]
COVERED = [
    *("pairs", "ratio", "autocorrelation", "autocorrelation_limit"),
    *("n", "intervals", "holding", "coverage", "low", "high", "holds_95"),
]
OUTCOMES = {"holds_1": (), "called_different": (FASTER, SLOWER), "equal": (EQUAL,), "undecided": (UNDECIDED,)}
"""What a sequence of repeats under the whole rule may end in, by its verdict; `holds_1` is of its interval."""
RULED = [
    *("comparisons", "repeats"),
    *(f"{name}{end}" for name in OUTCOMES for end in ("", "_share", "_low", "_high")),
]


def same_pairs(table: pd.DataFrame) -> pd.DataFrame:
    """One row a pair of an arm with itself: `ratio` is the step time of seed 2k + 1 over that of seed 2k, by rounds.

    Of each pair of seeds the repeats follow one another: neighbours are of different processes and minutes.
    """
    times, blocks = medians_and_blocks(table, [*PAIR, "seed"])
    times = times.assign(case=times.index, pair=times["seed"] // 2, which=times["seed"] % 2)
    keys = [*KEYS, *PAIR, "pair"]
    first, second = (times.loc[times["which"] == which, [*keys, "case"]] for which in (0, 1))
    couples = second.merge(first.rename(columns={"case": "base_case"}), on=keys)
    couples["ratio"] = round_ratios(couples, blocks)
    couples = couples.dropna(subset=["ratio"]).drop(columns=["case", "base_case"])
    return couples.sort_values(["run", "group", "pair", "repeat"], kind="stable", ignore_index=True)


def coverage(table: pd.DataFrame) -> pd.DataFrame:
    """How often the interval of n pairs holds the true ratio 1: one row an arm, phase and n.

    Each interval is Student's t on the logarithms of n consecutive pairs, none in two intervals, and of those alone:
    what a prior from other comparisons does shows in `under_the_rule`. `coverage` is the part of
    the `intervals` that hold 1, `low` to `high` its exact binomial (Clopper-Pearson) 95% interval, and `holds_95`
    whether that holds 95%. The binomial takes the intervals as independent. `autocorrelation` shows whether the pairs
    are: it is that of neighbouring log ratios, and lies within ± `autocorrelation_limit` in 95% of cases if
    they are; `ratio` is the geometric mean of all, which a drift or an effect of order would move away from 1.

    Raises:
        ZooError: no arm has 200 pairs.
    """
    rows = [{**arm, **_of_all(ratios), **_covered(ratios, n)} for arm, ratios in _enough_pairs(table) for n in COUNTS]
    return as_frame(rows, [*KEYS, *COVERED], table)


def under_the_rule(table: pd.DataFrame) -> pd.DataFrame:
    """What the whole rule says of equal arms: one row an arm and phase.

    The pairs of a group are its comparisons, and its repeats are taken in order: 3, and more until the interval of each
    is within ±4%, at most 10 (see `zoo.measuring.enough`); then the next sequence begins. `repeats` is the mean number
    taken. Those of an arm and phase are judged as the comparisons of a table are, whose groups are of several minutes
    too: one prior, one false discovery rate. Of the `comparisons`, `holds_1` have an interval that holds 1. By their
    verdict `called_different` are faster or slower, `equal` are equal within 5%, `undecided` are neither.
    Each has its `_share` and the exact binomial 95% interval of that, from `_low` to `_high`.

    Raises:
        ZooError: no arm has 200 pairs.
    """
    enough = [arm for arm, _ in _enough_pairs(table)]
    pairs = same_pairs(table)
    phaseless = [name for name in KEYS if name != "phase"]
    moments: dict[tuple[Any, ...], list[pd.DataFrame]] = {}
    for key, group in pairs.groupby([*phaseless, "run", "group"], dropna=False, sort=False):
        wide = group.pivot(index="repeat", columns=["phase", "pair"], values="ratio").dropna().apply(np.log)
        for part in sequences(wide):
            for phase, comparisons in part.agg(MOMENTS).T.groupby(level="phase"):
                moments.setdefault((*key[: len(phaseless)], phase), []).append(comparisons)
    rows = []
    for arm in enough:
        of_arm = pd.concat(moments[(*(arm[name] for name in phaseless), arm["phase"])], ignore_index=True)
        tests = ratio_tests(of_arm, [prior_of(of_arm)] * len(of_arm))
        rows.append({**arm, **_outcomes(with_verdicts(tests.assign(phase=arm["phase"]), ["phase"]))})
    return as_frame(rows, [*KEYS, *RULED], table)


def _outcomes(judged: pd.DataFrame) -> dict[str, Any]:
    """How many of the comparisons ended in what, and the share of each."""
    counts = {name: int(judged["verdict"].isin(words).sum()) for name, words in OUTCOMES.items()}
    counts["holds_1"] = int(((judged["low"] <= 1) & (judged["high"] >= 1)).sum())
    row = {"comparisons": len(judged), "repeats": judged["repeats"].mean()}
    for name, count in counts.items():
        row |= {name: count} | {f"{name}_{end}": value for end, value in _share(count, len(judged)).items()}
    return row


def sequences(logs: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Consecutive repeats that end when every column is enough; an unfinished sequence is left out."""
    start = 0
    for end in range(LEAST_REPEATS, len(logs) + 1):
        part = logs.iloc[start:end]
        if len(part) >= LEAST_REPEATS and all(is_enough(part[name].tolist()) for name in part):
            yield part
            start = end


def _enough_pairs(table: pd.DataFrame) -> Iterator[tuple[dict[str, Any], pd.Series]]:
    """Each arm and phase with 200 pairs or more: its setting, and its ratios in order."""
    arms = [(key, group["ratio"]) for key, group in same_pairs(table).groupby(KEYS, dropna=False, sort=False)]
    most = max((len(ratios) for _, ratios in arms), default=0)
    if most < LEAST_PAIRS:
        raise ZooError(
            f"too few pairs for the coverage: {most} of the same arm, {LEAST_PAIRS} are needed: one case that takes "
            "turns with itself, in workers of seeds 0, 1, 2 and so on"
        )
    for key, ratios in arms:
        if len(ratios) >= LEAST_PAIRS:
            yield dict(zip(KEYS, key, strict=True)), ratios


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
    exact = _share(holding, len(intervals))
    return {
        "n": n,
        "intervals": len(intervals),
        "holding": holding,
        "coverage": exact["share"],
        "low": exact["low"],
        "high": exact["high"],
        "holds_95": bool(exact["low"] <= CONFIDENCE <= exact["high"]),
    }


def _share(count: int, total: int) -> dict[str, float]:
    """`count` of `total`, with its exact binomial (Clopper-Pearson) 95% interval."""
    exact = stats.binomtest(count, total).proportion_ci(CONFIDENCE, method="exact")
    return {"share": count / total, "low": exact.low, "high": exact.high}


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
