"""Reads the columns that are needed of a file, or takes a frame, and says where a row stands."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from zoo.archives import BoundedGzip
from zoo.errors import ZooError, missing, unknown
from zoo.frames.dialect import Dialect, found, line_of, require_width

CHUNK = 200_000
"""Rows that are read at a time: only the columns that are needed stay."""
LARGEST = 1e15
NO_HEADER = "The first line was taken for data: --header says that it names the columns"
PARQUET = b"PAR1"
ABSENT = [
    "",
    "NA",
    "N/A",
    "#N/A",
    "#N/A N/A",
    "#NA",
    "<NA>",
    "n/a",
    "NaN",
    "nan",
    "-NaN",
    "-nan",
    "NULL",
    "null",
    "None",
]
ABSENT += ["None", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"]
"""What stands for a number that is missing, as in pandas."""


@dataclass(frozen=True)
class Table:
    """Columns, and where they come from.

    Attributes:
        name: of the file, or what it is.
        columns: all that there are, in their order.
        read: gives the columns of these names, those of the second list as text.
        line: names the place of a row, the first being 0: "line 2".
        written: how the file is written, in words; empty where that says nothing.
        decimal: the decimal mark of numbers that were read as text.
        thousands: and the mark between their thousands; empty where there is none.
        index: those of `columns` that are the index of a frame: read where they are asked for, and never by default.
        times: the one of these that holds dates; empty where there is none.
        header: whether the columns are named; else they are called 1, 2, ….
    """

    name: str
    columns: tuple[str, ...]
    read: Callable[[Sequence[str], Sequence[str]], pd.DataFrame] = field(repr=False)
    line: Callable[[int], str] = field(repr=False)
    written: str = ""
    decimal: str = "."
    thousands: str = ""
    index: tuple[str, ...] = ()
    times: str = ""
    header: bool = True

    def require(self, columns: Sequence[str]) -> None:
        """Refuse a column that is not there, or is asked for twice.

        Raises:
            ZooError: which, and the nearest.
        """
        for column in columns:
            if column not in self.columns:
                known = unknown("column", column, self.columns, of=self.name)
                raise known if self.header else ZooError(f"{known}. {NO_HEADER}")
            if columns.count(column) > 1:
                raise ZooError(f"column {column!r} is given twice")


def open_table(source: Path | str | pd.DataFrame, dialect: Dialect | None = None) -> Table:
    """A file of text (CSV in any dialect, gzipped or not) or Parquet, or a frame. Only its column names are read.

    Raises:
        ZooError: there is no such file, or it is empty, damaged or neither.
    """
    return _with_rows(_opened(source, dialect or Dialect()))


def _with_rows(table: Table) -> Table:
    """The table, whose reading refuses columns without any value."""

    def read(columns: Sequence[str], texts: Sequence[str]) -> pd.DataFrame:
        frame = table.read(columns, texts)
        if frame.isna().all(axis=None):
            raise ZooError(f"{table.name} has no row with a value in {', '.join(columns)}")
        return frame

    return replace(table, read=read)


def _opened(source: Path | str | pd.DataFrame, dialect: Dialect) -> Table:
    if isinstance(source, pd.DataFrame):
        return _of_frame(source)
    path = Path(source)
    if path.is_dir():
        raise ZooError(f"{path} is a folder, not a file")
    if not path.exists():
        raise ZooError(f"there is no file {path}")
    if not path.stat().st_size and path.is_file():
        raise ZooError(f"{path} is empty")
    with path.open("rb") as file:
        is_parquet = file.read(len(PARQUET)) == PARQUET
    return _of_parquet(path) if is_parquet else _of_text(path, dialect)


def numbers(table: Table, frame: pd.DataFrame, column: str) -> np.ndarray:
    """A column as float64; a value that is missing is NaN.

    Raises:
        ZooError: the first value that is no number, is infinite, or is beyond 1e15, and its line.
    """
    values = frame[column]
    if pd.api.types.is_datetime64_any_dtype(values):
        raise ZooError(f"column {column!r} of {table.name} holds dates, not numbers")
    result = as_numbers(table, values).to_numpy(np.float64, na_value=np.nan)
    wrong = np.isnan(result) & values.notna().to_numpy()
    if wrong.any():
        _refuse(table, column, values, wrong, _why_no_number(table, str(values[wrong].iloc[0]).strip()))
    _refuse(table, column, values, np.isinf(result), "is infinite")
    with np.errstate(invalid="ignore"):
        _refuse(table, column, values, np.abs(result) > LARGEST, f"is beyond {LARGEST:g}")
    if len(result) and np.isnan(result).all():
        raise ZooError(f"column {column!r} of {table.name} has no value at all")
    return result


def as_numbers(table: Table, values: pd.Series) -> pd.Series:
    """A column as numbers, NaN where one is none. What stayed text in reading has the marks of its file yet."""
    marked = (table.decimal, table.thousands) != (".", "") and not pd.api.types.is_numeric_dtype(values)
    if marked and not pd.api.types.is_datetime64_any_dtype(values):
        text = values.astype("str").str.strip()
        if table.thousands:
            grouped = text.str.fullmatch(_grouped(table.thousands, table.decimal))
            text = text.mask(grouped, text.str.replace(table.thousands, "", regex=False))
        if table.decimal != ".":  # a point that is left is part of a date, or a slip
            text = text.mask(text.str.contains(".", regex=False)).str.replace(table.decimal, ".", regex=False)
        values = text
    return pd.to_numeric(values, errors="coerce")


def _grouped(thousands: str, decimal: str) -> str:
    """The form of a number such as 1,234,567.8, or 12,34,567 as in India."""
    mark = re.escape(thousands)
    return rf"[+-]?\d{{1,3}}(?:{mark}\d{{2,3}})*{mark}\d{{3}}(?:{re.escape(decimal)}\d+)?"


def _why_no_number(table: Table, value: str) -> str:
    """What is wrong with a value, and what reads it where its marks alone are unexpected."""
    here, other, mark = ("a point", ",", "a comma") if table.decimal == "." else ("a comma", ".", "a point")
    if not table.thousands and re.fullmatch(_grouped(other, table.decimal), value):
        return f"has {mark}, and the decimal mark is {here}: say --thousands {other} or --decimal {other}"
    if re.fullmatch(rf"[+-]?\d*{re.escape(other)}\d+", value):
        return f"has {mark}, and the decimal mark is {here}: --decimal {other} reads columns that are written so"
    return "is no number"


def _refuse(table: Table, column: str, values: pd.Series, wrong: np.ndarray, why: str) -> None:
    if wrong.any():
        place = int(wrong.argmax())
        value, row = str(values.iloc[place])[:40], int(values.index[place])  # blank rows may have been left out
        raise ZooError(f"column {column!r} of {table.name}: {value!r} in {table.line(row)} {why}")


def _of_frame(frame: pd.DataFrame) -> Table:
    if not frame.columns.is_unique:
        double = frame.columns[frame.columns.duplicated()][0]
        raise ZooError(f"the frame has two columns {double!r}")
    named, levels = frame.rename(columns=str), _levels(frame.index)
    index = tuple(name for name in levels if name not in named)
    named = named.assign(**{name: levels[name] for name in index}).reset_index(drop=True)
    times = "".join(index) if isinstance(frame.index, (pd.DatetimeIndex, pd.PeriodIndex)) else ""

    def read(columns: Sequence[str], texts: Sequence[str]) -> pd.DataFrame:
        return named[list(columns)]

    return Table("the frame", tuple(named.columns), read, lambda row: f"row {row}", index=index, times=times)


def _levels(index: pd.Index) -> dict[str, Any]:
    """What the index of a frame holds, by name: of one without a name, dates alone, as "index"."""
    dated = isinstance(index, (pd.DatetimeIndex, pd.PeriodIndex))
    names = ["index"] if dated and index.name is None else index.names
    levels = {str(name): index.get_level_values(i) for i, name in enumerate(names) if name is not None}
    return {name: each.to_timestamp() if isinstance(each, pd.PeriodIndex) else each for name, each in levels.items()}


def _of_parquet(path: Path) -> Table:
    if absent := missing("pyarrow"):
        raise ZooError(absent)
    import pyarrow
    from pyarrow import parquet

    try:
        columns = tuple(parquet.read_schema(path).names)
    except (pyarrow.ArrowInvalid, OSError) as error:
        raise ZooError(f"{path} is a damaged Parquet file: {_in_a_line(error)}") from None

    def read(names: Sequence[str], texts: Sequence[str]) -> pd.DataFrame:
        try:
            return parquet.read_table(path, columns=list(names)).to_pandas(ignore_metadata=True)  # an index is a column
        except (pyarrow.ArrowException, OSError, ValueError) as error:
            raise ZooError(f"{path} cannot be read: {_in_a_line(error)}") from None

    return Table(path.name, columns, read, lambda row: f"row {row + 1}", "Parquet")


def _of_text(path: Path, asked: Dialect) -> Table:
    dialect = found(path, asked)
    columns = _read(path, dialect, {"nrows": 1}).columns
    names = tuple(map(str, columns)) if dialect.header else tuple(str(i + 1) for i in range(len(columns)))

    def read(wanted: Sequence[str], texts: Sequence[str]) -> pd.DataFrame:
        places = [names.index(name) for name in wanted]
        types = {columns[names.index(name)]: "str" for name in texts}
        order = sorted(places)
        absent = {columns[place]: [""] if columns[place] in types else ABSENT for place in order}
        missing_values = {"keep_default_na": False, "na_values": absent}  # "NA" is a country, and no text is missing
        frame = _read(path, dialect, {"usecols": order, "dtype": types, "chunksize": CHUNK, **missing_values})
        require_width(path, dialect, len(columns))
        return frame.set_axis([names[place] for place in order], axis=1)[list(wanted)]

    def line(row: int) -> str:
        return f"line {line_of(path, dialect, row)}"

    decimal, thousands, header = dialect.decimal or ".", dialect.thousands or "", bool(dialect.header)
    return Table(path.name, names, read, line, str(dialect), decimal, thousands, header=header)


def _read(path: Path, dialect: Dialect, options: dict[str, Any]) -> pd.DataFrame:
    """What pandas reads; blank lines are rows of nothing, so that a row keeps its place."""
    written: dict[str, Any] = {
        "sep": dialect.separator,
        "decimal": dialect.decimal,
        "encoding": dialect.encoding,
        "header": 0 if dialect.header else None,
        "skiprows": dialect.blank,
    }
    try:
        with warnings.catch_warnings(), _opened_text(path, dialect) as file:
            warnings.simplefilter("error", pd.errors.ParserWarning)  # it would leave out fields in silence
            given = pd.read_csv(
                file, **written, skip_blank_lines=False, skipinitialspace=True, index_col=False, **options
            )
            return given if isinstance(given, pd.DataFrame) else pd.concat(list(given), ignore_index=True)
    except ZooError:
        raise
    except UnicodeDecodeError as error:
        raise ZooError(
            f"{path} is not written in {dialect.encoding} throughout ({error.reason}): give its encoding"
        ) from None
    except (ValueError, EOFError, OSError, pd.errors.ParserWarning) as error:  # ParserError is a ValueError
        raise ZooError(f"{path} is no table of columns ({dialect}): {_in_a_line(error)}") from None


def _opened_text(path: Path, dialect: Dialect) -> AbstractContextManager[Any]:
    """What pandas reads from: the path itself, which is the quickest, or what a gzipped file holds."""
    return BoundedGzip(path) if dialect.compression else nullcontext(path)


def _in_a_line(error: Exception) -> str:
    return " ".join(str(error).split()).removeprefix("Error tokenizing data. C error: ")[:200]
