"""The chart of every arm: what one call takes on each library and execution, at each size."""

from __future__ import annotations

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from zoo.charts.chart import Chart, of_parts
from zoo.charts.figures import DPI, HEIGHT, INK, LEAST_HEIGHT, WIDTH, finish, nothing_to_draw, plain_ticks
from zoo.charts.labels import CALLS, setting_words
from zoo.statistics.columns import PEERS, REPEAT
from zoo.statistics.gains import SIZE
from zoo.statistics.ratios import medians
from zoo.statistics.texts import three_digits, words

ROW, HEAD = 0.205, 1.85  # inches of an arm, and of all else
LIBRARIES = {
    "tensorflow": ("TensorFlow", "#de8f05"),
    "jax": ("JAX", "#0173b2"),
    "torch": ("torch", "#029e73"),
    "onnxruntime": ("ONNX Runtime", "#cc78bc"),
}
"""The name and the colour of each."""
TITLE = "What does one call take on each library?"
NEEDS = "bare torch or JAX, or ONNX Runtime, which the profile peers measures"
NOTE = (
    "Small dots: the median of a repeat, each a fresh process. Large ones: the median over repeats, written beside. "
    "Upright bars: the floor, what the same path takes for a one-Dense model. Left is faster. The title names the "
    "fastest and those of which a repeat overlaps its repeats: processes of one program differ too."
)
NAMED = 3


def has_peers(table: pd.DataFrame) -> bool:
    """Whether the table holds what is drawn here."""
    return bool(table["runner"].isin(PEERS).any())


def every_arm(table: pd.DataFrame) -> Figure:
    """Every arm of one size, fastest first: training and prediction."""
    times = medians(table, REPEAT)
    run = [*SIZE, "run"]  # of several runs those that hold peers: another day has another pace
    times = times.merge(times[times["runner"].isin(PEERS)][run].drop_duplicates(), on=run)
    if times.empty:
        return nothing_to_draw(table, TITLE, NEEDS)
    size = times[SIZE].drop_duplicates().head(1)
    times = times.merge(size, on=SIZE)
    times["milliseconds"] = times["step_seconds"] * 1000
    times["library"] = times["runner"].where(times["runner"].eq("onnxruntime"), times["backend"])
    times["line"] = times["backend"].where(times["runner"] == "keras", "") + " " + times["execution"]
    times["line"] = times["line"].str.strip()
    lines = times.groupby("phase")["line"].nunique().max()
    figure = Figure(figsize=(WIDTH, min(HEIGHT, max(LEAST_HEIGHT, lines * ROW + HEAD))), dpi=DPI, layout="constrained")
    with sns.axes_style("whitegrid"):
        grid = figure.subplots(1, 2)
    for axes, (phase, call) in zip(grid, CALLS.items(), strict=True):
        _draw(axes, times[times["phase"] == phase])
        axes.set_title(call, loc="left", fontsize=10)
    handles = [
        Line2D([], [], color=colour, marker="o", linestyle="none", label=name)
        for library, (name, colour) in LIBRARIES.items()
        if (times["library"] == library).any()
    ]
    first = size.iloc[0]
    title = f"{setting_words(size)}, {first['steps']} steps: {_answer(times)}"
    drawn = table[(table["status"] == "ok") & table["run"].isin(times["run"])].merge(size, on=SIZE)
    return finish(figure, table, drawn, title, NOTE, *handles, legend=False)


def _answer(times: pd.DataFrame) -> str:
    """The fastest arm of each call, and those of which a repeat overlaps its repeats."""
    phrases = []
    for phase, call in CALLS.items():
        arms = times[times["phase"] == phase].groupby("line")["milliseconds"].agg(["median", "min", "max"])
        if arms.empty:
            continue
        arms = arms.sort_values("median", kind="stable")
        near = arms.index[arms["min"] <= arms["max"].iloc[0]].tolist()
        more = [f"{len(near) - NAMED} more"] if len(near) > NAMED + 1 else []
        verb = "take" if len(near) > 1 else "takes"
        names = words([*near[: NAMED if more else None], *more])
        phrases.append(f"{names} {verb} the least in {call}, {three_digits(arms['median'].iloc[0])} ms")
    return "; ".join(phrases)


def _draw(axes: Axes, part: pd.DataFrame) -> None:
    lines = part.groupby("line")
    order = lines["milliseconds"].median().sort_values()
    for y, (line, middle) in enumerate(order.items()):
        rows = lines.get_group(line)
        _, colour = LIBRARIES.get(str(rows["library"].iloc[0]), ("", INK))
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


def parts(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The rows of each size at which peers were measured, that of the most executions first."""
    arms = table.groupby(SIZE, sort=False)["execution"].nunique().rename("arms").reset_index()
    sizes = table[table["runner"].isin(PEERS)][SIZE].drop_duplicates().merge(arms, on=SIZE)
    sizes = sizes.sort_values("arms", ascending=False, kind="stable")[SIZE]
    result = {}
    for _, size in sizes.iterrows():
        name = f"{size['entry']}-{size['task']}-{size['steps']}steps-{size['units']}units-{size['batch']}batch"
        result[name.replace("_", "-")] = table.merge(size.to_frame().T.astype(table[SIZE].dtypes))
    return result


CHARTS = (Chart("peers", every_arm, of_parts(every_arm, parts), has_peers),)
