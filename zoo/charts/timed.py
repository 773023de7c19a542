"""The charts of times: of a training step and a prediction, and of unrolled over looped."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from zoo.charts.chart import Chart
from zoo.charts.figures import GREY, INK, Estimate, Panel, dot_figure, finish, nothing_to_draw, slots, spans
from zoo.charts.labels import FACETS, facet_labels, usual_sizes
from zoo.statistics.columns import EXECUTION, REPEAT, SETTING, in_order
from zoo.statistics.intervals import geometric_interval, geometric_mean
from zoo.statistics.ratios import medians, pairs, ratios
from zoo.statistics.texts import three_digits

INTERVAL = "95% interval (Student's t on logarithms over repeats; none under 3 repeats)"
CALLS = {"train": "one training step", "predict": "predicting one batch"}


def with_labels(data: pd.DataFrame) -> pd.DataFrame:
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
    data, left_out = usual_sizes(medians(table, REPEAT).dropna(subset=["step_seconds"]))
    if data.empty:
        return nothing_to_draw(table, title, "timings of training or prediction")
    data = with_labels(data.assign(milliseconds=data["step_seconds"] * 1000))
    panels = _timed_panels(data, "milliseconds", "milliseconds, less is better")
    estimate = Estimate(geometric_mean, geometric_interval, lambda times: f"{three_digits(geometric_mean(times))} ms")
    figure = dot_figure(panels, data["phase"].nunique(), estimate)
    note = (
        f"Small dots: repeats, each a fresh process and the median of its blocks. Markers: geometric mean, {INTERVAL}."
        + left_out
    )
    return finish(figure, table, rows_of(table, data), title, note)


def unrolled_over_looped(table: pd.DataFrame) -> Figure:
    """How many times as long unrolled takes as looped, all else equal, with intervals."""
    title = "Unrolled against looped: how many times as long it takes"
    data = pairs(table, quantities=["step_seconds"]).query("loop == 'unrolled'")
    keys = [*SETTING, *EXECUTION, "baseline"]
    data, left_out = usual_sizes(data.merge(ratios(table, quantities=["step_seconds"])[[*keys, "verdict"]], on=keys))
    if data.empty:
        return nothing_to_draw(table, title, "unrolled and looped timed in the same repeat")
    axis = "time of unrolled / time of looped\n← left of 1: unrolled is faster    right of 1: looped is faster →"
    panels = _timed_panels(with_labels(data), "ratio", axis, ratio=True)
    estimate = Estimate(geometric_mean, geometric_interval, _ratio_and_interval)
    figure = dot_figure(panels, data["phase"].nunique(), estimate, share=True)
    note = (
        "Each execution against the looped one of the same jit. Small dots: ratios within one repeat, by rounds. "
        f"Markers: geometric mean, {INTERVAL}. Grey: undecided whether faster, slower or equal within 5%.{left_out}"
    )
    equal = Line2D([], [], color=INK, linestyle="--", label="equal (1)")
    undecided = Line2D([], [], color=GREY, marker="o", linestyle="none", label="undecided")
    return finish(figure, table, rows_of(table, data), title, note, equal, undecided)


def _ratio_and_interval(values: pd.Series) -> str:
    low, high = geometric_interval(values)
    return f"{geometric_mean(values):.2f}" + ("" if pd.isna(low) else f"  [{low:.2f}, {high:.2f}]")


def rows_of(table: pd.DataFrame, drawn: pd.DataFrame) -> pd.DataFrame:
    """The rows of the table that `drawn` was worked out from."""
    rows = table[(table["status"] == "ok") & table["phase"].isin(drawn["phase"].unique())]
    keys = ["entry", "task", "steps", "units", "backend", "execution"]
    return rows.merge(drawn[keys].drop_duplicates(), on=keys)


CHARTS = (
    Chart("step_time", step_time, by_backend=True),
    Chart("unrolled_over_looped", unrolled_over_looped, by_backend=True),
)
