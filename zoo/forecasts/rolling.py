"""Rolls a model forward: what it forecasts is what it reads next, as far as is asked."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from zoo.errors import ZooError
from zoo.forecasts.kept import Kept
from zoo.problems.scaling import Scaling, learnt
from zoo.problems.series import Panel, Series
from zoo.problems.windows import Windows, gathered

BATCH = 500


@dataclass(frozen=True)
class Reader:
    """A kept model that reads a panel: the scaling of each of its series, also of those that it was not trained on."""

    kept: Kept
    panel: Panel
    scaling: Scaling = field(repr=False)
    new: tuple[str, ...]  #: series that the model was not trained on: their scaling is that of their own rows

    def rolled(self, read: np.ndarray, future: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """Forecasts (windows, horizon) behind rows that are read.

        Args:
            read: (windows, window, columns).
            future: (windows, horizon, columns), of which the known columns are read: whole calls of the model, where it
                reads any.
            numbers: of each window's series.
        """
        horizon, step = future.shape[1], self.kept.horizon
        rows, answers = read.copy(), []
        for start in range(0, horizon, step):
            asked = future[:, start : start + step]
            if asked.shape[1] < step:  # no column of it is read
                asked = np.concatenate([asked, np.repeat(asked[:, -1:], step - asked.shape[1], axis=1)], axis=1)
            inputs = self.scaling.inputs_of(rows, asked, numbers)
            outputs = np.asarray(self.kept.model.predict(inputs, batch_size=BATCH, verbose=0))
            values = self.scaling.values(outputs, rows[:, -1, 0], numbers)
            answers.append(values)
            made = asked.copy()
            made[:, :, 0] = values
            rows = np.concatenate([rows, made], axis=1)[:, -rows.shape[1] :]
        return np.concatenate(answers, axis=1)[:, :horizon]

    def backward(self, windows: Windows) -> tuple[np.ndarray, np.ndarray]:
        """What is forecast behind windows of the past, and what came (windows, horizon)."""
        read, asked = gathered(windows, self.panel.series)
        return self.rolled(read, asked, windows.series), asked[:, :, 0]


def reader_of(kept: Kept, panel: Panel) -> Reader:
    """A model that reads a panel."""
    known = {name: number for number, name in enumerate(kept.card["series"])}
    trained = kept.scaling
    means, deviations, new = [], [], []
    for series in panel.series:
        if series.name in known:
            number = known[series.name]
            means.append(trained.means[number])
            deviations.append(trained.deviations[number])
        else:
            none = Windows(np.zeros(0, int), np.zeros(0, int), kept.window, kept.horizon)
            own = learnt([series], [len(series.times)], none, trained.known)
            means.append(own.means[0])
            deviations.append(own.deviations[0])
            new.append(series.name)
    scaling = Scaling(np.array(means), np.array(deviations), trained.spread, trained.known)
    return Reader(kept, panel, scaling, tuple(new))


def require_horizon(kept: Kept, horizon: int) -> None:
    """Refuse to roll further than the columns allow.

    Raises:
        ZooError: a column beside the target is read, whose future is not known.
    """
    if horizon > kept.horizon and kept.roles.features:
        raise ZooError(
            f"the model reads {', '.join(kept.roles.features)}, whose future is not known: it forecasts "
            f"{kept.horizon} row{'s' * (kept.horizon != 1)}; compare with --horizon {horizon} for more"
        )


def read_ahead(kept: Kept, horizon: int) -> int:
    """How many rows the model reads ahead of what it forecasts: those of whole calls, where it reads known columns."""
    return math.ceil(horizon / kept.horizon) * kept.horizon if kept.roles.known else horizon


def last_rows(kept: Kept, series: Series, horizon: int) -> tuple[np.ndarray, np.ndarray, int]:
    """The rows behind which a series is forecast, those that are read ahead, and the number of the first of them.

    Rows at the end without a target are the future: their known columns are read. Of what the last call reads beyond
    the horizon and the table does not hold, the last row that it holds is taken.

    Raises:
        ZooError: a row that is read lacks a value or stands behind a gap, or known columns are missing.
    """
    of = f"series {series.name!r}" if series.name else "the series"
    end = series.end
    start = end - kept.window
    if start < 0:
        raise ZooError(f"{of} has {end} rows with a value, and the model reads {kept.window}")
    read = series.values[start:end]
    if np.isnan(read).any() or not series.follows[start + 1 : end].all():
        raise ZooError(f"the last {kept.window} rows of {of} have a gap or lack a value: the model reads all of them")
    future = np.full((read_ahead(kept, horizon), series.values.shape[1]), np.nan)
    rows = series.values[end : end + len(future)]
    if kept.roles.known and not series.follows[end : end + len(rows)].all():
        raise ZooError(f"the rows of {of} in which {kept.roles.target} is empty begin behind a gap, or have one")
    future[: len(rows)] = rows
    known = len(kept.roles.known)
    if known:
        future[horizon:, -known:] = pd.DataFrame(future[horizon - 1 :, -known:]).ffill().to_numpy()[1:]
    if known and np.isnan(future[:, -known:]).any():
        names = ", ".join(kept.roles.known)
        raise ZooError(
            f"{names} must be known for the next {horizon} rows of {of}: add rows in which {kept.roles.target} is empty"
        )
    return read, future, end
