"""What every command shares: its application, its arguments, its tables, and one line for a mistake of the user's."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Callable
from typing import Annotated, NoReturn

import rich.box
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from zoo.errors import ZooError, is_out_of_memory
from zoo.signals import stop_as_ctrl_c_does

OF_TENSORFLOW = re.compile(r"\{\{.*?\}\}| on /job:.*")
"""A node of its graph before a message, and the device and the allocator behind it."""
LONGEST = 160
"""Characters of a library's message that are shown."""
DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|min)?")
EntryName = Annotated[str, typer.Argument(metavar="ENTRY", help="An entry; see zoo list.")]
TaskName = Annotated[str, typer.Option("--task", metavar="TASK", help="A task; see zoo tasks.")]
Units = Annotated[
    int | None, typer.Option(min=1, help="Size of the recurrent layers; the task's by default.", show_default=False)
]


def make_app(summary: str = "") -> typer.Typer:
    """An application whose help is formatted by rich."""
    return typer.Typer(
        help=summary,
        no_args_is_help=bool(summary),
        add_completion=False,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
    )


def print_table(title: str, columns: list[str], rows: list[list[str]], whole: int = 2) -> None:
    """Print a table; so many of its first columns are never wrapped."""
    table = Table(title=escape(title), title_justify="left", box=rich.box.SIMPLE_HEAD)
    for column in columns:
        table.add_column(escape(column), no_wrap=column in columns[:whole])
    for row in rows:
        table.add_row(*map(escape, row))
    Console().print(table)


def seconds(text: str) -> float:
    """The seconds of "60s", "60" or "2min"; else a ZooError."""
    found = DURATION.fullmatch(text.strip())
    if not found or not float(found[1]):
        raise ZooError(f"--budget must be a time such as 60s or 2min, not {text!r}")
    return float(found[1]) * (1 if found[2] in (None, "s") else 60)


def run(app: typer.Typer, name: str) -> NoReturn:
    """Run `app` as the command `name`; without arguments it shows its help. Exit codes are those of `run_function`."""
    _run(app, name, sys.argv[1:] or ["--help"])


def run_function(function: Callable[..., object], name: str) -> NoReturn:
    """Run `function` as the command `name`, without arguments too.

    Exit codes: 2 and one line on stderr for a mistake of the user's, 1 and one line where the system refuses (a full
    disk, not enough memory), 130 after Ctrl-C, SIGTERM or SIGHUP.
    """
    app = make_app()
    app.command()(function)
    _run(app, name, sys.argv[1:])


def _run(app: typer.Typer, name: str, arguments: list[str]) -> NoReturn:
    stop_as_ctrl_c_does()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # else its warnings bury the line of an error
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # and those about models that are traced anew
    try:
        sys.exit(app(arguments, prog_name=name, standalone_mode=False))
    except (typer.Abort, KeyboardInterrupt):
        sys.exit(130)
    except ZooError as error:
        _fail(str(error), 2)
    except typer.TyperException as error:
        _fail(_with_hint(error), 2)
    except OSError as error:
        _fail(": ".join(str(part) for part in (error.strerror or error, error.filename) if part), 1)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        _fail(f"not enough memory: {_in_a_line(error)}; choose smaller sizes, such as fewer --units", 1)


def _with_hint(error: typer.TyperException) -> str:
    """The message of a wrong command line; that of a missing argument names the help page too."""
    message, context = str(error.format_message()), getattr(error, "ctx", None)
    if context is None or not message.startswith("Missing"):
        return message
    return f"{message.rstrip('.')}; see {context.command_path} --help"


def _in_a_line(error: Exception) -> str:
    """The message of a library in a line, without what TensorFlow puts around it."""
    return " ".join(OF_TENSORFLOW.sub("", str(error)).split())[:LONGEST] or type(error).__name__


def _fail(message: str, code: int) -> NoReturn:
    """End with one line on stderr. A group that is called without a command has no message: it shows its help."""
    if message:
        typer.echo(f"error: {' '.join(message.splitlines())}", err=True)
    sys.exit(code)
