"""`zoo tasks`: the tasks."""

from __future__ import annotations

from zoo.cli.catalogue import one_step
from zoo.cli.command import make_app, print_table
from zoo.registry import TASKS, Task

app = make_app()


@app.command("tasks", epilog="Example: [bold]zoo tasks[/bold]")
def list_tasks() -> None:
    """List the tasks: data, with a loss and a metric, for training and for timing."""
    columns = ["task", "topology", "steps", "a step is", "metric", "what is asked"]
    print_table(f"{len(TASKS)} tasks", columns, [_row(task) for task in TASKS])


def _row(task: Task) -> list[str]:
    steps = f"{task.steps}{' or any' if task.any_steps else ''}"
    return [task.name, task.topology, steps, one_step(task), task.metric, task.summary]
