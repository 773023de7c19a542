"""Baselines: what is forecast without a network. Each gives values (windows, horizon) in the target's unit."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from importlib.util import find_spec

import numpy as np
import pandas as pd

from zoo.problems.scaling import Scaling
from zoo.problems.series import Series
from zoo.problems.steps import Step
from zoo.problems.windows import Windows, gathered

LAST, MEAN, SEASONAL, LINEAR = "last value", "mean", "seasonal naive", "linear autoregression"
LONGEST_SEASON = 24
"""That statsforecast's AutoETS takes."""
MOST_ORIGINS = 3000
"""Windows of a test for which statsforecast is asked: it takes some milliseconds for each."""
STATISTICAL = ("AutoETS", "AutoTheta")
"""The models of statsforecast."""


def last_value(windows: Windows, series: Sequence[Series]) -> np.ndarray:
    """The last value that was read."""
    read, _ = gathered(windows, series)
    return np.repeat(read[:, -1:, 0], windows.horizon, axis=1)


def training_mean(windows: Windows, scaling: Scaling) -> np.ndarray:
    """The mean of the series in its training part."""
    return np.repeat(scaling.means[windows.series, :1], windows.horizon, axis=1)


def seasonal_naive(windows: Windows, series: Sequence[Series], season: int, step: Step) -> np.ndarray:
    """The value of one season before, or of more where the horizon is longer; the last value where that is missing."""
    result = last_value(windows, series)
    leads = np.arange(windows.horizon)
    back = season * (leads // season + 1)
    for number in np.unique(windows.series):
        of = windows.series == number
        rows = _rows_before(series[number], windows.first[of][:, None] + windows.window + leads, back, step)
        known = series[number].target[np.maximum(rows, 0)]
        result[of] = np.where((rows >= 0) & np.isfinite(known), known, result[of])
    return result


def _rows_before(series: Series, asked: np.ndarray, back: np.ndarray, step: Step) -> np.ndarray:
    """The rows so many steps before others, negative where there is none: beyond a gap by their time, else by count.

    Of working days, which have no constant step, by count alone.
    """
    rows, stretch = asked - back, np.cumsum(~series.follows)
    beyond = stretch[np.maximum(rows, 0)] != stretch[asked]
    if step.size is None or step.business or not beyond.any():
        return rows
    size = step.size.to_timedelta64() if isinstance(step.size, pd.Timedelta) else step.size
    wanted = series.times[asked] - back * size
    near = np.minimum(np.searchsorted(series.times, wanted - size / 2), len(series.times) - 1)
    found = np.abs(series.times[near] - wanted) < size / 2
    return np.where(beyond, np.where(found, near, -1), rows)


def linear_autoregression(x: np.ndarray, y: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Outputs of a linear function of all that a model reads, fitted to the training windows by least squares."""
    from sklearn.linear_model import LinearRegression

    fitted = LinearRegression().fit(x.reshape(len(x), -1), y)
    return fitted.predict(asked.reshape(len(asked), -1))


def statistical_is_installed() -> bool:
    """Whether statsforecast is there."""
    return find_spec("statsforecast") is not None


def statistical(
    windows: Windows, series: Sequence[Series], starts: Sequence[int], season: int
) -> dict[str, np.ndarray]:
    """AutoETS and AutoTheta of statsforecast, which is installed, fitted to the rows before the test.

    Each window's forecast is made from all values before it, by the parameters that were fitted once.
    """
    from statsforecast import models

    length = season if 1 < season <= LONGEST_SEASON else 1

    def made(name: str) -> Callable[[], object]:
        return lambda: getattr(models, name)(season_length=length)

    return {name: _rolled(made(name), length, windows, series, starts) for name in STATISTICAL}


LEAST_KNOWN = 10
"""Rows that a model is fitted to; of fewer the last value stands."""


def _rolled(
    make: Callable[[], object], length: int, windows: Windows, series: Sequence[Series], starts: Sequence[int]
) -> np.ndarray:
    """The forecasts of a model with seasons of `length` rows, fitted to what is known before the test."""
    result = last_value(windows, series)
    for number in np.unique(windows.series):
        of = np.flatnonzero(windows.series == number)
        values = series[number].target
        known = _last_stretch(values[: starts[number]])
        if len(known) < LEAST_KNOWN:
            continue
        begin = starts[number] - len(known)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = make().fit(known)  # type: ignore[attr-defined]
            for place in of:
                until = windows.first[place] + windows.window
                history = _last_stretch(values[:until])
                if (until - len(history) - begin) % length == 0:  # else the season that was fitted begins elsewhere
                    result[place] = model.forward(y=history, h=windows.horizon)["mean"]
    return result


def _last_stretch(values: np.ndarray) -> np.ndarray:
    """The values behind the last one that is missing."""
    holes = np.flatnonzero(np.isnan(values))
    return values[holes[-1] + 1 :] if len(holes) else values
