"""`zoo forecast`: the next rows of a table, by a model that `zoo compare` kept."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from zoo.cli.command import make_app, print_table
from zoo.cli.compare import Dates, Decimal, Encoding, Header, Separator, dialect
from zoo.cli.generate import PICTURES, check_out
from zoo.errors import ZooError

app = make_app()
MOST_LINES = 60


def fraction_of(text: str) -> float:
    """The fraction of "90%" or "0.9"; else a ZooError."""
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        raise ZooError(f"--level must be a part such as 90%, not {text!r}") from None
    if not 0 < value < 1:
        raise ZooError(f"--level must be a part such as 90% or 0.9, not {text!r}")
    return value


@app.command(
    "forecast",
    epilog="Examples: [bold]zoo forecast zoo-runs/compare-2026-11-29T12-00-00 data.csv --horizon 30[/bold], "
    "[bold]zoo forecast model data.csv --to next.csv --picture next.png[/bold], "
    "[bold]zoo forecast hf://user/name data.csv --backtest[/bold].",
)
def forecast(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A folder of zoo compare, or hf://user/name.", show_default=False)
    ],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="With the columns of the model.", show_default=False)],
    *,
    horizon: Annotated[
        int, typer.Option(min=0, help="Rows to forecast; by default those of one call.", show_default=False)
    ] = 0,
    level: Annotated[str, typer.Option(metavar="PERCENT", help="Share of values the interval should hold.")] = "90%",
    to: Annotated[Path | None, typer.Option(metavar="CSV", help="Write the rows too.", show_default=False)] = None,
    picture: Annotated[Path, typer.Option(metavar="FILE", help=".png, .svg or .pdf.")] = Path("forecast.png"),
    backtest: Annotated[
        bool, typer.Option("--backtest", help="Show the last stretch against the truth instead.")
    ] = False,
    dates: Dates = "",
    encoding: Encoding = "",
    separator: Separator = "",
    decimal: Decimal = "",
    thousands: Annotated[str, typer.Option(metavar="MARK", help="Of numbers.", show_default=False)] = "",
    header: Header = None,
) -> None:
    """Print and draw the next rows of a table, with an interval around each value.

    The interval is conformal: as wide as the errors on rows that no training saw.
    """
    part = fraction_of(level)
    check_out(picture, PICTURES)
    if to:
        check_out(to, (".csv",))
    for name, path in (("--to", to), ("--picture", picture)):
        if path and path.resolve() == file.resolve():
            raise ZooError(f"{name} {path} is the table itself: choose another name")
    written = dialect(encoding, separator, decimal, thousands, header)
    with Console(stderr=True).status(f"reading {file}"):
        from zoo.forecasts.forecast import forecast as made_by

        made = made_by(model, file, horizon, level=part, dates=dates, dialect=written)
    _write(made, to, picture, backtest)


def _write(made: object, to: Path | None, picture: Path, backtest: bool) -> None:
    from zoo.drawings import save, write_bytes
    from zoo.forecasts.forecast import Forecast
    from zoo.forecasts.picture import draw_forecast

    assert isinstance(made, Forecast)
    rows = made.backtest if backtest else made.rows
    if rows.empty:
        raise ZooError("no stretch of the table is held back from the training: there is nothing to test")
    for note in made.notes:
        typer.echo(note)
    shown = [[_text(value) for value in row] for row in rows.head(MOST_LINES).itertuples(index=False)]
    print_table(f"{made.target}, with a {100 * made.level:g}% interval", list(rows.columns), shown)
    if len(rows) > MOST_LINES:
        typer.echo(f"and {len(rows) - MOST_LINES} more rows: --to writes all")
    if not math.isnan(made.held):
        typer.echo(f"on {made.held_of:,} values held back, {100 * made.level:g}% intervals held {made.held:.1%}")
    save(draw_forecast(made, backtest), picture)
    typer.echo(f"picture: {picture}")
    if to:
        write_bytes(to, rows.to_csv(index=False).encode())
        typer.echo(f"rows: {to}")


def _text(value: object) -> str:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.6g}"
    return str(value).removesuffix(" 00:00:00")
