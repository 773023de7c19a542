"""`zoo compare-runs`: did a change make anything slower? A gate for continuous integration. No Keras."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from zoo.cli.command import make_app
from zoo.errors import ZooError

app = make_app()
PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")
TABLE = "A measurements.csv (also .csv.gz), or a folder with one."


@app.command(
    "compare-runs",
    epilog="Examples: [bold]zoo compare-runs before/measurements.csv after/measurements.csv[/bold], "
    "[bold]zoo compare-runs main pull-request --fail-slower 10%[/bold]",
)
def compare_runs(
    before: Annotated[Path, typer.Argument(metavar="BEFORE", help=TABLE, show_default=False)],
    after: Annotated[Path, typer.Argument(metavar="AFTER", help=TABLE, show_default=False)],
    fail_slower: Annotated[
        str | None,
        typer.Option(
            metavar="PERCENT",
            help="End with exit code 1 when it is sure that a case is slower by more than this, such as 10%, or when a "
            "case fails that did not before.",
            show_default=False,
        ),
    ] = None,
    absolute: Annotated[
        bool, typer.Option("--absolute", help="Compare times as they are, on a machine whose pace never changes.")
    ] = False,
) -> None:
    """Compare two runs case by case: faster, slower, equal within 5%, or undecided.

    The time of each case is taken over that of the reference arm that took turns with it, so that a machine that is
    slower today is no slow-down.
    """
    from zoo.measuring.enough import LEAST_REPEATS
    from zoo.report.runs import change_lines
    from zoo.statistics.folders import read_results
    from zoo.statistics.runs import changes
    from zoo.statistics.tables import quick_texts
    from zoo.statistics.verdicts import TOO_FEW

    threshold = _share(fail_slower) if fail_slower is not None else 0.0
    with quick_texts():
        found = changes(read_results(before), read_results(after), absolute, threshold)
    rows, broken = found.rows, len(found.broken)
    if rows.empty and not broken:
        raise ZooError(f"{before} and {after} have no timed case in common")
    if fail_slower is not None and rows["verdict"].eq(TOO_FEW).all() and not broken:
        raise ZooError(f"--fail-slower needs a case with {LEAST_REPEATS} repeats in each run, and there is none")
    for line in change_lines(found, absolute):
        typer.echo(line)
    if fail_slower is not None:
        slower = int(rows["slower_for_sure"].sum())
        typer.echo(f"{slower} of {len(rows)} are slower by more than {fail_slower} for sure")
        if broken:
            typer.echo(f"{broken} case{'s' * (broken > 1)} ended well in the first run and failed in the second")
        raise typer.Exit(int(slower > 0 or broken > 0))


def _share(text: str) -> float:
    """A percentage as a share: "10%" is 0.1.

    Raises:
        ZooError: it is none.
    """
    match = PERCENT.fullmatch(text.strip())
    if not match:
        raise ZooError(f"--fail-slower is a percentage such as 10%, not {text!r}")
    return float(match[1]) / 100
