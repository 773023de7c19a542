"""The whole registry as a page: docs/zoo.md is what `zoo catalogue` prints."""

from __future__ import annotations

import inspect
from collections.abc import Iterable

from zoo.execution import BACKENDS, EXECUTIONS
from zoo.registry import MODELS, TASKS, TOPOLOGIES, Entry, Task

HEAD = """\
# The zoo

Written by `zoo catalogue > docs/zoo.md` from the registry: every entry with its equations, every task with its data.
Axes are (batch, steps, features); x(t) is the input of a step, ⊙ the product of elements, σ the logistic function.
"""


def options(entry: Entry) -> list[str]:
    """What can be chosen of an entry, with its default: "units=the task's", "rate=0.5"."""
    parameters = inspect.signature(entry.build).parameters
    return [
        "units=the task's",
        *(f"{name}={parameters[name].default!r}" for name in entry.options() if name != "units"),
    ]


def executions() -> list[list[str]]:
    """Of every execution what each backend says to it: "yes", or why not."""
    return [
        [str(execution), *(execution.problem(backend) or "yes" for backend in BACKENDS)] for execution in EXECUTIONS
    ]


def fitting(entry: Entry) -> list[str]:
    """The tasks that an entry can be trained on."""
    return [task.name for task in TASKS if entry.fits(task)]


def step(task: Task) -> str:
    """What one step of a task's input is, in words."""
    return f"1 of {task.tokens} tokens" if task.tokens else f"{task.features} feature{'s' * (task.features != 1)}"


def page() -> str:
    """The catalogue as Markdown."""
    parts = [HEAD, "## Entries\n", *_entries(), "## How they run\n", _table(["execution", *BACKENDS], executions())]
    return "\n".join([*parts, "## Tasks\n", *_tasks()])


def _entries() -> Iterable[str]:
    families = dict.fromkeys(entry.build.__module__ for entry in MODELS)
    for family in families:
        members = [entry for entry in MODELS if entry.build.__module__ == family]
        module = inspect.getmodule(members[0].build)
        yield f"### {family.rpartition('.')[2]}\n\n{inspect.getdoc(module)}\n"
        for entry in members:
            yield f"#### {entry.name}\n\n{entry.summary}\n\n```text\n{entry.equations}\n```\n"
            yield f"- {entry.paper}, {entry.year}\n- options: {', '.join(options(entry))}"
            yield f"- tasks: {', '.join(fitting(entry))}\n"


def _tasks() -> Iterable[str]:
    for topology in TOPOLOGIES:
        tasks = [task for task in TASKS if task.topology == topology]
        rows = [
            [
                task.name,
                task.summary,
                f"{task.steps}{' or any' if task.any_steps else ''} × {step(task)}",
                task.metric,
                ", ".join(task.naive),
                f"{task.source} ({task.licence})",
            ]
            for task in tasks
        ]
        yield f"### {topology}\n"
        yield _table(["task", "what is asked", "input", "metric", "naive guesses", "source"], rows)


def _table(columns: list[str], rows: list[list[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
