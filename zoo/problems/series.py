"""Series of a table: one or many, with their times, their gaps and their columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import pandas as pd

from zoo.errors import ZooError
from zoo.frames.table import Table, numbers
from zoo.frames.times import UTC, is_in_utc, parse_ordered
from zoo.problems.steps import GAP, Step, usual_step

MOST_WORKING_DAYS = 3
"""From one row of working days to the next: two holidays in a row, as at Christmas and Easter, are no gap."""


@dataclass(frozen=True)
class Roles:
    """What each column is for.

    Attributes:
        target: what is forecast.
        time: when; empty where the rows are in order.
        id: which series; empty where there is one.
        features: further inputs, known up to now.
        known: inputs that are known in advance, such as holidays.
        dates: how dates are read that could be read in two ways: "day-first", "month-first" or "year-first".
    """

    target: str
    time: str = ""
    id: str = ""
    features: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    dates: str = ""

    @property
    def values(self) -> tuple[str, ...]:
        """The columns of numbers: the target, then the features, then what is known in advance."""
        return (self.target, *self.features, *self.known)


@dataclass(frozen=True)
class Series:
    """One series.

    Attributes:
        name: its id; empty where there is one series.
        times: of its rows, in order: dates, numbers, or the numbers of the rows.
        values: float64 (rows, columns): the target, the features, what is known in advance; NaN where missing.
        follows: whether a row follows on the row before it without a gap.
    """

    name: str
    times: np.ndarray = field(repr=False)
    values: np.ndarray = field(repr=False)
    follows: np.ndarray = field(repr=False)

    @property
    def target(self) -> np.ndarray:
        """The values of the target."""
        return self.values[:, 0]

    @property
    def end(self) -> int:
        """How many rows there are up to the last with a target: those behind it are the future."""
        there = np.flatnonzero(~np.isnan(self.target))
        return int(there[-1]) + 1 if len(there) else 0


@dataclass(frozen=True)
class Panel:
    """All series of a table, the step between their rows, and what a reader must know of them."""

    roles: Roles
    series: tuple[Series, ...]
    step: Step
    notes: tuple[str, ...]


def read_panel(table: Table, roles: Roles, changes: bool = True) -> Panel:
    """The series of a table.

    Args:
        table: a row a time, and a series.
        roles: of its columns.
        changes: whether the target must change, as one must that is learnt.

    Raises:
        ZooError: a column is missing, holds text, or is constant; a time stands twice or goes backwards.
    """
    texts = [name for name in (roles.time, roles.id) if name]
    wanted = [*texts, *roles.values]
    table.require(wanted)
    frame = table.read(wanted, texts)
    frame = _without_blank_rows(frame)
    values = np.column_stack([numbers(table, frame, name) for name in roles.values])
    if changes:
        _require_change(table, roles.target, values[:, 0])
    times = None
    if roles.time:
        times, order = parse_ordered(table, frame[roles.time], roles.dates)
        roles = replace(roles, dates=order)  # a later part of the table may be such that two would fit
    ids = _ids(table, frame, roles.id)
    parts = [_rows_of(table, roles, frame, name, rows, times) for name, rows in ids]
    step = usual_step([each for _, _, each in parts]) if roles.time else Step(1)
    series = tuple(Series(name, when, values[rows], _follows(when, step)) for name, rows, when in parts)
    in_utc = times is not None and is_in_utc(frame[roles.time], times)
    return Panel(roles, series, step, tuple(_notes(table, roles, series, step, in_utc)))


def _without_blank_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Without rows of nothing; the others keep their numbers, so that an error names their line."""
    blank = frame.isna().all(axis=1)
    last = len(frame) - int(blank[::-1].to_numpy().argmin()) if not blank.all() else 0
    return frame.iloc[:last]  # those at the end of a file; one in its middle is a row without values


def _require_change(table: Table, target: str, values: np.ndarray) -> None:
    known = values[~np.isnan(values)]
    if len(known) and (known == known[0]).all():
        raise ZooError(f"column {target!r} of {table.name} is constant, {known[0]:g}: there is nothing to forecast")


def _ids(table: Table, frame: pd.DataFrame, column: str) -> list[tuple[str, np.ndarray]]:
    if not column:
        return [("", np.arange(len(frame)))]
    if frame[column].isna().any():
        row = int(frame[column].isna().to_numpy().argmax())
        raise ZooError(f"column {column!r} of {table.name} has no value in {table.line(row)}")
    codes, names = pd.factorize(frame[column])
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes))
    return [(str(name), rows) for name, rows in zip(names, np.split(order, ends[:-1]), strict=True)]


def _rows_of(
    table: Table, roles: Roles, frame: pd.DataFrame, name: str, rows: np.ndarray, times: np.ndarray | None
) -> tuple[str, np.ndarray, np.ndarray]:
    """A series' rows and times, which must go forwards."""
    if times is None:
        return name, rows, np.arange(len(rows), dtype=np.float64)
    when = times[rows]
    steps = np.diff(when)
    zero = steps * 0
    for wrong, what in ((steps == zero, "stands twice"), (steps < zero, "goes backwards")):
        if wrong.any():
            row = int(rows[int(wrong.argmax()) + 1])
            of = f" of {roles.id} {name!r}" if name else ""
            remedy = "sort the rows" if what == "goes backwards" else "one row a time"
            if what == "stands twice" and when.dtype.kind == "M":
                remedy += ", in UTC where clocks go back"
            remedy += "" if roles.id else "; --id names the column of several series"
            text = str(frame[roles.time].iloc[row])
            raise ZooError(f"column {roles.time!r} of {table.name}: {text!r}{of} in {table.line(row)} {what}: {remedy}")
    return name, rows, when


def _follows(times: np.ndarray, step: Step) -> np.ndarray:
    """Whether each row follows on the one before it; the first follows on none."""
    result = np.ones(len(times), bool)
    result[:1] = False
    if step.size is None or len(times) < 2:
        return result
    if step.business:
        days = times.astype("datetime64[D]")
        result[1:] = np.busday_count(days[:-1], days[1:]) <= MOST_WORKING_DAYS
        return result
    steps = np.diff(times)
    size = step.size.to_timedelta64() if isinstance(step.size, pd.Timedelta) else step.size
    result[1:] = steps / size < GAP
    return result


def _notes(table: Table, roles: Roles, series: Sequence[Series], step: Step, in_utc: bool) -> list[str]:
    rows = sum(len(each.times) for each in series)
    what = f"{rows:,} rows" + (f" in {len(series):,} series" if roles.id else "")
    lines = [f"{table.name}: {what}" + (f", read as {table.written}" if table.written else "")]
    if roles.time:
        lines += [UTC] if in_utc else []
        lines.append(
            "times are irregular: each row is taken as one step" if step.size is None else f"one step is {step}"
        )
    gaps = sum(int((~each.follows[1:]).sum()) for each in series)
    if gaps:
        lines.append(f"{gaps:,} gap{'s' * (gaps != 1)} in the times: no window crosses one")
    holes = sum(int(np.isnan(each.values[: each.end]).any(axis=1).sum()) for each in series)
    if holes:
        lines.append(f"{holes:,} row{'s' * (holes != 1)} without a value: no window holds one")
    return lines


def contiguous(series: Series) -> list[slice]:
    """The stretches of a series without a gap or a missing value."""
    good = ~np.isnan(series.values).any(axis=1)
    breaks = np.flatnonzero(~series.follows | ~good | ~np.concatenate([[False], good[:-1]]))
    edges = [*breaks.tolist(), len(good)]
    return [slice(a, b) for a, b in pairwise(edges) if b > a and good[a]]
