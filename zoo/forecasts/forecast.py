"""`zoo.forecast`: the next rows of a table, by a model that `zoo.compare` kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from zoo.errors import ZooError, positive_whole
from zoo.forecasts.conformal import Past, calibrated, coverage, past
from zoo.forecasts.kept import Kept, read_kept
from zoo.forecasts.rolling import Reader, last_rows, reader_of, require_horizon
from zoo.frames.dialect import Dialect
from zoo.frames.table import open_table
from zoo.problems.series import Series, read_panel
from zoo.problems.steps import future_times

LEVEL = 0.9
ROW = "row"
"""The column of times where the table has none."""


@dataclass(frozen=True, eq=False)
class Forecast:
    """The next rows of each series, with an interval.

    Attributes:
        rows: a row a time: the id of the series if there are several, the time, `forecast`, `low`, `high`.
        history: of each series its times and values, to draw them.
        held: the part of rows held back that lay within their interval; NaN where there are too few.
        held_of: of so many values.
        backtest: the last stretch, as it was forecast before it came: as `rows`, with `truth`.
        notes: what a reader must know.
        target: the column.
        level: of the interval.
    """

    rows: pd.DataFrame
    history: dict[str, tuple[np.ndarray, np.ndarray]] = field(repr=False)
    held: float
    held_of: int
    backtest: pd.DataFrame
    notes: tuple[str, ...]
    target: str
    time: str  #: the column of `rows` that holds the times
    id: str  #: and the one that names the series; empty where there is one
    level: float

    def __str__(self) -> str:
        return self.rows.to_string(index=False)


def forecast(
    model: str | Path,
    source: Path | str | pd.DataFrame,
    horizon: int = 0,
    *,
    level: float = LEVEL,
    dates: str = "",
    dialect: Dialect | None = None,
) -> Forecast:
    """Forecast the next rows of a table.

        print(zoo.forecast("zoo-runs/compare-…/model", "temperatures.csv", horizon=30))

    Beyond the horizon that the model was trained for, what it forecasts is what it reads next. The interval is
    conformal: it holds `level` of the errors on the rows that no training saw.

    Args:
        model: a folder of `zoo.compare`, or "hf://user/name".
        source: a file or a frame with the columns that the model was trained on.
        horizon: rows to forecast; by default as many as the model gives in one call.
        level: of the interval.
        dates: "day-first", "month-first" or "year-first", where dates can be read in two ways; by default as in the
            table of the training.
        dialect: how the file is written, where that is not found.

    Raises:
        ZooError: there is no model, the table does not fit it, or the level is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise ZooError(f"the level must be between 0 and 1, not {level!r}")
    table = open_table(source, dialect)
    kept = read_kept(model)
    ahead = positive_whole("horizon", horizon or kept.horizon)
    require_horizon(kept, ahead)
    roles = replace(kept.roles, dates=dates or kept.roles.dates)
    reader = reader_of(kept, read_panel(table, roles, changes=False))
    known = past(reader, ahead)
    calibration = calibrated(known, level)
    ends, left_out = _ends(kept, reader.panel.series, ahead)
    numbers = np.array(list(ends))
    series = [reader.panel.series[number] for number in ends]
    read, future = (np.stack([end[place] for end in ends.values()]) for place in (0, 1))
    values = reader.rolled(read, np.nan_to_num(future), numbers)[:, :ahead]
    low, high = calibration.around(values, reader.scaling.deviations[numbers, 0])
    parts = [
        _rows(kept, each, _next_times(reader, each, end[2], ahead), forecast=v, low=a, high=b)
        for each, end, v, a, b in zip(series, ends.values(), values, low, high, strict=True)
    ]
    held = coverage(calibrated(known.half(later=False), level), known.half(later=True))
    return Forecast(
        pd.concat(parts, ignore_index=True),
        {each.name: (each.times[: each.end], each.target[: each.end]) for each in series},
        held,
        known.half(later=True).values.size,
        _backtest(reader, known, level),
        (*_notes(reader, known, calibration.half_widths, ahead), *left_out),
        kept.roles.target,
        kept.roles.time or ROW,
        kept.roles.id,
        level,
    )


def _ends(kept: Kept, series: Sequence[Series], ahead: int) -> tuple[dict[int, Any], list[str]]:
    """The `last_rows` of each series that has them, by its number, and a note on each of the others.

    Raises:
        ZooError: no series has them.
    """
    ends, reasons = {}, []
    for number, each in enumerate(series):
        try:
            ends[number] = last_rows(kept, each, ahead)
        except ZooError as error:
            reasons.append(str(error))
    if not ends:
        raise ZooError(reasons[0])
    return ends, [f"not forecast: {reason}" for reason in reasons]


def _next_times(reader: Reader, series: Series, end: int, horizon: int) -> np.ndarray:
    """The times behind row `end`: those of the table where it has all of them, without a gap, else by its step."""
    given = series.times[end : end + horizon]
    if len(given) == horizon and series.follows[end : end + horizon].all():
        return given
    return future_times(series.times[:end], reader.panel.step, horizon)


def _rows(kept: Kept, series: Series, times: np.ndarray, **columns: np.ndarray) -> pd.DataFrame:
    first: dict[str, Any] = {kept.roles.id: series.name} if kept.roles.id else {}
    if times.dtype.kind == "f" and (times % 1 == 0).all():  # years, or numbers of rows
        times = times.astype(int)
    return pd.DataFrame({**first, kept.roles.time or ROW: times, **columns})


def _backtest(reader: Reader, known: Past, level: float) -> pd.DataFrame:
    """The last forecast of each series whose truth is known, its interval by errors that came before it."""
    parts = []
    for number, series in enumerate(reader.panel.series):
        mine = np.flatnonzero(known.windows.series == number)
        if not len(mine):
            continue
        last = mine[-1]
        first = known.windows.first[last] + known.windows.window
        before = known.part(slice(None, min(len(known.values) // 2, last)))
        low, high = calibrated(before, level).around(known.values[last : last + 1], known.deviations[last : last + 1])
        times = series.times[first : first + known.windows.horizon]
        columns = {"forecast": known.values[last], "low": low[0], "high": high[0], "truth": known.truth[last]}
        parts.append(_rows(reader.kept, series, times, **columns))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _notes(reader: Reader, known: Past, half_widths: np.ndarray, horizon: int) -> list[str]:
    lines = [*reader.panel.notes, f"trained on rows up to {_day(reader.kept.card['trained_until'])}"]
    if reader.new:
        lines.append(f"not among the series of the training: {', '.join(reader.new[:5])}; scaled by their own rows")
    if np.isnan(half_widths).any():
        lines.append(f"no interval: {len(known.values)} windows of {horizon} rows held back are too few")
    if horizon > reader.kept.horizon:
        lines.append(f"trained for {reader.kept.horizon} ahead: further on, forecasts are read as if they were values")
    return lines


def _day(time: str) -> str:
    """A time as a person writes it: of a date at midnight the day alone, of a whole number no decimals."""
    return time.partition("T00:00:00")[0].removesuffix(".0")
