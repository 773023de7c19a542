"""When a comparison has had enough repeats: on the width of its interval, never on what it shows."""

from __future__ import annotations

import math
from collections.abc import Sequence

import scipy

LEAST_REPEATS = 3
"""Under so many repeats there is no interval."""
MOST_REPEATS = 10
HALF_WIDTH = 0.04
"""How far the interval of a ratio may reach to either side, as a factor less 1: ±4%."""
CONFIDENCE = 0.95


def half_width(log_ratios: Sequence[float]) -> float:
    """Half the width of the 95% interval of the mean log ratio, Student's t over repeats; infinite under 3 repeats."""
    if len(log_ratios) < LEAST_REPEATS:
        return math.inf
    return float(scipy.stats.t.ppf((1 + CONFIDENCE) / 2, len(log_ratios) - 1) * scipy.stats.sem(log_ratios))


def is_enough(log_ratios: Sequence[float]) -> bool:
    """Whether no further repeat is to be made: the interval is within ±4%, or there are 10 repeats."""
    return len(log_ratios) >= MOST_REPEATS or half_width(log_ratios) <= math.log(1 + HALF_WIDTH)
