"""Keeping the rows of a run as the committed reference tables."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from zoo.errors import ZooError
from zoo.measuring.enough import LEAST_REPEATS
from zoo.measuring.rows import COLUMNS
from zoo.statistics.folders import machine_name
from zoo.statistics.tables import read

PLACE = ["task", "steps", "units", "batch", "masked", "backend", "device"]
"""What the arms of a group share."""


def publish_profile(table: pd.DataFrame, folder: Path, profile: str) -> Path:
    """Write the rows of a run of `profile` as the compressed reference table <machine>-<profile>.csv.gz."""
    return _write(table, folder, profile)


def publish(table: pd.DataFrame, folder: Path) -> list[Path]:
    """Write the rows of a run as compressed reference tables: <machine>-speed.csv.gz, <machine>-run-accuracy.csv.gz.

    Rows of other tasks, sizes, backends and devices stay as they are.

    <machine>-accuracy.csv is that of `python -m benchmarks train-reference`.
    """
    trained = table["phase"] == "accuracy"
    kinds = {"speed": table[~trained], "run-accuracy": table[trained]}
    if table.empty:
        raise ZooError("there are no rows to publish")
    return [_write(rows, folder, kind) for kind, rows in kinds.items() if not rows.empty]


def _write(rows: pd.DataFrame, folder: Path, kind: str) -> Path:
    """Write the rows in the place of those of the same PLACE: a long profile is measured in parts.

    A group that was stopped before its least repeats does not replace rows that are there.
    """
    if rows.empty:
        raise ZooError("there are no rows to publish")
    machine = machine_name(rows["device_name"].iloc[0], rows["cpu_count"].iloc[0])
    path = folder / f"{machine}-{kind}.csv.gz"
    if path.exists():
        old = read(path)
        rows = _finished(rows, old)
        new = set(map(tuple, rows[PLACE].drop_duplicates().to_numpy()))
        kept = [tuple(place) not in new for place in old[PLACE].to_numpy()]
        rows = pd.concat([old[kept], rows], ignore_index=True)
    # Without a time stamp inside, so that the same rows give the same file.
    rows[COLUMNS].to_csv(path, index=False, compression={"method": "gzip", "mtime": 0})
    return path


def _finished(rows: pd.DataFrame, old: pd.DataFrame) -> pd.DataFrame:
    """The rows without those of groups in which no arm has enough repeats, where `old` has rows in their place."""
    known = set(map(tuple, old[PLACE].drop_duplicates().to_numpy()))
    group = rows["group"].fillna("").str.replace(r"\.\d+$", "", regex=True)  # of a part of it, the whole
    made = rows[rows["status"] == "ok"].groupby([group, "case_id"])["repeat"].nunique()
    finished = set(made[made >= LEAST_REPEATS].index.get_level_values("group"))
    stopped = ~group.isin(finished) & (group != "")
    replaces = pd.Series([tuple(place) in known for place in rows[PLACE].to_numpy()], index=rows.index)
    return rows[~(stopped & replaces)]
