"""Means, intervals and tests of a few repeats, by SciPy and statsmodels."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.multitest import multipletests

from zoo.statistics.columns import CONFIDENCE, LEAST_REPEATS


def _t_test(values: pd.Series) -> Any:
    """SciPy's t test of the mean of `values` against 0; SciPy warns of values that are all alike."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        return stats.ttest_1samp(values.dropna().to_numpy(dtype=float), 0)


def interval(values: pd.Series) -> tuple[float, float]:
    """The 95% interval of a mean, Student's t; NaN under 3 values."""
    if values.count() < LEAST_REPEATS:
        return np.nan, np.nan
    ends = _t_test(values).confidence_interval(CONFIDENCE)
    return float(ends.low), float(ends.high)


def geometric_mean(values: pd.Series) -> float:
    """The mean on the scale of logarithms, right for times and ratios."""
    return float(stats.gmean(values.dropna().to_numpy(dtype=float)))


def geometric_interval(values: pd.Series) -> tuple[float, float]:
    """The 95% interval of the geometric mean; NaN under 3 values."""
    low, high = interval(np.log(values))
    return float(np.exp(low)), float(np.exp(high))


def ratio_test(ratios: pd.Series) -> dict[str, float]:
    """The geometric mean of the ratios, its 95% interval, and the p-value of a paired t test on the logarithms.

    Under 3 repeats there is a mean alone.
    """
    result = {"ratio": geometric_mean(ratios), "low": np.nan, "high": np.nan, "p_value": np.nan}
    if ratios.count() < LEAST_REPEATS:
        return result
    test = _t_test(np.log(ratios))
    ends = test.confidence_interval(CONFIDENCE)
    p_value = 1.0 if np.isnan(test.pvalue) else float(test.pvalue)  # NaN where every ratio is 1
    return {**result, "low": float(np.exp(ends.low)), "high": float(np.exp(ends.high)), "p_value": p_value}


def holm(p_values: pd.Series) -> pd.Series:
    """p-values of comparisons that are looked at together, corrected by Holm's method; NaN stays NaN."""
    given = p_values.dropna()
    if len(given) < 2:  # nothing to correct
        return p_values
    return pd.Series(multipletests(given, method="holm")[1], index=given.index).reindex(p_values.index)
