"""The `zoo` command. What lists and shows imports no Keras: it is there in well under a second."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import rich.box
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

import zoo
from zoo.cli.catalogue import executions, options, page, sizes, step
from zoo.cli.command import run
from zoo.cli.generate import app as generate_app
from zoo.cli.tables import app as tables_app
from zoo.create import require_fit
from zoo.errors import ZooError, unknown
from zoo.execution import BACKENDS
from zoo.pretrained import PRETRAINED, cards, in_words
from zoo.training.folder import prepare_folder, train_and_keep

app = typer.Typer(
    help="A zoo of recurrent Keras models.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
app.add_typer(generate_app, name="generate")
app.add_typer(tables_app)
Pattern = Annotated[str, typer.Argument(help="Shell-style wildcard, in quotes.")]
EntryName = Annotated[str, typer.Argument(metavar="ENTRY", help="zoo list shows all of them.")]


def _print(title: str, columns: list[str], rows: list[list[str]]) -> None:
    table = Table(title=title, title_justify="left", box=rich.box.SIMPLE_HEAD)
    for column in columns:
        table.add_column(column, no_wrap=column == columns[0])
    for row in rows:
        table.add_row(*map(escape, row))
    Console().print(table)


@app.command("list", epilog='Examples: [bold]zoo list[/bold], [bold]zoo list "*rnn*"[/bold]')
def list_entries(pattern: Pattern = "*") -> None:
    """The entries: architectures that `zoo.create_model` makes."""
    names = zoo.list_models(pattern)
    if not names:
        raise unknown("entry", pattern, zoo.list_models(), "zoo list shows all")
    entries = [zoo.get_entry(name) for name in names]
    rows = [[entry.name, str(entry.year), entry.summary] for entry in entries]
    _print(f"{len(names)} of {len(zoo.list_models())} entries", ["entry", "year", "what it is"], rows)


@app.command("tasks", epilog="Example: [bold]zoo tasks[/bold]")
def list_tasks() -> None:
    """The tasks: what an entry can be trained on and timed with."""
    tasks = [zoo.get_task(name) for name in zoo.list_tasks()]
    rows = [
        [
            task.name,
            task.topology,
            f"{task.steps}{' or any' if task.any_steps else ''}",
            step(task),
            task.metric,
            task.summary,
        ]
        for task in tasks
    ]
    _print(f"{len(tasks)} tasks", ["task", "topology", "steps", "a step is", "metric", "what is asked"], rows)


@app.command("show", epilog="Examples: [bold]zoo show lstm[/bold], [bold]zoo show encoder_decoder[/bold]")
def show(name: EntryName) -> None:
    """An entry: its equations and paper, what can be chosen, the tasks that it fits, trained weights, how it runs."""
    entry = zoo.get_entry(name)
    out = Console(highlight=False)
    out.print(f"[bold]{entry.name}[/bold]  {escape(entry.summary)}\n")
    out.print(escape(entry.equations) + "\n")
    out.print(f"paper    {entry.year}: {escape(entry.paper)}")
    out.print(f"options  {escape(', '.join(options(entry)))}")
    for card in (card for card in cards() if card["entry"] == name):
        out.print(f"trained  {escape(in_words(card))}")
    _print("tasks that it fits", ["task", "units", "reads"], sizes(entry))
    reasons: dict[str, int] = {}
    rows = [
        [execution, *(each if each == "yes" else f"no ({reasons.setdefault(each, len(reasons) + 1)})" for each in said)]
        for execution, *said in executions(entry)
    ]
    _print("how it runs", ["execution", *BACKENDS], rows)
    for reason, number in reasons.items():
        out.print(f"({number}) {escape(reason)}")


@app.command("catalogue", epilog="Example: [bold]zoo catalogue > docs/zoo.md[/bold]")
def catalogue() -> None:
    """Every entry and every task as one page of Markdown."""
    typer.echo(page(), nl=False)


@app.command(
    "train",
    epilog="Examples: [bold]zoo train lstm --task digits_rows[/bold], "
    "[bold]zoo train gru --task wave --recipe book --seed 1 --out runs/gru[/bold]. "
    "The environment variable KERAS_BACKEND chooses the backend.",
)
def train(
    name: EntryName,
    task: Annotated[str, typer.Option(help="zoo tasks shows all of them.")],
    recipe: Annotated[str, typer.Option(help="Of the task; its first one by default.")] = "",
    seed: Annotated[
        int, typer.Option(min=0, max=2**32 - 1, help="Of the data, the initial weights and the order.")
    ] = 0,
    epochs: Annotated[int | None, typer.Option(min=1, help="Instead of the recipe's.", show_default=False)] = None,
    units: Annotated[int | None, typer.Option(min=1, help="Instead of the task's.", show_default=False)] = None,
    execution: Annotated[str, typer.Option(help="How the time loop runs.")] = "looped",
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Default: runs/ENTRY-TASK-seedN.", show_default=False)
    ] = None,
) -> None:
    """Train an entry on a task; keep the model of the best epoch, its weights, its history and a card.

    Ctrl-C ends the training and keeps the best so far.
    """
    target = zoo.get_task(task)
    require_fit(name, target)
    how, chosen = zoo.Execution.parse(execution), target.recipe(recipe)
    if epochs is not None:
        chosen = dataclasses.replace(chosen, epochs=epochs)
    refused = chosen.options.keys() - zoo.get_entry(name).options()
    if refused:
        raise ZooError(f"recipe {chosen.name} of task {task} sets {', '.join(refused)}, which entry {name} has not")
    data = target.load(seed=seed)
    import keras

    keras.utils.set_random_seed(seed)
    size = units or target.units
    model = zoo.create_model(name, task, how, units=size, **chosen.options)
    folder = out or Path("runs") / f"{name}-{task}-seed{seed}"
    prepare_folder(folder)
    done = train_and_keep(model, target, chosen, data, units=size, seed=seed, folder=folder)
    for split, score in done.scores.items():
        naive = ", ".join(f"{what} {guess(data, data.tests[split]):.4g}" for what, guess in target.naive.items())
        typer.echo(f"{target.metric} on {split}: {score:.4g} (naive: {naive})")
    if done.stopped:
        typer.echo(f"stopped after {done.epochs} of {chosen.epochs} epochs; the best of them is kept")
    typer.echo(f"model, weights, history and card: {done.folder}")
    if done.stopped:
        raise typer.Exit(130)


@app.command(
    "export",
    epilog="Examples: [bold]zoo export lstm --task mnist_rows --to lstm.onnx[/bold], "
    "[bold]zoo export gru --task wave --weights mine.safetensors --masked --to gru.onnx[/bold].",
)
def export_model(
    name: EntryName,
    task: Annotated[str, typer.Option(help="zoo tasks shows all of them.")],
    to: Annotated[Path, typer.Option(metavar="FILE.onnx", help="Where the model goes.")],
    weights: Annotated[
        str,
        typer.Option(metavar="FILE", help="Of zoo.save_weights; published ones where there are.", show_default=False),
    ] = "",
    units: Annotated[int | None, typer.Option(min=1, help="Instead of the task's.", show_default=False)] = None,
    masked: Annotated[bool, typer.Option("--masked", help="Sequences may end early, filled up with padding.")] = False,
) -> None:
    """Write a model as an ONNX file, once its numbers were held against Keras'."""
    from zoo.export import export, require_onnx

    require_fit(name, zoo.get_task(task))
    if to.suffix != ".onnx":
        raise ZooError(f"--to is a file that ends in .onnx, not {to}")
    require_onnx()
    published = any((card["entry"], card["task"]) == (name, task) for card in cards())
    source = weights or (PRETRAINED if published and units is None else None)
    model = zoo.create_model(name, task, units=units, masked=masked, weights=source)
    target = dataclasses.replace(zoo.get_task(task), masked=masked or zoo.get_task(task).masked)
    worst = export(model, target, to)
    told = {PRETRAINED: "published weights", None: "initial weights: none are published, see --weights"}
    typer.echo(f"{to}: {told.get(source, source)}; differs from Keras by {worst:.1e} at most")


def main() -> None:
    """Run the command."""
    run(app, "zoo")


if __name__ == "__main__":
    main()
