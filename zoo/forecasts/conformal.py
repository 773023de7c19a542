"""Intervals around forecasts, by errors on rows that no training saw (split conformal prediction).

Source: Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World (2005); Lei et al., Distribution-Free
Predictive Inference for Regression (2018).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from zoo.forecasts.rolling import Reader, read_ahead
from zoo.problems.windows import Windows, target_times, windows_between

MOST_WINDOWS = 2000


@dataclass(frozen=True)
class Calibration:
    """Half the width of the interval at each row ahead, in standard deviations of a series; NaN where too little is
    known of errors so far ahead.
    """

    half_widths: np.ndarray = field(repr=False)  #: (horizon,)
    level: float
    windows: int

    def around(self, values: np.ndarray, deviations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The ends of the intervals around values (windows, horizon)."""
        half = self.half_widths[: values.shape[1]] * deviations[:, None]
        return values - half, values + half


@dataclass(frozen=True)
class Past:
    """Forecasts of rows that no training saw, in the order of their times, and what came (windows, horizon)."""

    windows: Windows
    values: np.ndarray = field(repr=False)
    truth: np.ndarray = field(repr=False)
    deviations: np.ndarray = field(repr=False)  #: of each window's series

    def half(self, later: bool) -> Past:
        """The earlier or the later half."""
        middle = len(self.values) // 2
        return self.part(slice(middle, None) if later else slice(None, middle))

    def part(self, part: slice) -> Past:
        """Some of them, in their order."""
        windows = Windows(
            self.windows.series[part], self.windows.first[part], self.windows.window, self.windows.horizon
        )
        return Past(windows, self.values[part], self.truth[part], self.deviations[part])


def past(reader: Reader, horizon: int) -> Past:
    """Forecasts of every row behind those that the model was trained on; what they read may lie before."""
    series, kept = reader.panel.series, reader.kept
    whole = read_ahead(kept, horizon)
    starts, ends = [], []
    for each in series:
        first = int(np.searchsorted(each.times, kept.calibrated_from(each.times), side="right"))
        starts.append(max(0, first - kept.window))
        ends.append(len(each.times))
    found = windows_between(series, starts, ends, kept.window, whole, len(kept.roles.known)).thinned(MOST_WINDOWS)
    order = np.argsort(target_times(found, series), kind="stable") if len(found) else np.zeros(0, int)
    windows = Windows(found.series[order], found.first[order], kept.window, whole)
    none = np.zeros((0, whole))
    values, truth = (each[:, :horizon] for each in (reader.backward(windows) if len(windows) else (none, none)))
    return Past(replace(windows, horizon=horizon), values, truth, reader.scaling.deviations[windows.series, 0])


def calibrated(known: Past, level: float) -> Calibration:
    """The half width that holds `level` of the errors, with the correction for a finite number of them."""
    count, horizon = known.values.shape
    rank = math.ceil((count + 1) * level)
    if not count or rank > count:
        return Calibration(np.full(horizon, np.nan), level, count)
    errors = np.sort(np.abs(known.values - known.truth) / known.deviations[:, None], axis=0)
    return Calibration(errors[rank - 1], level, count)


def coverage(calibration: Calibration, known: Past) -> float:
    """The part of the values that lies within its interval."""
    low, high = calibration.around(known.values, known.deviations)
    there = np.isfinite(low)
    inside = (known.truth >= low) & (known.truth <= high)
    return float(inside[there].mean()) if there.any() else float("nan")
