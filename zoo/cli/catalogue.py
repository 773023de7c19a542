"""`zoo catalogue`: the whole registry as a page, docs/zoo.md."""

from __future__ import annotations

import inspect
from collections.abc import Iterable

import typer

from zoo.cli.command import make_app
from zoo.execution import BACKENDS, EXECUTIONS, FUSED
from zoo.pretrained import cards
from zoo.registry import MODELS, TASKS, TOPOLOGIES, VECTOR_TO_SEQUENCE, Entry, Recipe, Task

app = make_app()

HEAD = """\
# The zoo

Written by `zoo catalogue > docs/zoo.md` from the registry: every entry with its equations, every task with its data.
Axes are (batch, steps, features); x(t) is the input of a step, ⊙ the product of elements, σ the logistic function.
"""


@app.command("catalogue", epilog="Example: [bold]zoo catalogue > docs/zoo.md[/bold]")
def catalogue() -> None:
    """Print every entry and every task as one page of Markdown."""
    typer.echo(page(), nl=False)


def options(entry: Entry) -> list[str]:
    """The options of an entry with their defaults: "units=the task's", "rate=0.5"."""
    parameters = inspect.signature(entry.build).parameters
    return [
        "units=the task's",
        *(f"{name}={parameters[name].default!r}" for name in entry.options() if name != "units"),
    ]


def executions(entry: Entry | None = None) -> list[list[str]]:
    """A row an execution: its name, then for each backend, on a CPU, "yes" or why not; of an entry if one is given."""
    layer = entry.stock if entry else ""
    rows = []
    for execution in EXECUTIONS:
        refused = entry.problem(execution) if entry else ""
        problems = (refused or execution.problem(backend, "cpu", layer) for backend in BACKENDS)
        rows.append([str(execution), *(problem or "yes" for problem in problems)])
    return rows


def fitting(entry: Entry) -> list[str]:
    """The names of the tasks that an entry fits."""
    return [task.name for task in TASKS if entry.fits(task)]


def one_step(task: Task) -> str:
    """One step of a task's input in words: "1 feature", "1 of 5000 tokens"."""
    return f"1 of {task.tokens} tokens" if task.tokens else f"{task.features} feature{'s' * (task.features != 1)}"


def whole_input(task: Task) -> str:
    """The input of a task in words: "20 or any × 1 feature"; a vector is one step."""
    if task.topology == VECTOR_TO_SEQUENCE:
        return f"{one_step(task)} → {task.steps} steps"
    return f"{task.steps}{' or any' if task.any_steps else ''} × {one_step(task)}"


def sizes(entry: Entry) -> list[list[str]]:
    """A row a task that the entry fits: its name, the default units, the input."""
    return [[task.name, str(task.units), whole_input(task)] for task in TASKS if entry.fits(task)]


def recipe_in_words(recipe: Recipe) -> str:
    """How a recipe trains: "15 epochs, batch 50, adam up to 0.003 (warm-up, cosine), gradient norm at most 1"."""
    of_batches = f" of {recipe.iterations} batches" if recipe.iterations else ""
    words = [f"{recipe.epochs} epoch{'s' * (recipe.epochs != 1)}{of_batches}", f"batch {recipe.batch}"]
    rate = (
        f"up to {recipe.learning_rate:g} (warm-up, cosine)"
        if recipe.schedule == "cosine"
        else f"{recipe.learning_rate:g}"
    )
    momentum = f", Nesterov momentum {recipe.momentum:g}" if recipe.momentum is not None else ""
    words.append(f"{recipe.optimizer} {rate}{momentum}")
    if recipe.clip_norm is not None:
        words.append(f"gradient norm at most {recipe.clip_norm:g}")
    if recipe.truncate is not None:
        words.append(f"gradients go back {recipe.truncate} steps")
    if recipe.loss_steps == "last":
        words.append("loss of the last step")
    elif isinstance(recipe.loss_steps, tuple):
        first, end = recipe.loss_steps
        words.append(f"loss of steps {first + 1} to {end}")
    elif isinstance(recipe.loss_steps, slice):
        words.append(f"loss of the steps of {recipe.loss_steps}")
    return ", ".join([*words, *(f"{name}={value!r}" for name, value in recipe.options.items())])


def recipes(task: Task) -> list[list[str]]:
    """A row a recipe of a task, the default one first: its name, how it trains."""
    return [[recipe.name, recipe_in_words(recipe)] for recipe in task.recipes]


def page() -> str:
    """The catalogue as Markdown."""
    parts = [
        HEAD,
        "## Entries\n",
        *_entries(),
        "## How they run\n",
        _capabilities(),
        _table(["execution", *BACKENDS], executions()),
    ]
    return "\n".join([*parts, "## Tasks\n", *_tasks()])


def _capabilities() -> str:
    """Which cells `fused` and `parallel` are for."""
    linear = ", ".join(sorted({entry.cell for entry in MODELS if entry.linear}))
    by_backend = [
        f"{', '.join(FUSED[backend, 'cpu'])} on {backend}" for backend in BACKENDS if (backend, "cpu") in FUSED
    ]
    return (
        "The table is for a CPU, and for an LSTM where cells differ. There `fused` runs "
        f"{'; '.join(by_backend)}, without recurrent dropout. `parallel` is for the cells {linear}. "
        "`zoo show` lists how each entry runs.\n"
    )


def _entries() -> Iterable[str]:
    published = cards()
    families = dict.fromkeys(entry.build.__module__ for entry in MODELS)
    for family in families:
        members = [entry for entry in MODELS if entry.build.__module__ == family]
        module = inspect.getmodule(members[0].build)
        yield f"### {family.rpartition('.')[2]}\n\n{inspect.getdoc(module)}\n"
        for entry in members:
            yield f"#### {entry.name}\n\n{entry.summary}\n\n```text\n{entry.equations}\n```\n"
            yield f"- {entry.year}: {entry.paper}\n- options: {', '.join(options(entry))}"
            yield f"- tasks: {', '.join(fitting(entry))}"
            trained = [
                f"{card['task']} ({card['recipe']['name']})" for card in published if card["entry"] == entry.name
            ]
            yield f"- published weights: {', '.join(trained) or 'none'}\n"


def _tasks() -> Iterable[str]:
    for topology in TOPOLOGIES:
        tasks = [task for task in TASKS if task.topology == topology]
        rows = [
            [
                task.name,
                task.summary,
                whole_input(task),
                task.metric,
                ", ".join(task.naive),
                f"{task.source} ({task.licence})",
            ]
            for task in tasks
        ]
        yield f"### {topology}\n"
        yield _table(["task", "what is asked", "input", "metric", "naive guesses", "source"], rows)
        trained = [[task.name, str(task.units), *recipe] for task in tasks for recipe in recipes(task)]
        yield _table(["task", "units", "recipe", "how it trains"], trained)


def _table(columns: list[str], rows: list[list[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
