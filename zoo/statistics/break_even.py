"""After how many training steps an execution has paid for its longer build and first call."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from zoo.statistics.columns import EXECUTION, REPEAT, SETTING, as_frame, numbered
from zoo.statistics.intervals import geometric_interval
from zoo.statistics.ratios import pairs, step_ratios
from zoo.statistics.remembered import once_a_table
from zoo.statistics.verdicts import FASTER, SLOWER

TIMES = ("build_seconds", "first_call_seconds", "step_seconds")
KEYS = [*SETTING, *EXECUTION, "baseline"]
PAID = ["extra_seconds", "saved_seconds", "verdict", "break_even_steps", "low", "high", "repeats"]


@once_a_table
def break_even(table: pd.DataFrame, baseline: str = "looped") -> pd.DataFrame:
    """When an execution has paid for its longer first call against its baseline: one row a setting and execution.

    Within a repeat it costs `extra` = (build + first call) − (build + first call of the baseline) seconds more to get
    going, and saves `saved` = step of the baseline − its own step with every training step after the first call, by the
    rounds that both share; after extra / saved of those it is ahead. `extra_seconds` and `saved_seconds` are medians
    over repeats. `verdict` follows that of the step ratio (see `zoo.statistics.verdicts`):

    - "after": it is faster, and ahead after `break_even_steps`, the median over repeats;
    - "at once": it is faster and no longer in getting going, 0 steps;
    - "never": it is slower and no quicker in getting going, infinitely many steps;
    - "ahead until": it is slower but quicker in getting going, and loses its lead after `break_even_steps`;
    - "equal within 5%", "undecided", "too few repeats": of the steps; no number of steps.

    `low` and `high` are the 95% interval of the number (Student's t on its logarithm over repeats; unlike a ratio's,
    its variance is not moderated): only where every repeat has a number above zero, else NaN.
    """
    paired = pairs(table, baseline, TIMES).query("phase == 'train'")
    paired = paired.assign(longer=paired["baseline_seconds"] * (paired["ratio"] - 1))
    judged = step_ratios(table, baseline)[[*KEYS, "verdict"]]
    paired["case"] = numbered(paired, KEYS, np.arange(len(paired)))
    heads = paired.drop_duplicates("case")[["case", *KEYS]].merge(judged, on=KEYS)
    head: dict[Any, dict[Any, Any]] = heads.set_index("case").to_dict("index")
    longer = paired.pivot(index=["case", *REPEAT], columns="quantity", values="longer")
    rows = []
    for case, part in longer.reindex(columns=list(TIMES)).dropna().groupby("case"):
        extra = part["build_seconds"] + part["first_call_seconds"]
        rows.append({**head[case], **_paid(extra, -part["step_seconds"], head[case]["verdict"])})
    return as_frame(rows, [*KEYS, *PAID], table)


def _paid(extra: pd.Series, saved: pd.Series, verdict: str) -> dict[str, Any]:
    """The columns of one execution; `extra` and `saved` are seconds by repeat."""
    columns = {"extra_seconds": extra.median(), "saved_seconds": saved.median(), "repeats": len(extra)}
    without_steps = {**columns, "break_even_steps": np.nan, "low": np.nan, "high": np.nan}
    if verdict not in (FASTER, SLOWER):
        return {**without_steps, "verdict": verdict}
    faster = verdict == FASTER
    cost, gain = (extra, saved) if faster else (-extra, -saved)  # a slower one lives on a lead: the same turned round
    if cost.median() <= 0:
        return {
            **without_steps,
            "verdict": "at once" if faster else "never",
            "break_even_steps": 0.0 if faster else np.inf,
        }
    # A repeat in which there is nothing to pay is even at once; one in which nothing is gained never gets there.
    steps = (cost / gain.where(gain > 0)).fillna(np.inf).where(cost > 0, 0.0)
    low, high = geometric_interval(steps) if np.isfinite(steps).all() and (steps > 0).all() else (np.nan, np.nan)
    verdict = "after" if faster else "ahead until"
    return {**columns, "verdict": verdict, "break_even_steps": steps.median(), "low": low, "high": high}
