"""The figures of docs/your-own-data.md: verdicts on series that everybody has, and on series without structure."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from benchmarks.experiments import null
from zoo.comparison.outcome import ENTRY
from zoo.report.terminal import as_markdown
from zoo.statistics.texts import three_digits


def own_data_figures(folder: Path) -> dict[str, str]:
    """`series`: the best entry beside the baselines; `verdicts`: the sentences; `null`: how often nothing is found.

    Empty where the rows of one of them are not there.
    """
    tables = {path.stem: pd.read_csv(path) for path in sorted((folder / "series").glob("*.csv"))}
    without = folder / "null" / null.TABLE
    if not tables or not without.exists():
        return {}
    counts = null.wrong(pd.read_csv(without))
    found = [f"{row['wrong']} of {row['series']} series of {row['kind']}" for _, row in counts.iterrows()]
    return {
        "series": as_markdown(pd.DataFrame([_row(name, table) for name, table in tables.items()])),
        "verdicts": "\n".join(f"- {name}: {table['answer'].iloc[0]}" for name, table in tables.items()),
        "null": " and ".join(found),
    }


def _row(name: str, table: pd.DataFrame) -> dict[str, str]:
    """MASE of the two best entries and of every baseline."""
    entries, baselines = table[table["kind"] == ENTRY], table[table["kind"] != ENTRY]
    best = [f"{row['name']} {three_digits(row['MASE'])}" for _, row in entries.head(2).iterrows()]
    texts = {row["name"]: three_digits(row["MASE"]) for _, row in baselines.sort_values("name").iterrows()}
    return {"series": name, "best entry": best[0], "second": best[-1], **texts}
