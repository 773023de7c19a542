"""The chart of executions at each size: how many times as long each takes as the fastest one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, LogNorm
from matplotlib.figure import Figure

from zoo.charts.chart import Chart
from zoo.charts.figures import DPI, GREY, HEIGHT, INK, LEAST_HEIGHT, WIDTH, finish, nothing_to_draw
from zoo.charts.labels import fastest_words, place_name, rows_of, setting_words
from zoo.statistics.columns import execution_order
from zoo.statistics.executions import by_size, winners
from zoo.statistics.texts import three_digits

ROW, HEAD = 0.42, 2.3  # inches of a size, and of all else
MOST = 4.0
"""Ratios from here on have the darkest colour."""
COLOURS = sns.color_palette("YlOrBr", 64)[:44]
"""Light to dark, without what a dark text could not be read on."""
NOTE = (
    "Green: the fastest execution of its row and backend. Grey: tied with it, not decidedly slower when corrected for "
    "every cell. Else: how many times as long a training step takes."
)
ROUGHLY, WHY, BLANK = " ≈: under 3 repeats.", " Words: why there is no time.", " Blank: not measured."
STOCK = " On TensorFlow with a CPU looped is the program of Keras' stock layer too."
FASTEST = "#8fd3c1"
NEEDS = "two executions that were trained at one size"


def executions(table: pd.DataFrame) -> Figure:
    """A panel a backend: numbers of steps × executions, each the training time over that of the fastest."""
    rows = by_size(table)
    if rows.empty or rows.loc[rows["timed"], "execution"].nunique() < 2:
        return nothing_to_draw(table, "Which execution is the fastest?", NEEDS)
    places, parts = zip(*rows.groupby(["backend", "device"], sort=False), strict=True)
    steps = sorted(rows["steps"].unique())
    columns = [part["execution"].nunique() for part in parts]
    height = min(HEIGHT, max(LEAST_HEIGHT, len(steps) * ROW + HEAD))
    figure = Figure(figsize=(WIDTH, height), dpi=DPI, layout="constrained")
    grid = figure.subplots(1, len(parts), squeeze=False, gridspec_kw={"width_ratios": columns})[0]
    for axes, (backend, device), part in zip(grid, places, parts, strict=True):
        _draw(axes, part, steps)
        axes.set_title(place_name(backend, device), loc="left", fontsize=11)
    title = f"Training {setting_words(rows)}: {_answer(rows)}"
    return finish(
        figure,
        table.drop(_in_words(table, rows).index),
        rows_of(table, rows[rows["timed"]]),
        title,
        _note(rows, len(steps)),
        legend=False,
    )


def _in_words(table: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of the table without a time that stand in the chart, as words."""
    keys = ["entry", "task", "steps", "units", "batch", "backend", "execution"]
    words = pd.MultiIndex.from_frame(rows.loc[~rows["timed"], keys].astype("str"))
    return table[table["status"].ne("ok") & pd.MultiIndex.from_frame(table[keys].astype("str")).isin(words)]


def _note(rows: pd.DataFrame, lengths: int) -> str:
    """What the colours are, and the signs that occur."""
    texts = [_text(row) for _, row in rows.iterrows()]
    arms = rows[["backend", "device", "execution"]].drop_duplicates()
    signs = {
        ROUGHLY: any(text.startswith("≈") for text in texts),
        WHY: any(text[:1].isalpha() for text in texts),
        STOCK: bool((rows["backend"].eq("tensorflow") & rows["device"].eq("cpu")).any()),
        BLANK: len(rows.drop_duplicates(["backend", "device", "execution", "steps"])) < len(arms) * lengths,
    }
    return NOTE + "".join(sign for sign, occurs in signs.items() if occurs)


def _answer(rows: pd.DataFrame) -> str:
    """For each backend the execution that is the fastest or tied with it, from length to length."""
    won = winners(rows, least_lengths=1)
    if won.empty:
        return "under 3 repeats, which name no winner"
    return f"the fastest, or tied with it, is {fastest_words(won)}"


def _draw(axes: Axes, part: pd.DataFrame, steps: Sequence[int]) -> None:
    order = [name for name in execution_order(part) if name in set(part["execution"])]
    part = part.assign(text=[_text(row) for _, row in part.iterrows()], best=part["execution"].eq(part["fastest"]))

    def cells(column: str) -> pd.DataFrame:
        shown = part.drop_duplicates(["steps", "execution"]).pivot(index="steps", columns="execution", values=column)
        return shown.reindex(index=list(steps), columns=order)

    ratios, labels = cells("ratio").astype("float64"), cells("text").fillna("")
    best = cells("best").eq(True)
    ties = cells("tie").eq(True) & ~best
    style = {"cbar": False, "linewidths": 1.5, "linecolor": "white", "ax": axes}
    palette = ListedColormap(COLOURS)
    slower = ratios.notna() & ~ties & ~best
    if slower.any(axis=None):
        sns.heatmap(ratios.clip(1, MOST), mask=~slower, cmap=palette, norm=LogNorm(1, MOST), **style)
    for mask, colour in ((ties, GREY), (best, FASTEST)):
        if mask.any(axis=None):
            sns.heatmap(ratios, mask=~mask, cmap=ListedColormap([colour]), **style)
    for y in range(len(labels)):
        for x, text in enumerate(labels.iloc[y]):
            small = not text[:1].isdigit()
            axes.text(
                x + 0.5,
                y + 0.5,
                text.replace(" ", "\n"),
                ha="center",
                va="center",
                color=INK,
                fontsize=7 if small else 9,
            )
    axes.set_xticks(np.arange(len(order)) + 0.5, [_two_lines(name) for name in order], rotation=0, fontsize=8)
    place = axes.get_subplotspec()
    first = place is None or place.is_first_col()
    names = [f"{number:,}" if first else "" for number in steps]
    axes.set_yticks(np.arange(len(steps)) + 0.5, names, rotation=0, fontsize=9)
    axes.set(xlabel="", ylabel="steps" if first else "")
    axes.tick_params(length=0)
    axes.xaxis.tick_top()


def _two_lines(name: str) -> str:
    """Each name has two lines, so that the titles above stand at one height."""
    return name.replace("+", "\n+") if "+" in name else f"\n{name}"


def _text(row: pd.Series) -> str:
    if pd.isna(row["ratio"]):
        return str(row["ended"])
    figure = three_digits(row["ratio"]) if row["ratio"] >= 9.995 else f"{row['ratio']:.2f}"
    return figure if not pd.isna(row["low"]) or row["ratio"] == 1 else f"≈{figure}"


CHARTS = (Chart("executions", executions),)
