"""The results table as a pandas frame."""

from __future__ import annotations

import io
import logging
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from zoo.archives import BoundedGzip
from zoo.errors import ZooError
from zoo.execution import name_of
from zoo.measuring.rows import DTYPES, GAPS, HEADER, Measurement, as_line, other_version

CLOCKED = ("step_seconds", "first_call_seconds")
CLOCK = (1e-9, 1e9)
"""Seconds that a clock can give; what is outside is missing."""
LOG = logging.getLogger(__name__)
"""Without a handler, Python writes its warnings to stderr as plain lines."""


def read(path: Path) -> pd.DataFrame:
    """The table at `path` (.csv or .csv.gz), with a column `execution` such as "chunked-16+jit+recompute".

    Whole numbers that may be missing are Int64, fractions float64, empty texts stay empty texts. A fraction that is not
    finite, or a time that no clock gives, is missing.
    Half a line at the end is left out; the log says so.

    Raises:
        ZooError: there is no such file, or it is not a table of these columns.
    """
    try:
        data = _unzipped(path) if path.suffix == ".gz" else path.read_bytes()
    except FileNotFoundError as error:
        raise ZooError(f"there is no results table {path}") from error
    except (OSError, EOFError, zlib.error) as error:
        raise ZooError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
    if data.partition(b"\n")[0].rstrip(b"\r") != HEADER.rstrip(b"\n"):
        raise other_version(path, data)
    whole, newline, half = data.rpartition(b"\n")
    if half:
        LOG.warning("%s ends in half a line; its writer was killed; that line is left out", path)
    try:
        return _parse(whole + newline)
    except ValueError as error:
        raise ZooError(f"{path} is damaged: {' '.join(str(error).split())}") from error


def _unzipped(path: Path) -> bytes:
    with BoundedGzip(path) as file:
        return file.read()


def _parse(data: bytes) -> pd.DataFrame:
    table = pd.read_csv(io.BytesIO(data), dtype=DTYPES, keep_default_na=False, na_values=GAPS)
    fractions = table.select_dtypes("float64")
    table[fractions.columns] = fractions.where(np.isfinite(fractions))
    for name in CLOCKED:
        table[name] = table[name].where(table[name].between(*CLOCK))
    parts = table[["runner", "loop", "chunk", "jit", "memory"]].astype({"chunk": "object"})
    parts["chunk"] = parts["chunk"].where(parts["chunk"].notna(), None)
    names = [name_of(*part) for part in parts.itertuples(index=False)]
    table["execution"] = pd.Series(names, index=table.index, dtype="str")
    return table


def as_table(rows: Sequence[Measurement]) -> pd.DataFrame:
    """The table that `read` gives after `append` of these rows, without a file."""
    return _parse(HEADER + "".join(map(as_line, rows)).encode(errors="backslashreplace"))
