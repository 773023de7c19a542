"""`zoo charts` and `zoo report`: pictures and tables of a run's measurements, wherever they were made. No Keras."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from zoo.errors import ZooError

if TYPE_CHECKING:
    import pandas as pd

app = typer.Typer()
Table = Annotated[
    Path,
    typer.Argument(
        metavar="TABLE",
        help="A measurements.csv (also .csv.gz), or a folder with one, or with *-speed.csv and *-accuracy.csv tables.",
        show_default=False,
    ),
]


@app.command(
    epilog="Examples: [bold]zoo charts measurements.csv[/bold], [bold]zoo charts zoo-runs/2026-11-24T12-00-00[/bold], "
    "[bold]zoo charts results/reference --out /tmp/charts[/bold]"
)
def charts(
    table: Table,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Where the pictures go. Default: charts beside the table.", show_default=False
        ),
    ] = None,
) -> None:
    """Draw every chart of a table of measurements, and print the path of each picture."""
    draw(table, out or (table if table.is_dir() else table.parent) / "charts")


@app.command(
    epilog="Examples: [bold]zoo report measurements.csv[/bold], [bold]zoo report zoo-runs/2026-11-24T12-00-00[/bold], "
    "[bold]zoo report results/reference --markdown > page.md[/bold]"
)
def report(table: Table, markdown: Annotated[bool, typer.Option("--markdown", help="For a page.")] = False) -> None:
    """Print what each execution costs, what each entry earns, what failed, and the verdicts in a few lines."""
    print_report(table, markdown)


def rows_of(path: Path) -> pd.DataFrame:
    """The table or folder at `path`, with a line on the terminal that says how much it holds.

    Raises:
        ZooError: there is none, it cannot be read, or it has no whole row.
    """
    from zoo.statistics.folders import read_results

    table = read_results(path)
    if table.empty:
        raise ZooError(f"{path} has no whole row: there is nothing to show")
    typer.echo(f"{len(table)} rows from {path}")
    return table


def draw(path: Path, folder: Path) -> None:
    """Draw the charts of the table or folder at `path` into `folder`; a line of progress says which is being drawn."""
    with Console(stderr=True).status("reading") as status:
        table = rows_of(path)
        from zoo.charts.gallery import draw_all

        for picture in draw_all(table, folder, typer.echo, lambda name: status.update(f"drawing {name}")):
            typer.echo(picture)


def print_report(path: Path, markdown: bool) -> None:
    """Print the tables of the table or folder at `path`, and its verdicts in a few lines."""
    table = rows_of(path)
    from zoo.report.terminal import print_tables
    from zoo.report.verdicts import verdict_lines

    console = Console()
    print_tables(table, console, markdown)
    typer.echo("\n".join(["", *verdict_lines(table, console.width)]))
