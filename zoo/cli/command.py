"""Running a command line: what a caller got wrong is told in one line."""

from __future__ import annotations

import sys
from typing import NoReturn

import typer

from zoo.errors import ZooError


def run(app: typer.Typer, name: str) -> NoReturn:
    """Run `app` as the command `name`; a mistake of the caller's is one line, and exit code 2. Alone it shows its help.

    Ctrl-C ends with exit code 130.
    """
    try:
        sys.exit(app(sys.argv[1:] or ["--help"], prog_name=name, standalone_mode=False))
    except typer.Abort:
        sys.exit(130)
    except (ZooError, typer.TyperException) as error:
        told = error.format_message() if isinstance(error, typer.TyperException) else str(error)
        if told:  # a group of commands that was asked for none has shown its help
            typer.echo(f"error: {told}", err=True)
        sys.exit(2)
