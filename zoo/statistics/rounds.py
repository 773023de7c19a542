"""The blocks of arms: one case's over those of another that it took turns with, round by round."""

from __future__ import annotations

import numpy as np
import pandas as pd

AT_ONCE = 4000
"""Couples whose rounds are put side by side at a time: all of a large table at once take gigabytes."""


def blocks_of(cases: np.ndarray, rounds: pd.Series, seconds: pd.Series, in_turn: pd.Series) -> pd.DataFrame:
    """The timed blocks: `case`, a number of what was timed, `round`, and `log_seconds` of a call.

    A case that was not `in_turn` with others has one, the median of its blocks: a round of it is of another minute than
    that round of another case.
    """
    blocks = pd.DataFrame({"case": cases, "round": rounds, "seconds": seconds})[seconds > 0]
    of_turns = in_turn[blocks.index]
    alone = blocks[~of_turns].groupby("case", as_index=False)["seconds"].median().assign(round=0.0)
    blocks = pd.concat([blocks[of_turns], alone], ignore_index=True) if len(alone) else blocks
    return blocks.assign(log_seconds=np.log(blocks["seconds"])).drop(columns="seconds")


def round_ratios(couples: pd.DataFrame, blocks: pd.DataFrame) -> pd.Series:
    """The time of a case over that of another, for each of the `couples`, by their index.

    `couples` names two cases of `blocks`, `case` and `base_case`. The ratio is exp(median over the rounds that both
    have of log(block / block of the base)): a change of the machine's pace meets both blocks of a round. Of cases that
    took no turns it is the ratio of their medians. NaN where they share no round.
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
