"""The chart of architectures of a task: what each earns against what it costs."""

from __future__ import annotations

import pandas as pd
import seaborn as sns
from adjustText import adjust_text
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

from zoo.charts.chart import Chart
from zoo.charts.figures import DPI, GREY, INK, WIDTH, finish, nothing_to_draw, plain_ticks, spans, words
from zoo.charts.labels import backend_name
from zoo.statistics.architectures import PLACE, architectures, fastest_of_the_best
from zoo.statistics.scores import better
from zoo.statistics.texts import three_digits

FRONT = "#0173b2"
LEGEND = [
    Line2D([], [], color=FRONT, marker="o", linestyle="none", label="on the front"),
    Line2D([], [], color=GREY, marker="o", linestyle="none", label="not on it"),
]
HEIGHT = 6.4
LEAST_ENTRIES = 3
NEEDS = f"{LEAST_ENTRIES} entries of one task with a trained score"
NOTE = (
    "Bars: 95% intervals, of the score over seeds and of the ratio over repeats. Blue: the Pareto front; no other "
    "entry is decidedly better in one and as good in the other. Every entry by the recipe that validation chose."
)


def scores_and_costs(table: pd.DataFrame) -> Figure:
    """Score against training time over the reference entry, an entry a point; one task and backend."""
    rows = _main(architectures(table))
    scored = rows[rows["score"].notna()]
    if len(scored) < LEAST_ENTRIES:
        return nothing_to_draw(table, "What does each architecture earn and cost?", NEEDS)
    figure = Figure(figsize=(WIDTH, HEIGHT), dpi=DPI, layout="constrained")
    with sns.axes_style("whitegrid"):
        axes = figure.subplots()
    both = scored[scored["train_ratio"].notna()]
    names = _draw(axes, both)
    metric, first = str(rows["metric"].iloc[0]), rows.iloc[0]
    log = better(metric).startswith("lower") and spans(both["score"], 5)
    axes.set(xscale="log", yscale="log" if log else "linear")
    plain_ticks(axes, "x", log=True)
    if log:
        plain_ticks(axes, "y", log=True)
    axes.set_xlabel("training time over that of the reference entry, log scale, less is better", fontsize=9)
    axes.set_ylabel(", ".join(filter(None, [metric, better(metric), "log scale" * log])), fontsize=9)
    axes.legend(handles=LEGEND, loc="best", frameon=True, fontsize=9)
    title = f"{first['task']}, {backend_name(first['backend'])}: {_answer(scored, metric)}"
    notes = "\n".join([NOTE, *_left_out(rows)])
    figure = finish(figure, table, _rows_of(table, rows), title, notes, legend=False)
    _part(names, axes)
    return figure


def _main(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of one place and split: those of most entries with both a score and a cost."""
    if rows.empty:
        return rows
    keys = [*PLACE, "split", "metric"]
    both = rows["score"].notna() & rows["train_ratio"].notna()
    numbers = both.groupby([rows[name] for name in keys], sort=False).sum()
    place = numbers.sort_values(ascending=False, kind="stable").index[0]
    return rows[rows[keys].eq(pd.Series(place, index=keys)).all(axis=1)]


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


def _part(names: list[Text], axes: Axes) -> None:
    """Move the names off the points and off each other, where the axes stand for good."""
    axes.figure.draw_without_rendering()
    line = {"arrowstyle": "-", "color": GREY, "linewidth": 0.7}
    adjust_text(names, ax=axes, expand=(1.15, 1.4), iter_lim=500, arrowprops=line)


def _answer(scored: pd.DataFrame, metric: str) -> str:
    """Which entry has the best score and which are not decidedly worse, among those with a rank if there are any."""
    ranked = scored[scored["best_rank"].notna()]
    best = ranked.iloc[0] if len(ranked) else scored.iloc[0]
    tied = ranked[ranked["best_rank"].eq(1)].iloc[1:]["model"].tolist()
    text = f"{best['model']} has the best {metric}, {three_digits(best['score'])}"
    if not tied:
        return text
    text += f"; not decidedly worse: {words(tied)}"
    fastest = fastest_of_the_best(scored)
    if len(fastest):
        verb, ratio = "trains" if len(fastest) == 1 else "train", three_digits(fastest["train_ratio"].iloc[0])
        text += f"; of these {words(fastest['model'].tolist())} {verb} fastest, in {ratio} of the reference's time"
    return text


def _left_out(rows: pd.DataFrame) -> list[str]:
    """What has no score, and what has no cost."""
    lines = []
    for column, lacks in (("score", "Timed, not trained"), ("train_ratio", "Trained, not timed")):
        names = rows.loc[rows[column].isna(), "model"].unique().tolist()
        if names:
            lines.append(f"{lacks} at this size: {', '.join(names)}.")
    return lines


def _rows_of(table: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Those that the picture is drawn from: timed on its backend, or trained on any."""
    ended = table[(table["status"] == "ok") & _on_it(table, rows["backend"].iloc[0])]
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


CHARTS = (Chart("architectures", scores_and_costs, parts),)
