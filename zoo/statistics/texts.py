"""Numbers as texts."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

SMALLEST_PLAIN = -3
"""The least power of ten of a number that is written without one: 0.00123."""


def three_digits(value: float, like: float | None = None) -> str:
    """The value with the decimals that show three digits of it, or of `like`: "1,234", "0.0123", "1.23e-5"."""
    size = abs(value if like is None else like)
    exponent = int(f"{size:.2e}".partition("e")[2]) if 0 < size < math.inf else 0  # of 9.999, which is 10.0, it is 1
    if exponent < SMALLEST_PLAIN:
        return f"{value / 10.0**exponent:.2f}e{exponent}"
    return f"{value:,.{max(2 - exponent, 0)}f}"


def number(value: float) -> str:
    """Three digits; nothing for what is missing."""
    return "" if pd.isna(value) else three_digits(value)


def whole(value: float) -> str:
    """A whole number; nothing for what is missing."""
    return "" if pd.isna(value) else f"{value:,.0f}"


LEAST_OF_TWO = 0.095
"""Smaller numbers have three digits, since two decimals show one of them, or none."""


def two_decimals(value: float) -> str:
    """A ratio: "0.93", "18.84", "0.0123"."""
    return f"{value:.2f}" if value >= LEAST_OF_TWO else three_digits(value)


def with_interval(value: float, low: float, high: float) -> str:
    """A ratio and, if there is one, its interval: "0.93 [0.91, 0.95]"."""
    if pd.isna(value):
        return ""
    return two_decimals(value) + ("" if pd.isna(low) else f" [{two_decimals(low)}, {two_decimals(high)}]")


NAMED = 4
"""So many of a longer list are named."""


def few_words(names: Sequence[object]) -> str:
    """As `words`, but of many the first ones: `a, b, c, d and 8 more`."""
    rest = len(names) - NAMED
    return words([*names[:NAMED], *([f"{rest} more"] if rest > 0 else [])])


def words(names: Sequence[object]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    texts = [str(name) for name in names]
    return " and ".join([*([", ".join(texts[:-1])] if len(texts) > 1 else []), *texts[-1:]])
