"""Means, intervals and tests of a few repeats."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import special

from zoo.statistics.columns import CONFIDENCE, LEAST_REPEATS


def interval(values: pd.Series) -> tuple[float, float]:
    """The 95% interval of a mean, Student's t; NaN under 3 values."""
    count = values.count()
    if count < LEAST_REPEATS:
        return np.nan, np.nan
    half = special.stdtrit(count - 1, (1 + CONFIDENCE) / 2) * values.std() / np.sqrt(count)
    return values.mean() - half, values.mean() + half


def geometric_mean(values: pd.Series) -> float:
    """The mean on the scale of logarithms, right for times and ratios."""
    return float(np.exp(np.log(values).mean()))


def geometric_interval(values: pd.Series) -> tuple[float, float]:
    """The 95% interval of the geometric mean; NaN under 3 values."""
    low, high = interval(np.log(values))
    return float(np.exp(low)), float(np.exp(high))


def p_value(ratios: pd.Series) -> float:
    """How probable so large a mean of the logarithms is where there is no difference (paired t test); NaN under 3."""
    logs = np.log(ratios)
    if logs.count() < LEAST_REPEATS:
        return np.nan
    error = logs.std() / np.sqrt(logs.count())
    if error == 0:
        return float(logs.mean() == 0)
    return float(2 * special.stdtr(logs.count() - 1, -abs(logs.mean()) / error))


def holm(p_values: pd.Series) -> pd.Series:
    """p-values of comparisons that are looked at together, corrected by Holm's method; NaN stays NaN."""
    ranked = p_values.dropna().sort_values()  # statsmodels' multipletests does this in 0.1 s: it collects garbage first
    return (ranked * np.arange(len(ranked), 0, -1)).cummax().clip(upper=1).reindex(p_values.index)
