"""What every chart shares: its size, one colour and marker per execution, title, legend and footer.

Figures are made without pyplot, so that drawing leaves nothing open and changes no global setting.
"""

from __future__ import annotations

import textwrap

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

from zoo.statistics.columns import EXECUTION, execution_order
from zoo.statistics.stock import measured_as_another
from zoo.statistics.texts import words

DPI = 150
WIDTH, HEIGHT = 10.6, 8.0
LEAST_HEIGHT = 3.6
"""Inches: 1,590 × 1,200 pixels at most, which a page shows whole."""
CHARACTERS_PER_INCH = 15.5  # of the footer's small letters
TITLE_CHARACTERS_PER_INCH = 9.0
LEGEND_WIDTH = 1.5  # inches
INK = "#333333"
GREY = "#b5b5b5"
"""Of what is undecided."""

LOOK = {
    "stock": ("#000000", "o", "#000000", "^"),
    "stock-unrolled": ("#7a0019", "s", "#7a0019", "v"),
    "looped": ("#0173b2", "o", "#56b4e9", "^"),
    "unrolled": ("#de8f05", "s", "#d55e00", "v"),
    "chunked": ("#029e73", "D", "#0a5c45", "d"),
    "fused": ("#cc78bc", "P", "#84437a", "X"),
    "parallel": ("#ca9161", "p", "#7a4b21", "h"),
    "static": ("#a05195", "<", "#a05195", "<"),
    "dynamic": ("#5b4a8a", ">", "#5b4a8a", ">"),
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


def slots(data: pd.DataFrame) -> dict[str, list[str]]:
    """The places that the rows of `data` need, in their order."""
    order = execution_order(data)
    return {
        str(label): sorted(rows["execution"].unique(), key=order.index)
        for label, rows in data.groupby("label", sort=False)
    }


def spans(values: pd.Series, factor: float = 20) -> bool:
    """Whether the values are all positive and so far apart that they need a scale of logarithms."""
    return bool(len(values) and values.min() > 0 and values.max() > factor * values.min())


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
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}" if abs(value) < 1e3 else f"{value:,.0f}"))


def finish(
    figure: Figure, table: pd.DataFrame, drawn: pd.DataFrame, title: str, note: str, *more: Line2D, legend: bool = True
) -> Figure:
    """Add the title, the legend and the footer: what is shown and where it was measured.

    The legend has the executions that are drawn, unless it is switched off, and what `more` holds.
    """
    handles = list(more)
    if legend and not drawn.empty:
        looks = look(drawn)
        handles = [
            Line2D([], [], color=looks[name][0], marker=looks[name][1], linestyle="none", label=name)
            for name in execution_order(drawn)
        ] + handles
    width = figure.get_figwidth() - (LEGEND_WIDTH if handles else 0)
    heading = textwrap.fill(title, int(width * TITLE_CHARACTERS_PER_INCH), break_on_hyphens=False)
    figure.suptitle(heading, x=0.01, ha="left", fontsize=13, fontweight="bold")
    if handles:
        figure.legend(handles=handles, loc="outside right upper", alignment="left", frameon=False, fontsize=9)
    lines = [note, *_where(drawn if not drawn.empty else table), _not_drawn(table, drawn)]
    width = int(figure.get_figwidth() * CHARACTERS_PER_INCH)
    text = "\n".join(textwrap.fill(line, width, break_on_hyphens=False) for line in lines if line)
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
        count = f"{_or_unknown(cpus)} CPUs, {_or_unknown(threads)} thread{'s' * (threads != 1)}"
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
    """How many cases of the table have no time, by how they ended, but for those that are drawn all the same."""
    keys = ["case_id", "run", "repeat", "seed"]
    bad = table[(table["status"] != "ok") & ~measured_as_another(table)].drop_duplicates(keys)
    if bad.empty:
        return "No case of the table failed."
    if "status" in drawn:
        shown = pd.MultiIndex.from_frame(drawn.loc[drawn["status"] != "ok", keys])
        bad = bad[~pd.MultiIndex.from_frame(bad[keys]).isin(shown)]
    if bad.empty:
        return "Every case of the table that failed is drawn."
    counts = bad["status"].replace("skipped", "not possible").str.replace("_", " ").value_counts()
    ended = words([f"{number} {status}" for status, number in counts.items()])
    return f"Not drawn, because they did not end well: {ended}."
