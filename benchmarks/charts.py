"""The charts: one function a chart, from the results table to a figure. Needs no Keras: redrawing takes seconds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.figures import (
    DPI,
    INK,
    Estimate,
    Panel,
    dot_figure,
    finish,
    look,
    nothing_to_draw,
    plain_ticks,
    slots,
    spans,
)
from benchmarks.labels import FACETS, facet_labels, usual_sizes
from benchmarks.largest_steps import largest_steps
from benchmarks.peer_chart import has_peers, peers
from benchmarks.summary import (
    MIB,
    better,
    execution_order,
    geometric_interval,
    geometric_mean,
    in_order,
    interval,
    medians,
    pairs,
    scores,
    three_digits,
)
from zoo.drawings import save

INTERVAL = "95% interval (Student's t on logarithms over repeats; none under 3 repeats)"
CALLS = {"train": "one training step", "predict": "predicting one batch"}


def _with_labels(data: pd.DataFrame) -> pd.DataFrame:
    """Add `facet`, the title of a row's panel, and `label`, its line there: the entry, with the steps if they vary."""
    data = in_order(data).reset_index(drop=True)
    data["facet"] = facet_labels(data, FACETS)
    several = data.groupby("facet")["steps"].transform("nunique") > 1
    steps = data["steps"].astype("str") + " steps"
    data["label"] = data["entry"].where(~several, data["entry"] + ", " + steps)
    data["facet"] = data["facet"].where(several, data["facet"] + ", " + steps)
    return data.sort_values(["task", "entry", "steps"], kind="stable", ignore_index=True)


def _timed_panels(data: pd.DataFrame, value: str, axis: str, ratio: bool = False) -> list[Panel]:
    """A panel for training and one for prediction in each facet, with the same lines."""
    panels = []
    phases = [phase for phase in CALLS if phase in set(data["phase"])]
    for facet, rows in data.groupby("facet", sort=False):
        for phase in phases:
            part = rows[rows["phase"] == phase]
            log = ratio or spans(part[value])
            scale = ", log scale" if log and not ratio else ""
            title = f"{CALLS[phase]}\n{facet}"
            line, first = 1.0 if ratio else None, phase == phases[0]
            panels.append(Panel(title, part, slots(rows), value, axis + scale, log, line, named=first))
    return panels


def step_time(table: pd.DataFrame) -> Figure:
    """Time of one training step and of predicting one batch, by entry and execution."""
    title = "Time of a training step and of a prediction"
    data, left_out = usual_sizes(medians(table).dropna(subset=["step_seconds"]))
    if data.empty:
        return nothing_to_draw(table, title, "timings of training or prediction")
    data = _with_labels(data.assign(milliseconds=data["step_seconds"] * 1000))
    panels = _timed_panels(data, "milliseconds", "milliseconds, less is better")
    estimate = Estimate(geometric_mean, geometric_interval, lambda times: f"{three_digits(geometric_mean(times))} ms")
    figure = dot_figure(panels, data["phase"].nunique(), estimate)
    note = (
        f"Small dots: repeats, each a fresh process and the median of its timings. Markers: geometric mean, {INTERVAL}."
        + left_out
    )
    return finish(figure, table, _rows_of(table, data), title, note)


def unrolled_over_looped(table: pd.DataFrame) -> Figure:
    """How many times as long unrolled takes as looped, all else equal, with intervals."""
    title = "Unrolled against looped: how many times as long it takes"
    data, left_out = usual_sizes(pairs(table).query("loop == 'unrolled' and quantity == 'step_seconds'"))
    if data.empty:
        return nothing_to_draw(table, title, "unrolled and looped timed in the same repeat")
    axis = "time of unrolled / time of looped\n← left of 1: unrolled is faster    right of 1: looped is faster →"
    panels = _timed_panels(_with_labels(data), "ratio", axis, ratio=True)
    estimate = Estimate(geometric_mean, geometric_interval, _ratio_and_interval)
    figure = dot_figure(panels, data["phase"].nunique(), estimate, share=True)
    note = (
        "Each execution against the looped one of the same jit. Small dots: ratios within one repeat. "
        f"Markers: geometric mean, {INTERVAL}. An interval across the dashed line shows no difference.{left_out}"
    )
    equal = Line2D([], [], color=INK, linestyle="--", label="equal (1)")
    return finish(figure, table, _rows_of(table, data), title, note, equal)


