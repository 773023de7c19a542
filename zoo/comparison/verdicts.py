"""Which entries beat the best baseline: losses paired by example, with the dependence of neighbours taken in.

Sources: Diebold and Mariano, Comparing Predictive Accuracy (1995); Newey and West (1987); Holm (1979).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.multitest import multipletests

LEVEL = 0.05
OVERLAPS = 3
BETTER, WORSE, UNDECIDED = "better", "worse", "undecided"
Losses = Sequence[np.ndarray]
"""Of the test examples of each fold."""


@dataclass(frozen=True)
class Difference:
    """The mean loss of an entry less that of a baseline, its 95% interval, and the p value of no difference."""

    mean: float
    low: float
    high: float
    p: float


def difference(entry: Losses, baseline: Losses, clusters: Sequence[np.ndarray], overlap: int) -> Difference:
    """The mean difference of paired losses.

    Args:
        entry: its losses, a mean over seeds.
        baseline: those of the baseline, on the same examples.
        clusters: of the examples of each fold: those of one number count as one.
        overlap: how many clusters in a row share what they ask for. The error of the mean is that of blocks of three
            times as many, which share little: where nothing is better 6 to 7% of tables say so. With the lags of Newey
            and West over the clusters themselves it would be 18% and more.
    """
    parts = _by_cluster([ours - theirs for ours, theirs in zip(entry, baseline, strict=True)], clusters)
    mean = float(np.concatenate(parts).mean()) if any(map(len, parts)) else np.nan
    values = np.concatenate([_in_blocks(part, overlap) for part in parts])
    if len(values) < 3 or not np.ptp(values):
        return Difference(mean, np.nan, np.nan, 1.0)
    lags = min(len(values) // 4, int(4 * (len(values) / 100) ** (2 / 9))) if overlap == 1 else 0
    fitted = OLS(values, np.ones(len(values))).fit(
        cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": True}, use_t=True
    )
    error, free = float(fitted.bse[0]), len(values) - 1
    half = float(stats.t.ppf(1 - LEVEL / 2, free)) * error
    return Difference(mean, mean - half, mean + half, float(2 * stats.t.sf(abs(mean) / error, free)))


def mean_loss(losses: Losses, clusters: Sequence[np.ndarray]) -> float:
    """The mean of losses, clusters counting alike, as in `difference`."""
    values = np.concatenate(_by_cluster(losses, clusters))
    return float(values.mean()) if len(values) else np.nan


def _by_cluster(losses: Losses, clusters: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The mean of each cluster, of every fold."""
    means = [pd.Series(each).groupby(cluster).mean().dropna() for each, cluster in zip(losses, clusters, strict=True)]
    return [each.to_numpy() for each in means]


def _in_blocks(values: np.ndarray, overlap: int) -> np.ndarray:
    """The means of neighbours that hardly overlap with the others; the values themselves where none overlap."""
    size = 1 if overlap == 1 else OVERLAPS * overlap
    blocks = np.array_split(values, max(1, len(values) // size)) if len(values) else []
    return np.array([block.mean() for block in blocks])


def verdicts(differences: Mapping[str, Difference]) -> dict[str, str]:
    """Better, worse or undecided, by entry; of all that are called so at most 5% of tables hold one that is wrong."""
    known = {name: each.p for name, each in differences.items() if np.isfinite(each.p)}
    if not known:
        return dict.fromkeys(differences, UNDECIDED)
    rejected = multipletests(list(known.values()), LEVEL, method="holm")[0]
    sure = {name for name, decided in zip(known, rejected, strict=True) if decided}
    return {
        name: UNDECIDED if name not in sure else BETTER if each.mean < 0 else WORSE
        for name, each in differences.items()
    }
