"""The figures of results/README.md, and those that the project's README shows of them."""

from __future__ import annotations

import pandas as pd

from zoo.errors import ZooError
from zoo.report.costs import cost_section, tables
from zoo.report.sentence import sentence
from zoo.report.terminal import as_markdown
from zoo.statistics.summary import summary

SHOWN = {"entry": "lstm", "task": "wave", "batch": 50, "units": 100, "masked": "none"}
"""The comparison in the head of the page: one network on the three backends, at few steps and at many."""
STEPS = (20, 200)


def head_figures(table: pd.DataFrame) -> dict[str, str]:
    """`head`: looped against unrolled on each backend in one table; `days`: when each was measured; `sentence`.

    Raises:
        ZooError: the table has no such rows.
    """
    shown = _of_head(table)
    rows = _of_head(summary(table))  # of all rows: the correction is for all comparisons, wherever they are shown
    if rows.empty:
        raise ZooError(f"the results hold nothing for the head of the page: {SHOWN} at {STEPS} steps")
    rows = rows.drop(columns=["backend_version", "masked"], errors="ignore")  # the title tells all versions
    if "backend" in rows:
        lead = ["backend", "steps"]
        rows = rows.sort_values(lead, kind="stable")[[*lead, *(name for name in rows if name not in lead)]]
    section = cost_section(rows, f"{SHOWN['entry']} looped against unrolled")
    where = f"{machine(table)}, {versions(table)}, {int(table['repeat'].max()) + 1} fresh processes each"
    return {
        "head": f"**{section.title}** ({where})\n\n{as_markdown(_varying(section.texts))}",
        "days": _days(shown),
        "sentence": sentence(table),
    }


def report_tables(table: pd.DataFrame) -> str:
    """Every table of the report, each under its title; how to read them stands in results/README.md."""
    return "\n".join(f"**{title}**\n\n{as_markdown(texts)}" for title, texts, _ in tables(table))


def _of_head(table: pd.DataFrame) -> pd.DataFrame:
    for column in SHOWN.keys() & table.columns:  # a summary leaves out what is the same everywhere
        table = table[table[column] == SHOWN[column]]
    return table[table["steps"].isin(STEPS)]


def _varying(texts: pd.DataFrame) -> pd.DataFrame:
    """Without the columns that the title tells: a page is read on narrow screens too."""
    return texts.drop(columns=[name for name in ("entry", "n") if name in texts and texts[name].nunique() == 1])


def _days(table: pd.DataFrame) -> str:
    """On which day each backend was measured."""
    days = table.assign(day=table["started_at"].astype("str").str[:10]).groupby("backend", sort=False)["day"].min()
    return ", ".join(f"{backend} on {day}" for backend, day in days.items())


def machine(table: pd.DataFrame) -> str:
    """Where the rows were measured, in words."""
    pairs = table[["device_name", "cpu_count"]].drop_duplicates()
    return " and ".join(f"{name}, {cores} cores" for name, cores in pairs.itertuples(index=False))


def versions(table: pd.DataFrame) -> str:
    """With which versions, in words."""
    backends = table[["backend", "backend_version"]].drop_duplicates().itertuples(index=False)
    keras = ", ".join(sorted(table["keras_version"].unique()))
    return ", ".join([f"Keras {keras}", *(f"{backend} {version}" for backend, version in backends if version)])
