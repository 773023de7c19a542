"""`python -m benchmarks`: charts and summaries from the results tables. It imports no Keras, so it takes seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks import publish as published
from zoo.cli.command import run
from zoo.cli.tables import draw, write
from zoo.errors import ZooError
from zoo.measuring.rows import TABLE, check_writable
from zoo.report.verdicts import REPORT
from zoo.statistics.folders import newest_run, read_history, read_results, reference_tables

ROOT = Path(__file__).parent.parent / "results"
WEIGHTS = ROOT.parent / "zoo" / "pretrained_weights"

app = typer.Typer(
    help="Charts and summaries from the results tables, without Keras.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
Results = Annotated[
    Path | None,
    typer.Option(
        "--results",
        metavar="TABLE",
        help="A measurements.csv, or a folder with one, or with *-speed.csv and *-accuracy.csv (all also .csv.gz). "
        "Without it: the newest run under results/runs, else results/reference.",
        show_default=False,
    ),
]


def find_results(root: Path = ROOT) -> Path:
    """The newest folder under `root`/runs that holds measurements, else `root`/reference."""
    newest = newest_run(root / "runs")
    if newest:
        return newest
    reference = root / "reference"
    if not reference_tables(reference):
        raise ZooError(f"no results yet: neither {root / 'runs'} nor {reference} holds a table; run pytest --benchmark")
    return reference


def charts_folder(folder: Path) -> Path:
    """Where the charts of a table or folder go: beside a run's table; for reference tables to results/charts."""
    return folder / "charts" if (folder / TABLE).exists() else folder.resolve().parent / "charts"


@app.command(
    epilog="Examples: [bold]python -m benchmarks charts[/bold], "
    "[bold]python -m benchmarks charts --results results/reference[/bold]"
)
def charts(results: Results = None) -> None:
    """Draw every chart anew from the results and say where they are."""
    results = results or find_results()
    draw(results, charts_folder(results))
    from benchmarks.trained.curves import draw_curves, read_trained

    trained = read_trained(results)
    for path in draw_curves(trained, charts_folder(results), typer.echo) if trained else ():
        typer.echo(path)


@app.command(
    epilog="Examples: [bold]python -m benchmarks report[/bold], "
    "[bold]python -m benchmarks report --results results/reference[/bold]"
)
def report(results: Results = None) -> None:
    """Write report.html beside the results: answers, charts and tables in one file. Print its verdicts."""
    results = results or find_results()
    write([results], (results if results.is_dir() else results.parent) / REPORT)


@app.command(
    epilog="Examples: [bold]python -m benchmarks coverage[/bold], "
    "[bold]python -m benchmarks coverage --results results/runs/2026-11-24T12-00-00[/bold]"
)
def coverage(results: Results = None) -> None:
    """Print how often the interval of a ratio holds 1 where an arm is compared with itself (A/A, 200 pairs or more).

    And what the whole rule says of such arms: repeats until the interval is within 4%, then a verdict.

    Without --results: the experiment that is kept in results/reference/aa.
    """
    from zoo.report.coverage import coverage_texts, rule_texts
    from zoo.report.terminal import print_table
    from zoo.statistics.coverage import coverage as coverage_of
    from zoo.statistics.coverage import coverage_sentence, under_the_rule

    results = results or ROOT / "reference" / "aa"
    table = read_results(results)
    shares = coverage_of(table)
    typer.echo(f"{len(table)} rows from {results}")
    print_table(coverage_texts(shares), Console())
    print_table(rule_texts(under_the_rule(table)), Console())
    typer.echo(coverage_sentence(shares))


