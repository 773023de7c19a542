"""The chart of architectures of a task: what each earns against what it costs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import seaborn as sns
from adjustText import adjust_text
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

from zoo.charts.chart import Chart, of_parts
from zoo.charts.figures import DPI, GREY, INK, WIDTH, finish, nothing_to_draw, plain_ticks, spans
from zoo.charts.labels import backend_name, fastest_in_words
from zoo.measuring.enough import LEAST_REPEATS
from zoo.statistics.architectures import (
    PLACE,
    TIMED_ON,
    architectures,
    as_good_as_the_best,
    fastest_of_the_best,
)
from zoo.statistics.scores import better
from zoo.statistics.texts import few_words, three_digits

FRONT = "#0173b2"
LEGEND = [
    Line2D([], [], color=FRONT, marker="o", linestyle="none", label="on the front"),
    Line2D([], [], color=GREY, marker="o", linestyle="none", label="not on it"),
]
HEIGHT = 6.4
LEAST_ENTRIES = 3
MOST_ERROR, LEAST_SHARE = 4.0, 0.9
"""Drawn is an error of up to so many times the best one, or a score of so much of the best one."""
ALONG = 6
"""Points of a bar that a name keeps away from."""
MOST_MOVES = 200
"""Of the names, all together. Where 25 stand close, more of them take a minute and part them no better."""
NEEDS = f"{LEAST_ENTRIES} entries of one task with a score and a cost"
NOTE = (
    "Bars: 95% intervals, of the score over seeds and of the ratio over repeats. Blue: the Pareto front; no other "
    "entry is decidedly better in one and as good in the other. Every entry by the recipe that validation chose."
)


def scores_and_costs(table: pd.DataFrame) -> Figure:
    """Score against training time over the reference entry, an entry a point; one task and backend."""
    rows = _main(architectures(table))
    scored = rows[rows["score"].notna()]
    timed = scored[scored["train_ratio"].notna()]
    if len(timed) < LEAST_ENTRIES:
        return nothing_to_draw(table, "What does each architecture earn and cost?", NEEDS)
    figure = Figure(figsize=(WIDTH, HEIGHT), dpi=DPI, layout="constrained")
    with sns.axes_style("whitegrid"):
        axes = figure.subplots()
    metric, first = str(rows["metric"].iloc[0]), rows.iloc[0]
    both = _near_the_best(timed, metric)
    names = _draw(axes, both)
    ends = pd.concat([both["score"], both["score_low"].dropna(), both["score_high"].dropna()])
    log = better(metric).startswith("lower") and spans(ends, 5)
    axes.set(xscale="log", yscale="log" if log else "linear")
    plain_ticks(axes, "x", log=True)
    if log:
        plain_ticks(axes, "y", log=True)
    axes.set_xlabel(f"training time over that of {_reference(rows)}, log scale, less is better", fontsize=9)
    axes.set_ylabel(", ".join(filter(None, [metric, better(metric), "log scale" * log])), fontsize=9)
    axes.legend(handles=LEGEND, loc="best", frameon=True, fontsize=9)
    title = f"{first['task']}, {backend_name(first['backend'])}: {_answer(scored, metric)}"
    beyond = _draw_naive(axes, rows["naive_score"].bfill().iloc[0])
    notes = "\n".join([NOTE + beyond, *_unranked(both), *_left_out(rows), *_far_off(timed.drop(both.index))])
    figure = finish(figure, table, _rows_of(table, rows), title, notes, legend=False)
    _part(names, axes, both)
    return figure


def _main(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of one place and split: those of most entries with both a score and a cost, by the task's own metric."""
    if rows.empty:
        return rows
    keys = [*PLACE, "split", "metric"]
    both = rows["score"].notna() & rows["train_ratio"].notna()
    marks = rows[keys].assign(own=rows["naive_score"].notna(), both=both)  # the own metric alone has a naive score
    numbers = marks.groupby(keys, sort=False, dropna=False).agg(own=("own", "any"), both=("both", "sum"))
    place = numbers.sort_values(["own", "both"], ascending=False, kind="stable").index[0]
    return rows[rows[keys].eq(pd.Series(place, index=keys)).all(axis=1)]


def _near_the_best(timed: pd.DataFrame, metric: str) -> pd.DataFrame:
    """The rows whose score is near that of the best; all of them where fewer than LEAST_ENTRIES are."""
    if better(metric).startswith("lower"):
        near = timed[timed["score"] <= MOST_ERROR * timed["score"].min()]
    else:
        near = timed[timed["score"] >= LEAST_SHARE * timed["score"].max()]
    return near if len(near) >= LEAST_ENTRIES else timed


def _reference(rows: pd.DataFrame) -> str:
    """The entry over which the times of a place are."""
    found = rows["reference"].dropna()
    return str(found.iloc[0]) if len(found) else "the reference entry"


def _unranked(both: pd.DataFrame) -> list[str]:
    """What is drawn and has too few seeds for the title."""
    names = both.loc[both["best_rank"].isna(), "model"].tolist()
    return [f"Under {LEAST_REPEATS} seeds, not in the title: {', '.join(names)}."] if names else []