def accuracy(table: pd.DataFrame) -> Figure:
    """The score of every entry, seed by seed, beside the naive score."""
    title = "Scores on test data"
    data = scores(table)
    if data.empty:
        return nothing_to_draw(table, title, "trained scores")
    data = _with_labels(data)
    panels = []
    for (facet, split, metric), rows in data.groupby(["facet", "split", "metric"], sort=False):
        naive = rows["naive_score"].mean()
        everything = pd.concat([rows["score"], rows["naive_score"]]).dropna()
        direction = better(str(metric))
        log = direction == "lower is better" and spans(everything)
        beside = "" if pd.isna(naive) else f", naive score {three_digits(naive)}"
        heading = f"{split} split{beside}\n{facet}"
        axis = ", ".join(filter(None, [str(metric), direction, "log scale" * log]))
        panels.append(Panel(heading, rows, slots(rows), "score", axis, log, None if pd.isna(naive) else naive))
    estimate = Estimate(pd.Series.mean, None, _mean_and_deviation)
    figure = dot_figure(panels, min(2, len(panels)), estimate)
    naive_line = Line2D([], [], color=INK, linestyle="--", label="naive score")
    return finish(
        figure,
        table,
        data,
        title,
        "Small dots: seeds. Markers: their mean; beside it: mean ± standard deviation over seeds.",
        naive_line,
    )


def _ratio_and_interval(values: pd.Series) -> str:
    low, high = geometric_interval(values)
    return f"{geometric_mean(values):.2f}" + ("" if pd.isna(low) else f"  [{low:.2f}, {high:.2f}]")


def _mean_and_deviation(values: pd.Series) -> str:
    mean = values.mean()
    deviation = f" ± {three_digits(values.std(), like=mean)}" if len(values) > 1 else ""
    return f"{three_digits(mean)}{deviation}"


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
    data = medians(table).query("phase == 'train'")
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
        "timings), with 95% intervals (Student's t; none under 3 repeats)."
    )
    return finish(figure, table, _rows_of(table, data), title, note)


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


def _rows_of(table: pd.DataFrame, drawn: pd.DataFrame) -> pd.DataFrame:
    """The rows of the table that `drawn` was worked out from."""
    rows = table[(table["status"] == "ok") & table["phase"].isin(drawn["phase"].unique())]
    keys = ["entry", "task", "steps", "units", "backend", "execution"]
    return rows.merge(drawn[keys].drop_duplicates(), on=keys)


BY_BACKEND = ("step_time", "unrolled_over_looped")
CHARTS: dict[str, Callable[[pd.DataFrame], Figure]] = {
    "step_time": step_time,
    "unrolled_over_looped": unrolled_over_looped,
    "cost_growth": cost_growth,
    "largest_steps": largest_steps,
    "accuracy": accuracy,
}


def draw_all(table: pd.DataFrame, folder: Path, say: Callable[[str], None] = print) -> list[Path]:
    """Draw every chart as `folder`/<name>.png and return the paths; `say` hears which had nothing to draw.

    A chart without data is written too, in words, so that none from another table is left in its place.

    Raises:
        ZooError: the folder cannot be written.
    """
    paths = []
    wanted = {**CHARTS, "peers": peers} if has_peers(table) else CHARTS  # peers are of a profile of their own
    for name, chart in wanted.items():
        for stem, part in _pictures(name, table).items():
            figure = chart(part)
            paths.append(folder / f"{stem}.png")
            save(figure, paths[-1])
            if not figure.axes:
                say(f"{stem}: nothing to draw (the picture says why)")
    return paths


def _pictures(name: str, table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The pictures of a chart and the rows of each: one a backend, of those with a line an entry."""
    backends = list(dict.fromkeys(table["backend"]))
    if name not in BY_BACKEND or len(backends) < 2:
        return {name: table}
    return {f"{name}-{backend}": table[table["backend"] == backend] for backend in backends}
