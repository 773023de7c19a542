"""`zoo list`: the entries."""

from __future__ import annotations

from typing import Annotated

import typer

from zoo.cli.command import make_app, print_table
from zoo.errors import ZooError
from zoo.registry import MODELS

app = make_app()


@app.command("list", epilog='Examples: [bold]zoo list[/bold], [bold]zoo list "*rnn*"[/bold]')
def list_entries(
    pattern: Annotated[str, typer.Argument(help="A pattern in quotes: * is any text, ? any character.")] = "*",
) -> None:
    """List the entries: architectures that `zoo.create_model` makes."""
    entries = [MODELS.get(name) for name in MODELS.names(pattern)]
    if not entries:
        raise ZooError(f"no entry matches {pattern!r}; zoo list shows all {len(MODELS)}")
    rows = [[entry.name, str(entry.year), entry.summary] for entry in entries]
    print_table(f"{len(rows)} of {len(MODELS)} entries", ["entry", "year", "what it is"], rows)
