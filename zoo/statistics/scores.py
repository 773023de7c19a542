"""What each entry earns."""

from __future__ import annotations

import math

import pandas as pd

from zoo.statistics.columns import EXECUTION, SETTING, WHERE, in_order, sizes_and_differing
from zoo.statistics.intervals import geometric_interval, interval

HIGHER_IS_BETTER = ("accuracy", "symbol_accuracy", "bleu", "chrf", "exact_match", "f1")
MOST = {"accuracy": 1.0, "symbol_accuracy": 1.0, "exact_match": 1.0, "f1": 1.0}
"""The best score of a metric that has one."""
LOWER_IS_BETTER = ("mse", "mae", "rmse", "loss", "cross_entropy", "perplexity", "bits_per_character", "error_rate")


def scores(table: pd.DataFrame) -> pd.DataFrame:
    """One row a trained score that ended well; of a seed trained twice in one setting the last counts."""
    rows = table[(table["status"] == "ok") & (table["phase"] == "accuracy") & table["score"].notna()]
    return rows.drop_duplicates([*SETTING, "execution", "split", "metric", "seed"], keep="last")


def accuracy_summary(table: pd.DataFrame) -> pd.DataFrame:
    """What every entry earns: mean and standard deviation of its score over `n` seeds, beside the naive score.

    One row an entry, task and split; the sizes and what else of the setting differs follow `metric`. A score is of the
    weights: a seed counts once, wherever and with whatever versions it was trained, and the last time counts. Seeds of
    several machines have no `train_seconds`.
    """
    keys = [name for name in [*SETTING, *EXECUTION, "split", "metric"] if name not in WHERE]
    rows = scores(table).drop_duplicates([*keys, "seed"], keep="last")
    grouped = rows.groupby(keys, dropna=False, sort=False)
    result = grouped.agg(
        mean=("score", "mean"),
        sd=("score", "std"),
        n=("score", "count"),
        naive_score=("naive_score", "mean"),
        train_seconds=("train_seconds", "mean"),
    )
    machines = grouped[["device_name", "cpu_count"]].nunique().max(axis=1)
    result["train_seconds"] = result["train_seconds"].where(machines <= 1)
    result = in_order(result.reset_index()).sort_values(["task", "split"], kind="stable", ignore_index=True)
    lead = ["task", "split", "entry", "metric"]
    lead += sizes_and_differing(result, lead)
    return result[[*lead, "mean", "sd", "n", "naive_score", "train_seconds"]]


def score_interval(seeds: pd.Series, metric: str) -> tuple[float, float]:
    """The 95% interval of a score over seeds; NaN under 3 of them.

    That of an error is on the scale of logarithms: seeds of one entry differ by factors, and no error is below 0. That
    of an accuracy ends at 1 at the latest.
    """
    values = seeds.astype("float64")
    is_error = not better(metric).startswith("higher") and bool((values > 0).all())
    low, high = geometric_interval(values) if is_error else interval(values)
    return low, min(high, MOST.get(metric, math.inf))


def better(metric: str) -> str:
    """Which values of the metric are better, in words; empty for an unknown one."""
    if metric in HIGHER_IS_BETTER:
        return "higher is better"
    return "lower is better" if metric in LOWER_IS_BETTER else ""
