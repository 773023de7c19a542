"""The `zoo` command. It imports no Keras: a list is there in well under a second."""

from __future__ import annotations

from typing import Annotated

import rich.box
import typer
from rich.console import Console
from rich.table import Table

import zoo
from zoo.registry import unknown

app = typer.Typer(
    help="A zoo of recurrent Keras models.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
)
Pattern = Annotated[str, typer.Argument(help="Shell-style wildcard, in quotes.")]


def _print(title: str, columns: list[str], rows: list[list[str]]) -> None:
    table = Table(title=title, title_justify="left", box=rich.box.SIMPLE_HEAD)
    for column in columns:
        table.add_column(column, no_wrap=column != columns[-1])
    for row in rows:
        table.add_row(*row)
    Console().print(table)


@app.command("list", epilog='Examples: [bold]zoo list[/bold], [bold]zoo list "*rnn*"[/bold]')
def list_entries(pattern: Pattern = "*") -> None:
    """The entries: architectures that `zoo.create_model` makes."""
    names = zoo.list_models(pattern)
    if not names:
        typer.echo(unknown("entry", pattern, zoo.list_models(), "zoo list shows all").args[0], err=True)
        raise typer.Exit(2)
    entries = [zoo.get_entry(name) for name in names]
    rows = [[entry.name, str(entry.year), entry.summary] for entry in entries]
    _print(f"{len(names)} of {len(zoo.list_models())} entries", ["entry", "year", "what it is"], rows)


@app.command("tasks", epilog="Example: [bold]zoo tasks[/bold]")
def list_tasks() -> None:
    """The tasks: what an entry can be trained on and timed with."""
    tasks = [zoo.get_task(name) for name in zoo.list_tasks()]
    rows = [
        [task.name, f"{task.steps}{' or any' if task.any_steps else ''} × {task.features}", task.metric, task.summary]
        for task in tasks
    ]
    _print(f"{len(tasks)} tasks", ["task", "steps × features", "metric", "what is asked"], rows)


if __name__ == "__main__":
    app()
