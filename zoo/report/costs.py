"""What executions cost, as tables of texts for a page."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from zoo.report.sections import Section, titled, verdict_text
from zoo.statistics.columns import FIGURES, STOCK_RATIO
from zoo.statistics.stock import STOCK_LOOPS
from zoo.statistics.summary import summary
from zoo.statistics.texts import number, three_digits, whole, with_interval


def cost_sections(table: pd.DataFrame) -> Iterator[Section]:
    """What each execution costs, by task, backend and device."""
    keys = ["task", "backend"]
    for (task, backend), part in summary(table).groupby(keys, sort=False):
        yield cost_section(part.drop(columns=keys), f"Cost on {task}, {backend}")


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
