"""`zoo bench`: what the models of a file of your own cost and earn."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.status import Status

from zoo.cli.command import make_app, seconds
from zoo.errors import ZooError

app = make_app()
RUNS = Path("zoo-runs")
Size = Annotated[int | None, typer.Option(min=1, help="The tasks' own by default.", show_default=False)]


class TerminalScreen:
    """Lines that stay go to standard output; what runs now is a line of progress on a terminal."""

    def __init__(self, status: Status) -> None:
        self._status = status

    def line(self, text: str) -> None:
        """Write a line that stays."""
        typer.echo(text)

    def passing(self, text: str) -> None:
        """Say what runs now."""
        self._status.update(text)


def names(text: str) -> list[str]:
    """The names of a list with commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


@app.command(
    "bench",
    epilog="Examples: [bold]zoo bench my_models.py[/bold], "
    "[bold]zoo bench my_models.py --tasks wave --backends tensorflow,torch --budget 5min[/bold], "
    "[bold]zoo bench my_models.py --models my_cell --executions looped,chunked-auto --seeds 0[/bold]. "
    "A file holds cells, functions that return a keras.Model, and builders under zoo.register_entry.",
)
def bench(
    file: Annotated[Path, typer.Argument(metavar="FILE.py", help="Your models.", show_default=False)],
    *,
    models: Annotated[str, typer.Option(metavar="A,B", help="Of the file; all by default.", show_default=False)] = "",
    tasks: Annotated[
        str, typer.Option(metavar="A,B", help="See zoo tasks; digits_rows and wave by default.", show_default=False)
    ] = "",
    executions: Annotated[
        str, typer.Option(metavar="A,B", help="stock is your model as you wrote it.")
    ] = "stock,looped,unrolled",
    beside: Annotated[str, typer.Option(metavar="A,B", help="Entries of the zoo to compare with.")] = "lstm",
    backends: Annotated[str, typer.Option(metavar="A,B", help="tensorflow, jax, torch.")] = "tensorflow",
    devices: Annotated[str, typer.Option(metavar="A,B", help="cpu, gpu.")] = "cpu",
    steps: Size = None,
    units: Size = None,
    batch: Size = None,
    seeds: Annotated[int, typer.Option(min=0, help="Trainings of each model on each task; 0: none.")] = 3,
    budget: Annotated[str, typer.Option(metavar="TIME", help="What timing may take.")] = "2min",
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where results go. Default: zoo-runs/<start time>.", show_default=False),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out, or with the newest.")] = False,
    ray: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Measure on the nodes of a Ray cluster.", show_default=False)
    ] = "",
) -> None:
    """Prove, time and train the models of your file beside entries of the zoo, and write a table and a report."""
    from zoo.bench.own import left_out_lines, own_profile, read_models
    from zoo.bench.plan import Selection
    from zoo.bench.run import Run, run_name
    from zoo.statistics.folders import newest_run

    budget_seconds = seconds(budget)
    selection = Selection.of_names(backends=names(backends), devices=names(devices), seeds=seeds)
    folder = out or (newest_run(RUNS) if resume else None) or RUNS / run_name()
    console = Console(stderr=True)
    with console.status(f"reading {file}") as status:
        own = read_models(file, selection.backends[0], selection.devices[0])
        profile = own_profile(
            own,
            entries=names(models),
            tasks=names(tasks),
            executions=names(executions),
            beside=names(beside),
            steps=steps,
            units=units,
            batch=batch,
        )
        run = Run(profile, selection, folder, budget_seconds=budget_seconds, resume=resume, own=own, ray=ray)
        for line in left_out_lines(own):
            typer.echo(line)
        try:
            run.begin(TerminalScreen(status))
            run.measure_all()
            for line in run.end_lines(console.width):
                typer.echo(line)
        except KeyboardInterrupt:
            typer.echo(f"stopped; go on with the same command and --resume --out {folder}", err=True)
            raise typer.Abort from None
        finally:
            run.close()
    if run.failed:
        raise ZooError(f"not every model could be measured: zoo check {file} tells more")
