"""Scaling that is learnt on the training part alone, and the arrays that a model reads and gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from zoo.problems.series import Series
from zoo.problems.windows import Windows, gathered


@dataclass(frozen=True)
class Scaling:
    """Means and standard deviations of each series' columns in its training part, and the spread of the targets.

    A model reads columns in standard deviations from their means. It gives the change of the target from the last
    value that it read, in standard deviations times `spread`: so a model that gives zero repeats the last value.
    """

    means: np.ndarray = field(repr=False)  #: (series, columns)
    deviations: np.ndarray = field(repr=False)  #: (series, columns)
    spread: float
    known: int  #: how many of the columns, the last ones, are known in advance

    def inputs(self, windows: Windows, series: Sequence[Series]) -> np.ndarray:
        """float32 (windows, window, features): what is known at each step, known columns up to the horizon ahead."""
        return self.inputs_of(*gathered(windows, series), windows.series)

    def inputs_of(self, read: np.ndarray, asked: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """The same of rows that are read, the rows after them, and the number of each window's series."""
        means, deviations = self.means[numbers][:, None], self.deviations[numbers][:, None]
        scaled = (read - means) / deviations
        if not self.known:
            return scaled.astype(np.float32)
        both = (np.concatenate([read, asked], axis=1) - means) / deviations
        ahead = np.lib.stride_tricks.sliding_window_view(both[:, :, -self.known :], asked.shape[1] + 1, axis=1)
        leads = ahead[:, : read.shape[1]].reshape(*read.shape[:2], -1)
        return np.concatenate([scaled[:, :, : -self.known], leads], axis=2).astype(np.float32)

    def targets(self, windows: Windows, series: Sequence[Series]) -> np.ndarray:
        """float32 (windows, horizon): the change from the last value, scaled."""
        read, asked = gathered(windows, series)
        deviations = self.deviations[windows.series, :1]
        return ((asked[:, :, 0] - read[:, -1:, 0]) / (deviations * self.spread)).astype(np.float32)

    def values(self, outputs: np.ndarray, last: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """The target in its unit (windows, horizon), of outputs, the last values and the numbers of the series."""
        return last[:, None] + outputs * self.spread * self.deviations[numbers, :1]

    def card(self) -> dict[str, Any]:
        """Plain values, for a card."""
        return {"means": self.means.tolist(), "deviations": self.deviations.tolist(), "spread": self.spread}

    @classmethod
    def of_card(cls, card: dict[str, Any], known: int) -> Scaling:
        """The scaling that a card holds."""
        return cls(np.array(card["means"]), np.array(card["deviations"]), float(card["spread"]), known)


def learnt(series: Sequence[Series], ends: Sequence[int], windows: Windows, known: int) -> Scaling:
    """The scaling of the rows of each series before `ends`, and of the training windows.

    A column that is constant there is divided by 1. A series without rows there takes the mean of the others.
    """
    means = np.array([_columns(np.nanmean, each, end) for each, end in zip(series, ends, strict=True)])
    deviations = np.array([_columns(np.nanstd, each, end) for each, end in zip(series, ends, strict=True)])
    for table in (means, deviations):
        fallback = np.nan_to_num(_over_series(table))
        table[:] = np.where(np.isfinite(table), table, fallback)
    deviations = without_constants(deviations, means)
    plain = Scaling(means, deviations, 1.0, known)
    spread = float(plain.targets(windows, series).std()) if len(windows) else 1.0
    return Scaling(means, deviations, spread if spread > 1e-6 else 1.0, known)


def without_constants(deviations: np.ndarray, means: np.ndarray) -> np.ndarray:
    """The deviations, 1 where a column is constant but for the rounding of its sum."""
    return np.where(deviations < 1e-12 * np.maximum(1.0, np.abs(means)), 1.0, deviations)


def _columns(what: Any, series: Series, end: int) -> np.ndarray:
    rows = series.values[:end]
    there = ~np.isnan(rows).all(axis=0) if len(rows) else np.zeros(series.values.shape[1], bool)
    result = np.full(series.values.shape[1], np.nan)
    if there.any():
        result[there] = what(rows[:, there], axis=0)
    return result


def _over_series(table: np.ndarray) -> np.ndarray:
    there = np.isfinite(table)
    return np.where(there, table, 0).sum(axis=0) / np.maximum(1, there.sum(axis=0))
