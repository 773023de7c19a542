"""The step from row to row of a series, and the times that come next."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

NEARLY = 1.25
"""Steps of a calendar differ, 28 to 31 days: such steps are of one kind."""
GAP = 1.5
"""A step that is so many times the usual one is a gap."""
CALENDAR, NAMES = re.compile(r"B?([MQY])[SE](-\w+)?"), {"M": "month", "Q": "quarter", "Y": "year"}
"""Steps of a calendar by their alias in pandas, such as "MS" and "QE-DEC"."""
MOSTLY = 0.9
"""Of steps that are of one kind: months of which so many have a row are a row a month, whatever its day."""


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
        if calendar := CALENDAR.fullmatch(self.alias):
            return f"1 {NAMES[calendar[1]]}"
        text = str(self.size).removesuffix(" 00:00:00").removeprefix("0 days ")
        return "1 day" if text == "1 days" else text


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


def future_times(times: np.ndarray, step: Step, horizon: int) -> np.ndarray:
    """The times of the rows behind those of a series: by the calendar where the step is one of it, as a month is."""
    last = times[-1]
    if step.alias:
        dates = pd.date_range(pd.Timestamp(last), periods=horizon + 1, freq=step.alias)
        if dates[0] == pd.Timestamp(last):  # else the series has a calendar of its own
            return dates[1:].to_numpy()
    if months := _months(times):
        ends = bool(pd.DatetimeIndex(times).is_month_end.all())
        by = pd.offsets.MonthEnd if ends else lambda count: pd.DateOffset(months=count)
        later = [pd.Timestamp(last) + by(months * i) for i in range(1, horizon + 1)]
        return np.array(later, times.dtype)
    if step.size is None:
        size = np.median(np.diff(times).astype("int64" if times.dtype.kind == "M" else "float64"))
        size = np.timedelta64(int(size), "ns") if times.dtype.kind == "M" else size
    else:
        size = step.size.to_timedelta64() if isinstance(step.size, pd.Timedelta) else step.size
    return last + size * np.arange(1, horizon + 1)


def _months(times: np.ndarray) -> int:
    """The whole months from row to row, of rows on one day of the month or a row a month; 0 where that is not so."""
    if times.dtype.kind != "M" or len(times) < 3:
        return 0
    dates = pd.DatetimeIndex(times)
    numbers = np.diff(dates.year * 12 + dates.month)
    same_day = (dates - dates.to_period("M").to_timestamp()).nunique() == 1
    usual = int(np.median(numbers))
    return usual if (numbers > 0).all() and (same_day or (numbers == usual).mean() > MOSTLY) else 0
