"""Sequences with a label, from a table: texts, or rows of numbers that share an id."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from zoo.errors import ZooError
from zoo.frames.table import Table, numbers
from zoo.frames.times import parse_times

ROW_NUMBERS = re.compile(r"Unnamed: \d+|__index_level_\d+__")
"""What pandas calls a column of row numbers that it saved: where a file is sorted by label they tell the label."""


@dataclass(frozen=True)
class Labelled:
    """Sequences and their labels.

    Attributes:
        texts: of each example; None where sequences are of numbers.
        sequences: of each example, float64 (steps, features); None where they are texts.
        labels: the number of each example's label.
        names: of the labels, by number.
        columns: the features.
        notes: what a reader must know.
        id: the column that says which sequence a row belongs to; empty of texts.
        time: the column that its rows are sorted by; empty where they are in order.
    """

    texts: list[str] | None = field(repr=False)
    sequences: list[np.ndarray] | None = field(repr=False)
    labels: np.ndarray = field(repr=False)
    names: tuple[str, ...]
    columns: tuple[str, ...]
    notes: tuple[str, ...]
    id: str = ""
    time: str = ""

    def __len__(self) -> int:
        return len(self.labels)


def read_texts(table: Table, text: str, label: str) -> Labelled:
    """One example a row: a text and its label.

    Raises:
        ZooError: a column is missing, or a row has no text or no label.
    """
    table.require([text, label])
    frame = table.read([text, label], [text, label]).dropna(how="all")
    for column in (text, label):
        _require_all(table, frame, column)
    codes, names = _labels(table, frame[label], label)
    return Labelled(frame[text].astype("str").tolist(), None, codes, names, (text,), _notes(table, codes, names))


def read_sequences(
    table: Table, identity: str, label: str, features: tuple[str, ...], time: str = "", dates: str = ""
) -> Labelled:
    """One example an id: its rows in order, and the label that all of them have.

    Args:
        table: a row a step.
        identity: the column that says which example a row belongs to.
        label: the column of labels.
        features: columns of numbers; by default all the others, but for the numbers of rows that pandas saves.
        time: the column that the rows of an example are sorted by.
        dates: how dates are read that could be read in two ways.

    Raises:
        ZooError: a column is missing or holds no numbers, or an example has two labels or a step without a value.
    """
    taken = [name for name in (identity, label, time) if name]
    taken_or_index = {*taken, *table.index}
    given = tuple(name for name in table.columns if name not in taken_or_index and not ROW_NUMBERS.fullmatch(name))
    features = features or given
    if not features:
        raise ZooError(f"{table.name} has no column beside {', '.join(taken)}: name some by --features")
    rows = _rows_by_id(table, identity, features, time, dates, label)
    codes, names = _labels(table, rows.frame[label], label)
    for part, name in zip(rows.parts, rows.names, strict=True):
        if len(np.unique(codes[part])) > 1:
            raise ZooError(f"{identity} {name!r} of {table.name} has two labels: an example has one")
    labels = np.array([codes[part[0]] for part in rows.parts])
    notes = (*_notes(table, labels, names), f"read at each step: {', '.join(features)}")
    return Labelled(None, rows.sequences, labels, names, features, notes, identity, time)


def unlabelled_texts(table: Table, text: str) -> pd.Series:
    """The text of each row that has one, by the number of the row.

    Raises:
        ZooError: the column is missing, or no row has a text.
    """
    table.require([text])
    return table.read([text], [text])[text].dropna().astype("str")


def unlabelled_sequences(
    table: Table, identity: str, features: tuple[str, ...], time: str = "", dates: str = ""
) -> tuple[list[str], list[np.ndarray]]:
    """The ids, and of each its rows (steps, features) in order.

    Raises:
        ZooError: a column is missing or holds no numbers, or a step has no value.
    """
    rows = _rows_by_id(table, identity, features, time, dates)
    return rows.names, rows.sequences


@dataclass(frozen=True)
class _Rows:
    """A table by its ids: the name, the rows in order and their values of each."""

    frame: pd.DataFrame
    names: list[str]
    parts: list[np.ndarray]
    sequences: list[np.ndarray]


def _rows_by_id(
    table: Table, identity: str, features: tuple[str, ...], time: str, dates: str, label: str = ""
) -> _Rows:
    taken = [name for name in (identity, label, time) if name]
    wanted = [*taken, *features]
    table.require(wanted)
    frame = table.read(wanted, taken)
    frame = frame[~frame.isna().all(axis=1)]
    for column in taken:
        _require_all(table, frame, column)
    values = np.column_stack([numbers(table, frame, name) for name in features])
    holes = np.isnan(values).any(axis=1)
    if holes.any():
        row = int(frame.index[int(holes.argmax())])
        raise ZooError(f"{table.name} has a step without a value in {table.line(row)}")
    ids, names_of_ids = pd.factorize(frame[identity])
    order = np.argsort(ids, kind="stable")
    if time:
        order = np.lexsort([parse_times(table, frame[time], dates), ids])
    parts = np.split(order, np.cumsum(np.bincount(ids))[:-1])
    return _Rows(frame, list(map(str, names_of_ids)), parts, [values[part] for part in parts])


def _require_all(table: Table, frame: pd.DataFrame, column: str) -> None:
    absent = frame[column].isna().to_numpy()
    if absent.any():
        row = int(frame.index[int(absent.argmax())])
        raise ZooError(f"column {column!r} of {table.name} has no value in {table.line(row)}")


def _labels(table: Table, values: pd.Series, column: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """The number of each label, and the labels in order."""
    codes, names = pd.factorize(values.astype("str"), sort=True)
    if len(names) < 2:
        raise ZooError(f"column {column!r} of {table.name} has one label alone, {str(names[0])!r}: two are needed")
    return codes, tuple(map(str, names))


def _notes(table: Table, codes: np.ndarray, names: tuple[str, ...]) -> tuple[str, ...]:
    counts = Counter(codes.tolist())
    shares = [f"{names[code]} {count / len(codes):.0%}" for code, count in counts.most_common(6)]
    more = f" and {len(names) - 6} others" if len(names) > 6 else ""
    written = f", read as {table.written}" if table.written else ""
    return (
        f"{table.name}: {len(codes):,} examples{written}",
        f"{len(names)} labels: {', '.join(shares)}{more}",
    )
