"""`zoo recommend`: which execution to use for recurrent layers of your sizes."""

from __future__ import annotations

import re
from typing import Annotated

import typer
from rich.console import Console

from zoo.cli.command import make_app, print_table, seconds
from zoo.errors import ZooError, unknown
from zoo.execution import BACKENDS

app = make_app()
AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*(GiB|MiB|GB|MB)", re.IGNORECASE)
BYTES = {"gib": 2**30, "mib": 2**20, "gb": 10**9, "mb": 10**6}
Whole = Annotated[int, typer.Option(min=1)]


def amount(text: str) -> int:
    """The bytes of "2GiB" or "500MB"; else a ZooError."""
    found = AMOUNT.fullmatch(text.strip())
    if not found:
        raise ZooError(f"--memory-limit must be an amount such as 2GiB or 500MB, not {text!r}")
    return int(float(found[1]) * BYTES[found[2].lower()])


@app.command(
    "recommend",
    epilog="Examples: [bold]zoo recommend lstm --units 64 --steps 240 --batch 32[/bold], "
    "[bold]zoo recommend gru --steps 50 --layers 2 --backend torch,jax --budget 2min[/bold]. "
    "In Python, for a model of your own: [bold]zoo.recommend(model, x, y)[/bold].",
)
def recommend(
    cell: Annotated[str, typer.Argument(metavar="LAYER", help="lstm, gru, simple_rnn, min_gru, min_lstm or lru.")],
    *,
    units: Whole = 64,
    steps: Whole = 50,
    batch: Whole = 32,
    features: Whole = 1,
    layers: Whole = 1,
    backend: Annotated[
        str, typer.Option(metavar="A,B", help="Backends; by default all that are installed.", show_default=False)
    ] = "",
    memory_limit: Annotated[
        str, typer.Option(metavar="2GiB", help="An arm that holds more is left out.", show_default=False)
    ] = "",
    budget: Annotated[str, typer.Option(metavar="TIME", help="What measuring may take.")] = "60s",
    fresh: Annotated[bool, typer.Option("--fresh", help="Measure, even if the answer is remembered.")] = False,
) -> None:
    """Measure how recurrent layers of your sizes run fastest here, and print what to use."""
    from zoo.measuring.own_arm import CELLS, Sizes
    from zoo.measuring.recommend import NO_LIMIT, recommend_sizes
    from zoo.measuring.recommendation import COLUMNS

    if cell not in CELLS:
        raise unknown("layer", cell, list(CELLS))
    names = [name.strip() for name in backend.split(",") if name.strip()]
    for name in names:
        if name not in BACKENDS:
            raise unknown("backend", name, BACKENDS)
    sizes = Sizes(cell, units, steps, batch, features, layers)
    limit = amount(memory_limit) if memory_limit else NO_LIMIT
    console = Console(stderr=True)
    with console.status("starting") as status:
        answer = recommend_sizes(
            sizes, names, budget=seconds(budget), memory_limit_bytes=limit, fresh=fresh, show=status.update
        )
    reference = f"{answer.candidates[0].name} on {answer.candidates[0].backend}"
    print_table(f"times over those of {reference}; measured in {answer.seconds:.0f} s", COLUMNS, answer.table())
    for line in answer.left_out():
        typer.echo(f"not measured: {line}")
    typer.echo(str(answer))
