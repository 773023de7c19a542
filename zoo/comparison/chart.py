"""The chart of a comparison: score against cost, with the baselines."""

from __future__ import annotations

import textwrap

import matplotlib as mpl
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from zoo.charts.figures import DPI, INK, TITLE_CHARACTERS_PER_INCH, WIDTH
from zoo.comparison.outcome import BASELINE, ENTRY, Outcome
from zoo.comparison.verdicts import BETTER

HEIGHT = 5.6
COLOURS = {BETTER: "#0173b2"}
OTHER = "#8a8a8a"
LINE_COLOURS = ("#d55e00", "#b86a00", "#7a4b21", "#5b4a8a", "#a05195", "#84437a")


@mpl.rc_context({"text.parse_math": False})  # a "$" of the user's is a dollar
def score_against_cost(outcome: Outcome) -> Figure:
    """Each entry's main score against the seconds of its training; the baselines are horizontal."""
    table, main = outcome.table, outcome.main
    entries, baselines = table[table["kind"] == ENTRY], table[table["kind"] == BASELINE]
    figure = Figure(figsize=(WIDTH, HEIGHT), dpi=DPI, layout="constrained")
    with sns.axes_style("whitegrid"):
        axes = figure.subplots()
    for _, row in entries.iterrows():
        colour = COLOURS.get(row["verdict"], OTHER)
        x, y = row["train_seconds"], row[main.name]
        if pd.notna(row[f"{main.name} low"]):
            axes.plot([x, x], [row[f"{main.name} low"], row[f"{main.name} high"]], color=colour, linewidth=1.4)
        axes.plot(x, y, "o", color=colour, markersize=8, zorder=3)
        top = row[f"{main.name} high"]
        name = {"textcoords": "offset points", "fontsize": 9.5, "color": INK, "ha": "center", "rotation": 90}
        axes.annotate(row["name"], (x, top if pd.notna(top) else y), (0, 7), va="bottom", **name)
    shown = _near(entries, baselines, main.name)
    for colour, (_, row) in zip(LINE_COLOURS, shown.iterrows(), strict=False):
        axes.axhline(row[main.name], color=colour, linewidth=1.3, linestyle="--", zorder=1)
        axes.annotate(
            row["name"],
            (1.0, row[main.name]),
            (5, 0),
            xycoords=axes.get_yaxis_transform(),
            textcoords="offset points",
            va="center",
            fontsize=9,
            color=colour,
        )
    axes.margins(x=0.08, y=0.12)
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.3 * (high - low))  # room for the names above the bars
    axes.set_xlabel("seconds of one training, less is better", fontsize=10)
    better = "higher is better" if main.higher_is_better else "less is better"
    axes.set_ylabel(f"{main.name}, {better}", fontsize=10)
    title = textwrap.fill(outcome.verdict, int(WIDTH * TITLE_CHARACTERS_PER_INCH))
    figure.suptitle(title, x=0.01, ha="left", fontsize=12.5, fontweight="bold")
    note = [
        "Bars: 95% intervals over folds. Blue: surely better than the best baseline on the same examples.",
        *_beyond(baselines, shown, main.name),
        *outcome.notes,
    ]
    text = "\n".join(textwrap.fill(line, int(WIDTH * 15)) for line in note)
    figure.supxlabel(text, x=0.01, ha="left", fontsize=8, color=INK, linespacing=1.4)
    return figure


def _near(entries: pd.DataFrame, baselines: pd.DataFrame, metric: str) -> pd.DataFrame:
    """The baselines that fit beside the entries: others would press them together."""
    low, high = entries[metric].min(), entries[metric].max()
    room = 4 * max(high - low, 0.05 * abs(high))
    near = baselines[baselines[metric].between(low - room, high + room)]
    best = baselines.iloc[:1]
    return pd.concat([best, near]).drop_duplicates("name")


def _beyond(baselines: pd.DataFrame, shown: pd.DataFrame, metric: str) -> list[str]:
    left = baselines[~baselines["name"].isin(shown["name"])]
    names = ", ".join(f"{row['name']} {row[metric]:.3g}" for _, row in left.iterrows())
    return [f"Outside the picture: {names}."] if names else []
