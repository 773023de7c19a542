"""Where results lie: the folder of a run, and the committed reference tables."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from zoo.errors import ZooError
from zoo.measuring.rows import TABLE
from zoo.statistics.tables import read
from zoo.statistics.validation import with_validation

HISTORY, MADE = "-history.csv", "made-"
"""How the names of the other tables of a reference folder end and begin."""


def newest_run(runs: Path) -> Path | None:
    """The folder under `runs` whose table was written last, or None."""
    tables = [path for path in runs.glob(f"*/{TABLE}") if path.is_file()]
    return max(tables, key=lambda path: path.stat().st_mtime).parent if tables else None


def read_results(path: Path) -> pd.DataFrame:
    """The table at `path`, or those of the folder at `path` (see `read_folder`).

    Raises:
        ZooError: there is neither, or it cannot be read.
    """
    if path.is_file():
        return read(path)
    if not path.is_dir():
        raise ZooError(f"there is no table and no folder {path}")
    return read_folder(path)


def read_folder(folder: Path) -> pd.DataFrame:
    """The measurements.csv of a run, or every table of a folder of reference tables (.csv, .csv.gz).

    Beside the histories of trainings, which reference tables have, each score has its `validation`.

    Raises:
        ZooError: there is no such folder, it holds neither, or one of the tables cannot be read.
    """
    if (folder / TABLE).exists():
        return read(folder / TABLE)
    if not folder.is_dir():
        raise ZooError(f"there is no folder {folder}")
    paths = reference_tables(folder)
    if not paths:
        raise ZooError(f"no results in {folder}: it holds neither {TABLE} nor another table")
    table = pd.concat([read(path) for path in paths], ignore_index=True)
    return with_validation(table, read_history(folder)) if _histories(folder) else table


def reference_tables(folder: Path) -> list[Path]:
    """The raw tables in `folder`, by name: not the histories of trainings, nor what trained models made."""
    paths = [path for end in ("csv", "csv.gz") for path in folder.glob(f"*.{end}")]
    return sorted(path for path in paths if not (path.name.endswith(HISTORY) or path.name.startswith(MADE)))


def read_history(folder: Path) -> pd.DataFrame:
    """The figures of each epoch of the trainings in a reference folder: a row a figure.

    Raises:
        ZooError: there is none.
    """
    paths = _histories(folder)
    if not paths:
        raise ZooError(f"no *-history.csv in {folder}; run python -m benchmarks train-reference")
    return pd.concat([pd.read_csv(path) for path in paths], ignore_index=True)


def _histories(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"*{HISTORY}"))


def machine_name(device_name: str, cpu_count: int) -> str:
    """What the tables of a machine are called: "amd-epyc-2-cpus"."""
    return re.sub(r"[^a-z0-9]+", "-", f"{device_name} {cpu_count} cpus".lower()).strip("-")


def profile_tables(folder: Path, profile: str) -> list[Path]:
    """The committed raw tables of a profile that has a page of its own, by machine."""
    return sorted(folder.glob(f"*-{profile}.csv.gz"))
