"""Variances of few repeats, moderated by those of the other comparisons of a table.

Three repeats tell little of a variance. Comparisons that are made side by side have similar ones: each is drawn towards
what the others have, and the t test gains their degrees of freedom. It is limma's moderated t.

Source: G. K. Smyth, "Linear models and empirical Bayes methods for assessing differential expression in microarray
experiments" (2004), equations of section 6.2.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import optimize, special

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

    def moderated(self, variance: float, degrees: float) -> tuple[float, float]:
        """The variance of one comparison with so many degrees of freedom of its own, and those of both."""
        both = self.degrees + degrees
        return (self.degrees * self.variance + degrees * variance) / both, both


def prior_of(comparisons: Iterable[tuple[Any, pd.Series]]) -> Prior:
    """The prior of comparisons, each the ratios of its repeats."""
    logs = [np.log(ratios.dropna()) for _, ratios in comparisons]
    logs = [each for each in logs if len(each) >= LEAST_REPEATS]
    return prior(np.array([each.var() for each in logs]), np.array([len(each) - 1 for each in logs]))


def prior(variances: np.ndarray, degrees: np.ndarray) -> Prior:
    """The prior of comparisons with these variances, each with its own degrees of freedom.

    Variances of 0 say nothing: such values were rounded, or made.
    """
    known = (variances > 0) & (degrees > 0)
    if known.sum() < LEAST_COMPARISONS:
        return Prior()
    halves = degrees[known] / 2
    logs = np.log(variances[known]) - special.digamma(halves) + np.log(halves)
    spread = float(logs.var(ddof=1) - special.polygamma(1, halves).mean())
    free = 2 * _inverse_trigamma(spread) if spread > 0 else math.inf
    used = min(free, MOST_DEGREES)
    shift = float(special.digamma(free / 2) - math.log(free / 2)) if math.isfinite(free) else 0.0
    return Prior(math.exp(float(logs.mean()) + shift), used)


def _inverse_trigamma(value: float) -> float:
    """The x with ψ'(x) = value > 0; between 1/value and 1/value + 1/√value."""
    return float(optimize.brentq(lambda x: special.polygamma(1, x) - value, 1e-8, 2 / value + 2))
