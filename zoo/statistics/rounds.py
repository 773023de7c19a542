"""The blocks of arms that took turns: one case's over another's, round by round."""

from __future__ import annotations

import numpy as np
import pandas as pd


def blocks_of(cases: pd.Series, rows: pd.DataFrame) -> pd.DataFrame:
    """The timed blocks of `rows`: `case`, a number of what was timed, `round`, and `log_seconds` of a call."""
    seconds = rows["step_seconds"].astype("float64")
    blocks = pd.DataFrame({"case": cases, "round": rows["round"].astype("float64"), "log_seconds": np.log(seconds)})
    return blocks[seconds > 0]


def round_ratios(couples: pd.DataFrame, blocks: pd.DataFrame) -> pd.Series:
    """The time of a case over that of another that it took turns with, for each of the `couples`, by their index.

    `couples` names two cases of `blocks`, `case` and `base_case`. The ratio is exp(median over the rounds that both
    have of log(block / block of the base)): a change of the machine's pace meets both blocks of a round. NaN where they
    share no round.
    """
    numbered = couples[["case", "base_case"]].assign(couple=range(len(couples)))
    both = numbered.merge(blocks, on="case").merge(
        blocks.rename(columns={"case": "base_case"}), on=["base_case", "round"], suffixes=("", "_base")
    )
    logs = (both["log_seconds"] - both["log_seconds_base"]).groupby(both["couple"]).median()
    return pd.Series(np.exp(logs.reindex(range(len(couples))).to_numpy()), index=couples.index)
