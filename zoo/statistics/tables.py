"""The results table as a pandas frame."""

from __future__ import annotations

import io
import logging
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from zoo.archives import BoundedGzip
from zoo.errors import ZooError
from zoo.execution import name_of
from zoo.measuring.rows import DTYPES, GAPS, HEADER, Measurement, as_line, other_version

CLOCKED = ("step_seconds", "first_call_seconds")
CLOCK = (1e-9, 1e9)
"""Seconds that a clock can give; what is outside is missing."""
HEAD_BYTES = 1 << 16
"""Of a table that is refused so many are read, to say who wrote it."""
PIECE_ROWS = 50_000
PIECE_BYTES = 1 << 20
LOG = logging.getLogger(__name__)
"""Without a handler, Python writes its warnings to stderr as plain lines."""


def quick_texts() -> pd.option_context:
    """A block within which texts are Python's own and not Arrow's: a report takes three quarters of the time so."""
    return pd.option_context("mode.string_storage", "python")


def read(path: Path) -> pd.DataFrame:
    """The table at `path` (.csv or .csv.gz), with a column `execution` such as "chunked-16+jit+recompute".

    Whole numbers that may be missing are Int64, fractions float64, empty texts stay empty texts. A fraction that is not
    finite, or a time that no clock gives, is missing.
    Half a line at the end is left out; the log says so.

    Raises:
        ZooError: there is no such file, or it is not a table of these columns.
    """
    try:
        file: io.BufferedIOBase = BoundedGzip(path) if path.suffix == ".gz" else path.open("rb")
        with file:
            return _parse(_whole_lines(path, file))
    except FileNotFoundError as error:
        raise ZooError(f"there is no results table {path}") from error
    except (OSError, EOFError, zlib.error) as error:
        raise ZooError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
    except ZooError:
        raise
    except (ValueError, TypeError, ArithmeticError) as error:  # by the kind of the column
        raise ZooError(f"{path} is damaged: {' '.join(str(error).split())}") from error


def _whole_lines(path: Path, file: io.BufferedIOBase) -> WholeLines:
    """The lines of an open table, once its columns are known to be those of this version."""
    header = file.readline()
    if header.rstrip(b"\r\n") != HEADER.rstrip(b"\n"):
        raise other_version(path, header + file.read(HEAD_BYTES))
    return WholeLines(path, header, file)


class WholeLines(io.RawIOBase):
    """An open file up to its last line break, read piece by piece: a large table does not stand in memory as text."""

    def __init__(self, path: Path, header: bytes, file: io.BufferedIOBase) -> None:
        self._path, self._left, self._file = path, header, file

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer with what comes next."""
        while b"\n" not in self._left:
            piece = self._file.read(PIECE_BYTES)
            if not piece:
                if self._left:
                    LOG.warning("%s ends in half a line; its writer was killed; that line is left out", self._path)
                self._left = b""
                return 0
            self._left += piece
        size = min(len(buffer), self._left.rfind(b"\n") + 1)
        buffer[:size] = self._left[:size]
        self._left = self._left[size:]
        return size


def _parse(data: io.RawIOBase) -> pd.DataFrame:
    buffered = io.BufferedReader(data, PIECE_BYTES)
    with np.errstate(invalid="raise"):  # of an infinity among whole numbers there would be a warning alone
        pieces = pd.read_csv(buffered, dtype=DTYPES, keep_default_na=False, na_values=GAPS, chunksize=PIECE_ROWS)
        table = pd.concat(list(pieces), ignore_index=True)
    fractions = table.select_dtypes("float64")
    table[fractions.columns] = fractions.where(np.isfinite(fractions))
    for name in CLOCKED:
        table[name] = table[name].where(table[name].between(*CLOCK))
    table["execution"] = _executions(table)
    return table


def _executions(table: pd.DataFrame) -> pd.Series:
    """The name of the execution of each row; of the few that there are each is built once."""
    parts = ["runner", "loop", "chunk", "jit", "memory"]
    number = table.groupby(parts, dropna=False, sort=False).ngroup()
    different = table[parts].drop_duplicates().astype({"chunk": "object"})
    different["chunk"] = different["chunk"].where(different["chunk"].notna(), None)
    names = pd.Series([name_of(*part) for part in different.itertuples(index=False)], dtype="str")
    return pd.Series(names.take(number.to_numpy()).to_numpy(), index=table.index, dtype="str")


def as_table(rows: Sequence[Measurement]) -> pd.DataFrame:
    """The table that `read` gives after `append` of these rows, without a file."""
    text = HEADER + "".join(map(as_line, rows)).encode(errors="backslashreplace")
    return _parse(WholeLines(Path(), b"", io.BytesIO(text)))
