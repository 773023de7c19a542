"""What every chart shares: one colour and marker per execution, panels of dots, title, legend and footer.

Figures are made without pyplot, so that drawing leaves nothing open and changes no global setting.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

from zoo.statistics.columns import EXECUTION, execution_order
from zoo.statistics.stock import measured_as_another
from zoo.statistics.verdicts import UNDECIDED

DPI = 130
CHARACTERS_PER_INCH = 15.5  # of the footer's small letters
TITLE_CHARACTERS = 52  # of a line above a panel
INK = "#333333"
GREY = "#b5b5b5"
"""Of what is undecided."""

LOOK = {
    "stock": ("#000000", "o", "#000000", "^"),
    "stock-unrolled": ("#7f7f7f", "s", "#7f7f7f", "v"),
    "looped": ("#0173b2", "o", "#56b4e9", "^"),
    "unrolled": ("#de8f05", "s", "#d55e00", "v"),
    "chunked": ("#029e73", "D", "#0a5c45", "d"),
    "fused": ("#cc78bc", "P", "#84437a", "X"),
    "parallel": ("#ca9161", "p", "#7a4b21", "h"),
    "static": ("#949494", "<", "#949494", "<"),
    "dynamic": ("#4d4d4d", ">", "#4d4d4d", ">"),
    "native": ("#b8a200", "H", "#7d6e00", "8"),
    "scan": ("#fbafe4", "<", "#e377c2", "<"),
}
"""A loop's colour and marker without jit, then with it: seaborn's colour-blind-safe palette."""
UNKNOWN_LOOK = ("#e60049", "*", "#ece133", "*")
MEMORY_MARKERS = {"recompute": "*", "offload": "X"}


def look(table: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """The colour and marker of each execution in the table: fixed by its fields, whatever else the table holds.

    Of chunked loops, the more steps a chunk holds the darker it is.
    """
    looks = {}
    for name, _, loop, chunk, jit, memory in table[EXECUTION].drop_duplicates().values:
        plain, plain_marker, jitted, jitted_marker = LOOK.get(loop, UNKNOWN_LOOK)
        colour, marker = (jitted, jitted_marker) if jit else (plain, plain_marker)
        if not pd.isna(chunk):
            colour = sns.blend_palette(["white", colour, "black"], 20).as_hex()[
                min(3 + 2 * int(chunk).bit_length(), 16)
            ]
        looks[name] = (colour, MEMORY_MARKERS.get(memory, marker))
    return looks


@dataclass(frozen=True)
class Estimate:
    """What a large marker shows of the small dots around it."""

    of: Callable[[pd.Series], float]
    interval: Callable[[pd.Series], tuple[float, float]] | None
    text: Callable[[pd.Series], str]  #: written beside it


@dataclass(frozen=True)
class Panel:
    """One pair of axes of dots: `data` has a `label`, an `execution` and the column `value` in each row.

    Where it has a `verdict`, what is undecided is drawn in grey.
    """

    title: str
    data: pd.DataFrame
    slots: Mapping[str, Sequence[str]]  #: from each label to the executions that have a place beside it
    value: str
    axis: str
    log: bool = False
    line: float | None = None  #: where a dashed line of reference stands
    named: bool = True  #: whether the labels are written; not where the panel to the left has the same


def slots(data: pd.DataFrame) -> dict[str, list[str]]:
    """The places that the rows of `data` need, in their order."""
    order = execution_order(data)
    return {
        str(label): sorted(rows["execution"].unique(), key=order.index)
        for label, rows in data.groupby("label", sort=False)
    }


SLOT = 0.21  # inches that a marker takes
GAP = 0.12  # inches between the markers of two labels


def spans(values: pd.Series, factor: float = 20) -> bool:
    """Whether the values are all positive and so far apart that they need a scale of logarithms."""
    return bool(len(values) and values.min() > 0 and values.max() > factor * values.min())


def dot_figure(panels: Sequence[Panel], columns: int, estimate: Estimate, share: bool = False) -> Figure:
    """A grid of panels, filled row by row: a small dot a repeat or seed, a large marker for the estimate.

    With `share` all panels have one scale.
    """
    rows = [panels[start : start + columns] for start in range(0, len(panels), columns)]
    heights = [max(_bottom(panel) for panel in row) for row in rows]
    size = (6.1 * columns + 1.6, max(sum(heights) + 1.0 * len(rows) + 1.5, 4.0))
    figure = Figure(figsize=size, dpi=DPI, layout="constrained")
    grid = figure.add_gridspec(len(rows), columns, height_ratios=heights)
    first = None
    for i, panel in enumerate(panels):
        with sns.axes_style("whitegrid"):
            axes = figure.add_subplot(grid[divmod(i, columns)], sharex=first if share else None)
        first = first or axes
        _draw_dots(axes, panel, estimate)
    for axes, panel in zip(figure.axes, panels, strict=True):
        plain_ticks(axes, "x", panel.log)  # last, when a shared scale has taken in every panel
    return figure


def _bottom(panel: Panel) -> float:
    """How high the panel must be, in inches, for every marker to have its place."""
    return sum(map(len, panel.slots.values())) * SLOT + len(panel.slots) * GAP


def _draw_dots(axes: Axes, panel: Panel, estimate: Estimate) -> None:
    looks = look(panel.data)
    rows = dict(iter(panel.data.dropna(subset=[panel.value]).groupby(["label", "execution"])))
    y, middles = 0.0, []
    for label, executions in panel.slots.items():
        for i, execution in enumerate(executions):
            if (label, execution) in rows:
                part = rows[label, execution]
                colour, marker = looks[execution]
                style = (GREY if "verdict" in part and (part["verdict"] == UNDECIDED).all() else colour, marker)
                _draw_estimate(axes, part[panel.value], y + GAP / 2 + (i + 0.5) * SLOT, style, estimate)
        height = len(executions) * SLOT + GAP
        middles.append(y + height / 2)
        y += height
        axes.axhline(y, color="#dddddd", linewidth=0.7, zorder=0)
    if panel.line is not None:
        axes.axvline(panel.line, color=INK, linestyle="--", linewidth=1.3, zorder=1)
    axes.set(ylim=(y, 0), yticks=middles, xscale="log" if panel.log else "linear")
    axes.set_yticklabels(panel.slots if panel.named else [])
    title = "\n".join(textwrap.fill(line, TITLE_CHARACTERS) for line in panel.title.splitlines())
    axes.set_title(title, loc="left", fontsize=10)
    axes.set_xlabel(panel.axis, fontsize=9)
    axes.tick_params(labelsize=9)
    axes.grid(axis="y", visible=False)


def _draw_estimate(axes: Axes, values: pd.Series, y: float, style: tuple[str, str], estimate: Estimate) -> None:
    """The small dots of one execution, its marker with the interval, and its number at the right edge."""
    colour, marker = style
    middle = estimate.of(values)
    low, high = estimate.interval(values) if estimate.interval else (np.nan, np.nan)
    axes.plot([low, high], [y, y], color=colour, linewidth=1.8, solid_capstyle="butt", zorder=2)
    axes.plot(middle, y, marker, color=colour, markersize=7.5, zorder=3)
    small: dict[str, Any] = {
        "markersize": 3.4,
        "markerfacecolor": "white",
        "markeredgecolor": INK,
        "markeredgewidth": 0.7,
    }
    axes.plot(values, [y] * len(values), "o", zorder=4, **small)
    place: dict[str, Any] = {"xytext": (5, 0), "textcoords": "offset points", "va": "center", "annotation_clip": False}
    axes.annotate(estimate.text(values), (1, y), xycoords=("axes fraction", "data"), fontsize=8, color=INK, **place)


def plain_ticks(axes: Axes, which: str, log: bool) -> None:
    """Ticks in plain numbers, dense enough to read a value off; a scale without logarithms starts at zero or below."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    get, put = (axes.get_xlim, axes.set_xlim) if which == "x" else (axes.get_ylim, axes.set_ylim)
    low, high = get()
    if log:
        if high / low < 8:
            axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
        else:
            axis.set_major_locator(
                LogLocator(subs=(1, 2, 5) if high / low < 60 else (1, 3) if high / low < 2000 else (1,))
            )
        axis.set_minor_locator(NullLocator())
        axis.set_minor_formatter(NullFormatter())
    else:
        put(min(low, 0.0), high + 0.03 * (high - min(low, 0.0)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}" if abs(value) < 1e4 else f"{value:,.0f}"))


def finish(figure: Figure, table: pd.DataFrame, drawn: pd.DataFrame, title: str, note: str, *more: Line2D) -> Figure:
    """Add the title, the legend of the executions and the footer: what is shown and where it was measured."""
    figure.suptitle(title, x=0.01, ha="left", fontsize=13, fontweight="bold")
    if not drawn.empty:
        looks = look(drawn)
        handles = [
            Line2D([], [], color=looks[name][0], marker=looks[name][1], linestyle="none", label=name)
            for name in execution_order(drawn)
        ]
        figure.legend(
            handles=[*handles, *more], loc="outside right upper", title="execution", alignment="left", frameon=False
        )
    lines = [note, *_where(drawn if not drawn.empty else table), _not_drawn(table, drawn)]
    width = int(figure.get_figwidth() * CHARACTERS_PER_INCH)
    text = "\n".join(textwrap.fill(line, width) for line in lines if line)
    figure.supxlabel(text, x=0.01, ha="left", fontsize=8, color=INK, linespacing=1.4)
    return figure


def nothing_to_draw(table: pd.DataFrame, title: str, needs: str) -> Figure:
    """A figure that says in words that there is nothing to draw, and why. It has no axes."""
    if table.empty:
        why = "the table is empty"
    elif (table["status"] != "ok").all():
        why = "no case in the table ended well"
    else:
        why = f"this chart needs {needs}, and the table has none"
    figure = Figure(figsize=(9, 3.2), dpi=DPI, layout="constrained")
    figure.text(0.5, 0.55, f"Nothing to draw: {why}.", ha="center", va="center", fontsize=12, color=INK, wrap=True)
    return finish(figure, table, table.iloc[:0], title, "")


def words(names: Sequence[object]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    texts = [str(name) for name in names]
    return " and ".join([*([", ".join(texts[:-1])] if len(texts) > 1 else []), *texts[-1:]])


def _where(table: pd.DataFrame) -> list[str]:
    """A line a machine with versions, repeats and dates, of the rows drawn."""
    lines = []
    for (device, cpus, threads), rows in table.groupby(["device_name", "cpu_count", "threads"], dropna=False):
        backends = rows[["backend", "backend_version"]].drop_duplicates().itertuples(index=False)
        versions = [
            f"Python {words(sorted(rows['python_version'].unique()))}",
            f"Keras {words(sorted(rows['keras_version'].unique()))}",
            *(f"{backend} {version}" for backend, version in backends),
        ]
        dates = sorted({start[:10] for start in rows["started_at"]})
        count = f"{_or_unknown(cpus)} CPUs, {_or_unknown(threads)} threads"
        when = words([dates[0]] if len(dates) == 1 else [f"{dates[0]} to {dates[-1]}"])
        facts = [
            f"{device or 'unknown device'}, {count}",
            ", ".join(versions),
            _repeats(rows[rows["status"] == "ok"]),
            when,
        ]
        lines.append("; ".join(fact for fact in facts if fact) + ".")
    return lines


def _or_unknown(count: object) -> object:
    return "?" if pd.isna(count) else count  # type: ignore[call-overload]


def _repeats(rows: pd.DataFrame) -> str:
    """How many repeats (of timings) or seeds (of scores) the fewest and the most measured case has."""
    trained = rows["phase"] == "accuracy"
    counted = []
    for part, column in ((rows[~trained], ["run", "repeat"]), (rows[trained], ["seed"])):
        if part.empty:
            continue
        keys = ["entry", "task", "steps", "units", "batch", "backend", "execution", "split", "phase"]
        counts = part.drop_duplicates(keys + column).groupby(keys, dropna=False).size()
        fewest, most = int(counts.min()), int(counts.max())
        number = str(most) if fewest == most else f"{fewest} to {most}"
        counted.append(f"{number} {column[-1]}{'s' * (most > 1)}")
    return words(counted)


def _not_drawn(table: pd.DataFrame, drawn: pd.DataFrame) -> str:
    """How many cases of the table did not end well, by how they ended, but for those that are drawn all the same."""
    keys = ["case_id", "run", "repeat", "seed"]
    bad = table[(table["status"] != "ok") & ~measured_as_another(table)].drop_duplicates(keys)
    if bad.empty:
        return "No case of the table failed."
    if "status" in drawn:
        shown = pd.MultiIndex.from_frame(drawn.loc[drawn["status"] != "ok", keys])
        bad = bad[~pd.MultiIndex.from_frame(bad[keys]).isin(shown)]
    if bad.empty:
        return "Every case of the table that failed is drawn."
    counts = bad["status"].str.replace("_", " ").value_counts()
    total = len(bad)
    ended = words([f"{number} {status}" for status, number in counts.items()])
    return f"Not drawn: {total} case{'s' * (total > 1)} of the table did not end well ({ended})."
