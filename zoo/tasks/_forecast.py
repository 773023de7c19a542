"""What tasks that forecast a series share: windows, and two naive forecasts."""

from __future__ import annotations

import numpy as np

from zoo.data import Data, Split


def next_values(series: np.ndarray, steps: int, every_step: bool) -> Split:
    """Every window of `steps` values, and the value after each of its steps or after its last.

    Returns:
        x float32 (windows, steps, 1); y float32 (windows, steps, 1) with `every_step`, else (windows, 1).
    """
    windows = np.lib.stride_tricks.sliding_window_view(series.astype(np.float32), steps + 1)[:, :, None]
    return Split(windows[:, :-1].copy(), windows[:, 1:].copy() if every_step else windows[:, -1].copy())


def repeat_last_value(data: Data, split: Split) -> float:
    """Mean squared error of predicting that the series stays where it is."""
    guess = split.x if split.y.ndim == 3 else split.x[:, -1]
    return float(np.mean((split.y - guess) ** 2, dtype=np.float64))


def linear_autoregression(data: Data, split: Split) -> float:
    """Mean squared error of a linear function of the values so far, fitted by least squares to the training windows.

    Where every step is asked for, each step has a function of its own: of the values of the window up to it.
    """
    from sklearn.linear_model import LinearRegression

    if split.y.ndim == 2:
        fitted = LinearRegression().fit(data.train.x[:, :, 0], data.train.y[:, 0])
        return float(np.mean((fitted.predict(split.x[:, :, 0]) - split.y[:, 0]) ** 2, dtype=np.float64))
    errors = []
    for step in range(split.y.shape[1]):
        fitted = LinearRegression().fit(data.train.x[:, : step + 1, 0], data.train.y[:, step, 0])
        errors.append(np.mean((fitted.predict(split.x[:, : step + 1, 0]) - split.y[:, step, 0]) ** 2, dtype=np.float64))
    return float(np.mean(errors))
