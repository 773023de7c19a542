"""The chart of cost against the number of steps."""

from __future__ import annotations

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from zoo.charts.chart import Chart, of_parts
from zoo.charts.figures import DPI, HEIGHT, INK, WIDTH, finish, look, nothing_to_draw, plain_ticks, spans
from zoo.charts.labels import backend_name, of_entries, rows_of, setting_words
from zoo.execution import NORMAL_JIT
from zoo.statistics.columns import MIB, REPEAT, execution_order, in_order
from zoo.statistics.growth import times_of_one_run
from zoo.statistics.intervals import geometric_interval, geometric_mean, interval
from zoo.statistics.ratios import medians
from zoo.statistics.texts import three_digits, words

MOST_FACTORS = 2
"""So many executions are in a title that tells how they grow."""
GROWTH = {
    "first_call_seconds": ("first training call\n(compilation included)", "seconds", 1.0, True),
    "step_seconds": ("one training step", "milliseconds", 1000.0, True),
    "compile_over_floor_bytes": ("memory peak of the first call,\nover a one-Dense model", "MiB", 1 / MIB, False),
    "step_over_floor_bytes": ("memory peak of later calls,\nover a one-Dense model", "MiB", 1 / MIB, False),
}
"""What grows with the number of steps: its column, title, unit, factor to the unit, whether it is a time."""


def cost_growth(table: pd.DataFrame) -> Figure:
    """First call, step time and memory of training against the number of steps, by execution; for one entry."""
    data = medians(table, REPEAT).query("phase == 'train' and masked == 'none'")
    data = _grown(data) if len(data) else data
    if data.empty:
        needs = "an entry that was trained at two or more numbers of steps"
        return nothing_to_draw(table, "How does the cost of training grow with the number of steps?", needs)
    figure = Figure(figsize=(WIDTH, HEIGHT), dpi=DPI, layout="constrained")
    with sns.axes_style("whitegrid"):
        grid = figure.subplots(2, 2)
    for axes, column in zip(grid.flat, GROWTH, strict=True):
        _draw_growth(axes, data, column)
    note = (
        "Markers: geometric mean of times, mean of memory, over repeats (each a fresh process, the median of its "
        "blocks), with 95% intervals (Student's t; none under 3 repeats). Times are those of one run, counted below: a "
        "machine's pace differs from day to day. Memory is that of every run."
    )
    title = f"{backend_name(data['backend'].iloc[0])}, {setting_words(data)}: {_answer(data)}"
    return finish(figure, table, rows_of(table, times_of_one_run(data)), title, note)


def _grown(data: pd.DataFrame) -> pd.DataFrame:
    """The rows of one entry and backend at several numbers of steps, of the executions in the run of its times."""
    parts = of_entries(data)
    first = next((part for part in parts.values() if part["steps"].nunique() > 1), data.iloc[:0])
    if first.empty:
        return first
    return in_order(first[first["execution"].isin(times_of_one_run(first)["execution"])])


def _answer(data: pd.DataFrame) -> str:
    """How an unrolled loop's first call compares with the loop's, at the fewest and the most steps of both.

    Where none was timed it is how the time of training grows, of the executions that grow most.
    """
    normal = bool(NORMAL_JIT[data["backend"].iloc[0]])
    data = times_of_one_run(data)
    for jit in (normal, not normal):
        arms = data[data["jit"].astype(bool) == jit]
        by_steps = arms.groupby(["loop", "steps"])["first_call_seconds"].median()
        over = (by_steps.get("unrolled", by_steps[:0]) / by_steps.get("looped", by_steps[:0])).dropna()
        if len(over) > 1:
            few, most = over.index.min(), over.index.max()
            at_few, at_most = (three_digits(over[steps]) for steps in (few, most))
            return f"unrolled's first call takes {at_few} times the loop's at {few:,} steps, {at_most} at {most:,}"
    timed = data.dropna(subset=["step_seconds"])
    times = timed.pivot_table(index="execution", columns="steps", values="step_seconds", aggfunc=geometric_mean)
    numbers = times.count(axis=1)
    if times.empty or numbers.max() < 2:
        return "no execution has a time of training at two lengths"
    lengths = times.columns[times.count() > 1]  # of two executions, which a reader compares
    if len(lengths) < 2 or times[[lengths[0], lengths[-1]]].dropna().empty:
        lengths = times.loc[str(numbers.idxmax())].dropna().index  # of the execution at the most of them
    few, most = lengths[0], lengths[-1]
    factors = (times[most] / times[few]).dropna().nlargest(MOST_FACTORS)
    grown = [f"{three_digits(factor)} times with {execution}" for execution, factor in factors.items()]
    return f"from {few:,} to {most:,} steps the time of training grows {words(grown)}"


def _draw_growth(axes: Axes, rows: pd.DataFrame, column: str) -> None:
    heading, unit, factor, is_time = GROWTH[column]
    looks, order = look(rows), execution_order(rows)
    rows = times_of_one_run(rows) if is_time else rows
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
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set_xticks([], minor=True)


def _apart(values: list[int], most: int = 7) -> list[int]:
    """Those of the sorted values whose labels do not touch on a logarithmic axis: at most so many, evenly apart."""
    factor = (values[-1] / values[0]) ** (1 / most)
    kept = values[:1]
    for value in values:
        if value > kept[-1] and value >= factor * kept[-1]:
            kept.append(value)
    return kept


def parts(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The rows of the entry at the most numbers of steps, on each backend; those of others stand in the tables."""
    grown = {name: rows for name, rows in of_entries(table).items() if rows["steps"].nunique() > 1}
    first = next(iter(grown.values()), table)["entry"].iloc[:1].tolist()
    return {name: rows for name, rows in grown.items() if rows["entry"].iloc[0] in first}


CHARTS = (Chart("cost_growth", cost_growth, of_parts(cost_growth, parts)),)
