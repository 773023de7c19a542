"""Series of a table: one or many, with their times, their gaps and their columns."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from zoo.errors import ZooError
from zoo.frames.table import Table, numbers
from zoo.frames.times import UTC, is_in_utc, parse_times

NEARLY = 1.25
"""Steps of a calendar differ, 28 to 31 days: such steps are of one kind."""
GAP = 1.5
"""A step that is so many times the usual one is a gap."""
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
class Step:
    """The usual distance between the times of two rows.

    Attributes:
        size: of the distance; None where there is no usual one, and rows are taken as steps.
        alias: of pandas, "D" or "MS", where it is one of a calendar.
        business: whether weekends are left out.
    """

    size: Any = None
    alias: str = ""
    business: bool = False

    def __str__(self) -> str:
        if self.size is None:
            return "rows"
        if self.business:
            return "business days"
        if not isinstance(self.size, pd.Timedelta):
            return f"{self.size:g}"
        text = str(self.size).removesuffix(" 00:00:00").removeprefix("0 days ")
        return "1 day" if text == "1 days" else text


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
    times = parse_times(table, frame[roles.time], roles.dates) if roles.time else None
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
            remedy += "" if roles.id else "; --id names the column of several series"
            text = str(frame[roles.time].iloc[row])
            raise ZooError(f"column {roles.time!r} of {table.name}: {text!r}{of} in {table.line(row)} {what}: {remedy}")
    return name, rows, when


def usual_step(times: Sequence[np.ndarray]) -> Step:
    """The step that most rows have, over all series; without a size where there is none."""
    steps = np.concatenate([np.diff(each) for each in times])
    if not len(steps):
        return Step()
    dated = np.issubdtype(steps.dtype, np.timedelta64)
    size = np.median(steps.astype("int64") if dated else steps)
    ratios = steps.astype("int64") / size if dated else steps / size
    alike = (ratios > 1 / NEARLY) & (ratios < NEARLY)
    days = size == pd.Timedelta(1, "D").value
    if dated and days and _is_business(times):
        return Step(pd.Timedelta(1, "D"), "B", business=True)
    if alike.mean() < 0.5:
        return Step()
    if not dated:
        return Step(float(size))
    return Step(pd.Timedelta(int(size)), _alias(times))


def _is_business(times: Sequence[np.ndarray]) -> bool:
    """Whether all days are working days."""
    weekdays = np.concatenate([pd.DatetimeIndex(each).day_of_week.to_numpy() for each in times])
    return len(weekdays) > 10 and bool((weekdays < 5).all())


def _alias(times: Sequence[np.ndarray]) -> str:
    stretches = [part for each in times for part in _without_gaps(each)]
    longest = max(stretches, key=len)
    if len(longest) < 3:
        return ""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a later pandas gives an offset, which has its name
        found = pd.infer_freq(pd.DatetimeIndex(longest[:200]))
    return str(getattr(found, "freqstr", found) or "")


def _without_gaps(times: np.ndarray) -> list[np.ndarray]:
    """The times in stretches, cut where one is missing."""
    steps = np.diff(times).astype("float64")
    return np.split(times, 1 + np.flatnonzero(steps > GAP * np.median(steps))) if len(steps) else [times]


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
    holes = sum(int(np.isnan(each.values).any(axis=1).sum()) for each in series)
    if holes:
        lines.append(f"{holes:,} row{'s' * (holes != 1)} without a value: no window holds one")
    return lines


def future_times(series: Series, step: Step, horizon: int) -> np.ndarray:
    """The times of the next rows: by the calendar where the step is one of it, as a month is."""
    last = series.times[-1]
    if step.alias:
        dates = pd.date_range(pd.Timestamp(last), periods=horizon + 1, freq=step.alias)
        if dates[0] == pd.Timestamp(last):  # else the series has a calendar of its own
            return dates[1:].to_numpy()
    if months := _months(series.times):
        later = [pd.Timestamp(last) + pd.DateOffset(months=months * i) for i in range(1, horizon + 1)]
        return np.array(later, series.times.dtype)
    if step.size is None:
        size = np.median(np.diff(series.times).astype("int64" if series.times.dtype.kind == "M" else "float64"))
        size = np.timedelta64(int(size), "ns") if series.times.dtype.kind == "M" else size
    else:
        size = step.size.to_timedelta64() if isinstance(step.size, pd.Timedelta) else step.size
    return last + size * np.arange(1, horizon + 1)


def _months(times: np.ndarray) -> int:
    """The whole months from row to row, of rows on one day of the month; 0 where that is not so."""
    if times.dtype.kind != "M" or len(times) < 3:
        return 0
    dates = pd.DatetimeIndex(times)
    numbers = np.diff(dates.year * 12 + dates.month)
    same_day = (dates - dates.to_period("M").to_timestamp()).nunique() == 1
    return int(np.median(numbers)) if same_day and (numbers > 0).all() else 0


def contiguous(series: Series) -> list[slice]:
    """The stretches of a series without a gap or a missing value."""
    good = ~np.isnan(series.values).any(axis=1)
    breaks = np.flatnonzero(~series.follows | ~good | ~np.concatenate([[False], good[:-1]]))
    edges = [*breaks.tolist(), len(good)]
    return [slice(a, b) for a, b in pairwise(edges) if b > a and good[a]]
