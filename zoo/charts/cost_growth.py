"""The chart of cost against the number of steps."""

from __future__ import annotations

from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from zoo.charts.chart import Chart
from zoo.charts.figures import DPI, INK, finish, look, nothing_to_draw, plain_ticks, spans
from zoo.charts.labels import FACETS, facet_labels
from zoo.charts.timed import rows_of
from zoo.statistics.columns import MIB, REPEAT, execution_order, in_order
from zoo.statistics.intervals import geometric_interval, geometric_mean, interval
from zoo.statistics.ratios import medians

GROWTH = {
    "first_call_seconds": ("first training call\n(compilation included)", "seconds", 1.0, True),
    "step_seconds": ("one training step", "milliseconds", 1000.0, True),
    "compile_over_floor_bytes": ("memory peak of the first call,\nover a one-Dense model", "MiB", 1 / MIB, False),
    "step_over_floor_bytes": ("memory peak of later calls,\nover a one-Dense model", "MiB", 1 / MIB, False),
}
"""What grows with the number of steps: its column, title, unit, factor to the unit, whether it is a time."""


def cost_growth(table: pd.DataFrame) -> Figure:
    """First call, step time and memory of training against the number of steps, by execution."""
    title = "How the cost of training grows with the number of steps"
    data = medians(table, REPEAT).query("phase == 'train'")
    if not data.empty:
        data = in_order(data)
        data["facet"] = data["entry"] + " on " + facet_labels(data, FACETS)
        data = data[data.groupby("facet")["steps"].transform("nunique") > 1]
    if data.empty:
        return nothing_to_draw(table, title, "an entry that was trained at two or more numbers of steps")
    facets = list(data.groupby("facet", sort=False))
    figure = Figure(figsize=(15, 3.4 * len(facets) + 1.6), dpi=DPI, layout="constrained")
    with sns.axes_style("whitegrid"):
        grid = figure.subplots(len(facets), len(GROWTH), squeeze=False)
    for row, (facet, rows) in zip(grid, facets, strict=True):
        for axes, column in zip(row, GROWTH, strict=True):
            _draw_growth(axes, rows, column)
        _head(row[0], str(facet))
    note = (
        "Markers: geometric mean of times, mean of memory, over repeats (each a fresh process, the median of its "
        "blocks), with 95% intervals (Student's t; none under 3 repeats)."
    )
    return finish(figure, table, rows_of(table, data), title, note)


def _head(axes: Axes, text: str) -> None:
    """Write `text` above the title of the leftmost axes of a row, across the whole row."""
    axes.set_title(f" \n \n{axes.get_title(loc='left')}", loc="left", fontsize=10)  # empty lines keep its place
    where: dict[str, Any] = {"xytext": (0, 40), "textcoords": "offset points", "xycoords": "axes fraction"}
    # Out of the layout, which would otherwise widen the axes to the text.
    axes.annotate(text, (0, 1), fontsize=11, fontweight="bold", **where).set_in_layout(False)


def _draw_growth(axes: Axes, rows: pd.DataFrame, column: str) -> None:
    heading, unit, factor, is_time = GROWTH[column]
    looks, order = look(rows), execution_order(rows)
    shown = rows.assign(value=rows[column] * factor).dropna(subset=["value"])
    axes.set_title(heading, loc="left", fontsize=10)
    if shown.empty:
        axes.set(xlabel="steps", xticks=[], yticks=[])
        axes.text(0.5, 0.5, "not measured", ha="center", transform=axes.transAxes, color=INK)
        return
    log = spans(shown["value"], 5 if is_time else 20)
    sns.lineplot(
        data=shown,
        x="steps",
        y="value",
        hue="execution",
        hue_order=order,
        palette={name: looks[name][0] for name in order},
        style="execution",
        style_order=order,
        markers={name: looks[name][1] for name in order},
        dashes=False,
        markersize=7,
        estimator=geometric_mean if is_time else "mean",
        errorbar=geometric_interval if is_time else interval,
        err_style="bars",
        legend=False,
        ax=axes,
    )
    axes.set_xscale("log")  # only now: on a scale of logarithms seaborn would hand logarithms to the estimator
    if log:
        axes.set_yscale("log")
    axes.set_xlabel("steps, log scale", fontsize=9)
    axes.set_ylabel(unit + ", log scale" * log, fontsize=9)
    axes.tick_params(labelsize=9)
    plain_ticks(axes, "y", log)
    axes.set_xticks(_apart(sorted(rows["steps"].unique())), minor=False)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xticks([], minor=True)


def _apart(values: list[int], most: int = 7) -> list[int]:
    """Those of the sorted values whose labels do not touch on a logarithmic axis: at most so many, evenly apart."""
    factor = (values[-1] / values[0]) ** (1 / most)
    kept = values[:1]
    for value in values:
        if value > kept[-1] and value >= factor * kept[-1]:
            kept.append(value)
    return kept


CHARTS = (Chart("cost_growth", cost_growth),)
