"""`zoo export`: writes a model as an ONNX file."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from zoo.cli.command import Units, make_app
from zoo.create import create_model, require_fit, require_keras
from zoo.errors import ZooError
from zoo.pretrained import PRETRAINED, cards
from zoo.registry import TASKS

app = make_app()


@app.command(
    "export",
    epilog="Examples: [bold]zoo export lstm --task mnist_rows --to lstm.onnx[/bold], "
    "[bold]zoo export gru --task wave --weights mine.safetensors --masked --to gru.onnx[/bold], "
    "[bold]zoo export my_model.keras --to my_model.onnx[/bold].",
)
def export_model(
    name: Annotated[str, typer.Argument(metavar="ENTRY|FILE.keras", help="An entry, or a saved model of your own.")],
    to: Annotated[Path, typer.Option(metavar="FILE.onnx", help="The file to write.")],
    task: Annotated[str, typer.Option("--task", metavar="TASK", help="Of an entry: a task; see zoo tasks.")] = "",
    weights: Annotated[
        str,
        typer.Option(metavar="FILE", help="A file of zoo.save_weights. Default: published weights, if there are any."),
    ] = "",
    units: Units = None,
    masked: Annotated[bool, typer.Option("--masked", help="Sequences may end early, padded on the right.")] = False,
) -> None:
    """Write a model as an ONNX file; its outputs are compared with those of Keras first."""
    from zoo.onnx import require_onnx

    if to.suffix != ".onnx":
        raise ZooError(f"--to must be a file that ends in .onnx, not {to}")
    own = name.endswith(".keras")
    if own and (task or weights or units or masked):
        raise ZooError(f"--task, --weights, --units and --masked are for an entry: {name} has all of these")
    if not own and not task:
        raise ZooError(
            f"which task is {name} for? Give --task; zoo tasks lists them. A model of your own ends in .keras"
        )
    if not own:
        require_fit(name, TASKS.get(task))
    require_onnx()
    require_keras()
    worst, origin = _own(name, to) if own else _entry(name, task, weights, units, masked, to)
    typer.echo(f"{to}: {origin}; differs from Keras by {worst:.1e} at most")


def _own(name: str, to: Path) -> tuple[float, str]:
    """Export a saved model: the largest difference from Keras, and where its weights are from."""
    from zoo.onnx.own import export
    from zoo.saving import load_model

    return export(load_model(name), to), f"weights of {name}"


def _entry(name: str, task: str, weights: str, units: int | None, masked: bool, to: Path) -> tuple[float, str]:
    """The same of an entry of the zoo."""
    from zoo.onnx import export_entry

    target = TASKS.get(task)
    published = any((card["entry"], card["task"]) == (name, task) for card in cards())
    source = weights or (PRETRAINED if published and units is None else None)
    model = create_model(name, task, units=units, masked=masked, weights=source)
    worst = export_entry(model, dataclasses.replace(target, masked=masked or target.masked), to)
    origins = {PRETRAINED: "published weights", None: "initial weights; --weights loads others"}
    return worst, origins.get(source) or str(source)
