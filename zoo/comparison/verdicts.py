"""Which entries beat the best baseline: losses paired by example, with the dependence of neighbours taken in.

Sources: Diebold and Mariano, Comparing Predictive Accuracy (1995); Newey and West (1987); Holm (1979).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.multitest import multipletests

LEVEL = 0.05
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
        overlap: how many clusters in a row share what they ask for.
    """
    values = _by_cluster([ours - theirs for ours, theirs in zip(entry, baseline, strict=True)], clusters)
    if len(values) < 3 or not np.ptp(values):
        mean = float(values.mean()) if len(values) else np.nan
        return Difference(mean, np.nan, np.nan, 1.0)
    lags = min(len(values) // 4, max(overlap - 1, int(4 * (len(values) / 100) ** (2 / 9))))
    fitted = OLS(values, np.ones(len(values))).fit(
        cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": True}, use_t=True
    )
    low, high = fitted.conf_int(LEVEL)[0]
    return Difference(float(fitted.params[0]), float(low), float(high), float(fitted.pvalues[0]))


def mean_loss(losses: Losses, clusters: Sequence[np.ndarray]) -> float:
    """The mean of losses, clusters counting alike, as in `difference`."""
    values = _by_cluster(losses, clusters)
    return float(values.mean()) if len(values) else np.nan


def _by_cluster(losses: Losses, clusters: Sequence[np.ndarray]) -> np.ndarray:
    """The mean of each cluster, fold after fold."""
    means = [pd.Series(each).groupby(cluster).mean().dropna() for each, cluster in zip(losses, clusters, strict=True)]
    return np.concatenate([each.to_numpy() for each in means])


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
