"""`zoo tasks`: the tasks, or one of them."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from zoo.cli.catalogue import recipes, whole_input
from zoo.cli.command import make_app, print_table
from zoo.registry import TASKS

app = make_app()
Name = Annotated[str, typer.Argument(metavar="[TASK]", help="Show this task, with its recipes.", show_default=False)]


@app.command("tasks", epilog="Examples: [bold]zoo tasks[/bold], [bold]zoo tasks adding[/bold]")
def list_tasks(name: Name = "") -> None:
    """List the tasks (data, with a loss and a metric, for training and for timing), or show one and its recipes."""
    if name:
        show(name)
        return
    rows = [[task.name, whole_input(task), f"{task.summary} ({task.metric})"] for task in TASKS]
    print_table(f"{len(TASKS)} tasks", ["task", "reads", "what is asked, and its score"], rows)


def show(name: str) -> None:
    """Show a task: data, loss, metric, naive guesses, and how its recipes train."""
    task = TASKS.get(name)
    out = Console(highlight=False)
    out.print(f"[bold]{task.name}[/bold]  {escape(task.summary)}\n")
    out.print(
        f"reads    {escape(whole_input(task))}; {task.units} units by default, timed with batches of {task.batch}"
    )
    out.print(f"loss     {task.loss}")
    out.print(f"metric   {task.metric}, {'higher' if task.higher_is_better else 'lower'} is better")
    out.print(f"naive    {escape(', '.join(task.naive))}")
    out.print(f"source   {escape(task.source)}")
    out.print(f"licence  {escape(task.licence)}")
    print_table("recipes, the first by default", ["recipe", "how it trains"], recipes(task), whole=1)
