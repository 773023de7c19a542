"""Tables of texts on a terminal and on a page."""

from __future__ import annotations

import io

import pandas as pd
import rich.box
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

REASON_WIDTH = 60


def print_table(part: pd.DataFrame, console: Console) -> None:
    """Print a table of texts whole: a terminal that is narrower than it breaks its lines, and nothing is lost."""
    shown = as_rich(part, rich.box.SIMPLE_HEAD)
    least = Measurement.get(console, console.options.update(max_width=10_000), shown).maximum
    Console(file=console.file, width=max(console.width, least), highlight=False).print(shown)


def as_markdown(part: pd.DataFrame) -> str:
    """A table of texts for a page."""
    text = io.StringIO()
    Console(file=text, width=10_000, highlight=False).print(as_rich(part, rich.box.MARKDOWN))
    return "\n".join(line.rstrip() for line in text.getvalue().strip().splitlines()) + "\n"


def as_rich(part: pd.DataFrame, box: rich.box.Box) -> Table:
    """A table of texts: names to the left, numbers to the right."""
    shown = Table(box=box, pad_edge=False, collapse_padding=True)
    for column in part.columns:
        numbers = part[column].str.match(r"^[-\d.,]*%?( ± .*| \[.*| \(.*)?$").all()
        name = column.replace("\n", " ") if box is rich.box.MARKDOWN else column
        wraps = column == "reason" and box is not rich.box.MARKDOWN
        width = REASON_WIDTH if wraps else None
        shown.add_column(escape(name), justify="right" if numbers else "left", no_wrap=not wraps, max_width=width)
    for row in part.itertuples(index=False):
        shown.add_row(*map(escape, row))
    return shown
