"""The period after which a series repeats itself, if it does."""

from __future__ import annotations

import numpy as np
import pandas as pd

from zoo.problems.series import Series, contiguous
from zoo.problems.steps import Step

CALENDAR = {
    pd.Timedelta(1, "h"): (24, 168),
    pd.Timedelta(1, "D"): (7, 365),
    pd.Timedelta(7, "D"): (52,),
}
"""Periods that a step of the calendar suggests."""
MONTHS, QUARTERS = (pd.Timedelta(28, "D"), pd.Timedelta(31, "D")), (pd.Timedelta(90, "D"), pd.Timedelta(92, "D"))
LEAST = 0.2
"""A correlation that a season must have."""


def find_season(series: Series, rows: int, step: Step) -> int:
    """The period of the first rows of a series; 1 where it has none.

    It is the lag of the highest peak of the autocorrelation, behind its first dip, of the values less their straight
    line; among lags whose peaks are nearly as high one that the calendar suggests is taken.
    """
    from statsmodels.tsa.stattools import acf

    stretch = max(contiguous(series), key=lambda each: min(each.stop, rows) - each.start, default=slice(0, 0))
    values = series.target[stretch.start : min(stretch.stop, rows)]
    longest = len(values) // 2
    if longest < 4 or not np.ptp(values):
        return 1
    line = np.polyval(np.polyfit(np.arange(len(values)), values, 1), np.arange(len(values)))
    if np.ptp(values - line) < 1e-9 * np.ptp(values):
        return 1
    found = acf(values - line, nlags=longest, fft=True)
    dip = int(np.argmax(found <= min(0.0, found.min() / 2))) if found.min() < 0 else int(found.argmin())
    lags = np.arange(max(2, dip), longest)
    inner = lags[(lags > 1) & (lags + 1 < len(found))]
    peaks = inner[(found[inner] >= found[inner - 1]) & (found[inner] >= found[inner + 1])]
    if not len(peaks):
        return 1
    best = int(peaks[found[peaks].argmax()])
    if found[best] < max(LEAST, 4 / len(values) ** 0.5):
        return 1
    for known in _of_calendar(step):
        if known < len(found) and found[known] > 0.9 * found[best] and abs(known - best) <= max(1, 0.1 * known):
            return known
    return best


def _of_calendar(step: Step) -> tuple[int, ...]:
    size = step.size
    if not isinstance(size, pd.Timedelta):
        return ()
    if MONTHS[0] <= size <= MONTHS[1]:
        return (12,)
    if QUARTERS[0] <= size <= QUARTERS[1]:
        return (4,)
    return (5,) if step.business else CALENDAR.get(size, ())
