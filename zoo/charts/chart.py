"""What a file of this folder declares of a chart, so that the gallery finds it by scanning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

Draw = Callable[[pd.DataFrame], Figure]
Parts = Callable[[pd.DataFrame], dict[str, pd.DataFrame]]
MOST_PARTS = 4
"""Of a chart of several pictures so many are drawn outside the report."""


def any_table(table: pd.DataFrame) -> bool:
    """True: a chart that is drawn of every table, in words where there is nothing to draw."""
    return True


def whole(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """One picture, of all rows."""
    return {"": table}


@dataclass(frozen=True)
class Chart:
    """A chart of a results table: one question, answered in its title. A file lists its charts in `CHARTS`."""

    name: str  #: of its picture: "cost_growth.png"
    draw: Draw
    parts: Parts = whole  #: what follows the name in a picture's, and the picture's rows: the most asked first
    wanted: Callable[[pd.DataFrame], bool] = any_table  #: whether it is drawn of a table
