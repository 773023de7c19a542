"""The chart of every arm: what one call takes on each library and execution, at each size."""

from __future__ import annotations

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from zoo.charts.chart import Chart
from zoo.charts.figures import DPI, INK, finish, nothing_to_draw, plain_ticks
from zoo.statistics.columns import PEERS, REPEAT
from zoo.statistics.gains import SIZE
from zoo.statistics.ratios import medians
from zoo.statistics.texts import three_digits

ROW = 0.25  # inches
COLOURS = {"tensorflow": "#de8f05", "jax": "#0173b2", "torch": "#029e73"}
TITLE = "What one call takes: Keras, the zoo's executions, and their peers"
CALLS = {"train": "a training step", "predict": "predicting a batch"}
NOTE = (
    "Small dots: the median of a repeat, each a fresh process. Large ones: the median over repeats, written beside. "
    "Upright bars: the floor, what the same path takes for a one-Dense model. Left is faster."
)


def has_peers(table: pd.DataFrame) -> bool:
    """Whether the table holds what is drawn here."""
    return bool(table["runner"].isin(PEERS).any())


def every_arm(table: pd.DataFrame) -> Figure:
    """A panel a size and phase, fastest first."""
    times = medians(table, REPEAT)
    times = times.merge(times[times["runner"].isin(PEERS)][SIZE].drop_duplicates(), on=SIZE)
    if times.empty:
        return nothing_to_draw(table, TITLE, "bare torch or JAX, or ONNX Runtime, which the profile peers measures")
    times["milliseconds"] = times["step_seconds"] * 1000
    times["line"] = times["backend"].where(times["runner"] == "keras", "") + " " + times["execution"]
    times["line"] = times["line"].str.strip()
    sizes = list(times.groupby(SIZE, sort=False))
    heights = [max(1, part["line"].nunique()) * ROW + 0.6 for _, part in sizes]
    figure = Figure(figsize=(13, sum(heights) + 1.4), dpi=DPI, layout="constrained")
    with sns.axes_style("whitegrid"):
        grid = figure.subplots(len(sizes), len(CALLS), squeeze=False, gridspec_kw={"height_ratios": heights})
    for row, (size, part) in zip(grid, sizes, strict=True):
        entry, _, batch, steps, _, units = size
        for axes, (phase, call) in zip(row, CALLS.items(), strict=True):
            _draw(axes, part[part["phase"] == phase])
            axes.set_title(f"{entry} {units}, {steps} steps, batch {batch}: {call}", loc="left", fontsize=10)
    shown = {name: colour for name, colour in COLOURS.items() if (times["backend"] == name).any()}
    handles = [Line2D([], [], color=c, marker="o", linestyle="none", label=name) for name, c in shown.items()]
    finish(figure, table, times.iloc[:0], TITLE, NOTE)
    figure.legend(handles=handles, loc="outside right upper", title="backend", alignment="left", frameon=False)
    return figure


def _draw(axes: Axes, part: pd.DataFrame) -> None:
    order = part.groupby("line")["milliseconds"].median().sort_values()
    for y, (line, middle) in enumerate(order.items()):
        rows = part[part["line"] == line]
        colour = COLOURS.get(str(rows["backend"].iloc[0]), INK)
        floor = float(rows["trainer_floor_seconds"].median()) * 1000
        if np.isfinite(floor):
            axes.plot([floor, floor], [y - 0.35, y + 0.35], color=colour, linewidth=2.5, alpha=0.35)
        axes.plot(rows["milliseconds"], [y] * len(rows), "o", color=colour, markersize=3, alpha=0.6)
        axes.plot(middle, y, "o", color=colour, markersize=7)
        axes.annotate(
            three_digits(middle),
            (1, y),
            xycoords=("axes fraction", "data"),
            fontsize=8,
            color=INK,
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
        )
    axes.set(xscale="log", ylim=(max(len(order), 1) - 0.5, -0.5), yticks=range(len(order)))
    axes.set_yticklabels(list(map(str, order.index)))
    axes.set_xlabel("ms, log scale", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.grid(axis="y", visible=False)
    axes.margins(x=0.06)
    if len(order):
        plain_ticks(axes, "x", log=True)


CHARTS = (Chart("peers", every_arm, wanted=has_peers),)
