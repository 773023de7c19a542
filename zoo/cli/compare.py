"""`zoo compare`: entries of the zoo on data of your own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from zoo.cli.bench import names
from zoo.cli.command import make_app, print_table
from zoo.comparison.settings import ENTRIES, RECOMMENDED, SETTINGS, newest_folder
from zoo.errors import ZooError
from zoo.frames.dialect import Dialect

if TYPE_CHECKING:
    import pandas as pd

    from zoo.comparison.outcome import Outcome
    from zoo.comparison.run import Training

app = make_app()
HOW_TO_READ = (
    "±: half the 95% interval over folds; "
    "over baseline: the mean error divided by that of the best baseline on the same examples, under 1 is better; "
    "train s: seconds of a training; ms: of a prediction of one batch, in turns with the others; "
    "MiB: of the process that trains"
)
Encoding = Annotated[str, typer.Option(help="Of the file; found from it.", show_default=False)]
Separator = Annotated[str, typer.Option(help="Between columns; found from the file.", show_default=False)]
Decimal = Annotated[str, typer.Option(metavar="MARK", help="Of numbers, '.' or ','; found.", show_default=False)]
Dates = Annotated[str, typer.Option(metavar="ORDER", help="day-first, month-first or year-first.", show_default=False)]
Header = Annotated[
    bool | None,
    typer.Option(
        "--header/--no-header",
        help="Whether the first line names the columns; if not, they are called 1, 2, …",
        show_default=False,
    ),
]


def dialect(encoding: str, separator: str, decimal: str, thousands: str, header: bool | None) -> Dialect:
    """How the user says that a file is written.

    Raises:
        ZooError: a mark is not one character.
    """
    for name, mark in (("separator", separator), ("decimal", decimal), ("thousands", thousands)):
        if len(mark.replace("\\t", "\t")) > 1:
            raise ZooError(f"--{name} must be one character, not {mark!r}")
    return Dialect(encoding or None, separator.replace("\\t", "\t") or None, decimal or None, thousands or None, header)


@contextmanager
def _progress(console: Console) -> Iterator[Progress]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield progress


@app.command(
    "compare",
    epilog="Examples: [bold]zoo compare data.csv --target Temp --time Date[/bold], "
    "[bold]zoo compare sales.csv --target sold --time day --id store --known holiday --horizon 7[/bold], "
    "[bold]zoo compare reviews.csv --text review --label sentiment[/bold], "
    "[bold]zoo compare gestures.csv --id recording --time step --label gesture --entries lstm,gru[/bold].",
)
def compare(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, gzipped or not, or Parquet.", show_default=False)],
    *,
    target: Annotated[str, typer.Option(metavar="COLUMN", help="Column to forecast.", show_default=False)] = "",
    time: Annotated[
        str, typer.Option(metavar="COLUMN", help="Column of times; without it rows are in order.", show_default=False)
    ] = "",
    id: Annotated[
        str,
        typer.Option(metavar="COLUMN", help="Column that names the series or the sequence.", show_default=False),
    ] = "",
    features: Annotated[str, typer.Option(metavar="A,B", help="Further columns to read.", show_default=False)] = "",
    known: Annotated[
        str, typer.Option(metavar="A,B", help="Columns that are known in advance.", show_default=False)
    ] = "",
    label: Annotated[str, typer.Option(metavar="COLUMN", help="Column of labels.", show_default=False)] = "",
    text: Annotated[str, typer.Option(metavar="COLUMN", help="Column of texts, one per row.", show_default=False)] = "",
    window: Annotated[
        int | None,
        typer.Option(min=1, help="Rows that a model reads, 20; of a sequence at most, 200.", show_default=False),
    ] = None,
    horizon: Annotated[int, typer.Option(min=1, help="Rows to forecast.")] = 1,
    season: Annotated[int, typer.Option(min=0, help="Rows of a period; 0: it is found.")] = 0,
    folds: Annotated[int, typer.Option(min=1, help="Parts to test on.")] = 3,
    seeds: Annotated[int, typer.Option(min=1, help="Trainings of each entry on each fold.")] = 2,
    entries: Annotated[str, typer.Option(metavar="A,B", help="Of the zoo; see zoo list.")] = ",".join(ENTRIES),
    units: Annotated[int, typer.Option(min=1, help="Units of the recurrent layers.")] = 32,
    execution: Annotated[
        str, typer.Option(metavar="NAME", help="How time loops run; by default the fastest here.")
    ] = RECOMMENDED,
    backend: Annotated[str, typer.Option(metavar="NAME", help="By default KERAS_BACKEND.", show_default=False)] = "",
    dates: Dates = "",
    encoding: Encoding = "",
    separator: Separator = "",
    decimal: Decimal = "",
    thousands: Annotated[str, typer.Option(metavar="MARK", help="Of numbers.", show_default=False)] = "",
    header: Header = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Default: zoo-runs/compare-<time>.", show_default=False),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the comparison in --out, or with the newest.")
    ] = False,
    ray: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Train on the nodes of a Ray cluster.", show_default=False)
    ] = "",
) -> None:
    """Train entries on your data, compare them with simple baselines, and keep the best model.

    Ctrl-C keeps what is done; --resume goes on.
    """
    written = dialect(encoding, separator, decimal, thousands, header)
    folder = out or (newest_folder() if resume else None)
    if resume and folder is None:
        raise ZooError("there is no comparison to go on with: name its folder by --out")
    from zoo.comparison.compare import compare as run
    from zoo.comparison.settings import new_folder

    folder = folder or new_folder()
    console = Console(stderr=True)
    try:
        with _progress(console) as progress:
            bar = progress.add_task(f"reading {file}", total=None)

            def done(training: Training, total: int) -> None:
                progress.update(bar, total=total, advance=1, description=f"trained {training.name}")
                if training.status != "ok":
                    typer.echo(f"{training.name}: {training.status}: {training.reason}", err=True)

            outcome = run(
                file,
                target=target,
                time=time,
                id=id,
                features=names(features),
                known=names(known),
                label=label,
                text=text,
                window=window,
                horizon=horizon,
                season=season,
                folds=folds,
                seeds=seeds,
                entries=names(entries),
                units=units,
                execution=execution,
                backend=backend,
                dates=dates,
                dialect=written,
                out=folder,
                resume=resume,
                ray=ray,
                show=lambda text: progress.update(bar, description=text),
                note=typer.echo,
                done=done,
            )
    except KeyboardInterrupt:
        kept = (folder / SETTINGS).exists()
        go_on = f"; go on with the same command and --resume --out {folder}" if kept else ": nothing was trained yet"
        typer.echo(f"stopped{go_on}", err=True)
        raise typer.Abort from None
    _print(outcome)


def _print(outcome: Outcome) -> None:
    print_table(f"{outcome.name}, best first", *_texts(outcome))
    typer.echo(HOW_TO_READ)
    for text in outcome.failures:
        typer.echo(text)
    typer.echo(outcome.verdict)
    assert outcome.folder
    typer.echo(f"report: {outcome.folder / 'report.html'}")
    use = "zoo forecast" if outcome.metrics[0].name == "MASE" else "zoo label"
    typer.echo(f"model:  {outcome.folder / 'model'} ({use} uses it)")


def _texts(outcome: Outcome) -> tuple[list[str], list[list[str]]]:
    """The table as texts: what a terminal has room for."""
    import pandas as pd

    from zoo.comparison.verdicts import UNDECIDED
    from zoo.statistics.texts import three_digits

    first = outcome.metrics[0].name
    columns = ["", first, *(metric.name for metric in outcome.metrics[1:]), "over baseline", "train s", "ms", "MiB"]

    def cell(row: pd.Series, column: str, form: str) -> str:
        return form.format(row[column]) if column in row and pd.notna(row[column]) else ""

    rows = []
    for _, row in outcome.table.iterrows():
        text = three_digits(row[first])
        if pd.notna(row[f"{first} low"]) and row["kind"] == "entry":
            text += f" ±{three_digits((row[f'{first} high'] - row[f'{first} low']) / 2)}"
        others = [three_digits(row[metric.name]) for metric in outcome.metrics[1:]]
        costs = [
            cell(row, "train_seconds", "{:.1f}"),
            cell(row, "predict_ms", "{:.2f}"),
            cell(row, "peak_mib", "{:.0f}"),
        ]
        verdict = "" if row["verdict"] == UNDECIDED else f" {row['verdict']}"
        against = cell(row, "over_baseline", "{:.3f}") + verdict if row["kind"] == "entry" else row["verdict"]
        rows.append([row["name"], text, *others, against, *costs])
    return columns, rows
