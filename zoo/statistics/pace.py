"""How much the machine's pace varied within the groups of a run, and which verdicts that cost.

Arms that take turns are slowed together, so their ratios bear much of it; what is left widens the intervals.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from zoo.statistics.columns import TIMED
from zoo.statistics.verdicts import DECIDED, EQUAL_FROM, EQUAL_TO, UNDECIDED, verdict

DISTURBED = 1.3
"""A group whose pace varied by more than this was disturbed."""
ENDS = (0.05, 0.95)
"""The pace varies by the ratio of these quantiles over the rounds of all repeats."""
KEY = ["run", "group"]


def paces(table: pd.DataFrame) -> pd.DataFrame:
    """How much the pace varied in each group of a run: `factor`, a column, by run and group.

    The pace of a round is the mean, over its arms, of the logarithm of a block over the median of the arm's blocks in
    all repeats; `factor` is the 95% quantile over the 5% quantile of all rounds. A factor of 2 says that the machine
    was twice as slow at times as at others; one that is slow throughout has a factor near 1.
    """
    timed = (table["status"] == "ok") & table["phase"].isin(TIMED) & table["round"].notna()
    timed &= (table["group"] != "") & (table["step_seconds"] > 0)
    rows = table.loc[timed, [*KEY, "case_id", "phase", "repeat", "round", "step_seconds"]]
    logs = rows["step_seconds"].astype("float64").apply(np.log)
    slower = logs - logs.groupby([*(rows[name] for name in KEY), rows["case_id"], rows["phase"]]).transform("median")
    names = [*KEY, "phase", "repeat", "round"]
    by_round = slower.groupby([rows[name] for name in names]).mean()
    spread = by_round.groupby(KEY).quantile(ENDS[1]) - by_round.groupby(KEY).quantile(ENDS[0])
    return np.exp(spread).rename("factor").reset_index()


def cost_of_spread(comparisons: pd.DataFrame) -> pd.DataFrame:
    """The undecided comparisons that would be decided with the spread over repeats that half of all have."""
    log_sd = comparisons["log_sd"]
    calm = log_sd.median()
    wide = comparisons[(comparisons["verdict"] == UNDECIDED) & (log_sd > calm)]
    return wide[[_calm_verdict(row, calm) in DECIDED for _, row in wide.iterrows()]]


def _calm_verdict(row: pd.Series, log_sd: float) -> str:
    """The verdict on a comparison if its repeats had the spread `log_sd`."""
    mean = stats.t(row["repeats"] - 1, loc=np.log(row["ratio"]), scale=log_sd / np.sqrt(row["repeats"]))
    p_value = 2 * min(float(mean.cdf(0)), float(mean.sf(0)))
    p_equal = float(max(mean.cdf(np.log(EQUAL_FROM)), mean.sf(np.log(EQUAL_TO))))
    return verdict(row["ratio"], p_value, p_equal)
