"""The chart of the largest number of steps that trains within a limit of memory, by execution."""

from __future__ import annotations

from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from zoo.charts.chart import Chart
from zoo.charts.figures import (
    DPI,
    HEIGHT,
    INK,
    LEAST_HEIGHT,
    WIDTH,
    finish,
    look,
    nothing_to_draw,
    plain_ticks,
    slots,
)
from zoo.charts.labels import SETTINGS, backend_name, setting_words
from zoo.statistics.columns import EXECUTION
from zoo.statistics.growth import LIMIT_BYTES, OF_MEMORY, WITHOUT_STEPS, bound, bounded, most_steps
from zoo.statistics.texts import words

ROW = 0.24  # inches that an execution takes


def largest_steps(table: pd.DataFrame, limit_bytes: int = LIMIT_BYTES) -> Figure:
    """The largest number of steps that trained within the limit, and the smallest that did not, by execution."""
    gib = f"{limit_bytes / 2**30:.2g} GiB"
    title = f"How long a sequence trains under {gib}?"
    bounds = bounded(table, limit_bytes)
    bounds = bounds[bounds["masked"] == "none"]
    of_memory = bounds["failed_status"].isin(OF_MEMORY).groupby([bounds[name] for name in SETTINGS]).transform("any")
    bounds = bounds[of_memory.astype("bool")]
    if bounds.empty:
        needs = f"an execution that out of memory or above {gib} did not train at some number of steps"
        return nothing_to_draw(table, title, needs)
    bounds = _main(bounds)
    bounds["label"] = bounds["entry"]
    facets = list(bounds.groupby("backend", sort=False))
    heights = [len(rows) * ROW for _, rows in facets]
    size = (WIDTH, min(HEIGHT, max(LEAST_HEIGHT, sum(heights) + 0.8 * len(facets) + 1.9)))
    figure = Figure(figsize=size, dpi=DPI, layout="constrained")
    with sns.axes_style("whitegrid"):
        grid = figure.subplots(len(facets), squeeze=False, gridspec_kw={"height_ratios": heights}, sharex=True)
    for axes, (facet, rows) in zip(grid[:, 0], facets, strict=True):
        _draw(axes, backend_name(facet), rows)
    for axes in grid[:, 0]:
        plain_ticks(axes, "x", log=True)
    note = (
        "Markers: the largest number of steps that trained in every repeat with its peak of memory (the whole process, "
        f"first call included) within {gib}. Crosses: the smallest number above it that did not. At the right: both, "
        "and why."
    )
    failed = Line2D([], [], color=INK, marker="x", linestyle="none", label="did not train")
    title = f"Under {gib}, {setting_words(bounds)}: {_answer(bounds)}"
    return finish(figure, table, _rows_of(table, bounds), title, note, failed)


def _main(bounds: pd.DataFrame) -> pd.DataFrame:
    """The bounds of one entry and size: of those with the most executions, lstm's first."""
    counts = bounds.groupby(SETTINGS)["execution"].size().rename("executions").reset_index()
    counts["lstm"] = counts["entry"] == "lstm"
    best = counts.sort_values(["executions", "lstm"], ascending=False, kind="stable").head(1)
    chosen = bounds.merge(best[SETTINGS])
    most = chosen.groupby("backend")["largest_steps"].transform("max")
    return chosen[chosen["failed_steps"].notna() | (2 * chosen["largest_steps"] >= most)]  # else nobody looked for it


def _answer(bounds: pd.DataFrame) -> str:
    """Which execution trains the most steps on each backend."""
    phrases = []
    for backend, rows in bounds.groupby("backend", sort=False):
        trained = rows[rows["largest_steps"].notna()].sort_values("largest_steps", ascending=False, kind="stable")
        if len(trained):
            first = trained.iloc[0]
            phrases.append(f"{first['execution']} {most_steps(first)} steps on {backend_name(backend)}")
    return f"the longest are {words(phrases)}"


def _draw(axes: Axes, facet: str, bounds: pd.DataFrame) -> None:
    looks, places = look(bounds), slots(bounds)
    lines = [(label, execution) for label, executions in places.items() for execution in executions]
    for i, (label, execution) in enumerate(lines):
        row = bounds[(bounds["label"] == label) & (bounds["execution"] == execution)].iloc[0]
        _draw_execution(axes, row, i, looks[execution])
    axes.set(ylim=(len(lines) - 0.5, -0.5), yticks=range(len(lines)), xscale="log")
    axes.set_yticklabels([f"{label}, {execution}" for label, execution in lines])
    axes.margins(x=0.08)
    axes.set_title(facet, loc="left", fontsize=10)
    axes.set_xlabel("steps, log scale, more is better", fontsize=9)
    axes.tick_params(labelsize=9, labelbottom=True)
    axes.grid(axis="y", visible=False)


def _draw_execution(axes: Axes, row: pd.Series, y: float, style: tuple[str, str]) -> None:
    """The marker, the cross and the text of one execution."""
    colour, marker = style
    trained, failed = row["largest_steps"], row["failed_steps"]
    if not pd.isna(trained) and not pd.isna(failed):
        axes.plot([trained, failed], [y, y], color=colour, linewidth=1.2, linestyle=":", zorder=2)
    if not pd.isna(trained):
        axes.plot(trained, y, marker, color=colour, markersize=8, zorder=3)
    if not pd.isna(failed):
        axes.plot(failed, y, "x", color=INK, markersize=7, markeredgewidth=1.8, zorder=3)
    place: dict[str, Any] = {"xytext": (6, 0), "textcoords": "offset points", "va": "center", "annotation_clip": False}
    axes.annotate(bound(row), (1, y), xycoords=("axes fraction", "data"), fontsize=8, color=INK, **place)


def _rows_of(table: pd.DataFrame, bounds: pd.DataFrame) -> pd.DataFrame:
    """The rows of the table that `bounds` was worked out from."""
    rows = table[(table["phase"] == "train") & table["status"].isin(["ok", "out_of_memory", "timeout"])]
    return rows.merge(bounds[[*WITHOUT_STEPS, *EXECUTION]], on=[*WITHOUT_STEPS, *EXECUTION])


CHARTS = (Chart("largest_steps", largest_steps),)
