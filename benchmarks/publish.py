"""Keeping the rows of a run as the committed reference tables."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from zoo.errors import ZooError
from zoo.measuring.enough import LEAST_REPEATS
from zoo.measuring.resume import whole_name
from zoo.measuring.rows import COLUMNS
from zoo.statistics.folders import machine_name
from zoo.statistics.tables import read

PLACE = ["task", "steps", "units", "batch", "masked", "backend", "device"]
"""What the arms of a group share."""
TRIED = ("ok", "unequal", "out_of_memory", "timeout")
DIGITS = "%.7g"
"""Of a figure: no clock tells more, and the files are half as large."""
NAMED = 3
"""Of the cases that would be lost so many are named."""


def publish_profile(table: pd.DataFrame, folder: Path, profile: str, drop: bool = False) -> list[Path]:
    """Write the rows of a run of `profile` as the compressed reference tables <machine>-<profile>.csv.gz.

    Raises:
        ZooError: see `publish`.
    """
    return _write({profile: table}, folder, drop)


def publish(table: pd.DataFrame, folder: Path, drop: bool = False) -> list[Path]:
    """Write the rows of a run as compressed reference tables: <machine>-speed.csv.gz, <machine>-run-accuracy.csv.gz.

    Rows of other tasks, sizes, backends and devices stay as they are: a long profile is measured in parts. A group that
    was stopped before its least repeats does not replace one that has more.

    <machine>-accuracy.csv is that of `python -m benchmarks train-reference`.

    Args:
        table: the rows.
        folder: where the reference tables are.
        drop: whether rows of cases that the run does not have may go.

    Raises:
        ZooError: there are no rows, or cases of the reference would be lost; nothing is written then.
    """
    trained = table["phase"] == "accuracy"
    return _write({"speed": table[~trained], "run-accuracy": table[trained]}, folder, drop)


def _write(kinds: dict[str, pd.DataFrame], folder: Path, drop: bool) -> list[Path]:
    """Write the rows of each kind, a file a machine."""
    written: dict[Path, pd.DataFrame] = {}
    for kind, rows in kinds.items():
        for (device, cpus), part in rows.groupby(["device_name", "cpu_count"], sort=False, dropna=False):
            path = folder / f"{machine_name(str(device), int(str(cpus)))}-{kind}.csv.gz"
            written[path] = _merged(part, read(path), drop) if path.exists() else part
    if not written:
        raise ZooError("there are no rows to publish")
    for path, rows in written.items():
        # Without a time stamp inside, so that the same rows give the same file.
        rows[COLUMNS].to_csv(path, index=False, float_format=DIGITS, compression={"method": "gzip", "mtime": 0})
    return list(written)


def _merged(rows: pd.DataFrame, old: pd.DataFrame, drop: bool) -> pd.DataFrame:
    """The new rows in the place of the old ones of the same PLACE."""
    rows = _finished(rows, old)
    new = set(_places(rows))
    replaced = pd.Series([place in new for place in _places(old)], index=old.index)
    measured = rows.loc[rows["status"].isin(TRIED), "case_id"]
    lost = old[replaced & old["status"].eq("ok") & ~old["case_id"].isin(measured)]
    if len(lost) and not drop:
        cases = lost["case_id"].unique()
        what = "a case" if len(cases) == 1 else f"{len(cases)} cases"
        more = f" and {len(cases) - NAMED} more" if len(cases) > NAMED else ""
        raise ZooError(
            f"the run lacks {what} that the reference has at its sizes: {', '.join(cases[:NAMED])}{more}; "
            "measure them too, or give --drop"
        )
    return pd.concat([old[~replaced], rows], ignore_index=True)


def _places(rows: pd.DataFrame) -> list[tuple[object, ...]]:
    return list(map(tuple, rows[PLACE].to_numpy()))


def _finished(rows: pd.DataFrame, old: pd.DataFrame) -> pd.DataFrame:
    """The rows without those of groups that were stopped, where `old` has more repeats in their place."""
    groups = rows["group"].fillna("").map(whole_name)
    made = _repeats(rows, groups).reindex(groups).fillna(0).set_axis(rows.index)
    known = _repeats(old, pd.Series(_places(old), index=old.index))
    before = known.reindex(pd.Index(_places(rows), tupleize_cols=False)).fillna(0).set_axis(rows.index)
    tried = rows["status"].isin(TRIED).groupby(groups).transform("all") & made.eq(0)  # and it ended badly
    enough = made.ge(before.clip(upper=LEAST_REPEATS))
    return rows[groups.eq("") | tried | enough]


def _repeats(rows: pd.DataFrame, by: pd.Series) -> pd.Series:
    """The most repeats that a case has in each of `by`."""
    fine = rows["status"] == "ok"
    counts = rows[fine].groupby([by[fine], rows.loc[fine, "case_id"]])["repeat"].nunique()
    return counts.groupby(level=0).max()
