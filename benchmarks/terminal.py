"""The summaries on a terminal."""

from __future__ import annotations

import pandas as pd
import rich.box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.report import LEGEND, tables

LEAST_WIDTH = 120  # of a table; a narrower terminal breaks its lines, and nothing is lost


def print_tables(table: pd.DataFrame, console: Console) -> None:
    """Print what each execution costs, what each entry earns, and what failed."""
    wide = Console(file=console.file, width=max(console.width, LEAST_WIDTH), highlight=False)
    console.print(LEGEND, highlight=False)
    for title, part in tables(table):
        console.print(f"\n[bold]{escape(title)}[/bold]", highlight=False)
        wide.print(_as_rich(part))


def _as_rich(part: pd.DataFrame) -> Table:
    """A table of texts for the terminal: names to the left, numbers to the right."""
    shown = Table(box=rich.box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for column in part.columns:
        numbers = part[column].str.match(r"^[-\d.,]*( ± .*| \[.*)?$").all()
        shown.add_column(escape(column), justify="right" if numbers else "left", no_wrap=column != "reason")
    for row in part.itertuples(index=False):
        shown.add_row(*map(escape, row))
    return shown
