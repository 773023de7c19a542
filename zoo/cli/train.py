"""`zoo train`: trains an entry on a task and writes the folder of the run."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from zoo.cli.command import EntryName, TaskName, Units, make_app
from zoo.create import create_model, require_fit, require_keras
from zoo.data import Data
from zoo.errors import ZooError
from zoo.execution import Execution
from zoo.registry import TASKS, Entry, Recipe, Task
from zoo.training.devices import require_devices
from zoo.training.folder import Run, prepare_folder, require_free, train_and_keep

app = make_app()


@app.command(
    "train",
    epilog="Examples: [bold]zoo train lstm --task digits_rows[/bold], "
    "[bold]zoo train gru --task wave --recipe book --seed 1 --out runs/gru[/bold]. "
    "The environment variable KERAS_BACKEND chooses the backend.",
)
def train(
    name: EntryName,
    task: TaskName,
    *,
    recipe: Annotated[str, typer.Option(help="A recipe of the task; its first one by default.")] = "",
    seed: Annotated[
        int, typer.Option(min=0, max=2**32 - 1, help="Seed of the data, the initial weights and the order.")
    ] = 0,
    epochs: Annotated[int | None, typer.Option(min=1, help="Instead of the recipe's.", show_default=False)] = None,
    units: Units = None,
    execution: Annotated[str, typer.Option(help="How the time loop runs; see zoo show ENTRY.")] = "looped",
    devices: Annotated[int, typer.Option(min=1, help="Of this machine that share each batch, on JAX.")] = 1,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Default: runs/ENTRY-TASK-seedN.", show_default=False)
    ] = None,
) -> None:
    """Train an entry on a task; write the model of the best epoch, its weights, history and card.

    Ctrl-C ends the training; the best model so far is written.
    """
    target = TASKS.get(task)
    entry = require_fit(name, target)
    how, chosen = Execution.parse(execution), _recipe(entry, target, recipe, epochs)
    folder = out or Path("runs") / f"{name}-{task}-seed{seed}"
    require_free(folder)
    data = target.load(seed=seed)
    require_keras()
    import keras

    require_devices(devices, chosen)
    keras.utils.set_random_seed(seed)
    size = units or target.units
    model = create_model(name, task, how, units=size, **chosen.options)
    with prepare_folder(folder):
        done = train_and_keep(model, target, chosen, data, units=size, seed=seed, folder=folder, devices=devices)
    _report(done, target, chosen, data)


def _recipe(entry: Entry, task: Task, name: str, epochs: int | None) -> Recipe:
    """The recipe called `name`, with another number of epochs if one is given.

    Raises:
        ZooError: it sets an option that the entry does not have.
    """
    recipe = task.recipe(name)
    missing = recipe.options.keys() - entry.options()
    if missing:
        raise ZooError(
            f"recipe {recipe.name} of task {task.name} sets {', '.join(missing)}, "
            f"and entry {entry.name} has no such option"
        )
    return recipe if epochs is None else dataclasses.replace(recipe, epochs=epochs)


def _report(done: Run, task: Task, recipe: Recipe, data: Data) -> None:
    """Print the scores beside the naive ones, and the folder; exit code 130 after Ctrl-C."""
    for split, score in done.scores.items():
        naive = ", ".join(f"{what} {guess(data, data.tests[split]):.4g}" for what, guess in task.naive.items())
        typer.echo(f"{task.metric} on {split}: {score:.4g} (naive: {naive})")
    if done.diverged:
        typer.echo(
            f"the loss of epoch {done.epochs - 1} (from 0) is no finite number; the best epoch before it is kept"
        )
    if done.stopped:
        kept = "the best of them is kept" if done.epochs else "the weights of the unfinished epoch are kept"
        typer.echo(f"stopped after {done.epochs} of {recipe.epochs} epochs; {kept}")
    typer.echo(f"model, weights, history and card: {done.folder}")
    if done.stopped:
        raise typer.Exit(130)