@app.command(
    epilog="Examples: [bold]python -m benchmarks publish --results results/runs/2026-11-24T12-00-00[/bold], "
    "[bold]python -m benchmarks publish --to results/reference/aa[/bold] for an A/A experiment, "
    "[bold]python -m benchmarks publish --as peers[/bold] for a profile with a page of its own. "
    "Rows of tasks, sizes and backends that the run did not measure stay.",
)
def publish(
    results: Results = None,
    to: Annotated[Path, typer.Option(metavar="DIR", help="Where the raw rows go.")] = ROOT / "reference",
    profile: Annotated[str, typer.Option("--as", metavar="PROFILE", help="One with a page of its own: peers.")] = "",
    drop: Annotated[bool, typer.Option(help="Let go of what stands at these sizes and the run lacks.")] = False,
) -> None:
    """Keep a run as the reference: its raw rows in results/reference, its charts in results/charts."""
    from benchmarks.pages.profiles import require_page

    if profile:
        require_page(profile)
    results = results or find_results()
    table = read_results(results)
    check_writable(to)
    paths = published.publish_profile(table, to, profile, drop) if profile else published.publish(table, to, drop)
    for path in paths:
        typer.echo(path)
    if to.resolve() == (ROOT / "reference").resolve():
        charts(to)
        page(to)


@app.command(
    "train-reference",
    epilog="Examples: [bold]python -m benchmarks train-reference[/bold], "
    "[bold]python -m benchmarks train-reference --only 'adding*' --seeds 1[/bold]",
)
def train_reference(
    only: Annotated[str, typer.Option(metavar="NAME", help="A group of the queue, or a wildcard.")] = "*",
    seeds: Annotated[int | None, typer.Option(min=1, help="Instead of each group's own.", show_default=False)] = None,
    backend: Annotated[
        str, typer.Option(help="tensorflow, jax or torch, instead of each group's own.", show_default=False)
    ] = "",
    at_once: Annotated[
        int, typer.Option(min=1, help="So many trainings at a time, each on its share of the cores.")
    ] = 1,
    to: Annotated[Path, typer.Option(metavar="DIR", help="Where the table is.")] = ROOT / "reference",
) -> None:
    """Train what is published and append each seed to results/reference; what stands there is not trained again."""
    from benchmarks.trained.queue import planned, train_all

    typer.echo(train_all(planned(only, backend, seeds), to, typer.echo, at_once))


@app.command(epilog="Example: [bold]python -m benchmarks weights[/bold]")
def weights(
    folder: Annotated[Path, typer.Option("--results", metavar="DIR", help="Where the tables are.")] = ROOT
    / "reference",
    to: Annotated[Path, typer.Option(metavar="DIR", help="Where weights and cards go.")] = WEIGHTS,
) -> None:
    """Publish the best seed of each training of train-reference in zoo/pretrained_weights, with a card."""
    from benchmarks.trained.queue import TRAINED
    from benchmarks.trained.weights import publish_all

    history = read_history(folder)
    publish_all(read_results(folder), history, folder.parent / TRAINED, to, typer.echo)


@app.command(epilog="Example: [bold]python -m benchmarks samples[/bold]")
def samples(to: Annotated[Path, typer.Option(metavar="DIR", help="Where the tables go.")] = ROOT / "reference") -> None:
    """Have the published models go on with waves and draw digits, as tables that the charts are drawn from."""
    from benchmarks.trained.samples import write_samples

    check_writable(to)
    for path in write_samples(to):
        typer.echo(path)


@app.command(
    epilog="Examples: [bold]python -m benchmarks page[/bold], "
    "[bold]python -m benchmarks page --results results/reference[/bold]"
)
def page(
    folder: Annotated[Path, typer.Option("--results", metavar="DIR", help="Where the reference tables are.")] = ROOT
    / "reference",
) -> None:
    """Fill the tables and figures of README.md, results/*.md and docs/results-accuracy.md; the text is by hand."""
    from benchmarks.pages.write import write_pages

    for path in write_pages(folder, ROOT.parent):
        typer.echo(path)


def main() -> None:
    """Run the command."""
    run(app, "python -m benchmarks")


if __name__ == "__main__":
    main()