def _draw(axes: Axes, both: pd.DataFrame) -> list[Text]:
    """Points with their intervals, the front in a colour, and the names of the points, each on its own."""
    names = []
    for _, row in both.iterrows():
        x, y, colour = row["train_ratio"], row["score"], FRONT if row["on_front"] else GREY
        axes.plot([row["train_low"], row["train_high"]], [y, y], color=colour, linewidth=1.4, zorder=2)
        axes.plot([x, x], [row["score_low"], row["score_high"]], color=colour, linewidth=1.4, zorder=2)
        axes.plot(x, y, "o", color=colour, markersize=7, zorder=3)
        names.append(axes.text(x, y, row["model"], fontsize=8.5, color=INK, zorder=4))
    axes.margins(0.12)
    return names


def _draw_naive(axes: Axes, naive: float) -> str:
    """The score of the best naive guess as a dashed line, or in words where it lies beyond the points."""
    if pd.isna(naive):
        return ""
    low, high = axes.get_ylim()
    if low <= naive <= high:
        axes.axhline(naive, color=INK, linewidth=1, linestyle="--", zorder=1)
        return f" Dashed: the best naive guess, {three_digits(naive)}."
    return f" The best naive guess has {three_digits(naive)}, beyond what is drawn."


def _part(names: list[Text], axes: Axes, both: pd.DataFrame) -> None:
    """Move the names off the bars and off each other, where the axes stand for good."""
    axes.figure.draw_without_rendering()
    xs, ys = both["train_ratio"].tolist(), both["score"].tolist()
    for _, row in both.iterrows():
        xs += [*np.linspace(row["train_low"], row["train_high"], ALONG), *[row["train_ratio"]] * ALONG]
        ys += [*[row["score"]] * ALONG, *np.linspace(row["score_low"], row["score_high"], ALONG)]
    known = [(x, y) for x, y in zip(xs, ys, strict=True) if np.isfinite([x, y]).all()]
    if not known:
        return
    x, y = zip(*known, strict=True)
    line = {"arrowstyle": "-", "color": GREY, "linewidth": 0.7}
    adjust_text(
        names, x=x, y=y, ax=axes, expand=(1.2, 1.6), force_text=(0.2, 0.4), iter_lim=MOST_MOVES, arrowprops=line
    )


def _answer(scored: pd.DataFrame, metric: str) -> str:
    """Which entry has the best score and which are as good, among those with a rank if there are any."""
    ranked = scored[scored["best_rank"].notna()]
    best = ranked.iloc[0] if len(ranked) else scored.iloc[0]
    tied = as_good_as_the_best(ranked).iloc[1:]["model"].tolist()
    text = f"{best['model']} has the best {metric}, {three_digits(best['score'])}"
    if not tied:
        return text
    text += f"; next, and not decidedly worse: {few_words(tied)}"
    fastest = fastest_of_the_best(ranked)
    if len(fastest):
        text += f"; of these {fastest_in_words(fastest)}"
    return text


def _left_out(rows: pd.DataFrame) -> list[str]:
    """What has no score, and what has no cost."""
    lines = []
    for column, lacks in (("score", "Timed, not trained"), ("train_ratio", "Trained, not timed")):
        names = rows.loc[rows[column].isna(), "model"].unique().tolist()
        if names:
            lines.append(f"{lacks} at this size: {', '.join(names)}.")
    return lines


def _far_off(rows: pd.DataFrame) -> list[str]:
    """What is too far from the best to be drawn."""
    names = [f"{row['model']} {three_digits(row['score'])}" for _, row in rows.iterrows()]
    return [f"Too far from the best to be drawn: {', '.join(names)}."] if names else []


def _rows_of(table: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Those that the picture is drawn from: timed at its place, or trained anywhere."""
    at = rows[TIMED_ON].iloc[0]
    here = table[TIMED_ON].eq(at).all(axis=1) | table["phase"].eq("accuracy")
    ended = table[(table["status"] == "ok") & here]
    return ended.merge(rows[["entry", "task", "steps", "units"]].drop_duplicates())


def _on_it(table: pd.DataFrame, backend: str) -> pd.Series:
    return table["backend"].eq(backend) | table["phase"].eq("accuracy")


def parts(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The rows of each task and backend in which three entries have both a score and a cost.

    Most entries first, and every task once before any comes again.
    """
    rows = architectures(table)
    both = rows[rows["score"].notna() & rows["train_ratio"].notna()]
    entries = both.groupby(["task", "backend"], sort=False)["entry"].nunique().rename("entries").reset_index()
    entries = entries[entries["entries"] >= LEAST_ENTRIES].sort_values("entries", ascending=False, kind="stable")
    turn = entries.groupby("task").cumcount().sort_values(kind="stable").index
    return {
        f"{task}-{backend}": table[table["task"].eq(task) & _on_it(table, backend)]
        for task, backend in entries.loc[turn, ["task", "backend"]].itertuples(index=False)
    }


CHARTS = (Chart("architectures", scores_and_costs, of_parts(scores_and_costs, parts)),)
