"""What each execution costs, and what failed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from zoo.statistics.columns import (
    EXECUTION,
    FIGURES,
    MIB,
    RATIO,
    REPEAT,
    SETTING,
    STOCK_RATIO,
    TIMED,
    in_order,
    numbered,
    sizes_and_differing,
)
from zoo.statistics.ratios import medians, step_ratios
from zoo.statistics.remembered import once_a_table
from zoo.statistics.stock import STOCK, STOCK_LOOPS


@once_a_table
def summary(table: pd.DataFrame) -> pd.DataFrame:
    """What every execution of every entry costs: one row an entry, task, number of steps, execution and backend.

    `kernel_path` is what ran; `train_ms` and `predict_ms` are medians over repeats, `train_iqr_ms` that of the spread
    of blocks within a repeat; the peaks are MiB over the floor, and they, the graph and the first call are those of
    training; `train_ratio` is the time over that of the baseline, and `train_verdict` what it shows (see `ratios`);
    `stock_ratio` that over the stock layer, or what stands for it (see `stock`), in a table that has stock rows.
    Columns of the setting that differ within the table follow `backend`, after the sizes.
    """
    phaseless = [column for column in SETTING if column != "phase"]
    keys = [*phaseless, *EXECUTION]
    times = medians(table, REPEAT)
    by_phase, empty = dict(iter(times.groupby("phase"))), times.iloc[:0]
    where = np.flatnonzero((table["status"] == "ok") & table["phase"].isin(TIMED))
    first = where[np.unique(numbered(table, keys, where), return_index=True)[1]]
    ran = table[[*keys, "kernel_path"]].take(first)
    train = by_phase.get("train", empty).groupby(keys, dropna=False, sort=False)
    costs = train.agg(
        train_ms=("step_seconds", lambda seconds: seconds.median() * 1000),
        train_iqr_ms=("step_iqr_seconds", lambda seconds: seconds.median() * 1000),
        first_call_seconds=("first_call_seconds", "median"),
        compile_peak_mib=("compile_over_floor_bytes", lambda peaks: peaks.median() / MIB),
        step_peak_mib=("step_over_floor_bytes", lambda peaks: peaks.median() / MIB),
        device_peak_mib=("peak_device_bytes", lambda peaks: peaks.median() / MIB),
        graph_nodes=("graph_nodes", "median"),
        repeats=("repeat", "count"),
    )
    predict = by_phase.get("predict", empty).groupby(keys, dropna=False, sort=False)
    predicted = predict.agg(predict_ms=("step_seconds", lambda seconds: seconds.median() * 1000))
    against = step_ratios(table)
    against = against[[*keys, "baseline", *RATIO]].rename(columns={name: f"train_{name}" for name in RATIO})
    of_stock_too = table if table["loop"].isin(STOCK_LOOPS).any() else table.iloc[:0]
    of_stock = dict(zip(("ratio", "low", "high"), STOCK_RATIO, strict=True))
    over_stock = step_ratios(of_stock_too, STOCK).rename(columns=of_stock)[[*keys, *STOCK_RATIO]]
    result = costs.reset_index().merge(predicted.reset_index(), on=keys, how="outer")
    for others in (against, over_stock, ran):
        result = result.merge(others, on=keys, how="left")
    lead = ["task", "steps", "entry", "execution", "backend"]
    lead += sizes_and_differing(result, lead)
    return in_order(result)[[*lead, *FIGURES]]


def failures(table: pd.DataFrame) -> pd.DataFrame:
    """What did not end well and why: `cases` counts the rows of one status, reason, entry, task and execution."""
    rows = table[table["status"] != "ok"]
    keys = ["status", "reason", "entry", "task", "execution", "backend"]
    return rows.groupby(keys, dropna=False).size().rename("cases").reset_index()
