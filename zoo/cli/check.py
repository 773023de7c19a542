"""`zoo check`: what the models of a file of your own keep, and what they do not."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from zoo.cli.command import make_app
from zoo.errors import unknown
from zoo.execution import BACKENDS

if TYPE_CHECKING:
    from zoo.own.contracts import Finding

app = make_app()
STYLES = {"holds": "green", "FAILS": "bold red", "not tried": "dim"}
"""How each result is shown."""


@app.command(
    "check",
    epilog="Examples: [bold]zoo check my_models.py[/bold], [bold]zoo check my_models.py --backend jax[/bold]. "
    "The exit code is 1 if a contract fails.",
)
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE.py", help="Your models.", show_default=False)],
    *,
    backend: Annotated[
        str, typer.Option(metavar="NAME", help="tensorflow, jax or torch. Default: Keras' own.", show_default=False)
    ] = "",
    every: Annotated[bool, typer.Option("--all", help="Show what was not tried too, with the reasons.")] = False,
) -> None:
    """Try the zoo's contracts on the models of your file: shapes, masks, gradients, files, and every execution."""
    if backend and backend not in BACKENDS:
        raise unknown("backend", backend, BACKENDS)
    if backend:
        os.environ["KERAS_BACKEND"] = backend
    console = Console(stderr=True)
    with console.status(f"reading {file}") as status:
        from zoo.create import require_keras
        from zoo.own.contracts import FAILS, HOLDS, NOT_TRIED, findings
        from zoo.own.describe import described
        from zoo.own.models import register

        require_keras()
        own = described(file)
        register(own)
        found = []
        for finding in findings(own):
            status.update(f"{finding.model}: {finding.contract}")
            found.append(finding)
    for line in lines(found, every):
        Console(highlight=False).print(line, soft_wrap=True)
    counts = {result: sum(finding.result == result for finding in found) for result in (HOLDS, FAILS, NOT_TRIED)}
    hint = "" if every else " (--all shows them)"
    typer.echo(f"{counts[HOLDS]} contracts hold, {counts[FAILS]} fail, {counts[NOT_TRIED]} not tried{hint}")
    if counts[FAILS]:
        raise typer.Exit(1)


def lines(found: Sequence[Finding], every: bool) -> Iterator[str]:
    """A model in a few lines: the contracts that hold in one, then each that fails, or was not tried, with its reason.

    Args:
        found: findings, those of a model beside each other.
        every: whether to show what was not tried.
    """
    for model in dict.fromkeys(finding.model for finding in found):
        yield f"[bold]{escape(model)}[/bold]"
        own = [finding for finding in found if finding.model == model]
        holding = ", ".join(finding.contract for finding in own if not finding.reason)
        if holding:
            yield f"  [{STYLES['holds']}]holds[/]      {holding}"
        for finding in own:
            if finding.reason and (every or finding.result != "not tried"):
                yield f"  [{STYLES[finding.result]}]{finding.result:9}[/]  {finding.contract}: {escape(finding.reason)}"
