"""The results in one sentence, computed from the table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from zoo.measuring.enough import LEAST_REPEATS
from zoo.statistics.columns import EXECUTION, SETTING, TIMED
from zoo.statistics.ratios import ratios
from zoo.statistics.verdicts import EQUAL, UNDECIDED

FAVOURITE = "lstm"
SMALLEST = 1.005
"""Nearer to 1 than this, a factor would be shown as 1.00."""


def sentence(table: pd.DataFrame, arm: str = "unrolled", baseline: str = "looped") -> str:
    """How much faster or slower `arm` trains than `baseline`, at the fewest and the most steps, and its first call.

    It speaks of the entry that was measured at the most numbers of steps. Where the table has no such pair, it says
    what is missing.
    """
    against = ratios(table, baseline, ["train"]).query("loop == @arm")
    timed = against[against["quantity"] == "step_seconds"]
    if timed.empty:
        return _what_is_missing(table, arm, baseline)
    enough = timed[timed["repeats"] >= LEAST_REPEATS]
    chosen = _widest(timed if enough.empty else enough)
    ends = chosen.iloc[[0, -1]] if len(chosen) > 1 else chosen
    first = ends.iloc[0]
    keys = [*SETTING, *EXECUTION]
    calls = ends[keys].merge(against[against["quantity"] == "first_call_seconds"], on=keys)
    speeds = _joined([_speed(row) for row in _rows(ends)], ends["steps"].tolist(), f" than {first['baseline']}")
    where = f"{first['entry']} on {first['task']} ({first['backend']}, {first['device']})"
    text = f"Training {where}, {first['execution']} is {speeds}"
    if not calls.empty:
        lengths = [_length(row) for row in _rows(calls)]
        text += f", and its first call, compilation included, is {_joined(lengths, calls['steps'].tolist())}"
    return text + _caveat(int(ends["repeats"].min())) + "."


def _rows(table: pd.DataFrame) -> list[pd.Series]:
    return [row for _, row in table.iterrows()]


def _widest(timed: pd.DataFrame) -> pd.DataFrame:
    """The rows, by steps, of the entry and setting with the most numbers of steps; of several, lstm without jit."""
    keys = [column for column in [*SETTING, *EXECUTION] if column != "steps"]
    groups = [group for _, group in timed.groupby(keys, dropna=False, sort=False)]

    def rank(group: pd.DataFrame) -> tuple[int, bool, bool]:
        return -len(group), bool(group["jit"].iloc[0]), group["entry"].iloc[0] != FAVOURITE

    return min(groups, key=rank).sort_values("steps")


def _factor(ratio: float) -> str:
    return f"{ratio:.2f}x" if ratio < 2 else f"{ratio:.1f}x" if ratio < 10 else f"{ratio:.0f}x"


def _speed(row: pd.Series) -> str:
    if row["verdict"] == EQUAL:
        return "neither 5% faster nor 5% slower"
    if row["verdict"] == UNDECIDED or _is_one(row):
        return "neither decidedly faster nor slower"
    about = "about " if np.isnan(row["low"]) else ""
    return about + (f"{_factor(1 / row['ratio'])} faster" if row["ratio"] < 1 else f"{_factor(row['ratio'])} slower")


def _length(row: pd.Series) -> str:
    if row["verdict"] == EQUAL:
        return "as long within 5%"
    undecided = row["verdict"] == UNDECIDED or _is_one(row)
    return "not decidedly longer or shorter" if undecided else f"{_factor(row['ratio'])} as long"


def _is_one(row: pd.Series) -> bool:
    """Whether a factor would be shown as 1.00."""
    return bool(max(row["ratio"], 1 / row["ratio"]) < SMALLEST)


def _joined(words: list[str], steps: list[int], than: str = "") -> str:
    """The words, each with its number of steps; given once where both are the same."""
    if len(words) == 1 or words[0] == words[1]:
        where = " and ".join(f"at {number} steps" for number in steps)
        return f"{words[0]}{than} {where}"
    return f"{words[0]}{than} at {steps[0]} steps and {words[1]} at {steps[1]} steps"


def _caveat(repeats: int) -> str:
    if repeats >= LEAST_REPEATS:
        return ""
    return f" ({repeats} repeat{'s' * (repeats > 1)}, too few for an interval: a hint, not a result)"


def _what_is_missing(table: pd.DataFrame, arm: str, baseline: str) -> str:
    timed = table[(table["status"] == "ok") & table["phase"].isin(TIMED) & table["step_seconds"].notna()]
    trained = set(timed.loc[timed["phase"] == "train", "loop"])
    missing = [loop for loop in (arm, baseline) if loop not in trained]
    if not trained:
        return f"Nothing to compare: the table holds no timings of training, neither {arm} nor {baseline}."
    if missing:
        have = " and ".join(sorted(trained))
        return f"Nothing to compare: the table holds timings of training {have}, none of {' or '.join(missing)}."
    return f"Nothing to compare: {arm} and {baseline} were never timed in the same repeat with all else equal."
