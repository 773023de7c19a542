"""Reads a column of times. A date that can be read in two ways is asked for, never guessed."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from zoo.errors import ZooError, unknown
from zoo.frames.dialect import MONTH
from zoo.frames.table import Table, as_numbers

DAY_FIRST, MONTH_FIRST, YEAR_FIRST = "day-first", "month-first", "year-first"
ORDERS = (DAY_FIRST, MONTH_FIRST, YEAR_FIRST)
HEAD = 1000
"""Rows on which the forms are tried."""
CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
EITHER = {
    DAY_FIRST: ("%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y", "%d/%m/%y", "%d-%m-%y", "%d.%m.%y"),
    MONTH_FIRST: ("%m/%d/%Y", "%m-%d-%Y", "%m/%d/%y", "%m-%d-%y"),
    YEAR_FIRST: ("%y/%m/%d", "%y-%m-%d", "%y.%m.%d"),
}
"""Forms of which a date may fit several kinds."""
UNUSUAL = {MONTH_FIRST: ("%m.%d.%Y", "%m.%d.%y")}
"""Forms that are tried where their order is asked for alone: with points the day stands first elsewhere."""
UTC = "times are of several distances from UTC: all are read as UTC"
"""What a reader must know of such times."""
SURE = (
    *("%Y/%m/%d", "%Y.%m.%d", "%Y/%m", "%m/%Y", "%m.%Y"),
    *("%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%d-%b-%y", "%d.%b.%Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%B %d %Y"),
    *("%b %Y", "%B %Y", "%b-%Y", "%b-%y", "%Y-%b"),
)
ISO = "ISO8601"
OFFSET = re.compile(r"^(.*[T ]\d{2}.*?)(?:Z|[+-]\d{2}(?::?\d{2})?)$")
"""A time with its distance from UTC, and the time alone."""
FARTHEST_YEARS = 10
"""No table holds times so many years ahead: a year of two digits that would be is of the last century."""
EARLIEST, LATEST = pd.Timestamp.min, pd.Timestamp.max


def parse_times(table: Table, values: pd.Series, order: str = "") -> np.ndarray:
    """A column as datetime64, or as float64 where it holds numbers, such as years.

    Args:
        table: that it stands in.
        values: the column.
        order: "day-first", "month-first" or "year-first", of dates such as 03/04/2020 or 20-01-05.

    Raises:
        ZooError: a value is no time, is missing, or can be read in two ways.
    """
    return parse_ordered(table, values, order)[0]


def parse_ordered(table: Table, values: pd.Series, order: str = "") -> tuple[np.ndarray, str]:
    """`parse_times`, and the order of what dates have one: that which was asked for, or the only one that fits."""
    if order not in ("", *ORDERS):
        raise unknown("order of dates", order, ORDERS)
    where = f"column {values.name!r} of {table.name}"
    if values.isna().any():
        row = int(values.index[int(values.isna().to_numpy().argmax())])
        raise ZooError(f"{where} has no time in {table.line(row)}")
    if pd.api.types.is_datetime64_any_dtype(values):
        here = values.dt.tz_localize(None)
        return _plain(values.dt.tz_convert(None), here) if values.dt.tz else _plain(values), order
    text = values.astype("str").str.strip()
    given = as_numbers(table, values)
    if given.notna().all() and not text.str.fullmatch(MONTH.pattern).all():
        return _of_numbers(given), order
    head = text.iloc[:HEAD]
    fitting = [form for form in _forms(order) if _parsed(head, form) is not None]
    whole = {form: parsed for form in fitting if (parsed := _parsed(text, form)) is not None}
    if order != YEAR_FIRST and len(whole) > 1:  # of two digits it counts beside other readings where it goes forwards
        whole = {form: each for form, each in whole.items() if form[:2] != "%y" or (np.diff(each) >= 0).all()}
    if not whole:
        raise ZooError(_no_time(table, where, text, fitting or _forms(order)))
    (form, first), *others = whole.items()
    different = [each for _, each in others if (each != first).any()]
    if different:
        place = int((different[0] != first).argmax())
        row = int(text.index[place])
        raise ZooError(
            f"{where}: {text.iloc[place]!r} in {table.line(row)} can be read in two ways: "
            f"say which by --dates {', '.join(ORDERS[:-1])} or {ORDERS[-1]}"
        )
    return first, order or next((kind for kind, forms in EITHER.items() if form.startswith(forms)), "")


def is_in_utc(values: pd.Series, times: np.ndarray) -> bool:
    """Whether what `parse_times` made of a column is UTC, and not what the clocks showed."""
    if times.dtype.kind != "M":
        return False
    if pd.api.types.is_datetime64_any_dtype(values):
        return values.dt.tz is not None and bool((_plain(values.dt.tz_localize(None)) != times).any())
    text = values.astype("str").str.strip()
    if not text.str.fullmatch(OFFSET).any():
        return False
    return bool((pd.to_datetime(text.str.replace(OFFSET, r"\1", regex=True), format=ISO).to_numpy() != times).any())


def _forms(order: str) -> list[str]:
    either = [form for kind in ([order] if order else ORDERS) for form in EITHER[kind]]
    either += UNUSUAL.get(order, ())
    return [ISO, *(date + clock for date in (*SURE, *either) for clock in CLOCKS)]


def _parsed(text: pd.Series, form: str) -> np.ndarray | None:
    """All the times, or None where one does not have this form."""
    try:
        in_utc = pd.to_datetime(text, format=form, utc=True).dt.tz_convert(None)
        here = pd.to_datetime(text.str.replace(OFFSET, r"\1", regex=True), format=form) if form == ISO else in_utc
    except (ValueError, OverflowError):
        return None
    if "%y" in form:
        ahead = in_utc > pd.Timestamp.now() + pd.DateOffset(years=FARTHEST_YEARS)
        in_utc = here = in_utc.mask(ahead, in_utc - pd.DateOffset(years=100)) if ahead.any() else in_utc
    return _plain(in_utc, here)


def _plain(in_utc: pd.Series, here: pd.Series | None = None) -> np.ndarray:
    """Without a time zone: as the clock showed it where that is one time of day, or always as far from UTC; else UTC.

    So days stay days, and an hour that a clock shows twice a year stands once.

    Raises:
        ZooError: a time is before 1677 or after 2262, which nanoseconds do not reach.
    """
    times = in_utc
    if here is not None and len(here):
        daily = (here - here.dt.normalize()).nunique() == 1
        times = here if daily or (here - in_utc).nunique() == 1 else in_utc
    if ((times < EARLIEST) | (times > LATEST)).any():
        raise ZooError(f"column {times.name!r} has a time before {EARLIEST.year} or after {LATEST.year}")
    return times.to_numpy("datetime64[ns]")


def _of_numbers(values: pd.Series) -> np.ndarray:
    """Numbers as they are; those that are all a date such as 20200131 or 202001 as dates."""
    whole = bool((values % 1 == 0).all())
    for first, last, form in ((19000101, 21001231, "%Y%m%d"), (190001, 210012, "%Y%m")):
        if whole and values.between(first, last).all():
            parsed = _parsed(values.astype("int64").astype("str"), form)
            if parsed is not None:
                return parsed
    numbers = values.to_numpy(np.float64)
    if not np.isfinite(numbers).all():
        raise ZooError(f"column {values.name!r} has an infinite time")
    return numbers


def _no_time(table: Table, where: str, text: pd.Series, forms: Sequence[str]) -> str:
    """Which value has the form of no time, by the form that most of the others have."""
    head = text.iloc[:HEAD] if len(text) <= HEAD or len(forms) > 20 else text
    failed = {form: pd.to_datetime(head, format=form, errors="coerce", utc=True).isna().to_numpy() for form in forms}
    best = min(failed.values(), key=lambda each: each.sum())
    place = int(best.argmax())
    row = int(text.index[place])
    value = text.iloc[place][:40]
    return f"{where}: {value!r} in {table.line(row)} is no date of a form that is known; ISO, 2020-01-31, is"
