"""Windows of series: so many rows that are read, and the rows after them that are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from zoo.problems.series import Series


@dataclass(frozen=True)
class Windows:
    """Windows that lie wholly between two times, by the number of their series and of their first row.

    Attributes:
        series: of each window.
        first: its first row.
        window: rows that are read.
        horizon: rows that are asked for.
    """

    series: np.ndarray = field(repr=False)
    first: np.ndarray = field(repr=False)
    window: int
    horizon: int

    def __len__(self) -> int:
        return len(self.first)

    def thinned(self, most: int) -> Windows:
        """At most so many of them, evenly spread, and the last one of each series."""
        if len(self) <= most:
            return self
        last = np.flatnonzero(np.diff(self.series, append=-1))
        kept = np.union1d(np.linspace(0, len(self) - 1, most).astype(int), last)
        return Windows(self.series[kept], self.first[kept], self.window, self.horizon)


def windows_between(
    series: Sequence[Series], starts: Sequence[int], ends: Sequence[int], window: int, horizon: int, known: int
) -> Windows:
    """Every window within rows `starts` to before `ends` of each series that crosses no gap and lacks no value.

    Args:
        series: of a panel.
        starts: the first row of each series that may be read.
        ends: the row of each series before which every target must stand.
        window: rows that are read.
        horizon: rows that are asked for: of them the target, and the last `known` columns.
        known: how many columns are known in advance.
    """
    numbers, firsts = [], []
    length = window + horizon
    for number, (each, start, end) in enumerate(zip(series, starts, ends, strict=True)):
        count = end - start - length + 1
        if count < 1:
            continue
        missing = np.isnan(each.values)
        future = missing[:, [0, *range(missing.shape[1] - known, missing.shape[1])]].any(axis=1)
        bad_inputs = _any_within(missing.any(axis=1)[start:end], window)[:count]
        bad_targets = _any_within(future[start:end], horizon)[window : window + count]
        torn = _any_within(~each.follows[start + 1 : end], length - 1)[:count]
        good = np.flatnonzero(~(bad_inputs | bad_targets | torn))
        numbers.append(np.full(len(good), number))
        firsts.append(good + start)
    none = np.zeros(0, int)
    return Windows(np.concatenate([none, *numbers]), np.concatenate([none, *firsts]), window, horizon)


def _any_within(flags: np.ndarray, length: int) -> np.ndarray:
    """Whether one of the `length` flags from each place on is set."""
    if length < 1:
        return np.zeros(len(flags) + 1, bool)
    sums = np.concatenate([[0], np.cumsum(flags)])
    return (sums[length:] - sums[:-length]) > 0


def gathered(windows: Windows, series: Sequence[Series]) -> tuple[np.ndarray, np.ndarray]:
    """The rows that are read (windows, window, columns), and those asked for (windows, horizon, columns)."""
    columns = series[0].values.shape[1]
    read = np.empty((len(windows), windows.window, columns))
    asked = np.empty((len(windows), windows.horizon, columns))
    for number in np.unique(windows.series):
        of = windows.series == number
        rows = windows.first[of][:, None]
        values = series[number].values
        read[of] = values[rows + np.arange(windows.window)]
        asked[of] = values[rows + windows.window + np.arange(windows.horizon)]
    return read, asked


def target_times(windows: Windows, series: Sequence[Series]) -> np.ndarray:
    """The time of the first row that each window asks for."""
    times = np.empty(len(windows), series[0].times.dtype)
    for number in np.unique(windows.series):
        of = windows.series == number
        times[of] = series[number].times[windows.first[of] + windows.window]
    return times
