"""`zoo label`: the labels of a table's sequences, by a model that `zoo compare` kept."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from zoo.cli.command import make_app, print_table
from zoo.cli.compare import Dates, Decimal, Encoding, Header, Separator, dialect
from zoo.cli.generate import check_out
from zoo.errors import ZooError

app = make_app()
MOST_LINES = 20


@app.command(
    "label",
    epilog="Examples: [bold]zoo label zoo-runs/compare-2026-11-29T12-00-00 reviews.csv[/bold], "
    "[bold]zoo label model gestures.csv --to labels.csv[/bold].",
)
def label(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A folder of zoo compare, or hf://user/name.", show_default=False)
    ],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="With the columns of the model.", show_default=False)],
    *,
    to: Annotated[Path | None, typer.Option(metavar="CSV", help="Write all labels there.", show_default=False)] = None,
    dates: Dates = "",
    encoding: Encoding = "",
    separator: Separator = "",
    decimal: Decimal = "",
    thousands: Annotated[str, typer.Option(metavar="MARK", help="Of numbers.", show_default=False)] = "",
    header: Header = None,
) -> None:
    """Print the label of each text, or of each sequence of rows, and its probability."""
    if to:
        check_out(to, (".csv",))
        if to.resolve() == file.resolve():
            raise ZooError(f"--to {to} is the table itself: choose another name")
    written = dialect(encoding, separator, decimal, thousands, header)
    with Console(stderr=True).status(f"reading {file}"):
        from zoo.forecasts.label import LABEL, PROBABILITY
        from zoo.forecasts.label import label as labels_of

        made = labels_of(model, file, dates=dates, dialect=written)
    shown = made.head(MOST_LINES).assign(**{PROBABILITY: made[PROBABILITY].map("{:.3f}".format)})
    title = ", ".join(f"{name}: {count:,}" for name, count in made[LABEL].value_counts().items())
    print_table(title, list(made.columns), [list(map(str, row)) for row in shown.itertuples(index=False)])
    if len(made) > MOST_LINES:
        typer.echo(f"and {len(made) - MOST_LINES:,} more rows: --to writes all")
    if to:
        from zoo.drawings import write_bytes

        write_bytes(to, made.to_csv(index=False).encode())
        typer.echo(f"labels: {to}")
