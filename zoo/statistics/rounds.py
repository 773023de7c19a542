"""The blocks of arms that took turns: one case's over another's, round by round."""

from __future__ import annotations

import numpy as np
import pandas as pd

AT_ONCE = 4000
"""Couples whose rounds are put side by side at a time: all of a large table at once take gigabytes."""


def blocks_of(cases: np.ndarray, rounds: pd.Series, seconds: pd.Series) -> pd.DataFrame:
    """The timed blocks: `case`, a number of what was timed, `round`, and `log_seconds` of a call."""
    with np.errstate(divide="ignore", invalid="ignore"):
        blocks = pd.DataFrame({"case": cases, "round": rounds, "log_seconds": np.log(seconds)})
    return blocks[seconds > 0]


def round_ratios(couples: pd.DataFrame, blocks: pd.DataFrame) -> pd.Series:
    """The time of a case over that of another that it took turns with, for each of the `couples`, by their index.

    `couples` names two cases of `blocks`, `case` and `base_case`. The ratio is exp(median over the rounds that both
    have of log(block / block of the base)): a change of the machine's pace meets both blocks of a round. NaN where they
    share no round.
    """
    numbered = couples[["case", "base_case"]].assign(couple=range(len(couples)))
    parts = [numbered[start : start + AT_ONCE] for start in range(0, len(numbered), AT_ONCE)]
    logs = pd.concat([pd.Series(dtype="float64"), *(_median_logs(part, blocks) for part in parts)])
    return pd.Series(np.exp(logs.reindex(range(len(couples))).to_numpy()), index=couples.index)


def _median_logs(couples: pd.DataFrame, blocks: pd.DataFrame) -> pd.Series:
    """The median over rounds of the difference of logarithms, by the number of the couple."""
    arms = couples.merge(blocks[blocks["case"].isin(couples["case"])], on="case")
    bases = blocks[blocks["case"].isin(couples["base_case"])].rename(columns={"case": "base_case"})
    both = arms.merge(bases, on=["base_case", "round"], suffixes=("", "_base"))
    return (both["log_seconds"] - both["log_seconds_base"]).groupby(both["couple"]).median()
