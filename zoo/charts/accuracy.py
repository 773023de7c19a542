"""The chart of scores."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from zoo.charts.chart import Chart
from zoo.charts.figures import INK, Estimate, Panel, dot_figure, finish, nothing_to_draw, slots, spans
from zoo.charts.timed import with_labels
from zoo.statistics.scores import better, scores
from zoo.statistics.texts import three_digits


def accuracy(table: pd.DataFrame) -> Figure:
    """The score of every entry, seed by seed, beside the naive score."""
    title = "Scores on test data"
    data = scores(table)
    if data.empty:
        return nothing_to_draw(table, title, "trained scores")
    data = with_labels(data)
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


def _mean_and_deviation(values: pd.Series) -> str:
    mean = values.mean()
    deviation = f" ± {three_digits(values.std(), like=mean)}" if len(values) > 1 else ""
    return f"{three_digits(mean)}{deviation}"


CHARTS = (Chart("accuracy", accuracy),)
