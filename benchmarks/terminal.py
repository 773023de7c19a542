"""The summaries on a terminal."""

from __future__ import annotations

import io

import pandas as pd
import rich.box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.report import LEGEND, tables

LEAST_WIDTH = 136  # of a table; a narrower terminal breaks its lines, and nothing is lost


def print_tables(table: pd.DataFrame, console: Console, markdown: bool = False) -> None:
    """Print what each execution costs, what each entry earns, and what failed; as Markdown for a page."""
    wide = Console(file=console.file, width=10_000, highlight=False) if markdown else wide_enough(console)
    texts = wide if markdown else console  # a page wraps its own lines
    texts.print(LEGEND, highlight=False)
    told = {""}  # a note is said once
    for title, part, note in tables(table):
        texts.print(f"\n[bold]{escape(title)}[/bold]" if not markdown else f"\n**{escape(title)}**\n", highlight=False)
        if note not in told:
            texts.print(escape(note) + "\n" * markdown, highlight=False)
            told.add(note)
        wide.print(as_rich(part, rich.box.MARKDOWN if markdown else rich.box.SIMPLE_HEAD))


def as_markdown(part: pd.DataFrame) -> str:
    """A table of texts for a page."""
    text = io.StringIO()
    Console(file=text, width=10_000, highlight=False).print(as_rich(part, rich.box.MARKDOWN))
    return "\n".join(line.rstrip() for line in text.getvalue().strip().splitlines()) + "\n"


def wide_enough(console: Console) -> Console:
    """The console, at least as wide as a table needs."""
    return Console(file=console.file, width=max(console.width, LEAST_WIDTH), highlight=False)


def as_rich(part: pd.DataFrame, box: rich.box.Box) -> Table:
    """A table of texts: names to the left, numbers to the right."""
    shown = Table(box=box, pad_edge=False, collapse_padding=True)
    for column in part.columns:
        numbers = part[column].str.match(r"^[-\d.,]*%?( ± .*| \[.*| \(.*)?$").all()
        name = column.replace("\n", " ") if box is rich.box.MARKDOWN else column
        shown.add_column(escape(name), justify="right" if numbers else "left", no_wrap=column != "reason")
    for row in part.itertuples(index=False):
        shown.add_row(*map(escape, row))
    return shown
