"""Every chart of a results table."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

import zoo.charts
from zoo.charts.chart import MOST_PARTS, Chart, Draw, any_table
from zoo.drawings import save
from zoo.statistics.machines import by_machine


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
    """Draw every chart as `folder`/<name>.png and return the paths; the report has those of every entry and size.

    `begin` takes the name of each picture before it is drawn, `say` a line on each that had nothing to draw.

    A chart without data is written too, in words, so that none from another table is left in its place.

    Raises:
        ZooError: the folder cannot be written.
    """
    paths = []
    for stem, figure in draw_each(table, begin, every=False):
        paths.append(folder / f"{stem}.png")
        save(figure, paths[-1])
        if not figure.axes:
            say(f"{stem}: nothing to draw (the picture says why)")
    return paths


def draw_each(
    table: pd.DataFrame, begin: Callable[[str], None] = lambda name: None, every: bool = True
) -> Iterator[tuple[str, Figure]]:
    """Each chart of a table: the name of its picture, and the figure.

    `begin` takes the name before it is drawn. Without `every`, a chart is of the first machine that has it, and of many
    pictures the first few.
    """
    drawn = set()
    for i, (machine, its) in enumerate(by_machine(table).items()):
        for chart in (chart for chart in ALL if chart.wanted(its) and (every or chart.name not in drawn)):
            pictures = list(chart.pictures(its).items())
            for part, picture in pictures if every else pictures[:MOST_PARTS]:
                name = "-".join(filter(None, [chart.name, part, _in_a_name(machine) if i and every else ""]))
                begin(name)
                figure = picture()
                if every or figure.axes:  # else it says in words that there is nothing to draw
                    drawn.add(chart.name)
                    yield name, figure
    first = next(iter(by_machine(table).values()))
    for chart in (chart for chart in ALL if not every and chart.name not in drawn and chart.wanted(first)):
        begin(chart.name)
        yield chart.name, chart.draw(first)  # no machine has it: its words say why


def _in_a_name(machine: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", machine.lower()).strip("-")
