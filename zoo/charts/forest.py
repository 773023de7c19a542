"""The chart of one entry's executions over the stock layer: time, first call, memory and when it has paid."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from zoo.charts.chart import Chart
from zoo.charts.figures import (
    DPI,
    GREY,
    HEIGHT,
    INK,
    LEAST_HEIGHT,
    WIDTH,
    finish,
    look,
    nothing_to_draw,
    plain_ticks,
)
from zoo.charts.labels import CALLS, SETTINGS, backend_name, of_entries, rows_of, setting_words
from zoo.measuring.enough import LEAST_REPEATS
from zoo.statistics.break_even import break_even
from zoo.statistics.columns import MIB, REPEAT, execution_order
from zoo.statistics.favourite import SHORT_SEQUENCE
from zoo.statistics.ratios import medians, ratios
from zoo.statistics.stock import STOCK
from zoo.statistics.texts import three_digits, whole, words
from zoo.statistics.verdicts import FASTER, TOO_FEW, UNDECIDED

ROW, HEAD = 0.2, 1.9  # inches of an execution, and of all else
MOST_LINES = 30
PLACE = [*SETTINGS, "backend", "device"]
"""What the rows of one picture share."""
COLUMNS = {55: "first call", 115: "memory", 180: "paid after"}
"""Points to the right of the axes, and what stands there."""
NEEDS = "an execution that took turns with the stock layer of its entry"
NOTE = (
    "Times over that of the first line of each length: the Keras layer as a tutorial writes it, or the same program. "
    "Bars: 95% intervals over repeats; left of 1 is faster. Grey: undecided, or under 3 repeats. First call: with "
    "compilation. Memory: peak of training over a one-Dense model. Paid after: so many training steps make up for the "
    "longer first call."
)


def forest(table: pd.DataFrame) -> Figure:
    """Training and prediction of each execution over stock, by the number of steps; of the first entry and backend."""
    for rows in _of_entries(table).values():
        return _forest(table, rows, table)
    return nothing_to_draw(table, "How much faster than the stock layer?", NEEDS)


def forests(table: pd.DataFrame) -> dict[str, Callable[[], Figure]]:
    """A picture of each entry and backend on which two arms or more took turns with the stock layer."""
    arms = ["steps", "execution"]
    several = {name: rows for name, rows in _of_entries(table).items() if len(rows.drop_duplicates(arms)) > 1}
    return {
        name: partial(_forest, table, rows, table.merge(rows[PLACE].drop_duplicates()))
        for name, rows in several.items()
    }


def _of_entries(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    return of_entries(ratios(table, STOCK, quantities=("step_seconds",)))


def _forest(table: pd.DataFrame, rows: pd.DataFrame, about: pd.DataFrame) -> Figure:
    """The picture of one entry and backend; its footer says what of the table `about` is not drawn."""
    rows = _chosen(rows)
    lines = _lines(rows)
    figure = Figure(
        figsize=(WIDTH, min(HEIGHT, max(LEAST_HEIGHT, len(lines) * ROW + HEAD))), dpi=DPI, layout="constrained"
    )
    with sns.axes_style("whitegrid"):
        train, predict = figure.subplots(1, 2, sharey=True)
    for axes, phase in ((train, "train"), (predict, "predict")):
        _draw(axes, rows[rows["phase"] == phase], lines)
        axes.set_title(f"time of {CALLS[phase]} over stock", loc="left", fontsize=10)
    _name_lines(train, lines)
    _add_costs(predict, table, rows, lines)
    backend = backend_name(rows["backend"].iloc[0])
    title = f"{backend}, {setting_words(rows)}: {_answer(rows)}"
    return finish(figure, about, rows_of(about, rows), title, NOTE, legend=False)


def _chosen(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of as many numbers of steps as fit, evenly chosen, in order; that of a short sequence among them."""
    order = execution_order(rows)
    lines = rows[["steps", "execution"]].drop_duplicates().groupby("steps").size()
    while len(lines) > 1 and lines.sum() > MOST_LINES:
        short = int(np.abs(lines.index.to_numpy() - SHORT_SEQUENCE).argmin())
        lines = lines.iloc[short % 2 :: 2] if len(lines) > 3 else lines.iloc[:-1]
    rows = rows[rows["steps"].isin(lines.index)].assign(place=rows["execution"].map(order.index))
    return rows.sort_values(["steps", "place"], kind="stable", ignore_index=True)


def _lines(rows: pd.DataFrame) -> pd.DataFrame:
    """Of each number of steps the stock layer, which has costs alone, and the executions over it."""
    stock = rows[["steps", "baseline"]].rename(columns={"baseline": "execution"})
    lines = pd.concat([stock, rows[["steps", "execution"]]]).drop_duplicates()
    return lines.sort_values("steps", kind="stable", ignore_index=True)


