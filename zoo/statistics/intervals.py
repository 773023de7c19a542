"""Means and intervals of a few repeats, by SciPy."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import scipy

from zoo.measuring.enough import CONFIDENCE, LEAST_REPEATS


def t_test(values: pd.Series) -> Any:
    """SciPy's t test of the mean of `values` against 0; SciPy warns of values that are all alike."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        return scipy.stats.ttest_1samp(values.dropna().to_numpy(dtype=float), 0)


def interval(values: pd.Series) -> tuple[float, float]:
    """The 95% interval of a mean, Student's t; NaN under 3 values."""
    if values.count() < LEAST_REPEATS:
        return np.nan, np.nan
    ends = t_test(values).confidence_interval(CONFIDENCE)
    return float(ends.low), float(ends.high)


def geometric_mean(values: pd.Series) -> float:
    """The mean on the scale of logarithms, right for times and ratios."""
    return float(scipy.stats.gmean(values.dropna().to_numpy(dtype=float)))


def geometric_interval(values: pd.Series) -> tuple[float, float]:
    """The 95% interval of the geometric mean; NaN under 3 values; an end beyond the largest number is infinite."""
    low, high = interval(np.log(values))
    with np.errstate(over="ignore"):  # a single score of 1e300 spreads the logarithms that far
        return float(np.exp(low)), float(np.exp(high))
