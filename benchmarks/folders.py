"""Where results lie: the folder of a run, the committed reference tables, and how the one becomes the other."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from benchmarks.results import COLUMNS, TABLE, read
from zoo.registry import ZooError


def newest_run(runs: Path) -> Path | None:
    """The folder under `runs` whose table was written last, or None."""
    tables = [path for path in runs.glob(f"*/{TABLE}") if path.is_file()]
    return max(tables, key=lambda path: path.stat().st_mtime).parent if tables else None


def read_folder(folder: Path) -> pd.DataFrame:
    """The measurements.csv of a run, or every *-speed and *-accuracy table (.csv, .csv.gz) of a reference folder.

    Raises:
        ZooError: there is no such folder, it holds neither, or one of the tables cannot be read.
    """
    if (folder / TABLE).exists():
        return read(folder / TABLE)
    if not folder.is_dir():
        raise ZooError(f"there is no folder {folder}")
    paths = reference_tables(folder)
    if not paths:
        raise ZooError(f"no results in {folder}: it holds neither {TABLE} nor a *-speed.csv or *-accuracy.csv")
    return pd.concat([read(path) for path in paths], ignore_index=True)


def reference_tables(folder: Path) -> list[Path]:
    """The committed raw tables in `folder`, by name."""
    kinds = ("speed", "accuracy")
    return sorted(path for kind in kinds for end in ("csv", "csv.gz") for path in folder.glob(f"*-{kind}.{end}"))


def read_history(folder: Path) -> pd.DataFrame:
    """What became of each epoch of the trainings in a reference folder: a row a figure.

    Raises:
        ZooError: there is none.
    """
    paths = sorted(folder.glob("*-history.csv"))
    if not paths:
        raise ZooError(f"no *-history.csv in {folder}; run python -m benchmarks train-reference")
    return pd.concat([pd.read_csv(path) for path in paths], ignore_index=True)


def machine_name(device_name: str, cpu_count: int) -> str:
    """What the tables of a machine are called: "amd-epyc-2-cpus"."""
    return re.sub(r"[^a-z0-9]+", "-", f"{device_name} {cpu_count} cpus".lower()).strip("-")


def profile_tables(folder: Path, profile: str) -> list[Path]:
    """The committed raw tables of a profile that has a page of its own, by machine."""
    return sorted(folder.glob(f"*-{profile}.csv.gz"))


def publish_profile(table: pd.DataFrame, folder: Path, profile: str) -> Path:
    """Write the rows of a run of `profile` as the compressed reference table <machine>-<profile>.csv.gz."""
    return _write(table, folder, profile)


def publish(table: pd.DataFrame, folder: Path) -> list[Path]:
    """Write the rows of a run as compressed reference tables: <machine>-speed.csv.gz, <machine>-run-accuracy.csv.gz.

    <machine>-accuracy.csv is that of `python -m benchmarks train-reference`.
    """
    trained = table["phase"] == "accuracy"
    kinds = {"speed": table[~trained], "run-accuracy": table[trained]}
    if table.empty:
        raise ZooError("there are no rows to publish")
    return [_write(rows, folder, kind) for kind, rows in kinds.items() if not rows.empty]


def _write(rows: pd.DataFrame, folder: Path, kind: str) -> Path:
    if rows.empty:
        raise ZooError("there are no rows to publish")
    machine = machine_name(rows["device_name"].iloc[0], rows["cpu_count"].iloc[0])
    path = folder / f"{machine}-{kind}.csv.gz"
    # Without a time stamp inside, so that the same rows give the same file.
    rows[COLUMNS].to_csv(path, index=False, compression={"method": "gzip", "mtime": 0})
    return path
