"""What the results table says: medians, paired ratios with intervals, and the tables that a report prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

TIMED = ("train", "predict")
EXECUTION = ["execution", "runner", "loop", "chunk", "jit", "memory"]
SIZES = ["batch", "steps", "features", "units"]
WHERE = ["device_name", "cpu_count", "threads", "python_version", "keras_version", "backend_version", "numpy_version"]
SETTING = [
    *("entry", "task", "backend", "device", "dtype", "matmul_precision", "optimizer", "masked", "recipe"),
    *SIZES,
    *WHERE,
    "phase",
]
"""What must be equal for two executions to be compared, and for rows to be put together."""
FAMILY = ["task", "backend", "phase", "quantity"]
"""What the comparisons of one table share: they are looked at together, and so corrected together."""
PAIR = ["run", "repeat"]
"""What two timings must share to be a pair: neighbours in time, each in a fresh process."""
COSTS = [
    *("build_seconds", "trace_seconds", "compile_seconds", "first_call_seconds"),
    *("step_seconds", "examples_per_second"),
    *("trainer_floor_seconds", "compile_peak_host_bytes", "step_peak_host_bytes"),
    *("compile_floor_host_bytes", "step_floor_host_bytes"),
    *("peak_device_bytes", "graph_nodes", "parameters", "limit_seconds", "chain_limit_seconds"),
]
LEAST_REPEATS = 3
"""Under so many repeats no interval is given."""
CONFIDENCE = 0.95
WIDE = 1.5
"""An interval whose upper end is more than so many times its lower end says little of a ratio."""
QUANTITIES = ("step_seconds", "first_call_seconds")
MIB = 2**20
RATIO = ["ratio", "low", "high", "conclusion", "wide"]
FIGURES = [
    *(
        "kernel_path",
        "train_ms",
        "train_iqr_ms",
        "predict_ms",
        "first_call_seconds",
        "compile_peak_mib",
        "step_peak_mib",
        "device_peak_mib",
    ),
    *("graph_nodes", "baseline", *(f"train_{name}" for name in RATIO), "repeats"),
]
"""What `summary` says of each execution."""
HIGHER_IS_BETTER = ("accuracy", "bleu", "chrf", "exact_match", "f1")
LOWER_IS_BETTER = ("mse", "mae", "rmse", "loss", "cross_entropy", "perplexity", "bits_per_character", "error_rate")


def medians(table: pd.DataFrame) -> pd.DataFrame:
    """One row a case, phase and repeat: the median of every cost over its timings.

    `step_iqr_seconds` is the distance between the quartiles of its timings, NaN for a single one;
    `compile_over_floor_bytes` and `step_over_floor_bytes` are peaks of memory less that of a one-Dense model.
    """
    rows = table[(table["status"] == "ok") & table["phase"].isin(TIMED)]
    keys = [*SETTING, *EXECUTION, *PAIR]
    costs = rows[keys].join(rows[COSTS].astype("float64"))
    groups = costs.groupby(keys, dropna=False, sort=False)
    result = groups[COSTS].median().reset_index()
    timings = costs["step_seconds"].groupby(groups.ngroup())  # numbered in the order of `result`
    spread = timings.quantile(0.75) - timings.quantile(0.25)
    result["step_iqr_seconds"] = spread.where(timings.count() > 1)
    for what in ("compile", "step"):
        result[f"{what}_over_floor_bytes"] = result[f"{what}_peak_host_bytes"] - result[f"{what}_floor_host_bytes"]
    return result


def interval(values: pd.Series) -> tuple[float, float]:
    """The 95% interval of a mean, Student's t; NaN under 3 values."""
    count = values.count()
    if count < LEAST_REPEATS:
        return np.nan, np.nan
    half = special.stdtrit(count - 1, (1 + CONFIDENCE) / 2) * values.std() / np.sqrt(count)
    return values.mean() - half, values.mean() + half


def geometric_mean(values: pd.Series) -> float:
    """The mean on the scale of logarithms, right for times and ratios."""
    return float(np.exp(np.log(values).mean()))


def geometric_interval(values: pd.Series) -> tuple[float, float]:
    """The 95% interval of the geometric mean; NaN under 3 values."""
    low, high = interval(np.log(values))
    return float(np.exp(low)), float(np.exp(high))


def p_value(ratios: pd.Series) -> float:
    """How probable so large a mean of the logarithms is where there is no difference (paired t test); NaN under 3."""
    logs = np.log(ratios)
    if logs.count() < LEAST_REPEATS:
        return np.nan
    error = logs.std() / np.sqrt(logs.count())
    if error == 0:
        return float(logs.mean() == 0)
    return float(2 * special.stdtr(logs.count() - 1, -abs(logs.mean()) / error))


