"""How cost grows with the number of steps: exponents, and the largest number that trains in so much memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from zoo.measuring.enough import CONFIDENCE
from zoo.statistics.columns import EXECUTION, REPEAT, SETTING, as_frame, in_order, numbered
from zoo.statistics.ratios import medians
from zoo.statistics.remembered import once_a_table

COSTS_OF_A_CASE = (
    *("build_seconds", "trace_seconds", "compile_seconds"),
    *("compile_over_floor_bytes", "step_over_floor_bytes"),
)
"""Measured once a case, with its training; the costs of a phase are measured in each."""
COSTS_OF_A_PHASE = ("first_call_seconds", "step_seconds")
LEAST_STEPS = 3
"""Under so many numbers of steps no exponent is given: two always lie on a line."""
OF_MEMORY = ("out_of_memory", "over_limit")
"""How an arm ends that takes too much memory."""
LIMIT_BYTES = 2 * 2**30

WITHOUT_STEPS = [column for column in SETTING if column != "steps"]
FITTED = [
    *("quantity", "numbers", "repeats", "fewest_steps", "most_steps", "fewest_cost", "most_cost", "factor"),
    *("exponent", "low", "high", "r_squared", "upper_steps", "upper_exponent"),
]
ENDED = {"out_of_memory": "out of memory", "timeout": "time limit", "over_limit": "peak above the limit"}
"""Why a number of steps did not train, in words."""
OWN_LIMIT, TOGETHER = r"over the limit of ([\d.]+)", "beside the reference arm"
"""What the reason of a case says that passed the memory limit of a run, in GiB; alone, or with its reference arm."""
LARGEST = ["largest_steps", "largest_peak_bytes", "failed_steps", "failed_status", "failed_reason"]


def times_of_one_run(rows: pd.DataFrame) -> pd.DataFrame:
    """Of each curve the rows of one run: that with the most numbers of steps, the newest of several.

    The pace of a machine differs from day to day, so that times of several runs make no curve over steps.

    Args:
        rows: with the columns of `WITHOUT_STEPS`, `steps` and `run`.
    """
    by_run = rows.groupby([*WITHOUT_STEPS, "run"], dropna=False)["steps"]
    place = by_run.transform("nunique").astype(float) + rows["run"].rank(method="dense", pct=True) / 2
    best = place.groupby([rows[column] for column in WITHOUT_STEPS], dropna=False).transform("max")
    return rows[place == best]


@once_a_table
def exponents(table: pd.DataFrame) -> pd.DataFrame:
    """How each cost grows with the number of steps: cost = a·steps^b, one row a setting, execution, phase and quantity.

    `exponent` is b, by least squares of log cost on log steps, `low` to `high` its 95% interval (Student's t, n − 2
    degrees of freedom). A point is a number of steps: the median over its repeats, each the median of its blocks.
    Repeats are no points of their own: they share what sets a cost apart from a power law (and the trace and the
    compilation are measured once for all of them), so that more of them would narrow the interval around a wrong curve.

    Where a fixed cost dominates at few steps, no single exponent describes the curve. Then `factor` is the cost at
    the most steps over that at the fewest; `upper_exponent`, the same fit over the upper part alone, the numbers from
    `upper_steps` on (the middle of the range on a scale of logarithms), which is nearer to how it goes on; and
    `r_squared`, the part of the variation that the line explains (low too where nothing grows: then the exponent is
    near 0 and its interval narrow).

    Times of a curve are those of one run (`times_of_one_run`). A cost of zero or less, as memory over the floor may be,
    has no logarithm; its number of steps is not among those from `fewest_steps` to `most_steps`. Under 3 numbers of
    steps there is no row.
    """
    keys = [*WITHOUT_STEPS, *EXECUTION, "quantity"]
    quantities = [*COSTS_OF_A_CASE, *COSTS_OF_A_PHASE]
    costs = medians(table, REPEAT)
    of_one_run, keep = times_of_one_run(costs), [*SETTING, *EXECUTION]
    parts = ((of_one_run if name.endswith("_seconds") else costs, name) for name in quantities)
    costs = pd.concat([rows.melt(keep, name, "quantity", "cost") for rows, name in parts])
    costs = costs.dropna(subset=["cost"])
    costs = costs[(costs["phase"] == "train") | costs["quantity"].isin(COSTS_OF_A_PHASE)]
    costs["curve"] = numbered(costs, keys, np.arange(len(costs)))
    points = costs.groupby(["curve", "steps"])["cost"].agg(["median", "count"])
    points = points[points["median"] > 0]
    rows = []
    for curve, part in points.reset_index("curve").groupby("curve"):
        if len(part) >= LEAST_STEPS:
            rows.append({"curve": curve, "repeats": int(part["count"].min()), **_fitted(part["median"])})
    fitted = pd.DataFrame(rows, columns=["curve", *(name for name in FITTED if name != "quantity")])
    fitted = costs.drop_duplicates("curve")[["curve", *keys]].merge(fitted, on="curve")
    return fitted[[*WITHOUT_STEPS, *EXECUTION, *FITTED]]


def _fitted(points: pd.Series) -> dict[str, Any]:
    """The columns of one fit; `points` are costs by their number of steps, in rising order."""
    steps, costs = points.index.to_numpy(dtype=float), points.to_numpy(dtype=float)
    exponent, error, r_squared = _line(steps, costs)
    half = stats.t.ppf((1 + CONFIDENCE) / 2, len(points) - 2) * error
    upper = steps >= np.sqrt(steps[0] * steps[-1]) * (1 - 1e-9)
    upper[-2:] = True
    return {
        "numbers": len(points),
        "fewest_steps": int(steps[0]),
        "most_steps": int(steps[-1]),
        "fewest_cost": costs[0],
        "most_cost": costs[-1],
        "factor": costs[-1] / costs[0],
        "exponent": exponent,
        "low": exponent - half,
        "high": exponent + half,
        "r_squared": r_squared,
        "upper_steps": int(steps[upper][0]),
        "upper_exponent": _line(steps[upper], costs[upper])[0],
    }


def _line(steps: np.ndarray, costs: np.ndarray) -> tuple[float, float, float]:
    """Slope of log cost on log steps, its standard error, and r² (NaN where every cost is the same)."""
    if (costs == costs[0]).all():
        return 0.0, 0.0, np.nan
    fit = stats.linregress(np.log(steps), np.log(costs))
    return float(fit.slope), float(fit.stderr), float(fit.rvalue**2)


@once_a_table
def largest(table: pd.DataFrame, limit_bytes: int = LIMIT_BYTES) -> pd.DataFrame:
    """For each setting and execution the largest number of steps that trained within `limit_bytes`.

    `largest_steps` trained in every repeat, its peak of memory (`largest_peak_bytes`: of the first and of later calls,
    absolute, of the device where that is no CPU) within the limit. `failed_steps` is the smallest number above it that
    did not, in one repeat or more: `failed_status` is out_of_memory, timeout, or over_limit for a peak above the limit.
    Each is missing where there is none. A skipped or crashed case says nothing of memory and counts as not tried. So
    does one that passed a limit of the run's own below `limit_bytes`, or passed it with its reference arm.
    """
    rows = table[(table["phase"] == "train") & table["status"].isin(["ok", "out_of_memory", "timeout"])]
    peaks = rows[["compile_peak_host_bytes", "step_peak_host_bytes"]].astype("float64").max(axis=1)
    rows = rows.assign(peak=peaks.where(rows["device"] == "cpu", rows["peak_device_bytes"].astype("float64")))
    above = (rows["status"] == "ok") & (rows["peak"] > limit_bytes)
    rows = rows.assign(ended=rows["status"].mask(above, "over_limit"))
    rows = rows[((rows["ended"] != "ok") | rows["peak"].notna()) & ~_of_another_limit(rows, limit_bytes)]
    keys, needed = [*WITHOUT_STEPS, *EXECUTION], ["steps", "peak", "ended", "reason"]
    result = [
        {**dict(zip(keys, key, strict=True)), **_largest(group)}
        for key, group in rows.groupby(keys, dropna=False, sort=False)[needed]
    ]
    return as_frame(result, [*keys, *LARGEST], table).astype({"largest_steps": "Int64", "failed_steps": "Int64"})


def _of_another_limit(rows: pd.DataFrame, limit_bytes: int) -> pd.Series:
    """Whether a case was ended by a limit below `limit_bytes`, or together with the reference arm."""
    reasons = rows["reason"].astype("str")
    limits = reasons.str.extract(OWN_LIMIT, expand=False).astype("float64") * 2**30
    together = limits.notna() & reasons.str.startswith(TOGETHER)
    return rows["status"].eq("out_of_memory") & (together | limits.lt(0.99 * limit_bytes))


def _largest(rows: pd.DataFrame) -> dict[str, Any]:
    """The columns of one execution in one setting."""
    failed = rows[rows["ended"] != "ok"]
    trained = rows[~rows["steps"].isin(failed["steps"])]
    most = trained["steps"].max() if len(trained) else pd.NA
    beyond = failed[failed["steps"] > most] if len(trained) else failed
    first = beyond.sort_values("steps", kind="stable").head(1)
    return {
        "largest_steps": most,
        "largest_peak_bytes": trained.loc[trained["steps"] == most, "peak"].max() if len(trained) else np.nan,
        "failed_steps": first["steps"].max() if len(first) else pd.NA,
        "failed_status": "".join(first["ended"]),
        "failed_reason": "".join(first["reason"]),
    }


def bounded(table: pd.DataFrame, limit_bytes: int = LIMIT_BYTES) -> pd.DataFrame:
    """The rows of `largest` of the settings in which one execution trained and one came to its bound.

    In the others nobody looked for the bound, or everything failed.
    """
    result = largest(table, limit_bytes)
    ends = result.assign(trained=result["largest_steps"].notna(), failed=result["failed_steps"].notna())
    some = ends.groupby(WITHOUT_STEPS, dropna=False)[["trained", "failed"]].transform("any")
    bounds = result[(some["trained"] & some["failed"]).astype(bool)]
    return in_order(bounds.assign(steps=0)).drop(columns="steps")


def most_steps(row: pd.Series) -> str:
    """The most steps that trained: "4,000", "at least 4,000" where it was not memory that ended it."""
    full = row["failed_status"] in OF_MEMORY
    return f"{'' if full else 'at least '}{row['largest_steps']:,}"


def bound(row: pd.Series) -> str:
    """What a row of `largest` says, in words: "200 (500: peak above the limit)", "at least 50 (100: time limit)"."""
    trained, failed = row["largest_steps"], row["failed_steps"]
    if pd.isna(failed):
        return f"{trained:,} (the longest tried)"
    return f"{'none' if pd.isna(trained) else most_steps(row)} ({failed:,}: {ENDED[row['failed_status']]})"
