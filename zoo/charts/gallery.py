"""Every chart of a results table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from zoo.charts.accuracy import accuracy
from zoo.charts.arms import every_arm, has_peers
from zoo.charts.cost_growth import cost_growth
from zoo.charts.largest_steps import largest_steps
from zoo.charts.timed import step_time, unrolled_over_looped
from zoo.drawings import save

BY_BACKEND = ("step_time", "unrolled_over_looped")
CHARTS: dict[str, Callable[[pd.DataFrame], Figure]] = {
    "step_time": step_time,
    "unrolled_over_looped": unrolled_over_looped,
    "cost_growth": cost_growth,
    "largest_steps": largest_steps,
    "accuracy": accuracy,
}


def draw_all(
    table: pd.DataFrame,
    folder: Path,
    say: Callable[[str], None] = print,
    begin: Callable[[str], None] = lambda name: None,
) -> list[Path]:
    """Draw every chart as `folder`/<name>.png and return the paths.

    `begin` takes the name of each picture before it is drawn, `say` a line on each that had nothing to draw.

    A chart without data is written too, in words, so that none from another table is left in its place.

    Raises:
        ZooError: the folder cannot be written.
    """
    paths = []
    wanted = {**CHARTS, "peers": every_arm} if has_peers(table) else CHARTS
    for name, chart in wanted.items():
        for stem, part in _pictures(name, table).items():
            begin(stem)
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
