"""Every chart of a results table."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

import zoo.charts
from zoo.charts.chart import Chart, Draw, any_table
from zoo.drawings import save


def _declared() -> Iterator[Chart]:
    """The charts of every file in this folder, by the names of the files."""
    for module in pkgutil.iter_modules(zoo.charts.__path__, "zoo.charts."):
        if module.name != __name__:
            yield from getattr(importlib.import_module(module.name), "CHARTS", ())


ALL = tuple(_declared())
CHARTS: dict[str, Draw] = {chart.name: chart.draw for chart in ALL if chart.wanted is any_table}
"""Those that are drawn of every table, by name."""


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
    for chart in (chart for chart in ALL if chart.wanted(table)):
        for stem, part in _pictures(chart, table).items():
            begin(stem)
            figure = chart.draw(part)
            paths.append(folder / f"{stem}.png")
            save(figure, paths[-1])
            if not figure.axes:
                say(f"{stem}: nothing to draw (the picture says why)")
    return paths


def _pictures(chart: Chart, table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The pictures of a chart and the rows of each."""
    backends = list(dict.fromkeys(table["backend"]))
    if not chart.by_backend or len(backends) < 2:
        return {chart.name: table}
    return {f"{chart.name}-{backend}": table[table["backend"] == backend] for backend in backends}
