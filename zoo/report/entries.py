"""How long entries take against the reference entry of their task, as tables of texts."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from zoo.report.sections import Section, titled, verdict_text
from zoo.statistics.columns import TIMED, sizes_and_differing
from zoo.statistics.entries import against_reference
from zoo.statistics.texts import with_interval

NOTE = (
    "The looped arm of an entry over that of the reference entry, timed in turn: 0.78 takes 0.78 of its time. Verdicts "
    "as for the costs."
)
FIGURES = [f"{name}_{phase}" for phase in TIMED for name in ("ratio", "verdict")]


def entry_sections(table: pd.DataFrame) -> Iterator[Section]:
    """A section for each task, backend and reference entry."""
    rows = against_reference(table)
    if rows.empty:
        return
    texts = rows[["ratio", "low", "high"]].apply(lambda row: with_interval(*row), axis=1)
    words = [verdict_text(*each) for each in rows[["verdict", "repeats_needed"]].itertuples(index=False)]
    rows = rows.assign(ratio=texts, verdict=words)
    lead = ["task", "backend", "reference", "steps", "entry"]
    keys = [*lead, *sizes_and_differing(rows, [*lead, "phase"])]
    wide = rows.pivot(index=keys, columns="phase", values=["ratio", "verdict"]).fillna("")
    wide.columns = wide.columns.map("_".join)
    wide = wide.reindex(columns=FIGURES, fill_value="").reset_index()
    for (task, backend, reference), part in wide.groupby(["task", "backend", "reference"], sort=False):
        title = f"Time over that of {reference} on {task}, {backend}"
        yield titled(title, part.drop(columns=["task", "backend", "reference"]), FIGURES, _texts, NOTE)


def _texts(part: pd.DataFrame) -> dict[str, pd.Series]:
    return {"\n".join(reversed(name.split("_"))): part[name] for name in FIGURES}
