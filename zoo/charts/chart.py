"""What a file of this folder declares of a chart, so that the gallery finds it by scanning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pandas as pd
from matplotlib.figure import Figure

Draw = Callable[[pd.DataFrame], Figure]
Pictures = Callable[[pd.DataFrame], dict[str, Callable[[], Figure]]]
MOST_PARTS = 4
"""Of a chart of several pictures so many are drawn outside the report."""


def any_table(table: pd.DataFrame) -> bool:
    """True: a chart that is drawn of every table, in words where there is nothing to draw."""
    return True


def of_parts(draw: Draw, parts: Callable[[pd.DataFrame], dict[str, pd.DataFrame]]) -> Pictures:
    """A picture of the rows of each part of a table."""
    return lambda table: {name: partial(draw, rows) for name, rows in parts(table).items()}


@dataclass(frozen=True)
class Chart:
    """A chart of a results table: one question, answered in its title. A file lists its charts in `CHARTS`."""

    name: str  #: of its picture: "cost_growth.png"
    draw: Draw
    several: Pictures | None = None  #: what follows the name in a picture's, and the picture: the most asked first
    wanted: Callable[[pd.DataFrame], bool] = any_table  #: whether it is drawn of a table

    def pictures(self, table: pd.DataFrame) -> dict[str, Callable[[], Figure]]:
        """Those of a table by what follows the name of the chart; one of all rows where there are not several."""
        return (self.several and self.several(table)) or {"": partial(self.draw, table)}
