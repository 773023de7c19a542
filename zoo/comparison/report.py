"""The page of a comparison: its verdict, its chart, and its tables."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from zoo.comparison.chart import score_against_cost
from zoo.comparison.outcome import BASELINE, ENTRY, Outcome
from zoo.drawings import write_bytes
from zoo.report.html import page_html, picture_of
from zoo.report.tables import ReportTable

REPORT = "report.html"
CHART = "score-against-cost"


def write_comparison(outcome: Outcome, folder: Path) -> Path:
    """Write the page, its chart as a picture, and the table as CSV to a folder; the path of the page.

    Raises:
        ZooError: one of them cannot be written.
    """
    picture = picture_of(CHART, score_against_cost(outcome), folder)
    table = outcome.table
    write_bytes(folder / "table.csv", table.to_csv(index=False).encode())
    page = page_html(
        title=f"Comparison: {outcome.name}",
        where=list(outcome.notes),
        answers=[("Which entry is worth it?", [outcome.verdict, *outcome.failures])],
        pictures=[picture],
        tables=[
            ReportTable(
                "entries",
                "Entries",
                "Best first. low and high are the ends of 95% intervals. over_baseline is the mean loss over that of "
                "the best baseline, on the same examples: under 1 is better. Times are milliseconds of a call with one "
                "batch, taken in turns; ratios are over the first entry, and their intervals are over rounds within "
                "one process of each entry: other processes may differ by more. peak_mib is the memory of the whole "
                "process.",
                table[table["kind"] == ENTRY].drop(columns="kind"),
            ),
            ReportTable("baselines", "Baselines", "What simple answers reach on the same examples.", _baselines(table)),
            ReportTable("trainings", "Every training", "One row an entry, fold and seed.", _trainings(outcome)),
        ],
    )
    write_bytes(folder / REPORT, page.encode())
    return folder / REPORT


def _baselines(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["kind"] == BASELINE].dropna(axis=1, how="all").drop(columns="kind")


def _trainings(outcome: Outcome) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "entry": score.entry,
            "fold": score.fold + 1,
            "seed": score.seed,
            **score.worth.scores,
            "train_seconds": score.train_seconds,
        }
        for score in outcome.scores
    )
