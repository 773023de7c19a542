"""The picture of a forecast: the last stretch of each series, what follows, and its interval."""

from __future__ import annotations

import textwrap

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from zoo.charts.figures import DPI, INK, WIDTH
from zoo.drawings import GIVEN, MADE
from zoo.forecasts.forecast import Forecast

MOST_SERIES = 6
SHOWN_BEFORE = 4
"""So many times the horizon is shown of the past, and 40 rows at least."""


@mpl.rc_context({"text.parse_math": False})  # a "$" of the user's is a dollar
def draw_forecast(made: Forecast, backtest: bool = False) -> Figure:
    """One panel a series, the first six; with `backtest` the last stretch, forecast before it came."""
    rows = made.backtest if backtest else made.rows
    names = list(made.history)[:MOST_SERIES]
    figure = Figure(figsize=(WIDTH, 3.2 + 1.7 * (len(names) - 1)), dpi=DPI, layout="constrained")
    with sns.axes_style("whitegrid"):
        all_axes = figure.subplots(len(names), 1, squeeze=False)[:, 0]
    for axes, name in zip(all_axes, names, strict=True):
        _draw(axes, made, name, rows[rows[made.id] == name] if made.id else rows)
        axes.set_ylabel(made.target, fontsize=9)
        if name:
            axes.set_title(name, loc="left", fontsize=10)
    all_axes[0].legend(loc="upper left", fontsize=9, frameon=True)
    figure.suptitle(_title(made, rows, backtest), x=0.01, ha="left", fontsize=12.5, fontweight="bold")
    left = len(made.history) - len(names)
    notes = [*made.notes, *([f"{left} more series are in the table."] if left else [])]
    text = "\n".join(textwrap.fill(line, int(WIDTH * 15)) for line in notes)
    figure.supxlabel(text, x=0.01, ha="left", fontsize=8, color=INK, linespacing=1.4)
    return figure


def _draw(axes: Axes, made: Forecast, name: str, rows: pd.DataFrame) -> None:
    times, values = made.history[name]
    when = rows[made.time].to_numpy()
    first = int(np.searchsorted(times, when[0])) if len(rows) else len(times)
    shown = slice(max(0, first - max(40, SHOWN_BEFORE * len(rows))), first + len(rows))
    axes.plot(times[shown], values[shown], color=GIVEN, linewidth=1.3, label="data")
    axes.plot(when, rows["forecast"], color=MADE, linewidth=1.8, marker="o" if len(rows) < 3 else "", label="forecast")
    interval = f"{100 * made.level:g}% interval"
    axes.fill_between(when, rows["low"], rows["high"], color=MADE, alpha=0.2, linewidth=0, label=interval)


def _title(made: Forecast, rows: pd.DataFrame, backtest: bool) -> str:
    count = len(rows) // max(1, len(made.history))
    if backtest:
        held = (
            ""
            if np.isnan(made.held)
            else f": {100 * made.level:g}% intervals held {made.held:.0%} of the rows held back"
        )
        return f"{made.target}, the last {count} rows as they were forecast{held}"
    return f"{made.target}, the next {count} rows"
