"""`zoo show`: one entry."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape

from zoo.cli.catalogue import executions, options, sizes
from zoo.cli.command import EntryName, make_app, print_table
from zoo.execution import BACKENDS
from zoo.pretrained import cards, in_words
from zoo.registry import MODELS, Entry

app = make_app()


@app.command("show", epilog="Examples: [bold]zoo show lstm[/bold], [bold]zoo show encoder_decoder[/bold]")
def show(name: EntryName) -> None:
    """Show an entry: equations, paper, options, published weights, tasks that it fits, and executions."""
    entry = MODELS.get(name)
    out = Console(highlight=False)
    out.print(f"[bold]{entry.name}[/bold]  {escape(entry.summary)}\n")
    out.print(escape(entry.equations) + "\n")
    out.print(f"paper    {entry.year}: {escape(entry.paper)}")
    out.print(f"options  {escape(', '.join(options(entry)))}")
    for card in (card for card in cards() if card["entry"] == name):
        out.print(f"trained  {escape(in_words(card))}")
    print_table("tasks that it fits", ["task", "units", "reads"], sizes(entry))
    rows, reasons = _numbered(entry)
    print_table("how it runs", ["execution", *BACKENDS], rows)
    for number, reason in enumerate(reasons, start=1):
        out.print(f"({number}) {escape(reason)}")


def _numbered(entry: Entry) -> tuple[list[list[str]], list[str]]:
    """A row an execution, "yes" or "no (2)" for each backend, and the reasons that the numbers stand for."""
    reasons: list[str] = []
    rows = []
    for execution, *answers in executions(entry):
        reasons += [each for each in dict.fromkeys(answers) if each != "yes" and each not in reasons]
        rows.append([execution, *(e if e == "yes" else f"no ({reasons.index(e) + 1})" for e in answers)])
    return rows, reasons
