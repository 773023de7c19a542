"""Two runs of the same cases, before and after a change: what became slower, and how sure that is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.weightstats import ttost_ind

from zoo.measuring.enough import CONFIDENCE, LEAST_REPEATS
from zoo.statistics.columns import PAIR, REPEAT, SETTING, SIZES
from zoo.statistics.entries import plain_loops, references
from zoo.statistics.ratios import medians_and_blocks, with_ratio
from zoo.statistics.verdicts import EQUAL_FROM, EQUAL_TO, LEVEL, false_discoveries, of_a_call, verdict

CASE = ["case_id", "phase"]
"""What pairs a case of one run with that of another: all that was asked for, but not the machine nor the versions."""
CHANGE = ["ratio", "low", "high", "repeats_before", "repeats_after", "verdict", "slower_for_sure"]
P_VALUES = ["p_value", "p_equal", "p_slower"]
FAILED = ("timeout", "out_of_memory", "crashed", "unequal")
"""How a case ends that was tried and gave no times."""
BROKEN = ["case_id", "status", "reason"]
OF_A_GROUP = [column for column in SETTING if column != "entry"]
SAME_ARM = ["entry", "task", "backend", "device", "masked", *SIZES, "phase"]


@dataclass(frozen=True)
class Changes:
    """Two runs compared.

    Attributes:
        rows: one row a case and phase that both have, with the columns CHANGE.
        pace: how many times as long the reference arms take in the second run; NaN where they have none in common.
        only_before: how many cases and phases the first run alone has.
        only_after: and the second.
        broken: one row a case that ended well in the first run and not in the second, with the columns BROKEN.
    """

    rows: pd.DataFrame
    pace: float
    only_before: int
    only_after: int
    broken: pd.DataFrame


def changes(before: pd.DataFrame, after: pd.DataFrame, absolute: bool = False, slower: float = 0.0) -> Changes:
    """How much longer each case takes in `after` than in `before`.

    A shared machine is faster or slower from run to run, for every arm alike. So the time of an arm is taken over that
    of the reference arm of its group, which took turns with it, before the runs are compared. The reference arms
    themselves are not judged. With `absolute` times are compared as they are.

    `ratio` is the geometric mean after over that before, `low` to `high` its 95% interval (Welch's t on the logarithms
    over repeats, none under 3 in either run); `verdict` as for ratios within a run, the false discovery rate corrected
    over all cases. `slower_for_sure` says whether the ratio is above 1 + `slower`, tested and corrected likewise.
    """
    tables = (before, after)
    old, new = (dict(iter(_logarithms(table, absolute).groupby(CASE)["log"])) for table in tables)
    rows = [{**dict(zip(CASE, key, strict=True)), **_test(old[key], new[key], slower)} for key in old if key in new]
    result = pd.DataFrame(rows, columns=[*CASE, *CHANGE[:5], *P_VALUES])
    result["p_value"] = of_a_call(result)
    for name in ("p_value", "p_slower"):
        result[name] = false_discoveries(result[name].astype("float64"))
    words = result[["ratio", "p_value", "p_equal"]].itertuples(index=False, name=None)
    result["verdict"] = pd.Series([verdict(*row) for row in words], index=result.index, dtype="str")
    result["slower_for_sure"] = result["p_slower"] <= LEVEL
    alone = len(old.keys() - new.keys()), len(new.keys() - old.keys())
    return Changes(result[[*CASE, *CHANGE]], _pace(*tables), *alone, _broken(*tables))


def _broken(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """What ended well in `before` and fails in `after`; a case that failed in some repeats of either is no news."""
    (well, failed), (still_well, failing) = (
        (set(table.loc[table["status"] == "ok", "case_id"]), table[table["status"].isin(FAILED)])
        for table in (before, after)
    )
    broken = well - (set(failed["case_id"]) & still_well)
    return failing.loc[failing["case_id"].isin(broken), BROKEN].drop_duplicates("case_id", ignore_index=True)


def _logarithms(table: pd.DataFrame, absolute: bool) -> pd.DataFrame:
    """The logarithm of the time of each case in each repeat, over the reference arm of its group unless `absolute`."""
    times, blocks = medians_and_blocks(table)
    known = [*SETTING, "execution"]
    names = table.drop_duplicates(known)[[*known, "case_id"]]
    times = times.assign(case=times.index, quantity="step_seconds", seconds=times["step_seconds"])
    times = times[times["seconds"] > 0].merge(names, on=known, how="left")
    times["ratio"] = times["seconds"]
    if not absolute:
        bases = references(plain_loops(times), table)
        others = times.drop(index=bases.index)
        bases = bases.rename(columns={"seconds": "baseline_seconds", "case": "base_case"})
        same = [*OF_A_GROUP, *PAIR]
        times = with_ratio(others.merge(bases[[*same, "baseline_seconds", "base_case"]], on=same), blocks)
    return times.assign(log=np.log(times["ratio"])).groupby([*CASE, *REPEAT])["log"].mean().reset_index()


def _pace(before: pd.DataFrame, after: pd.DataFrame) -> float:
    """How many times as long the reference arms take in `after`: the geometric mean over those that both runs have."""
    means = []
    for table in (before, after):
        bases = references(plain_loops(medians_and_blocks(table)[0]), table)
        seconds = bases.assign(log=np.log(bases["step_seconds"])).groupby([*SAME_ARM])["log"]
        means.append(seconds.mean())
    ratios = (means[1] - means[0]).dropna()
    return float(np.exp(ratios.mean())) if len(ratios) else math.nan


def _test(before: pd.Series, after: pd.Series, slower: float) -> dict[str, Any]:
    """The columns of one case, from its logarithms by repeat."""
    result: dict[str, Any] = {"ratio": math.exp(after.mean() - before.mean())}
    result |= {"repeats_before": len(before), "repeats_after": len(after)}
    result |= dict.fromkeys(["low", "high", "p_value", "p_equal", "p_slower"], math.nan)
    if min(len(before), len(after)) < LEAST_REPEATS:
        return result
    with np.errstate(all="ignore"):
        test = stats.ttest_ind(after, before, equal_var=False)
        ends = test.confidence_interval(CONFIDENCE)
        sure = stats.ttest_ind(after - math.log1p(slower), before, equal_var=False, alternative="greater")
        equal = ttost_ind(after, before, math.log(EQUAL_FROM), math.log(EQUAL_TO), usevar="unequal")[0]
    return {
        **result,
        **{"low": math.exp(ends.low), "high": math.exp(ends.high)},
        **{"p_value": float(test.pvalue), "p_equal": float(equal), "p_slower": float(sure.pvalue)},
    }