def holm(p_values: pd.Series) -> pd.Series:
    """p-values of comparisons that are looked at together, corrected by Holm's method; NaN stays NaN."""
    ranked = p_values.dropna().sort_values()  # statsmodels' multipletests does this in 0.1 s: it collects garbage first
    return (ranked * np.arange(len(ranked), 0, -1)).cummax().clip(upper=1).reindex(p_values.index)


def pairs(table: pd.DataFrame, baseline: str = "looped", quantities: Sequence[str] = QUANTITIES) -> pd.DataFrame:
    """One row a pair: `ratio` is the time of an execution over that of its baseline in the same repeat.

    The baseline of an execution is the plain `baseline` loop of the same jit, and that without jit for the jitted
    baseline itself and where the table has no jitted one. `quantity` says of what
    the ratio is: step_seconds (one call), first_call_seconds (the first), or another of `quantities`.
    """
    times = medians(table).melt([*SETTING, *EXECUTION, *PAIR], list(quantities), "quantity", "seconds")
    times = times[times["seconds"] > 0]
    plain = (times["loop"] == baseline) & times["chunk"].isna() & (times["memory"] == "store")
    jit = times["jit"].astype(bool)
    bases = times[plain].rename(columns={"execution": "baseline", "seconds": "baseline_seconds"})
    jitted = f"{baseline}+jit" if (plain & jit).any() else baseline
    arms = times.assign(baseline=np.where(jit & ~plain, jitted, baseline))[~plain | jit]
    keys = [*SETTING, *PAIR, "quantity", "baseline"]
    paired = arms.merge(bases[[*keys, "baseline_seconds"]], on=keys)
    return paired.assign(ratio=paired["seconds"] / paired["baseline_seconds"])


def ratios(table: pd.DataFrame, baseline: str = "looped") -> pd.DataFrame:
    """The time of every execution over that of its baseline, all else equal: below 1 it is faster than the baseline.

    One row a setting, phase, execution and quantity: `ratio` is the geometric mean of the ratios paired by repeat,
    `low` and `high` its 95% interval (Student's t on the logarithms over `repeats`), NaN under 3 repeats.
    `p_holm` is the p-value of the same t test, corrected by Holm's method for the comparisons of its FAMILY: of forty
    intervals of arms that do not differ, two exclude 1. `conclusion` is what it allows to say (see `concluded`), and
    `wide` whether the interval's ends are more than a factor of 1.5 apart. Of an arm that is faster or slower, `wide`
    leaves open how much; of one that shows no difference, whether there is one of a size that matters.
    """
    keys = [*SETTING, *EXECUTION, "baseline", "quantity"]
    groups = pairs(table, baseline).groupby(keys, dropna=False, sort=False)["ratio"]
    result = groups.agg(
        ratio=geometric_mean,
        low=lambda ratio: geometric_interval(ratio)[0],
        high=lambda ratio: geometric_interval(ratio)[1],
        repeats="count",
        p_value=p_value,
    ).reset_index()
    result["p_holm"] = result.groupby(FAMILY, dropna=False, sort=False)["p_value"].transform(holm)
    said = [concluded(ratio, p) for ratio, p in zip(result["ratio"], result["p_holm"], strict=True)]
    result["conclusion"] = pd.Series(said, index=result.index, dtype="str")
    return result.assign(wide=result["high"] > WIDE * result["low"])


def concluded(ratio: float, p: float) -> str:
    """What a ratio of times allows to say, given its corrected p-value."""
    if pd.isna(p):
        return "too few repeats"
    if p >= 1 - CONFIDENCE:
        return "no difference shown"
    return "faster" if ratio < 1 else "slower"


def framed(rows: Sequence[dict[str, Any]], columns: list[str], table: pd.DataFrame) -> pd.DataFrame:
    """Rows worked out group by group as a table of `columns`; those that `table` has keep their types."""
    frame = pd.DataFrame(rows, columns=columns)
    return frame.astype({column: table.dtypes[column] for column in columns if column in table})


def differing(table: pd.DataFrame, columns: list[str]) -> list[str]:
    """Those of `columns` that hold more than one value: what a reader must be told to tell the rows apart."""
    return [column for column in columns if table[column].nunique(dropna=False) > 1]


def told(table: pd.DataFrame, lead: list[str]) -> list[str]:
    """The columns that follow `lead` in a summary: the sizes, and what else of the setting differs."""
    others = [column for column in [*SETTING, "execution"] if column in table and column not in lead]
    return [column for column in others if column in (*SIZES, *differing(table, others))]