def _answer(rows: pd.DataFrame) -> str:
    """The largest decided gain of training by an execution of Keras; where there is none, that of one without Keras."""
    train = rows[rows["phase"] == "train"]
    if train.empty:
        return "training was not timed"
    train = train[train["verdict"] != TOO_FEW]
    if train.empty:
        return f"under {LEAST_REPEATS} repeats, which decide nothing"
    every = train[train["verdict"] == FASTER].sort_values("ratio", kind="stable")
    sizes = [f"{steps:,}" for steps in sorted(train["steps"].unique())]
    train, faster = train[train["runner"] == "keras"], every[every["runner"] == "keras"]
    if faster.empty:
        none = f"no execution of Keras trains decidedly faster than stock at {words(sizes)} steps"
        if every.empty:
            return none
        bare = every.iloc[0]
        where = f" at {bare['steps']:,} steps" if len(sizes) > 1 else ""
        return f"{none}; {bare['execution']}, without Keras, takes {three_digits(bare['ratio'])} of its time{where}"
    best = faster.iloc[0]
    lengths = [f"{steps:,}" for steps in sorted(faster["steps"].unique())]
    times = (
        f"{best['execution']} trains {three_digits(1 / best['ratio'])} times as fast as stock at {best['steps']} steps"
    )
    number = train["steps"].nunique()
    if number == 1:
        return times
    return f"{times}; at {words(lengths)} steps, of {number} lengths, some execution is decidedly faster"


def _draw(axes: Axes, rows: pd.DataFrame, lines: pd.DataFrame) -> None:
    looks = look(rows) if len(rows) else {}
    places = {(steps, execution): y for y, (steps, execution) in enumerate(lines.itertuples(index=False))}
    for _, row in rows.iterrows():
        y = places[row["steps"], row["execution"]]
        colour, marker = looks[row["execution"]]
        colour = GREY if row["verdict"] in (UNDECIDED, TOO_FEW) else colour
        axes.plot([row["low"], row["high"]], [y, y], color=colour, linewidth=1.8, solid_capstyle="butt")
        axes.plot(row["ratio"], y, marker, color=colour, markersize=6)
    axes.axvline(1, color=INK, linestyle="--", linewidth=1.2, zorder=1)
    axes.set(ylim=(len(lines) - 0.4, -0.6), xscale="log")
    low, high = axes.get_xlim()
    axes.set_xlim(min(low, 0.8), max(high, 1.25))
    axes.set_xlabel("← faster than stock    slower →", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.grid(axis="y", visible=False)
    plain_ticks(axes, "x", log=True)


def _name_lines(axes: Axes, lines: pd.DataFrame) -> None:
    """Names of the lines, the number of steps at the first of each, and thin lines between."""
    first = ~lines["steps"].duplicated()
    rows = zip(lines["steps"], lines["execution"], first, strict=True)
    names = [f"{steps:,} steps   {name}" if is_first else name for steps, name, is_first in rows]
    axes.set_yticks(range(len(lines)), names, fontsize=8)
    for other in axes.figure.axes:
        for y in np.flatnonzero(first)[1:]:
            other.axhline(y - 0.5, color="#cccccc", linewidth=0.8, zorder=0)


def _add_costs(axes: Axes, table: pd.DataFrame, rows: pd.DataFrame, lines: pd.DataFrame) -> None:
    """First call, memory and break-even of each line, as columns of text at the right."""
    of_rows = rows[PLACE].drop_duplicates()
    mine = medians(table, REPEAT).query("phase == 'train' and masked == 'none'").merge(of_rows)
    costs = mine.groupby(["steps", "execution"])[["first_call_seconds", "step_over_floor_bytes"]].median()
    paid = break_even(table, STOCK).query("verdict == 'after' and masked == 'none'").merge(of_rows)
    steps = paid.groupby(["steps", "execution"])["break_even_steps"].median()
    for x, name in COLUMNS.items():
        _write(axes, name, x, -0.9, va="bottom", fontweight="bold")
        for y, key in enumerate(lines.itertuples(index=False, name=None)):
            _write(axes, _cost(name, key, costs, steps), x, y, va="center")


def _write(axes: Axes, text: str, x: int, y: float, **style: Any) -> None:
    """Write to the right of the axes, `x` points away, beside the line `y`."""
    where: dict[str, Any] = {"xytext": (x, 0), "textcoords": "offset points", "xycoords": ("axes fraction", "data")}
    axes.annotate(text, (1, y), ha="right", fontsize=8, color=INK, annotation_clip=False, **where, **style)


def _cost(name: str, key: tuple[int, str], costs: pd.DataFrame, paid: pd.Series) -> str:
    if name == "paid after":
        return whole(np.ceil(round(paid[key], 6))) if key in paid.index else ""
    if key not in costs.index:
        return ""
    seconds, peak = costs["first_call_seconds"][key], costs["step_over_floor_bytes"][key]
    if name == "first call":
        return "" if pd.isna(seconds) else f"{three_digits(seconds)} s"
    return "" if pd.isna(peak) else f"{whole(peak / MIB)} MiB"


CHARTS = (Chart("over_stock", forest, forests),)
