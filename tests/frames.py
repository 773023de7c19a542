"""Frames made up for tests."""

from __future__ import annotations

import numpy as np
import pandas as pd


def monthly(rows: int = 260) -> pd.DataFrame:
    """A wave of twelve months and some noise: `month`, `y`."""
    rng = np.random.default_rng(0)
    values = np.sin(np.arange(rows) * 2 * np.pi / 12) + 0.2 * rng.normal(size=rows) + 20
    return pd.DataFrame({"month": pd.date_range("2000-01-01", periods=rows, freq="MS").astype(str), "y": values})
