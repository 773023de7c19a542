"""The summaries as tables of texts, for a terminal or a page."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pandas as pd

from benchmarks.summary import accuracy_summary, better, differing, failures, summary, three_digits

COSTS = [
    "train_ms",
    *("predict_ms", "first_call_seconds", "compile_peak_mib", "step_peak_mib", "graph_nodes"),
    *("baseline", "train_ratio", "train_low", "train_high", "repeats"),
]
SCORES = ["mean", "sd", "n", "naive_score", "train_seconds"]
LEGEND = (
    "Costs: medians over n repeats. First call: compilation included. MiB: peak of memory over that of a one-Dense "
    "model, in the first call and in later ones. Ratio: training time over that of the execution named after it, with "
    "its 95% interval; below 1 is faster."
)

Texts = Callable[[pd.DataFrame], dict[str, pd.Series]]


def tables(table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Titles and tables: costs by task and backend, scores by task and split, failures; none without rows."""
    for (task, backend), part in summary(table).groupby(["task", "backend"], sort=False):
        yield _titled(f"Cost on {task}, {backend}", part.drop(columns=["task", "backend"]), COSTS, _cost_texts)
    keys = ["task", "split", "metric"]
    for (task, split, metric), part in accuracy_summary(table).groupby(keys, sort=False):
        title = ", ".join(filter(None, [f"Score on {task}, {split} split: {metric}", better(str(metric))]))
        yield _titled(title, part.drop(columns=keys), SCORES, _score_texts)
    failed = failures(table)
    if not failed.empty:
        yield "What did not end well", failed.astype("str")


def _titled(title: str, part: pd.DataFrame, figures: list[str], texts: Texts) -> tuple[str, pd.DataFrame]:
    """One table: what is the same in all its rows goes to its title, the rest stays columns."""
    names = [column for column in part.columns if column not in figures]
    shown = [name for name in names if name in ("entry", "execution", *differing(part, names))]
    same = [_named(name, part[name].iloc[0]) for name in names if name not in shown]
    words = part[shown].astype("str")
    return ", ".join([title, *same]), words.assign(**texts(part))


def _named(name: str, value: object) -> str:
    if name in ("steps", "features", "units"):
        return f"{value} {name.removesuffix('s') if value == 1 else name}"
    return f"{name} {value}"


def _number(value: float) -> str:
    return "" if pd.isna(value) else three_digits(value)


def _whole(value: float) -> str:
    return "" if pd.isna(value) else f"{value:,.0f}"


def _ratio(row: pd.Series) -> str:
    if pd.isna(row["train_ratio"]):
        return ""
    known = not pd.isna(row["train_low"])
    return f"{row['train_ratio']:.2f}" + (f" [{row['train_low']:.2f}, {row['train_high']:.2f}]" if known else "")


def _cost_texts(part: pd.DataFrame) -> dict[str, pd.Series]:
    return {
        "train\nms": part["train_ms"].map(_number),
        "predict\nms": part["predict_ms"].map(_number),
        "first\ncall s": part["first_call_seconds"].map(_number),
        "first\nMiB": part["compile_peak_mib"].map(_whole),
        "later\nMiB": part["step_peak_mib"].map(_whole),
        "graph\nnodes": part["graph_nodes"].map(_whole),
        "ratio of\ntraining time": part.apply(_ratio, axis=1),
        "over that\nof": part["baseline"].fillna(""),
        "n": part["repeats"].map(_whole),
    }


def _score(row: pd.Series) -> str:
    spread = "" if pd.isna(row["sd"]) else f" ± {three_digits(row['sd'], like=row['mean'])}"
    return three_digits(row["mean"]) + spread


def _score_texts(part: pd.DataFrame) -> dict[str, pd.Series]:
    return {
        "mean ± sd": part.apply(_score, axis=1),
        "seeds": part["n"].map(_whole),
        "naive": part["naive_score"].map(_number),
        "training s": part["train_seconds"].map(_number),
    }