def execution_order(table: pd.DataFrame) -> list[str]:
    """The executions of the table: looped first, then unrolled, then others; without jit before with it."""
    first = {"looped": 0, "unrolled": 1}
    parts = table[EXECUTION].drop_duplicates().fillna({"chunk": 0})
    keyed = [
        ((runner != "keras", jit, first.get(loop, 2), runner, loop, chunk, memory != "store", memory), name)
        for name, runner, loop, chunk, jit, memory in parts.values
    ]
    return [name for _, name in sorted(keyed)]


def in_order(table: pd.DataFrame) -> pd.DataFrame:
    """Rows by task, steps, entry and execution."""
    executions = execution_order(table)
    key = [
        (task, steps, entry, executions.index(execution))
        for task, steps, entry, execution in table[["task", "steps", "entry", "execution"]].itertuples(index=False)
    ]
    return table.iloc[sorted(range(len(key)), key=key.__getitem__)].reset_index(drop=True)


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """What every execution of every entry costs: one row an entry, task, number of steps, execution and backend.

    `kernel_path` is what ran; `train_ms` and `predict_ms` are medians over repeats, `train_iqr_ms` that of the spread
    within a repeat; the peaks are MiB over the floor, and they, the graph and the first call are those of training;
    `train_ratio` is the time over that of the baseline (see `ratios`). Columns of the setting that differ within the
    table follow `backend`, after the sizes.
    """
    phaseless = [column for column in SETTING if column != "phase"]
    keys = [*phaseless, *EXECUTION]
    by_phase = dict(iter(medians(table).groupby("phase")))
    empty = medians(table).iloc[:0]
    ran = table[(table["status"] == "ok") & table["phase"].isin(TIMED)]
    ran = ran.groupby(keys, dropna=False, sort=False)["kernel_path"].first().reset_index()
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
    against = ratios(table).query("phase == 'train' and quantity == 'step_seconds'")
    against = against[[*keys, "baseline", *RATIO]].rename(columns={name: f"train_{name}" for name in RATIO})
    result = costs.reset_index().merge(predicted.reset_index(), on=keys, how="outer")
    result = result.merge(against, on=keys, how="left").merge(ran, on=keys, how="left")
    lead = ["task", "steps", "entry", "execution", "backend"]
    lead += told(result, lead)
    return in_order(result)[[*lead, *FIGURES]]


def scores(table: pd.DataFrame) -> pd.DataFrame:
    """One row a trained score that ended well; of a seed trained twice in one setting the last counts."""
    rows = table[(table["status"] == "ok") & (table["phase"] == "accuracy") & table["score"].notna()]
    return rows.drop_duplicates([*SETTING, "execution", "split", "metric", "seed"], keep="last")


def accuracy_summary(table: pd.DataFrame) -> pd.DataFrame:
    """What every entry earns: mean and standard deviation of its score over `n` seeds, beside the naive score.

    One row an entry, task and split; the sizes and what else of the setting differs follow `metric`.
    """
    rows = scores(table)
    keys = [*SETTING, *EXECUTION, "split", "metric"]
    result = rows.groupby(keys, dropna=False, sort=False).agg(
        mean=("score", "mean"),
        sd=("score", "std"),
        n=("score", "count"),
        naive_score=("naive_score", "mean"),
        train_seconds=("train_seconds", "mean"),
    )
    result = in_order(result.reset_index()).sort_values(["task", "split"], kind="stable", ignore_index=True)
    lead = ["task", "split", "entry", "metric"]
    lead += told(result, lead)
    return result[[*lead, "mean", "sd", "n", "naive_score", "train_seconds"]]


def failures(table: pd.DataFrame) -> pd.DataFrame:
    """What did not end well and why: `cases` counts the rows of one status, reason, entry, task and execution."""
    rows = table[table["status"] != "ok"]
    keys = ["status", "reason", "entry", "task", "execution", "backend"]
    return rows.groupby(keys, dropna=False).size().rename("cases").reset_index()


def three_digits(value: float, like: float | None = None) -> str:
    """The value with the decimals that show three digits of it, or of `like`."""
    size = abs(value if like is None else like)
    decimals = 2 - int(np.floor(np.log10(size))) if 0 < size < np.inf else 2
    return f"{value:,.{max(decimals, 0)}f}"


def better(metric: str) -> str:
    """Which values of the metric are better, in words; empty for an unknown one."""
    if metric in HIGHER_IS_BETTER:
        return "higher is better"
    return "lower is better" if metric in LOWER_IS_BETTER else ""
