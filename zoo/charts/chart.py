"""What a file of this folder declares of a chart, so that the gallery finds it by scanning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

Draw = Callable[[pd.DataFrame], Figure]


def any_table(table: pd.DataFrame) -> bool:
    """True: a chart that is drawn of every table, in words where there is nothing to draw."""
    return True


@dataclass(frozen=True)
class Chart:
    """A chart of a results table. A file lists its charts in `CHARTS`."""

    name: str  #: of its picture: "step_time.png"
    draw: Draw
    by_backend: bool = False  #: whether each backend has a picture of its own, of a table of several
    wanted: Callable[[pd.DataFrame], bool] = any_table  #: whether it is drawn of a table
