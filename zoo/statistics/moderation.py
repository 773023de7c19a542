"""Variances of few repeats, moderated by those of the other comparisons of a table.

Three repeats tell little of a variance. Comparisons that are made side by side have similar ones: each is drawn towards
what the others have, and the t test gains their degrees of freedom. It is limma's moderated t.

Source: G. K. Smyth, "Linear models and empirical Bayes methods for assessing differential expression in microarray
experiments" (2004), equations of section 6.2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy

from zoo.measuring.enough import LEAST_REPEATS

MOST_DEGREES = 4.0
"""The prior never counts for more: arms differ in their variances more than the genes that limma was made for."""
LEAST_COMPARISONS = 5
"""Fewer say too little of each other."""


@dataclass(frozen=True)
class Prior:
    """What the other comparisons say of a variance, and for how many degrees of freedom it counts."""

    variance: float = 0.0
    degrees: float = 0.0


def moderated(priors: Sequence[Prior], variances: np.ndarray, degrees: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The variances of comparisons with so many degrees of freedom of their own, and those of both, own and prior."""
    before = np.array([each.variance for each in priors])
    counts = np.array([each.degrees for each in priors])
    both = counts + degrees
    return (counts * before + degrees * variances) / both, both


def prior_of(moments: pd.DataFrame) -> Prior:
    """The prior of comparisons, a row each: `count` and `var` of the logarithms of its ratios."""
    enough = moments[moments["count"] >= LEAST_REPEATS]
    return prior(enough["var"].to_numpy(float), enough["count"].to_numpy(float) - 1)


def prior(variances: np.ndarray, degrees: np.ndarray) -> Prior:
    """The prior of comparisons with these variances, each with its own degrees of freedom.

    Variances of 0 say nothing: such values were rounded, or made.
    """
    known = (variances > 0) & (degrees > 0)
    if known.sum() < LEAST_COMPARISONS:
        return Prior()
    halves = degrees[known] / 2
    logs = np.log(variances[known]) - scipy.special.digamma(halves) + np.log(halves)
    spread = float(logs.var(ddof=1) - scipy.special.polygamma(1, halves).mean())
    free = 2 * _inverse_trigamma(spread) if spread > 0 else math.inf
    used = min(free, MOST_DEGREES)
    shift = float(scipy.special.digamma(free / 2) - math.log(free / 2)) if math.isfinite(free) else 0.0
    return Prior(math.exp(float(logs.mean()) + shift), used)


def _inverse_trigamma(value: float) -> float:
    """The x with ψ'(x) = value > 0; between 1/value and 1/value + 1/√value."""
    return float(scipy.optimize.brentq(lambda x: scipy.special.polygamma(1, x) - value, 1e-8, 2 / value + 2))
