"""The summaries as tables of texts, for a terminal or a page."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from zoo.report.entries import entry_sections
from zoo.report.gains import gain_sections
from zoo.report.growth import break_even_sections, growth_sections, largest_sections
from zoo.report.sections import Section, titled, verdict_text
from zoo.statistics.columns import FIGURES, STOCK_RATIO
from zoo.statistics.scores import accuracy_summary, better
from zoo.statistics.stock import STOCK_LOOPS
from zoo.statistics.summary import failures, summary
from zoo.statistics.texts import number, three_digits, whole, with_interval

SCORES = ["mean", "sd", "n", "naive_score", "train_seconds"]
LEGEND = (
    "What ran: read from the compiled graph or the profiler, not from what was asked (docs/method.md has the list). "
    "Costs: medians over n repeats; beside the training time the distance between the quartiles of a repeat's blocks. "
    "First call: compilation included. MiB: peak of memory over that of a one-Dense model, in the first call and in "
    "later ones; device MiB: the most that a GPU held in all. Ratio: training time over that of the execution named "
    "after it, with its 95% interval; below 1 is faster. "
    "Verdict: faster or slower, of which at most 5% in a table are expected to be wrong (false discovery rate); equal: "
    "within 5%, by two one-sided tests; undecided: neither yet, and in brackets the number of repeats that would "
    "likely decide it; too few: under 3 repeats, no interval. Over stock: training time over that of the Keras layer "
    "as a tutorial writes it."
)


def tables(table: pd.DataFrame) -> Iterator[Section]:
    """Costs of executions and entries, their growth and what they pay, scores, failures; no section without rows."""
    for (task, backend), part in summary(table).groupby(["task", "backend"], sort=False):
        yield cost_section(part.drop(columns=["task", "backend"]), f"Cost on {task}, {backend}")
    yield from entry_sections(table)
    yield from gain_sections(table)
    yield from growth_sections(table)
    yield from break_even_sections(table)
    yield from largest_sections(table)
    keys = ["task", "split", "metric"]
    for (task, split, metric), part in accuracy_summary(table).groupby(keys, sort=False):
        title = ", ".join(filter(None, [f"Score on {task}, {split} split: {metric}", better(str(metric))]))
        yield titled(title, part.drop(columns=keys), SCORES, _score_texts)
    failed = failures(table)
    if not failed.empty:
        yield Section("What did not end well", failed.astype("str"))


def cost_section(part: pd.DataFrame, title: str) -> Section:
    """Rows of `summary` as one section."""
    return titled(title, part, FIGURES, _cost_texts)


def _train(row: pd.Series) -> str:
    spread = "" if pd.isna(row["train_iqr_ms"]) else f" ({three_digits(row['train_iqr_ms'], like=row['train_ms'])})"
    return number(row["train_ms"]) + spread


def _ratio(row: pd.Series) -> str:
    return with_interval(row["train_ratio"], row["train_low"], row["train_high"])


def _over_stock(row: pd.Series) -> str:
    return with_interval(*row[STOCK_RATIO])


def _verdict(row: pd.Series) -> str:
    return verdict_text(row["train_verdict"], row["train_repeats_needed"])


def _cost_texts(part: pd.DataFrame) -> dict[str, pd.Series]:
    on_device = part["device_peak_mib"]
    has_stock = part["execution"].isin(STOCK_LOOPS).any()  # else it would say again what stands beside it
    return {
        "what\nran": part["kernel_path"].fillna(""),
        "train\nms (IQR)": part.apply(_train, axis=1),
        "predict\nms": part["predict_ms"].map(number),
        "first\ncall s": part["first_call_seconds"].map(number),
        "first\nMiB": part["compile_peak_mib"].map(whole),
        "later\nMiB": part["step_peak_mib"].map(whole),
        **({"device\nMiB": on_device.map(whole)} if on_device.notna().any() else {}),
        "graph\nnodes": part["graph_nodes"].map(whole),
        "ratio of\ntraining time": part.apply(_ratio, axis=1),
        "over that\nof": part["baseline"].fillna(""),
        "verdict": part.apply(_verdict, axis=1),
        **({"over\nstock": part.apply(_over_stock, axis=1)} if has_stock else {}),
        "n": part["repeats"].map(whole),
    }


def _score(row: pd.Series) -> str:
    spread = "" if pd.isna(row["sd"]) else f" ± {three_digits(row['sd'], like=row['mean'])}"
    return three_digits(row["mean"]) + spread


def _score_texts(part: pd.DataFrame) -> dict[str, pd.Series]:
    return {
        "mean ± sd": part.apply(_score, axis=1),
        "seeds": part["n"].map(whole),
        "naive": part["naive_score"].map(number),
        "training s": part["train_seconds"].map(number),
    }
