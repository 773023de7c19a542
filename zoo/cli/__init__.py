"""The `zoo` command, one file a command. Commands that list and show import no Keras."""

from __future__ import annotations

from zoo.cli import (
    bench,
    catalogue,
    check,
    compare,
    compare_runs,
    export,
    forecast,
    generate,
    label,
    list,
    recommend,
    show,
    tables,
    tasks,
    train,
)
from zoo.cli.command import make_app, run

app = make_app("A zoo of recurrent Keras models.")
COMMANDS = (
    *(list, tasks, show, catalogue, train, export, recommend, bench, check),
    *(compare, forecast, label, tables, compare_runs),
)
for each in COMMANDS:
    app.add_typer(each.app)
app.add_typer(generate.app, name="generate")


def main() -> None:
    """Run the command."""
    run(app, "zoo")
