"""`zoo tasks`: the tasks."""

from __future__ import annotations

from zoo.cli.catalogue import whole_input
from zoo.cli.command import make_app, print_table
from zoo.registry import TASKS

app = make_app()


@app.command("tasks", epilog="Example: [bold]zoo tasks[/bold]")
def list_tasks() -> None:
    """List the tasks: data, with a loss and a metric, for training and for timing."""
    rows = [[task.name, whole_input(task), f"{task.summary} ({task.metric})"] for task in TASKS]
    print_table(f"{len(TASKS)} tasks", ["task", "reads", "what is asked, and its score"], rows)
