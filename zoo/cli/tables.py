"""`zoo charts` and `zoo report`: pictures and a page of measurements, wherever they were made. No Keras."""

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
    "[bold]zoo report laptop.csv server.csv --out both.html[/bold]"
)
def report(
    tables: Annotated[
        list[Path],
        typer.Argument(
            metavar="TABLE...",
            help="As for zoo charts; those of several machines become one report.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Default: report.html beside the first table.", show_default=False),
    ] = None,
) -> None:
    """Write the report of one or more tables: answers, charts and tables in one HTML file. Print its verdicts."""
    first = tables[0]
    write(tables, out or (first if first.is_dir() else first.parent) / "report.html")


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
    from zoo.statistics.tables import quick_texts

    with Console(stderr=True).status("reading") as status, quick_texts():
        table = rows_of(path)
        from zoo.charts.gallery import draw_all

        for picture in draw_all(table, folder, typer.echo, lambda name: status.update(f"drawing {name}")):
            typer.echo(picture)


def write(paths: list[Path], report: Path) -> None:
    """Write the report of the tables or folders at `paths`, and print its verdicts in a few lines."""
    import pandas as pd

    from zoo.statistics.tables import quick_texts

    with Console(stderr=True).status("reading") as status, quick_texts():
        parts = [rows_of(path) for path in paths]
        table = pd.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0]
        from zoo.report.html import write_report

        title = f"rnn-zoo: {', '.join(path.name for path in paths)}"
        write_report(table, report, title, lambda text: status.update(f"writing {text}"))
    from zoo.report.verdicts import verdict_lines

    typer.echo("\n".join([f"report: {report}", "", *verdict_lines(table, Console().width)]))
