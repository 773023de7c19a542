"""How much the machine's pace varied within the groups of a run, and which verdicts that cost.

Arms that take turns are slowed together, so their ratios bear much of it; what is left widens the intervals.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from zoo.statistics.columns import FAMILY, TIMED
from zoo.statistics.verdicts import DECIDED, UNDECIDED, moderated_tests, with_verdicts

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
    """The undecided comparisons that would be decided if no spread over repeats were wider than the median of all.

    All of a family and a `kind`, executions or entries, are judged anew together, as they were.
    """
    log_sd = comparisons["log_sd"]
    calm = log_sd.median()
    wide = comparisons["verdict"].eq(UNDECIDED) & (log_sd > calm)
    moments = pd.DataFrame(
        {
            "count": comparisons["repeats"],
            "mean": np.log(comparisons["ratio"].astype("float64")),
            "var": log_sd.clip(upper=calm) ** 2,
            "degrees": comparisons["degrees"],
        }
    )
    together = [*FAMILY, *({"kind"} & set(comparisons))]
    judged = with_verdicts(comparisons[together].join(moderated_tests(moments)), together)
    return comparisons[wide & judged["verdict"].isin(DECIDED)]
