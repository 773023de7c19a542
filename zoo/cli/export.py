"""`zoo export`: writes a model as an ONNX file."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from zoo.cli.command import EntryName, TaskName, Units, make_app
from zoo.create import create_model, require_fit, require_keras
from zoo.errors import ZooError
from zoo.pretrained import PRETRAINED, cards
from zoo.registry import TASKS

app = make_app()


@app.command(
    "export",
    epilog="Examples: [bold]zoo export lstm --task mnist_rows --to lstm.onnx[/bold], "
    "[bold]zoo export gru --task wave --weights mine.safetensors --masked --to gru.onnx[/bold].",
)
def export_model(
    name: EntryName,
    task: TaskName,
    to: Annotated[Path, typer.Option(metavar="FILE.onnx", help="The file to write.")],
    weights: Annotated[
        str,
        typer.Option(metavar="FILE", help="A file of zoo.save_weights. Default: published weights, if there are any."),
    ] = "",
    units: Units = None,
    masked: Annotated[bool, typer.Option("--masked", help="Sequences may end early, padded on the right.")] = False,
) -> None:
    """Write a model as an ONNX file; its outputs are compared with those of Keras first."""
    from zoo.export import export, require_onnx

    target = TASKS.get(task)
    require_fit(name, target)
    if to.suffix != ".onnx":
        raise ZooError(f"--to must be a file that ends in .onnx, not {to}")
    require_onnx()
    require_keras()
    published = any((card["entry"], card["task"]) == (name, task) for card in cards())
    source = weights or (PRETRAINED if published and units is None else None)
    model = create_model(name, task, units=units, masked=masked, weights=source)
    worst = export(model, dataclasses.replace(target, masked=masked or target.masked), to)
    origin = {PRETRAINED: "published weights", None: "initial weights; --weights loads others"}.get(source, source)
    typer.echo(f"{to}: {origin}; differs from Keras by {worst:.1e} at most")
