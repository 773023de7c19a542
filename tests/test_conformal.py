"""Intervals of forecasts: they hold as many of the values as they say, and say where too little is known."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.forecasts.conformal import Past, calibrated, coverage
from zoo.problems.windows import Windows


def past(count: int, horizon: int = 3, seed: int = 0) -> Past:
    """Forecasts of 0 of values whose errors grow with how far ahead they are and with the scale of their series."""
    rng = np.random.default_rng(seed)
    deviations = rng.choice([1.0, 50.0], count)
    truth = rng.standard_t(4, size=(count, horizon)) * np.arange(1, horizon + 1) * deviations[:, None]
    windows = Windows(np.zeros(count, int), np.arange(count), 5, horizon)
    return Past(windows, np.zeros((count, horizon)), truth, deviations)


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95])
def test_an_interval_holds_its_part_of_values_that_it_has_not_seen(level: float) -> None:
    known = past(4000)
    held = coverage(calibrated(known.half(later=False), level), known.half(later=True))
    assert held == pytest.approx(level, abs=0.02)  # 6,000 values: a standard error of 0.6 points at most


def test_intervals_of_90_percent_hold_85_to_95_on_average_of_a_hundred_errors() -> None:
    held = [
        coverage(calibrated(known.half(later=False), 0.9), known.half(later=True))
        for known in (past(200, seed=seed) for seed in range(40))
    ]
    assert 0.85 <= np.mean(held) <= 0.95


def test_an_interval_grows_with_how_far_ahead_it_is_and_with_its_series() -> None:
    calibration = calibrated(past(2000), 0.9)
    assert calibration.half_widths[0] < calibration.half_widths[1] < calibration.half_widths[2]
    low, high = calibration.around(np.zeros((2, 3)), np.array([1.0, 50.0]))
    assert (high[1] - low[1]) == pytest.approx(50 * (high[0] - low[0]))


def test_nine_errors_give_an_interval_of_90_percent_and_eight_give_none() -> None:
    assert np.isfinite(calibrated(past(9), 0.9).half_widths).all()
    assert np.isnan(calibrated(past(8), 0.9).half_widths).all()
    assert np.isnan(coverage(calibrated(past(8), 0.9), past(8)))
