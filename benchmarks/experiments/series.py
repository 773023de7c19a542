"""What `zoo compare` says of series that everybody has: temperatures, sunspots, CO2.

    ZOO_DATA=../shared/data python -m benchmarks.experiments.series
    python -m benchmarks.experiments.series --only sunspots,co2

Each comparison is the one of the tutorial, with every default of `zoo compare`; its table goes to a file of its own,
and a series whose file is there is not compared again. Sunspots (yearly, 1700 to 2008) and CO2 (weekly, 1958 to 2001)
come with statsmodels; temperatures are a file of the user's own.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from zoo.cli.command import run_function
from zoo.errors import ZooError, unknown
from zoo.measuring.rows import check_writable

FOLDER = Path(__file__).parent.parent.parent / "results" / "reference" / "series"


def temperatures() -> tuple[Path | pd.DataFrame, str, str]:
    """The daily minimum in Melbourne, 1981 to 1990: the file, its target, its time."""
    folder = os.environ.get("ZOO_DATA")
    if not folder:
        raise ZooError("temperatures are a file of your own: set ZOO_DATA to its folder")
    return Path(folder) / "daily-min-temperatures.csv", "Temp", "Date"


def sunspots() -> tuple[Path | pd.DataFrame, str, str]:
    """Yearly sunspots."""
    from statsmodels.datasets import sunspots as source

    return source.load_pandas().data, "SUNACTIVITY", "YEAR"


def co2() -> tuple[Path | pd.DataFrame, str, str]:
    """Weekly CO2 at Mauna Loa, with its missing weeks."""
    from statsmodels.datasets import co2 as source

    return source.load_pandas().data.rename_axis("week").reset_index(), "co2", "week"


SERIES: dict[str, Callable[[], tuple[Path | pd.DataFrame, str, str]]] = {
    "temperatures": temperatures,
    "sunspots": sunspots,
    "co2": co2,
}


def main(
    only: Annotated[str, typer.Option(metavar="A,B", help="By default all.")] = "",
    to: Annotated[Path, typer.Option(metavar="DIR", help="Where the tables go.")] = FOLDER,
) -> None:
    """Compare the zoo's usual entries on each series, and print the verdicts."""
    import zoo

    check_writable(to)
    for name in [each for each in only.split(",") if each] or list(SERIES):
        if name not in SERIES:
            raise unknown("series", name, list(SERIES))
        path = to / f"{name}.csv"
        if path.exists():
            continue
        source, target, time = SERIES[name]()
        with tempfile.TemporaryDirectory() as folder:
            outcome = zoo.compare(source, target=target, time=time, out=folder, show=typer.echo)
        table = outcome.table.assign(series=name, answer=outcome.verdict)
        table.to_csv(path, index=False, float_format="%.6g", lineterminator="\n")
        typer.echo(f"{name}: {outcome.verdict}")


if __name__ == "__main__":
    run_function(main, "python -m benchmarks.experiments.series")
