"""The whole registry as a page: docs/zoo.md is what `zoo catalogue` prints."""

from __future__ import annotations

import inspect
from collections.abc import Iterable

from zoo.execution import BACKENDS, EXECUTIONS, Execution
from zoo.registry import ENCODER_DECODER, MODELS, TASKS, TOPOLOGIES, VECTOR_TO_SEQUENCE, Entry, Task

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


FUSED_CELLS = ("simple_rnn", "relu_rnn", "lstm", "gru")
LINEAR_CELLS = ("min_gru", "min_lstm", "lru")
DROP_INSIDE = ("state_dropout", "recurrent_dropout", "recurrent_dropout_lstm")
"""Entries whose dropout is inside the time loop."""
HOW = (
    f"`fused` is for cells {', '.join(FUSED_CELLS)} without a mask or dropout inside the loop, `parallel` for "
    f"{', '.join(LINEAR_CELLS)}: `zoo show` tells what each entry can.\n"
)


def problem(entry: Entry, execution: Execution) -> str:
    """Why the entry cannot run so on any backend, in words; empty where it can on some."""
    if execution.is_stock and not entry.stock:
        return f"Keras has no layer of {entry.cell}"
    if execution.loop == "parallel" and entry.cell not in LINEAR_CELLS:
        return f"{entry.cell} is not linear in its state"
    if execution.loop == "fused":
        if entry.cell not in FUSED_CELLS:
            return f"no kernel computes {entry.cell}"
        if entry.name in DROP_INSIDE:
            return "no kernel has dropout inside the loop"
        if ENCODER_DECODER in entry.topologies:
            return "the kernel takes no mask"
    return ""


def executions(entry: Entry | None = None) -> list[list[str]]:
    """Of every execution what each backend says to it, for an entry if one is given: "yes", or why not."""
    return [
        [
            str(execution),
            *((entry and problem(entry, execution)) or execution.problem(backend) or "yes" for backend in BACKENDS),
        ]
        for execution in EXECUTIONS
    ]


def fitting(entry: Entry) -> list[str]:
    """The tasks that an entry can be trained on."""
    return [task.name for task in TASKS if entry.fits(task)]


def step(task: Task) -> str:
    """What one step of a task's input is, in words."""
    return f"1 of {task.tokens} tokens" if task.tokens else f"{task.features} feature{'s' * (task.features != 1)}"


def read(task: Task) -> str:
    """A task's whole input: "20 or any × 1 feature"; a vector has one step, whatever comes of it."""
    if task.topology == VECTOR_TO_SEQUENCE:
        return f"{step(task)} → {task.steps} steps"
    return f"{task.steps}{' or any' if task.any_steps else ''} × {step(task)}"


def sizes(entry: Entry) -> list[list[str]]:
    """Each task that an entry can be trained on, how many units it has there unless others are asked for, and what it
    reads.
    """
    return [[task.name, str(task.units), read(task)] for task in TASKS if entry.fits(task)]


def page() -> str:
    """The catalogue as Markdown."""
    parts = [
        HEAD,
        "## Entries\n",
        *_entries(),
        "## How they run\n",
        HOW,
        _table(["execution", *BACKENDS], executions()),
    ]
    return "\n".join([*parts, "## Tasks\n", *_tasks()])


def _entries() -> Iterable[str]:
    families = dict.fromkeys(entry.build.__module__ for entry in MODELS)
    for family in families:
        members = [entry for entry in MODELS if entry.build.__module__ == family]
        module = inspect.getmodule(members[0].build)
        yield f"### {family.rpartition('.')[2]}\n\n{inspect.getdoc(module)}\n"
        for entry in members:
            yield f"#### {entry.name}\n\n{entry.summary}\n\n```text\n{entry.equations}\n```\n"
            yield f"- {entry.year}: {entry.paper}\n- options: {', '.join(options(entry))}"
            yield f"- tasks: {', '.join(fitting(entry))}\n"


def _tasks() -> Iterable[str]:
    for topology in TOPOLOGIES:
        tasks = [task for task in TASKS if task.topology == topology]
        rows = [
            [
                task.name,
                task.summary,
                read(task),
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
